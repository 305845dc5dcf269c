"""The leader's view: who speaks, time left, next, projected end; and no key that does harm."""

from console.tui.leader import Board, LeaderView
from console.tui.screenshot import lifelike
from console.tui.stage import Stage
from console.tui.topbar import TopBar
from protocol import commands as c
from protocol import messages as m
from tests.console.tui.seat import siak_plan


async def board(stage: Stage, *, then=lambda: None, size: tuple[int, int] = (80, 24)) -> str:
    view = LeaderView("stage", link=stage.link, clock=stage.clock)
    async with view.run_test(size=size) as pilot:
        await pilot.pause()
        then()
        stage.publish()
        view._tick()
        await pilot.pause()
        await pilot.pause()
        board = view.query_one(Board)
        return f"{view.query_one(TopBar).render()}\n{board.render()}"


async def test_who_speaks_time_left_next_and_the_end() -> None:
    shown = await board(lifelike(siak_plan()), size=(60, 24))
    assert "HAS THE FLOOR" in shown and "Camat Sungai Mandau" in shown
    assert "left of 3:00" in shown and "NEXT" in shown
    # 1:28 left, and eight more who are not excused with three minutes each; to the minute.
    assert "projected end 14:03 WIB" in shown
    assert "5 of 14 spoke" in shown


async def test_a_name_that_fits_is_drawn_large() -> None:
    stage = Stage(siak_plan(), 1_549_435_300_000)
    stage.join("siak")
    stage.do(c.OpenMeeting())
    stage.do(c.GrantFloor("siak"))
    shown = await board(stage, size=(200, 60))
    assert "██████████" in shown and "Camat Siak" not in shown


async def test_over_time_lost_and_alarms_are_seen() -> None:
    stage = lifelike(siak_plan())

    def talk_on() -> None:
        stage.wait(150)

    assert "OVER TIME" in await board(stage, then=talk_on)

    def lose() -> None:
        stage.leave("sungai-mandau")
        stage.measure("minas", closed_packets=3)
        stage.wait(6)

    shown = await board(stage, then=lose)
    assert "CONNECTION LOST" in shown and "SOUND ARRIVES FROM A CLOSED SITE: Minas" in shown


async def test_it_only_watches() -> None:
    stage = lifelike(siak_plan())
    view = LeaderView("stage", link=stage.link, clock=stage.clock)
    async with view.run_test() as pilot:
        await pilot.press("n", "m", "e", "c", "enter", "f2", "f4")
        assert [one for one in stage.links[0].sent if isinstance(one, m.Command)] == []
        assert stage.links[0]._hello().role == "observer"
        await pilot.press("q")
        await pilot.pause()
    assert not view.is_running
