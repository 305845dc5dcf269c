"""A token bucket before a thin link: the voice goes first, pictures at the pace that is left. Pure.

Rules:
- The voice never waits. The rate is what it leaves for pictures; they don't go out right behind it,
  but it costs them nothing more.
- A key frame goes out packet by packet, so that the link's own queue, in which the voice waits too,
  stays short.
- What waits is bounded: with more than `MAX_WAIT_S` of it, everything that waits is dropped and
  counted; the picture goes on with its next key frame.

Rates are bit/s, times are monotonic seconds given by the caller.
"""

import math
from collections import deque
from typing import Generic, TypeVar

BURST_S = 0.02
BURST_BITS = 12_000
"""What may go out at once: one full packet, or 20 ms of the rate."""

MAX_WAIT_S = 1.5
UNKNOWN = 4_000_000
"""The pace on a link of which nothing is known yet: a key frame takes some milliseconds."""

Item = TypeVar("Item")


class Pacer(Generic[Item]):
    """What waits to be sent: items with their size on the wire."""

    def __init__(self) -> None:
        self.rate: float = UNKNOWN
        self.dropped = 0
        self._waiting: deque[tuple[Item, int]] = deque()
        self._waiting_bits = 0
        self._tokens: float = BURST_BITS
        self._at = -math.inf

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def wait_s(self) -> float:
        """How long what waits will take."""
        return self._waiting_bits / self.rate

    def spent(self, size_bytes: int, now: float) -> None:
        """Something that does not wait (the voice) went out."""
        self._fill(now)
        self._tokens = max(min(0.0, self._tokens), self._tokens - 8 * size_bytes)

    def push(self, item: Item, size_bytes: int, *, first: bool = False) -> bool:
        """Something that waits for its turn; `first`: before what waits already. False when too
        much waits: then nothing waits any more, this one is dropped too."""
        if self.wait_s > MAX_WAIT_S:
            self.dropped += len(self._waiting) + 1
            self.clear()
            return False
        if first:
            self._waiting.appendleft((item, size_bytes))
        else:
            self._waiting.append((item, size_bytes))
        self._waiting_bits += 8 * size_bytes
        return True

    def clear(self) -> None:
        """Nothing waits any more."""
        self._waiting.clear()
        self._waiting_bits = 0

    def due(self, now: float) -> list[Item]:
        """What goes out now."""
        self._fill(now)
        out: list[Item] = []
        while self._waiting and self._tokens > 0:
            item, size_bytes = self._waiting.popleft()
            self._waiting_bits -= 8 * size_bytes
            self._tokens -= 8 * size_bytes
            out.append(item)
        return out

    def next_in_s(self) -> float | None:
        """When `due` is to be asked next, in seconds; None when nothing waits."""
        if not self._waiting:
            return None
        return max(0.0, -self._tokens / self.rate) + 0.001

    @property
    def _burst(self) -> float:
        return max(BURST_BITS, BURST_S * self.rate)

    def _fill(self, now: float) -> None:
        if now > self._at:
            elapsed_s = min(1.0, now - self._at)
            self._tokens = min(self._burst, self._tokens + elapsed_s * self.rate)
            self._at = now
