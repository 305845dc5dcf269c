"""A line of text in the lower part of a picture: what the room is told (its microphone is open, it
is next, its time ends) and the announcement.

The sign before the text says it without colour: a filled circle for an open microphone, a clock's
hands for time. A tenth of the picture below the line stays free: televisions cut their edges.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from protocol.messages import Cue
from protocol.words import N_, _

Yuv = NDArray[np.uint8]

TEXTS: dict[Cue, str] = {
    "on-deck": N_("GET READY: you are next"),
    "live": N_("MICROPHONE LIVE"),
    "low": N_("MICROPHONE LIVE · your time ends soon"),
    "over": N_("YOUR TIME IS UP"),
}
DARK, LIGHT, GREY = 16, 235, 128
MARGIN, HIGH = 0.12, 0.11
"""Free below the line, and the height of a line, as parts of the picture's height."""


def lines(cue: Cue, banner: str) -> tuple[tuple[str, bool], ...]:
    """The lines to write, the lowest last; True for one about an open microphone (inverted)."""
    said = [(" ".join(banner.split()), False)] if banner.strip() else []
    if cue in TEXTS:
        said.append((_(TEXTS[cue]), cue in ("live", "low")))
    return tuple(said)


def write(picture: Yuv, said: tuple[tuple[str, bool], ...]) -> Yuv:
    """A copy of a picture (planar YUV 4:2:0) with these lines; the picture itself without any."""
    if not said:
        return picture
    rows, width = picture.shape
    height = rows * 2 // 3
    high = max(12, round(height * HIGH)) // 2 * 2
    written = picture.copy()
    luma, chroma = written[:height], written[height:].reshape(2, -1, width // 2)
    bottom = height - round(height * MARGIN) // 2 * 2
    for text, inverted in reversed(said):
        top = bottom - high
        if top < 0:
            break
        luma[top:bottom] = _line(text, width, high, inverted)
        chroma[:, top // 2 : bottom // 2] = GREY
        bottom = top
    return written


@lru_cache(maxsize=16)
def _line(text: str, width: int, high: int, inverted: bool) -> Yuv:
    paper, ink = (LIGHT, DARK) if inverted else (DARK, LIGHT)
    image = Image.new("L", (width, high), paper)
    draw = ImageDraw.Draw(image)
    size = high * 3 // 4
    font = ImageFont.load_default(size)
    room = width - 2 * high
    while font.getlength(text) > room and size > 7:
        size -= 1
        font = ImageFont.load_default(size)
    while text and font.getlength(text) > room:
        text = text[:-2] + "…"
    if inverted:
        radius = high // 4
        draw.ellipse(
            (high // 2 - radius, high // 2 - radius, high // 2 + radius, high // 2 + radius), ink
        )
    draw.text((high, high / 2), text, ink, font=font, anchor="lm")
    return np.asarray(image)
