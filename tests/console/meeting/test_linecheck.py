"""The line check as a conversation: all at once, over in time, never in the meeting's way."""

import pytest

from console.meeting.decide import deadline
from console.meeting.layout import layout
from console.meeting.linecheck import TIME_MS
from protocol import commands as c
from protocol import events as e
from tests.playbook import ALL, Playbook, closed_meeting, open_meeting, planned_meeting

FIGURES = e.LineFigures(probes=300, loss_up_percent=10.0, camera="moving", version="giliran 1")


def told(site: str, check: str = "new", figures: e.LineFigures = FIGURES) -> c.NoteLineChecked:
    return c.NoteLineChecked(site, check, figures, "giliran 1")


def poor(site: str, *faults: e.LineFault, figures: e.LineFigures | None = None) -> e.LineChecked:
    return e.LineChecked("new", site, "poor", faults, figures or e.LineFigures())


def checking(*online: str) -> Playbook:
    return planned_meeting(*(online or ALL)).when(c.CheckLines())


def test_all_sites_are_checked_at_once_and_each_is_judged_when_it_answers():
    play = planned_meeting(*ALL).when(c.CheckLines())
    play.then(e.LineCheckStarted("new", ALL, play.now + TIME_MS))
    assert deadline(play.state) == play.now + TIME_MS
    orders = [layout(play.state, site).check for site in ALL]
    assert [one.turn for one in orders if one] == [0, 1, 2, 3, 4]
    assert {(one.id, one.turns, one.gentle) for one in orders if one} == {("new", 5, False)}
    play.later(9).when(told("minas")).then(poor("minas", "loss-up", figures=FIGURES))
    assert layout(play.state, "minas").check is None, "it is asked no more"
    assert layout(play.state, "siak").check is not None
    assert play.state.lines["minas"].at == play.now
    for site in ("siak", "hall", "kandis"):
        play.when(told(site, figures=e.LineFigures()))
    play.when(told("guest", figures=e.LineFigures())).then(
        e.LineChecked("new", "guest", "good"), e.LineCheckEnded("new")
    )
    assert play.state.check is None
    assert set(play.state.lines) == set(ALL)


def test_who_is_not_connected_is_found_so_at_once():
    play = checking("minas", "hall")
    play.then(
        e.LineCheckStarted("new", ALL, play.now + TIME_MS),
        *(poor(site, "offline") for site in ("siak", "kandis", "guest")),
    )
    assert play.state.check is not None
    assert play.state.check.waiting == ("hall", "minas")


def test_a_check_of_nobody_connected_is_over_at_once():
    play = planned_meeting().when(c.CheckLines(("minas",)))
    play.then(
        e.LineCheckStarted("new", ("minas",), play.now + TIME_MS),
        poor("minas", "offline"),
        e.LineCheckEnded("new"),
    )


def test_who_does_not_answer_in_time_has_a_poor_line_and_the_check_is_over():
    play = checking("minas", "siak").when(told("minas"))
    play.until_due().when(c.Tick()).then(poor("siak", "no-answer"), e.LineCheckEnded("new", "late"))
    play.when(told("siak")).then()
    assert deadline(play.state) is None


def test_an_answer_that_is_late_or_told_twice_or_of_another_check_is_nothing():
    play = checking("minas", "siak").when(told("minas"))
    play.when(told("minas")).then()
    play.when(told("siak", "other")).then()


def test_a_site_can_be_checked_again_by_itself_and_the_others_keep_their_result():
    play = checking("minas").when(told("minas"))
    play.later(60).when(c.CheckLines(("minas",)), new_id="again")
    assert play.state.lines["minas"].verdict == "poor"
    play.when(told("minas", "again", e.LineFigures()))
    assert play.state.lines["minas"].verdict == "good"
    assert play.state.lines["siak"].faults == ("offline",)


def test_two_checks_at_once_are_refused():
    checking().when(c.CheckLines()).refused("checking")


def test_an_unknown_site_is_refused():
    planned_meeting("minas").when(c.CheckLines(("nowhere",))).refused("unknown-site", "nowhere")


def test_a_closed_meeting_has_no_line_check():
    closed_meeting().when(c.CheckLines()).refused("closed")


def test_while_somebody_has_the_floor_nothing_is_checked():
    play = open_meeting().when(c.CallNext())
    play.when(c.CheckLines()).refused("turn-runs", "Minas")
    play.later(30).when(c.EndTurn()).when(c.CheckLines())
    assert play.state.check is not None


def test_between_turns_who_is_heard_is_left_alone_and_the_others_are_checked_gently():
    play = open_meeting().when(c.Promote("kandis")).when(c.CheckLines())
    quiet = ("siak", "minas", "guest")
    play.then(e.LineCheckStarted("new", quiet, play.now + TIME_MS, gentle=True))
    assert layout(play.state, "hall").check is None
    assert layout(play.state, "kandis").check is None
    order = layout(play.state, "minas").check
    assert order is not None and order.gentle
    open_meeting().when(c.CheckLines(("hall",))).refused("line-live", "Ruang Bandar Siak")


@pytest.mark.parametrize(
    "command",
    [c.CallNext(), c.GrantFloor("siak"), c.Promote("siak"), c.CloseMeeting(force=True)],
    ids=lambda one: type(one).__name__,
)
def test_a_microphone_that_opens_ends_the_check(command: c.AnyCommand):
    play = open_meeting().when(c.CheckLines()).when(command)
    assert play.decision[0] == e.LineCheckEnded("new", "interrupted")  # type: ignore[index]
    assert play.state.check is None
    assert all(layout(play.state, site).check is None for site in ALL)
    assert play.state.floor is not None or play.state.panel or play.state.phase == "closed"


def test_opening_the_meeting_ends_the_check():
    play = checking().when(c.OpenMeeting())
    play.then(e.LineCheckEnded("new", "interrupted"), e.MeetingOpened())


def test_what_opens_no_microphone_leaves_the_check_alone():
    play = checking().when(c.SetBanner("Rapat mulai 13.30")).then(e.BannerSet("Rapat mulai 13.30"))
    assert play.state.check is not None


def test_the_operator_can_stop_it_and_what_was_found_stays():
    play = checking("minas", "siak").when(told("minas")).when(c.StopLineCheck())
    play.then(e.LineCheckEnded("new", "stopped"))
    assert "minas" in play.state.lines and "siak" not in play.state.lines
    play.when(c.StopLineCheck()).then()


def test_the_deadline_of_a_turn_and_of_a_check_both_hold():
    """A check between turns: the timer rings for it, then for the turn that comes after."""
    play = open_meeting().when(c.CheckLines())
    assert deadline(play.state) == play.now + TIME_MS
    play.until_due().when(c.Tick())
    assert play.state.check is None
    play.when(c.CallNext())
    assert deadline(play.state) is not None


def test_an_old_journal_without_line_checks_replays():
    play = closed_meeting()
    assert play.state.check is None
    assert play.state.lines == {}


def test_a_line_of_a_site_that_is_not_in_the_meeting_changes_nothing():
    play = planned_meeting("minas").given(e.LineChecked("x", "elsewhere", "poor", ("offline",)))
    assert play.state.lines == {}
