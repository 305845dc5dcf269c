"""The short minutes (*ringkas*): what finds room on one page.

Nothing is worded anew: the beginnings of what was reported, cut at a word, with `…` where more
was said; without *Camat X melaporkan bahwa* and `#words`, for speaker and topics stand beside.
How much of each depends on how many there are. Pure.
"""

import re
from collections.abc import Callable

import msgspec

from console.minutes.form import Block, Brief, BriefRow, FollowUpRow

PAGE_CHARACTERS = 2600
"""What a page holds of reports beside head, decisions, follow-ups and signatures."""
LEAST, MOST = 70, 260
MOST_DECISIONS, MOST_FOLLOW_UPS, MOST_TEXT = 6, 8, 130
_SAYS = re.compile(r"^[\w .]{0,60}?melaporkan( bahwa)? ")
_TAGS = re.compile(r"(\s*#[\w-]+)+$")
# Characters of the whole page up to which Word keeps to one page with letters of this size.
SIZES_PT = ((1200, 10.0), (1800, 9.0), (2400, 8.5), (3400, 8.0), (4400, 7.0), (6500, 6.0))


def brief_of(
    discussion: tuple[Block, ...],
    decisions: tuple[str, ...],
    follow_ups: tuple[FollowUpRow, ...],
    clock: Callable[[str], str],
) -> Brief:
    """One row a speaker, in speaking order; `clock` makes `13.37` of an ISO time."""
    by_site: dict[str, list[Block]] = {}
    for block in discussion:
        by_site.setdefault(block.site, []).append(block)
    room = min(MOST, max(LEAST, PAGE_CHARACTERS // max(1, len(by_site))))
    rows = []
    for number, blocks in enumerate(by_site.values(), 1):
        reports = [r for b in blocks for r in b.reports if not r.unsaved]
        said = [one for r in reports if (one := bare(" ".join(r.paragraphs)))]
        topics = dict.fromkeys(topic for b in blocks for topic in b.topics)
        rows.append(
            BriefRow(
                number=number,
                speaker=blocks[0].speaker,
                at=clock(blocks[0].starts_at),
                topics=shortened(", ".join(topics), 40),
                gist=gist(said, room) or "(laporan belum dicatat)",
            )
        )
    kept = tuple(
        msgspec.structs.replace(one, text=shortened(one.text, MOST_TEXT), how="")
        for one in follow_ups[:MOST_FOLLOW_UPS]
    )
    decided = tuple(shortened(one, MOST_TEXT) for one in decisions[:MOST_DECISIONS])
    characters = sum(len(r.gist) + len(r.speaker) + 40 for r in rows)
    characters += sum(len(one) + 40 for one in decided)
    characters += sum(len(one.text) + len(one.owner) + 60 for one in kept)
    return Brief(
        rows=tuple(rows),
        decisions=decided,
        more_decisions=len(decisions) - len(decided),
        follow_ups=kept,
        more_follow_ups=len(follow_ups) - len(kept),
        size_pt=next((size for most, size in SIZES_PT if characters <= most), 5.0),
    )


def bare(report: str) -> str:
    """A report without what its row says already; the first letter a capital."""
    text = _TAGS.sub("", _SAYS.sub("", report)).strip()
    return text[:1].upper() + text[1:]


def gist(said: list[str], room: int) -> str:
    """The beginning of each text, all together within `room` characters."""
    if not said:
        return ""
    each = max(30, room // len(said))
    shown: list[str] = []
    for number, text in enumerate(said):
        left = room - sum(len(one) + 1 for one in shown)
        if left < 30:
            return f"{' '.join(shown)} (+{len(said) - number})"
        shown.append(shortened(text, max(each, left - each * (len(said) - number - 1))))
    return " ".join(shown)


def shortened(text: str, room: int) -> str:
    """At most `room` characters, cut between words."""
    if len(text) <= room:
        return text
    cut = text[: room - 2]
    cut = cut.rpartition(" ")[0] or cut
    return cut.rstrip(" ,;:.") + " …"
