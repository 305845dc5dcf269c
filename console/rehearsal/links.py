"""Links of single sites that are bad, always or for a while: `--link kandis=rate=64k@20s+15s`.

What the others see and hear meanwhile is told apart: one site's bad link is nobody else's matter.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from console.rehearsal.result import Others, Spread, spread


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
    )
