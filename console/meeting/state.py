"""The meeting's state; `fold` says how events change it.

A microphone is open only when `is_live` says so: the chair from opening to closing, the floor's
holder, the panel. Everybody else is audience and heard by nobody.

Times are milliseconds of UTC since 1970.
"""

from typing import Literal, get_args

import msgspec

from protocol import events as e
from protocol.events import (
    Attendance,
    CarriedFollowUp,
    MediaMode,
    MeetingPlan,
    NoteKind,
    Overrun,
    SiteEntry,
    VoiceMode,
)

Phase = Literal["none", "planned", "open", "closed"]
Recording = Literal["off", "on", "paused"]
TurnStatus = Literal["speaking", "lost", "suspended", "ended"]
MinutesStatus = Literal["draft", "submitted", "approved", "returned"]

CARD = "report:"
HERE: frozenset[Attendance] = frozenset({"present", "late", "represented"})
AWAY: frozenset[Attendance] = frozenset({"absent", "excused"})


class _Part(msgspec.Struct, frozen=True, omit_defaults=True):
    pass


class Site(_Part, frozen=True):
    """A site in this meeting. `muted` is the operator's switch; see `is_live` for the effect.

    `voice` and `media` are what the operator forces; `auto` leaves it to the site's agent.
    """

    entry: SiteEntry
    attendance: Attendance = "unmarked"
    attendance_note: str = ""
    arrived_at: int | None = None
    left_at: int | None = None
    online: bool = False
    muted: bool = True
    panel: bool = False
    hand_at: int | None = None
    skipped: bool = False
    draft: str = ""
    voice: VoiceMode = "auto"
    media: MediaMode = "auto"

    @property
    def id(self) -> str:
        return self.entry.id


class Turn(_Part, frozen=True):
    """One holding of the floor.

    `spoken_ms` sums the closed intervals in which the microphone was open; an open one began at
    `live_since`. `away_ms` and `drops` tell of lost connections during the turn. `warned`: the
    bell has rung; `overran`: the allowance is used up; `closed_by_time`: the microphone was closed
    for that.
    """

    number: int
    site: str
    granted_at: int
    allowance_s: int
    status: TurnStatus = "speaking"
    spoken_ms: int = 0
    live_since: int | None = None
    lost_at: int | None = None
    grace_until: int | None = None
    away_ms: int = 0
    drops: int = 0
    warned: bool = False
    overran: bool = False
    closed_by_time: bool = False
    ended_at: int | None = None

    def spoken_until(self, at: int) -> int:
        """Milliseconds spoken by the time `at`, the open interval included."""
        running = 0 if self.live_since is None else max(0, at - self.live_since)
        return self.spoken_ms + running

    def used_up_at(self) -> int | None:
        """When the allowance runs out if the microphone stays open; None while it is closed."""
        if self.live_since is None:
            return None
        return self.live_since + max(0, self.allowance_s * 1000 - self.spoken_ms)


class Handover(_Part, frozen=True):
    """The last call, or the last ending of a turn, and all that is needed to take it back.

    `ended` is the turn it ended, as it stood then; `granted` the number of the turn it began;
    `resumed` that turn before, when it was a suspended one; `called` the site called, before;
    `place` its place in the queue.
    """

    at: int
    ended: Turn | None = None
    was_muted: bool = False
    granted: int | None = None
    resumed: Turn | None = None
    called: Site | None = None
    place: int | None = None


class Wording(_Part, frozen=True):
    """One text of a report, as it stood from `at` on."""

    text: str
    tags: tuple[str, ...]
    at: int


class Report(_Part, frozen=True):
    """What a site reported; `wordings` oldest first, the last one counts."""

    id: str
    site: str
    turn: int | None
    at: int
    wordings: tuple[Wording, ...]

    @property
    def text(self) -> str:
        return self.wordings[-1].text

    @property
    def tags(self) -> tuple[str, ...]:
        return self.wordings[-1].tags


class FollowUp(_Part, frozen=True):
    """Something to be done; `due` is an ISO date or empty. `closed_at`: when it was said to be
    done, in this meeting; `how`: how."""

    id: str
    text: str
    owner: str
    due: str
    site: str | None
    at: int
    closed_at: int | None = None
    how: str = ""


class Carried(_Part, frozen=True):
    """A follow-up of an earlier meeting that was open when this one began; `closed_at` and `how` as
    in `FollowUp`."""

    entry: CarriedFollowUp
    closed_at: int | None = None
    how: str = ""

    @property
    def id(self) -> str:
        return self.entry.id


class Note(_Part, frozen=True):
    """A line for the minutes."""

    id: str
    kind: NoteKind
    text: str
    site: str | None
    at: int


class Correction(_Part, frozen=True):
    """An erratum of approved minutes: in `part` read `text` instead of `was`."""

    id: str
    part: str
    was: str
    text: str
    reason: str
    by: str
    at: int


class MinutesRecord(_Part, frozen=True):
    """What became of the minutes. `by` and `at` tell of the last step, `reason` why they were
    returned; `submitted_seq` and `approved_seq` are the journal's seq of those steps, 0 before
    them (and of the first after a return)."""

    status: MinutesStatus = "draft"
    by: str = ""
    at: int | None = None
    reason: str = ""
    submitted_seq: int = 0
    approved_seq: int = 0
    corrections: tuple[Correction, ...] = ()


class Stretch(_Part, frozen=True):
    """A time in which the meeting was recorded without a pause; `ended_at` None: it goes on."""

    began_at: int
    ended_at: int | None = None


class LineCheck(_Part, frozen=True):
    """A line check that goes on until `until` at the latest; `waiting` did not answer yet."""

    id: str
    began_at: int
    until: int
    sites: tuple[str, ...]
    waiting: tuple[str, ...]
    gentle: bool = False


class CheckedLine(_Part, frozen=True):
    """What the last line check of a site found, at `at`."""

    at: int
    verdict: e.LineVerdict
    faults: tuple[e.LineFault, ...] = ()
    figures: e.LineFigures = e.LineFigures()


class Meeting(_Part, frozen=True):
    """The whole meeting: the fold of its events up to `seq`.

    `queue` is the list of speakers, first is next. `holder_turn` is the number of the turn that
    has the floor (also while its site is lost and in its grace time), None when the floor is
    free. `handover` is what `undo-handover` takes back. `budget_s` and `overrun` are the plan's
    until they are changed. `commands` holds the ids already carried out. `prepared`: the plan is
    the operator's, no longer that of the roster file. `recorded` are the times in which it was
    recorded, `disk_low` that a warning of the disk was given in the last of them, `film` the
    finished recording. `carried` is what earlier meetings left to be done (`carried_more`: how
    many found no room there). `drafts` is what is typed in forms and not saved yet, by the form's
    key and its fields' names. `check` is the line check that goes on, `lines` what the last one
    found at each site.
    """

    id: str = ""
    seq: int = 0
    phase: Phase = "none"
    plan: MeetingPlan = MeetingPlan(title="")
    chair: str = ""
    sites: dict[str, Site] = {}
    queue: tuple[str, ...] = ()
    holder_turn: int | None = None
    turns: tuple[Turn, ...] = ()
    reports: tuple[Report, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    notes: tuple[Note, ...] = ()
    banner: str = ""
    minutes: MinutesRecord = MinutesRecord()
    handover: Handover | None = None
    budget_s: int = 0
    overrun: Overrun = "warn"
    convened_at: int | None = None
    opened_at: int | None = None
    closed_at: int | None = None
    commands: frozenset[str] = frozenset()
    prepared: bool = False
    recording: Recording = "off"
    recorded: tuple[Stretch, ...] = ()
    disk_low: bool = False
    film: e.RecordingFinished | None = None
    carried: tuple[Carried, ...] = ()
    carried_more: int = 0
    drafts: dict[str, dict[str, str]] = {}
    check: LineCheck | None = None
    lines: dict[str, CheckedLine] = {}

    # -- questions ----------------------------------------------------------------------------

    @property
    def floor(self) -> Turn | None:
        """The turn that has the floor."""
        return None if self.holder_turn is None else self.turn(self.holder_turn)

    @property
    def holder(self) -> str | None:
        """The site that has the floor."""
        turn = self.floor
        return None if turn is None else turn.site

    @property
    def panel(self) -> tuple[str, ...]:
        """Sites on the panel in roster order."""
        return tuple(s.id for s in self.sites.values() if s.panel)

    def turn(self, number: int) -> Turn | None:
        """Turn by number (from 1); None when there is none."""
        return self.turns[number - 1] if 1 <= number <= len(self.turns) else None

    def suspended_turn(self, site: str) -> Turn | None:
        """The turn of this site that a lost connection suspended and nobody resumed."""
        for turn in reversed(self.turns):
            if turn.site == site and turn.status == "suspended":
                return turn
        return None

    def is_live(self, site: str) -> bool:
        """True when this site's microphone is to be open."""
        if self.phase != "open" or site not in self.sites:
            return False
        if site == self.chair:
            return True
        entry = self.sites[site]
        if entry.muted:
            return False
        return entry.panel or (self.holder == site)

    def is_callable(self, site: str) -> bool:
        """True when *call next* may pick this site: connected and not absent or excused."""
        entry = self.sites[site]
        return entry.online and entry.attendance not in AWAY

    def next_site(self) -> str | None:
        """Who *call next* would call: the site on deck."""
        return next((s for s in self.queue if s != self.holder and self.is_callable(s)), None)

    def has_spoken(self, site: str) -> bool:
        return any(turn.site == site for turn in self.turns)

    def has_reported(self, site: str) -> bool:
        return any(report.site == site for report in self.reports)

    def reports_missing(self) -> tuple[str, ...]:
        """Sites that had a turn and have no report, in speaking order, each once."""
        spoke = dict.fromkeys(turn.site for turn in self.turns)
        return tuple(s for s in spoke if s != self.chair and not self.has_reported(s))


def marked(state: Meeting) -> dict[Attendance, int]:
    """How many sites each kind of attendance has; the sum is that of the roster, always."""
    counts: dict[Attendance, int] = dict.fromkeys(get_args(Attendance), 0)
    for site in state.sites.values():
        counts[site.attendance] += 1
    return counts


def entry_sites(plan: MeetingPlan) -> dict[str, Site]:
    return {entry.id: Site(entry=entry) for entry in plan.sites}


def chair_of(plan: MeetingPlan) -> str:
    """The site that presides: the first hall of the roster."""
    return next((s.id for s in plan.sites if s.kind == "hall"), "")


def speaking_order(plan: MeetingPlan) -> tuple[str, ...]:
    """The first list of speakers: every kecamatan by its roster position."""
    ordered = sorted(plan.sites, key=lambda s: s.position)
    return tuple(s.id for s in ordered if s.kind == "kecamatan")


def card_key(site: str) -> str:
    """The key under which what is typed in a site's report card is kept."""
    return f"{CARD}{site}"


def site_of_card(key: str) -> str | None:
    """The site whose report card a key names; None for other forms."""
    return key.removeprefix(CARD) if key.startswith(CARD) else None


def encode(state: Meeting) -> bytes:
    """The state as JSON with sorted keys: the snapshot, and what replays are compared by."""
    return msgspec.json.encode(state, order="sorted")


def decode(data: bytes | str | msgspec.Raw) -> Meeting:
    """Inverse of `encode`, sites in roster order again. Raises msgspec.ValidationError."""
    state = msgspec.json.decode(data, type=Meeting)
    order = [entry.id for entry in state.plan.sites if entry.id in state.sites]
    return msgspec.structs.replace(state, sites={site: state.sites[site] for site in order})
