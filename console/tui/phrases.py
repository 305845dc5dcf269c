"""Meeting facts in the user's language: states, events, refusals, times. Pure but for gettext.

Every text is looked up when it is asked for, so that the language can be chosen at start-up.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from console import line_words
from console.tui.dates import day
from console.tui.replica import Replica
from console.tui.views import (
    Denied,
    FloorView,
    Happened,
    LogLine,
    Place,
    Remarked,
    ReportShown,
    RosterRow,
    Stepped,
)
from protocol import events as e
from protocol import messages as m
from protocol.words import N_, _, n_, word

ATTENDANCE: dict[e.Attendance, str] = {
    "present": N_("Present"),
    "represented": N_("Represented"),
    "late": N_("Late"),
    "excused": N_("Excused"),
    "absent": N_("Absent"),
    "unmarked": N_("Not marked"),
}
ATTENDANCE_LETTERS: dict[e.Attendance, str] = {
    "present": N_("attendance letter|P"),
    "represented": N_("attendance letter|R"),
    "late": N_("attendance letter|L"),
    "excused": N_("attendance letter|E"),
    "absent": N_("attendance letter|A"),
    "unmarked": "|-",
}
LINK: dict[str, str] = {
    "connected": N_("Online"),
    "connecting": N_("Connecting"),
    "offline": N_("Offline"),
}
MICROPHONE: dict[str, str] = {
    "live": N_("LIVE"),
    "muted": N_("muted"),
    "muting": N_("muting…"),
    "opening": N_("opening…"),
    "alarm": N_("LEAKS!"),
    "no-sound": N_("NO SOUND"),
    "unknown": "?",
    "away": "",
}
BEHIND: dict[str, str] = {"muting": N_("mute? {s}s"), "opening": N_("open? {s}s")}
"""A switch that is not confirmed after a second: what is awaited, and for how long."""
CAMERA: dict[str, str] = {
    "live": N_("camera|on"),
    "low": N_("camera|small picture"),
    "opening": N_("camera|starting…"),
    "closing": N_("camera|stopping…"),
}
CAMERA_BEHIND: dict[str, str] = {
    "opening": N_("camera|not on after {s} s"),
    "closing": N_("camera|not off after {s} s"),
    "thin": N_("camera|its link is too thin"),
    "blind": N_("camera|gives no picture"),
}
"""What is wrong with a camera that has not been as it is to be for a second."""
PHASE: dict[str, str] = {
    "none": N_("no meeting"),
    "planned": N_("REHEARSAL"),
    "open": N_("IN SESSION"),
    "closed": N_("CLOSED"),
}
NOTE_KIND: dict[e.NoteKind, str] = {
    "decision": N_("Decision"),
    "direction": N_("Direction"),
    "note": N_("Note"),
    "opening": N_("Opening words"),
    "closing": N_("Closing words"),
}
PLACE: dict[Place, str] = {
    "chair": N_("presides"),
    "floor": N_("has the floor"),
    "lost": N_("has the floor, connection lost"),
    "panel": N_("on the panel"),
    "queue": N_("in the queue"),
    "suspended": N_("turn suspended"),
    "spoken": N_("has spoken"),
    "audience": N_("audience"),
}
REPORT: dict[ReportShown, str] = {
    "done": N_("report written"),
    "draft": N_("draft"),
    "missing": N_("report missing"),
    "none": "",
}

SLOT: dict[m.SlotName, str] = {
    "chair": N_("slot|Chair"),
    "floor": N_("slot|Floor"),
    "panel-1": N_("slot|Panel 1"),
    "panel-2": N_("slot|Panel 2"),
    "main": N_("slot|Picture"),
    "second": N_("slot|Picture 2"),
}
"""What a site hears and sees, where there is little room."""

OVERRUN: dict[e.Overrun, str] = {
    "count-up": N_("over time|count up"),
    "warn": N_("over time|warn the room"),
    "close": N_("over time|close the microphone"),
}
VOICE: dict[e.VoiceMode, str] = {
    "auto": N_("voice|automatic"),
    "conversation": N_("voice|conversation"),
    "clear": N_("voice|clear"),
}
MEDIA: dict[e.MediaMode, str] = {
    "auto": N_("media|automatic"),
    "audio-only": N_("media|audio only"),
    "narrow": N_("media|narrow voice"),
}
FORCED: dict[str, str] = {
    "conversation": N_("mark of a voice|Cv"),
    "clear": N_("mark of a voice|Cl"),
    "audio-only": N_("mark of media|Au"),
    "narrow": N_("mark of media|Na"),
}
"""Two letters in the roster for a mode that was forced on a site."""
CLARITY: tuple[tuple[float, str], ...] = (
    (4.0, N_("clarity|Clear")),
    (3.6, N_("clarity|Fair")),
    (3.1, N_("clarity|Poor")),
    (0.0, N_("clarity|Bad")),
)
"""From which MOS on which word: R of 80, 70 and 60 in ITU-T G.107, Annex B."""

REFUSALS: dict[str, str] = {
    "already-open": N_("The meeting is open already."),
    "audience": N_(
        "{site} is in the audience: give it the floor or promote it to the panel first."
    ),
    "away": N_("{site} is marked absent or excused."),
    "bad-budget": N_("A meeting takes from 1 minute to 24 hours."),
    "bad-date": N_("{due} is not a date like 2019-02-15."),
    "bad-plan": N_("The plan makes no meeting: {what}."),
    "bad-position": N_("A place in the queue is 0 (next) or more."),
    "bad-seconds": N_("Extend by 1 to 3600 seconds."),
    "banner-too-long": N_("An announcement has at most 500 characters."),
    "called-twice": N_(
        "{site} was called less than a second ago: to call the next one, press again."
    ),
    "chair-always-heard": N_("The chair is always heard: it can't be muted."),
    "checking": N_("The lines are being checked already."),
    "closed": N_("The meeting is closed; convene a new one."),
    "draft-too-big": N_("That is more than a form holds."),
    "unknown-follow-up": N_("This follow-up is neither of this meeting nor carried into it."),
    "deputy-missing": N_("Who stands in? A deputy has a name."),
    "has-floor": N_("{site} has the floor already."),
    "is-chair": N_("{site} presides: it is always heard and needs no turn."),
    "line-live": N_("{sites} is heard now: a site that is live is not checked."),
    "meeting-open": N_("A meeting is running: close it first."),
    "no-hall": N_("The roster has no site of kind 'hall' to preside."),
    "no-meeting": N_("There is no meeting yet."),
    "no-roster": N_("A meeting needs a roster with at least one site."),
    "no-turn": N_("Nobody has the floor."),
    "minutes-approved": N_("The minutes are approved: an erratum can be added to them."),
    "minutes-not-approved": N_("Only approved minutes get errata: change the text itself."),
    "minutes-not-submitted": N_("The minutes are not submitted yet."),
    "minutes-open": N_("The meeting is not closed yet."),
    "minutes-submitted": N_("The minutes are submitted: have them returned to change them."),
    "nobody-callable": N_(
        "No site in the queue can be called now (offline, absent or excused): {sites}."
    ),
    "not-open": N_("The meeting is not open yet."),
    "not-panel": N_("{site} is not on the panel."),
    "not-recording": N_("Nothing is being recorded."),
    "not-queued": N_("{site} is not in the queue."),
    "nothing-to-undo": N_("Nothing to take back: that is possible for 5 seconds after a call."),
    "offline": N_("{site} is not connected."),
    "other-sites": N_("The sites of a meeting are fixed when it is convened."),
    "panel-full": N_("The panel has {places} places and both are taken."),
    "queue-empty": N_("Every site in the queue has had its turn."),
    "reason-missing": N_("Why is it excused? An excuse has a reason."),
    "reported-already": N_("{site} has reported in this turn already."),
    "reports-missing": N_("No report written for: {sites}. Close again to close all the same."),
    "text-empty": N_("The text is empty."),
    "text-too-long": N_("At most {maximum} characters."),
    "title-missing": N_("A meeting needs a title."),
    "turn-runs": N_(
        "{site} has the floor: lines are checked before the meeting and between turns."
    ),
    "under-way": N_("The meeting is open: its plan stays as it is."),
    "unknown-report": N_("There is no such report."),
    "unknown-site": N_("There is no site {site!r} in this meeting."),
}


def refusal(refused: m.Refused) -> str:
    """Why the server refused, in the user's language; its own reason for an unknown code."""
    template = REFUSALS.get(refused.code)
    if template is None:
        return refused.reason
    try:
        return _(template).format(**refused.arguments)
    except (KeyError, IndexError, ValueError):
        return refused.reason


def minutes(duration_s: int) -> str:
    """`2:41`, `1:02:41`; of a negative duration its size."""
    total = abs(duration_s)
    hours, rest = divmod(total, 3600)
    if hours:
        return f"{hours}:{rest // 60:02d}:{rest % 60:02d}"
    return f"{rest // 60}:{rest % 60:02d}"


def clock(at: int, offset_minutes: int, *, seconds: bool = True) -> str:
    """The wall clock of the meeting at `at` (ms of UTC): `13.42.07`, with the dots in use."""
    day_s = (at // 1000 + offset_minutes * 60) % 86400
    dot = word(N_("separator of hours and minutes|:"))
    text = f"{day_s // 3600:02d}{dot}{day_s // 60 % 60:02d}"
    return f"{text}{dot}{day_s % 60:02d}" if seconds else text


def figure(value: float) -> str:
    """One decimal: `3.7`, with the separator in use."""
    return f"{value:.1f}".replace(".", word(N_("separator of decimals|.")))


def count(number: int) -> str:
    """A whole number: `100,882`, with the separator in use."""
    return f"{number:,}".replace(",", word(N_("separator of thousands|,")))


def clarity(mos: float) -> str:
    """How clear what a site hears is, a word and the figure; empty while it hears nothing."""
    if not mos:
        return ""
    said = next(said for least, said in CLARITY if mos >= least)
    return f"{word(said)} {figure(mos)}"


def forced(row: RosterRow) -> str:
    """The marks of the modes that were forced on a site, or that its link forces: `Cl Sm`; empty
    while all is as it should be."""
    marks = [word(FORCED[mode]) for mode in (row.voice, row.media) if mode in FORCED]
    if row.media == "auto" and row.picture in STEPS:
        marks.append(word(STEPS[row.picture]))
    return " ".join(marks)


STEPS: dict[m.Picture, str] = {
    "low": N_("mark of pictures|Sm"),
    "none": N_("mark of pictures|So"),
}
"""Two letters in the roster for a site whose link carries small pictures, or sound alone."""
STEPPED: dict[m.Picture, str] = {
    "high": N_("{site} gets full pictures again"),
    "low": N_("{site} gets small pictures: its link carries no more"),
    "none": N_("{site} gets sound alone: its link carries no pictures"),
}


def line(replica: Replica, one: LogLine) -> tuple[str, str]:
    """A line of the log: its text and its kind (`event`, `speech`, `alarm`, `record`, `good`)."""
    match one:
        case Remarked(text=text, good=good):
            return text, "good" if good else "alarm"
        case Stepped(site=site, picture=picture):
            text = word(STEPPED[picture]).format(site=replica.name(site))
            return text, "good" if picture == "high" else "alarm"
        case Denied(refused=refused):
            return _("Refused: {reason}").format(reason=refusal(refused)), "alarm"
        case Happened(event=event):
            return happening(replica, event), kind_of(event)


_KINDS: tuple[tuple[tuple[type, ...], str], ...] = (
    ((e.FloorGranted, e.TurnResumed, e.TurnEnded, e.MeetingOpened, e.MeetingClosed), "speech"),
    ((e.HolderLost, e.TurnSuspended, e.TurnOverran, e.SiteLeft, e.RecordingWarned), "alarm"),
    ((e.HandoverReverted,), "alarm"),
    (
        (
            e.ReportLogged,
            e.ReportAmended,
            e.FollowUpAdded,
            e.FollowUpClosed,
            e.FollowUpReopened,
            e.NoteAdded,
            e.MinutesSubmitted,
            e.MinutesApproved,
            e.MinutesReturned,
            e.MinutesCorrected,
        ),
        "record",
    ),
)


def kind_of(event: e.Event) -> str:
    """`speech`, `alarm`, `record` or `event`."""
    return next((kind for types, kind in _KINDS if isinstance(event, types)), "event")


def happening(replica: Replica, event: e.Event) -> str:
    """One event as a sentence."""
    values: dict[str, Any] = {name: getattr(event, name) for name in type(event).__struct_fields__}
    name = replica.name(getattr(event, "site", None))
    special = _SPECIAL.get(type(event))
    if special is not None:
        return special(replica, event, name)
    return _(_PLAIN[type(event)]).format(**{**values, "site": name})


_PLAIN: dict[type, str] = {
    e.MeetingOpened: N_("The meeting is open"),
    e.SiteJoined: N_("{site} connected"),
    e.SiteLeft: N_("{site} disconnected"),
    e.FloorGranted: N_("{site} has the floor"),
    e.HolderLost: N_("{site} lost the connection; the turn is kept for a moment"),
    e.TurnSuspended: N_("{site} did not come back: turn suspended"),
    e.TurnResumed: N_("{site} goes on with its turn"),
    e.TurnWarned: N_("{site}: {left_s} seconds left"),
    e.TurnOverran: N_("{site}: speaking time is used up"),
    e.SiteMuted: N_("{site} muted"),
    e.SiteUnmuted: N_("{site} unmuted"),
    e.AllMuted: N_("All microphones but the chair's are closed"),
    e.SitePromoted: N_("{site} joined the panel"),
    e.SiteDemoted: N_("{site} left the panel"),
    e.HandRaised: N_("{site} raised a hand"),
    e.HandLowered: N_("{site} lowered the hand"),
    e.SiteSkipped: N_("{site} skipped"),
    e.ReportDrafted: N_("{site}: draft saved"),
    e.DraftSaved: N_("Draft saved"),
    e.MinutesSubmitted: N_("The minutes are submitted"),
    e.MinutesApproved: N_("The minutes are approved"),
    e.MinutesReturned: N_("The minutes are returned: {reason}"),
    e.MinutesCorrected: N_("Erratum of the minutes: “{text}” instead of “{was}”"),
    e.RecordingStarted: N_("Recording"),
    e.RecordingPaused: N_("The recording is paused"),
    e.RecordingResumed: N_("Recording goes on"),
    e.LinksMeasured: N_("Links measured"),
    e.LineCheckStarted: N_("The lines are being checked"),
    e.RecordingWarned: N_("The disk is nearly full: {free_mb} MB left for the recording"),
}


def _convened(replica: Replica, event: Any, name: str) -> str:
    return _("Meeting convened: {title}").format(title=event.plan.title)


def _prepared(replica: Replica, event: Any, name: str) -> str:
    return _("Plan of the meeting changed: {title}").format(title=event.plan.title)


def _closed(replica: Replica, event: Any, name: str) -> str:
    if not event.missing:
        return _("The meeting is closed")
    names = ", ".join(replica.name(s) for s in event.missing)
    return _("The meeting is closed; no report of {sites}").format(sites=names)


def _marked(replica: Replica, event: Any, name: str) -> str:
    text = f"{name}: {word(ATTENDANCE[event.attendance])}"
    return f"{text} ({event.note})" if event.note else text


def _voice(replica: Replica, event: Any, name: str) -> str:
    return _("{site}. Voice: {mode}").format(site=name, mode=word(VOICE[event.voice]))


def _media(replica: Replica, event: Any, name: str) -> str:
    return _("{site}. Media: {mode}").format(site=name, mode=word(MEDIA[event.media]))


def _ended(replica: Replica, event: Any, name: str) -> str:
    spoken = minutes(event.spoken_ms // 1000)
    return _("{site} spoke for {time}").format(site=name, time=spoken)


def _reverted(replica: Replica, event: Any, name: str) -> str:
    back = replica.name(event.back_to)
    if event.site is None:
        return _("Taken back: {site} speaks on").format(site=back)
    if event.back_to is None:
        return _("Call of {site} taken back").format(site=name)
    return _("Call of {site} taken back: {other} speaks on").format(site=name, other=back)


def _budget(replica: Replica, event: Any, name: str) -> str:
    return _("The meeting's length: {time}").format(time=minutes(event.budget_s))


def _overrun(replica: Replica, event: Any, name: str) -> str:
    return _("Over time: {what}").format(what=word(OVERRUN[event.overrun]))


def _returned(replica: Replica, event: Any, name: str) -> str:
    gap_s = -(-event.gap_ms // 1000)
    return _("{site} is back after {seconds} s").format(site=name, seconds=gap_s)


def _extended(replica: Replica, event: Any, name: str) -> str:
    more = minutes(event.seconds)
    return _("{site}: speaking time extended by {time}").format(site=name, time=more)


def _moved(replica: Replica, event: Any, name: str) -> str:
    names = ", ".join(replica.name(s) for s in event.queue[:3])
    return _("Queue: {sites}").format(sites=names or "–")


def _logged(replica: Replica, event: Any, name: str) -> str:
    return _("Report of {site}: {text}").format(site=name, text=one_line(event.text))


def _amended(replica: Replica, event: Any, name: str) -> str:
    site = next((r.site for r in replica.meeting.reports if r.id == event.report), "")
    return _("Report of {site} amended: {text}").format(
        site=replica.name(site), text=one_line(event.text)
    )


def _follow_up(replica: Replica, event: Any, name: str) -> str:
    rest = ", ".join(part for part in (event.owner, day(event.due)) if part)
    text = _("Follow-up: {text}").format(text=one_line(event.text))
    return f"{text} ({rest})" if rest else text


def _carried(replica: Replica, event: Any, name: str) -> str:
    count = len(event.follow_ups) + event.more
    text = n_(
        "{n} follow-up of earlier meetings is open",
        "{n} follow-ups of earlier meetings are open",
        count,
    )
    return text.format(n=count)


def _done(replica: Replica, event: Any, name: str) -> str:
    text = one_line(replica.follow_up_text(event.follow_up))
    done = _("Done: {text}").format(text=text)
    return f"{done} ({one_line(event.how)})" if event.how else done


def _not_done(replica: Replica, event: Any, name: str) -> str:
    text = one_line(replica.follow_up_text(event.follow_up))
    return _("Not done after all: {text}").format(text=text)


def _noted(replica: Replica, event: Any, name: str) -> str:
    return f"{word(NOTE_KIND[event.kind])}: {one_line(event.text)}"


def _banner(replica: Replica, event: Any, name: str) -> str:
    if not event.text:
        return _("Announcement taken away")
    return _("Announcement: {text}").format(text=one_line(event.text))


def _recording_ended(replica: Replica, event: Any, name: str) -> str:
    match event.reason:
        case "disk-full":
            return _("The disk is nearly full: the recording was ended")
        case "failed":
            text = _("The recording was ended, it can't be written: {why}")
            return text.format(why=one_line(event.trouble))
        case _:
            return _("The recording is ended")


def _finished(replica: Replica, event: Any, name: str) -> str:
    if event.trouble:
        return _("The recording can't be finished: {why}").format(why=one_line(event.trouble))
    text = _("The recording is ready: {file} ({time})")
    return text.format(file=event.file, time=minutes(event.length_ms // 1000))


def _line_checked(replica: Replica, event: Any, name: str) -> str:
    return _("Line of {site}: {verdict}, {why}").format(
        site=name,
        verdict=line_words.verdict(event.verdict),
        why=line_words.reasons(event.faults, event.figures),
    )


_CHECK_ENDED: dict[e.LineCheckEnd, str] = {
    "done": N_("The lines are checked"),
    "late": N_("The lines are checked; not every site answered"),
    "stopped": N_("The line check was stopped"),
    "interrupted": N_("The line check was ended: the meeting goes first"),
}


def _check_ended(replica: Replica, event: Any, name: str) -> str:
    return _(_CHECK_ENDED[event.reason])


_SPECIAL: dict[type, Callable[[Replica, Any, str], str]] = {
    e.MeetingConvened: _convened,
    e.MeetingPrepared: _prepared,
    e.MeetingClosed: _closed,
    e.AttendanceMarked: _marked,
    e.TurnEnded: _ended,
    e.HandoverReverted: _reverted,
    e.BudgetSet: _budget,
    e.OverrunSet: _overrun,
    e.VoiceSet: _voice,
    e.MediaSet: _media,
    e.HolderReturned: _returned,
    e.TurnExtended: _extended,
    e.QueueMoved: _moved,
    e.ReportLogged: _logged,
    e.ReportAmended: _amended,
    e.FollowUpAdded: _follow_up,
    e.FollowUpsCarried: _carried,
    e.FollowUpClosed: _done,
    e.FollowUpReopened: _not_done,
    e.NoteAdded: _noted,
    e.BannerSet: _banner,
    e.RecordingStopped: _recording_ended,
    e.RecordingFinished: _finished,
    e.LineChecked: _line_checked,
    e.LineCheckEnded: _check_ended,
}


def describe(row: RosterRow) -> str:
    """The selected site in words: what the letters and marks of its line mean."""
    place = word(PLACE[row.place])
    if row.place == "queue":
        place = _("number {number} in the queue").format(number=row.queue)
        if row.ready:
            place = f"{place}, " + _("its room is told to get ready")
    attendance = word(ATTENDANCE[row.attendance])
    if row.note:
        attendance = f"{attendance} ({row.note})"
    parts = [place, attendance, word(LINK.get(row.link, ""))]
    if heard := clarity(row.clarity):
        parts.append(_("Hears: {clarity}").format(clarity=heard))
    if row.voice != "auto":
        parts.append(_("Voice: {mode}").format(mode=word(VOICE[row.voice])))
    if row.media != "auto":
        parts.append(_("Media: {mode}").format(mode=word(MEDIA[row.media])))
    if row.camera_s and (picture := camera(row)):
        parts.append(_("Camera: {what}").format(what=picture))
    parts.append(word(REPORT[row.report]))
    return f"{row.title or row.name}: " + " · ".join(part for part in parts if part)


def camera(row: RosterRow) -> str:
    """What goes out of a site's camera, or what is wrong with it; empty for nothing."""
    if row.camera_s and row.camera in CAMERA_BEHIND:
        return word(CAMERA_BEHIND[row.camera]).format(s=row.camera_s)
    return word(CAMERA.get(row.camera, ""))


def undo_hint(view: FloorView) -> str:
    """What can be taken back now; empty when nothing can."""
    if not view.undo_s:
        return ""
    if not view.undone:
        return _("Turn ended. u takes it back ({seconds} s)").format(seconds=view.undo_s)
    return _("{site} was called. u takes it back ({seconds} s)").format(
        site=view.undone, seconds=view.undo_s
    )


def find(replica: Replica, text: str) -> str | None:
    """The site meant by its number in the roster or the beginning of (a word of) its name."""
    wanted = text.strip().casefold()
    entries = [one.entry for one in replica.meeting.sites.values()]
    if not wanted:
        return None
    tests: tuple[Callable[[e.SiteEntry], bool], ...] = (
        lambda entry: str(entry.position) == wanted,
        lambda entry: entry.name.casefold().startswith(wanted),
        lambda entry: any(w.startswith(wanted) for w in entry.name.casefold().split()),
        lambda entry: wanted in entry.name.casefold(),
    )
    return next((entry.id for test in tests for entry in entries if test(entry)), None)


def one_line(text: str) -> str:
    """The text without line breaks."""
    return " ".join(text.split())


def unphrased() -> set[str]:
    """Events that no sentence is written for (none, a test says)."""
    known = set(_PLAIN) | set(_SPECIAL)
    every = {t for t in e.Event.__args__ if issubclass(t, msgspec.Struct)}
    return {t.__name__ for t in every - known}
