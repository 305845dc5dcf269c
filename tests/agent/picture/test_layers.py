"""Two sizes of a picture, and how a link is divided between them."""

import math

import pytest

from agent.picture.layers import (
    BACK_AFTER_S,
    LEAST_FPS_SHARE,
    LOW_LEAST,
    Layer,
    Plan,
    Shares,
    bitrate_for,
    fewer,
    plan,
)

BOTH: tuple[Layer, ...] = ("high", "low")


def test_a_large_picture_goes_up_twice_a_small_one_once() -> None:
    plans = plan(640, 360, 25)
    assert plans["high"] == Plan(640, 360, 20, 600_000)
    assert plans["low"] == Plan(320, 180, 10, bitrate_for(320, 180, 10))
    assert plan(320, 180, 10) == {"low": plans["low"]}
    tall = plan(1280, 720, 30)["low"]
    assert (tall.width, tall.height) == (320, 180)


def test_the_bitrate_goes_with_the_picture() -> None:
    assert bitrate_for(320, 180, 10) == pytest.approx(100_000, rel=0.01)
    assert bitrate_for(160, 90, 1) == 60_000
    assert bitrate_for(1920, 1080, 30) == 600_000


def test_the_small_picture_comes_first() -> None:
    shares = Shares(plan(640, 360, 20))
    assert shares.divide(math.inf, 0.0, BOTH)["high"] == 600_000
    low = shares.divide(math.inf, 0.0, BOTH)["low"]
    assert shares.divide(400_000, 1.0, BOTH) == {"high": 400_000 - low, "low": low}
    assert shares.divide(200_000, 2.0, BOTH) == {"high": 0, "low": low}
    assert shares.divide(70_000, 3.0, BOTH) == {"high": 0, "low": 70_000}
    assert shares.divide(0, 4.0, BOTH) == {"high": 0, "low": 0}


def test_the_large_picture_comes_back_when_it_fitted_for_a_while() -> None:
    shares = Shares(plan(640, 360, 20))
    shares.divide(200_000, 0.0, BOTH)
    assert shares.divide(500_000, 1.0, BOTH)["high"] == 0
    assert shares.divide(250_000, 2.0, BOTH)["high"] == 0, "too little in between: it counts anew"
    assert shares.divide(500_000, 2.5, BOTH)["high"] == 0
    assert shares.divide(500_000, 2.4 + BACK_AFTER_S, BOTH)["high"] == 0
    assert shares.divide(500_000, 2.5 + BACK_AFTER_S, BOTH)["high"] > 350_000


def test_small_changes_are_left_alone() -> None:
    shares = Shares(plan(640, 360, 20))
    before = shares.divide(400_000, 0.0, BOTH)
    assert shares.divide(410_000, 0.1, BOTH) == before
    assert shares.divide(440_000, 0.2, BOTH) != before


def test_on_deck_sends_the_small_one_alone() -> None:
    assert Shares(plan(640, 360, 20)).divide(math.inf, 0.0, ("low",))["high"] == 0


def test_for_fewer_bits_a_small_picture_comes_less_often_not_worse() -> None:
    one = plan(640, 360, 20)["low"]
    assert fewer(one, one.bitrate) == (one.fps, one.bitrate)
    for bitrate in (75_000, 60_000, 40_000, 10_000):
        fps, coded = fewer(one, bitrate)
        assert LEAST_FPS_SHARE * one.fps <= fps < one.fps
        assert coded / one.fps * fps == pytest.approx(bitrate, rel=0.01), "what it takes in all"
        if bitrate >= 40_000:
            assert coded >= 0.79 * one.bitrate


def test_the_low_layer_takes_no_more_than_somebodys_link_carries() -> None:
    shares = Shares(plan(640, 360, 20))
    both = ("high", "low")
    assert shares.divide(math.inf, 1.0, both, 55_000)["low"] == 55_000
    assert shares.divide(math.inf, 1.1, both, 10_000)["low"] == LOW_LEAST
    assert shares.divide(math.inf, 1.2, both)["low"] == plan(640, 360, 20)["low"].bitrate
    assert shares.divide(LOW_LEAST - 1, 1.3, both) == {"high": 0, "low": 0}
