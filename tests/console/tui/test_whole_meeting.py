"""A whole meeting from the keyboard alone: every act is done, and the record tells of it all."""

from pathlib import Path

import pytest

from console.tui.stage import Stage
from protocol import commands as c
from tests.console.tui.seat import Seat, Sit


async def test_a_whole_meeting_by_keyboard(stage: Stage, sit: Sit, tmp_path: Path) -> None:
    async with sit(stage, size=(120, 36), export=lambda meeting: [tmp_path / "n.pdf"]) as seat:
        await before(seat)
        await during(seat)
        await after(seat)


async def before(seat: Seat) -> None:
    await seat.press("b")
    await seat.type("Uji sambungan")
    await seat.press("enter")
    await seat.press("slash")
    await seat.type("tual")
    await seat.press("enter", "a", "r")
    await seat.type("Sekcam")
    await seat.press("enter")
    await seat.press("t", "ctrl+a", "ctrl+k")
    await seat.type("30")
    await seat.press("enter", "enter")
    await seat.press("o")
    state = seat.stage.state
    assert (state.phase, state.banner, state.budget_s) == ("open", "Uji sambungan", 1800)
    assert state.sites["tualang"].attendance_note == "Sekcam"


async def during(seat: Seat) -> None:
    stage = seat.stage
    await seat.press("n")
    stage.settle()
    stage.wait(40)
    await seat.press("r")
    await seat.type("Embung terisi #karhutla")
    await seat.press("ctrl+s")
    await seat.press("f")
    await seat.type("Pasang antena")
    await seat.press("enter", "enter")
    await seat.type("+14h")
    await seat.press("enter")
    await seat.press("d", "right", "enter")
    await seat.type("Siagakan regu")
    await seat.press("ctrl+s")
    stage.wait(20)
    await seat.press("n")
    stage.wait(3)
    await seat.press("u")
    assert stage.state.holder == "siak"
    await seat.press("plus", "m", "m", "M", "n")
    stage.wait(2)
    stage.settle()
    await seat.press("e")
    assert [t.site for t in stage.state.turns] == ["siak", "sungai-apit"]
    await seat.select("minas")
    await seat.press("p", "p", "h", "h", "V", "g", "right_square_bracket", "left_square_bracket")
    await seat.press("s", "enter")
    assert stage.state.holder == "minas"
    stage.wait(30)


async def after(seat: Seat) -> None:
    stage = seat.stage
    await seat.press("c")
    assert "No report written for" in seat.notice
    await seat.press("c")
    state = stage.state
    assert state.phase == "closed"
    assert [r.text for r in state.reports] == ["Embung terisi #karhutla"]
    assert [(f.text, f.owner, f.due) for f in state.follow_ups] == [
        ("Pasang antena", "Camat Siak", "2019-02-20")
    ]
    assert [(n.kind, n.text) for n in state.notes] == [("direction", "Siagakan regu")]
    await seat.press("x")
    await seat.wait_until(lambda: "n.pdf" in seat.notice)
    wanted = {
        c.SetBanner, c.MarkAttendance, c.SetBudget, c.OpenMeeting, c.CallNext, c.SaveCard,
        c.AddFollowUp, c.AddNote, c.UndoHandover, c.ExtendTurn, c.Mute, c.MuteAll, c.EndTurn,
        c.Promote, c.Demote, c.RaiseHand, c.LowerHand, c.SetVoice, c.SetMedia, c.MoveInQueue,
        c.Skip, c.GrantFloor, c.CloseMeeting,
    }  # fmt: skip
    assert wanted - {type(one) for one in seat.sent} == set()


FIELDS = [
    (("f", "ctrl+s"), "message-text", "write what is to be done"),
    (("f", "x", "enter", "enter", *"31/2", "ctrl+s"), "message-due", "not a date"),
    (("d", "enter", "ctrl+s"), "message-text", "nothing is written yet"),
    (("d", "enter", "space", "ctrl+s"), "message-text", "nothing is written yet"),
    (("r", "ctrl+s"), "tags", "nothing is written yet"),
    (("t", "ctrl+a", "ctrl+k", *"abc", "ctrl+s"), "message-minutes", "minutes from 1"),
    (("a", "r", "enter"), "message-note", "deputy's name"),
    (("slash", *"zz"), "message-answer", "no site begins like this"),
]


@pytest.mark.parametrize(("keys", "where", "told"), FIELDS, ids=[f[1] for f in FIELDS])
async def test_what_is_wrong_is_told_beside_the_field(
    open_stage: Stage, sit: Sit, keys: tuple[str, ...], where: str, told: str
) -> None:
    open_stage.do(c.CallNext())
    async with sit(open_stage) as seat:
        await seat.press(*keys)
        assert told in str(seat.console.query_one(f"#{where}").render())
        assert seat.sent == []
        assert seat.console.focused is not None and seat.console.focused.id.startswith("field-")
