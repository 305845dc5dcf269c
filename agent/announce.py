"""A site is told that it is recorded: a soft tone when recording begins, a red dot in the picture
as long as it lasts.

Both stand before the site's own devices, so that whatever the loudspeaker and the display are, they
have it. The dot lies below the upper edge on the right, clear of what machines read in a picture.
"""

import numpy as np

from agent.audio.mixer import add
from agent.devices import RATE, SAMPLES, Display, Pcm, Speaker
from agent.picture.vp8 import Yuv

NOTES_HZ = (800.0, 1200.0)
NOTE_S = 0.18
LOUDNESS = 900.0
"""Amplitude of the tone: -31 dB of full scale, beside a voice at -12."""

RED = (82, 90, 240)
"""Luma, blue and red difference of the dot (ITU-R BT.601)."""

RIM = 16


def tone() -> Pcm:
    """Two soft notes, the second higher; whole frames of 20 ms."""
    t = np.arange(round(NOTE_S * RATE)) / RATE
    swell = np.sin(np.pi * t / NOTE_S) ** 2
    notes = [LOUDNESS * swell * np.sin(2 * np.pi * pitch * t) for pitch in NOTES_HZ]
    pcm = np.concatenate(notes).astype(np.int16)
    return np.pad(pcm, (0, -len(pcm) % SAMPLES))


def dotted(picture: Yuv) -> Yuv:
    """The picture (yuv420p) with the dot."""
    rows, width = picture.shape
    height = rows * 2 // 3
    marked = picture.copy()
    radius = max(4, height // 24)
    middle_y, middle_x = round(height * 0.12) + radius + 2, width - 2 * radius
    y, x = np.ogrid[:height, :width]
    distance = (y - middle_y) ** 2 + (x - middle_x) ** 2
    luma = marked[:height]
    luma[distance <= (radius + 1) ** 2] = RIM
    dot = distance <= radius**2
    luma[dot] = RED[0]
    half = dot[::2, ::2]
    for plane, value in zip(marked[height:].reshape(2, -1), RED[1:], strict=True):
        plane[half.reshape(-1)] = value
    return marked


class Announcement:
    """Says that it is recorded, in the room and on the screen."""

    def __init__(self, speaker: Speaker, display: Display) -> None:
        self.speaker = _Speaker(speaker)
        self.display = _Display(display)

    @property
    def recording(self) -> bool:
        """Whether the site is recorded; the tone sounds when that begins."""
        return self.display.is_on

    @recording.setter
    def recording(self, is_on: bool) -> None:
        if is_on and not self.display.is_on:
            self.speaker.announce()
        self.display.is_on = is_on


class _Speaker:
    """The site's loudspeaker, with the tone in front of what sounds."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker
        self._tone = np.zeros(0, dtype=np.int16)

    def announce(self) -> None:
        self._tone = tone()

    def write(self, pcm: Pcm, now: float) -> None:
        """Up to 960 samples that begin to sound at `now`."""
        if len(self._tone):
            part, self._tone = self._tone[: len(pcm)], self._tone[len(pcm) :]
            pcm = np.concatenate((add(pcm[: len(part)], part), pcm[len(part) :]))
        self._speaker.write(pcm, now)

    def close(self) -> None:
        self._speaker.close()


class _Display:
    """The site's display, with the dot in every picture while it is on."""

    def __init__(self, display: Display) -> None:
        self.is_on = False
        self._display = display

    def show(self, slot: str, picture: Yuv, now: float) -> None:
        """Show a whole picture of a slot."""
        self._display.show(slot, dotted(picture) if self.is_on else picture, now)

    def close(self) -> None:
        self._display.close()
