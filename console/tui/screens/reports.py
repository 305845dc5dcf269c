"""Reports of all meetings by full text."""

from collections.abc import Sequence

from textual import on
from textual.content import Content

from console.tui import phrases
from console.tui.dates import day, iso_day
from console.tui.listing import Column, Listing, Row
from console.tui.screens.lists import ListPage
from console.tui.screens.preview import PreviewPage
from protocol import queries as q
from protocol.words import N_, _, n_, word


class ReportsPage(ListPage):
    """The report under the cursor is shown whole; Enter shows its meeting's minutes."""

    detail_lines = 7

    def heading(self) -> str:
        """How many."""
        count = 0 if self.found is None else len(self.found.reports)
        text = n_("{n} report", "{n} reports", count).format(n=count)
        return _("REPORTS OF ALL MEETINGS") + " · " + text

    def search_hint(self) -> str:
        """What is searched."""
        return _("words of the report, a topic, a site")

    def keys(self) -> tuple[tuple[str, str, str], ...]:
        """Opening."""
        return (("Enter", _("Minutes"), "screen.open"), *super().keys())

    def columns(self) -> Sequence[Column]:
        """Date, site, text."""
        return (
            Column(word(N_("column|Date")), 11),
            Column(word(N_("column|Site")), 16),
            Column(word(N_("column|Report"))),
            Column(word(N_("column|Meeting")), 36, from_width=130),
        )

    def question(self, text: str) -> q.QueryBody:
        """Reports with these words."""
        return q.SearchReports(text)

    def rows_of(self, found: q.ReportList) -> Sequence[Row]:
        """One line a report."""
        return [
            Row(
                one.id,
                (
                    (day(iso_day(one.at, self.offset_minutes)), "accent"),
                    (one.name, "strong"),
                    (phrases.one_line(one.text), ""),
                    (one.title, "dim"),
                ),
            )
            for one in found.reports
        ]

    def _of(self, key: str) -> q.ReportLine | None:
        reports = () if self.found is None else self.found.reports
        return next((one for one in reports if one.id == key), None)

    def detail(self, key: str) -> Content:
        """Who, when, in which meeting; the whole text."""
        one = self._of(key)
        if one is None:
            return Content("")
        at = phrases.clock(one.at, self.offset_minutes, seconds=False)
        when = f"{day(iso_day(one.at, self.offset_minutes), weekday=True)} {at}"
        tags = "  ".join(f"#{tag}" for tag in one.tags)
        return Content.assemble(
            (f"{one.name}", "bold"),
            (f"  {when}  {one.title}  ", "$dim"),
            (tags, "$accent"),
            "\n",
            one.text,
        )

    def action_open(self) -> None:
        """By mouse."""
        self.query_one(Listing).action_choose()

    @on(Listing.Chosen)
    def _chosen(self, event: Listing.Chosen) -> None:
        one = self._of(event.key)
        if one is not None:
            self.app.push_screen(PreviewPage(self.host, one.meeting))
