"""All sites in pictures: what each camera sees, whether its microphone is open, how loud it is.

One widget with the Line API; of a tile only the lines that changed are drawn again.
"""

from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.binding import Binding
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.tui import phrases, picture
from console.tui.graphics import Painter
from console.tui.page import Page
from console.tui.roster import Roster, level_bar
from console.tui.views import RosterRow
from protocol.words import _, n_, word

LEAST_WIDTH = 15
LABEL_LINES = 2
_MARKS = {"chair": "★", "floor": "▶", "lost": "▶", "suspended": "‖", "spoken": "✓", "audience": "·"}


class Tile(NamedTuple):
    """What a tile shows."""

    row: RosterRow
    jpeg: bytes


class Grid(NamedTuple):
    """How tiles are laid out: columns, cells of width and lines of height of each."""

    columns: int
    width: int
    height: int


def grid_for(count: int, width: int, height: int) -> Grid:
    """The largest tiles with which all are in sight; the smallest, to scroll, when none are."""
    most = max(1, width // LEAST_WIDTH)
    for columns in range(1, most + 1):
        tile = width // columns
        high = picture.rows_for(tile - 1) + LABEL_LINES
        if -(-count // columns) * high <= height:
            return Grid(columns, tile, high)
    tile = width // most
    return Grid(most, tile, picture.rows_for(tile - 1) + LABEL_LINES)


class Mosaic(ScrollView, can_focus=True, inherit_bindings=False):
    """The tiles; `Moved` when another site is selected."""

    COMPONENT_CLASSES = {
        f"mosaic--{name}"
        for name in ("name", "selected", "floor", "lost", "dim", "good", "warn", "alarm", "live")
    }
    BINDINGS = [
        Binding("left", "move(-1)", show=False),
        Binding("right", "move(1)", show=False),
        Binding("up,k", "row(-1)", show=False),
        Binding("down,j", "row(1)", show=False),
        Binding("home", "move(-1000)", show=False),
        Binding("end", "move(1000)", show=False),
    ]

    class Moved(Message):
        """Another site is selected."""

        def __init__(self, site: str) -> None:
            self.site = site
            super().__init__()

    def __init__(self, plain: bool, painter: Painter) -> None:
        super().__init__(id="mosaic")
        self._plain = plain
        self._painter = painter
        self.tiles: tuple[Tile, ...] = ()
        self.selected = 0
        self.grid = Grid(1, 1, 1)

    # -- what it shows ---------------------------------------------------------------------------

    def show(self, tiles: tuple[Tile, ...], site: str | None) -> None:
        """These tiles, this site selected."""
        before, self.tiles = self.tiles, tiles
        chosen = next((i for i, one in enumerate(tiles) if one.row.site == site), 0)
        moved = {self.selected, chosen} if chosen != self.selected else set()
        self.selected = chosen
        if len(before) != len(tiles):
            self._lay_out()
            return
        for index, (old, new) in enumerate(zip(before, tiles, strict=True)):
            if old.jpeg is not new.jpeg:
                self._refresh_tile(index, self.grid.height)
            elif old.row != new.row or index in moved:
                self._refresh_tile(index, LABEL_LINES)

    def on_resize(self) -> None:
        """Other tiles for another size."""
        self._lay_out()

    def _lay_out(self) -> None:
        size = self.scrollable_content_region.size
        self.grid = grid_for(len(self.tiles), max(1, size.width), max(1, size.height))
        rows = -(-len(self.tiles) // self.grid.columns)
        self.virtual_size = Size(0, rows * self.grid.height)
        self.refresh()

    def _place(self, index: int) -> tuple[int, int]:
        row, column = divmod(index, self.grid.columns)
        return column * self.grid.width, row * self.grid.height

    def _refresh_tile(self, index: int, lines: int) -> None:
        x, y = self._place(index)
        self.refresh(Region(x, y - self.scroll_offset.y, self.grid.width, lines))

    # -- choosing --------------------------------------------------------------------------------

    def action_move(self, step: int) -> None:
        """To another tile."""
        chosen = max(0, min(self.selected + step, len(self.tiles) - 1))
        if self.tiles and chosen != self.selected:
            before, self.selected = self.selected, chosen
            for index in (before, chosen):
                self._refresh_tile(index, LABEL_LINES)
            y = self._place(chosen)[1]
            self.scroll_to_region(Region(0, y, 1, self.grid.height), animate=False)
            self.post_message(self.Moved(self.tiles[chosen].row.site))

    def action_row(self, step: int) -> None:
        """One line of tiles up or down."""
        if 0 <= self.selected + step * self.grid.columns < len(self.tiles):
            self.action_move(step * self.grid.columns)

    def on_click(self, event: Click) -> None:
        """Select."""
        column = event.x // self.grid.width
        index = (event.y + self.scroll_offset.y) // self.grid.height * self.grid.columns + column
        if column < self.grid.columns and index < len(self.tiles):
            self.action_move(index - self.selected)

    # -- drawing ---------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """One line through a row of tiles."""
        width, base = self.scrollable_content_region.width, self.rich_style
        row, line = divmod(y + self.scroll_offset.y, self.grid.height)
        begin = row * self.grid.columns
        segments: list[Segment] = []
        for index in range(begin, min(begin + self.grid.columns, len(self.tiles))):
            segments += self._line_of(index, line, base)
        return Strip(segments).adjust_cell_length(width, base)

    def _line_of(self, index: int, line: int, base: Style) -> list[Segment]:
        tile, wide = self.tiles[index], self.grid.width - 1
        gap = Segment(" ", base)
        if line == 0:
            return [self._heading_of(tile.row, index == self.selected, wide), gap]
        if line == 1:
            return [*self._state(tile.row, wide, base), gap]
        high = self.grid.height - LABEL_LINES
        lines = self._painter.drawn(tile.row.site, tile.jpeg, wide, high, self._plain)
        if line - LABEL_LINES < len(lines):
            return [*lines[line - LABEL_LINES], gap]
        text = _("no picture") if line == LABEL_LINES and not lines else ""
        return [Segment(set_cell_size(f" {text}", wide), self._named("dim")), gap]

    def _heading_of(self, row: RosterRow, selected: bool, wide: int) -> Segment:
        mark = str(row.queue) if row.place == "queue" else _MARKS.get(row.place, "")
        if row.place == "panel":
            mark = word("letter of the panel|P")
        text = f"{'▌' if selected else ' '}{mark} {row.name}"
        if cell_len(text) > wide:
            text = set_cell_size(text, wide - 1) + "…"
        style = {"floor": "floor", "lost": "lost"}.get(row.place, "name")
        return Segment(set_cell_size(text, wide), self._named("selected" if selected else style))

    def _state(self, row: RosterRow, wide: int, base: Style) -> list[Segment]:
        text, style = word(phrases.MICROPHONE[row.microphone]), "dim"
        if row.link in ("offline", "connecting"):
            text, style = word(phrases.LINK[row.link]), "warn"
        elif row.microphone in ("live", "alarm"):
            style = row.microphone
        elif row.microphone in ("muting", "opening", "no-sound"):
            style = "warn"
        elif row.camera_s:
            text, style = f"! {phrases.camera(row)}", "warn"
        text = set_cell_size(text, min(cell_len(text), wide - 2))
        cells = max(0, min(5, wide - cell_len(text) - 3))
        bar = level_bar(row.level, cells) if row.link != "offline" else ""
        said = Segment(f" {text} ", self._named(style))
        rest = wide - said.cell_length
        return [said, Segment(set_cell_size(bar.rjust(rest), rest), self._named("good"))]

    def _named(self, name: str) -> Style:
        return self.get_component_rich_style(f"mosaic--{name}")


class MosaicPage(Page):
    """Arrows choose a site, Enter gives it the floor; all acts on a site work here."""

    shows_sites = True
    watches = "all"

    def heading(self) -> str:
        """How many are connected."""
        view = self.host.replica.floor(self.host.clock())
        count = n_("{n} connected", "{n} connected", view.connected).format(n=view.connected)
        return _("ALL SITES IN PICTURES") + f" · {count}"

    def hint(self) -> str:
        """The selected site in words."""
        mosaic = self.query_one(Mosaic)
        if mosaic.selected < len(mosaic.tiles):
            return phrases.describe(mosaic.tiles[mosaic.selected].row)
        return ""

    def keys(self) -> tuple[tuple[str, str, str], ...]:
        """The acts one comes here for."""
        return (
            ("n", word("key bar|Next"), "app.act('call-next')"),
            ("Enter", word("key bar|Give floor"), "app.act('grant-floor')"),
            ("m", word("key bar|Mute"), "app.act('mute')"),
            ("e", word("key bar|End"), "app.act('end-turn')"),
        )

    def body(self) -> ComposeResult:
        """The tiles."""
        yield Mosaic(self.host.plain, self.host.painter)

    def on_mount(self) -> None:
        """Arrows move at once."""
        self.query_one(Mosaic).focus()

    def update_body(self, now: int) -> None:
        """Rows and pictures as they are now."""
        replica = self.host.replica
        tiles = tuple(Tile(row, replica.preview(row.site, now)) for row in replica.rows(now))
        self.query_one(Mosaic).show(tiles, self._roster.selected)

    @property
    def _roster(self) -> Roster:
        return self.app.screen_stack[0].query_one(Roster)

    def on_mosaic_moved(self, event: Mosaic.Moved) -> None:
        """The meeting's screen selects the same site."""
        self._roster.select(event.site)
        self._roster.post_message(Roster.Moved())
        self.label()
