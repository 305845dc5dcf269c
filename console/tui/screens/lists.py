"""What the pages with a list have in common: words to search for, the rows, one row in full."""

from collections.abc import Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.events import Key
from textual.timer import Timer
from textual.widgets import Input, Static

from console.tui.dates import iso_day
from console.tui.fields import Field, bad_line
from console.tui.listing import Column, Listing, Row
from console.tui.page import Host, Page
from protocol import queries as q
from protocol.words import _

SEARCH_AFTER_S = 0.2
MAX_SEARCH = 200


class ListPage(Page):
    """Asks the journal once more whenever the words change. A subclass says what (`question`) and
    how it is shown (`columns`, `rows_of`, `detail`)."""

    takes: ClassVar[tuple[str, ...]] = ("find",)
    detail_lines = 0

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.found: Any = None
        self.trouble = ""
        self._asked = 0
        self._timer: Timer | None = None

    def body(self) -> ComposeResult:
        """The search field, the list, the row in full."""
        search = Field(_("Search"), "", self.search_hint(), "search")
        search.id = "search"
        yield search
        with Vertical(id="listing-and-detail"):
            yield Listing(self.columns())
            with VerticalScroll(id="detail", can_focus=False) as detail:
                detail.styles.height = self.detail_lines
                detail.display = bool(self.detail_lines)
                yield Static(id="detail-text")

    def keys(self) -> tuple[tuple[str, str, str], ...]:
        """Searching."""
        return (("/", _("Search"), "screen.search"),)

    def on_mount(self) -> None:
        """Ask for everything."""
        self.query_one(Listing).focus()
        self.look()

    # -- searching -------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """What is searched for; nothing else when it is too long."""
        return self.query_one(Field).value[:MAX_SEARCH]

    def take_find(self) -> None:
        """`/` searches in this list."""
        self.action_search()

    def action_search(self) -> None:
        """To the search field."""
        self.query_one("#field-search").focus()

    @on(Input.Changed, "#field-search")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.query_one(Field).complain(bad_line(event.value.strip(), MAX_SEARCH))
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(SEARCH_AFTER_S, self.look)

    @on(Input.Submitted, "#field-search")
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.look()
        self.query_one(Listing).focus()

    def on_key(self, event: Key) -> None:
        """From the search field down into the list."""
        if event.key == "down" and isinstance(self.focused, Input):
            event.stop()
            self.query_one(Listing).focus()

    def action_back(self) -> None:
        """From the field to the list, from the list away."""
        if isinstance(self.focused, Input):
            self.query_one(Listing).focus()
        else:
            super().action_back()

    def look(self) -> None:
        """Ask anew; only the answer to the last question counts."""
        self._asked += 1
        number = self._asked

        def told(found: q.Found | None, why: str) -> None:
            if number == self._asked and self.is_attached:
                self.trouble = why
                if found is not None:
                    self.found = found
                    self.query_one(Listing).show(self.rows_of(found))
                self.label()
                self.show_detail()

        self.host.ask(self.question(self.text), told)

    @on(Listing.Moved)
    def _moved(self) -> None:
        self.show_detail()

    def show_detail(self) -> None:
        """The row under the cursor in full."""
        if self.detail_lines:
            selected = self.query_one(Listing).selected
            text = self.detail(selected) if selected else Content("")
            self.query_one("#detail-text", Static).update(text)
            self.query_one("#detail").scroll_home(animate=False)

    def hint(self) -> str:
        """What went wrong, or what Enter does."""
        if self.trouble:
            return _("Not found out: {reason}").format(reason=self.trouble)
        if self.found is not None and getattr(self.found, "more", False):
            return _("There is more than this list holds: search for a word.")
        return ""

    # -- of the subclass -------------------------------------------------------------------------

    def question(self, text: str) -> q.QueryBody:
        """What to ask for these words."""
        raise NotImplementedError

    def search_hint(self) -> str:
        """What one may search for."""
        return ""

    def columns(self) -> Sequence[Column]:
        """The list's columns."""
        raise NotImplementedError

    def rows_of(self, found: Any) -> Sequence[Row]:
        """The answer as rows."""
        raise NotImplementedError

    def detail(self, key: str) -> Content:
        """One row in full."""
        return Content("")

    # -- time ------------------------------------------------------------------------------------

    @property
    def offset_minutes(self) -> int:
        """The zone times are shown in: that of the present meeting."""
        return self.host.replica.meeting.plan.utc_offset_minutes

    @property
    def today(self) -> str:
        """The day at the server, where the meeting is."""
        return iso_day(self.host.replica.server_now(self.host.clock()), self.offset_minutes)
