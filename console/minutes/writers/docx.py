"""Word by docxtpl, from `templates/notula.docx` or `ringkas.docx`.

In a template `{{ qr }}` and `{{ emblem }}` are pictures, wherever they stand, and each of
`photographs` has a `picture` and a `caption`.
"""

import difflib
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import docx
import jinja2
import msgspec
from docx.opc.exceptions import OpcError
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from docx.text.run import Run
from docxtpl import DocxTemplate
from jinja2.sandbox import SandboxedEnvironment
from lxml.etree import LxmlError
from markupsafe import Markup, escape

from console.minutes import form
from console.minutes.errors import MinutesError
from console.minutes.files import put, template
from console.minutes.form import Length, Minutes
from console.minutes.pictures import Picture, emblem, qr_png
from protocol.words import _

TEMPLATES: dict[Length, str] = {"full": "notula.docx", "short": "ringkas.docx"}
_FILE_ERRORS = (
    zipfile.BadZipFile,
    OpcError,
    LxmlError,
    LookupError,
    TypeError,
    ValueError,
    OSError,
)
PAPERS_MM = {"a4": (210, 297), "f4": (215, 330)}
QR_MM = 14
EMBLEM_MM: dict[Length, int] = {"full": 22, "short": 15}
PHOTOGRAPH_MM = (160, 95)
_MARK = "\ue000{}\ue001"  # where a picture goes; of the private use area
_MARKED = re.compile("\ue000([a-z]+-?[0-9]*)\ue001")
_TAG = re.compile(r"\{[{%].*?[}%]\}")
_QUOTED = re.compile(r"'([^']+)'")


class _Fault(Exception):
    """What is wrong in a template: the tag, its paragraph, why."""


class _Template(DocxTemplate):
    """A Word template that tells in which paragraph an error is."""

    def render_xml_part(self, src_xml: str, part: Any, context: Any, jinja_env: Any = None) -> str:
        try:
            made: str = super().render_xml_part(src_xml, part, context, jinja_env)
        except (jinja2.TemplateError, TypeError) as error:
            lines = re.sub(r"<w:p([ >])", r"\n<w:p\1", src_xml).split("\n")
            raise _Fault(_told(error, lines, set(context))) from error
        return made


def render(
    minutes: Minutes, templates: Path | None = None, pictures: Sequence[Picture] = ()
) -> bytes:
    """Raises MinutesError when the template can't be read or filled."""
    source = template(templates, TEMPLATES[minutes.length_of])
    images: dict[str, tuple[bytes, dict[str, Any]]] = {
        "qr": (qr_png(minutes.proof), {"height": Mm(QR_MM)})
    }
    if (one := emblem(templates, minutes.kop)) is not None:
        images["emblem"] = (one.content, {"height": Mm(EMBLEM_MM[minutes.length_of])})
    for number, one in enumerate(pictures, 1):
        wide = one.width * PHOTOGRAPH_MM[1] > one.height * PHOTOGRAPH_MM[0]
        size = {"width": Mm(PHOTOGRAPH_MM[0])} if wide else {"height": Mm(PHOTOGRAPH_MM[1])}
        images[f"picture-{number}"] = (one.content, size)
    fields = msgspec.structs.asdict(minutes) | {
        "qr": _MARK.format("qr"),
        "emblem": _MARK.format("emblem") if "emblem" in images else "",
        "photographs": [
            {"picture": _MARK.format(f"picture-{number}"), "caption": one.caption}
            for number, one in enumerate(pictures, 1)
        ],
    }
    environment = SandboxedEnvironment(finalize=_plain, undefined=jinja2.StrictUndefined)
    try:
        filled, made = io.BytesIO(), io.BytesIO()
        written = _Template(source)
        written.render(fields, environment, autoescape=True)
        written.save(filled)
        # Read anew: docxtpl leaves footers as parts that take no pictures.
        document = docx.Document(filled)
        _place(document, images)
        _set_up(document, minutes)
        document.save(made)
    except _Fault as fault:
        raise MinutesError(f"{source}: {fault}") from fault
    except (*_FILE_ERRORS, jinja2.TemplateError) as error:
        text = _("{path}: the template has an error: {why}")
        raise MinutesError(text.format(path=source, why=error)) from error
    return _without_clock(made.getvalue(), minutes)


def write_docx(minutes: Minutes, path: Path, templates: Path | None = None) -> Path:
    put(path, render(minutes, templates))
    return path


def _plain(value: object) -> Markup:
    """Text as XML; `_` as an entity because docxtpl reads `{_{` as a brace of its own."""
    return Markup(str(escape("" if value is None else str(value))).replace("_", "&#95;"))


# -- errors --------------------------------------------------------------------------------------


def _told(error: Exception, lines: list[str], fields: set[str]) -> str:
    """`paragraph "NOMOR : {{ nomor }}": there is no field 'nomor'; did you mean 'number'?`"""
    number = getattr(error, "lineno", None) or _line_of(error)
    line = lines[number - 1] if number and number <= len(lines) else ""
    found = _QUOTED.findall(str(error))
    name = found[-1] if found and isinstance(error, jinja2.UndefinedError) else ""
    tags = [" ".join(tag.split()) for tag in _TAG.findall(re.sub(r"<[^>]+>", "", line))]
    tag = next((one for one in tags if name and name in one), tags[-1] if tags else "")
    paragraph = " ".join(re.sub(r"<[^>]+>", "", line).split())
    # docxtpl hangs a statement's paragraph on the one before it.
    paragraph = re.sub(r"(\{%[^%]*%\})+$", "", paragraph) or paragraph
    if len(paragraph) > 90:
        at = max(0, paragraph.find(tag) - 30)
        paragraph = ("… " if at else "") + paragraph[at : at + 90] + " …"
    if name:
        close = difflib.get_close_matches(name, sorted(fields | _known()), 1)
        why = _("there is no field {name!r}").format(name=name)
        if close:
            why += _("; did you mean {other!r}?").format(other=close[0])
    else:
        why = str(error)
    text = _("the template has an error at {tag}, in the paragraph “{paragraph}”: {why}")
    return text.format(tag=tag or "?", paragraph=paragraph, why=why)


def _line_of(error: BaseException) -> int:
    """The template's line that was being filled in; jinja puts it into the traceback."""
    number, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            number = trace.tb_lineno
        trace = trace.tb_next
    return number


def _known() -> set[str]:
    """Every field of every part of the document."""
    parts = [one for one in vars(form).values() if isinstance(one, type)]
    return {
        field for one in parts if issubclass(one, msgspec.Struct) for field in one.__struct_fields__
    }


# -- pictures and paper ----------------------------------------------------------------------------


def _place(document: Any, images: dict[str, tuple[bytes, dict[str, Any]]]) -> None:
    """Put each picture where its mark stands."""
    for story in _stories(document):
        for element in list(story._element.iter(qn("w:r"))):
            run = Run(element, story)
            names = _MARKED.findall(run.text)
            if not names:
                continue
            run.text = _MARKED.sub("", run.text)
            for name in names:
                if name in images:
                    content, size = images[name]
                    run.add_picture(io.BytesIO(content), **size)


def _stories(document: Any) -> Iterator[Any]:
    yield document._body
    seen = set()
    for section in document.sections:
        for part in (section.header, section.footer, section.first_page_footer):
            if not part.is_linked_to_previous and id(part._element) not in seen:
                seen.add(id(part._element))
                yield part


def _set_up(document: Any, minutes: Minutes) -> None:
    width_mm, height_mm = PAPERS_MM[minutes.paper]
    for section in document.sections:
        section.page_width, section.page_height = Mm(width_mm), Mm(height_mm)
    if minutes.length_of == "short":
        document.styles["Normal"].font.size = Pt(minutes.brief.size_pt)
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
