"""The report form: what a site reported, saved as it is typed.

Rules:
- A draft is sent at most two seconds after the last key, and whenever the field loses the focus.
- `#word`s become tags; they are shown as they are recognised, Tab completes one, and Alt with a
  digit adds a topic.
- A report that exists is amended: the old text stays in the record.
"""

import re

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.events import DescendantBlur
from textual.message import Message
from textual.style import Style
from textual.timer import Timer
from textual.widgets import Static, TextArea

from console.meeting.decide import MAX_TEXT, tags_of
from console.meeting.state import Report
from console.tui.client import Kept
from console.tui.forms import Form, bad_text, text_area
from protocol import commands as c
from protocol.words import _

DRAFT_AFTER_S = 1.0
_WORD_AT_END = re.compile(r"#([\w-]*)$")


def kept_tags(report: Report | None) -> tuple[str, ...]:
    """Tags of a report that its text does not name: they stay when it is amended."""
    if report is None:
        return ()
    named = tags_of(report.text)
    return tuple(tag for tag in report.tags if tag not in named)


def complete(start: str, tags: tuple[str, ...]) -> str:
    """The rest of the tag that `start` begins; empty when none or several would do."""
    fitting = {tag for tag in tags if tag.startswith(start.lower()) and tag != start.lower()}
    return fitting.pop()[len(start) :] if len(fitting) == 1 and start else ""


class Tags(Static):
    """The line of tags; those that can be added are clickable."""

    class Picked(Message):
        """A tag was clicked."""

        def __init__(self, tag: str) -> None:
            self.tag = tag
            super().__init__()

    def __init__(self) -> None:
        super().__init__("", id="tags")
        self.auto_links = False

    def action_pick(self, tag: str) -> None:
        """Done by a click."""
        self.post_message(self.Picked(tag))


class ReportForm(Form):
    """One site's report. `draft` is told of every text that is to be safe from now on."""

    BINDINGS = [
        Binding("tab", "complete", show=False, priority=True),
        *(Binding(f"alt+{n}", f"topic({n})", show=False, priority=True) for n in range(1, 10)),
    ]

    class Drafted(Message):
        """The text so far."""

        def __init__(self, site: str, text: str) -> None:
            self.site = site
            self.text = text
            super().__init__()

    def __init__(
        self,
        site: str,
        title: str,
        text: str,
        report: Report | None,
        tags: tuple[str, ...],
        *,
        draft_after_s: float = DRAFT_AFTER_S,
    ) -> None:
        amending = " · " + _("amending") if report is not None else ""
        super().__init__(f"report:{site}", _("Report · {site}").format(site=title) + amending)
        self.site = site
        self._first_text = text
        self._report = report
        self._known_tags = tags
        self._draft_after_s = draft_after_s
        self._safe_text = text
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        """The text and its tags."""
        yield self.heading()
        yield text_area(self._first_text, "text")
        yield Tags()

    def on_mount(self) -> None:
        """Start typing at once."""
        self._area.focus()
        self._show_tags()

    @property
    def _area(self) -> TextArea:
        return self.query_one(TextArea)

    def typed(self) -> Kept:
        """The text, when it is not the report as it stands."""
        text = self._area.text
        stands = "" if self._report is None else self._report.text
        return {} if text == stands else {"text": text}

    # -- drafts ----------------------------------------------------------------------------------

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Show the tags; see to it that the text is safe soon."""
        event.stop()
        self._show_tags()
        if self._timer is None and self._area.text != self._safe_text:
            self._timer = self.set_timer(self._draft_after_s, self._send_draft)

    def on_descendant_blur(self, event: DescendantBlur) -> None:
        """The field lost the focus: the text is made safe."""
        self._send_draft()

    def _send_draft(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        text = self._area.text
        if text != self._safe_text and len(text) <= MAX_TEXT:
            self._safe_text = text
            self.post_message(self.Drafted(self.site, text))

    def leave(self) -> None:
        """Make the text safe, then leave."""
        self._send_draft()
        super().leave()

    def save(self) -> None:
        """Log or amend the report."""
        text = self._area.text
        if wrong := bad_text(text):
            said = Content.styled(f" ! {wrong} ", "bold $error")
            self.query_one("#tags", Static).update(said)
            self._area.focus()
            return
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._safe_text = text
        self.post_message(self.Wrote(self, self._commands(text)))

    def _commands(self, text: str) -> tuple[c.ModeratorCommand, ...]:
        report = self._report
        if report is None:
            return (c.LogReport(self.site, text),)
        if text.strip() == report.text:
            return (c.DraftReport(self.site, ""),)
        amended = c.AmendReport(report.id, text, kept_tags(report))
        return (amended, c.DraftReport(self.site, ""))

    # -- tags ------------------------------------------------------------------------------------

    def _show_tags(self) -> None:
        used = tags_of(self._area.text, kept_tags(self._report))
        line = Content.styled(" " + _("Tags") + " ", "$dim")
        for tag in used:
            line += Content.styled(f"#{tag} ", "bold $success")
        rest = [tag for tag in self._known_tags if tag not in used]
        if rest:
            line += Content.styled(" Alt+ ", "$dim")
        for tag in rest:
            place = self._known_tags.index(tag) + 1
            if place < 10:
                line += Content.styled(f" {place}", "bold $key-foreground on $button-background")
            click = Style.from_meta({"@click": f"pick({tag!r})"})
            line += Content.styled(f" #{tag} ", "on $button-background").stylize(click)
            line += Content(" ")
        self.query_one("#tags", Static).update(line)

    def _insert_tag(self, tag: str) -> None:
        text = self._area.text
        space = "" if not text or text[-1].isspace() else " "
        self._area.insert(f"{space}#{tag} ", self._area.document.end)
        self._area.focus()

    def action_topic(self, number: int) -> None:
        """Alt and a digit: add that topic, unless the text names it already."""
        tags = self._known_tags[number - 1 : number]
        if tags and tags[0] not in tags_of(self._area.text):
            self._insert_tag(tags[0])

    def on_tags_picked(self, event: "Tags.Picked") -> None:
        """A topic was clicked."""
        event.stop()
        self._insert_tag(event.tag)

    def action_complete(self) -> None:
        """Tab: complete the tag before the cursor."""
        row, column = self._area.cursor_location
        match = _WORD_AT_END.search(self._area.document.get_line(row)[:column])
        if match is not None and (rest := complete(match.group(1), self._known_tags)):
            self._area.insert(f"{rest} ")
