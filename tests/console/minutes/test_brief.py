"""The short minutes: what finds room, and what is left out with a sign."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.minutes import Minutes, minutes_of
from console.minutes.brief import bare, gist, shortened
from tests.console.minutes.siak_meeting import NAMES, crowded


def test_a_row_for_each_speaker_in_speaking_order(minutes: Minutes):
    rows = minutes.brief.rows
    sites = list(dict.fromkeys(block.site for block in minutes.discussion))
    assert len(rows) == len(sites) == 14
    assert rows[1].speaker == "Camat Sungai Apit, Nama Sungai Apit"
    assert (rows[1].at, rows[1].topics) == ("13.32", "karhutla")
    assert rows[1].gist.startswith("Dua titik panas di Kampung Tanjung Kuras sudah padam")


def test_what_found_no_room_is_counted():
    room = crowded()
    brief = minutes_of(room.state, room.recorded, "").brief
    assert len(brief.rows) == len(NAMES)
    assert (len(brief.follow_ups), brief.more_follow_ups) == (8, 2)
    assert (len(brief.decisions), brief.more_decisions) == (6, 1)
    assert all("…" in row.gist for row in brief.rows)


def test_who_has_no_report_is_told(draft: Minutes):
    assert draft.brief.rows[-1].gist == "(laporan belum dicatat)"


@pytest.mark.parametrize(
    ("report", "left"),
    [
        ("Camat Minas melaporkan bahwa api padam. #karhutla #api", "Api padam."),
        ("Api padam, #karhutla tidak ada", "Api padam, #karhutla tidak ada"),
        ("", ""),
    ],
)
def test_what_the_row_says_already_is_left_out(report: str, left: str):
    assert bare(report) == left


@given(st.text(max_size=300), st.integers(10, 200))
def test_a_shortened_text_begins_as_the_text_and_tells_that_it_is_cut(text: str, room: int):
    short = shortened(text, room)
    assert len(short) <= room
    assert short == text or (short.endswith("…") and text.startswith(short[:-2]))


@given(st.lists(st.text(min_size=1, max_size=120), max_size=30), st.integers(70, 260))
def test_a_gist_keeps_to_its_room(said: list[str], room: int):
    assert len(gist(said, room)) <= room + 6
