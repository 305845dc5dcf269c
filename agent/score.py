"""`giliran score`: how well speech was heard, against what was spoken.

Two kinds of input. A stereo WAV of 48 kHz: left what was spoken, right what was heard at the same
moments. Or an agent's recording (`--speaker file:X.wav`, with X.wav.times) and the file that the
speaker's agent had as its microphone: what that spoke at any moment is known (`agent.devices`).
Times are monotonic seconds.

PESQ and STOI come from packages of the extra `giliran[rehearse]`; without them all else is told.
"""

import json
import multiprocessing
import os
import sys
import wave
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from cyclopts import Parameter

from agent.devices import RATE, SAMPLES, read_sound
from agent.hearing import PESQ_RATE, Comparison, Floats, Gaps, Pcm, utterances

PACKAGES = ("pesq", "pystoi")
PESQ_FLOOR = 1.04
"""What P.862.2 makes of its lowest raw score; an utterance of which nothing is heard gets it."""

HEARD_DB = 40.0
LEAD_S = 3.0
"""Sound taken along before the time asked for, so that an utterance that runs into it is seen."""

JUMP_S = 0.05
SMOOTH_FRAMES = 50


class Job(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing to score: `stereo` (from second `skip` on), or `recording` with `speech`, from
    `begin` to `end`."""

    name: str = ""
    stereo: str = ""
    skip: float = 0.0
    recording: str = ""
    speech: str = ""
    begin: float = 0.0
    end: float = 0.0


class Score(msgspec.Struct):
    """The figures of one job; None where nothing could be measured.

    `pesq` (wideband, P.862.2) and `stoi` are means over the utterances, an utterance that was not
    heard counts with the lowest value. `delay_ms` is mouth to ear. Gaps are holes in the speech of
    20 ms and more; `gap_percent` is of the time of speech. `unheard` counts utterances that were
    not found in what was heard. `missing` names packages to be installed.
    """

    name: str = ""
    pesq: float | None = None
    pesq_worst: float | None = None
    stoi: float | None = None
    delay_ms: float | None = None
    delay_p95_ms: float | None = None
    gaps_per_minute: float | None = None
    gap_percent: float | None = None
    longest_gap_ms: float | None = None
    speech_s: float = 0.0
    utterances: int = 0
    unheard: int = 0
    missing: list[str] = msgspec.field(default_factory=list)
    error: str = ""


# -- the measures of other packages ---------------------------------------------------------------


@cache
def _package(name: str) -> Any:
    """A package of the extra; None when it is not installed."""
    try:
        return import_module(name)
    except ImportError:
        return None


def missing_packages() -> list[str]:
    return [name for name in PACKAGES if _package(name) is None]


def _pesq(spoken: Floats, heard: Floats) -> float | None:
    package = _package("pesq")
    if package is None:
        return None
    if not _is_heard(spoken, heard):
        return PESQ_FLOOR
    try:
        return float(package.pesq(PESQ_RATE, spoken.astype(np.int16), heard.astype(np.int16), "wb"))
    except package.PesqError:
        return None


def _stoi(spoken: Floats, heard: Floats) -> float | None:
    package = _package("pystoi")
    if package is None:
        return None
    if not _is_heard(spoken, heard):
        return 0.0
    with np.errstate(all="ignore"):
        value = float(package.stoi(spoken, heard, PESQ_RATE, extended=False))
    return value if np.isfinite(value) else None


def _is_heard(spoken: Floats, heard: Floats) -> bool:
    power = [float((one**2).mean()) if len(one) else 0.0 for one in (spoken, heard)]
    return power[1] * 10 ** (HEARD_DB / 10) > power[0]


# -- scoring ---------------------------------------------------------------------------------------


def compare(
    spoken: Pcm, heard: Pcm, begin: int = 0, tell: Callable[[str], None] | None = None
) -> Score:
    """Score the utterances that begin at sample `begin` or later and are whole at both ends."""
    both = Comparison(spoken, heard)
    all_of_them = [one for one in utterances(both.spoken) if one.begin >= begin]
    found = [(one, both.delays(one)) for one in all_of_them]
    known = [late.own for _one, late in found if late.own is not None]
    usual = int(np.median(known)) if known else 0
    gaps = Gaps()
    pesqs: list[float | None] = []
    stois: list[float | None] = []
    delays: list[int] = []
    score = Score(missing=missing_packages())
    for one, late in found:
        delay = usual if late.own is None else late.own
        if one.end + max([delay, *late.delays]) > len(both.heard):
            continue
        score.utterances += 1
        score.unheard += late.own is None
        pair = both.aligned(one, delay)
        pesqs.append(_pesq(*pair))
        stois.append(_stoi(*pair))
        delays += late.delays
        gaps.add(both.gaps(one, late, usual))
        if tell is not None:
            at_s = one.begin / RATE
            tell(f"{at_s:.2f} s: {(one.end - one.begin) / RATE:.1f} s, {pesqs[-1]}, {stois[-1]}")
    _take_values(score, pesqs, stois, delays)
    _take_gaps(score, gaps)
    return score


def _take_values(
    score: Score, pesqs: list[float | None], stois: list[float | None], delays: list[int]
) -> None:
    pesq = [one for one in pesqs if one is not None]
    stoi = [one for one in stois if one is not None]
    if pesq:
        score.pesq, score.pesq_worst = round(float(np.mean(pesq)), 3), round(min(pesq), 3)
    if stoi:
        score.stoi = round(float(np.mean(stoi)), 3)
    if delays:
        score.delay_ms = round(1000 * float(np.median(delays)) / RATE, 1)
        score.delay_p95_ms = round(1000 * float(np.percentile(delays, 95)) / RATE, 1)


def _take_gaps(score: Score, gaps: Gaps) -> None:
    score.speech_s = round(gaps.speech_s, 2)
    if gaps.speech_s:
        score.gaps_per_minute = round(60 * len(gaps.lengths_s) / gaps.speech_s, 2)
        score.gap_percent = round(100 * gaps.lost_s / gaps.speech_s, 3)
        score.longest_gap_ms = round(1000 * max(gaps.lengths_s, default=0.0), 1)


def score_stereo(path: Path, skip_s: float = 0.0) -> Score:
    """Score a stereo WAV. Raises ValueError, OSError."""
    spoken, heard = read_stereo(path)
    return compare(spoken, heard, round(skip_s * RATE))


def read_stereo(path: Path) -> tuple[Pcm, Pcm]:
    """What was spoken and what was heard. Raises ValueError, OSError."""
    try:
        with wave.open(str(path), "rb") as file:
            form = (file.getnchannels(), file.getsampwidth(), file.getframerate())
            raw = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{path}: {error}") from error
    if form != (2, 2, RATE):
        raise ValueError(
            f"{path}: expected stereo of 16 bits at {RATE} Hz, got {form[0]} channels of "
            f"{8 * form[1]} bits at {form[2]} Hz"
        )
    pcm = np.frombuffer(raw[: len(raw) // 4 * 4], dtype="<i2").reshape(-1, 2)
    return pcm[:, 0], pcm[:, 1]


def score_recording(recording: Path, speech: Path, begin_s: float, end_s: float) -> Score:
    """Score an agent's recording between two moments. Raises ValueError, OSError."""
    if end_s <= begin_s:
        raise ValueError(f"{recording}: the end ({end_s:.2f} s) is not after the beginning")
    first, last = round((begin_s - LEAD_S) * RATE), round(end_s * RATE)
    said = read_sound(speech)
    spoken = np.take(said, np.arange(first, last), mode="wrap")
    return compare(spoken, read_heard(recording, first, last), round(LEAD_S * RATE))


def read_heard(recording: Path, first: int, last: int) -> Pcm:
    """What a FileSpeaker played from one sample of the monotonic clock to another; silence where
    it played nothing. Raises ValueError, OSError."""
    times = np.frombuffer(_whole(Path(f"{recording}.times").read_bytes(), 8))
    try:
        with wave.open(str(recording), "rb") as file:
            raw = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{recording}: {error}") from error
    pcm = np.frombuffer(_whole(raw, 2 * SAMPLES), dtype="<i2").reshape(-1, SAMPLES)
    count = min(len(times), len(pcm))
    heard = np.zeros(last - first, dtype=np.int16)
    for run, at in _continuous(times[:count]):
        sound = pcm[run].reshape(-1)
        begin = at - first
        skipped = max(0, -begin)
        part = sound[skipped : skipped + max(0, len(heard) - max(0, begin))]
        heard[max(0, begin) : max(0, begin) + len(part)] = part
    return heard


def _whole(raw: bytes, size: int) -> bytes:
    """Without the last piece, when a killed process did not finish it."""
    return raw[: len(raw) // size * size]


def _continuous(times: Floats) -> list[tuple[slice, int]]:
    """Runs of frames that were played without a break, and the sample each begins at.

    Frames are pulled every 20 ms, each a little late, and catch up; a sound card would play them
    evenly. The most punctual of its neighbours tells when a frame was due; where that jumps, the
    player gave up frames.
    """
    if not len(times):
        return []
    offsets = times - np.arange(len(times)) * (SAMPLES / RATE)
    half = SMOOTH_FRAMES // 2
    before = _lowest(offsets, half, 0)
    after = _lowest(offsets, 0, half)
    jumps = [n for n in range(1, len(times)) if after[n] - before[n - 1] > JUMP_S]
    runs = []
    edges = [0, *jumps, len(times)]
    for a, b in zip(edges, edges[1:], strict=False):
        if b > a:
            # Clocks are one and the same, so a run has one offset.
            at = float(np.percentile(offsets[a:b], 5)) + a * (SAMPLES / RATE)
            runs.append((slice(a, b), round(at * RATE)))
    return runs


def _lowest(values: Floats, before: int, after: int) -> Floats:
    """The lowest of each value and its neighbours."""
    padded = np.concatenate([np.full(before, np.inf), values, np.full(after, np.inf)])
    return np.lib.stride_tricks.sliding_window_view(padded, before + after + 1).min(axis=1)


def score(job: Job) -> Score:
    """Score one job; what went wrong is in the score's `error`."""
    try:
        if job.stereo:
            one = score_stereo(Path(job.stereo), job.skip)
        else:
            one = score_recording(Path(job.recording), Path(job.speech), job.begin, job.end)
    except (ValueError, OSError) as error:
        one = Score(missing=missing_packages(), error=str(error))
    one.name = job.name
    return one


def score_all(jobs: list[Job]) -> list[Score]:
    """Score many jobs, as many at once as there are cores."""
    if len(jobs) < 2:
        return [score(job) for job in jobs]
    workers = min(len(jobs), os.cpu_count() or 1)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn) as pool:
        return list(pool.map(score, jobs))


# -- the command -----------------------------------------------------------------------------------


def _asked(
    file: Path | None, recording: Path | None, speech: Path | None, times: tuple[float, ...]
) -> Job:
    """The one job of the command line. Raises ValueError."""
    if (file is None) == (recording is None):
        raise ValueError("expected FILE, or --recording, or --jobs")
    if file is not None:
        return Job(stereo=str(file), skip=times[0])
    if speech is None:
        raise ValueError("--recording needs --speech, --begin and --end")
    return Job(recording=str(recording), speech=str(speech), begin=times[1], end=times[2])


def main(
    file: Annotated[Path | None, Parameter(help="Stereo WAV: left spoken, right heard.")] = None,
    *,
    skip: Annotated[float, Parameter(help="Seconds of FILE to leave out at its beginning.")] = 0.0,
    recording: Annotated[Path | None, Parameter(help="What an agent's speaker wrote.")] = None,
    speech: Annotated[Path | None, Parameter(help="The speaker's microphone file.")] = None,
    begin: Annotated[float, Parameter(help="From here: monotonic seconds.")] = 0.0,
    end: Annotated[float, Parameter(help="To here: monotonic seconds.")] = 0.0,
    jobs: Annotated[Path | None, Parameter(help="Many jobs (JSON), see the module.")] = None,
) -> int:
    """Score what was heard against what was spoken, as JSON: PESQ, STOI, delay, gaps.

    --jobs FILE takes a list of objects with the names of the options (`stereo` for FILE) and a
    `name` each, and answers with a list.
    """
    try:
        if jobs is not None:
            asked = msgspec.json.decode(jobs.read_bytes(), type=list[Job])
        else:
            asked = [_asked(file, recording, speech, (skip, begin, end))]
    except (ValueError, OSError, msgspec.MsgspecError) as error:
        print(f"giliran score: {error}", file=sys.stderr)
        return 2
    if missing := missing_packages():
        print(
            f"giliran score: no {' and no '.join(missing)}; "
            "install them: pip install 'giliran[rehearse]'",
            file=sys.stderr,
        )
    scores = score_all(asked)
    if jobs is not None:
        json.dump(msgspec.to_builtins(scores), sys.stdout)
    elif scores[0].error:
        print(f"giliran score: {scores[0].error}", file=sys.stderr)
        return 1
    else:
        json.dump(msgspec.to_builtins(scores[0]), sys.stdout, indent=1)
    print()
    return 0
