"""The minutes after the meeting: submitted, approved, returned, corrected."""

import msgspec
import pytest

from console.meeting import state as st
from console.meeting.ratify import TEXT
from console.meeting.refusal import MAX_TEXT
from protocol import commands as c
from protocol import events as e
from tests.playbook import (
    Playbook,
    closed_meeting,
    open_meeting,
    planned_meeting,
)

TOO_LONG = "x" * (MAX_TEXT + 1)


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
