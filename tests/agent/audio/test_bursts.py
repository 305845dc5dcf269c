"""What bursts of losses make to be expected."""

import random

import pytest

from agent.audio.bursts import Bursts
from agent.audio.delay import BEYOND_FROM
from agent.audio.lateness import LONG_WINDOW_FRAMES as WINDOW_PACKETS


def lossy(loss: float, mean: float, packets: int, seed: int = 1) -> Bursts:
    """So many packets were sent over a link that loses this share in bursts of this length."""
    rng, bursts, is_bad, lost = random.Random(seed), Bursts(), False, 0
    enter, leave = loss / (1 - loss) / mean, 1 / mean
    for number in range(packets):
        is_bad = rng.random() >= leave if is_bad else rng.random() < enter
        lost = lost + 1 if is_bad else lost
        if not is_bad:
            bursts.push(number, lost)
            lost = 0
    return bursts


@pytest.mark.parametrize(("loss", "mean"), [(0.1, 5.0), (0.2, 8.0), (0.05, 10.0)])
def test_what_is_expected_is_what_chance_brings_in_the_long_run(loss: float, mean: float) -> None:
    expected = loss * (1 - 1 / mean) ** 10
    found = [
        lossy(loss, mean, WINDOW_PACKETS, seed).beyond(WINDOW_PACKETS, 10) for seed in range(40)
    ]
    assert sum(found) / len(found) == pytest.approx(expected, rel=0.25)


def test_links_that_differ_are_told_apart_nearly_always() -> None:
    milder = [lossy(0.1, 5, 1500, seed).beyond(1500, 17) for seed in range(100)]
    harder = [lossy(0.2, 8, 1500, seed).beyond(1500, 17) for seed in range(100)]
    assert sum(one > BEYOND_FROM for one in milder) <= 10
    assert sum(one <= BEYOND_FROM for one in harder) <= 10


def test_single_losses_and_one_long_hole_make_nothing_to_be_expected() -> None:
    assert lossy(0.3, 1 / 0.7, 1500).beyond(1500, 17) < 1e-6
    hole = Bursts()
    for number in range(1000):
        hole.push(number, 0)
    hole.push(1030, 30)
    assert hole.beyond(1030, 17) < 0.003


def test_what_is_older_than_half_a_minute_is_forgotten() -> None:
    bursts = lossy(0.2, 8, 3000)
    for number in range(3000, 3000 + WINDOW_PACKETS):
        bursts.push(number, 0)
    assert bursts.beyond(3000 + WINDOW_PACKETS, 17) == 0.0


def test_nothing_is_known_at_first() -> None:
    assert Bursts().beyond(0, 17) == 0.0
