"""The journal: every event of every meeting, in one SQLite file, and what is derived from it.

Rules:
- Rows of `events` are only ever added. `hash = SHA-256(prev_hash ‖ canonical row)`, where the
  canonical row is the JSON array [seq, meeting, at, actor, command, type, body]: a row changed,
  added, lost or moved breaks the chain from there on.
- A batch is one transaction, projections included, committed with `synchronous=FULL` in WAL
  before `append` returns.
- One writer: the connection lives in one thread of its own.
- The projections are ordinary tables, written from the difference of two states and rebuilt
  from the events by `rebuild`.
"""

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import sqlite_utils

from console.meeting.fold import apply
from console.meeting.state import Meeting
from console.projections import add_closing, create_projections, drop_projections, project
from protocol import events as e
from protocol.events import Recorded

GENESIS = "0" * 64
SCHEMA = 3


class JournalError(Exception):
    """The journal can't be opened, read or written; the text says which file and why."""


class MeetingRow(msgspec.Struct, frozen=True):
    """One meeting of the journal; times in ms of UTC."""

    id: str
    title: str
    convened_at: int
    opened_at: int | None
    closed_at: int | None


class Damage(msgspec.Struct, frozen=True):
    """The first row at which the chain does not hold."""

    seq: int
    what: str


def row_hash(prev_hash: str, row: Sequence[object]) -> str:
    """SHA-256 (hex) of the previous hash and the canonical row
    (seq, meeting, at, actor, command, type, body)."""
    canonical = json.dumps(list(row), ensure_ascii=False, separators=(",", ":"), default=repr)
    return hashlib.sha256((prev_hash + canonical).encode()).hexdigest()


class Journal:
    """One journal file. Raises JournalError with a text for a person."""

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        self.path = path
        self._readonly = readonly
        self._thread: ThreadPoolExecutor | None = None
        self._connection = _connect(path, readonly)
        self._db = sqlite_utils.Database(self._connection)
        try:
            if readonly:
                self._check_readable()
            else:
                self._prepare()
            self.seq, self.hash = self._tail()
        except sqlite3.Error as error:
            self._connection.close()
            raise JournalError(f"{path}: {_explain(error)}") from error
        except JournalError:
            self._connection.close()
            raise

    @classmethod
    def open_readonly(cls, path: Path) -> "Journal":
        """For readers beside a running server; raises JournalError when there is no file."""
        if not path.exists():
            raise JournalError(f"{path}: there is no journal yet")
        return cls(path, readonly=True)

    # -- writing ---------------------------------------------------------------------------

    async def append(
        self,
        before: Meeting,
        meeting: str,
        at: int,
        actor: str,
        command: str,
        happened: Sequence[e.Event],
    ) -> tuple[list[Recorded], Meeting]:
        """Commit the events as one transaction; the rows as recorded and the state after them.

        Raises JournalError when nothing was written (read-only, full disk, …).
        """
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._thread, self.append_now, before, meeting, at, actor, command, happened
        )

    def append_now(
        self,
        before: Meeting,
        meeting: str,
        at: int,
        actor: str,
        command: str,
        happened: Sequence[e.Event],
    ) -> tuple[list[Recorded], Meeting]:
        """`append` in the calling thread."""
        seq, prev = self.seq, self.hash
        recorded: list[Recorded] = []
        after = before
        try:
            with self._db.atomic():
                for event in happened:
                    seq += 1
                    one = Recorded(seq, meeting, at, actor, command, event)
                    prev = self._insert(one, prev)
                    recorded.append(one)
                    after = apply(after, one)
                project(self._connection, before, after)
        except sqlite3.Error as error:
            raise JournalError(f"{self.path}: {_explain(error)}") from error
        self.seq, self.hash = seq, prev
        return recorded, after

    def _insert(self, one: Recorded, prev: str) -> str:
        body = e.encode(one.event).decode()
        kind = str(type(one.event).__struct_config__.tag)
        row = (one.seq, one.meeting, one.at, one.actor, one.command, kind, body)
        digest = row_hash(prev, row)
        self._connection.execute(
            "insert into events (seq, meeting, at, actor, command, type, body, prev_hash, hash)"
            " values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*row, prev, digest),
        )
        return digest

    def rebuild(self) -> int:
        """Make every projection anew from the events, in one transaction; how many events."""
        count = 0
        try:
            with self._db.atomic():
                drop_projections(self._db)
                create_projections(self._db)
                # Meeting by meeting: minutes of one are worked on while another is held.
                ids = self._query("select meeting from events group by meeting order by min(seq)")
                for (meeting,) in ids:
                    state = Meeting()
                    for one in self._rows("where meeting = ?", (meeting,)):
                        after = apply(state, one)
                        project(self._connection, state, after)
                        state, count = after, count + 1
        except sqlite3.Error as error:
            raise JournalError(f"{self.path}: {_explain(error)}") from error
        return count

    # -- reading ---------------------------------------------------------------------------

    def meetings(self) -> list[MeetingRow]:
        """All meetings, oldest first."""
        rows = self._query(
            "select id, title, convened_at, opened_at, closed_at from meetings order by convened_at"
        )
        return [MeetingRow(*row) for row in rows]

    def find(self, text: str) -> MeetingRow:
        """The meeting named by `latest`, its id, or a beginning of its id that fits only one."""
        rows = self.meetings()
        if not rows:
            raise JournalError(f"{self.path}: there is no meeting in this journal yet")
        if text == "latest":
            return rows[-1]
        fitting = [row for row in rows if row.id == text] or [
            row for row in rows if row.id.startswith(text)
        ]
        if len(fitting) == 1:
            return fitting[0]
        known = "\n".join(f"  {row.id}  {row.title}" for row in rows[-10:])
        what = "several meetings begin with" if fitting else "no meeting has the id"
        raise JournalError(f"{what} {text!r}; the last ones are:\n{known}")

    def read(self, meeting: str, after: int = 0, limit: int = -1) -> list[Recorded]:
        """The events of a meeting with seq > `after`, in order; at most `limit` (-1: all)."""
        return list(self._rows("where meeting = ? and seq > ?", (meeting, after), limit))

    def read_all(self, after: int) -> list[Recorded]:
        """The events of every meeting with seq > `after`, in order."""
        return list(self._rows("where seq > ?", (after,)))

    def hash_of(self, meeting: str, seq: int) -> str:
        """The hash of an event of a meeting; empty when it has none of this seq."""
        rows = self._query("select hash from events where meeting = ? and seq = ?", (meeting, seq))
        return str(rows[0][0]) if rows else ""

    def minutes_status(self, meeting: str) -> str:
        """`draft`, `submitted`, `approved` or `returned`, without a replay."""
        rows = self._query(
            "select type from events where meeting = ? and type in"
            " ('minutes-submitted', 'minutes-approved', 'minutes-returned')"
            " order by seq desc limit 1",
            (meeting,),
        )
        return str(rows[0][0]).removeprefix("minutes-") if rows else "draft"

    def last_hash(self, meeting: str) -> str:
        """The hash of the last event of a meeting."""
        rows = self._query(
            "select hash from events where meeting = ? order by seq desc limit 1", (meeting,)
        )
        return str(rows[0][0]) if rows else GENESIS

    def latest_meeting(self) -> str | None:
        """The id of the meeting convened last; events of older ones may come after it."""
        rows = self._query(
            "select meeting from events where type = 'meeting-convened' order by seq desc limit 1"
        )
        return str(rows[0][0]) if rows else None

    def first_seq(self, meeting: str) -> int:
        """The seq of a meeting's first event; 0 when it has none."""
        rows = self._query("select min(seq) from events where meeting = ?", (meeting,))
        return int(rows[0][0] or 0)

    def command_seq(self, command: str) -> int | None:
        """The last event that a command caused, in whatever meeting; None when it caused none."""
        rows = self._query(
            "select max(seq) from events where command = ? and command != ''", (command,)
        )
        return None if rows[0][0] is None else int(rows[0][0])

    def count(self) -> int:
        """How many events there are."""
        return int(self._query("select count(*) from events")[0][0])

    def verify(self) -> Damage | None:
        """Walk the chain; None when it holds, else the first row that doesn't."""
        prev, expected = GENESIS, 1
        rows = self._query(
            "select seq, meeting, at, actor, command, type, body, prev_hash, hash"
            " from events order by seq"
        )
        for *row, prev_hash, digest in rows:
            seq = int(row[0])
            if seq != expected:
                return Damage(expected, "a row is missing")
            if prev_hash != prev:
                return Damage(seq, "does not follow from the row before")
            if row_hash(prev, row) != digest:
                return Damage(seq, "was changed after it was written")
            try:
                e.decode(row[6])
            except msgspec.MsgspecError as error:
                return Damage(seq, f"is not an event: {error}")
            prev, expected = digest, seq + 1
        return None

    def query(self, sql: str, values: Iterable[object] = ()) -> list[tuple[Any, ...]]:
        """The rows of a `select` over the derived tables. Raises JournalError."""
        return self._query(sql, values)

    def close(self) -> None:
        """Finish what is being written and close the file."""
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None
        self._connection.close()

    # -- inside ----------------------------------------------------------------------------

    def _rows(
        self, where: str = "", values: Iterable[object] = (), limit: int = -1
    ) -> Iterator[Recorded]:
        rows = self._query(
            f"select seq, meeting, at, actor, command, body from events {where} order by seq"
            " limit ?",
            (*values, limit),
        )
        for seq, meeting, at, actor, command, body in rows:
            try:
                event = e.decode(body)
            except msgspec.MsgspecError as error:
                raise JournalError(f"{self.path}: event {seq} can't be read: {error}") from error
            yield Recorded(seq, meeting, at, actor, command, event)

    def _query(self, sql: str, values: Iterable[object] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(sql, tuple(values)).fetchall()
        except sqlite3.Error as error:
            raise JournalError(f"{self.path}: {_explain(error)}") from error

    def _check_readable(self) -> None:
        if "events" not in self._db.table_names():
            raise JournalError(f"{self.path}: this is not a journal of Giliran")

    def _prepare(self) -> None:
        version = self._connection.execute("pragma user_version").fetchone()[0]
        names = self._db.table_names()
        if version > SCHEMA:
            raise JournalError(
                f"{self.path}: written by a newer release of Giliran (schema {version}, "
                f"this one knows {SCHEMA})"
            )
        if version == 0 and names and "events" not in names:
            raise JournalError(f"{self.path}: this is not a journal of Giliran")
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = full")
        self._connection.execute("pragma foreign_keys = on")
        if version < SCHEMA:
            with self._db.atomic():
                if version < 1:
                    self._migrate_1()
                add_closing(self._db)
        # Say now, not in the middle of a meeting, that the file can't be written.
        with self._db.atomic():
            self._connection.execute(
                "create index if not exists idx_events_command on events (command)"
                " where command != ''"
            )
            self._connection.execute(f"pragma user_version = {SCHEMA}")

    def _migrate_1(self) -> None:
        self._db.table("events").create(
            {
                "seq": int,
                "meeting": str,
                "at": int,
                "actor": str,
                "command": str,
                "type": str,
                "body": str,
                "prev_hash": str,
                "hash": str,
            },
            pk="seq",
            not_null={"meeting", "at", "actor", "command", "type", "body", "prev_hash", "hash"},
            if_not_exists=True,
        )
        self._db.table("events").create_index(["meeting", "seq"], if_not_exists=True)
        create_projections(self._db)

    def _tail(self) -> tuple[int, str]:
        rows = self._query("select seq, hash from events order by seq desc limit 1")
        return (int(rows[0][0]), str(rows[0][1])) if rows else (0, GENESIS)


def _connect(path: Path, readonly: bool) -> sqlite3.Connection:
    try:
        if not readonly:
            path.parent.mkdir(parents=True, exist_ok=True)
        uri = f"{path.absolute().as_uri()}?mode={'ro' if readonly else 'rwc'}"
        return sqlite3.connect(
            uri, uri=True, check_same_thread=False, isolation_level=None, timeout=5
        )
    except (sqlite3.Error, OSError) as error:
        raise JournalError(f"{path}: {_explain(error)}") from error


def _explain(error: Exception) -> str:
    text = str(error)
    if "readonly" in text or "read-only" in text.lower():
        return "the file or its folder is read-only: nothing can be recorded"
    if "full" in text:
        return "the disk is full: nothing can be recorded"
    if "disk I/O error" in text:
        return "the disk can't be written (full, or failing): nothing can be recorded"
    if "locked" in text:
        return "another program is writing to the file: nothing can be recorded"
    if "unable to open" in text:
        return "can't be opened: is the folder there and writable?"
    if "not a database" in text:
        return "this is not a journal of Giliran (not an SQLite file)"
    return text
