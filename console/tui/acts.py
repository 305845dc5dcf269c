"""The one table of acts: everything the operator can do.

Bindings, key bar, command palette, help screen and the README's key table are made from it. An
act either builds a command of the meeting (`build`) or concerns the screen (`does`, the name of
the console's method). Letters are eaten by a focused field, so what is needed while typing has a
function key as well.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from console.tui.phrases import MEDIA, VOICE
from console.tui.replica import Replica
from protocol import commands as c
from protocol.words import N_, _, word

EXTEND_S = 60
Mode = TypeVar("Mode", bound=str)


@dataclass(frozen=True)
class Hint:
    """Why an act does nothing now; for the operator."""

    text: str


Built = c.ModeratorCommand | Hint
Builder = Callable[[Replica, str | None], Built]


@dataclass(frozen=True)
class Act:
    """One thing the operator can do. `keys` are Textual's names, the main one first; `short` is
    for the key bar."""

    id: str
    keys: tuple[str, ...]
    group: str
    title: str
    help: str
    build: Builder | None = None
    does: str = ""
    short: str = ""


def _on(make: Callable[[Replica, str], Built]) -> Builder:
    """A builder for acts on the selected site."""

    def build(replica: Replica, site: str | None) -> Built:
        if site is None or site not in replica.meeting.sites:
            return Hint(_("Select a site first."))
        return make(replica, site)

    return build


def _mute(replica: Replica, site: str) -> Built:
    return c.Mute(site) if replica.meeting.is_live(site) else c.Unmute(site)


def _panel(replica: Replica, site: str) -> Built:
    return c.Demote(site) if replica.meeting.sites[site].panel else c.Promote(site)


def _voice(replica: Replica, site: str) -> Built:
    return c.SetVoice(site, _after(replica.meeting.sites[site].voice, VOICE))


def _media(replica: Replica, site: str) -> Built:
    return c.SetMedia(site, _after(replica.meeting.sites[site].media, MEDIA))


def _after(mode: Mode, modes: Iterable[Mode]) -> Mode:
    """The next one in the round."""
    every = list(modes)
    return every[(every.index(mode) + 1) % len(every)]


def _hand(replica: Replica, site: str) -> Built:
    raised = replica.meeting.sites[site].hand_at is not None
    return c.LowerHand(site) if raised else c.RaiseHand(site)


def _record(replica: Replica, site: str | None) -> Built:
    return c.PauseRecording() if replica.meeting.recording == "on" else c.StartRecording()


def _move(step: int) -> Builder:
    def build(replica: Replica, site: str) -> Built:
        queue = replica.meeting.queue
        if site not in queue:
            return c.MoveInQueue(site, len(queue))
        place = queue.index(site) + step
        if place < 0:
            return Hint(_("{site} is next already.").format(site=replica.name(site)))
        if place >= len(queue):
            return Hint(_("{site} is last already.").format(site=replica.name(site)))
        return c.MoveInQueue(site, place)

    return _on(build)


FLOOR = N_("Floor")
MICROPHONES = N_("Microphones and panel")
SITES = N_("Sites and queue")
RECORD = N_("Record")
MEETING = N_("Meeting")
SCREENS = N_("Screens")
CONSOLE = N_("Console")
GROUPS = (FLOOR, MICROPHONES, SITES, RECORD, MEETING, SCREENS, CONSOLE)

ACTS: tuple[Act, ...] = (
    Act(
        "call-next",
        ("n", "f2"),
        FLOOR,
        N_("Call next"),
        N_("Give the floor to the first in the queue who is connected and not absent."),
        build=lambda replica, site: c.CallNext(),
        short=N_("key bar|Next"),
    ),
    Act(
        "grant-floor",
        ("enter",),
        FLOOR,
        N_("Give the floor"),
        N_("Give the floor to the selected site; the running turn ends, a suspended one goes on."),
        build=_on(lambda replica, site: c.GrantFloor(site)),
        short=N_("key bar|Give floor"),
    ),
    Act(
        "end-turn",
        ("e", "f6"),
        FLOOR,
        N_("End turn"),
        N_("Take the floor back; the speaker's microphone closes."),
        build=lambda replica, site: c.EndTurn(),
        short=N_("key bar|End"),
    ),
    Act(
        "undo",
        ("u", "ctrl+t"),
        FLOOR,
        N_("Undo call"),
        N_("Within 5 seconds: take the last call or ending back; who spoke before speaks on."),
        build=lambda replica, site: c.UndoHandover(),
        short=N_("key bar|Undo"),
    ),
    Act(
        "extend",
        ("plus", "f7"),
        FLOOR,
        N_("Extend"),
        N_("One more minute for the running turn."),
        build=lambda replica, site: c.ExtendTurn(EXTEND_S),
        short=N_("key bar|Extend"),
    ),
    Act(
        "time",
        ("t",),
        FLOOR,
        N_("Time"),
        N_("Set the meeting's length, and what happens when a turn's time is used up."),
        does="time",
        short=N_("key bar|Time"),
    ),
    Act(
        "mute",
        ("m", "f3"),
        MICROPHONES,
        N_("Mute/unmute"),
        N_("Close or open the microphone of the selected site (the speaker, after each call)."),
        build=_on(_mute),
        short=N_("key bar|Mute"),
    ),
    Act(
        "mute-all",
        ("M", "f4"),
        MICROPHONES,
        N_("Mute all"),
        N_("Close every microphone but the chair's, at once."),
        build=lambda replica, site: c.MuteAll(),
        short=N_("key bar|Mute all"),
    ),
    Act(
        "panel",
        ("p",),
        MICROPHONES,
        N_("Panel"),
        N_("Let the selected site be heard beside the speaker, or send it back to the audience."),
        build=_on(_panel),
    ),
    Act(
        "voice",
        ("V",),
        MICROPHONES,
        N_("Voice"),
        N_(
            "What the selected site hears: automatic, conversation (little delay), clear (up to "
            "420 ms late, so that nothing is missing)."
        ),
        build=_on(_voice),
        short=N_("key bar|Voice"),
    ),
    Act(
        "media",
        ("g",),
        MICROPHONES,
        N_("Media"),
        N_(
            "What the selected site sends and gets: automatic, audio only (no picture), narrow "
            "voice (12 kbit/s)."
        ),
        build=_on(_media),
        short=N_("key bar|Media"),
    ),
    Act(
        "hand",
        ("h",),
        SITES,
        N_("Hand"),
        N_("Raise or lower the hand of the selected site for it."),
        build=_on(_hand),
    ),
    Act(
        "earlier",
        ("left_square_bracket", "K"),
        SITES,
        N_("Earlier"),
        N_("Move the selected site one place forward in the queue."),
        build=_move(-1),
    ),
    Act(
        "later",
        ("right_square_bracket", "J"),
        SITES,
        N_("Later"),
        N_("Move the selected site one place back; one that has spoken joins the queue again."),
        build=_move(1),
    ),
    Act(
        "skip",
        ("s",),
        SITES,
        N_("Skip"),
        N_("Take the selected site off the queue; it can be called later."),
        build=_on(lambda replica, site: c.Skip(site)),
    ),
    Act(
        "attendance",
        ("a",),
        SITES,
        N_("Attendance"),
        N_("Mark the selected site present, represented, late, excused or absent."),
        does="attendance",
        short=N_("key bar|Attendance"),
    ),
    Act(
        "find",
        ("slash", "f8"),
        SITES,
        N_("Find"),
        N_("Select a site by the first letters of its name or by its number."),
        does="find",
    ),
    Act(
        "report",
        ("r", "f5"),
        RECORD,
        N_("Report"),
        N_(
            "The card of the speaker: report (#words become tags), direction, decision, "
            "follow-ups; mark earlier ones done."
        ),
        does="report",
        short=N_("key bar|Report"),
    ),
    Act(
        "follow-up",
        ("f", "f9"),
        RECORD,
        N_("Follow-up"),
        N_("Note what is to be done, by whom and until when."),
        does="follow_up",
        short=N_("key bar|Follow-up"),
    ),
    Act(
        "note",
        ("d", "f12"),
        RECORD,
        N_("Decision or note"),
        N_("Write a decision, a direction, a note, the opening or the closing words."),
        does="note",
        short=N_("key bar|Note"),
    ),
    Act(
        "save",
        ("ctrl+s", "f10"),
        RECORD,
        N_("Save"),
        N_("Save what is being typed. Drafts are saved as you type."),
        does="save",
    ),
    Act(
        "leave",
        ("escape",),
        RECORD,
        N_("Leave"),
        N_("Leave the form; what was typed is kept."),
        does="leave",
    ),
    Act(
        "record",
        ("asterisk", "f11"),
        RECORD,
        N_("Record/pause"),
        N_("Record what floor and chair say and show, pause it, go on; every site sees it."),
        build=_record,
        short=N_("key bar|Record"),
    ),
    Act(
        "stop-recording",
        ("H",),
        RECORD,
        N_("End recording"),
        N_("End the recording; closing the meeting ends it, too."),
        build=lambda replica, site: c.StopRecording(),
        short=N_("key bar|End rec."),
    ),
    Act(
        "export",
        ("x",),
        RECORD,
        N_("Export minutes"),
        N_("Write the minutes as files; a draft while the meeting is open."),
        does="export",
        short=N_("key bar|Minutes"),
    ),
    Act(
        "submit-minutes",
        ("U",),
        RECORD,
        N_("Submit minutes"),
        N_("Put the minutes of a closed meeting before who presides; they change no more."),
        does="submit_minutes",
        short=N_("key bar|Submit"),
    ),
    Act(
        "approve-minutes",
        ("Y",),
        RECORD,
        N_("Approve minutes"),
        N_("Approve the submitted minutes: attendance and text are fixed for good."),
        does="approve_minutes",
        short=N_("key bar|Approve"),
    ),
    Act(
        "return-minutes",
        ("B",),
        RECORD,
        N_("Return minutes"),
        N_("Give the submitted minutes back to be worked on, with the reason."),
        does="return_minutes",
        short=N_("key bar|Return"),
    ),
    Act(
        "correct-minutes",
        ("E",),
        RECORD,
        N_("Erratum"),
        N_("Add an erratum to approved minutes; the approved text stays as it is."),
        does="correct_minutes",
        short=N_("key bar|Erratum"),
    ),
    Act(
        "open",
        ("o",),
        MEETING,
        N_("Open meeting"),
        N_("Open the meeting: the chair is heard from here on."),
        build=lambda replica, site: c.OpenMeeting(),
        short=N_("key bar|Open"),
    ),
    Act(
        "close",
        ("c",),
        MEETING,
        N_("Close meeting"),
        N_("Close the meeting; asks again, and tells which reports are missing."),
        does="close_meeting",
        short=N_("key bar|Close"),
    ),
    Act(
        "convene",
        ("N",),
        MEETING,
        N_("New meeting"),
        N_("Begin a new record from the roster, after the last meeting was closed."),
        does="convene",
        short=N_("key bar|New"),
    ),
    Act(
        "copy-meeting",
        ("C",),
        MEETING,
        N_("New meeting like the last"),
        N_("Begin a new record with the plan of the last meeting, or of one chosen in the list."),
        does="copy_meeting",
        short=N_("key bar|Like last"),
    ),
    Act(
        "prepare",
        ("G",),
        MEETING,
        N_("Prepare the meeting"),
        N_("Title, agenda, topics and times of the meeting that is not open yet."),
        does="page",
        short=N_("key bar|Agenda"),
    ),
    Act(
        "banner",
        ("b",),
        MEETING,
        N_("Announcement"),
        N_("Show a line of text at every site; empty takes it away."),
        does="banner",
        short=N_("key bar|Announce"),
    ),
    Act(
        "mosaic",
        ("v",),
        SCREENS,
        N_("All sites in pictures"),
        N_("A small picture of every site, whether it is called or not; call it from there."),
        does="page",
        short=N_("key bar|Pictures"),
    ),
    Act(
        "line-check",
        ("l",),
        SCREENS,
        N_("Line check"),
        N_("Check lines, microphones, loudspeakers and cameras of all sites, all at once."),
        does="page",
        short=N_("key bar|Lines"),
    ),
    Act(
        "meetings",
        ("A",),
        SCREENS,
        N_("Meetings"),
        N_("All meetings, earlier ones too: search them, read their minutes, begin one like it."),
        does="page",
        short=N_("key bar|Meetings"),
    ),
    Act(
        "reports",
        ("R",),
        SCREENS,
        N_("Reports of all meetings"),
        N_("Search all reports by full text."),
        does="page",
        short=N_("key bar|Reports"),
    ),
    Act(
        "follow-ups",
        ("T",),
        SCREENS,
        N_("Follow-ups of all meetings"),
        N_("What is to be done, by whom, until when; what is overdue comes first."),
        does="page",
        short=N_("key bar|Follow-ups"),
    ),
    Act(
        "preview",
        ("P",),
        SCREENS,
        N_("Minutes preview"),
        N_("Read the minutes as they stand."),
        does="page",
        short=N_("key bar|Preview"),
    ),
    Act(
        "events",
        ("L",),
        SCREENS,
        N_("Event log"),
        N_("Everything the journal has of this meeting, with a search."),
        does="page",
        short=N_("key bar|Log"),
    ),
    Act(
        "links",
        ("I",),
        SCREENS,
        N_("Links"),
        N_("Rates, loss, delays of every site's link; what the processes use."),
        does="page",
        short=N_("key bar|Links"),
    ),
    Act(
        "settings",
        ("S",),
        SCREENS,
        N_("Settings"),
        N_("Colours, language, characters; what this console is connected to."),
        does="page",
        short=N_("key bar|Settings"),
    ),
    Act(
        "help",
        ("question_mark", "f1"),
        CONSOLE,
        N_("Help"),
        N_("Show all keys."),
        does="help",
    ),
    Act(
        "palette",
        ("ctrl+p",),
        CONSOLE,
        N_("Commands"),
        N_("Search all acts by name; works while typing, too."),
        does="palette",
    ),
    Act(
        "detach",
        ("ctrl+q",),
        CONSOLE,
        N_("Detach"),
        N_("Leave the console; the meeting goes on."),
        does="detach",
    ),
)

ON_SELECTED = frozenset(
    {
        "grant-floor", "mute", "panel", "voice", "media", "hand", "earlier", "later", "skip",
        "attendance",
    }
)  # fmt: skip
"""Acts on the selected site: not done where one does not see which it is."""
OBSERVED = frozenset(
    {act.id for act in ACTS if act.group == SCREENS and act.id != "prepare"}
    | {"find", "leave", "export", "help", "palette", "detach"}
)
"""What a console that only watches can do."""

BY_ID: dict[str, Act] = {act.id: act for act in ACTS}

_KEY_NAMES = {
    "plus": "+",
    "asterisk": "*",
    "slash": "/",
    "question_mark": "?",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "enter": "Enter",
    "escape": "Esc",
}


def key_name(key: str) -> str:
    """How a key is written for people: `n`, `Enter`, `F2`, `Ctrl+Q`."""
    if key in _KEY_NAMES:
        return _KEY_NAMES[key]
    if key.startswith("ctrl+"):
        return f"Ctrl+{key[5:].upper()}"
    return key.upper() if key[0] == "f" and key[1:].isdigit() else key


def works_while_typing(key: str) -> bool:
    """True for keys that a focused field does not take for itself."""
    return key == "escape" or key.startswith("ctrl+") or (key[0] == "f" and key[1:].isdigit())


def key_table() -> str:
    """Every act as a Markdown table for the README, in the language in use."""
    head = [
        "| {} | {} | {} |".format(_("Key"), _("Act"), _("What it does")),
        "|---|---|---|",
    ]
    rows = [
        "| {} | {} | {} |".format(
            " ".join(f"`{key_name(key)}`" for key in act.keys), word(act.title), word(act.help)
        )
        for act in ACTS
    ]
    return "\n".join([*head, *rows]) + "\n"
