"""The screens beside that of the meeting: what they show, what their keys do, what stays there."""

import io
from pathlib import Path

import pytest
from PIL import Image
from textual.widgets import Input, Static

from console.archive import open_follow_ups
from console.journal import Journal
from console.tui.acts import ACTS, SCREENS
from console.tui.app import PAGES
from console.tui.client import Told
from console.tui.floor import Floor, _people
from console.tui.glance import Glance
from console.tui.help import HelpScreen
from console.tui.listing import Listing
from console.tui.page import FloorLine, Page
from console.tui.screens.events import EventsPage
from console.tui.screens.follow_ups import FollowUpsPage
from console.tui.screens.mosaic import Mosaic, MosaicPage, grid_for
from console.tui.screens.prepare import DurationError, PreparePage, parse_duration
from console.tui.screens.preview import Paper, PreviewPage
from console.tui.screens.reports import ReportsPage
from console.tui.settings import Settings
from console.tui.stage import Stage
from console.tui.topbar import TopBar
from console.tui.views import FloorView
from protocol import commands as c
from protocol import messages as m
from protocol import queries as q
from protocol.words import use_language
from tests.console.tui.past import past_meetings
from tests.console.tui.seat import BEGIN, Seat, Sit

KEYS = {"meetings": "A", "reports": "R", "follow-ups": "T", "preview": "P", "events": "L"}


@pytest.fixture
def past(open_stage: Stage, tmp_path: Path):
    """The open meeting, with two earlier ones in the journal; Siak speaks."""
    open_stage.do(c.CallNext())
    open_stage.wait(2)
    open_stage.settle()
    open_stage.do(c.LogReport("siak", "Embung terisi #karhutla"))
    archive = past_meetings(tmp_path, open_stage)
    open_stage.archive = archive.look
    yield open_stage
    archive.close()


def page(seat: Seat) -> Page:
    screen = seat.console.screen
    assert isinstance(screen, Page), screen
    return screen


def listed(seat: Seat) -> list[str]:
    rows = page(seat).query_one(Listing).rows
    return [" | ".join(text for text, _style in row.cells) for row in rows]


def said(seat: Seat, what: str) -> str:
    return str(page(seat).query_one(f"#{what}", Static).render())


def drawn(seat: Seat, widget: type) -> str:
    return str(page(seat).query_one(widget).render())


# -- every page ----------------------------------------------------------------------------------


def test_every_page_has_its_act_and_every_act_its_page() -> None:
    shown = {act.id for act in ACTS if act.does == "page"}
    assert shown == set(PAGES)
    assert {act.id for act in ACTS if act.group == SCREENS and act.does == "page"} <= shown


@pytest.mark.parametrize("act", KEYS)
async def test_a_page_keeps_the_floor_and_the_alarms_in_sight(
    past: Stage, sit: Sit, act: str
) -> None:
    async with sit(past) as seat:
        await seat.press(KEYS[act])
        assert isinstance(page(seat), PAGES[act])  # type: ignore[arg-type]
        assert "Camat Siak" in drawn(seat, FloorLine) and "2:58" in drawn(seat, FloorLine)
        past.measure("minas", closed_packets=3)
        past.wait(6)
        past.publish()
        await seat.pilot.pause()
        assert "SOUND ARRIVES FROM A CLOSED SITE: Minas" in drawn(seat, TopBar)
        assert "2:52" in drawn(seat, FloorLine)
        await seat.press("escape")
        assert not isinstance(seat.console.screen, Page)


@pytest.mark.parametrize("act", KEYS)
async def test_acts_on_the_floor_work_and_the_page_stays(past: Stage, sit: Sit, act: str) -> None:
    async with sit(past) as seat:
        await seat.press(KEYS[act], "n")
        assert seat.sent == [c.CallNext()]
        assert isinstance(page(seat), PAGES[act])  # type: ignore[arg-type]
        assert "Camat Sungai Apit" in drawn(seat, FloorLine)
        await seat.press("f4")
        assert seat.sent[-1] == c.MuteAll()


async def test_an_act_on_a_site_that_is_not_in_sight_is_not_done(past: Stage, sit: Sit) -> None:
    async with sit(past) as seat:
        await seat.select("minas")
        await seat.press("T", "m", "p", "s", "h")
        assert seat.sent == []
        assert "Go back to the meeting first" in said(seat, "page-notice")


async def test_a_form_of_the_meeting_opens_there(past: Stage, sit: Sit) -> None:
    async with sit(past) as seat:
        await seat.press("T", "f")
        assert not isinstance(seat.console.screen, Page)
        await seat.type("Pasang antena")
        assert seat.console.screen.query_one("#field-text", Input).value == "Pasang antena"


async def test_the_same_key_goes_back_and_another_goes_on(past: Stage, sit: Sit) -> None:
    async with sit(past) as seat:
        await seat.press("A", "T")
        assert isinstance(page(seat), PAGES["follow-ups"])  # type: ignore[arg-type]
        assert len(seat.console.screen_stack) == 2
        await seat.press("T")
        assert not isinstance(seat.console.screen, Page)


async def test_without_the_server_a_page_says_so(past: Stage, sit: Sit) -> None:
    async with sit(past) as seat:
        seat.link.cut("no answer")
        await seat.press("R")
        assert "There is no connection to the server." in said(seat, "page-notice")
        assert "RECONNECTING" in drawn(seat, TopBar)


async def test_a_page_that_is_not_there_yet_is_not_drawn(past: Stage, sit: Sit) -> None:
    """Telemetry comes while a page is being made."""
    async with sit(past) as seat:
        early = MosaicPage(seat.console)
        early.redraw(("", ""))
        waiting = seat.console.push_screen(early)
        seat.console.on_redraw()
        await waiting
        await seat.wait_until(lambda: early.query_one(Mosaic).tiles)


# -- lists ---------------------------------------------------------------------------------------


async def test_meetings_newest_first_and_by_words(past: Stage, sit: Sit) -> None:
    async with sit(past, size=(120, 36)) as seat:
        await seat.press("A")
        assert [line.split(" | ")[2] for line in listed(seat)] == [
            "Rapat koordinasi camat se-Kabupaten Siak",
            "Rapat persiapan pemilu",
            "Rapat koordinasi camat se-Kabupaten Siak",
        ]
        await seat.press("slash")
        await seat.type("relawan")
        await seat.press("enter")
        assert [line.split(" | ")[0] for line in listed(seat)] == ["Mon 7 Jan 2019"]
        assert "1 meeting" in said(seat, "page-title")
        await seat.press("enter")
        await seat.wait_until(lambda: isinstance(seat.console.screen, PreviewPage))
        await seat.wait_until(lambda: page(seat).query_one(Paper).lines)
        assert "Rapat persiapan pemilu" in said(seat, "page-title")
        await seat.press("escape", "escape")
        assert not isinstance(seat.console.screen, Page)


async def test_reports_of_all_meetings_by_full_text(past: Stage, sit: Sit) -> None:
    async with sit(past, size=(120, 36)) as seat:
        await seat.press("R")
        assert len(listed(seat)) == 7
        await seat.press("slash")
        await seat.type("karhutla")
        await seat.press("enter")
        assert [line.split(" | ")[1] for line in listed(seat)] == ["Siak", "Kandis"]
        await seat.press("down")
        assert "Satu titik panas di Telaga Sam-Sam" in said(seat, "detail-text")


async def test_follow_ups_with_what_is_overdue_at_the_top(past: Stage, sit: Sit) -> None:
    async with sit(past, size=(120, 36)) as seat:
        await seat.press("T")
        states = [line.split(" | ")[1] for line in listed(seat)]
        assert states == [
            "! 53 days OVERDUE", "! 6 days OVERDUE", "due TODAY", "in 5 days", "",
        ]  # fmt: skip
        assert "5 follow-ups · 2 OVERDUE" in said(seat, "page-title")
        await seat.press("slash")
        await seat.type("sekda")
        await seat.press("enter")
        assert len(listed(seat)) == 1


async def test_a_follow_up_is_marked_in_the_list(past: Stage, sit: Sit, tmp_path: Path) -> None:
    journal = Journal.open_readonly(tmp_path / "journal.db")
    past.do(open_follow_ups(journal.query, tuple(past.state.sites), past.state.id))
    journal.close()
    async with sit(past, size=(120, 36)) as seat:
        await seat.press("T", "down", "space")
        assert seat.sent == [c.CloseFollowUp(past.state.carried[1].id)]
        await seat.wait_until(lambda: "Marked as done" in said(seat, "page-notice"))
        await seat.click("#page-keys", "Done/open again")
        assert seat.sent[1:] == [c.ReopenFollowUp(past.state.carried[1].id)]


async def test_a_follow_up_of_an_older_meeting_is_marked_whatever_is_held_now(
    past: Stage, sit: Sit
) -> None:
    async with sit(past, size=(120, 36)) as seat:
        await seat.press("T")
        ident = page(seat).query_one(Listing).selected
        await seat.press("space")
        assert seat.sent == [c.CloseFollowUp(ident, meeting="past-0")]
        await seat.click("#page-keys", "Done, and how")
        await seat.type("dipasang PU")
        await seat.press("enter")
        assert seat.sent[1:] == [c.CloseFollowUp(ident, "dipasang PU", "past-0")]
        assert isinstance(seat.console.focused, Listing)
        await seat.press("enter", *"x", "escape")
        assert len(seat.sent) == 2 and isinstance(page(seat), FollowUpsPage)


async def test_what_is_done_says_when(past: Stage, sit: Sit) -> None:
    line = q.FollowUpLine(
        "f", "m", "Rapat", "Siak", BEGIN, "Antena", "PU", "2019-01-01", BEGIN, how="dipasang PU"
    )
    past.archive = lambda query: q.FollowUpList((line,))
    async with sit(past, size=(120, 36)) as seat:
        await seat.press("T")
        assert "1 follow-up, 1 done" in said(seat, "page-title")
        assert "OVERDUE" not in said(seat, "page-title")
        (row,) = page(seat).query_one(Listing).rows
        assert [text for text, _style in row.cells][1] == "✓ done 6 Feb 2019"
        assert "dipasang PU" in said(seat, "detail-text")


async def test_the_answer_to_the_last_question_counts(past: Stage, sit: Sit) -> None:
    async with sit(past) as seat:
        await seat.press("R")
        asked: list[Told] = []
        seat.console.ask = lambda body, then: asked.append(then)  # type: ignore[method-assign]
        reports = page(seat)
        assert isinstance(reports, ReportsPage)
        reports.look()
        reports.look()
        line = q.ReportLine("r", "m", "Rapat", "siak", "Siak", 1, "Baru")
        asked[1](q.ReportList((line,)), "")
        asked[0](q.ReportList(()), "")
        assert len(listed(seat)) == 1


# -- event log -----------------------------------------------------------------------------------


async def test_the_event_log_keeps_up_with_the_meeting(past: Stage, sit: Sit) -> None:
    async with sit(past, size=(120, 36)) as seat:
        await seat.press("L")
        assert len(listed(seat)) == len(past.journal)
        past.do(c.RaiseHand("minas"), actor="site:minas")
        await seat.wait_until(lambda: len(listed(seat)) == len(past.journal))
        last = listed(seat)[-1]
        assert "Minas raised a hand" in last and last.endswith("Minas")
        assert page(seat).query_one(Listing).is_at_end
        await seat.press("slash")
        await seat.type("hand minas")
        await seat.press("enter")
        assert len(listed(seat)) == 1
        past.do(c.LowerHand("minas"), actor="site:minas")
        await seat.wait_until(lambda: len(listed(seat)) == 2)


async def test_a_long_log_is_read_in_parts(past: Stage, sit: Sit) -> None:
    for number in range(700):
        past.do(c.DraftReport("siak", f"{number}"))
    async with sit(past) as seat:
        await seat.press("L")
        await seat.wait_until(lambda: len(listed(seat)) == len(past.journal))
        assert isinstance(page(seat), EventsPage)


# -- links ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 200])
async def test_what_a_site_loses_of_each_slot(open_stage: Stage, sit: Sit, width: int) -> None:
    open_stage.measure("siak", slot_loss={"main": 11.2, "chair": 0.0, "floor": 4.0})
    async with sit(open_stage, size=(width, 24)) as seat:
        await seat.press("I", "down")
        assert said(seat, "slot-loss") == " Siak  loses  Floor 4 %  Chair 0 %  Picture 11 %"
        shown = [column.title for _n, column, _w in page(seat).query_one(Listing).widths(width)]
        assert [("Picture↓" in shown), ("Loss↓" in shown)] == [width == 200, True]
        assert listed(seat)[1].endswith("4 % | 0 % |  |  | 11 % | ")
        every = dict.fromkeys((*m.AUDIO_SLOTS, *m.VIDEO_SLOTS), 12.0)
        open_stage.measure("siak", slot_loss=every)
        open_stage.publish("siak")
        await seat.wait_until(lambda: "Picture 2 12 %" in said(seat, "slot-loss"))
        assert len(said(seat, "slot-loss")) <= width, "the name gives way"
        open_stage.measure("siak", slot_loss={})
        open_stage.publish("siak")
        await seat.wait_until(lambda: said(seat, "slot-loss") == " Siak  loses  –")
        await seat.press("end")
        assert said(seat, "slot-loss").strip() == "", "the server"


# -- minutes -------------------------------------------------------------------------------------


async def test_the_minutes_as_they_stand(past: Stage, sit: Sit) -> None:
    def text(seat: Seat) -> str:
        lines = page(seat).query_one(Paper).lines
        return "\n".join("".join(segment.text for segment in line) for line in lines)

    async with sit(past, size=(120, 36)) as seat:
        await seat.press("P")
        await seat.wait_until(lambda: "Embung terisi" in text(seat))
        assert "NOTULA" in text(seat)
        past.do(c.LogReport("minas", "Jalan terbuka"))
        assert "Jalan terbuka" not in text(seat)
        await seat.press("r")
        await seat.wait_until(lambda: "Jalan terbuka" in text(seat))


async def test_minutes_that_can_not_be_made_say_why(past: Stage, sit: Sit) -> None:
    def broken(recorded: object, last_hash: str) -> str:
        raise OSError("a template is missing")

    async with sit(past) as seat:
        seat.console.push_screen(PreviewPage(seat.console, "", broken))
        await seat.wait_until(lambda: seat.console.screen.query("#page-notice"))
        await seat.wait_until(lambda: "a template is missing" in said(seat, "page-notice"))


# -- preparing -----------------------------------------------------------------------------------


async def test_a_meeting_is_prepared(stage: Stage, sit: Sit) -> None:
    async with sit(stage) as seat:
        await seat.press("G", "end", "ctrl+u")
        await seat.type("Rapat Sekda")
        await seat.press(*["tab"] * 4, "ctrl+u", "ctrl+k", *"60", "tab", "end", "ctrl+u", *"2:30")
        await seat.press("tab", *"Tol", "enter", *"Pemilu", "ctrl+s")
        (command,) = seat.sent
        assert isinstance(command, c.PrepareMeeting)
        plan = stage.state.plan
        assert (plan.title, plan.budget_s, plan.allowance_s) == ("Rapat Sekda", 3600, 150)
        assert plan.agenda == ("Tol", "Pemilu") and plan.topics == stage.plan.topics
        assert not isinstance(seat.console.screen, Page)


async def test_what_is_typed_in_the_plan_is_kept_and_comes_back(stage: Stage, sit: Sit) -> None:
    async with sit(stage, draft_after_s=0.01) as seat:
        await seat.press("G", "end", "ctrl+u", *"Rapat Sekda")
        await seat.wait_until(lambda: stage.state.drafts.get("prepare") == {"title": "Rapat Sekda"})
        await seat.press("tab", "f1")
        assert isinstance(seat.console.screen, HelpScreen)
        await seat.press("escape", "escape")
        assert not isinstance(seat.console.screen, Page) and seat.sent == []
    async with sit(stage) as seat:
        await seat.press("G")
        assert seat.console.screen.query_one("#field-title", Input).value == "Rapat Sekda"
        await seat.press(*["tab"] * 6, *"Tol", "ctrl+s")
        plan = stage.state.plan
        assert (plan.title, plan.agenda[-1]) == ("Rapat Sekda", "Tol")
        await seat.wait_until(lambda: "prepare" not in stage.state.drafts)
        await seat.press("G", "ctrl+u", "ctrl+k", *"Batal", "f8")
        assert stage.state.drafts["prepare"] == {"title": "Batal"}, "also by another key"


async def test_an_open_meeting_is_not_prepared(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        await seat.press("G")
        assert not isinstance(seat.console.screen, PreparePage)
        assert "not open yet" in seat.notice


@pytest.mark.parametrize(
    ("text", "seconds"), [("3", 180), ("2:30", 150), ("1:15:00", 4500), (" 90 ", 5400)]
)
def test_durations_as_people_type_them(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "-3", "3m", "1:60", "1:2:3:4", "0:00", "٣"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(DurationError):
        parse_duration(text)


# -- new meetings --------------------------------------------------------------------------------


async def test_a_new_meeting_like_the_last(open_stage: Stage, sit: Sit) -> None:
    open_stage.do(c.CloseMeeting())
    async with sit(open_stage) as seat:
        await seat.press("C")
        assert seat.sent == [c.ConveneMeeting(like="latest")]
        assert open_stage.state.phase == "planned" and open_stage.state.prepared


async def test_a_new_meeting_like_one_of_the_list(past: Stage, sit: Sit) -> None:
    past.do(c.CloseMeeting())
    async with sit(past) as seat:
        await seat.press("A", "down", "C")
        assert seat.sent == [c.ConveneMeeting(like="past-1")]
        assert not isinstance(seat.console.screen, Page)


async def test_a_prepared_meeting_is_not_replaced_by_one_key(stage: Stage, sit: Sit) -> None:
    stage.do(c.ConveneMeeting(like="latest"))
    async with sit(stage) as seat:
        await seat.press("N")
        assert seat.sent == [] and "would be replaced" in seat.notice
        await seat.press("N")
        assert seat.sent == [c.ConveneMeeting()]


# -- settings, watching --------------------------------------------------------------------------


async def test_settings_are_used_and_kept_at_once(stage: Stage, sit: Sit) -> None:
    kept: list[Settings] = []
    async with sit(stage, keep=kept.append) as seat:
        await seat.press("S", "right", "right", "right")
        assert seat.console.theme == "giliran-contrast"
        await seat.press("down", "right")
        assert "PENGATURAN" in said(seat, "page-title")
        await seat.press("down", "left")
        assert seat.console.plain
        assert kept[-1] == Settings("contrast", "id", "ascii")
    use_language("en")


async def test_settings_that_can_not_be_kept_are_said(stage: Stage, sit: Sit) -> None:
    def full(settings: Settings) -> None:
        raise OSError("No space left on device")

    async with sit(stage, keep=full) as seat:
        await seat.press("S", "right")
        assert seat.console.theme == "giliran-dark"
        assert "No space left" in said(seat, "page-notice")


async def test_who_only_watches_looks_at_everything_and_changes_nothing(
    past: Stage, sit: Sit
) -> None:
    async with sit(past, role="observer") as seat:
        assert "WATCHING" in str(seat.console.screen.query_one(TopBar).render())
        for key in ("n", "r", "a", "G", "N", "C", "b", "c", "c"):
            await seat.press(key)
            assert seat.notice == "This console only watches.", key
        assert seat.sent == [] and seat.console._desk().form is None
        for key in KEYS.values():
            await seat.press(key)
            assert isinstance(seat.console.screen, Page)


# -- mosaic --------------------------------------------------------------------------------------


def camera(shade: int) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (160, 90), (shade, 90, 200 - shade)).save(made, "JPEG", quality=90)
    return made.getvalue()


async def test_all_sites_in_pictures_and_the_acts_on_them(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        assert m.Watch("next") in seat.link.sent
        await seat.press("v")
        assert seat.link.sent[-1] == m.Watch("all")
        mosaic = page(seat).query_one(Mosaic)
        assert [tile.row.site for tile in mosaic.tiles] == list(seat.console.replica.sites)
        open_stage.picture("minas", camera(40))
        open_stage.picture("padang", camera(40))
        await seat.wait_until(lambda: mosaic.tiles[3].jpeg)
        assert [bool(tile.jpeg) for tile in mosaic.tiles] == [False] * 3 + [True] + [False] * 2
        await seat.press("home", "right", "right", "right")
        assert seat.roster.selected == "minas" and "Camat Minas" in said(seat, "page-notice")
        await seat.press("enter")
        assert seat.sent == [c.GrantFloor("minas")] and isinstance(page(seat), MosaicPage)
        await seat.press("m")
        assert seat.sent[-1] == c.Mute("minas")
        open_stage.wait(20)
        seat.console._tick()
        await seat.wait_until(lambda: not mosaic.tiles[3].jpeg)
        await seat.press("escape")
        await seat.wait_until(lambda: seat.link.sent[-1] == m.Watch("next"))


async def test_who_wants_no_pictures_gets_none(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage, settings=Settings(previews=False)) as seat:
        await seat.press("v")
        watched = [one.previews for one in seat.link.sent if isinstance(one, m.Watch)]
        assert set(watched) == {"none"}


async def test_the_next_speaker_is_seen_and_heard_to_be_there(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage, size=(200, 60)) as seat:
        assert seat.console.replica.floor(open_stage.now).next_level == 127
        open_stage.measure("siak", level=20)
        open_stage.publish()
        open_stage.picture("siak", camera(200))
        glance = seat.console.screen_stack[0].query_one(Glance)
        await seat.wait_until(lambda: "Siak" in str(glance.render_line(0).text))
        await seat.wait_until(lambda: "▀" in glance.render_line(3).text)
        floor = str(seat.console.screen_stack[0].query_one(Floor).render())
        assert any("Siak" in line and "█" in line for line in floor.splitlines())


@pytest.mark.parametrize(
    ("name", "cells"),
    [("Dayun", 5), ("Sungai Mandau", 5), ("Kerinci Kanan A", 3), ("Kerinci Kanan AB", 2)],
)
def test_that_the_next_one_is_ready_is_never_cut_off(name: str, cells: int) -> None:
    view = FloorView("open", next_up=name, next_ready=True, next_level=0)
    line = str(next(_people(view, 26, 17, ())))
    assert f"{name} ✓ " in line and line.count("█") == cells and len(line) == 26


@pytest.mark.parametrize(
    ("count", "size"),
    [(15, (80, 19)), (15, (200, 55)), (50, (200, 55)), (1, (80, 19)), (0, (9, 3))],
)
def test_tiles_are_as_large_as_all_of_them_fit(count: int, size: tuple[int, int]) -> None:
    grid = grid_for(count, *size)
    rows = -(-count // grid.columns)
    assert grid.columns * grid.width <= size[0]
    assert rows * grid.height <= size[1] or count == 0
