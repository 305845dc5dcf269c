"""Minutes from the journal into a folder, for the console's `x` and the demo."""

from pathlib import Path

from console.journal import Journal
from console.meeting.fold import replay
from console.minutes import FORMATS, export
from console.places import templates_path


def export_minutes(db: Path, out: Path, meeting: str = "latest") -> list[Path]:
    """Write a meeting's minutes in every format; the files written.

    The secretariat's templates and emblems beside the journal are used. Raises JournalError or
    MinutesError with a text for a person.
    """
    journal = Journal.open_readonly(db)
    try:
        row = journal.find(meeting)
        recorded = journal.read(row.id)
        return export(
            replay(recorded),
            recorded,
            journal.last_hash(row.id),
            out,
            list(FORMATS),
            templates=templates_path(db),
        )
    finally:
        journal.close()
