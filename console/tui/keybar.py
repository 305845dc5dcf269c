"""The key bar: the keys that matter now, each a button for the mouse as well."""

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from console.meeting.state import Phase
from console.tui.acts import BY_ID, OBSERVED
from console.tui.clickable import button, key_shown

BEFORE = (
    "open", "attendance", "mosaic", "prepare", "meetings", "follow-ups", "banner", "find", "note",
    "reports", "preview", "events", "settings", "time", "copy-meeting", "convene", "voice", "media",
    "export", "palette", "detach",
)  # fmt: skip
DURING = (
    "call-next", "grant-floor", "end-turn", "undo", "mute", "report", "extend", "follow-up",
    "mute-all", "panel", "hand", "note", "attendance", "skip", "find", "earlier", "later", "time",
    "mosaic", "voice", "media", "banner", "record", "stop-recording", "export", "follow-ups",
    "reports", "preview", "events", "meetings", "settings", "close", "palette", "detach",
)  # fmt: skip
AFTER = (
    "export", "preview", "copy-meeting", "convene", "report", "follow-up", "note", "attendance",
    "submit-minutes", "approve-minutes", "return-minutes", "correct-minutes",
    "meetings", "reports", "follow-ups", "events", "settings", "find", "palette", "detach",
)  # fmt: skip
TYPING = (
    "save", "leave", "call-next", "undo", "mute", "mute-all", "report", "end-turn", "extend",
    "follow-up", "note", "find", "palette",
)  # fmt: skip


def acts_for(phase: Phase, typing: bool, watching: bool = False) -> tuple[str, ...]:
    """The acts to offer, the most useful first; to who only watches, those that change nothing."""
    if typing:
        return TYPING
    acts = {"open": DURING, "closed": AFTER}.get(phase, BEFORE)
    return tuple(act for act in acts if act in OBSERVED) if watching else acts


class KeyBar(Widget, can_focus=False):
    """As many keys as fit, help always last."""

    shown: reactive[tuple[Phase, bool]] = reactive(("none", False))

    def __init__(self) -> None:
        super().__init__(id="keys")
        self.auto_links = False
        self.watching = False

    def render(self) -> Content:
        """The lines of keys."""
        phase, typing = self.shown
        width, height = self.size
        last = button("help", typing=typing)
        left = [button(a, typing=typing) for a in self._acts(phase, typing) if _has_key(a, typing)]
        lines: list[Content] = []
        for number in range(height):
            room = width - (last.cell_length + 1 if number == height - 1 else 0)
            line = Content("")
            for one in list(left):
                if line.cell_length + one.cell_length <= room:
                    line = line + one + Content(" ")
                    left.remove(one)
            lines.append(line)
        gap = max(0, width - lines[-1].cell_length - last.cell_length)
        lines[-1] = lines[-1] + Content(" " * gap) + last
        return Content("\n").join(lines)

    def _acts(self, phase: Phase, typing: bool) -> tuple[str, ...]:
        return acts_for(phase, typing, self.watching)


def _has_key(act: str, typing: bool) -> bool:
    return bool(key_shown(BY_ID[act], typing))
