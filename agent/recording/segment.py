"""One segment of a recording on the disk: the frames (`segment-0001.mkv`) and beside them, a line
each, what is known of them (`segment-0001.jsonl`).

Both are only ever appended to; a relay that is killed leaves what it had written. A segment begins
when recording begins or goes on, and at every start of a relay.
"""

import bisect
import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from agent.recording import matroska
from agent.recording.matroska import Block, Track
from protocol.messages import AUDIO_SLOTS

PROGRAM, PICTURE = 1, 6
SLOT_TRACKS: dict[str, int] = {slot: number for number, slot in enumerate(AUDIO_SLOTS, 2)}
SLOT_TRACKS["main"] = PICTURE
TRACKS = (
    Track(PROGRAM, "audio", "program", is_default=True),
    *(Track(SLOT_TRACKS[slot], "audio", slot) for slot in AUDIO_SLOTS),
    Track(PICTURE, "video", "main", is_default=True),
)
NAME = re.compile(r"segment-(\d{4,})\.mkv")


class _Mark(msgspec.Struct, frozen=True, tag_field="type"):
    pass


class Began(_Mark, frozen=True, tag="began"):
    """The segment begins at `utc_ms`; the recorded meeting, and which relay writes."""

    meeting: str
    utc_ms: int
    relay: str = ""


class Fed(_Mark, frozen=True, tag="fed"):
    """From `at_ms` on a slot has this site's media; RTP timestamp `ts` of `ssrc` is `at_ms`."""

    at_ms: int
    slot: str
    site: str
    ssrc: int
    ts: int


class Clock(_Mark, frozen=True, tag="clock"):
    """The time of day at `at_ms`, for a clock that was set meanwhile."""

    at_ms: int
    utc_ms: int


class Ended(_Mark, frozen=True, tag="ended"):
    """The segment was closed in good order."""

    at_ms: int
    dropped: int = 0


Mark = Began | Fed | Clock | Ended
_decoder: msgspec.json.Decoder[Mark] = msgspec.json.Decoder(Mark)


class SegmentWriter:
    """A new segment in a folder. Raises OSError."""

    def __init__(self, folder: Path, began: Began) -> None:
        folder.mkdir(0o700, parents=True, exist_ok=True)
        number = max((n for n, _path in segments(folder)), default=0) + 1
        self.path = folder / f"segment-{number:04d}.mkv"
        self.size_bytes = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(self.path, flags, 0o600)
        self._marks = os.open(self.path.with_suffix(".jsonl"), flags, 0o600)
        self._blocks = matroska.Blocks()
        self._pending = bytearray(matroska.head(TRACKS))
        self._lines = bytearray()
        self.mark(began)
        self.flush()
        _sync_folder(folder)

    def mark(self, mark: Mark) -> None:
        """A line of what is known."""
        self._lines += msgspec.json.encode(mark) + b"\n"

    def block(self, track: int, at_ms: int, data: bytes, *, is_key: bool = False) -> None:
        """A frame; on the disk after the next `flush`."""
        self._pending += self._blocks.block(track, at_ms, data, is_key=is_key)

    def flush(self) -> None:
        """Hand over to the operating system: from here on it outlives this process. What could
        not be written whole is taken back. Raises OSError."""
        lines, pending = bytes(self._lines), bytes(self._pending)
        self._lines.clear()
        self._pending.clear()
        _append(self._marks, lines)
        _append(self._file, pending)
        self.size_bytes += len(pending)

    def sync(self) -> None:
        """Onto the disk itself: from here on it outlives a power cut. Raises OSError."""
        os.fdatasync(self._file)
        os.fdatasync(self._marks)

    def close(self) -> None:
        """Close the files. Raises OSError when the rest can't be written."""
        try:
            self.flush()
            self.sync()
        finally:
            os.close(self._file)
            os.close(self._marks)


def append(path: Path, data: bytes) -> None:
    """Data at the end of a file, on the disk when it returns. Raises OSError."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        _append(file, data)
        os.fdatasync(file)
    finally:
        os.close(file)


def _append(file: int, data: bytes) -> None:
    begin = os.fstat(file).st_size
    try:
        while data:
            data = data[os.write(file, data) :]
    except OSError:
        os.ftruncate(file, begin)
        raise


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# -- reading ---------------------------------------------------------------------------------------


class Segment(msgspec.Struct):
    """A segment as it lies on the disk, whole or torn."""

    path: Path
    began: Began
    marks: list[Mark]
    blocks: list[Block]
    clocks: list[Clock] = msgspec.field(default_factory=list)

    def utc_ms(self, at_ms: int) -> int:
        """The time of day of a moment of this segment."""
        last = bisect.bisect_right(self.clocks, at_ms, key=lambda mark: mark.at_ms) - 1
        if last < 0:
            return self.began.utc_ms + at_ms
        return self.clocks[last].utc_ms + at_ms - self.clocks[last].at_ms

    @property
    def last_ms(self) -> int:
        return max((block.at_ms for block in self.blocks), default=0)


def segments(folder: Path) -> list[tuple[int, Path]]:
    """Number and file of every segment in a folder, the first one first."""
    found = ((NAME.fullmatch(path.name), path) for path in folder.glob("segment-*.mkv"))
    return sorted((int(name[1]), path) for name, path in found if name is not None)


def read(path: Path, data: bytes | memoryview) -> Segment | None:
    """A segment whose file holds `data`; None when not even its beginning was written."""
    lines = path.with_suffix(".jsonl")
    marks = list(_marks(lines.read_bytes())) if lines.exists() else []
    if not marks or not isinstance(marks[0], Began):
        return None
    clocks = [mark for mark in marks if isinstance(mark, Clock)]
    return Segment(path, marks[0], marks, list(matroska.blocks(data)), clocks)


def _marks(data: bytes) -> Iterator[Mark]:
    for line in data.splitlines():
        try:
            yield _decoder.decode(line)
        except msgspec.MsgspecError:
            continue  # the last line of a killed process
