"""Follow-ups of all meetings, those due first at the top; what is overdue says so."""

from collections import Counter
from collections.abc import Sequence

from textual.content import Content

from console.tui.dates import day, distance, iso_day
from console.tui.listing import Column, Row
from console.tui.phrases import one_line, word
from console.tui.screens.lists import ListPage
from protocol import queries as q
from protocol.words import N_, _, n_

_STYLES = {"overdue": "alarm", "today": "warn", "soon": "warn", "later": "dim", "": "dim"}


class FollowUpsPage(ListPage):
    """The follow-up under the cursor is shown whole."""

    detail_lines = 4

    def heading(self) -> str:
        """How many, and how many are overdue."""
        lines = () if self.found is None else self.found.follow_ups
        count = len(lines)
        states = Counter(distance(one.due, self.today)[1] for one in lines)
        text = n_("{n} follow-up", "{n} follow-ups", count).format(n=count)
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
        mark = "! " if state == "overdue" else ""
        return Row(
            one.id,
            (
                (day(one.due) if one.due else "–", "accent"),
                (f"{mark}{text}", _STYLES[state]),
                (one_line(one.text), ""),
                (one.owner or "–", "strong"),
                (one.name, "dim"),
                (one.title, "dim"),
            ),
        )

    def detail(self, key: str) -> Content:
        """The whole text, and where it comes from."""
        lines = () if self.found is None else self.found.follow_ups
        one = next((line for line in lines if line.id == key), None)
        if one is None:
            return Content("")
        noted = day(iso_day(one.at, self.offset_minutes), weekday=True)
        parts = [part for part in (one.owner, one.name, one.title, noted) if part]
        return Content.assemble((one.text, "bold"), "\n", (" · ".join(parts), "$dim"))
