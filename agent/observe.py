"""`giliran observe DIR`: what every site heard and saw, from its own recordings.

DIR holds `<site>.wav` with `<site>.wav.times`, `<site>.stamps.jsonl` (of a second life of an
agent `<site>~2.wav` and so on) and `sites.json` (site id → number of its synthetic person). Sound
is recognised by the known voice (`agent.voice`), pictures by their stamps
(`agent.picture.stamp`).

With `--turns FILE` (JSON: chair, opened_at, closed_at, turns of site, at, until; monotonic
seconds) it answers turn by turn; without, it tells who was heard when.
"""

import json
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np
from cyclopts import Parameter
from numpy.typing import NDArray

from agent import voice

HEARD = 0.2
AUDIBLE = 0.1
"""Amplitude, relative to the nominal voice, from which a site counts as heard, and from which
sound of a closed site counts as a leak (-20 dB: what libopus makes up while it conceals another
voice stays below; a microphone that is open by mistake is at 0 dB)."""

SUSTAINED_HOPS = 3
GAP_LEVEL = 0.05
"""Below this (-26 dB) a voice is gone: a tone that libopus conceals falls to -14 dB and takes 60 to
100 ms to come back, which is soft, not silent."""

JOIN_S = 0.25
FLIGHT_S = 0.3
"""Sound sent before a microphone closed may still arrive: the delay seen at the site plus this."""

JUMP_S = 0.2
MAX_DELAY_S = 2.0
DELAY_WINDOW_S, LEAST_WINDOW_S = 2.0, 1.0
"""What is compared with the known loudness pattern; turns may be shorter than the first."""

ALIKE, LEAST_ALIKE = 0.7, 0.8
"""How alike they are when it is that moment of the pattern: of the least, chance makes more."""

DELAY_STEP_S = 0.005

Floats = NDArray[np.float64]


class Picture(msgspec.Struct, frozen=True):
    """A picture that was shown."""

    at: float
    slot: str
    site: int | None
    counter: int | None
    time_ms: int | None
    torn: bool


class Delay(NamedTuple):
    """How much later than it was spoken a voice was heard in a part of a turn."""

    ms: float
    begin: float
    end: float


class Listener:
    """What one site heard and saw."""

    def __init__(self, folder: Path, site: str, numbers: dict[str, int]) -> None:
        self.site = site
        self.numbers = numbers
        lives = [site, *(path.stem for path in sorted(folder.glob(f"{site}~*.wav")))]
        self.pictures = [p for life in lives for p in _read_pictures(folder, life)]
        pcm, self.frame_times = _joined([_read_sound(folder / f"{life}.wav") for life in lives])
        measured = voice.levels(pcm, list(numbers.values()))
        self.levels = {name: measured.values[number] for name, number in numbers.items()}
        for jump in np.flatnonzero(np.diff(self.frame_times) > JUMP_S) + 1:
            # A window across two recordings (an agent's lives) holds sound that never was.
            at = int(jump) * 960
            torn = slice(max(0, (at - voice.WINDOW) // voice.HOP + 1), at // voice.HOP + 1)
            for level in self.levels.values():
                level[torn] = 0
        centres = np.array([voice.Levels.centre_s(hop) for hop in range(measured.hops)])
        # When each hop's middle sounded: the time its 20 ms frame was pulled, and on from there.
        if len(self.frame_times) and measured.hops:
            frame = np.minimum((centres / 0.02).astype(int), len(self.frame_times) - 1)
            self.times: Floats = self.frame_times[frame] + (centres - frame * 0.02)
        else:
            self.times = np.zeros(0)

    def between(self, begin: float, end: float) -> slice:
        """The hops sounding from `begin` to `end`."""
        first, last = np.searchsorted(self.times, [begin, end])
        return slice(int(first), int(last))

    def first_sound(self, speaker: str, begin: float, end: float) -> float | None:
        """When `speaker` was first heard in this time; None when not at all."""
        part = self.between(begin, end)
        starts = _sustained(self.levels[speaker][part] > HEARD)
        return float(self.times[part][starts[0][0]]) if starts else None

    def intervals(self, speaker: str) -> list[list[float]]:
        """[start, end, mean level] of every time `speaker` was heard."""
        runs = _sustained(self.levels[speaker] > HEARD)
        joined: list[list[float]] = []
        for first, last in runs:
            begin, end = float(self.times[first]), float(self.times[last - 1])
            level = float(self.levels[speaker][first:last].mean())
            if joined and begin - joined[-1][1] < JOIN_S:
                joined[-1][1] = end
            else:
                joined.append([begin, end, round(level, 3)])
        return joined

    def gaps(self, speaker: str, begin: float, end: float) -> tuple[float, float] | None:
        """(percent of time, longest ms) without `speaker` between two moments."""
        part = self.between(begin, end)
        there = self.levels[speaker][part] > GAP_LEVEL
        if not len(there):
            return None
        absent = _runs(~there)
        longest = max((last - first for first, last in absent), default=0)
        return 100 * float((~there).mean()), 1000 * longest * voice.HOP_S

    def delays(self, speaker: str, begin: float, end: float) -> list[Delay]:
        """Mouth to ear, one figure each second, by the voice's loudness pattern. Where it
        changes (a new speaker's wait grows on a bad link) it is what it was in the end."""
        found: list[Delay | None] = []
        at = begin
        window_s = min(DELAY_WINDOW_S, max(LEAST_WINDOW_S, end - begin))
        while at + window_s <= end:
            last = at + window_s
            one = self._delay(speaker, at, last, ALIKE)
            for until in (last, last + LEAST_WINDOW_S / 2, last - LEAST_WINDOW_S / 2):
                if one is None and at + LEAST_WINDOW_S <= until <= end:
                    one = self._delay(speaker, until - LEAST_WINDOW_S, until, LEAST_ALIKE)
            found.append(one)
            at += 1.0
        return [one for one in found if one is not None]

    def _delay(self, speaker: str, begin: float, end: float, alike: float) -> Delay | None:
        part = self.between(begin, end)
        heard = self.levels[speaker][part].astype(float)
        times = self.times[part]
        if len(heard) < 50 or (heard > GAP_LEVEL).mean() < 0.8:
            return None
        heard = heard - heard.mean()
        pattern = voice.pattern(self.numbers[speaker])[::48]  # one value a millisecond
        steps = np.arange(0.0, MAX_DELAY_S, DELAY_STEP_S)
        index = ((times[None, :] - steps[:, None]) * 1000).astype(np.int64) % len(pattern)
        known = pattern[index]
        known = known - known.mean(axis=1, keepdims=True)
        scale = np.sqrt((known**2).sum(axis=1) * (heard**2).sum())
        likeness = (known @ heard) / np.maximum(scale, 1e-9)
        best = int(likeness.argmax())
        return Delay(1000 * float(steps[best]), begin, end) if likeness[best] > alike else None

    def first_picture(self, speaker: str, begin: float, end: float) -> float | None:
        """When the first whole picture of `speaker` taken after `begin` was shown in `main`."""
        number = self.numbers[speaker]
        for one in self.pictures:
            if (
                begin <= one.at <= end
                and one.slot == "main"
                and one.site == number
                and not one.torn
            ):
                return one.at
        return None

    def audible_runs(self, speaker: str, begin: float, end: float) -> list[tuple[int, int]]:
        """Hops (first, end) between two moments in which `speaker` can be heard, however softly."""
        part = self.between(begin, end)
        runs = _sustained(self.levels[speaker][part] > AUDIBLE)
        return [(part.start + first, part.start + last) for first, last in runs]

    def audible(self, speaker: str, begin: float, end: float) -> int:
        """Samples between two moments in which `speaker` can be heard, however softly."""
        runs = self.audible_runs(speaker, begin, end)
        return sum(last - first for first, last in runs) * voice.HOP


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(first, end) of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _sustained(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Runs of at least 30 ms: shorter ones are the edges of other sounds."""
    return [run for run in _runs(flags) if run[1] - run[0] >= SUSTAINED_HOPS]


def _read_sound(path: Path) -> tuple[NDArray[np.int16], Floats]:
    """Samples and the time of each frame; what a killed process did not finish is left out."""
    times_path = Path(f"{path}.times")
    if not path.exists() or not times_path.exists():
        return np.zeros(0, dtype=np.int16), np.zeros(0)
    raw = times_path.read_bytes()
    times = np.frombuffer(raw[: len(raw) // 8 * 8])
    try:
        with wave.open(str(path), "rb") as file:
            pcm = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{path}: {error}") from error
    frames = min(len(times), len(pcm) // 960)
    return pcm[: frames * 960], times[:frames]


def _joined(parts: list[tuple[NDArray[np.int16], Floats]]) -> tuple[NDArray[np.int16], Floats]:
    """The recordings of an agent's lives, one after the other."""
    sounds, times = zip(*parts, strict=True)
    return np.concatenate(sounds), np.concatenate(times)


def _read_pictures(folder: Path, life: str) -> list[Picture]:
    path = folder / f"{life}.stamps.jsonl"
    if not path.exists():
        return []
    pictures = []
    for line in path.read_bytes().splitlines():
        try:
            pictures.append(msgspec.json.decode(line, type=Picture))
        except msgspec.MsgspecError:
            continue  # the last line of a killed process
    return pictures


class Turn(msgspec.Struct, frozen=True):
    """A turn as it was asked for: called `at`, measured `until`, its end acknowledged at
    `closed_at` (0: at `until`). In a `disturbed` one the floor's holder may be gone for a while,
    and the chair is shown in its place."""

    site: str
    at: float
    until: float
    closed_at: float = 0.0
    disturbed: bool = False


class Questions(msgspec.Struct, frozen=True):
    """What to answer: see the module's docstring."""

    chair: str
    opened_at: float
    closed_at: float
    turns: list[Turn]


Progress = Callable[[str], None]
"""Is told in a few words how far it is: a long meeting takes minutes."""


def _silently(text: str) -> None:
    pass


def observe(folder: Path, progress: Progress = _silently) -> dict[str, Listener]:
    """Every site's recordings. Raises ValueError when the folder holds none."""
    listing = folder / "sites.json"
    if not listing.exists():
        raise ValueError(f"{folder}: no sites.json; is this the folder of a rehearsal?")
    numbers = msgspec.json.decode(listing.read_bytes(), type=dict[str, int])
    listeners = {}
    for read, site in enumerate(numbers, 1):
        progress(f"listening, site {read} of {len(numbers)}: {site}")
        listeners[site] = Listener(folder, site, numbers)
    return listeners


def answer(
    listeners: dict[str, Listener], questions: Questions, progress: Progress = _silently
) -> dict[str, Any]:
    """The figures of each turn at each listener, leaks, and who was heard when."""
    turns = []
    for number, turn in enumerate(questions.turns, 1):
        progress(f"measuring, turn {number} of {len(questions.turns)}: {turn.site}")
        others = {s: one for s, one in listeners.items() if s != turn.site}
        figures = {site: _turn_at(one, turn) for site, one in others.items()}
        turns.append({**msgspec.structs.asdict(turn), "listeners": figures})
    return {
        "turns": turns,
        "leaks": _leaks(listeners, questions),
        "heard": {site: _heard(one) for site, one in listeners.items()},
    }


def _turn_at(one: Listener, turn: Turn) -> dict[str, Any]:
    sound_at = one.first_sound(turn.site, turn.at, turn.until)
    picture_at = one.first_picture(turn.site, turn.at, turn.until)
    gaps = None if sound_at is None else one.gaps(turn.site, sound_at + 0.05, turn.until)
    found = [] if sound_at is None else one.delays(turn.site, sound_at + 0.05, turn.until)
    delays = [each.ms for each in found]
    glass = _glass_to_glass(one, turn.site, turn.at, turn.until)
    return {
        "sound_ms": None if sound_at is None else round(1000 * (sound_at - turn.at), 1),
        "picture_ms": None if picture_at is None else round(1000 * (picture_at - turn.at), 1),
        "gap_percent": None if gaps is None else round(gaps[0], 3),
        "longest_gap_ms": None if gaps is None else round(gaps[1], 1),
        "delay_ms": round(float(np.median(delays)), 1) if delays else None,
        "delay_p95_ms": round(float(np.percentile(delays, 95)), 1) if delays else None,
        "glass_ms": round(float(np.median(glass)), 1) if glass else None,
        "lip_ms": _lip(one, turn.site, found),
        "pictures_per_s": _pictures_per_s(one, turn),
        "wrong_pictures": _wrong_pictures(one, turn),
        "torn_pictures": sum(1 for p in one.pictures if turn.at <= p.at < turn.until and p.torn),
    }


def _lip(one: Listener, speaker: str, delays: list[Delay]) -> float | None:
    """How much later the speaker was seen than heard (ms), where it is known how late he was
    heard."""
    found = []
    for delay in delays:
        glass = _glass_to_glass(one, speaker, delay.begin, delay.end)
        if glass:
            found.append(float(np.median(glass)) - delay.ms)
    return round(float(np.median(found)), 1) if found else None


def _pictures_per_s(one: Listener, turn: Turn) -> float:
    """Whole pictures of the speaker, from one second after the call on."""
    number, begin = one.numbers[turn.site], min(turn.at + 1.0, turn.until)
    count = sum(
        1
        for p in one.pictures
        if begin <= p.at < turn.until and p.slot == "main" and p.site == number and not p.torn
    )
    return round(count / max(0.1, turn.until - begin), 1)


def _glass_to_glass(one: Listener, speaker: str, begin: float, end: float) -> list[float]:
    number = one.numbers[speaker]
    return [
        (int(p.at * 1000) - p.time_ms) & 0xFFFFFFFF
        for p in one.pictures
        if begin <= p.at < end and p.slot == "main" and p.site == number and p.time_ms is not None
    ]


def _wrong_pictures(one: Listener, turn: Turn) -> int:
    """Pictures in `main`, once the speaker's was there, that are not the speaker's."""
    number = one.numbers[turn.site]
    begun = False
    wrong = 0
    for p in one.pictures:
        if p.slot != "main" or not turn.at <= p.at < turn.until:
            continue
        if p.site == number:
            begun = True
        elif begun:
            wrong += 1
    return wrong


def _leaks(listeners: dict[str, Listener], questions: Questions) -> dict[str, Any]:
    """Samples in which a site was audible while its microphone was closed."""
    total = 0
    found: list[dict[str, Any]] = []
    for name, one in listeners.items():
        flight_s = FLIGHT_S + _longest_delay_s(one, questions)
        for speaker in listeners:
            for begin, end in _closed(speaker, name, questions):
                runs = one.audible_runs(speaker, begin + flight_s, end)
                if runs:
                    samples = sum(last - first for first, last in runs) * voice.HOP
                    total += samples
                    heard_s = float(one.times[runs[0][0]]) - questions.opened_at
                    found.append(
                        {"at": name, "of": speaker, "samples": samples, "heard_s": heard_s}
                    )
    return {"samples": total, "found": found}


def _closed(speaker: str, listener: str, questions: Questions) -> list[tuple[float, float]]:
    """When nobody may hear `speaker` at `listener`: outside of its turns (the chair: outside of
    the meeting); at its own site always."""
    begin, end = questions.opened_at - 1.0, questions.closed_at + 1.0
    if speaker == listener:
        return [(begin, end)]
    if speaker == questions.chair:
        return [(begin - 1.0, questions.opened_at), (questions.closed_at, end)]
    spans = []
    for turn in questions.turns:
        if turn.site == speaker:
            spans.append((begin, turn.at))
            begin = max(turn.until, turn.closed_at)
    return [*spans, (begin, end)]


def _longest_delay_s(one: Listener, questions: Questions) -> float:
    """The longest mouth-to-ear delay seen at this site in any turn."""
    delays: list[float] = []
    for turn in questions.turns:
        if turn.site != one.site:
            begin = one.first_sound(turn.site, turn.at, turn.until)
            found = [] if begin is None else one.delays(turn.site, begin + 0.05, turn.until)
            delays += [each.ms for each in found]
    return max(delays, default=0.0) / 1000


def _heard(one: Listener) -> dict[str, list[list[float]]]:
    spans = {speaker: one.intervals(speaker) for speaker in one.numbers}
    return {speaker: found for speaker, found in spans.items() if found}


def main(
    folder: Path,
    *,
    turns: Annotated[Path | None, Parameter(help="Questions (JSON), see the module.")] = None,
) -> int:
    """Say what every site heard and saw, from the recordings in FOLDER, as JSON; on standard error
    how far it is."""

    def progress(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    try:
        listeners = observe(folder, progress)
        if turns is not None:
            questions = msgspec.json.decode(turns.read_bytes(), type=Questions)
            result = answer(listeners, questions, progress)
        else:
            result = {"heard": {site: _heard(one) for site, one in listeners.items()}}
    except (ValueError, OSError, msgspec.MsgspecError) as error:
        print(f"giliran observe: {error}", file=sys.stderr)
        return 1
    json.dump(result, sys.stdout)
    print()
    return 0
