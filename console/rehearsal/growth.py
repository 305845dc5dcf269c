"""Whether a process grew during a long rehearsal: its memory, threads and tasks, early and late.

Rules:
- What is compared are medians over a tenth of the time: the one that begins when a fifth has passed
  (caches and pools are full by then), and the last.
- Memory may grow by a few MB and a few per cent (allocators, the meeting's own record); threads and
  tasks may not grow at all.
- A rehearsal of less than a minute and a half tells nothing of growth.

Times are monotonic seconds given by the caller. Pure.
"""

import statistics
from collections.abc import Sequence

import msgspec

from protocol.messages import ProcessReading

LEAST_S = 90.0
WARM_AFTER, WINDOW = 0.2, 0.1
MAY_GROW_MB, MAY_GROW = 6.0, 0.04
EVERY_S = 2.0


class Growth(msgspec.Struct):
    """One process early and late; `grew` says what of it grew more than it may."""

    name: str
    rss_mb: tuple[float, float]
    threads: tuple[int, int]
    tasks: tuple[int, int]
    grew: list[str] = msgspec.field(default_factory=list)


class Series:
    """The readings of one process, one every two seconds."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._readings: list[tuple[float, ProcessReading]] = []

    def add(self, reading: ProcessReading, now: float) -> None:
        """What it said at this moment."""
        if not self._readings or now - self._readings[-1][0] >= EVERY_S:
            self._readings.append((now, reading))

    def growth(self) -> Growth | None:
        """Early and late compared; None when there is too little."""
        if not self._readings:
            return None
        begin, end = self._readings[0][0], self._readings[-1][0]
        length = end - begin
        if length < LEAST_S:
            return None
        early = self._within(begin + WARM_AFTER * length, begin + (WARM_AFTER + WINDOW) * length)
        late = self._within(end - WINDOW * length, end)
        if not (early and late):
            return None
        growth = Growth(
            self.name,
            (_median([r.rss_mb for r in early]), _median([r.rss_mb for r in late])),
            (_whole([r.threads for r in early]), _whole([r.threads for r in late])),
            (_whole([r.tasks for r in early]), _whole([r.tasks for r in late])),
        )
        before, after = growth.rss_mb
        if after - before > MAY_GROW_MB + MAY_GROW * before:
            growth.grew.append("memory")
        if growth.threads[1] > growth.threads[0]:
            growth.grew.append("threads")
        if growth.tasks[1] > growth.tasks[0]:
            growth.grew.append("tasks")
        return growth

    def _within(self, begin: float, end: float) -> list[ProcessReading]:
        return [reading for at, reading in self._readings if begin <= at <= end]


def _median(values: Sequence[float]) -> float:
    return round(statistics.median(values), 1)


def _whole(values: Sequence[int]) -> int:
    return int(statistics.median_low(values))
