"""Fields of forms: a line with its label and what is wrong with it, a text, one of some words."""

import re

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Key
from textual.message import Message
from textual.reactive import reactive
from textual.style import Style
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input, Label, TextArea

from console.meeting.refusal import MAX_TEXT
from protocol.words import _

MAX_LINE = 2000
"""Characters of a field of one line."""

MAX_HOW = 500
"""Characters of how a follow-up was done."""


class Line(Input):
    """A field of one line, without border and blinking."""

    def __init__(
        self,
        value: str = "",
        placeholder: str = "",
        name: str = "",
        suggester: Suggester | None = None,
    ) -> None:
        super().__init__(
            value,
            placeholder,
            name=name,
            id=f"field-{name}",
            compact=True,
            suggester=suggester,
        )
        self.cursor_blink = False


class Field(Horizontal):
    """A label, a line, and beside it what is wrong with it."""

    def __init__(
        self,
        label: str,
        value: str,
        placeholder: str,
        name: str,
        suggester: Suggester | None = None,
    ) -> None:
        super().__init__(classes="field")
        self._label = label
        self.line = Line(value, placeholder, name, suggester)

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
    prepared_area(area)
    return area


def prepared_area(area: TextArea) -> None:
    """Without blinking, the cursor at the end."""
    area.cursor_blink = False
    area.highlight_cursor_line = False
    area.move_cursor(area.document.end)


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


def bad_line(text: str, maximum: int = MAX_LINE) -> str:
    """What is wrong with a line that may be empty; empty when nothing is."""
    if len(text) > maximum:
        return _("at most {maximum} characters, these are {count}").format(
            maximum=maximum, count=len(text)
        )
    return ""


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
