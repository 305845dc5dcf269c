"""Every act by mouse: roster cells, buttons of the floor, key bar, forms."""

import pytest

from console.tui.help import HelpScreen
from console.tui.stage import Stage
from protocol import commands as c
from tests.console.tui.seat import Sit, text_at


async def test_click_selects_double_click_calls(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        await seat.click("#roster", "Minas")
        assert seat.roster.selected == "minas"
        assert seat.sent == []
        await seat.click("#roster", "Tualang", times=2)
        assert seat.sent == [c.GrantFloor("tualang")]


async def test_click_on_the_microphone_of_the_selected(open_stage: Stage, sit: Sit) -> None:
    open_stage.do(c.CallNext())
    open_stage.settle()
    async with sit(open_stage) as seat:
        x, __ = text_at(seat.roster, "Mic")
        y = seat.roster.cursor + 1
        await seat.pilot.click(seat.roster, offset=(x + 1, y))
        await seat.pilot.pause()
        assert seat.sent == [c.Mute("siak")]


async def test_first_click_on_a_microphone_only_selects(open_stage: Stage, sit: Sit) -> None:
    open_stage.do(c.CallNext())
    async with sit(open_stage) as seat:
        x, __ = text_at(seat.roster, "Mic")
        await seat.pilot.click(seat.roster, offset=(x + 1, 4))
        await seat.pilot.pause()
        assert seat.sent == []
        assert seat.roster.selected == "minas"


@pytest.mark.parametrize(
    ("button", "command"), [("End", c.EndTurn()), ("Extend", c.ExtendTurn(60))]
)
async def test_buttons_of_the_floor(
    open_stage: Stage, sit: Sit, button: str, command: c.ModeratorCommand
) -> None:
    open_stage.do(c.CallNext())
    async with sit(open_stage, size=(120, 36)) as seat:
        await seat.click("#floor", button)
        assert seat.sent == [command]


async def test_key_bar(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        await seat.click("#keys", "Next")
        assert seat.sent == [c.CallNext()]
        await seat.click("#keys", "Help")
        assert isinstance(seat.console.screen, HelpScreen)


async def test_topics_and_save_of_the_report(open_stage: Stage, sit: Sit) -> None:
    open_stage.do(c.CallNext())
    async with sit(open_stage) as seat:
        await seat.press("r", "x")
        await seat.click("#tags", "#pemilu")
        await seat.click(".form-heading", "Save")
        assert open_stage.state.reports[0].tags == ("pemilu",)


async def test_attendance_by_click(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        await seat.select("minas")
        await seat.press("a")
        await seat.click("#choice", "Absent")
        assert seat.sent == [c.MarkAttendance("minas", "absent")]
