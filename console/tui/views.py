"""What the screen shows, as plain values: rows of the roster, floor panel, top bar, log lines."""

from typing import Literal

import msgspec

from console.meeting import state as st
from protocol import commands as c
from protocol import events as e
from protocol import messages as m

SILENT = 127
"""The level (-dBov) of silence."""

LinkShown = Literal["connected", "connecting", "offline", "grace"]
MicrophoneShown = Literal[
    "live", "muted", "muting", "opening", "alarm", "no-sound", "unknown", "away"
]
CameraShown = Literal["live", "low", "off", "opening", "closing", "thin", "blind", "away"]
ReportShown = Literal["none", "draft", "missing", "done"]
Place = Literal["chair", "floor", "lost", "panel", "queue", "suspended", "spoken", "audience"]


class RosterRow(msgspec.Struct, frozen=True):
    """What the roster shows of one site. `queue` and `hand` count from 1.

    `clarity` is how clear what the site hears is (MOS, one decimal; 0: nothing heard). `behind_s`
    is how long the microphone has not been as it is to be; 0 within the first second. `ready`:
    the site confirms that its room is told to get ready. `camera_s` is how long less or more of the
    camera has gone out than is to; 0 within the first second.
    """

    site: str
    name: str
    title: str
    place: Place
    queue: int | None
    attendance: e.Attendance
    note: str
    link: LinkShown
    grace_s: int
    microphone: MicrophoneShown
    level: int
    hand: int | None
    report: ReportShown
    spoken_s: int
    rtt_ms: float | None
    loss_percent: float | None
    clarity: float = 0.0
    voice: e.VoiceMode = "auto"
    media: e.MediaMode = "auto"
    behind_s: int = 0
    ready: bool = False
    picture: m.Picture = "high"
    camera: CameraShown = "off"
    camera_s: int = 0


class TaskShown(msgspec.Struct, frozen=True):
    """A follow-up on a report card. `origin` is the earlier meeting's day (ISO; empty: this one's);
    `new`: not saved yet; `how` it was done."""

    id: str
    text: str
    owner: str
    due: str
    done: bool = False
    origin: str = ""
    new: bool = False
    how: str = ""


class FloorView(msgspec.Struct, frozen=True):
    """What the floor panel shows. `left_s` is negative when the turn is over time.

    `paused`: the clock stands because the microphone is closed. `next_up` is who *call next* would
    call, `next_ready` that it confirms to be told so, `next_level` how loud it is there while it is
    muted (-dBov; None: not known), `waiting` those after it. `is_low`: the bell has rung. `undo_s`
    is how long the last call can still be taken back, `undone` the site that was called. `marked`
    counts each kind of attendance; the sum is that of the roster.
    """

    phase: st.Phase = "none"
    site: str | None = None
    title: str = ""
    name: str = ""
    turn: int = 0
    spoken_s: int = 0
    allowance_s: int = 0
    left_s: int = 0
    paused: bool = False
    grace_s: int | None = None
    row: RosterRow | None = None
    next_up: str = ""
    waiting: tuple[str, ...] = ()
    panel: tuple[tuple[str, MicrophoneShown], ...] = ()
    hands: tuple[str, ...] = ()
    spoke: int = 0
    reported: int = 0
    callable_sites: int = 0
    connected: int = 0
    present: int = 0
    missing: tuple[str, ...] = ()
    next_ready: bool = False
    next_level: int | None = None
    is_low: bool = False
    overrun: e.Overrun = "warn"
    undo_s: int = 0
    undone: str = ""
    marked: tuple[tuple[e.Attendance, int], ...] = ()


RecordingShown = Literal["off", "starting", "on", "paused"]


class TopView(msgspec.Struct, frozen=True):
    """What the top bar shows. `now` and `zone` give the clock, seconds the meeting's length.
    `recording` is `on` when the relay says so; `free_mb` of its disk, when that is low.
    `ends_at` is when it will end, to the minute (None: not open), `is_late` that this is after the
    planned time. `unanswered` counts commands the server has not confirmed for more than a second,
    `waited_s` is the oldest one's age.
    """

    title: str
    phase: st.Phase
    now: int
    offset_minutes: int
    zone: str
    elapsed_s: int | None
    budget_s: int
    banner: str
    link_up: bool
    reason: str
    retry_s: int
    relay_up: bool
    unsent: int
    alarms: tuple[str, ...]
    recording: RecordingShown = "off"
    recorded_s: int = 0
    free_mb: int | None = None
    ends_at: int | None = None
    is_late: bool = False
    unanswered: int = 0
    waited_s: int = 0


class Happened(msgspec.Struct, frozen=True):
    """A line of the log: an event of the meeting."""

    at: int
    event: e.Event


class Denied(msgspec.Struct, frozen=True):
    """A line of the log: a command was refused."""

    at: int
    refused: m.Refused
    command: c.ModeratorCommand | None = None


class Remarked(msgspec.Struct, frozen=True):
    """A line of the log: the console itself has something to say."""

    at: int
    text: str
    good: bool = True


class Stepped(msgspec.Struct, frozen=True):
    """A line of the log: the relay sends a site other pictures than before, as its link needs."""

    at: int
    site: str
    picture: m.Picture


LogLine = Happened | Denied | Remarked | Stepped
