"""The two sizes in which a camera's picture is sent, and how its share of a link is divided. Pure.

Rules:
- A picture larger than the low layer goes up twice: high for whom can take it, low for all others,
  for the small window, and while the site only waits for its turn.
- A camera whose picture is small has one layer.
- The low layer comes first; the high one has what is left, and goes when that is too little. It
  comes back only after it would have fitted for some seconds.
- Where little is left for the low layer, or somebody's link carries no more of it, it has fewer
  pictures a second rather than worse ones.

Rates are bit/s, times are monotonic seconds given by the caller.
"""

import math
from typing import Literal

import msgspec

Layer = Literal["high", "low"]
PictureName = Literal["main", "main-low", "second", "deck"]

LOW_WIDTH, LOW_FPS, HIGH_FPS = 320, 10.0, 20.0
BITS_PER_PIXEL = 0.174
MIN_BITRATE, MAX_BITRATE = 60_000, 600_000
HIGH_LEAST, HIGH_AGAIN = 150_000, 200_000
LOW_LEAST, LOW_FULL = 40_000, 100_000
"""The low layer never takes less, and no more on a usual camera."""

BACK_AFTER_S = 2.0
WHOLE_SHARE, LEAST_FPS_SHARE = 0.8, 0.4
"""Below the first share of its bitrate a layer has fewer pictures, at least the second of them."""

STEP = 0.08
"""A bitrate that differs by less is left as it is."""


class Plan(msgspec.Struct, frozen=True):
    """One layer: its size, pictures a second, the bitrate it takes when it may."""

    width: int
    height: int
    fps: float
    bitrate: int


def bitrate_for(width: int, height: int, fps: float) -> int:
    """Bit/s for a picture: 100 kbit/s at 320x180 and 10 a second, 600 kbit/s at most."""
    wanted = round(BITS_PER_PIXEL * width * height * fps)
    return min(MAX_BITRATE, max(MIN_BITRATE, wanted))


def plan(width: int, height: int, fps: float) -> dict[Layer, Plan]:
    """The layers of a camera, the larger first; `low` alone when its picture is small."""
    low_fps = min(fps, LOW_FPS)
    if width <= LOW_WIDTH:
        return {"low": Plan(width, height, low_fps, bitrate_for(width, height, low_fps))}
    low_height = max(2, round(height * LOW_WIDTH / width / 2) * 2)
    high_fps = min(fps, HIGH_FPS)
    return {
        "high": Plan(width, height, high_fps, bitrate_for(width, height, high_fps)),
        "low": Plan(LOW_WIDTH, low_height, low_fps, bitrate_for(LOW_WIDTH, low_height, low_fps)),
    }


def fewer(one: Plan, bitrate: int) -> tuple[float, int]:
    """Pictures a second for so many bit/s, and what an encoder is told that counts on the plan's
    own pictures a second."""
    share = bitrate / one.bitrate
    if share >= WHOLE_SHARE:
        return one.fps, bitrate
    part = max(LEAST_FPS_SHARE, share / WHOLE_SHARE)
    return one.fps * part, round(bitrate / part)


class Shares:
    """How the bit/s that pictures may take are divided between the layers."""

    def __init__(self, plans: dict[Layer, Plan]) -> None:
        self._plans = plans
        self._given: dict[Layer, int] = dict.fromkeys(plans, 0)
        self._high_on = True
        self._fits_since: float | None = None

    def divide(
        self, left: float, now: float, wanted: tuple[Layer, ...], low_limit: float = math.inf
    ) -> dict[Layer, int]:
        """Bit/s of each layer, 0: it is not sent. `left`: what pictures may take, `wanted`: the
        layers that somebody is to get, `low_limit`: what the low one may take at most."""
        for layer, bitrate in self._wishes(left, now, wanted, low_limit).items():
            given = self._given[layer]
            if bitrate == 0 or given == 0 or abs(bitrate - given) > STEP * given:
                self._given[layer] = bitrate
        return dict(self._given)

    def _wishes(
        self, left: float, now: float, wanted: tuple[Layer, ...], low_limit: float
    ) -> dict[Layer, int]:
        wishes: dict[Layer, int] = dict.fromkeys(self._plans, 0)
        low = self._plans["low"].bitrate
        if left < LOW_LEAST or "low" not in wanted:
            return wishes
        wishes["low"] = int(min(low, left, max(LOW_LEAST, low_limit)))
        if "high" in self._plans and "high" in wanted:
            rest = left - wishes["low"]
            if self._may_be_high(rest, now):
                wishes["high"] = int(min(self._plans["high"].bitrate, rest))
        return wishes

    def _may_be_high(self, rest: float, now: float) -> bool:
        if rest == math.inf:
            self._high_on, self._fits_since = True, None
        elif rest < HIGH_LEAST:
            self._high_on, self._fits_since = False, None
        elif not self._high_on:
            if rest < HIGH_AGAIN:
                self._fits_since = None
            elif self._fits_since is None:
                self._fits_since = now
            elif now - self._fits_since >= BACK_AFTER_S:
                self._high_on = True
        return self._high_on
