"""The mix never overloads, and levels are those of RFC 6464."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.audio.mixer import SAMPLES, Mixer, level_dbov, shortened

LOUD = np.full(SAMPLES, 30_000, dtype=np.int16)
SILENCE = np.zeros(SAMPLES, dtype=np.int16)


def test_one_speaker_passes_unchanged_and_nobody_is_silence() -> None:
    mixer = Mixer()
    tone = (8000 * np.sin(np.arange(SAMPLES) / 7)).astype(np.int16)
    assert (mixer.mix([SILENCE, tone]) == tone).all()
    assert not mixer.mix([]).any()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=4), min_size=1, max_size=20))
def test_many_loud_speakers_never_wrap_around(schedule: list[list[int]]) -> None:
    mixer = Mixer()
    for loudness in schedule:
        frames = [(LOUD.astype(np.int32) * step // 4).astype(np.int16) for step in loudness]
        mixed = mixer.mix(frames)
        assert mixed.dtype == np.int16 and mixed.shape == (SAMPLES,)
        assert (mixed >= 0).all(), "a positive sum that came out negative wrapped around"


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.integers(2, 4), min_size=1, max_size=10))
def test_a_mix_never_clips(seed: int, speakers: list[int]) -> None:
    rng, mixer = np.random.default_rng(seed), Mixer()
    for count in speakers:
        scale = rng.integers(1, 32_768)
        frames = [rng.integers(-scale, scale, SAMPLES).astype(np.int16) for _ in range(count)]
        mixed = mixer.mix(frames)
        assert np.abs(mixed.astype(int)).max() <= 32_000, "the limiter's work, not the clip's"


def test_the_limiter_lets_go_again() -> None:
    mixer = Mixer()
    quiet = np.full(SAMPLES, 1000, dtype=np.int16)
    assert mixer.mix([LOUD, LOUD]).max() <= 32_767
    assert mixer.mix([quiet]).max() < 1000
    for _ in range(25):
        last = mixer.mix([quiet])
    assert (last == quiet).all()


@pytest.mark.parametrize(
    ("amplitude", "level"), [(32_767, 3), (16_384, 9), (1638, 29), (2, 87), (0, 127)]
)
def test_levels_of_a_sine(amplitude: int, level: int) -> None:
    sine = np.round(amplitude * np.sin(2 * np.pi * 1000 * np.arange(SAMPLES) / 48_000))
    assert level_dbov(sine.astype(np.int16)) == pytest.approx(level, abs=1)


def tone(amplitude: int, hz: float) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(SAMPLES) / 48_000)).astype(np.int16)


def test_the_floor_is_softer_while_the_chair_speaks_and_comes_back() -> None:
    mixer = Mixer()
    floor, chair = tone(8000, 400), tone(8000, 1000)
    assert (mixer.mix([SILENCE, floor], over=SILENCE) == floor).all()
    for _ in range(3):
        mixed = mixer.mix([chair, floor], over=chair)
    spectrum = np.abs(np.fft.rfft(mixed.astype(float)))
    assert spectrum[8] == pytest.approx(0.5 * spectrum[20], rel=0.05), "bins of 50 Hz"
    heard = [mixer.mix([SILENCE, floor], over=SILENCE) for _ in range(60)]
    assert np.abs(heard[10]).max() == pytest.approx(4000, rel=0.01), "between two words"
    assert (heard[-1] == floor).all()


def test_ducking_makes_no_step() -> None:
    mixer = Mixer()
    floor, chair = np.full(SAMPLES, 8000, dtype=np.int16), np.full(SAMPLES, 1000, dtype=np.int16)
    sound = [mixer.mix([floor, frame], over=frame) for frame in (SILENCE, *[chair] * 9)]
    sound += [mixer.mix([floor, SILENCE], over=SILENCE) for _ in range(60)]
    whole = np.concatenate([frame.astype(int) for frame in sound])
    chair_joins = {SAMPLES - 1, 10 * SAMPLES - 1}
    steps = [i for i in np.flatnonzero(np.abs(np.diff(whole)) > 10) if i not in chair_joins]
    assert steps == [], "but where the test's chair itself comes and goes"


def test_the_chair_itself_is_never_softer() -> None:
    mixer = Mixer()
    chair = tone(3000, 700)
    for _ in range(5):
        assert (mixer.mix([chair], over=chair) == chair).all()
    soft = tone(30, 700)
    floor = tone(8000, 400)
    for _ in range(40):
        mixed = mixer.mix([soft, floor], over=soft)
    assert np.abs(mixed.astype(int) - soft - floor).max() <= 1, "the noise of its room is no speech"


@pytest.mark.parametrize("by", [1, 100, 480, 864])
def test_a_shortened_frame_begins_and_ends_as_it_did(by: int) -> None:
    pcm = (3000 * np.sin(np.arange(960) / 15)).astype(np.int16)
    short = shortened(pcm, by)
    assert len(short) == 960 - by and short.dtype == np.int16
    assert short[-1] == pcm[-1] and (by > 700 or short[0] == pcm[0])
    assert np.abs(np.diff(short.astype(int))).max() <= 600, "no click"
