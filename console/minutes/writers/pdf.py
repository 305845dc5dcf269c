"""PDF by Typst, from `templates/notula.typ`. The same minutes give the same bytes.

Only the fonts inside the typst package (and any beside a secretariat's own template) are used,
so that a page looks alike on every machine and no network is asked.
"""

from datetime import datetime
from pathlib import Path

import msgspec
import typst

from console.minutes.errors import MinutesError
from console.minutes.files import put, template
from console.minutes.form import Minutes
from protocol.words import _

TEMPLATE = "notula.typ"


def render(minutes: Minutes, templates: Path | None = None) -> bytes:
    """Raises MinutesError when the template does not compile."""
    source = template(templates, TEMPLATE)
    try:
        pdf = typst.compile(
            source,
            root=source.parent,
            font_paths=[source.parent],
            ignore_system_fonts=True,
            sys_inputs={"minutes": msgspec.json.encode(minutes).decode()},
            timestamp=_written_at(minutes),
        )
    except typst.TypstError as error:
        text = _("{path}: the template has an error: {why}")
        raise MinutesError(text.format(path=source, why=error)) from error
    assert isinstance(pdf, bytes)
    return pdf


def write_pdf(minutes: Minutes, path: Path, templates: Path | None = None) -> Path:
    put(path, render(minutes, templates))
    return path


def _written_at(minutes: Minutes) -> int:
    """The file's date, in seconds: the day of the meeting, so that no clock gets into it."""
    return int(datetime.fromisoformat(f"{minutes.date or '1970-01-01'}T00:00:00Z").timestamp())
