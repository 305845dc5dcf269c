"""A whole meeting, once by keys alone and once by clicks alone: every act of the table is done, and
the record tells of it all. Clicks type no texts: those come from the keyboard in both."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from textual.command import CommandPalette
from textual.widgets import Static

from console.archive import open_follow_ups
from console.journal import Journal
from console.tui.acts import ACTS, BY_ID
from console.tui.app import PAGES
from console.tui.clickable import key_shown
from console.tui.help import HelpScreen
from console.tui.keybar import KeyBar
from console.tui.page import Page
from console.tui.settings import Settings
from console.tui.stage import Stage
from console.tui.tasks import Tasks
from protocol import commands as c
from protocol.words import word
from tests.console.tui.past import past_meetings
from tests.console.tui.seat import Seat, Sit, text_at

Do = Callable[[str], Awaitable[None]]
WANTED = {
    c.SetBanner, c.MarkAttendance, c.SetBudget, c.OpenMeeting, c.CallNext, c.SaveCard,
    c.AddFollowUp, c.AddNote, c.UndoHandover, c.ExtendTurn, c.Mute, c.MuteAll, c.EndTurn,
    c.Promote, c.Demote, c.RaiseHand, c.LowerHand, c.SetVoice, c.SetMedia, c.MoveInQueue,
    c.Skip, c.GrantFloor, c.CloseMeeting, c.CloseFollowUp, c.StartRecording, c.PauseRecording,
    c.StopRecording, c.PrepareMeeting, c.SubmitMinutes, c.ReturnMinutes, c.ApproveMinutes,
    c.CorrectMinutes, c.ConveneMeeting, c.CheckLines,
}  # fmt: skip


@pytest.fixture
def carrying(stage: Stage, tmp_path: Path) -> Iterator[Stage]:
    """Two earlier meetings left something to be done; this one is not open yet."""
    archive = past_meetings(tmp_path, stage)
    stage.archive = archive.look
    journal = Journal.open_readonly(tmp_path / "journal.db")
    stage.do(open_follow_ups(journal.query, tuple(stage.state.sites), stage.state.id))
    journal.close()
    yield stage
    archive.close()


def watch_acts(seat: Seat, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The acts that are done from here on."""
    done: set[str] = set()
    act = seat.console.action_act

    def spied(act_id: str) -> None:
        done.add(act_id)
        act(act_id)

    monkeypatch.setattr(seat.console, "action_act", spied)
    return done


async def by_key(seat: Seat, act: str) -> None:
    """Its first key, or one that works while typing."""
    typing = seat.console.focused is not None and (seat.console.focused.id or "").startswith(
        "field-"
    )
    keys = BY_ID[act].keys
    await seat.press(next((k for k in keys if not typing or len(k) > 1), keys[0]))


async def by_click(seat: Seat, act: str) -> None:
    """Its button in the key bar, or its line of the help."""
    title = word(BY_ID[act].short or BY_ID[act].title)
    if act == "help":
        await seat.click("#keys", title)
        return
    if isinstance(seat.console.screen, Page):
        # A page has keys of its own; the rest is where one came from.
        await seat.click("#page-keys", "Back")
    bar = seat.console.screen.query_one(KeyBar)
    typing = bar.shown[1]
    key = key_shown(BY_ID[act], typing)
    button = f" {key} {title}" if key else title
    if button in "".join(s.text for y in range(bar.size.height) for s in bar.render_line(y)):
        await seat.click("#keys", button)
        return
    await seat.click("#keys", "Help")
    help_text = seat.console.screen.query_one("#help-text", Static)
    _x, y = text_at(help_text, f"{word(BY_ID[act].title)}  ")
    seat.console.screen.query_one("#help").scroll_to(y=y, animate=False)
    await seat.pilot.pause()
    await seat.pilot.click(help_text, offset=(3, y))
    await seat.pilot.pause()
    await seat.wait_until(lambda: not isinstance(seat.console.screen, HelpScreen))
    await seat.pilot.pause()


@pytest.mark.parametrize("way", [by_key, by_click], ids=["keys", "clicks"])
async def test_a_whole_meeting(
    carrying: Stage,
    sit: Sit,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: Callable[[Seat, str], Awaitable[None]],
) -> None:
    kept: list[Settings] = []
    files = lambda meeting: [tmp_path / "n.pdf"]  # noqa: E731
    async with sit(carrying, size=(80, 24), export=files, keep=kept.append) as seat:
        done = watch_acts(seat, monkeypatch)

        async def do(act: str) -> None:
            await way(seat, act)

        await before(seat, do)
        await calling(seat, do)
        await recording(seat, do)
        await sites(seat, do)
        await pages(seat, do, way is by_click)
        await after(seat, do)
        await minutes(seat, do, way is by_click)
        assert {t.__name__ for t in WANTED - {type(one) for one in seat.sent}} == set()
        await do("detach")
        await seat.wait_until(lambda: not seat.console.is_running)
    assert {act.id for act in ACTS} - done == set()


async def before(seat: Seat, do: Do) -> None:
    await do("prepare")
    await seat.press("tab", "tab", *"005/7")
    if isinstance(seat.console.screen, Page):
        seat.console.screen.query_one("#field-title").focus()
        await seat.press("ctrl+s")
    await seat.wait_until(lambda: not isinstance(seat.console.screen, Page))
    await do("banner")
    await seat.paste("Uji sambungan")
    await seat.press("enter")
    await do("find")
    await seat.paste("tual")
    await seat.press("enter")
    await do("attendance")
    await seat.press("r")
    await seat.paste("Sekcam")
    await do("save")
    await do("time")
    await seat.press("ctrl+a", "ctrl+k")
    await seat.paste("30")
    await do("save")
    await do("line-check")
    await seat.wait_until(lambda: seat.stage.state.check)
    await seat.press("escape")
    await seat.wait_until(lambda: not isinstance(seat.console.screen, Page))
    await do("open")
    state = seat.stage.state
    assert state.check is None, "the meeting goes first"
    assert (state.phase, state.banner, state.budget_s) == ("open", "Uji sambungan", 1800)
    assert state.sites["tualang"].attendance_note == "Sekcam"
    assert state.plan.number == "005/7"


async def calling(seat: Seat, do: Do) -> None:
    stage = seat.stage
    await do("call-next")
    stage.settle()
    stage.wait(40)
    await do("report")
    await seat.paste("Embung terisi #karhutla")
    for text in ("Siagakan regu", "Posko dibuka", "Pasang antena"):
        await seat.press("tab")
        await seat.paste(text)
    await seat.press("tab", "tab", *"+14h")
    await do("save")
    await do("follow-up")
    await seat.paste("Evaluasi internet")
    await seat.press("enter", "enter", *"20/2")
    await do("leave")
    await do("follow-up")
    await do("save")
    await do("note")
    await seat.press("right", "right", "enter")
    await seat.paste("Rapat lancar")
    await do("save")
    stage.wait(20)
    await do("call-next")
    stage.wait(3)
    await do("undo")
    assert stage.state.holder == "siak"
    await do("extend")
    await do("mute")
    await do("mute")
    await do("mute-all")
    await do("call-next")
    stage.wait(2)
    stage.settle()
    await do("end-turn")
    assert [t.site for t in stage.state.turns] == ["siak", "sungai-apit"]
    await seat.select("minas")
    await do("grant-floor")
    await do("report")
    assert [one.text for one in seat.console.query_one(Tasks).tasks] == [
        "Mediasi ganti rugi lahan tol"
    ]
    await seat.click("#tasks", "Mediasi")
    await seat.paste("Lahan siap")
    await do("save")
    await seat.wait_until(lambda: seat.stage.state.has_reported("minas"))


async def recording(seat: Seat, do: Do) -> None:
    await do("record")
    await do("record")
    assert seat.stage.state.recording == "paused"
    await do("stop-recording")
    assert seat.stage.state.recording == "off"


async def sites(seat: Seat, do: Do) -> None:
    await seat.select("tualang")
    for act in ("panel", "panel", "hand", "hand", "voice", "media", "later", "earlier", "skip"):
        await do(act)
    assert "tualang" not in seat.stage.state.queue


async def pages(seat: Seat, do: Do, clicking: bool) -> None:
    """Every page is reached, and left again; the palette finds an act."""
    for act in PAGES:
        if act == "prepare":
            continue
        await do(act)
        await seat.wait_until(lambda: isinstance(seat.console.screen, Page))
        assert type(seat.console.screen) is PAGES[act]
        if clicking:
            await seat.click("#page-keys", "Back")
        else:
            await seat.press("escape")
        await seat.wait_until(lambda: not isinstance(seat.console.screen, Page))
    if not clicking:
        await do("help")
        assert isinstance(seat.console.screen, HelpScreen)
        await seat.press("escape")
    await do("palette")
    await seat.wait_until(lambda: isinstance(seat.console.screen, CommandPalette))
    await seat.paste("Point of nothing")
    await seat.press("escape")
    await seat.wait_until(lambda: not isinstance(seat.console.screen, CommandPalette))


async def after(seat: Seat, do: Do) -> None:
    stage = seat.stage
    stage.wait(30)
    await do("close")
    assert "No report written for: Sungai Apit" in seat.notice
    await do("close")
    state = stage.state
    assert state.phase == "closed"
    assert [r.text for r in state.reports] == ["Embung terisi #karhutla", "Lahan siap"]
    assert [(f.text, f.owner, f.due) for f in state.follow_ups] == [
        ("Pasang antena", "Camat Siak", "2019-02-20"),
        ("Evaluasi internet", "Camat Siak", "2019-02-20"),
    ]
    assert [(n.kind, n.text) for n in state.notes] == [
        ("direction", "Siagakan regu"), ("decision", "Posko dibuka"), ("note", "Rapat lancar"),
    ]  # fmt: skip
    assert [one.closed_at is not None for one in state.carried] == [False, True, False]
    assert state.drafts == {}
    await do("export")
    await seat.wait_until(lambda: "n.pdf" in seat.notice)


async def minutes(seat: Seat, do: Do, clicking: bool) -> None:
    """Submitted, returned, submitted, approved, corrected; then the next meeting."""

    async def step(act: str, *typed: str) -> None:
        await do(act)
        await seat.wait_until(lambda: seat.console.screen.query(".form"))
        for text in typed:
            await seat.paste(text)
            await seat.press("enter")
        if clicking:
            await seat.click(".form-heading", "Save")
        else:
            await seat.press("ctrl+s")
        await seat.wait_until(lambda: not seat.console.screen.query(".form"))
        await seat.pilot.pause()

    record = lambda: seat.stage.state.minutes  # noqa: E731
    await step("submit-minutes")
    await seat.wait_until(lambda: record().status == "submitted")
    await step("return-minutes", "Nama salah")
    await seat.wait_until(lambda: record().status == "returned")
    await step("submit-minutes")
    await step("approve-minutes")
    await seat.wait_until(lambda: record().status == "approved")
    await step("correct-minutes", "Lahan siap", "Lahan belum siap", "Salah dengar")
    await seat.wait_until(lambda: record().corrections)
    assert record().corrections[0].part.startswith("B.")
    if clicking:
        await seat.click("#page-keys", "Back")
    else:
        await seat.press("escape")
    await do("copy-meeting")
    await seat.wait_until(lambda: seat.stage.state.phase == "planned")
    # A meeting that was prepared is not replaced by one key.
    await do("convene")
    await do("convene")
    await seat.wait_until(lambda: not seat.stage.state.prepared)
