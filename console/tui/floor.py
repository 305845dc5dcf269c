"""The floor panel: who speaks, how long, who is next, who is on the panel, who asks to speak."""

from collections.abc import Collection, Iterator
from itertools import islice
from textwrap import wrap

from textual.content import Content
from textual.geometry import Region
from textual.reactive import reactive
from textual.widget import Widget

from console.tui import phrases
from console.tui.acts import BY_ID, OBSERVED
from console.tui.clickable import button, click
from console.tui.phrases import minutes
from console.tui.roster import level_bar
from console.tui.views import FloorView, RosterRow
from protocol.words import N_, _, word

_OVER = {
    "count-up": "",
    "warn": N_("room warned"),
    "close": N_("closed by time"),
}
SPEAKER_CELLS, NEXT_CELLS, LEAST_CELLS = 8, 5, 2
_DIGITS = {
    "0": ("█▀█", "█ █", "▀▀▀"),
    "1": ("▀█ ", " █ ", "▀▀▀"),
    "2": ("▀▀█", "█▀▀", "▀▀▀"),
    "3": ("▀▀█", " ▀█", "▀▀▀"),
    "4": ("█ █", "▀▀█", "  ▀"),
    "5": ("█▀▀", "▀▀█", "▀▀▀"),
    "6": ("█▀▀", "█▀█", "▀▀▀"),
    "7": ("▀▀█", "  █", "  ▀"),
    "8": ("█▀█", "█▀█", "▀▀▀"),
    "9": ("█▀█", "▀▀█", "▀▀▀"),
    ":": ("▄", " ", "▀"),
    "+": (" ▄ ", "▀█▀", "   "),
}


def big(text: str) -> tuple[str, str, str]:
    """Three lines of large digits."""
    cells = [_DIGITS[char] for char in text]
    return (
        " ".join(c[0] for c in cells),
        " ".join(c[1] for c in cells),
        " ".join(c[2] for c in cells),
    )


class Floor(Widget, can_focus=False):
    """Draws a FloorView; drawn again only when that differs."""

    view: reactive[FloorView] = reactive(FloorView(), repaint=False)

    def __init__(self, plain: bool = False) -> None:
        super().__init__(id="floor")
        self.auto_links = False
        self.watching = False
        self._plain = plain

    def watch_view(self, old: FloorView, new: FloorView) -> None:
        """Draw what differs: a level changes all the time, and a slow link has to carry it."""
        before, after = self._drawn(old), self._drawn(new)
        if len(before) != len(after) or any(one.cell_length > self.size.width for one in after):
            self.refresh()
        elif changed := [y for y, line in enumerate(after) if not line.is_same(before[y])]:
            self.refresh(*(Region(0, y, self.outer_size.width, 1) for y in changed))

    def render(self) -> Content:
        """As many lines as there is room for, the important ones first."""
        return Content("\n").join(self._drawn(self.view))

    def _drawn(self, view: FloorView) -> list[Content]:
        width, height = self.size
        lines = _lines(view, max(20, width), height, self._plain, self.watching)
        return list(islice(lines, height))


def _lines(
    view: FloorView, width: int, height: int, plain: bool, watching: bool
) -> Iterator[Content]:
    acts = OBSERVED if watching else BY_ID.keys()
    if view.site is not None:
        yield from _turn(view, width, height, plain)
    else:
        yield from _nobody(view, width, acts)
    yield Content("")
    yield from _people(view, width, height, acts)


def _turn(view: FloorView, width: int, height: int, plain: bool) -> Iterator[Content]:
    heading, color = _("HAS THE FLOOR"), "$success"
    if view.grace_s is not None:
        heading, color = _("CONNECTION LOST"), "$warning"
    elif _is_over(view):
        heading, color = _("OVER TIME"), "$error"
    number = _("turn {number}").format(number=view.turn)
    yield _ends(Content.styled(heading, f"bold {color}"), Content.styled(number, "$dim"), width)
    speaker = f" {view.title or view.name}"
    if view.name not in speaker:
        speaker = f"{speaker} · {view.name}"
    yield Content.styled(_cut(speaker, width).ljust(width), f"bold $on-strong on {color}")
    yield from _timer(view, width, plain)
    if height >= 12:
        yield _bar(view, width)
    yield _microphone(view, width)
    if view.row is not None and (height >= 12 or view.row.camera_s):
        yield from _camera(view.row, width)


def _is_over(view: FloorView) -> bool:
    return view.spoken_s >= view.allowance_s


def _timer(view: FloorView, width: int, plain: bool) -> Iterator[Content]:
    whole = _("of {allowance}").format(allowance=minutes(view.allowance_s))
    if view.grace_s is not None:
        digits, style = f"{view.grace_s}", "bold $warning"
        says = (_("turn is kept"), _("then suspended"), "")
    elif _is_over(view):
        digits, style = f"+{minutes(view.left_s)}", "bold $error"
        says = (_("over"), whole, word(_OVER[view.overrun]))
    else:
        style = "bold $warning" if view.is_low else "bold $foreground"
        digits = minutes(view.left_s)
        says = (_("left"), whole, "♪" if view.is_low else "")
    if view.paused and view.grace_s is None:
        says = (says[0], says[1], _("stopped"))
    says_style = "$error bold" if _is_over(view) and view.grace_s is None else "$dim"
    if plain:
        yield Content.assemble((f" {digits}  ", style), (says[0], says_style))
        yield Content.assemble((f" {says[1]}", "$dim"))
        yield Content.assemble((f" {says[2]}", "$warning"))
        return
    for drawn, text, text_style in zip(
        big(digits), says, (says_style, "$dim", "$warning"), strict=True
    ):
        fits = len(text) <= width - len(drawn) - 3
        yield Content.assemble((f" {drawn}  ", style), (text if fits else "", text_style))


def _bar(view: FloorView, width: int) -> Content:
    over = _is_over(view)
    part = min(1.0, view.spoken_s / view.allowance_s) if view.allowance_s else 1.0
    done = round(part * width)
    color = "$error" if over else "$warning" if view.is_low else "$success"
    return Content.assemble(("━" * done, color), ("━" * (width - done), "$track"))


def _microphone(view: FloorView, width: int) -> Content:
    row = view.row
    if row is None:
        return Content("")
    mark, style = mic_words(row)
    label = Content.styled(_cut(mark, width), style).stylize(click("mute"))
    cells = min(SPEAKER_CELLS, width - label.cell_length - 1)
    if cells < LEAST_CELLS:
        return label  # what is wrong comes before how loud it is
    return _ends(label, Content.styled(level_bar(row.level, cells), "$success on $track"), width)


def camera_words(row: RosterRow) -> tuple[str, str]:
    """The camera in words, and their style; empty for a closed one."""
    said = phrases.camera(row)
    if not said:
        return "", ""
    text = _("Camera: {what}").format(what=said)
    if row.camera_s:
        return f" ! {text} ", "bold $on-strong on $warning"
    mark = {"live": "▣", "low": "▫"}.get(row.camera, "◐")
    return f"{mark} {text}", "$dim"


def _camera(row: RosterRow, width: int) -> Iterator[Content]:
    text, style = camera_words(row)
    for line in wrap(text.rstrip(), width - 1, drop_whitespace=False):
        yield Content.styled(line.ljust(width) if row.camera_s else line, style)


def mic_words(row: RosterRow) -> tuple[str, str]:
    """The microphone in words, and their style."""
    match row.microphone:
        case "live":
            return "● " + _("Microphone live"), "bold $success"
        case "muted":
            return "○ " + _("Microphone muted"), "$dim"
        case "muting" if row.behind_s:
            text = _("Not muted after {seconds} s").format(seconds=row.behind_s)
            return f" ! {text} ", "bold $on-strong on $warning"
        case "opening" if row.behind_s:
            text = _("Not open after {seconds} s").format(seconds=row.behind_s)
            return f" ! {text} ", "bold $on-strong on $warning"
        case "muting":
            return "◐ " + _("Muting…"), "$dim"
        case "opening":
            return "◐ " + _("Opening microphone…"), "$dim"
        case "alarm":
            return " " + _("SOUND FROM A CLOSED SITE") + " ", "bold $on-strong on $error"
        case "no-sound":
            return "! " + _("No sound arrives"), "bold $error"
        case "away":
            return "○ " + _("Not connected"), "$error"
        case _:
            return "? " + _("Microphone unknown"), "$warning"


def _nobody(view: FloorView, width: int, acts: Collection[str]) -> Iterator[Content]:
    headings = {
        "open": _("THE FLOOR IS FREE"),
        "planned": _("BEFORE THE MEETING"),
        "closed": _("THE MEETING IS CLOSED"),
    }
    yield Content.styled(headings.get(view.phase, _("NO MEETING")), "bold $accent")
    offered: list[Content] = []
    match view.phase:
        case "open":
            if not view.next_up:
                offered.append(Content.styled(_("Nobody is waiting to be called."), "$dim"))
            elif "call-next" in acts:
                offered.append(button("call-next", title=_cut(view.next_up, width - 6)))
        case "planned":
            yield Content("")
            yield _fact(_("Connected"), str(view.connected), width)
            yield from _roll(view, width)
            offered = [button(act) for act in ("open",) if act in acts]
        case "closed":
            offered = [button(act) for act in ("export", "convene") if act in acts]
    for one in offered:
        yield Content("")
        yield one


def _people(view: FloorView, width: int, height: int, acts: Collection[str]) -> Iterator[Content]:
    if view.phase in ("open", "planned"):
        upcoming = view.next_up or _("nobody")
        if view.next_ready:
            upcoming = f"{upcoming} ✓"
        yield _next(view, upcoming, width).stylize(click("call-next"))
    if view.waiting and height >= 14:
        yield _fact(_("Then"), ", ".join(view.waiting), width, "$dim")
    for name, microphone in view.panel:
        said = f"{name} · {word(phrases.MICROPHONE[microphone])}"
        yield _fact(_("Panel"), said, width, "$success")
    if view.hands:
        order = "  ".join(f"↑{n} {name}" for n, name in enumerate(view.hands, 1))
        yield _fact(_("Hands"), order, width, "bold $warning")
    if view.phase in ("open", "closed"):
        counts = _("{spoke} of {all} spoke · {reported} reports").format(
            spoke=view.spoke, all=view.callable_sites, reported=view.reported
        )
        yield Content.styled(_cut(counts, width), "$dim")
    if view.missing:
        yield _fact(_("Missing"), ", ".join(view.missing), width, "$error")
    offered = [button(one) for one in ("end-turn", "extend", "report") if one in acts]
    if view.site is not None and height >= 16 and offered:
        yield Content("")
        yield from _rows_of(offered, width)


def _roll(view: FloorView, width: int) -> Iterator[Content]:
    """How many of each kind, and their sum, which is that of the roster."""
    said = [f"{word(phrases.ATTENDANCE[kind])} {count}" for kind, count in view.marked if count]
    whole = sum(count for __, count in view.marked)
    line = ""
    for part in [*said, f"= {whole}"]:
        joined = f"{line} · {part}" if line and part[0] != "=" else f"{line} {part}".strip()
        if line and len(joined) > width:
            yield Content.styled(line, "$foreground")
            joined = part
        line = joined
    yield Content.styled(line, "$foreground")


def _next(view: FloorView, upcoming: str, width: int) -> Content:
    """Who is next, and how loud it is there while nobody hears it: the microphone works."""
    if view.next_level is None:
        return _fact(_("Next"), upcoming, width, "bold $foreground")
    label = _("Next")
    # Whole names, and that it is ready, come before a long bar.
    room = width - len(label) - len(upcoming) - 2
    cells = max(LEAST_CELLS, min(NEXT_CELLS, room))
    head = _fact(label, upcoming, width - cells - 1, "bold $foreground")
    return _ends(head, Content.styled(level_bar(view.next_level, cells), "$dim on $track"), width)


def _rows_of(buttons: list[Content], width: int) -> Iterator[Content]:
    line = Content("")
    for one in buttons:
        if line.cell_length and line.cell_length + one.cell_length + 1 > width:
            yield line
            line = Content("")
        line = one if not line.cell_length else line + Content(" ") + one
    yield line


def _fact(label: str, value: str, width: int, style: str = "$foreground") -> Content:
    head = f"{label} "
    return Content.assemble((head, "$dim"), (_cut(value, max(1, width - len(head))), style))


def _ends(left: Content, right: Content, width: int) -> Content:
    space = max(1, width - left.cell_length - right.cell_length)
    return left + Content(" " * space) + right


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"
