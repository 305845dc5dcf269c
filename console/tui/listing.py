"""A list to choose from: one line a row, columns that fit the width, the cursor in sight.

One ScrollView with the Line API, as the roster: ten thousand rows cost no more than those in sight.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

Cell = tuple[str, str]
"""Text and the name of its style (empty: the row's own)."""


@dataclass(frozen=True)
class Column:
    """`width` in cells; 0 takes a share of what is left. Shown from a width of the list on."""

    title: str
    width: int = 0
    right: bool = False
    from_width: int = 0


@dataclass(frozen=True)
class Row:
    """`key` names what the row stands for; as many cells as there are columns."""

    key: str
    cells: tuple[Cell, ...]


class Listing(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows under a header. `Chosen` when one is opened, `Moved` when the cursor is elsewhere."""

    STYLES = ("header", "cursor", "dim", "good", "warn", "bad", "accent", "strong", "alarm")
    COMPONENT_CLASSES = {f"listing--{name}" for name in STYLES}
    BINDINGS = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "move(-1000000)", show=False),
        Binding("end", "move(1000000)", show=False),
        Binding("enter", "choose", show=False),
    ]
    cursor: reactive[int] = reactive(0, repaint=False)

    class Chosen(Message):
        """The operator opened a row."""

        def __init__(self, key: str) -> None:
            self.key = key
            super().__init__()

    class Moved(Message):
        """The cursor is on another row."""

        def __init__(self, key: str) -> None:
            self.key = key
            super().__init__()

    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__(id="listing")
        self.columns = tuple(columns)
        self.rows: tuple[Row, ...] = ()

    def show(self, rows: Sequence[Row], *, at_end: bool = False) -> None:
        """Show these rows; the cursor stays on its row, or goes to the last one."""
        key = self.selected
        before, self.rows = len(self.rows), tuple(rows)
        self.virtual_size = Size(0, len(self.rows) + 1)
        places = {row.key: index for index, row in enumerate(self.rows)}
        place = len(self.rows) - 1 if at_end else places.get(key, self.cursor)
        self.cursor = max(0, place)
        self.refresh()
        if self.selected != key or not before:
            self.post_message(self.Moved(self.selected))

    @property
    def selected(self) -> str:
        """The key of the row under the cursor; empty when there is none."""
        return self.rows[self.cursor].key if 0 <= self.cursor < len(self.rows) else ""

    @property
    def is_at_end(self) -> bool:
        """True while the cursor is on the last row."""
        return self.cursor >= len(self.rows) - 1

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor on a row."""
        return max(0, min(cursor, len(self.rows) - 1))

    def watch_cursor(self, old: int, new: int) -> None:
        """Draw the two lines and keep the cursor in sight."""
        for index in (old, new):
            y = index + 1 - self.scroll_offset.y
            if y >= 1:
                self.refresh(Region(0, y, self.size.width, 1))
        top, room = self.scroll_offset.y, self.scrollable_content_region.height - 1
        if room < 1:
            return
        if new < top:
            self.scroll_to(y=new, animate=False)
        elif new >= top + room:
            self.scroll_to(y=new - room + 1, animate=False)

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self.watch_cursor(self.cursor, self.cursor)

    def action_move(self, step: int) -> None:
        """Move the cursor."""
        before = self.selected
        self.cursor += step
        if self.selected != before:
            self.post_message(self.Moved(self.selected))

    def action_page(self, step: int) -> None:
        """Move by what is in sight."""
        self.action_move(step * max(1, self.scrollable_content_region.height - 2))

    def action_choose(self) -> None:
        """Open the row."""
        if self.selected:
            self.post_message(self.Chosen(self.selected))

    def on_click(self, event: Click) -> None:
        """Select; the selected one is opened."""
        index = event.y + self.scroll_offset.y - 1
        if event.y == 0 or not 0 <= index < len(self.rows):
            return
        self.focus()
        if index == self.cursor:
            self.action_choose()
        else:
            self.action_move(index - self.cursor)

    # -- drawing ---------------------------------------------------------------------------------

    def widths(self, width: int) -> list[tuple[int, Column, int]]:
        """The columns shown at this width: index, column, cells."""
        shown = [(i, c) for i, c in enumerate(self.columns) if c.from_width <= width]
        flexible = sum(not c.width for _i, c in shown)
        left = width - 1 - sum(c.width + 1 for _i, c in shown)
        share, rest = divmod(max(0, left), flexible) if flexible else (0, 0)
        made = []
        for index, column in shown:
            size = column.width
            if not size:
                size, rest = share + (1 if rest else 0), max(0, rest - 1)
            made.append((index, column, size))
        return made

    def render_line(self, y: int) -> Strip:
        """One line of the screen: the header stays at the top."""
        width = self.scrollable_content_region.width
        if y == 0:
            style = self.get_component_rich_style("listing--header")
            cells = [
                (self._fit(column.title, size, column.right), style)
                for _index, column, size in self.widths(width)
            ]
            return self._strip(cells, style, width, " ")
        index = y - 1 + self.scroll_offset.y
        if index >= len(self.rows):
            return Strip.blank(width, self.rich_style)
        base, mark = self.rich_style, " "
        if index == self.cursor:
            base, mark = base + self.get_component_rich_style("listing--cursor"), "▌"
        row = self.rows[index]
        cells = []
        for number, column, size in self.widths(width):
            text, name = row.cells[number]
            style = base if not name else base + self._named(name)
            cells.append((self._fit(text, size, column.right), style))
        return self._strip(cells, base, width, mark)

    def _named(self, name: str) -> Style:
        return self.get_component_rich_style(f"listing--{name}", partial=True)

    @staticmethod
    def _fit(text: str, size: int, right: bool) -> str:
        if cell_len(text) > size:
            return set_cell_size(text, max(0, size - 1)) + "…" if size else ""
        return text.rjust(size - cell_len(text) + len(text)) if right else set_cell_size(text, size)

    @staticmethod
    def _strip(cells: Sequence[tuple[str, Style]], base: Style, width: int, mark: str) -> Strip:
        segments = [Segment(mark, base)]
        for text, style in cells:
            segments += [Segment(text, style), Segment(" ", base)]
        return Strip(Segment.simplify(segments)).adjust_cell_length(width, base)
