"""Forms on the main screen: what they have in common, and the short ones.

A form never covers the floor. It tells the console what to do by messages: `Wrote` with the
commands made from it, `Left` with what is typed so far, `Drafted` with that at most two seconds
after the last key and when a field loses the focus; the console keeps it until it is safe.
"""

from collections.abc import Iterator

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.events import DescendantBlur
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Label, Static, TextArea

from console.tui import phrases
from console.tui.clickable import button
from console.tui.client import Kept
from console.tui.due import DueError, parse_due
from console.tui.fields import Choice, Field, Line, bad_line, bad_text, parse_minutes, text_area
from protocol import commands as c
from protocol import events as e
from protocol.words import N_, _, word

DRAFT_AFTER_S = 1.0


class Form(Vertical):
    """A form. `key` names it among the kept texts; `kept` is what was typed before. `lines` is the
    height it needs."""

    lines = 9

    class Drafted(Message):
        """What is typed so far is to be safe from now on."""

        def __init__(self, key: str, fields: Kept) -> None:
            self.key = key
            self.fields = fields
            super().__init__()

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

    def __init__(
        self, key: str, title: str, kept: Kept | None = None, draft_after_s: float = DRAFT_AFTER_S
    ) -> None:
        super().__init__(classes="form")
        self.key = key
        self.form_title = title
        self._kept: Kept = dict(kept or {})
        self._safe: Kept = dict(kept or {})
        self._draft_after_s = draft_after_s
        self._timer: Timer | None = None

    def heading(self) -> Static:
        """The first line: what this is, how to save and leave by mouse and key."""
        buttons = Content(" ").join([button("save", typing=True), button("leave", typing=True)])
        title = Content.styled(f" {self.form_title}  ", "bold $accent")
        line = Static(title + buttons, classes="form-heading")
        line.auto_links = False
        return line

    def on_mount(self) -> None:
        """A form that gave way before it was there has no fields."""
        if self.children:
            self.start()

    def start(self) -> None:
        """Where one begins."""

    def fields(self) -> Kept:
        """What is in the fields, when it is to be kept; called once they are there."""
        return {}

    def typed(self) -> Kept:
        """What is typed now; empty when there is nothing to keep."""
        return self.fields() if self.is_mounted and self.children else self._kept

    def save(self) -> None:
        """Check the fields and send `Wrote`, or say what is wrong."""
        raise NotImplementedError

    def leave(self) -> None:
        """Make what is typed safe, then leave."""
        self.send_draft()
        self.post_message(self.Left(self))

    def redraw(self) -> None:
        """Something of the meeting changed."""

    def complain(self, name: str, text: str) -> None:
        """What is wrong with a field, beside it."""
        for field in self.query(Field):
            if field.line.name == name:
                field.complain(text)

    def go_on(self, event: Input.Submitted) -> None:
        """Enter goes to the next field and saves in the last."""
        event.stop()
        lines = list(self.query(Line))
        place = lines.index(event.input) if isinstance(event.input, Line) else len(lines)
        if place + 1 < len(lines):
            lines[place + 1].focus()
        else:
            self.save()

    # -- drafts ----------------------------------------------------------------------------------

    @on(Input.Changed)
    @on(TextArea.Changed)
    def _typed_more(self) -> None:
        self.draft_soon()

    def draft_soon(self) -> None:
        """See to it that what is typed is safe soon."""
        if self._timer is None and self.typed() != self._safe:
            self._timer = self.set_timer(self._draft_after_s, self.send_draft)

    @on(DescendantBlur)
    def _left_a_field(self) -> None:
        self.send_draft()

    def send_draft(self) -> None:
        """Make it safe now."""
        self.forget_timer()
        typed = self.typed()
        if typed != self._safe:
            self._safe = typed
            self.post_message(self.Drafted(self.key, typed))

    @property
    def unsafe(self) -> Kept | None:
        """What is typed, when that is not safe yet."""
        typed = self.typed()
        return None if typed == self._safe else typed

    def wrote(self, commands: tuple[c.ModeratorCommand, ...]) -> None:
        """The form is complete; what is typed is in the commands."""
        self.forget_timer()
        self._safe = self.typed()
        self.post_message(self.Wrote(self, commands))

    def forget_timer(self) -> None:
        """What is typed is saved in another way."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None


class FollowUpForm(Form):
    """What is to be done, by whom, until when."""

    def __init__(
        self, site: str | None, name: str, today: str, kept: Kept, draft_after_s: float
    ) -> None:
        super().__init__("follow-up", _("Follow-up"), kept, draft_after_s)
        self._site = site
        self._owner = name
        self._today = today

    def compose(self) -> ComposeResult:
        """Three fields, the message about the date beside its field."""
        kept = self._kept
        yield self.heading()
        yield Field(_("What"), kept.get("text", ""), _("what is to be done"), "text")
        yield Field(_("Owner"), kept.get("owner", self._owner), _("who does it"), "owner")
        yield Field(_("Due"), kept.get("due", ""), _("15/2/2019, 20/2, friday, +14d"), "due")

    def start(self) -> None:
        """Start with the text."""
        self.query_one("#field-text").focus()

    def _value(self, name: str) -> str:
        return self.query_one(f"#field-{name}", Line).value.strip()

    def fields(self) -> Kept:
        """All three fields, when there is a text or a date."""
        fields = {name: self._value(name) for name in ("text", "owner", "due")}
        return fields if fields["text"] or fields["due"] else {}

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes on."""
        self.go_on(event)

    def save(self) -> None:
        """Check the text and the date."""
        if not self._value("text"):
            self.complain("text", _("write what is to be done"))
            return
        for name in ("text", "owner"):
            if wrong := bad_line(self._value(name)):
                self.complain(name, wrong)
                return
        try:
            due = parse_due(self._value("due"), self._today)
        except DueError:
            self.complain("due", _("not a date, such as 15/2/2019"))
            return
        command = c.AddFollowUp(self._value("text"), self._value("owner"), due, self._site)
        self.wrote((command,))


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

    def start(self) -> None:
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
        self.wrote(commands)


class AttendanceForm(Form):
    """Roll call of one site; a deputy's name or a reason where one belongs."""

    NOTED = ("represented", "excused")

    def __init__(
        self,
        site: str,
        name: str,
        marked: e.Attendance,
        note: str,
        kept: Kept,
        draft_after_s: float,
    ) -> None:
        title = _("Attendance · {site}").format(site=name)
        super().__init__(f"attendance:{site}", title, kept, draft_after_s)
        self._site = site
        self._stands = note
        note = self._kept.get("note", note)
        self._marked: e.Attendance = marked
        self._note = note

    def compose(self) -> ComposeResult:
        """The choice and its note."""
        options = list(_attendance_options())
        yield self.heading()
        yield Choice(options, "present" if self._marked == "unmarked" else self._marked)
        yield Field(_("Note"), self._note, _("deputy's name, or reason"), "note")

    def start(self) -> None:
        """Start with the choice."""
        self.query_one(Choice).focus()

    def fields(self) -> Kept:
        """The note, when it is another than stands."""
        note = self.query_one("#field-note", Line).value
        return {} if note == self._stands else {"note": note}

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
        elif wrong := bad_line(note):
            self.query_one(Field).complain(wrong)
            return
        elif not note:
            asked = {"represented": _("the deputy's name"), "excused": _("the reason")}
            self.query_one(Field).complain(asked[attendance])
            return
        command = c.MarkAttendance(self._site, attendance, note)  # type: ignore[arg-type]
        self.wrote((command,))


def _attendance_options() -> Iterator[tuple[str, str, str]]:
    for value, title in phrases.ATTENDANCE.items():
        if value != "unmarked":
            letter = word(phrases.ATTENDANCE_LETTERS[value])
            yield value, letter, word(title)


class NoteForm(Form):
    """A decision, a direction, a note, or the opening and closing words."""

    def __init__(self, site: str | None, name: str, kept: Kept, draft_after_s: float) -> None:
        title = _("For the minutes") + (f" · {name}" if name else "")
        super().__init__("note", title, kept, draft_after_s)
        self._site = site

    def compose(self) -> ComposeResult:
        """Kind and text."""
        yield self.heading()
        options = [(str(kind), "", word(title)) for kind, title in phrases.NOTE_KIND.items()]
        yield Choice(options, self._kept.get("kind", "decision"))
        yield text_area(self._kept.get("text", ""), "text")
        yield Label("", id="message-text", classes="form-message")

    def start(self) -> None:
        """Start with the kind."""
        self.query_one(Choice).focus()

    def on_choice_chosen(self, event: Choice.Chosen) -> None:
        """On to the text."""
        event.stop()
        self.query_one(TextArea).focus()

    def on_text_area_changed(self) -> None:
        """What is being corrected is no longer wrong."""
        self.query_one("#message-text", Label).update("")

    def fields(self) -> Kept:
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
        self.wrote((c.AddNote(text, kind, self._site),))  # type: ignore[arg-type]
