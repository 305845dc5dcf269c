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

from console.meeting import course, floor, linecheck, ratify, record, recording
from console.meeting.refusal import Decision, Refusal, bad_text, name_of, not_open, too_long
from console.meeting.state import Meeting
from protocol import commands as c
from protocol import events as e

LEAST_BUDGET_S, MOST_BUDGET_S = 60, 86_400


def deadline(state: Meeting) -> int | None:
    """When the server must submit Tick (ms UTC); None when nothing is due."""
    check_until = None if state.check is None else state.check.until
    dues = [at for at in (floor.turn_deadline(state), check_until) if at is not None]
    return min(dues, default=None)


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
        return course.convene(state, command)
    if state.phase == "none":
        return Refusal("no-meeting", "There is no meeting yet.")
    if ratify.is_text(command) and (refusal := ratify.fixed(state)):
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


def _decide(state: Meeting, command: c.AnyCommand, now: int, new_id: str) -> Decision:
    match command:
        case c.ConveneMeeting():
            return course.convene(state, command)
        case c.PrepareMeeting(plan=plan):
            return course.prepare(state, plan)
        case c.OpenMeeting():
            if state.phase == "open":
                return Refusal("already-open", "The meeting is open already.")
            if state.phase == "closed":
                return Refusal("closed", "The meeting is closed; convene a new one.")
            at_once: list[e.Event] = []
            if state.plan.recording.at_opening:
                at_once = [e.RecordingStarted()]
            return [e.MeetingOpened(), *at_once]
        case c.CloseMeeting(force=force):
            return course.close(state, force, now)
        case c.MarkAttendance(site=site, attendance=attendance, note=note):
            if refusal := too_long(note):
                return refusal
            was = state.sites[site]
            if (was.attendance, was.attendance_note) == (attendance, note):
                return []
            if attendance == "represented" and not note.strip():
                return Refusal("deputy-missing", "Who stands in? A deputy has a name.")
            if attendance == "excused" and not note.strip():
                return Refusal("reason-missing", "Why is it excused? An excuse has a reason.")
            return [e.AttendanceMarked(site, attendance, note)]
        case c.CallNext():
            return floor.call_next(state, now)
        case c.GrantFloor(site=site):
            return floor.grant(state, site, now)
        case c.EndTurn():
            turn = state.floor
            if refusal := not_open(state):
                return refusal
            if turn is None:
                return Refusal("no-turn", "Nobody has the floor.")
            return [floor.end(turn, "ended", now)]
        case c.UndoHandover():
            return floor.undo(state, now)
        case c.ExtendTurn(seconds=seconds):
            turn = state.floor
            if refusal := not_open(state):
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
            return floor.mute(state, site)
        case c.Unmute(site=site):
            return floor.unmute(state, site)
        case c.MuteAll():
            if refusal := not_open(state):
                return refusal
            live = tuple(s for s in state.sites if s != state.chair and state.is_live(s))
            return [e.AllMuted(live)] if live else []
        case c.Promote(site=site):
            return floor.promote(state, site)
        case c.Demote(site=site):
            if not state.sites[site].panel:
                return Refusal(
                    "not-panel",
                    f"{name_of(state, site)} is not on the panel.",
                    {"site": name_of(state, site)},
                )
            return [e.SiteDemoted(site)]
        case c.SetVoice(site=site, voice=voice):
            return [e.VoiceSet(site, voice)] if state.sites[site].voice != voice else []
        case c.SetMedia(site=site, media=media):
            return [e.MediaSet(site, media)] if state.sites[site].media != media else []
        case c.RaiseHand(site=site):
            return floor.raise_hand(state, site)
        case c.LowerHand(site=site):
            return [e.HandLowered(site)] if state.sites[site].hand_at is not None else []
        case c.MoveInQueue(site=site, position=position):
            return floor.move(state, site, position)
        case c.Skip(site=site):
            if site not in state.queue:
                return Refusal(
                    "not-queued",
                    f"{name_of(state, site)} is not in the queue.",
                    {"site": name_of(state, site)},
                )
            return [e.SiteSkipped(site)]
        case c.DraftReport(site=site, text=text):
            if refusal := too_long(text):
                return refusal
            return [e.ReportDrafted(site, text)] if state.sites[site].draft != text else []
        case c.LogReport(site=site, text=text, tags=tags):
            return record.log(state, site, text, tags, new_id)
        case c.AmendReport(report=report, text=text, tags=tags):
            if bad := bad_text(text):
                return bad
            if not any(r.id == report for r in state.reports):
                return Refusal("unknown-report", "There is no such report.", {"report": report})
            return [e.ReportAmended(report, text.strip(), record.tags_of(text, tags))]
        case c.AddFollowUp(text=text, owner=owner, due=due, site=about):
            return record.add_follow_up(text, owner, due, about, new_id)
        case c.SaveCard():
            return record.save_card(state, command, new_id)
        case c.CloseFollowUp(follow_up=ident, how=how):
            known, how = record.find_follow_up(state, ident), how.strip()
            if isinstance(known, Refusal):
                return known
            if refusal := too_long(how):
                return refusal
            is_new = known.closed_at is None or (how and how != known.how)
            return [e.FollowUpClosed(ident, how)] if is_new else []
        case c.ReopenFollowUp(follow_up=ident):
            known = record.find_follow_up(state, ident)
            if isinstance(known, Refusal):
                return known
            return [] if known.closed_at is None else [e.FollowUpReopened(ident)]
        case c.SaveDraft(key=key, fields=fields):
            return record.save_draft(state, key, fields)
        case c.CarryFollowUps(follow_ups=left, more=more):
            return record.carry(state, left, more)
        case c.AddNote(text=text, kind=kind, site=about):
            if bad := bad_text(text):
                return bad
            return [e.NoteAdded(new_id, kind, text.strip(), about)]
        case c.SetBanner(text=text):
            if len(text) > 500:
                return Refusal("banner-too-long", "An announcement has at most 500 characters.")
            return [e.BannerSet(text.strip())] if text.strip() != state.banner else []
        case c.SubmitMinutes(by=by):
            if state.phase != "closed":
                return Refusal("minutes-open", "The meeting is not closed yet.")
            if refusal := ratify.fixed(state):
                return refusal
            return too_long(by) or [e.MinutesSubmitted(by.strip())]
        case c.ApproveMinutes(by=by):
            return ratify.not_submitted(state) or too_long(by) or [e.MinutesApproved(by.strip())]
        case c.ReturnMinutes(reason=reason, by=by):
            if refusal := ratify.not_submitted(state) or bad_text(reason) or too_long(by):
                return refusal
            return [e.MinutesReturned(reason.strip(), by.strip())]
        case c.CorrectMinutes():
            return ratify.correct(state, command, new_id)
        case c.StartRecording():
            return recording.start(state)
        case c.PauseRecording():
            if refusal := recording.not_on(state):
                return refusal
            return [e.RecordingPaused()] if state.recording == "on" else []
        case c.StopRecording():
            if refusal := recording.not_on(state):
                return refusal
            return [e.RecordingStopped("ended")]
        case c.CheckLines(sites=sites):
            return linecheck.asked(state, sites, now, new_id)
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
            return course.joined(state, site, version, media, now)
        case c.NoteMediaArrived(site=site):
            return course.arrived(state, site) if state.sites[site].online else []
        case c.NoteSiteLeft(site=site, reason=reason):
            return course.left(state, site, reason, now)
        case c.Tick():
            return _tick(state, now)


def _tick(state: Meeting, now: int) -> Decision:
    return [*linecheck.overdue(state, now), *floor.tick(state, now)]
