"""The figures of a rehearsal, in the fields of DESIGN §6 (names stay; more are welcome)."""

import statistics
from collections.abc import Iterable, Sequence, Set
from typing import Any

import msgspec

from console.rehearsal.growth import Growth
from protocol.recording import Film


class Spread(msgspec.Struct):
    """How a figure spreads; None when nothing was measured."""

    n: int = 0
    median: float | None = None
    p95: float | None = None
    max: float | None = None  # noqa: A003
    missing: int = 0


class Switch(msgspec.Struct):
    """Command sent → first sound and first whole picture of the new speaker, all sites, turns."""

    sound_ms: Spread
    picture_ms: Spread
    wrong_pictures: int = 0
    torn_pictures: int = 0
    lip_ms: Spread = msgspec.field(default_factory=lambda: Spread())


class Leak(msgspec.Struct):
    """`samples` of the closed site `of`, heard `at` another, first at `heard_s` after opening."""

    at: str
    of: str
    samples: int
    heard_s: float


class Leaks(msgspec.Struct):
    """Sound (samples) or packets of a closed site seen at any other."""

    samples: int = 0
    packets: int = 0
    found: list[Leak] = msgspec.field(default_factory=list)


class Voice(msgspec.Struct):
    """What one site heard of the floor's speakers. PESQ and STOI belong to a later release."""

    pesq: float | None = None
    stoi: float | None = None
    delay_ms: float | None = None
    delay_p95_ms: float | None = None
    gap_percent: float | None = None
    longest_gap_ms: float | None = None


class Voices(msgspec.Struct):
    sites: dict[str, Voice]
    worst_pesq: float | None = None


class Fault(msgspec.Struct):
    """An injected fault; `back_s` until sound is heard at every site again and console and
    agents are connected, None when that did not happen."""

    what: str
    at_s: float
    back_s: float | None = None
    sound_back_s: float | None = None
    control_back_s: float | None = None


class Events(msgspec.Struct):
    """Commands acknowledged; those whose events are not in the journal; whether it verifies."""

    acknowledged: int = 0
    lost: int = 0
    chain_ok: bool = False


class ProcessUse(msgspec.Struct):
    """CPU and memory of one process during the meeting; `late_ms` its greatest lateness."""

    name: str
    cpu_s: float
    cpu_percent: float
    rss_mb: float
    rss_mb_max: float
    late_ms: float = 0.0


class ForwardDelay(msgspec.Struct):
    median: float = 0.0
    p99: float = 0.0


class RelayUse(msgspec.Struct):
    packets_in: int = 0
    packets_out: int = 0
    cpu_us_per_packet_out: float = 0.0
    forward_delay_ms: ForwardDelay = msgspec.field(default_factory=ForwardDelay)


class LinkUse(msgspec.Struct):
    site: str
    up_kbps: float = 0.0
    down_kbps: float = 0.0
    loss_percent: float = 0.0
    rtt_ms: float = 0.0


class Recorded(msgspec.Struct):
    """The recording of the meeting, as it was found on the disk afterwards.

    `wrong_chapters`: in which another one than the chapter's site is heard most. `begin_ms`: from
    the beginning of a turn's chapter, which is the journal's `FloorGranted`, to the first sound of
    its site in the film, which is the switch of the floor; `end_ms`: from its last sound to the end
    of the chapter, `TurnEnded`; both over undisturbed turns. `off_ms`: how much later than it was
    spoken a sound stands in the film, whose time is the journal's, over all chapters. `missing_ms`
    is how long speakers are gone within their turns, in all.
    """

    ok: bool = False
    length_s: float = 0.0
    size_mb: float = 0.0
    chapters: int = 0
    wrong_chapters: int = 0
    begin_ms: Spread = msgspec.field(default_factory=Spread)
    end_ms: Spread = msgspec.field(default_factory=Spread)
    off_ms: Spread = msgspec.field(default_factory=Spread)
    missing_ms: float = 0.0
    longest_gap_ms: float = 0.0
    segments: int = 0
    torn: int = 0
    dropped: int = 0
    sent_later_s: float = 0.0
    trouble: str = ""


class Step(msgspec.Struct, frozen=True):
    """From `at_s` after the meeting opened on, the relay sent this picture at most."""

    at_s: float
    picture: str


class Steps(msgspec.Struct):
    """Which pictures a site was sent, step by step; how often one stood still, and how much later
    than its sound a picture was shown."""

    site: str
    steps: list[Step]
    frozen: int = 0
    lip_ms: Spread = msgspec.field(default_factory=Spread)


class Others(msgspec.Struct):
    """What sites with links of their own got from each other, in turns when no link had been bad on
    purpose yet (`before`), when one was (`during`), and when none was any more (`after`)."""

    sound_ms: Spread
    picture_ms: Spread
    gap_percent: Spread
    longest_gap_ms: Spread
    pictures_per_s: Spread
    mos: Spread


class Heard(msgspec.Struct):
    """How a voice was heard over a link in some turns. Gaps are what was left after recovery,
    `mos` is the listener's own estimate of how clear it was (E-model, 1 to 4.5), `worst_mos` its
    least; pictures are whole ones of who spoke."""

    turns: int = 0
    gap_percent: float | None = None
    longest_gap_ms: float | None = None
    delay_ms: float | None = None
    delay_p95_ms: float | None = None
    mos: float | None = None
    worst_mos: float | None = None
    pictures_per_s: float | None = None


class Bad(msgspec.Struct):
    """A link that was bad on purpose, from `at_s` after the meeting opened for `for_s` seconds
    (None: always), as `--link` says.

    `steps`: which pictures its site was sent meanwhile and afterwards; `back_s`: how long after the
    link was good again it was sent what it was before, None: not at all. `hears`: how the site
    heard the others in turns `before`, `during` and `after`; `is_heard`: how they heard it.
    """

    site: str
    link: str
    at_s: float | None
    for_s: float
    steps: list[Step]
    back_s: float | None
    hears: dict[str, Heard]
    is_heard: dict[str, Heard]


class Result(msgspec.Struct):
    """Everything a rehearsal measured. `ok` is False when a site was not called or not heard,
    a closed site was heard, an event was lost, the chain is broken, or a process grew in a long
    rehearsal; `why` says which.
    `starved` names processes that fell behind: then the machine is slow, not the product."""

    ok: bool
    why: list[str]
    sites: int
    called: int
    seed: int
    wall_s: float
    switch: Switch
    leaks: Leaks
    voice: Voices
    faults: list[Fault]
    events: Events
    processes: list[ProcessUse]
    relay: RelayUse
    links: list[LinkUse]
    recording: Recorded | None = None
    machine_idle_percent: float = 0.0
    starved: list[str] = msgspec.field(default_factory=list)
    settings: dict[str, str] = msgspec.field(default_factory=dict)
    growth: list[Growth] = msgspec.field(default_factory=list)
    pictures: list[Steps] = msgspec.field(default_factory=list)
    others: dict[str, Others] = msgspec.field(default_factory=dict)
    bad_links: list[Bad] = msgspec.field(default_factory=list)
    others_less: list[str] | None = None
    """What sites with good links got less of while another's was bad; None: nothing to compare."""


def spread(values: Iterable[float | None]) -> Spread:
    """Median, 95th percentile (nearest rank) and maximum; None values count as missing."""
    every = list(values)
    known = sorted(v for v in every if v is not None)
    missing = len(every) - len(known)
    if not known:
        return Spread(missing=missing)
    rank = min(len(known) - 1, -(-len(known) * 95 // 100) - 1)
    return Spread(
        n=len(known),
        median=round(statistics.median(known), 1),
        p95=round(known[rank], 1),
        max=round(known[-1], 1),
        missing=missing,
    )


RIGHT_MS = 200.0
MISSING_PERCENT = 2.0


def recorded(film: Film, heard: Sequence[dict[str, Any]], disturbed: Set[int]) -> Recorded:
    """The figures of a film, of which `heard` is what `check-film` said of each chapter.

    A turn that a fault disturbed has its speaker or, while that one is gone, the chair; the others
    have their speaker, end at their times and miss nothing. Wherever somebody speaks, the film's
    time is right to 0.2 s.
    """
    turns = [one for one in heard if one["turn"] and one["turn"] not in disturbed]
    chair = {one["site"] for one in heard if not one["turn"]}
    wrong = [
        one
        for one in heard
        if one["loudest"] not in {one["site"], "", *(chair if one["turn"] in disturbed else ())}
    ]
    begin = spread(None if one["early_ms"] is None else -one["early_ms"] for one in turns)
    end = spread(None if one["late_ms"] is None else -one["late_ms"] for one in turns)
    lasted_ms = sum(one["ended_ms"] - one["began_ms"] for one in turns)
    missing_ms = sum(one["missing_ms"] for one in turns)
    off = [one["off_ms"] for one in heard if one["off_ms"] is not None]
    figures = Recorded(
        length_s=round(film.length_ms / 1000, 1),
        size_mb=round(film.size_bytes / 1e6, 1),
        chapters=len(film.chapters),
        wrong_chapters=len(wrong),
        begin_ms=begin,
        end_ms=end,
        off_ms=spread(off),
        missing_ms=missing_ms,
        longest_gap_ms=max((one["gap_ms"] for one in turns), default=0.0),
        segments=film.segments,
        torn=film.torn,
        dropped=film.dropped,
        sent_later_s=round(film.sent_later_ms / 1000, 1),
    )
    late = [abs(one["late_ms"]) for one in turns if one["late_ms"] is not None]
    figures.ok = (
        not wrong
        and not begin.missing
        and max((abs(one) for one in (*off, *late)), default=0.0) <= RIGHT_MS
        and missing_ms <= lasted_ms * MISSING_PERCENT / 100
        and not film.dropped
    )
    return figures


def table(result: Result) -> str:
    """The result for a person, in plain text."""
    switch = result.switch
    lines = [
        f"{'rehearsal':<26}{'ok' if result.ok else 'NOT OK':>12}   "
        f"{result.called} of {result.sites} sites called, {result.wall_s:.0f} s",
        *(f"  ! {why}" for why in result.why),
        "",
        f"{'':<26}{'n':>6}{'median':>9}{'p95':>9}{'max':>9}{'missing':>9}",
        _spread_line("first sound, ms", switch.sound_ms),
        _spread_line("first picture, ms", switch.picture_ms),
        _spread_line("picture after sound, ms", switch.lip_ms),
        f"{'wrong / torn pictures':<26}{switch.wrong_pictures:>6} / {switch.torn_pictures}",
        f"{'sound of closed sites':<26}{result.leaks.samples:>6} samples, "
        f"{result.leaks.packets} packets",
        "",
        f"{'heard at':<20}{'delay ms':>9}{'p95':>7}{'gaps %':>8}{'longest ms':>12}"
        f"{'up':>8}{'down kbit/s':>12}{'loss %':>8}{'rtt ms':>8}",
    ]
    links = {link.site: link for link in result.links}
    for site, voice in result.voice.sites.items():
        link = links.get(site, LinkUse(site))
        lines.append(
            f"{site:<20}{_n(voice.delay_ms):>9}{_n(voice.delay_p95_ms):>7}"
            f"{_n(voice.gap_percent, 2):>8}{_n(voice.longest_gap_ms):>12}"
            f"{link.up_kbps:>8.0f}{link.down_kbps:>12.0f}{link.loss_percent:>8.1f}{link.rtt_ms:>8.0f}"
        )
    lines += ["", f"{'process':<20}{'CPU %':>8}{'CPU s':>8}{'MB':>8}{'max MB':>8}{'late ms':>9}"]
    for use in result.processes:
        lines.append(
            f"{use.name:<20}{use.cpu_percent:>8.1f}{use.cpu_s:>8.1f}{use.rss_mb:>8.0f}"
            f"{use.rss_mb_max:>8.0f}{use.late_ms:>9.0f}"
        )
    relay = result.relay
    lines += [
        f"{'machine idle':<20}{result.machine_idle_percent:>7.0f}%",
        "",
        f"relay: {relay.packets_in} packets in, {relay.packets_out} out, "
        f"{relay.cpu_us_per_packet_out:.0f} µs of CPU a packet out, forwarded in "
        f"{relay.forward_delay_ms.median:.2f} ms (p99 {relay.forward_delay_ms.p99:.2f})",
        f"journal: {result.events.acknowledged} commands acknowledged, {result.events.lost} lost, "
        f"chain {'holds' if result.events.chain_ok else 'BROKEN'}",
    ]
    if result.recording is not None:
        lines.append(_recorded(result.recording))
    for fault in result.faults:
        back = "not back" if fault.back_s is None else f"back after {fault.back_s:.1f} s"
        lines.append(
            f"fault: {fault.what} at {fault.at_s:.0f} s: {back} "
            f"(sound {_n(fault.sound_back_s, 1)} s, control {_n(fault.control_back_s, 1)} s)"
        )
    if result.growth:
        lines += ["", f"{'early and late':<20}{'MB':>16}{'threads':>12}{'tasks':>12}"]
    for one in result.growth:
        grew = f"   grew: {', '.join(one.grew)}" if one.grew else ""
        lines.append(
            f"{one.name:<20}{one.rss_mb[0]:>7.0f} {one.rss_mb[1]:>8.0f}"
            f"{one.threads[0]:>6} {one.threads[1]:>5}{one.tasks[0]:>6} {one.tasks[1]:>5}{grew}"
        )
    lines += _pictures(result)
    if result.starved:
        lines.append(
            "this machine fell behind; its figures are too high: " + ", ".join(result.starved)
        )
    return "\n".join(lines)


def _recorded(one: Recorded) -> str:
    if one.trouble:
        return f"recording: {one.trouble}"
    return (
        f"recording: {one.length_s:.0f} s, {one.size_mb:.1f} MB, {one.segments} segments, "
        f"{one.chapters} chapters, {one.wrong_chapters} wrong; first sound after "
        f"{_n(one.begin_ms.median)} ms (at most {_n(one.begin_ms.max)}), last "
        f"{_n(one.end_ms.median)} ms before the end (at most {_n(one.end_ms.max)}), "
        f"in time to {_n(one.off_ms.max)} ms, {one.missing_ms:.0f} ms missing, "
        f"{one.sent_later_s:.1f} s sent later"
    )


def _pictures(result: Result) -> list[str]:
    """Which pictures sites got whose link was not always good, and what the others got."""
    lines = []
    for one in result.pictures:
        if len(one.steps) > 1 or any(step.picture != "high" for step in one.steps):
            steps = ", ".join(f"{step.picture} from {step.at_s:.0f} s" for step in one.steps)
            lines.append(f"pictures sent to {one.site}: {steps}")
        if one.frozen:
            lines.append(f"pictures at {one.site} stood still {one.frozen} times")
    for bad in result.bad_links:
        lines += _bad(bad)
    for when, figures in result.others.items():
        lines += [
            f"good links {when} bad ones:",
            _spread_line("  first sound, ms", figures.sound_ms),
            _spread_line("  first picture, ms", figures.picture_ms),
            _spread_line("  pictures a second", figures.pictures_per_s),
            _spread_line("  longest gap, ms", figures.longest_gap_ms),
            _spread_line("  clarity, MOS", figures.mos, 1),
        ]
    if result.others_less is not None:
        less = "; ".join(result.others_less) or "nothing"
        lines.append(f"less at good links while others were bad: {less}")
    return lines


HEARD = (
    f"{'':<26}{'turns':>6}{'gaps %':>9}{'longest':>9}{'delay ms':>10}{'p95':>6}{'MOS':>7}"
    f"{'worst':>7}{'pictures/s':>12}"
)


def _bad(one: Bad) -> list[str]:
    """How sound and picture were over a link that was bad."""
    when = "" if one.at_s is None else f" from {one.at_s:g} s for {one.for_s:g} s"
    steps = ", ".join(f"{step.picture} from {step.at_s:.1f} s" for step in one.steps)
    back = "not back" if one.back_s is None else f"back {one.back_s:.1f} s after it was good again"
    pictures = steps if one.at_s is None else f"{steps}; {back}"
    rows = [
        f"{f'  {what} {when}':<26}{heard.turns:>6}{_n(heard.gap_percent, 2):>9}"
        f"{_n(heard.longest_gap_ms):>9}{_n(heard.delay_ms):>10}{_n(heard.delay_p95_ms):>6}"
        f"{_n(heard.mos, 2):>7}{_n(heard.worst_mos, 2):>7}{_n(heard.pictures_per_s, 1):>12}"
        for what, every in (("hears", one.hears), ("is heard", one.is_heard))
        for when, heard in every.items()
    ]
    return [f"link of {one.site}, {one.link}{when}:", f"  pictures: {pictures}", HEARD, *rows]


def _spread_line(name: str, s: Spread, digits: int = 0) -> str:
    figures = "".join(f"{_n(one, digits):>9}" for one in (s.median, s.p95, s.max))
    return f"{name:<26}{s.n:>6}{figures}{s.missing:>9}"


def _n(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
