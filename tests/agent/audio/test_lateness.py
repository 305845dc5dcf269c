"""How late frames are, by how they came."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.audio.lateness import (
    FIRST_MEASURES,
    GONE_S,
    LONG_WINDOW_FRAMES,
    MEASURE_EVERY,
    STOOD_S,
    WINDOW_FRAMES,
    Lateness,
)


def came(ways: list[float], lateness: Lateness | None = None) -> Lateness:
    """So many packets in turn, each after so long a way."""
    lateness = lateness or Lateness()
    for way in ways:
        lateness.push_straight(way)
        lateness.push(way)
    return lateness


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 80))
def test_it_is_measured_from_the_fastest_over_the_last_ones(seed: int, measures: int) -> None:
    rng = random.Random(seed)
    ways = [7.0 + rng.expovariate(20.0) for _ in range(MEASURE_EVERY * measures)]
    lateness = came(ways)
    recent, every = sorted(ways[-WINDOW_FRAMES:]), sorted(ways[-LONG_WINDOW_FRAMES:])
    assert len(lateness) == len(every)
    assert lateness.fastest == recent[0]

    def late(ordered: list[float], share: float) -> float:
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] - recent[0]

    assert lateness.late_s == late(recent, 0.99)
    assert lateness.latest_s == late(recent, 0.998)
    assert lateness.mostly_s == late(every, 0.983)
    assert lateness.longest_s == late(every, 0.999)
    assert lateness.tenth_s == late(recent, 0.9)
    assert lateness.straight_s == late(recent, 0.99)
    assert lateness.jitter_s == min(late(recent, 0.99), 1.6 * late(recent, 0.9))
    changes = [
        abs(b - a) for a, b in zip(recent_in_turn(ways), recent_in_turn(ways)[1:], strict=False)
    ]
    assert lateness.shake_s == pytest.approx(sum(changes) / len(changes))


def recent_in_turn(ways: list[float]) -> list[float]:
    return ways[-WINDOW_FRAMES:]


def test_it_is_told_when_it_was_measured() -> None:
    lateness = Lateness()
    measured = [n for n in range(1, 101) if lateness.push(5.0)]
    assert measured == [*FIRST_MEASURES, 25, 50, 75, 100]


def test_a_faster_one_counts_at_once() -> None:
    lateness = came([5.0] * MEASURE_EVERY)
    lateness.push(4.9)
    assert lateness.fastest == 4.9


def test_what_came_as_a_copy_is_late_and_no_jitter() -> None:
    lateness = Lateness()
    for number in range(4 * MEASURE_EVERY):
        if number % 10:
            lateness.push_straight(5.0)
        lateness.push(5.0 if number % 10 else 5.08)
    assert lateness.late_s == pytest.approx(0.08)
    assert lateness.jitter_s == lateness.shake_s == 0.0


def test_a_queue_that_is_gone_is_forgotten_once() -> None:
    usual, queued = [5.0] * MEASURE_EVERY, [5.0 + 2 * STOOD_S] * MEASURE_EVERY
    lateness = came([*usual, *queued])
    assert lateness.late_s == pytest.approx(2 * STOOD_S)
    came(usual, lateness)
    assert lateness.longest_s < GONE_S and len(lateness) == MEASURE_EVERY
    came([5.02, 5.0] * 50, lateness)
    assert len(lateness) == MEASURE_EVERY + 100
