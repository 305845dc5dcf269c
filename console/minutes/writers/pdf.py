"""PDF by Typst, from `templates/notula.typ` or `ringkas.typ`. The same minutes give the same bytes.

Only the fonts inside the typst package (and any beside a secretariat's own template) are used,
so that a page looks alike on every machine and no network is asked. Typst sees one folder: what
is shipped, what the secretariat has of its own, and the pictures of these minutes.
"""

import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec
import typst

from console.minutes.errors import MinutesError
from console.minutes.files import SHIPPED, put, template
from console.minutes.form import Length, Minutes
from console.minutes.pictures import Picture, emblem, qr_svg
from protocol.words import _

TEMPLATES: dict[Length, str] = {"full": "notula.typ", "short": "ringkas.typ"}


def render(
    minutes: Minutes, templates: Path | None = None, pictures: Sequence[Picture] = ()
) -> bytes:
    """Raises MinutesError when the template does not compile."""
    return typeset(minutes, templates, pictures, emblem(templates, minutes.kop))


def typeset(
    minutes: Minutes, templates: Path | None, pictures: Sequence[Picture], seal: Picture | None
) -> bytes:
    """The same with this emblem over the letterhead, or none. Raises MinutesError."""
    source = template(templates, TEMPLATES[minutes.length_of])
    with tempfile.TemporaryDirectory(prefix="giliran-") as made:
        root = Path(made)
        for folder in (SHIPPED, templates):
            for path in sorted(folder.iterdir()) if folder and folder.is_dir() else ():
                if path.is_file():
                    (root / path.name).unlink(missing_ok=True)
                    (root / path.name).symlink_to(path.absolute())
        # Typst wants the main file itself within its root.
        (root / source.name).unlink()
        try:
            (root / source.name).write_bytes(source.read_bytes())
        except OSError as error:
            raise MinutesError(f"{source}: {error.strerror}") from error
        inputs = {"minutes": msgspec.json.encode(minutes).decode()}
        (root / "qr.svg").unlink(missing_ok=True)
        (root / "qr.svg").write_bytes(qr_svg(minutes.proof))
        if seal is not None:
            inputs["emblem"] = f".emblem{seal.suffix}"
            (root / inputs["emblem"]).write_bytes(seal.content)
        names = [f".picture-{number}{one.suffix}" for number, one in enumerate(pictures, 1)]
        for name, one in zip(names, pictures, strict=True):
            (root / name).write_bytes(one.content)
        inputs["pictures"] = msgspec.json.encode(names).decode()
        try:
            pdf = typst.compile(
                root / source.name,
                root=root,
                font_paths=[source.parent],
                ignore_system_fonts=True,
                sys_inputs=inputs,
                timestamp=_written_at(minutes),
            )
        except typst.TypstError as error:
            text = _("{path}: the template has an error: {why}")
            why = _where(error)
            raise MinutesError(text.format(path=source, why=why)) from error
    assert isinstance(pdf, bytes)
    return pdf


def write_pdf(minutes: Minutes, path: Path, templates: Path | None = None) -> Path:
    put(path, render(minutes, templates))
    return path


def _where(error: typst.TypstError) -> str:
    """What Typst says, with the line: `unknown variable: nothing (notula.typ:12:4)`."""
    for line in error.diagnostic.splitlines():
        _arrow, found, place = line.partition("┌─ ")
        if found:
            return f"{error.message} ({place.strip().rpartition('/')[2]})"
    return str(error.message)


def _written_at(minutes: Minutes) -> int:
    """The file's date, in seconds: the day of the meeting, so that no clock gets into it."""
    return int(datetime.fromisoformat(f"{minutes.date or '1970-01-01'}T00:00:00Z").timestamp())
