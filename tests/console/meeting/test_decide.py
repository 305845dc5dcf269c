"""What the meeting allows: every command, every refusal."""

import msgspec
import pytest

from console.meeting import state as st
from console.meeting.decide import MAX_TEXT, TEXT, Refusal, deadline, decide, tags_of
from protocol import commands as c
from protocol import events as e
from tests.playbook import (
    ALL,
    ALLOWANCE_S,
    BEGIN,
    GRACE_S,
    PLAN,
    Playbook,
    closed_meeting,
    open_meeting,
    planned_meeting,
)

MINAS = e.FloorGranted("minas", 1, ALLOWANCE_S)
TOO_LONG = "x" * (MAX_TEXT + 1)


# -- convening, opening, closing -----------------------------------------------------------------


def test_a_meeting_is_convened_from_a_plan():
    Playbook().when(c.ConveneMeeting(PLAN)).then(e.MeetingConvened(PLAN))


def test_a_new_meeting_can_be_convened_after_the_last_one_closed():
    closed_meeting().when(c.ConveneMeeting(PLAN)).then(e.MeetingConvened(PLAN))


def test_no_meeting_is_convened_while_one_runs():
    open_meeting().when(c.ConveneMeeting(PLAN)).refused("meeting-open", "close it first")


def with_sites(*sites: e.SiteEntry, **more: int) -> e.MeetingPlan:
    return e.MeetingPlan(title="Rapat", sites=sites, **more)  # type: ignore[arg-type]


HALL = e.SiteEntry("hall", "Hall", "hall")


@pytest.mark.parametrize(
    ("plan", "code"),
    [
        (None, "no-roster"),
        (with_sites(), "no-roster"),
        (with_sites(e.SiteEntry("minas", "Minas", "kecamatan")), "no-hall"),
        (with_sites(HALL, HALL), "bad-plan"),
        (with_sites(HALL, e.SiteEntry("", "Minas", "kecamatan")), "bad-plan"),
        (with_sites(HALL, e.SiteEntry("minas", "M", "kecamatan", position=1 << 64)), "bad-plan"),
        (with_sites(HALL, allowance_s=0), "bad-plan"),
        (with_sites(HALL, allowance_s=1 << 64), "bad-plan"),
        (with_sites(HALL, grace_s=-1), "bad-plan"),
        (with_sites(HALL, budget_s=0), "bad-plan"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_plan_that_makes_no_meeting_is_refused(plan: e.MeetingPlan | None, code: str):
    Playbook().when(c.ConveneMeeting(plan)).refused(code)


OTHER_PLAN = msgspec.structs.replace(PLAN, title="Rapat Sekda", agenda=("Karhutla",), budget_s=600)


def test_a_meeting_can_be_convened_like_another_one():
    play = closed_meeting().when(c.ConveneMeeting(PLAN, "m0"))
    play.then(e.MeetingConvened(PLAN, "m0"))
    assert play.state.prepared


def test_a_planned_meeting_can_be_prepared():
    play = planned_meeting().when(c.PrepareMeeting(OTHER_PLAN)).then(e.MeetingPrepared(OTHER_PLAN))
    assert play.state.plan == OTHER_PLAN and play.state.prepared
    play.when(c.PrepareMeeting(OTHER_PLAN)).then()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"title": " "}, "title-missing"),
        ({"sites": PLAN.sites[:-1]}, "other-sites"),
        ({"budget_s": 0}, "bad-plan"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_plan_that_can_not_be_is_refused(change: dict, code: str):
    plan = msgspec.structs.replace(PLAN, **change)
    planned_meeting().when(c.PrepareMeeting(plan)).refused(code)


def test_the_plan_stays_once_the_meeting_is_open():
    open_meeting().when(c.PrepareMeeting(OTHER_PLAN)).refused("under-way")
    closed_meeting().when(c.PrepareMeeting(OTHER_PLAN)).refused("closed")


def test_opening_marks_nobody_whose_media_has_not_arrived():
    play = planned_meeting("hall").when(c.NoteSiteJoined("minas", media=False))
    play.then(e.SiteJoined("minas"))
    play.when(c.OpenMeeting()).then(e.MeetingOpened())
    play.when(c.NoteMediaArrived("minas")).then(e.AttendanceMarked("minas", "late"))


def test_a_meeting_is_opened_once():
    open_meeting().when(c.OpenMeeting()).refused("already-open")
    closed_meeting().when(c.OpenMeeting()).refused("closed", "convene a new one")


def test_closing_ends_the_turn_and_marks_who_never_came_absent():
    play = open_meeting("hall", "minas").given(MINAS).later(12)
    play.given(e.ReportLogged("r1", "minas", "Aman", (), 1))
    play.when(c.CloseMeeting()).then(
        e.TurnEnded("minas", 1, "closed", 12_000),
        e.AttendanceMarked("siak", "absent"),
        e.AttendanceMarked("kandis", "absent"),
        e.MeetingClosed(()),
    )
    assert play.live == set()


def test_a_site_that_is_connected_is_never_closed_as_absent():
    play = open_meeting().given(e.AttendanceMarked("kandis", "unmarked"))
    play.when(c.CloseMeeting()).then(e.AttendanceMarked("kandis", "present"), e.MeetingClosed(()))


def test_closing_with_reports_missing_warns_first():
    play = open_meeting().given(MINAS).later(5).given(e.TurnEnded("minas", 1, "ended", 5_000))
    play.when(c.CloseMeeting()).refused("reports-missing", "Minas", "Close again")
    play.when(c.CloseMeeting(force=True)).then(e.MeetingClosed(("minas",)))


def test_closing_needs_an_open_meeting():
    planned_meeting().when(c.CloseMeeting()).refused("not-open")
    closed_meeting().when(c.CloseMeeting(force=True)).refused("closed")


# -- roll call -----------------------------------------------------------------------------------


@pytest.mark.parametrize("attendance", ["present", "represented", "late", "absent", "excused"])
def test_the_roll_is_called_at_any_time(attendance):
    for play in (planned_meeting(), open_meeting("hall"), closed_meeting()):
        note = "Sekcam"
        play.when(c.MarkAttendance("kandis", attendance, note)).then(
            e.AttendanceMarked("kandis", attendance, note)
        )
        play.when(c.MarkAttendance("kandis", attendance, note)).then()


@pytest.mark.parametrize(
    ("attendance", "code"), [("represented", "deputy-missing"), ("excused", "reason-missing")]
)
def test_a_deputy_has_a_name_and_an_excuse_a_reason(attendance, code: str):
    for note in ("", "  "):
        open_meeting().when(c.MarkAttendance("siak", attendance, note)).refused(code)


def test_who_is_here_with_its_media_is_present():
    play = planned_meeting("hall").when(c.NoteMediaArrived("siak")).then()
    play.when(c.NoteSiteJoined("siak", media=False)).when(c.NoteMediaArrived("siak"))
    play.then(e.AttendanceMarked("siak", "present"))
    play.when(c.NoteMediaArrived("siak")).then()
    play.given(e.AttendanceMarked("siak", "represented", "Sekcam"))
    play.when(c.NoteMediaArrived("siak")).then()
    play = open_meeting().given(e.AttendanceMarked("siak", "absent"))
    play.when(c.NoteMediaArrived("siak")).then(e.AttendanceMarked("siak", "late"))
    closed_meeting().when(c.NoteMediaArrived("siak")).then()


def test_a_note_of_the_roll_call_has_a_length():
    open_meeting().when(c.MarkAttendance("siak", "excused", TOO_LONG)).refused("text-too-long")


# -- the floor -----------------------------------------------------------------------------------


def test_call_next_gives_the_floor_in_the_rosters_order():
    play = open_meeting().when(c.CallNext()).then(MINAS)
    assert play.live == {"hall", "minas"}
    play.later(7).when(c.CallNext()).then(
        e.TurnEnded("minas", 1, "next", 7_000), e.FloorGranted("siak", 2, ALLOWANCE_S)
    )
    assert play.live == {"hall", "siak"}


@pytest.mark.parametrize(
    "away",
    [
        e.SiteLeft("minas"),
        e.AttendanceMarked("minas", "absent"),
        e.AttendanceMarked("minas", "excused"),
    ],
    ids=["offline", "absent", "excused"],
)
def test_call_next_passes_over_who_is_not_there_and_calls_them_later(away: e.Event):
    play = open_meeting().given(away)
    play.when(c.CallNext()).then(e.FloorGranted("siak", 1, ALLOWANCE_S))
    play.given(e.SiteJoined("minas"), e.AttendanceMarked("minas", "late"))
    play.later(1).when(c.CallNext()).then(
        e.TurnEnded("siak", 1, "next", 1_000), e.FloorGranted("minas", 2, ALLOWANCE_S)
    )


def test_call_next_says_who_can_not_be_called():
    play = open_meeting("hall").when(c.CallNext())
    play.refused("nobody-callable", "Minas, Siak, Kandis")


def test_call_next_says_when_all_have_spoken():
    play = open_meeting().given(e.QueueMoved(()))
    play.when(c.CallNext()).refused("queue-empty")


def test_calling_needs_an_open_meeting():
    for command in (c.CallNext(), c.GrantFloor("minas"), c.EndTurn(), c.ExtendTurn(), c.MuteAll()):
        planned_meeting(*ALL).when(command).refused("not-open")
        closed_meeting().when(command).refused("closed")
    for make in (c.Mute, c.Unmute, c.Promote):
        planned_meeting(*ALL).when(make("minas")).refused("not-open")
        closed_meeting().when(make("minas")).refused("closed")


def test_the_floor_can_be_given_to_any_site_out_of_order():
    play = open_meeting().when(c.GrantFloor("kandis")).then(e.FloorGranted("kandis", 1, 60))
    assert play.state.queue == ("minas", "siak")
    play.when(c.GrantFloor("guest")).then(
        e.TurnEnded("kandis", 1, "next", 0), e.FloorGranted("guest", 2, 60)
    )


def test_who_has_spoken_can_be_called_again():
    play = (
        open_meeting().when(c.GrantFloor("kandis")).when(c.EndTurn()).when(c.GrantFloor("kandis"))
    )
    play.then(e.FloorGranted("kandis", 2, ALLOWANCE_S))


def test_who_can_not_have_the_floor():
    play = open_meeting("hall", "minas", "siak").given(MINAS)
    play.given(e.AttendanceMarked("siak", "absent"))
    play.when(c.GrantFloor("hall")).refused("is-chair", "Ruang Bandar Siak", "always heard")
    play.when(c.GrantFloor("minas")).refused("has-floor", "Minas")
    play.when(c.GrantFloor("kandis")).refused("offline", "Kandis")
    play.when(c.GrantFloor("siak")).refused("away", "Siak")
    assert play.state.holder == "minas", "a refusal changes nothing"


def test_the_floor_is_taken_back():
    play = open_meeting().given(MINAS).later(3)
    play.when(c.EndTurn()).then(e.TurnEnded("minas", 1, "ended", 3_000))
    assert play.live == {"hall"}
    play.when(c.EndTurn()).refused("no-turn")


def test_a_turn_is_extended():
    play = open_meeting().when(c.ExtendTurn()).refused("no-turn")
    play.given(MINAS).when(c.ExtendTurn(90)).then(e.TurnExtended("minas", 1, 90))
    assert play.turn(1).allowance_s == ALLOWANCE_S + 90


@pytest.mark.parametrize("seconds", [0, -1, 3601, 10**30])
def test_nobody_gets_less_time_or_a_day(seconds: int):
    open_meeting().given(MINAS).when(c.ExtendTurn(seconds)).refused("bad-seconds")


# -- time ----------------------------------------------------------------------------------------


def test_nothing_is_due_without_a_turn():
    assert deadline(Playbook().state) is None
    assert deadline(open_meeting().state) is None
    open_meeting().later(999).when(c.Tick()).then()


def test_a_turn_overruns_once_when_its_allowance_is_used_up():
    play = open_meeting().given(MINAS).later(ALLOWANCE_S - 0.001).when(c.Tick()).then()
    play.until_due().when(c.Tick()).then(e.TurnOverran("minas", 1))
    assert play.now == BEGIN + ALLOWANCE_S * 1000
    assert deadline(play.state) is None
    play.later(60).when(c.Tick()).then()
    assert play.live == {"hall", "minas"}, "the speaker is not cut off"


def test_an_extended_turn_overruns_again():
    play = open_meeting().given(MINAS).until_due().when(c.Tick()).when(c.ExtendTurn(30))
    play.until_due().when(c.Tick()).then(e.TurnOverran("minas", 1))
    assert play.now == BEGIN + (ALLOWANCE_S + 30) * 1000


def test_the_clock_stands_still_while_the_microphone_is_closed():
    play = open_meeting().given(MINAS).later(10).when(c.Mute("minas"))
    assert deadline(play.state) is None
    play.later(100).when(c.Unmute("minas"))
    assert deadline(play.state) == play.now + (ALLOWANCE_S - 10) * 1000


# -- a holder that drops -------------------------------------------------------------------------


def dropped() -> Playbook:
    """Minas speaks for 10 s and drops."""
    play = open_meeting().given(MINAS).later(10)
    grace_until = play.now + GRACE_S * 1000
    return play.when(c.NoteSiteLeft("minas", "connection lost")).then(
        e.SiteLeft("minas", "connection lost"), e.HolderLost("minas", 1, grace_until)
    )


def test_a_holder_that_drops_keeps_its_turn_and_comes_back_to_it():
    play = dropped()
    assert (play.state.holder, play.turn(1).status) == ("minas", "lost")
    play.later(GRACE_S - 1).when(c.Tick()).then()
    play.when(c.NoteSiteJoined("minas", "1.0")).then(
        e.SiteJoined("minas", "1.0"), e.HolderReturned("minas", 1, (GRACE_S - 1) * 1000)
    )
    assert play.live == {"hall", "minas"}
    assert deadline(play.state) == play.now + (ALLOWANCE_S - 10) * 1000


def test_after_the_grace_time_the_turn_is_suspended_and_not_lost():
    play = dropped().until_due().when(c.Tick()).then(e.TurnSuspended("minas", 1, 10_000))
    assert play.state.holder is None
    play.when(c.NoteSiteJoined("minas")).then(e.SiteJoined("minas"))
    assert play.live == {"hall"}
    play.when(c.GrantFloor("minas")).then(e.TurnResumed("minas", 1))
    assert deadline(play.state) == play.now + (ALLOWANCE_S - 10) * 1000, "with the time left"


def test_the_floor_can_go_on_while_a_dropped_holder_has_grace():
    play = dropped().later(5).when(c.GrantFloor("siak"))
    play.then(e.TurnEnded("minas", 1, "next", 10_000), e.FloorGranted("siak", 2, ALLOWANCE_S))
    play.when(c.NoteSiteJoined("minas")).then(e.SiteJoined("minas"))
    assert play.live == {"hall", "siak"}


def test_a_suspended_site_can_be_put_in_the_queue_and_called_next():
    play = dropped().until_due().when(c.Tick()).when(c.NoteSiteJoined("minas"))
    play.when(c.MoveInQueue("minas", 0)).then(e.QueueMoved(("minas", "siak", "kandis")))
    play.when(c.CallNext()).then(e.TurnResumed("minas", 1))
    assert play.state.queue == ("siak", "kandis")


def test_a_dropped_holder_on_the_panel_comes_back_closed():
    play = open_meeting().given(e.SitePromoted("minas"), MINAS).when(c.NoteSiteLeft("minas"))
    play.until_due().when(c.Tick()).when(c.NoteSiteJoined("minas"))
    assert play.live == {"hall"}, "nobody speaks without the operator's doing"
    play.when(c.Unmute("minas")).then(e.SiteUnmuted("minas"))


# -- coming and going ----------------------------------------------------------------------------


def test_who_comes_before_the_opening_is_present_who_comes_later_is_late():
    planned_meeting().when(c.NoteSiteJoined("siak", "1.0")).then(
        e.SiteJoined("siak", "1.0"), e.AttendanceMarked("siak", "present")
    )
    open_meeting("hall").when(c.NoteSiteJoined("siak")).then(
        e.SiteJoined("siak"), e.AttendanceMarked("siak", "late")
    )


def test_the_roll_call_is_not_overruled_by_the_network():
    play = open_meeting("hall").given(e.AttendanceMarked("siak", "excused", "sakit"))
    play.when(c.NoteSiteJoined("siak")).then(e.SiteJoined("siak"))
    play.when(c.NoteSiteLeft("siak")).then(e.SiteLeft("siak"))
    assert play.site("siak").attendance == "excused"


def test_who_is_there_already_does_not_join_again_nor_leave_twice():
    open_meeting().when(c.NoteSiteJoined("siak")).then()
    open_meeting("hall").when(c.NoteSiteLeft("siak")).then()


def test_nothing_is_marked_after_the_meeting():
    closed_meeting().given(e.SiteLeft("siak"), e.AttendanceMarked("siak", "absent")).when(
        c.NoteSiteJoined("siak")
    ).then(e.SiteJoined("siak"))


# -- microphones and panel -----------------------------------------------------------------------


def test_a_live_microphone_is_closed_and_opened():
    play = open_meeting().given(MINAS).when(c.Mute("minas")).then(e.SiteMuted("minas"))
    assert play.live == {"hall"}
    play.when(c.Mute("minas")).then()
    play.when(c.Unmute("minas")).then(e.SiteUnmuted("minas"))
    assert play.live == {"hall", "minas"}
    play.when(c.Unmute("minas")).then()


def test_the_chair_is_always_heard():
    play = open_meeting().when(c.Mute("hall")).refused("chair-always-heard")
    play.when(c.MuteAll()).then()
    play.given(MINAS).when(c.MuteAll()).then(e.AllMuted(("minas",)))
    assert play.live == {"hall"}


def test_the_audience_can_not_be_unmuted():
    play = open_meeting().when(c.Unmute("siak")).refused("audience", "Siak", "promote it")
    play.when(c.Mute("siak")).then()


def test_the_panel_is_heard_without_the_floor_and_has_two_places():
    play = open_meeting().when(c.Promote("siak")).then(e.SitePromoted("siak"))
    play.when(c.Promote("siak")).then()
    play.when(c.Promote("guest")).then(e.SitePromoted("guest"))
    assert play.live == {"hall", "siak", "guest"}
    play.when(c.Promote("minas")).refused("panel-full", "2")
    play.when(c.Demote("siak")).then(e.SiteDemoted("siak"))
    assert play.live == {"hall", "guest"}
    play.when(c.Demote("siak")).refused("not-panel", "Siak")


def test_who_can_not_join_the_panel():
    play = open_meeting("hall").when(c.Promote("hall")).refused("is-chair")
    play.when(c.Promote("siak")).refused("offline")


def test_a_holder_that_leaves_the_panel_keeps_the_floor():
    play = open_meeting().given(MINAS).when(c.Promote("minas")).when(c.Demote("minas"))
    assert play.live == {"hall", "minas"}


def test_a_panelist_stays_when_its_turn_ends():
    play = open_meeting().given(MINAS, e.SitePromoted("minas")).when(c.EndTurn())
    assert play.live == {"hall", "minas"}


def test_mute_all_closes_floor_and_panel():
    play = open_meeting().given(MINAS, e.SitePromoted("siak"))
    play.when(c.MuteAll()).then(e.AllMuted(("siak", "minas")))
    assert play.live == {"hall"}


# -- hands and queue -----------------------------------------------------------------------------


def test_a_raised_hand_waits_at_the_end_of_the_queue():
    play = open_meeting().given(e.QueueMoved(("kandis",)))
    play.when(c.RaiseHand("guest")).then(e.HandRaised("guest"), e.QueueMoved(("kandis", "guest")))
    play.when(c.RaiseHand("guest")).then()
    play.when(c.RaiseHand("kandis")).then(e.HandRaised("kandis"))
    play.when(c.LowerHand("guest")).then(e.HandLowered("guest"))
    play.when(c.LowerHand("guest")).then()


def test_the_speaker_may_raise_a_hand_without_queueing():
    open_meeting().given(MINAS).when(c.RaiseHand("minas")).then(e.HandRaised("minas"))


def test_whose_hand_can_not_be_raised():
    open_meeting().when(c.RaiseHand("hall")).refused("is-chair")
    open_meeting("hall").when(c.RaiseHand("siak")).refused("offline")
    closed_meeting().when(c.RaiseHand("siak")).refused("closed")


@pytest.mark.parametrize(
    ("site", "position", "queue"),
    [
        ("kandis", 0, ("kandis", "minas", "siak")),
        ("kandis", 1, ("minas", "kandis", "siak")),
        ("minas", 99, ("siak", "kandis", "minas")),
        ("guest", 1, ("minas", "guest", "siak", "kandis")),
    ],
)
def test_a_site_is_moved_in_the_queue(site: str, position: int, queue: tuple[str, ...]):
    play = open_meeting().when(c.MoveInQueue(site, position)).then(e.QueueMoved(queue))
    play.when(c.MoveInQueue(site, position)).then()


def test_who_can_not_be_moved():
    play = open_meeting().given(MINAS)
    play.when(c.MoveInQueue("hall", 0)).refused("is-chair")
    play.when(c.MoveInQueue("minas", 0)).refused("has-floor")
    play.when(c.MoveInQueue("siak", -1)).refused("bad-position")


def test_a_skipped_site_can_be_called_later():
    play = open_meeting().when(c.Skip("minas")).then(e.SiteSkipped("minas"))
    play.when(c.CallNext()).then(e.FloorGranted("siak", 1, ALLOWANCE_S))
    play.when(c.Skip("minas")).refused("not-queued", "Minas")
    play.when(c.GrantFloor("minas"))
    assert play.state.holder == "minas" and not play.site("minas").skipped


# -- the record ----------------------------------------------------------------------------------


def test_a_report_belongs_to_the_last_turn_of_its_site():
    play = open_meeting().given(MINAS).when(c.LogReport("minas", " Aman #Karhutla "), new_id="r1")
    play.then(e.ReportLogged("r1", "minas", "Aman #Karhutla", ("karhutla",), 1))
    play.when(c.LogReport("siak", "Tertulis", ("pemilu",)), new_id="r2")
    play.then(e.ReportLogged("r2", "siak", "Tertulis", ("pemilu",), None))


def test_a_report_can_be_written_after_the_meeting():
    closed_meeting().when(c.LogReport("minas", "Susulan"), new_id="r2").then(
        e.ReportLogged("r2", "minas", "Susulan", (), 1)
    )


def test_an_amended_report_keeps_its_old_text():
    play = closed_meeting().when(c.AmendReport("r1", "Aman sekali #aman", ("siaga",)))
    play.then(e.ReportAmended("r1", "Aman sekali #aman", ("siaga", "aman")))
    assert [wording.text for wording in play.state.reports[0].wordings] == [
        "Aman",
        "Aman sekali #aman",
    ]
    play.when(c.AmendReport("r9", "Apa")).refused("unknown-report")


def test_what_is_typed_is_kept_as_a_draft():
    play = open_meeting().when(c.DraftReport("minas", "Am")).then(e.ReportDrafted("minas", "Am"))
    play.when(c.DraftReport("minas", "Am")).then()
    play.when(c.DraftReport("minas", TOO_LONG)).refused("text-too-long")
    play.when(c.LogReport("minas", "Aman"))
    assert play.site("minas").draft == ""


LEFT = e.CarriedFollowUp("f0", "Antena", "Camat Minas", "2018-12-15", "minas", "m0", "Rapat", 1)


def test_a_card_is_saved_whole():
    play = open_meeting().given(MINAS).when(c.SaveDraft("report:minas", {"text": "Am"}))
    play.then(e.DraftSaved("report:minas", {"text": "Am"}))
    assert play.site("minas").draft == "Am"
    tasks = (c.NewFollowUp("Padi ", "Camat", "2019-02-15"), c.NewFollowUp("Jalan"))
    play.when(c.SaveCard("minas", "Aman #tol", direction="Siaga", decision="Ya", follow_ups=tasks))
    play.then(
        e.ReportLogged("new", "minas", "Aman #tol", ("tol",), 1),
        e.NoteAdded("new-direction", "direction", "Siaga", "minas"),
        e.NoteAdded("new-decision", "decision", "Ya", "minas"),
        e.FollowUpAdded("new-1", "Padi", "Camat", "2019-02-15", "minas"),
        e.FollowUpAdded("new-2", "Jalan", "", "", "minas"),
        e.DraftSaved("report:minas", {}),
    )
    assert (play.state.drafts, play.site("minas").draft) == ({}, "")


def test_a_card_amends_its_report_and_adds_to_it():
    play = open_meeting().given(e.ReportLogged("r1", "minas", "Aman", ("tol",)))
    play.when(c.SaveCard("minas", "Aman", "r1", ("tol",), decision="Ya"))
    play.then(e.NoteAdded("new-decision", "decision", "Ya", "minas"))
    play.when(c.SaveCard("minas", "Aman sekali", "r1", ("tol",)))
    play.then(e.ReportAmended("r1", "Aman sekali", ("tol",)))
    play.when(c.SaveCard("siak", "Aman", "r1")).refused("unknown-report")
    play.when(c.SaveCard("minas", " ", "r1")).refused("text-empty")


@pytest.mark.parametrize(
    ("card", "code"),
    [
        (c.SaveCard("minas"), "text-empty"),
        (c.SaveCard("minas", TOO_LONG), "text-too-long"),
        (c.SaveCard("minas", "A", direction=TOO_LONG), "text-too-long"),
        (c.SaveCard("minas", "A", follow_ups=(c.NewFollowUp("x", due="besok"),)), "bad-date"),
        (c.SaveCard("minas", "A", follow_ups=(c.NewFollowUp(" "),)), "text-empty"),
    ],
)
def test_nothing_of_a_card_is_saved_when_a_part_is_wrong(card: c.SaveCard, code: str):
    open_meeting().when(card).refused(code)


def test_what_is_typed_in_any_form_is_kept():
    play = open_meeting().when(c.SaveDraft("note", {"text": "Am"}))
    play.then(e.DraftSaved("note", {"text": "Am"})).when(c.SaveDraft("note", {"text": "Am"})).then()
    assert play.state.drafts == {"note": {"text": "Am"}}
    play.when(c.SaveDraft("note", {})).then(e.DraftSaved("note", {}))
    assert play.state.drafts == {}
    play.when(c.SaveDraft("", {})).refused("draft-too-big")
    play.when(c.SaveDraft("note", {str(n): "" for n in range(201)})).refused("draft-too-big")
    play.when(c.SaveDraft("note", {"text": TOO_LONG * 3})).refused("text-too-long")
    play.when(c.SaveDraft("report:padang", {"text": "A"})).refused("unknown-site")


def test_a_draft_of_a_card_waits_while_the_minutes_are_fixed():
    play = closed_meeting().when(c.SubmitMinutes())
    play.when(c.SaveDraft("report:minas", {"text": "A"})).refused("minutes-submitted")
    play.when(c.SaveDraft("note", {"text": "A"})).then(e.DraftSaved("note", {"text": "A"}))


def test_what_meetings_before_left_is_carried_and_closed_here():
    play = planned_meeting("hall").when(c.CarryFollowUps((LEFT,), 2))
    play.then(e.FollowUpsCarried((LEFT,), 2)).when(c.CarryFollowUps((LEFT,), 2)).then()
    play.when(c.OpenMeeting()).later(60).when(c.CloseFollowUp("f0")).then(e.FollowUpClosed("f0"))
    assert play.state.carried == (st.Carried(LEFT, play.now),)
    play.when(c.CloseFollowUp("f0")).then().when(c.CarryFollowUps((), 2)).then()
    # A later look at the journal brings another one; what was closed here stays.
    other = msgspec.structs.replace(LEFT, id="f9")
    play.when(c.CarryFollowUps((other,))).then(e.FollowUpsCarried((other,)))
    assert [one.id for one in play.state.carried] == ["f0", "f9"]
    play.when(c.ReopenFollowUp("f0")).then(e.FollowUpReopened("f0"))
    assert play.state.carried[0].closed_at is None
    play.when(c.ReopenFollowUp("f0")).then()
    play.when(c.CloseFollowUp("f8")).refused("unknown-follow-up")
    play.when(c.CloseMeeting()).when(c.CarryFollowUps(())).then()


def test_a_follow_up_of_the_meeting_itself_is_closed():
    play = open_meeting().when(c.AddFollowUp("Padi"), new_id="f").later(5)
    play.when(c.CloseFollowUp("f")).then(e.FollowUpClosed("f"))
    assert play.state.follow_ups[0].closed_at == play.now


def test_a_follow_up_has_an_owner_and_a_date():
    play = open_meeting().when(
        c.AddFollowUp(" Padi ", " Camat ", "2019-02-15", "minas"), new_id="f"
    )
    play.then(e.FollowUpAdded("f", "Padi", "Camat", "2019-02-15", "minas"))
    play.when(c.AddFollowUp("Tanpa tanggal"), new_id="f2")
    play.then(e.FollowUpAdded("f2", "Tanpa tanggal"))


@pytest.mark.parametrize("due", ["besok", "2019-02-30", "20190215", "2019-W07-5", "15/02/2019"])
def test_a_date_is_written_in_one_form(due: str):
    open_meeting().when(c.AddFollowUp("Padi", due=due)).refused("bad-date", due, "2019-02-15")


def test_a_note_is_added():
    play = open_meeting().when(c.AddNote("Siaga ", "direction", "minas"), new_id="n1")
    play.then(e.NoteAdded("n1", "direction", "Siaga", "minas"))


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_text_is_refused(text: str):
    for command in (
        c.LogReport("minas", text),
        c.AmendReport("r1", text),
        c.AddFollowUp(text),
        c.AddNote(text),
    ):
        closed_meeting().when(command).refused("text-empty")


def test_a_text_has_a_length():
    for command in (
        c.LogReport("minas", TOO_LONG),
        c.AmendReport("r1", TOO_LONG),
        c.AddFollowUp(TOO_LONG),
        c.AddFollowUp("Padi", owner=TOO_LONG),
        c.AddNote(TOO_LONG),
    ):
        closed_meeting().when(command).refused("text-too-long", str(MAX_TEXT))
    open_meeting().when(c.AddNote("x" * MAX_TEXT), new_id="n").then(
        e.NoteAdded("n", "note", "x" * MAX_TEXT)
    )


def test_an_announcement_is_set_and_taken_away():
    play = (
        open_meeting()
        .when(c.SetBanner(" Mulai 5 menit lagi "))
        .then(e.BannerSet("Mulai 5 menit lagi"))
    )
    play.when(c.SetBanner("Mulai 5 menit lagi")).then()
    play.when(c.SetBanner("")).then(e.BannerSet(""))
    play.when(c.SetBanner("x" * 501)).refused("banner-too-long")


@pytest.mark.parametrize("play", [planned_meeting(), open_meeting(), closed_meeting()])
def test_voice_and_media_of_a_site_are_set_at_any_time(play: Playbook):
    play.when(c.SetVoice("minas", "clear")).then(e.VoiceSet("minas", "clear"))
    play.when(c.SetVoice("minas", "clear")).then()
    play.when(c.SetMedia("minas", "audio-only")).then(e.MediaSet("minas", "audio-only"))
    play.when(c.SetMedia("minas", "audio-only")).then()
    play.when(c.SetMedia("hall", "auto")).then()
    play.when(c.SetVoice("hall", "auto")).then()
    assert (play.site("minas").voice, play.site("minas").media) == ("clear", "audio-only")
    play.when(c.SetVoice("minas", "auto")).then(e.VoiceSet("minas", "auto"))
    play.when(c.SetMedia("minas", "auto")).then(e.MediaSet("minas", "auto"))
    assert (play.site("minas").voice, play.site("minas").media) == ("auto", "auto")


@pytest.mark.parametrize("command", [c.SetVoice("padang", "clear"), c.SetMedia("padang", "narrow")])
def test_voice_and_media_of_a_stranger_are_refused(command: c.AnyCommand):
    open_meeting().when(command).refused("unknown-site", "padang")


@pytest.mark.parametrize(
    ("text", "given", "tags"),
    [
        ("#Karhutla di #jalan-tol", (), ("karhutla", "jalan-tol")),
        ("a#b ##c #", (), ()),
        ("#pemilu", ("#Pemilu", "siaga", ""), ("pemilu", "siaga")),
        ("(#karhutla), #pemilu.", (), ("karhutla", "pemilu")),
    ],
)
def test_tags_of_a_text(text: str, given: tuple[str, ...], tags: tuple[str, ...]):
    assert tags_of(text, given) == tags


# -- the minutes after the meeting -------------------------------------------------------------

CORRECT = c.CorrectMinutes(" A ", "B", "Salah ketik", "B.1", by="Notulis")


def test_minutes_are_submitted_and_approved():
    play = (
        closed_meeting().when(c.SubmitMinutes(by=" Notulis ")).then(e.MinutesSubmitted("Notulis"))
    )
    assert play.state.minutes.status == "submitted"
    play.later(60).when(c.ApproveMinutes(by="Bupati")).then(e.MinutesApproved("Bupati"))
    assert play.state.minutes == st.MinutesRecord(
        "approved",
        "Bupati",
        play.now,
        submitted_seq=play.state.seq - 1,
        approved_seq=play.state.seq,
    )


def test_minutes_are_returned_with_a_reason_and_submitted_again():
    play = closed_meeting().when(c.SubmitMinutes()).when(c.ReturnMinutes(" "))
    play.refused("text-empty").when(c.ReturnMinutes("Nama salah", by="Sekda"))
    play.then(e.MinutesReturned("Nama salah", "Sekda"))
    assert (play.state.minutes.status, play.state.minutes.reason) == ("returned", "Nama salah")
    play.when(c.LogReport("minas", "Aman")).when(c.SubmitMinutes()).then(e.MinutesSubmitted())
    assert play.state.minutes.reason == ""


@pytest.mark.parametrize("play", [planned_meeting("hall"), open_meeting()])
def test_minutes_of_a_meeting_not_closed_are_not_submitted(play: Playbook):
    play.when(c.SubmitMinutes()).refused("minutes-open")


def test_only_submitted_minutes_are_approved_or_returned():
    play = closed_meeting()
    for command in (c.ApproveMinutes(), c.ReturnMinutes("x")):
        play.when(command).refused("minutes-not-submitted")
    play.when(CORRECT).refused("minutes-not-approved")
    play.when(c.SubmitMinutes()).when(c.SubmitMinutes()).refused("minutes-submitted")
    play.when(CORRECT).refused("minutes-not-approved")
    play.when(c.ApproveMinutes())
    for command in (c.SubmitMinutes(), c.ApproveMinutes(), c.ReturnMinutes("x")):
        play.when(command).refused("minutes-approved", "erratum")


@pytest.mark.parametrize(
    "command",
    [
        c.MarkAttendance("minas", "absent"),
        c.DraftReport("minas", "x"),
        c.LogReport("minas", "x"),
        c.AmendReport("r1", "x"),
        c.AddFollowUp("x"),
        c.SaveCard("minas", "x"),
        c.AddNote("x"),
    ],
    ids=lambda command: type(command).__name__,
)
def test_what_is_submitted_or_approved_does_not_change(command: c.AnyCommand):
    assert isinstance(command, TEXT)
    left = e.FollowUpAdded("f1", "x")
    play = closed_meeting().given(left).when(c.SubmitMinutes())
    play.when(command).refused("minutes-submitted")
    play.when(c.ApproveMinutes()).when(command).refused("minutes-approved")
    returned = closed_meeting().given(left).when(c.SubmitMinutes()).when(c.ReturnMinutes("x"))
    returned.when(command)
    assert isinstance(returned.decision, list)


def test_what_is_done_may_be_said_after_the_minutes_are_fixed():
    play = closed_meeting().given(e.FollowUpAdded("f1", "x")).when(c.SubmitMinutes())
    play.later(60).when(c.CloseFollowUp("f1")).then(e.FollowUpClosed("f1"))
    play.when(c.ApproveMinutes()).when(c.ReopenFollowUp("f1")).then(e.FollowUpReopened("f1"))
    play.when(c.CloseFollowUp("f1", " oleh PU ")).then(e.FollowUpClosed("f1", "oleh PU"))


def test_how_something_was_done_may_be_said_later_and_changes_not_when():
    play = closed_meeting().given(e.FollowUpAdded("f1", "x"))
    play.later(60).when(c.CloseFollowUp("f1")).then(e.FollowUpClosed("f1"))
    at = play.state.follow_ups[0].closed_at
    play.later(60).when(c.CloseFollowUp("f1", "dibor")).then(e.FollowUpClosed("f1", "dibor"))
    play.when(c.CloseFollowUp("f1", "dibor")).then().when(c.CloseFollowUp("f1")).then()
    assert (play.state.follow_ups[0].closed_at, play.state.follow_ups[0].how) == (at, "dibor")
    play.when(c.CloseFollowUp("f1", "x" * 20_001)).refused("text-too-long")
    play.when(c.ReopenFollowUp("f1"))
    assert (play.state.follow_ups[0].closed_at, play.state.follow_ups[0].how) == (None, "")


def test_an_erratum_leaves_the_approved_text():
    play = closed_meeting().when(c.SubmitMinutes()).when(c.ApproveMinutes())
    before = play.state.reports
    play.later(5).when(CORRECT, new_id="k1")
    play.then(e.MinutesCorrected("k1", "B.1", "A", "B", "Salah ketik", "Notulis"))
    assert play.state.reports == before
    assert play.state.minutes.corrections == (
        st.Correction("k1", "B.1", "A", "B", "Salah ketik", "Notulis", play.now),
    )
    assert play.state.minutes.status == "approved"


@pytest.mark.parametrize("field", ["was", "text", "reason"])
def test_an_erratum_is_told_whole(field: str):
    play = closed_meeting().when(c.SubmitMinutes()).when(c.ApproveMinutes())
    play.when(msgspec.structs.replace(CORRECT, **{field: " "})).refused("text-empty")
    play.when(msgspec.structs.replace(CORRECT, **{field: TOO_LONG})).refused("text-too-long")


# -- the recording -------------------------------------------------------------------------------


def test_a_recording_is_started_paused_resumed_and_ended_with_the_meeting():
    play = open_meeting().when(c.StartRecording()).then(e.RecordingStarted())
    assert play.state.recording == "on"
    play.when(c.StartRecording()).then()
    play.later(10).when(c.PauseRecording()).then(e.RecordingPaused())
    play.when(c.PauseRecording()).then()
    play.later(5).when(c.StartRecording()).then(e.RecordingResumed())
    play.later(20).when(c.CloseMeeting(force=True))
    assert play.decision[-2:] == [e.RecordingStopped("closed"), e.MeetingClosed(())]  # type: ignore[index]
    assert play.state.recording == "off"
    lengths = [one.ended_at - one.began_at for one in play.state.recorded if one.ended_at]
    assert lengths == [10_000, 20_000]


def test_recording_needs_an_open_meeting_and_ending_it_a_recording():
    planned_meeting("hall").when(c.StartRecording()).refused("not-open")
    closed_meeting().when(c.StartRecording()).refused("closed")
    open_meeting().when(c.PauseRecording()).refused("not-recording")
    open_meeting().when(c.StopRecording()).refused("not-recording")


def test_a_plan_may_say_that_recording_begins_with_the_opening():
    recording = e.RecordingPlan(at_opening=True)
    plan = msgspec.structs.replace(PLAN, recording=recording)
    play = Playbook(e.MeetingConvened(plan)).when(c.OpenMeeting())
    play.then(e.MeetingOpened(), e.RecordingStarted())


def test_a_disk_that_runs_low_is_told_once_and_a_full_one_ends_the_recording():
    play = open_meeting().given(e.RecordingStarted())
    play.when(c.NoteDiskLow(1900)).then(e.RecordingWarned(1900)).when(c.NoteDiskLow(1800)).then()
    play.when(c.NoteRecordingEnded("disk-full")).then(e.RecordingStopped("disk-full"))
    play.when(c.NoteRecordingEnded("disk-full")).then().when(c.NoteDiskLow(100)).then()
    play.when(c.StartRecording()).then(e.RecordingStarted())
    play.when(c.NoteDiskLow(1700)).then(e.RecordingWarned(1700))


def test_the_finished_recording_belongs_to_a_closed_meeting():
    film = c.NoteRecordingFinished("rekaman.mkv", 60_000, 1000, 3)
    open_meeting().when(film).then()
    play = closed_meeting().when(film)
    play.then(e.RecordingFinished("rekaman.mkv", 60_000, 1000, 3)).when(film).then()


# -- every command -------------------------------------------------------------------------------

EXAMPLES: dict[type, c.AnyCommand] = {
    type(command): command
    for command in (
        c.ConveneMeeting(PLAN),
        c.PrepareMeeting(OTHER_PLAN),
        c.OpenMeeting(),
        c.CloseMeeting(force=True),
        c.MarkAttendance("siak", "absent"),
        c.CallNext(),
        c.GrantFloor("siak"),
        c.EndTurn(),
        c.UndoHandover(),
        c.ExtendTurn(60),
        c.SetBudget(900),
        c.SetOverrun("close"),
        c.Mute("minas"),
        c.Unmute("minas"),
        c.MuteAll(),
        c.Promote("siak"),
        c.Demote("guest"),
        c.SetVoice("siak", "clear"),
        c.SetMedia("siak", "narrow"),
        c.RaiseHand("siak"),
        c.LowerHand("kandis"),
        c.MoveInQueue("siak", 9),
        c.Skip("siak"),
        c.DraftReport("siak", "A"),
        c.LogReport("siak", "A"),
        c.AmendReport("r1", "B"),
        c.AddFollowUp("A"),
        c.SaveCard("siak", "A"),
        c.CloseFollowUp("f1"),
        c.ReopenFollowUp("f2"),
        c.SaveDraft("note", {"text": "A"}),
        c.CarryFollowUps((e.CarriedFollowUp("f3", "A"),)),
        c.AddNote("A"),
        c.SetBanner("A"),
        c.SubmitMinutes(by="Notulis"),
        c.ApproveMinutes(by="Bupati"),
        c.ReturnMinutes("Nama salah"),
        c.CorrectMinutes("A", "B", "Salah ketik", "B.1"),
        c.StartRecording(),
        c.PauseRecording(),
        c.StopRecording(),
        c.NoteDiskLow(900),
        c.NoteRecordingEnded("disk-full"),
        c.NoteRecordingFinished("rekaman.mkv", 60_000),
        c.NoteLinks(e.LinksMeasured((e.LinkStatistics("siak"),))),
        c.NoteSiteJoined("siak"),
        c.NoteMediaArrived("siak"),
        c.NoteSiteLeft("siak"),
        c.Tick(),
        c.CheckLines(("siak",)),
        c.StopLineCheck(),
        c.NoteLineChecked("siak", "x1", e.LineFigures()),
    )
}


MINUTES = (c.SubmitMinutes, c.ApproveMinutes, c.ReturnMinutes, c.CorrectMinutes)


def test_the_examples_are_all_the_commands():
    assert set(EXAMPLES) == set(c.AnyCommand.__args__)


def fitting(command: c.AnyCommand) -> Playbook:
    """A meeting in which the example makes events."""
    if isinstance(command, c.ConveneMeeting):
        return Playbook()
    if isinstance(command, c.PrepareMeeting):
        return planned_meeting()
    if isinstance(command, c.OpenMeeting):
        return planned_meeting("hall")
    if isinstance(command, MINUTES):
        play = closed_meeting()
        if not isinstance(command, c.SubmitMinutes):
            play.given(e.MinutesSubmitted())
        return play.given(e.MinutesApproved()) if isinstance(command, c.CorrectMinutes) else play
    if isinstance(command, c.CheckLines):
        return planned_meeting()
    if isinstance(command, c.StopLineCheck | c.NoteLineChecked):
        return planned_meeting("siak").given(e.LineCheckStarted("x1", ("siak", "hall"), 0))
    play = open_meeting().given(e.ReportLogged("r1", "minas", "A"), e.HandRaised("kandis"))
    play.given(e.SitePromoted("guest"), MINAS)
    play.given(e.FollowUpAdded("f1", "A"), e.FollowUpAdded("f2", "B"), e.FollowUpClosed("f2"))
    if isinstance(command, c.CallNext):
        play.later(1)
    if isinstance(command, c.Unmute):
        play.given(e.SiteMuted("minas"))
    if isinstance(command, c.NoteMediaArrived):
        play.given(e.AttendanceMarked("siak", "unmarked"))
    if isinstance(command, c.NoteSiteJoined):
        play.given(e.SiteLeft("siak"))
    if isinstance(command, c.Tick):
        play.until_due()
    if isinstance(command, RECORDED):
        play.given(e.RecordingStarted())
    if isinstance(command, c.NoteRecordingFinished):
        play.given(e.MeetingClosed())
    return play


RECORDED = c.PauseRecording | c.StopRecording | c.NoteDiskLow | c.NoteRecordingEnded


@pytest.mark.parametrize("command", EXAMPLES.values(), ids=lambda x: type(x).__name__)
def test_every_command_is_carried_out_once_by_its_id(command: c.AnyCommand):
    play = fitting(command).when(command, "id-1")
    assert isinstance(play.decision, list) and play.decision, "the example does something"
    before = play.state
    play.later(1).when(command, "id-1").then()
    assert play.state == before


@pytest.mark.parametrize(
    "command",
    [x for x in EXAMPLES.values() if hasattr(x, "site")],
    ids=lambda x: type(x).__name__,
)
def test_an_unknown_site_is_refused_by_every_command(command: c.AnyCommand):
    strange = type(command)(**{**as_dict(command), "site": "pekanbaru"})
    play = fitting(command).when(strange).refused("unknown-site", "pekanbaru")
    assert play.decision.arguments == {"site": "pekanbaru"}  # type: ignore[union-attr]


def as_dict(command: c.AnyCommand) -> dict[str, object]:
    return {name: getattr(command, name) for name in command.__struct_fields__}


@pytest.mark.parametrize("command", EXAMPLES.values(), ids=lambda x: type(x).__name__)
def test_without_a_meeting_nothing_but_convening_is_possible(command: c.AnyCommand):
    play = Playbook().when(command)
    if isinstance(command, c.ConveneMeeting):
        play.then(e.MeetingConvened(PLAN))
    else:
        play.refused("no-meeting")


def test_arguments_fill_every_translation():
    """What a client translates by the code, it can fill in."""
    play = open_meeting("hall").given(e.QueueMoved(("minas",)))
    for command, code in (
        (c.CallNext(), "nobody-callable"),
        (c.GrantFloor("siak"), "offline"),
        (c.ExtendTurn(-1), "no-turn"),
        (c.AddFollowUp("A", due="x"), "bad-date"),
    ):
        decision = decide(play.state, command, play.now)
        assert isinstance(decision, Refusal) and decision.code == code
        for value in decision.arguments.values():
            assert str(value) in decision.reason
