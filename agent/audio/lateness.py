"""How late the frames of a voice are, by how they came. Pure.

A way is when a frame came less its timestamp (seconds): of two frames the difference of their ways
is by how much the one was longer under way. What the fastest one took is not known, nor needed.
"""

import math

import numpy as np
from numpy.typing import NDArray

MEASURE_EVERY, FIRST_MEASURES = 25, (5, 10, 15)
WINDOW_FRAMES, LONG_WINDOW_FRAMES = 500, 1500
QUANTILE, HIGH_QUANTILE = 0.99, 0.998
MOSTLY_QUANTILE, HIGHEST_QUANTILE = 0.983, 0.999

STOOD_S, GONE_S = 0.06, 0.03
"""Not one packet of a while came with less delay than the first: a queue stands before the link.
When one comes with less than the second, it is gone."""

Ways = NDArray[np.float64]
_NONE: Ways = np.zeros(0)


class Lateness:
    """Of one speaker. All are seconds by which frames came later than the fastest one: `late_s` and
    `latest_s` of the last ten seconds, `mostly_s` and `longest_s` of the last thirty, however they
    came; `straight_s`, `jitter_s` and `tenth_s` of packets in turn; `shake_s` is by how much they
    change from one packet to the next."""

    def __init__(self) -> None:
        self.fastest = math.inf
        self.late_s = self.latest_s = self.mostly_s = self.longest_s = 0.0
        self.straight_s = self.jitter_s = self.tenth_s = self.shake_s = 0.0
        self._count = 0
        self._ways = self._straight = _NONE
        # Those that came since the last measure.
        self._new: list[float] = []
        self._new_straight: list[float] = []
        self._has_stood = False

    def __len__(self) -> int:
        """How many frames tell it."""
        return min(LONG_WINDOW_FRAMES, len(self._ways) + len(self._new))

    def push_straight(self, way: float) -> None:
        """A packet came in turn, whether its frame is new or not."""
        self._new_straight.append(way)

    def push(self, way: float, *, is_straight: bool = False) -> bool:
        """A frame came, `is_straight`: with a packet in turn of which nothing was told yet; whether
        all was measured anew."""
        if is_straight:
            self._new_straight.append(way)
        if way < self.fastest:
            self.fastest = way
        self._new.append(way)
        self._count += 1
        if self._count % MEASURE_EVERY and self._count not in FIRST_MEASURES:
            return False
        self._measure()
        return True

    def _measure(self) -> None:
        self._ways = _joined(self._ways, self._new, LONG_WINDOW_FRAMES)
        self._straight = _joined(self._straight, self._new_straight, WINDOW_FRAMES)
        self._new.clear()
        self._new_straight.clear()
        self._forget_queue()
        recent = np.sort(self._ways[-WINDOW_FRAMES:])
        straight = np.sort(self._straight) if len(self._straight) else recent
        ordered = np.sort(self._ways) if len(self._ways) > WINDOW_FRAMES else recent
        self.fastest = fastest = min(recent.item(0), straight.item(0))
        self.late_s = _quantile(recent, QUANTILE) - fastest
        self.latest_s = _quantile(recent, HIGH_QUANTILE) - fastest
        self.mostly_s = _quantile(ordered, MOSTLY_QUANTILE) - fastest
        self.longest_s = _quantile(ordered, HIGHEST_QUANTILE) - fastest
        # Of a link that jitters one packet in ten is late; one in a hundred may be a recovery.
        self.tenth_s = _quantile(straight, 0.9) - fastest
        self.straight_s = _quantile(straight, QUANTILE) - fastest
        self.jitter_s = min(self.straight_s, 1.6 * self.tenth_s)
        steps = np.abs(np.diff(self._straight))
        self.shake_s = float(steps.sum()) / len(steps) if len(steps) else 0.0

    def _forget_queue(self) -> None:
        """What waited in a queue that is gone tells nothing of what comes: the sender found out
        what the link carries. A queue that comes back soon is not forgotten again."""
        lately = self._straight[-MEASURE_EVERY:]
        queue_s = (lately.min() if len(lately) else self.fastest) - self.fastest
        if len(lately) == MEASURE_EVERY and queue_s > STOOD_S:
            self._has_stood = True
        elif self._has_stood and queue_s < GONE_S:
            self._has_stood = False
            self._ways = self._straight = lately[lately - self.fastest < GONE_S]


def _joined(before: Ways, new: list[float], most: int) -> Ways:
    """The last of both."""
    return np.concatenate((before, new))[-most:] if new else before


def _quantile(ordered: Ways, share: float) -> float:
    return ordered.item(min(len(ordered) - 1, int(len(ordered) * share)))
