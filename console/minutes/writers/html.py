"""HTML by Jinja, from `templates/notula.html` or `ringkas.html`: one file, pictures included, that
prints as the PDF does."""

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

import jinja2
import msgspec
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from console.minutes.errors import broken_template
from console.minutes.files import SHIPPED, put, template
from console.minutes.form import Length, Minutes
from console.minutes.pictures import Picture, emblem, qr_svg

TEMPLATES: dict[Length, str] = {"full": "notula.html", "short": "ringkas.html"}


def render(
    minutes: Minutes, templates: Path | None = None, pictures: Sequence[Picture] = ()
) -> bytes:
    """Raises MinutesError when the template can't be read or filled."""
    name = TEMPLATES[minutes.length_of]
    source = template(templates, name)
    folders = [one for one in (templates, SHIPPED) if one is not None]
    environment = SandboxedEnvironment(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    one = emblem(templates, minutes.kop)
    fields = msgspec.structs.asdict(minutes) | {
        "qr": Markup(qr_svg(minutes.proof).decode()),
        "emblem": "" if one is None else _inline(one),
        "photographs": [{"picture": _inline(p), "caption": p.caption} for p in pictures],
    }
    try:
        made = environment.get_template(name).render(fields)
    except (jinja2.TemplateError, ValueError, OSError) as error:
        raise broken_template(source, error) from error
    return made.encode()


def write_html(minutes: Minutes, path: Path, templates: Path | None = None) -> Path:
    put(path, render(minutes, templates))
    return path


def _inline(picture: Picture) -> str:
    kind = "png" if picture.suffix == ".png" else "jpeg"
    return f"data:image/{kind};base64,{b64encode(picture.content).decode()}"
