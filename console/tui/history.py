"""The log of a meeting one attaches to in the middle, read off its state. Pure."""

from collections.abc import Iterable

from console.meeting.state import Meeting, Turn
from console.tui.views import Happened, LogLine
from protocol import events as e


def is_told(event: e.Event) -> bool:
    """True for events that belong in the log on the screen."""
    return not isinstance(event, e.ReportDrafted | e.DraftSaved | e.LinksMeasured)


def history(meeting: Meeting) -> Iterable[LogLine]:
    """The main lines of a meeting one attaches to in the middle, oldest first."""
    past: list[tuple[int, e.Event]] = []
    if meeting.convened_at is not None:
        past.append((meeting.convened_at, e.MeetingConvened(meeting.plan)))
    if meeting.opened_at is not None:
        past.append((meeting.opened_at, e.MeetingOpened()))
    for turn in meeting.turns:
        past.extend(_turn_history(turn))
    for r in meeting.reports:
        first = r.wordings[0]
        past.append((r.at, e.ReportLogged(r.id, r.site, first.text, first.tags, r.turn)))
        past += [(w.at, e.ReportAmended(r.id, w.text, w.tags)) for w in r.wordings[1:]]
    for f in meeting.follow_ups:
        past.append((f.at, e.FollowUpAdded(f.id, f.text, f.owner, f.due, f.site)))
        if f.closed_at is not None:
            past.append((f.closed_at, e.FollowUpClosed(f.id)))
    for one in meeting.carried:
        if one.closed_at is not None:
            past.append((one.closed_at, e.FollowUpClosed(one.id)))
    for n in meeting.notes:
        past.append((n.at, e.NoteAdded(n.id, n.kind, n.text, n.site)))
    past += _recording_history(meeting)
    if meeting.closed_at is not None:
        past.append((meeting.closed_at, e.MeetingClosed(meeting.reports_missing())))
    return [Happened(at, event) for at, event in sorted(past, key=lambda one: one[0])]


def _turn_history(turn: Turn) -> list[tuple[int, e.Event]]:
    past: list[tuple[int, e.Event]] = [
        (turn.granted_at, e.FloorGranted(turn.site, turn.number, turn.allowance_s))
    ]
    if turn.ended_at is not None and turn.status == "suspended":
        past.append((turn.ended_at, e.TurnSuspended(turn.site, turn.number, turn.spoken_ms)))
    elif turn.ended_at is not None:
        past.append((turn.ended_at, e.TurnEnded(turn.site, turn.number, "ended", turn.spoken_ms)))
    return past


def _recording_history(meeting: Meeting) -> Iterable[tuple[int, e.Event]]:
    for number, stretch in enumerate(meeting.recorded):
        began = e.RecordingResumed() if number else e.RecordingStarted()
        yield stretch.began_at, began
        is_last = number == len(meeting.recorded) - 1
        if stretch.ended_at is not None:
            is_over = is_last and meeting.recording == "off"
            ended = e.RecordingStopped() if is_over else e.RecordingPaused()
            yield stretch.ended_at, ended
