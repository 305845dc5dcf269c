"""`giliran savings`: the journeys that meetings by video saved, meeting by meeting and in all."""

import sys
import textwrap
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from console.journal import Journal, JournalError, MeetingRow
from console.meeting.fold import replay
from console.meeting.state import Meeting
from console.minutes import wording
from console.minutes.form import Savings
from console.minutes.savings import hours, kilometres, savings_of
from console.places import journal_path
from console.roster import RosterError, find, load
from protocol.events import MeetingPlan
from protocol.words import _, n_


class Saved(msgspec.Struct, frozen=True):
    """One meeting that was held: its local date and what it saved."""

    row: MeetingRow
    date: str
    savings: Savings


def savings(
    *,
    year: Annotated[
        int | None, Parameter(help="Only meetings opened in this year, by their own clocks.")
    ] = None,
    roster: Annotated[
        str | None,
        Parameter(
            help="Roster whose distances and rates are to be used for every meeting; default: "
            "those each meeting was held with."
        ),
    ] = None,
    db: Annotated[
        Path | None, Parameter(help="Journal file; default: in your data folder.")
    ] = None,
) -> int:
    """Tell the kilometres, hours and rupiah of travel that meetings saved.

    Every site that attended counts with its journey to the hall and back. Distances and rates
    are the roster's ([meeting.travel] and each site's `distance_km`); as long as they are the
    examples that came with Giliran, every sum is called an example.
    """
    try:
        plan = None if roster is None else load(find(roster))
        journal = Journal.open_readonly(journal_path(db))
        try:
            held = saved(journal, year, plan)
        finally:
            journal.close()
    except (JournalError, RosterError) as error:
        print(f"giliran savings: {error}", file=sys.stderr)
        return 1
    for line in table(held):
        print(line)
    return 0


def saved(journal: Journal, year: int | None, plan: MeetingPlan | None) -> list[Saved]:
    """Every meeting that was closed, oldest first."""
    found = []
    for row in journal.meetings():
        if row.opened_at is None or row.closed_at is None:
            continue
        state = replay(journal.read(row.id))
        day = wording.local(row.opened_at, state.plan.utc_offset_minutes).date()
        if year is None or day.year == year:
            found.append(Saved(row, day.isoformat(), _of(state, plan)))
    return found


def _of(state: Meeting, plan: MeetingPlan | None) -> Savings:
    sites = list(state.sites.values())
    rates = state.plan.travel
    if plan is not None:
        rates = plan.travel
        entries = {entry.id: entry for entry in plan.sites}
        sites = [
            msgspec.structs.replace(site, entry=entries[site.id]) if site.id in entries else site
            for site in sites
        ]
    return savings_of(rates, sites, state.chair)


def table(held: list[Saved]) -> list[str]:
    """The lines to print: a meeting each, then the sum."""
    if not held:
        return [_("no meeting was closed in this time")]
    rows = [
        [
            _("Date"),
            _("Meeting"),
            _("Journeys"),
            _("Distance"),
            _("Travel time"),
            _("Cost"),
            "",
        ]
    ]
    for one in held:
        made = one.savings
        unknown = sum(not row.known for row in made.rows)
        remarks = [_("example rates")] if made.example else []
        if unknown:
            text = n_("{n} site without a distance", "{n} sites without a distance", unknown)
            remarks.append(text.format(n=unknown))
        rows.append(
            [
                one.date,
                textwrap.shorten(one.row.title, 40, placeholder="…"),
                str(len(made.rows)),
                made.km_words,
                made.travel_words,
                made.rupiah_words,
                ", ".join(remarks),
            ]
        )
    count = n_("{n} meeting", "{n} meetings", len(held)).format(n=len(held))
    rows.append(
        [
            _("Sum"),
            count,
            str(sum(len(one.savings.rows) for one in held)),
            kilometres(round(sum(one.savings.km for one in held), 1)),
            hours(sum(one.savings.travel_minutes for one in held)),
            wording.rupiah(sum(one.savings.rupiah for one in held)),
            _("with example rates") if any(one.savings.example for one in held) else "",
        ]
    )
    widths = [max(len(row[column]) for row in rows) for column in range(7)]
    lines = []
    for row in rows:
        cells = [
            text.rjust(width) if 2 <= column <= 5 else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines
