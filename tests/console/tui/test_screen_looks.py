"""How every screen beside that of the meeting looks, in both languages and sizes.

After a change that is meant: look at the report, then `pytest --snapshot-update`.
"""

import io
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from PIL import Image, ImageDraw
from textual.pilot import Pilot

from console.tui.app import Console
from console.tui.leader import LeaderView
from console.tui.screens.mosaic import Mosaic
from console.tui.screens.preview import Paper
from console.tui.screenshot import lifelike
from console.tui.settings import Settings
from console.tui.stage import Stage
from protocol import commands as c
from protocol import events as e
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
            papers, mosaics = console.screen.query(Paper), console.screen.query(Mosaic)
            if all(one.lines for one in papers) and all(one.tiles for one in mosaics):
                break
        await pilot.pause()
        await pilot.pause()

    return console, prepare


@LANGUAGES
@SIZES
@pytest.mark.parametrize(
    "keys",
    [("A",), ("R", "down"), ("T",), ("P",), ("L",), ("I",), ("S",)],
    ids=["meetings", "reports", "follow-ups", "minutes", "events", "links", "settings"],
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


def seen(number: int) -> bytes:
    """A wall, a person, a table: what a camera in an office sees."""
    image = Image.new("RGB", (160, 90), (60 + number * 23 % 90, 96, 120 - number * 7 % 60))
    draw = ImageDraw.Draw(image)
    middle = 60 + number * 13 % 40
    draw.ellipse((middle - 14, 18, middle + 14, 52), fill=(216, 168, 128))
    draw.rectangle((middle - 30, 50, middle + 30, 90), fill=(40 + number * 31 % 160, 64, 72))
    draw.rectangle((0, 76, 160, 90), fill=(104, 72, 40))
    made = io.BytesIO()
    image.save(made, "JPEG", quality=90)
    return made.getvalue()


def with_pictures(stage: Stage, *keys: str):
    console, press = shown(stage, *keys)

    dark = ("pusako", "lubuk-dalam")
    given = sum(entry.id not in dark for entry in stage.plan.sites)

    def give_pictures() -> None:
        for number, entry in enumerate(stage.plan.sites):
            if entry.id not in dark:
                stage.picture(entry.id, seen(number))

    async def prepare(pilot: Pilot[None]) -> None:
        await pilot.pause()
        give_pictures()
        await press(pilot)
        # Once more: what came before the console was attached was told to nobody.
        give_pictures()
        for _ in range(300):
            await pilot.pause(0.01)
            mosaics = console.screen.query(Mosaic)
            if all(sum(bool(tile.jpeg) for tile in one.tiles) >= given for one in mosaics):
                break
        await pilot.pause()

    return console, prepare


@LANGUAGES
@SIZES
def test_mosaic(snap_compare: Compare, lang: str, size: tuple[int, int]) -> None:
    use_language(lang)
    console, prepare = with_pictures(lifelike(siak_plan()), "v")
    assert snap_compare(console, terminal_size=size, run_before=prepare)


@LANGUAGES
def test_meeting_on_a_large_screen(snap_compare: Compare, lang: str) -> None:
    use_language(lang)
    console, prepare = with_pictures(lifelike(siak_plan()))
    assert snap_compare(console, terminal_size=(200, 60), run_before=prepare)


@LANGUAGES
@SIZES
def test_an_erratum_of_the_minutes(snap_compare: Compare, lang: str, size: tuple[int, int]) -> None:
    use_language(lang)
    stage = lifelike(siak_plan())
    stage.do(c.CloseMeeting(force=True))
    stage.do(c.SubmitMinutes(by="Notulis"))
    stage.do(c.ApproveMinutes(by="Bupati Siak"))
    console, prepare = shown(stage, "P", "E", "ctrl+s")
    assert snap_compare(console, terminal_size=size, run_before=prepare)


@LANGUAGES
@SIZES
@pytest.mark.parametrize("key", ["U", "Y", "B"], ids=["submit", "approve", "return"])
def test_a_step_of_the_minutes(
    snap_compare: Compare, lang: str, size: tuple[int, int], key: str
) -> None:
    use_language(lang)
    stage = lifelike(siak_plan())
    stage.do(c.CloseMeeting(force=True))
    if key != "U":
        stage.do(c.SubmitMinutes(by="Notulis"))
    console, prepare = shown(stage, key)
    assert snap_compare(console, terminal_size=size, run_before=prepare)


@LANGUAGES
@SIZES
def test_how_a_follow_up_was_done(
    snap_compare: Compare, tmp_path: Path, lang: str, size: tuple[int, int]
) -> None:
    use_language(lang)
    stage = lifelike(siak_plan())
    archive = past_meetings(tmp_path, stage)
    stage.archive = archive.look
    console, prepare = shown(stage, "T", "enter", *"dipasang PU")
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
@pytest.mark.parametrize("state", ["turn", "over", "lost", "free", "before", "closed"])
def test_leaders_view(snap_compare: Compare, lang: str, size: tuple[int, int], state: str) -> None:
    use_language(lang)
    stage = Stage(siak_plan(), BEGIN) if state == "before" else lifelike(siak_plan())
    match state:
        case "over":
            stage.wait(150)
        case "lost":
            stage.leave("sungai-mandau")
            stage.wait(6)
        case "free":
            stage.do(c.EndTurn())
        case "closed":
            stage.do(c.CloseMeeting(force=True))
    view = LeaderView("stage", link=stage.link, clock=stage.clock)

    async def prepare(pilot: Pilot[None]) -> None:
        await pilot.pause()
        view._tick()
        await pilot.pause()
        await pilot.pause()

    assert snap_compare(view, terminal_size=size, run_before=prepare)


@LANGUAGES
@SIZES
@pytest.mark.parametrize("theme", ["light", "contrast", "sixteen"])
def test_colours(snap_compare: Compare, lang: str, size: tuple[int, int], theme: str) -> None:
    use_language(lang)
    console, prepare = shown(lifelike(siak_plan()), settings=Settings(theme=theme))  # type: ignore[arg-type]
    assert snap_compare(console, terminal_size=size, run_before=prepare)


@LANGUAGES
@SIZES
@pytest.mark.parametrize(
    "keys", [(), ("v",), ("S",), ("r",)], ids=["meeting", "mosaic", "settings", "report"]
)
def test_in_ascii(
    snap_compare: Compare, lang: str, size: tuple[int, int], keys: tuple[str, ...]
) -> None:
    use_language(lang)
    stage = lifelike(siak_plan())
    left = e.CarriedFollowUp("f0", "Isi embung", "", "", "sungai-mandau", "m0", "Rapat", BEGIN)
    stage.do(c.CarryFollowUps((left, msgspec.structs.replace(left, id="f1", text="Uji pompa"))))
    stage.do(c.CloseFollowUp("f1", "dengan BPBD"))
    console, prepare = shown(stage, *keys, settings=Settings("sixteen", lang, "ascii"))
    assert snap_compare(console, terminal_size=size, run_before=prepare)
