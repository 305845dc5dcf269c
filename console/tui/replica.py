"""The console's copy of the meeting: what arrived, folded; what was asked, until it is answered.

Rules of this file:
- No Textual, no clock, no I/O: the local time comes in as an argument (ms of UTC), values go out.
- The meeting is the same fold of the same events as in the server; nothing is guessed ahead of
  it, except that a microphone one asked to close or open shows *muting…* or *opening…* at once;
  what is not confirmed after a second says for how long.
- A microphone is shown muted only when the site's agent says so and the relay gets nothing from
  it; sound from a site that is to be silent is an alarm once the switch had time to happen.
- A camera is shown as the site's agent says its picture goes out; what differs from what is to go
  out is told with its age, too.
- *Connected* means that media runs both ways, not that some socket is open.
- A command is kept until it is acknowledged or refused and is sent again, with its id, after the
  server was away.

All times shown are the server's: `server_now` adds the offset of its Welcome.
"""

from collections import deque
from datetime import UTC, datetime, timedelta

import msgspec

from console.meeting import state as st
from console.meeting.budget import planned_end, projected_end
from console.meeting.floor import undo_until
from console.meeting.fold import apply
from console.meeting.layout import cameras
from console.meeting.state import Meeting
from console.tui.history import history, is_told
from console.tui.views import (
    SILENT,
    CameraShown,
    Denied,
    FloorView,
    Happened,
    LinkShown,
    LogLine,
    MicrophoneShown,
    Place,
    RecordingShown,
    Remarked,
    ReportShown,
    RosterRow,
    Stepped,
    TaskShown,
    TopView,
)
from protocol import commands as c
from protocol import events as e
from protocol import messages as m
from protocol.binary import Preview

PREVIEW_MS = 15_000
"""An older small picture says nothing of what is there now."""
SETTLE_MS = 1500
"""A microphone switch is carried out well within this; after it, a difference is an alarm."""
BEHIND_MS = 1000
"""From here on a difference between what is wanted and what is so is told with its age."""
LOG_LINES = 1000


class Replica:
    """Feed it what the link receives; ask it what the screen shows."""

    def __init__(self) -> None:
        self.meeting = Meeting()
        self.status: dict[str, m.SiteStatus] = {}
        self.lines: deque[LogLine] = deque(maxlen=LOG_LINES)
        self.pending: dict[str, m.Command] = {}
        self.previews: dict[str, tuple[int, bytes]] = {}
        self.link_up = False
        self.reason = ""
        self.retry_at = 0
        self.relay_up = True
        self.relay: m.RelayReading | None = None
        self.server = m.ProcessReading()
        self.consoles = 1
        self.recorder = m.RecordingReading()
        self.out_of_step = False
        self._offset_ms = 0
        self._issued_at: dict[str, int] = {}
        self._switched_at: dict[str, int] = {}
        self._desired: dict[str, bool] = {}
        self._cameras: dict[str, m.Camera] = {}
        self._differs_at: dict[str, int] = {}

    # -- what comes in --------------------------------------------------------------------------

    @property
    def resume(self) -> int:
        """The seq for the next Hello: 0 asks for a snapshot."""
        return 0 if self.out_of_step else self.meeting.seq

    def connected(self, welcome: m.Welcome, now: int) -> list[m.Command]:
        """The server said Welcome. Returns the commands to send again."""
        self.link_up = True
        self.reason = ""
        self._offset_ms = welcome.time - now
        if welcome.has_snapshot:
            snapshot = st.decode(welcome.snapshot)
            if snapshot.id != self.meeting.id or not self.lines:
                self.lines.clear()
                self.lines.extend(history(snapshot))
            self.meeting = snapshot
            self.out_of_step = False
        for ident in [i for i in self.pending if i in self.meeting.commands]:
            del self.pending[ident]
        self._note_switches(self.server_now(now))
        return list(self.pending.values())

    def disconnected(self, reason: str, retry_in_s: float, now: int) -> None:
        """The link is down; everything known stays as it was."""
        self.link_up = False
        self.reason = reason
        self.retry_at = now + round(retry_in_s * 1000)

    def issue(self, ident: str, body: c.ModeratorCommand, now: int) -> m.Command:
        """Remember a command, given at our `now`, until it is answered. A newer draft replaces an
        unanswered older."""
        if isinstance(body, c.DraftReport | c.SaveDraft) and not self.link_up:
            for other, command in list(self.pending.items()):
                if _is_draft_of(command.body, body):
                    del self.pending[other]
        command = m.Command(ident, body)
        self.pending[ident] = command
        self._issued_at[ident] = now
        return command

    def acknowledged(self, ack: m.Ack) -> m.Command | None:
        """The server carried out a command of ours."""
        self._issued_at.pop(ack.id, None)
        return self.pending.pop(ack.id, None)

    def refused(self, refused: m.Refused, now: int) -> m.Command | None:
        """The server will not do it; the reason is in the log."""
        command = self.pending.pop(refused.id, None)
        self._issued_at.pop(refused.id, None)
        body = None if command is None else command.body
        self.lines.append(Denied(self.server_now(now), refused, body))
        return command

    def occurred(self, recorded: e.Recorded) -> bool:
        """An event happened. False when it is known already or does not fit (`out_of_step`)."""
        convened = isinstance(recorded.event, e.MeetingConvened)
        if recorded.seq <= self.meeting.seq and recorded.meeting == self.meeting.id:
            return False
        if recorded.seq != self.meeting.seq + 1 and not convened:
            self.out_of_step = True
            return False
        self.meeting = apply(self.meeting, recorded)
        if convened:
            self.lines.clear()
        if recorded.meeting == self.meeting.id and is_told(recorded.event):
            self.lines.append(Happened(recorded.at, recorded.event))
        self._note_switches(recorded.at)
        return True

    def measured(self, telemetry: m.Telemetry) -> set[str]:
        """Telemetry came; returns the sites whose status changed."""
        before = self.status
        self.status = dict(telemetry.sites) if telemetry.whole else {**before, **telemetry.sites}
        self.relay_up = telemetry.relay_up
        self.relay, self.server = telemetry.relay, telemetry.process
        self.consoles = telemetry.consoles
        relay = telemetry.relay
        self.recorder = m.RecordingReading() if relay is None else relay.recording
        names = self.status.keys() | before.keys() if telemetry.whole else telemetry.sites.keys()
        changed = {s for s in names if self.status.get(s) != before.get(s)}
        for site in sorted(changed):
            self._note_step(site, before.get(site, _NO_STATUS), telemetry.at)
            self._note_camera(site, telemetry.at)
        return changed

    def _note_step(self, site: str, before: m.SiteStatus, at: int) -> None:
        """The relay sends it other pictures than before: a line of the log."""
        link, was = self._status(site).link, before.link
        if link is None or was is None or link.picture == was.picture:
            return
        if link.downlink == was.downlink == "up" and site in self.meeting.sites:
            self.lines.append(Stepped(at, site, link.picture))

    def saw(self, preview: Preview, now: int) -> None:
        """A small picture of a site came."""
        if preview.site in self.meeting.sites:
            self.previews[preview.site] = (now, preview.jpeg)

    def preview(self, site: str, now: int) -> bytes:
        """The small picture of a site (JPEG); empty when there is none that is still true."""
        at, jpeg = self.previews.get(site, (0, b""))
        return jpeg if self.link_up and now - at < PREVIEW_MS else b""

    def remark(self, text: str, now: int, *, good: bool = True) -> None:
        """Add a line of the console's own to the log."""
        self.lines.append(Remarked(self.server_now(now), text, good))

    def _note_switches(self, at: int) -> None:
        for site in self.meeting.sites:
            live = self.meeting.is_live(site)
            if self._desired.get(site) != live:
                self._desired[site] = live
                self._switched_at[site] = at
        self._cameras = cameras(self.meeting)
        for site in self.meeting.sites:
            self._note_camera(site, at)

    def _note_camera(self, site: str, at: int) -> None:
        """Remember since when a camera has not been as it is to be."""
        actual = self._status(site).actual
        if actual is None or actual.camera == self._cameras.get(site, "off"):
            self._differs_at.pop(site, None)
        elif self.camera_of(site) in ("opening", "closing", "thin", "blind"):
            self._differs_at.setdefault(site, at)
        else:
            self._differs_at.pop(site, None)

    # -- what the screen asks -------------------------------------------------------------------

    @property
    def sites(self) -> tuple[str, ...]:
        """All sites in the order of the roster (a snapshot does not keep it)."""
        return tuple(entry.id for entry in self.meeting.plan.sites)

    def server_now(self, now: int) -> int:
        """The server's clock at our `now`."""
        return now + self._offset_ms

    def rows(self, now: int) -> tuple[RosterRow, ...]:
        """Every site, always, in the order of the roster."""
        return tuple(self.row(site, now) for site in self.sites)

    def row(self, site: str, now: int) -> RosterRow:
        """What the roster shows of one site at our `now`."""
        state = self.meeting
        one = state.sites[site]
        reading = self._status(site).reading
        link = self._status(site).link
        level = SILENT if reading is None or not self.link_up else reading.own_level
        return RosterRow(
            site=site,
            name=one.entry.name,
            title=one.entry.title,
            place=self._place(site),
            queue=state.queue.index(site) + 1 if site in state.queue else None,
            attendance=one.attendance,
            note=one.attendance_note,
            link=self.link_of(site),
            grace_s=self._grace_s(site, now) or 0,
            microphone=self.microphone_of(site, now),
            level=level,
            hand=self._hand(site),
            report=self._report(site),
            spoken_s=self._spoken_ms(site, now) // 1000,
            rtt_ms=None if link is None or link.uplink != "up" else link.rtt_ms,
            loss_percent=None if link is None or link.uplink != "up" else link.up_loss_percent,
            clarity=_clarity(reading) if self.link_up else 0.0,
            voice=one.voice,
            media=one.media,
            behind_s=self._behind_s(site, now),
            ready=self._is_ready(site),
            picture="high" if link is None or link.downlink != "up" else link.picture,
            camera=self.camera_of(site),
            camera_s=self._camera_s(site, now),
        )

    def microphone_of(self, site: str, now: int) -> MicrophoneShown:
        """Desired and actual state of the microphone in one word."""
        desired = self._desired_live(site)
        status = self._status(site)
        if not self.meeting.sites[site].online and not status.connected:
            return "away"
        if status.actual is None:
            return "opening" if desired and self.meeting.sites[site].online else "unknown"
        settled = self.link_up and (
            self.server_now(now) - self._switched_at.get(site, 0) >= SETTLE_MS
        )
        sends = status.link is not None and status.link.closed_packets > 0
        actual_live = status.actual.microphone == "live"
        if not desired:
            if actual_live or sends:
                return "alarm" if settled and not self._is_asked(site) else "muting"
            return "muted"
        if not actual_live:
            return "opening"
        if settled and status.link is not None and _is_dumb(status.link):
            return "no-sound"
        return "live"

    def _behind_s(self, site: str, now: int) -> int:
        """How long the microphone has not been as it is to be, whole seconds."""
        if self.microphone_of(site, now) not in ("muting", "opening"):
            return 0
        asked = [
            self._issued_at.get(ident, now)
            for ident, command in self.pending.items()
            if getattr(command.body, "site", site) == site
            and isinstance(command.body, c.Mute | c.Unmute | c.MuteAll)
        ]
        since = min([now - at for at in asked], default=None)
        if since is None:
            since = self.server_now(now) - self._switched_at.get(site, self.server_now(now))
        return max(0, since // 1000) if since >= BEHIND_MS else 0

    def camera_of(self, site: str) -> CameraShown:
        """What goes out of a camera, or how that differs from what is to go out."""
        actual, desired = self._status(site).actual, self._cameras.get(site, "off")
        if actual is None or site not in self.meeting.sites:
            return "away"
        if actual.camera == desired == "off":
            return "off"
        if self.link_of(site) != "connected":
            return "away"
        if actual.camera == desired:
            return desired
        if _SENDS[actual.camera] > _SENDS[desired]:
            return "closing"
        return _LACKS.get(actual.lack, "opening")

    def _camera_s(self, site: str, now: int) -> int:
        """How long a camera has not been as it is to be, whole seconds."""
        at = self._differs_at.get(site)
        ms = 0 if at is None or not self.link_up else self.server_now(now) - at
        return ms // 1000 if ms >= BEHIND_MS else 0

    def _level(self, site: str | None) -> int | None:
        reading = None if site is None else self._status(site).reading
        return None if reading is None or not self.link_up else reading.own_level

    def _is_ready(self, site: str) -> bool:
        actual = self._status(site).actual
        return actual is not None and actual.cue == "on-deck" and self.meeting.next_site() == site

    def link_of(self, site: str) -> LinkShown:
        """How the site is connected; `grace` is a holder that dropped and keeps its turn."""
        turn = self.meeting.floor
        if turn is not None and turn.site == site and turn.status == "lost":
            return "grace"
        status = self._status(site)
        if not (status.connected or self.meeting.sites[site].online):
            return "offline"
        link, actual = status.link, status.actual
        ends = [end for end in (link, actual) if end is not None]
        # Both ends say `up` only while something comes over that connection.
        up = len(ends) == 2 and all(end.uplink == end.downlink == "up" for end in ends)
        return "connected" if status.connected and up else "connecting"

    def floor(self, now: int) -> FloorView:
        """What the floor panel shows at our `now`."""
        state = self.meeting
        upcoming = state.next_site()
        view = FloorView(
            phase=state.phase,
            next_up="" if upcoming is None else self.name(upcoming),
            waiting=tuple(self.name(s) for s in state.queue if s != upcoming and s != state.holder),
            panel=tuple(
                (self.name(s), self.microphone_of(s, now)) for s in self.sites if s in state.panel
            ),
            hands=tuple(self.name(s) for s in self._hands()),
            spoke=sum(state.has_spoken(s) for s in st.speaking_order(state.plan)),
            reported=sum(state.has_reported(s) for s in st.speaking_order(state.plan)),
            callable_sites=len(st.speaking_order(state.plan)),
            connected=sum(self.link_of(s) == "connected" for s in state.sites),
            present=sum(one.attendance in st.HERE for one in state.sites.values()),
            missing=tuple(self.name(s) for s in state.reports_missing() if s != state.holder),
            next_level=self._level(upcoming),
            next_ready=upcoming is not None and self._is_ready(upcoming),
            overrun=state.overrun,
            marked=tuple(st.marked(state).items()),
        )
        view = self._with_undo(view, now)
        turn = state.floor
        if turn is None:
            return view
        spoken_ms = turn.spoken_until(self.server_now(now))
        left_ms = turn.allowance_s * 1000 - spoken_ms
        return msgspec.structs.replace(
            view,
            site=turn.site,
            title=state.sites[turn.site].entry.title,
            name=self.name(turn.site),
            turn=turn.number,
            spoken_s=spoken_ms // 1000,
            allowance_s=turn.allowance_s,
            left_s=-(-left_ms // 1000),
            paused=turn.live_since is None,
            is_low=turn.warned,
            grace_s=self._grace_s(turn.site, now),
            row=self.row(turn.site, now),
        )

    def _with_undo(self, view: FloorView, now: int) -> FloorView:
        until, last = undo_until(self.meeting), self.meeting.handover
        left_ms = 0 if until is None else until - self.server_now(now)
        if left_ms <= 0 or last is None:
            return view
        undone = "" if last.called is None else last.called.entry.name
        return msgspec.structs.replace(view, undo_s=-(-left_ms // 1000), undone=undone)

    def _unanswered(self, now: int) -> tuple[int, int]:
        """How many commands the server has had for more than a second, and the oldest one's age."""
        ages = [now - self._issued_at.get(ident, now) for ident in self.pending]
        late = [age for age in ages if age >= BEHIND_MS] if self.link_up else []
        return len(late), max(late, default=0) // 1000

    def top(self, now: int) -> TopView:
        """What the top bar shows at our `now`."""
        state = self.meeting
        server_now = self.server_now(now)
        elapsed_s = None
        if state.opened_at is not None:
            end = server_now if state.closed_at is None else state.closed_at
            elapsed_s = max(0, end - state.opened_at) // 1000
        ends_at = projected_end(state, server_now)
        unanswered, waited_s = self._unanswered(now)
        return TopView(
            title=state.plan.title,
            phase=state.phase,
            now=server_now // 1000 * 1000,
            offset_minutes=state.plan.utc_offset_minutes,
            zone=state.plan.time_zone,
            elapsed_s=elapsed_s,
            budget_s=state.budget_s,
            banner=state.banner,
            link_up=self.link_up,
            reason=self.reason,
            retry_s=max(0, -(-(self.retry_at - now) // 1000)),
            relay_up=self.relay_up,
            unsent=len(self.unsent()),
            alarms=tuple(
                self.name(s) for s in state.sites if self.microphone_of(s, now) == "alarm"
            ),
            recording=self._recording(),
            recorded_s=sum(
                (server_now if one.ended_at is None else one.ended_at) - one.began_at
                for one in state.recorded
            )
            // 1000,
            free_mb=self.recorder.free_mb if state.disk_low else None,
            ends_at=None if ends_at is None else -(-ends_at // 60_000) * 60_000,
            is_late=ends_at is not None and ends_at > (planned_end(state) or 0),
            unanswered=unanswered,
            waited_s=waited_s,
        )

    def _recording(self) -> RecordingShown:
        """Recording is shown as such when the relay says that it writes."""
        if self.meeting.recording != "on":
            return self.meeting.recording
        writes = self.recorder.state == "on" and self.recorder.meeting == self.meeting.id
        return "on" if writes and self.link_up else "starting"

    def name(self, site: str | None) -> str:
        """The name of a site; the id itself when there is none such."""
        one = self.meeting.sites.get(site or "")
        return (site or "") if one is None else one.entry.name

    def unsent(self) -> list[m.Command]:
        """Commands the server did not answer yet, drafts left out."""
        return [p for p in self.pending.values() if not isinstance(p.body, DRAFTS)]

    def report_of(self, site: str) -> st.Report | None:
        """The latest report of a site."""
        return next((r for r in reversed(self.meeting.reports) if r.site == site), None)

    def follow_up_text(self, ident: str) -> str:
        """What is to be done, by the follow-up's id; the id itself when there is none such."""
        for one in self.meeting.follow_ups:
            if one.id == ident:
                return one.text
        return next((o.entry.text for o in self.meeting.carried if o.id == ident), ident)

    def follow_up_done(self, ident: str) -> bool | None:
        """Whether a follow-up that this meeting knows is done; None for others."""
        every: list[st.FollowUp | st.Carried] = [*self.meeting.follow_ups, *self.meeting.carried]
        return next((one.closed_at is not None for one in every if one.id == ident), None)

    def tasks_of(self, site: str) -> tuple[TaskShown, ...]:
        """Follow-ups that concern a site: of this meeting and carried into it, noted on the site
        or owned by its officer; open ones first, those due first."""
        state, found = self.meeting, []
        entry = state.sites[site].entry
        names = {name.casefold() for name in (entry.title, entry.officer, entry.name) if name}
        zone = timedelta(minutes=state.plan.utc_offset_minutes)
        for one in state.carried:
            carried = one.entry
            if carried.site == site or carried.owner.casefold() in names:
                noted = datetime.fromtimestamp(carried.at / 1000, UTC) + zone
                origin = noted.date().isoformat()
                done = one.closed_at is not None
                found.append(
                    TaskShown(
                        one.id,
                        carried.text,
                        carried.owner,
                        carried.due,
                        done,
                        origin,
                        how=one.how,
                    )
                )
        for own in state.follow_ups:
            if own.site == site or own.owner.casefold() in names:
                done = own.closed_at is not None
                found.append(TaskShown(own.id, own.text, own.owner, own.due, done, how=own.how))
        return tuple(sorted(found, key=lambda one: (one.done, not one.due, one.due)))

    def last_speaker(self) -> str | None:
        """Who had the floor last, or has it."""
        return self.meeting.turns[-1].site if self.meeting.turns else None

    # -- parts of the answers -------------------------------------------------------------------

    def _status(self, site: str) -> m.SiteStatus:
        return self.status.get(site, _NO_STATUS)

    def _place(self, site: str) -> Place:
        state = self.meeting
        turn = state.floor
        if site == state.chair:
            return "chair"
        if turn is not None and turn.site == site:
            return "lost" if turn.status == "lost" else "floor"
        if state.sites[site].panel:
            return "panel"
        if site in state.queue:
            return "queue"
        if state.suspended_turn(site) is not None:
            return "suspended"
        return "spoken" if state.has_spoken(site) else "audience"

    def _asked(self, site: str) -> bool | None:
        """The microphone as the last unanswered command wants it; None when none does."""
        asked = None
        for command in self.pending.values():
            match command.body:
                case c.Mute(site=wanted) if wanted == site:
                    asked = False
                case c.Unmute(site=wanted) if wanted == site:
                    asked = True
                case c.MuteAll() if site != self.meeting.chair:
                    asked = False
        return asked

    def _is_asked(self, site: str) -> bool:
        return self._asked(site) is not None

    def _desired_live(self, site: str) -> bool:
        live = self.meeting.is_live(site)
        asked = self._asked(site)
        if asked is None:
            return live
        return asked and (live or self._may_speak(site))

    def _may_speak(self, site: str) -> bool:
        return self.meeting.holder == site or self.meeting.sites[site].panel

    def _grace_s(self, site: str, now: int) -> int | None:
        turn = self.meeting.floor
        if turn is None or turn.site != site or turn.grace_until is None:
            return None
        return max(0, -(-(turn.grace_until - self.server_now(now)) // 1000))

    def _hands(self) -> list[str]:
        """Raised hands in the server's order: by time, then by roster."""
        raised = [s for s in self.meeting.sites.values() if s.hand_at is not None]
        return [s.id for s in sorted(raised, key=lambda s: s.hand_at or 0)]

    def _hand(self, site: str) -> int | None:
        if self.meeting.sites[site].hand_at is None:
            return None
        return self._hands().index(site) + 1

    def _report(self, site: str) -> ReportShown:
        if self.meeting.sites[site].draft or st.card_key(site) in self.meeting.drafts:
            return "draft"
        if self.meeting.has_reported(site):
            return "done"
        missing = site != self.meeting.chair and self.meeting.has_spoken(site)
        return "missing" if missing and self.meeting.holder != site else "none"

    def _spoken_ms(self, site: str, now: int) -> int:
        at = self.server_now(now)
        return sum(t.spoken_until(at) for t in self.meeting.turns if t.site == site)


_NO_STATUS = m.SiteStatus()
_SENDS: dict[m.Camera, int] = {"off": 0, "low": 1, "live": 2}
_LACKS: dict[m.Lack, CameraShown] = {"link": "thin", "picture": "blind"}
DRAFTS = (c.DraftReport, c.SaveDraft)


def _is_draft_of(older: c.ModeratorCommand, newer: c.DraftReport | c.SaveDraft) -> bool:
    """True when a draft of the same text is out of date by the newer one."""
    match older, newer:
        case c.DraftReport(site=site), c.DraftReport(site=same):
            return site == same
        case c.SaveDraft(key=key), c.SaveDraft(key=same):
            return key == same
    return False


def _clarity(reading: m.SiteReading | None) -> float:
    """What the site hears, MOS; 0 when it hears nothing or says what no MOS can be."""
    return round(reading.mos, 1) if reading is not None and 1 <= reading.mos <= 5 else 0.0


def _is_dumb(link: m.LinkReading) -> bool:
    """The relay got nothing from this site in the last interval."""
    return link.uplink == "up" and link.up_packets == 0 and link.up_kbps == 0
