"""The roster draws little and tells state by letter and place."""

import pytest

from console.tui.floor import Floor
from console.tui.roster import COLUMNS, columns_for, level_bar
from console.tui.stage import Stage
from protocol import commands as c
from tests.console.tui.seat import BEGIN, Seat, Sit, siak_plan


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


async def test_clarity_is_a_figure_in_the_roster_and_a_word_below_it(
    open_stage: Stage, sit: Sit
) -> None:
    async with sit(open_stage, size=(120, 36)) as seat:
        await seat.select("minas")
        assert "Hears" not in seat.notice, "nothing is heard yet"
        for mos, shown, told in (
            (4.24, " 4.2 ", "Clear 4.2"),
            (3.96, " 4.0 ", "Clear 4.0"),
            (3.4, " 3.4 ", "Poor 3.4"),
            (2.1, " 2.1! ", "Bad 2.1"),
        ):
            open_stage.measure("minas", mos=mos)
            open_stage.publish("minas")
            await seat.wait_until(lambda told=told: told in seat.notice)
            line = shown_line(seat, 4)
            assert "Minas" in line and shown in line


async def test_on_a_small_screen_clarity_stands_beside_the_link(
    open_stage: Stage, sit: Sit
) -> None:
    async with sit(open_stage) as seat:
        await seat.select("minas")
        assert "● " in shown_line(seat, 4), "nothing is heard yet"
        for mos, shown in ((4.24, "● 4.2 "), (3.4, "● 3.4 "), (2.1, "●2.1! ")):
            open_stage.measure("minas", mos=mos)
            open_stage.publish("minas")
            await seat.wait_until(lambda shown=shown: shown in shown_line(seat, 4))


@pytest.mark.parametrize("size", [(80, 24), (120, 36)], ids=["80x24", "120x36"])
async def test_a_forced_mode_is_seen_without_selecting_the_site(
    open_stage: Stage, sit: Sit, size: tuple[int, int]
) -> None:
    async with sit(open_stage, size=size) as seat:
        assert shown_line(seat, 4).split()[1:3] == ["Minas", "P"]
        open_stage.do(c.SetVoice("minas", "clear"))
        await seat.wait_until(lambda: shown_line(seat, 4).split()[1:4] == ["Minas", "Cl", "P"])
        open_stage.do(c.SetMedia("minas", "narrow"))
        await seat.wait_until(lambda: " Cl Na P " in shown_line(seat, 4))
        open_stage.do(c.SetVoice("minas", "auto"))
        open_stage.do(c.SetMedia("minas", "audio-only"))
        await seat.wait_until(lambda: shown_line(seat, 4).split()[1:4] == ["Minas", "Au", "P"])
        open_stage.do(c.SetVoice("sungai-apit", "conversation"))
        open_stage.do(c.SetMedia("sungai-apit", "narrow"))
        await seat.wait_until(lambda: "Cv Na P " in shown_line(seat, 3))
        assert "Sungai" in shown_line(seat, 3), "the name gives way, but not whole"
        assert len(shown_line(seat, 3)) == len(shown_line(seat, 2)) == len(shown_line(seat, 1))


def shown_line(seat: Seat, y: int) -> str:
    """A line of the roster as it is drawn; 0 is the header."""
    return "".join(segment.text for segment in seat.roster.render_line(y))


@pytest.mark.parametrize("width", range(52, 180))
def test_columns_fit(width: int) -> None:
    shown = columns_for(width)
    assert sum(size + 1 for _, size in shown) + 1 <= width
    needed = {"place", "attendance", "microphone", "level", "camera", "hand"}
    assert needed <= {column.id.removesuffix("-short") for column, _ in shown}
    assert next(size for column, size in shown if column.id == "name") >= 13, "Kerinci Kanan"
    assert len({"link", "clarity"} & {column.id for column, _ in shown}) == 1
    assert len({column.id for column in COLUMNS}) == len(COLUMNS)


async def test_a_camera_that_is_not_as_it_is_to_be_has_a_sign_and_its_seconds(
    open_stage: Stage, sit: Sit
) -> None:
    async with sit(open_stage, size=(120, 36)) as seat:
        floor = seat.console.query_one(Floor)
        open_stage.do(c.CallNext())
        await seat.wait_until(lambda: " ◐ " in shown_line(seat, 2))
        open_stage.wait(3)
        seat.console._tick()
        await seat.wait_until(lambda: " !3 " in shown_line(seat, 2))
        line = list(seat.roster.render_line(2))
        (sign,) = [one for one in line if one.text.startswith("!3")]
        assert sign.style is not None and sign.style.bgcolor != line[0].style.bgcolor
        assert "! Camera: not on after 3 s" in str(floor.render())
        open_stage.wait(123)
        seat.console._tick()
        await seat.wait_until(lambda: " !… " in shown_line(seat, 2))
        open_stage.settle()
        open_stage.publish()
        await seat.wait_until(lambda: " ▣ " in shown_line(seat, 2))
        await seat.wait_until(lambda: "▣ Camera: on" in str(floor.render()))
        assert " ▫ " in shown_line(seat, 3), "the next one's small picture goes out, too"
