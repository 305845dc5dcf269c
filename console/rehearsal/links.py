"""Links of single sites that are bad, always or for a while: `--link kandis=rate=64k@20s+15s`.

What the site sees and hears before, during and after that is told, and what the others do: one
site's bad link is nobody else's matter.
"""

import math
import re
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from console.rehearsal.result import Bad, Heard, Others, Spread, Step, spread

Clarity = Mapping[str, Sequence[tuple[float, float]]]
"""By site: when it told how clear it heard, and how clear."""

SETTLED_S = 1.0
"""After the call of a speaker what a site tells of its hearing is of him."""


class LinkPlan(msgspec.Struct, frozen=True):
    """One site's link: `impair` as agents take it, from `at_s` after the meeting opened for `for_s`
    seconds; `at_s` None: always."""

    site: str
    impair: str
    at_s: float | None = None
    for_s: float = 0.0

    def __str__(self) -> str:
        when = "" if self.at_s is None else f" from {self.at_s:g} s for {self.for_s:g} s"
        return f"link of {self.site}: {self.impair}{when}"


def parse_link(text: str, seconds: Callable[[str], float]) -> LinkPlan:
    """`kandis=loss=10%,rate=64k` or with `@20s+15s` behind. Raises ValueError."""
    site, equals, rest = text.partition("=")
    impair, at, when = rest.partition("@")
    begin, plus, length = when.partition("+")
    forms = re.compile(r"(loss=[\d.]+%|burst=[\d.]+|(rtt|jitter|queue)=[\d.]+ms|rate=[\d.]+k)")
    well_formed = impair and all(forms.fullmatch(part) for part in impair.split(","))
    if not (site and equals and well_formed) or at and not plus:
        raise ValueError(
            f"--link {text!r}: expected SITE=loss=10%,rate=64k, with @TIME+DURATION behind it "
            "when it is bad for a while only"
        )
    if not at:
        return LinkPlan(site, impair)
    return LinkPlan(site, impair, seconds(begin), seconds(length))


def others(figures: Iterable[dict[str, Any]]) -> Others:
    """Of what `giliran observe` tells of turns at listeners."""
    every = list(figures)

    def of(name: str) -> Spread:
        return spread(one[name] for one in every)

    return Others(
        of("sound_ms"),
        of("picture_ms"),
        of("gap_percent"),
        of("longest_gap_ms"),
        of("pictures_per_s"),
        of("mos"),
    )


def told_mos(turn: dict[str, Any], listener: str, clarity: Clarity) -> list[float]:
    """How clear a listener said that a turn was, now and then."""
    begin = turn["at"] + SETTLED_S
    return [mos for at, mos in clarity.get(listener, ()) if begin <= at < turn["until"]]


def with_mos(turn: dict[str, Any], listener: str, clarity: Clarity) -> dict[str, Any]:
    """What is known of a turn at a listener."""
    told = told_mos(turn, listener, clarity)
    return {**turn["listeners"][listener], "mos": statistics.median(told) if told else None}


LESS_PICTURES, MORE_GAPS_PERCENT, LONGER_GAP_MS, LESS_MOS = 0.9, 0.5, 40.0, 0.3
"""What chance makes of the same from turn to turn is less than these."""


def usually(told: Mapping[str, Others]) -> Others | None:
    """What good links get while none is bad: before, or afterwards where no turn was before."""
    return next((told[when] for when in ("before", "after") if when in told), None)


def less(usual: Others, during: Others) -> list[str]:
    """What good links got less of while others were bad."""
    found = []
    was, now = usual.pictures_per_s.median, during.pictures_per_s.median
    if was is not None and now is not None and now < LESS_PICTURES * was:
        found.append(f"pictures a second: {now:g} instead of {was:g}")
    was, now = usual.gap_percent.median, during.gap_percent.median
    if was is not None and now is not None and now > was + MORE_GAPS_PERCENT:
        found.append(f"gaps: {now:g} % instead of {was:g}")
    was, now = usual.longest_gap_ms.p95, during.longest_gap_ms.p95
    if was is not None and now is not None and now > was + LONGER_GAP_MS:
        found.append(f"longest gap: {now:g} ms instead of {was:g}")
    was, now = usual.mos.median, during.mos.median
    if was is not None and now is not None and now < was - LESS_MOS:
        found.append(f"clarity: MOS {now:g} instead of {was:g}")
    return found


def bad(
    plan: LinkPlan,
    plans: Iterable[LinkPlan],
    opened_at: float,
    turns: Sequence[dict[str, Any]],
    pictures: Sequence[Step],
    clarity: Clarity,
) -> Bad:
    """What became of sound and picture over the link of a plan, one of `plans`. `pictures`: what
    its site was sent at most, from when on after the opening; `turns`: as `giliran observe` tells
    of them."""
    begin, end = (0.0, math.inf) if plan.at_s is None else (plan.at_s, plan.at_s + plan.for_s)
    own = [one for one in plans if one.site == plan.site and one.at_s is not None]
    earlier = max((o.at_s + o.for_s for o in own if o.at_s and o.at_s < begin), default=0.0)
    later = min((o.at_s for o in own if o.at_s is not None and o.at_s > begin), default=math.inf)

    def when(turn: dict[str, Any]) -> str:
        at, until = turn["at"] - opened_at, turn["until"] - opened_at
        if at < end and until > begin:
            return "during"
        if until <= begin:
            return "before" if at >= earlier else ""
        return "after" if until <= later else ""

    every = [(when(turn), turn) for turn in turns if not turn["disturbed"]]
    hears, is_heard = {}, {}
    for which in ("before", "during", "after"):
        mine = [turn for told, turn in every if told == which]
        heard = [(turn, plan.site) for turn in mine if turn["site"] != plan.site]
        if heard:
            hears[which] = _heard(heard, clarity)
        spoke = [(t, other) for t in mine if t["site"] == plan.site for other in t["listeners"]]
        if spoke:
            is_heard[which] = _heard(spoke, clarity)
    steps = [step for step in pictures if begin <= step.at_s < later]
    first = next((step.picture for step in reversed(pictures) if step.at_s < begin), None)
    if first is not None:
        steps.insert(0, Step(begin, first))
    return Bad(
        plan.site, plan.impair, plan.at_s, plan.for_s, steps, _back_s(steps, end), hears, is_heard
    )


def _back_s(steps: Sequence[Step], end: float) -> float | None:
    """How long after `end` a site was sent again what it was at first."""
    if not steps or math.isinf(end):
        return None
    last = [step for step in steps if step.at_s < end][-1:]
    for step in [*last, *(step for step in steps if step.at_s >= end)]:
        if step.picture == steps[0].picture:
            return round(max(0.0, step.at_s - end), 1)
    return None


def _heard(pairs: Sequence[tuple[dict[str, Any], str]], clarity: Clarity) -> Heard:
    """Of turns, each at a listener."""
    figures = [turn["listeners"][listener] for turn, listener in pairs]
    told = [mos for turn, listener in pairs for mos in told_mos(turn, listener, clarity)]

    def known(name: str) -> list[float]:
        return [one[name] for one in figures if one[name] is not None]

    gaps = known("gap_percent")
    pictures = known("pictures_per_s")
    return Heard(
        turns=len({turn["at"] for turn, _listener in pairs}),
        gap_percent=round(statistics.mean(gaps), 2) if gaps else None,
        longest_gap_ms=max(known("longest_gap_ms"), default=None),
        delay_ms=spread(known("delay_ms")).median,
        delay_p95_ms=max(known("delay_p95_ms"), default=None),
        mos=round(statistics.median(told), 2) if told else None,
        worst_mos=round(min(told), 2) if told else None,
        pictures_per_s=round(statistics.mean(pictures), 1) if pictures else None,
    )
