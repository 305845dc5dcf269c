"""The meeting to come: title, place, agenda, times. The queue is put in order on the meeting's
own screen, which shows it."""

import re

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Label, TextArea

from console.tui.fields import Line, text_area
from console.tui.page import Host, Page
from console.tui.phrases import minutes
from protocol import commands as c
from protocol.events import MeetingPlan
from protocol.words import N_, _

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


class PreparePage(Page):
    """Ctrl+S saves; a message stands beside the field that is wrong."""

    takes = ("save",)

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._plan = host.replica.meeting.plan

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
        """A line a field, the agenda below."""
        with Vertical(id="fields"):
            for name, title, hint in FIELDS:
                with Horizontal(classes="plan-field"):
                    yield Label(_(title), classes="field-label")
                    yield Line(self._text(name), _(hint), name)
                    yield Label("", id=f"message-{name}", classes="message")
            yield Label(_("Agenda, a line each"), id="agenda-label")
            yield text_area("\n".join(self._plan.agenda), "agenda")

    def _text(self, name: str) -> str:
        value = getattr(self._plan, name)
        if name == "topics":
            return ", ".join(value)
        return minutes(value) if name.endswith("_s") else str(value)

    def on_mount(self) -> None:
        """Start with the title."""
        self.query_one("#field-title").focus()

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self._complain(event.input.name or "", "")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.focus_next()

    def _complain(self, name: str, text: str) -> None:
        self.query_one(f"#message-{name}", Label).update(Content(f" {text}" if text else ""))

    def _value(self, name: str) -> str:
        return self.query_one(f"#field-{name}", Line).value.strip()

    def take_save(self) -> None:
        """Check every field, then ask the server."""
        made: dict[str, object] = {}
        wrong = ""
        for name, _title, _hint in FIELDS:
            text = self._value(name)
            try:
                made[name] = _read(name, text)
            except ValueError as error:
                self._complain(name, str(error))
                wrong = wrong or name
        if wrong:
            self.query_one(f"#field-{wrong}").focus()
            return
        agenda = self.query_one("#field-agenda", TextArea).text.splitlines()
        made["agenda"] = tuple(line.strip() for line in agenda if line.strip())
        self.host.issue(c.PrepareMeeting(msgspec.structs.replace(self._plan, **made)))
        self.dismiss(None)

    @property
    def plan(self) -> MeetingPlan:
        """The plan as it was when the page was opened."""
        return self._plan


def _read(name: str, text: str) -> object:
    """A field's text as its value. Raises ValueError with a message for the operator."""
    if name == "title" and not text:
        raise ValueError(_("a meeting needs a title"))
    if name == "topics":
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if name.endswith("_s"):
        try:
            return parse_duration(text)
        except DurationError:
            raise ValueError(_("not a duration: write minutes, or 2:30")) from None
    return text
