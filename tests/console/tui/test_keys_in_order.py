"""Keys that come in a burst do what they do when they come one by one."""

import pytest
from textual.events import Key, Paste
from textual.widgets import Input, Static, TextArea

from console.tui.forms import AttendanceForm
from console.tui.keys import KeysInOrder
from console.tui.report import ReportForm
from console.tui.stage import Stage
from protocol import commands as c
from tests.console.tui.seat import Seat, Sit

NAMED = {"/": "slash", "?": "question_mark", "\n": "enter", "\t": "tab", "\b": "backspace"}


@pytest.fixture
def speaking(open_stage: Stage) -> Stage:
    open_stage.do(c.CallNext())
    open_stage.wait(20)
    return open_stage


def burst(seat: Seat, *keys: str) -> None:
    """All of it at once: names of keys, and `typed` texts."""
    for key in keys:
        seat.console.post_message(Key(NAMED.get(key, key), key if len(key) == 1 else None))


async def test_text_right_after_the_key_of_its_form_is_written(speaking: Stage, sit: Sit) -> None:
    async with sit(speaking) as seat:
        burst(seat, "r", *"nomor embung")
        await seat.wait_until(lambda: isinstance(seat.console.focused, TextArea))
        await seat.wait_until(lambda: seat.console.focused.text == "nomor embung")
        await seat.pilot.pause()
        assert seat.sent == []


@pytest.mark.parametrize(("key", "text"), [("/", "tual"), ("b", "Mesin"), ("f", "mesin n")])
async def test_a_question_gets_what_is_typed(
    speaking: Stage, sit: Sit, key: str, text: str
) -> None:
    async with sit(speaking) as seat:
        burst(seat, key, *text)
        await seat.wait_until(lambda: isinstance(seat.console.focused, Input))
        await seat.wait_until(lambda: seat.console.focused.value == text)
        await seat.pilot.pause()
        assert seat.sent == []


async def test_a_paste_goes_where_the_key_before_it_leads(speaking: Stage, sit: Sit) -> None:
    async with sit(speaking) as seat:
        burst(seat, "r")
        seat.console.post_message(Paste("Embung terisi"))
        await seat.wait_until(lambda: isinstance(seat.console.focused, TextArea))
        await seat.wait_until(lambda: seat.console.focused.text == "Embung terisi")


async def test_a_form_is_filled_and_the_next_is_called(speaking: Stage, sit: Sit) -> None:
    async with sit(speaking) as seat:
        burst(seat, "f", *"pompq", "\b", *"a\n\n20/2", "ctrl+s", "n")
        await seat.wait_until(lambda: len(seat.sent) == 2)
        followed, called = seat.sent
        assert followed == c.AddFollowUp("pompa", "Camat Siak", "2019-02-20", "siak")
        assert called == c.CallNext()


@pytest.mark.parametrize(
    "keys",
    [
        ("L", "/", *"mute", "escape", "escape"),
        ("P", "escape"),
        ("?", "down", "escape"),
        ("ctrl+p", *"rep", "escape"),
        ("a", "escape"),
        ("A", "\n", "escape", "escape"),
        ("v", "escape", "l", "escape"),
        ("r", *"Aman", "\t", *"x", "escape"),
        ("b", "x", "escape", "/", "x", "escape"),
    ],
    ids="".join,
)
async def test_no_key_is_lost_or_held_on_the_way_back(
    speaking: Stage, sit: Sit, monkeypatch: pytest.MonkeyPatch, keys: tuple[str, ...]
) -> None:
    """Whatever is opened and left: the next key is an act on the floor, and nobody freed it."""
    monkeypatch.setattr(KeysInOrder, "free_keys", lambda self: None)
    async with sit(speaking) as seat:
        burst(seat, *keys, "e")
        await seat.wait_until(lambda: seat.sent)
        assert seat.sent == [c.EndTurn()]


async def test_no_key_is_held_for_a_widget_that_is_gone(speaking: Stage, sit: Sit) -> None:
    async with sit(speaking) as seat:
        seat.console._under_way, seat.console._followed = True, Static()
        burst(seat, "e")
        await seat.wait_until(lambda: seat.sent)
        assert seat.sent == [c.EndTurn()]


async def test_a_form_may_give_way_before_it_is_there(speaking: Stage, sit: Sit) -> None:
    """Two clicks come one after another, too."""
    async with sit(speaking) as seat:
        seat.console.action_act("attendance")
        seat.console.action_act("report")
        await seat.wait_until(lambda: seat.console.query(ReportForm))
        await seat.wait_until(lambda: not seat.console.query(AttendanceForm))
