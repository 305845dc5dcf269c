"""Large letters: every one drawn, none of another width."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.tui import letters
from tests.console.tui.seat import NAMES


def test_a_name_in_small_letters() -> None:
    assert letters.small("Aé!") == [
        "▄▀▀▀▄ █▀▀▀▀ ",
        "█▄▄▄█ █▄▄▄  ",
        "█   █ █     ",
        "▀   ▀ ▀▀▀▀▀ ",
    ]


@given(st.text(max_size=20))
def test_lines_are_all_as_long(text: str) -> None:
    count = len(letters.plain(text))
    assert {len(line) for line in letters.small(text)} == {count * letters.WIDE}
    assert {len(line) for line in letters.large(text)} == {count * letters.WIDE * 2}
    assert {len(line) for line in letters.huge(text)} == {count * letters.WIDE * 4}


@pytest.mark.parametrize("name", NAMES)
def test_every_name_fits_into_eighty_columns(name: str) -> None:
    drawn = letters.fitting(name, 78, 4)
    assert len(drawn) == 4 and all(len(line) <= 80 for line in drawn)


def test_what_does_not_fit_is_written_plainly() -> None:
    assert letters.fitting("Kerinci Kanan", 20, 7) == ["Kerinci Kanan"]
    assert letters.fitting("Kerinci Kanan", 8, 1) == ["Kerinci…"]
    assert len(letters.fitting("Dayun", 80, 7)) == letters.HEIGHT
    assert len(letters.fitting("2:41", 100, 14)) == letters.HEIGHT * 2
    assert letters.fitting("日本", 20, 7) == ["日本"]
