"""Markdown by Jinja, from `templates/notula.md` or `ringkas.md`; captions stand for pictures."""

import re
from collections.abc import Sequence
from pathlib import Path

import jinja2
import msgspec
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from console.minutes.errors import broken_template
from console.minutes.files import put, template
from console.minutes.form import Length, Minutes
from console.minutes.pictures import Picture

TEMPLATES: dict[Length, str] = {"full": "notula.md", "short": "ringkas.md"}

# What CommonMark (and tables, strikethrough, footnotes and formulas of its dialects) reads as
# markup anywhere; and what it reads so only where a line begins.
_MARKUP = re.compile(r"[\\`*_\[\]<>|~$^]|&(?=[#\w])|!(?=\[)")
_AT_START = re.compile(r"^(?:(\d{1,9})([.)])(?=\s|$)|([#+=-]))")


def escape(text: str) -> str:
    """Text that Markdown shows as it is, wherever in a line it stands."""
    escaped = _MARKUP.sub(lambda found: "\\" + found[0], text)
    return _AT_START.sub(
        lambda found: f"{found[1]}\\{found[2]}" if found[1] else "\\" + found[3], escaped
    )


def render(
    minutes: Minutes, templates: Path | None = None, pictures: Sequence[Picture] = ()
) -> bytes:
    """Raises MinutesError when the template can't be read or filled."""
    source = template(templates, TEMPLATES[minutes.length_of])
    environment = SandboxedEnvironment(
        loader=jinja2.FileSystemLoader(source.parent),
        finalize=_plain,
        autoescape=False,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    try:
        made = environment.get_template(source.name)
        text = made.render(msgspec.structs.asdict(minutes))
    except (jinja2.TemplateError, ValueError, OSError) as error:
        raise broken_template(source, error) from error
    return text.encode()


def write_md(minutes: Minutes, path: Path, templates: Path | None = None) -> Path:
    put(path, render(minutes, templates))
    return path


def _plain(value: object) -> str:
    return str(value) if isinstance(value, Markup | int) else escape(str(value))
