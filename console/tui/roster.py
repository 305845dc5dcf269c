"""The roster: every site of the meeting, one line each, whatever state it is in.

One ScrollView with the Line API; only the lines that changed are drawn again. State is told by
letter and place as well as by colour.
"""

from collections.abc import Callable
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

from console.tui import phrases
from console.tui.views import RosterRow
from protocol.words import N_, word

LEVEL_FLOOR_DB = 60
LEVEL_CELLS, SHORT_LEVEL = 5, 3
_EIGHTHS = " ▏▎▍▌▋▊▉"
Cell = tuple[str, str]
"""Text and the name of its style (empty: the row's own)."""


@dataclass(frozen=True)
class Column:
    """A column: `act` is what a click on it does on the selected site, `from_width` the least
    width of the roster at which it is shown."""

    id: str
    header: str
    width: int
    cell: Callable[[RosterRow, int], list[Cell]]
    act: str = ""
    from_width: int = 0
    until_width: int = 10_000
    right: bool = False


def _place(row: RosterRow, width: int) -> list[Cell]:
    match row.place:
        case "chair":
            return [("★", "accent")]
        case "floor":
            return [("▶", "good")]
        case "lost":
            return [("▶", "warn")]
        case "panel":
            return [(word(N_("letter of the panel|P")), "good")]
        case "suspended":
            return [("‖", "warn")]
        case "queue" if row.ready:
            return [(f"›{row.queue}", "accent")]
        case "queue":
            return [(str(row.queue), "")]
        case "spoken":
            return [("✓", "dim")]
        case _:
            return [("·", "dim")]


def _name(row: RosterRow, width: int) -> list[Cell]:
    dim = row.link == "offline" or row.attendance in ("absent", "excused")
    style = "dim" if dim else "name"
    marks = phrases.forced(row)
    if not marks:
        return [(row.name, style)]
    name, room = row.name, width - cell_len(marks) - 1
    if cell_len(name) > room:
        name = set_cell_size(name, max(0, room - 1)) + "…"
    return [(set_cell_size(name, room), style), (f" {marks}", "accent")]


def _officer(row: RosterRow, width: int) -> list[Cell]:
    return [(f"{row.title} · {row.note}" if row.note else row.title, "dim")]


def _attendance(row: RosterRow, width: int) -> list[Cell]:
    letter = word(phrases.ATTENDANCE_LETTERS[row.attendance])
    styles = {"present": "good", "represented": "good", "late": "warn", "unmarked": "dim"}
    return [(letter, styles.get(row.attendance, "bad"))]


_LINK_MARKS = {"connected": ("●", "good"), "connecting": ("◐", "warn"), "offline": ("○", "bad")}


def _link(row: RosterRow, width: int) -> list[Cell]:
    if row.link == "grace":
        return [(f"{row.grace_s:>2} s", "alarm")]
    mark, style = _LINK_MARKS[row.link]
    if width < 8:
        ((heard, heard_style),) = _clarity(row, width)
        gap = " " * (width - cell_len(mark + heard))
        return [(mark, style), (gap + heard, heard_style)] if heard else [(mark, style)]
    text_style = "dim" if row.link == "connected" else style
    return [(mark, style), (f" {word(phrases.LINK[row.link])}", text_style)]


_MICROPHONE_STYLES = {
    "live": "live",
    "muted": "dim",
    "muting": "dim",
    "opening": "dim",
    "alarm": "alarm",
    "no-sound": "bad",
    "unknown": "dim",
    "away": "dim",
}


def _microphone(row: RosterRow, width: int) -> list[Cell]:
    text = word(phrases.MICROPHONE[row.microphone])
    style = _MICROPHONE_STYLES[row.microphone]
    if row.behind_s:
        return [(word(phrases.BEHIND[row.microphone]).format(s=row.behind_s), "late")]
    if row.microphone in ("live", "alarm"):
        text = f" {text} "
    return [(text, style)]


def level_bar(level: int, cells: int = LEVEL_CELLS) -> str:
    """A level in -dBov (127: silence) as a bar of `cells` characters."""
    filled = max(0, min(LEVEL_FLOOR_DB, LEVEL_FLOOR_DB - level)) * cells * 8 // LEVEL_FLOOR_DB
    whole, rest = divmod(filled, 8)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(cells)[:cells]


def _level(row: RosterRow, width: int) -> list[Cell]:
    if row.microphone == "away":
        return [("", "")]
    style = "level-live" if row.microphone == "live" else "level"
    if row.microphone == "alarm":
        style = "level-alarm"
    return [(level_bar(row.level, width), style)]


_CAMERA_MARKS = {"live": ("▣", "good"), "low": ("▫", "dim"), "off": ("", ""), "away": ("", "")}


def _camera(row: RosterRow, width: int) -> list[Cell]:
    if row.camera_s:
        sign = f"!{row.camera_s}" if row.camera_s < 100 else "!…"
        return [(sign[:width], "late")]
    return [_CAMERA_MARKS.get(row.camera, ("◐", "dim"))]


def _hand(row: RosterRow, width: int) -> list[Cell]:
    return [("", "")] if row.hand is None else [(f"↑{row.hand}", "warn")]


_REPORT_MARKS = {
    "done": ("✓", "good"),
    "draft": ("✎", "warn"),
    "missing": ("!", "bad"),
    "none": ("", ""),
}


def _report(row: RosterRow, width: int) -> list[Cell]:
    mark, style = _REPORT_MARKS[row.report]
    if width < 8 or not mark:
        return [(mark, style)]
    return [(mark, style), (f" {word(phrases.REPORT[row.report])}", "dim")]


def _spoken(row: RosterRow, width: int) -> list[Cell]:
    return [(phrases.minutes(row.spoken_s) if row.spoken_s else "", "")]


def _rtt(row: RosterRow, width: int) -> list[Cell]:
    if row.rtt_ms is None:
        return [("", "")]
    return [(f"{row.rtt_ms:.0f} ms", "warn" if row.rtt_ms > 400 else "dim")]


def _loss(row: RosterRow, width: int) -> list[Cell]:
    if row.loss_percent is None:
        return [("", "")]
    style = "bad" if row.loss_percent >= 10 else "warn" if row.loss_percent >= 3 else "dim"
    return [(f"{row.loss_percent:.0f} %", style)]


def _clarity(row: RosterRow, width: int) -> list[Cell]:
    if not row.clarity:
        return [("", "")]
    fair, poor = (least for least, _said in phrases.CLARITY[1:3])
    if row.clarity < poor:
        return [(f"{phrases.figure(row.clarity)}!", "bad")]
    return [(phrases.figure(row.clarity), "warn" if row.clarity < fair else "dim")]


COLUMNS: tuple[Column, ...] = (
    Column("place", N_("column|#"), 2, _place, right=True),
    Column("name", N_("column|Site"), 13, _name),
    Column("officer", N_("column|Officer"), 24, _officer, from_width=117),
    Column("attendance", N_("column|Att"), 3, _attendance, act="attendance"),
    Column("link", N_("column|Link"), 5, _link, until_width=68),
    Column("link-word", N_("column|Connection"), 12, _link, from_width=68),
    Column("clarity", N_("column|Clar"), 4, _clarity, from_width=68),
    Column("rtt", N_("column|RTT"), 7, _rtt, from_width=92, right=True),
    Column("loss", N_("column|Loss"), 6, _loss, from_width=92, right=True),
    Column("microphone", N_("column|Mic"), 9, _microphone, act="mute"),
    Column("level-short", N_("column|Lvl"), SHORT_LEVEL, _level, act="mute", until_width=68),
    Column("level", N_("column|Level"), LEVEL_CELLS, _level, act="mute", from_width=68),
    Column("camera-short", N_("column|C"), 1, _camera, until_width=68),
    Column("camera", N_("column|Cam"), 3, _camera, from_width=68),
    Column("hand", N_("column|Hnd"), 3, _hand, act="hand"),
    Column("spoken", N_("column|Spoken"), 7, _spoken, from_width=76, right=True),
    Column("report", N_("column|Rep"), 3, _report, act="report", until_width=130),
    Column("report-word", N_("column|Report"), 16, _report, act="report", from_width=130),
)


def columns_for(width: int) -> list[tuple[Column, int]]:
    """The columns shown at this width and their widths; the name takes what is left."""
    shown = [c for c in COLUMNS if c.from_width <= width < c.until_width]
    used = sum(c.width for c in shown) + len(shown)
    spare = max(-4, width - used - 1)
    return [(c, c.width + min(spare, 12) if c.id == "name" else c.width) for c in shown]


class Roster(ScrollView, can_focus=True, inherit_bindings=False):
    """The list of sites. Sends `Picked` when an act on the selected site is clicked."""

    COMPONENT_CLASSES = {
        f"roster--{name}"
        for name in (
            "header",
            "cursor",
            "floor",
            "lost",
            "name",
            "dim",
            "good",
            "warn",
            "bad",
            "accent",
            "live",
            "alarm",
            "late",
            "level",
            "level-live",
            "level-alarm",
        )  # fmt: skip
    }
    BINDINGS = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("pagedown", "move(10)", show=False),
        Binding("home", "move(-1000)", show=False),
        Binding("end", "move(1000)", show=False),
    ]
    cursor: reactive[int] = reactive(0, repaint=False)

    class Picked(Message):
        """An act for the selected site, by mouse."""

        def __init__(self, act: str) -> None:
            self.act = act
            super().__init__()

    class Moved(Message):
        """The operator selected another site."""

    def __init__(self) -> None:
        super().__init__(id="roster")
        self.rows: tuple[RosterRow, ...] = ()
        self.drawn_lines = 0
        self._base: Style | None = None

    # -- what it shows ---------------------------------------------------------------------------

    def show(self, rows: tuple[RosterRow, ...]) -> None:
        """Show these rows; lines that are as before are not drawn again."""
        before, self.rows = self.rows, rows
        if len(before) != len(rows) or any(
            a.site != b.site for a, b in zip(before, rows, strict=False)
        ):
            self.virtual_size = Size(0, len(rows) + 1)
            self.cursor = min(self.cursor, max(0, len(rows) - 1))
            self.refresh()
            return
        for index, (old, new) in enumerate(zip(before, rows, strict=True)):
            if old.place != new.place:
                self._refresh_row(index)
            elif old != new:
                self._refresh_cells(index, old, new)

    @property
    def selected(self) -> str | None:
        """The selected site."""
        return self.rows[self.cursor].site if self.cursor < len(self.rows) else None

    def select(self, site: str) -> None:
        """Put the cursor on this site."""
        for index, row in enumerate(self.rows):
            if row.site == site:
                self.cursor = index

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor on a row."""
        return max(0, min(cursor, len(self.rows) - 1))

    def watch_cursor(self, old: int, new: int) -> None:
        """Draw the two lines and keep the cursor in sight."""
        self._refresh_row(old)
        self._refresh_row(new)
        top = self.scroll_offset.y
        height = self.scrollable_content_region.height
        if height <= 1:
            return
        if new < top:
            self.scroll_to(y=new, animate=False)
        elif new > top + height - 2:
            self.scroll_to(y=new - height + 2, animate=False)

    def action_move(self, step: int) -> None:
        """Move the cursor."""
        self.cursor += step
        self.post_message(self.Moved())

    # -- mouse -----------------------------------------------------------------------------------

    def on_click(self, event: Click) -> None:
        """Select; on the selected line do what the column stands for; double click calls."""
        line = event.y + self.scroll_offset.y - 1
        if event.y == 0 or not 0 <= line < len(self.rows):
            return
        column = self._column_at(event.x)
        again = line == self.cursor
        self.cursor = line
        self.focus()
        self.post_message(self.Moved())
        if again and column.act:
            self.post_message(self.Picked(column.act))
        elif event.chain == 2 and not column.act:
            self.post_message(self.Picked("grant-floor"))

    def _column_at(self, x: int) -> Column:
        left = 1
        for column, width in columns_for(self.scrollable_content_region.width):
            left += width + 1
            if x < left:
                return column
        return COLUMNS[1]

    def notify_style_update(self) -> None:
        """Other colours; the row's own are asked for once, not once a line."""
        self._base = None
        super().notify_style_update()

    # -- drawing ---------------------------------------------------------------------------------

    def _refresh_row(self, index: int) -> None:
        y = index + 1 - self.scroll_offset.y
        if y >= 1:
            self.refresh(Region(0, y, self.size.width, 1))

    def _refresh_cells(self, index: int, old: RosterRow, new: RosterRow) -> None:
        """Only what differs: levels change all the time, and a slow link has to carry them."""
        left, y = 1, index + 1 - self.scroll_offset.y
        regions = []
        for column, size in columns_for(self.scrollable_content_region.width):
            if column.cell(old, size) != column.cell(new, size):
                regions.append(Region(left, y, size, 1))
            left += size + 1
        if y >= 1 and regions:
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        """One line of the screen: the header stays at the top."""
        self.drawn_lines += 1
        width = self.scrollable_content_region.width
        if y == 0:
            return self._draw_header(width)
        index = y - 1 + self.scroll_offset.y
        if index >= len(self.rows):
            return Strip.blank(width, self.rich_style)
        return self._draw_row(self.rows[index], index == self.cursor, width)

    def _draw_header(self, width: int) -> Strip:
        style = self.get_component_rich_style("roster--header")
        text = " "
        for column, size in columns_for(width):
            title = set_cell_size(word(column.header)[:size], size)
            text += (title.strip().rjust(size) if column.right else title) + " "
        return Strip([Segment(set_cell_size(text, width), style)], width)

    def _draw_row(self, row: RosterRow, selected: bool, width: int) -> Strip:
        base = self._base or self.rich_style
        self._base = base
        if row.place in ("floor", "lost"):
            base += self.get_component_rich_style(
                "roster--floor" if row.place == "floor" else "roster--lost"
            )
        if selected:
            base += self.get_component_rich_style("roster--cursor")
        segments = [Segment("▌" if selected else " ", base)]
        for column, size in columns_for(width):
            segments += self._draw_cell(column.cell(row, size), size, column.right, base)
            segments.append(Segment(" ", base))
        return Strip(Segment.simplify(segments)).adjust_cell_length(width, base)

    def _draw_cell(self, cells: list[Cell], size: int, right: bool, base: Style) -> list[Segment]:
        parts: list[Segment] = []
        left = size
        for text, name in cells:
            if cell_len(text) > left:
                text = set_cell_size(text, max(0, left - 1)) + "…"
            left -= cell_len(text)
            style = base if not name else base + self._style(name)
            parts.append(Segment(text, style))
        space = Segment(" " * max(0, left), base)
        return [space, *parts] if right else [*parts, space]

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"roster--{name}", partial=True)
