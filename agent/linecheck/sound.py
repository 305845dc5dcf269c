"""Whether a room's microphone hears its loudspeaker: a keyed tone, and what is heard of it. Pure.

The tone is on and off by a known pattern of 24 symbols of 80 ms. It is found by likeness with that
pattern, so that neither a voice in the room nor a hum is taken for it, and it may be far softer
than both. Its frequency lies between those of synthetic voices.

Levels are -dBov as RFC 6464 has them: 0 is the loudest, 127 silence.
"""

import math

import numpy as np
from numpy.typing import NDArray

from agent.audio.mixer import SILENT, level_dbov
from protocol.messages import LineFigures

Pcm = NDArray[np.int16]

RATE, SAMPLES = 48_000, 960
TONE_HZ = 1400.0
AMPLITUDE = 4600.0
"""-20 dBov."""

PATTERN = (1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 1)
FRAMES_PER_SYMBOL = 4
DELAY_FRAMES = 50
"""From playing to hearing: at most a second, through sound cards and their buffers."""

LIKENESS = 0.7
SOFTEST_DBOV = 80
QUIET_SHARE = 0.15
"""The room without its tone, and between the words of who speaks in it: its quietest moments."""

CLIPPED_FROM = 32_600


def tone() -> list[Pcm]:
    """The tone in frames of 20 ms, without a click at any edge."""
    keys = np.repeat(np.array(PATTERN, dtype=np.float64), FRAMES_PER_SYMBOL * SAMPLES)
    edge = np.hanning(481)
    shape = np.convolve(keys, edge / edge.sum(), "same")
    t = np.arange(len(keys)) / RATE
    wave = AMPLITUDE * shape * np.sin(2 * np.pi * TONE_HZ * t)
    return list(wave.astype(np.int16).reshape(-1, SAMPLES))


TONE_FRAMES = len(PATTERN) * FRAMES_PER_SYMBOL
_KEYS = np.repeat(np.array(PATTERN, dtype=np.float64), FRAMES_PER_SYMBOL)
_PROBE = np.exp(-2j * np.pi * TONE_HZ * np.arange(SAMPLES) / RATE)


def heard_tone(frames: list[Pcm]) -> int | None:
    """How loud the tone is in these frames, of which the first was heard when it began to play;
    None when it is not there."""
    if len(frames) < TONE_FRAMES:
        return None
    sound = np.stack(frames).astype(np.float64)
    amplitudes = 2 * np.abs(sound @ _PROBE) / SAMPLES
    best, likeness = 0, 0.0
    for delay in range(min(DELAY_FRAMES, len(frames) - TONE_FRAMES) + 1):
        alike = _likeness(amplitudes[delay : delay + TONE_FRAMES])
        if alike > likeness:
            best, likeness = delay, alike
    if likeness < LIKENESS:
        return None
    on = amplitudes[best : best + TONE_FRAMES][_KEYS > 0]
    level = _dbov(float(np.median(on)))
    return level if level <= SOFTEST_DBOV else None


def _likeness(amplitudes: NDArray[np.float64]) -> float:
    """1: the pattern itself; 0: nothing of it."""
    one = amplitudes - amplitudes.mean()
    other = _KEYS - _KEYS.mean()
    size = math.sqrt(float((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / size if size > 1e-9 else 0.0


def _dbov(amplitude: float) -> int:
    """Of a sine of this amplitude."""
    if amplitude < 1e-3:
        return SILENT
    power = amplitude**2 / 2 / 32768.0**2
    return min(SILENT, max(0, round(-10 * math.log10(power))))


def sound_figures(before: list[Pcm], during: list[Pcm]) -> LineFigures:
    """What the microphone heard `before` the loudspeaker played and `during` it and after."""
    frames = [*before, *during]
    if not frames:
        return LineFigures()
    levels = sorted(level_dbov(frame) for frame in frames)
    clipped = sum(int((np.abs(f.astype(np.int32)) >= CLIPPED_FROM).sum()) for f in frames)
    return LineFigures(
        tone_played=bool(during),
        tone_dbov=heard_tone(during),
        noise_dbov=levels[min(len(levels) - 1, int(len(levels) * (1 - QUIET_SHARE)))],
        peak_dbov=levels[0],
        clipped_percent=round(100 * clipped / (len(frames) * SAMPLES), 2),
    )
