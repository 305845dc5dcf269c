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
from console.meeting.fold import replay
from console.tui.acts import BY_ID, key_name
from console.tui.dates import day, iso_day
from console.tui.lifecycle import Step, StepForm
from console.tui.page import Host, Page
from console.tui.phrases import clock
from protocol import events as e
from protocol import queries as q
from protocol.words import N_, _, n_, word

MAX_WIDTH = 100
PART = 500
MarkdownOf = Callable[[tuple[e.Recorded, ...], str], str]


def minutes_text(recorded: tuple[e.Recorded, ...], last_hash: str) -> str:
    """The minutes as Markdown. Raises MinutesError."""
    from console.minutes import minutes_of, rendered

    events = list(recorded)
    return rendered(minutes_of(replay(events), events, last_hash), "md").decode()


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


STATUS: dict[str, str] = {
    "open": N_("minutes|MEETING NOT CLOSED"),
    "draft": N_("minutes|DRAFT"),
    "submitted": N_("minutes|SUBMITTED"),
    "approved": N_("minutes|APPROVED"),
    "returned": N_("minutes|RETURNED"),
}
STEPS: dict[st.MinutesStatus, tuple[str, ...]] = {
    "draft": ("submit-minutes",),
    "returned": ("submit-minutes",),
    "submitted": ("approve-minutes", "return-minutes"),
    "approved": ("correct-minutes",),
}


class PreviewPage(Page):
    """Reads the events of one meeting, words them, shows them; follows the running meeting when
    asked (`r`). Below, the form of a step on their way from draft to approved."""

    takes = ("report",)
    holds_form = True

    def __init__(self, host: Host, meeting: str = "", minutes: MarkdownOf = minutes_text) -> None:
        super().__init__(host)
        self.record = st.MinutesRecord()
        self._plan = host.replica.meeting.plan
        self._is_over = False
        self._first: Step | None = None
        self._reading = False
        self._stepping = False
        self.meeting = meeting or host.replica.meeting.id
        self._minutes = minutes
        self._events: list[e.Recorded] = []
        self._text = ""
        self._state = _("Reading the journal…")
        self._title = ""

    def heading(self) -> str:
        """Whose minutes, and where they are on their way."""
        if not self._title:
            return _("MINUTES")
        return " · ".join((_("MINUTES"), self._status(), self._title))

    def _status(self) -> str:
        """`SUBMITTED 6 Feb 2019 14:10, Notulis`"""
        record = self.record
        words = word(STATUS[record.status if self._is_over else "open"])
        if record.at is not None:
            offset = self._plan.utc_offset_minutes
            when = f"{day(iso_day(record.at, offset))} {clock(record.at, offset, seconds=False)}"
            words = f"{words} {when}"
        said = [words, record.by]
        if record.status == "returned":
            said.append(record.reason)
        if count := len(record.corrections):
            said.append(n_("{n} erratum", "{n} errata", count).format(n=count))
        return ", ".join(one for one in said if one)

    def hint(self) -> str:
        """What goes on."""
        return self._state

    def keys(self) -> tuple[tuple[str, str, str], ...]:
        """Writing the files; reading anew."""
        return (
            ("r", _("Read again"), "screen.again"),
            ("x", _("Write the files"), "app.act('export')"),
            *(
                (key_name(BY_ID[act].keys[0]), word(BY_ID[act].title), f"app.act('{act}')")
                for act in self._steps()
            ),
            ("PgDn", _("Scroll"), "screen.down"),
        )

    def _steps(self) -> tuple[str, ...]:
        """The acts that are possible now."""
        if not self._is_over:
            return ()
        return STEPS[self.record.status]

    def body(self) -> ComposeResult:
        """The paper."""
        yield Paper()

    def open_step(self, step: Step) -> None:
        """Ask what the step needs, below the paper."""
        if not self._reading:
            self._first = step
            return
        if isinstance(self.form, StepForm):
            if self.form.step == step:
                return
            self.form.leave()
        host = self.host
        plan = self._plan
        by = {"submit": plan.note_taker, "approve": plan.chair_person, "return": plan.chair_person}
        person = by.get(step, plan.note_taker).name
        key = f"{step}:{self.meeting}"
        kept = host.kept.get(key) or host.replica.meeting.drafts.get(key, {})
        self.form = StepForm(step, self.meeting, person, self._places, kept, host.draft_after_s)
        self.mount(self.form, after=self.query_one(Paper))

    def close_form(self) -> None:
        """Take the form away; look again once the step is answered."""
        if self.form is not None:
            self.form.remove()
            self.form = None
        self._stepping = True
        self.query_one(Paper).focus()

    def _places(self, words: str) -> list[str]:
        from console.minutes import minutes_of
        from console.minutes.errata import places_of

        return places_of(minutes_of(replay(self._events), self._events, ""), words)

    def update_body(self, now: int) -> None:
        """A step was taken, here or elsewhere."""
        meeting = self.host.replica.meeting
        elsewhere = meeting.id == self.meeting and meeting.minutes != self.record
        if (elsewhere and self._text) or (self._stepping and not self.host.replica.unsent()):
            self._stepping = False
            self.action_again()

    def action_back(self) -> None:
        """From the form to the paper, from the paper away."""
        if self.form is not None:
            self.form.leave()
        else:
            super().action_back()

    def on_mount(self) -> None:
        """Read the journal."""
        self.query_one(Paper).focus()
        self.action_again()
        self._reading = True
        if self._first is not None:
            self.open_step(self._first)

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
        state = replay(self._events)
        self.record, self._plan = state.minutes, state.plan
        self._is_over = state.phase == "closed"
        self.show_keys()
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
