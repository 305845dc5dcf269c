"""The mix never overloads, and levels are those of RFC 6464."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.audio.mixer import (
    FULL_SCALE,
    SAMPLES,
    SILENT,
    Mixer,
    Pcm,
    Wave,
    level_dbov,
    shortened,
)

PLACES = 4
LOUD = np.full(SAMPLES, 30_000 / FULL_SCALE, dtype=np.float32)
SILENCE = None


def mix(mixer: Mixer, frames: list[Wave | None], over_dbov: int = SILENT) -> Pcm:
    """The first place is the chair's."""
    return mixer.mix([*frames, *[None] * (PLACES - len(frames))], 0, over_dbov)


def heard(wave: Wave) -> Pcm:
    """As it sounds when nothing is changed."""
    return (FULL_SCALE * wave).astype(np.int16)


def test_one_speaker_passes_unchanged_and_nobody_is_silence() -> None:
    mixer = Mixer(PLACES)
    one = tone(8000, 1100)
    assert (mix(mixer, [SILENCE, one]) == heard(one)).all()
    assert not mix(mixer, []).any()


def test_what_lies_in_its_place_already_is_summed_and_what_is_silent_is_not() -> None:
    mixer = Mixer(PLACES)
    for place, amplitude in zip(mixer.places, (1000, 2000, 4000, 8000), strict=True):
        place[:] = amplitude / FULL_SCALE
    assert set(mixer.mix([mixer.places[0], None, mixer.places[2], None])) == {5000}
    assert set(mixer.mix([None, None, None, mixer.places[3]])) == {8000}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=PLACES), min_size=1, max_size=20))
def test_many_loud_speakers_never_wrap_around(schedule: list[list[int]]) -> None:
    mixer = Mixer(PLACES)
    for loudness in schedule:
        mixed = mix(mixer, [LOUD * step / 4 for step in loudness])
        assert mixed.dtype == np.int16 and mixed.shape == (SAMPLES,)
        assert (mixed >= 0).all(), "a positive sum that came out negative wrapped around"


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.integers(1, PLACES), min_size=1, max_size=10))
def test_a_mix_never_clips(seed: int, speakers: list[int]) -> None:
    """Also where a decoder goes beyond full scale."""
    rng, mixer = np.random.default_rng(seed), Mixer(PLACES)
    for count in speakers:
        scale = 1.5 * rng.random()
        frames = [rng.uniform(-scale, scale, SAMPLES).astype(np.float32) for _ in range(count)]
        mixed = mix(mixer, frames)
        assert np.abs(mixed.astype(int)).max() <= 32_000, "the limiter's work, not the clip's"


def test_the_limiter_lets_go_again() -> None:
    mixer = Mixer(PLACES)
    quiet = np.full(SAMPLES, 1000 / FULL_SCALE, dtype=np.float32)
    assert mix(mixer, [LOUD, LOUD]).max() <= 32_767
    assert mix(mixer, [quiet]).max() < 1000
    for _ in range(25):
        last = mix(mixer, [quiet])
    assert set(last) == {1000}


@pytest.mark.parametrize(
    ("amplitude", "level"), [(32_767, 3), (16_384, 9), (1638, 29), (2, 87), (0, 127)]
)
def test_levels_of_a_sine(amplitude: int, level: int) -> None:
    sine = np.round(amplitude * np.sin(2 * np.pi * 1000 * np.arange(SAMPLES) / 48_000))
    assert level_dbov(sine.astype(np.int16)) == pytest.approx(level, abs=1)


def tone(amplitude: int, hz: float) -> Wave:
    sine = np.round(amplitude * np.sin(2 * np.pi * hz * np.arange(SAMPLES) / 48_000))
    return (sine / FULL_SCALE).astype(np.float32)


def test_the_floor_is_softer_while_the_chair_speaks_and_comes_back() -> None:
    mixer = Mixer(PLACES)
    floor, chair = tone(8000, 400), tone(8000, 1000)
    assert (mix(mixer, [SILENCE, floor]) == heard(floor)).all()
    for _ in range(3):
        mixed = mix(mixer, [chair, floor], 15)
    spectrum = np.abs(np.fft.rfft(mixed.astype(float)))
    assert spectrum[8] == pytest.approx(0.5 * spectrum[20], rel=0.05), "bins of 50 Hz"
    sound = [mix(mixer, [SILENCE, floor]) for _ in range(60)]
    assert np.abs(sound[10]).max() == pytest.approx(4000, rel=0.01), "between two words"
    assert (sound[-1] == heard(floor)).all()


def test_ducking_makes_no_step() -> None:
    mixer = Mixer(PLACES)
    floor = np.full(SAMPLES, 8000 / FULL_SCALE, np.float32)
    chair = np.full(SAMPLES, 1000 / FULL_SCALE, np.float32)
    sound = [mix(mixer, [SILENCE, floor]), *(mix(mixer, [chair, floor], 30) for _ in range(9))]
    sound += [mix(mixer, [SILENCE, floor]) for _ in range(60)]
    whole = np.concatenate([frame.astype(int) for frame in sound])
    chair_joins = {SAMPLES - 1, 10 * SAMPLES - 1}
    steps = [i for i in np.flatnonzero(np.abs(np.diff(whole)) > 10) if i not in chair_joins]
    assert steps == [], "but where the test's chair itself comes and goes"


def test_the_chair_itself_is_never_softer() -> None:
    mixer = Mixer(PLACES)
    chair = tone(3000, 700)
    for _ in range(5):
        assert (mix(mixer, [chair], 24) == heard(chair)).all()
    soft, floor = tone(30, 700), tone(8000, 400)
    for _ in range(40):
        mixed = mix(mixer, [soft, floor], 64)
    whole = heard(soft).astype(int) + heard(floor)
    assert np.abs(mixed - whole).max() <= 1, "the noise of its room is no speech"


@pytest.mark.parametrize("by", [1, 100, 480, 864])
def test_a_shortened_frame_begins_and_ends_as_it_did(by: int) -> None:
    pcm = (3000 * np.sin(np.arange(960) / 15)).astype(np.int16)
    short = shortened(pcm, by)
    assert len(short) == 960 - by and short.dtype == np.int16
    assert short[-1] == pcm[-1] and (by > 700 or short[0] == pcm[0])
    assert np.abs(np.diff(short.astype(int))).max() <= 600, "no click"
