"""What the line check found stands in annex III, in every format."""

import csv
import io
from pathlib import Path

import pytest

from console.minutes import Minutes, export, minutes_of
from protocol import commands as c
from protocol.words import use_language
from tests.console.minutes.siak_meeting import Room, check_lines


def row_of(minutes: Minutes, site: str):
    return next(row for row in minutes.line_checks if row.site == site)


def test_each_site_has_its_verdict_its_finding_and_what_helps(minutes: Minutes):
    assert len(minutes.line_checks) == len(minutes.attendance)
    apit = row_of(minutes, "sungai-apit")
    assert (apit.verdict, apit.result, apit.when) == ("poor", "Buruk", "13.24")
    assert apit.finding.startswith("10,3 % kirimannya hilang; 8,7 %")
    assert apit.remedy.startswith("Pakai kabel")
    assert (apit.loss, apit.rtt, apit.rate) == ("10,3/8,7", "212", "1.780/640")
    tualang = row_of(minutes, "tualang")
    assert tualang.finding == (
        "Pengeras suara bisu: nadanya tidak terdengar di ruangan; gambar kamera beku"
    )
    assert (tualang.loss, tualang.rtt, tualang.rate) == ("–", "–", "–")
    assert row_of(minutes, "minas").finding == "Semua baik"
    assert row_of(minutes, "minas").remedy == "–"
    assert row_of(minutes, "pusako").finding == "Tidak tersambung"


def test_it_is_indonesian_whoever_writes_it(room: Room):
    use_language("en")
    english = minutes_of(room.state, room.recorded, "")
    use_language("id")
    assert minutes_of(room.state, room.recorded, "").line_checks == english.line_checks
    use_language("en")


def test_the_last_check_of_a_site_counts_and_one_that_was_not_made_is_not_there():
    room = Room().do(c.NoteSiteJoined("minas"))
    assert minutes_of(room.state, room.recorded, "").line_checks == ()
    check_lines(room)
    room.do(c.NoteSiteLeft("minas")).do(c.CheckLines(("minas",)), seconds=60)
    assert row_of(minutes_of(room.state, room.recorded, ""), "minas").finding == "Tidak tersambung"


@pytest.mark.parametrize("kind", ["md", "html", "csv"])
def test_every_format_has_it(room: Room, tmp_path: Path, kind: str):
    (written,) = export(room.state, room.recorded, room.last_hash, tmp_path, (kind,))
    path = written / "line_checks.csv" if kind == "csv" else written
    text = path.read_text(encoding="utf-8-sig")
    for words in ("gambar kamera beku", "Pakai kabel", "Buruk", "Sungai Apit"):
        assert words in text
    assert "suara saja" in text and "(g)" not in text, "no key of the console on paper"
    if kind == "csv":
        rows = list(csv.reader(io.StringIO(text), delimiter=";"))
        apit = next(row for row in rows if "Sungai Apit" in row)
        assert "10,3" in apit and "212,0" in apit


def test_minutes_of_a_meeting_without_a_check_say_so(tmp_path: Path):
    room = Room().do(c.NoteSiteJoined("minas"))
    (written,) = export(room.state, room.recorded, room.last_hash, tmp_path, ("md",))
    assert "Sambungan tidak diuji sebelum rapat." in written.read_text(encoding="utf-8")
