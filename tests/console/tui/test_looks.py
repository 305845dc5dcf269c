"""How the console looks: a lifelike meeting with its clock standing still.

After a change that is meant: look at the report, then `pytest --snapshot-update`.
"""

from collections.abc import Awaitable, Callable

import pytest
from textual.pilot import Pilot

from console.tui.app import Console
from console.tui.screenshot import lifelike
from console.tui.stage import Stage
from protocol import commands as c
from protocol import events as e
from protocol import messages as m
from protocol.words import _, use_language
from tests.console.tui.seat import BEGIN, siak_plan

Compare = Callable[..., bool]
LANGUAGES = pytest.mark.parametrize("lang", ["en", "id"])
TWO_SIZES = pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=["80x24", "200x60"])
SIZES = [(80, 24), (120, 36), (200, 60)]
Prepare = Callable[[Pilot[None]], Awaitable[None]]


def on_stage(
    stage: Stage,
    *keys: str,
    then: Callable[[Stage], None] = lambda stage: None,
    role: m.Role = "moderator",
) -> tuple[Console, Prepare]:
    """A console, and what to do before the look: press keys, let something happen."""
    console = Console("stage", link=stage.link, clock=stage.clock, draft_after_s=60.0, role=role)

    async def prepare(pilot: Pilot[None]) -> None:
        await pilot.pause()
        await pilot.press(*keys)
        then(stage)
        await pilot.pause()
        await pilot.pause()

    return console, prepare


@LANGUAGES
@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x36", "200x60"])
def test_main_screen(snap_compare: Compare, lang: str, size: tuple[int, int]) -> None:
    use_language(lang)
    console, prepare = on_stage(lifelike(siak_plan()))
    assert snap_compare(console, terminal_size=size, run_before=prepare)


@LANGUAGES
@TWO_SIZES
def test_a_site_that_hears_badly_and_is_held_to_sound(
    snap_compare: Compare, lang: str, size: tuple[int, int]
) -> None:
    use_language(lang)
    stage = lifelike(siak_plan())
    stage.measure("mempura", mos=2.9)
    console, prepare = on_stage(stage, "slash", *"mempura", "enter")
    assert snap_compare(console, terminal_size=size, run_before=prepare)


@LANGUAGES
@TWO_SIZES
def test_help(snap_compare: Compare, lang: str, size: tuple[int, int]) -> None:
    use_language(lang)
    console, prepare = on_stage(lifelike(siak_plan()), "question_mark")
    assert snap_compare(console, terminal_size=size, run_before=prepare)


@LANGUAGES
@TWO_SIZES
def test_report_card(snap_compare: Compare, lang: str, size: tuple[int, int]) -> None:
    use_language(lang)
    stage = lifelike(siak_plan())
    left = e.CarriedFollowUp(
        "f0", "Isi embung Muara Kelantan", "Camat Sungai Mandau", "2019-01-31", "sungai-mandau",
        "m0", "Rapat Januari", BEGIN - 30 * 86_400_000,
    )  # fmt: skip
    stage.do(c.CarryFollowUps((left,)))
    console, prepare = on_stage(stage, "r", *"Embung terisi. #karhutla")
    assert snap_compare(console, terminal_size=size, run_before=prepare)


@LANGUAGES
@TWO_SIZES
@pytest.mark.parametrize(
    "key", ["a", "d", "t", "f"], ids=["attendance", "note", "time", "follow-up"]
)
def test_form(snap_compare: Compare, lang: str, size: tuple[int, int], key: str) -> None:
    use_language(lang)
    console, prepare = on_stage(lifelike(siak_plan()), key)
    assert snap_compare(console, terminal_size=size, run_before=prepare)


@LANGUAGES
@TWO_SIZES
def test_follow_up_with_a_bad_date(snap_compare: Compare, lang: str, size: tuple[int, int]) -> None:
    use_language(lang)
    console, prepare = on_stage(lifelike(siak_plan()), "f", "x", "enter", "enter", *"31/2", "enter")
    assert snap_compare(console, terminal_size=size, run_before=prepare)


@LANGUAGES
@TWO_SIZES
def test_server_lost(snap_compare: Compare, lang: str, size: tuple[int, int]) -> None:
    use_language(lang)

    def cut(stage: Stage) -> None:
        stage.links[0].cut(_("no answer"), 3.0)

    console, prepare = on_stage(lifelike(siak_plan()), then=cut)
    assert snap_compare(console, terminal_size=size, run_before=prepare)


@LANGUAGES
@TWO_SIZES
def test_speaker_lost_and_a_leak(snap_compare: Compare, lang: str, size: tuple[int, int]) -> None:
    use_language(lang)

    def lose(stage: Stage) -> None:
        stage.leave("sungai-mandau")
        stage.measure("minas", closed_packets=3)
        stage.wait(6)
        stage.publish()

    console, prepare = on_stage(lifelike(siak_plan()), then=lose)
    assert snap_compare(console, terminal_size=size, run_before=prepare)


@LANGUAGES
@TWO_SIZES
def test_over_time(snap_compare: Compare, lang: str, size: tuple[int, int]) -> None:
    use_language(lang)

    def talk_on(stage: Stage) -> None:
        stage.wait(150)
        stage.publish()

    console, prepare = on_stage(lifelike(siak_plan()), then=talk_on)
    assert snap_compare(console, terminal_size=size, run_before=prepare)


@LANGUAGES
@TWO_SIZES
def test_the_commands(snap_compare: Compare, lang: str, size: tuple[int, int]) -> None:
    use_language(lang)
    console, prepare = on_stage(lifelike(siak_plan()), "ctrl+p", then=lambda stage: None)

    async def searched(pilot: Pilot[None]) -> None:
        await prepare(pilot)
        console.screen.query_one("CommandInput").cursor_blink = False
        await pilot.press("r", "e", "p")
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()

    assert snap_compare(console, terminal_size=size, run_before=searched)


@LANGUAGES
@TWO_SIZES
@pytest.mark.parametrize("key", ["b", "slash"], ids=["announcement", "find"])
def test_a_question(snap_compare: Compare, lang: str, size: tuple[int, int], key: str) -> None:
    use_language(lang)
    console, prepare = on_stage(lifelike(siak_plan()), key, *"zz")
    assert snap_compare(console, terminal_size=size, run_before=prepare)


@LANGUAGES
@TWO_SIZES
def test_after_the_meeting(snap_compare: Compare, lang: str, size: tuple[int, int]) -> None:
    use_language(lang)
    stage = lifelike(siak_plan())
    stage.do(c.CloseMeeting(force=True))
    console, prepare = on_stage(stage)
    assert snap_compare(console, terminal_size=size, run_before=prepare)


@LANGUAGES
@TWO_SIZES
def test_what_is_not_confirmed(snap_compare: Compare, lang: str, size: tuple[int, int]) -> None:
    """The next one was called four seconds ago, and nobody has done anything yet."""
    use_language(lang)

    def wait(stage: Stage) -> None:
        stage.wait(4)
        stage.publish()

    console, prepare = on_stage(lifelike(siak_plan()), "n", then=wait)
    assert snap_compare(console, terminal_size=size, run_before=prepare)


@LANGUAGES
@TWO_SIZES
def test_before_the_meeting(snap_compare: Compare, lang: str, size: tuple[int, int]) -> None:
    use_language(lang)
    stage = Stage(siak_plan(), BEGIN)
    for entry in stage.plan.sites[:9]:
        stage.join(entry.id, media=entry.id != "minas")
    stage.do(c.SetBanner("Uji sambungan pukul 13.00 WIB"))
    console, prepare = on_stage(stage)
    assert snap_compare(console, terminal_size=size, run_before=prepare)


@LANGUAGES
@TWO_SIZES
def test_a_console_that_only_watches(
    snap_compare: Compare, lang: str, size: tuple[int, int]
) -> None:
    use_language(lang)
    console, prepare = on_stage(lifelike(siak_plan()), "m", role="observer")
    assert snap_compare(console, terminal_size=size, run_before=prepare)


@LANGUAGES
@TWO_SIZES
def test_closing_with_a_report_missing(
    snap_compare: Compare, lang: str, size: tuple[int, int]
) -> None:
    use_language(lang)
    console, prepare = on_stage(lifelike(siak_plan()), "c")
    assert snap_compare(console, terminal_size=size, run_before=prepare)


@LANGUAGES
@TWO_SIZES
def test_a_report_that_is_amended(snap_compare: Compare, lang: str, size: tuple[int, int]) -> None:
    use_language(lang)
    stage = lifelike(siak_plan())
    console, prepare = on_stage(stage, "slash", *"tual", "enter", "r", *" Aman.", "tab", "x")
    assert snap_compare(console, terminal_size=size, run_before=prepare)
