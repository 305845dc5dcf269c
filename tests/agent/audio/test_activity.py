"""Speech and its pauses, frame by frame."""

import math

import numpy as np
import pytest

from agent.audio.activity import (
    NOISE_WINDOW_FRAMES,
    PAUSE_FRAMES,
    SAMPLES,
    VoiceActivity,
)
from agent.audio.mixer import Wave

RNG = np.random.default_rng(1)


def frame(rms: float) -> Wave:
    """Noise of that loudness, in sample units."""
    return (RNG.standard_normal(SAMPLES) * rms / 32768).astype(np.float32)


def after(*frames: tuple[int, float]) -> VoiceActivity:
    """Having heard so many frames of each loudness."""
    activity = VoiceActivity()
    for count, rms in frames:
        for _ in range(count):
            activity.push(frame(rms))
    return activity


def test_nobody_speaks_before_anything_is_heard() -> None:
    assert VoiceActivity().in_pause
    assert VoiceActivity().noise_rms == 0.0


def test_speech_begins_at_once_and_a_pause_after_some_quiet_frames() -> None:
    assert not after((50, 20), (1, 3000)).in_pause
    assert not after((50, 20), (50, 3000), (PAUSE_FRAMES - 1, 20)).in_pause
    assert after((50, 20), (50, 3000), (PAUSE_FRAMES, 20)).in_pause


def test_in_a_loud_room_a_pause_is_what_is_hardly_above_its_noise() -> None:
    assert after((20, 150), (50, 3000), (PAUSE_FRAMES, 200)).in_pause
    assert not after((20, 150), (50, 3000), (PAUSE_FRAMES, 900)).in_pause


def test_the_noise_is_the_softest_of_the_last_three_seconds() -> None:
    quiet = after((1, 10), (NOISE_WINDOW_FRAMES - 1, 1000)).noise_db
    assert quiet == pytest.approx(20 * math.log10(10 / 32768), abs=1)
    forgotten = after((1, 10), (NOISE_WINDOW_FRAMES, 1000)).noise_db
    assert forgotten == pytest.approx(20 * math.log10(1000 / 32768), abs=1)


def test_the_noise_of_the_room_is_far_below_the_speech() -> None:
    activity = after((100, 2000))
    assert 0 < activity.noise_rms <= 10 ** ((activity.peak_db - 45) / 20) * 1.001


def test_the_mean_square_of_a_frame() -> None:
    assert VoiceActivity().push(np.full(SAMPLES, -0.3, dtype=np.float32)) == pytest.approx(0.09)
    assert VoiceActivity().push(np.zeros(SAMPLES, dtype=np.float32)) == 0.0
