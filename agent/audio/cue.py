"""What a room hears beside the voices: a soft tone when its microphone opens, a bell when its time
ends, made here and mixed like any other sound.

Two notes up: the microphone is open. Three strokes of one note: 30 seconds are left. The same an
octave lower: the time is up. All are soft (-27 dBov) and begin and end without a click.
"""

from collections import deque
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from protocol.messages import Cue

Pcm = NDArray[np.int16]

RATE, SAMPLES = 48_000, 960
AMPLITUDE = 2000.0
OPENS: tuple[Cue, ...] = ("none", "on-deck")
NOTES: dict[Cue, tuple[tuple[float, float], ...]] = {
    "live": ((600.0, 0.16), (800.0, 0.24)),
    "low": ((1200.0, 0.22), (1200.0, 0.22), (1200.0, 0.4)),
    "over": ((600.0, 0.22), (600.0, 0.22), (600.0, 0.4)),
}
"""Hz and seconds of each note."""


def rings(before: Cue, after: Cue) -> bool:
    """True when the change is told by sound: what only goes back or on is not."""
    if after == "live":
        return before in OPENS
    return after != before and after in ("low", "over")


@lru_cache
def sound(cue: Cue) -> Pcm:
    """The whole sound of a cue, in whole frames of 20 ms; empty for one that has none."""
    parts = [_note(hz, seconds) for hz, seconds in NOTES.get(cue, ())]
    whole = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int16)
    return np.concatenate([whole, np.zeros(-len(whole) % SAMPLES, dtype=np.int16)])


def _note(hz: float, seconds: float) -> Pcm:
    t = np.arange(round(seconds * RATE)) / RATE
    rise = np.clip(t / 0.02, 0, 1) * np.clip((seconds - t) / 0.06, 0, 1)
    shape = np.sin(rise * np.pi / 2) ** 2
    return (AMPLITUDE * shape * np.sin(2 * np.pi * hz * t)).astype(np.int16)


class Chime:
    """Tell it the cue; it gives the frames to be played, 20 ms each."""

    def __init__(self) -> None:
        self.cue: Cue = "none"
        self._frames: deque[Pcm] = deque()

    def set(self, cue: Cue) -> None:
        """The cue from now on; a new sound takes the place of one that still plays."""
        if rings(self.cue, cue):
            self._frames = deque(sound(cue).reshape(-1, SAMPLES))
        self.cue = cue

    def pull(self) -> Pcm | None:
        """The next frame; None while there is nothing to play."""
        return self._frames.popleft() if self._frames else None
