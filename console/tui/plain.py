"""Terminals without UTF-8 (and the Linux console, whose font is small): plain ASCII instead.

One filter at the very end of drawing turns every character into one of the same width, so that
no widget needs a second way to draw.
"""

import locale
from collections.abc import Mapping

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_TABLE: dict[str, str] = {
    "●": "*", "◐": "~", "○": "o", "▶": ">", "★": "@", "✓": "v", "✎": "e", "‖": "=", "↑": "^",
    "…": ".", "·": ".", "–": "-", "—": "-", "•": "*", "│": "|", "┃": "|", "─": "-", "━": "=",
    "▎": "|", "▌": "|", "▐": "|", "█": "#", "▉": "#", "▊": "#", "▋": "#", "▍": "|", "▏": "|",
    "▁": "_", "▔": "-", "▂": "_", "▃": "_", "▄": "_", "▅": "#", "▆": "#", "▇": "#", "▀": "-",
    "“": '"', "”": '"', "’": "'", "‘": "'", "→": ">", "←": "<", "×": "x", "⚠": "!",
    "✗": "x", "▣": "#", "▫": "o", "≥": ">", "↓": "v", "‹": "<", "›": ">", "☐": "-", "☑": "x",
    "♪": "!", "−": "-",
}  # fmt: skip


def is_plain(environment: Mapping[str, str], encoding: str | None = None) -> bool:
    """True when the terminal is to get ASCII only."""
    known = locale.getencoding() if encoding is None else encoding
    return environment.get("TERM") == "linux" or known.lower().replace("-", "") != "utf8"


def to_ascii(text: str) -> str:
    """The text in ASCII, every character as wide as before."""
    if text.isascii():
        return text
    return "".join(
        char if char.isascii() else _TABLE.get(char, "?" * cell_len(char)) for char in text
    )


class PlainFilter(LineFilter):
    """Draws everything in ASCII."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same segments with every text in ASCII."""
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]
