"""What someone wants. Imperative; may be refused (`console.meeting.decide.decide`).

Commands of the operator travel in a `Command` frame with a client-made id. The last group is
made by the server itself and is never accepted from a connection.
"""

import msgspec

from protocol.events import (
    Attendance,
    CarriedFollowUp,
    LineFigures,
    LinksMeasured,
    MediaMode,
    MeetingPlan,
    NoteKind,
    Overrun,
    RecordingEnd,
    VoiceMode,
)


class _Command(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", omit_defaults=True
):
    pass


class ConveneMeeting(_Command, frozen=True, tag="convene-meeting"):
    """Begin a new meeting record; `plan` None means the roster the server was started with, or
    the plan of the meeting `like` (an id; `latest` is the last one), without its number."""

    plan: MeetingPlan | None = None
    like: str = ""


class PrepareMeeting(_Command, frozen=True, tag="prepare-meeting"):
    """Another plan for the meeting that is not open yet: title, agenda, times; the sites stay."""

    plan: MeetingPlan


class OpenMeeting(_Command, frozen=True, tag="open-meeting"):
    """Open the meeting; the chair is heard from here on."""


class CloseMeeting(_Command, frozen=True, tag="close-meeting"):
    """Close it. Refused with `reports-missing` first; `force` closes all the same."""

    force: bool = False


class MarkAttendance(_Command, frozen=True, tag="mark-attendance"):
    """Roll call; `note` is the deputy's name (represented) or the reason (excused)."""

    site: str
    attendance: Attendance
    note: str = ""


class CallNext(_Command, frozen=True, tag="call-next"):
    """Give the floor to the first in the queue that is online and not absent. Refused within a
    second after a call: that was the same key pressed twice."""


class GrantFloor(_Command, frozen=True, tag="grant-floor"):
    """Give the floor to this site; ends the turn of another, resumes a suspended one."""

    site: str


class EndTurn(_Command, frozen=True, tag="end-turn"):
    """Take the floor back."""


class UndoHandover(_Command, frozen=True, tag="undo-handover"):
    """Take back the last call or ending of a turn, within 5 seconds: who spoke before speaks on,
    who was called is back in its place in the queue."""


class ExtendTurn(_Command, frozen=True, tag="extend-turn"):
    """More speaking time for the running turn (1 to 3600 seconds)."""

    seconds: int = 60


class SetBudget(_Command, frozen=True, tag="set-budget"):
    """Change the planned length of the whole meeting (60 to 86400 seconds); those still to speak
    share what is left of it."""

    budget_s: int


class SetOverrun(_Command, frozen=True, tag="set-overrun"):
    """Change what happens when a turn's time is used up."""

    overrun: Overrun


class Mute(_Command, frozen=True, tag="mute"):
    """Close a live microphone."""

    site: str


class Unmute(_Command, frozen=True, tag="unmute"):
    """Open the microphone of the floor's holder or of a panelist."""

    site: str


class MuteAll(_Command, frozen=True, tag="mute-all"):
    """Close every microphone but the chair's."""


class Promote(_Command, frozen=True, tag="promote"):
    """Make a site a panelist: heard without the floor. At most two."""

    site: str


class Demote(_Command, frozen=True, tag="demote"):
    """Send a panelist back to the audience."""

    site: str


class SetVoice(_Command, frozen=True, tag="set-voice"):
    """How much delay a site's ear may cost: `conversation` little; `clear` up to 420 ms, so that
    what was lost is there again in time; `auto` leaves it to the agent."""

    site: str
    voice: VoiceMode


class SetMedia(_Command, frozen=True, tag="set-media"):
    """What media a site sends and gets: `audio-only` no picture; `narrow` no picture and its
    voice at 12 kbit/s; `auto` leaves it to the agent."""

    site: str
    media: MediaMode


class RaiseHand(_Command, frozen=True, tag="raise-hand"):
    """By a site for itself, or by the operator for it."""

    site: str


class LowerHand(_Command, frozen=True, tag="lower-hand"):
    """By a site for itself, or by the operator for it."""

    site: str


class MoveInQueue(_Command, frozen=True, tag="move-in-queue"):
    """Put a site at `position` (0 is next; beyond the end means last)."""

    site: str
    position: int


class Skip(_Command, frozen=True, tag="skip"):
    """Take a site off the list of speakers; it can be called later."""

    site: str


class DraftReport(_Command, frozen=True, tag="draft-report"):
    """Save report text while it is typed."""

    site: str
    text: str


class LogReport(_Command, frozen=True, tag="log-report"):
    """Write down what a site reported. `#word`s in the text become tags as well."""

    site: str
    text: str
    tags: tuple[str, ...] = ()


class AmendReport(_Command, frozen=True, tag="amend-report"):
    """Give a report a new text; the old one stays in the record."""

    report: str
    text: str
    tags: tuple[str, ...] = ()


class AddFollowUp(_Command, frozen=True, tag="add-follow-up"):
    """Something to be done; `due` is an ISO date (2019-02-15) or empty."""

    text: str
    owner: str = ""
    due: str = ""
    site: str | None = None


class NewFollowUp(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A line of a report card: something to be done; `due` is an ISO date or empty."""

    text: str
    owner: str = ""
    due: str = ""


class SaveCard(_Command, frozen=True, tag="save-card"):
    """All of a site's report card at once: its report (a new one, or `report` with another text),
    the direction given on it, the decision, the follow-ups. What is empty is left out."""

    site: str
    text: str = ""
    report: str = ""
    tags: tuple[str, ...] = ()
    direction: str = ""
    decision: str = ""
    follow_ups: tuple[NewFollowUp, ...] = ()


class CloseFollowUp(_Command, frozen=True, tag="close-follow-up"):
    """A follow-up of this meeting, or one carried into it, is done; `how` may say how, also later.

    `meeting` names the one that noted it where the present one does not know it.
    """

    follow_up: str
    how: str = ""
    meeting: str = ""


class ReopenFollowUp(_Command, frozen=True, tag="reopen-follow-up"):
    """It was not done after all. `meeting` as in CloseFollowUp."""

    follow_up: str
    meeting: str = ""


class SaveDraft(_Command, frozen=True, tag="save-draft"):
    """Save what is typed in a form, named by `key` (`report:<site>` is a report card), while it
    is typed; no fields: nothing of it is to be kept."""

    key: str
    fields: dict[str, str]


class AddNote(_Command, frozen=True, tag="add-note"):
    """A line for the minutes."""

    text: str
    kind: NoteKind = "note"
    site: str | None = None


class SetBanner(_Command, frozen=True, tag="set-banner"):
    """The announcement shown at every site; empty takes it away."""

    text: str


class SubmitMinutes(_Command, frozen=True, tag="submit-minutes"):
    """Put the minutes of a closed meeting before who presides. `meeting` names one of the
    journal; empty means the present one. `by` is the person, for the record."""

    meeting: str = ""
    by: str = ""


class ApproveMinutes(_Command, frozen=True, tag="approve-minutes"):
    """Approve submitted minutes: attendance and text are fixed from here on."""

    meeting: str = ""
    by: str = ""


class ReturnMinutes(_Command, frozen=True, tag="return-minutes"):
    """Give submitted minutes back to be worked on, with the reason."""

    reason: str
    meeting: str = ""
    by: str = ""


class CorrectMinutes(_Command, frozen=True, tag="correct-minutes"):
    """An erratum of approved minutes: in `part` (such as `B.3`) read `text` instead of `was`."""

    was: str
    text: str
    reason: str
    part: str = ""
    meeting: str = ""
    by: str = ""


class StartRecording(_Command, frozen=True, tag="start-recording"):
    """Record what floor, chair and panel say and show; one that is paused goes on."""


class PauseRecording(_Command, frozen=True, tag="pause-recording"):
    """Record nothing until StartRecording."""


class StopRecording(_Command, frozen=True, tag="stop-recording"):
    """End the recording; closing the meeting ends it, too."""


class CheckLines(_Command, frozen=True, tag="check-lines"):
    """Check the lines, loudspeakers, microphones and cameras of these sites (none named: of all),
    all at once. Refused while somebody has the floor; sites that are live are left alone."""

    sites: tuple[str, ...] = ()


class StopLineCheck(_Command, frozen=True, tag="stop-line-check"):
    """End the line check that is running; what was found so far stays."""


class NoteSiteJoined(_Command, frozen=True, tag="note-site-joined"):
    """Made by the server when a site's agent connected. `media` False: only to the server yet."""

    site: str
    agent_version: str = ""
    media: bool = True


class NoteMediaArrived(_Command, frozen=True, tag="note-media-arrived"):
    """Made by the server when a site's media runs both ways: it is present now."""

    site: str


class NoteSiteLeft(_Command, frozen=True, tag="note-site-left"):
    """Made by the server when a site's agent is gone."""

    site: str
    reason: str = ""


class NoteDiskLow(_Command, frozen=True, tag="note-disk-low"):
    """Made by the server when the relay's disk has less than `warn_free_mb` left."""

    free_mb: int


class NoteRecordingEnded(_Command, frozen=True, tag="note-recording-ended"):
    """Made by the server when the relay ended the recording by itself."""

    reason: RecordingEnd
    trouble: str = ""


class NoteRecordingFinished(_Command, frozen=True, tag="note-recording-finished"):
    """Made by the server when the recording of a closed meeting is one file."""

    file: str
    length_ms: int = 0
    size_bytes: int = 0
    chapters: int = 0
    trouble: str = ""


class CarryFollowUps(_Command, frozen=True, tag="carry-follow-ups"):
    """Made by the server from the journal: what earlier meetings left to be done."""

    follow_ups: tuple[CarriedFollowUp, ...] = ()
    more: int = 0


class NoteLinks(_Command, frozen=True, tag="note-links"):
    """Made by the server once a minute from what relay and agents measured."""

    measured: LinksMeasured


class NoteLineChecked(_Command, frozen=True, tag="note-line-checked"):
    """Made by the server when a site's agent told what it measured. `software` is the server's
    own release, which the agent's should be."""

    site: str
    check: str
    figures: LineFigures
    software: str = ""


class Tick(_Command, frozen=True, tag="tick"):
    """Made by the server's timer when `deadline(state)` has come."""


ModeratorCommand = (
    ConveneMeeting
    | PrepareMeeting
    | OpenMeeting
    | CloseMeeting
    | MarkAttendance
    | CallNext
    | GrantFloor
    | EndTurn
    | UndoHandover
    | ExtendTurn
    | SetBudget
    | SetOverrun
    | Mute
    | Unmute
    | MuteAll
    | Promote
    | Demote
    | SetVoice
    | SetMedia
    | RaiseHand
    | LowerHand
    | MoveInQueue
    | Skip
    | DraftReport
    | LogReport
    | AmendReport
    | AddFollowUp
    | SaveCard
    | CloseFollowUp
    | ReopenFollowUp
    | SaveDraft
    | AddNote
    | SetBanner
    | SubmitMinutes
    | ApproveMinutes
    | ReturnMinutes
    | CorrectMinutes
    | StartRecording
    | PauseRecording
    | StopRecording
    | CheckLines
    | StopLineCheck
)
ServerCommand = (
    NoteSiteJoined
    | NoteMediaArrived
    | NoteSiteLeft
    | NoteDiskLow
    | NoteRecordingEnded
    | NoteRecordingFinished
    | CarryFollowUps
    | NoteLinks
    | NoteLineChecked
    | Tick
)
AnyCommand = ModeratorCommand | ServerCommand
