"""The report card: all of it together, saved as it is typed."""

from pathlib import Path

import pytest

from console.tui.report import CardText
from console.tui.stage import Stage
from console.tui.tasks import Tasks
from protocol import commands as c
from protocol import events as e
from tests.console.tui.past import past_meetings
from tests.console.tui.seat import Seat, Sit

DAY_MS = 86_400_000


@pytest.fixture
def turn_stage(open_stage: Stage) -> Stage:
    """Siak speaks; an earlier meeting left something to be done there and something at Minas."""
    left = [
        e.CarriedFollowUp(ident, text, owner, "2018-12-15", site, "m0", "Rapat", open_stage.now)
        for ident, text, owner, site in (
            ("f0", "Pasang antena", "Diskominfo", "siak"),
            ("f1", "Mediasi lahan", "Camat Minas", "minas"),
            ("f2", "Latih regu", "camat siak", None),
        )
    ]
    open_stage.do(c.CarryFollowUps(tuple(left)))
    open_stage.do(c.CallNext())
    return open_stage


def texts(seat: Seat) -> list[str]:
    return [one.text for one in seat.console.query_one(Tasks).tasks]


async def test_all_of_it_is_saved_at_once(turn_stage: Stage, sit: Sit) -> None:
    async with sit(turn_stage) as seat:
        await seat.press("r")
        await seat.type("Aman")
        await seat.press("tab")
        await seat.type("Siagakan")
        await seat.press("enter")
        await seat.type("Posko dibuka")
        await seat.press("enter")
        await seat.type("Latih warga")
        await seat.press("enter", "enter")
        await seat.type("jumat")
        await seat.press("enter")
        await seat.type("Pasang plang")
        await seat.press("tab", *"BPBD", "tab", *"+14h", "ctrl+s")
        assert seat.sent[-1] == c.SaveCard(
            "siak",
            "Aman",
            direction="Siagakan",
            decision="Posko dibuka",
            follow_ups=(
                c.NewFollowUp("Latih warga", "Camat Siak", "2019-02-08"),
                c.NewFollowUp("Pasang plang", "BPBD", "2019-02-20"),
            ),
        )
        assert seat.notice == "Report of Siak saved"
        state = turn_stage.state
        assert [n.kind for n in state.notes] == ["direction", "decision"]
        assert state.drafts == {}


async def test_open_follow_ups_of_the_site_are_on_it_and_closed_there(
    turn_stage: Stage, sit: Sit
) -> None:
    async with sit(turn_stage) as seat:
        await seat.press("r")
        assert texts(seat) == ["Pasang antena", "Latih regu"]
        await seat.press("shift+tab", "down", "up", "space")
        assert seat.sent[-1] == c.CloseFollowUp("f0")
        await seat.wait_until(lambda: texts(seat) == ["Latih regu", "Pasang antena"])
        assert turn_stage.state.carried[0].closed_at == turn_stage.now
        await seat.press("down", "space")
        assert seat.sent[-1] == c.ReopenFollowUp("f0")


async def test_how_something_was_done_is_asked_and_the_card_gone_on_with(
    turn_stage: Stage, sit: Sit
) -> None:
    async with sit(turn_stage) as seat:
        await seat.press("r", *"Aman", "shift+tab", "up", "enter")
        await seat.type("dipasang PU")
        await seat.press("enter")
        assert seat.sent == [c.CloseFollowUp("f0", "dipasang PU")]
        assert isinstance(seat.console.focused, Tasks)
        await seat.wait_until(lambda: "dipasang PU" in str(seat.console.query_one(Tasks).render()))
        await seat.press("enter", "escape")
        assert seat.sent[1:] == [] and isinstance(seat.console.focused, Tasks)
        await seat.press("ctrl+s")
        assert turn_stage.state.reports[0].text == "Aman"


async def test_a_new_follow_up_goes_back_into_its_fields(turn_stage: Stage, sit: Sit) -> None:
    async with sit(turn_stage) as seat:
        await seat.press("r", "tab", "tab", "tab", *"Pompa", "enter", "enter", "enter")
        assert texts(seat)[0] == "Pompa"
        await seat.press("enter", "enter")
        assert seat.console.query_one("#field-what").value == "Pompa"  # type: ignore[attr-defined]
        assert texts(seat) == ["Pasang antena", "Latih regu"]


async def test_every_field_is_safe_soon_and_another_console_goes_on(
    turn_stage: Stage, sit: Sit
) -> None:
    fields = {
        "text": "Am", "direction": "Si", "what": "Pos", "owner": "Camat Siak", "due": "",
        "what-1": "Pompa", "owner-1": "Camat Siak", "due-1": "jumat",
    }  # fmt: skip
    async with sit(turn_stage, draft_after_s=0.02) as seat:
        await seat.press("r", *"Am", "tab", *"Si", "tab", "tab", *"Pompa", "enter", "enter")
        await seat.press(*"jumat", "enter", *"Pos")
        # Nothing is left and nothing saved: the console may be gone in the next moment.
        await seat.wait_until(lambda: turn_stage.state.drafts == {"report:siak": fields})
        assert seat.console.replica.row("siak", turn_stage.now).report == "draft"
    async with sit(turn_stage) as seat:
        await seat.press("r")
        assert texts(seat)[0] == "Pompa"
        await seat.press("ctrl+s")
        card = seat.sent[-1]
        assert isinstance(card, c.SaveCard)
        assert (card.text, card.direction) == ("Am", "Si")
        assert [one.text for one in card.follow_ups] == ["Pompa", "Pos"]


async def test_what_was_noted_before_is_shown_and_a_card_without_changes_asks_nothing(
    turn_stage: Stage, sit: Sit
) -> None:
    turn_stage.do(c.SaveCard("siak", "Aman", direction="Siaga", decision="Ya"))
    async with sit(turn_stage) as seat:
        await seat.press("r")
        direction = seat.console.query_one("#field-direction")
        assert direction.placeholder == "noted: Siaga"  # type: ignore[attr-defined]
        await seat.press("ctrl+s")
        assert len(turn_stage.state.notes) == 2
        await seat.press("r", "tab", *"Lagi", "ctrl+s")
        assert [n.text for n in turn_stage.state.notes] == ["Siaga", "Ya", "Lagi"]
        assert len(turn_stage.state.reports[0].wordings) == 1
        assert seat.notice == "Saved"


async def test_sentences_of_earlier_meetings_are_proposed(
    turn_stage: Stage, sit: Sit, tmp_path: Path
) -> None:
    archive = past_meetings(tmp_path, turn_stage)
    turn_stage.archive = archive.look
    async with sit(turn_stage) as seat:
        await seat.press("r", *"Antr")
        area = seat.console.query_one(CardText)
        assert area.suggestion == "ean KTP elektronik tinggal 42 orang."
        await seat.press("right", "enter", *"karh", "right", "tab", *"Satu ti")
        await seat.console.workers.wait_for_complete(
            [one for one in seat.console.workers if one.group == "default"]
        )
        await seat.press("right", "tab", "ctrl+s")
        card = seat.sent[-1]
        assert isinstance(card, c.SaveCard)
        assert card.text == "Antrean KTP elektronik tinggal 42 orang.\nkarhutla"
        assert card.direction == "Satu titik panas di Telaga Sam-Sam padam dalam dua jam."
    archive.close()
