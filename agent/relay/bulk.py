"""Pictures on their way to many: a stroke at a time, so that a voice never waits for all of them.

Rules:
- A packet of a picture waits until the event loop comes around, and goes to so many receivers each
  time as take about a millisecond; what came meanwhile, a voice above all, goes first.
- To each receiver the packets of a picture go in the order in which they came; those that wait for
  the same receivers go to each of them at once.
- What waits is bounded: when it is too much, the oldest goes out before anything else is taken.
- A picture of which something waited for `MAX_AGE_S` is dropped and counted, and goes on with its
  next key frame: what is seen so late is of no use, and all that follows would be late, too.
- Who is to get a packet was decided when it came, and stays so.

Times are monotonic seconds given by the caller.
"""

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from agent.picture.layers import PictureName
from agent.relay.links import SiteLinks, outlets_of
from agent.rtc.outlet import BURST, TOGETHER, Outlets

PART = 2 * TOGETHER
STROKE = PART + 1
"""So many receivers are sent to in one go, and at least so many times before the event loop comes
around."""

MAX_WAITING = 256
"""Packets: four key frames of 600 kbit/s."""

MAX_AGE_S = 0.5
"""A process that was held up for less than this catches up within milliseconds."""

Later = Callable[[Callable[[], None]], object]


class Viewers:
    """Those who get the same packets of a picture: at once, or at the pace of their link. `twice`:
    those of the first whose links lose so much that they get a key frame twice."""

    def __init__(
        self,
        picture: PictureName,
        outlets: Outlets,
        paced: Sequence[SiteLinks],
        twice: Outlets | None = None,
    ) -> None:
        self.picture = picture
        self.twice = twice
        self.parts: list[Outlets | Sequence[SiteLinks]] = [*outlets.parts(PART)]
        self.parts += [paced[n : n + PART] for n in range(0, len(paced), PART)]


class _Waiting:
    """A packet, and how many of the parts of its viewers have it."""

    __slots__ = ("packet", "viewers", "arrival", "done")

    def __init__(self, packet: bytes, viewers: Viewers, arrival: float) -> None:
        self.packet = packet
        self.viewers = viewers
        self.arrival = arrival
        self.done = 0


class Bulk:
    """`sent(arrival)` is called when a packet went to everybody, `interrupted()` when a link did
    not take what came at its pace, `dropped(picture, packets)` when these became too old."""

    def __init__(
        self,
        sent: Callable[[float], object],
        interrupted: Callable[[], object],
        dropped: Callable[[PictureName, list[bytes]], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.later: Later | None = None
        """Has something called when the event loop comes around; without it nothing waits."""
        self.done: Callable[[], object] | None = None
        """Called when nothing waits any more."""
        self.packets_out = 0
        self._sent = sent
        self._interrupted = interrupted
        self._dropped = dropped
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._is_called = False

    def __len__(self) -> int:
        return len(self._waiting)

    def push(self, packet: bytes, viewers: Viewers, arrival: float) -> None:
        """A packet for these viewers."""
        if not viewers.parts:
            self._sent(arrival)
            return
        self._waiting.append(_Waiting(packet, viewers, arrival))
        while self._waiting and (self.later is None or len(self._waiting) > MAX_WAITING):
            self._stroke(arrival)
        if self._waiting and self.later is not None and not self._is_called:
            self._is_called = True
            self.later(self._go_on)

    def _go_on(self) -> None:
        self._is_called = False
        self._stroke(self._clock())
        if self._waiting and self.later is not None:
            self._is_called = True
            self.later(self._go_on)
        elif self.done is not None:
            self.done()

    def _stroke(self, now: float) -> None:
        while self._waiting and now - self._waiting[0].arrival > MAX_AGE_S:
            self._drop(self._waiting[0].viewers.picture)
        left = STROKE
        while left > 0 and self._waiting:
            # What came later goes to those first who have what came before: then all go together.
            viewers = self._waiting[0].viewers
            same = (one for one in self._waiting if one.viewers is viewers)
            group = list(itertools.islice(same, BURST))
            done = group[-1].done
            burst = [one for one in group if one.done == done]
            if done < len(viewers.parts):
                self._send([one.packet for one in burst], viewers, viewers.parts[done], now)
                left -= PART * len(burst)
            for one in burst:
                one.done += 1
            while self._waiting and self._waiting[0].done >= len(self._waiting[0].viewers.parts):
                self._sent(self._waiting.popleft().arrival)

    def _drop(self, picture: PictureName) -> None:
        """All that waits of this picture: who misses a part of it can use none of the rest."""
        old = [one for one in self._waiting if one.viewers.picture == picture]
        self._waiting = deque(one for one in self._waiting if one.viewers.picture != picture)
        for one in old:
            for part in one.viewers.parts[one.done :]:
                (part if isinstance(part, Outlets) else outlets_of(part)).count_dropped()
        self._dropped(picture, [one.packet for one in old])

    def _send(
        self,
        packets: list[bytes],
        viewers: Viewers,
        part: Outlets | Sequence[SiteLinks],
        now: float,
    ) -> None:
        if isinstance(part, Outlets):
            for run in runs(packets):
                self.packets_out += part.send_rtp_burst(run)
            return
        for links in part:
            for packet in packets:
                if not links.downstream.steps.shows(viewers.picture):
                    break  # dropped meanwhile, or another size now
                if links.send_picture(packet, now):
                    self.packets_out += 1
                else:
                    self._interrupted()


def runs(packets: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Packets that follow each other and have the same size, the last of them at most that."""
    run: list[bytes] = []
    for packet in packets:
        if run and (len(packet) > len(run[0]) or len(run[-1]) < len(run[0])):
            yield run
            run = []
        run.append(packet)
    if run:
        yield run
