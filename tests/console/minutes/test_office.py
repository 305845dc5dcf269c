"""The documents as an office sees them: Word files opened by LibreOffice, pages as pictures."""

import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from console.minutes import Minutes, Style, minutes_of
from console.minutes.writers import docx, pdf
from protocol import commands as c
from tests.console.minutes import readers
from tests.console.minutes.siak_meeting import Room, crowded

DPI = 60
MM = DPI / 25.4


def of(room: Room, **style) -> Minutes:
    return minutes_of(room.state, room.recorded, room.last_hash, Style(**style))


@pytest.fixture(scope="session")
def documents(room: Room, running: Room, ratified: Room) -> dict[str, Minutes]:
    full = crowded()
    return {
        "room": of(room),
        "draft": of(running),
        "ratified-f4": of(ratified, paper="f4", letterhead="agency"),
        "crowded": of(full),
        "long": of(many_follow_ups()),
        "short": of(room, length="short"),
        "crowded-short": of(full, length="short", letterhead="agency"),
    }


@pytest.fixture(scope="session")
def by_office(documents, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Each Word file as the PDF that LibreOffice makes of it."""
    if shutil.which("soffice") is None:
        pytest.skip("LibreOffice (libreoffice-writer-nogui) is not installed")
    folder = tmp_path_factory.mktemp("office")
    for name, minutes in documents.items():
        (folder / f"{name}.docx").write_bytes(docx.render(minutes))
    profile = f"-env:UserInstallation=file://{folder}/profile"
    files = [str(folder / f"{name}.docx") for name in documents]
    command = ["soffice", "--headless", profile, "--convert-to", "pdf", "--outdir", str(folder)]
    subprocess.run([*command, *files], check=True, capture_output=True, timeout=100)
    return {name: (folder / f"{name}.pdf").read_bytes() for name in documents}


@pytest.fixture(scope="session")
def by_typst(documents) -> dict[str, bytes]:
    return {name: pdf.render(minutes) for name, minutes in documents.items()}


FULL = ("room", "draft", "ratified-f4", "crowded")


@pytest.mark.parametrize("name", FULL)
def test_word_files_opened_by_libreoffice_hold_the_journal(name: str, documents, by_office):
    """Every report, name, time and duration, in the official order."""
    text = readers.pdf_text(by_office[name])
    body = without_edges(text, documents[name])
    readers.assert_in_order(body, readers.in_order(documents[name]))
    for cell in readers.cells(documents[name]):
        assert readers.bare(cell) in readers.bare(body)


@pytest.mark.parametrize("name", FULL)
def test_pages_of_libreoffice_bear_number_state_and_hash(name: str, documents, by_office):
    pages = readers.pdf_pages(by_office[name])
    for number, page in enumerate(pages, 1):
        assert readers.bare(documents[name].hash) in readers.bare(page)
        assert readers.bare(documents[name].status_line) in readers.bare(page)
        assert f"Halaman {number} dari {len(pages)}" in page


@pytest.mark.parametrize("made", ["by_office", "by_typst"])
@pytest.mark.parametrize("name", ["short", "crowded-short"])
def test_short_minutes_are_one_page(name: str, made: str, request: pytest.FixtureRequest):
    assert len(readers.pdf_pages(request.getfixturevalue(made)[name])) == 1


@pytest.mark.parametrize("made", ["by_office", "by_typst"])
def test_a_table_over_two_pages_repeats_its_head(made: str, request: pytest.FixtureRequest):
    pages = readers.pdf_pages(request.getfixturevalue(made)["long"])
    rows = [page for page in pages if "Pekerjaan" in page]
    assert len(rows) >= 2
    assert all("Uraian" in page and "Tenggat" in page for page in rows)


def many_follow_ups() -> Room:
    room = Room()
    for number in range(60):
        room.do(c.AddFollowUp(f"Pekerjaan {number}", "Dinas", "2019-02-15"))
    return room


@pytest.mark.parametrize("made", ["by_office", "by_typst"])
def test_pages_are_printed_within_their_margins(
    made: str, request: pytest.FixtureRequest, documents, tmp_path: Path
):
    for name, content in request.getfixturevalue(made).items():
        sizes = {"a4": (210, 297), "f4": (215, 330)}[documents[name].paper]
        pages = pictures(content, tmp_path / name)
        assert len(pages) == len(readers.pdf_pages(content))
        for page in pages:
            ink = page.convert("L").point(lambda value: 255 if value < 200 else 0).getbbox()
            assert ink is not None, "a blank page"
            left, top, right, bottom = ink
            assert abs(page.width / MM - sizes[0]) < 2 and abs(page.height / MM - sizes[1]) < 2
            assert left / MM > 20 and top / MM > 7
            assert page.width / MM - right / MM > 14 and page.height / MM - bottom / MM > 4


def pictures(content: bytes, stem: Path) -> list[Image.Image]:
    """The pages as PNG pictures, by poppler."""
    if shutil.which("pdftoppm") is None:
        pytest.skip("pdftoppm (poppler-utils) is not installed")
    stem.with_suffix(".pdf").write_bytes(content)
    command = ["pdftoppm", "-r", str(DPI), "-png", str(stem.with_suffix(".pdf")), str(stem)]
    subprocess.run(command, check=True)
    return [Image.open(path) for path in sorted(stem.parent.glob(f"{stem.name}-[0-9]*.png"))]


def without_edges(text: str, minutes: Minutes) -> str:
    """What stands between header and footer, page after page joined."""
    pages = []
    for page in text.split("\n"):
        edge = (minutes.status_line, minutes.hash, minutes.meeting)
        if page.strip() and not any(readers.bare(one) in readers.bare(page) for one in edge):
            pages.append(page)
    kept = [one for one in pages if not one.startswith("Halaman ")]
    return "\n".join(one for one in kept if one.strip() != "DRAF")
