"""What a console asks of the journal, and what it is told: lists of meetings, reports, follow-ups.

Questions change nothing and are answered beside the meeting, never before a command. Times are ms
of UTC; every list says with `more` that it is not the whole.
"""

from typing import Annotated

import msgspec

from protocol.events import Recorded

MAX_LINES = 500
Words = Annotated[str, msgspec.Meta(max_length=200)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=MAX_LINES)]


class _Query(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", omit_defaults=True
):
    pass


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


# -- questions ----------------------------------------------------------------------------------


class ListMeetings(_Query, frozen=True, tag="list-meetings"):
    """Meetings, newest first: those with all words of `text` in title, place or date, or in a
    report. Answered by MeetingList."""

    text: Words = ""
    limit: Limit = 200


class SearchReports(_Query, frozen=True, tag="search-reports"):
    """Reports of all meetings (or of `meeting`), newest first, that hold words beginning with all
    those of `text` in their text, their tags or the site's name. Answered by ReportList."""

    text: Words = ""
    meeting: str = ""
    limit: Limit = 200


class ListFollowUps(_Query, frozen=True, tag="list-follow-ups"):
    """Follow-ups of all meetings: open ones first, those due first at the top, without a date at
    the end; with all words of `text` in text, owner or site. Answered by FollowUpList."""

    text: Words = ""
    limit: Limit = 500


class ReadJournal(_Query, frozen=True, tag="read-journal"):
    """The events of a meeting with seq > `after`, in order. Answered by Events."""

    meeting: str
    after: int = 0
    limit: Limit = 500


class ListPhrases(_Query, frozen=True, tag="list-phrases"):
    """Sentences that were written down in earlier meetings, those on `site` first, to complete
    what is being typed. Answered by PhraseList."""

    site: str = ""
    limit: Limit = 300


QueryBody = ListMeetings | SearchReports | ListFollowUps | ListPhrases | ReadJournal


# -- answers ------------------------------------------------------------------------------------


class MeetingLine(_Line, frozen=True):
    """One meeting in a list; `present` of `sites` were there."""

    id: str
    title: str
    place: str
    convened_at: int
    opened_at: int | None = None
    closed_at: int | None = None
    sites: int = 0
    present: int = 0
    turns: int = 0
    reports: int = 0
    follow_ups: int = 0


class MeetingList(_Query, frozen=True, tag="meeting-list"):
    """Answers ListMeetings."""

    meetings: tuple[MeetingLine, ...]
    more: bool = False


class ReportLine(_Line, frozen=True):
    """One report, as its last wording has it."""

    id: str
    meeting: str
    title: str
    site: str
    name: str
    at: int
    text: str
    tags: tuple[str, ...] = ()


class ReportList(_Query, frozen=True, tag="report-list"):
    """Answers SearchReports."""

    reports: tuple[ReportLine, ...]
    more: bool = False


class FollowUpLine(_Line, frozen=True):
    """One follow-up; `due` is an ISO date or empty. `closed_at` and `closed_in` (a meeting's id)
    tell when it was said to be done, `how` how."""

    id: str
    meeting: str
    title: str
    name: str
    at: int
    text: str
    owner: str = ""
    due: str = ""
    closed_at: int | None = None
    closed_in: str = ""
    how: str = ""


class FollowUpList(_Query, frozen=True, tag="follow-up-list"):
    """Answers ListFollowUps."""

    follow_ups: tuple[FollowUpLine, ...]
    more: bool = False


class PhraseList(_Query, frozen=True, tag="phrase-list"):
    """Answers ListPhrases: sentences of reports, directions, decisions and follow-ups; owners of
    follow-ups; each once, the latest first."""

    phrases: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()


class Events(_Query, frozen=True, tag="events"):
    """Answers ReadJournal; `last_hash` is that of the meeting's last event when `more` is not."""

    events: tuple[Recorded, ...]
    more: bool = False
    last_hash: str = ""


Found = MeetingList | ReportList | FollowUpList | PhraseList | Events
