"""The slots' sound summed for one loudspeaker, with a limiter, and levels (RFC 6464)."""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]

SAMPLES = 960
LIMIT = 32_000.0
RELEASE_PER_FRAME = 0.05
SILENT = 127


def level_dbov(pcm: Pcm) -> int:
    """The level of a frame in -dBov: 0 is the loudest, 127 digital silence (RFC 6464)."""
    wide = pcm.astype(np.float32)
    power = float(np.dot(wide, wide)) / max(1, len(pcm))
    if power < 1e-6:
        return SILENT
    return min(SILENT, max(0, round(-10 * math.log10(power / 32768.0**2))))


class Mixer:
    """Sums frames. The limiter turns down at once, within the frame that would be too loud, and
    comes back over 400 ms; it never lets a sample past full scale."""

    def __init__(self) -> None:
        self._gain = 1.0
        self._silence = np.zeros(SAMPLES, dtype=np.int16)

    def mix(self, frames: Iterable[Pcm]) -> Pcm:
        """The sum of frames of 960 samples; silence when there are none."""
        heard = [frame for frame in frames if frame.any()]
        if not heard:
            self._gain = min(1.0, self._gain + RELEASE_PER_FRAME)
            return self._silence
        if len(heard) == 1 and self._gain == 1.0:
            return heard[0]
        total = np.sum(heard, axis=0, dtype=np.float32)
        peak = float(np.abs(total).max())
        wanted = min(1.0, LIMIT / peak) if peak > 0 else 1.0
        after = wanted if wanted < self._gain else min(wanted, self._gain + RELEASE_PER_FRAME)
        if after != self._gain or after != 1.0:
            begin = min(self._gain, wanted)
            total *= np.linspace(begin, after, SAMPLES, dtype=np.float32)
        self._gain = after
        return np.clip(total, -32768, 32767).astype(np.int16)
