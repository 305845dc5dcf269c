"""The meeting to come: title, place, agenda, times. The queue is put in order on the meeting's
own screen, which shows it. What is typed is kept as in other forms."""

import re

import msgspec
from textual.app import ComposeResult
from textual.widgets import Input, Label, TextArea

from console.tui.client import Kept
from console.tui.fields import Field, Line, bad_line, text_area
from console.tui.forms import DRAFT_AFTER_S, Form
from console.tui.page import Host, Page
from console.tui.phrases import minutes
from protocol import commands as c
from protocol.events import MeetingPlan
from protocol.words import N_, _

KEY = "prepare"
MAX_NAME, MAX_ITEMS = 300, 50
"""Characters of each text; how many topics, or lines of an agenda."""

_DURATION = re.compile(r"(?:(\d{1,3}):)?(\d{1,4}):([0-5]\d)|(\d{1,4})", re.ASCII)
LONGEST_S = 24 * 3600


class DurationError(ValueError):
    """The text is no duration."""


def parse_duration(text: str) -> int:
    """`3`, `2:30`, `1:15:00` → seconds; a number alone is minutes. Raises DurationError."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise DurationError(text)
    hours, mins, secs, alone = match.groups()
    total = int(alone) * 60 if alone else int(hours or 0) * 3600 + int(mins) * 60 + int(secs)
    if not 1 <= total <= LONGEST_S:
        raise DurationError(text)
    return total


FIELDS: tuple[tuple[str, str, str], ...] = (
    ("title", N_("Title"), N_("what the minutes call the meeting")),
    ("place", N_("Place"), N_("where the hall is")),
    ("number", N_("Number"), N_("of the minutes, may be left empty")),
    ("topics", N_("Topics"), N_("separated by commas; they become tags")),
    ("budget_s", N_("Whole meeting"), N_("minutes, or 1:15:00")),
    ("allowance_s", N_("Each speaker"), N_("minutes, or 2:30")),
)


class PlanForm(Form):
    """A line a field, the agenda below; a message stands beside each field that is wrong."""

    def __init__(self, plan: MeetingPlan, kept: Kept, draft_after_s: float = DRAFT_AFTER_S) -> None:
        super().__init__(KEY, _("Prepare the meeting"), kept, draft_after_s)
        self.id = "fields"
        self._plan = plan
        self._stands = {name: self._text(name) for name, _title, _hint in FIELDS}
        self._stands["agenda"] = "\n".join(plan.agenda)

    def compose(self) -> ComposeResult:
        """What was typed before, or what stands."""
        before = {**self._stands, **self._kept}
        for name, title, hint in FIELDS:
            yield Field(_(title), before[name], _(hint), name)
        yield Label(_("Agenda, a line each"), id="agenda-label")
        yield text_area(before["agenda"], "agenda")
        yield Label("", id="message-agenda", classes="form-message")

    def _text(self, name: str) -> str:
        value = getattr(self._plan, name)
        if name == "topics":
            return ", ".join(value)
        return minutes(value) if name.endswith("_s") else str(value)

    def start(self) -> None:
        """Start with the title."""
        self.query_one("#field-title").focus()

    def fields(self) -> Kept:
        """Every field that differs from what stands."""
        now = {line.name or "": line.value for line in self.query(Line)}
        now["agenda"] = self.query_one(TextArea).text
        return {name: text for name, text in now.items() if text != self._stands[name]}

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes to the next field."""
        event.stop()
        self.screen.focus_next("#fields *")

    def on_text_area_changed(self) -> None:
        """What is being corrected is no longer wrong."""
        self._complain_of_agenda("")

    def _complain_of_agenda(self, text: str) -> None:
        self.query_one("#message-agenda", Label).update(f" ! {text}" if text else "")

    def save(self) -> None:
        """Check every field, then ask the server."""
        made: dict[str, object] = {}
        wrong: list[tuple[Field, str]] = []
        for field in self.query(Field):
            name = field.line.name or ""
            try:
                made[name] = read(name, field.value)
            except ValueError as error:
                wrong.append((field, str(error)))
        agenda = self.query_one(TextArea)
        try:
            made["agenda"] = read("agenda", agenda.text)
        except ValueError as error:
            self._complain_of_agenda(str(error))
            agenda.focus()
        for field, text in reversed(wrong):
            field.complain(text)  # the focus ends on the first
        if len(made) == len(FIELDS) + 1:
            self.wrote((c.PrepareMeeting(msgspec.structs.replace(self._plan, **made)),))


def read(name: str, text: str) -> object:
    """A field's text as its value. Raises ValueError with a message for the operator."""
    if name.endswith("_s"):
        try:
            return parse_duration(text)
        except DurationError:
            raise ValueError(_("not a duration: write minutes, or 2:30")) from None
    if name in ("topics", "agenda"):
        parts = text.split(",") if name == "topics" else text.splitlines()
        return _items(tuple(part.strip() for part in parts if part.strip()))
    if name == "title" and not text:
        raise ValueError(_("a meeting needs a title"))
    if wrong := bad_line(text, MAX_NAME):
        raise ValueError(wrong)
    return text


def _items(items: tuple[str, ...]) -> tuple[str, ...]:
    if len(items) > MAX_ITEMS:
        raise ValueError(
            _("at most {maximum}, these are {count}").format(maximum=MAX_ITEMS, count=len(items))
        )
    for number, item in enumerate(items, 1):
        if wrong := bad_line(item, MAX_NAME):
            raise ValueError(_("number {number}: {what}").format(number=number, what=wrong))
    return items


class PreparePage(Page):
    """Ctrl+S saves; Esc leaves, and what is typed is kept."""

    holds_form = True

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        kept = host.kept.get(KEY) or host.replica.meeting.drafts.get(KEY, {})
        self.form = PlanForm(host.replica.meeting.plan, kept, host.draft_after_s)

    def heading(self) -> str:
        """The name of the page."""
        return _("PREPARE THE MEETING")

    def hint(self) -> str:
        """Where the queue is."""
        return _("The order of the speakers: [ ] and s in the meeting screen, ahead as well.")

    def keys(self) -> tuple[tuple[str, str, str], ...]:
        """Saving."""
        return (
            ("Ctrl+S", _("Save"), "app.act('save')"),
            ("Tab", _("Next field"), "app.focus_next"),
        )

    def body(self) -> ComposeResult:
        """The form alone."""
        assert self.form is not None
        yield self.form

    def close_form(self) -> None:
        """It is saved or left: back to where one came from."""
        self.form = None
        self.dismiss(None)

    def action_back(self) -> None:
        """What is typed is kept."""
        if self.form is not None:
            self.form.leave()
