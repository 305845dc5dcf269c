"""The known voice of a synthetic person, and how it is recognised in a recording.

Each of 64 sites has a tone of its own, 100 Hz from the next, its loudness modulated by a pattern of
5.12 s that never falls silent. Nearer tones would stand where `levels` looks for what is no tone;
the highest, 6650 Hz, is within what Opus carries of a voice at 12 kbit/s. The voice is a function
of the site's number and of CLOCK_MONOTONIC, so any recording on the same machine tells who was
heard, when, and how old the sound was (mouth to ear).
"""

from functools import lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

RATE = 48_000
SITES = 64
SYMBOL_S = 0.08
SYMBOLS = 64
PERIOD_SAMPLES = round(SYMBOLS * SYMBOL_S * RATE)
AMPLITUDE = 8000.0
LOUD, SOFT = 1.0, 0.55
NOMINAL = AMPLITUDE * (LOUD + SOFT) / 2

HOP = 480
WINDOW = 1920
HOP_S = HOP / RATE
BIN_HZ = RATE / WINDOW

Pcm = NDArray[np.int16]
Floats = NDArray[np.float32]


def frequency(site: int) -> float:
    """The tone of a site, Hz; a multiple of 25 Hz. Raises ValueError beyond 63."""
    if not 0 <= site < SITES:
        raise ValueError(f"site number {site}: expected 0 to {SITES - 1}")
    return 350.0 + 100.0 * site


@lru_cache
def pattern(site: int) -> Floats:
    """Loudness of each sample of one period."""
    symbols = np.random.default_rng(1000 + site).integers(0, 2, SYMBOLS)
    steps = np.where(symbols, LOUD, SOFT).astype(np.float32).repeat(PERIOD_SAMPLES // SYMBOLS)
    # 20 ms ramps between symbols keep the spectrum within the site's own band.
    kernel = np.hanning(961).astype(np.float32)
    kernel /= kernel.sum()
    wrapped = np.concatenate([steps[-480:], steps, steps[:480]])
    return np.convolve(wrapped, kernel, "valid").astype(np.float32)


@lru_cache
def _period(site: int) -> Pcm:
    t = np.arange(PERIOD_SAMPLES) / RATE
    tone = np.sin(2 * np.pi * frequency(site) * t)
    return (AMPLITUDE * tone * pattern(site)).astype(np.int16)


def waveform(site: int, position: int, samples: int) -> Pcm:
    """`samples` of the voice from sample `position` of CLOCK_MONOTONIC (seconds × 48000)."""
    period = _period(site)
    begin = position % PERIOD_SAMPLES
    end = begin + samples
    if end <= PERIOD_SAMPLES:
        return period[begin:end]
    return np.concatenate([period[begin:], period[: end - PERIOD_SAMPLES]])


class Levels(msgspec.Struct):
    """Who is heard in a recording: amplitude per hop of 10 ms and site, relative to the nominal
    voice; 0 where the site's tone does not stand out. Row i is centred at `centre_s(i)`."""

    values: dict[int, NDArray[np.float32]]
    hops: int

    @staticmethod
    def centre_s(hop: int) -> float:
        """Seconds from the recording's first sample to the middle of the hop's window."""
        return (hop * HOP + WINDOW / 2) / RATE


def levels(recording: Pcm, sites: list[int]) -> Levels:
    """Measure every site's tone in a 48 kHz mono recording."""
    hops = max(0, (len(recording) - WINDOW) // HOP + 1)
    values = {site: np.zeros(hops, dtype=np.float32) for site in sites}
    window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    bins = {site: round(frequency(site) / BIN_HZ) for site in sites}
    chunk = 2000
    for first in range(0, hops, chunk):
        count = min(chunk, hops - first)
        part = recording[first * HOP : (first + count - 1) * HOP + WINDOW].astype(np.float32)
        frames = np.lib.stride_tricks.sliding_window_view(part, WINDOW)[::HOP]
        spectrum = np.abs(np.fft.rfft(frames * window, axis=1))[:, : max(bins.values()) + 4]
        spectrum = (spectrum * (2 / window.sum())).astype(np.float32)
        for site, k in bins.items():
            beside = np.maximum(spectrum[:, k - 2], spectrum[:, k + 2])
            own = spectrum[:, k]
            values[site][first : first + count] = np.where(own > 2.5 * beside, own / NOMINAL, 0)
    return Levels(values, hops)
