"""Looks after the recordings beside a server: finishes them once their meeting is closed.

Also those of earlier meetings, when the server was killed before, and again when something came
later (`later-*.bin`: what a site sent after its link was back). What can't be finished is told once
and left alone until there is more of it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from console.journal import Journal, JournalError
from console.meeting.state import Meeting
from console.recording import shelf
from console.recording.finish import RecordingError, finish
from protocol import commands as c

log = logging.getLogger("giliran.recording")

LOOK_EVERY_S = 1.0


class Keeper:
    """`state` is the meeting the server holds, `is_written` whether the relay still writes its
    recording, `tell` puts the outcome into the journal."""

    def __init__(
        self,
        db: Path,
        folder: Path,
        state: Callable[[], Meeting],
        is_written: Callable[[], bool],
        tell: Callable[[c.NoteRecordingFinished], Awaitable[None]],
    ) -> None:
        self._db = db
        self._folder = folder
        self._state = state
        self._is_written = is_written
        self._tell = tell
        self._failed: dict[str, int] = {}

    async def run(self) -> None:
        """Look and finish until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for one in await asyncio.to_thread(shelf.look, self._folder):
                if one.is_finished or self._failed.get(one.meeting) == one.version:
                    continue
                if await self._is_over(one.meeting):
                    await self._finish(one)

    async def _is_over(self, meeting: str) -> bool:
        state = self._state()
        if meeting == state.id:
            return state.phase == "closed" and not self._is_written()
        return await asyncio.to_thread(self._was_closed, meeting)

    def _was_closed(self, meeting: str) -> bool:
        try:
            journal = Journal.open_readonly(self._db)
        except JournalError:
            return False
        try:
            return any(row.id == meeting and row.closed_at for row in journal.meetings())
        finally:
            journal.close()

    async def _finish(self, one: shelf.Held) -> None:
        try:
            film = await finish(self._db, self._folder, one.meeting)
        except RecordingError as error:
            log.warning("%s: %s", one.meeting, error)
            self._failed[one.meeting] = one.version
            told = c.NoteRecordingFinished("", trouble=str(error))
        else:
            log.info("%s: finished as %s", one.meeting, film.file)
            told = c.NoteRecordingFinished(
                film.file, film.length_ms, film.size_bytes, len(film.chapters)
            )
        if one.meeting == self._state().id:
            await self._tell(told)
