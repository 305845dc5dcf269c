"""A site's own voice on its disk, while it is recorded, until the recorder confirms that it has it.

Rules:
- What is spoken while a meeting is recorded is written down at once; it outlives a killed agent.
- What is not confirmed after two seconds did not arrive: it is sent again over the control link, a
  piece at a time, each until it is confirmed.
- It is bounded: beyond `MAX_BYTES` the oldest is given up and counted; beyond a day all is.
- When everything is confirmed and nobody speaks, nothing is left on the disk.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from agent.recording.later import Kept, pack, unpack

MAX_BYTES = 16_000_000
"""More than fifty minutes of voice at 40 kbit/s."""

SETTLE_MS = 2000
PIECE_BYTES = 16_000
AGAIN_AFTER_S = 5.0
LONGEST_AGAIN_S = 60.0
GIVE_UP_MS = 86_400_000
WRITE_EVERY = 10
NAME = re.compile(r"spoken-([\w-]{1,80})\.bin")


class Spool:
    """What one site spoke and the recorder does not have yet. Raises OSError where it says so."""

    def __init__(self, folder: Path) -> None:
        self.given_up = 0
        self.folder = folder
        self._meetings: dict[str, dict[tuple[int, int], Kept]] = {}
        self._size_bytes = 0
        self._meeting = ""
        self._file: int | None = None
        self._lines: list[bytes] = []
        self._sent_at = float("-inf")
        self._patience_s = AGAIN_AFTER_S
        self._load()

    def _load(self) -> None:
        """What an earlier process of this site left."""
        for path in sorted(self.folder.glob("spoken-*.bin")):
            name = NAME.fullmatch(path.name)
            if name is not None:
                for frame in unpack(path.read_bytes()):
                    self._add(name[1], frame)

    @property
    def count(self) -> int:
        """Frames that are not confirmed."""
        return sum(len(frames) for frames in self._meetings.values())

    # -- speaking ----------------------------------------------------------------------------------

    def put(self, meeting: str, frame: Kept) -> None:
        """A frame that is being sent. Raises OSError when it can't be written."""
        self._add(meeting, frame)
        if meeting != self._meeting:
            self.pause()
            self._meeting = meeting
        self._lines.append(pack(frame))
        if len(self._lines) >= WRITE_EVERY:
            self._write()

    def pause(self) -> None:
        """Nobody speaks now. Raises OSError."""
        self._write()
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if self._meeting and self._meeting not in self._meetings:
            self._path(self._meeting).unlink(missing_ok=True)
        self._meeting = ""

    def _add(self, meeting: str, frame: Kept) -> None:
        frames = self._meetings.setdefault(meeting, {})
        frames[frame.name] = frame
        self._size_bytes += len(frame.data)
        while self._size_bytes > MAX_BYTES:
            oldest = next(iter(self._meetings))
            self._forget(oldest, [next(iter(self._meetings[oldest]))])
            self.given_up += 1

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        if not lines:
            return
        if self._file is None:
            self.folder.mkdir(0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._file = os.open(self._path(self._meeting), flags, 0o600)
        os.write(self._file, b"".join(lines))

    def _path(self, meeting: str) -> Path:
        return self.folder / f"spoken-{meeting}.bin"

    # -- sending -----------------------------------------------------------------------------------

    def piece(self, clock_ms: int, now: float) -> tuple[str, bytes] | None:
        """The meeting and the frames to send now; None when there is nothing, or what was sent may
        still be confirmed. `now`: monotonic seconds."""
        if now - self._sent_at < self._patience_s:
            return None
        for meeting, frames in list(self._meetings.items()):
            old = [n for n, f in frames.items() if clock_ms - f.clock_ms > GIVE_UP_MS]
            self.given_up += len(old)
            self._forget(meeting, old)
            packed, size = [], 0
            for frame in frames.values():
                if clock_ms - frame.clock_ms >= SETTLE_MS and size < PIECE_BYTES:
                    packed.append(pack(frame))
                    size += len(packed[-1])
            if packed:
                self._sent_at = now
                self._patience_s = min(LONGEST_AGAIN_S, 2 * self._patience_s)
                return meeting, b"".join(packed)
        return None

    def confirm(self, ssrc: int, runs: Iterable[tuple[int, int]]) -> None:
        """The recorder has these (first and last number of each run)."""
        names = [(ssrc, seq) for first, last in runs for seq in range(first, last + 1)]
        for meeting in list(self._meetings):
            if self._forget(meeting, names):
                self._sent_at, self._patience_s = float("-inf"), AGAIN_AFTER_S

    def _forget(self, meeting: str, names: Iterable[tuple[int, int]]) -> bool:
        frames = self._meetings[meeting]
        gone = [frame for name in names if (frame := frames.pop(name, None)) is not None]
        self._size_bytes -= sum(len(frame.data) for frame in gone)
        if not frames:
            del self._meetings[meeting]
            if meeting == self._meeting:
                self._lines.clear()
                if self._file is not None:
                    os.ftruncate(self._file, 0)
            else:
                self._path(meeting).unlink(missing_ok=True)
        return bool(gone)

    def close(self) -> None:
        """Write the rest. Raises OSError."""
        self.pause()
