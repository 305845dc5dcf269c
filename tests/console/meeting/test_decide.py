"""What the meeting allows: every command, every refusal."""

import pytest

from console.meeting.decide import decide
from console.meeting.refusal import Refusal
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
