"""The floor: calling, turns and their time, who is heard beside the speaker, hands and queue."""

import pytest

from console.meeting.decide import deadline
from protocol import commands as c
from protocol import events as e
from tests.playbook import (
    ALL,
    ALLOWANCE_S,
    BEGIN,
    GRACE_S,
    Playbook,
    closed_meeting,
    open_meeting,
    planned_meeting,
)

MINAS = e.FloorGranted("minas", 1, ALLOWANCE_S)


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
