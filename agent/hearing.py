"""Compares what was spoken with what was heard: utterances, delay, gaps. Numbers only.

Both are mono sound of 48 kHz on one clock: sample n of the one and of the other are of the same
moment, so a sound that is heard later than it was spoken has been on its way (mouth to ear).

Rules:
- Speech is divided where the speaker pauses; an utterance that is not whole counts for nothing.
- Every utterance is found by itself in what was heard, anywhere up to 2 s late.
- A gap is a hole in the speech that an ear notices, not a pause of the speaker.
"""

from collections.abc import Iterator

import av
import msgspec
import numpy as np
from numpy.typing import NDArray

RATE = 48_000
PESQ_RATE = 16_000
"""Wideband PESQ (ITU-T P.862.2) is defined at this rate; the other measures take it as well."""

FRAME_S = 0.01
HOP_S = 0.005
LOUD_PERCENTILE = 99.0
SPEECH_DB = 35.0
"""Below the speaker's loudest by more than this is a pause."""

MIN_PAUSE_S = 0.3
"""Pauses between sentences are 0.33 s and longer in the shipped clips, within them 0.2 s."""

MIN_UTTERANCE_S = 0.5
MAX_UTTERANCE_S = 20.0
MARGIN_S = 0.15
"""Silence taken along before and after an utterance."""

MAX_DELAY_S = 2.0
WINDOW_S = 0.4
WINDOW_HOP_S = 0.2
ALIKE, ALIKE_WHOLE = 0.6, 0.3
"""Correlation from which a window counts as found; an utterance is found by a part of it, too."""

USUAL = 0.85
"""A window that fits its utterance's own delay so nearly as well as the best place is taken to be
there: vowels are alike, also elsewhere."""

USUAL_S = 0.003
MAX_CHANGE_S = 0.5
"""Delay within an utterance does not differ more from the utterance's own."""

GAP_SPEECH_DB = 30.0
GAP_DB = 25.0
MIN_GAP_S = 0.02
EDGE_S = 0.02
"""Alignment is not better than this: a moment is as soft as the softest so near to it."""

JOIN_GAPS_S = 0.2
MAX_GAIN_DB = 12.0
FLOOR_POWER = 1.0

Pcm = NDArray[np.int16]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Utterance(msgspec.Struct, frozen=True):
    """A piece of speech between two pauses: first sample, sample after the last."""

    begin: int
    end: int


class Delays(msgspec.Struct, frozen=True):
    """Of one utterance: its own delay (None: not found in what was heard), and of windows within
    it the middle (sample of the spoken sound) and the delay, both in samples."""

    own: int | None
    middles: list[int]
    delays: list[int]


class Gaps(msgspec.Struct):
    """Gaps in some speech: their lengths, and how much speech there was."""

    speech_s: float = 0.0
    lost_s: float = 0.0
    lengths_s: list[float] = msgspec.field(default_factory=list)

    def add(self, more: "Gaps") -> None:
        self.speech_s += more.speech_s
        self.lost_s += more.lost_s
        self.lengths_s += more.lengths_s


def resampled(pcm: Pcm, rate: int) -> Pcm:
    """48 kHz sound at another rate, by libswresample."""
    if not len(pcm):
        return pcm
    resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
    frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(pcm)[None, :], format="s16", layout="mono"
    )
    frame.sample_rate = RATE
    parts = [f.to_ndarray()[0] for f in (*resampler.resample(frame), *resampler.resample(None))]
    return np.concatenate(parts)


def levels_db(pcm: Pcm) -> Floats:
    """Level of every 10 ms, one each 5 ms; 0 dB is an amplitude of 1."""
    hop, frame = round(HOP_S * RATE), round(FRAME_S * RATE)
    if len(pcm) < frame:
        return np.zeros(0)
    power = np.concatenate([[0.0], np.cumsum(pcm.astype(np.float64) ** 2)])
    begins = np.arange(0, len(pcm) - frame + 1, hop)
    return 10 * np.log10((power[begins + frame] - power[begins]) / frame + FLOOR_POWER)


def _runs(flags: Flags) -> list[tuple[int, int]]:
    """(first, end) of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def loudest_db(levels: Floats) -> float:
    """The level of the loudest moments."""
    return float(np.percentile(levels, LOUD_PERCENTILE)) if len(levels) else 0.0


def utterances(spoken: Pcm) -> list[Utterance]:
    """The utterances that are whole: with a pause before and after, within this sound."""
    levels = levels_db(spoken)
    threshold = max(loudest_db(levels) - SPEECH_DB, 10.0)
    hop = round(HOP_S * RATE)
    runs = _runs(levels > threshold)
    if not runs:
        return []
    joined = [runs[0]]
    for first, end in runs[1:]:
        if (first - joined[-1][1]) * HOP_S < MIN_PAUSE_S:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((first, end))
    found = []
    pause = round(MIN_PAUSE_S / HOP_S)
    for first, end in joined:
        whole = first >= pause and end + pause <= len(levels)
        if not whole or (end - first) * HOP_S < MIN_UTTERANCE_S:
            continue
        found += [
            Utterance(a * hop, b * hop + round(FRAME_S * RATE)) for a, b in _cut(levels, first, end)
        ]
    return found


def _cut(levels: Floats, first: int, end: int) -> Iterator[tuple[int, int]]:
    """Pieces that PESQ can take: cut at the softest 100 ms of the middle half."""
    if (end - first) * HOP_S <= MAX_UTTERANCE_S:
        yield first, end
        return
    quarter, wide = (end - first) // 4, round(0.1 / HOP_S)
    middle = np.convolve(levels[first + quarter : end - quarter], np.ones(wide), "valid")
    at = first + quarter + int(middle.argmin()) + wide // 2
    yield from _cut(levels, first, at)
    yield from _cut(levels, at, end)


def _likeness(known: Floats, searched: Floats) -> Floats:
    """Normalised correlation of `known` with every place of `searched` (as long or longer)."""
    size = len(known)
    places = len(searched) - size + 1
    length = 1 << (len(searched) + size - 1).bit_length()
    both = np.fft.rfft(searched, length) * np.conj(np.fft.rfft(known, length))
    products = np.fft.irfft(both, length)[:places]
    energy = np.concatenate([[0.0], np.cumsum(searched**2)])
    around = energy[size:] - energy[:-size]
    scale = np.sqrt((known**2).sum() * np.maximum(around, 0.0))
    # Where next to nothing is heard, likeness means nothing.
    heard = around > size * 4.0
    return np.where(heard, products / np.maximum(scale, 1e-9), 0.0)


class Comparison:
    """One stretch of sound as it was spoken and as it was heard."""

    def __init__(self, spoken: Pcm, heard: Pcm) -> None:
        size = min(len(spoken), len(heard))
        self.spoken, self.heard = spoken[:size], heard[:size]
        self._step = RATE // PESQ_RATE
        self._low_spoken = resampled(self.spoken, PESQ_RATE).astype(np.float64)
        self._low_heard = resampled(self.heard, PESQ_RATE).astype(np.float64)
        self._spoken_db = levels_db(self.spoken)
        self._heard_db = levels_db(self.heard)
        self._loudest_db = loudest_db(self._spoken_db)

    def aligned(self, one: Utterance, delay: int) -> tuple[Floats, Floats]:
        """An utterance at 16 kHz as spoken and as heard `delay` samples later, equally long."""
        margin = round(MARGIN_S * PESQ_RATE)
        begin = max(0, one.begin // self._step - margin)
        late = delay // self._step
        end = min(one.end // self._step + margin, len(self._low_heard) - late)
        return self._low_spoken[begin:end], self._low_heard[begin + late : end + late]

    def delays(self, one: Utterance) -> Delays:
        """How late the utterance and its parts were heard."""
        begin, end = one.begin // self._step, one.end // self._step
        own = self._find(begin, end, ALIKE_WHOLE)
        middles, delays = [], []
        window, hop = round(WINDOW_S * PESQ_RATE), round(WINDOW_HOP_S * PESQ_RATE)
        for at in range(begin, end - window + 1, hop):
            if not self._is_speech(at, at + window):
                continue
            late = self._find(at, at + window, ALIKE, own)
            if late is not None:
                middles.append((at + window // 2) * self._step)
                delays.append(late * self._step)
        if own is None and delays:
            own = int(np.median(delays)) // self._step
        return Delays(None if own is None else own * self._step, middles, delays)

    def _is_speech(self, begin: int, end: int) -> bool:
        """Whether the speaker speaks for half of this time."""
        hop = round(HOP_S * PESQ_RATE)
        levels = self._spoken_db[begin // hop : end // hop]
        return bool((levels > self._loudest_db - GAP_SPEECH_DB).mean() >= 0.5)

    def _find(self, begin: int, end: int, alike: float, own: int | None = None) -> int | None:
        """How much later (samples at 16 kHz) a part of the spoken sound is heard; None when
        nothing is as `alike`. `own`: the delay of the utterance it is in."""
        searched = self._low_heard[begin : end + round(MAX_DELAY_S * PESQ_RATE)]
        known = self._low_spoken[begin:end]
        if len(searched) < len(known) or not len(known):
            return None
        likeness = _likeness(known, searched)
        if own is not None:
            first = max(0, own - round(MAX_CHANGE_S * PESQ_RATE))
            likeness[:first] = 0
            likeness[own + round(MAX_CHANGE_S * PESQ_RATE) + 1 :] = 0
        best = int(likeness.argmax())
        if likeness[best] < alike:
            return None
        if own is not None:
            first = max(0, own - round(USUAL_S * PESQ_RATE))
            usual = likeness[first : own + round(USUAL_S * PESQ_RATE) + 1]
            if len(usual) and usual.max() >= USUAL * likeness[best]:
                return first + int(usual.argmax())
        return best

    def gaps(self, one: Utterance, delays: Delays, usual: int) -> Gaps:
        """Holes in an utterance; `usual` is the delay (samples) where it has none of its own."""
        hop = HOP_S * RATE
        first, end = round(one.begin / hop), min(round(one.end / hop), len(self._spoken_db))
        moments = np.arange(first, end)
        late = np.full(len(moments), usual if delays.own is None else delays.own)
        if delays.middles:
            nearest = np.abs(np.array(delays.middles)[None, :] - (moments * hop)[:, None])
            late = np.array(delays.delays)[nearest.argmin(axis=1)]
        at = np.minimum(moments + np.round(late / hop).astype(int), len(self._heard_db) - 1)
        heard = self._heard_db[at]
        edge = round(EDGE_S / HOP_S)
        padded = np.pad(self._spoken_db, edge, mode="edge")
        around = np.lib.stride_tricks.sliding_window_view(padded, 2 * edge + 1).min(axis=1)
        spoken = around[first:end]
        speech = spoken > self._loudest_db - GAP_SPEECH_DB
        if not speech.any():
            return Gaps()
        gain = float(np.clip(np.median((heard - spoken)[speech]), -MAX_GAIN_DB, MAX_GAIN_DB))
        silent = heard <= np.maximum(spoken + gain - GAP_DB, 0.0)
        lost = speech & silent
        whole = lost.copy()
        for a, b in _runs(~lost):
            # Between two gaps: a moment that is silent by itself does not end the gap.
            inside = 0 < a and b < len(lost) and (b - a) * HOP_S < JOIN_GAPS_S
            if inside and not (speech & ~silent)[a:b].any():
                whole[a:b] = True
        lengths = [(b - a - 1) * HOP_S + FRAME_S for a, b in _runs(whole)]
        lengths = [length for length in lengths if length >= MIN_GAP_S]
        return Gaps(float(speech.sum()) * HOP_S, float(lost.sum()) * HOP_S, lengths)
