"""`giliran journal`: look after the journal file."""

import sys
from pathlib import Path

from cyclopts import App

from console.journal import Journal, JournalError
from console.places import journal_path
from protocol.words import _, n_

app = App(name="journal", help="Look after the journal: verify its chain, list meetings, rebuild.")


@app.command
def verify(*, db: Path | None = None) -> int:
    """Walk the hash chain of every event; exit code 1 when it does not hold."""
    try:
        journal = Journal.open_readonly(journal_path(db))
        damage = journal.verify()
    except JournalError as error:
        return _fail(error)
    if damage is not None:
        text = _("event {seq} {what}: the journal is damaged from there on")
        print(text.format(seq=damage.seq, what=damage.what), file=sys.stderr)
        return 1
    count = journal.count()
    print(n_("{n} event, the chain holds", "{n} events, the chain holds", count).format(n=count))
    print(journal.hash)
    return 0


@app.command
def meetings(*, db: Path | None = None) -> int:
    """List the meetings of the journal, oldest first."""
    try:
        rows = Journal.open_readonly(journal_path(db)).meetings()
    except JournalError as error:
        return _fail(error)
    for row in rows:
        state = _("closed") if row.closed_at else _("open") if row.opened_at else _("planned")
        print(f"{row.id}  {state:<8}  {row.title}")
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
