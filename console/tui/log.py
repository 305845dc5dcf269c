"""The log: what happened, newest at the bottom, in the user's language."""

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.tui import phrases
from console.tui.replica import Replica
from console.tui.views import LogLine
from protocol.words import _


class Log(ScrollView, can_focus=False, inherit_bindings=False):
    """The lines of the replica; follows the newest unless scrolled up."""

    COMPONENT_CLASSES = {
        f"log--{name}" for name in ("heading", "time", "event", "speech", "alarm", "record", "good")
    }

    def __init__(self, replica: Replica) -> None:
        super().__init__(id="log")
        self._replica = replica
        self._shown: Sequence[LogLine] = ()

    def show(self) -> None:
        """Take over the replica's lines when there are others."""
        lines = self._replica.lines
        if len(lines) == len(self._shown) and (not lines or lines[-1] is self._shown[-1]):
            return
        follow = self.scroll_offset.y >= self.max_scroll_y - 1
        self._shown = list(lines)
        self.virtual_size = Size(0, len(self._shown) + 1)
        self.refresh()
        if follow:
            self.call_after_refresh(self.scroll_end, animate=False)

    def on_resize(self) -> None:
        """Keep the newest line in sight."""
        self.scroll_end(animate=False)

    def render_line(self, y: int) -> Strip:
        """A heading that stays, then the lines."""
        width = self.scrollable_content_region.width
        if y == 0:
            style = self.get_component_rich_style("log--heading")
            return Strip([Segment(set_cell_size(" " + _("LOG"), width), style)], width)
        index = y - 1 + self.scroll_offset.y
        if index >= len(self._shown):
            return Strip.blank(width, self.rich_style)
        one = self._shown[index]
        text, kind = phrases.line(self._replica, one)
        plan = self._replica.meeting.plan
        at = phrases.clock(one.at, plan.utc_offset_minutes)
        room = width - len(at) - 3
        if cell_len(text) > room:
            text = set_cell_size(text, max(0, room - 1)) + "…"
        segments = [
            Segment(f" {at}  ", self.get_component_rich_style("log--time")),
            Segment(text, self.get_component_rich_style(f"log--{kind}")),
        ]
        return Strip(segments).adjust_cell_length(width, self.rich_style)
