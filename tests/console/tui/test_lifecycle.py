"""The minutes from draft to approved, in the console: state shown, forms, what is wrong in them."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from textual.widgets import Input, Static

from console.tui.screens.preview import PreviewPage
from console.tui.stage import Stage
from protocol import commands as c
from tests.console.tui.seat import Seat, Sit

Read = Callable[[], AbstractAsyncContextManager[Seat]]


@pytest.fixture
def closed(open_stage: Stage) -> Stage:
    open_stage.do(c.CallNext())
    open_stage.do(c.LogReport("siak", "Embung terisi. Regu siaga."))
    open_stage.do(c.AddNote("Embung diperiksa.", "decision"))
    open_stage.do(c.CloseMeeting())
    return open_stage


@pytest.fixture
def read(closed: Stage, sit: Sit) -> Read:
    """The minutes are on the screen."""

    @asynccontextmanager
    async def _read() -> AsyncIterator[Seat]:
        async with sit(closed, size=(120, 36)) as seat:
            await seat.press("P")
            await seat.wait_until(lambda: title(seat).startswith("MINUTES · "))
            yield seat

    return _read


def title(seat: Seat) -> str:
    page = seat.console.screen
    assert isinstance(page, PreviewPage)
    return str(page.query_one("#page-title", Static).render()).strip()


def field(seat: Seat, name: str) -> Input:
    return seat.console.screen.query_one(f"#field-{name}", Input)


def told(seat: Seat, name: str) -> str:
    return str(seat.console.screen.query_one(f"#message-{name}").render())


async def test_from_draft_to_an_erratum_by_keys(read: Read, closed: Stage) -> None:
    async with read() as seat:
        assert title(seat).startswith("MINUTES · DRAFT · Rapat")
        await seat.press("U", *"Notulis", "enter")
        assert seat.sent[-1] == c.SubmitMinutes(closed.state.id, "Notulis")
        await seat.wait_until(lambda: "SUBMITTED 6 Feb 2019" in title(seat))
        await seat.press("B", *"Nama salah", "enter", "enter")
        await seat.wait_until(lambda: "RETURNED" in title(seat) and "Nama salah" in title(seat))
        await seat.press("U", "enter")
        await seat.wait_until(lambda: "SUBMITTED" in title(seat))
        await seat.press("Y", "enter")
        await seat.wait_until(lambda: "APPROVED" in title(seat))
        await seat.press("E", *"Regu siaga", "enter", *"Regu berjaga", "enter", *"Salah ketik")
        await seat.press("enter", "enter", *"Notulis", "enter")
        assert seat.sent[-1] == c.CorrectMinutes(
            "Regu siaga", "Regu berjaga", "Salah ketik", "B.1", closed.state.id, "Notulis"
        )
        await seat.wait_until(lambda: "1 erratum" in title(seat))
        assert closed.state.minutes.status == "approved"


async def test_by_mouse(read: Read, closed: Stage) -> None:
    async with read() as seat:
        for button, status in (("Submit", "SUBMITTED"), ("Approve", "APPROVED")):
            await seat.click("#page-keys", button)
            await seat.wait_until(lambda: seat.console.screen.query(".form-heading"))
            await seat.click(".form-heading", "Save")
            await seat.wait_until(lambda s=status: s in title(seat))
        await seat.click("#page-keys", "Erratum")
        assert field(seat, "was").has_focus


@pytest.mark.parametrize(
    ("fields", "name", "message"),
    [
        ({"was": "Embung", "text": "x", "reason": "x"}, "part", "say which: B.1, C.1"),
        ({"was": "Regu", "text": "x", "reason": "x", "part": "C.1"}, "part", "stand in B.1"),
    ],
)
async def test_words_of_several_parts_need_to_be_placed(
    read: Read, closed: Stage, fields: dict[str, str], name: str, message: str
) -> None:
    closed.do(c.SubmitMinutes())
    closed.do(c.ApproveMinutes())
    async with read() as seat:
        await seat.press("E")
        for one, value in fields.items():
            field(seat, one).value = value
        await seat.press("ctrl+s")
        assert message in told(seat, name)
        assert seat.sent == []
        assert field(seat, name).has_focus


async def test_what_is_refused_is_said_and_kept(read: Read, closed: Stage) -> None:
    async with read() as seat:
        await seat.press("Y", *"Bupati", "enter")
        notice = seat.console.screen.query_one("#page-notice", Static)
        await seat.wait_until(lambda: "not submitted yet" in str(notice.render()))
        await seat.press("Y")
        assert field(seat, "by").value == "Bupati"
        await seat.press("escape")
        assert isinstance(seat.console.screen, PreviewPage), "only the form is left"
        assert not seat.console.screen.query(".form")


async def test_from_the_meetings_screen_the_minutes_are_shown_first(
    closed: Stage, sit: Sit
) -> None:
    async with sit(closed, size=(120, 36)) as seat:
        await seat.press("U")
        await seat.wait_until(lambda: seat.console.screen.query("#field-by"))
        assert isinstance(seat.console.screen, PreviewPage)
        await seat.press("enter")
        await seat.wait_until(lambda: closed.state.minutes.status == "submitted")
