"""The line above the keys: what just happened, or a question of one line."""

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.events import DescendantBlur
from textual.message import Message
from textual.widgets import Input, Label, Static

from console.tui.fields import MAX_LINE, Line, bad_line


class PromptLine(Horizontal):
    """Shows a notice for a while, or asks for one line (`find`, `banner`, `done`)."""

    BINDINGS = [Binding("escape", "cancel", show=False)]

    class Answered(Message):
        """The line is typed; `text` None when the operator gave it up."""

        def __init__(self, what: str, text: str | None) -> None:
            self.what = what
            self.text = text
            super().__init__()

    class Typed(Message):
        """The line so far."""

        def __init__(self, what: str, text: str) -> None:
            self.what = what
            self.text = text
            super().__init__()

    def __init__(self) -> None:
        super().__init__(id="line")
        self.asking = ""
        self.said = ("", "")
        self._maximum = MAX_LINE

    def compose(self) -> ComposeResult:
        """The notice and, hidden, the question."""
        yield Static("", id="notice")
        with Horizontal(id="prompt"):
            yield Label("", id="question")
            yield Line(name="answer")
            yield Label("", id="message-answer", classes="field-message")

    def say(self, text: str, kind: str = "") -> None:
        """Show a notice; `kind` is `bad`, `good`, `ask` or empty."""
        self.said = (text, kind)
        notice = self.query_one("#notice", Static)
        notice.set_classes(kind)
        notice.update(Content(text))

    def ask(self, what: str, question: str, text: str = "", maximum: int = MAX_LINE) -> None:
        """Ask for one line of at most so many characters."""
        self.asking = what
        self._maximum = maximum
        self.query_one("#question", Label).update(Content(question))
        answer = self.query_one("#field-answer", Line)
        with self.prevent(Input.Changed):
            answer.value = text
        answer.cursor_position = len(text)
        self.add_class("asking")
        answer.focus()

    def complain(self, text: str) -> None:
        """Say beside the line what is wrong with it; empty takes that away."""
        self.query_one("#message-answer", Label).update(Content(f" ! {text} " if text else ""))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell what is typed."""
        event.stop()
        self.complain(bad_line(event.value.strip(), self._maximum))
        if self.asking:
            self.post_message(self.Typed(self.asking, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter answers, when it is not too long."""
        event.stop()
        if not bad_line(event.value.strip(), self._maximum):
            self._finish(event.value)

    @on(DescendantBlur)
    def _left(self) -> None:
        """Whoever goes on elsewhere has found, or gave up the rest; another window is not meant."""
        if self.asking and self.app.app_focus:
            found = self.query_one("#field-answer", Line).value
            self._finish(found if self.asking == "find" else None)

    def action_cancel(self) -> None:
        """Escape gives up."""
        self._finish(None)

    def _finish(self, text: str | None) -> None:
        what, self.asking = self.asking, ""
        self.remove_class("asking")
        self.post_message(self.Answered(what, text))
