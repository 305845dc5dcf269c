"""The figures of a rehearsal of the voice path, and their table."""

import statistics
from collections.abc import Iterable
from typing import Any, ClassVar, TypeVar

import msgspec

from console.rehearsal.profiles import LINKS, LinkName, Mode

BETTER = 0.05
"""Less of PESQ than this tells nothing of which of two is better."""

LINK_TITLES: dict[LinkName, str] = {
    "listening": "the listening site's link is bad",
    "speaking": "the speaking site's link is bad",
    "both": "both links are bad",
}


class Figures(msgspec.Struct, frozen=True):
    """What `giliran score` says of one recording; None where nothing could be measured.

    Of several seeds it is what all their recordings say together, and `pesq_least` the lowest
    `pesq` of a seed.
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
    missing: list[str] = []
    error: str = ""
    pesq_least: float | None = None


class Baseline(msgspec.Struct):
    """How another program carried the same speech. `kbps` counts IP and UDP headers.

    Of several seeds each one's own is in `runs`.
    """

    MEASURED: ClassVar[tuple[str, ...]] = ("kbps", "late_ms")

    program: str
    profile: str
    hops: int
    figures: Figures = Figures()
    kbps: float | None = None
    software: str = ""
    late_ms: float = 0.0
    seeds: list[int] = []
    runs: list["Baseline"] = []

    @property
    def subject(self) -> tuple[object, ...]:
        """What it tells of."""
        return self.program, self.profile, self.hops


class Row(msgspec.Struct):
    """What one listener heard on one kind of link.

    `kbps` is what was sent into the bad hop (into both: the greater), IP and UDP headers
    included, as the baselines' is. `own_delay_ms` and `mos` are the listener's own estimates,
    `up_kbps` and `down_kbps` the relay's measures of the speaker's uplink and the listener's
    downlink, without those headers. Of several seeds each one's own row is in `runs`.
    """

    MEASURED: ClassVar[tuple[str, ...]] = (
        "kbps",
        "up_kbps",
        "down_kbps",
        "own_delay_ms",
        "mos",
        "cpu_percent",
    )

    profile: str
    link: LinkName
    mode: Mode
    figures: Figures = Figures()
    goal_pesq: float | None = None
    limit_ms: float | None = None
    kbps: float | None = None
    up_kbps: float | None = None
    down_kbps: float | None = None
    own_delay_ms: float | None = None
    mos: float | None = None
    cpu_percent: float | None = None
    missed: list[str] = msgspec.field(default_factory=list)
    seeds: list[int] = []
    runs: list["Row"] = []

    @property
    def subject(self) -> tuple[object, ...]:
        """What it tells of."""
        return self.profile, self.link, self.mode


One = TypeVar("One", Row, Baseline)


class VoiceResult(msgspec.Struct):
    """Everything a rehearsal of the voice path measured.

    `ok` is False when a goal was missed, Chromium was better, or something could not be measured;
    `why` says which. `codec` is the speech after the codec alone: better is not possible at its
    bitrate. `starved` names processes that fell behind: then the machine is slow, not the product.
    `unavailable` says for a baseline why it has no figures.
    """

    ok: bool
    why: list[str]
    seeds: list[int]
    seconds: float
    speech: str
    wall_s: float
    rows: list[Row]
    baselines: list[Baseline]
    codec: Figures
    missing: list[str]
    unavailable: dict[str, str]
    starved: list[str]
    settings: dict[str, str] = msgspec.field(default_factory=dict)


def median(values: Iterable[float]) -> float | None:
    """The median of what is there, rounded."""
    known = list(values)
    return round(statistics.median(known), 2) if known else None


def over_seeds(runs: list[One]) -> list[One]:
    """One for all seeds' rows, or baselines, of the same; what the seeds measured is in its `runs`.

    What is no mean or extreme of recordings is the median of the runs.
    """
    alike: dict[tuple[object, ...], list[One]] = {}
    for run in runs:
        alike.setdefault(run.subject, []).append(run)
    return [_over_seeds(found) for found in alike.values()]


def _over_seeds(runs: list[One]) -> One:
    values = {name: [getattr(run, name) for run in runs] for name in runs[0].MEASURED}
    medians = {name: median(_known(found)) for name, found in values.items()}
    figures = _figures_over_seeds([run.figures for run in runs])
    troubles = [
        f"seed {run.seeds[0]}: {run.figures.error or 'no whole utterance'}"
        for run in runs
        if run.figures.error or not run.figures.utterances
    ]
    figures = msgspec.structs.replace(figures, error="; ".join(troubles))
    seeds = [seed for run in runs for seed in run.seeds]
    return msgspec.structs.replace(runs[0], figures=figures, seeds=seeds, runs=runs, **medians)


def _figures_over_seeds(all_of_them: list[Figures]) -> Figures:
    """A mean counts each utterance, or second of speech, once; the delay is the median of medians,
    its p95 the greatest."""

    def mean(name: str, weight: str) -> float | None:
        pairs = [(getattr(one, name), getattr(one, weight)) for one in all_of_them]
        pairs = [(value, weighs) for value, weighs in pairs if value is not None and weighs]
        total = sum(weighs for _value, weighs in pairs)
        return round(sum(value * weighs for value, weighs in pairs) / total, 3) if total else None

    def known(name: str) -> list[float]:
        return _known(getattr(one, name) for one in all_of_them)

    return Figures(
        name=all_of_them[0].name,
        pesq=mean("pesq", "utterances"),
        pesq_worst=min(known("pesq_worst"), default=None),
        stoi=mean("stoi", "utterances"),
        delay_ms=median(known("delay_ms")),
        delay_p95_ms=max(known("delay_p95_ms"), default=None),
        gaps_per_minute=mean("gaps_per_minute", "speech_s"),
        gap_percent=mean("gap_percent", "speech_s"),
        longest_gap_ms=max(known("longest_gap_ms"), default=None),
        speech_s=round(sum(known("speech_s")), 2),
        utterances=sum(one.utterances for one in all_of_them),
        unheard=sum(one.unheard for one in all_of_them),
        missing=all_of_them[0].missing,
        pesq_least=min(known("pesq"), default=None),
    )


def _known(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if value is not None]


def baseline_of(row: Row, baselines: list[Baseline], program: str) -> Baseline | None:
    """The baseline over as many bad hops as the row's."""
    hops = 2 if row.link == "both" else 1
    for one in baselines:
        if (one.program, one.profile, one.hops) == (program, row.profile, hops):
            return one
    return None


def judge(row: Row, baselines: list[Baseline]) -> list[str]:
    """Which goals the row misses: any of `pesq`, `delay`, `chromium`, `unmeasured`."""
    figures = row.figures
    missed = []
    if figures.error or not figures.utterances:
        return ["unmeasured"]
    if _below(figures.pesq, row.goal_pesq):
        missed.append("pesq")
    if row.limit_ms is not None and (figures.delay_ms is None or figures.delay_ms > row.limit_ms):
        missed.append("delay")
    chromium = baseline_of(row, baselines, "chromium")
    if chromium is not None and _below(figures.pesq, chromium.figures.pesq, BETTER):
        missed.append("chromium")
    return missed


def _below(value: float | None, goal: float | None, tolerance: float = 0.0) -> bool:
    return value is not None and goal is not None and value < goal - tolerance


def complaints(rows: list[Row]) -> list[str]:
    """A line for each row that missed something."""
    return [line for row in rows for line in _complaint(row)]


def _complaint(row: Row) -> list[str]:
    where = f"{row.profile}, {row.link}, {row.mode}"
    texts = {
        "pesq": f"PESQ {_n(row.figures.pesq, 2)}, goal {_n(row.goal_pesq, 2)}",
        "delay": f"delay {_n(row.figures.delay_ms)} ms, limit {_n(row.limit_ms)}",
        "chromium": "Chromium is better",
        "unmeasured": f"not measured: {row.figures.error or 'no whole utterance'}",
    }
    if not row.missed:
        return []
    return [f"{where}: " + "; ".join(texts[what] for what in row.missed)]


HEAD = (
    f"{'':<23}{'PESQ':>5}{'':<7}",
    f"{'':>6}{'mouth to ear, ms':>16}{'gaps':>7}{'':>7}{'':>5}"
    f"{'aiortc as it is':>18}{'Chromium':>18}",
)
COLUMNS = (
    f"{'link':<10}{'mode':<13}{'mean':>5}{' (goal)':<7}",
    f"{'STOI':>6}{'med':>5}{'p95':>5}{'(max)':>6}{'/min':>7}{'kbit/s':>7}{'MOS':>5}"
    f"{'PESQ':>7}{'ms':>5}{'kbit/s':>6}{'PESQ':>7}{'ms':>5}{'kbit/s':>6}",
)
"""In their gap is the least of a seed, where there are several."""


def table(result: VoiceResult) -> str:
    """The result for a person, in plain text of at most 120 columns."""
    several = len(result.seeds) > 1
    count = sum(len(row.runs) or 1 for row in result.rows)
    seeds = f"seed{'s' if several else ''} {', '.join(map(str, result.seeds))}"
    lines = [
        f"voice {'ok' if result.ok else 'NOT OK'}: {count} measurements of "
        f"{result.seconds:g} s, {seeds}, {result.wall_s:.0f} s; speech: {result.speech}",
    ]
    head = (f"{'':>6}" if several else "").join(HEAD)
    columns = (f"{'least':>6}" if several else "").join(COLUMNS)
    for link in LINKS:
        rows = [row for row in result.rows if row.link == link]
        if rows:
            lines += ["", LINK_TITLES[link].upper(), head, columns]
            lines += [_row_line(row, result.baselines) for row in rows]
    lines += ["", *_notes(result)]
    return "\n".join(lines)


def _row_line(row: Row, baselines: list[Baseline]) -> str:
    figures = row.figures
    goal = "" if row.goal_pesq is None else f"({row.goal_pesq:.2f})"
    limit = "" if row.limit_ms is None else f"({row.limit_ms:.0f})"
    least = f"{_n(figures.pesq_least, 2):>6}" if row.runs else ""
    line = (
        f"{row.profile:<10}{row.mode:<13}"
        f"{_marked(_n(figures.pesq, 2), 'pesq' in row.missed):>5}{' ' + goal:<7}{least}"
        f"{_n(figures.stoi, 2):>6}"
        f"{_marked(_n(figures.delay_ms), 'delay' in row.missed):>5}"
        f"{_n(figures.delay_p95_ms):>5}{limit:>6}{_n(figures.gaps_per_minute, 1):>7}"
        f"{_n(row.kbps):>7}{_n(row.mos, 1):>5}"
    )
    for program in ("aiortc", "chromium"):
        one = baseline_of(row, baselines, program)
        heard = Figures() if one is None else one.figures
        kbps = None if one is None else one.kbps
        line += f"{_n(heard.pesq, 2):>7}{_n(heard.delay_ms):>5}{_n(kbps):>6}"
    if "chromium" in row.missed:
        line += " <"
    return line + (" not measured" if "unmeasured" in row.missed else "")


def _marked(text: str, is_missed: bool) -> str:
    return f"!{text}" if is_missed else text


def _notes(result: VoiceResult) -> list[str]:
    lines = []
    codec = result.codec
    if codec.pesq is not None:
        lines.append(
            f"this speech after the codec alone, nothing lost: PESQ {codec.pesq:.2f} "
            f"(worst utterance {_n(codec.pesq_worst, 2)}), STOI {_n(codec.stoi, 2)}"
        )
    for program in ("aiortc", "chromium"):
        if program in result.unavailable:
            lines.append(f"{program}: {result.unavailable[program]}")
        used = {one.software for one in result.baselines if one.program == program} - {""}
        lines += [f"{program}: {software}" for software in sorted(used)]
    if result.missing:
        lines.append(
            f"{', '.join(result.missing)}: not installed, so PESQ or STOI was not measured and "
            "its goals were not judged; pip install 'giliran[rehearse]' (in a clone: make voice)"
        )
    several = len(result.seeds) > 1
    legend = "! misses its goal   < Chromium is better   a figure that is not there: -"
    lines.append(f"{legend}   least: the worst seed's mean" if several else legend)
    missed = sum(1 for row in result.rows if row.missed)
    judged = len(result.rows)
    what = "rows over all seeds" if several else "measurements"
    lines.append(f"{judged - missed} of {judged} {what} reach every goal")
    named = complaints([row for row in result.rows if "unmeasured" not in row.missed])
    lines += [f"  ! {why}" for why in result.why if why not in named]
    if result.starved:
        lines.append(
            "this machine fell behind; its figures are too bad: " + ", ".join(result.starved)
        )
    return lines


def _n(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
