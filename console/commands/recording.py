"""`giliran recording`: list, finish, export and prune recordings."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from console.journal import Journal, JournalError, MeetingRow
from console.meeting.fold import replay
from console.meeting.state import Meeting
from console.places import journal_path, recordings_folder
from console.recording import finish as finishing
from console.recording import shelf
from console.recording.finish import RecordingError
from protocol.words import _, n_

HELP = """Recordings of meetings: list, finish, write as other files, delete those past their time.

What the floor, the chair and the panel say and what is shown is recorded by the relay, encoded as
it comes, into segments: one from each start, and one more after each pause and each restart. When
the meeting closes the server makes one film of them, `rekaman-DATE-ID.mkv`, with a chapter a turn,
and a clip of each speaker's voice in `clips`. They lie in `recordings` beside the journal, a folder
a meeting.

The film's first track of sound is the program: who speaks, at any moment. The others have the
chair, the floor and the panel each by itself.
"""

app = App(name="recording", help=HELP, help_format="markdown")

MeetingName = Annotated[
    str, Parameter(help="Id of the meeting or the beginning of it; `latest` is the last one.")
]
Db = Annotated[Path | None, Parameter(help="Journal file; default: in your data folder.")]
Folder = Annotated[
    Path | None, Parameter(help="Folder of recordings; default: `recordings` beside the journal.")
]


@app.command(name="list")
def list_(*, db: Db = None, recordings: Folder = None) -> int:
    """List the recordings: meeting, length, size, chapters, whether it is finished."""
    path = journal_path(db)
    folder = recordings or recordings_folder(path)
    try:
        rows = {row.id: row for row in _rows(path)}
    except JournalError as error:
        return _fail(error)
    every = shelf.look(folder)
    for one in every:
        row = rows.get(one.meeting)
        title = _("not in this journal") if row is None else row.title
        if one.film is None:
            state = n_("{n} segment, not finished", "{n} segments, not finished", one.segments)
            state = state.format(n=one.segments)
        else:
            state = n_("{n} chapter", "{n} chapters", len(one.film.chapters))
            state = f"{_length(one.film.length_ms)}  {state.format(n=len(one.film.chapters))}"
            if not one.is_finished:
                state += "  " + _("something came since: finish it again")
        print(f"{one.meeting}  {one.size_bytes() / 1e6:8.1f} MB  {state}  {title}")
        if one.film is not None:
            print(f"  {one.folder / one.film.file}")
    if not every:
        print(_("there are no recordings in {folder}").format(folder=folder))
    return 0


@app.command
def chapters(meeting: MeetingName = "latest", *, db: Db = None, recordings: Folder = None) -> int:
    """List the chapters of a finished recording, each with its place in the film."""
    try:
        one = _held(meeting, db, recordings)
    except (JournalError, RecordingError) as error:
        return _fail(error)
    assert one.film is not None
    print(one.folder / one.film.file)
    for chapter in one.film.chapters:
        print(f"{_length(chapter.began_ms)}  {_length(chapter.ended_ms)}  {chapter.title}")
    return 0


@app.command(name=["finalise", "finish"])
def finalise(meeting: MeetingName = "latest", *, db: Db = None, recordings: Folder = None) -> int:
    """Make the film and the clips of a recording (again).

    The server does so when the meeting closes. By hand it is for a meeting that was never closed,
    a server that was killed, or a film that was lost: the segments stay, and may be finished any
    number of times.
    """
    path = journal_path(db)
    folder = recordings or recordings_folder(path)
    try:
        film = asyncio.run(finishing.finish(path, folder, meeting))
    except (RecordingError, OSError) as error:
        return _fail(error)
    place = folder / film.meeting
    print(place / film.file)
    for clip in film.clips:
        print(place / clip.file)
    return 0


@app.command
def export(
    meeting: MeetingName = "latest",
    *,
    o: Annotated[
        Path,
        Parameter(name=["-o", "--output"], help="File to write: .mkv, .webm, .mp4 or .opus."),
    ],
    sound: Annotated[bool, Parameter(help="The sound alone.", negative="")] = False,
    db: Db = None,
    recordings: Folder = None,
) -> int:
    """Write a finished recording as a file of another kind, with its chapters.

    Nothing is coded anew, so it takes seconds and loses nothing. WebM holds everything, and plays
    in browsers. MP4 can't hold VP8, the code of the pictures: it gets the program's sound alone
    (--sound). Opus is the program's sound without chapters.
    """
    try:
        one = _held(meeting, db, recordings)
        assert one.film is not None
        options = ["--sound"] if sound else []
        source = one.folder / one.film.file
        asyncio.run(finishing.ask("convert-film", str(source), str(o), *options))
    except (JournalError, RecordingError, OSError) as error:
        return _fail(error)
    print(o)
    return 0


@app.command
def prune(
    *,
    days: Annotated[
        int | None,
        Parameter(help="Also those whose meeting sets no time and closed so many days ago."),
    ] = None,
    yes: Annotated[bool, Parameter(help="Delete them; without, only list them.")] = False,
    db: Db = None,
    recordings: Folder = None,
) -> int:
    """Delete recordings that were kept as long as they are to be kept.

    How long is the roster's `keep_days` in `[meeting.recording]`, counted from the closing of the
    meeting; 0 keeps for ever, unless --days is given. Never deleted are a recording that is not
    past its time, one of a meeting that is not closed, and one that is not in this journal.
    """
    path = journal_path(db)
    folder = recordings or recordings_folder(path)
    if days is not None and days < 1:
        return _fail(RecordingError(_("--days: expected 1 or more")))
    now = time.time_ns() // 1_000_000
    past: list[tuple[shelf.Held, Meeting]] = []
    try:
        known = {row.id for row in _rows(path)}
        for one in shelf.look(folder):
            if one.meeting in known:
                state = _state(path, one.meeting)
                keep_days = state.plan.recording.keep_days or days or 0
                if shelf.is_past(state.closed_at, keep_days, now):
                    past.append((one, state))
        for one, state in past:
            size_mb = one.size_bytes() / 1e6
            if yes:
                shelf.remove(one)
            print(f"{one.meeting}  {size_mb:8.1f} MB  {state.plan.title}")
    except (JournalError, OSError) as error:
        return _fail(error)
    if not past:
        print(_("no recording is past its time"))
    elif not yes:
        print(_("nothing was deleted; add --yes to delete these"), file=sys.stderr)
    return 0


def _rows(path: Path) -> list[MeetingRow]:
    journal = Journal.open_readonly(path)
    try:
        return journal.meetings()
    finally:
        journal.close()


def _state(path: Path, meeting: str) -> Meeting:
    journal = Journal.open_readonly(path)
    try:
        return replay(journal.read(meeting))
    finally:
        journal.close()


def _held(meeting: str, db: Path | None, recordings: Path | None) -> shelf.Held:
    """A finished recording. Raises RecordingError, JournalError."""
    path = journal_path(db)
    journal = Journal.open_readonly(path)
    try:
        row = journal.find(meeting)
    finally:
        journal.close()
    place = (recordings or recordings_folder(path)) / row.id
    one = shelf.held(place)
    if one is None:
        text = _("{title}: this meeting was not recorded, or not on this machine ({folder})")
        raise RecordingError(text.format(title=row.title, folder=place))
    if one.film is None:
        text = _("{title}: the recording is not finished; run `giliran recording finalise`")
        raise RecordingError(text.format(title=row.title))
    return one


def _length(ms: int) -> str:
    """`0:41:07`."""
    return f"{ms // 3_600_000}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}"


def _fail(error: Exception) -> int:
    print(f"giliran recording: {error}", file=sys.stderr)
    return 1
