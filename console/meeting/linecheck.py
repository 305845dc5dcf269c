"""The line check in the meeting: who is checked, what came of it, when it is over.

Rules:
- All sites at once, and over within `TIME_MS`: who does not answer by then has a poor line.
- Who is not connected is found so at once.
- A site that is heard now is left alone; while somebody has the floor nothing is checked at all,
  and a microphone that opens ends the check: the meeting goes first.
- While the meeting is open only what no voice on the same line feels is sent (`gentle`).
- The last result of a site stays until it is checked again.

Pure. Times are milliseconds of UTC.
"""

from console.meeting.refusal import Decision, Refusal, name_of
from console.meeting.state import Meeting
from console.meeting.verdict import NO_ANSWER, OFFLINE, Judgement, judge
from protocol import events as e
from protocol.messages import CheckOrder

TIME_MS = 50_000
OPENING = (
    e.MeetingOpened,
    e.MeetingClosed,
    e.FloorGranted,
    e.TurnResumed,
    e.HandoverReverted,
    e.SitePromoted,
    e.SiteUnmuted,
)
"""What ends a check."""


def checkable(state: Meeting, sites: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Of these sites (none: of all) those that may be checked now: the others are live."""
    return tuple(s for s in state.sites if (not sites or s in sites) and not state.is_live(s))


def asked(state: Meeting, sites: tuple[str, ...], now: int, new_id: str) -> Decision:
    if state.phase == "closed":
        return Refusal("closed", "The meeting is closed; convene a new one.")
    if state.check is not None:
        return Refusal("checking", "The lines are being checked already.")
    for site in sites:
        if site not in state.sites:
            return Refusal(
                "unknown-site", f"There is no site {site!r} in this meeting.", {"site": site}
            )
    turn = state.floor
    if turn is not None:
        name = name_of(state, turn.site)
        return Refusal(
            "turn-runs",
            f"{name} has the floor: lines are checked before the meeting and between turns.",
            {"site": name},
        )
    quiet = checkable(state, sites)
    if not quiet:
        names = ", ".join(name_of(state, site) for site in sites)
        return Refusal(
            "line-live",
            f"{names} is heard now: a site that is live is not checked.",
            {"sites": names},
        )
    return begun(state, quiet, now, new_id)


def begun(state: Meeting, sites: tuple[str, ...], now: int, ident: str) -> list[e.Event]:
    """A check of these sites begins; the disconnected have their result at once."""
    happened: list[e.Event] = [
        e.LineCheckStarted(ident, sites, now + TIME_MS, gentle=state.phase == "open")
    ]
    gone = [s for s in sites if not state.sites[s].online]
    happened += [_checked(ident, s, OFFLINE) for s in gone]
    if len(gone) == len(sites):
        happened.append(e.LineCheckEnded(ident))
    return happened


def answered(
    state: Meeting, site: str, ident: str, figures: e.LineFigures, software: str
) -> list[e.Event]:
    """A site told what it measured; nothing comes of what is late or told twice."""
    check = state.check
    if check is None or check.id != ident or site not in check.waiting:
        return []
    happened: list[e.Event] = [_checked(ident, site, judge(figures, software), figures)]
    if check.waiting == (site,):
        happened.append(e.LineCheckEnded(ident))
    return happened


def overdue(state: Meeting, now: int) -> list[e.Event]:
    """The check is over when its time is; who did not answer is told so."""
    check = state.check
    if check is None or now < check.until:
        return []
    late = [_checked(check.id, s, NO_ANSWER) for s in check.waiting]
    return [*late, e.LineCheckEnded(check.id, "late")]


def stopped(state: Meeting) -> list[e.Event]:
    """The operator ends it."""
    return [] if state.check is None else [e.LineCheckEnded(state.check.id, "stopped")]


def giving_way(state: Meeting, happened: list[e.Event]) -> list[e.Event]:
    """What happens, with the end of a check before it where a microphone opens."""
    check = state.check
    if check is None or not any(isinstance(one, OPENING) for one in happened):
        return happened
    return [e.LineCheckEnded(check.id, "interrupted"), *happened]


def order(state: Meeting, site: str) -> CheckOrder | None:
    """What the agent of this site is asked for; None: nothing."""
    check = state.check
    if check is None or site not in check.waiting or state.is_live(site):
        return None
    turn = check.sites.index(site)
    return CheckOrder(check.id, turn, len(check.sites), check.gentle)


def _checked(
    ident: str, site: str, found: Judgement, figures: e.LineFigures | None = None
) -> e.LineChecked:
    return e.LineChecked(ident, site, found.verdict, found.faults, figures or e.LineFigures())
