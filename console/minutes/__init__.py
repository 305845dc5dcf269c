"""Minutes (*notula rapat*): the meeting's events worded and written in the official order.

`form` is what the minutes hold, `document` derives it from the meeting, `wording` says dates and
durations in Indonesian, `writers` turn it into files from the layouts in `templates`.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from console.meeting.state import Meeting
from console.minutes.document import minutes_of
from console.minutes.errors import MinutesError
from console.minutes.files import put
from console.minutes.form import Minutes, Style
from protocol.events import Recorded
from protocol.words import _

if TYPE_CHECKING:
    from console.minutes.pictures import Picture

__all__ = ["FORMATS", "Minutes", "MinutesError", "Style", "export", "minutes_of", "rendered"]

_WRITERS = {
    "md": "markdown",
    "docx": "docx",
    "pdf": "pdf",
    "html": "html",
    "json": "json",
    "csv": "csv",
}
_SUFFIXES = {name: f".{name}" for name in _WRITERS} | {"csv": ".zip"}
_KNOWN_SUFFIXES = {*_SUFFIXES.values(), ".csv"}
FORMATS: tuple[str, ...] = tuple(_WRITERS)


def rendered(
    minutes: Minutes,
    fmt: str,
    templates: Path | None = None,
    pictures: "Sequence[Picture]" = (),
) -> bytes:
    """The bytes of one format (CSV: a zip file of its tables). Raises MinutesError.

    A template in the folder `templates` takes the place of the shipped one of the same name, and
    the emblems are there; `pictures` make annex V.
    """
    content = _writer(fmt).render(minutes, templates, pictures)
    assert isinstance(content, bytes)
    return content


def export(
    state: Meeting,
    recorded: list[Recorded],
    last_hash: str,
    destination: Path,
    formats: Sequence[str],
    *,
    style: Style | None = None,
    templates: Path | None = None,
    pictures: "Sequence[Picture]" = (),
) -> list[Path]:
    """Write the minutes of a meeting in each of `formats`; returns what was written.

    `destination` with a suffix names the file (each format with its own suffix); without one it
    is a folder, made when missing, that gets files named like
    `notula-2019-02-06-7c8d9e0f.pdf` and, for CSV, a folder of tables. Everything is made before
    anything is written, and each file is there whole or not at all. Raises MinutesError.
    """
    if state.phase == "none":
        raise MinutesError(_("There is no meeting yet, so there are no minutes."))
    captions = tuple(one.caption for one in pictures)
    style = msgspec.structs.replace(style or Style(), pictures=captions)
    minutes = minutes_of(state, recorded, last_hash, style)
    wanted = tuple(dict.fromkeys(formats))
    contents = {fmt: rendered(minutes, fmt, templates, pictures) for fmt in wanted}
    written = []
    for fmt in wanted:
        path = _place(destination, minutes, fmt, alone=len(wanted) == 1)
        if fmt == "csv" and not path.suffix:
            written.append(_writer(fmt).write_csv(minutes, path))
        else:
            put(path, contents[fmt])
            written.append(path)
    return written


def no_format(name: str) -> MinutesError:
    text = _("There is no format {name!r}; the formats are {known}.")
    return MinutesError(text.format(name=name, known=", ".join(FORMATS)))


def _place(destination: Path, minutes: Minutes, fmt: str, alone: bool) -> Path:
    if destination.suffix and not destination.is_dir():
        if destination.suffix.lower() in _KNOWN_SUFFIXES:
            return destination.with_suffix(_SUFFIXES[fmt])
        if alone:
            return destination
    suffix = "-csv" if fmt == "csv" else _SUFFIXES[fmt]
    return destination / f"{minutes.file_name}{suffix}"


def _writer(fmt: str):  # modules that share `render`
    """The writer's module; loaded when used, for some of them are heavy."""
    if fmt not in _WRITERS:
        raise no_format(fmt)
    return import_module(f"console.minutes.writers.{_WRITERS[fmt]}")
