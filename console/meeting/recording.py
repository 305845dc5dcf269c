"""The recording: begun, paused, ended. Pure."""

from console.meeting.refusal import Decision, Refusal, not_open
from console.meeting.state import Meeting
from protocol import events as e


def start(state: Meeting) -> Decision:
    if refusal := not_open(state):
        return refusal
    match state.recording:
        case "on":
            return []
        case "paused":
            return [e.RecordingResumed()]
        case "off":
            return [e.RecordingStarted()]


def not_on(state: Meeting) -> Refusal | None:
    if state.recording == "off":
        return Refusal("not-recording", "Nothing is being recorded.")
    return None
