"""Matroska as a log: blocks are appended, and what was written is readable whatever happens next.

PyAV's muxer holds blocks back until every track has one and until a cluster is whole; a track of a
site that is silent keeps seconds of the others in memory. Here segment and clusters have unknown
sizes, so that nothing is ever written twice: a file cut off anywhere can be read up to there.
Blocks need not be in the order of their times (a frame that was lost and asked for again comes
late); `agent.recording.finish` sorts them. Elements: RFC 9559, EBML: RFC 8794. Times are ms. Pure.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

EBML, SEGMENT, INFO, TRACKS, CLUSTER = 0x1A45DFA3, 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
TRACK_ENTRY, TIMESTAMP, SIMPLE_BLOCK = 0xAE, 0xE7, 0xA3
UNKNOWN_SIZE = b"\x01" + b"\xff" * 7
CLUSTER_MS = 1000
REACH_MS = 30_000
"""A block's time is within ±32.767 s of its cluster's."""

OPUS_HEAD = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, 48_000, 0, 0)  # RFC 7845 §5.1
"""Without pre-skip: a recording begins in the middle of a site's stream."""

SEEK_PRE_ROLL_NS = 80_000_000


class Track(msgspec.Struct, frozen=True):
    """One track; `number` from 1. The size is that of the first picture: a VP8 key frame carries
    its own."""

    number: int
    kind: Literal["audio", "video"]
    name: str
    width: int = 640
    height: int = 360
    is_default: bool = False


class Block(msgspec.Struct, frozen=True):
    """A frame in a file: `offset` and `size` in bytes, `at_ms` since the beginning."""

    track: int
    at_ms: int
    is_key: bool
    offset: int
    size: int


def element(ident: int, content: bytes) -> bytes:
    """An element with its size."""
    length = len(content)
    width = next(n for n in range(1, 9) if length < (1 << 7 * n) - 1)
    size = ((1 << 7 * width) | length).to_bytes(width, "big")
    return _ident(ident) + size + content


def _ident(ident: int) -> bytes:
    return ident.to_bytes((ident.bit_length() + 7) // 8, "big")


def _number(ident: int, value: int) -> bytes:
    return element(ident, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def _text(ident: int, value: str) -> bytes:
    return element(ident, value.encode())


def head(tracks: Sequence[Track], application: str = "Giliran") -> bytes:
    """What a file begins with: EBML header, the open segment, its info and its tracks."""
    ebml = b"".join(
        [
            _number(0x4286, 1),
            _number(0x42F7, 1),
            _number(0x42F2, 4),
            _number(0x42F3, 8),
            _text(0x4282, "matroska"),
            _number(0x4287, 4),
            _number(0x4285, 2),
        ]
    )
    info = _number(0x2AD7B1, 1_000_000) + _text(0x4D80, application) + _text(0x5741, application)
    entries = b"".join(element(TRACK_ENTRY, _entry(track)) for track in tracks)
    return b"".join(
        [
            element(EBML, ebml),
            _ident(SEGMENT) + UNKNOWN_SIZE,
            element(INFO, info),
            element(TRACKS, entries),
        ]
    )


def _entry(track: Track) -> bytes:
    parts = [
        _number(0xD7, track.number),
        _number(0x73C5, track.number),
        _number(0x9C, 0),
        _number(0x88, track.is_default),
        _text(0x536E, track.name),
    ]
    if track.kind == "audio":
        rate = element(0xB5, struct.pack(">d", 48_000.0))
        parts += [
            _number(0x83, 2),
            _text(0x86, "A_OPUS"),
            element(0x63A2, OPUS_HEAD),
            _number(0x56BB, SEEK_PRE_ROLL_NS),
            element(0xE1, rate + _number(0x9F, 1)),
        ]
    else:
        size = _number(0xB0, track.width) + _number(0xBA, track.height)
        parts += [_number(0x83, 1), _text(0x86, "V_VP8"), element(0xE0, size)]
    return b"".join(parts)


class Blocks:
    """Frames → the bytes to append, each in a cluster it can be told the time in."""

    def __init__(self) -> None:
        self._cluster_ms: int | None = None

    def block(self, track: int, at_ms: int, data: bytes, *, is_key: bool = False) -> bytes:
        """The bytes of one frame."""
        out = b""
        began = self._cluster_ms
        if began is None or not -REACH_MS < at_ms - began < CLUSTER_MS:
            began = self._cluster_ms = max(0, at_ms)
            out = _ident(CLUSTER) + UNKNOWN_SIZE + _number(TIMESTAMP, began)
        flags = 0x80 if is_key else 0
        place = struct.pack(">BhB", 0x80 | track, at_ms - began, flags)
        return out + element(SIMPLE_BLOCK, place + data)


def blocks(data: bytes | memoryview) -> Iterator[Block]:
    """Every whole block of a file, in the order it was written; the torn end is left out."""
    at = 0
    cluster_ms = 0
    while (found := _element(data, at)) is not None:
        ident, begin, size = found
        if ident in (SEGMENT, CLUSTER):
            at = begin
            continue
        if size is None or begin + size > len(data):
            return
        if ident == TIMESTAMP:
            cluster_ms = int.from_bytes(data[begin : begin + size], "big")
        elif ident == SIMPLE_BLOCK and size > 4:
            number, relative, flags = struct.unpack_from(">BhB", data, begin)
            at_ms = cluster_ms + relative
            yield Block(number & 0x7F, at_ms, bool(flags & 0x80), begin + 4, size - 4)
        at = begin + size


def _element(data: bytes | memoryview, at: int) -> tuple[int, int, int | None] | None:
    """(ident, where its content begins, size) of the element at a place; None at the end or where
    there is none."""
    try:
        width = 9 - data[at].bit_length()
        if width > 4:
            return None
        ident = int.from_bytes(data[at : at + width], "big")
        at += width
        size_width = 9 - data[at].bit_length()
    except IndexError:
        return None
    if size_width > 8 or at + size_width > len(data):
        return None
    size = int.from_bytes(data[at : at + size_width], "big") & ((1 << 7 * size_width) - 1)
    is_unknown = size == (1 << 7 * size_width) - 1
    return ident, at + size_width, None if is_unknown else size
