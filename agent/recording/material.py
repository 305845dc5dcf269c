"""What lies in the folder of a recording: the segments' frames, placed in the film's time."""

import bisect
import mmap
import statistics
from collections.abc import Iterator
from pathlib import Path

import msgspec

from agent import rtp
from agent.recording import segment
from agent.recording.later import Kept, located
from agent.recording.segment import (
    PICTURE,
    PROGRAM,
    SLOT_TRACKS,
    Ended,
    Fed,
    Segment,
)
from protocol.recording import Cues, Span

FRAME_MS = 20
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
        self._files: list[mmap.mmap | bytes] = []
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
        self.later_ms = sum(self._place_later(path, cues) for path in folder.glob("later-*.bin"))
        for number, track in self.tracks.items():
            ordered = _in_order if number == PICTURE else _apart
            self.tracks[number] = list(ordered(track))

    def _place(self, one: Segment, file: int, cues: Cues) -> None:
        slots = {number: slot for slot, number in SLOT_TRACKS.items()}
        fed = {number: _fed(one, slot) for number, slot in slots.items()}
        for block in one.blocks:
            utc_ms = one.utc_ms(block.at_ms)
            if not cues.is_recorded(utc_ms):
                continue
            marks = fed.get(block.track, [])
            site = next((s for at, s in reversed(marks) if at <= block.at_ms + EDGE_MS), "")
            placed = Placed(
                cues.place_ms(utc_ms), file, block.offset, block.size, block.is_key, site
            )
            self.tracks.setdefault(block.track, []).append(placed)

    def _place_later(self, path: Path, cues: Cues) -> int:
        """What a site sent afterwards, where it was to be heard; how many ms of it are new."""
        site = path.stem.removeprefix("later-")
        data = path.read_bytes()
        offsets: dict[tuple[int, int], int] = {}
        frames: dict[tuple[int, int], Kept] = {}
        for offset, frame in located(data):
            offsets[frame.name], frames[frame.name] = offset, frame
        self._files.append(data)
        dated = [
            (utc_ms, Placed(cues.place_ms(utc_ms), len(self._files) - 1, offsets[frame.name],
                            len(frame.data), True, site))
            for utc_ms, frame in _dated(list(frames.values()), self.segments)
            if cues.is_recorded(utc_ms)
        ]  # fmt: skip
        return sum(self._add(dated, slot, spans) for slot, spans in _where(site, cues).items())

    def _add(self, dated: list[tuple[int, Placed]], slot: str, spans: list[Span]) -> int:
        """What was said at these times, into the track of a slot and the program; how many ms of it
        are new."""
        track = self.tracks.setdefault(SLOT_TRACKS[slot], [])
        known = sorted(frame.at_ms for frame in track)
        fresh = [
            placed
            for utc_ms, placed in dated
            if any(span.holds(utc_ms) for span in spans) and not _is_near(known, placed.at_ms)
        ]
        track.extend(fresh)
        program = self.tracks.setdefault(PROGRAM, [])
        if slot in ("chair", "floor"):
            # The program is who speaks; while one was gone somebody else may have had it.
            heard = sorted(frame.at_ms for frame in fresh)
            program[:] = [one for one in program if not _is_near(heard, one.at_ms, FRAME_MS)]
            program.extend(fresh)
        else:
            heard = sorted(frame.at_ms for frame in program)
            program.extend(one for one in fresh if not _is_near(heard, one.at_ms, FRAME_MS))
        return FRAME_MS * len(fresh)

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
            if isinstance(data, mmap.mmap):
                data.close()


def _where(site: str, cues: Cues) -> dict[str, list[Span]]:
    """In which slots a site was to be heard, and when."""
    if site == cues.chair:
        return {"chair": list(cues.recorded)}
    found: dict[str, list[Span]] = {}
    if site in cues.floor:
        found["floor"] = list(cues.floor[site])
    for seat in cues.panel:
        if seat.site == site and seat.slot in SLOT_TRACKS:
            found.setdefault(seat.slot, []).append(seat.span)
    return found


def _dated(frames: list[Kept], segments: list[Segment]) -> list[tuple[int, Kept]]:
    """Each frame with its time of day. Frames of an SSRC that arrived live, too, have the time of
    the recording; they tell how far the site's clock is off, by which the others are dated."""
    known: dict[int, list[tuple[int, int]]] = {}
    for one in segments:
        for mark in one.marks:
            if isinstance(mark, Fed):
                known.setdefault(mark.ssrc, []).append((mark.ts, one.utc_ms(mark.at_ms)))
    dated: list[tuple[int, Kept]] = []
    off_ms: list[tuple[int, int]] = []
    for frame in frames:
        if frame.ssrc in known:
            # Its turn is that with the nearest mark, the last of several of the same moment.
            marks = reversed(known[frame.ssrc])
            ts, utc_ms = min(marks, key=lambda mark: abs(rtp.ts_delta(frame.ts, mark[0])))
            at = utc_ms + round(rtp.ts_delta(frame.ts, ts) / 48)
            dated.append((at, frame))
            off_ms.append((frame.clock_ms, at - frame.clock_ms))
    strangers: dict[int, list[Kept]] = {}
    for frame in frames:
        if frame.ssrc not in known:
            strangers.setdefault(frame.ssrc, []).append(frame)
    for spoken in strangers.values():
        # As far apart as they were captured; the clock was read when there was time to.
        first = spoken[0]
        after_ms = [rtp.ts_delta(frame.ts, first.ts) / 48 for frame in spoken]
        begins = (frame.clock_ms - ms for frame, ms in zip(spoken, after_ms, strict=True))
        begin_ms = statistics.median(begins)
        nearest = min(off_ms, key=lambda one: abs(one[0] - begin_ms), default=(0, 0))
        dated += [
            (round(begin_ms + ms + nearest[1]), frame)
            for frame, ms in zip(spoken, after_ms, strict=True)
        ]
    return dated


def _is_near(places: list[int], at_ms: int, within_ms: int = NEAREST_MS) -> bool:
    """Whether one of these places, in order, is nearer than `within_ms`: so near is a duplicate."""
    index = bisect.bisect_left(places, at_ms - within_ms + 1)
    return index < len(places) and places[index] < at_ms + within_ms


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
