"""Pictures as the terminal's own graphics: when, what is sent, and what stands on the screen."""

import base64
import io
import re
import subprocess
import sys
import unicodedata

import pytest
from PIL import Image
from rich.cells import cell_len

from console.tui import picture
from console.tui.glance import Glance
from console.tui.graphics import CHUNK, MOST_KEPT, NUMBERS, Painter, choose, placeholders, sent
from console.tui.settings import Settings
from console.tui.stage import Stage
from tests.console.tui.seat import Sit

KITTY = {"TERM": "xterm-kitty", "KITTY_WINDOW_ID": "1"}


@pytest.mark.parametrize(
    ("wanted", "environment", "kind"),
    [
        ("auto", {"TERM": "xterm-256color"}, "blocks"),
        ("auto", {}, "blocks"),
        ("auto", KITTY, "kitty"),
        ("auto", {"TERM": "xterm-ghostty"}, "kitty"),
        ("auto", {"TERM": "xterm-256color", "TERM_PROGRAM": "ghostty"}, "kitty"),
        ("blocks", KITTY, "blocks"),
        ("kitty", {"TERM": "xterm-256color"}, "kitty"),
        ("auto", {**KITTY, "GILIRAN_PICTURES": "blocks"}, "blocks"),
        ("blocks", {"TERM": "xterm-256color", "GILIRAN_PICTURES": " Kitty "}, "kitty"),
        ("auto", {**KITTY, "GILIRAN_PICTURES": "sixel"}, "kitty"),
        ("auto", {**KITTY, "TMUX": "/tmp/tmux-0/default,1,0"}, "blocks"),
        ("kitty", {"TERM": "tmux-256color", "GILIRAN_PICTURES": "kitty"}, "blocks"),
        ("kitty", {"TERM": "screen", "STY": "1.x"}, "blocks"),
        ("kitty", {"TERM": "linux", "GILIRAN_PICTURES": "kitty"}, "blocks"),
        ("auto", {**KITTY, "NO_COLOR": "1"}, "blocks"),
        ("auto", {**KITTY, "TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver"}, "blocks"),
    ],
)
def test_what_is_drawn_with(wanted: str, environment: dict[str, str], kind: str) -> None:
    assert choose(wanted, environment) == kind


def test_nothing_is_paid_before_there_is_a_picture() -> None:
    code = "import sys, console.tui.graphics; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_marks_of_rows_and_columns_are_such_as_nothing_composes_with() -> None:
    assert len(NUMBERS) == len(set(NUMBERS)) >= 64
    assert all(unicodedata.combining(mark) == 230 for mark in NUMBERS)
    for base in ("a", "\U0010eeee"):
        text = "".join(base + mark for mark in NUMBERS)
        assert unicodedata.normalize("NFC", text) == text


def jpeg(shade: int, size: tuple[int, int] = (160, 90)) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", size, (shade, 90, 200 - shade)).save(made, "JPEG", quality=90)
    return made.getvalue()


def picture_in(written: str) -> tuple[dict[str, str], Image.Image]:
    """As the terminal reads it: the keys of the first part, the picture of all of them."""
    parts = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", written)
    keys = dict(one.split("=") for one in parts[0][0].split(","))
    for place, (head, data) in enumerate(parts):
        assert f"m={int(place + 1 < len(parts))}" in head and "q=2" in head
        assert len(data) <= CHUNK
    data = base64.standard_b64decode("".join(data for _head, data in parts))
    return keys, Image.open(io.BytesIO(data))


def test_a_picture_is_sent_once_and_signs_of_its_cells_are_drawn() -> None:
    written: list[str] = []
    painter = Painter(written.append, "kitty")
    first = painter.drawn("minas", jpeg(40), 32, 9)
    keys, image = picture_in("".join(written))
    assert (keys["a"], keys["U"], keys["f"], keys["c"], keys["r"]) == ("T", "1", "100", "32", "9")
    assert image.size == (160, 90)
    red, _green, blue = image.convert("RGB").getpixel((80, 45))
    assert abs(red - 40) < 12 and abs(blue - 160) < 12
    assert [cell_len(line[0].text) for line in first] == [32] * 9
    style = first[0][0].style
    assert style is not None and style.color is not None and style.color.triplet is not None
    red, green, blue = style.color.triplet
    assert red << 16 | green << 8 | blue == int(keys["i"]), "the colour is the number"
    assert first[2][0].text.startswith("\U0010eeee" + NUMBERS[2] + NUMBERS[0] + "\U0010eeee")
    written.clear()
    assert painter.drawn("minas", jpeg(40), 32, 9) is first and written == []


def test_a_newer_picture_takes_the_other_number_of_two() -> None:
    written: list[str] = []
    painter = Painter(written.append, "kitty")
    numbers = []
    for shade in (40, 60, 80, 100):
        written.clear()
        painter.drawn("minas", jpeg(shade), 20, 6)
        numbers.append(picture_in("".join(written))[0]["i"])
    assert numbers[0] == numbers[2] != numbers[1] == numbers[3]
    written.clear()
    painter.drawn("siak", jpeg(40), 20, 6)
    assert picture_in("".join(written))[0]["i"] not in numbers
    written.clear()
    painter.forget()
    gone = re.findall(r"a=d,d=I,i=(\d+)", "".join(written))
    assert set(numbers) < set(gone) and len(gone) == 4
    assert all(int(number) < 1 << 24 for number in gone)


def test_what_the_terminal_keeps_is_bounded() -> None:
    written: list[str] = []
    painter = Painter(written.append, "kitty")
    for width in range(1, MOST_KEPT // 64 + 2):
        for number in range(64):
            painter.drawn(f"site-{number}", jpeg(40), width, 1)
    kept = len(re.findall("a=T", "".join(written))) - len(re.findall("a=d", "".join(written))) / 2
    assert kept == MOST_KEPT
    written.clear()
    painter.drawn("site-63", jpeg(40), MOST_KEPT // 64 + 1, 1)
    assert written == [], "the newest ones are there"


def test_what_does_not_fit_or_is_no_picture_is_drawn_as_ever() -> None:
    written: list[str] = []
    painter = Painter(written.append, "kitty")
    wide = len(NUMBERS) + 1
    assert painter.drawn("a", jpeg(40), wide, 6) == picture.drawn(jpeg(40), wide, 6)
    assert painter.drawn("a", jpeg(40), 20, 6, True) == picture.drawn(jpeg(40), 20, 6, True)
    assert painter.drawn("a", b"none", 20, 6) == [] == painter.drawn("a", jpeg(40), 0, 6)
    assert written == []
    assert len(placeholders(5, 3, 2)) == 2 and len(sent(5, b"x" * 9000, 3, 2)) == 3


async def test_the_next_speaker_in_the_terminals_graphics(open_stage: Stage, sit: Sit) -> None:
    async with sit(
        open_stage, size=(200, 60), environment=KITTY, settings=Settings(pictures="auto")
    ) as seat:
        glance = seat.console.screen_stack[0].query_one(Glance)
        written: list[str] = []
        seat.console.painter._write = written.append
        open_stage.picture("siak", jpeg(40))
        await seat.wait_until(lambda: "\U0010eeee" in glance.render_line(3).text)
        assert len(re.findall("a=T", "".join(written))) == 1, "though many lines were drawn"
        await seat.press("S", "end", "right")
        assert seat.console.settings.pictures == "blocks" and "a=d" in "".join(written)
        await seat.press("escape")
        await seat.wait_until(lambda: "▀" in glance.render_line(3).text)
