"""Has the film of a recording made, in a process of its own: the console's room has no media."""

import asyncio
import os
import sys
from pathlib import Path

import msgspec

from console.journal import Journal, JournalError
from console.meeting.fold import replay
from console.recording.cues import cues_of
from protocol.recording import CUES, Film
from protocol.words import _

NICE = 10


class RecordingError(Exception):
    """It can't be done; the text says why."""


def write_cues(db: Path, folder: Path, meeting: str) -> Path:
    """Write the cue sheet into the meeting's folder, as the journal has it now; that folder.

    Raises RecordingError, JournalError.
    """
    journal = Journal.open_readonly(db)
    try:
        row = journal.find(meeting)
        recorded = journal.read(row.id)
    finally:
        journal.close()
    state = replay(recorded)
    place = folder / row.id
    if not state.recorded or not place.is_dir():
        text = _("{title}: this meeting was not recorded, or not on this machine ({folder})")
        raise RecordingError(text.format(title=row.title, folder=place))
    cues = cues_of(state, recorded)
    part = place / f"{CUES}.part"
    part.write_bytes(msgspec.json.format(msgspec.json.encode(cues), indent=1) + b"\n")
    part.replace(place / CUES)
    return place


async def ask(*arguments: str) -> str:
    """Call a command of `giliran`, below all that is alive; what it printed. Raises RecordingError
    with what it complained of; cancelled, it ends it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "console.cli",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=_be_nice,
    )
    try:
        out, complaint = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        lines = complaint.decode(errors="replace").strip().splitlines()
        raise RecordingError(lines[-1] if lines else _("ended without a word"))
    return out.decode()


def _be_nice() -> None:
    os.nice(NICE)


async def finish(db: Path, folder: Path, meeting: str) -> Film:
    """Make the film of a meeting. Raises RecordingError."""
    try:
        place = await asyncio.to_thread(write_cues, db, folder, meeting)
    except (JournalError, OSError) as error:
        raise RecordingError(str(error)) from error
    return msgspec.json.decode(await ask("film", str(place)), type=Film)
