"""The lines of follow-ups on a card."""

import pytest
from textual.app import App, ComposeResult

from console.tui.tasks import Tasks
from console.tui.themes import THEMES
from console.tui.views import TaskShown

TASKS = (
    TaskShown("0", "Baru", "Camat", "2019-02-20", new=True),
    TaskShown("a", "Antena", "Diskominfo", "2018-12-15", origin="2018-11-08"),
    TaskShown("b", "Posko", "", ""),
    TaskShown("c", "Jalan", "PU", "2019-02-01", done=True),
)


class Bench(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.taken: list[str] = []

    def compose(self) -> ComposeResult:
        yield Tasks()

    def on_mount(self) -> None:
        theme = THEMES["dark"]
        self.register_theme(theme)
        self.theme = theme.name

    def on_tasks_taken(self, event: Tasks.Taken) -> None:
        self.taken.append(event.task.id)


def drawn(tasks: Tasks) -> list[str]:
    return [
        "".join(part.text for part in tasks.render_line(y)).strip()
        for y in range(tasks.size.height)
    ]


async def test_marks_tell_new_overdue_open_and_done() -> None:
    async with (app := Bench()).run_test(size=(70, 12)) as pilot:
        tasks = app.query_one(Tasks)
        await pilot.pause()
        assert drawn(tasks)[0] == "No follow-up is open here."
        tasks.show(TASKS, "2019-02-06")
        await pilot.pause()
        assert drawn(tasks)[:5] == [
            "2 follow-ups open · Space marks done, Enter asks how",
            "+ Baru  20 Feb 2019 · Camat",
            "☐ ! Antena  15 Dec 2018 · Diskominfo · noted 8 Nov 2018",
            "☐ Posko",
            "☑ Jalan  1 Feb 2019 · PU",
        ]


@pytest.mark.parametrize(
    ("keys", "taken"),
    [(["space"], ["0"]), (["down", "enter"], ["a"]), (["down"] * 9 + ["space"], ["c"])],
)
async def test_by_key(keys: list[str], taken: list[str]) -> None:
    async with (app := Bench()).run_test(size=(70, 3)) as pilot:
        tasks = app.query_one(Tasks)
        tasks.styles.height = 3
        tasks.show(TASKS, "2019-02-06")
        tasks.focus()
        await pilot.press(*keys)
        await pilot.pause()
        assert app.taken == taken
        shown = tasks.tasks[tasks.top : tasks.top + 2]
        assert taken[0] in [one.id for one in shown], "the cursor stays in sight"


async def test_by_mouse() -> None:
    async with (app := Bench()).run_test(size=(70, 12)) as pilot:
        app.query_one(Tasks).show(TASKS, "2019-02-06")
        await pilot.pause()
        await pilot.click(Tasks, offset=(5, 2))
        await pilot.click(Tasks, offset=(5, 0))
        await pilot.pause()
        assert app.taken == ["a"]
