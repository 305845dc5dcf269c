"""Only what changed goes to the terminal: a slow link has to carry it.

Textual writes a changed line from where its widget begins up to where the change ends. A roster's
levels stand far to the right and change four times a second, so most of what it wrote was the
names, again and again.
"""

from rich.console import Console, RenderableType
from rich.control import Control
from textual._compositor import ChopsUpdate
from textual.app import App
from textual.screen import Screen


class Narrow(ChopsUpdate):
    """The same update, each line from where its change begins."""

    def render_segments(self, console: Console) -> str:
        """What is written."""
        written = []
        for y, left, right in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                if strip is not None and x < right and end > left:
                    begin = max(x, left)
                    written.append(Control.move_to(begin, y).segment.text)
                    written.append(strip.crop(begin - x, min(end, right) - x).render(console))
        return "".join(written)


class WritesNarrowly(App[None], inherit_bindings=False):
    """Writes every part of a screen's change as narrow as it is."""

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        if type(renderable) is ChopsUpdate:
            renderable = Narrow(renderable.chops, renderable.spans, renderable.chop_ends)
        super()._display(screen, renderable)
