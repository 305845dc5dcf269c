"""Journals of a meeting on the disk, and `giliran minutes` beside them."""

from pathlib import Path

from console.cli import app
from console.journal import Journal
from console.meeting.state import Meeting
from tests.console.minutes.siak_meeting import MEETING, Room


def write_book(path: Path, room: Room) -> Path:
    """The room's events as a journal file."""
    book, state = Journal(path), Meeting()
    for one in room.recorded:
        _, state = book.append_now(state, MEETING, one.at, one.actor, one.command, [one.event])
    book.close()
    return path


def run(*words: object, command: str = "minutes") -> int:
    """`giliran COMMAND …`; its exit code."""
    try:
        app([command, *(str(w) for w in words)], exit_on_error=False)
    except SystemExit as end:
        return int(end.code or 0)
    return 0
