"""`giliran minutes` beside a journal."""

import json
from pathlib import Path

import pytest
from PIL import Image

from console.journal import Journal
from console.minutes.files import TEMPLATE_FILES
from tests.console.minutes.books import run, write_book
from tests.console.minutes.siak_meeting import MEETING, Room


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory, room: Room) -> Path:
    """A journal file with the whole meeting in it."""
    return write_book(tmp_path_factory.mktemp("journal") / "journal.db", room)


def test_the_files_asked_for_are_written_and_named(journal, tmp_path, capsys):
    words = ("--format", "md", "--format", "json,csv", "-o", tmp_path / "out", "--db", journal)
    assert run("latest", *words) == 0
    printed = capsys.readouterr().out.split()
    assert [Path(p).suffix for p in printed] == [".md", ".json", ""]
    assert all(Path(p).exists() for p in printed)


def test_the_footer_bears_the_journals_hash(journal, tmp_path):
    assert run("--db", journal, "-o", tmp_path / "rapat.json") == 0
    read_back = json.loads((tmp_path / "rapat.json").read_bytes())
    assert read_back["hash"] == Journal.open_readonly(journal).last_hash(MEETING)
    assert read_back["draft"] is False
    assert len(read_back["discussion"]) == 14


def test_the_suffix_says_the_format(journal, tmp_path):
    assert run(MEETING[:8], "--db", journal, "-o", tmp_path / "rapat.pdf") == 0
    assert (tmp_path / "rapat.pdf").read_bytes().startswith(b"%PDF")


def test_without_a_place_the_file_lands_in_the_current_folder(journal, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("--db", journal) == 0
    assert [p.name for p in tmp_path.iterdir()] == ["notula-2019-02-06-7c8d9e0f.md"]


def test_a_dash_prints(journal, capfdbinary):
    assert run("--db", journal, "-o", "-", "--title", "notulen") == 0
    assert b"# NOTULEN\n" in capfdbinary.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nothere",), "no meeting has the id"),
        (("--format", "odt"), "no format 'odt'"),
        (("-o", "/dev/null/out"), "can't be written"),
    ],
)
def test_what_goes_wrong_is_said_in_one_line(journal, capsys, words, said):
    assert run(*words, "--db", journal) == 1
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.startswith("giliran minutes: ")
    assert "Traceback" not in printed.err + printed.out


def test_a_journal_that_is_not_there(tmp_path, capsys):
    assert run("--db", tmp_path / "none.db") == 1
    assert "there is no journal yet" in capsys.readouterr().err


def test_templates_are_written_out_and_used_from_then_on(journal, tmp_path, capsys):
    own = journal.parent / "templates"
    assert run("template", "--db", journal) == 0
    assert sorted(p.name for p in own.iterdir()) == sorted(TEMPLATE_FILES)
    (own / "notula.md").write_text("Risalah {{ name }}", "utf-8")
    assert run("--db", journal, "-o", tmp_path / "a.md") == 0
    assert (tmp_path / "a.md").read_text("utf-8").startswith("Risalah Rapat")
    capsys.readouterr()
    assert run("template", "--db", journal) == 0
    assert "notula.md is there already and was left alone" in capsys.readouterr().err
    assert "Risalah" in (own / "notula.md").read_text("utf-8")
    assert run("template", own, "--replace") == 0
    assert "Risalah" not in (own / "notula.md").read_text("utf-8")
    assert run("template", "/dev/null/x") == 1


def test_short_minutes_with_a_picture_on_other_paper(journal, tmp_path, capsys):
    Image.new("RGB", (30, 20), "red").save(tmp_path / "foto.png")
    words = ("--db", journal, "--short", "--paper", "f4", "--letterhead", "agency")
    assert run(*words, "-o", tmp_path / "out", "-f", "html") == 0
    (page,) = (tmp_path / "out").iterdir()
    assert page.name.startswith("notula-ringkas-2019-02-06")
    assert "215mm 330mm" in page.read_text("utf-8")
    picture = f"{tmp_path / 'foto.png'}=Suasana rapat"
    assert run("--db", journal, "--picture", picture, "-o", tmp_path / "b.html") == 0
    assert "1. Suasana rapat" in (tmp_path / "b.html").read_text("utf-8")
    assert run("--db", journal, "--picture", tmp_path / "none.png", "-o", tmp_path / "c.pdf") == 1
    assert "none.png" in capsys.readouterr().err
