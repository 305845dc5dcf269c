"""Files land where they were wanted, whole or not at all."""

import errno
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from console.meeting.state import Meeting
from console.minutes import FORMATS, MinutesError, export
from tests.console.minutes.siak_meeting import Room

NAME = "notula-2019-02-06-7c8d9e0f"


def write(room: Room, destination: Path, *formats: str) -> list[Path]:
    return export(room.state, room.recorded, room.last_hash, destination, formats)


def test_a_folder_gets_every_format_under_a_telling_name(room: Room, tmp_path: Path):
    written = write(room, tmp_path / "new" / "out", *FORMATS)
    names = [f"{NAME}{end}" for end in (".md", ".docx", ".pdf", ".html", ".json", "-csv")]
    assert [path.name for path in written] == names
    assert sorted(p.name for p in (tmp_path / "new" / "out").iterdir()) == sorted(names)
    assert sorted(p.name for p in written[-1].iterdir()) == [
        "attendance.csv",
        "connections.csv",
        "corrections.csv",
        "follow_ups.csv",
        "line_checks.csv",
        "meeting.csv",
        "reports.csv",
        "savings.csv",
        "turns.csv",
    ]


def test_a_path_with_a_suffix_is_the_file(room: Room, tmp_path: Path):
    (written,) = write(room, tmp_path / "rapat.pdf", "pdf")
    assert written == tmp_path / "rapat.pdf"
    assert written.read_bytes().startswith(b"%PDF")
    (written,) = write(room, tmp_path / "rapat.txt", "md")
    assert written.name == "rapat.txt"


def test_csv_with_a_suffix_is_a_zip(room: Room, tmp_path: Path):
    (written,) = write(room, tmp_path / "rapat.csv", "csv")
    assert written == tmp_path / "rapat.zip"
    assert "turns.csv" in zipfile.ZipFile(written).namelist()


def test_several_formats_of_one_name(room: Room, tmp_path: Path):
    written = write(room, tmp_path / "rapat.pdf", "pdf", "md", "pdf")
    assert written == [tmp_path / "rapat.pdf", tmp_path / "rapat.md"]


def test_a_folder_with_a_dot_in_its_name_stays_a_folder(room: Room, tmp_path: Path):
    (tmp_path / "februari.2019").mkdir()
    (written,) = write(room, tmp_path / "februari.2019", "json")
    assert written == tmp_path / "februari.2019" / f"{NAME}.json"


def test_writing_again_replaces(room: Room, running: Room, tmp_path: Path):
    write(running, tmp_path / "rapat.md", "md")
    assert "belum ditutup" in (tmp_path / "rapat.md").read_text("utf-8")
    write(room, tmp_path / "rapat.md", "md")
    assert "belum ditutup" not in (tmp_path / "rapat.md").read_text("utf-8")
    assert [p.name for p in tmp_path.iterdir()] == ["rapat.md"]


def test_a_full_disk_leaves_what_was_there(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    target = tmp_path / "rapat.md"
    target.write_text("yang lama")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MinutesError, match=r"rapat\.md.*No space left"):
        write(room, target, "md")
    assert target.read_text() == "yang lama"
    assert [p.name for p in tmp_path.iterdir()] == ["rapat.md"]


@pytest.mark.parametrize("fmt", FORMATS)
def test_a_folder_that_cannot_be_written_is_named(room: Room, tmp_path: Path, fmt: str):
    (tmp_path / "berkas").write_text("bukan folder")
    with pytest.raises(MinutesError, match="berkas"):
        write(room, tmp_path / "berkas" / "out", fmt)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_named(room: Room, tmp_path: Path):
    tmp_path.chmod(0o500)
    with pytest.raises(MinutesError, match="Permission denied"):
        write(room, tmp_path, "md")


def test_nothing_is_written_when_one_format_cannot_be_made(room: Room, tmp_path: Path):
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "notula.typ").write_text("#nothing")
    with pytest.raises(MinutesError, match=r"notula\.typ"):
        export(
            room.state,
            room.recorded,
            room.last_hash,
            tmp_path / "out",
            ("md", "pdf"),
            templates=templates,
        )
    assert not (tmp_path / "out").exists()


def test_an_unknown_format_is_refused(room: Room, tmp_path: Path):
    with pytest.raises(MinutesError, match=r"'odt'.*md, docx, pdf, html, json, csv"):
        write(room, tmp_path, "odt")


def test_without_a_meeting_there_are_no_minutes(tmp_path: Path):
    with pytest.raises(MinutesError, match="no meeting"):
        export(Meeting(), [], "", tmp_path, ("md",))


def test_heavy_writers_are_loaded_only_when_used():
    code = (
        "import sys, console.minutes;"
        "print([m for m in ('typst', 'docx', 'docxtpl', 'jinja2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
