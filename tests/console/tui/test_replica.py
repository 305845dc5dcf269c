"""The console's copy of the meeting: what came in, then what the screen is told."""

import msgspec
import pytest

from console.meeting import state as st
from console.tui.replica import SETTLE_MS, Replica
from console.tui.stage import Stage, StageLink
from console.tui.views import Denied, Happened, Stepped
from protocol import VERSION
from protocol import commands as c
from protocol import events as e
from protocol import messages as m
from protocol.link import Incoming, LinkDown, LinkUp
from tests.console.tui.seat import siak_plan


class Room:
    """A replica connected to a stage."""

    def __init__(self, stage: Stage, offset_ms: int = 0) -> None:
        self.stage = stage
        self.replica = Replica()
        self.offset_ms = offset_ms
        self.resent: list[m.Command] = []
        self.link: StageLink = stage.link("", self._hello, self._receive)
        self.link.connect()

    @property
    def now(self) -> int:
        """The console's own clock, which may be wrong."""
        return self.stage.now - self.offset_ms

    def _hello(self) -> m.Hello:
        return m.Hello("moderator", VERSION, resume=self.replica.resume)

    def _receive(self, message: Incoming) -> None:
        match message:
            case LinkUp(welcome=welcome):
                self.resent = self.replica.connected(welcome, self.now)
            case LinkDown(reason=reason, retry_in_s=retry_in_s):
                self.replica.disconnected(reason, retry_in_s, self.now)
            case m.Occurred(recorded=recorded):
                self.replica.occurred(recorded)
            case m.Telemetry():
                self.replica.measured(message)
            case m.Ack():
                self.replica.acknowledged(message)
            case m.Refused():
                self.replica.refused(message, self.now)

    def row(self, site: str):  # type: ignore[no-untyped-def]
        return self.replica.row(site, self.now)

    def say(self, body: c.ModeratorCommand, ident: str) -> None:
        self.link.send(self.replica.issue(ident, body, self.now))


@pytest.fixture
def room(open_stage: Stage) -> Room:
    return Room(open_stage)


# -- the same meeting ------------------------------------------------------------------------------


def test_it_folds_to_the_servers_state(room: Room) -> None:
    room.stage.do(c.CallNext())
    room.stage.wait(200)
    room.stage.do(c.LogReport("siak", "aman #tol"))
    assert st.encode(room.replica.meeting) == st.encode(room.stage.state)


def test_rows_keep_the_rosters_order(room: Room) -> None:
    names = [row.name for row in room.replica.rows(room.now)]
    assert names == [entry.name for entry in room.stage.plan.sites]


def test_a_reconnect_brings_only_what_was_missed(room: Room) -> None:
    room.link.cut("gone")
    room.stage.do(c.CallNext())
    lines = len(room.replica.lines)
    room.link.connect()
    assert st.encode(room.replica.meeting) == st.encode(room.stage.state)
    assert len(room.replica.lines) == lines + 1


def test_an_event_known_already_changes_nothing(room: Room) -> None:
    before = room.replica.meeting
    assert not room.replica.occurred(room.stage.journal[-1])
    assert room.replica.meeting is before


def test_a_gap_asks_for_a_snapshot(room: Room) -> None:
    last = room.stage.journal[-1]
    assert not room.replica.occurred(msgspec.structs.replace(last, seq=last.seq + 2))
    assert room.replica.resume == 0
    room.link.connect()
    assert room.replica.resume == room.stage.state.seq


def test_a_new_meeting_begins_with_an_empty_log(room: Room) -> None:
    room.stage.do(c.CloseMeeting())
    room.stage.do(c.ConveneMeeting(siak_plan(2)))
    assert len(room.replica.sites) == 3
    assert [type(line.event) for line in room.replica.lines if isinstance(line, Happened)] == [
        e.MeetingConvened
    ]


def test_attaching_in_the_middle_tells_what_was(open_stage: Stage) -> None:
    open_stage.do(c.CallNext())
    open_stage.wait(60)
    open_stage.do(c.LogReport("siak", "aman"))
    open_stage.do(c.CallNext())
    lines = [line.event for line in Room(open_stage).replica.lines if isinstance(line, Happened)]
    assert [type(event) for event in lines] == [
        e.MeetingConvened,
        e.MeetingOpened,
        e.FloorGranted,
        e.TurnEnded,
        e.FloorGranted,
        e.ReportLogged,
    ]


# -- commands --------------------------------------------------------------------------------------


def test_an_acknowledged_command_is_no_longer_pending(room: Room) -> None:
    room.say(c.CallNext(), "one")
    assert room.replica.pending == {}
    assert room.stage.state.holder == "siak"


def test_an_unanswered_command_is_sent_again_with_its_id(room: Room) -> None:
    room.stage.answers = False
    room.say(c.LogReport("siak", "aman"), "one")
    room.link.cut("gone")
    room.link.connect()
    assert [command.id for command in room.resent] == ["one"]
    room.stage.answers = True
    for _ in range(2):  # the answer to the first may have been what was lost
        room.link.answer(room.resent[0])
    assert len(room.stage.state.reports) == 1
    assert room.replica.pending == {}


def test_a_snapshot_that_knows_the_command_answers_it(room: Room) -> None:
    room.stage.answers = False
    command = room.replica.issue("one", c.CallNext(), room.now)
    room.stage.do(command.body, "one")
    room.replica.out_of_step = True
    room.link.connect()
    assert room.resent == []


def test_while_the_server_is_away_only_the_last_draft_is_kept(room: Room) -> None:
    room.link.cut("gone")
    room.replica.issue("one", c.DraftReport("siak", "a"), room.now)
    room.replica.issue("two", c.DraftReport("siak", "ab"), room.now)
    room.replica.issue("three", c.DraftReport("minas", "x"), room.now)
    assert list(room.replica.pending) == ["two", "three"]


def test_a_refusal_is_in_the_log(room: Room) -> None:
    room.say(c.EndTurn(), "one")
    line = room.replica.lines[-1]
    assert isinstance(line, Denied) and line.refused.code == "no-turn"
    assert line.command == c.EndTurn()


# -- microphones -----------------------------------------------------------------------------------


def test_opening_until_the_agent_says_so(room: Room) -> None:
    room.stage.do(c.CallNext())
    assert room.row("siak").microphone == "opening"
    room.stage.settle()
    room.stage.publish()
    assert room.row("siak").microphone == "live"


def test_muting_at_the_key_then_muted_when_agent_and_relay_agree(room: Room) -> None:
    room.stage.do(c.CallNext())
    room.stage.settle()
    room.stage.publish()
    room.stage.answers = False
    room.say(c.Mute("siak"), "one")
    assert room.row("siak").microphone == "muting"
    room.link.answer(m.Command("one", c.Mute("siak")))
    assert room.row("siak").microphone == "muting"
    room.stage.settle()
    room.stage.measure("siak", closed_packets=3)
    room.stage.publish()
    assert room.row("siak").microphone == "muting"
    room.stage.measure("siak", closed_packets=0)
    room.stage.publish()
    assert room.row("siak").microphone == "muted"


def test_sound_from_a_closed_site_is_an_alarm(room: Room) -> None:
    room.stage.wait(2)
    room.stage.measure("minas", closed_packets=1)
    room.stage.publish("minas")
    assert room.row("minas").microphone == "alarm"
    assert room.replica.top(room.now).alarms == ("Minas",)


def test_a_microphone_that_stays_open_is_an_alarm(room: Room) -> None:
    room.stage.do(c.CallNext())
    room.stage.settle()
    room.stage.publish()
    room.stage.do(c.MuteAll())
    room.stage.wait(SETTLE_MS / 1000 - 0.1)
    assert room.row("siak").microphone == "muting"
    room.stage.wait(0.2)
    assert room.row("siak").microphone == "alarm"


def test_a_live_site_of_which_the_relay_gets_nothing(room: Room) -> None:
    room.stage.do(c.CallNext())
    room.stage.settle()
    room.stage.measure("siak", up_packets=0, up_kbps=0.0)
    room.stage.publish()
    room.stage.wait(5)
    assert room.row("siak").microphone == "no-sound"


def test_without_a_server_nothing_becomes_an_alarm(room: Room) -> None:
    room.stage.do(c.CallNext())
    room.stage.settle()
    room.stage.publish()
    room.stage.do(c.MuteAll())
    room.link.cut("gone")
    room.stage.wait(10)
    assert room.row("siak").microphone == "muting"


# -- links -----------------------------------------------------------------------------------------


def test_connected_means_media(room: Room) -> None:
    assert room.row("siak").link == "connected"
    room.stage.measure("siak", downlink="connecting")
    room.stage.publish("siak")
    assert room.row("siak").link == "connecting"
    room.stage.measure("siak", downlink="up")
    room.stage.publish("siak")
    assert room.row("siak").link == "connected"
    status = room.stage.status["siak"]
    assert status.actual is not None
    deaf = msgspec.structs.replace(status.actual, downlink="connecting")
    room.stage.status["siak"] = msgspec.structs.replace(status, actual=deaf)
    room.stage.publish("siak")
    assert room.row("siak").link == "connecting", "the relay alone does not know"
    room.stage.leave("siak")
    room.stage.publish("siak")
    assert room.row("siak").link == "offline"
    assert room.row("siak").microphone == "away"


def test_a_holder_that_drops_counts_down_then_its_turn_is_suspended(room: Room) -> None:
    room.stage.do(c.CallNext())
    room.stage.wait(30)
    room.stage.leave("siak")
    room.stage.publish()
    room.stage.wait(5.5)
    assert (room.row("siak").link, room.row("siak").grace_s) == ("grace", 15)
    assert room.replica.floor(room.now).grace_s == 15
    room.stage.wait(15)
    assert room.row("siak").place == "suspended"
    assert room.replica.floor(room.now).site is None


def test_levels_are_silent_without_a_server(room: Room) -> None:
    room.stage.measure("siak", level=20)
    room.stage.publish("siak")
    assert room.row("siak").level == 20
    room.link.cut("gone")
    assert room.row("siak").level == 127


@pytest.mark.parametrize(
    ("mos", "shown"),
    [(4.26, 4.3), (1.0, 1.0), (0.0, 0.0), (-3.0, 0.0), (0.9, 0.0), (1e300, 0.0), (5.0, 5.0)],
)
def test_clarity_is_shown_when_it_can_be_a_mos(room: Room, mos: float, shown: float) -> None:
    room.stage.measure("siak", mos=mos)
    room.stage.publish("siak")
    assert room.row("siak").clarity == shown
    room.link.cut("gone")
    assert room.row("siak").clarity == 0.0, "without a server nobody knows"


def test_other_pictures_than_before_are_told_once(room: Room) -> None:
    steps: list[m.Picture] = ["high", "low", "low", "none", "high"]
    for picture in steps:
        room.stage.measure("siak", picture=picture)
        room.stage.publish("siak")
        assert room.row("siak").picture == picture
    told = [one for one in room.replica.lines if isinstance(one, Stepped)]
    assert [(one.site, one.picture) for one in told] == [
        ("siak", "low"), ("siak", "none"), ("siak", "high"),
    ]  # fmt: skip
    assert told[0].at == room.stage.now


def test_whole_telemetry_forgets_sites_it_does_not_name(room: Room) -> None:
    changed = room.replica.measured(m.Telemetry(0, {}, whole=True))
    assert changed == set(room.replica.sites)
    assert room.replica.status == {}


# -- queue, hands, reports, times ------------------------------------------------------------------


def test_queue_and_hands_are_numbered_in_the_servers_order(room: Room) -> None:
    room.stage.do(c.RaiseHand("tualang"))
    room.stage.wait(1)
    room.stage.do(c.RaiseHand("siak"))
    room.stage.do(c.MoveInQueue("tualang", 0))
    assert [room.row(s).hand for s in ("tualang", "siak", "minas")] == [1, 2, None]
    assert [room.row(s).queue for s in ("tualang", "siak", "minas")] == [1, 2, 4]
    assert room.replica.floor(room.now).hands == ("Tualang", "Siak")


def test_report_marks(room: Room) -> None:
    room.stage.do(c.CallNext())
    assert room.row("siak").report == "none"
    room.stage.do(c.DraftReport("siak", "am"))
    assert room.row("siak").report == "draft"
    room.stage.do(c.LogReport("siak", "aman"))
    assert room.row("siak").report == "done"
    room.stage.wait(2)
    room.stage.do(c.CallNext())
    room.stage.wait(2)
    room.stage.do(c.CallNext())
    assert room.row("sungai-apit").report == "missing"


def test_the_turns_clock_counts_down_and_over(room: Room) -> None:
    room.stage.do(c.CallNext())
    room.stage.wait(170)
    assert room.replica.floor(room.now).left_s == 10
    room.stage.wait(12)
    view = room.replica.floor(room.now)
    assert (view.left_s, view.spoken_s) == (-2, 182)


def test_the_turns_clock_stands_while_muted(room: Room) -> None:
    room.stage.do(c.CallNext())
    room.stage.wait(10)
    room.stage.do(c.Mute("siak"))
    room.stage.wait(60)
    view = room.replica.floor(room.now)
    assert (view.spoken_s, view.paused) == (10, True)


def test_times_are_the_servers(open_stage: Stage) -> None:
    room = Room(open_stage, offset_ms=3_600_000)
    open_stage.do(c.CallNext())
    open_stage.wait(7)
    assert room.replica.floor(room.now).spoken_s == 7
    assert room.replica.top(room.now).now == open_stage.now // 1000 * 1000
    assert room.replica.top(room.now).elapsed_s == 9


def test_reconnecting_counts_down(room: Room) -> None:
    room.link.cut("no answer", 4.0)
    room.stage.wait(1.5)
    top = room.replica.top(room.now)
    assert (top.link_up, top.reason, top.retry_s) == (False, "no answer", 3)


# -- what is not confirmed ----------------------------------------------------------------------


def test_a_switch_not_confirmed_after_a_second_tells_its_age(room: Room) -> None:
    room.stage.do(c.CallNext())
    room.stage.wait(0.9)
    assert (room.row("siak").microphone, room.row("siak").behind_s) == ("opening", 0)
    room.stage.wait(2.2)
    assert (room.row("siak").microphone, room.row("siak").behind_s) == ("opening", 3)
    room.stage.settle()
    room.stage.publish()
    assert (room.row("siak").microphone, room.row("siak").behind_s) == ("live", 0)


def test_a_mute_the_server_does_not_answer_tells_its_age(room: Room) -> None:
    room.stage.do(c.CallNext())
    room.stage.settle()
    room.stage.publish()
    room.stage.wait(60)
    room.stage.answers = False
    room.say(c.Mute("siak"), "one")
    room.say(c.Skip("minas"), "two")
    top = room.replica.top(room.now)
    assert (room.row("siak").behind_s, top.unanswered) == (0, 0)
    room.stage.wait(4)
    top = room.replica.top(room.now)
    assert (room.row("siak").microphone, room.row("siak").behind_s) == ("muting", 4)
    assert room.row("minas").behind_s == 0
    assert (top.unanswered, top.waited_s) == (2, 4)
    room.link.answer(m.Command("two", c.Skip("minas")))
    assert room.replica.top(room.now).unanswered == 1
    room.link.cut("gone")
    assert room.replica.top(room.now).unanswered == 0, "told as not sent yet"


def test_on_deck_is_told_when_the_site_confirms_it(room: Room) -> None:
    assert room.row("siak").ready and room.replica.floor(room.now).next_ready
    room.stage.do(c.Skip("siak"))
    assert not room.row("siak").ready
    assert not room.replica.floor(room.now).next_ready, "another one is next now"
    room.stage.settle()
    room.stage.publish()
    assert room.row("sungai-apit").ready and room.replica.floor(room.now).next_ready


def test_the_projected_end_is_told_to_the_minute(room: Room) -> None:
    begin, zone_ms = room.stage.state.opened_at or 0, 60_000
    top = room.replica.top(room.now)
    assert top.ends_at == -(-(room.now + 5 * 180_000) // zone_ms) * zone_ms and not top.is_late
    room.stage.do(c.SetBudget(60))
    assert room.replica.top(room.now).is_late
    assert room.replica.top(room.now).budget_s == 60
    assert begin


def test_what_can_be_taken_back_is_told_for_five_seconds(room: Room) -> None:
    room.stage.do(c.CallNext())
    room.stage.wait(1.5)
    view = room.replica.floor(room.now)
    assert (view.undone, view.undo_s) == ("Siak", 4)
    room.stage.wait(3.5)
    assert room.replica.floor(room.now).undo_s == 0


def test_the_sums_of_the_roll_call_are_the_roster(room: Room) -> None:
    room.stage.do(c.MarkAttendance("minas", "represented", "Sekcam"))
    room.stage.do(c.MarkAttendance("siak", "excused", "sakit"))
    marked = dict(room.replica.floor(room.now).marked)
    assert marked == {
        "unmarked": 0, "present": 4, "represented": 1, "late": 0, "excused": 1, "absent": 0
    }  # fmt: skip
    assert sum(marked.values()) == len(room.stage.plan.sites)


# -- the recording ---------------------------------------------------------------------------------


def test_recording_is_shown_when_the_relay_says_that_it_writes(room: Room) -> None:
    def shown(reading: m.RecordingReading) -> str:
        relay = m.RelayReading(recording=reading)
        room.replica.measured(m.Telemetry(room.stage.now, {}, relay=relay, relay_up=True))
        return room.replica.top(room.now).recording

    off, meeting = m.RecordingReading(), room.stage.state.id
    on = m.RecordingReading("on", meeting, free_mb=900)
    assert shown(on) == "off", "only what the meeting wants"
    room.stage.do(c.StartRecording())
    assert shown(off) == "starting"
    assert shown(m.RecordingReading("on", "another")) == "starting"
    assert shown(on) == "on"
    room.stage.wait(61)
    assert room.replica.top(room.now).recorded_s == 61
    assert room.replica.top(room.now).free_mb is None
    room.stage.do(c.NoteDiskLow(900))
    assert room.replica.top(room.now).free_mb == 900
    room.stage.do(c.PauseRecording())
    room.stage.wait(30)
    top = room.replica.top(room.now)
    assert (top.recording, top.recorded_s) == ("paused", 61)


def test_who_attaches_later_reads_when_it_was_recorded(open_stage: Stage) -> None:
    for command in (c.StartRecording(), c.PauseRecording(), c.StartRecording(), c.StopRecording()):
        open_stage.do(command)
        open_stage.wait(5)
    lines = [one.event for one in Room(open_stage).replica.lines if isinstance(one, Happened)]
    kinds = (e.RecordingStarted, e.RecordingPaused, e.RecordingResumed, e.RecordingStopped)
    assert [type(one) for one in lines if isinstance(one, kinds)] == list(kinds)


# -- cameras ---------------------------------------------------------------------------------------


def camera(room: Room, site: str = "siak") -> tuple[str, int]:
    row = room.row(site)
    return row.camera, row.camera_s


def told(room: Room, sends: m.Camera, lack: m.Lack = "none", site: str = "siak") -> None:
    """The site's agent says what goes out of its camera."""
    was = room.stage.status[site]
    assert was.actual is not None
    actual = msgspec.structs.replace(was.actual, camera=sends, lack=lack)
    room.stage.status[site] = msgspec.structs.replace(was, actual=actual)
    room.stage.publish()


def test_a_camera_is_on_when_its_agent_says_so(room: Room) -> None:
    assert camera(room) == ("low", 0), "on deck"
    room.stage.do(c.CallNext())
    room.stage.wait(0.9)
    assert camera(room) == ("opening", 0)
    room.stage.wait(2.2)
    assert camera(room) == ("opening", 3)
    told(room, "live")
    assert camera(room) == ("live", 0)


def test_a_camera_that_goes_out_though_it_is_to_be_closed(room: Room) -> None:
    room.stage.do(c.CallNext())
    told(room, "live")
    room.stage.do(c.EndTurn())
    room.stage.wait(1)
    assert camera(room) == ("closing", 1)
    told(room, "off")
    assert camera(room) == ("off", 0)


@pytest.mark.parametrize(("lack", "shown"), [("link", "thin"), ("picture", "blind")])
def test_what_a_camera_lacks_is_told_from_when_it_did(room: Room, lack: m.Lack, shown: str) -> None:
    room.stage.do(c.CallNext())
    told(room, "live")
    room.stage.wait(30)
    told(room, "low" if lack == "link" else "off", lack)
    assert camera(room) == (shown, 0)
    room.stage.wait(2)
    assert camera(room) == (shown, 2)
    told(room, "live")
    room.stage.wait(9)
    assert camera(room) == ("live", 0)


def test_of_a_site_without_media_no_camera_is_told(room: Room) -> None:
    room.stage.do(c.CallNext())
    room.stage.wait(5)
    room.stage.measure("siak", uplink="connecting")
    room.stage.publish()
    assert camera(room) == ("away", 0), "its connection is told instead"
    room.link.cut("gone")
    assert camera(room) == ("away", 0)
