"""The minutes as they stand, to read: of the present meeting or of any earlier one.

Made here from the meeting's events by the same code that writes the files, in a thread.
"""

from collections.abc import Callable
from functools import partial

from rich.console import Console as RichConsole
from rich.markdown import Markdown
from rich.segment import Segment
from rich.style import Style
from rich.theme import Theme
from textual.app import ComposeResult
from textual.binding import Binding
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.meeting import state as st
from console.tui.dates import day, iso_day
from console.tui.page import Host, Page
from protocol import events as e
from protocol import queries as q
from protocol.words import _

MAX_WIDTH = 100
PART = 500
MarkdownOf = Callable[[tuple[e.Recorded, ...], str], str]


def minutes_text(recorded: tuple[e.Recorded, ...], last_hash: str) -> str:
    """The minutes as Markdown. Raises MinutesError."""
    from console.minutes import minutes_of, rendered

    events = list(recorded)
    return rendered(minutes_of(st.replay(events), events, last_hash), "md").decode()


def typeset(text: str, width: int, colors: dict[str, str]) -> list[list[Segment]]:
    """Markdown as lines of that width."""
    theme = Theme(
        {
            "markdown.h1": f"bold {colors['accent']}",
            "markdown.h2": f"bold {colors['accent']}",
            "markdown.h3": f"bold {colors['accent']}",
            "markdown.h4": "bold",
            "markdown.h5": "bold",
            "markdown.block_quote": colors["warning"],
            "markdown.code": colors["foreground"],
            "markdown.item.number": colors["accent"],
            "markdown.hr": colors["foreground"],
            "markdown.table.border": colors["accent"],
            "markdown.table.header": f"bold {colors['accent']}",
        }
    )
    console = RichConsole(width=width, theme=theme, color_system="truecolor", force_terminal=True)
    options = console.options.update(width=width)
    return console.render_lines(Markdown(text), options, pad=False)


class Paper(ScrollView, can_focus=True, inherit_bindings=False):
    """Lines to scroll."""

    BINDINGS = [
        Binding("up,k", "scroll_up", show=False),
        Binding("down,j", "scroll_down", show=False),
        Binding("pageup", "page_up", show=False),
        Binding("pagedown,space", "page_down", show=False),
        Binding("home", "scroll_home", show=False),
        Binding("end", "scroll_end", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="paper")
        self.lines: list[list[Segment]] = []

    def show(self, lines: list[list[Segment]]) -> None:
        """Other lines."""
        self.lines = lines
        self.virtual_size = Size(0, len(lines))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line, in the middle of a wide screen."""
        width, base = self.scrollable_content_region.width, self.rich_style
        index = y + self.scroll_offset.y
        if index >= len(self.lines):
            return Strip.blank(width, base)
        left = max(1, (width - MAX_WIDTH) // 2)
        made = [Segment(" " * left, base)]
        for text, style, _control in self.lines[index]:
            made.append(Segment(text, base + _plain(style)))
        return Strip(made).adjust_cell_length(width, base)


def _plain(style: Style | None) -> Style:
    """Without the background and the links of Markdown's own styles."""
    if style is None:
        return Style.null()
    return Style(color=style.color, bold=style.bold, italic=style.italic, underline=style.underline)


class PreviewPage(Page):
    """Reads the events of one meeting, words them, shows them; follows the running meeting when
    asked (`r`)."""

    takes = ("report",)

    def __init__(self, host: Host, meeting: str = "", minutes: MarkdownOf = minutes_text) -> None:
        super().__init__(host)
        self.meeting = meeting or host.replica.meeting.id
        self._minutes = minutes
        self._events: list[e.Recorded] = []
        self._text = ""
        self._state = _("Reading the journal…")
        self._title = ""

    def heading(self) -> str:
        """Whose minutes."""
        return _("MINUTES") + (f" · {self._title}" if self._title else "")

    def hint(self) -> str:
        """What goes on."""
        return self._state

    def keys(self) -> tuple[tuple[str, str, str], ...]:
        """Writing the files; reading anew."""
        return (
            ("r", _("Read again"), "screen.again"),
            ("x", _("Write the files"), "app.act('export')"),
            ("PgDn", _("Scroll"), "screen.down"),
        )

    def body(self) -> ComposeResult:
        """The paper."""
        yield Paper()

    def on_mount(self) -> None:
        """Read the journal."""
        self.query_one(Paper).focus()
        self.action_again()

    def take_report(self) -> None:
        """`r` here."""
        self.action_again()

    def action_down(self) -> None:
        """By mouse."""
        self.query_one(Paper).scroll_page_down(animate=False)

    def action_again(self) -> None:
        """Read what is new and show the minutes as they are now."""
        after = self._events[-1].seq if self._events else 0
        self.host.ask(q.ReadJournal(self.meeting, after, PART), self._told)

    def _told(self, found: q.Found | None, why: str) -> None:
        if not self.is_attached:
            return
        if not isinstance(found, q.Events):
            self._state = _("Not found out: {reason}").format(reason=why)
            self.label()
            return
        self._events += found.events
        if found.more:
            self.action_again()
            return
        self._entitle()
        work = partial(self._make, tuple(self._events), found.last_hash)
        self.run_worker(work, group="minutes", exclusive=True, thread=True)

    def _entitle(self) -> None:
        state = st.replay(self._events)
        at = state.opened_at or state.convened_at
        when = day(iso_day(at, state.plan.utc_offset_minutes)) if at else ""
        self._title = " · ".join(part for part in (state.plan.title, when) if part)

    def _make(self, events: tuple[e.Recorded, ...], last_hash: str) -> None:
        try:
            text, said = self._minutes(events, last_hash), ""
        except Exception as error:  # whatever a writer meets is for the operator to read
            text, said = "", _("The minutes were not written: {reason}").format(reason=error)
        lines = self._typeset(text)
        self.app.call_from_thread(self._made, text, lines, said)

    def _typeset(self, text: str) -> list[list[Segment]]:
        width = max(40, min(MAX_WIDTH, self.app.size.width - 4))
        colors = self.app.theme_variables
        return typeset(text, width, colors)

    def _made(self, text: str, lines: list[list[Segment]], said: str) -> None:
        if self.is_attached:
            self._text, self._state = text, said
            self.query_one(Paper).show(lines)
            self.label()

    def on_resize(self) -> None:
        """Other lines for another width."""
        if self._text:
            self.query_one(Paper).show(self._typeset(self._text))
