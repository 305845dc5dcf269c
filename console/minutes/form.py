"""The form of the minutes: what every writer is given, and what the JSON export holds.

`…_at` fields are ISO 8601 in the meeting's own zone, `…_on` ISO dates, `…_s` seconds; the rest
is worded in Indonesian, cleaned of what no format can carry (`clean`) and not escaped: that is
each writer's part. An empty text means there is none; a dash stands where a cell would be empty.
"""

import re
from typing import Literal

import msgspec

from protocol.events import (
    Attendance,
    Distances,
    Letterhead,
    LineVerdict,
    Paper,
    SiteKind,
    TitleWord,
)

Length = Literal["full", "short"]
Status = Literal["draft", "submitted", "approved", "returned"]
Kop = Literal["regent", "agency"]

ATTENDANCE: dict[Attendance, str] = {
    "unmarked": "Belum dicatat",
    "present": "Hadir",
    "late": "Terlambat",
    "represented": "Diwakili",
    "excused": "Izin",
    "absent": "Tidak hadir",
}

# What no page can show: control characters, lone surrogates, non-characters, and the marks that
# turn the direction of text around (a printed sentence must read as it was typed).
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\uffff"
    "\ud800-\udfff\ufdd0-\ufdef]"
)


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Style(_Part, frozen=True):
    """What is chosen for one printing; None is what the roster says (`MinutesStyle`).

    `length` is *lengkap* or *ringkas* (one page). `pictures` are the captions of annex V.
    """

    title: TitleWord | None = None
    paper: Paper | None = None
    letterhead: Letterhead | None = None
    length: Length = "full"
    pictures: tuple[str, ...] = ()


class Leaders(_Part, frozen=True):
    """*Pimpinan Rapat*: each as `name, office`, or a dash. `deputy` is the *Wakil Ketua*."""

    chair: str
    deputy: str
    secretary: str
    note_taker: str


class Counts(_Part, frozen=True):
    """How many sites of kind kecamatan are in each state; `late` came too and is not in
    `present`. All but `expected` add up to `expected`."""

    expected: int = 0
    present: int = 0
    late: int = 0
    represented: int = 0
    excused: int = 0
    absent: int = 0
    unmarked: int = 0


class Earlier(_Part, frozen=True):
    """A wording that was replaced. `heading` says when it was written and replaced."""

    heading: str
    written_at: str
    replaced_at: str
    paragraphs: tuple[str, ...]
    topics: tuple[str, ...]


class ReportText(_Part, frozen=True):
    """A report in its latest wording. `amended` is empty when it was never changed; `unsaved`
    marks text that was typed and not yet written down as a report."""

    id: str
    written_at: str
    paragraphs: tuple[str, ...]
    topics: tuple[str, ...]
    amended: str = ""
    earlier: tuple[Earlier, ...] = ()
    unsaved: bool = False


class Block(_Part, frozen=True):
    """One speaker's part of the discussion: a turn (`turn` is its number) with what was reported
    and directed in it, or, with `turn` None, what was written down without a turn.

    `heading` is `speaker` with `detail` in brackets.
    """

    number: int
    site: str
    turn: int | None
    speaker: str
    detail: str
    heading: str
    starts_at: str
    topics: tuple[str, ...]
    reports: tuple[ReportText, ...]
    directions: tuple[str, ...]
    notes: tuple[str, ...]


class FollowUpRow(_Part, frozen=True):
    """*Tindak lanjut*. `due_on` is an ISO date or empty, `due` its wording or a dash. `done` by
    the end of this meeting, `how` as it was said. `origin` says from which earlier meeting it is;
    empty for this one's.
    """

    number: int
    text: str
    owner: str
    due: str
    due_on: str
    status: str
    site: str
    done: bool = False
    origin: str = ""
    how: str = ""


class AttendanceRow(_Part, frozen=True):
    """One row of the roster, whatever became of it. Times are `13.21` or a dash."""

    number: int
    site: str
    kind: SiteKind
    name: str
    office: str
    place: str
    attendance: Attendance
    arrived: str
    left: str
    arrived_at: str
    left_at: str
    drops: int
    remark: str


class TurnRow(_Part, frozen=True):
    """One turn with its times. `over_s` is what was spoken beyond the allowance; `away_s` how
    long the connection was gone, `drops` how often."""

    number: int
    site: str
    speaker: str
    starts: str
    ends: str
    starts_at: str
    ends_at: str
    spoken: str
    spoken_s: int
    allowance: str
    allowance_s: int
    over_s: int
    away_s: int
    drops: int
    remark: str


class Signature(_Part, frozen=True):
    """Who signs: office, name and, for a civil servant, rank and NIP; each may be empty."""

    office: str
    name: str
    rank: str
    nip: str


class ConnectionRow(_Part, frozen=True):
    """How a site was connected while the meeting was open. `since` is a clock or a dash; `away`
    the time its connection was gone between its first coming and the end."""

    number: int
    site: str
    place: str
    since: str
    drops: int
    away: str
    away_s: int
    remark: str


class LineCheckRow(_Part, frozen=True):
    """What the last line check found at a site: `result` is the verdict in words, `finding` what is
    wrong, `remedy` what helps. `loss` (%), `rtt` (ms) and `rate` (kbit/s) are worded, pairs from
    the site / to it; None: not measured."""

    number: int
    site: str
    place: str
    when: str
    checked_at: str
    verdict: LineVerdict
    result: str
    finding: str
    remedy: str
    loss: str
    rtt: str
    rate: str
    loss_up_percent: float | None
    loss_down_percent: float | None
    rtt_ms: float | None
    up_kbps: float | None
    down_kbps: float | None


class SavingsRow(_Part, frozen=True):
    """The journey one site did not make: there and back. `known` is False when the roster has
    neither a distance nor a cost; its figures are then 0 and printed as dashes."""

    number: int
    site: str
    place: str
    known: bool
    km: float
    travel_minutes: int
    rupiah: int
    km_words: str
    travel_words: str
    rupiah_words: str


class Savings(_Part, frozen=True):
    """What the meeting saved: a row for each site that attended, and their sums.

    `example` when the rates are the examples that came with Giliran. `basis` says in words how
    the figures were made.
    """

    example: bool
    distances: Distances
    basis: tuple[str, ...]
    rows: tuple[SavingsRow, ...]
    km: float
    travel_minutes: int
    rupiah: int
    km_words: str
    travel_words: str
    rupiah_words: str


class CorrectionRow(_Part, frozen=True):
    """An erratum (*ralat*): in `part` it must read `text` instead of `was`."""

    number: int
    part: str
    was: str
    text: str
    reason: str
    when: str
    by: str
    at: str


class BriefRow(_Part, frozen=True):
    """One speaker in the short minutes: when first heard, and the gist of the reports (the
    beginning of each; `…` where more was said)."""

    number: int
    speaker: str
    at: str
    topics: str
    gist: str


class Brief(_Part, frozen=True):
    """The short minutes (*ringkas*, one page). `more_…` count what found no room. `size_pt` is
    the size of letters with which Word keeps to one page."""

    rows: tuple[BriefRow, ...]
    decisions: tuple[str, ...]
    more_decisions: int
    follow_ups: tuple[FollowUpRow, ...]
    more_follow_ups: int
    size_pt: float


class Minutes(_Part, frozen=True):
    """The minutes of one meeting, in the order they are printed.

    `status` is where they are on their way from draft to approved, `status_line` says so in
    words, `mark` is printed on every page of what is still a draft. `draft` while the meeting is
    not closed; `as_of` then says how far they go. `called` and
    `time` are when the sites were called and when the meeting was held. `silent` names those
    who had no turn and reported nothing. `hash` is the SHA-256 of the journal's last event
    (`seq`): with it a printed page is checked against the journal; `proof` is the text of the QR
    code. `kop` is whose letterhead is printed. `pictures` are captions. `earlier_follow_ups` are
    those that meetings before left open, with what became of them by the end of this one.
    """

    format: Literal["giliran-minutes/1"]
    meeting: str
    draft: bool
    as_of: str
    status: Status
    status_line: str
    mark: str
    seq: int
    hash: str
    hash_short: str
    proof: str
    paper: Paper
    length_of: Length
    kop: Kop
    letterhead: tuple[str, ...]
    title: str
    name: str
    number: str
    organisation: str
    date: str
    day: str
    called: str
    time: str
    length: str
    place: str
    agenda: tuple[str, ...]
    leaders: Leaders
    participants: str
    counts: Counts
    guests: tuple[str, ...]
    opening: tuple[str, ...]
    discussion: tuple[Block, ...]
    directions: tuple[str, ...]
    notes: tuple[str, ...]
    silent: tuple[str, ...]
    decisions: tuple[str, ...]
    follow_ups: tuple[FollowUpRow, ...]
    closing: tuple[str, ...]
    place_and_date: str
    note_taker: Signature
    chair: Signature
    attendance: tuple[AttendanceRow, ...]
    turns: tuple[TurnRow, ...]
    total_spoken: str
    total_spoken_s: int
    line_checks: tuple[LineCheckRow, ...]
    connections: tuple[ConnectionRow, ...]
    savings: Savings
    pictures: tuple[str, ...]
    corrections: tuple[CorrectionRow, ...]
    brief: Brief
    earlier_follow_ups: tuple[FollowUpRow, ...] = ()

    @property
    def file_name(self) -> str:
        """`notula-2019-02-06-<meeting>`, the short ones `notula-ringkas-…`; without a suffix."""
        title = self.title.lower() + ("-ringkas" if self.length_of == "short" else "")
        return f"{title}-{self.date or 'tanpa-tanggal'}-{short_id(self.meeting)}"


def short_id(meeting: str) -> str:
    """The end of the id (a UUIDv7 begins with the time, its end tells meetings apart)."""
    return re.sub(r"[^0-9A-Za-z]", "", meeting)[-8:].lower() or "rapat"


def clean(text: str) -> tuple[str, ...]:
    """Paragraphs of printable text: one a line, blanks trimmed, empty lines dropped."""
    lines = re.split(r"\r\n|[\n\r\v\f\x85\u2028\u2029]", text)
    tidy = (" ".join(_UNPRINTABLE.sub("", line).split()) for line in lines)
    return tuple(line for line in tidy if line)


def one_line(text: str) -> str:
    return " ".join(clean(text))
