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


def placed(sent: list[tuple[int, float]], line: Timeline) -> list[float]:
    """The moments of timestamps with their arrivals, in this order; the recorder knows what comes
    in the 0.4 s after each."""

    def ahead(number: int) -> list[tuple[int, float]]:
        return [one for one in sent[number + 1 : number + 200] if one[1] <= sent[number][1] + 0.4]

    return [line.at(7, ts, at, lambda n=n: ahead(n)) for n, (ts, at) in enumerate(sent)]  # type: ignore[misc]


def test_a_source_begins_where_it_would_have_had_nothing_been_held_up() -> None:
    line = Timeline(RATE)
    moments = placed([(960 * n, max(10.25, 10 + 0.02 * n)) for n in range(50)], line)
    assert moments == pytest.approx([10 + 0.02 * n for n in range(50)])
    assert line.begins == 1


def test_what_comes_as_copies_with_the_first_packet_was_said_before_it() -> None:
    line = Timeline(RATE)
    lost = [(960 * n, 10.1) for n in (0, 1, 3, 4)]
    moments = placed([*lost, *((960 * n, 10 + 0.02 * n) for n in range(5, 20))], line)
    assert moments[:5] == pytest.approx([10.0, 10.02, 10.06, 10.08, 10.1])


def test_a_line_that_was_laid_well_stays_however_the_packets_arrive() -> None:
    chance, line = random.Random(5), Timeline(RATE)
    sent = [(960 * n, 10 + 0.02 * n + chance.choice((0.0, 0.05, 0.1))) for n in range(1000)]
    assert placed(sent, line) == pytest.approx([10 + 0.02 * n for n in range(1000)])
    assert line.begins == 1


@pytest.mark.parametrize("held_up_s", [0.3, 1.5])
def test_who_is_held_up_while_somebody_speaks_moves_nothing(held_up_s: float) -> None:
    line = Timeline(RATE)
    until = 11 + held_up_s
    arrivals = [10 + 0.02 * n for n in range(200)]
    sent = [(960 * n, until if 11 < at < until else at) for n, at in enumerate(arrivals)]
    assert placed(sent, line) == pytest.approx(arrivals, abs=0.03)
    assert line.begins == 1
