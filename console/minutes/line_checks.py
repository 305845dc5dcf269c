"""What the line check found at each site, worded for annex III.

Only what the journal has: the last check of each site before the closing. Pure.
"""

import re
from collections.abc import Callable, Iterable

from console import line_words as words
from console.meeting.state import CheckedLine, Site
from console.minutes import wording
from console.minutes.form import LineCheckRow, one_line

_KEY = re.compile(r" \([a-zA-Z]\)")
"""A key of the console means nothing on paper."""


def line_checks_of(
    lines: dict[str, CheckedLine],
    sites: Iterable[Site],
    clock: Callable[[int | None], str],
    iso: Callable[[int | None], str],
) -> tuple[LineCheckRow, ...]:
    """A row for each site that was checked, in the order given."""
    checked = [(site, lines[site.id]) for site in sites if site.id in lines]
    return tuple(
        _row(number, site, one, clock, iso) for number, (site, one) in enumerate(checked, 1)
    )


def _row(
    number: int,
    site: Site,
    one: CheckedLine,
    clock: Callable[[int | None], str],
    iso: Callable[[int | None], str],
) -> LineCheckRow:
    figures = one.figures
    finding = words.reasons(one.faults, figures, words.INDONESIAN)
    return LineCheckRow(
        number=number,
        site=site.id,
        place=one_line(site.entry.name) or one_line(site.id),
        when=clock(one.at),
        checked_at=iso(one.at),
        verdict=one.verdict,
        result=words.verdict(one.verdict, words.INDONESIAN),
        finding=finding[:1].upper() + one_line(finding)[1:],
        remedy=_KEY.sub("", " ".join(words.remedies(one.faults, words.INDONESIAN)))
        or wording.NOTHING,
        loss=_both(figures.loss_up_percent, figures.loss_down_percent, 1),
        rtt=_one(figures.rtt_ms, 0),
        rate=_both(figures.up_kbps, figures.down_kbps, 0),
        loss_up_percent=figures.loss_up_percent,
        loss_down_percent=figures.loss_down_percent,
        rtt_ms=figures.rtt_ms,
        up_kbps=figures.up_kbps,
        down_kbps=figures.down_kbps,
    )


def _one(value: float | None, decimals: int) -> str:
    return wording.NOTHING if value is None else wording.number(value, decimals)


def _both(up: float | None, down: float | None, decimals: int) -> str:
    """From the site and to it: `10,3/8,7`."""
    if up is None and down is None:
        return wording.NOTHING
    return f"{_one(up, decimals)}/{_one(down, decimals)}"
