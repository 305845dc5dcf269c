"""`giliran minutes`: write the minutes of a meeting, during it or after it."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from console.journal import Journal, JournalError
from console.meeting.state import replay
from console.minutes import (
    FORMATS,
    MinutesError,
    Style,
    export,
    lifecycle,
    minutes_of,
    no_format,
    rendered,
)
from console.minutes.form import Paper, TitleWord
from console.places import journal_path

STDOUT = Path("-")

app = App(name="minutes")
lifecycle.add_to(app)


@app.default
def minutes(
    meeting: Annotated[
        str, Parameter(help="Id of the meeting or the beginning of it; `latest` is the last one.")
    ] = "latest",
    *,
    format: Annotated[  # noqa: A002 - the option's name
        list[str] | None,
        Parameter(
            name=["--format", "-f"],
            negative="",
            help="md, docx, pdf, json, csv or all; may be repeated. Default: by the suffix of -o, "
            "else md.",
        ),
    ] = None,
    o: Annotated[
        Path | None,
        Parameter(
            name=["-o", "--output"],
            allow_leading_hyphen=True,
            help="File, or folder for several formats; `-` prints. Default: the current folder.",
        ),
    ] = None,
    db: Annotated[
        Path | None, Parameter(help="Journal file; default: in your data folder.")
    ] = None,
    title: Annotated[TitleWord, Parameter(help="The title's word.")] = "notula",
    paper: Annotated[Paper, Parameter(help="A4, or F4 (215 × 330 mm).")] = "a4",
    templates: Annotated[
        Path | None,
        Parameter(
            help="Folder with templates of your own (notula.typ, notula.docx, notula.md); the "
            "shipped ones stand in for those not there."
        ),
    ] = None,
) -> int:
    """Write the minutes (notula rapat) of a meeting.

    While the meeting is open they are marked DRAF. The footer bears the hash of the journal's
    last event, so that a printed page can be checked against the journal.
    """
    try:
        wanted = _formats(format, o)
        journal = Journal.open_readonly(journal_path(db))
        try:
            row = journal.find(meeting)
            recorded = journal.read(row.id)
            last_hash = journal.last_hash(row.id)
        finally:
            journal.close()
        state, style = replay(recorded), Style(title=title, paper=paper)
        if o == STDOUT:
            document = minutes_of(state, recorded, last_hash, style)
            for fmt in wanted:
                sys.stdout.buffer.write(rendered(document, fmt, templates))
            return 0
        written = export(
            state, recorded, last_hash, o or Path(), wanted, style=style, templates=templates
        )
    except (JournalError, MinutesError) as error:
        print(f"giliran minutes: {error}", file=sys.stderr)
        return 1
    for path in written:
        print(path)
    return 0


def _formats(given: list[str] | None, o: Path | None) -> list[str]:
    names = [one.strip().lower() for text in given or () for one in text.split(",")]
    if "all" in names:
        return list(FORMATS)
    if not names and o is not None:
        suffix = o.suffix.lower().lstrip(".")
        names = ["csv" if suffix == "zip" else suffix] if suffix in (*FORMATS, "zip") else []
    names = names or ["md"]
    for name in names:
        if name not in FORMATS:
            raise no_format(name)
    return names
