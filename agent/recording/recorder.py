"""Records the program: what the slots carry, as it came, encoded, into segments on the disk.

Rules:
- Forwarding never waits for the disk: the relay's loop only puts a frame into a bounded queue, all
  else is done by a thread of its own. What finds the queue full is dropped and counted.
- What was said is in the file half a second later, on the disk itself 1 s after that: so long it
  waits for what comes after it, by which a source's first frames have their places.
- Frames are written as they come, with their own times (`agent.recording.timeline`): one that was
  lost and asked for again comes late and still has its place.
- A picture is written when it is whole; one whose reference is missing is not written, and a key
  frame is asked for.
- A disk that is nearly full ends the recording in good order, before it is full.
"""

import logging
import math
import re
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from agent import lines, rtp
from agent.audio.hop import Frame
from agent.picture import vp8_packets
from agent.recording.later import pack, ranges, unpack
from agent.recording.program import Program
from agent.recording.segment import (
    PICTURE,
    PROGRAM,
    SLOT_TRACKS,
    Began,
    Clock,
    Ended,
    Fed,
    SegmentWriter,
    append,
)
from agent.recording.timeline import Timeline
from protocol import messages as m
from protocol.binary import Later

log = logging.getLogger("giliran.recorder")

WRITE_EVERY_S = 0.1
AHEAD_S = 0.4
"""So long each frame waits: a process that is held up reads what came meanwhile at once."""

SYNC_EVERY_S = 1.0
LOOK_EVERY_S = 2.0
QUEUE = 20_000
NAME = re.compile(r"[\w-]{1,80}")
MB = 1_000_000
PROGRAM_SLOTS = ("floor", "chair", "panel-1", "panel-2")

# What it is, its slot, site and SSRC, when it came.
Voice = tuple[Literal["voice"], str, str, int, float, Frame]
Picture = tuple[Literal["picture"], str, str, int, float, rtp.Header, bytes]
Late = tuple[Literal["later"], Later]
Order = tuple[Literal["order"], m.RecordOrder | None, float]
Items = Iterable[Voice | Picture | Order | Late]


def free_bytes(folder: Path) -> int:
    """What is free on the disk that a folder is on, or will be. Raises OSError."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


class Recorder:
    """The relay's recorder. `folder` holds a folder a meeting; None: this relay can't record."""

    def __init__(
        self,
        folder: Path | None,
        *,
        relay: str = "",
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self.dropped = 0
        self._folder = folder
        self._relay = relay
        self._free = free
        self._items: deque[Voice | Picture | Order | Late] = deque()
        self._waiting: deque[Voice | Picture | Order | Late] = deque()
        """Of the thread: what it has taken from the queue."""
        # (site, SSRC) → numbers of frames that are written since they were told last
        self._kept: dict[tuple[str, int], list[int]] = {}
        self._kept_lock = threading.Lock()
        self._order: m.RecordOrder | None = None
        self._reading = m.RecordingReading()
        self._wants_key_frame = False
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    # -- the relay's side: nothing here waits ------------------------------------------------------

    @property
    def is_on(self) -> bool:
        """Whether frames are wanted."""
        return self._order is not None

    def take_order(self, order: m.RecordOrder | None, now: float) -> None:
        """What the server wants recorded from now on (None: nothing)."""
        if order == self._order:
            return
        self._order = order
        self._items.append(("order", order, now))
        self._start()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
            self._thread.start()

    def voice(self, slot: str, site: str, ssrc: int, frame: Frame, arrival: float) -> None:
        """A frame of sound of a slot. `ssrc`, number and timestamp are the site's own."""
        if self._order is not None:
            self._put(("voice", slot, site, ssrc, arrival, frame))

    def picture(
        self, slot: str, site: str, header: rtp.Header, packet: bytes, arrival: float
    ) -> None:
        """A packet of a slot's picture, with the site's own header."""
        if self._order is not None and slot in SLOT_TRACKS:
            self._put(("picture", slot, site, header.ssrc, arrival, header, packet))

    def take_later(self, later: Later) -> None:
        """What a site sends afterwards, of whatever meeting that is recorded here."""
        self._put(("later", later))
        self._start()

    def take_kept(self) -> list[m.Kept]:
        """What is on the disk of each site's voice since the last time."""
        with self._kept_lock:
            kept, self._kept = self._kept, {}
        return [m.Kept(site, ssrc, ranges(seqs)) for (site, ssrc), seqs in kept.items()]

    def _put(self, item: Voice | Picture | Late) -> None:
        if len(self._items) >= QUEUE:
            self.dropped += 1
        else:
            self._items.append(item)

    def take_key_frame_wish(self) -> bool:
        """Whether a key frame is needed; told once."""
        wants, self._wants_key_frame = self._wants_key_frame, False
        return wants

    def reading(self) -> m.RecordingReading:
        """How the recording stands."""
        return self._reading

    def close(self) -> None:
        """Write what is queued and end the segment; waits for the disk."""
        self._order = None
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    # -- the thread --------------------------------------------------------------------------------

    def _run(self) -> None:
        take: _Take | None = None
        while True:
            is_last = self._stopping.wait(WRITE_EVERY_S)
            take = self._work(take)
            if is_last and not self._items:
                if take is not None:
                    self._end(take, time.monotonic())
                return

    def _work(self, take: "_Take | None") -> "_Take | None":
        """Write what waited for long enough."""
        while self._items:
            self._waiting.append(self._items.popleft())
        until = math.inf if self._stopping.is_set() else time.monotonic() - AHEAD_S
        while self._waiting and _came_at(self._waiting[0]) <= until:
            item = self._waiting.popleft()
            if item[0] == "order":
                if take is not None:
                    self._end(take, item[2])
                take = self._begin(item[1], item[2])
            elif item[0] == "later":
                self._write_later(item[1])
            elif take is not None:
                take.put(item, self._waiting)
        if take is None:
            return None
        try:
            now = time.monotonic()
            free_mb = take.write(now)
        except OSError as error:
            self._fail(take, error)
            return None
        self._confirm(take.take_written())
        self._wants_key_frame |= take.wants_key_frame(min(now, until))
        order = take.order
        self._reading = m.RecordingReading(
            state="on",
            meeting=order.meeting,
            segment=take.writer.path.stem,
            seconds=round(now - take.began_at, 1),
            size_bytes=take.writer.size_bytes,
            free_mb=free_mb,
            dropped=self.dropped,
        )
        if free_mb < order.stop_free_mb:
            log.warning("the disk is nearly full (%d MB free): recording ends", free_mb)
            self._end(take, now, state="full")
            return None
        return take

    def _confirm(self, written: dict[tuple[str, int], list[int]]) -> None:
        with self._kept_lock:
            for name, seqs in written.items():
                self._kept.setdefault(name, []).extend(seqs)

    def _write_later(self, later: Later) -> None:
        """Beside the segments; the film has it in its place. What has no place here, a recording
        of another relay's, is not confirmed."""
        if self._folder is None or not NAME.fullmatch(later.meeting):
            return
        if not NAME.fullmatch(later.site) or not (self._folder / later.meeting).is_dir():
            return
        path = self._folder / later.meeting / f"later-{later.site}.bin"
        frames = list(unpack(later.frames))
        try:
            append(path, b"".join(pack(frame) for frame in frames))
        except OSError as error:
            log.error("can't write what %s sent: %s", later.site, error)
            return
        written: dict[tuple[str, int], list[int]] = {}
        for frame in frames:
            written.setdefault((later.site, frame.ssrc), []).append(frame.seq)
        self._confirm(written)

    def _begin(self, order: m.RecordOrder | None, now: float) -> "_Take | None":
        if order is None:
            self._reading = m.RecordingReading(dropped=self.dropped)
            return None
        try:
            if self._folder is None:
                raise OSError("this relay has no folder for recordings")
            free_mb = self._free(self._folder) // MB
            if free_mb < order.stop_free_mb:
                self._reading = m.RecordingReading("full", order.meeting, free_mb=free_mb)
                return None
            take = _Take(self._folder, order, self._relay, now, self._free)
        except OSError as error:
            self._fail(None, error, order.meeting)
            return None
        log.info("recording into %s", take.writer.path)
        self._wants_key_frame = True
        return take

    def _end(
        self, take: "_Take", now: float, state: Literal["off", "full", "failed"] = "off"
    ) -> None:
        reading, trouble = self._reading, ""
        try:
            take.close(now, self.dropped)
        except OSError as error:
            state, trouble = "failed", error.strerror or str(error)
        self._reading = m.RecordingReading(
            state,
            take.order.meeting,
            segment=take.writer.path.stem,
            size_bytes=take.writer.size_bytes,
            free_mb=reading.free_mb,
            dropped=self.dropped,
            trouble=trouble,
        )

    def _fail(self, take: "_Take | None", error: OSError, meeting: str = "") -> None:
        trouble = error.strerror or str(error)
        log.error("can't record: %s", trouble)
        if take is not None:
            meeting = take.order.meeting
            try:
                take.close(time.monotonic(), self.dropped)
            except OSError:
                pass
        self._reading = m.RecordingReading("failed", meeting, dropped=self.dropped, trouble=trouble)


def _came_at(item: Voice | Picture | Order | Late) -> float:
    """When a frame came; what is no frame need not wait."""
    return item[4] if item[0] in ("voice", "picture") else -math.inf


class _Take:
    """One segment being written. Raises OSError."""

    def __init__(
        self,
        folder: Path,
        order: m.RecordOrder,
        relay: str,
        now: float,
        free: Callable[[Path], int],
    ) -> None:
        if not NAME.fullmatch(order.meeting):
            raise OSError(f"{order.meeting!r} is no name of a folder")
        self.order = order
        self.began_at = now
        # The order waited in the queue: the segment begins when it was given.
        utc_ms = round(1000 * (time.time() - (time.monotonic() - now)))
        self._folder = folder / order.meeting
        self.writer = SegmentWriter(self._folder, Began(order.meeting, utc_ms, relay))
        self._utc_s = utc_ms / 1000 - now
        self._free = free
        self._free_mb = 0
        self._looked_at = float("-inf")
        self._synced_at = now
        self._program = Program(PROGRAM_SLOTS)
        self._lines: dict[str, tuple[Timeline, int]] = {}
        self._pictures = vp8_packets.Assembler()
        self._picture_ssrc = 0
        self._written: dict[tuple[str, int], list[int]] = {}

    def put(self, item: Voice | Picture, ahead: Items) -> None:
        """A frame, or a packet of a picture; `ahead`: what came after it."""
        if item[0] == "voice":
            self._put_voice(item, ahead)
        else:
            self._put_picture(item, ahead)

    def _put_voice(self, item: Voice, ahead: Items) -> None:
        _kind, slot, site, ssrc, _arrival, frame = item
        at_ms = self._at_ms(item, lines.OPUS_CLOCK, frame.ts, ahead)
        self.writer.block(SLOT_TRACKS[slot], at_ms, frame.data, is_key=True)
        self._written.setdefault((site, ssrc), []).append(frame.seq)
        for moment, data in self._program.push(slot, at_ms, frame.level, frame.data):
            self.writer.block(PROGRAM, moment, data, is_key=True)

    def _put_picture(self, item: Picture, ahead: Items) -> None:
        _kind, _slot, _site, ssrc, arrival, header, packet = item
        payload = packet[header.payload_offset : header.payload_end]
        if ssrc != self._picture_ssrc:
            self._picture_ssrc = ssrc
            self._pictures = vp8_packets.Assembler()  # its numbers are another site's
        for picture in self._pictures.push(header, payload, arrival):
            at_ms = self._at_ms(item, lines.VP8_CLOCK, picture.ts, ahead)
            self.writer.block(PICTURE, at_ms, picture.data, is_key=picture.keyframe)

    def _at_ms(self, item: Voice | Picture, clock_rate: int, ts: int, ahead: Items) -> int:
        source, arrival = item[:4], item[4]
        _kind, slot, site, ssrc = source

        def following() -> list[tuple[int, float]]:
            """What its source sent after it; of a picture the last packet tells."""
            return [
                (other[5].ts, other[4])
                for other in ahead
                if other[0] == "voice" or other[0] == "picture" and other[5].marker
                if other[:4] == source
            ]

        timeline, told = self._lines.get(slot) or (Timeline(clock_rate), 0)
        at_ms = max(0, round(1000 * (timeline.at(ssrc, ts, arrival, following) - self.began_at)))
        if timeline.begins != told:
            first_ts, first = timeline.base
            first_ms = round(1000 * (first - self.began_at))
            self.writer.mark(Fed(first_ms, slot, site, ssrc, first_ts))
        self._lines[slot] = (timeline, timeline.begins)
        return at_ms

    def wants_key_frame(self, now: float) -> bool:
        self._pictures.missing(now)
        return self._pictures.needs_key_frame(now)

    def write(self, now: float) -> int:
        """Everything so far; MB free on the disk."""
        if now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            self._free_mb = self._free(self._folder) // MB
            utc_s = time.time() - time.monotonic()
            if abs(utc_s - self._utc_s) > 0.01:
                self._utc_s = utc_s
                at_ms = round(1000 * (now - self.began_at))
                self.writer.mark(Clock(at_ms, round(1000 * (utc_s + now))))
        self.writer.flush()
        if now - self._synced_at >= SYNC_EVERY_S:
            self._synced_at = now
            self.writer.sync()
        return self._free_mb

    def take_written(self) -> dict[tuple[str, int], list[int]]:
        """(site, SSRC) → numbers of the frames of sound that the last `write` wrote."""
        written, self._written = self._written, {}
        return written

    def close(self, now: float, dropped: int) -> None:
        self.writer.mark(Ended(round(1000 * (now - self.began_at)), dropped))
        self.writer.close()
