"""A paper is checked against the journal: what matches, and every way in which it may not."""

import io
import re
import sqlite3
import zipfile
from pathlib import Path

import docx as python_docx
import pytest
from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import FreeText

from console.journal import Journal
from console.meeting.fold import replay
from console.minutes import Style, minutes_of, rendered
from console.minutes.paper import check
from console.minutes.pictures import load
from protocol import commands as c
from protocol.events import MinutesCorrected
from tests.console.minutes.books import run, write_book
from tests.console.minutes.siak_meeting import MEETING, Room


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory, ratified: Room) -> Path:
    """The journal of the meeting, to its erratum."""
    return write_book(tmp_path_factory.mktemp("book") / "journal.db", ratified)


def paper(
    book: Path, fmt: str, events: int | None = None, templates: Path | None = None, **style
) -> bytes:
    """The minutes of the book as they were after so many events."""
    journal = Journal.open_readonly(book)
    recorded = journal.read(MEETING)[:events]
    seq = recorded[-1].seq
    digest = journal.hash_of(MEETING, seq)
    journal.close()
    minutes = minutes_of(replay(recorded), recorded, digest, Style(**style))
    return rendered(minutes, fmt, templates)


def verified(book: Path, content: bytes, folder: Path, templates: Path | None = None):
    (folder / "paper").write_bytes(content)
    journal = Journal.open_readonly(book)
    try:
        return check(folder / "paper", journal, templates)
    finally:
        journal.close()


def changed(content: bytes, old: str, new: str) -> bytes:
    """A Word file with words replaced by somebody who knows how."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as package, zipfile.ZipFile(made, "w") as out:
        for name in package.namelist():
            data = package.read(name)
            if name == "word/document.xml":
                assert old in data.decode()
                data = data.decode().replace(old, new).encode()
            out.writestr(name, data)
    return made.getvalue()


@pytest.mark.parametrize("fmt", ["pdf", "docx"])
@pytest.mark.parametrize(
    "style",
    [
        {},
        {"length": "short", "paper": "f4"},
        {"title": "notulen", "letterhead": "agency"},
        {"length": "short", "title": "notulen"},
    ],
    ids=str,
)
def test_what_giliran_wrote_matches(book: Path, tmp_path: Path, fmt: str, style: dict):
    verdict = verified(book, paper(book, fmt, **style), tmp_path)
    assert verdict.matches and verdict.same == "bytes"
    assert (verdict.read.meeting, verdict.later) == (MEETING, 0)


@pytest.mark.parametrize("fmt", ["pdf", "docx"])
def test_an_older_paper_matches_the_journal_of_then(book: Path, ratified: Room, tmp_path, fmt):
    erratum = next(r.seq for r in ratified.recorded if isinstance(r.event, MinutesCorrected))
    verdict = verified(book, paper(book, fmt, erratum - 1), tmp_path)
    assert verdict.matches and (verdict.later, verdict.corrections_since) == (1, 1)
    running = verified(book, paper(book, fmt, 60), tmp_path)
    assert running.matches and running.later == len(ratified.recorded) - 60


def test_a_word_file_saved_again_matches_word_for_word(book: Path, tmp_path: Path):
    document = python_docx.Document(io.BytesIO(paper(book, "docx")))
    saved = io.BytesIO()
    document.core_properties.author = "Sekretariat"
    document.save(saved)
    assert verified(book, saved.getvalue(), tmp_path).same == "words"


def test_a_pdf_written_again_matches_word_for_word_and_notes_on_it_are_told(book, tmp_path):
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(paper(book, "pdf"))))
    again = io.BytesIO()
    writer.write(again)
    verdict = verified(book, again.getvalue(), tmp_path)
    assert verdict.same == "words" and not verdict.read.remarks
    writer.add_annotation(0, FreeText(text="lain", rect=(50, 550, 200, 650)))
    noted = io.BytesIO()
    writer.write(noted)
    assert "Notes" in verified(book, noted.getvalue(), tmp_path).read.remarks[0]


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("empat warga", "tujuh warga", "B.3"),
        ("2 menit 52 detik", "5 menit 52 detik", "B.2"),
        ("214 TPS", "241 TPS", "B.4"),
        ("15 Februari 2019", "25 Februari 2019", "D.1"),
        ("Hadir 12", "Hadir 14", "Kepala"),
        ("Nama Kandis", "Nama Lain", "B.10"),
    ],
)
def test_a_changed_word_is_told_with_its_place(book, tmp_path, old, new, part):
    verdict = verified(book, changed(paper(book, "docx"), old, new), tmp_path)
    assert verdict.anchored and not verdict.matches
    assert any(set(new.split()) & set(one.paper.split()) for one in verdict.differences)
    assert part in [where for where, _text in verdict.missing]


def test_an_added_sentence_is_told(book: Path, tmp_path: Path):
    document = python_docx.Document(io.BytesIO(paper(book, "docx")))
    document.paragraphs[8].insert_paragraph_before("Anggaran disetujui.")
    made = io.BytesIO()
    document.save(made)
    verdict = verified(book, made.getvalue(), tmp_path)
    assert [one.paper for one in verdict.differences] == ["Anggaran disetujui."]
    assert not verdict.missing and not verdict.matches


def test_a_sentence_inserted_with_changes_tracked_is_told(book: Path, tmp_path: Path):
    content = paper(book, "docx")
    insertion = '<w:ins w:id="9" w:author="x"><w:r><w:t>Disisipkan</w:t></w:r></w:ins></w:p>'
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        text = package.read("word/document.xml").decode()
    end = re.search(r"seluruh camat\..*?</w:p>", text, re.DOTALL)
    assert end is not None
    verdict = verified(
        book, changed(content, end[0], end[0].removesuffix("</w:p>") + insertion), tmp_path
    )
    assert any("Disisipkan" in one.paper for one in verdict.differences)


def test_photographs_are_not_compared(book: Path, ratified: Room, tmp_path: Path):
    Image.new("RGB", (40, 30), "blue").save(tmp_path / "foto.png")
    photographs = [load(tmp_path / "foto.png", "Suasana rapat")]
    journal = Journal.open_readonly(book)
    minutes = minutes_of(
        ratified.state,
        ratified.recorded,
        journal.last_hash(MEETING),
        Style(pictures=("Suasana rapat",)),
    )
    journal.close()
    for fmt in ("pdf", "docx"):
        verdict = verified(book, rendered(minutes, fmt, None, photographs), tmp_path)
        assert verdict.same == "words", verdict.differences
        assert verdict.read.remarks == ("Annex V (pictures) was not compared.",)


@pytest.mark.parametrize("letterhead", ["regent", "agency"])
@pytest.mark.parametrize("fmt", ["pdf", "docx"])
def test_a_paper_of_before_and_after_an_emblem_was_given_matches(
    book: Path, tmp_path: Path, fmt: str, letterhead: str
):
    """An emblem moves what is below it, and so words to the next page."""
    for name in ("garuda.png", "emblem.png"):
        Image.new("RGB", (120, 150), "gold").save(tmp_path / name)
    for written_with, checked_with in ((None, tmp_path), (tmp_path, None)):
        content = paper(book, fmt, templates=written_with, letterhead=letterhead)
        verdict = verified(book, content, tmp_path, checked_with)
        assert verdict.same == "words", verdict.differences


# -- the command ---------------------------------------------------------------------------------


def told(book: Path, content: bytes, folder: Path, capsys) -> tuple[int, str, str]:
    (folder / "notula").write_bytes(content)
    capsys.readouterr()
    code = run("verify", folder / "notula", "--db", book, command="journal")
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_command_says_what_it_proves(book: Path, tmp_path: Path, capsys):
    code, out, _err = told(book, paper(book, "pdf"), tmp_path, capsys)
    assert code == 0 and "MATCHES: the file is byte for byte" in out
    assert "Not looked at: signatures, stamps, pictures." in out
    wrong = changed(paper(book, "docx"), "empat warga", "tujuh warga")
    code, out, _err = told(book, wrong, tmp_path, capsys)
    assert code == 1 and "DOES NOT MATCH" in out and "paper: 'tujuh'" in out


def test_a_paper_of_another_journal_does_not_match(book, room: Room, tmp_path, capsys):
    stranger = minutes_of(room.state, room.recorded, "ab" * 32)
    code, out, _err = told(book, rendered(stranger, "pdf"), tmp_path, capsys)
    assert code == 1 and "this journal has no such event with this hash" in out


def test_what_is_no_paper_of_ours_is_told(book: Path, tmp_path: Path, capsys):
    plain = io.BytesIO()
    python_docx.Document().save(plain)
    for content, said in (
        (b"%PDF-1.7 not really", "no PDF and no Word file"),
        (b"teks", "no PDF and no Word file"),
        (plain.getvalue(), "there is no hash of a journal in it"),
    ):
        code, _out, err = told(book, content, tmp_path, capsys)
        assert code == 1 and said in err and "Traceback" not in err


def test_pages_of_two_papers_are_told(book: Path, tmp_path: Path, capsys):
    writer = PdfWriter()
    for events in (60, None):
        writer.append(io.BytesIO(paper(book, "pdf", events)))
    mixed = io.BytesIO()
    writer.write(mixed)
    code, _out, err = told(book, mixed.getvalue(), tmp_path, capsys)
    assert code == 1 and "put together of several" in err


def test_a_damaged_journal_proves_nothing(room: Room, tmp_path: Path, capsys):
    book = write_book(tmp_path / "journal.db", room)
    content = paper(book, "pdf")
    connection = sqlite3.connect(book)
    connection.execute("update events set body = replace(body, 'empat', 'tujuh')")
    connection.commit()
    connection.close()
    code, out, err = told(book, content, tmp_path, capsys)
    assert code == 1 and "the journal is damaged" in err and "MATCHES" not in out


def test_words_of_a_meeting_that_went_on_are_of_their_time(tmp_path: Path):
    """A paper of the open meeting matches also after reports were amended."""
    room = Room().do(c.NoteSiteJoined("minas")).do(c.OpenMeeting()).do(c.GrantFloor("minas"))
    room.do(c.LogReport("minas", "Aman"), seconds=30)
    events = len(room.recorded)
    room.do(c.AmendReport(room.last_report, "Tidak aman"), seconds=30)
    book = write_book(tmp_path / "journal.db", room)
    assert verified(book, paper(book, "pdf", events), tmp_path).same == "bytes"
