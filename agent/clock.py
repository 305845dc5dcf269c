"""The 20 ms clock that microphone and playout run on, what is done in its wake, and where in time a
frame of sound lies."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable

RATE = 48_000
SAMPLES = 960
FRAME_S = 0.02
RESYNC_S = 0.2
SETTLING_FRAMES = 50
EARLY_SAMPLES = 48


class FrameClock:
    """Comes every 20 ms, catching up after a delay; gives up what is lost beyond 200 ms.

    `late_ms` is the greatest lateness since it was last taken, `skipped` the frames given up: a
    machine that is too slow shows here and not as a slow product.
    """

    def __init__(self) -> None:
        self.late_ms = 0.0
        self.lag_s = 0.0
        """How late the last frame was."""
        self.skipped = 0
        self._due = 0.0
        self._earlier_s = 0.0
        self._together = self._awaited = 1
        self._take: Callable[[float], None] | None = None
        self._timer: asyncio.Handle | None = None
        self._ended: asyncio.Future[None] | None = None

    def shift(self, earlier_s: float) -> None:
        """Let the next frame, and with it all that follow, be due so much earlier."""
        self._earlier_s += earlier_s

    def gather(self, frames: int) -> None:
        """From the next frame on, so many are taken at once by what `run` was given, when the last
        of them is over."""
        self._together = frames

    def begin_anew(self) -> None:
        """Let the next frame be due now, and all that follow 20 ms apart from it, one by one; what
        is over by now and still to be gathered is taken before this returns. Of a clock that does
        not `run` nothing else changes."""
        if self._timer is not None:
            self._timer.cancel()
            first = self._due - (self._awaited - 1) * FRAME_S
            over = max(0, min(self._awaited, math.ceil((time.monotonic() - first) / FRAME_S)))
            self._take_frames(first + (over - 1) * FRAME_S, over)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_soon(self._begin)
        self._together = self._awaited = 1

    async def run(self, take: Callable[[float], None]) -> None:
        """Call `take(now)` for each frame, until it raises something, or cancelled. It is called by
        a timer of the loop: a task that sleeps costs as much as all that is done in a frame of
        silence."""
        self._take = take
        self._ended = asyncio.get_running_loop().create_future()
        self._due = time.monotonic()
        self._take_frames(self._due, 0)
        try:
            await self._ended
        finally:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def _begin(self) -> None:
        self._due = time.monotonic()
        self._ring()

    def _ring(self) -> None:
        self._take_frames(self._reached(), self._awaited)

    def _take_frames(self, now: float, count: int) -> None:
        """Take so many, of which the last is over now, and wait for the next."""
        assert self._take is not None and self._ended is not None
        self._timer = None
        try:
            for later in reversed(range(count)):
                self._take(now - later * FRAME_S)
        except Exception as error:
            self._ended.set_exception(error)
        else:
            self._awaited = self._together
            due = self._next(self._awaited)
            self._timer = asyncio.get_running_loop().call_at(due, self._ring)

    async def frames(self) -> AsyncIterator[float]:
        """The time (monotonic seconds) at which each frame is taken."""
        self._due = time.monotonic()
        while True:
            await asyncio.sleep(max(0.0, self._next() - time.monotonic()))
            yield self._reached()

    def _next(self, frames: int = 1) -> float:
        """When the next frame, or the last of the next ones, is due."""
        self._due += frames * FRAME_S - self._earlier_s
        self._earlier_s = 0.0
        return self._due

    def _reached(self) -> float:
        """The frame that was due is taken now."""
        now = time.monotonic()
        late_s = now - self._due
        self.lag_s = max(0.0, late_s)
        self.late_ms = max(self.late_ms, late_s * 1000)
        if late_s > RESYNC_S:
            self.skipped += int(late_s / FRAME_S)
            self._due = now
        return now

    def take_late_ms(self) -> float:
        """The greatest lateness since the last call."""
        late_ms, self.late_ms = self.late_ms, 0.0
        return late_ms


class Rounds:
    """What is done now and then, in the wake of what is done often: it wakes the process by nothing
    of its own."""

    def __init__(self) -> None:
        self._rounds: list[tuple[float, Callable[[], None]]] = []
        self._due: list[float] = []

    def every(self, every_s: float, call: Callable[[], None]) -> None:
        """Have this called so often, by the first tick after that."""
        self._rounds.append((every_s, call))
        self._due.append(time.monotonic() + every_s)

    def tick(self, now: float) -> None:
        """Call what is due."""
        if now < min(self._due):
            return
        for number, (every_s, call) in enumerate(self._rounds):
            if now >= self._due[number]:
                following = self._due[number] + every_s
                self._due[number] = following if following > now else now + every_s
                call()


class Position:
    """Where in time the next frame begins: goes on by 960 samples, follows the clock when the
    reader lost more than 200 ms.

    Sample number n is spoken at n / 48000 on the monotonic clock and can't be read sooner. The
    first reads may be late, so that later ones would be from the future: for a second it steps
    back to the most punctual read. From then on what is spoken when is known to the sample; a read
    that comes too soon all the same (the reader's clock began anew) has what is there by then.
    """

    def __init__(self) -> None:
        self._samples: int | None = None
        self._settling = 0

    def take(self, now: float) -> int:
        ideal = round(now * RATE) - SAMPLES
        if self._samples is None or abs(ideal - self._samples) > RESYNC_S * RATE:
            self._samples = ideal
            self._settling = SETTLING_FRAMES
        if self._settling or self._samples - ideal > EARLY_SAMPLES:
            self._settling = max(0, self._settling - 1)
            self._samples = min(self._samples, ideal)
        begin = self._samples
        self._samples += SAMPLES
        return begin
