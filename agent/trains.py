"""What a link carries before somebody is heard over it, told by trains of packets. Pure.

Rules:
- Of packets that are sent at once each comes later than the one before by the time it takes at the
  narrowest place of the way. Nearly half of the distances may be anything: a machine that is busy
  takes some packets at once, and is late for another.
- Of three trains the middle one tells: a busy machine misleads one. Two tell what the link carries
  at least, and at most. Where packets overtake each other, a train tells nothing.
- No train goes before a voice: it would wait behind it.

Rates are bit/s, times are monotonic seconds given by the caller.
"""

import math
from collections import deque
from itertools import pairwise

from agent import rtcp, rtp
from agent.bandwidth import OVERHEAD_BYTES, UNLIMITED

PACKETS, PACKET_BYTES = 6, 200
LEAST_DISTANCES = 3
WHOLE_S, TOLD_FOR_S = 1.0, 50.0
"""A train is over after the first; what it told is forgotten after the second."""

TRAINS, EVERY_S = 3, 20.0
"""So many trains, one each second, and the next ones so much after the first."""


def train(ssrc: int, number: int, now: float) -> tuple[bytes, ...]:
    """The packets, to be sent at once."""
    sent = rtp.send_time(now)
    return tuple(
        rtcp.build_train(ssrc, number, place, sent, PACKET_BYTES) for place in range(PACKETS)
    )


class Timetable:
    """At the end that sends: when a train goes."""

    def __init__(self) -> None:
        self._began_at = -math.inf
        self._left = 0

    def anew(self) -> None:
        """What the link carries is to be known soon."""
        self._began_at = -math.inf

    def is_due(self, now: float) -> bool:
        """Whether one goes now; to be asked once a second while nobody is heard over the link."""
        if now - self._began_at >= EVERY_S:
            self._began_at, self._left = now, TRAINS
        self._left -= 1
        return self._left >= 0


class Trains:
    """At the end where they arrive."""

    def __init__(self) -> None:
        self._number: int | None = None
        # (place, arrival) of the packets of this train
        self._came: list[tuple[int, float]] = []
        # (when, bit/s) of the last trains
        self._rates: deque[tuple[float, float]] = deque(maxlen=TRAINS)

    def push(self, one: rtcp.Train, arrival: float) -> None:
        """A packet of one arrived."""
        if one.number != self._number:
            self._number, self._came = one.number, []
        self._came.append((one.place, arrival))

    def take(self, now: float) -> tuple[float, float] | None:
        """What the link carries at least and at most, when something new is known of it."""
        if not self._came:
            return None
        (_first, began_at), (last, _at) = self._came[0], self._came[-1]
        if last < PACKETS - 1 and now - began_at < WHOLE_S:
            return None
        rate, self._came = _rate(self._came), []
        if rate is None:
            return None
        self._rates.append((now, rate))
        rates = sorted(rate for at, rate in self._rates if now - at < TOLD_FOR_S)
        middle = len(rates) // 2
        return (rates[~middle], rates[middle]) if len(rates) > 1 else None


def _rate(came: list[tuple[int, float]]) -> float | None:
    distances = [
        (after[1] - before[1]) / (after[0] - before[0])
        for before, after in pairwise(came)
        if after[0] > before[0]
    ]
    if len(distances) < max(LEAST_DISTANCES, len(came) - 1):
        return None
    bits = 8 * (PACKET_BYTES + OVERHEAD_BYTES)
    return bits / max(sorted(distances)[len(distances) // 2], bits / UNLIMITED)
