"""The roster draws little and tells state by letter and place."""

import pytest

from console.tui.roster import COLUMNS, columns_for, level_bar
from console.tui.stage import Stage
from protocol import commands as c
from tests.console.tui.seat import BEGIN, Sit, siak_plan


async def test_telemetry_of_one_site_draws_one_line(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        await seat.pilot.pause()
        before = seat.roster.drawn_lines
        open_stage.measure("minas", level=20)
        open_stage.publish("minas")
        await seat.wait_until(lambda: seat.roster.drawn_lines > before)
        assert seat.roster.drawn_lines == before + 1


async def test_the_cursor_stays_in_sight(sit: Sit) -> None:
    stage = Stage(siak_plan(14), BEGIN)
    async with sit(stage, size=(80, 15)) as seat:
        await seat.press("end")
        region = seat.roster.scrollable_content_region
        assert seat.roster.selected == "pusako"
        assert seat.roster.scroll_offset.y + region.height == 16
        lines = ["".join(s.text for s in seat.roster.render_line(y)) for y in range(region.height)]
        assert "Pusako" in lines[-1]
        assert "Site" in lines[0]
        await seat.press("home")
        assert seat.roster.scroll_offset.y == 0


async def test_offline_sites_keep_their_rows(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        open_stage.leave("minas")
        open_stage.publish()
        await seat.pilot.pause()
        assert [row.name for row in seat.roster.rows][3] == "Minas"


async def test_the_selection_follows_the_floor(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        await seat.press("down", "down")
        open_stage.do(c.GrantFloor("tualang"))
        await seat.wait_until(lambda: seat.roster.selected == "tualang")


@pytest.mark.parametrize(
    ("level", "bar"), [(127, "     "), (60, "     "), (30, "██▌  "), (0, "█████")]
)
def test_level_bar(level: int, bar: str) -> None:
    assert level_bar(level, 5) == bar


@pytest.mark.parametrize("width", [52, 75, 106, 136])
def test_columns_fit(width: int) -> None:
    shown = columns_for(width)
    assert sum(size + 1 for _, size in shown) + 1 <= width
    needed = {"place", "name", "attendance", "microphone", "level", "hand"}
    assert needed <= {column.id for column, _ in shown}
    assert len({column.id for column in COLUMNS}) == len(COLUMNS)
