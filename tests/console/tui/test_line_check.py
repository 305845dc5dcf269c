"""The screen of the line check: it begins by itself, shows how far it is, names what is wrong."""

from collections.abc import Callable

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from console.tui.app import Console
from console.tui.listing import Listing
from console.tui.screens.line_check import LineCheckPage
from console.tui.stage import Stage
from protocol import commands as c
from protocol import events as e
from protocol.words import use_language
from tests.console.tui.seat import BEGIN, Seat, Sit, siak_plan

Compare = Callable[..., bool]
WELL = e.LineFigures(
    probes=300,
    loss_up_percent=0.0,
    loss_down_percent=0.3,
    jitter_up_ms=3.1,
    jitter_down_ms=6.4,
    rtt_ms=38.2,
    up_kbps=2000.0,
    down_kbps=2000.0,
    burst_kbps=2000.0,
    tone_played=True,
    tone_dbov=41,
    noise_dbov=58,
    peak_dbov=18,
    clipped_percent=0.0,
    camera="moving",
    clock_error_ms=-40,
    free_mb=21_300,
    version="giliran 1.2.3",
)


def but(**changes: object) -> e.LineFigures:
    fields = {name: getattr(WELL, name) for name in WELL.__struct_fields__}
    return e.LineFigures(**fields | changes)


FOUND = {
    "siak": but(tone_dbov=None, peak_dbov=127, noise_dbov=127),
    "sungai-apit": but(loss_up_percent=10.3, loss_down_percent=8.7, rtt_ms=212.0),
    "minas": but(tone_dbov=None),
    "tualang": but(camera="frozen", clock_error_ms=7300),
    "dayun": but(up_kbps=212.0, camera="none"),
    "kandis": but(camera="black", up_kbps=61.0, down_kbps=64.0, rtt_ms=640.0),
}


def told(stage: Stage, *sites: str) -> None:
    """These sites answer the check that goes on."""
    check = stage.state.check
    assert check is not None
    for site in sites:
        figures = FOUND.get(site, WELL)
        stage.do(c.NoteLineChecked(site, check.id, figures, "giliran 1.2.3"), actor="server")


def before_the_meeting() -> Stage:
    """All but Pusako connected, the meeting not open yet."""
    stage = Stage(siak_plan(), BEGIN)
    for entry in stage.plan.sites:
        if entry.id != "pusako":
            stage.join(entry.id)
    return stage


@pytest.fixture
def stage() -> Stage:
    return before_the_meeting()


def page(seat: Seat) -> LineCheckPage:
    screen = seat.console.screen
    assert isinstance(screen, LineCheckPage), screen
    return screen


def rows(seat: Seat) -> dict[str, list[str]]:
    listed = page(seat).query_one(Listing).rows
    return {row.key: [text for text, _style in row.cells] for row in listed}


def said(seat: Seat, what: str) -> str:
    return str(page(seat).query_one(f"#{what}", Static).render())


async def test_the_first_one_begins_by_itself_and_shows_how_far_it_is(stage: Stage, sit: Sit):
    async with sit(stage) as seat:
        await seat.press("l")
        assert stage.state.check is not None
        assert "1 of 15 sites" in said(seat, "page-title")
        assert "tone" in said(seat, "page-notice")
        assert rows(seat)["minas"][1:3] == ["…", "… checking"]
        assert rows(seat)["pusako"][1] == "✗ Poor" and "not connected" in rows(seat)["pusako"][2]
        stage.wait(9)
        told(stage, "minas", "dayun")
        await seat.pilot.pause()
        assert "3 of 15 sites · 9 of at most 50 s" in said(seat, "page-title")
        assert rows(seat)["minas"][1] == "✗ Poor"
        assert "loudspeaker is silent" in rows(seat)["minas"][2]
        told(stage, *stage.state.check.waiting)
        await seat.pilot.pause()
        assert "Good 8" in said(seat, "page-title") and "Poor 6" in said(seat, "page-title")


async def test_the_selected_site_is_told_in_full(stage: Stage, sit: Sit):
    async with sit(stage) as seat:
        await seat.press("l")
        told(stage, *stage.state.check.waiting)  # type: ignore[union-attr]
        await seat.pilot.pause()
        listing = page(seat).query_one(Listing)
        while listing.selected != "kandis":
            await seat.press("down")
        text = said(seat, "detail-text")
        for part in ("Kandis", "picture is black", "61 kbit/s up", "640 ms", "Take the cover off"):
            assert part in text
        assert "giliran 1.2.3" in text and "noise -58 dB" in text


async def test_l_again_checks_all_anew_and_stops_what_goes_on(stage: Stage, sit: Sit):
    async with sit(stage) as seat:
        await seat.press("l")
        await seat.press("l")
        assert stage.state.check is None
        await seat.press("l")
        assert stage.state.check is not None, "and again all of them"


async def test_enter_checks_the_selected_site_alone(stage: Stage, sit: Sit):
    async with sit(stage) as seat:
        await seat.press("l")
        told(stage, *stage.state.check.waiting)  # type: ignore[union-attr]
        await seat.pilot.pause()
        page(seat).query_one(Listing).cursor = 3
        chosen = page(seat).query_one(Listing).selected
        await seat.press("enter")
        assert stage.state.check is not None and stage.state.check.sites == (chosen,)


async def test_all_of_it_by_mouse(stage: Stage, sit: Sit):
    async with sit(stage) as seat:
        await seat.press("l")
        await seat.click("#page-keys", "Check all/stop")
        assert stage.state.check is None
        await seat.click("Listing", "Minas", times=2)
        assert stage.state.check is not None and stage.state.check.sites == ("minas",)
        told(stage, "minas")
        await seat.pilot.pause()
        assert "loudspeaker is silent" in said(seat, "detail-text")


async def test_coming_back_shows_what_was_found_and_begins_nothing(stage: Stage, sit: Sit):
    async with sit(stage) as seat:
        await seat.press("l")
        told(stage, *stage.state.check.waiting)  # type: ignore[union-attr]
        await seat.press("escape", "l")
        assert stage.state.check is None
        assert rows(seat)["siak"][1] == "✗ Poor"


async def test_a_call_goes_first(stage: Stage, sit: Sit):
    async with sit(stage) as seat:
        await seat.press("l", "o")
        assert stage.state.phase == "open" and stage.state.check is None
        await seat.press("n")
        assert stage.state.floor is not None
        await seat.press("l")
        assert stage.state.check is None
        assert "has the floor" in said(seat, "page-notice")


async def test_in_an_open_meeting_nothing_begins_by_itself(stage: Stage, sit: Sit):
    stage.do(c.OpenMeeting())
    async with sit(stage) as seat:
        await seat.press("l")
        assert stage.state.check is None
        assert "not checked yet" in said(seat, "page-title")
        hall = stage.state.chair
        assert "heard now" in rows(seat)[hall][2]
        await seat.press("l")
        assert stage.state.check is not None and stage.state.check.gentle


async def test_an_observer_sees_it_and_begins_and_stops_nothing(stage: Stage, sit: Sit):
    async with sit(stage, role="observer") as seat:
        await seat.press("l")
        assert stage.state.check is None
        stage.do(c.CheckLines())
        told(stage, "minas")
        await seat.pilot.pause()
        assert rows(seat)["minas"][1] == "✗ Poor"
        await seat.press("l")
        assert stage.state.check is not None, "it goes on"
        await seat.press("enter")
        assert "only watches" in said(seat, "page-notice")


async def test_a_refusal_is_told_in_the_language_of_the_operator(stage: Stage, sit: Sit):
    use_language("id")
    stage.do(c.OpenMeeting())
    stage.do(c.CallNext())
    async with sit(stage) as seat:
        await seat.press("l", "l")
        assert "sambungan diuji sebelum rapat" in said(seat, "page-notice")
    use_language("en")


# -- looks ---------------------------------------------------------------------------------------

LANGUAGES = pytest.mark.parametrize("lang", ["en", "id"])
SIZES = pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=["80x24", "200x60"])


@LANGUAGES
@SIZES
@pytest.mark.parametrize("state", ["running", "done"])
def test_looks(snap_compare: Compare, lang: str, size: tuple[int, int], state: str) -> None:
    use_language(lang)
    stage = before_the_meeting()
    console = Console("stage", link=stage.link, clock=stage.clock)

    async def prepare(pilot: Pilot[None]) -> None:
        await pilot.pause()
        await pilot.press("l")
        stage.wait(12)
        check = stage.state.check
        assert check is not None
        told(stage, *(check.waiting if state == "done" else check.waiting[:6]))
        await pilot.pause()
        await pilot.press("down", "down")
        await pilot.pause()
        await pilot.pause()

    assert snap_compare(console, terminal_size=size, run_before=prepare)
