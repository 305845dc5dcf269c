"""Word by docxtpl, from `templates/notula.docx`."""

import io
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
import msgspec
from docx.opc.exceptions import OpcError
from docx.shared import Mm
from docxtpl import DocxTemplate
from lxml.etree import LxmlError
from markupsafe import Markup, escape

from console.minutes.errors import MinutesError
from console.minutes.files import put, template
from console.minutes.form import Minutes
from protocol.words import _

TEMPLATE = "notula.docx"
_TEMPLATE_ERRORS = (
    jinja2.TemplateError,
    zipfile.BadZipFile,
    OpcError,
    LxmlError,
    LookupError,
    TypeError,
    ValueError,
    OSError,
)
PAPERS_MM = {"a4": (210, 297), "f4": (215, 330)}


def render(minutes: Minutes, templates: Path | None = None) -> bytes:
    """Raises MinutesError when the template can't be read or filled."""
    source = template(templates, TEMPLATE)
    made = io.BytesIO()
    try:
        document = DocxTemplate(source)
        fields = msgspec.structs.asdict(minutes)
        document.render(fields, jinja2.Environment(finalize=_plain), autoescape=True)
        _set_up(document.docx, minutes)
        document.save(made)
    except _TEMPLATE_ERRORS as error:
        text = _("{path}: the template has an error: {why}")
        raise MinutesError(text.format(path=source, why=error)) from error
    return _without_clock(made.getvalue(), minutes)


def write_docx(minutes: Minutes, path: Path, templates: Path | None = None) -> Path:
    put(path, render(minutes, templates))
    return path


def _plain(value: object) -> Markup:
    """Text as XML; `_` as an entity because docxtpl reads `{_{` as a brace of its own."""
    return Markup(str(escape("" if value is None else str(value))).replace("_", "&#95;"))


def _set_up(document: Any, minutes: Minutes) -> None:
    width_mm, height_mm = PAPERS_MM[minutes.paper]
    for section in document.sections:
        section.page_width, section.page_height = Mm(width_mm), Mm(height_mm)
    about = document.core_properties
    about.title = f"{minutes.title} {minutes.name}"[:255]
    about.author = about.last_modified_by = minutes.organisation[:255]
    about.language, about.comments = "id-ID", ""
    about.created = about.modified = datetime.fromisoformat(minutes.date or "1980-01-01")


def _without_clock(made: bytes, minutes: Minutes) -> bytes:
    """The same file with the day of the meeting in place of the time it was packed."""
    day = datetime.fromisoformat(minutes.date or "1980-01-01")
    stamp = (max(1980, day.year), day.month, day.day, 0, 0, 0)
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(made)) as old, zipfile.ZipFile(packed, "w") as new:
        for entry in old.infolist():
            info = zipfile.ZipInfo(entry.filename, stamp)
            new.writestr(info, old.read(entry), zipfile.ZIP_DEFLATED)
    return packed.getvalue()
