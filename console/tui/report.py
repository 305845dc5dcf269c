"""The report card of a site: what it reported, the direction given, the decision, what is to be
done, all together; saved as it is typed.

Rules:
- `#word`s become tags; they are shown as they are recognised, Tab completes one, and Alt with a
  digit adds a topic.
- A sentence begun as one of an earlier meeting is proposed to its end: the right arrow takes it.
- A report that exists is amended: the old text stays in the record. Directions and decisions noted
  before are shown; new ones are added to them.
- Follow-ups of the site that are open, of earlier meetings too, are on the card; marking one done
  takes effect at once.
- The card is saved as a whole.
"""

import re
from collections.abc import Callable, Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.style import Style
from textual.suggester import Suggester
from textual.widgets import Input, Label, Static, TextArea

from console.meeting.record import tags_of
from console.meeting.state import Note, Report, card_key
from console.tui import completion
from console.tui.client import Kept
from console.tui.due import DueError, parse_due
from console.tui.fields import Field, Line, bad_line, bad_text, prepared_area
from console.tui.forms import DRAFT_AFTER_S, Form
from console.tui.phrases import one_line
from console.tui.tasks import Tasks
from console.tui.views import TaskShown
from protocol import commands as c
from protocol.words import _

_WORD_AT_END = re.compile(r"#([\w-]*)$")
_PARTS = ("what", "owner", "due")


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


class CardText(TextArea):
    """The report's text; `propose` says what would follow the line so far."""

    def __init__(self, text: str, propose: "Propose") -> None:
        self._propose = propose
        super().__init__(text, id="field-text", soft_wrap=True, tab_behavior="focus", compact=True)
        prepared_area(self)

    def update_suggestion(self) -> None:
        """Only at the end of a line."""
        row, column = self.cursor_location
        line = self.document.get_line(row)
        at_end = column >= len(line)
        self.suggestion = self._propose.after(line) if at_end else ""


class Propose(Suggester):
    """Completes what is typed in the card's fields."""

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self.phrases: tuple[str, ...] = ()
        self.words = tuple(words)

    def after(self, line: str) -> str:
        """What would follow the line."""
        return completion.rest_of(line, self.phrases, self.words)

    async def get_suggestion(self, value: str) -> str | None:
        """For a field of one line: the whole of it."""
        rest = self.after(value)
        return value + rest if rest else None


class ReportForm(Form):
    """One site's report card. `titles` are offered as owners; `noted` are directions and decisions
    on this site so far."""

    lines = 13
    BINDINGS = [
        Binding("tab", "complete", show=False, priority=True),
        Binding("shift+tab", "back", show=False, priority=True),
        *(Binding(f"alt+{n}", f"topic({n})", show=False, priority=True) for n in range(1, 10)),
    ]

    class Marked(Message):
        """A follow-up was marked: done, or open again; `ask` how it was done."""

        def __init__(self, task: TaskShown, *, ask: bool = False) -> None:
            self.task = task
            self.ask = ask
            super().__init__()

    def __init__(
        self,
        site: str,
        title: str,
        kept: Kept,
        report: Report | None,
        tags: tuple[str, ...],
        titles: Sequence[str] = (),
        noted: Sequence[Note] = (),
        today: str = "",
        *,
        draft_after_s: float = DRAFT_AFTER_S,
    ) -> None:
        amending = " · " + _("amending") if report is not None else ""
        heading = _("Report · {site}").format(site=title) + amending
        super().__init__(card_key(site), heading, kept, draft_after_s)
        self.site = site
        self._stands = "" if report is None else report.text
        self._report = report
        self._known_tags = tags
        self._title = title
        self._noted = tuple(noted)
        self._today = today
        self._propose = Propose((*tags, *titles))
        self._owners = Propose(titles)
        self._added: list[Kept] = []
        while any(f"{part}-{len(self._added) + 1}" in kept for part in _PARTS):
            number = len(self._added) + 1
            self._added.append({part: kept.get(f"{part}-{number}", "") for part in _PARTS})
        self._tasks: tuple[TaskShown, ...] = ()
        self.tasks_of: Callable[[], tuple[TaskShown, ...]] = tuple

    def compose(self) -> ComposeResult:
        """The text and its tags; direction and decision; the follow-ups."""
        kept = self._kept
        yield self.heading()
        yield CardText(kept.get("text", self._stands), self._propose)
        yield Tags()
        yield self._note("direction", _("Direction"), _("what who presides says to it"))
        yield self._note("decision", _("Decision"), _("what is decided"))
        with Horizontal(classes="field", id="task"):
            yield Label(_("Follow-up"), classes="field-label")
            what = _("what is to be done; Enter adds it")
            yield Line(kept.get("what", ""), what, "what", self._propose)
            yield Line(kept.get("owner", self._title), _("who does it"), "owner", self._owners)
            yield Line(kept.get("due", ""), _("20/2 friday +14d"), "due")
        yield Label("", id="message-task", classes="field-message")
        yield Tasks()

    def _note(self, kind: str, label: str, hint: str) -> Field:
        before = "; ".join(one_line(note.text) for note in self._noted if note.kind == kind)
        hint = _("noted: {text}").format(text=before) if before else hint
        return Field(label, self._kept.get(kind, ""), hint, kind, self._propose)

    def start(self) -> None:
        """Start typing at once."""
        self._area.focus()
        self._show_tags()
        self._tasks = self.tasks_of()
        self._show_tasks()

    @property
    def _area(self) -> TextArea:
        return self.query_one(CardText)

    def _value(self, name: str) -> str:
        return self.query_one(f"#field-{name}", Line).value

    def fields(self) -> Kept:
        """Every field that differs from what stands."""
        text = self._area.text
        made: Kept = {} if text == self._stands else {"text": text}
        for name in ("direction", "decision"):
            if value := self._value(name):
                made[name] = value
        if self._value("what") or self._value("due"):
            made.update({part: self._value(part) for part in _PARTS})
        for number, one in enumerate(self._added, 1):
            made.update({f"{part}-{number}": one[part] for part in _PARTS})
        return made

    def know(self, phrases: Sequence[str], owners: Sequence[str]) -> None:
        """What was written in earlier meetings."""
        self._propose.phrases = tuple(phrases)
        self._owners.words = tuple(dict.fromkeys((*self._owners.words, *owners)))
        self._owners.phrases = self._owners.words
        if self.is_mounted:
            self._area.update_suggestion()

    # -- saving ----------------------------------------------------------------------------------

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Show the tags."""
        self._show_tags()

    def on_input_changed(self, event: Input.Changed) -> None:
        """What is being corrected is no longer wrong."""
        if event.input.name in _PARTS:
            self._complain_of_task("")

    def save(self) -> None:
        """All of it, when all of it is right."""
        text, typed = self._area.text, self.typed()
        more = any(name != "text" for name in typed)
        wrong = bad_text(text) if self._report is not None or text.strip() or not more else ""
        if wrong:
            said = Content.styled(f" ! {wrong} ", "bold $error")
            self.query_one("#tags", Static).update(said)
            self._area.focus()
            return
        for field in self.query(Field):
            if wrong := bad_line(field.value):
                field.complain(wrong)
                return
        if (self._value("what") or self._value("due")) and not self._add_task():
            return
        self.wrote(self._commands(text))

    def _commands(self, text: str) -> tuple[c.ModeratorCommand, ...]:
        report, typed = self._report, self.typed()
        if report is not None and not typed:
            return (c.SaveDraft(self.key, {}),)
        made = tuple(
            c.NewFollowUp(
                one["what"].strip(), one["owner"].strip(), parse_due(one["due"], self._today)
            )
            for one in self._added
        )
        card = c.SaveCard(
            self.site,
            text,
            "" if report is None else report.id,
            kept_tags(report),
            self._value("direction"),
            self._value("decision"),
            made,
        )
        return (card,)

    # -- follow-ups ------------------------------------------------------------------------------

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes to the next field; in the last one of a follow-up it adds it."""
        event.stop()
        if event.input.name == "due" or (event.input.name == "what" and not self._value("what")):
            if self._value("what") or self._value("due"):
                self._add_task()
            else:
                self.query_one(Tasks).focus()
        else:
            self.screen.focus_next(".form *")

    def _add_task(self) -> bool:
        """What is in the three fields becomes a line below; False when something is wrong."""
        one = {part: self._value(part) for part in _PARTS}
        if not one["what"].strip():
            return self._complain_of_task(_("write what is to be done"), "what")
        for part in ("what", "owner"):
            if wrong := bad_line(one[part]):
                return self._complain_of_task(wrong, part)
        try:
            parse_due(one["due"], self._today)
        except DueError:
            return self._complain_of_task(_("not a date, such as 15/2/2019"), "due")
        self._added.append(one)
        self._put_task({"what": "", "owner": self._title, "due": ""})
        self._show_tasks()
        return True

    def _put_task(self, one: Kept) -> None:
        for part in _PARTS:
            self.query_one(f"#field-{part}", Line).value = one[part]
        self.query_one("#field-what").focus()
        self.draft_soon()

    def _complain_of_task(self, text: str, name: str = "") -> bool:
        message = self.query_one("#message-task", Label)
        message.update(Content(f" ! {text}" if text else ""))
        message.display = bool(text)
        if name:
            self.query_one(f"#field-{name}").focus()
        return False

    def redraw(self) -> None:
        """The follow-ups that are the meeting's already."""
        if self.is_mounted and (tasks := self.tasks_of()) != self._tasks:
            self._tasks = tasks
            self._show_tasks()

    def _show_tasks(self) -> None:
        new = []
        for number, one in enumerate(self._added):
            due = parse_due(one["due"], self._today)
            new.append(TaskShown(str(number), one["what"], one["owner"], due, new=True))
        widget = self.query_one(Tasks)
        widget.show((*new, *self._tasks), self._today)

    def on_tasks_taken(self, event: Tasks.Taken) -> None:
        """A new one goes back into the fields, another is marked."""
        event.stop()
        if not event.task.new:
            self.post_message(self.Marked(event.task, ask=event.ask))
        elif not (self._value("what") or self._value("due")) or self._add_task():
            one = self._added.pop(int(event.task.id))
            self._put_task(one)
            self._show_tasks()

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
        """Tab: complete the tag before the cursor; else the next field."""
        focused = self.screen.focused
        if isinstance(focused, CardText):
            row, column = focused.cursor_location
            match = _WORD_AT_END.search(focused.document.get_line(row)[:column])
            if match is not None and (rest := complete(match.group(1), self._known_tags)):
                focused.insert(f"{rest} ")
                return
        self.screen.focus_next(".form *")

    def action_back(self) -> None:
        """Shift+Tab: the field before."""
        self.screen.focus_previous(".form *")
