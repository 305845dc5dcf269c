"""What lies in the folder of a recording: the segments' frames, placed in the film's time."""

import mmap
from collections.abc import Iterator
from pathlib import Path

import msgspec

from agent.recording import segment
from agent.recording.segment import PICTURE, SLOT_TRACKS, Clock, Ended, Fed, Segment
from protocol.recording import Cues

NEAREST_MS = 10
"""Two frames of 20 ms of one track are never nearer than this: one of them is a duplicate."""

EDGE_MS = 100
"""A source's first frames may stand so much before the mark that it began."""


class Placed(msgspec.Struct, frozen=True):
    """A frame at its place in the film. `file` numbers the files of the material."""

    at_ms: int
    file: int
    offset: int
    size: int
    is_key: bool
    site: str = ""


class Material:
    """Everything recorded of one meeting. Raises FileNotFoundError when nothing was."""

    def __init__(self, folder: Path, cues: Cues) -> None:
        self.segments: list[Segment] = []
        self.tracks: dict[int, list[Placed]] = {}
        self._files: list[mmap.mmap] = []
        for _number, path in segment.segments(folder):
            if path.stat().st_size == 0:
                continue
            with path.open("rb") as file:
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            one = segment.read(path, data)  # type: ignore[arg-type]
            if one is None:
                data.close()
                continue
            self.segments.append(one)
            self._files.append(data)
            self._place(one, len(self._files) - 1, cues)
        if not self.segments:
            raise FileNotFoundError(f"{folder}: nothing was recorded here")
        for number, track in self.tracks.items():
            ordered = _in_order if number == PICTURE else _apart
            self.tracks[number] = list(ordered(track))

    def _place(self, one: Segment, file: int, cues: Cues) -> None:
        clocks = [mark for mark in one.marks if isinstance(mark, Clock)]
        slots = {number: slot for slot, number in SLOT_TRACKS.items()}
        fed = {number: _fed(one, slot) for number, slot in slots.items()}
        for block in one.blocks:
            utc_ms = one.utc_ms(block.at_ms) if clocks else one.began.utc_ms + block.at_ms
            if not cues.is_recorded(utc_ms):
                continue
            marks = fed.get(block.track, [])
            site = next((s for at, s in reversed(marks) if at <= block.at_ms + EDGE_MS), "")
            placed = Placed(
                cues.place_ms(utc_ms), file, block.offset, block.size, block.is_key, site
            )
            self.tracks.setdefault(block.track, []).append(placed)

    def data(self, frame: Placed) -> bytes:
        """The bytes of a frame."""
        return self._files[frame.file][frame.offset : frame.offset + frame.size]

    @property
    def torn(self) -> int:
        """Segments that nobody closed."""
        return sum(not isinstance(one.marks[-1], Ended) for one in self.segments)

    @property
    def dropped(self) -> int:
        """Frames the disk was too slow for."""
        ends = [one.marks[-1] for one in self.segments]
        counts = {one.began.relay: 0 for one in self.segments}
        for one, end in zip(self.segments, ends, strict=True):
            if isinstance(end, Ended):
                counts[one.began.relay] = max(counts[one.began.relay], end.dropped)
        return sum(counts.values())

    def close(self) -> None:
        for data in self._files:
            data.close()


def _fed(one: Segment, slot: str) -> list[tuple[int, str]]:
    """(from when, which site) of a slot, in order; without repetitions."""
    found: list[tuple[int, str]] = []
    for mark in one.marks:
        if isinstance(mark, Fed) and mark.slot == slot:
            if not found or found[-1][1] != mark.site:
                found.append((mark.at_ms, mark.site))
    return found


def _apart(track: list[Placed]) -> Iterator[Placed]:
    """Sound in the order of its times, nothing twice."""
    last = -NEAREST_MS
    for frame in sorted(track, key=lambda one: one.at_ms):
        if frame.at_ms - last >= NEAREST_MS:
            last = frame.at_ms
            yield frame


def _in_order(track: list[Placed]) -> Iterator[Placed]:
    """Pictures in the order they refer to each other, which is that of writing; from each key
    frame on."""
    last, file = -1, -1
    for frame in track:
        if frame.file != file and not frame.is_key:
            continue  # its reference is in another segment
        file = frame.file
        last = max(last + 1, frame.at_ms)
        yield msgspec.structs.replace(frame, at_ms=last)
