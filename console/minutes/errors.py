"""What can go wrong with minutes, said to a person."""

import traceback
from pathlib import Path

from protocol.words import _


class MinutesError(Exception):
    """The minutes can't be made or written; the text says which file and why."""


def broken_template(source: Path, error: Exception) -> MinutesError:
    """What Jinja found wrong in a template of text, with the file and line it was at."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [
        f"{Path(frame.filename).name}:{frame.lineno}"
        for frame in frames
        if Path(frame.filename).suffix in (".md", ".html")
    ]
    why = f"{error} ({lines[-1]})" if lines else str(error)
    return MinutesError(_("{path}: the template has an error: {why}").format(path=source, why=why))
