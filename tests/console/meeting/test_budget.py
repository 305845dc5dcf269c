"""The time of the meeting: shared anew at every call; the bell; what happens after it."""

import msgspec
import pytest

from console.meeting.budget import projected_end, share_s, to_speak
from console.meeting.decide import deadline
from console.meeting.layout import cue
from protocol import commands as c
from protocol import events as e
from tests.playbook import ALL, PLAN, Playbook

BUDGET_S = 900
SPLIT = msgspec.structs.replace(PLAN, timing="split", budget_s=BUDGET_S, bell_s=30)


def opened(plan: e.MeetingPlan = SPLIT) -> Playbook:
    play = Playbook(e.MeetingConvened(plan))
    for site in ALL:
        play.given(e.SiteJoined(site), e.AttendanceMarked(site, "present"))
    return play.given(e.MeetingOpened())


def allowance(play: Playbook) -> int:
    turn = play.state.floor
    assert turn is not None
    return turn.allowance_s


def test_what_is_left_is_shared_anew_at_every_call():
    play = opened().later(60).when(c.CallNext())
    assert allowance(play) == 280, "840 s for three"
    play.later(600).when(c.CallNext())
    assert allowance(play) == 120, "240 s for two: the first took too long"
    play.later(20).when(c.CallNext())
    assert allowance(play) == 220, "all that is left for the last one"


def test_a_share_is_whole_and_never_less_than_a_minute():
    play = opened().later(1)
    assert share_s(play.state, "minas", play.now) == 295
    assert share_s(play.state, "guest", play.now) == 220, "one more to share with"
    play.later(2 * BUDGET_S)
    assert share_s(play.state, "minas", play.now) == 60


def test_the_absent_have_no_share_and_the_disconnected_have_one():
    play = opened().given(e.AttendanceMarked("minas", "excused", "sakit"), e.SiteLeft("kandis"))
    assert to_speak(play.state) == ("siak", "kandis")
    assert share_s(play.state, "siak", play.now) == 450


def test_a_fixed_time_stays():
    play = opened(msgspec.structs.replace(SPLIT, timing="fixed")).later(800).when(c.CallNext())
    assert allowance(play) == 60


def test_the_meetings_time_can_be_changed():
    play = opened().when(c.SetBudget(1800)).then(e.BudgetSet(1800))
    play.when(c.SetBudget(1800)).then()
    play.when(c.CallNext())
    assert allowance(play) == 600
    for seconds in (0, 59, 86_401, -1):
        play.when(c.SetBudget(seconds)).refused("bad-budget", "1 minute to 24 hours")


def test_the_projected_end_is_the_planned_one_until_it_can_not_be_held():
    play = opened()
    end = play.now + BUDGET_S * 1000
    assert projected_end(play.state, play.now) == end
    play.when(c.CallNext()).later(200)
    assert projected_end(play.state, play.now) == end
    play.later(600)
    assert projected_end(play.state, play.now) == play.now + 120_000, "two more, a minute each"
    play.when(c.CallNext()).later(30)
    assert projected_end(play.state, play.now) == play.now + 30_000 + 60_000


def test_when_all_have_spoken_it_ends_with_the_last_turn():
    play = opened().given(e.QueueMoved(())).when(c.GrantFloor("kandis"))
    assert projected_end(play.state, play.now) == play.now + BUDGET_S * 1000
    play.later(100).when(c.EndTurn())
    assert projected_end(play.state, play.now) == play.now


def test_a_suspended_turn_is_counted_with_what_it_had_left():
    plan = msgspec.structs.replace(SPLIT, timing="fixed")
    play = opened(plan).given(e.QueueMoved(("minas",))).when(c.CallNext()).later(20)
    play.when(c.NoteSiteLeft("minas")).until_due().when(c.Tick())
    assert projected_end(play.state, play.now) == play.now + 40_000


def test_there_is_no_end_before_the_beginning():
    assert projected_end(Playbook(e.MeetingConvened(SPLIT)).state, 0) is None


# -- the bell and what comes after it -----------------------------------------------------------


def rung(policy: e.Overrun) -> Playbook:
    """Minas has 30 s left and the bell has rung."""
    play = opened().when(c.SetOverrun(policy)).when(c.CallNext()).until_due()
    assert cue(play.state, "minas") == "live"
    play.when(c.Tick()).then(e.TurnWarned("minas", 1, 30))
    assert play.now == play.turn(1).granted_at + 270_000
    assert cue(play.state, "minas") == "low"
    return play


def test_count_up_disturbs_nobody():
    play = rung("count-up").until_due().when(c.Tick()).then(e.TurnOverran("minas", 1))
    assert cue(play.state, "minas") == "live" and play.live == {"hall", "minas"}
    assert deadline(play.state) is None


def test_warn_tells_the_room():
    play = rung("warn").until_due().when(c.Tick()).then(e.TurnOverran("minas", 1))
    assert cue(play.state, "minas") == "over" and play.live == {"hall", "minas"}


def test_close_closes_the_microphone_until_there_is_more_time():
    play = rung("close").until_due()
    play.when(c.Tick()).then(e.TurnOverran("minas", 1), e.SiteMuted("minas"))
    assert cue(play.state, "minas") == "over" and play.live == {"hall"}
    assert play.state.holder == "minas", "the turn is not ended"
    play.later(7).when(c.ExtendTurn(60)).then(
        e.TurnExtended("minas", 1, 60), e.SiteUnmuted("minas")
    )
    assert play.live == {"hall", "minas"} and cue(play.state, "minas") == "live"
    play.until_due().when(c.Tick()).then(e.TurnWarned("minas", 1, 30))


def test_who_was_muted_by_the_operator_is_not_opened_by_more_time():
    play = rung("warn").until_due().when(c.Tick()).when(c.Mute("minas"))
    play.when(c.ExtendTurn(60)).then(e.TurnExtended("minas", 1, 60))


def test_the_bell_rings_again_only_when_there_is_time_for_it():
    play = rung("warn").when(c.ExtendTurn(10))
    assert deadline(play.state) == play.turn(1).granted_at + 280_000, "40 s left: at 30 again"
    play = rung("warn").later(25).when(c.ExtendTurn(10))
    assert play.turn(1).warned, "15 s left: it has rung"


def test_no_bell_in_a_turn_shorter_than_it():
    plan = msgspec.structs.replace(SPLIT, timing="fixed", allowance_s=30)
    play = opened(plan).when(c.CallNext()).until_due()
    play.when(c.Tick()).then(e.TurnOverran("minas", 1))


def test_a_bell_that_nobody_could_ring_in_time_is_left_out():
    play = opened().when(c.CallNext()).later(400).when(c.Tick())
    play.then(e.TurnOverran("minas", 1))
    play = opened().when(c.CallNext()).later(290).when(c.Tick())
    play.then(e.TurnWarned("minas", 1, 10))


def test_the_policy_is_told_once():
    play = opened().when(c.SetOverrun("close")).then(e.OverrunSet("close"))
    play.when(c.SetOverrun("close")).then()


@pytest.mark.parametrize(
    ("site", "told"), [("hall", "none"), ("minas", "live"), ("siak", "on-deck"), ("kandis", "none")]
)
def test_who_is_told_what(site: str, told: str):
    play = opened().when(c.CallNext())
    assert cue(play.state, site) == told
    assert cue(Playbook(e.MeetingConvened(SPLIT)).state, site) == "none"


def test_the_panel_is_told_that_it_is_heard_and_the_muted_are_told_nothing():
    play = opened().when(c.Promote("kandis")).when(c.CallNext())
    assert cue(play.state, "kandis") == "live"
    play.when(c.Mute("minas"))
    assert cue(play.state, "minas") == "none"
