"""Receivers whose links need the same copies of earlier frames are sent the same packets. Pure.

Rules:
- What is decided for a batch is decided once, not for each receiver in it.
- What went to a receiver, and with which copies, is remembered for a while, wherever it has been
  since: what is sent again has the copies it went out with, so that its bytes are the same.
- Of a pair the first frame waits for the second. Who leaves the batch meanwhile gets it alone; for
  who comes nothing waits: he was sent that frame already, and other bytes under its number would
  use an SRTP nonce twice.

Times are monotonic seconds given by the caller.
"""

from collections import deque

from agent.audio.hop import HISTORY, Distances, Frame, before, follows

KEPT = 4 * HISTORY
STAYS = 32
KNOWN_FOR = 8 * KEPT
"""Packets of all batches after which one is too old to be asked for: two seconds' at the least."""

PAIR_WITHIN_S = 0.03
"""So long the first frame of a pair waits for the second."""

Key = tuple[int, int]
"""SSRC and sequence number."""


class Batch:
    """All receivers that get these copies."""

    def __init__(self, distances: Distances, clock: "Batches") -> None:
        self.distances = distances
        self.members = 0
        self._clock = clock
        self.pairs = before(distances) > 0
        """Whether frames go out two by two."""
        # When (as the clock of all batches has it), with which copies (None: within the next one),
        # whose frame it was.
        self._sent: dict[Key, tuple[int, Distances | None, str]] = {}
        # SSRC → the first frame of a pair, and since when it waits
        self._waiting: dict[int, tuple[Frame, float]] = {}

    def next_packets(self, ssrc: int, frame: Frame, now: float) -> list[tuple[int, Distances]]:
        """A frame of sound is there, with the slot's numbers: the packets that go out now, each
        with the copies it is to have. Of a pair the first frame waits for the second; one with
        which somebody begins goes out at once, with its marker."""
        if not self.pairs:
            self._note(ssrc, frame, self.distances)
            return [(frame.seq, self.distances)]
        first, _since = self._waiting.pop(ssrc, (None, now))
        if first is not None and follows(frame, first) and not frame.marker:
            self._note(ssrc, first, None)
            self._note(ssrc, frame, self.distances)
            return [(frame.seq, self.distances)]
        alone = [] if first is None else [first]
        if frame.marker:
            alone.append(frame)
        else:
            self._waiting[ssrc] = (frame, now)
        for one in alone:
            self._note(ssrc, one, ())
        return [(one.seq, ()) for one in alone]

    def overdue(self, ssrc: int, now: float) -> list[int]:
        """The frame of this stream that waited for a second one and goes out alone now, if any."""
        first = self._waiting.get(ssrc)
        return self.give_up(ssrc) if first and now - first[1] >= PAIR_WITHIN_S else []

    def give_up(self, ssrc: int) -> list[int]:
        """The frame of this stream that waits for a second one, if any, goes out alone now: there
        will be none, for another source begins."""
        first = self._waiting.pop(ssrc, None)
        if first is None:
            return []
        self._note(ssrc, first[0], ())
        return [first[0].seq]

    @property
    def waiting(self) -> list[tuple[int, Frame]]:
        """SSRC and frame of those that wait for a second one."""
        return [(ssrc, frame) for ssrc, (frame, _since) in self._waiting.items()]

    def sent(self, key: Key) -> tuple[int, Distances | None, str] | None:
        """When it was sent, with which copies (None: within the next one), and whose it was."""
        return self._sent.get(key)

    def forget_waiting(self, ssrc: int | None = None) -> None:
        """Nobody is left who waits, for a frame of this stream or for any."""
        if ssrc is None:
            self._waiting.clear()
        else:
            self._waiting.pop(ssrc, None)

    def _note(self, ssrc: int, frame: Frame, distances: Distances | None) -> None:
        self._sent[ssrc, frame.seq] = (self._clock.tick(), distances, frame.source)
        if len(self._sent) > KEPT:
            del self._sent[next(iter(self._sent))]


class Batches:
    """The batches by their copies, and a clock that goes on with each packet."""

    def __init__(self) -> None:
        self.now = 0
        self._of: dict[Distances, Batch] = {}

    def of(self, distances: Distances) -> Batch:
        """The batch with these copies."""
        if distances not in self._of:
            self._of[distances] = Batch(distances, self)
        return self._of[distances]

    def forget_waiting(self, ssrc: int) -> None:
        """No frame of this stream waits any more: where it did, only its source was left."""
        for batch in self._of.values():
            batch.forget_waiting(ssrc)

    def tick(self) -> int:
        """A moment later than all before."""
        self.now += 1
        return self.now


class Membership:
    """Which batch one receiver is in, and was in before."""

    def __init__(self, site: str) -> None:
        self.batch: Batch | None = None
        self._site = site
        self._clock: Batches | None = None
        # Since when it was in which batch, newest first.
        self._stays: deque[tuple[int, Batch]] = deque(maxlen=STAYS)
        # What it alone was sent, for it left a batch.
        self._alone: dict[Key, None] = {}

    def move(self, batch: Batch | None, clock: Batches) -> list[Key]:
        """Into another batch, in which no frame may wait, or out of all. The frames that it gets
        alone now, for it does not wait for the second one any more."""
        assert batch is None or not batch.waiting
        self._clock = clock
        alone: list[Key] = []
        if self.batch is not None:
            waiting = self.batch.waiting
            alone = [(ssrc, frame.seq) for ssrc, frame in waiting if frame.source != self._site]
            self.batch.members -= 1
            if not self.batch.members:
                self.batch.forget_waiting()
        self.batch = batch
        if batch is not None:
            batch.members += 1
            self._stays.appendleft((clock.tick(), batch))
        for key in alone:
            self._alone[key] = None
            if len(self._alone) > STAYS:
                del self._alone[next(iter(self._alone))]
        return alone

    def was_sent(self, ssrc: int, seq: int) -> bool:
        """Whether it was sent this frame lately, alone or with another one."""
        return (ssrc, seq) in self._alone or self._find((ssrc, seq)) is not None

    def distances_of(self, ssrc: int, seq: int) -> Distances | None:
        """The copies that a packet went out to it with; None when it did not, or long ago, or
        within the next one."""
        if (ssrc, seq) in self._alone:
            return ()
        found = self._find((ssrc, seq))
        return None if found is None else found[1]

    def _find(self, key: Key) -> tuple[int, Distances | None, str] | None:
        if self._clock is None:
            return None
        until, oldest = self._clock.now + 1, self._clock.now - KNOWN_FOR
        for since, batch in self._stays:
            one = batch.sent(key)
            if one is not None and max(since, oldest) <= one[0] < until:
                return one if one[2] != self._site else None
            until = since
            if since < oldest:
                break
        return None
