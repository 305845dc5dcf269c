"""How clear what a site hears is: a live estimate by the E-model (ITU-T G.107). Pure.

R = 93.2 - Idd - Ie,eff, and MOS from R by Annex B. 93.2 is R with all else at its default: one
listens to a decoded voice, not to a telephone line. Of delay only Idd counts, nothing up to 100 ms:
there are no echo terms (Idte, Idle), for no echo is measured here.

    Ie,eff = Ie + (95 - Ie) * Ppl / (Ppl / BurstR + Bpl)

Ppl is the loss in percent after recovery: a frame that a copy or a retransmission brought in time
is not lost. G.113 has no Ie and Bpl for Opus: those below are measured (`tests/bench/clarity.py`
repeats it). The two synthetic clips through the product's own encoder and decoder (wideband, no
in-band redundancy), random loss concealed by the decoder, wideband PESQ of each of the eight
reports under four seeds; then least squares on MOS. PESQ measured, and in brackets what the model
says:

    bit/s          0 %          1 %          2 %          3 %          5 %         10 %         20 %
    12000  3.27 (3.31)  2.97 (3.00)  2.69 (2.69)  2.48 (2.48)  2.13 (2.09)  1.68 (1.58)  1.32 (1.21)
    16000  3.76 (3.77)  3.45 (3.45)  3.03 (3.09)  2.77 (2.86)  2.43 (2.40)  1.86 (1.76)  1.38 (1.29)
    20000  4.04 (4.01)  3.74 (3.74)  3.32 (3.36)  3.00 (3.04)  2.57 (2.58)  2.00 (1.94)  1.47 (1.36)
    24000  4.23 (4.14)  3.77 (3.78)  3.45 (3.51)  3.13 (3.18)  2.82 (2.78)  1.99 (1.97)  1.43 (1.38)
    28000  4.33 (4.16)  3.74 (3.79)  3.45 (3.49)  3.19 (3.24)  2.70 (2.74)  2.04 (2.03)  1.45 (1.38)

The single report is off by 0.29 (rms). PESQ hears no harm in bursts: at one loss those of 2 or 4
frames score as random loss does, and with the burst ratio the model is 0.2 to 0.3 below it. The
E-model's ratio comes from people, who do mind; it counts, but to `MAX_BURST_RATIO` only.
"""

import math
from collections import deque

R_CLEAN = 93.2
WINDOW_FRAMES = 300
FREE_DELAY_MS = 100
MAX_BURST_RATIO = 2.0
BPL = 9.0
"""How well Opus bears loss: the greater, the better."""
IE: dict[int, float] = {
    12_000: 29.0,
    16_000: 19.5,
    20_000: 13.5,
    24_000: 10.0,
    28_000: 9.5,
    32_000: 7.0,
    40_000: 4.5,
}
"""Impairment by the codec itself, by bitrate (bit/s)."""


def mos(r: float) -> float:
    """MOS of an R factor (G.107, Annex B): 1 to 4.5."""
    if r <= 0:
        return 1.0
    if r >= 100:
        return 4.5
    # The curve dips below 1 for R under 6.5: nothing is worse than bad.
    return max(1.0, 1 + 0.035 * r + 7e-6 * r * (r - 60) * (100 - r))


def delay_impairment(delay_ms: float) -> float:
    """Idd: what delay from mouth to ear costs a conversation; nothing up to 100 ms."""
    if delay_ms <= FREE_DELAY_MS:
        return 0.0
    x = math.log2(min(delay_ms, 1e6) / FREE_DELAY_MS)
    return 25 * (math.pow(1 + x**6, 1 / 6) - 3 * math.pow(1 + (x / 3) ** 6, 1 / 6) + 2)


def codec_impairment(bitrate: int) -> float:
    """Ie of Opus at a bitrate (bit/s): between measured ones their mean, beyond them the last."""
    rates = sorted(IE)
    if bitrate <= rates[0]:
        return IE[rates[0]]
    for low, high in zip(rates, rates[1:], strict=False):
        if bitrate <= high:
            part = (bitrate - low) / (high - low)
            return IE[low] + part * (IE[high] - IE[low])
    return IE[rates[-1]]


def r_factor(loss: float, burst_ratio: float, delay_ms: float, bitrate: int) -> float:
    """R, 0 to 93.2. `loss`: share of frames that were concealed, 0 to 1; `burst_ratio`: how much
    longer their runs are than those of random loss; `delay_ms`: from mouth to ear; `bitrate`:
    that of Opus, bit/s."""
    percent = 100 * min(1.0, max(0.0, loss))
    codec = codec_impairment(bitrate)
    ratio = min(MAX_BURST_RATIO, max(1.0, burst_ratio))
    lost = percent / (percent / ratio + BPL)
    return max(0.0, R_CLEAN - delay_impairment(delay_ms) - codec - (95 - codec) * lost)


class Clarity:
    """The last 6 s of a voice, frame by frame."""

    def __init__(self, window_frames: int = WINDOW_FRAMES) -> None:
        self._missing: deque[bool] = deque(maxlen=window_frames)

    def push(self, is_missing: bool) -> None:
        """A 20 ms frame of somebody who speaks; missing means concealed."""
        self._missing.append(is_missing)

    @property
    def loss(self) -> float:
        """Share of the frames that were missing."""
        return sum(self._missing) / len(self._missing) if self._missing else 0.0

    @property
    def burst_ratio(self) -> float:
        """Mean length of runs of missing frames, in that of random loss as great; 1 or more."""
        runs, before = 0, False
        for is_missing in self._missing:
            runs += is_missing and not before
            before = is_missing
        if not runs:
            return 1.0
        return max(1.0, sum(self._missing) / runs * (1 - self.loss))

    def mos(self, delay_ms: float, bitrate: int) -> float:
        """MOS of the last 6 s, 1 to 4.5; 0 when nothing was heard."""
        if not self._missing:
            return 0.0
        return mos(r_factor(self.loss, self.burst_ratio, delay_ms, bitrate))
