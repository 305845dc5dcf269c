"""One command without a console: by the server when one runs, by the lock when none does."""

import sqlite3
from pathlib import Path

import pytest

from console import giving
from console.giving import GivingError, Refused, give
from console.journal import Journal, JournalError
from console.meeting.fold import replay
from console.serving import lock
from protocol import commands as c
from tests.console.test_journal import play
from tests.e2e.servers import serving


def status(db: Path, meeting: str = "m1") -> str:
    journal = Journal.open_readonly(db)
    try:
        assert journal.verify() is None
        return replay(journal.read(meeting)).minutes.status
    finally:
        journal.close()


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """A journal with a closed meeting, m1."""
    journal = Journal(tmp_path / "journal.db")
    play(journal)
    journal.close()
    return tmp_path / "journal.db"


def test_without_a_server_the_journal_is_written_under_its_lock(db: Path) -> None:
    given = give(db, "m1", c.SubmitMinutes("m1", "Notulis"))
    assert not given.by_server and status(db) == "submitted"
    with pytest.raises(Refused, match="submitted") as refused:
        give(db, "m1", c.SubmitMinutes("m1"))
    assert refused.value.code == "minutes-submitted"
    assert give(db, "m1", c.ApproveMinutes("m1")).seq == given.seq + 1, "the lock was let go"


def test_a_server_that_runs_writes_it(db: Path) -> None:
    with serving(db.parent) as server:
        given = give(server.db, "m1", c.SubmitMinutes("m1"))
        assert given.by_server and status(db) == "submitted"
        with pytest.raises(Refused, match="submitted"):
            give(server.db, "m1", c.SubmitMinutes("m1"))
        server.stop()
    assert not give(db, "m1", c.ApproveMinutes("m1")).by_server


def test_a_lock_without_a_server_behind_it_is_respected(db: Path, monkeypatch) -> None:
    monkeypatch.setattr(giving, "ANSWER_TIMEOUT_S", 0.3)
    held = lock(db)
    with pytest.raises(GivingError, match="does not answer"):
        give(db, "m1", c.SubmitMinutes("m1"))
    assert status(db) == "draft" and held


def test_a_damaged_journal_gets_nothing_added(db: Path) -> None:
    connection = sqlite3.connect(db)
    connection.execute("update events set actor = 'x' where seq = 3")
    connection.commit()
    connection.close()
    with pytest.raises(JournalError, match="event 3 was changed"):
        give(db, "m1", c.SubmitMinutes("m1"))
