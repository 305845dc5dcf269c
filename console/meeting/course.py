"""The course of a meeting: convened, prepared, closed; who comes and who goes.

The rules are in `decide`. Pure. Times are milliseconds of UTC.
"""

from console.meeting import floor
from console.meeting.refusal import Decision, Refusal, name_of, not_open
from console.meeting.state import Meeting
from protocol import commands as c
from protocol import events as e

MAX_NUMBER = 1_000_000


def convene(state: Meeting, command: c.ConveneMeeting) -> Decision:
    if state.phase == "open":
        return Refusal("meeting-open", "A meeting is running: close it first.")
    if command.plan is None or not command.plan.sites:
        return Refusal("no-roster", "A meeting needs a roster with at least one site.")
    if not any(s.kind == "hall" for s in command.plan.sites):
        return Refusal("no-hall", "The roster has no site of kind 'hall' to preside.")
    if what := _wrong_with(command.plan):
        return Refusal("bad-plan", f"The plan makes no meeting: {what}.", {"what": what})
    return [e.MeetingConvened(command.plan, command.like)]


def prepare(state: Meeting, plan: e.MeetingPlan) -> Decision:
    if state.phase == "open":
        return Refusal("under-way", "The meeting is open: its plan stays as it is.")
    if state.phase == "closed":
        return Refusal("closed", "The meeting is closed; convene a new one.")
    if plan == state.plan:
        return []
    if not plan.title.strip():
        return Refusal("title-missing", "A meeting needs a title.")
    if plan.sites != state.plan.sites:
        return Refusal("other-sites", "The sites of a meeting are fixed when it is convened.")
    if what := _wrong_with(plan):
        return Refusal("bad-plan", f"The plan makes no meeting: {what}.", {"what": what})
    return [e.MeetingPrepared(plan)]


def _wrong_with(plan: e.MeetingPlan) -> str:
    """What a roster file can't have, but a plan made by another client could."""
    ids = [site.id for site in plan.sites]
    if "" in ids or len(set(ids)) < len(ids):
        return "every site needs an id of its own"
    seconds = (plan.allowance_s, plan.grace_s + 1, plan.budget_s, plan.bell_s + 1)
    if not all(0 < number <= MAX_NUMBER for number in seconds):
        return "a time is out of range"
    recording = plan.recording
    if min(recording.warn_free_mb, recording.stop_free_mb, recording.keep_days) < 0:
        return "a number of the recording is out of range"
    if not all(abs(site.position) <= MAX_NUMBER for site in plan.sites):
        return "a position is out of range"
    return ""


def close(state: Meeting, force: bool, now: int) -> Decision:
    if refusal := not_open(state):
        return refusal
    missing = state.reports_missing()
    if missing and not force:
        names = ", ".join(name_of(state, s) for s in missing)
        return Refusal(
            "reports-missing",
            f"No report written for: {names}. Close again to close all the same.",
            {"sites": names},
        )
    happened: list[e.Event] = []
    if (turn := state.floor) is not None:
        happened.append(floor.end(turn, "closed", now))
    happened += [
        e.AttendanceMarked(s.id, "absent" if s.arrived_at is None else "present")
        for s in state.sites.values()
        if s.attendance == "unmarked" and s.entry.kind != "guest"
    ]
    if state.recording != "off":
        happened.append(e.RecordingStopped("closed"))
    happened.append(e.MeetingClosed(missing))
    return happened


def arrived(state: Meeting, site: str) -> list[e.Event]:
    """Who comes before the opening is present, who comes later is late; what the operator has
    marked stays, but *absent*, which is not true any more."""
    if state.sites[site].attendance not in ("unmarked", "absent"):
        return []
    if state.phase not in ("planned", "open"):
        return []
    return [e.AttendanceMarked(site, "late" if state.phase == "open" else "present")]


def joined(state: Meeting, site: str, version: str, media: bool, now: int) -> Decision:
    was = state.sites[site]
    happened: list[e.Event] = [] if was.online else [e.SiteJoined(site, version)]
    if media:
        happened += arrived(state, site)
    turn = state.floor
    if turn is not None and turn.site == site and turn.status == "lost":
        gap_ms = now - turn.lost_at if turn.lost_at is not None else 0
        happened.append(e.HolderReturned(site, turn.number, gap_ms))
    return happened


def left(state: Meeting, site: str, reason: str, now: int) -> Decision:
    if not state.sites[site].online:
        return []
    happened: list[e.Event] = [e.SiteLeft(site, reason)]
    turn = state.floor
    if turn is not None and turn.site == site and turn.status == "speaking":
        happened.append(e.HolderLost(site, turn.number, now + state.plan.grace_s * 1000))
    return happened
