"""`giliran journal`: look after the journal file."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from console.journal import Journal, JournalError
from console.places import journal_path, templates_path
from protocol.words import N_, _, n_

if TYPE_CHECKING:
    from console.minutes.paper import Verdict

MINUTES = {
    "draft": N_("minutes: draft"),
    "submitted": N_("minutes: submitted"),
    "approved": N_("minutes: approved"),
    "returned": N_("minutes: returned"),
}

app = App(name="journal", help="Look after the journal: verify its chain, list meetings, rebuild.")


@app.command
def verify(
    file: Annotated[
        Path | None, Parameter(help="Minutes as PDF or Word file, to be compared with the journal.")
    ] = None,
    *,
    db: Path | None = None,
    templates: Annotated[
        Path | None,
        Parameter(help="Templates the file was made by; default: `templates` beside the journal."),
    ] = None,
) -> int:
    """Walk the hash chain of every event; with FILE, say whether that paper matches the journal.

    The exit code is 1 when the chain does not hold, or when the file's hash is not the journal's
    or any of its words are not what the journal gives. Signatures, stamps and pictures are not
    looked at.
    """
    try:
        journal = Journal.open_readonly(journal_path(db))
        damage = journal.verify()
    except JournalError as error:
        return _fail(error)
    if damage is not None:
        text = _("event {seq} {what}: the journal is damaged from there on")
        print(text.format(seq=damage.seq, what=damage.what), file=sys.stderr)
        return 1
    if file is not None:
        return _compare(file, journal, templates or templates_path(journal.path))
    count = journal.count()
    print(n_("{n} event, the chain holds", "{n} events, the chain holds", count).format(n=count))
    print(journal.hash)
    return 0


def _compare(file: Path, journal: Journal, templates: Path) -> int:
    from console.minutes import MinutesError
    from console.minutes.paper import check

    try:
        verdict = check(file, journal, templates)
    except (JournalError, MinutesError) as error:
        print(f"giliran journal: {error}", file=sys.stderr)
        return 1
    for line in _findings(verdict):
        print(line)
    return 0 if verdict.matches else 1


def _findings(verdict: "Verdict") -> list[str]:
    """What the comparison proves, and what it does not, line by line."""
    from console.minutes.paper import MOST_DIFFERENCES

    read = verdict.read
    where = _("meeting {meeting}, event {seq}, hash {hash}")
    lines = [where.format(meeting=read.meeting, seq=read.seq, hash=read.hash)]
    if not verdict.anchored:
        lines.append(_("DOES NOT MATCH: this journal has no such event with this hash."))
        return lines
    lines.append(_("The journal's chain holds, and this event of it has this hash."))
    if verdict.same == "bytes":
        lines.append(_("MATCHES: the file is byte for byte what the journal gives."))
    elif verdict.same == "words":
        lines.append(_("MATCHES: the file is word for word what the journal gives."))
        if read.fmt == "pdf":
            lines.append(_("It is not the same byte for byte: what covers its words is not seen."))
    else:
        count = len(verdict.differences)
        text = n_(
            "DOES NOT MATCH: it differs from what the journal gives in {n} place:",
            "DOES NOT MATCH: it differs from what the journal gives in {n} places:",
            count,
        )
        lines.append(text.format(n=count))
        for one in verdict.differences[:MOST_DIFFERENCES]:
            text = _("  journal: {journal!r}   paper: {paper!r}")
            lines.append(text.format(journal=_cut(one.journal), paper=_cut(one.paper)))
        for part, missing in verdict.missing[:MOST_DIFFERENCES]:
            text = _("  not on the paper at all, of {part}: {text!r}")
            lines.append(text.format(part=part, text=_cut(missing)))
    lines += read.remarks
    if verdict.corrections_since:
        text = n_(
            "{n} erratum was added since: this paper does not have it.",
            "{n} errata were added since: this paper does not have them.",
            verdict.corrections_since,
        )
        lines.append(text.format(n=verdict.corrections_since))
    elif verdict.later:
        text = n_(
            "The meeting's record has {n} later event.",
            "The meeting's record has {n} later events.",
            verdict.later,
        )
        lines.append(text.format(n=verdict.later))
    lines.append(_("Not looked at: signatures, stamps, pictures."))
    return lines


def _cut(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:97]}…"


@app.command
def meetings(*, db: Path | None = None) -> int:
    """List the meetings of the journal, oldest first, and what became of their minutes."""
    try:
        journal = Journal.open_readonly(journal_path(db))
        for row in journal.meetings():
            state = _("closed") if row.closed_at else _("open") if row.opened_at else _("planned")
            minutes = _(MINUTES[journal.minutes_status(row.id)]) if row.closed_at else ""
            print(f"{row.id}  {state:<8}  {minutes:<22}  {row.title}")
    except JournalError as error:
        return _fail(error)
    return 0


@app.command
def rebuild(*, db: Path | None = None) -> int:
    """Make every derived table (reports, turns, …) anew from the events."""
    try:
        count = Journal(journal_path(db)).rebuild()
    except JournalError as error:
        return _fail(error)
    print(n_("rebuilt from {n} event", "rebuilt from {n} events", count).format(n=count))
    return 0


def _fail(error: JournalError) -> int:
    print(f"giliran journal: {error}", file=sys.stderr)
    return 1
