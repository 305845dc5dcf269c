"""Whatever is malformed in whatever field of whatever form is told beside that field.

One console a form; in it every case of the table. A form or a field without a case fails.
"""

from collections.abc import Callable
from typing import NamedTuple

import pytest
from textual.widgets import Input, TextArea

from console.tui import forms, lifecycle, report
from console.tui.forms import Form
from console.tui.prompt import PromptLine
from console.tui.screens import prepare
from console.tui.stage import Stage
from protocol import commands as c
from tests.console.tui.seat import Seat, Sit

LONG = "x" * 2001
TOO_LONG = "at most 2000 characters, these are 2001"


class Bad(NamedTuple):
    """What is in which fields when it is to be saved; which one is wrong, and what is told in which
    place (empty: the message of the field)."""

    given: dict[str, str]
    field: str
    told: str
    place: str = ""


class Opened(NamedTuple):
    """How a form is reached: what happens on the stage before, then keys."""

    form: type[Form]
    before: Callable[[Stage], object]
    keys: tuple[str, ...]
    cases: tuple[Bad, ...]


def called(stage: Stage) -> None:
    stage.do(c.OpenMeeting())
    stage.settle()
    stage.do(c.CallNext())


def closed(stage: Stage) -> None:
    called(stage)
    stage.do(c.LogReport("siak", "Embung terisi. Regu siaga. Regu pulang."))
    stage.do(c.CloseMeeting())


def submitted(stage: Stage) -> None:
    closed(stage)
    stage.do(c.SubmitMinutes())


def approved(stage: Stage) -> None:
    submitted(stage)
    stage.do(c.ApproveMinutes())


def too_long(name: str, rest: dict[str, str] | None = None) -> Bad:
    return Bad({**(rest or {}), name: LONG}, name, TOO_LONG)


ERRATUM = {"was": "Embung terisi", "text": "Embung kosong", "reason": "Salah dengar", "part": ""}
FORMS: dict[str, Opened] = {
    "report": Opened(
        report.ReportForm,
        called,
        ("r",),
        (
            Bad({}, "text", "nothing is written yet", "tags"),
            Bad({"text": "x" * 20_001}, "text", "at most 20000 characters", "tags"),
            too_long("direction", {"text": "Aman"}),
            too_long("decision", {"text": "Aman"}),
            Bad({"what": LONG}, "what", TOO_LONG, "message-task"),
            Bad({"what": "Pompa", "owner": LONG}, "owner", TOO_LONG, "message-task"),
            Bad({"what": "Pompa", "due": "31/2"}, "due", "not a date", "message-task"),
            Bad({"what": "Pompa", "due": "besok"}, "due", "not a date", "message-task"),
            Bad({"due": "20/2"}, "what", "write what is to be done", "message-task"),
        ),
    ),
    "follow-up": Opened(
        forms.FollowUpForm,
        called,
        ("f",),
        (
            Bad({}, "text", "write what is to be done"),
            too_long("text"),
            too_long("owner", {"text": "Pompa"}),
            Bad({"text": "Pompa", "due": "32/1/2019"}, "due", "not a date"),
            Bad({"text": "Pompa", "due": LONG}, "due", "not a date"),
        ),
    ),
    "note": Opened(
        forms.NoteForm,
        called,
        ("d",),
        (
            Bad({}, "text", "nothing is written yet"),
            Bad({"text": " \n "}, "text", "nothing is written yet"),
            Bad({"text": "x" * 20_001}, "text", "at most 20000 characters"),
        ),
    ),
    "attendance": Opened(
        forms.AttendanceForm,
        called,
        ("a", "r"),
        (Bad({}, "note", "deputy's name"), too_long("note")),
    ),
    "excuse": Opened(
        forms.AttendanceForm,
        called,
        ("a", "e"),
        (Bad({"note": " "}, "note", "the reason"), too_long("note")),
    ),
    "time": Opened(
        forms.TimeForm,
        called,
        ("t",),
        tuple(
            Bad({"minutes": text}, "minutes", "minutes from 1 to 1440")
            for text in ("", "0", "-5", "1441", "1:75", "lama", "24:01", "99999", LONG)
        ),
    ),
    "prepare": Opened(
        prepare.PlanForm,
        lambda stage: None,
        ("G",),
        (
            Bad({"title": " "}, "title", "a meeting needs a title"),
            *(
                Bad({name: "x" * 301}, name, "at most 300 characters, these are 301")
                for name in ("title", "place", "number")
            ),
            Bad({"topics": f"tol, {'x' * 301}"}, "topics", "number 2: at most 300 characters"),
            Bad({"topics": "a," * 51}, "topics", "at most 50, these are 51"),
            Bad({"agenda": "Satu\n" * 51}, "agenda", "at most 50, these are 51"),
            Bad({"agenda": f"Tol\n{'x' * 301}"}, "agenda", "number 2: at most 300 characters"),
            *(
                Bad({name: text}, name, "not a duration")
                for name in ("budget_s", "allowance_s")
                for text in ("", "0", "abc", "25:00:00", LONG)
            ),
        ),
    ),
    "submit": Opened(lifecycle.StepForm, closed, ("U",), (too_long("by"),)),
    "approve": Opened(lifecycle.StepForm, submitted, ("Y",), (too_long("by"),)),
    "return": Opened(
        lifecycle.StepForm,
        submitted,
        ("B",),
        (
            Bad({}, "reason", "nothing is written yet"),
            too_long("reason"),
            too_long("by", {"reason": "Salah"}),
        ),
    ),
    "correct": Opened(
        lifecycle.StepForm,
        approved,
        ("E",),
        (
            *(
                Bad({**ERRATUM, name: " "}, name, "nothing is written yet")
                for name in ("was", "text", "reason")
            ),
            *(too_long(name, ERRATUM) for name in ("was", "text", "reason", "part", "by")),
            Bad({**ERRATUM, "was": "Embung bocor"}, "was", "do not stand in the minutes"),
            Bad({**ERRATUM, "part": "Z.9"}, "part", "the words stand in"),
        ),
    ),
}


def fields_of(seat: Seat) -> dict[str, Input | TextArea]:
    """Every field of the form that is shown, by its name."""
    form = seat.console._form()
    assert form is not None
    found = [*form.query(Input), *form.query(TextArea)]
    return {(one.id or "").removeprefix("field-"): one for one in found}


def put(field: Input | TextArea, text: str) -> None:
    if isinstance(field, Input):
        field.value = text
    else:
        field.text = text


def value(field: Input | TextArea) -> str:
    return field.value if isinstance(field, Input) else field.text


@pytest.mark.parametrize("name", FORMS)
async def test_what_is_malformed_is_told_beside_its_field(
    stage: Stage, sit: Sit, name: str
) -> None:
    opened = FORMS[name]
    opened.before(stage)
    async with sit(stage) as seat:
        await seat.press(*opened.keys)
        await seat.wait_until(lambda: seat.console._form() is not None)
        form = seat.console._form()
        assert type(form) is opened.form
        fields = fields_of(seat)
        assert {bad.field for bad in opened.cases} == set(fields), "a field without a case"
        stands = {name: value(field) for name, field in fields.items()}
        for bad in opened.cases:
            for given, text in bad.given.items():
                put(fields[given], text)
            await seat.press("ctrl+s")
            place = seat.console.screen.query_one(f"#{bad.place or f'message-{bad.field}'}")
            assert bad.told in str(place.render()), bad
            assert place.region.height and place.region.width, "it is in sight"
            assert seat.console.focused is fields[bad.field], bad
            assert seat.sent == [] and seat.console._form() is form
            for given, text in stands.items():
                put(fields[given], f"{text}." if given == bad.field else text)
            await seat.pilot.pause()
            assert bad.told not in str(place.render()), "what is being corrected"
            put(fields[bad.field], stands[bad.field])
            await seat.pilot.pause()


def test_every_form_has_its_cases() -> None:
    kinds, found = [Form], set()
    while kinds:
        for kind in kinds.pop().__subclasses__():
            kinds.append(kind)
            found.add(kind)
    assert {opened.form for opened in FORMS.values()} == found
    steps = {name for name, opened in FORMS.items() if opened.form is lifecycle.StepForm}
    assert steps == set(lifecycle.FIELDS)


async def test_questions_of_one_line_are_answered_by_what_fits(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        for key, text, told in (
            ("slash", "zz", "no site begins like this"),
            ("slash", LONG, "no site begins like this"),
            ("b", "x" * 501, "at most 500 characters, these are 501"),
        ):
            await seat.press(key)
            seat.console.query_one("#field-answer", Input).value = text
            await seat.pilot.pause()
            message = seat.console.query_one("#message-answer")
            assert told in str(message.render()) and message.region.width
            if key == "b":
                await seat.press("enter")
                assert seat.console.query_one(PromptLine).asking == "banner", "not taken"
            await seat.press("escape")
            assert seat.sent == []


async def test_a_search_that_is_too_long_says_so(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        await seat.press("A", "slash")
        seat.console.screen.query_one("#field-search", Input).value = "x" * 201
        await seat.pilot.pause()
        message = seat.console.screen.query_one("#message-search")
        assert "at most 200 characters, these are 201" in str(message.render())
        assert message.region.width
