"""The slots' sound summed for one loudspeaker: limiter, ducking, levels (RFC 6464).

The first call of a function of numpy costs more, after a pause of 20 ms, than all the samples: so
there are few of them, and sound is float32 from the decoders, which write it where it is summed.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]
Wave = NDArray[np.float32]
"""Samples, full scale from -1 to 1; what is beyond is for the limiter."""

SAMPLES = 960
SOFT_SAMPLES = 240
FULL_SCALE = 32_768.0
LIMIT = 32_000.0
RELEASE_PER_FRAME = 0.05
SILENT = 127

SPEAKS_DBOV = 42
DUCKED = 0.5
DUCK_HOLD_FRAMES = 25
DUCK_PER_FRAME, UNDUCK_PER_FRAME = 0.25, 0.05

FADE_SAMPLES = 480
RISING: Wave = np.linspace(0.0, 1.0, FADE_SAMPLES, dtype=np.float32)
"""Fades sound in within 10 ms, and out when it is reversed."""


def level_dbov(pcm: Pcm) -> int:
    """The level of a frame in -dBov: 0 is the loudest, 127 digital silence (RFC 6464)."""
    return dbov_of(power_of(pcm.astype(np.float32)) / FULL_SCALE**2)


def power_of(wave: Wave) -> float:
    """The mean square of a frame."""
    return float(wave.dot(wave)) / max(1, len(wave))


def dbov_of(power: float) -> int:
    """The level of a mean square in -dBov, 0 to 127 (RFC 6464)."""
    if power < 1e-13:
        return SILENT
    return max(0, round(-10 * math.log10(power)))


def add(one: Pcm, other: Pcm) -> Pcm:
    """Two frames in one, kept within full scale: a soft tone over what is played already."""
    return np.clip(one.astype(np.int32) + other, -32768, 32767).astype(np.int16)


def shortened(pcm: Pcm, by: int) -> Pcm:
    """A frame without `by` of its samples (0 to its length - 1): it begins and ends as it did, and
    what is between is cross-faded."""
    keep = len(pcm) - by
    overlap = min(keep, SOFT_SAMPLES)
    ramp = np.linspace(0.0, 1.0, overlap, dtype=np.float32)
    soft = pcm[keep - overlap : keep] * (1.0 - ramp) + pcm[len(pcm) - overlap :] * ramp
    short: Pcm = np.concatenate((pcm[: keep - overlap], soft.astype(np.int16)))
    return short


def _ramp(before: float, after: float) -> Wave:
    """A gain over a frame."""
    return np.linspace(before, after, SAMPLES, dtype=np.float32)


class Mixer:
    """Sums frames. The limiter turns down at once, within the frame that would be too loud, and
    comes back over 400 ms; it never lets a sample past full scale.

    While the frame of one place (`over`, the chair's) is louder than -42 dBov, and half a second
    longer, all others are turned down by 6 dB: within 40 ms, and back over 200 ms.
    """

    def __init__(self, places: int) -> None:
        self._waves = np.zeros((places, SAMPLES), dtype=np.float32)
        self.places: list[Wave] = list(self._waves)
        """A frame that is written here costs the least."""
        self._gains = np.zeros(places, dtype=np.float32)
        self._known = [0.0] * places
        self._gain = 1.0
        self._others = 1.0
        self._held = 0
        self._silence = np.zeros(SAMPLES, dtype=np.int16)
        self._total = np.empty(SAMPLES, dtype=np.float32)

    def mix(self, frames: Sequence[Wave | None], over: int = 0, over_dbov: int = SILENT) -> Pcm:
        """The sum of the frames of all places, 960 samples each; None: silence, as is the sum when
        there are no others. `over_dbov`: the level of that at place `over`."""
        before, after = self._duck(over_dbov)
        gains = [FULL_SCALE * after if frame is not None else 0.0 for frame in frames]
        if not any(gains):
            self._gain = min(1.0, self._gain + RELEASE_PER_FRAME)
            return self._silence
        if gains[over]:
            gains[over] = FULL_SCALE
        if gains != self._known:
            self._known, self._gains[:] = gains, gains
        for number, (frame, place) in enumerate(zip(frames, self.places, strict=True)):
            if frame is None:
                continue
            if frame is not place:
                place[:] = frame
            if before != after and number != over:
                place *= _ramp(before / after, 1.0)
        return self._limited(self._gains.dot(self._waves, out=self._total))

    def _limited(self, total: Wave) -> Pcm:
        # To find where it lies costs a fraction of numpy's max.
        peak = max(total.item(total.argmax()), -total.item(total.argmin()))
        wanted = min(1.0, LIMIT / peak) if peak > 0 else 1.0
        after = wanted if wanted < self._gain else min(wanted, self._gain + RELEASE_PER_FRAME)
        if after != self._gain or after != 1.0:
            total *= _ramp(min(self._gain, wanted), after)
        self._gain = after
        if peak > LIMIT:
            np.clip(total, -32768, 32767, out=total)
        return total.astype(np.int16)

    def _duck(self, over_dbov: int) -> tuple[float, float]:
        """The gain of the others at the beginning and the end of this frame."""
        if over_dbov <= SPEAKS_DBOV:
            self._held = DUCK_HOLD_FRAMES
        before = self._others
        if self._held:
            self._held -= 1
            self._others = max(DUCKED, before - DUCK_PER_FRAME)
        else:
            self._others = min(1.0, before + UNDUCK_PER_FRAME)
        return before, self._others
