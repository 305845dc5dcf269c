"""`giliran screenshot`: a picture of the console, as the README shows it."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def screenshot(
    output: Path = Path("docs/console.svg"),
    *,
    lang: Annotated[str, Parameter(help="Language: id or en.")] = "en",
    size: Annotated[str, Parameter(help="Columns and lines.")] = "120x36",
) -> None:
    """Write a picture (SVG) of the console in the middle of a meeting."""
    from console.tui.screenshot import screenshot as draw

    columns, _, lines = size.partition("x")
    output.parent.mkdir(parents=True, exist_ok=True)
    draw(output, lang, (int(columns), int(lines)))
    print(output)
