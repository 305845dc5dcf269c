"""The known voices are told apart."""

import numpy as np
import pytest

from agent import voice
from agent.audio import opus


def test_each_site_has_a_tone_of_its_own_and_neighbours_are_far() -> None:
    tones = [voice.frequency(site) for site in range(voice.SITES)]
    assert len(set(tones)) == 64
    tones.sort()
    assert min(b - a for a, b in zip(tones, tones[1:], strict=False)) == 100
    with pytest.raises(ValueError, match="0 to 63"):
        voice.frequency(64)


def test_the_waveform_goes_on_across_its_period() -> None:
    begin = voice.PERIOD_SAMPLES - 500
    whole = voice.waveform(3, begin, 1000)
    parts = np.concatenate([voice.waveform(3, begin, 700), voice.waveform(3, begin + 700, 300)])
    assert (whole == parts).all()
    assert np.abs(np.diff(whole.astype(int))).max() < 2000, "no click"
    assert voice.pattern(3).min() > 0.4, "never silent"


def test_only_who_speaks_is_heard() -> None:
    sites = list(range(32))
    mix = voice.waveform(4, 0, 48_000).astype(np.int32) + voice.waveform(5, 0, 48_000)
    measured = voice.levels((mix // 2).astype(np.int16), sites)
    for site in sites:
        level = measured.values[site].mean()
        assert level == pytest.approx(0.5, abs=0.15) if site in (4, 5) else level < 0.01, site


@pytest.mark.parametrize("speaking", [(0,), (32,), (0, 32), (31, 32), (31, 63), (62, 63)])
@pytest.mark.parametrize("bitrate", [24_000, 12_000])
def test_high_numbers_mask_nobody_and_come_through_opus(
    speaking: tuple[int, ...], bitrate: int
) -> None:
    heard = np.zeros(48_000, np.int32)
    for site in speaking:
        encoder, decoder = opus.Encoder(bitrate), opus.Decoder()
        frames = [encoder.encode(voice.waveform(site, n * 960, 960)) for n in range(50)]
        heard += np.concatenate([decoder.decode(frame) for frame in frames])
    measured = voice.levels((heard // len(speaking)).astype(np.int16), list(range(64)))
    for site, values in measured.values.items():
        settled = values[20:]
        if site in speaking:
            assert settled.min() > 0.2, f"{site} is not heard throughout"
        else:
            assert settled.max() < 0.1, f"{site} is heard and does not speak"


def test_silence_and_noise_are_nobody() -> None:
    noise = np.random.default_rng(1).normal(0, 300, 48_000).astype(np.int16)
    for recording in (np.zeros(48_000, np.int16), noise):
        measured = voice.levels(recording, list(range(16)))
        assert max(values.max() for values in measured.values.values()) < 0.1
    assert voice.levels(np.zeros(100, np.int16), [1]).hops == 0
