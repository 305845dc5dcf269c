"""The help screen: every key, made from the table of acts; so every act can be clicked, too."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.style import Style
from textual.widgets import Static

from console.tui.acts import ACTS, GROUPS, key_name
from console.tui.phrases import BEHIND, FORCED, STEPS, figure
from protocol.words import _, word

KEY_CELLS = 11
LEAST_COLUMN = 40
"""With less room than this beside the titles, what an act does begins right behind its title."""


def help_text(width: int) -> Content:
    """All acts by group, and what the marks of the roster mean."""
    lines: list[Content] = []
    acts = [(a, word(a.title)) for a in ACTS]
    title_cells = max(len(title) for __, title in acts) + 2
    is_wide = width - KEY_CELLS - title_cells >= LEAST_COLUMN
    for group in GROUPS:
        lines += [Content(""), Content.styled(f" {word(group)}", "bold $accent")]
        for act, title in acts:
            if act.group != group:
                continue
            keys = " ".join(key_name(k) for k in act.keys)
            head = Content.assemble(
                (f" {keys.ljust(KEY_CELLS)}", "bold $warning"),
                (title.ljust(title_cells) if is_wide else f"{title}  ", "bold"),
            ).stylize(Style.from_meta({"@click": f"screen.pick({act.id!r})"}))
            indent = head.cell_length if is_wide else KEY_CELLS + 1
            lines += _wrapped(head, word(act.help), width, indent)
    lines += [Content(""), Content.styled(" " + _("Marks of the roster"), "bold $accent")]
    for mark, style, meaning in _marks():
        head = Content.styled(f" {mark.ljust(KEY_CELLS)}", style)
        lines += _wrapped(head, meaning, width, head.cell_length)
    return Content("\n").join(lines[1:])


def _wrapped(head: Content, text: str, width: int, indent: int) -> list[Content]:
    """`head`, then the text, its further lines indented by so many cells."""
    room, lines = max(8, width - head.cell_length - 1), [""]
    for part in text.split():
        if len(lines[-1]) + 1 + len(part) > room:
            lines.append("")
            room = max(20, width - indent - 1)
        lines[-1] = f"{lines[-1]} {part}".strip()
    first = head + Content.styled(lines[0], "$dim")
    return [first, *(Content.styled(" " * indent + rest, "$dim") for rest in lines[1:])]


def _marks() -> list[tuple[str, str, str]]:
    return [
        ("★", "bold $accent", _("presides: always heard while the meeting is open")),
        ("▶", "bold $success", _("has the floor")),
        ("1 2 3", "bold", _("place in the queue")),
        ("›1", "bold $accent", _("next, and its room confirms to be told so")),
        ("‖", "bold $warning", _("turn suspended: the connection was lost; call it to go on")),
        (
            word(BEHIND["opening"]).format(s=3),
            "bold $on-strong on $warning",
            _("not confirmed yet: what is awaited, and for how long"),
        ),
        ("▣ ▫", "bold $success", _("its picture goes out, large and small · small alone")),
        (
            "!3",
            "bold $on-strong on $warning",
            _("its camera is not as it is to be, and for how long"),
        ),
        ("● ◐ ○", "bold $success", _("media runs both ways · connecting · offline")),
        ("12 s", "bold $warning", _("connection lost: so long the turn is kept")),
        (
            f"{figure(4.1)} {figure(3.0)}!",
            "bold",
            _("how clear what the site hears is: from 4.0 clear, 3.6 fair, 3.1 poor; ! bad"),
        ),
        (
            " ".join(word(FORCED[mode]) for mode in ("conversation", "clear")),
            "bold $accent",
            _("voice not automatic: conversation · clear"),
        ),
        (
            " ".join(word(FORCED[mode]) for mode in ("audio-only", "narrow")),
            "bold $accent",
            _("media not automatic: audio only · narrow voice"),
        ),
        (
            " ".join(word(mark) for mark in STEPS.values()),
            "bold $accent",
            _("its link carries small pictures · sound alone"),
        ),
        ("↑1", "bold $warning", _("hand raised, in this order")),
        ("✓ ✎ !", "bold $success", _("report written · draft · missing")),
    ]


class HelpScreen(ModalScreen[None]):
    """Covers the console until any of the closing keys."""

    BINDINGS = [Binding("escape,question_mark,f1,q,enter", "dismiss(None)", show=False)]

    def compose(self) -> ComposeResult:
        """A page to scroll."""
        with VerticalScroll(id="help") as page:
            page.border_title = _("Help")
            page.border_subtitle = _("Esc closes · a click on an act does it")
            text = Static(id="help-text")
            text.auto_links = False
            yield text

    def on_mount(self) -> None:
        """Arrows scroll at once."""
        self.query_one("#help").focus()

    def action_pick(self, act: str) -> None:
        """An act was clicked: away from here, and do it."""
        self.dismiss(None)
        self.app.call_later(self.app.run_action, f"act({act!r})")

    def on_resize(self) -> None:
        """Lay the text out for this width."""
        width = min(self.app.size.width - 4, 110) - 5
        self.query_one("#help-text", Static).update(help_text(width))
