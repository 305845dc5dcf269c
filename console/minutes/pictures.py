"""Pictures on the paper: emblems and photographs that the secretariat gives, and the QR code.

No emblem comes with Giliran. In the folder of the secretariat's templates `garuda` is the emblem
over a regent's letterhead, `emblem` the one beside an agency's (PNG or JPEG).
"""

import io
from pathlib import Path
from typing import NamedTuple

import segno
from PIL import Image, ImageOps

from console.minutes.errors import MinutesError
from console.minutes.form import Kop
from protocol.words import _

EMBLEMS: dict[Kop, str] = {"regent": "garuda", "agency": "emblem"}
SUFFIXES = (".png", ".jpg", ".jpeg")
MOST_PIXELS = 1600
QUIET_MODULES = 2


class Picture(NamedTuple):
    """A picture as PNG or JPEG, upright; `suffix` says which."""

    caption: str
    suffix: str
    content: bytes
    width: int
    height: int


BLANK = Picture("", ".svg", b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>', 1, 1)
"""Takes the place of an emblem, and shows nothing."""


def emblem(folder: Path | None, kop: Kop) -> Picture | None:
    """The emblem that belongs to the letterhead; None when the secretariat gave none.

    Raises MinutesError for a file that is no picture.
    """
    if folder is None:
        return None
    for suffix in SUFFIXES:
        path = folder / f"{EMBLEMS[kop]}{suffix}"
        if path.is_file():
            return load(path, "")
    return None


def load(path: Path, caption: str) -> Picture:
    """A picture file, turned upright and at most 1600 pixels wide and high. Raises MinutesError."""
    made = io.BytesIO()
    try:
        with Image.open(path) as opened:
            image: Image.Image = ImageOps.exif_transpose(opened)
            image.thumbnail((MOST_PIXELS, MOST_PIXELS))
            photograph = opened.format == "JPEG"
            if photograph:
                image.convert("RGB").save(made, "JPEG", quality=85)
            else:
                image.convert("RGBA").save(made, "PNG")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        text = _("{path}: this is not a picture that can be printed (PNG, JPEG): {why}")
        raise MinutesError(text.format(path=path, why=error)) from error
    suffix = ".jpg" if photograph else ".png"
    return Picture(caption, suffix, made.getvalue(), image.width, image.height)


def qr_svg(text: str) -> bytes:
    """The QR code as an SVG that fills what it is put into."""
    made = io.BytesIO()
    code = segno.make(text, error="m", micro=False)
    code.save(made, kind="svg", border=QUIET_MODULES, xmldecl=False, omitsize=True)
    return made.getvalue()


def qr_png(text: str) -> bytes:
    made = io.BytesIO()
    code = segno.make(text, error="m", micro=False)
    code.save(made, kind="png", border=QUIET_MODULES, scale=8)
    return made.getvalue()
