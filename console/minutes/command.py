"""`giliran minutes`: write the minutes of a meeting, during it or after it."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from console.journal import Journal, JournalError
from console.meeting.fold import replay
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
from console.minutes.files import SHIPPED, TEMPLATE_FILES, put
from console.minutes.form import Letterhead, Paper, TitleWord
from console.places import journal_path, templates_path
from protocol.words import _

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
            help="md, docx, pdf, html, json, csv or all; may be repeated. Default: by the suffix "
            "of -o, else md.",
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
    short: Annotated[
        bool, Parameter(negative="", help="The short minutes (ringkas), which are one page.")
    ] = False,
    title: Annotated[
        TitleWord | None, Parameter(help="The title's word; default: as the roster says.")
    ] = None,
    paper: Annotated[
        Paper | None, Parameter(help="A4, or F4 (215 × 330 mm); default: as the roster says.")
    ] = None,
    letterhead: Annotated[
        Letterhead | None,
        Parameter(help="Whose letterhead; default: as the roster says, by who presides."),
    ] = None,
    picture: Annotated[
        list[str] | None,
        Parameter(
            negative="",
            help="A picture for annex V, FILE or FILE=CAPTION; may be repeated (PNG, JPEG).",
        ),
    ] = None,
    templates: Annotated[
        Path | None,
        Parameter(
            help="Folder with templates and emblems (garuda.png, emblem.png) of your own; what is "
            "not there is taken from the shipped ones. Default: `templates` beside the journal."
        ),
    ] = None,
) -> int:
    """Write the minutes (notula rapat) of a meeting.

    They are marked DRAF until they are submitted. The footer bears the hash of the journal's last
    event, also as a QR code: `giliran journal verify FILE` checks a paper against the journal.
    """
    try:
        wanted = _formats(format, o)
        path = journal_path(db)
        pictures = _pictures(picture or [])
        folder = templates or templates_path(path)
        journal = Journal.open_readonly(path)
        try:
            row = journal.find(meeting)
            recorded = journal.read(row.id)
            last_hash = journal.last_hash(row.id)
        finally:
            journal.close()
        state = replay(recorded)
        style = Style(
            title=title,
            paper=paper,
            letterhead=letterhead,
            length="short" if short else "full",
            pictures=tuple(one.caption for one in pictures),
        )
        if o == STDOUT:
            document = minutes_of(state, recorded, last_hash, style)
            for fmt in wanted:
                sys.stdout.buffer.write(rendered(document, fmt, folder, pictures))
            return 0
        written = export(
            state,
            recorded,
            last_hash,
            o or Path(),
            wanted,
            style=style,
            templates=folder,
            pictures=pictures,
        )
    except (JournalError, MinutesError) as error:
        print(f"giliran minutes: {error}", file=sys.stderr)
        return 1
    for path in written:
        print(path)
    return 0


@app.command
def template(
    folder: Annotated[
        Path | None, Parameter(help="Where to; default: `templates` beside the journal.")
    ] = None,
    *,
    db: Annotated[
        Path | None, Parameter(help="Journal file; default: in your data folder.")
    ] = None,
    replace: Annotated[
        bool, Parameter(negative="", help="Write over those that are there.")
    ] = False,
) -> int:
    """Write the templates of the minutes out, to be changed in Word or an editor.

    Those in the folder `templates` beside the journal are used from then on. Put your emblems
    there, too: garuda.png for a regent's letterhead, emblem.png for an agency's.
    """
    target = templates_path(journal_path(db)) if folder is None else folder
    try:
        for name in TEMPLATE_FILES:
            if (target / name).exists() and not replace:
                text = _("{path} is there already and was left alone (--replace writes over it)")
                print(text.format(path=target / name), file=sys.stderr)
                continue
            put(target / name, (SHIPPED / name).read_bytes())
            print(target / name)
    except MinutesError as error:
        print(f"giliran minutes: {error}", file=sys.stderr)
        return 1
    return 0


def _pictures(given: list[str]):  # of console.minutes.pictures, which is heavy to load
    """The pictures of `FILE` or `FILE=CAPTION`. Raises MinutesError."""
    if not given:
        return []
    from console.minutes.pictures import load

    loaded = []
    for text in given:
        name, _sign, caption = text.partition("=")
        loaded.append(load(Path(name), caption.strip() or Path(name).stem))
    return loaded


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
