"""How each site was connected from the opening to the closing of a meeting.

Only what the journal knows: comings and goings. Pure.
"""

from collections.abc import Callable, Iterable

from console.meeting.state import Meeting, Site
from console.minutes import wording
from console.minutes.form import ConnectionRow, one_line
from protocol import events as e
from protocol.events import Recorded


def connections_of(
    held: list[Recorded],
    sites: Iterable[Site],
    state: Meeting,
    clock: Callable[[int | None], str],
) -> tuple[ConnectionRow, ...]:
    """A row a site in the order given; `held` are the events up to the closing."""
    end = held[-1].at if held else 0
    rows = []
    for number, site in enumerate(sites, 1):
        first, drops, away_ms, online = _spans(held, site.id, state.opened_at, end)
        remark = "Tidak pernah tersambung" if first is None else ""
        if first is not None and not online and state.closed_at is not None:
            remark = "Tidak tersambung lagi sampai rapat ditutup"
        elif first is not None and not drops:
            remark = "Tidak pernah terputus"
        away_s = wording.seconds(away_ms)
        rows.append(
            ConnectionRow(
                number=number,
                site=site.id,
                place=one_line(site.entry.name) or one_line(site.id),
                since=clock(first),
                drops=drops,
                away=wording.duration(away_s) if drops else wording.NOTHING,
                away_s=away_s,
                remark=remark or wording.NOTHING,
            )
        )
    return tuple(rows)


def _spans(
    held: list[Recorded], site: str, opened_at: int | None, end: int
) -> tuple[int | None, int, int, bool]:
    """First coming, drops and ms away while the meeting was open, connected at the end."""
    first: int | None = None
    gone_at: int | None = None
    online, drops, away_ms = False, 0, 0
    for one in held:
        if isinstance(one.event, e.SiteJoined) and one.event.site == site:
            first = one.at if first is None else first
            if gone_at is not None and opened_at is not None and one.at > opened_at:
                away_ms += one.at - max(gone_at, opened_at)
            online, gone_at = True, None
        elif isinstance(one.event, e.SiteLeft) and one.event.site == site:
            online, gone_at = False, one.at
            drops += opened_at is not None and one.at >= opened_at
    if gone_at is not None and opened_at is not None:
        away_ms += max(0, end - max(gone_at, opened_at))
    return first, drops, away_ms, online
