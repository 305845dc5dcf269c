"""Small pictures as the terminal's own graphics where it has them; half blocks elsewhere.

Rules:
- The terminal is never asked what it has: an answer would come among the keys, and a multiplexer or
  the Linux console would show the question. Its environment tells, or who uses it says so.
- A picture goes to the terminal once, past the lines of the screen; those hold signs that stand for
  its cells (kitty's Unicode placeholders). So it moves, is covered and is drawn over as text is.
- A newer picture of a site gets another number than the one in sight, so that nothing flickers;
  there are two numbers a site, and what is kept in the terminal is bounded.

Source: kitty's terminal graphics protocol, *Unicode placeholders*. Sixel has no such signs: any
line drawn over it would wipe it out.
"""

import base64
import io
import os
from collections.abc import Callable, Mapping
from itertools import count
from typing import Literal

from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from console.tui import picture
from console.tui.picture import Lines

Kind = Literal["blocks", "kitty"]
VARIABLE = "GILIRAN_PICTURES"
"""Of the environment: `blocks` or `kitty`, whatever the terminal seems to be."""

MULTIPLEXERS = ("screen", "tmux")
_PLACEHOLDER = "\U0010eeee"
_RANGES = (
    (0x305, 0x305), (0x30D, 0x30E), (0x310, 0x310), (0x312, 0x312), (0x33D, 0x33F),
    (0x346, 0x346), (0x34A, 0x34C), (0x350, 0x352), (0x357, 0x357), (0x35B, 0x35B),
    (0x363, 0x36F), (0x483, 0x487), (0x592, 0x595), (0x597, 0x599), (0x59C, 0x5A1),
    (0x5A8, 0x5A9), (0x5AB, 0x5AC), (0x5AF, 0x5AF), (0x5C4, 0x5C4), (0x610, 0x617),
    (0x657, 0x65B), (0x65D, 0x65E),
)  # fmt: skip
NUMBERS = tuple(chr(code) for first, last in _RANGES for code in range(first, last + 1))
"""The marks that say which row and column of the picture a cell shows."""

CHUNK = 4096
MOST_KEPT = 256
"""Sites and sizes whose pictures stay in the terminal; the oldest goes for a newer one."""

SCALE = 2
"""A picture is sent no larger than this, times the cells' width of 8 and height of 16 dots."""


def choose(wanted: str, environment: Mapping[str, str]) -> Kind:
    """What to draw with. `wanted` is the setting: `auto`, `blocks` or `kitty`; the environment's
    variable comes before it. A multiplexer does not let graphics through: there it is blocks."""
    term = environment.get("TERM", "")
    if environment.get("TMUX") or environment.get("STY") or term.startswith(MULTIPLEXERS):
        return "blocks"
    if term in ("linux", "dumb") or environment.get("NO_COLOR"):
        return "blocks"
    said = environment.get(VARIABLE, "").strip().lower()
    if said not in ("blocks", "kitty"):
        said = wanted
    if said != "auto":
        return "kitty" if said == "kitty" else "blocks"
    if environment.get("TEXTUAL_DRIVER"):  # drawn by a browser
        return "blocks"
    has = (
        bool(environment.get("KITTY_WINDOW_ID"))
        or term in ("xterm-kitty", "xterm-ghostty")
        or environment.get("TERM_PROGRAM") == "ghostty"
    )
    return "kitty" if has else "blocks"


class Painter:
    """Draws the pictures of one console. `write` takes what goes to the terminal beside the lines
    of the screen."""

    def __init__(self, write: Callable[[str], object], kind: Kind = "blocks") -> None:
        self.kind: Kind = kind
        self._write = write
        self._first = 1 + int.from_bytes(os.urandom(2)) * 64
        self._numbers = count(self._first)
        self._twins: dict[tuple[str, int, int], tuple[int, int]] = {}
        self._shown: dict[tuple[str, int, int], tuple[bytes, int, Lines]] = {}

    def drawn(self, name: str, jpeg: bytes, width: int, height: int, plain: bool = False) -> Lines:
        """The picture that is `name`'s now as lines of segments; none when the bytes are none."""
        fits = 0 < width <= len(NUMBERS) and 0 < height <= len(NUMBERS)
        if plain or self.kind != "kitty" or not fits:
            return picture.drawn(jpeg, width, height, plain)
        key = (name, width, height)
        before = self._shown.get(key)
        if before is not None and before[0] == jpeg:
            return before[2]
        png = _png(jpeg, width, height)
        if not png:
            return []
        twins = self._twins.get(key)
        if twins is None:
            if len(self._twins) >= MOST_KEPT:
                self._drop(next(iter(self._twins)))
            twins = self._twins[key] = (next(self._numbers), next(self._numbers))
        number = twins[1] if before is not None and before[1] == twins[0] else twins[0]
        for part in sent(number, png, width, height):
            self._write(part)
        lines = placeholders(number, width, height)
        self._shown[key] = (jpeg, number, lines)
        return lines

    def forget(self) -> None:
        """Take all pictures out of the terminal's memory."""
        for key in tuple(self._twins):
            self._drop(key)

    def _drop(self, key: tuple[str, int, int]) -> None:
        for number in self._twins.pop(key):
            self._write(f"\x1b_Ga=d,d=I,i={number},q=2\x1b\\")
        self._shown.pop(key, None)


def sent(number: int, png: bytes, width: int, height: int) -> list[str]:
    """What tells the terminal a picture of so many cells; it answers nothing (`q=2`)."""
    data = base64.standard_b64encode(png).decode()
    parts = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]
    made = []
    for place, part in enumerate(parts):
        more = int(place + 1 < len(parts))
        head = f"a=T,U=1,f=100,i={number},c={width},r={height}," if place == 0 else ""
        made.append(f"\x1b_G{head}q=2,m={more};{part}\x1b\\")
    return made


def placeholders(number: int, width: int, height: int) -> Lines:
    """The signs that stand for a picture; its number is their colour."""
    style = Style(color=Color.from_rgb(number >> 16 & 255, number >> 8 & 255, number & 255))
    return [
        [Segment("".join(_PLACEHOLDER + NUMBERS[y] + NUMBERS[x] for x in range(width)), style)]
        for y in range(height)
    ]


def _png(jpeg: bytes, width: int, height: int) -> bytes:
    """The picture, no larger than is seen; empty when the bytes are none."""
    from PIL import Image

    image = picture.opened(jpeg)
    if image is None:
        return b""
    most = (width * 8 * SCALE, height * 16 * SCALE)
    if image.width > most[0] or image.height > most[1]:
        image = image.resize(most, Image.Resampling.BOX)
    made = io.BytesIO()
    # Fewer colours: half the bytes on the way to the terminal, and nobody sees it.
    image.quantize(128, Image.Quantize.FASTOCTREE).save(made, "PNG", compress_level=6)
    return made.getvalue()
