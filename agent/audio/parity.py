"""Parity of the voice: one block that brings back either of two frames before. Pure.

Each packet has the exclusive or of the frame before its own and of the third before it. It costs
hardly more than a copy of one, and nearly all that is lost comes with the next packet; where that
is lost as well, with the second after it. Of a link that loses every tenth packet, two frames in a
thousand are left missing, where one copy leaves ten. (The two frames just before would leave three,
and let twice as many wait for more than one packet.)

A block of RED (RFC 2198): its timestamp offset is 960 times 1 for the frame before, 2 for the third
before, 3 for both; its first byte is the exclusive or of their lengths.
"""

from collections.abc import Sequence

from agent.audio.red import Block
from agent.rtp import ts_delta

SAMPLES = 960
MAX_BYTES = 255
BACK = (1, 3)
KEPT = 8
"""Frames and blocks of parity that are kept: more than parity reaches back."""


def parity(frames: Sequence[tuple[int, bytes]]) -> Block | None:
    """The block for these frames, each with how many frames older it is (of `BACK`); None where
    there are none, or one is too long."""
    if not frames or max(len(data) for _back, data in frames) > MAX_BYTES:
        return None
    mask = sum(1 << BACK.index(back) for back, _data in frames)
    return mask * SAMPLES, _sum([data for _back, data in frames])


def _sum(frames: Sequence[bytes]) -> bytes:
    """The exclusive or of their lengths and of their bytes."""
    longest = max(map(len, frames))
    total = 0
    for data in frames:
        total ^= int.from_bytes(bytes([len(data)]) + data.ljust(longest, b"\0"))
    return total.to_bytes(longest + 1)


class Restorer:
    """What came of one stream: frames and parity, by their timestamps."""

    def __init__(self) -> None:
        self._frames: dict[int, bytes] = {}
        self._sums: list[tuple[tuple[int, ...], bytes]] = []

    @property
    def waits(self) -> bool:
        """Whether there is parity that brings something back once more has come."""
        return bool(self._sums)

    def note(self, ts: int, data: bytes) -> None:
        """A frame alone, while nothing waits."""
        self._frames[ts] = data
        if len(self._frames) > KEPT:
            del self._frames[next(iter(self._frames))]

    def push(self, ts: int, blocks: list[Block], parity: Block | None) -> list[Block]:
        """A packet with this timestamp: its blocks, and what is brought back by it, oldest first.
        A packet that came late brings back younger frames, too, at offsets below 0. Nothing is left
        for another packet, between which and these frames there may be a pause."""
        frames = self._frames
        for offset, data in blocks:
            frames[(ts - offset) & 0xFFFFFFFF] = data
        if parity is not None:
            mask, rest = divmod(parity[0], SAMPLES)
            backs = [back for bit, back in enumerate(BACK) if mask >> bit & 1]
            covered = tuple((ts - back * SAMPLES) & 0xFFFFFFFF for back in backs)
            if covered and not rest and not mask >> len(BACK):
                self._sums.append((covered, parity[1]))
                del self._sums[:-KEPT]
        restored = self._restore(ts) if self._sums else []
        while len(frames) > KEPT:
            del frames[next(iter(frames))]
        return sorted([*restored, *blocks], reverse=True) if restored else blocks

    def _restore(self, ts: int) -> list[Block]:
        restored: list[Block] = []
        is_more = True
        while is_more:
            is_more, sums = False, self._sums
            self._sums = []
            for covered, data in sums:
                missing = [one for one in covered if one not in self._frames]
                if len(missing) > 1:
                    self._sums.append((covered, data))
                elif missing:
                    others = [self._frames[one] for one in covered if one != missing[0]]
                    found = _rest(data, others)
                    if found:
                        self._frames[missing[0]] = found
                        restored.append((ts_delta(ts, missing[0]), found))
                        is_more = True
        return restored


def _rest(data: bytes, others: Sequence[bytes]) -> bytes:
    """What parity holds besides these; nothing where it does not fit together."""
    size = len(data)
    total = int.from_bytes(data)
    for other in others:
        if len(other) >= size:
            return b""
        total ^= int.from_bytes(bytes([len(other)]) + other.ljust(size - 1, b"\0"))
    found = total.to_bytes(size)
    return found[1 : 1 + found[0]] if found[0] < size else b""
