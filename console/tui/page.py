"""A screen beside that of the meeting. It never hides an alarm nor who has the floor.

The top bar with its alarms and a line about the floor stay above everything, the notice and the
keys below. Acts on the floor work here as well and leave the screen where it is.
"""

from collections.abc import Callable
from typing import ClassVar, Literal, Protocol

from textual.app import ComposeResult
from textual.content import Content
from textual.reactive import reactive
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget
from textual.widgets import Static

from console.tui.client import Kept, Redraw, Told
from console.tui.floor import camera_words, mic_words
from console.tui.forms import Form
from console.tui.graphics import Painter
from console.tui.phrases import minutes
from console.tui.replica import Replica
from console.tui.roster import level_bar
from console.tui.topbar import TopBar
from console.tui.views import FloorView
from protocol import commands as c
from protocol import messages as m
from protocol import queries as q
from protocol.words import _


class Host(Protocol):
    """What a page needs of the console."""

    replica: Replica
    kept: dict[str, Kept]
    clock: Callable[[], int]
    plain: bool
    role: m.Role
    draft_after_s: float
    painter: Painter

    def ask(self, body: q.QueryBody, then: Told) -> None:
        """Ask the journal."""

    def issue(self, body: c.ModeratorCommand, form: str = "") -> None:
        """Send a command."""

    def say(self, text: str, kind: str = "") -> None:
        """Show a notice."""


class FloorLine(Widget, can_focus=False):
    """Who has the floor, how long, whether one hears it, and who is next, in one line."""

    view: reactive[FloorView] = reactive(FloorView())

    def __init__(self) -> None:
        super().__init__(id="floor-line")
        self.auto_links = False

    def render(self) -> Content:
        """One line; what does not fit is left out from the right."""
        view, width = self.view, self.size.width
        parts = list(_floor_parts(view))
        if view.next_up and view.phase == "open":
            parts.append(Content.assemble((_("Next") + " ", "$dim"), (view.next_up, "bold")))
        if view.row is not None:
            parts.append(Content.styled(level_bar(view.row.level), "$success on $track"))
        line = Content("")
        for part in parts:
            # What does not fit is left out, but not what comes after it.
            if line.cell_length + part.cell_length + 3 <= width or not line.cell_length:
                line = line + Content(" " if not line.cell_length else "   ") + part
        return line


def _floor_parts(view: FloorView):  # the pieces, the important ones first
    if view.site is None:
        said = {
            "open": _("The floor is free"),
            "planned": _("Before the meeting"),
            "closed": _("The meeting is closed"),
        }.get(view.phase, "")
        yield Content.styled(said, "bold $accent")
        return
    over = view.spoken_s >= view.allowance_s
    color = "$warning" if view.grace_s is not None else "$error" if over else "$success"
    mark = "▶"
    yield Content.styled(f" {mark} {view.title or view.name} ", f"bold $on-strong on {color}")
    if view.grace_s is not None:
        text = _("connection lost, {seconds} s left to return").format(seconds=view.grace_s)
        yield Content.styled(text, "bold $warning")
    elif over:
        yield Content.styled(f"+{minutes(view.left_s)} " + _("over"), "bold $error")
    else:
        style = "bold $warning" if view.is_low else "bold"
        yield Content.assemble((minutes(view.left_s), style), (" " + _("left"), "$dim"))
    if view.row is not None:
        text, style = mic_words(view.row)
        yield Content.styled(text, style)
        if view.row.camera_s:
            yield Content.styled(*camera_words(view.row))


class PageKeys(Widget, can_focus=False):
    """The keys of a page, each a button: (key, title, action of the page)."""

    def __init__(self, keys: tuple[tuple[str, str, str], ...]) -> None:
        super().__init__(id="page-keys")
        self.auto_links = False
        self.keys = keys

    def render(self) -> Content:
        """As many as fit."""
        line = Content("")
        for key, title, action in self.keys:
            one = Content.assemble(
                (f" {key} ", "bold $key-foreground on $button-background"),
                (f"{title} ", "$foreground on $button-background"),
            )
            if action:
                one = one.stylize(Style.from_meta({"@click": action}))
            if line.cell_length + one.cell_length <= self.size.width:
                line = line + one + Content(" ")
        return line


class Page(Screen[None], inherit_bindings=False):
    """Has `host`, the console, and draws itself anew in `redraw`.

    `shows_sites`: the selected site is in sight, so acts on it may be done here. `takes` names the
    acts of the console that mean something of its own here; the page has `take_<act>` for each.
    `holds_form`: saving and leaving concern the page's `form`, which may be there or not.
    """

    BINDINGS = [
        ("tab", "app.focus_next"),
        ("shift+tab", "app.focus_previous"),
        ("escape", "back"),
    ]
    shows_sites: ClassVar[bool] = False
    takes: ClassVar[tuple[str, ...]] = ()
    holds_form: ClassVar[bool] = False
    watches: ClassVar[Literal["none", "next", "all"]] = "none"

    def __init__(self, host: Host) -> None:
        super().__init__()
        self.host = host
        self.form: Form | None = None
        self._is_there = False

    def compose(self) -> ComposeResult:
        """The frame of every page."""
        yield TopBar()
        yield FloorLine()
        yield Static(id="page-title")
        yield from self.body()
        yield Static(id="page-notice")
        yield PageKeys(self._all_keys())

    def _all_keys(self) -> tuple[tuple[str, str, str], ...]:
        return (("Esc", _("Back"), "screen.back"), *self.keys())

    def show_keys(self) -> None:
        """Other things can be done now."""
        line = self.query_one(PageKeys)
        line.keys = self._all_keys()
        line.refresh()

    def on_mount(self) -> None:
        """From here on there is something to draw; what came before is drawn now."""
        self._is_there = True
        self.app.post_message(Redraw())

    def body(self) -> ComposeResult:
        """What the page is about."""
        yield Static()

    def keys(self) -> tuple[tuple[str, str, str], ...]:
        """Key, title and action of what can be done here."""
        return ()

    def heading(self) -> str:
        """The line above the body."""
        return ""

    def hint(self) -> str:
        """The line below the body while there is no notice."""
        return ""

    def action_back(self) -> None:
        """To where one came from."""
        self.dismiss(None)
        self.app.call_later(self.app.post_message, Redraw())

    def close_form(self) -> None:
        """The form is saved or left."""

    def redraw(self, notice: tuple[str, str]) -> None:
        """Bring the frame up to date; called by the console whenever something changed."""
        if not self._is_there:
            return
        now = self.host.clock()
        self.query_one(TopBar).view = self.host.replica.top(now)
        self.query_one(FloorLine).view = self.host.replica.floor(now)
        self.label(notice)
        self.update_body(now)

    def label(self, notice: tuple[str, str] = ("", "")) -> None:
        """Heading and notice."""
        _put(self.query_one("#page-title", Static), f" {self.heading()}", "")
        text, kind = notice if notice[0] else (self.hint(), "")
        _put(self.query_one("#page-notice", Static), f" {text}", kind)

    def update_body(self, now: int) -> None:
        """Bring the body up to date."""


def _put(label: Static, text: str, kind: str) -> None:
    if (text, kind) != getattr(label, "said", None):
        label.said = (text, kind)  # type: ignore[attr-defined]
        label.set_classes(kind)
        label.update(Content(text))
