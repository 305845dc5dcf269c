"""All meetings, newest first: search, open the minutes, begin a new one like it."""

from collections.abc import Sequence

from textual import on

from console.tui import phrases
from console.tui.dates import day, iso_day
from console.tui.listing import Column, Listing, Row
from console.tui.screens.lists import ListPage
from console.tui.screens.preview import PreviewPage
from protocol import queries as q
from protocol.words import N_, _, n_, word


class MeetingsPage(ListPage):
    """Enter shows the minutes of a meeting."""

    def heading(self) -> str:
        """How many."""
        count = 0 if self.found is None else len(self.found.meetings)
        return _("MEETINGS") + " · " + n_("{n} meeting", "{n} meetings", count).format(n=count)

    def search_hint(self) -> str:
        """What is searched."""
        return _("title, date (2019-02) or a word of a report")

    def keys(self) -> tuple[tuple[str, str, str], ...]:
        """Opening and copying."""
        return (
            ("Enter", _("Minutes"), "screen.open"),
            *super().keys(),
            ("C", _("New one like it"), "app.act('copy-meeting')"),
            ("N", _("New from the roster"), "app.act('convene')"),
        )

    def columns(self) -> Sequence[Column]:
        """Date, title, sums."""
        return (
            Column(word(N_("column|Date")), 15),
            Column(word(N_("column|Time")), 11, from_width=90),
            Column(word(N_("column|Meeting"))),
            Column(word(N_("column|Place")), 0, from_width=110),
            Column(word(N_("column|Present")), 7, right=True),
            Column(word(N_("column|Turns")), 7, right=True, from_width=100),
            Column(word(N_("column|Reports")), 7, right=True),
            Column(word(N_("column|Follow-ups")), 13, right=True, from_width=90),
        )

    def question(self, text: str) -> q.QueryBody:
        """Meetings with these words."""
        return q.ListMeetings(text)

    def rows_of(self, found: q.MeetingList) -> Sequence[Row]:
        """One line a meeting; the present one is marked."""
        return [self._row(one) for one in found.meetings]

    def _row(self, one: q.MeetingLine) -> Row:
        at = one.opened_at or one.convened_at
        is_present = one.id == self.host.replica.meeting.id
        return Row(
            one.id,
            (
                (day(iso_day(at, self.offset_minutes), weekday=True), "accent"),
                (self._time(one), "dim"),
                (one.title, "strong" if is_present else ""),
                (one.place, "dim"),
                (f"{one.present}/{one.sites}", ""),
                (str(one.turns or "–"), ""),
                (str(one.reports or "–"), ""),
                (str(one.follow_ups or "–"), ""),
            ),
        )

    def _time(self, one: q.MeetingLine) -> str:
        if one.opened_at is None:
            return word(N_("state of a meeting|planned"))
        begin = phrases.clock(one.opened_at, self.offset_minutes, seconds=False)
        if one.closed_at is None:
            return f"{begin}–"
        return f"{begin}–{phrases.clock(one.closed_at, self.offset_minutes, seconds=False)}"

    def action_open(self) -> None:
        """By mouse."""
        self.query_one(Listing).action_choose()

    @on(Listing.Chosen)
    def _chosen(self, event: Listing.Chosen) -> None:
        self.app.push_screen(PreviewPage(self.host, event.key))

    @property
    def selected(self) -> str:
        """The meeting under the cursor."""
        return self.query_one(Listing).selected
