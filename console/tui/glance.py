"""See before you call: the picture of the site that comes next, with the level of its microphone.

Shown beside the log where the screen is large enough; `v` shows all sites on any screen.
"""

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from console.tui import picture
from console.tui.graphics import Painter
from console.tui.replica import Replica
from protocol.words import _


class Glance(Widget, can_focus=False):
    """Draws again only what differs."""

    COMPONENT_CLASSES = {"glance--heading", "glance--dim"}

    def __init__(self) -> None:
        super().__init__(id="glance")
        self._heading = ""
        self._jpeg = b""
        self._plain = False
        self._site = ""
        self.painter = Painter(lambda text: None)

    def show(self, replica: Replica, now: int, plain: bool) -> None:
        """The site on deck."""
        site = replica.meeting.next_site() if replica.meeting.phase != "closed" else None
        heading = "" if site is None else f"{_('Next')} · {replica.name(site)}"
        jpeg = b"" if site is None else replica.preview(site, now)
        if (heading, jpeg, plain) != (self._heading, self._jpeg, self._plain):
            self._heading, self._jpeg, self._plain = heading, jpeg, plain
            self._site = site or ""
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The heading, then the picture."""
        width, base = self.size.width, self.rich_style
        if y == 0:
            style = self.get_component_rich_style("glance--heading")
            return Strip([Segment(f" {self._heading}", style)]).adjust_cell_length(width, style)
        high = self.size.height - 1
        wide = min(width, high * 32 // 9)
        high = picture.rows_for(wide)
        lines = self.painter.drawn(self._site, self._jpeg, wide, high, self._plain)
        if not lines:
            text = _("no picture") if y == 1 and self._heading else ""
            style = self.get_component_rich_style("glance--dim")
            return Strip([Segment(f" {text}", style)]).adjust_cell_length(width, base)
        if y > len(lines):
            return Strip.blank(width, base)
        left = Segment(" " * ((width - wide) // 2), base)
        return Strip([left, *lines[y - 1]]).adjust_cell_length(width, base)
