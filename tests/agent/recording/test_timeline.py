"""Where a frame stands in time."""

import random

import pytest

from agent.recording.timeline import Timeline

RATE = 48_000


def test_frames_stand_as_far_apart_as_they_were_captured_however_they_arrive() -> None:
    chance = random.Random(4)
    line = Timeline(RATE)
    moments = [
        line.at(7, 1000 + n * 960, 50 + n * 0.02 + chance.uniform(0, 0.02)) for n in range(500)
    ]
    steps = [b - a for a, b in zip(moments, moments[1:], strict=False)]
    assert steps == pytest.approx([0.02] * 499)
    assert line.begins == 1


def test_the_line_is_laid_by_the_most_punctual_packets() -> None:
    line = Timeline(RATE)
    line.at(7, 0, 10.3)  # the first one waited in a queue
    assert line.at(7, 960, 10.02) == pytest.approx(10.02)
    assert line.at(7, 1920, 10.35) == pytest.approx(10.04)


def test_a_frame_that_was_asked_for_again_has_its_own_place() -> None:
    line = Timeline(RATE)
    line.at(7, 0, 10.0)
    line.at(7, 1920, 10.04)
    assert line.at(7, 960, 10.3) == pytest.approx(10.02)


def test_a_clock_that_runs_slow_is_followed() -> None:
    line = Timeline(RATE)
    for n in range(200_000):
        arrival = 10 + n * 0.02 * 1.0002
        moment = line.at(7, n * 960 & 0xFFFFFFFF, arrival)
        assert abs(moment - arrival) < 0.05


def test_another_source_and_a_jump_begin_anew() -> None:
    line = Timeline(RATE)
    line.at(7, 0, 10.0)
    assert line.at(8, 4_000_000_000, 11.0) == 11.0
    assert line.at(8, 4_000_000_000 + 480_000, 11.02) == 11.02
    assert line.begins == 3


def test_timestamps_wrap() -> None:
    line = Timeline(RATE)
    line.at(7, 0xFFFFFFFF - 959, 10.0)
    assert line.at(7, 0, 10.02) == pytest.approx(10.02)
