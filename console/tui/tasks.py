"""The follow-ups on a report card: those being noted, and those still open from before."""

from collections.abc import Sequence

from textual.binding import Binding
from textual.content import Content
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget

from console.tui.dates import day, distance
from console.tui.phrases import one_line
from console.tui.views import TaskShown
from protocol.words import _, n_


class Tasks(Widget, can_focus=True, inherit_bindings=False):
    """A line each: `+` what the card adds, `☐` open, `☑` done. Space or a click on it marks one
    done or open again, Enter marks it done and asks how; each takes one that is being noted back
    into its fields. A click leaves the focus where it is: what is typed next still goes into its
    field."""

    FOCUS_ON_CLICK = False
    BINDINGS = [
        Binding("up", "step(-1)", show=False),
        Binding("down", "step(1)", show=False),
        Binding("space", "take", show=False),
        Binding("enter", "take(True)", show=False),
    ]
    cursor: reactive[int] = reactive(0)

    class Taken(Message):
        """The line of the follow-up was chosen."""

        def __init__(self, task: TaskShown, *, ask: bool = False) -> None:
            self.task = task
            self.ask = ask
            super().__init__()

    def __init__(self) -> None:
        super().__init__(id="tasks")
        self.auto_links = False
        self.tasks: tuple[TaskShown, ...] = ()
        self.today = ""

    def show(self, tasks: Sequence[TaskShown], today: str) -> None:
        """Other lines; the cursor stays on its line's number."""
        if (tuple(tasks), today) != (self.tasks, self.today):
            self.tasks, self.today = tuple(tasks), today
            self.cursor = min(self.cursor, max(0, len(tasks) - 1))
            self.refresh(layout=True)

    @property
    def top(self) -> int:
        """The first line in sight."""
        room = max(1, self.size.height - 1)
        return max(0, min(self.cursor - room + 1, len(self.tasks) - room))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A line each and one above."""
        return len(self.tasks) + 1

    def render(self) -> Content:
        """A heading, then as many as there is room for."""
        still = sum(not (one.done or one.new) for one in self.tasks)
        if not self.tasks:
            return Content.styled(" " + _("No follow-up is open here."), "$dim")
        count = n_("{n} follow-up open", "{n} follow-ups open", still).format(n=still)
        lines = [Content.styled(f" {count} · " + _("Space marks done, Enter asks how"), "$dim")]
        for index, one in enumerate(self.tasks[self.top :], self.top):
            lines.append(self._line(index, one))
        return Content("\n").join(lines[: max(1, self.size.height)])

    def _line(self, index: int, one: TaskShown) -> Content:
        mark, style = "☐", ""
        if one.new:
            mark, style = "+", "$success"
        elif one.done:
            mark, style = "☑", "$dim"
        elif distance(one.due, self.today)[1] == "overdue":
            mark, style = "☐ !", "bold $error"
        origin = _("noted {day}").format(day=day(one.origin)) if one.origin else ""
        parts = [one_line(one.how), day(one.due) if one.due else "", one.owner, origin]
        rest = " · ".join(part for part in parts if part)
        text = Content.assemble(
            (f" {mark} ", style), (one_line(one.text), style), (f"  {rest}" if rest else "", "$dim")
        )
        if index == self.cursor and self.has_focus:
            text = text.stylize("reverse")
        return text.stylize(Style.from_meta({"task": index}))

    def action_step(self, step: int) -> None:
        """The next line or the one before."""
        self.cursor = max(0, min(len(self.tasks) - 1, self.cursor + step))

    def action_take(self, ask: bool = False) -> None:
        """The line under the cursor; `ask` how it was done."""
        if self.tasks:
            self.post_message(self.Taken(self.tasks[self.cursor], ask=ask))

    def on_click(self, event: Click) -> None:
        """The line clicked."""
        index = event.style.meta.get("task")
        if isinstance(index, int) and index < len(self.tasks):
            event.stop()
            self.cursor = index
            self.action_take()
