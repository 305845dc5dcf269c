"""Speech that was delayed, cut or changed in a known way is measured as that."""

from pathlib import Path

import numpy as np
import pytest

from agent import hearing
from agent.devices import read_sound
from agent.hearing import RATE, Comparison, Pcm, Utterance, utterances

CLIP = Path(hearing.__file__).parent / "clips" / "perempuan.flac"


@pytest.fixture(scope="module")
def spoken() -> Pcm:
    """About 15 s of speech with silence at both ends."""
    silence = np.zeros(RATE // 2, dtype=np.int16)
    return np.concatenate([silence, read_sound(CLIP)[: 19 * RATE], silence])


def later(sound: Pcm, delay_ms: float) -> Pcm:
    late = np.zeros(round(delay_ms * RATE / 1000), dtype=np.int16)
    return np.concatenate([late, sound])[: len(sound)]


def delays_ms(spoken: Pcm, heard: Pcm) -> list[list[float]]:
    both = Comparison(spoken, heard)
    return [
        [1000 * one / RATE for one in both.delays(utterance).delays]
        for utterance in utterances(spoken)
    ]


def gaps_ms(spoken: Pcm, heard: Pcm) -> list[float]:
    both = Comparison(spoken, heard)
    found = hearing.Gaps()
    for one in utterances(spoken):
        found.add(both.gaps(one, both.delays(one), 0))
    return [1000 * length for length in found.lengths_s]


def test_utterances_are_divided_at_pauses_and_whole(spoken: Pcm) -> None:
    found = utterances(spoken)
    assert len(found) == 4
    pauses = [b.begin - a.end for a, b in zip(found, found[1:], strict=False)]
    assert min(pauses) > 0.25 * RATE
    for one in found:
        assert np.abs(spoken[one.begin - 4800 : one.begin - 480]).max() < 500
        assert np.abs(spoken[one.begin : one.end]).max() > 5000
    half = (found[-1].begin + found[-1].end) // 2
    cut = utterances(spoken[(found[0].begin + found[0].end) // 2 : half])
    assert [one.end - one.begin for one in cut] == [
        pytest.approx(one.end - one.begin, abs=960) for one in found[1:-1]
    ]
    assert utterances(np.zeros(RATE, np.int16)) == []
    assert utterances(np.zeros(0, np.int16)) == []


def test_speech_without_pauses_is_cut_into_pieces_that_can_be_scored() -> None:
    noise = np.random.default_rng(1).normal(0, 3000, 50 * RATE).astype(np.int16)
    noise[:RATE] = noise[-RATE:] = 0
    pieces = utterances(noise)
    lengths_s = [(one.end - one.begin) / RATE for one in pieces]
    assert max(lengths_s) <= hearing.MAX_UTTERANCE_S + 0.1
    assert sum(lengths_s) == pytest.approx(48, abs=0.2)


@pytest.mark.parametrize("delay_ms", [0, 85, 400, 1900])
def test_a_delay_is_found(spoken: Pcm, delay_ms: float) -> None:
    noise = np.random.default_rng(2).normal(0, 100, len(spoken))
    heard = (later(spoken, delay_ms) * 0.5 + noise).astype(np.int16)
    found = delays_ms(spoken, heard)
    assert all(found), "an utterance was not found"
    for one in sum(found, []):
        assert one == pytest.approx(delay_ms, abs=1)


def test_a_delay_that_changes_within_an_utterance_is_seen(spoken: Pcm) -> None:
    one = max(utterances(spoken), key=lambda u: u.end - u.begin)
    middle = (one.begin + one.end) // 2
    grown = round(0.2 * RATE)
    heard = np.concatenate([spoken[:middle], np.zeros(grown, np.int16), spoken[middle:]])
    both = Comparison(spoken, heard)
    late = both.delays(one)
    for at, delay in zip(late.middles, late.delays, strict=True):
        if abs(at - middle) > hearing.WINDOW_S / 2 * RATE:
            assert delay == pytest.approx(0 if at < middle else grown, abs=48)
    assert {0, grown} <= set(late.delays)


def test_what_was_not_heard_is_not_found(spoken: Pcm) -> None:
    both = Comparison(spoken, np.zeros(len(spoken), np.int16))
    noise = np.random.default_rng(3).normal(0, 1000, len(spoken)).astype(np.int16)
    for compared in (both, Comparison(spoken, noise)):
        for one in utterances(spoken):
            assert compared.delays(one) == hearing.Delays(None, [], [])
    (one, *_others) = utterances(spoken)
    gaps = both.gaps(one, both.delays(one), 0)
    assert gaps.lost_s == pytest.approx(gaps.speech_s)


@pytest.mark.parametrize("hole_ms", [30, 40, 120])
def test_holes_are_counted_and_measured(spoken: Pcm, hole_ms: int) -> None:
    heard = spoken.copy()
    both = Comparison(spoken, spoken)
    wide = round(hole_ms * RATE / 1000)
    holes = 0
    for one in utterances(spoken):
        levels = hearing.levels_db(spoken[one.begin : one.end])
        lowest = np.lib.stride_tricks.sliding_window_view(levels, 40).min(axis=1)
        at = one.begin + int(lowest.argmax()) * 240 + 1200
        heard[at : at + wide] = 0
        holes += 1
    found = gaps_ms(spoken, later(heard, 150))
    assert len(found) == holes
    assert found == [pytest.approx(hole_ms, abs=10)] * holes
    assert both.gaps(Utterance(0, 480), hearing.Delays(0, [], []), 0).speech_s == 0


def test_pauses_noise_and_another_volume_are_no_gaps(spoken: Pcm) -> None:
    noise = np.random.default_rng(4).normal(0, 30, len(spoken))
    for heard in (spoken, spoken // 3, (spoken * 0.9 + noise).astype(np.int16)):
        assert gaps_ms(spoken, later(heard, 60)) == []


def test_sound_keeps_its_shape_at_another_rate() -> None:
    t = np.arange(RATE) / RATE
    low, high = (np.sin(2 * np.pi * f * t) * 8000 for f in (1000, 12_000))
    made = hearing.resampled((low + high).astype(np.int16), 16_000)
    spectrum = np.abs(np.fft.rfft(made[1000:9000].astype(float)))
    assert spectrum.argmax() == 500
    assert spectrum[1700:2300].max() < spectrum.max() / 1000, "12 kHz folded down to 4 kHz"
    assert len(hearing.resampled(np.zeros(0, np.int16), 16_000)) == 0
