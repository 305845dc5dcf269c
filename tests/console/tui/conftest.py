"""A console on a stage: the real rules in this process, a clock that tests move."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

from console.tui.app import Console, Export
from console.tui.stage import Stage
from protocol import commands as c
from protocol.words import use_language
from tests.console.tui.seat import BEGIN, Seat, Sit, siak_plan


@pytest.fixture(autouse=True, scope="session")
def parse_css_once() -> Iterator[None]:
    """A quarter of what most of these tests take was the same style sheets, parsed for each console
    anew, and again for its theme."""
    usual = Stylesheet._parse_rules
    known: dict[tuple[object, ...], list[RuleSet]] = {}

    def parse_rules(sheet: Stylesheet, css: str, **more: Any) -> list[RuleSet]:
        key = (css, *more.items(), *sheet._variables.items())
        if key not in known:
            known[key] = usual(sheet, css, **more)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", parse_rules)
        yield


@pytest.fixture(autouse=True)
def english() -> None:
    use_language("en")


@pytest.fixture
def stage() -> Stage:
    """Hall and five kecamatan, all connected with media, the meeting not open yet."""
    stage = Stage(siak_plan(5), BEGIN)
    for entry in stage.plan.sites:
        stage.join(entry.id)
    return stage


@pytest.fixture
def open_stage(stage: Stage) -> Stage:
    """The same with the meeting open."""
    stage.do(c.OpenMeeting())
    stage.settle()
    stage.wait(2)
    return stage


@pytest.fixture
def sit() -> Sit:
    """`async with sit(stage) as seat`: a console on this stage."""

    @asynccontextmanager
    async def _sit(
        stage: Stage,
        size: tuple[int, int] = (80, 24),
        export: Export | None = None,
        draft_after_s: float = 60.0,
        **more: Any,
    ) -> AsyncIterator[Seat]:
        console = Console(
            "stage",
            link=stage.link,
            clock=stage.clock,
            export=export,
            draft_after_s=draft_after_s,
            **more,
        )
        async with console.run_test(size=size) as pilot:
            seat = Seat(console, pilot, stage)
            await seat.wait_until(lambda: seat.roster.rows)
            await pilot.pause()
            await pilot.pause()
            yield seat

    return _sit
