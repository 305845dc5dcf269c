"""The recording in the meeting."""

import msgspec

from protocol import commands as c
from protocol import events as e
from tests.playbook import (
    PLAN,
    Playbook,
    closed_meeting,
    open_meeting,
    planned_meeting,
)


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
