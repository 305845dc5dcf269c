"""The operator's seat at a console on a stage, and the plan of the meeting they have."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from textual.events import Paste
from textual.pilot import Pilot
from textual.widget import Widget

from console.tui.app import Console
from console.tui.prompt import PromptLine
from console.tui.replica import DRAFTS
from console.tui.roster import Roster
from console.tui.stage import Stage, StageLink
from protocol import commands as c
from protocol import messages as m
from protocol.events import MeetingPlan, SiteEntry

BEGIN = 1_549_435_300_000
NAMES = (
    "Siak", "Sungai Apit", "Minas", "Tualang", "Sungai Mandau", "Dayun", "Kerinci Kanan",
    "Bunga Raya", "Koto Gasib", "Kandis", "Lubuk Dalam", "Sabak Auh", "Mempura", "Pusako",
)  # fmt: skip


def siak_plan(kecamatan: int = 14) -> MeetingPlan:
    hall = SiteEntry("ruang-bandar-siak", "Ruang Bandar Siak", "hall", title="Bupati Siak")
    entries = [
        SiteEntry(
            name.lower().replace(" ", "-"),
            name,
            "kecamatan",
            title=f"Camat {name}",
            position=position,
        )
        for position, name in enumerate(NAMES[:kecamatan], 1)
    ]
    return MeetingPlan(
        title="Rapat koordinasi camat se-Kabupaten Siak",
        topics=("karhutla", "tol", "pemilu", "layanan"),
        sites=(hall, *entries),
        timing="fixed",
    )


def text_at(widget: Widget, text: str) -> tuple[int, int]:
    """Where a text is drawn in a widget."""
    for y in range(widget.size.height):
        x = "".join(s.text for s in widget.render_line(y)).find(text)
        if x >= 0:
            return x, y
    raise AssertionError(f"{text!r} is not drawn")


class Seat:
    """The operator's seat: keys in, commands and screen out."""

    def __init__(self, console: Console, pilot: Pilot[None], stage: Stage) -> None:
        self.console = console
        self.pilot = pilot
        self.stage = stage

    @property
    def link(self) -> StageLink:
        return self.stage.links[-1]

    @property
    def sent(self) -> list[c.ModeratorCommand]:
        """What the console asked for; drafts, which go out by themselves, left out."""
        return [one for one in self._commands if not isinstance(one, DRAFTS)]

    @property
    def drafts(self) -> list[c.ModeratorCommand]:
        return [one for one in self._commands if isinstance(one, DRAFTS)]

    @property
    def _commands(self) -> list[c.ModeratorCommand]:
        return [one.body for one in self.link.sent if isinstance(one, m.Command)]

    @property
    def notice(self) -> str:
        return self.console.screen_stack[0].query_one(PromptLine).said[0]

    @property
    def roster(self) -> Roster:
        return self.console.screen_stack[0].query_one(Roster)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        await self.press(*text)

    async def paste(self, text: str) -> None:
        """Text into the field that has the focus, at once."""
        self.console.post_message(Paste(text))
        await self.pilot.pause()
        await self.pilot.pause()

    async def select(self, site: str) -> None:
        self.roster.select(site)
        await self.pilot.pause()

    async def click(self, where: str, text: str, times: int = 1) -> None:
        """Click on this text where it is drawn in a widget of the screen that is shown."""
        widget = self.console.screen.query_one(where)
        x, y = text_at(widget, text)
        left, top = widget.gutter.left, widget.gutter.top
        await self.pilot.click(widget, offset=(x + left, y + top), times=times)
        await self.pilot.pause()

    async def wait_until(self, condition: Callable[[], object]) -> None:
        """Let the console work until the condition holds. Raises TimeoutError."""
        async with asyncio.timeout(30):
            while not condition():
                await self.pilot.pause(0.01)


Sit = Callable[..., AbstractAsyncContextManager[Seat]]
