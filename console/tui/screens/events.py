"""The event log: everything the journal holds of the meeting, as it comes in; search in it."""

from collections.abc import Sequence
from typing import Any

from console.tui import phrases
from console.tui.listing import Column, Listing, Row
from console.tui.page import Host
from console.tui.replica import Replica
from console.tui.screens.lists import ListPage
from protocol import events as e
from protocol import queries as q
from protocol.words import N_, _, n_, word

PART = 500
_STYLES = {"alarm": "bad", "speech": "good", "record": "accent", "good": "good"}


class EventsPage(ListPage):
    """Reads the journal in parts and keeps up with the running meeting; the last line stays in
    sight while the cursor is on it."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._meeting = host.replica.meeting.id
        self._past = Replica()
        self._lines: list[tuple[e.Recorded, str, str]] = []
        self._reading = False
        self._shown = 0

    def heading(self) -> str:
        """How many are shown."""
        count = self._shown
        text = n_("{n} event", "{n} events", count).format(n=count)
        if self._shown < len(self._lines):
            text = _("{count} of {all}").format(count=text, all=len(self._lines))
        return _("EVENT LOG") + f" · {text}"

    def search_hint(self) -> str:
        """What is searched."""
        return _("a site, a word")

    def columns(self) -> Sequence[Column]:
        """Number, time, what happened, who wanted it."""
        return (
            Column("#", 6, right=True, from_width=70),
            Column(word(N_("column|Time")), 8),
            Column(word(N_("column|What happened"))),
            Column(word(N_("column|By")), 18, from_width=100),
        )

    def question(self, text: str) -> q.QueryBody:
        """What is not read yet."""
        after = self._lines[-1][0].seq if self._lines else 0
        return q.ReadJournal(self._meeting, after, PART)

    def look(self) -> None:
        """Show what fits the words; read on when there is something new."""
        self._show(at_end=not self._lines)
        if not self._reading:
            self._reading = True
            self.host.ask(self.question(""), self._told)

    def update_body(self, now: int) -> None:
        """Something happened in the meeting."""
        seen = self._lines[-1][0].seq if self._lines else 0
        meeting = self.host.replica.meeting
        if meeting.id == self._meeting and meeting.seq > seen and not self._reading:
            self.look()

    def _told(self, found: q.Found | None, why: str) -> None:
        self._reading = False
        self.trouble = why
        if not self.is_attached:
            return
        if not isinstance(found, q.Events):
            self.label()
            return
        follow = self.query_one(Listing).is_at_end
        for one in found.events:
            # Names come from the plan, which is the first event.
            self._past.occurred(one)
            text = phrases.happening(self._past, one.event)
            self._lines.append((one, text, phrases.kind_of(one.event)))
        self._show(at_end=follow)
        if found.more:
            self.look()

    def _show(self, *, at_end: bool) -> None:
        words = self.text.casefold().split()
        fitting = [
            line
            for line in self._lines
            if all(word in f"{line[1]} {line[0].actor}".casefold() for word in words)
        ]
        self._shown = len(fitting)
        self.query_one(Listing).show(self.rows_of(fitting), at_end=at_end)
        self.label()

    def rows_of(self, found: Any) -> Sequence[Row]:
        """One line an event."""
        offset = self._past.meeting.plan.utc_offset_minutes
        return [
            Row(
                str(one.seq),
                (
                    (str(one.seq), "dim"),
                    (phrases.clock(one.at, offset), "dim"),
                    (text, _STYLES.get(kind, "")),
                    (self._by(one.actor), "dim"),
                ),
            )
            for one, text, kind in found
        ]

    def _by(self, actor: str) -> str:
        who, _colon, site = actor.partition(":")
        if who == "site":
            return self._past.name(site)
        known = {"moderator": _("Operator"), "server": _("Server")}
        return known.get(who, actor)
