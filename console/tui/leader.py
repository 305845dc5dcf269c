"""The leader's view: who speaks, how long still, who is next, when it will be over; to be read
from three metres. It shows and does nothing, so that a keyboard in front of it can do no harm.
"""

import os
from collections.abc import Callable, Iterator

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.filter import LineFilter
from textual.reactive import reactive
from textual.widget import Widget

from console.tui import letters, phrases
from console.tui.client import Client, MakeLink, Redraw, wall_ms
from console.tui.floor import camera_words, mic_words
from console.tui.phrases import minutes
from console.tui.plain import PlainFilter, is_plain
from console.tui.settings import load, place
from console.tui.themes import THEMES, fitting
from console.tui.topbar import TopBar
from console.tui.views import FloorView, TopView
from protocol.link import Link
from protocol.words import _, use_language

TICK_S = 0.5


class Board(Widget, can_focus=False):
    """Draws what the leader needs, as large as it fits."""

    view: reactive[tuple[FloorView, TopView | None]] = reactive((FloorView(), None))

    def __init__(self) -> None:
        super().__init__(id="board")

    def render(self) -> Content:
        """All lines, with the room that is left spread between them."""
        floor, top = self.view
        width, height = self.size
        if top is None or not width:
            return Content("")
        blocks = [list(block) for block in _blocks(floor, top, width - 2, height)]
        used = sum(len(block) for block in blocks)
        gap = max(0, min(3, (height - used) // (len(blocks) + 1)))
        lines: list[Content] = [Content("")] * gap
        for block in blocks:
            lines += [*block, *[Content("")] * gap]
        return Content("\n").join(_centred(line, width) for line in lines[: max(1, height)])


def _blocks(floor: FloorView, top: TopView, width: int, height: int) -> Iterator[list[Content]]:
    room = 4 if height < 40 else letters.HEIGHT if height < 54 else letters.HEIGHT * 2
    if floor.site is None:
        said = {
            "open": _("The floor is free"),
            "planned": _("Before the meeting"),
            "closed": _("The meeting is closed"),
        }.get(floor.phase, _("no meeting"))
        yield _drawn(said, "bold $accent", width, room)
        clock = phrases.clock(top.now, top.offset_minutes, seconds=False)
        yield _drawn(clock, "bold $foreground", width, room)
    else:
        yield from _turn(floor, width, room)
    if floor.phase in ("open", "planned") and floor.next_up:
        yield [
            Content.styled(_("Next").upper(), "$dim"),
            *_drawn(floor.next_up, "bold $accent", width, 4 if height < 40 else letters.HEIGHT),
        ]
    if height >= 24 and floor.waiting:
        names = ", ".join(floor.waiting)
        text = f"{_('Then')} {names}"
        yield [Content.styled(text if len(text) <= width else text[: width - 1] + "…", "$dim")]
    if floor.hands and height >= 24:
        text = f"{_('Hands')} " + ", ".join(floor.hands)
        yield [Content.styled(text[:width], "bold $warning")]
    yield [_end(floor, top)]


def _turn(floor: FloorView, width: int, room: int) -> Iterator[list[Content]]:
    over = floor.spoken_s >= floor.allowance_s
    lost = floor.grace_s is not None
    color = "$warning" if lost else "$error" if over else "$success"
    heading = _("HAS THE FLOOR")
    if lost:
        heading = _("CONNECTION LOST")
    elif over:
        heading = _("OVER TIME")
    title = [Content.styled(heading, f"bold {color}")]
    speaker = floor.title or floor.name
    whole = letters.fitting(speaker, width, room)
    short = letters.fitting(floor.name, width, room)
    drawn = short if len(short) > len(whole) else whole
    yield [*title, *(Content.styled(line, f"bold {color}") for line in drawn)]
    left = minutes(floor.left_s)
    style = "bold $warning" if floor.is_low else "bold $foreground"
    if over:
        left, style = f"+{left}", "bold $error"
    says = _("over") if over else _("left")
    yield [
        *_drawn(left, style, width, room),
        Content.styled(
            f"{says} {_('of {allowance}').format(allowance=minutes(floor.allowance_s))}", "$dim"
        ),
    ]
    if floor.row is not None:
        said = [mic_words(floor.row)]
        if floor.row.camera_s:
            said.append(camera_words(floor.row))
        yield [Content("  ").join(Content.styled(*one) for one in said)]


def _drawn(text: str, style: str, width: int, room: int) -> list[Content]:
    return [Content.styled(line, style) for line in letters.fitting(text, width, room)]


def _end(floor: FloorView, top: TopView) -> Content:
    parts = []
    if top.elapsed_s is not None:
        over = top.elapsed_s > top.budget_s
        text = f"{minutes(top.elapsed_s)} / {minutes(top.budget_s)}"
        parts.append(Content.styled(text, "bold $error" if over else "bold $foreground"))
    if top.ends_at is not None:
        at = phrases.clock(top.ends_at, top.offset_minutes, seconds=False)
        text = _("projected end {time}").format(time=f"{at} {top.zone}")
        parts.append(Content.styled(text, "bold $warning" if top.is_late else "bold $success"))
    if floor.phase in ("open", "closed"):
        text = _("{spoke} of {all} spoke").format(spoke=floor.spoke, all=floor.callable_sites)
        parts.append(Content.styled(text, "$dim"))
    return Content.styled("   ·   ", "$dim").join(parts)


def _centred(line: Content, width: int) -> Content:
    return Content(" " * max(0, (width - line.cell_length) // 2)) + line


class LeaderView(Client, inherit_bindings=False):
    """One screen; the only key leaves it."""

    CSS_PATH = "console.tcss"
    TITLE = "Giliran"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS = [Binding("ctrl+q,q", "leave", show=False)]

    def __init__(
        self,
        address: str,
        *,
        clock: Callable[[], int] = wall_ms,
        link: MakeLink = Link,
        plain: bool = False,
        theme: str = "dark",
    ) -> None:
        super().__init__(address, "observer", clock, link)
        self._plain = plain
        for one in THEMES.values():
            self.register_theme(one)
        self.theme = THEMES[theme].name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our colours for themes that do not know them."""
        return THEMES["dark"].variables

    def get_line_filters(self) -> list[LineFilter]:
        """Plain ASCII where the terminal needs it."""
        return [*super().get_line_filters(), *([PlainFilter()] if self._plain else [])]

    def compose(self) -> ComposeResult:
        """The bar with its alarms, and the board."""
        yield TopBar()
        yield Board()

    def on_mount(self) -> None:
        """Connect."""
        self.connect()
        self.set_interval(TICK_S, self._tick)

    def _tick(self) -> None:
        self.post_message(Redraw())

    def on_redraw(self) -> None:
        """Bring bar and board up to date."""
        if not self.is_running or not self.screen_stack:
            return
        now = self.clock()
        top = self.replica.top(now)
        self.query_one(TopBar).view = top
        self.query_one(Board).view = (
            self.replica.floor(now), top,
        )  # fmt: skip

    def action_leave(self) -> None:
        """Close the view; the meeting goes on."""
        self.exit()


def run(address: str, lang: str | None = None) -> int:
    """Show the leader's view on `address` until it is left; returns the exit code."""
    settings = load(place())
    use_language(lang or settings.language or None)
    plain = settings.characters == "ascii"
    if settings.characters == "auto":
        plain = is_plain(os.environ)
    view = LeaderView(address, plain=plain, theme=settings.theme or fitting(os.environ))
    view.run()
    return view.return_code or 0
