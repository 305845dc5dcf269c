"""What the meeting allows: command → events, or a refusal with a reason for a person.

Rules:
- One site at most has the floor; giving it to another ends the turn before.
- The chair is always heard while the meeting is open: it is never muted and needs no floor.
- Only the floor's holder, the panel and the chair are ever unmuted; the audience is heard by
  nobody.
- *Call next* passes over sites that are offline, absent or excused; they stay in the queue.
- A holder that drops keeps its turn for the grace time, then the turn is suspended, not lost.
- The last call or ending of a turn can be taken back for 5 seconds: who spoke speaks on.
- A second *call next* within a second is the same key pressed twice, and calls nobody.
- A bell rings when little of a turn is left; then the clock counts up, or the room is told, or the
  microphone closes, as the meeting's policy says.
- A command is carried out once: its id is remembered in the state.
- The roll is called by the media: a site is present when its media runs both ways, late after the
  opening. A deputy has a name, an excuse a reason.
- Closing with reports missing warns first.
- A report card is saved as a whole: report, direction, decision and follow-ups, or nothing of it.
- What earlier meetings left to be done is carried into a meeting and can be closed in it. What is
  done may be said at any time, also of minutes that are fixed: they stay as they are.
- Lines are checked before the meeting and between turns; a microphone that opens ends the check.
- Minutes go from draft to submitted to approved, or are returned with a reason. What is submitted
  or approved does not change any more; approved minutes are corrected by errata only.

Pure: ids and the time come from the caller.
"""

import re
from datetime import date

import msgspec

from console.meeting import linecheck
from console.meeting.budget import share_s
from console.meeting.state import (
    AWAY,
    Carried,
    FollowUp,
    Meeting,
    Turn,
    card_key,
    site_of_card,
)
from protocol import commands as c
from protocol import events as e

MAX_TEXT = 20_000
MAX_PANEL = 2
MAX_FIELDS = 200
MAX_NUMBER = 1_000_000
# What would change the text of the minutes.
TEXT = (
    c.MarkAttendance,
    c.DraftReport,
    c.LogReport,
    c.AmendReport,
    c.AddFollowUp,
    c.SaveCard,
    c.AddNote,
)
UNDO_MS = 5_000
TWICE_MS = 1_000
LEAST_BUDGET_S, MOST_BUDGET_S = 60, 86_400
TAG = re.compile(r"(?<![\w#])#(\w[\w-]*)")


class Refusal(msgspec.Struct, frozen=True):
    """Why a command is not carried out: a stable `code`, an English `reason` for a person, and
    the `arguments` a translation of the code fills in."""

    code: str
    reason: str
    arguments: dict[str, str | int] = {}


Decision = list[e.Event] | Refusal


def tags_of(text: str, tags: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Given tags and the `#word`s of the text: lower case, without `#`, each once, in order."""
    words = [*(t.lstrip("#") for t in tags), *TAG.findall(text)]
    return tuple(dict.fromkeys(w.lower() for w in words if w))


def deadline(state: Meeting) -> int | None:
    """When the server must submit Tick (ms UTC); None when nothing is due."""
    check_until = None if state.check is None else state.check.until
    dues = [at for at in (_turn_deadline(state), check_until) if at is not None]
    return min(dues, default=None)


def _turn_deadline(state: Meeting) -> int | None:
    turn = state.floor
    if state.phase != "open" or turn is None:
        return None
    if turn.status == "lost":
        return turn.grace_until
    used_up_at = turn.used_up_at()
    if turn.overran or used_up_at is None:
        return None
    return used_up_at if turn.warned else max(0, used_up_at - _bell_ms(state, turn))


def _bell_ms(state: Meeting, turn: Turn) -> int:
    """How long before its end the bell of a turn rings; 0 for one that is no longer than that."""
    bell_s = max(0, state.plan.bell_s)
    return bell_s * 1000 if bell_s < turn.allowance_s else 0


def decide(
    state: Meeting, command: c.AnyCommand, now: int, command_id: str = "", new_id: str = ""
) -> Decision:
    """The events that carry out `command` at `now` (ms UTC); may be none when nothing changes.

    `command_id` already carried out: no events. `new_id` names what the command creates; the
    shell makes it (UUIDv7), tests give any unique text.
    """
    if command_id and command_id in state.commands:
        return []
    if isinstance(command, c.ConveneMeeting):
        return _convene(state, command)
    if state.phase == "none":
        return Refusal("no-meeting", "There is no meeting yet.")
    if _is_text(command) and (refusal := _fixed(state)):
        return refusal
    site = getattr(command, "site", None)
    if site is not None and site not in state.sites:
        return Refusal(
            "unknown-site", f"There is no site {site!r} in this meeting.", {"site": site}
        )
    decision = _decide(state, command, now, new_id or command_id)
    if isinstance(decision, Refusal):
        return decision
    return linecheck.giving_way(state, decision)


def _is_text(command: c.AnyCommand) -> bool:
    """True for what would change the text of the minutes; a draft that is taken away does not."""
    if isinstance(command, c.SaveDraft):
        return bool(command.fields) and site_of_card(command.key) is not None
    return isinstance(command, TEXT)


def _convene(state: Meeting, command: c.ConveneMeeting) -> Decision:
    if state.phase == "open":
        return Refusal("meeting-open", "A meeting is running: close it first.")
    if command.plan is None or not command.plan.sites:
        return Refusal("no-roster", "A meeting needs a roster with at least one site.")
    if not any(s.kind == "hall" for s in command.plan.sites):
        return Refusal("no-hall", "The roster has no site of kind 'hall' to preside.")
    if what := _wrong_with(command.plan):
        return Refusal("bad-plan", f"The plan makes no meeting: {what}.", {"what": what})
    return [e.MeetingConvened(command.plan, command.like)]


def _prepare(state: Meeting, plan: e.MeetingPlan) -> Decision:
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


def _decide(state: Meeting, command: c.AnyCommand, now: int, new_id: str) -> Decision:
    match command:
        case c.ConveneMeeting():
            return _convene(state, command)
        case c.PrepareMeeting(plan=plan):
            return _prepare(state, plan)
        case c.OpenMeeting():
            if state.phase == "open":
                return Refusal("already-open", "The meeting is open already.")
            if state.phase == "closed":
                return Refusal("closed", "The meeting is closed; convene a new one.")
            recording: list[e.Event] = []
            if state.plan.recording.at_opening:
                recording = [e.RecordingStarted()]
            return [e.MeetingOpened(), *recording]
        case c.CloseMeeting(force=force):
            return _close(state, force, now)
        case c.MarkAttendance(site=site, attendance=attendance, note=note):
            if too_long := _too_long(note):
                return too_long
            was = state.sites[site]
            if (was.attendance, was.attendance_note) == (attendance, note):
                return []
            if attendance == "represented" and not note.strip():
                return Refusal("deputy-missing", "Who stands in? A deputy has a name.")
            if attendance == "excused" and not note.strip():
                return Refusal("reason-missing", "Why is it excused? An excuse has a reason.")
            return [e.AttendanceMarked(site, attendance, note)]
        case c.CallNext():
            return _call_next(state, now)
        case c.GrantFloor(site=site):
            return _grant(state, site, now)
        case c.EndTurn():
            turn = state.floor
            if refusal := _not_open(state):
                return refusal
            if turn is None:
                return Refusal("no-turn", "Nobody has the floor.")
            return [_end(turn, "ended", now)]
        case c.UndoHandover():
            return _undo(state, now)
        case c.ExtendTurn(seconds=seconds):
            turn = state.floor
            if refusal := _not_open(state):
                return refusal
            if turn is None:
                return Refusal("no-turn", "Nobody has the floor.")
            if not 1 <= seconds <= 3600:
                return Refusal("bad-seconds", "Extend by 1 to 3600 seconds.", {"seconds": seconds})
            extended: list[e.Event] = [e.TurnExtended(turn.site, turn.number, seconds)]
            if turn.closed_by_time and state.sites[turn.site].muted:
                extended.append(e.SiteUnmuted(turn.site))
            return extended
        case c.SetBudget(budget_s=budget_s):
            if not LEAST_BUDGET_S <= budget_s <= MOST_BUDGET_S:
                return Refusal("bad-budget", "A meeting takes from 1 minute to 24 hours.")
            return [e.BudgetSet(budget_s)] if state.budget_s != budget_s else []
        case c.SetOverrun(overrun=overrun):
            return [e.OverrunSet(overrun)] if state.overrun != overrun else []
        case c.Mute(site=site):
            return _mute(state, site)
        case c.Unmute(site=site):
            return _unmute(state, site)
        case c.MuteAll():
            if refusal := _not_open(state):
                return refusal
            live = tuple(s for s in state.sites if s != state.chair and state.is_live(s))
            return [e.AllMuted(live)] if live else []
        case c.Promote(site=site):
            return _promote(state, site)
        case c.Demote(site=site):
            if not state.sites[site].panel:
                return Refusal(
                    "not-panel",
                    f"{_name(state, site)} is not on the panel.",
                    {"site": _name(state, site)},
                )
            return [e.SiteDemoted(site)]
        case c.SetVoice(site=site, voice=voice):
            return [e.VoiceSet(site, voice)] if state.sites[site].voice != voice else []
        case c.SetMedia(site=site, media=media):
            return [e.MediaSet(site, media)] if state.sites[site].media != media else []
        case c.RaiseHand(site=site):
            return _raise_hand(state, site)
        case c.LowerHand(site=site):
            return [e.HandLowered(site)] if state.sites[site].hand_at is not None else []
        case c.MoveInQueue(site=site, position=position):
            return _move(state, site, position)
        case c.Skip(site=site):
            if site not in state.queue:
                return Refusal(
                    "not-queued",
                    f"{_name(state, site)} is not in the queue.",
                    {"site": _name(state, site)},
                )
            return [e.SiteSkipped(site)]
        case c.DraftReport(site=site, text=text):
            if too_long := _too_long(text):
                return too_long
            return [e.ReportDrafted(site, text)] if state.sites[site].draft != text else []
        case c.LogReport(site=site, text=text, tags=tags):
            return _log_report(state, site, text, tags, new_id)
        case c.AmendReport(report=report, text=text, tags=tags):
            if bad := _bad_text(text):
                return bad
            if not any(r.id == report for r in state.reports):
                return Refusal("unknown-report", "There is no such report.", {"report": report})
            return [e.ReportAmended(report, text.strip(), tags_of(text, tags))]
        case c.AddFollowUp(text=text, owner=owner, due=due, site=about):
            return _add_follow_up(text, owner, due, about, new_id)
        case c.SaveCard():
            return _save_card(state, command, new_id)
        case c.CloseFollowUp(follow_up=ident, how=how):
            known, how = _follow_up(state, ident), how.strip()
            if isinstance(known, Refusal):
                return known
            if too_long := _too_long(how):
                return too_long
            is_new = known.closed_at is None or (how and how != known.how)
            return [e.FollowUpClosed(ident, how)] if is_new else []
        case c.ReopenFollowUp(follow_up=ident):
            known = _follow_up(state, ident)
            if isinstance(known, Refusal):
                return known
            return [] if known.closed_at is None else [e.FollowUpReopened(ident)]
        case c.SaveDraft(key=key, fields=fields):
            return _save_draft(state, key, fields)
        case c.CarryFollowUps(follow_ups=left, more=more):
            return _carry(state, left, more)
        case c.AddNote(text=text, kind=kind, site=about):
            if bad := _bad_text(text):
                return bad
            return [e.NoteAdded(new_id, kind, text.strip(), about)]
        case c.SetBanner(text=text):
            if len(text) > 500:
                return Refusal("banner-too-long", "An announcement has at most 500 characters.")
            return [e.BannerSet(text.strip())] if text.strip() != state.banner else []
        case c.SubmitMinutes(by=by):
            if state.phase != "closed":
                return Refusal("minutes-open", "The meeting is not closed yet.")
            if refusal := _fixed(state):
                return refusal
            return _too_long(by) or [e.MinutesSubmitted(by.strip())]
        case c.ApproveMinutes(by=by):
            return _not_submitted(state) or _too_long(by) or [e.MinutesApproved(by.strip())]
        case c.ReturnMinutes(reason=reason, by=by):
            if refusal := _not_submitted(state) or _bad_text(reason) or _too_long(by):
                return refusal
            return [e.MinutesReturned(reason.strip(), by.strip())]
        case c.CorrectMinutes():
            return _correct(state, command, new_id)
        case c.StartRecording():
            return _start_recording(state)
        case c.PauseRecording():
            if refusal := _not_recording(state):
                return refusal
            return [e.RecordingPaused()] if state.recording == "on" else []
        case c.StopRecording():
            if refusal := _not_recording(state):
                return refusal
            return [e.RecordingStopped("ended")]
        case c.CheckLines(sites=sites):
            return _check_lines(state, sites, now, new_id)
        case c.StopLineCheck():
            return linecheck.stopped(state)
        case c.NoteLineChecked(site=site, check=check, figures=figures, software=software):
            return linecheck.answered(state, site, check, figures, software)
        case c.NoteDiskLow(free_mb=free_mb):
            if state.recording != "on" or state.disk_low:
                return []
            return [e.RecordingWarned(free_mb)]
        case c.NoteRecordingEnded(reason=reason, trouble=trouble):
            return [e.RecordingStopped(reason, trouble)] if state.recording == "on" else []
        case c.NoteRecordingFinished(
            file=file,
            length_ms=length_ms,
            size_bytes=size_bytes,
            chapters=chapters,
            trouble=trouble,
        ):
            film = e.RecordingFinished(file, length_ms, size_bytes, chapters, trouble)
            return [film] if state.phase == "closed" and film != state.film else []
        case c.NoteLinks(measured=measured):
            return [measured] if state.phase == "open" else []
        case c.NoteSiteJoined(site=site, agent_version=version, media=media):
            return _joined(state, site, version, media, now)
        case c.NoteMediaArrived(site=site):
            return _arrived(state, site) if state.sites[site].online else []
        case c.NoteSiteLeft(site=site, reason=reason):
            return _left(state, site, reason, now)
        case c.Tick():
            return _tick(state, now)


# -- refusals used in several places ------------------------------------------------------------


def _name(state: Meeting, site: str) -> str:
    return state.sites[site].entry.name


def _not_open(state: Meeting) -> Refusal | None:
    if state.phase == "planned":
        return Refusal("not-open", "The meeting is not open yet.")
    if state.phase == "closed":
        return Refusal("closed", "The meeting is closed; convene a new one.")
    return None


def _too_long(text: str) -> Refusal | None:
    if len(text) > MAX_TEXT:
        return Refusal("text-too-long", f"At most {MAX_TEXT} characters.", {"maximum": MAX_TEXT})
    return None


def _bad_text(text: str) -> Refusal | None:
    if not text.strip():
        return Refusal("text-empty", "The text is empty.")
    return _too_long(text)


# -- the floor ----------------------------------------------------------------------------------


def _end(turn: Turn, reason: e.TurnEnd, now: int) -> e.Event:
    return e.TurnEnded(turn.site, turn.number, reason, turn.spoken_until(now))


def _call_next(state: Meeting, now: int) -> Decision:
    if refusal := _not_open(state):
        return refusal
    last = state.handover
    if last is not None and last.granted is not None and 0 <= now - last.at < TWICE_MS:
        name = _name(state, state.turns[last.granted - 1].site)
        return Refusal(
            "called-twice",
            f"{name} was called less than a second ago: to call the next one, press again.",
            {"site": name},
        )
    site = state.next_site()
    if site is not None:
        return _grant(state, site, now)
    waiting = [s for s in state.queue if s != state.holder]
    if not waiting:
        return Refusal("queue-empty", "Every site in the queue has had its turn.")
    names = ", ".join(_name(state, s) for s in waiting)
    return Refusal(
        "nobody-callable",
        f"No site in the queue can be called now (offline, absent or excused): {names}.",
        {"sites": names},
    )


def _grant(state: Meeting, site: str, now: int) -> Decision:
    if refusal := _not_open(state):
        return refusal
    target = state.sites[site]
    name = target.entry.name
    if site == state.chair:
        return Refusal(
            "is-chair", f"{name} presides: it is always heard and needs no turn.", {"site": name}
        )
    if state.holder == site:
        return Refusal("has-floor", f"{name} has the floor already.", {"site": name})
    if not target.online:
        return Refusal("offline", f"{name} is not connected.", {"site": name})
    if target.attendance in AWAY:
        return Refusal("away", f"{name} is marked absent or excused.", {"site": name})
    happened: list[e.Event] = []
    if (turn := state.floor) is not None:
        happened.append(_end(turn, "next", now))
    if (suspended := state.suspended_turn(site)) is not None:
        happened.append(e.TurnResumed(site, suspended.number))
    else:
        number = len(state.turns) + 1
        happened.append(e.FloorGranted(site, number, share_s(state, site, now)))
    return happened


def undo_until(state: Meeting) -> int | None:
    """Until when the last call or ending of a turn can be taken back; None when there is none."""
    last = state.handover
    if state.phase != "open" or last is None or state.holder_turn != last.granted:
        return None
    return last.at + UNDO_MS


def _undo(state: Meeting, now: int) -> Decision:
    if refusal := _not_open(state):
        return refusal
    until, last = undo_until(state), state.handover
    if until is None or last is None or now > until:
        return Refusal(
            "nothing-to-undo", "Nothing to take back: that is possible for 5 seconds after a call."
        )
    called = None if last.called is None else last.called.id
    if last.resumed is None and any(r.turn == last.granted for r in state.reports if r.turn):
        name = _name(state, called or "")
        return Refusal(
            "reported-already", f"{name} has reported in this turn already.", {"site": name}
        )
    ended = last.ended
    queue = [s for s in state.queue if ended is None or s != ended.site]
    if called is not None and last.place is not None and called not in queue:
        queue.insert(min(last.place, len(queue)), called)
    back, back_turn = (None, None) if ended is None else (ended.site, ended.number)
    happened: list[e.Event] = [
        e.HandoverReverted(called, last.granted, back, back_turn, tuple(queue))
    ]
    if ended is not None and not state.sites[ended.site].online:
        grace_until = now + state.plan.grace_s * 1000
        happened.append(e.HolderLost(ended.site, ended.number, grace_until))
    return happened


def _mute(state: Meeting, site: str) -> Decision:
    if refusal := _not_open(state):
        return refusal
    if site == state.chair:
        return Refusal("chair-always-heard", "The chair is always heard: it can't be muted.")
    return [e.SiteMuted(site)] if state.is_live(site) else []


def _unmute(state: Meeting, site: str) -> Decision:
    if refusal := _not_open(state):
        return refusal
    if state.is_live(site):
        return []
    name = _name(state, site)
    if state.holder != site and not state.sites[site].panel:
        return Refusal(
            "audience",
            f"{name} is in the audience: give it the floor or promote it to the panel first.",
            {"site": name},
        )
    return [e.SiteUnmuted(site)]


def _promote(state: Meeting, site: str) -> Decision:
    if refusal := _not_open(state):
        return refusal
    name = _name(state, site)
    if site == state.chair:
        return Refusal(
            "is-chair", f"{name} presides: it is always heard and needs no turn.", {"site": name}
        )
    if state.sites[site].panel:
        return []
    if not state.sites[site].online:
        return Refusal("offline", f"{name} is not connected.", {"site": name})
    if len(state.panel) >= MAX_PANEL:
        return Refusal(
            "panel-full",
            f"The panel has {MAX_PANEL} places and both are taken.",
            {"places": MAX_PANEL},
        )
    return [e.SitePromoted(site)]


# -- hands and queue ----------------------------------------------------------------------------


def _raise_hand(state: Meeting, site: str) -> Decision:
    target = state.sites[site]
    if state.phase == "closed":
        return Refusal("closed", "The meeting is closed; convene a new one.")
    if site == state.chair:
        return Refusal(
            "is-chair",
            f"{target.entry.name} presides: it is always heard and needs no turn.",
            {"site": target.entry.name},
        )
    if target.hand_at is not None:
        return []
    if not target.online:
        return Refusal(
            "offline", f"{target.entry.name} is not connected.", {"site": target.entry.name}
        )
    happened: list[e.Event] = [e.HandRaised(site)]
    if site not in state.queue and state.holder != site:
        happened.append(e.QueueMoved((*state.queue, site)))
    return happened


def _move(state: Meeting, site: str, position: int) -> Decision:
    name = _name(state, site)
    if site == state.chair:
        return Refusal(
            "is-chair", f"{name} presides: it is always heard and needs no turn.", {"site": name}
        )
    if state.holder == site:
        return Refusal("has-floor", f"{name} has the floor already.", {"site": name})
    if position < 0:
        return Refusal(
            "bad-position", "A place in the queue is 0 (next) or more.", {"position": position}
        )
    rest = [s for s in state.queue if s != site]
    rest.insert(min(position, len(rest)), site)
    return [e.QueueMoved(tuple(rest))] if tuple(rest) != state.queue else []


# -- the record ---------------------------------------------------------------------------------


def _log_report(
    state: Meeting, site: str, text: str, tags: tuple[str, ...], new_id: str
) -> Decision:
    if bad := _bad_text(text):
        return bad
    number = next((t.number for t in reversed(state.turns) if t.site == site), None)
    return [e.ReportLogged(new_id, site, text.strip(), tags_of(text, tags), number)]


def _save_card(state: Meeting, card: c.SaveCard, new_id: str) -> Decision:
    """Report, direction, decision and follow-ups, or nothing of it."""
    happened: list[e.Event] = []
    report = next((r for r in state.reports if r.id == card.report), None)
    if card.report and (report is None or report.site != card.site):
        return Refusal("unknown-report", "There is no such report.", {"report": card.report})
    if report is not None:
        if bad := _bad_text(card.text):
            return bad
        tags = tags_of(card.text, card.tags)
        if (card.text.strip(), tags) != (report.text, report.tags):
            happened.append(e.ReportAmended(report.id, card.text.strip(), tags))
    elif card.text.strip():
        logged = _log_report(state, card.site, card.text, card.tags, new_id)
        if isinstance(logged, Refusal):
            return logged
        happened += logged
    kinds: tuple[tuple[e.NoteKind, str], ...] = (
        ("direction", card.direction),
        ("decision", card.decision),
    )
    for kind, text in kinds:
        if too_long := _too_long(text):
            return too_long
        if text.strip():
            happened.append(e.NoteAdded(f"{new_id}-{kind}", kind, text.strip(), card.site))
    for number, one in enumerate(card.follow_ups, 1):
        ident = f"{new_id}-{number}"
        added = _add_follow_up(one.text, one.owner, one.due, card.site, ident)
        if isinstance(added, Refusal):
            return added
        happened += added
    key = card_key(card.site)
    if not happened and report is None:
        return Refusal("text-empty", "The text is empty.")
    if key in state.drafts or state.sites[card.site].draft:
        happened.append(e.DraftSaved(key, {}))
    return happened


def _follow_up(state: Meeting, ident: str) -> FollowUp | Carried | Refusal:
    every: list[FollowUp | Carried] = [*state.follow_ups, *state.carried]
    for one in every:
        if one.id == ident:
            return one
    return Refusal(
        "unknown-follow-up", "This follow-up is neither of this meeting nor carried into it."
    )


def _save_draft(state: Meeting, key: str, fields: dict[str, str]) -> Decision:
    site = site_of_card(key)
    if site is not None and site not in state.sites:
        return Refusal(
            "unknown-site", f"There is no site {site!r} in this meeting.", {"site": site}
        )
    too_many = len(fields) > MAX_FIELDS or (key not in state.drafts and len(state.drafts) >= 200)
    if not 1 <= len(key) <= 200 or too_many:
        return Refusal("draft-too-big", "That is more than a form holds.")
    size = sum(len(name) + len(text) for name, text in fields.items())
    if size > 3 * MAX_TEXT:
        most = 3 * MAX_TEXT
        return Refusal("text-too-long", f"At most {most} characters.", {"maximum": most})
    # A draft of an older release has its text alone.
    stands = state.drafts.get(key)
    if stands is None and site is not None and state.sites[site].draft:
        stands = {"text": state.sites[site].draft}
    return [] if fields == (stands or {}) else [e.DraftSaved(key, fields)]


def _carry(state: Meeting, left: tuple[e.CarriedFollowUp, ...], more: int) -> Decision:
    """Told before a meeting and at its opening; what is as known makes no event."""
    if state.phase == "closed":
        return []
    own = {one.id for one in state.follow_ups}
    new = tuple(one for one in left if one.id not in own)
    known = tuple(one.entry for one in state.carried if one.closed_at is None)
    same = (new, more) == (known, state.carried_more)
    return [] if same else [e.FollowUpsCarried(new, more)]


def _add_follow_up(text: str, owner: str, due: str, about: str | None, new_id: str) -> Decision:
    if bad := _bad_text(text) or _too_long(owner):
        return bad
    if due:
        try:
            is_date = date.fromisoformat(due).isoformat() == due
        except ValueError:
            is_date = False
        if not is_date:
            return Refusal("bad-date", f"{due!r} is not a date like 2019-02-15.", {"due": due})
    return [e.FollowUpAdded(new_id, text.strip(), owner.strip(), due, about)]


# -- the minutes after the meeting -----------------------------------------------------------------


def _fixed(state: Meeting) -> Refusal | None:
    """Why the text of the minutes can't be changed; None while it can."""
    if state.minutes.status == "submitted":
        return Refusal(
            "minutes-submitted", "The minutes are submitted: have them returned to change them."
        )
    if state.minutes.status == "approved":
        return Refusal(
            "minutes-approved", "The minutes are approved: an erratum can be added to them."
        )
    return None


def _not_submitted(state: Meeting) -> Refusal | None:
    if state.minutes.status == "submitted":
        return None
    if state.minutes.status == "approved":
        return _fixed(state)
    return Refusal("minutes-not-submitted", "The minutes are not submitted yet.")


def _correct(state: Meeting, command: c.CorrectMinutes, new_id: str) -> Decision:
    if state.minutes.status != "approved":
        return Refusal(
            "minutes-not-approved", "Only approved minutes get errata: change the text itself."
        )
    texts = [one.strip() for one in (command.was, command.text, command.reason)]
    for text in texts:
        if bad := _bad_text(text):
            return bad
    if bad := _too_long(command.part) or _too_long(command.by):
        return bad
    was, text, reason = texts
    return [e.MinutesCorrected(new_id, command.part.strip(), was, text, reason, command.by.strip())]


# -- the recording -------------------------------------------------------------------------------


def _start_recording(state: Meeting) -> Decision:
    if refusal := _not_open(state):
        return refusal
    match state.recording:
        case "on":
            return []
        case "paused":
            return [e.RecordingResumed()]
        case "off":
            return [e.RecordingStarted()]


def _not_recording(state: Meeting) -> Refusal | None:
    if state.recording == "off":
        return Refusal("not-recording", "Nothing is being recorded.")
    return None


# -- the lines ------------------------------------------------------------------------------------


def _check_lines(state: Meeting, sites: tuple[str, ...], now: int, new_id: str) -> Decision:
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
        name = _name(state, turn.site)
        return Refusal(
            "turn-runs",
            f"{name} has the floor: lines are checked before the meeting and between turns.",
            {"site": name},
        )
    quiet = linecheck.checkable(state, sites)
    if not quiet:
        names = ", ".join(_name(state, site) for site in sites)
        return Refusal(
            "line-live",
            f"{names} is heard now: a site that is live is not checked.",
            {"sites": names},
        )
    return linecheck.begun(state, quiet, now, new_id)


# -- opening, closing, coming and going ---------------------------------------------------------


def _close(state: Meeting, force: bool, now: int) -> Decision:
    if refusal := _not_open(state):
        return refusal
    missing = state.reports_missing()
    if missing and not force:
        names = ", ".join(_name(state, s) for s in missing)
        return Refusal(
            "reports-missing",
            f"No report written for: {names}. Close again to close all the same.",
            {"sites": names},
        )
    happened: list[e.Event] = []
    if (turn := state.floor) is not None:
        happened.append(_end(turn, "closed", now))
    happened += [
        e.AttendanceMarked(s.id, "absent" if s.arrived_at is None else "present")
        for s in state.sites.values()
        if s.attendance == "unmarked" and s.entry.kind != "guest"
    ]
    if state.recording != "off":
        happened.append(e.RecordingStopped("closed"))
    happened.append(e.MeetingClosed(missing))
    return happened


def _arrived(state: Meeting, site: str) -> list[e.Event]:
    """Who comes before the opening is present, who comes later is late; what the operator has
    marked stays, but *absent*, which is not true any more."""
    if state.sites[site].attendance not in ("unmarked", "absent"):
        return []
    if state.phase not in ("planned", "open"):
        return []
    return [e.AttendanceMarked(site, "late" if state.phase == "open" else "present")]


def _joined(state: Meeting, site: str, version: str, media: bool, now: int) -> Decision:
    was = state.sites[site]
    happened: list[e.Event] = [] if was.online else [e.SiteJoined(site, version)]
    if media:
        happened += _arrived(state, site)
    turn = state.floor
    if turn is not None and turn.site == site and turn.status == "lost":
        gap_ms = now - turn.lost_at if turn.lost_at is not None else 0
        happened.append(e.HolderReturned(site, turn.number, gap_ms))
    return happened


def _left(state: Meeting, site: str, reason: str, now: int) -> Decision:
    if not state.sites[site].online:
        return []
    happened: list[e.Event] = [e.SiteLeft(site, reason)]
    turn = state.floor
    if turn is not None and turn.site == site and turn.status == "speaking":
        happened.append(e.HolderLost(site, turn.number, now + state.plan.grace_s * 1000))
    return happened


def _tick(state: Meeting, now: int) -> Decision:
    return [*linecheck.overdue(state, now), *_turn_tick(state, now)]


def _turn_tick(state: Meeting, now: int) -> list[e.Event]:
    due = _turn_deadline(state)
    turn = state.floor
    if due is None or turn is None or now < due:
        return []
    if turn.status == "lost":
        return [e.TurnSuspended(turn.site, turn.number, turn.spoken_until(now))]
    used_up_at = turn.used_up_at()
    if not turn.warned and used_up_at is not None and now < used_up_at:
        return [e.TurnWarned(turn.site, turn.number, -(-(used_up_at - now) // 1000))]
    happened: list[e.Event] = [e.TurnOverran(turn.site, turn.number)]
    if state.overrun == "close":
        happened.append(e.SiteMuted(turn.site))
    return happened
