"""Follow-ups of all meetings: the open ones first, those due first at the top; what is overdue says
so, and what is done, when."""

from collections import Counter
from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.content import Content

from console.tui.dates import day, distance, iso_day
from console.tui.fields import MAX_HOW
from console.tui.listing import Column, Listing, Row
from console.tui.phrases import one_line
from console.tui.prompt import PromptLine
from console.tui.screens.lists import ListPage
from protocol import commands as c
from protocol import queries as q
from protocol.words import N_, _, n_, word

_STYLES = {
    "overdue": "alarm",
    "today": "warn",
    "soon": "warn",
    "later": "dim",
    "done": "good",
    "": "dim",
}


class FollowUpsPage(ListPage):
    """The follow-up under the cursor is shown whole; Space marks it done, Enter asks how.

    In which meeting it was noted does not matter, nor whether one is held now.
    """

    BINDINGS = [("space", "mark")]
    detail_lines = 4
    _marking = False
    _said_of = ""

    def body(self) -> ComposeResult:
        """Below the list, how something was done."""
        yield from super().body()
        yield PromptLine()

    def keys(self) -> tuple[tuple[str, str, str], ...]:
        """Marking."""
        return (
            *super().keys(),
            (_("Space"), _("Done/open again"), "screen.mark"),
            ("Enter", _("Done, and how"), "screen.how"),
        )

    def action_mark(self) -> None:
        """The follow-up under the cursor is done, or open again."""
        one = self._one(self.query_one(Listing).selected)
        if one is None:
            return
        done, where = self.host.replica.follow_up_done(one.id), self._where(one)
        if done is None:
            done = one.closed_at is not None
        if done:
            self._issue(c.ReopenFollowUp(one.id, where))
        else:
            self._issue(c.CloseFollowUp(one.id, meeting=where))

    def _where(self, one: q.FollowUpLine) -> str:
        """The meeting in which it is marked: the present one where that knows it."""
        return one.meeting if self.host.replica.follow_up_done(one.id) is None else ""

    def _issue(self, body: c.CloseFollowUp | c.ReopenFollowUp) -> None:
        self.host.issue(body)
        self._marking = True

    def action_how(self) -> None:
        """Ask how the follow-up under the cursor was done."""
        one = self._one(self.query_one(Listing).selected)
        if one is not None and self.host.role == "moderator":
            self._said_of = one.id
            self.query_one(PromptLine).ask("done", _("How was it done?"), one.how, MAX_HOW)

    @on(Listing.Chosen)
    def _chosen(self) -> None:
        self.action_how()

    @on(PromptLine.Typed)
    def _typing(self, event: PromptLine.Typed) -> None:
        event.stop()

    @on(PromptLine.Answered)
    def _answered(self, event: PromptLine.Answered) -> None:
        event.stop()
        self.query_one(Listing).focus()
        one = self._one(self._said_of)
        if one is not None and event.text is not None:
            self._issue(c.CloseFollowUp(one.id, event.text.strip(), self._where(one)))

    def update_body(self, now: int) -> None:
        """Look again once what was marked is answered."""
        if self._marking and not self.host.replica.unsent():
            self._marking = False
            self.look()

    def heading(self) -> str:
        """How many, and how many are overdue."""
        lines = () if self.found is None else self.found.follow_ups
        still = [one for one in lines if one.closed_at is None]
        states = Counter(distance(one.due, self.today)[1] for one in still)
        text = n_("{n} follow-up", "{n} follow-ups", len(lines)).format(n=len(lines))
        if len(still) < len(lines):
            text += ", " + _("{n} done").format(n=len(lines) - len(still))
        late = states["overdue"]
        parts = [_("FOLLOW-UPS"), text]
        if late:
            parts.append(_("{n} OVERDUE").format(n=late))
        return " · ".join(parts)

    def search_hint(self) -> str:
        """What is searched."""
        return _("words of the follow-up, its owner, a site")

    def columns(self) -> Sequence[Column]:
        """Due date, how far it is, text, owner, site, meeting."""
        return (
            Column(word(N_("column|Due")), 11),
            Column(word(N_("column|State")), 18),
            Column(word(N_("column|Follow-up"))),
            Column(word(N_("column|Owner")), 14),
            Column(word(N_("column|Site")), 16, from_width=96),
            Column(word(N_("column|Meeting")), 36, from_width=150),
        )

    def question(self, text: str) -> q.QueryBody:
        """Follow-ups with these words."""
        return q.ListFollowUps(text)

    def rows_of(self, found: q.FollowUpList) -> Sequence[Row]:
        """One line a follow-up."""
        return [self._row(one) for one in found.follow_ups]

    def _row(self, one: q.FollowUpLine) -> Row:
        text, state = distance(one.due, self.today)
        if one.closed_at is not None:
            done = day(iso_day(one.closed_at, self.offset_minutes))
            text, state = "✓ " + _("done {day}").format(day=done), "done"
        mark = "! " if state == "overdue" else ""
        return Row(
            one.id,
            (
                (day(one.due) if one.due else "–", "accent"),
                (f"{mark}{text}", _STYLES[state]),
                (one_line(one.text), "dim" if state == "done" else ""),
                (one.owner or "–", "dim" if state == "done" else "strong"),
                (one.name, "dim"),
                (one.title, "dim"),
            ),
        )

    def _one(self, key: str) -> q.FollowUpLine | None:
        lines = () if self.found is None else self.found.follow_ups
        return next((line for line in lines if line.id == key), None)

    def detail(self, key: str) -> Content:
        """The whole text, and where it comes from."""
        one = self._one(key)
        if one is None:
            return Content("")
        noted = day(iso_day(one.at, self.offset_minutes), weekday=True)
        parts = [part for part in (one.owner, one.name, one.title, noted) if part]
        lines = [Content.styled(one.text, "bold"), Content.styled(" · ".join(parts), "$dim")]
        if one.how:
            how = _("Done: {text}").format(text=one_line(one.how))
            lines.insert(1, Content.styled(how, "$success"))
        return Content("\n").join(lines)
