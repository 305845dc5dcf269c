"""`giliran minutes submit | approve | return | correct` beside a journal."""

from pathlib import Path

import pytest

from console.journal import Journal
from console.meeting.fold import replay
from console.meeting.state import MinutesRecord
from protocol import commands as c
from tests.console.minutes.books import run, write_book
from tests.console.minutes.siak_meeting import MEETING, Room


@pytest.fixture
def book(tmp_path: Path, room: Room) -> Path:
    return write_book(tmp_path / "journal.db", room)


def record(book: Path) -> MinutesRecord:
    journal = Journal.open_readonly(book)
    try:
        return replay(journal.read(MEETING)).minutes
    finally:
        journal.close()


CORRECTION = ("--was", "empat warga", "--text", "lima warga", "--reason", "salah dengar")


def test_the_way_of_minutes_from_draft_to_erratum(book: Path, capsys) -> None:
    assert run("approve", "--db", book) == 1
    assert "not submitted yet" in capsys.readouterr().err
    assert run("submit", "--db", book, "--by", "Notulis") == 0
    assert run("return", "--db", book, "--reason", "Nama salah") == 0
    assert (record(book).status, record(book).reason) == ("returned", "Nama salah")
    assert run("correct", *CORRECTION, "--db", book) == 1
    assert run("submit", MEETING[:9], "--db", book) == 0
    assert run("approve", "--by", "Bupati Siak", "--db", book) == 0
    assert run("correct", *CORRECTION, "--db", book) == 0
    (one,) = record(book).corrections
    assert (one.part, one.was, one.text) == ("B.3", "empat warga", "lima warga")
    said = capsys.readouterr()
    assert run("meetings", "--db", book, command="journal") == 0
    assert "minutes: approved" in capsys.readouterr().out
    assert said.out.count("minutes submitted") == 2 and "minutes approved" in said.out


def test_latest_is_the_last_meeting_that_was_closed(book: Path, room: Room, capsys) -> None:
    journal = Journal(book)
    command = c.ConveneMeeting(room.state.plan)
    from console.meeting.decide import decide
    from console.meeting.state import Meeting

    happened = decide(Meeting(), command, room.at + 1)
    assert isinstance(happened, list)
    journal.append_now(Meeting(), "next", room.at + 1, "server", "", happened)
    journal.close()
    assert run("submit", "--db", book) == 0
    assert record(book).status == "submitted"
    assert run("submit", "next", "--db", book) == 1
    assert "not closed yet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--was", "tujuh warga"), "do not stand in the minutes: 'tujuh warga'"),
        (
            ("--was", "Belum selesai"),
            "stand in D.1, D.2, D.3, D (rapat sebelumnya).2: say which with --part",
        ),
        (("--was", "Belum selesai", "--part", "C.1"), "not stand in C.1, but in D.1, D.2, D.3"),
    ],
)
def test_an_erratum_is_about_words_that_are_there(book: Path, capsys, words, said) -> None:
    run("submit", "--db", book)
    run("approve", "--db", book)
    assert run("correct", *words, "--text", "x", "--reason", "y", "--db", book) == 1
    assert said in capsys.readouterr().err
    assert record(book).corrections == ()


def test_one_of_several_places_can_be_named(book: Path) -> None:
    run("submit", "--db", book)
    run("approve", "--db", book)
    words = ("--was", "Belum selesai", "--part", "D.2", "--text", "Selesai", "--reason", "y")
    assert run("correct", *words, "--db", book) == 0
    assert record(book).corrections[0].part == "D.2"


def test_a_journal_that_is_not_there(tmp_path: Path, capsys) -> None:
    assert run("submit", "--db", tmp_path / "none.db") == 1
    assert "there is no journal yet" in capsys.readouterr().err
