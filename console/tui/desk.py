"""The lower part of the screen: the log, and beside it the form one works on."""

from textual.app import ComposeResult
from textual.containers import Horizontal

from console.meeting.record import tags_of
from console.meeting.state import card_key
from console.tui.client import Kept
from console.tui.dates import iso_day
from console.tui.forms import AttendanceForm, FollowUpForm, Form, NoteForm, TimeForm
from console.tui.glance import Glance
from console.tui.log import Log
from console.tui.replica import Replica
from console.tui.report import ReportForm


class Desk(Horizontal):
    """At most one form is open. What was typed in a form one left is in `kept`, by its key."""

    def __init__(self, replica: Replica, kept: dict[str, Kept], draft_after_s: float) -> None:
        super().__init__(id="lower")
        self._replica = replica
        self._draft_after_s = draft_after_s
        self.form: Form | None = None
        self.kept = kept

    def compose(self) -> ComposeResult:
        """The log is always there."""
        yield Log(self._replica)
        yield Glance()

    def _typed_before(self, key: str) -> Kept:
        """What was typed in that form and not saved: here, or at a console that is gone."""
        return self.kept.get(key) or self._replica.meeting.drafts.get(key, {})

    def _today(self, now: int) -> str:
        offset = self._replica.meeting.plan.utc_offset_minutes
        return iso_day(self._replica.server_now(now), offset)

    def open_report(self, site: str, now: int) -> None:
        """The report of a site: its draft, or the report as it stands, to be amended."""
        key = card_key(site)
        if self.form is not None and self.form.key == key:
            self.form.query_one("#field-text").focus()
            return
        meeting = self._replica.meeting
        entries = [one.entry for one in meeting.sites.values()]
        entry = meeting.sites[site].entry
        kept = self._typed_before(key)
        if not kept and meeting.sites[site].draft:
            kept = {"text": meeting.sites[site].draft}
        form = ReportForm(
            site,
            entry.title or entry.name,
            kept,
            self._replica.report_of(site),
            self._tags(),
            [name for one in entries for name in (one.title, one.name) if name],
            [note for note in meeting.notes if note.site == site],
            self._today(now),
            draft_after_s=self._draft_after_s,
        )
        self._open(form)
        form.tasks_of = lambda: self._replica.tasks_of(site)

    def open_follow_up(self, site: str | None, now: int) -> None:
        """A follow-up; the owner is proposed: the officer of the site it comes from."""
        owner = ""
        if site is not None:
            entry = self._replica.meeting.sites[site].entry
            owner = entry.title or entry.name
        kept = self._typed_before("follow-up")
        self._open(FollowUpForm(site, owner, self._today(now), kept, self._draft_after_s))

    def open_note(self, site: str | None) -> None:
        """A line for the minutes."""
        name = self._replica.name(site) if site is not None else ""
        self._open(NoteForm(site, name, self._typed_before("note"), self._draft_after_s))

    def open_attendance(self, site: str) -> None:
        """Roll call of one site."""
        one = self._replica.meeting.sites[site]
        form = AttendanceForm(
            site,
            one.entry.name,
            one.attendance,
            one.attendance_note,
            self._typed_before(f"attendance:{site}"),
            self._draft_after_s,
        )
        self._open(form)

    def open_time(self) -> None:
        """The meeting's length and what happens to a turn over time."""
        meeting = self._replica.meeting
        self._open(TimeForm(meeting.budget_s, meeting.overrun))

    def close(self) -> None:
        """Take the form away."""
        if self.form is not None:
            self.form.remove()
            self.form = None
            self.screen.remove_class("typing")

    def _open(self, form: Form) -> None:
        if self.form is not None:
            if self.form.key == form.key:
                return
            self.form.leave()
            self.form.remove()
        self.form = form
        self.screen.add_class("typing")
        self.mount(form, before=0)

    def _tags(self) -> tuple[str, ...]:
        """Topics of the plan, then tags used so far."""
        used = [tag for report in self._replica.meeting.reports for tag in report.tags]
        return tags_of("", (*self._replica.meeting.plan.topics, *used))[:12]
