"""What each event does to the state."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.meeting import state as s
from console.meeting.fold import apply, replay
from console.meeting.state import Meeting, decode, encode
from protocol import events as e
from tests.playbook import (
    ALL,
    ALLOWANCE_S,
    BEGIN,
    PLAN,
    Playbook,
    closed_meeting,
    open_meeting,
    planned_meeting,
)

MINAS = e.FloorGranted("minas", 1, ALLOWANCE_S)


# -- the meeting ---------------------------------------------------------------------------------


def test_a_convened_meeting_has_its_roster_chair_and_queue():
    state = Playbook(e.MeetingConvened(PLAN)).state
    assert (state.id, state.phase, state.convened_at, state.seq) == ("m1", "planned", BEGIN, 1)
    assert state.chair == "hall"
    assert tuple(state.sites) == ALL, "in the order of the roster"
    assert state.queue == ("minas", "siak", "kandis"), "kecamatan by their position, no guest"
    assert all(site.attendance == "unmarked" and not site.online for site in state.sites.values())


def test_a_new_meeting_begins_with_nothing_of_the_last_one():
    play = closed_meeting().given(e.BannerSet("Selesai"), e.MeetingConvened(PLAN))
    fresh = Playbook(e.MeetingConvened(PLAN)).state
    assert msgspec.structs.replace(play.state, seq=1, convened_at=BEGIN) == fresh


def test_the_chair_is_heard_from_opening_to_closing():
    play = planned_meeting(*ALL)
    assert play.live == set()
    play.later(1).given(e.MeetingOpened())
    assert (play.state.phase, play.state.opened_at, play.live) == ("open", BEGIN + 1000, {"hall"})
    play.given(MINAS, e.SitePromoted("siak")).later(9)
    assert play.live == {"hall", "minas", "siak"}
    play.given(e.MeetingClosed())
    assert (play.state.phase, play.state.closed_at) == ("closed", BEGIN + 10_000)
    assert play.live == set()
    assert (play.turn(1).status, play.turn(1).spoken_ms, play.state.holder) == ("ended", 9000, None)


# -- sites ---------------------------------------------------------------------------------------


def test_a_site_that_comes_again_arrived_at_the_first_time():
    play = planned_meeting().given(e.SiteJoined("siak")).later(5).given(e.SiteLeft("siak"))
    assert (play.site("siak").online, play.site("siak").left_at) == (False, BEGIN + 5000)
    play.later(5).given(e.SiteJoined("siak"))
    site = play.site("siak")
    assert (site.online, site.arrived_at, site.left_at) == (True, BEGIN, None)


def test_who_leaves_lowers_its_hand():
    play = open_meeting().later(2).given(e.HandRaised("siak"))
    assert play.site("siak").hand_at == BEGIN + 2000
    assert play.given(e.SiteLeft("siak")).site("siak").hand_at is None


def test_a_panelist_who_drops_comes_back_closed():
    play = open_meeting().given(e.SitePromoted("siak"), e.SiteLeft("siak"), e.SiteJoined("siak"))
    assert play.site("siak").panel and play.live == {"hall"}


def test_attendance_is_what_was_said_last():
    play = open_meeting().given(
        e.AttendanceMarked("siak", "excused", "sakit"),
        e.AttendanceMarked("siak", "represented", "Sekcam"),
    )
    assert (play.site("siak").attendance, play.site("siak").attendance_note) == (
        "represented",
        "Sekcam",
    )


# -- the floor and its clock ---------------------------------------------------------------------


def test_the_floor_takes_a_site_from_the_queue_and_opens_its_microphone():
    play = open_meeting().given(e.HandRaised("minas"), e.SiteSkipped("siak"), MINAS)
    assert play.state.queue == ("kandis",)
    assert (play.state.holder, play.live) == ("minas", {"hall", "minas"})
    assert play.site("minas").hand_at is None
    assert play.given(e.FloorGranted("siak", 2, 5)).site("siak").skipped is False


def test_only_time_with_an_open_microphone_is_spoken():
    play = open_meeting().given(MINAS).later(10).given(e.SiteMuted("minas")).later(100)
    assert play.turn(1).spoken_until(play.now) == 10_000
    play.given(e.SiteUnmuted("minas")).later(5).given(e.AllMuted(("minas",))).later(7)
    assert (play.turn(1).spoken_ms, play.turn(1).live_since) == (15_000, None)
    play.given(e.SiteUnmuted("minas")).later(1).given(e.TurnEnded("minas", 1, "ended", 16_000))
    assert (play.turn(1).spoken_ms, play.turn(1).ended_at) == (16_000, play.now)
    assert play.live == {"hall"}


def test_a_lost_holder_does_not_speak_and_its_turn_remembers_the_gap():
    play = open_meeting().given(MINAS).later(10)
    play.given(e.SiteLeft("minas"), e.HolderLost("minas", 1, play.now + 20_000)).later(4)
    turn = play.turn(1)
    assert (turn.status, turn.spoken_until(play.now), turn.drops) == ("lost", 10_000, 1)
    assert turn.grace_until == BEGIN + 30_000
    play.given(e.SiteJoined("minas"), e.HolderReturned("minas", 1, 4000)).later(1)
    turn = play.turn(1)
    assert (turn.status, turn.spoken_until(play.now), turn.away_ms) == ("speaking", 11_000, 4000)
    assert (turn.lost_at, turn.grace_until) == (None, None)


def test_a_suspended_turn_frees_the_floor_and_goes_on_later():
    play = open_meeting().given(MINAS).later(10)
    play.given(e.SiteLeft("minas"), e.HolderLost("minas", 1, play.now + 20_000)).later(20)
    play.given(e.TurnSuspended("minas", 1, 10_000))
    assert (play.state.holder, play.turn(1).status) == (None, "suspended")
    assert play.state.suspended_turn("minas") == play.turn(1)
    assert play.turn(1).away_ms == 20_000
    play.later(30).given(e.SiteJoined("minas"), e.TurnResumed("minas", 1)).later(5)
    turn = play.turn(1)
    assert (turn.status, turn.spoken_until(play.now), turn.ended_at) == ("speaking", 15_000, None)
    assert turn.away_ms == 50_000
    assert (play.state.holder, play.live) == ("minas", {"hall", "minas"})
    assert play.state.suspended_turn("minas") is None


def test_more_time_takes_the_overrun_back():
    play = open_meeting().given(MINAS).later(ALLOWANCE_S).given(e.TurnOverran("minas", 1))
    assert play.turn(1).overran
    play.given(e.TurnExtended("minas", 1, 30))
    assert (play.turn(1).overran, play.turn(1).allowance_s) == (False, ALLOWANCE_S + 30)
    assert play.turn(1).used_up_at() == BEGIN + (ALLOWANCE_S + 30) * 1000


# -- panel, hands, queue -------------------------------------------------------------------------


def test_the_panel_is_in_the_rosters_order():
    play = open_meeting().given(e.SitePromoted("guest"), e.SitePromoted("siak"))
    assert play.state.panel == ("siak", "guest")
    play.given(e.SiteDemoted("siak"))
    assert (play.state.panel, play.live) == (("guest",), {"hall", "guest"})


def test_mute_all_closes_all_but_the_chair():
    play = open_meeting().given(MINAS, e.SitePromoted("siak"), e.AllMuted(("minas", "siak")))
    assert play.live == {"hall"}


def test_hands_and_queue():
    play = open_meeting().given(e.HandRaised("guest"), e.QueueMoved(("guest", "minas", "padang")))
    assert play.state.queue == ("guest", "minas"), "a site that is in no roster is in no queue"
    play.given(e.HandLowered("guest"))
    assert play.site("guest").hand_at is None
    play.given(e.HandRaised("minas"), e.SiteSkipped("minas"))
    assert play.state.queue == ("guest",)
    assert play.site("minas").skipped and play.site("minas").hand_at is None


def test_on_deck_is_the_first_who_can_be_called():
    play = open_meeting().given(e.SiteLeft("minas"), e.AttendanceMarked("siak", "excused"))
    assert play.state.next_site() == "kandis"
    assert play.given(e.FloorGranted("kandis", 1, 60)).state.next_site() is None


# -- the record ----------------------------------------------------------------------------------


def test_reports_follow_ups_notes_and_the_banner():
    play = open_meeting().given(e.ReportDrafted("minas", "Am"), MINAS).later(3)
    assert play.site("minas").draft == "Am"
    play.given(
        e.ReportLogged("r1", "minas", "Aman", ("a",), 1),
        e.ReportAmended("r1", "Aman sekali", ("b",)),
        e.ReportAmended("r9", "of nobody"),
        e.FollowUpAdded("f1", "Padi", "Camat", "2019-02-15", "minas"),
        e.NoteAdded("n1", "decision", "Siaga"),
        e.BannerSet("Istirahat"),
    )
    state, at = play.state, play.now
    assert play.site("minas").draft == ""
    (report,) = state.reports
    assert (report.id, report.site, report.turn, report.text, report.tags) == (
        "r1",
        "minas",
        1,
        "Aman sekali",
        ("b",),
    )
    assert report.wordings == (s.Wording("Aman", ("a",), at), s.Wording("Aman sekali", ("b",), at))
    assert state.follow_ups == (s.FollowUp("f1", "Padi", "Camat", "2019-02-15", "minas", at),)
    assert state.notes == (s.Note("n1", "decision", "Siaga", None, at),)
    assert state.banner == "Istirahat"


def test_who_spoke_without_a_report_is_missing_once():
    play = open_meeting().given(
        MINAS,
        e.TurnEnded("minas", 1, "ended", 0),
        e.FloorGranted("siak", 2, 60),
        e.FloorGranted("minas", 3, 60),
    )
    assert play.state.reports_missing() == ("minas", "siak")
    play.given(e.ReportLogged("r1", "minas", "Aman"))
    assert play.state.reports_missing() == ("siak",)


def test_the_ids_of_commands_carried_out_are_remembered():
    play = open_meeting().given(e.BannerSet("a"), command="id-1").given(e.BannerSet("b"))
    assert play.state.commands == {"id-1"}


# -- total, and the same again -------------------------------------------------------------------

names = st.sampled_from(["minas", "siak", "hall", "padang", ""])
numbers = st.integers(-1, 4)
any_event = st.one_of(
    st.just(e.MeetingConvened(PLAN)),
    st.just(e.MeetingPrepared(PLAN)),
    st.just(e.MeetingPrepared(e.MeetingPlan("Rapat"))),
    *(
        st.from_type(kind)
        for kind in e.Event.__args__
        if kind not in (e.MeetingConvened, e.MeetingPrepared)
        and not {"site", "turn", "queue"} & set(kind.__struct_fields__)
    ),
    *(
        st.builds(
            kind,
            **{
                name: strategy
                for name, strategy in (("site", names), ("turn", numbers))
                if name in kind.__struct_fields__
            },
        )
        for kind in e.Event.__args__
        if {"site", "turn"} & set(kind.__struct_fields__)
    ),
    st.builds(e.QueueMoved, st.lists(names, max_size=4).map(tuple)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(any_event, st.integers(-1000, 100_000)), max_size=25), st.booleans())
def test_apply_takes_any_event_in_any_state(happened: list[tuple[e.Event, int]], opened: bool):
    """Also events that `decide` would never give: a journal of another release replays."""
    start = open_meeting().state if opened else Meeting()
    recorded = [
        e.Recorded(start.seq + number, "m1", at, "server", f"c{number}", event)
        for number, (event, at) in enumerate(happened, 1)
    ]
    state = start
    for one in recorded:
        state = apply(state, one)
        assert state.seq == one.seq and one.command in state.commands
        live = {site for site in state.sites if state.is_live(site)}
        assert live <= {state.chair, state.holder, *state.panel}
    assert replay(recorded, start) == state
    assert decode(encode(state)) == state
    assert encode(decode(encode(state))) == encode(state)


def test_every_event_is_tried_above():
    tried = {type(st_event) for st_event in EXAMPLES}
    assert tried == set(e.Event.__args__)


EXAMPLES: list[e.Event] = [
    e.MeetingConvened(PLAN),
    e.MeetingPrepared(PLAN),
    e.MeetingOpened(),
    e.MeetingClosed(),
    e.SiteJoined("padang"),
    e.SiteLeft("padang"),
    e.AttendanceMarked("padang", "late"),
    e.FloorGranted("padang", 9, 60),
    e.TurnEnded("padang", 9, "ended", 0),
    e.HolderLost("padang", 9, 0),
    e.HolderReturned("padang", 9, 0),
    e.TurnSuspended("padang", 9, 0),
    e.TurnResumed("padang", 9),
    e.TurnExtended("padang", 9, 60),
    e.TurnWarned("padang", 9, 30),
    e.TurnOverran("padang", 9),
    e.HandoverReverted("padang", 9, "padang", 9, ("padang",)),
    e.BudgetSet(60),
    e.OverrunSet("close"),
    e.SiteMuted("padang"),
    e.SiteUnmuted("padang"),
    e.AllMuted(("padang",)),
    e.SitePromoted("padang"),
    e.SiteDemoted("padang"),
    e.VoiceSet("padang", "clear"),
    e.MediaSet("padang", "narrow"),
    e.HandRaised("padang"),
    e.HandLowered("padang"),
    e.QueueMoved(("padang",)),
    e.SiteSkipped("padang"),
    e.ReportDrafted("padang", "x"),
    e.ReportLogged("r", "padang", "x"),
    e.ReportAmended("r", "x"),
    e.FollowUpAdded("f", "x"),
    e.FollowUpsCarried((e.CarriedFollowUp("f", "x"),)),
    e.FollowUpClosed("f"),
    e.FollowUpReopened("f"),
    e.DraftSaved("report:padang", {"text": "x"}),
    e.NoteAdded("n", "note", "x"),
    e.BannerSet("x"),
    e.MinutesSubmitted(),
    e.MinutesApproved(),
    e.MinutesReturned("x"),
    e.MinutesCorrected("k", "B.1", "x", "y", "z"),
    e.RecordingStarted(),
    e.RecordingPaused(),
    e.RecordingResumed(),
    e.RecordingStopped("failed", "x"),
    e.RecordingWarned(1),
    e.RecordingFinished("x.mkv", 1),
    e.LinksMeasured((e.LinkStatistics("padang", 1.0),)),
    e.LineCheckStarted("k", ("padang",), 1),
    e.LineChecked("k", "padang", "poor", ("offline",)),
    e.LineCheckEnded("k"),
]


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_an_event_of_another_meeting_changes_nothing_but_seq(event: e.Event):
    state = open_meeting().given(MINAS).state
    after = apply(state, e.Recorded(state.seq + 1, "m0", 1, "moderator", "id-0", event))
    if isinstance(event, e.MeetingConvened):
        assert (after.id, after.phase) == ("m0", "planned")
    else:
        assert after == msgspec.structs.replace(state, seq=state.seq + 1)


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_an_event_of_a_stranger_changes_no_site(event: e.Event):
    """Of a site and a turn that this meeting does not have."""
    before = open_meeting().given(MINAS, e.SitePromoted("siak"))
    sites, live = before.state.sites, before.live
    state = before.given(event).state
    assert set(state.sites) == set(sites)
    if isinstance(event, e.MeetingConvened | e.MeetingClosed):
        assert before.live == set()
    elif isinstance(event, e.AllMuted):
        assert before.live == {"hall"}
    elif isinstance(event, e.FloorGranted | e.MeetingOpened):
        assert before.live <= live
    else:
        assert before.live == live
        assert state.sites == sites


def test_a_snapshot_keeps_the_rosters_order():
    state = open_meeting().given(MINAS).state
    again = decode(encode(state))
    assert list(again.sites) == list(state.sites)
    assert again == state


def test_what_is_no_snapshot_is_refused():
    with pytest.raises(msgspec.ValidationError):
        decode(b'{"seq":"x"}')
