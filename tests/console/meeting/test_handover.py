"""The handover: called once, taken back within five seconds, as if it had not been."""

import msgspec
import pytest

from console.meeting.floor import UNDO_MS, undo_until
from protocol import commands as c
from protocol import events as e
from tests.playbook import ALLOWANCE_S, GRACE_S, Playbook, closed_meeting, open_meeting

MINAS = e.FloorGranted("minas", 1, ALLOWANCE_S)


def handed_over() -> Playbook:
    """Minas spoke for 40 s, then Siak was called."""
    return open_meeting().when(c.CallNext()).later(40).when(c.CallNext())


def test_the_second_press_of_a_key_calls_nobody():
    play = open_meeting().when(c.CallNext()).later(0.999)
    play.when(c.CallNext()).refused("called-twice", "Minas", "press again")
    assert play.state.holder == "minas"
    play.later(0.001).when(c.CallNext())
    assert play.state.holder == "siak"


def test_who_was_called_by_name_is_not_skipped_either():
    play = open_meeting().when(c.GrantFloor("kandis")).later(0.5)
    play.when(c.CallNext()).refused("called-twice", "Kandis")
    play.when(c.EndTurn()).when(c.CallNext())
    assert play.state.holder == "minas", "the floor was free: nobody is cut off"


def test_an_undone_call_gives_the_floor_back_and_was_no_speaking_time():
    play = handed_over().later(3)
    play.when(c.UndoHandover()).then(
        e.HandoverReverted("siak", 2, "minas", 1, ("siak", "kandis")),
    )
    assert play.live == {"hall", "minas"}
    assert play.state.holder_turn == 1 and len(play.state.turns) == 1
    assert play.turn(1).spoken_until(play.now + 5_000) == 45_000, "the 3 s are not Minas's"
    play.later(5).when(c.CallNext()).then(
        e.TurnEnded("minas", 1, "next", 45_000), e.FloorGranted("siak", 2, ALLOWANCE_S)
    )


def test_everything_is_as_before_the_call():
    play = open_meeting().given(e.HandRaised("siak")).when(c.CallNext()).later(40)
    before = play.state
    play.when(c.GrantFloor("siak")).when(c.UndoHandover())
    after = msgspec.structs.replace(
        play.state, seq=before.seq, handover=before.handover, turns=before.turns
    )
    assert after == before
    assert play.turn(1).live_since == play.now and play.turn(1).spoken_ms == 40_000


def test_the_first_call_is_undone_to_a_free_floor():
    play = open_meeting().when(c.GrantFloor("siak")).later(2)
    play.when(c.UndoHandover()).then(
        e.HandoverReverted("siak", 1, None, None, ("minas", "siak", "kandis"))
    )
    assert play.state.holder is None and play.live == {"hall"}


def test_an_ended_turn_goes_on():
    play = open_meeting().given(MINAS).later(10).when(c.EndTurn()).later(4)
    play.when(c.UndoHandover()).then(e.HandoverReverted(None, None, "minas", 1, ("siak", "kandis")))
    assert play.live == {"hall", "minas"} and play.turn(1).status == "speaking"


def test_who_was_muted_is_muted_again():
    play = open_meeting().given(MINAS, e.SiteMuted("minas")).later(5).when(c.CallNext())
    play.when(c.UndoHandover())
    assert play.state.holder == "minas" and play.live == {"hall"}


def test_the_panel_keeps_its_voice():
    play = open_meeting().given(e.SitePromoted("siak")).when(c.GrantFloor("siak"))
    play.when(c.UndoHandover())
    assert play.live == {"hall", "siak"}


def test_a_resumed_turn_is_suspended_again():
    play = open_meeting().given(MINAS).later(10).when(c.NoteSiteLeft("minas"))
    play.until_due().when(c.Tick()).when(c.NoteSiteJoined("minas")).when(c.CallNext()).later(9)
    play.when(c.GrantFloor("minas")).later(2).when(c.UndoHandover())
    assert play.state.holder == "siak"
    assert (play.turn(1).status, play.turn(1).spoken_ms) == ("suspended", 10_000)


def test_who_dropped_meanwhile_has_the_grace_time():
    play = handed_over().when(c.NoteSiteLeft("minas")).later(1)
    play.when(c.UndoHandover()).then(
        e.HandoverReverted("siak", 2, "minas", 1, ("siak", "kandis")),
        e.HolderLost("minas", 1, play.now + GRACE_S * 1000),
    )


def test_what_the_operator_did_to_the_queue_meanwhile_stays():
    play = handed_over().when(c.Skip("kandis")).when(c.MoveInQueue("guest", 0))
    play.when(c.UndoHandover())
    assert play.state.queue == ("siak", "guest")


def test_five_seconds_and_no_longer():
    play = handed_over()
    assert undo_until(play.state) == play.now + UNDO_MS
    play.later(5.001).when(c.UndoHandover()).refused("nothing-to-undo", "5 seconds")
    open_meeting().when(c.UndoHandover()).refused("nothing-to-undo")
    closed_meeting().when(c.UndoHandover()).refused("closed")


def test_it_is_taken_back_once():
    play = handed_over().when(c.UndoHandover()).when(c.UndoHandover())
    play.refused("nothing-to-undo")


def test_a_turn_with_a_report_stays():
    play = handed_over().when(c.LogReport("siak", "Aman"))
    play.when(c.UndoHandover()).refused("reported-already", "Siak")


@pytest.mark.parametrize("wrong", [c.CallNext(), c.GrantFloor("kandis")])
def test_after_an_undo_the_right_one_is_called_at_once(wrong: c.AnyCommand):
    play = handed_over().when(c.UndoHandover()).when(wrong)
    assert play.state.holder in ("siak", "kandis") and play.turn(2).site == play.state.holder
