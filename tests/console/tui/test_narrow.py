"""What is written to the terminal is what changed, and the screen is the same as when all is."""

import re

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.segment import Segment
from textual._compositor import ChopsUpdate
from textual.geometry import Region
from textual.strip import Strip

from console.tui.narrow import Narrow
from console.tui.roster import Roster
from console.tui.stage import Stage
from tests.console.tui.seat import Sit, text_at

WIDTH, NAME = 30, 18


def line(text: str) -> dict[int, Strip | None]:
    """A roster's line, and what stands beside it."""
    return {
        0: Strip([Segment(text[:7]), Segment(text[7:NAME])]),
        NAME: Strip([Segment(text[NAME:])]),
    }


def written(update: ChopsUpdate, before: list[str]) -> tuple[list[str], str]:
    """The screen after the update, and what went to the terminal."""
    data = update.render_segments(Console(color_system=None, width=WIDTH))
    screen, y, x = [list(one) for one in before], 0, 0
    for row, column, text in re.findall(r"\x1b\[(\d+);(\d+)H|([^\x1b\n]+)", data):
        if row:
            y, x = int(row) - 1, int(column) - 1
        else:
            screen[y][x : x + len(text)] = text
            x += len(text)
    return ["".join(one) for one in screen], data


@given(
    before=st.lists(st.text("abc", min_size=WIDTH, max_size=WIDTH), min_size=2, max_size=2),
    after=st.text("xyz", min_size=WIDTH, max_size=WIDTH),
    ends=st.tuples(st.integers(0, WIDTH), st.integers(0, WIDTH)),
)
def test_the_screen_is_the_same(before: list[str], after: str, ends: tuple[int, int]) -> None:
    left, right = sorted(ends)
    now = before[0][:left] + after[left:right] + before[0][right:]
    chops = [line(now), line(before[1])]
    told = [(0, left, right)], [[NAME, WIDTH]] * 2
    screen, data = written(Narrow(chops, *told), before)
    assert screen == [now, before[1]] == written(ChopsUpdate(chops, *told), before)[0]
    assert len(re.sub(r"\x1b\[\d+;\d+H", "", data)) == right - left


async def test_a_level_that_changes_is_all_that_is_drawn_of_its_row(
    open_stage: Stage, sit: Sit, monkeypatch
) -> None:
    async with sit(open_stage) as seat:
        drawn: list[Region] = []
        monkeypatch.setattr(Roster, "refresh", lambda self, *regions: drawn.extend(regions))
        open_stage.measure("minas", level=30)
        open_stage.publish()
        await seat.wait_until(lambda: drawn)
        x, _y = text_at(seat.roster, "Lvl")
        assert {(one.x, one.width, one.height) for one in drawn} == {(x, 3, 1)}
