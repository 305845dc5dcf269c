"""An erratum names the place it is about."""

import pytest

from console.minutes import Minutes
from console.minutes.errata import parts, places_of


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("empat warga", ["B.3"]),
        ("Ruang Bandar Siak, Kompleks", ["Kepala"]),
        ("regu pemadam sampai akhir Maret", ["C.1"]),
        ("Dinas Pekerjaan Umum", ["D.3"]),
        ("Bupati mengucapkan terima kasih", ["E"]),
        ("terlambat", ["Kepala"]),
        ("Izin: sakit", ["Lampiran I.15"]),
        ("Belum selesai", ["D.1", "D.2", "D.3", "D (rapat sebelumnya).2"]),
        ("tujuh puluh warga", []),
        (" ", []),
    ],
)
def test_the_places_of_words(text: str, places: list[str], minutes: Minutes) -> None:
    assert places_of(minutes, text) == places


def test_words_over_a_line_break_are_one_line(minutes: Minutes) -> None:
    assert places_of(minutes, " empat \n warga ") == ["B.3"]


def test_every_report_has_its_place(minutes: Minutes) -> None:
    said = [text for _part, text in parts(minutes)]
    for block in minutes.discussion:
        assert {p for r in block.reports for p in r.paragraphs} <= set(said)
