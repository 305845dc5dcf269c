"""What happened. Past tense; never refused; the journal keeps these and everything else is a
fold of them (`console.meeting.state.apply`).

`at` is milliseconds of UTC since 1970; durations carry their unit in the name. Sites are named
by their roster id.
"""

from typing import Any, Literal

import msgspec

SiteKind = Literal["kecamatan", "hall", "guest"]
Attendance = Literal["unmarked", "present", "represented", "late", "excused", "absent"]
NoteKind = Literal["note", "opening", "direction", "decision", "closing"]
TurnEnd = Literal["ended", "next", "closed"]
RecordingEnd = Literal["ended", "closed", "disk-full", "failed"]
VoiceMode = Literal["auto", "conversation", "clear"]
"""How much delay a site's ear may cost. `conversation`: little; `clear`: up to 420 ms, so that
what was lost is there again in time; `auto`: the agent chooses by its link."""
MediaMode = Literal["auto", "audio-only", "narrow"]
"""`audio-only`: no picture to or from the site; `narrow`: nor that, and its voice at 12 kbit/s."""
TitleWord = Literal["notula", "notulen"]
Paper = Literal["a4", "f4"]
Letterhead = Literal["auto", "regent", "agency"]
"""Whose letterhead the minutes bear; `auto`: by the office of who presides."""
Distances = Literal["straight", "road"]
Timing = Literal["split", "fixed"]
"""`split`: what is left of the meeting's time is shared by those still to speak, anew at every
call; `fixed`: every turn has the same time."""
Overrun = Literal["count-up", "warn", "close"]
"""What happens when a turn's time is used up. `count-up`: the clock counts on and nobody is
disturbed; `warn`: the far room is told as well; `close`: the microphone closes."""


class _Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


LineVerdict = Literal["good", "fair", "poor"]
LineFault = Literal[
    "offline", "no-answer", "no-media", "loss-up", "loss-down", "slow-up", "slow-down", "delay",
    "jitter", "microphone-dead", "speaker-silent", "room-noisy", "clipping", "camera-none",
    "camera-black", "camera-frozen", "clock", "disk", "version",
]  # fmt: skip
"""What a line check finds wrong; `up` is from the site to the relay."""
CameraSeen = Literal["unknown", "moving", "none", "black", "frozen"]
LineCheckEnd = Literal["done", "late", "stopped", "interrupted"]
"""`done`: every site answered; `late`: some did not in time; `interrupted`: a microphone opened."""


class SiteEntry(_Value, frozen=True):
    """One row of the roster: a place with a person.

    `distance_km` is one way from the hall; `position` is the calling order from 1.
    `travel_minutes` (one way) and `travel_rupiah` (there and back, everybody and everything) take
    the place of what `TravelRates` would make of the distance.
    """

    id: str
    name: str
    kind: SiteKind
    officer: str = ""
    title: str = ""
    position: int = 0
    distance_km: float | None = None
    contact: str = ""
    code: str = ""
    seat: str = ""
    travel_minutes: int | None = None
    travel_rupiah: int | None = None


class Signatory(_Value, frozen=True):
    """Who signs the minutes: name, office and, for a civil servant, rank and NIP."""

    name: str = ""
    office: str = ""
    rank: str = ""
    nip: str = ""


class MinutesStyle(_Value, frozen=True):
    """How a secretariat wants its minutes: the title's word, the paper (F4 is 215 × 330 mm), and
    whose letterhead: the regent's (Garuda) or the agency's (emblem of the region)."""

    title: TitleWord = "notula"
    paper: Paper = "a4"
    letterhead: Letterhead = "auto"


class TravelRates(_Value, frozen=True):
    """What a journey to the hall would have cost, for the savings of a meeting by video.

    `distances` says what the sites' `distance_km` are: straight lines on the map, which are
    multiplied by `road_factor`, or kilometres by road. `people` travel together in one vehicle
    at `speed_kmh`; it costs `rupiah_per_km`, and each of them gets `rupiah_per_person` a day.
    `example` while nobody has put in numbers of their own: printed with every sum.
    """

    example: bool = True
    distances: Distances = "straight"
    road_factor: float = 1.4
    speed_kmh: float = 45.0
    people: int = 2
    rupiah_per_km: int = 2500
    rupiah_per_person: int = 150_000


class RecordingPlan(_Value, frozen=True):
    """How a meeting is recorded. `at_opening`: from its opening on, else when the operator says so.

    `warn_free_mb` and `stop_free_mb`: with less left on the disk the operator is warned, the
    recording is ended in good order. `keep_days`: how long at least it is kept (0: for ever).
    """

    at_opening: bool = False
    warn_free_mb: int = 2000
    stop_free_mb: int = 500
    keep_days: int = 0


class MeetingPlan(_Value, frozen=True):
    """All that is known of a meeting before it opens; comes from the roster file.

    `budget_s` is the planned length of the whole meeting, `allowance_s` the speaking time of one
    turn when `timing` is `fixed`, `bell_s` how long before the end of a turn a bell rings (0:
    never), `grace_s` how long a site that dropped keeps its turn. `utc_offset_minutes` and
    `time_zone` say how minutes print times (WIB is UTC+7). `letterhead` is the agency's,
    `regent_letterhead` that of a regent who presides; without one it is the name of the office.
    """

    title: str
    place: str = ""
    city: str = ""
    agenda: tuple[str, ...] = ()
    organisation: str = ""
    letterhead: tuple[str, ...] = ()
    regent_letterhead: tuple[str, ...] = ()
    number: str = ""
    chair_person: Signatory = Signatory()
    note_taker: Signatory = Signatory()
    secretary: Signatory = Signatory()
    deputy: Signatory = Signatory()
    allowance_s: int = 180
    grace_s: int = 20
    budget_s: int = 2700
    time_zone: str = "WIB"
    utc_offset_minutes: int = 420
    topics: tuple[str, ...] = ()
    minutes: MinutesStyle = MinutesStyle()
    travel: TravelRates = TravelRates()
    sites: tuple[SiteEntry, ...] = ()
    recording: RecordingPlan = RecordingPlan()
    timing: Timing = "split"
    overrun: Overrun = "warn"
    bell_s: int = 30


class CarriedFollowUp(_Value, frozen=True):
    """A follow-up of an earlier meeting that was still open; `meeting` is its id, `title` its
    title, `at` when it was noted there."""

    id: str
    text: str
    owner: str = ""
    due: str = ""
    site: str | None = None
    meeting: str = ""
    title: str = ""
    at: int = 0


class _Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    """Written whole, defaults too: a default changed later must not change an old journal."""


# -- the meeting ---------------------------------------------------------------------------


class MeetingConvened(_Event, frozen=True, tag="meeting-convened"):
    """A meeting exists: its roster is fixed; sites may connect. `like` is the meeting whose plan
    was copied, empty when the plan is that of the roster file."""

    plan: MeetingPlan
    like: str = ""


class MeetingPrepared(_Event, frozen=True, tag="meeting-prepared"):
    """The operator changed the plan before the opening: title, agenda, times; the same sites."""

    plan: MeetingPlan


class MeetingOpened(_Event, frozen=True, tag="meeting-opened"):
    """The chair opened the meeting; the chair is heard from here on."""


class MeetingClosed(_Event, frozen=True, tag="meeting-closed"):
    """The meeting is over; every microphone is closed. `missing` spoke without a report."""

    missing: tuple[str, ...] = ()


# -- sites ---------------------------------------------------------------------------------


class SiteJoined(_Event, frozen=True, tag="site-joined"):
    """A site's agent connected."""

    site: str
    agent_version: str = ""


class SiteLeft(_Event, frozen=True, tag="site-left"):
    """A site's agent is gone: connection closed or silent."""

    site: str
    reason: str = ""


class AttendanceMarked(_Event, frozen=True, tag="attendance-marked"):
    """Roll call. `note` holds the deputy's name (represented) or the reason (excused)."""

    site: str
    attendance: Attendance
    note: str = ""


# -- the floor -----------------------------------------------------------------------------


class FloorGranted(_Event, frozen=True, tag="floor-granted"):
    """The site has the floor (BFCP, RFC 4582: granted) in turn number `turn`, counted from 1."""

    site: str
    turn: int
    allowance_s: int


class TurnEnded(_Event, frozen=True, tag="turn-ended"):
    """The floor is released; `spoken_ms` is the time the microphone was open in this turn."""

    site: str
    turn: int
    reason: TurnEnd
    spoken_ms: int


class HandoverReverted(_Event, frozen=True, tag="handover-reverted"):
    """The last call, or the last ending of a turn, was taken back at once.

    The turn of `site` never was (its number is free again), or is suspended as before; `back_to`
    has the floor again in `back_turn` (None: nobody had it). `queue` is the whole list of speakers.
    """

    site: str | None
    turn: int | None
    back_to: str | None
    back_turn: int | None
    queue: tuple[str, ...]


class HolderLost(_Event, frozen=True, tag="holder-lost"):
    """The site that has the floor dropped; it keeps its turn until `grace_until`."""

    site: str
    turn: int
    grace_until: int


class HolderReturned(_Event, frozen=True, tag="holder-returned"):
    """The site came back in time and has its turn again; `gap_ms` is how long it was away."""

    site: str
    turn: int
    gap_ms: int


class TurnSuspended(_Event, frozen=True, tag="turn-suspended"):
    """The grace time passed; the floor is free, the turn can be resumed."""

    site: str
    turn: int
    spoken_ms: int


class TurnResumed(_Event, frozen=True, tag="turn-resumed"):
    """A suspended turn goes on with the time that was left."""

    site: str
    turn: int


class TurnExtended(_Event, frozen=True, tag="turn-extended"):
    """`seconds` more speaking time for the running turn."""

    site: str
    turn: int
    seconds: int


class TurnWarned(_Event, frozen=True, tag="turn-warned"):
    """A bell rang in the room that speaks and at the console: `left_s` of the turn are left."""

    site: str
    turn: int
    left_s: int


class TurnOverran(_Event, frozen=True, tag="turn-overran"):
    """The running turn used up its allowance; the clock counts up from here."""

    site: str
    turn: int


class BudgetSet(_Event, frozen=True, tag="budget-set"):
    """The planned length of the whole meeting was changed."""

    budget_s: int


class OverrunSet(_Event, frozen=True, tag="overrun-set"):
    """What happens when a turn's time is used up was changed."""

    overrun: Overrun


# -- microphones, panel, hands, queue ---------------------------------------------------------


class SiteMuted(_Event, frozen=True, tag="site-muted"):
    """The operator closed the microphone of a site that was live."""

    site: str


class SiteUnmuted(_Event, frozen=True, tag="site-unmuted"):
    """The operator opened the microphone of a site that has the floor or sits on the panel."""

    site: str


class AllMuted(_Event, frozen=True, tag="all-muted"):
    """Every microphone but the chair's was closed; `sites` were live."""

    sites: tuple[str, ...]


class SitePromoted(_Event, frozen=True, tag="site-promoted"):
    """The site joined the panel: it may be heard without the floor."""

    site: str


class SiteDemoted(_Event, frozen=True, tag="site-demoted"):
    """The site went back to the audience."""

    site: str


class VoiceSet(_Event, frozen=True, tag="voice-set"):
    """The operator set how much delay a site's ear may cost."""

    site: str
    voice: VoiceMode


class MediaSet(_Event, frozen=True, tag="media-set"):
    """The operator set what media a site sends and gets."""

    site: str
    media: MediaMode


class HandRaised(_Event, frozen=True, tag="hand-raised"):
    """The site asks to speak."""

    site: str


class HandLowered(_Event, frozen=True, tag="hand-lowered"):
    """The request to speak was withdrawn or served."""

    site: str


class QueueMoved(_Event, frozen=True, tag="queue-moved"):
    """The list of speakers has a new order; `queue` is the whole of it, first is next."""

    queue: tuple[str, ...]


class SiteSkipped(_Event, frozen=True, tag="site-skipped"):
    """The site left the list of speakers without a turn; it can be called later."""

    site: str


# -- the record ----------------------------------------------------------------------------


class ReportDrafted(_Event, frozen=True, tag="report-drafted"):
    """Report text being typed for a site, as far as it got."""

    site: str
    text: str


class ReportLogged(_Event, frozen=True, tag="report-logged"):
    """What a site reported. `turn` is None when it was written down outside a turn."""

    report: str
    site: str
    text: str
    tags: tuple[str, ...] = ()
    turn: int | None = None


class ReportAmended(_Event, frozen=True, tag="report-amended"):
    """A report has a new text; the old one stays in the record."""

    report: str
    text: str
    tags: tuple[str, ...] = ()


class FollowUpAdded(_Event, frozen=True, tag="follow-up-added"):
    """Something is to be done: by whom and until when (`due` is an ISO date or empty)."""

    follow_up: str
    text: str
    owner: str = ""
    due: str = ""
    site: str | None = None


class FollowUpsCarried(_Event, frozen=True, tag="follow-ups-carried"):
    """What earlier meetings left to be done, as of now; `more` did not find room in the list."""

    follow_ups: tuple[CarriedFollowUp, ...]
    more: int = 0


class FollowUpClosed(_Event, frozen=True, tag="follow-up-closed"):
    """A follow-up, of this meeting or carried into it, is done; `how` says how, if anything."""

    follow_up: str
    how: str = ""


class FollowUpReopened(_Event, frozen=True, tag="follow-up-reopened"):
    """A follow-up was not done after all."""

    follow_up: str


class DraftSaved(_Event, frozen=True, tag="draft-saved"):
    """What is typed in a form so far, as far as it got; `key` names the form, such as
    `report:minas`; no fields: there is nothing to keep any more."""

    key: str
    fields: dict[str, str]


class NoteAdded(_Event, frozen=True, tag="note-added"):
    """A line for the minutes: note, opening words, direction (*arahan*), decision, closing."""

    note: str
    kind: NoteKind
    text: str
    site: str | None = None


class BannerSet(_Event, frozen=True, tag="banner-set"):
    """The announcement shown at every site; empty takes it away."""

    text: str


# -- the minutes after the meeting -------------------------------------------------------------


class MinutesSubmitted(_Event, frozen=True, tag="minutes-submitted"):
    """The minutes were put before who presides (*diajukan*), by the person `by`."""

    by: str = ""


class MinutesApproved(_Event, frozen=True, tag="minutes-approved"):
    """The minutes are approved (*disahkan*): attendance and text stay as they are now."""

    by: str = ""


class MinutesReturned(_Event, frozen=True, tag="minutes-returned"):
    """The minutes were returned (*dikembalikan*) and can be worked on again."""

    reason: str
    by: str = ""


class MinutesCorrected(_Event, frozen=True, tag="minutes-corrected"):
    """An erratum of approved minutes: in `part` it must read `text` instead of `was`. The
    approved text stays; the erratum is printed with it."""

    correction: str
    part: str
    was: str
    text: str
    reason: str
    by: str = ""


# -- the recording -------------------------------------------------------------------------


class RecordingStarted(_Event, frozen=True, tag="recording-started"):
    """What floor, chair and panel say and show is recorded from here on; all sites are told."""


class RecordingPaused(_Event, frozen=True, tag="recording-paused"):
    """Nothing is recorded until it is resumed."""


class RecordingResumed(_Event, frozen=True, tag="recording-resumed"):
    """The recording goes on."""


class RecordingStopped(_Event, frozen=True, tag="recording-stopped"):
    """The recording is over. `trouble` says what failed."""

    reason: RecordingEnd = "ended"
    trouble: str = ""


class RecordingWarned(_Event, frozen=True, tag="recording-warned"):
    """The disk that is recorded to has little room left; recording goes on."""

    free_mb: int


class RecordingFinished(_Event, frozen=True, tag="recording-finished"):
    """The recording is one file now, with a chapter a turn; `file` is its name."""

    file: str
    length_ms: int
    size_bytes: int = 0
    chapters: int = 0
    trouble: str = ""


class LinkStatistics(msgspec.Struct, frozen=True, array_like=True):
    """A site's link in one minute, written as a list to be short: means, but the longest round trip
    and the lowest clearness (1 to 4.5, 0: nobody was heard). Packets are those of the minute.
    `slot_loss_percent` is what the site missed of each slot before recovery, while it flowed."""

    site: str
    up_kbps: float = 0.0
    down_kbps: float = 0.0
    up_loss_percent: float = 0.0
    down_loss_percent: float = 0.0
    rtt_ms: float = 0.0
    mos: float = 0.0
    up_packets: int = 0
    down_packets: int = 0
    resent: int = 0
    dropped: int = 0
    slot_loss_percent: dict[str, float] = {}


class LinksMeasured(_Event, frozen=True, tag="links-measured"):
    """Once a minute while the meeting is open: how the links and the relay did. Changes nothing."""

    links: tuple[LinkStatistics, ...] = ()
    relay_cpu_percent: float = 0.0
    relay_rss_mb: float = 0.0


class LineFigures(_Value, frozen=True):
    """What a site's agent measured in a line check; None: not measured.

    Loss, jitter (RFC 3550) and round trip are those of `probes` small packets a voice's distance
    apart, over the connections that carry the media; `up_kbps` and `down_kbps` what a burst of
    `burst_kbps` brought through. `media` False: those connections are not there. The loudspeaker
    played a tone: `tone_dbov` is how loud the microphone heard it (-dBov; None: not at all),
    `noise_dbov` the room without it, `peak_dbov` the loudest that was heard. `clock_error_ms` is
    how far the site's clock is ahead.
    """

    media: bool = True
    probes: int = 0
    loss_up_percent: float | None = None
    loss_down_percent: float | None = None
    jitter_up_ms: float | None = None
    jitter_down_ms: float | None = None
    rtt_ms: float | None = None
    up_kbps: float | None = None
    down_kbps: float | None = None
    burst_kbps: float | None = None
    tone_played: bool = False
    tone_dbov: int | None = None
    noise_dbov: int | None = None
    peak_dbov: int | None = None
    clipped_percent: float | None = None
    camera: CameraSeen = "unknown"
    clock_error_ms: int | None = None
    free_mb: int | None = None
    version: str = ""


class LineCheckStarted(_Event, frozen=True, tag="line-check-started"):
    """The lines of these sites are being checked, until `until` (ms of UTC) at the latest.
    `gentle`: the meeting is open, nothing is sent that a voice on the same line would feel."""

    check: str
    sites: tuple[str, ...]
    until: int
    gentle: bool = False


class LineChecked(_Event, frozen=True, tag="line-checked"):
    """The line of a site was checked; `faults` are what is wrong with it, the gravest first."""

    check: str
    site: str
    verdict: LineVerdict
    faults: tuple[LineFault, ...] = ()
    figures: LineFigures = LineFigures()


class LineCheckEnded(_Event, frozen=True, tag="line-check-ended"):
    """The check is over; sites that had not answered yet are as they were checked before."""

    check: str
    reason: LineCheckEnd = "done"


Event = (
    MeetingConvened
    | MeetingPrepared
    | MeetingOpened
    | MeetingClosed
    | SiteJoined
    | SiteLeft
    | AttendanceMarked
    | FloorGranted
    | TurnEnded
    | HandoverReverted
    | HolderLost
    | HolderReturned
    | TurnSuspended
    | TurnResumed
    | TurnExtended
    | TurnWarned
    | TurnOverran
    | BudgetSet
    | OverrunSet
    | SiteMuted
    | SiteUnmuted
    | AllMuted
    | SitePromoted
    | SiteDemoted
    | VoiceSet
    | MediaSet
    | HandRaised
    | HandLowered
    | QueueMoved
    | SiteSkipped
    | ReportDrafted
    | ReportLogged
    | ReportAmended
    | FollowUpAdded
    | FollowUpsCarried
    | FollowUpClosed
    | FollowUpReopened
    | DraftSaved
    | NoteAdded
    | BannerSet
    | MinutesSubmitted
    | MinutesApproved
    | MinutesReturned
    | MinutesCorrected
    | RecordingStarted
    | RecordingPaused
    | RecordingResumed
    | RecordingStopped
    | RecordingWarned
    | RecordingFinished
    | LinksMeasured
    | LineCheckStarted
    | LineChecked
    | LineCheckEnded
)


class Recorded(_Value, frozen=True):
    """An event as the journal keeps it.

    `seq` counts from 1 without gaps; `at` is ms of UTC; `actor` is `moderator`, `site:<id>` or
    `server`; `command` is the id of the command that caused it, empty when none did.
    """

    seq: int
    meeting: str
    at: int
    actor: str
    command: str
    event: Event


def encode(event: Event) -> bytes:
    """The journal's bytes of an event: JSON with sorted keys, so that its hash is stable."""
    return msgspec.json.encode(event, order="sorted")


_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Event)


def decode(data: bytes | str) -> Event:
    """Inverse of `encode`. Raises msgspec.ValidationError on anything that is not an event."""
    event: Event = _decoder.decode(data)
    return event
