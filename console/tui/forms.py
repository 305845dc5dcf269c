"""Forms on the main screen: what they have in common, and the short ones.

A form never covers the floor. It tells the console what to do by messages: `Wrote` with the
commands made from it, `Left` with what is typed so far; the console keeps that until it is safe.
"""

import re
from collections.abc import Iterator

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Key
from textual.message import Message
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget
from textual.widgets import Input, Label, Static, TextArea

from console.meeting.decide import MAX_TEXT
from console.tui import phrases
from console.tui.clickable import button
from console.tui.client import Kept
from console.tui.due import DueError, parse_due
from console.tui.phrases import word
from protocol import commands as c
from protocol import events as e
from protocol.words import N_, _


class Form(Vertical):
    """A form. `key` names it among the kept texts; `kept` is what was typed before."""

    class Wrote(Message):
        """The form is complete."""

        def __init__(self, form: "Form", commands: tuple[c.ModeratorCommand, ...]) -> None:
            self.form = form
            self.commands = commands
            super().__init__()

    class Left(Message):
        """The operator leaves the form."""

        def __init__(self, form: "Form") -> None:
            self.form = form
            super().__init__()

    def __init__(self, key: str, title: str) -> None:
        super().__init__(classes="form")
        self.key = key
        self.form_title = title

    def heading(self) -> Static:
        """The first line: what this is, how to save and leave by mouse and key."""
        buttons = Content(" ").join([button("save", typing=True), button("leave", typing=True)])
        title = Content.styled(f" {self.form_title}  ", "bold $accent")
        line = Static(title + buttons, classes="form-heading")
        line.auto_links = False
        return line

    def typed(self) -> Kept:
        """What is typed now; empty when there is nothing to keep."""
        return {}

    def save(self) -> None:
        """Check the fields and send `Wrote`, or say what is wrong."""
        raise NotImplementedError

    def leave(self) -> None:
        """Send `Left`."""
        self.post_message(self.Left(self))


class Line(Input):
    """A field of one line, without border and blinking."""

    def __init__(self, value: str = "", placeholder: str = "", name: str = "") -> None:
        super().__init__(
            value, placeholder, name=name, id=f"field-{name}", compact=True, max_length=500
        )
        self.cursor_blink = False


class Field(Horizontal):
    """A label, a line, and beside it what is wrong with it."""

    def __init__(self, label: str, value: str, placeholder: str, name: str) -> None:
        super().__init__(classes="field")
        self._label = label
        self.line = Line(value, placeholder, name)

    def compose(self) -> ComposeResult:
        """The message takes no room while it is empty."""
        yield Label(self._label, classes="field-label")
        yield self.line
        yield Label("", id=f"message-{self.line.name}", classes="field-message")

    @property
    def value(self) -> str:
        """What is typed, without spaces around it."""
        return self.line.value.strip()

    def complain(self, text: str) -> None:
        """Say what is wrong, and go there; empty takes the message away."""
        message = self.query_one(".field-message", Label)
        message.update(Content(f" ! {text}" if text else ""))
        if text:
            self.line.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """What is being corrected is no longer wrong."""
        self.complain("")


def text_area(text: str, name: str) -> TextArea:
    """A field of many lines, without border and blinking; Tab goes to the next field."""
    area = TextArea(text, id=f"field-{name}", soft_wrap=True, tab_behavior="focus", compact=True)
    area.cursor_blink = False
    area.highlight_cursor_line = False
    area.move_cursor(area.document.end)
    return area


class FollowUpForm(Form):
    """What is to be done, by whom, until when."""

    def __init__(self, site: str | None, name: str, today: str, kept: Kept) -> None:
        super().__init__("follow-up", _("Follow-up"))
        self._site = site
        self._owner = name
        self._today = today
        self._kept = kept

    def compose(self) -> ComposeResult:
        """Three fields, the message about the date beside its field."""
        kept = self._kept
        yield self.heading()
        yield Field(_("What"), kept.get("text", ""), _("what is to be done"), "text")
        yield Field(_("Owner"), kept.get("owner", self._owner), _("who does it"), "owner")
        yield Field(_("Due"), kept.get("due", ""), _("15/2/2019, 20/2, friday, +14d"), "due")

    def on_mount(self) -> None:
        """Start with the text."""
        self.query_one("#field-text").focus()

    def _value(self, name: str) -> str:
        return self.query_one(f"#field-{name}", Line).value.strip()

    def typed(self) -> Kept:
        """All three fields, when there is a text or a date."""
        fields = {name: self._value(name) for name in ("text", "owner", "due")}
        return fields if fields["text"] or fields["due"] else {}

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes to the next field and saves in the last."""
        event.stop()
        order = ["text", "owner", "due"]
        place = order.index(event.input.name or "due")
        if place + 1 < len(order):
            self.query_one(f"#field-{order[place + 1]}").focus()
        else:
            self.save()

    def _complain(self, name: str, text: str) -> None:
        for field in self.query(Field):
            if field.line.name == name:
                field.complain(text)

    def save(self) -> None:
        """Check the text and the date."""
        if not self._value("text"):
            self._complain("text", _("write what is to be done"))
            return
        try:
            due = parse_due(self._value("due"), self._today)
        except DueError:
            self._complain("due", _("not a date, such as 15/2/2019"))
            return
        command = c.AddFollowUp(self._value("text"), self._value("owner"), due, self._site)
        self.post_message(self.Wrote(self, (command,)))


class Choice(Widget, can_focus=True, inherit_bindings=False):
    """One of several words: arrows, its letter, or the mouse."""

    BINDINGS = [
        Binding("left,up", "step(-1)", show=False),
        Binding("right,down,space", "step(1)", show=False),
        Binding("enter", "take", show=False),
    ]
    chosen: reactive[int] = reactive(0)

    class Chosen(Message):
        """The operator decided (Enter, letter or click)."""

        def __init__(self, value: str) -> None:
            self.value = value
            super().__init__()

    def __init__(self, options: list[tuple[str, str, str]], value: str) -> None:
        """`options` are (value, letter, title)."""
        super().__init__(id="choice")
        self.auto_links = False
        self._options = options
        values = [o[0] for o in options]
        self.set_reactive(Choice.chosen, values.index(value) if value in values else 0)

    @property
    def value(self) -> str:
        """The value chosen."""
        return self._options[self.chosen][0]

    def render(self) -> Content:
        """All options in one line."""
        return Content(" ").join(self._draw(i) for i in range(len(self._options)))

    def _draw(self, index: int) -> Content:
        __, letter, title = self._options[index]
        style = "bold $on-strong on $accent" if index == self.chosen else "on $button-background"
        text = Content.styled(f" {letter} {title} " if letter else f" {title} ", style)
        return text.stylize(Style.from_meta({"@click": f"pick({index})"}))

    def action_step(self, step: int) -> None:
        """The next or previous option."""
        self.chosen = (self.chosen + step) % len(self._options)

    def action_take(self) -> None:
        """Decide."""
        self.post_message(self.Chosen(self.value))

    def action_pick(self, index: int) -> None:
        """Choose by mouse and decide."""
        self.chosen = index
        self.action_take()

    def on_key(self, event: Key) -> None:
        """Choose by letter and decide."""
        letters = [letter.lower() for __, letter, __ in self._options]
        if event.character and event.character.lower() in letters:
            event.stop()
            event.prevent_default()
            self.action_pick(letters.index(event.character.lower()))


def bad_text(text: str) -> str:
    """What is wrong with a text of many lines; empty when nothing is."""
    if not text.strip():
        return _("nothing is written yet")
    if len(text) > MAX_TEXT:
        return _("at most {maximum} characters").format(maximum=MAX_TEXT)
    return ""


def parse_minutes(text: str) -> int | None:
    """`45`, `1:30` (hours and minutes) → seconds, from 1 minute to 24 hours; None for others."""
    match = re.fullmatch(r"(?:(\d{1,2})[:.])?(\d{1,4})", text.strip())
    if match is None:
        return None
    hours, rest = int(match[1] or 0), int(match[2])
    if match[1] is not None and rest > 59:
        return None
    total = hours * 60 + rest
    return total * 60 if 1 <= total <= 1440 else None


class TimeForm(Form):
    """How long the whole meeting takes, and what happens when a turn's time is used up."""

    def __init__(self, budget_s: int, overrun: e.Overrun) -> None:
        super().__init__("time", _("Time of the meeting"))
        minutes = budget_s // 60
        self._field = Field(
            word(N_("length in minutes|Minutes")),
            str(minutes),
            _("45, or 1:30 for hours"),
            "minutes",
        )
        self._overrun: e.Overrun = overrun

    def compose(self) -> ComposeResult:
        """The length, the policy."""
        yield self.heading()
        yield self._field
        yield Label(_("When a turn's time is used up:"), classes="form-line")
        options = [(str(kind), "", word(title)) for kind, title in phrases.OVERRUN.items()]
        yield Choice(options, self._overrun)

    def on_mount(self) -> None:
        """Start with the length."""
        self._field.line.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes on to the policy."""
        event.stop()
        self.query_one(Choice).focus()

    def on_choice_chosen(self, event: Choice.Chosen) -> None:
        """Decided."""
        event.stop()
        self.save()

    def save(self) -> None:
        """Both at once; what is as before makes no event."""
        seconds = parse_minutes(self._field.value)
        if seconds is None:
            self._field.complain(_("minutes from 1 to 1440, such as 45"))
            return
        commands = (c.SetBudget(seconds), c.SetOverrun(self.query_one(Choice).value))  # type: ignore[arg-type]
        self.post_message(self.Wrote(self, commands))


class AttendanceForm(Form):
    """Roll call of one site; a deputy's name or a reason where one belongs."""

    NOTED = ("represented", "excused")

    def __init__(self, site: str, name: str, marked: e.Attendance, note: str) -> None:
        super().__init__("attendance", _("Attendance · {site}").format(site=name))
        self._site = site
        self._marked: e.Attendance = marked
        self._note = note

    def compose(self) -> ComposeResult:
        """The choice and its note."""
        options = list(_attendance_options())
        yield self.heading()
        yield Choice(options, "present" if self._marked == "unmarked" else self._marked)
        yield Field(_("Note"), self._note, _("deputy's name, or reason"), "note")

    def on_mount(self) -> None:
        """Start with the choice."""
        self.query_one(Choice).focus()

    def on_choice_chosen(self, event: Choice.Chosen) -> None:
        """A deputy or an excuse needs a word more; all else is done."""
        event.stop()
        if event.value in self.NOTED:
            self.query_one("#field-note").focus()
        else:
            self.save()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter saves."""
        event.stop()
        self.save()

    def save(self) -> None:
        """Mark the site."""
        attendance = self.query_one(Choice).value
        note = self.query_one("#field-note", Line).value.strip()
        if attendance not in self.NOTED:
            note = ""
        elif not note:
            asked = {"represented": _("the deputy's name"), "excused": _("the reason")}
            self.query_one(Field).complain(asked[attendance])
            return
        command = c.MarkAttendance(self._site, attendance, note)  # type: ignore[arg-type]
        self.post_message(self.Wrote(self, (command,)))


def _attendance_options() -> Iterator[tuple[str, str, str]]:
    for value, title in phrases.ATTENDANCE.items():
        if value != "unmarked":
            letter = word(phrases.ATTENDANCE_LETTERS[value])
            yield value, letter, word(title)


class NoteForm(Form):
    """A decision, a direction, a note, or the opening and closing words."""

    def __init__(self, site: str | None, name: str, kept: Kept) -> None:
        super().__init__("note", _("For the minutes") + (f" · {name}" if name else ""))
        self._site = site
        self._kept = kept

    def compose(self) -> ComposeResult:
        """Kind and text."""
        yield self.heading()
        options = [(str(kind), "", word(title)) for kind, title in phrases.NOTE_KIND.items()]
        yield Choice(options, self._kept.get("kind", "decision"))
        yield text_area(self._kept.get("text", ""), "text")
        yield Label("", id="message-text", classes="form-message")

    def on_mount(self) -> None:
        """Start with the kind."""
        self.query_one(Choice).focus()

    def on_choice_chosen(self, event: Choice.Chosen) -> None:
        """On to the text."""
        event.stop()
        self.query_one(TextArea).focus()

    def typed(self) -> Kept:
        """Kind and text, when there is a text."""
        text = self.query_one(TextArea).text
        return {"kind": self.query_one(Choice).value, "text": text} if text.strip() else {}

    def save(self) -> None:
        """Add the line."""
        text = self.query_one(TextArea).text
        complain = self.query_one("#message-text", Label)
        if bad_text(text):
            complain.update(Content(" ! " + bad_text(text)))
            self.query_one(TextArea).focus()
            return
        kind = self.query_one(Choice).value
        self.post_message(self.Wrote(self, (c.AddNote(text, kind, self._site),)))  # type: ignore[arg-type]
