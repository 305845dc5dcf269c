"""When the relay does what it does not do for a packet.

Rules:
- What a processor does after a pause it does slowly: its caches are filled by others meanwhile. So
  a tick comes in the wake of a packet where one comes in time, and wakes the process by itself only
  where none does.
- Where nothing waits for its moment the next tick may come later.
- What is done for each site now and then is done for some of them together: for the second it costs
  a fraction. They are few enough that no packet waits long.

Times are monotonic seconds, as the event loop has them.
"""

import asyncio
import time
from collections.abc import Callable, Collection
from typing import Generic, TypeVar

TICK_S, CALM_S = 0.01, 0.02
"""From one tick to the next: where something waits for its moment, and else. In the wake of a
packet it comes sooner, from half of that time on."""

TOGETHER = 8
LATE_S = 0.1

Member = TypeVar("Member")


class Ticks:
    """Calls `tick(now, late_s)`, which tells whether something waits for its moment; it was due
    `late_s` ago."""

    def __init__(self, tick: Callable[[float, float], bool]) -> None:
        self._tick = tick
        self._next = self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._ended: asyncio.Future[None] | None = None

    async def run(self) -> None:
        """Until cancelled; raises what `tick` raises."""
        self._ended = asyncio.get_running_loop().create_future()
        self._due = time.monotonic()
        self._take(self._due)
        try:
            await self._ended
        finally:
            self._ended = None
            if self._timer is not None:
                self._timer.cancel()

    def wake(self, now: float) -> None:
        """The process is awake, for something came, and all that was to be done for it is done."""
        if now >= self._next:
            self._take(now)

    def _ring(self) -> None:
        self._take(time.monotonic())

    def _take(self, now: float) -> None:
        if self._ended is None or self._ended.done():
            return
        if self._timer is not None:
            self._timer.cancel()
        try:
            waits = self._tick(now, max(0.0, now - self._due))
        except Exception as error:
            self._ended.set_exception(error)
            return
        pace_s = TICK_S if waits else CALM_S
        self._next, self._due = now + pace_s / 2, now + pace_s
        self._timer = asyncio.get_running_loop().call_at(self._due, self._ring)


class Turns(Generic[Member]):
    """Each member has one turn in `every_s` seconds, with some others. After a pause of the whole
    process the turns go on where they were."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._turn = 0
        self._due = 0.0

    def due(self, members: Collection[Member], now: float) -> list[Member]:
        """Those whose turn it is; to be asked in each tick."""
        found: list[Member] = []
        if now < self._due:
            return found
        if now - self._due > LATE_S:
            self._due = now
        parts = max(1, -(-len(members) // TOGETHER))
        while self._due <= now:
            found += list(members)[self._turn % parts :: parts]
            self._turn += 1
            self._due += self._every_s / parts
        return found
