"""Tests of the meeting as a conversation: given events, when a command, then events or a refusal.

    open_meeting("minas", "siak").when(c.CallNext()).then(e.FloorGranted("minas", 1, 60))

What was decided is applied at once, so that a conversation can go on. `later` lets time pass.
"""

from typing import Self

import msgspec

from console.meeting import state as st
from console.meeting.decide import deadline, decide
from console.meeting.fold import apply
from console.meeting.refusal import Refusal
from protocol import commands as c
from protocol import events as e

BEGIN = 1_549_434_600_000  # 6 February 2019, 13.30 in Siak
ALLOWANCE_S = 60
GRACE_S = 20
PLAN = e.MeetingPlan(
    title="Rapat Bupati Siak dengan Camat",
    allowance_s=ALLOWANCE_S,
    grace_s=GRACE_S,
    timing="fixed",
    bell_s=0,
    sites=(
        e.SiteEntry("siak", "Siak", "kecamatan", title="Camat", position=2),
        e.SiteEntry("hall", "Ruang Bandar Siak", "hall"),
        e.SiteEntry("minas", "Minas", "kecamatan", position=1),
        e.SiteEntry("kandis", "Kandis", "kecamatan", position=3),
        e.SiteEntry("guest", "BPBD", "guest"),
    ),
)
OTHER_PLAN = msgspec.structs.replace(PLAN, title="Rapat Sekda", agenda=("Karhutla",), budget_s=600)
ALL = tuple(entry.id for entry in PLAN.sites)


class Playbook:
    """One meeting, step by step. `now` is its clock in ms of UTC."""

    def __init__(self, *events: e.Event) -> None:
        self.now = BEGIN
        self.state = st.Meeting()
        self.recorded: list[e.Recorded] = []
        self.decision: list[e.Event] | Refusal = []
        self.given(*events)

    def given(self, *events: e.Event, command: str = "") -> Self:
        """These events happened."""
        for event in events:
            one = e.Recorded(self.state.seq + 1, "m1", self.now, "moderator", command, event)
            self.recorded.append(one)
            self.state = apply(self.state, one)
        return self

    def later(self, seconds: float) -> Self:
        """Time passes; nothing happens by itself."""
        self.now += round(seconds * 1000)
        return self

    def until_due(self) -> Self:
        """Time passes until the server's timer rings; there must be something to wait for."""
        due = deadline(self.state)
        assert due is not None, "nothing is due"
        self.now = max(self.now, due)
        return self

    def when(self, command: c.AnyCommand, ident: str = "", new_id: str = "new") -> Self:
        """Someone wants this."""
        self.decision = decide(self.state, command, self.now, ident, new_id)
        if not isinstance(self.decision, Refusal):
            self.given(*self.decision, command=ident)
        return self

    def then(self, *events: e.Event) -> Self:
        """Exactly these events follow; none when nothing changes."""
        assert self.decision == list(events)
        return self

    def refused(self, code: str, *told: str) -> Self:
        """It is refused with this code, and the reason tells these words."""
        assert isinstance(self.decision, Refusal), f"not refused: {self.decision}"
        assert self.decision.code == code
        assert [word for word in told if word not in self.decision.reason] == []
        return self

    @property
    def live(self) -> set[str]:
        """The sites whose microphone is to be open."""
        return {site for site in self.state.sites if self.state.is_live(site)}

    def site(self, name: str) -> st.Site:
        return self.state.sites[name]

    def turn(self, number: int) -> st.Turn:
        turn = self.state.turn(number)
        assert turn is not None
        return turn


def planned_meeting(*online: str) -> Playbook:
    """A meeting convened and not open yet; these sites are connected and present."""
    play = Playbook(e.MeetingConvened(PLAN))
    for site in online:
        play.given(e.SiteJoined(site), e.AttendanceMarked(site, "present"))
    return play


def open_meeting(*online: str) -> Playbook:
    """An open meeting; these sites (none named: all) are connected and present."""
    return planned_meeting(*(online or ALL)).given(e.MeetingOpened())


def closed_meeting() -> Playbook:
    """A meeting that is over, with a report of Minas in its only turn."""
    return (
        open_meeting()
        .given(e.FloorGranted("minas", 1, ALLOWANCE_S))
        .later(10)
        .given(
            e.ReportLogged("r1", "minas", "Aman", (), 1),
            e.TurnEnded("minas", 1, "closed", 10_000),
            e.MeetingClosed(),
        )
    )
