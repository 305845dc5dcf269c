"""The course of a meeting: convened, prepared, opened, closed; the roll; who comes and goes."""

import msgspec
import pytest

from console.meeting.refusal import MAX_TEXT
from protocol import commands as c
from protocol import events as e
from tests.playbook import (
    ALLOWANCE_S,
    OTHER_PLAN,
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
