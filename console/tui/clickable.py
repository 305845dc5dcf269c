"""Text that does an act when it is clicked."""

from textual.content import Content
from textual.style import Style

from console.tui.acts import BY_ID, Act, key_name, works_while_typing
from protocol.words import word


def click(act: str) -> Style:
    """The style of text that does this act."""
    return Style.from_meta({"@click": f"app.act('{act}')"})


def key_shown(act: Act, typing: bool = False) -> str:
    """The key to tell the operator: one that works now; empty when none does."""
    keys = [k for k in act.keys if works_while_typing(k)] if typing else list(act.keys)
    return key_name(keys[0]) if keys else ""


def button(act_id: str, *, typing: bool = False, title: str = "") -> Content:
    """` n Call next `, clickable."""
    act = BY_ID[act_id]
    title = title or word(act.short or act.title)
    key = key_shown(act, typing)
    label = Content.assemble(
        (f" {key} " if key else " ", "bold $key-foreground on $button-background"),
        (f"{title} ", "$foreground on $button-background"),
    )
    return label.stylize(click(act_id))
