"""The console as a client: its link, its replica, the commands it sends, what it has to say.

What the link receives is folded at once and drawn by one `Redraw`, so that a burst is drawn once.
Nothing in this file knows how the screen looks.
"""

import os
import time
from collections.abc import Callable, Coroutine
from typing import Any, Literal, Protocol

from textual.message import Message

from console.tui import phrases
from console.tui.keys import KeysInOrder
from console.tui.narrow import WritesNarrowly
from console.tui.replica import DRAFTS, Replica
from protocol import VERSION
from protocol import commands as c
from protocol import events as e
from protocol import messages as m
from protocol import queries as q
from protocol.binary import Preview
from protocol.ids import uuid7
from protocol.link import Incoming, Link, LinkDown, LinkUp
from protocol.words import N_, _

NOTICE_MS = 12_000
CLOSE_AGAIN_MS = 20_000
Kept = dict[str, str]
"""What was typed in a form, by field."""
KEPT_WHILE_AWAY = (
    c.DraftReport, c.LogReport, c.AmendReport, c.AddFollowUp, c.AddNote, c.MarkAttendance,
    c.SetBanner, c.SaveCard, c.SaveDraft, c.CloseFollowUp, c.ReopenFollowUp,
)  # fmt: skip
"""Commands of the record wait for the server; acts on the floor are for now or not at all."""


_NOT_THERE = N_("There is no connection to the server.")


class LinkLike(Protocol):
    """What the console needs of a link."""

    def send(self, message: m.FromClient) -> bool:
        """False when the message was not taken."""

    def run(self) -> Coroutine[Any, Any, None]:
        """Keep the link up until cancelled."""


Told = Callable[[q.Found | None, str], None]
"""Called with what the journal says, or with None and why there is no answer."""
MakeLink = Callable[[str, Callable[[], m.Hello], Callable[[Incoming], None]], LinkLike]


def wall_ms() -> int:
    """This machine's clock."""
    return time.time_ns() // 1_000_000


class Redraw(Message):
    """Something changed; several in the queue are one."""

    def can_replace(self, message: Message) -> bool:
        """One redraw is enough."""
        return isinstance(message, Redraw)


class Client(KeysInOrder, WritesNarrowly, inherit_bindings=False):
    """The part of the console that talks to the server.

    `kept` holds what was typed in a form and is not safe with the server yet, by the form's key.
    """

    def __init__(
        self,
        address: str,
        role: m.Role = "moderator",
        clock: Callable[[], int] = wall_ms,
        link: MakeLink = Link,
    ) -> None:
        super().__init__()
        self.replica = Replica()
        self.role = role
        self.clock = clock
        self.instance = uuid7()
        self.kept: dict[str, Kept] = {}
        self.follow: str | None = None
        self.picked = False
        self.closing_until = 0
        self.notice: tuple[str, str, int] = ("", "", 0)
        self._sent_from: dict[str, tuple[str, Kept]] = {}
        self.watches: Literal["none", "next", "all"] = "none"
        self._asked: dict[str, Told] = {}
        self._link = link(address, self._hello, self.receive)

    def connect(self) -> None:
        """Keep the link up for as long as the console runs."""
        # Not `run()`: of two in a row the first is cancelled before its coroutine is awaited.
        self.run_worker(self._link.run, group="link", exclusive=True)  # type: ignore[arg-type]

    def _hello(self) -> m.Hello:
        return m.Hello(
            self.role, VERSION, instance=self.instance, pid=os.getpid(), resume=self.replica.resume
        )

    def receive(self, message: Incoming) -> None:
        """Fold what arrived; it is drawn by the next Redraw."""
        now = self.clock()
        match message:
            case LinkUp(welcome=welcome):
                fresh = not self.replica.meeting.id
                for command in self.replica.connected(welcome, now):
                    self._link.send(command)
                self._link.send(m.Watch(self.watches))
                if fresh:
                    meeting = self.replica.meeting
                    self.follow = meeting.holder or meeting.next_site()
            case LinkDown(reason=reason, retry_in_s=retry_in_s):
                self.replica.disconnected(reason, retry_in_s, now)
                for ident in list(self._asked):
                    self._told(ident, None, _NOT_THERE)
            case m.Occurred(recorded=recorded):
                self._occurred(recorded)
            case m.Telemetry():
                self.replica.measured(message)
            case Preview():
                self.replica.saw(message, now)
            case m.Ack():
                self._acknowledged(message)
            case m.Answer(id=ident, body=found):
                self._told(ident, found, "")
            case m.Refused(id=ident) if ident in self._asked:
                self._told(ident, None, message.reason)
            case m.Refused():
                self._refused(message, now)
        self.post_message(Redraw())

    def _occurred(self, recorded: e.Recorded) -> None:
        if self.replica.occurred(recorded):
            if isinstance(recorded.event, e.FloorGranted | e.TurnResumed):
                self.follow, self.picked = recorded.event.site, False
            elif isinstance(recorded.event, e.HandoverReverted):
                self.follow, self.picked = recorded.event.back_to or recorded.event.site, False
            elif isinstance(recorded.event, e.TurnWarned | e.TurnOverran):
                self.bell()
        elif self.replica.out_of_step:
            self.connect()

    def _acknowledged(self, ack: m.Ack) -> None:
        command = self.replica.acknowledged(ack)
        key, typed = self._sent_from.pop(ack.id, ("", {}))
        body = None if command is None else command.body
        if key and self.kept.get(key) == typed:
            del self.kept[key]
            if key in self.replica.meeting.drafts and not isinstance(body, c.SaveCard):
                self.issue(c.SaveDraft(key, {}))
        match body:
            case c.LogReport(site=site):
                self.say(_("Report of {site} saved").format(site=self.replica.name(site)), "good")
            case c.AmendReport():
                self.say(_("Report amended; the old text stays in the record"), "good")
            case c.SaveCard(report="", text=text, site=site) if text:
                self.say(_("Report of {site} saved").format(site=self.replica.name(site)), "good")
            case c.SaveCard(report=report) if report and "text" in typed:
                self.say(_("Report amended; the old text stays in the record"), "good")
            case c.AddFollowUp() | c.AddNote() | c.SaveCard():
                self.say(_("Saved"), "good")
            case c.SubmitMinutes():
                self.say(_("The minutes are submitted"), "good")
            case c.ApproveMinutes():
                self.say(_("The minutes are approved"), "good")
            case c.ReturnMinutes():
                self.say(_("The minutes are returned"), "good")
            case c.CorrectMinutes():
                self.say(_("Erratum added"), "good")
            case c.CloseFollowUp():
                self.say(_("Marked as done"), "good")
            case c.ReopenFollowUp():
                self.say(_("Open again"), "good")

    def _refused(self, refused: m.Refused, now: int) -> None:
        command = self.replica.refused(refused, now)
        self._sent_from.pop(refused.id, None)
        text = phrases.refusal(refused)
        closing = command is not None and isinstance(command.body, c.CloseMeeting)
        if closing and refused.code == "reports-missing":
            self.closing_until = now + CLOSE_AGAIN_MS
        self.say(text, "ask" if closing else "bad")

    def issue(self, body: c.ModeratorCommand, form: str = "") -> None:
        """Send a command to the server; commands of the record wait for it when it is away.

        `form` is the key of the kept text that is safe once the command is acknowledged.
        """
        if self.role != "moderator":
            self.say(_("This console only watches."), "bad")
            return
        if not self.replica.link_up and not isinstance(body, KEPT_WHILE_AWAY):
            self.say(_("Not done: there is no connection to the server."), "bad")
            return
        command = self.replica.issue(uuid7(), body, self.clock())
        if form in self.kept:
            self._sent_from[command.id] = (form, self.kept[form])
        sent = self._link.send(command)
        if not sent and not isinstance(body, DRAFTS):
            self.say(_("Kept here; it is sent as soon as the server is back."), "ask")
        self.post_message(Redraw())

    def ask(self, body: q.QueryBody, then: Told) -> None:
        """Ask the journal; `then` is called with the answer, or with why there is none."""
        query = m.Query(uuid7(), body)
        self._asked[query.id] = then
        if not self._link.send(query):
            self._told(query.id, None, _NOT_THERE)

    def _told(self, ident: str, found: q.Found | None, why: str) -> None:
        then = self._asked.pop(ident, None)
        if then is not None:
            then(found, _(why) if why else "")

    def watch_sites(self, previews: Literal["none", "next", "all"]) -> None:
        """Which small pictures the server is to send."""
        if previews != self.watches:
            self.watches = previews
            self._link.send(m.Watch(previews))

    def say(self, text: str, kind: str = "") -> None:
        """Show a notice for some seconds: `bad`, `good`, `ask`."""
        self.notice = (text, kind, self.clock() + NOTICE_MS)
        self.post_message(Redraw())
