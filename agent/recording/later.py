"""What a site keeps of its own voice until it is recorded, and how it is sent afterwards. Pure.

A frame is known by its SSRC and its sequence number, on the wire as in the recording; so the relay
confirms what it has by numbers, whichever way it came. `clock_ms` is when it was spoken by the
site's idea of the server's clock: frames that arrived live tell how far that is off.
"""

import struct
from collections.abc import Iterable, Iterator

import msgspec

_HEAD = struct.Struct("!QLLHBH")
UNKNOWN_LEVEL = 255


class Kept(msgspec.Struct, frozen=True):
    """One frame of 20 ms. `level` in -dBov; None: unknown."""

    clock_ms: int
    ssrc: int
    ts: int
    seq: int
    level: int | None
    data: bytes

    @property
    def name(self) -> tuple[int, int]:
        return self.ssrc, self.seq


def pack(frame: Kept) -> bytes:
    """A frame as it lies in files and messages."""
    level = UNKNOWN_LEVEL if frame.level is None else frame.level
    size = len(frame.data)
    head = _HEAD.pack(frame.clock_ms, frame.ssrc, frame.ts, frame.seq, level, size)
    return head + frame.data


def unpack(data: bytes) -> Iterator[Kept]:
    """Every whole frame; the torn end is left out."""
    return (frame for _offset, frame in located(data))


def located(data: bytes) -> Iterator[tuple[int, Kept]]:
    """Every whole frame, and where in the data its own bytes begin."""
    at = 0
    while at + _HEAD.size <= len(data):
        clock_ms, ssrc, ts, seq, level, size = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        if at + size > len(data):
            return
        known = None if level == UNKNOWN_LEVEL else level
        yield at, Kept(clock_ms, ssrc, ts, seq, known, data[at : at + size])
        at += size


def ranges(seqs: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Numbers as first and last of each run."""
    found: list[tuple[int, int]] = []
    for seq in sorted(set(seqs)):
        if found and seq == found[-1][1] + 1:
            found[-1] = (found[-1][0], seq)
        else:
            found.append((seq, seq))
    return tuple(found)
