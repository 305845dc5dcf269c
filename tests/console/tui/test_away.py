"""The server goes away and comes back; what is typed is never lost."""

import gc
import warnings

from console.tui.stage import Stage
from console.tui.topbar import TopBar
from protocol import commands as c
from protocol import messages as m
from tests.console.tui.seat import Sit


async def test_the_bar_says_why_and_when(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        seat.link.cut("Connection refused", 3.0)
        top = seat.console.query_one(TopBar)
        await seat.wait_until(lambda: top.size.height == 2)
        assert "RECONNECTING in 3 s: Connection refused" in str(top.render())
        assert len(seat.roster.rows) == 6
        seat.link.connect()
        await seat.wait_until(lambda: top.size.height == 1)


async def test_connecting_twice_in_a_row_leaves_nothing_unfinished(stage: Stage, sit: Sit) -> None:
    async with sit(stage) as seat:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            seat.console.connect()
            seat.console.connect()
            await seat.pilot.pause()
            gc.collect()
        assert [str(one.message) for one in told if "awaited" in str(one.message)] == []
        assert seat.link.up


async def test_acts_on_the_floor_are_not_kept(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        seat.link.cut("gone")
        await seat.press("n", "n")
        assert seat.notice == "Not done: there is no connection to the server."
        seat.link.connect()
        await seat.pilot.pause()
        assert seat.sent == []


async def test_a_report_saved_while_away_arrives_later(open_stage: Stage, sit: Sit) -> None:
    open_stage.do(c.CallNext())
    async with sit(open_stage) as seat:
        await seat.press("r")
        await seat.type("aman")
        seat.link.cut("gone")
        await seat.press("ctrl+s")
        assert "Kept here" in seat.notice
        assert open_stage.state.reports == ()
        seat.link.connect()
        await seat.wait_until(lambda: open_stage.state.reports)
        assert open_stage.state.reports[0].text == "aman"
        await seat.wait_until(lambda: seat.notice == "Report of Siak saved")


async def test_text_survives_losing_the_server(open_stage: Stage, sit: Sit) -> None:
    open_stage.do(c.CallNext())
    async with sit(open_stage) as seat:
        await seat.press("r")
        await seat.type("sepa")
        seat.link.cut("gone")
        await seat.type("ruh")
        seat.link.connect()
        await seat.press("escape", "r", "ctrl+s")
        assert open_stage.state.reports[0].text == "separuh"


async def test_a_draft_is_sent_soon_after_the_last_key(open_stage: Stage, sit: Sit) -> None:
    open_stage.do(c.CallNext())
    async with sit(open_stage, draft_after_s=0.05) as seat:
        await seat.press("r")
        await seat.type("am")
        await seat.wait_until(lambda: open_stage.state.sites["siak"].draft == "am")


async def test_leaving_the_field_makes_the_draft_safe(open_stage: Stage, sit: Sit) -> None:
    open_stage.do(c.CallNext())
    async with sit(open_stage) as seat:
        await seat.press("r")
        await seat.type("am")
        assert open_stage.state.sites["siak"].draft == ""
        await seat.pilot.click("#roster", offset=(5, 3))
        await seat.wait_until(lambda: open_stage.state.sites["siak"].draft == "am")


async def test_another_console_continues_the_draft(open_stage: Stage, sit: Sit) -> None:
    open_stage.do(c.CallNext())
    async with sit(open_stage) as seat:
        await seat.press("r")
        await seat.type("dari mati lampu")
        await seat.press("escape")
    async with sit(open_stage) as seat:
        await seat.press("r", "ctrl+s")
    assert open_stage.state.reports[0].text == "dari mati lampu"


async def test_a_refused_text_is_kept(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        await seat.press("d", "enter")
        await seat.type("Setuju")
        open_stage.answers = False
        await seat.press("ctrl+s")
        open_stage.do(c.CloseMeeting())
        command = seat.link.sent[-1]
        assert isinstance(command, m.Command)
        seat.link.deliver(m.Refused(command.id, "journal-failed", "disk full"))
        await seat.wait_until(lambda: seat.notice == "disk full")
        await seat.press("d")
        assert seat.console.query_one("#field-text").text == "Setuju"  # type: ignore[attr-defined]


async def test_leaving_with_unsent_texts_asks(open_stage: Stage, sit: Sit) -> None:
    open_stage.do(c.CallNext())
    async with sit(open_stage) as seat:
        seat.link.cut("gone")
        await seat.press("r", "x", "ctrl+s", "ctrl+q")
        assert "have not reached the server" in seat.notice
        assert seat.console.is_running
        await seat.press("ctrl+q")
        await seat.wait_until(lambda: not seat.console.is_running)


async def test_a_site_that_leaks_is_named_at_the_top(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        open_stage.measure("minas", closed_packets=4)
        open_stage.wait(2)
        open_stage.publish("minas")
        top = seat.console.query_one(TopBar)
        await seat.wait_until(lambda: top.size.height == 2)
        assert "SOUND ARRIVES FROM A CLOSED SITE: Minas" in str(top.render())


async def test_a_long_refusal_is_shown_whole(stage: Stage, sit: Sit) -> None:
    stage.do(c.OpenMeeting())
    for entry in stage.plan.sites[1:]:
        stage.leave(entry.id)
    async with sit(stage) as seat:
        await seat.press("n")
        notice = seat.console.query_one("#notice")
        await seat.wait_until(lambda: notice.size.height == 2)
        drawn = " ".join("".join(s.text for s in notice.render_line(y)).strip() for y in range(2))
        assert drawn.endswith("Sungai Apit, Minas, Tualang, Sungai Mandau.")
