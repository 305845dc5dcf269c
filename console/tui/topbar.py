"""The top bar: which meeting, which phase, the clocks; below it what the operator must know now."""

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from console.tui import phrases
from console.tui.views import TopView
from protocol.words import _, n_, word

_PHASE_STYLES = {
    "none": "$dim",
    "planned": "bold $on-strong on $accent",
    "open": "bold $on-strong on $success",
    "closed": "bold $foreground on $track",
}


class TopBar(Widget, can_focus=False):
    """One line, and one more for each thing to know: server away, alarm, announcement."""

    view: reactive[TopView | None] = reactive(None)

    def __init__(self) -> None:
        super().__init__(id="top")
        self.watching = False

    @property
    def height_lines(self) -> int:
        """One line and the notices."""
        return 1 if self.view is None else 1 + len(notices(self.view, self.size.width or 80))

    def watch_view(self, old: TopView | None, new: TopView | None) -> None:
        """More or fewer notices need another layout."""
        if old is None or new is None or len(notices(old, 80)) != len(notices(new, 80)):
            self.refresh(layout=True)

    def render(self) -> Content:
        """The bar and its notices."""
        if self.view is None:
            return Content("")
        width = self.size.width
        bar = _bar(self.view, width, self.watching)
        return Content("\n").join([bar, *notices(self.view, width)])

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """One line and the notices."""
        return 1 if self.view is None else 1 + len(notices(self.view, width))


def _bar(view: TopView, width: int, watching: bool) -> Content:
    phase = Content.styled(f" {word(phrases.PHASE[view.phase])} ", _PHASE_STYLES[view.phase])
    parts = [phase]
    if watching:
        words = " " + _("WATCHING") + " "
        parts.insert(0, Content.styled(words, "bold $on-strong on $warning"))
    if view.elapsed_s is not None:
        over = view.elapsed_s > view.budget_s
        length = f"{phrases.minutes(view.elapsed_s)}/{phrases.minutes(view.budget_s)}"
        if over:
            length += " " + _("over")
        parts.append(Content.styled(length, "bold $error" if over else "$foreground"))
    if view.recording != "off":
        parts.append(_recording(view))
    if view.ends_at is not None:
        at = phrases.clock(view.ends_at, view.offset_minutes, seconds=False)
        late = view.is_late
        text = _("ends {time}").format(time=at)
        parts.append(Content.styled(text + (" !" if late else ""), "$warning" if late else "$dim"))
    clock = f"{phrases.clock(view.now, view.offset_minutes)} {view.zone}"
    parts.append(Content.styled(clock, "bold $foreground"))
    mark = ("● " + _("server"), "$success") if view.link_up else ("○ " + _("server"), "bold $error")
    parts.append(Content.styled(*mark))
    right = Content("  ").join(parts) + Content(" ")
    room = max(0, width - right.cell_length - 2)
    title = view.title if len(view.title) <= room else view.title[: max(0, room - 1)] + "…"
    return Content.assemble((f" {title.ljust(room)} ", "bold $accent"), right)


def _recording(view: TopView) -> Content:
    """`● REC 12:34`; with a ring while it is not sure, or paused."""
    length = phrases.minutes(view.recorded_s)
    match view.recording:
        case "on":
            return Content.styled("● " + _("REC") + f" {length}", "bold $error")
        case "paused":
            return Content.styled("○ " + _("REC paused") + f" {length}", "bold $warning")
        case _:
            return Content.styled("○ " + _("REC…"), "bold $warning")


def notices(view: TopView, width: int) -> list[Content]:
    """What must not be overlooked, the worst first; two lines at most."""
    said: list[tuple[str, str]] = []
    if not view.link_up:
        said.append((_lost(view), "bold $on-strong on $error"))
    elif view.alarms:
        text = _("SOUND ARRIVES FROM A CLOSED SITE: {sites}").format(sites=", ".join(view.alarms))
        said.append((text, "bold $on-strong on $error"))
    if view.link_up and not view.relay_up and view.phase != "none":
        text = _("The relay is down: no sound and no picture; it is being started again")
        said.append((text, "bold $on-strong on $error"))
    if view.free_mb is not None:
        text = _("The disk is nearly full: {free} MB left for the recording").format(
            free=view.free_mb
        )
        said.append((text, "bold $on-strong on $warning"))
    if view.unanswered:
        text = n_(
            "Not confirmed yet: {count} command, for {seconds} s",
            "Not confirmed yet: {count} commands, for {seconds} s",
            view.unanswered,
        ).format(count=view.unanswered, seconds=view.waited_s)
        said.append((text, "bold $on-strong on $warning"))
    if view.banner:
        text = _("Announcement: {text}").format(text=phrases.one_line(view.banner))
        said.append((text, "bold $on-strong on $warning"))
    lines = []
    for text, style in said[:2]:
        cut = text if len(text) <= width - 2 else text[: width - 3] + "…"
        lines.append(Content.styled(f" {cut}".ljust(width), style))
    return lines


def _lost(view: TopView) -> str:
    if not view.reason:
        return _("Connecting to the server…")
    text = _("RECONNECTING in {seconds} s: {reason}").format(
        seconds=view.retry_s, reason=phrases.one_line(view.reason)
    )
    if view.unsent:
        text += " · " + _("{count} not sent yet").format(count=view.unsent)
    return text
