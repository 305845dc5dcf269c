"""Files that are there whole or not at all: written beside their place, then renamed into it."""

import os
from pathlib import Path

from console.minutes.errors import MinutesError
from protocol.words import _


def put(path: Path, content: bytes) -> None:
    """Write `content` to `path`; a crash or a full disk leaves what was there before.

    Makes missing folders. Raises MinutesError.
    """
    beside = path.with_name(f".{path.name[:100]}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with beside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        why = error.strerror or str(error)
        text = _("{path}: the minutes can't be written here: {why}")
        raise MinutesError(text.format(path=path, why=why)) from error


def template(folder: Path | None, name: str) -> Path:
    """The secretariat's own template of this name, else the shipped one."""
    own = None if folder is None else folder / name
    if own is not None and own.is_file():
        return own
    return SHIPPED / name


SHIPPED = Path(__file__).parent / "templates"
TEMPLATE_FILES = (
    "notula.docx",
    "ringkas.docx",
    "notula.typ",
    "ringkas.typ",
    "kop.typ",
    "notula.html",
    "ringkas.html",
    "kop.html",
    "notula.md",
    "ringkas.md",
    "minutes.schema.json",
)
"""What `giliran minutes template` writes out."""
