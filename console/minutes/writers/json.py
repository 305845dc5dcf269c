"""JSON: the document itself, as `console/minutes/form.py` defines it.

`templates/minutes.schema.json` is its JSON Schema (`make docs` makes it anew).
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from console.minutes.files import SHIPPED, put
from console.minutes.form import Minutes
from console.minutes.pictures import Picture

SCHEMA = SHIPPED / "minutes.schema.json"


def render(
    minutes: Minutes, templates: Path | None = None, pictures: Sequence[Picture] = ()
) -> bytes:
    return msgspec.json.format(msgspec.json.encode(minutes), indent=2) + b"\n"


def write_json(minutes: Minutes, path: Path, templates: Path | None = None) -> Path:
    put(path, render(minutes))
    return path


def schema() -> bytes:
    """The JSON Schema of `render`'s result."""
    made = msgspec.json.schema(Minutes)
    return msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n"
