"""The slots' sound summed for one loudspeaker: limiter, ducking, levels (RFC 6464)."""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]

SAMPLES = 960
SOFT_SAMPLES = 240
LIMIT = 32_000.0
RELEASE_PER_FRAME = 0.05
SILENT = 127

SPEAKS_DBOV = 42
DUCKED = 0.5
DUCK_HOLD_FRAMES = 25
DUCK_PER_FRAME, UNDUCK_PER_FRAME = 0.25, 0.05


def level_dbov(pcm: Pcm) -> int:
    """The level of a frame in -dBov: 0 is the loudest, 127 digital silence (RFC 6464)."""
    wide = pcm.astype(np.float32)
    return dbov_of(float(wide.dot(wide)) / max(1, len(pcm)))


def dbov_of(power: float) -> int:
    """The level of a mean square of samples in -dBov, 0 to 127 (RFC 6464)."""
    if power < 1e-6:
        return SILENT
    return min(SILENT, max(0, round(-10 * math.log10(power / 32768.0**2))))


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


def _ramp(before: float, after: float) -> NDArray[np.float32] | np.float32:
    """A gain over a frame; one number when it does not change."""
    if before == after:
        return np.float32(before)
    return np.linspace(before, after, SAMPLES, dtype=np.float32)


class Mixer:
    """Sums frames. The limiter turns down at once, within the frame that would be too loud, and
    comes back over 400 ms; it never lets a sample past full scale.

    While one of the frames (`over`, the chair's) is louder than -42 dBov, and half a second
    longer, all others are turned down by 6 dB: within 40 ms, and back over 200 ms.
    """

    def __init__(self) -> None:
        self._gain = 1.0
        self._others = 1.0
        self._held = 0
        self._silence = np.zeros(SAMPLES, dtype=np.int16)
        self._total = np.empty(SAMPLES, dtype=np.float32)

    def mix(
        self, frames: Iterable[Pcm], over: Pcm | None = None, over_dbov: int | None = None
    ) -> Pcm:
        """The sum of frames of 960 samples; silence when there are none. `over_dbov`: the level
        of `over`, where it is known; those of silence need not be given."""
        if over_dbov is None:
            over_dbov = SILENT if over is None else level_dbov(over)
        before, after = self._duck(over_dbov)
        heard = list(frames)
        if not heard:
            self._gain = min(1.0, self._gain + RELEASE_PER_FRAME)
            return self._silence
        is_ducked = min(before, after) < 1.0 and any(frame is not over for frame in heard)
        if len(heard) == 1 and self._gain == 1.0 and not is_ducked:
            return heard[0]
        others = [frame for frame in heard if not (is_ducked and frame is over)]
        total = self._total
        total[:] = 0
        for frame in others:
            total += frame
        if is_ducked:
            total *= _ramp(before, after)
            if over is not None and len(others) < len(heard):
                total += over
        return self._limited(total)

    def _limited(self, total: NDArray[np.float32]) -> Pcm:
        peak = max(float(np.maximum.reduce(total)), -float(np.minimum.reduce(total)))
        wanted = min(1.0, LIMIT / peak) if peak > 0 else 1.0
        after = wanted if wanted < self._gain else min(wanted, self._gain + RELEASE_PER_FRAME)
        if after != self._gain or after != 1.0:
            begin = min(self._gain, wanted)
            total *= _ramp(begin, after)
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
