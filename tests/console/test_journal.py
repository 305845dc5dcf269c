"""The journal: committed before it is acknowledged, whole or found damaged."""

import asyncio
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from console.commands.journal import verify
from console.journal import GENESIS, Damage, Journal, JournalError, row_hash
from console.meeting.decide import decide
from console.meeting.fold import replay
from console.meeting.state import Meeting
from protocol import commands as c
from protocol import events as e

PLAN = e.MeetingPlan(
    title="Rapat",
    sites=(
        e.SiteEntry("hall", "Ruang Bandar Siak", "hall"),
        e.SiteEntry("kandis", "Kandis", "kecamatan", position=1),
        e.SiteEntry("minas", "Minas", "kecamatan", position=2),
    ),
)
SCRIPT: list[c.AnyCommand] = [
    c.ConveneMeeting(PLAN),
    c.NoteSiteJoined("hall"),
    c.NoteSiteJoined("kandis"),
    c.NoteSiteJoined("minas"),
    c.OpenMeeting(),
    c.CallNext(),
    c.LogReport("kandis", "Api padam di tiga titik #karhutla"),
    c.CallNext(),
    c.LogReport("minas", "Logistik pemilu tiba #pemilu"),
    c.AddFollowUp("Evaluasi internet", "Diskominfo", "2019-02-20"),
    c.AmendReport("new-7", "Api padam di empat titik #karhutla"),
    c.CloseMeeting(),
]


COLUMNS = "meeting, at, actor, command, type, body, prev_hash, hash"


def play(journal: Journal, script: list[c.AnyCommand] = SCRIPT, meeting: str = "m1") -> Meeting:
    """Give the commands, a second apart; the state after them."""
    state = Meeting()
    for number, command in enumerate(script, 1):
        decision = decide(state, command, number * 1000, f"c{number}", f"new-{number}")
        assert isinstance(decision, list), decision
        _recorded, state = journal.append_now(
            state, meeting, number * 1000, "moderator", f"c{number}", decision
        )
    return state


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "journal.db"


def test_what_is_read_back_is_what_was_written(path: Path) -> None:
    journal = Journal(path)
    state = play(journal)
    recorded = journal.read("m1")
    assert [one.seq for one in recorded] == list(range(1, len(recorded) + 1))
    assert replay(recorded) == state
    assert journal.verify() is None
    assert journal.hash == journal.last_hash("m1") != GENESIS
    last = recorded[-1].seq
    journal.close()
    again = Journal(path)
    assert (again.seq, again.latest_meeting()) == (last, "m1")
    assert again.read("m1", last - 2) == recorded[-2:]
    again.close()


def test_a_reader_beside_the_writer(path: Path) -> None:
    with pytest.raises(JournalError, match="no journal yet"):
        Journal.open_readonly(path)
    journal = Journal(path)
    play(journal)
    reader = Journal.open_readonly(path)
    assert reader.count() == journal.seq
    with pytest.raises(JournalError, match="read-only"):
        play(reader)
    assert reader.count() == journal.seq


def test_meetings_are_found_by_a_beginning_that_fits_one(path: Path) -> None:
    journal = Journal(path)
    with pytest.raises(JournalError, match="no meeting in this journal yet"):
        journal.find("latest")
    for ident in ("aaa1", "aab2", "bbb3"):
        play(journal, meeting=ident)
    assert journal.find("latest").id == "bbb3"
    assert journal.find("aaa").id == "aaa1"
    with pytest.raises(JournalError, match="several meetings begin with 'aa'"):
        journal.find("aa")
    with pytest.raises(JournalError, match="no meeting has the id 'zz'.*\n.*aaa1"):
        journal.find("zz")


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        ("update events set body = replace(body, 'tiga', 'lima') where seq = 10", (10, "changed")),
        ("update events set actor = 'site:kandis' where seq = 3", (3, "changed")),
        ("update events set at = at + 1 where seq = 4", (4, "changed")),
        ("update events set command = '' where seq = 9", (9, "changed")),
        ("delete from events where seq = 5", (5, "missing")),
        ("delete from events where seq = 1", (1, "missing")),
        ("update events set seq = seq + 1000 where seq > 8", (9, "missing")),
        ("update events set hash = prev_hash where seq = 6", (6, "changed")),
        ("update events set prev_hash = hash where seq = 6", (6, "follow")),
        ("update events set meeting = 'm2' where seq = 2", (2, "changed")),
        ("update events set type = 'note-added' where seq = 2", (2, "changed")),
        ("update events set at = 'x' where seq = 7", (7, "changed")),
        ("update events set body = body || ' ' where seq = 7", (7, "changed")),
        ("update events set body = cast(body as blob) where seq = 7", (7, "changed")),
        ("update events set hash = upper(hash) where seq = 7", (7, "changed")),
        (
            f"update events set ({COLUMNS}) = (select {COLUMNS} from events where seq = 8)"
            " where seq = 7",
            (7, "follow"),
        ),
        (
            f"insert into events (seq, {COLUMNS}) select 99, {COLUMNS} from events where seq = 7",
            (18, "missing"),
        ),
    ],
)
def test_every_tampering_is_found_where_it_begins(
    damage: str, expected: tuple[int, str], path: Path
) -> None:
    journal = Journal(path)
    play(journal)
    journal.close()
    other = sqlite3.connect(path)
    assert other.execute(damage).rowcount >= 1
    other.commit()
    other.close()
    found = Journal.open_readonly(path).verify()
    assert isinstance(found, Damage)
    assert found.seq == expected[0] and expected[1] in found.what


def test_a_row_chained_anew_that_is_no_event_is_found(path: Path) -> None:
    journal = Journal(path)
    play(journal)
    row = (journal.seq + 1, "m1", 1, "server", "", "site-gone", '{"type":"site-gone"}')
    journal._connection.execute(
        "insert into events values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*row, journal.hash, row_hash(journal.hash, row)),
    )
    found = journal.verify()
    assert found is not None and found.seq == row[0] and "is not an event" in found.what
    with pytest.raises(JournalError, match=f"event {row[0]} can't be read"):
        journal.read("m1")


def test_events_of_an_older_meeting_come_after_those_of_a_newer_one(path: Path) -> None:
    journal = Journal(path)
    play(journal, meeting="m1")
    play(journal, meeting="m2")
    old = replay(journal.read("m1"))
    journal.append_now(old, "m1", 99_000, "moderator", "c99", [e.MinutesSubmitted()])
    assert journal.latest_meeting() == "m2"
    assert journal.hash == journal.last_hash("m1") == journal.hash_of("m1", journal.seq)
    assert journal.hash_of("m2", journal.seq) == ""
    assert [one.meeting for one in journal.read_all(journal.seq - 2)] == ["m2", "m1"]
    tables = {
        name: journal._query(f"select * from {name} order by 1, 2")
        for name in ("meetings", "attendance", "turns", "reports", "follow_ups", "notes")
    }
    assert journal.rebuild() == journal.count()
    for name, rows in tables.items():
        assert journal._query(f"select * from {name} order by 1, 2") == rows
    assert journal.verify() is None


def test_a_damaged_file_is_told(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = Journal(path)
    play(journal)
    journal.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"Kepada Yth. " * ((size - 4096) // 12))
    assert verify(db=path) == 1
    told = capsys.readouterr().err
    assert str(path) in told and "malformed" in told


def test_commands_are_found_in_whatever_meeting(path: Path) -> None:
    journal = Journal(path)
    play(journal)
    play(journal, SCRIPT[:5], meeting="m2")
    assert journal.command_seq("c12") == journal.read("m1")[-1].seq
    assert journal.command_seq("c1") == journal.first_seq("m2"), "the last one counts"
    assert journal.command_seq("c99") is None
    assert journal.command_seq("") is None, "the server's own commands have no id"


def test_another_program_that_writes_is_named(path: Path) -> None:
    journal = Journal(path)
    state = play(journal, SCRIPT[:5])
    journal._connection.execute("pragma busy_timeout = 50")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(JournalError, match="another program is writing"):
        journal.append_now(state, "m1", 1, "moderator", "x", [e.BannerSet("x")])
    other.execute("rollback")
    journal.append_now(state, "m1", 1, "moderator", "x", [e.BannerSet("x")])
    assert journal.verify() is None


def test_a_full_disk_is_named_and_the_same_journal_goes_on(path: Path) -> None:
    journal = Journal(path)
    state = play(journal, SCRIPT[:5])
    pages = journal._query("pragma page_count")[0][0]
    journal._connection.execute(f"pragma max_page_count = {pages}")
    big = [e.NoteAdded("n", "note", "x" * 100_000)]
    before = (journal.seq, journal.hash, journal.count())
    with pytest.raises(JournalError, match="the disk is full: nothing can be recorded"):
        journal.append_now(state, "m1", 1, "moderator", "x", big)
    assert (journal.seq, journal.hash, journal.count()) == before
    journal._connection.execute(f"pragma max_page_count = {1 << 30}")
    journal.append_now(state, "m1", 1, "moderator", "x", big)
    assert journal.verify() is None


def test_a_batch_is_written_whole_or_not_at_all(path: Path) -> None:
    journal = Journal(path)
    state = play(journal, SCRIPT[:5])
    seq, digest = journal.seq, journal.hash
    journal._connection.execute(
        "create trigger full before insert on attendance begin select raise(abort, 'no'); end"
    )
    journal._connection.execute(
        "create trigger full2 before update on attendance begin select raise(abort, 'no'); end"
    )
    happened = [e.BannerSet("Istirahat"), e.AttendanceMarked("minas", "late")]
    with pytest.raises(JournalError):
        journal.append_now(state, "m1", 9000, "moderator", "cx", happened)
    assert (journal.seq, journal.hash, journal.count()) == (seq, digest, seq)
    journal._connection.execute("drop trigger full")
    journal._connection.execute("drop trigger full2")
    recorded, _after = journal.append_now(state, "m1", 9000, "moderator", "cx", happened)
    assert [one.seq for one in recorded] == [seq + 1, seq + 2]
    assert journal.verify() is None


def test_what_is_no_journal_says_so(tmp_path: Path) -> None:
    text = tmp_path / "letter.db"
    text.write_text("Kepada Yth. " * 200)
    with pytest.raises(JournalError, match="not a journal"):
        Journal(text)
    assert text.read_text().startswith("Kepada Yth."), "it is left as it was"
    other = tmp_path / "other.db"
    connection = sqlite3.connect(other)
    connection.execute("create table letters (text)")
    connection.commit()
    with pytest.raises(JournalError, match="not a journal of Giliran"):
        Journal(other)
    newer = tmp_path / "newer.db"
    Journal(newer).close()
    sqlite3.connect(newer).execute("pragma user_version = 99")
    with pytest.raises(JournalError, match="newer release"):
        Journal(newer)
    with pytest.raises(JournalError, match="can't be opened"):
        Journal(tmp_path)
    with pytest.raises(JournalError):
        Journal(text / "below-a-file" / "journal.db")


def test_a_journal_from_before_follow_ups_could_be_closed_is_taken_over(path: Path) -> None:
    journal = Journal(path)
    play(journal)
    for name in ("closed_at", "closed_in", "how"):
        journal._connection.execute(f"alter table follow_ups drop column {name}")
    journal._connection.execute("pragma user_version = 1")
    journal.close()
    journal = Journal(path)
    assert journal.query("select text, closed_at, closed_in, how from follow_ups") == [
        ("Evaluasi internet", None, None, None)
    ]
    assert journal.verify() is None
    journal.close()


CHILD = """
import sys, resource
from pathlib import Path
from tests.console.test_journal import SCRIPT, play
from console.journal import Journal
from console.meeting.state import Meeting
from protocol import events as e
journal = Journal(Path(sys.argv[1]))
state = play(journal, SCRIPT[:5])
number = 0
while True:
    number += 1
    text = "x" * int(sys.argv[2])
    event = e.NoteAdded(f"n{number}", "note", text, None)
    _r, state = journal.append_now(state, "m1", 9000, "moderator", f"d{number}", [event])
    print(number, flush=True)
"""


def child(path: Path, size: int, limit_bytes: int | None = None) -> subprocess.Popen[str]:
    def limit() -> None:
        if limit_bytes is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path), str(size)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit,
        cwd=Path(__file__).parents[2],
    )


def test_killed_in_the_middle_nothing_acknowledged_is_missing(path: Path) -> None:
    process = child(path, 100)
    assert process.stdout is not None
    acknowledged = 0
    for line in process.stdout:
        acknowledged = int(line)
        if acknowledged == 200:
            os.kill(process.pid, signal.SIGKILL)
            break
    acknowledged = max([acknowledged, *(int(line) for line in process.stdout)])
    process.wait(30)
    journal = Journal(path)
    notes = [one for one in journal.read("m1") if isinstance(one.event, e.NoteAdded)]
    assert len(notes) in (acknowledged, acknowledged + 1), "the last may not have been said yet"
    assert journal.verify() is None
    assert len(replay(journal.read("m1")).notes) == len(notes)


def test_a_full_disk_refuses_and_what_was_acknowledged_stays(path: Path) -> None:
    process = child(path, 10_000, limit_bytes=1_000_000)
    out, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "JournalError" in err and "nothing can be recorded" in err
    acknowledged = len(out.split())
    assert acknowledged > 10
    journal = Journal(path)
    notes = [one for one in journal.read("m1") if isinstance(one.event, e.NoteAdded)]
    assert len(notes) == acknowledged
    assert journal.verify() is None
    state = replay(journal.read("m1"))
    journal.append_now(state, "m1", 1, "moderator", "z", [e.BannerSet("ada tempat lagi")])


def test_appending_from_the_server_runs_in_a_thread_of_its_own(path: Path) -> None:
    async def run() -> None:
        journal = Journal(path)
        recorded, after = await journal.append(
            Meeting(), "m1", 1, "server", "", [e.MeetingConvened(PLAN)]
        )
        assert after.phase == "planned" and recorded[0].seq == 1
        journal.close()

    asyncio.run(run())
