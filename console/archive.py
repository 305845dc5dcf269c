"""Answers to questions about all meetings, read off the journal and its derived tables.

A reader of its own in a thread of its own: a search through ten years of reports delays nobody's
microphone.
"""

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, assert_never

from console.journal import Journal
from protocol import commands as c
from protocol import events as e
from protocol import queries as q

_HERE = "('present', 'late', 'represented')"
MAX_BYTES = 4 * 1024 * 1024
"""About what one answer holds at most; the rest is *more*."""
MAX_CARRIED, MAX_CARRIED_BYTES = 300, 96 * 1024
"""What one event carries of earlier follow-ups: it goes to every console in one frame."""
MAX_READ, MAX_PHRASE = 2000, 160
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")
_TAGS = re.compile(r"(?:\s*#[\w-]+)+\s*$|^(?:#[\w-]+\s*)+")


class Archive:
    """Reads the journal at `path` beside its writer."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._journal: Journal | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="archive")

    async def answer(self, query: q.QueryBody) -> q.Found:
        """What the journal says. Raises JournalError when it can't be read."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.look, query)

    def look(self, query: q.QueryBody) -> q.Found:
        """`answer` in the calling thread."""
        if self._journal is None:
            self._journal = Journal.open_readonly(self._path)
        rows = self._journal.query
        match query:
            case q.ListMeetings():
                return _meetings(rows, query)
            case q.SearchReports():
                return _reports(rows, query)
            case q.ListFollowUps():
                return _follow_ups(rows, query)
            case q.ListPhrases():
                return _phrases(rows, query)
            case q.ReadJournal():
                return self._events(self._journal, query)
            case _ as never:
                assert_never(never)

    def _events(self, journal: Journal, query: q.ReadJournal) -> q.Events:
        found = journal.read(query.meeting, query.after, query.limit + 1)
        more = len(found) > query.limit
        last_hash = "" if more else journal.last_hash(query.meeting)
        return q.Events(tuple(found[: query.limit]), more, last_hash)

    def close(self) -> None:
        """Finish and close the file."""
        self._thread.shutdown()
        if self._journal is not None:
            self._journal.close()
            self._journal = None


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def _match(text: str) -> str:
    """An FTS5 query: every word, as the beginning of one in the text."""
    return " ".join(f'"{word}"*' for word in _words(text))


def _has_all(text: str, columns: str) -> tuple[str, list[str]]:
    """A condition: every word of the text somewhere in the columns."""
    words = text.split()
    wanted = " and ".join([f"instr(lower({columns}), ?) > 0"] * len(words)) or "1"
    return wanted, [word.lower() for word in words]


def _meetings(rows: Any, query: q.ListMeetings) -> q.MeetingList:
    columns = "title || ' ' || place || ' ' || date(convened_at / 1000, 'unixepoch')"
    wanted, values = _has_all(query.text, columns)
    if _match(query.text):
        in_reports = (
            "select meeting from reports where rowid in"
            " (select rowid from reports_fts where reports_fts match ?)"
        )
        wanted, values = f"({wanted}) or id in ({in_reports})", [*values, _match(query.text)]
    found = rows(
        "select id, title, place, convened_at, opened_at, closed_at,"
        " (select count(*) from sites where meeting = id),"
        f" (select count(*) from attendance where meeting = id and attendance in {_HERE}),"
        " (select count(*) from turns where meeting = id),"
        " (select count(*) from reports where meeting = m.id),"
        " (select count(*) from follow_ups where meeting = m.id)"
        f" from meetings m where {wanted} order by convened_at desc, id desc limit ?",
        [*values, query.limit + 1],
    )
    return q.MeetingList(
        tuple(q.MeetingLine(*row) for row in found[: query.limit]), len(found) > query.limit
    )


def _reports(rows: Any, query: q.SearchReports) -> q.ReportList:
    conditions, values = ["1"], []
    for word in _words(query.text):
        # One word may be in the text, another be the site's name.
        conditions.append(
            "(r.rowid in (select rowid from reports_fts where reports_fts match ?)"
            " or instr(lower(coalesce(s.name, '')), ?) > 0)"
        )
        values += [f'"{word}"*', word.lower()]
    if query.meeting:
        conditions.append("r.meeting = ?")
        values.append(query.meeting)
    found = rows(
        "select r.id, r.meeting, m.title, r.site, coalesce(s.name, r.site), r.at, r.text, r.tags"
        " from reports r join meetings m on m.id = r.meeting"
        " left join sites s on s.meeting = r.meeting and s.site = r.site"
        f" where {' and '.join(conditions)} order by r.at desc, r.id desc limit ?",
        [*values, query.limit + 1],
    )
    lines = [
        q.ReportLine(*row[:-1], tuple(json.loads(row[-1])))  # type: ignore[call-arg]
        for row in found[: query.limit]
    ]
    kept = _within(lines)
    return q.ReportList(tuple(kept), len(kept) < len(found))


def _within(lines: list[q.ReportLine]) -> list[q.ReportLine]:
    size_bytes = 0
    kept: list[q.ReportLine] = []
    for line in lines:
        size_bytes += len(line.text.encode())
        if kept and size_bytes > MAX_BYTES:
            break
        kept.append(line)
    return kept


_FOLLOW_UP_TEXT = (
    "f.text || ' ' || f.owner || ' ' || coalesce(s.name, '') || ' ' || coalesce(f.how, '')"
)


def _follow_ups(rows: Any, query: q.ListFollowUps) -> q.FollowUpList:
    wanted, values = _has_all(query.text, _FOLLOW_UP_TEXT)
    found = rows(
        "select f.id, f.meeting, m.title, coalesce(s.name, f.site, ''), f.at, f.text, f.owner,"
        " f.due, f.closed_at, coalesce(f.closed_in, ''), coalesce(f.how, '')"
        " from follow_ups f join meetings m on m.id = f.meeting"
        " left join sites s on s.meeting = f.meeting and s.site = f.site"
        f" where {wanted} order by f.closed_at is not null, f.closed_at desc, f.due = '', f.due,"
        " f.at limit ?",
        [*values, query.limit + 1],
    )
    return q.FollowUpList(
        tuple(q.FollowUpLine(*row) for row in found[: query.limit]), len(found) > query.limit
    )


def open_follow_ups(rows: Any, sites: tuple[str, ...], meeting: str) -> c.CarryFollowUps:
    """What other meetings than `meeting` left to be done, on these sites or on none in
    particular: those due first, as many as one frame holds."""
    marks = ", ".join("?" for _ in sites)
    found = rows(
        "select f.id, f.text, f.owner, f.due, f.site, f.meeting, m.title, f.at"
        " from follow_ups f join meetings m on m.id = f.meeting"
        f" where f.closed_at is null and f.meeting != ? and (f.site is null or f.site in ({marks}))"
        " order by f.due = '', f.due, f.at",
        [meeting, *sites],
    )
    kept: list[e.CarriedFollowUp] = []
    size_bytes = 0
    for row in found:
        one = e.CarriedFollowUp(*row)
        size_bytes += len(one.text.encode()) + len(one.owner.encode()) + 200
        if len(kept) == MAX_CARRIED or (kept and size_bytes > MAX_CARRIED_BYTES):
            break
        kept.append(one)
    return c.CarryFollowUps(tuple(kept), len(found) - len(kept))


def _phrases(rows: Any, query: q.ListPhrases) -> q.PhraseList:
    found = rows(
        "select text, site, at from reports union all"
        " select text, site, at from notes where kind in ('direction', 'decision') union all"
        " select text, site, at from follow_ups order by at desc limit ?",
        [MAX_READ],
    )
    found.sort(key=lambda row: row[1] != query.site)
    phrases: dict[str, None] = {}
    for text, _site, _at in found:
        phrases.update(dict.fromkeys(sentences(text)))
        if len(phrases) >= query.limit:
            break
    owners = rows(
        "select owner from follow_ups where owner != '' group by owner"
        " order by max(at) desc limit ?",
        [query.limit],
    )
    return q.PhraseList(tuple(phrases)[: query.limit], tuple(row[0] for row in owners))


def sentences(text: str) -> list[str]:
    """The sentences of a text, without `#words` at their ends; long ones left out."""
    made = (_TAGS.sub("", part).strip() for part in _SENTENCE.split(text))
    return [part for part in made if 8 <= len(part) <= MAX_PHRASE]
