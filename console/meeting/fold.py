"""How events change the meeting's state.

Rules of this file:
- `apply` is total: it never refuses and never raises on an event this or an older release wrote,
  so that last year's journal always replays. Only `decide` says no.
- The same `apply` runs in the server, in the console's replica and in `giliran journal verify`.

Times are milliseconds of UTC since 1970.
"""

from typing import Any

import msgspec

from console.meeting.state import (
    Carried,
    CheckedLine,
    Correction,
    FollowUp,
    Handover,
    LineCheck,
    Meeting,
    Note,
    Report,
    Stretch,
    Turn,
    Wording,
    card_key,
    chair_of,
    entry_sites,
    site_of_card,
    speaking_order,
)
from protocol import events as e
from protocol.events import (
    Recorded,
)


def apply(state: Meeting, recorded: Recorded) -> Meeting:
    """The state after this event. Total: an event that fits nothing changes nothing but `seq`.

    So does one of another meeting, whose minutes may be worked on while this one is held.
    """
    convened = isinstance(recorded.event, e.MeetingConvened)
    if state.id and recorded.meeting != state.id and not convened:
        return msgspec.structs.replace(state, seq=recorded.seq)
    after = _apply_event(state, recorded)
    commands = after.commands
    if recorded.command and recorded.command not in commands:
        commands = commands | {recorded.command}
    return msgspec.structs.replace(_clock(after, recorded.at), seq=recorded.seq, commands=commands)


def _apply_event(state: Meeting, recorded: Recorded) -> Meeting:
    replace = msgspec.structs.replace
    event, at, meeting, seq = recorded.event, recorded.at, recorded.meeting, recorded.seq
    match event:
        case e.MeetingConvened(plan=plan, like=like):
            return Meeting(
                id=meeting,
                phase="planned",
                plan=plan,
                chair=chair_of(plan),
                sites=entry_sites(plan),
                queue=speaking_order(plan),
                budget_s=plan.budget_s,
                overrun=plan.overrun,
                convened_at=at,
                prepared=bool(like),
            )
        case e.MeetingPrepared(plan=plan):
            return replace(
                state,
                plan=replace(plan, sites=state.plan.sites),
                budget_s=plan.budget_s,
                overrun=plan.overrun,
                prepared=True,
            )
        case e.MeetingOpened():
            return replace(state, phase="open", opened_at=at)
        case e.MeetingClosed():
            if state.holder_turn is not None:
                state = _release(state, state.holder_turn, at, status="ended", ended_at=at)
            held = _ended(state.recorded, at)
            return replace(
                state,
                phase="closed",
                closed_at=at,
                recording="off",
                recorded=held,
                handover=None,
            )
        case e.SiteJoined(site=site):
            was = state.sites.get(site)
            if was is None:
                return state
            arrived = at if was.arrived_at is None else was.arrived_at
            return _with_site(state, site, online=True, arrived_at=arrived, left_at=None)
        case e.SiteLeft(site=site):
            was = state.sites.get(site)
            # A panelist who drops comes back closed; the holder keeps its turn for the grace time.
            muted = True if was is None or state.holder != site else was.muted
            return _with_site(state, site, online=False, left_at=at, hand_at=None, muted=muted)
        case e.AttendanceMarked(site=site, attendance=attendance, note=note):
            return _with_site(state, site, attendance=attendance, attendance_note=note)
        case e.FloorGranted(site=site, turn=number, allowance_s=allowance_s):
            turn = Turn(number=number, site=site, granted_at=at, allowance_s=allowance_s)
            state = replace(
                _called(state, site, number, at),
                turns=(*state.turns, turn),
                holder_turn=number,
                queue=_without(state.queue, site),
            )
            return _with_site(state, site, muted=False, hand_at=None, skipped=False)
        case e.TurnEnded(turn=number):
            state = _ending(state, number, at)
            return _release(state, number, at, status="ended", ended_at=at)
        case e.HandoverReverted():
            return _undone(state, event)
        case e.TurnSuspended(turn=number, site=site):
            state = _release(state, number, at, status="suspended", ended_at=at)
            return replace(state, queue=_without(state.queue, site))
        case e.TurnResumed(turn=number, site=site):
            turn_was = state.turn(number)
            if turn_was is None:
                return state
            away = at - turn_was.ended_at if turn_was.ended_at is not None else 0
            state = _with_turn(
                _called(state, site, number, at),
                number,
                status="speaking",
                ended_at=None,
                away_ms=turn_was.away_ms + away,
            )
            state = replace(state, holder_turn=number, queue=_without(state.queue, site))
            return _with_site(state, site, muted=False, hand_at=None)
        case e.HolderLost(turn=number, grace_until=grace_until):
            turn_was = state.turn(number)
            drops = 1 if turn_was is None else turn_was.drops + 1
            return _with_turn(
                state, number, status="lost", lost_at=at, grace_until=grace_until, drops=drops
            )
        case e.HolderReturned(turn=number, gap_ms=gap_ms):
            turn_was = state.turn(number)
            away = gap_ms if turn_was is None else turn_was.away_ms + gap_ms
            return _with_turn(
                state, number, status="speaking", lost_at=None, grace_until=None, away_ms=away
            )
        case e.TurnExtended(turn=number, seconds=seconds):
            turn_was = state.turn(number)
            if turn_was is None:
                return state
            allowance_s = turn_was.allowance_s + seconds
            left_ms = allowance_s * 1000 - turn_was.spoken_until(at)
            return _with_turn(
                state,
                number,
                allowance_s=allowance_s,
                warned=left_ms <= state.plan.bell_s * 1000,
                overran=False,
                closed_by_time=False,
            )
        case e.TurnWarned(turn=number):
            return _with_turn(state, number, warned=True)
        case e.TurnOverran(turn=number):
            closes = state.overrun == "close"
            return _with_turn(state, number, warned=True, overran=True, closed_by_time=closes)
        case e.BudgetSet(budget_s=budget_s):
            return replace(state, budget_s=budget_s)
        case e.OverrunSet(overrun=overrun):
            return replace(state, overrun=overrun)
        case e.SiteMuted(site=site):
            return _with_site(state, site, muted=True)
        case e.SiteUnmuted(site=site):
            return _with_site(state, site, muted=False)
        case e.AllMuted():
            for site in state.sites:
                if site != state.chair and not state.sites[site].muted:
                    state = _with_site(state, site, muted=True)
            return state
        case e.SitePromoted(site=site):
            return _with_site(state, site, panel=True, muted=False, hand_at=None)
        case e.SiteDemoted(site=site):
            muted = state.holder != site or (site in state.sites and state.sites[site].muted)
            return _with_site(state, site, panel=False, muted=muted)
        case e.VoiceSet(site=site, voice=voice):
            return _with_site(state, site, voice=voice)
        case e.MediaSet(site=site, media=media):
            return _with_site(state, site, media=media)
        case e.HandRaised(site=site):
            return _with_site(state, site, hand_at=at)
        case e.HandLowered(site=site):
            return _with_site(state, site, hand_at=None)
        case e.QueueMoved(queue=queue):
            return replace(state, queue=tuple(s for s in queue if s in state.sites))
        case e.SiteSkipped(site=site):
            state = replace(state, queue=_without(state.queue, site))
            return _with_site(state, site, skipped=True, hand_at=None)
        case e.ReportDrafted(site=site, text=text):
            return _with_site(state, site, draft=text)
        case e.ReportLogged(report=report, site=site, text=text, tags=tags, turn=number_or_none):
            logged = Report(report, site, number_or_none, at, (Wording(text, tags, at),))
            state = replace(state, reports=(*state.reports, logged))
            return _with_site(_without_draft(state, card_key(site)), site, draft="")
        case e.ReportAmended(report=report, text=text, tags=tags):
            reports = tuple(
                replace(r, wordings=(*r.wordings, Wording(text, tags, at))) if r.id == report else r
                for r in state.reports
            )
            return replace(state, reports=reports)
        case e.FollowUpAdded(follow_up=ident, text=text, owner=owner, due=due, site=about):
            added = FollowUp(ident, text, owner, due, about, at)
            return replace(state, follow_ups=(*state.follow_ups, added))
        case e.FollowUpsCarried(follow_ups=left, more=more):
            known = {one.id: one for one in state.carried}
            carried = tuple(replace(known.get(one.id, Carried(one)), entry=one) for one in left)
            # One that was closed in this meeting is not left any more, but belongs to it.
            ids = {one.id for one in left}
            done = tuple(c for c in state.carried if c.closed_at is not None and c.id not in ids)
            return replace(state, carried=(*done, *carried), carried_more=more)
        case e.FollowUpClosed(follow_up=ident, how=how):
            return _with_follow_up(state, ident, at, how)
        case e.FollowUpReopened(follow_up=ident):
            return _with_follow_up(state, ident, None)
        case e.DraftSaved(key=key, fields=fields):
            if (about := site_of_card(key)) is not None:
                state = _with_site(state, about, draft=fields.get("text", ""))
            drafts = {k: v for k, v in state.drafts.items() if k != key}
            return replace(state, drafts={**drafts, key: fields} if fields else drafts)
        case e.NoteAdded(note=ident, kind=kind, text=text, site=about):
            return replace(state, notes=(*state.notes, Note(ident, kind, text, about, at)))
        case e.BannerSet(text=text):
            return replace(state, banner=text)
        case e.MinutesSubmitted(by=by):
            return _with_minutes(
                state, status="submitted", by=by, at=at, reason="", submitted_seq=seq
            )
        case e.MinutesApproved(by=by):
            return _with_minutes(state, status="approved", by=by, at=at, approved_seq=seq)
        case e.MinutesReturned(reason=reason, by=by):
            return _with_minutes(
                state, status="returned", by=by, at=at, reason=reason, submitted_seq=0
            )
        case e.MinutesCorrected(part=part, was=before, text=text, reason=reason, by=by):
            added_to = state.minutes.corrections
            one = Correction(event.correction, part, before, text, reason, by, at)
            return _with_minutes(state, corrections=(*added_to, one))
        case e.RecordingStarted() | e.RecordingResumed():
            stretches = (*_ended(state.recorded, at), Stretch(at))
            return replace(state, recording="on", recorded=stretches, disk_low=False)
        case e.RecordingPaused():
            return replace(state, recording="paused", recorded=_ended(state.recorded, at))
        case e.RecordingStopped():
            return replace(state, recording="off", recorded=_ended(state.recorded, at))
        case e.RecordingWarned():
            return replace(state, disk_low=True)
        case e.RecordingFinished():
            return replace(state, film=event)
        case e.LinksMeasured():
            return state
        case e.LineCheckStarted(check=ident, sites=asked, until=until, gentle=gentle):
            asked = tuple(s for s in asked if s in state.sites)
            return replace(state, check=LineCheck(ident, at, until, asked, asked, gentle))
        case e.LineChecked(site=site, verdict=verdict, faults=faults, figures=figures):
            return _with_line(state, site, CheckedLine(at, verdict, faults, figures))
        case e.LineCheckEnded():
            return replace(state, check=None)


def replay(recorded: list[Recorded], start: Meeting | None = None) -> Meeting:
    """Fold the events over the empty state."""
    state = Meeting() if start is None else start
    for one in recorded:
        state = apply(state, one)
    return state


# -- small changes ------------------------------------------------------------------------------


def _with_site(state: Meeting, site: str, **changes: object) -> Meeting:
    if site not in state.sites:
        return state
    sites = dict(state.sites)
    sites[site] = msgspec.structs.replace(sites[site], **changes)
    return msgspec.structs.replace(state, sites=sites)


def _with_line(state: Meeting, site: str, line: CheckedLine) -> Meeting:
    """A site was checked: it is not waited for any more."""
    if site not in state.sites:
        return state
    check = state.check
    if check is not None:
        waiting = tuple(s for s in check.waiting if s != site)
        check = msgspec.structs.replace(check, waiting=waiting)
    return msgspec.structs.replace(state, check=check, lines={**state.lines, site: line})


def _with_minutes(state: Meeting, **changes: object) -> Meeting:
    changed = msgspec.structs.replace(state.minutes, **changes)
    return msgspec.structs.replace(state, minutes=changed)


def _without_draft(state: Meeting, key: str) -> Meeting:
    if key not in state.drafts:
        return state
    drafts = {k: v for k, v in state.drafts.items() if k != key}
    return msgspec.structs.replace(state, drafts=drafts)


def _with_follow_up(state: Meeting, ident: str, closed_at: int | None, how: str = "") -> Meeting:
    """A follow-up of this meeting, or one carried into it, done or open; an unknown one: nothing.
    When one was done is not changed by who says afterwards how."""

    def changed(one: Any) -> Any:
        if one.id != ident:
            return one
        at = closed_at if closed_at is None or one.closed_at is None else one.closed_at
        return msgspec.structs.replace(one, closed_at=at, how=how)

    return msgspec.structs.replace(
        state,
        follow_ups=tuple(changed(one) for one in state.follow_ups),
        carried=tuple(changed(one) for one in state.carried),
    )


def _with_turn(state: Meeting, number: int, **changes: object) -> Meeting:
    turn = state.turn(number)
    if turn is None:
        return state
    turns = list(state.turns)
    turns[number - 1] = msgspec.structs.replace(turn, **changes)
    return msgspec.structs.replace(state, turns=tuple(turns))


def _clock(state: Meeting, at: int) -> Meeting:
    """Open or close the speaking interval of every turn so that it equals `is_live`.

    A turn's clock runs while it holds the floor, its site is connected and its microphone open:
    muting, dropping and leaving close the interval.
    """
    for turn in state.turns:
        runs = (
            turn.number == state.holder_turn
            and turn.status == "speaking"
            and state.is_live(turn.site)
            and state.sites[turn.site].online
        )
        if runs and turn.live_since is None:
            state = _with_turn(state, turn.number, live_since=at)
        elif not runs and turn.live_since is not None:
            state = _with_turn(state, turn.number, live_since=None, spoken_ms=turn.spoken_until(at))
    return state


def _without(queue: tuple[str, ...], site: str) -> tuple[str, ...]:
    return tuple(s for s in queue if s != site)


def _release(state: Meeting, number: int, at: int, **changes: object) -> Meeting:
    """The turn no longer has the floor; its site is audience again unless it sits on the panel.

    A panelist whose link is down comes back closed.
    """
    turn = state.turn(number)
    if turn is None:
        return state
    away_ms = turn.away_ms + (at - turn.lost_at if turn.lost_at is not None else 0)
    changes = {"away_ms": away_ms, "lost_at": None, "grace_until": None, **changes}
    state = _with_turn(state, number, **changes)
    if state.holder_turn == number:
        state = msgspec.structs.replace(state, holder_turn=None)
    site = state.sites.get(turn.site)
    if site is not None and not (site.panel and site.online):
        state = _with_site(state, turn.site, muted=True)
    return state


def _ended(recorded: tuple[Stretch, ...], at: int) -> tuple[Stretch, ...]:
    """The last stretch ends, if it goes on."""
    if not recorded or recorded[-1].ended_at is not None:
        return recorded
    return (*recorded[:-1], msgspec.structs.replace(recorded[-1], ended_at=at))


def _ending(state: Meeting, number: int, at: int) -> Meeting:
    """Remember the turn that ends now, so that the ending can be taken back."""
    turn = state.turn(number)
    if turn is None or state.holder_turn != number:
        return state
    site = state.sites.get(turn.site)
    return msgspec.structs.replace(
        state, handover=Handover(at=at, ended=turn, was_muted=site is not None and site.muted)
    )


def _called(state: Meeting, site: str, number: int, at: int) -> Meeting:
    """Remember the call of `site`, which may have ended a turn at this very time."""
    last = state.handover
    if last is None or last.at != at or last.granted is not None:
        last = Handover(at=at)
    return msgspec.structs.replace(
        state,
        handover=msgspec.structs.replace(
            last,
            granted=number,
            resumed=state.turn(number),
            called=state.sites.get(site),
            place=state.queue.index(site) if site in state.queue else None,
        ),
    )


def _undone(state: Meeting, event: e.HandoverReverted) -> Meeting:
    """The last call or ending never was; the time since then is nobody's speaking time."""
    last, queue = state.handover, tuple(s for s in event.queue if s in state.sites)
    state = msgspec.structs.replace(state, queue=queue, handover=None)
    if event.turn is not None and state.turn(event.turn) is not None:
        state = _withdrawn(state, event.turn, last)
    back = None if event.back_turn is None else state.turn(event.back_turn)
    if back is None or event.back_to not in state.sites:
        return state
    state = _with_turn(state, back.number, status="speaking", ended_at=None)
    was_muted = last is not None and last.was_muted
    state = _with_site(state, back.site, muted=was_muted, hand_at=None)
    return msgspec.structs.replace(state, holder_turn=back.number)


def _withdrawn(state: Meeting, number: int, last: Handover | None) -> Meeting:
    """The turn that was called is taken out again; a resumed one is suspended as it was."""
    turn = state.turns[number - 1]
    resumed = None if last is None else last.resumed
    if resumed is not None and resumed.number == number:
        turns = (*state.turns[: number - 1], resumed, *state.turns[number:])
    elif number == len(state.turns):
        turns = state.turns[:-1]
    else:
        turns = state.turns
    state = msgspec.structs.replace(state, turns=turns)
    if state.holder_turn == number:
        state = msgspec.structs.replace(state, holder_turn=None)
    before = None if last is None else last.called
    site = state.sites.get(turn.site)
    if site is None:
        return state
    speaks_on = site.panel and site.online and (before is None or not before.muted)
    return _with_site(
        state,
        turn.site,
        muted=not speaks_on,
        hand_at=None if before is None else before.hand_at,
        skipped=before is not None and before.skipped,
    )
