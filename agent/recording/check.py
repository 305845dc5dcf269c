"""Whether a film has everybody at his place: the known voices of a rehearsal in its chapters.

`giliran check-film FILM --sites sites.json` answers, chapter by chapter, who is heard in the
program, how long after the chapter's beginning and before its end, and how much is missing.

The known voices are functions of the clock, so that a film also tells when each of its sounds was
spoken: by how much the film's time, which is the journal's, is off.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import av
import msgspec
import numpy as np
from cyclopts import Parameter
from numpy.typing import NDArray

from agent import voice
from agent.devices import RATE, Pcm
from protocol.recording import CUES, FILM, Chapter, Cues, Film

HEARD = 0.2
GONE = 0.05
SUSTAINED = 5
"""A voice counts from 50 ms on."""

MARGIN_MS = 300
WINDOW_HOPS = 200
ALIKE = 0.7
EARLIEST_MS, LATEST_MS = -1000.0, 1500.0


class Heard(msgspec.Struct, frozen=True):
    """What a chapter holds. `loudest` is whom it has most of; `early_ms` is how long before the
    chapter the site's voice begins in the film, negative: after; `late_ms` how long after the
    chapter it is still heard; None: it is not heard. `missing_ms` is how long it is gone between
    its first and its last sound, `gap_ms` the longest of these times. `off_ms` is how much later
    than it was spoken the site's voice stands in the film (median; None: too short to tell)."""

    site: str
    turn: int
    began_ms: int
    ended_ms: int
    loudest: str
    early_ms: float | None
    late_ms: float | None
    missing_ms: float
    gap_ms: float
    off_ms: float | None = None


def check(folder: Path, numbers: dict[str, int]) -> list[Heard]:
    """The chapters of the film in a folder; `numbers` are those of the synthetic persons."""
    film = msgspec.json.decode((folder / FILM).read_bytes(), type=Film)
    cues = msgspec.json.decode((folder / CUES).read_bytes(), type=Cues)
    names = {number: site for site, number in numbers.items()}
    found = []
    with av.open(str(folder / film.file)) as container:
        sound = _Sound(container.decode(container.streams.audio[0]))
        for chapter in film.chapters:
            begin_ms = max(0, chapter.began_ms - MARGIN_MS)
            pcm = sound.between(begin_ms, chapter.ended_ms + MARGIN_MS)
            found.append(_heard(chapter, pcm, begin_ms, numbers, names, cues))
    return found


class _Sound:
    """A track's sound, decoded as it is asked for, forgotten behind it."""

    def __init__(self, frames: Iterator[av.AudioFrame]) -> None:
        self._frames = frames
        self._pcm: Pcm = np.zeros(0, dtype=np.int16)
        self._begin = 0
        self._is_over = False

    def between(self, begin_ms: int, end_ms: int) -> Pcm:
        """The samples between two places; the places never go back."""
        begin, end = begin_ms * RATE // 1000, end_ms * RATE // 1000
        parts = [self._pcm]
        there = self._begin + len(self._pcm)
        while there < end and not self._is_over:
            frame = next(self._frames, None)
            if frame is None:
                self._is_over = True
                break
            at = round(float(frame.time or 0) * RATE)
            samples = _samples(frame)[max(0, there - at) :]
            parts += [np.zeros(max(0, at - there), dtype=np.int16), samples]
            there = max(there, at) + len(samples)
        whole = np.concatenate(parts)[max(0, begin - self._begin) :]
        self._pcm, self._begin = whole, max(begin, self._begin)
        return whole[: end - self._begin]


def _samples(frame: av.AudioFrame) -> Pcm:
    samples = frame.to_ndarray().reshape(-1)
    if samples.dtype == np.int16:
        return samples.astype(np.int16, copy=False)
    return (np.clip(samples, -1, 1) * 32767).astype(np.int16)


def _heard(
    chapter: Chapter,
    pcm: Pcm,
    begin_ms: int,
    numbers: dict[str, int],
    names: dict[int, str],
    cues: Cues,
) -> Heard:
    measured = voice.levels(pcm, list(numbers.values()))
    times = begin_ms + 1000 * np.array([voice.Levels.centre_s(h) for h in range(measured.hops)])
    inside = (times >= chapter.began_ms) & (times < chapter.ended_ms)
    loud = {n: float(level[inside].sum()) for n, level in measured.values.items()}
    loudest = max(loud, key=lambda n: loud[n]) if inside.any() else None
    own = measured.values.get(numbers.get(chapter.site, -1))
    first = last = None
    missing_ms = gap_ms = 0.0
    off_ms = None
    if own is not None:
        runs = [r for r in _runs(own > HEARD) if r[1] - r[0] >= SUSTAINED]
        runs = [r for r in runs if inside[r[0] : r[1]].sum() >= SUSTAINED]
        if runs:
            begin, end = runs[0][0], runs[-1][1]
            first, last = float(times[begin]), float(times[end - 1])
            gone = [b - a for a, b in _runs(own[begin:end] < GONE)]
            missing_ms, gap_ms = 10.0 * sum(gone), 10.0 * max(gone, default=0)
            off_ms = _off_ms(own[inside], times[inside], numbers[chapter.site], cues)
    return Heard(
        site=chapter.site,
        turn=chapter.turn,
        began_ms=chapter.began_ms,
        ended_ms=chapter.ended_ms,
        loudest="" if loudest is None or not loud[loudest] else names[loudest],
        early_ms=None if first is None else round(chapter.began_ms - first, 1),
        late_ms=None if last is None else round(last - chapter.ended_ms, 1),
        missing_ms=missing_ms,
        gap_ms=gap_ms,
        off_ms=off_ms,
    )


def _off_ms(
    level: NDArray[np.float32], places: NDArray[np.float64], number: int, cues: Cues
) -> float | None:
    """How much later than spoken a voice stands in the film, by the pattern of its loudness; the
    median over windows of 2 s."""
    clock_ms = 1000 * (time.time() - time.monotonic())
    pattern = voice.pattern(number)[::48].astype(np.float64)  # one value a millisecond
    steps = np.arange(EARLIEST_MS, LATEST_MS, 5.0)
    found = []
    for first in range(0, len(level) - WINDOW_HOPS + 1, WINDOW_HOPS // 2):
        heard = level[first : first + WINDOW_HOPS].astype(np.float64)
        if (heard > GONE).mean() < 0.8:
            continue
        part = places[first : first + WINDOW_HOPS]
        spoken_ms = np.array([cues.moment(place) for place in part]) - clock_ms
        known = pattern[(spoken_ms[None, :] - steps[:, None]).astype(np.int64) % len(pattern)]
        known = known - known.mean(axis=1, keepdims=True)
        heard = heard - heard.mean()
        scale = np.sqrt((known**2).sum(axis=1) * (heard**2).sum())
        likeness = (known @ heard) / np.maximum(scale, 1e-9)
        best = int(likeness.argmax())
        if likeness[best] > ALIKE:
            found.append(float(steps[best]))
    return round(float(np.median(found)), 1) if found else None


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def main(
    folder: Path,
    *,
    sites: Annotated[Path, Parameter(help="Site → number of its synthetic person (JSON).")],
) -> int:
    """Say who is heard in which chapter of the film in FOLDER, as JSON."""
    try:
        numbers = msgspec.json.decode(sites.read_bytes(), type=dict[str, int])
        found = check(folder, numbers)
    except (OSError, msgspec.MsgspecError, av.FFmpegError) as error:
        print(f"giliran check-film: {error}", file=sys.stderr)
        return 1
    print(json.dumps([msgspec.to_builtins(one) for one in found]))
    return 0
