"""`giliran minutes submit | approve | return | correct`: what becomes of minutes after a meeting.

Each is a command to the running server, or, when none runs, an event written to the journal
under the server's lock. What is submitted or approved is changed no more; an erratum of approved
minutes is printed with them.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from console.journal import Journal, JournalError
from console.meeting.fold import replay
from console.minutes import MinutesError, minutes_of
from console.minutes.errata import places_of
from console.places import journal_path
from protocol import commands as c
from protocol.words import N_, _

MEETING = Parameter(
    help="Id of the meeting or the beginning of it; `latest` is the last one that was closed."
)
BY = Parameter(help="Who does it, for the record.")
DB = Parameter(help="Journal file; default: in your data folder.")

REFUSALS = {
    "minutes-approved": N_("The minutes are approved: an erratum can be added to them."),
    "minutes-not-approved": N_("Only approved minutes get errata: change the text itself."),
    "minutes-not-submitted": N_("The minutes are not submitted yet."),
    "minutes-open": N_("The meeting is not closed yet."),
    "minutes-submitted": N_("The minutes are submitted: have them returned to change them."),
    "text-empty": N_("The text is empty."),
}


def add_to(app: App) -> None:
    """The four commands, below `giliran minutes`."""
    for name, command in (
        ("submit", submit),
        ("approve", approve),
        ("return", give_back),
        ("correct", correct),
    ):
        app.command(command, name=name)


def submit(
    meeting: Annotated[str, MEETING] = "latest",
    *,
    by: Annotated[str, BY] = "",
    db: Annotated[Path | None, DB] = None,
) -> int:
    """Put the minutes of a closed meeting before who presides (diajukan).

    They are no draft any more, and nothing in them can be changed until they are returned.
    """
    return _do(db, meeting, _("submitted"), lambda _db, id_: c.SubmitMinutes(id_, by))


def approve(
    meeting: Annotated[str, MEETING] = "latest",
    *,
    by: Annotated[str, BY] = "",
    db: Annotated[Path | None, DB] = None,
) -> int:
    """Approve submitted minutes (disahkan): attendance and text are fixed for good."""
    return _do(db, meeting, _("approved"), lambda _db, id_: c.ApproveMinutes(id_, by))


def give_back(
    meeting: Annotated[str, MEETING] = "latest",
    *,
    reason: Annotated[str, Parameter(help="What is to be done to them.")],
    by: Annotated[str, BY] = "",
    db: Annotated[Path | None, DB] = None,
) -> int:
    """Return submitted minutes to be worked on again (dikembalikan)."""
    return _do(db, meeting, _("returned"), lambda _db, id_: c.ReturnMinutes(reason, id_, by))


def correct(
    meeting: Annotated[str, MEETING] = "latest",
    *,
    was: Annotated[str, Parameter(help="The words of the approved minutes that are wrong.")],
    text: Annotated[str, Parameter(help="How they must read.")],
    reason: Annotated[str, Parameter(help="Why.")],
    part: Annotated[
        str, Parameter(help="Where, such as B.3; needed when the words stand in several places.")
    ] = "",
    by: Annotated[str, BY] = "",
    db: Annotated[Path | None, DB] = None,
) -> int:
    """Add an erratum (ralat) to approved minutes. The approved text stays as it is."""

    def made(path: Path, ident: str) -> c.CorrectMinutes:
        place = _place(path, ident, was, part)
        return c.CorrectMinutes(was, text, reason, place, ident, by)

    return _do(db, meeting, _("corrected"), made)


def _place(db: Path, meeting: str, was: str, part: str) -> str:
    """Where the words stand. Raises MinutesError when nowhere, or not only there."""
    journal = Journal.open_readonly(db)
    try:
        recorded = journal.read(meeting)
        document = minutes_of(replay(recorded), recorded, journal.last_hash(meeting))
    finally:
        journal.close()
    places = places_of(document, was)
    if not places:
        raise MinutesError(_("these words do not stand in the minutes: {was!r}").format(was=was))
    if part and part not in places:
        text = _("these words do not stand in {part}, but in {places}: {was!r}")
        raise MinutesError(text.format(part=part, places=", ".join(places), was=was))
    if part:
        return part
    if len(places) > 1:
        text = _("these words stand in {places}: say which with --part: {was!r}")
        raise MinutesError(text.format(places=", ".join(places), was=was))
    return places[0]


def _do(
    db: Path | None, meeting: str, done: str, make: Callable[[Path, str], c.ModeratorCommand]
) -> int:
    from console.giving import GivingError, Refused, give  # loads the network

    path = journal_path(db)
    try:
        journal = Journal.open_readonly(path)
        try:
            closed = [one for one in journal.meetings() if one.closed_at is not None]
            row = closed[-1] if meeting == "latest" and closed else journal.find(meeting)
        finally:
            journal.close()
        given = give(path, row.id, make(path, row.id))
    except Refused as refused:
        reason = _(REFUSALS[refused.code]) if refused.code in REFUSALS else str(refused)
        print(f"giliran minutes: {reason}", file=sys.stderr)
        return 1
    except (JournalError, GivingError, MinutesError) as error:
        print(f"giliran minutes: {error}", file=sys.stderr)
        return 1
    text = _("{title}: minutes {done} (event {seq})")
    print(text.format(title=row.title, done=done, seq=given.seq))
    return 0
