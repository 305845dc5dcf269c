"""A small picture in a terminal: half blocks, two dots a cell; a ramp of signs in plain ASCII."""

import io
from functools import lru_cache
from typing import TYPE_CHECKING

from rich.color import Color
from rich.segment import Segment
from rich.style import Style

if TYPE_CHECKING:
    from PIL.Image import Image, Resampling

Lines = list[list[Segment]]
_RAMP = " .:-=+*#%@"


def rows_for(width: int) -> int:
    """How many lines a 16:9 picture of that width has; a cell is twice as high as wide."""
    return max(1, round(width * 9 / 32))


@lru_cache(maxsize=128)
def drawn(jpeg: bytes, width: int, height: int, plain: bool = False) -> Lines:
    """The picture as lines of segments; none when the bytes are no picture."""
    if width < 1 or height < 1:
        return []
    image = opened(jpeg)
    if image is None:
        return []
    size = (width, height if plain else height * 2)
    small = (image.convert("L") if plain else image).resize(size, _box())
    if plain:
        dots = small.tobytes()
        return [
            [Segment("".join(_RAMP[v * 10 // 256] for v in dots[y * width : (y + 1) * width]))]
            for y in range(height)
        ]
    data = small.tobytes()
    return [_line(data, width, y) for y in range(height)]


def opened(jpeg: bytes) -> "Image | None":
    """The picture in RGB; None when the bytes are no picture, or none that is small."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as image:
            if image.width * image.height > 1 << 20:
                return None
            return image.convert("RGB")
    except (OSError, ValueError, SyntaxError):
        return None


def _box() -> "Resampling":
    from PIL.Image import Resampling

    return Resampling.BOX


def _line(data: bytes, width: int, y: int) -> list[Segment]:
    segments: list[Segment] = []
    for x in range(width):
        top, bottom = (2 * y * width + x) * 3, ((2 * y + 1) * width + x) * 3
        style = _style(data[top : top + 3], data[bottom : bottom + 3])
        if segments and segments[-1].style == style:
            segments[-1] = Segment(segments[-1].text + "▀", style)
        else:
            segments.append(Segment("▀", style))
    return segments


@lru_cache(maxsize=4096)
def _style(top: bytes, bottom: bytes) -> Style:
    # Small steps of colour are not seen, but each would be sent to the terminal.
    upper, lower = (Color.from_rgb(*(v & 0xF8 for v in part)) for part in (top, bottom))
    return Style(color=upper, bgcolor=lower)
