"""How every screen beside that of the meeting looks, in both languages and sizes.

After a change that is meant: look at the report, then `pytest --snapshot-update`.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from console.tui.app import Console
from console.tui.leader import LeaderView
from console.tui.screens.preview import Paper
from console.tui.screenshot import lifelike
from console.tui.settings import Settings
from console.tui.stage import Stage
from protocol.words import use_language
from tests.console.tui.past import past_meetings
from tests.console.tui.seat import BEGIN, siak_plan

Compare = Callable[..., bool]
LANGUAGES = pytest.mark.parametrize("lang", ["en", "id"])
SIZES = pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=["80x24", "200x60"])


def shown(stage: Stage, *keys: str, settings: Settings | None = None):
    console = Console("stage", link=stage.link, clock=stage.clock, settings=settings)

    async def prepare(pilot: Pilot[None]) -> None:
        await pilot.pause()
        await pilot.press(*keys)
        for _ in range(300):
            await pilot.pause(0.01)
            papers = console.screen.query(Paper)
            if not papers or papers.first().lines:
                break
        await pilot.pause()
        await pilot.pause()

    return console, prepare


@LANGUAGES
@SIZES
@pytest.mark.parametrize(
    "keys",
    [("A",), ("R", "down"), ("T",), ("P",), ("L",), ("S",)],
    ids=["meetings", "reports", "follow-ups", "minutes", "events", "settings"],
)
def test_page(
    snap_compare: Compare,
    tmp_path: Path,
    lang: str,
    size: tuple[int, int],
    keys: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("console.tui.screens.setup.version", lambda name: "1.2.3")
    use_language(lang)
    stage = lifelike(siak_plan())
    archive = past_meetings(tmp_path, stage)
    stage.archive = archive.look
    console, prepare = shown(stage, *keys)
    assert snap_compare(console, terminal_size=size, run_before=prepare)
    archive.close()


@LANGUAGES
@SIZES
def test_prepare(snap_compare: Compare, lang: str, size: tuple[int, int]) -> None:
    use_language(lang)
    console, prepare = shown(Stage(siak_plan(), BEGIN), "G", *["tab"] * 4, "x", "ctrl+s")
    assert snap_compare(console, terminal_size=size, run_before=prepare)


@LANGUAGES
@SIZES
def test_leaders_view(snap_compare: Compare, lang: str, size: tuple[int, int]) -> None:
    use_language(lang)
    stage = lifelike(siak_plan())
    view = LeaderView("stage", link=stage.link, clock=stage.clock)

    async def prepare(pilot: Pilot[None]) -> None:
        await pilot.pause()
        view._tick()
        await pilot.pause()
        await pilot.pause()

    assert snap_compare(view, terminal_size=size, run_before=prepare)


@pytest.mark.parametrize("theme", ["light", "contrast", "sixteen"])
def test_colours(snap_compare: Compare, theme: str) -> None:
    use_language("id")
    console, prepare = shown(lifelike(siak_plan()), settings=Settings(theme=theme))  # type: ignore[arg-type]
    assert snap_compare(console, terminal_size=(80, 24), run_before=prepare)


def test_in_ascii(snap_compare: Compare) -> None:
    use_language("id")
    console, prepare = shown(lifelike(siak_plan()), settings=Settings("sixteen", "id", "ascii"))
    assert snap_compare(console, terminal_size=(80, 24), run_before=prepare)
