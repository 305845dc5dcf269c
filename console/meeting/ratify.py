"""The minutes after the meeting: what may still change. The rules are in `decide`. Pure."""

from console.meeting.refusal import Decision, Refusal, bad_text, too_long
from console.meeting.state import Meeting, site_of_card
from protocol import commands as c
from protocol import events as e

# What would change the text of the minutes.
TEXT = (
    c.MarkAttendance,
    c.DraftReport,
    c.LogReport,
    c.AmendReport,
    c.AddFollowUp,
    c.SaveCard,
    c.AddNote,
)


def is_text(command: c.AnyCommand) -> bool:
    """True for what would change the text of the minutes; a draft that is taken away does not."""
    if isinstance(command, c.SaveDraft):
        return bool(command.fields) and site_of_card(command.key) is not None
    return isinstance(command, TEXT)


def fixed(state: Meeting) -> Refusal | None:
    """Why the text of the minutes can't be changed; None while it can."""
    if state.minutes.status == "submitted":
        return Refusal(
            "minutes-submitted", "The minutes are submitted: have them returned to change them."
        )
    if state.minutes.status == "approved":
        return Refusal(
            "minutes-approved", "The minutes are approved: an erratum can be added to them."
        )
    return None


def not_submitted(state: Meeting) -> Refusal | None:
    if state.minutes.status == "submitted":
        return None
    if state.minutes.status == "approved":
        return fixed(state)
    return Refusal("minutes-not-submitted", "The minutes are not submitted yet.")


def correct(state: Meeting, command: c.CorrectMinutes, new_id: str) -> Decision:
    if state.minutes.status != "approved":
        return Refusal(
            "minutes-not-approved", "Only approved minutes get errata: change the text itself."
        )
    texts = [one.strip() for one in (command.was, command.text, command.reason)]
    for text in texts:
        if bad := bad_text(text):
            return bad
    if bad := too_long(command.part) or too_long(command.by):
        return bad
    was, text, reason = texts
    return [e.MinutesCorrected(new_id, command.part.strip(), was, text, reason, command.by.strip())]
