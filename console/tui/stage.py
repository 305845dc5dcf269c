"""A meeting inside this process, for the picture of the console and for its tests.

The rules and the state are the real ones (`decide`, `apply`); journal, agents and relay are left
out: the stage says what they would.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from console.meeting import state as st
from console.meeting.decide import deadline, decide
from console.meeting.fold import apply
from console.meeting.layout import cameras, cue
from console.meeting.refusal import Refusal
from protocol import commands as c
from protocol import events as e
from protocol import messages as m
from protocol import queries as q
from protocol.binary import Preview
from protocol.link import Incoming, LinkDown, LinkUp

MEETING = "0168c1f2-7d00-7c3a-9d1e-5a6b7c8d9e0f"


class Stage:
    """The server's part. `now` is its clock in ms of UTC; nothing happens by itself."""

    def __init__(self, plan: e.MeetingPlan, now: int) -> None:
        self.now = now
        self.plan = plan
        self.state = st.Meeting()
        self.journal: list[e.Recorded] = []
        self.status: dict[str, m.SiteStatus] = {}
        self.links: list[StageLink] = []
        self.relay_up = True
        self.answers = True
        self.archive: Callable[[q.QueryBody], q.Found] | None = None
        self._numbers = 0
        self.do(c.ConveneMeeting(plan))

    def clock(self) -> int:
        """The time of stage and console."""
        return self.now

    def link(
        self, address: str, hello: Callable[[], m.Hello], receive: Callable[[Incoming], None]
    ) -> "StageLink":
        """In the place of `protocol.link.Link`."""
        link = StageLink(self, hello, receive)
        self.links.append(link)
        return link

    def wait(self, seconds: float) -> None:
        """Let time pass; what falls due happens at its time."""
        end = self.now + round(seconds * 1000)
        while (due := deadline(self.state)) is not None and due <= end:
            self.now = max(self.now, due)
            self.do(c.Tick())
        self.now = end

    def do(
        self,
        command: c.AnyCommand,
        ident: str = "",
        actor: str = "moderator",
        asker: "StageLink | None" = None,
    ) -> Refusal | None:
        """Carry out a command, acknowledge it to the asker, tell the consoles."""
        if isinstance(command, c.ConveneMeeting) and command.plan is None:
            plan = self.state.plan if command.like else self.plan
            command = c.ConveneMeeting(plan, command.like)
        self._numbers += 1
        decision = decide(self.state, command, self.now, ident, f"made-{self._numbers}")
        if isinstance(decision, Refusal):
            return decision
        for event in decision:
            convened = isinstance(event, e.MeetingConvened)
            meeting = f"{MEETING}-{self.state.seq}" if convened else self.state.id
            recorded = e.Recorded(self.state.seq + 1, meeting, self.now, actor, ident, event)
            self.state = apply(self.state, recorded)
            self.state = msgspec.structs.replace(self.state, seq=recorded.seq)
            self.journal.append(recorded)
        if asker is not None:
            asker.deliver(m.Ack(ident, self.state.seq))
        for recorded in self.journal[len(self.journal) - len(decision) :]:
            for link in self.links:
                link.deliver(m.Occurred(recorded))
        return None

    def picture(self, site: str, jpeg: bytes) -> None:
        """The camera of a site sees this; told to the consoles that watch."""
        for link in self.links:
            link.deliver(Preview(site, jpeg))

    def look(self, query: m.Query) -> m.Answer | m.Refused:
        """Answer a question: of this meeting's events itself, all else by `archive`."""
        body = query.body
        if isinstance(body, q.ReadJournal) and body.meeting == self.state.id:
            events = [one for one in self.journal if one.seq > body.after]
            more = len(events) > body.limit
            found = q.Events(tuple(events[: body.limit]), more, "" if more else "0" * 64)
            return m.Answer(query.id, found)
        if self.archive is None:
            return m.Refused(query.id, "journal-failed", "there is no journal on a stage")
        return m.Answer(query.id, self.archive(body))

    def join(self, site: str, *, media: bool = True, level: int = 127) -> None:
        """A site's agent connects and, unless `media` is False, its media runs."""
        self.do(c.NoteSiteJoined(site, "0.1.0", media), actor="server")
        link = m.LinkReading(
            uplink="up" if media else "connecting",
            downlink="up" if media else "connecting",
            rtt_ms=38.0,
        )
        reading = m.SiteReading(own_level=level)
        self.status[site] = m.SiteStatus(True, "muted", None, reading, link)
        self.settle(site)

    def leave(self, site: str) -> None:
        """A site's agent is gone."""
        self.status[site] = m.SiteStatus()
        self.do(c.NoteSiteLeft(site, "connection lost"), actor="server")

    def settle(self, *sites: str) -> None:
        """These sites (none: all) carry out what is desired of them."""
        for site in sites or tuple(self.status):
            was = self.status[site]
            if not was.connected or was.link is None:
                continue
            live: m.Microphone = "live" if self.state.is_live(site) else "muted"
            sends = live == "live"
            link = msgspec.structs.replace(
                was.link, up_packets=25 if sends else 0, up_kbps=42.0 if sends else 0.0
            )
            told = cue(self.state, site)
            shows = cameras(self.state).get(site, "off")
            actual = m.Actual(self.state.seq, live, shows, link.uplink, link.downlink, cue=told)
            self.status[site] = msgspec.structs.replace(
                was, desired_microphone=live, actual=actual, link=link
            )

    def measure(
        self,
        site: str,
        *,
        level: int | None = None,
        mos: float | None = None,
        slot_loss: dict[m.SlotName, float] | None = None,
        **link: Any,
    ) -> None:
        """Change what is measured of a site."""
        was = self.status[site]
        heard = {"own_level": level, "mos": mos, "slot_loss": slot_loss}
        if changed := {name: value for name, value in heard.items() if value is not None}:
            reading = msgspec.structs.replace(was.reading or m.SiteReading(), **changed)
            was = msgspec.structs.replace(was, reading=reading)
        if link and was.link is not None:
            was = msgspec.structs.replace(was, link=msgspec.structs.replace(was.link, **link))
        self.status[site] = was

    def publish(self, *sites: str) -> None:
        """Send telemetry of these sites (none: the whole of it)."""
        told = {s: self.status[s] for s in sites} if sites else dict(self.status)
        for link in self.links:
            link.deliver(
                m.Telemetry(self.now, told, whole=not sites, relay_up=self.relay_up, consoles=1)
            )


class StageLink:
    """A link to the stage. `sent` is everything the console sent."""

    def __init__(
        self, stage: Stage, hello: Callable[[], m.Hello], receive: Callable[[Incoming], None]
    ) -> None:
        self.sent: list[m.FromClient] = []
        self.up = False
        self._stage = stage
        self._hello = hello
        self._receive = receive

    async def run(self) -> None:
        """Connect at once."""
        self.connect()

    def connect(self) -> None:
        """Welcome the console: the events it missed, or the whole state."""
        stage = self._stage
        resume = self._hello().resume
        missed = [one for one in stage.journal if one.seq > resume]
        snapshot = m.NO_SNAPSHOT if resume else msgspec.Raw(st.encode(stage.state))
        self.up = True
        self._receive(LinkUp(m.Welcome(stage.state.seq, stage.now, "stage", snapshot)))
        if resume:
            for one in missed:
                self.deliver(m.Occurred(one))
        self.deliver(
            m.Telemetry(stage.now, dict(stage.status), whole=True, relay_up=stage.relay_up)
        )

    def cut(self, reason: str, retry_in_s: float = 2.0) -> None:
        """Lose the server."""
        self.up = False
        self._receive(LinkDown(reason, retry_in_s))

    def deliver(self, message: m.FromServer | Preview) -> None:
        """To the console, when it is connected."""
        if self.up:
            self._receive(message)

    def send(self, message: m.FromClient) -> bool:
        """From the console; answered at once unless the stage is told not to."""
        if not self.up:
            return False
        self.sent.append(message)
        if isinstance(message, m.Command) and self._stage.answers:
            self.answer(message)
        elif isinstance(message, m.Query):
            self.deliver(self._stage.look(message))
        return True

    def answer(self, command: m.Command) -> None:
        """Carry out a command of the console."""
        refusal = self._stage.do(command.body, command.id, asker=self)
        if refusal is not None:
            self.deliver(
                m.Refused(command.id, refusal.code, refusal.reason, dict(refusal.arguments))
            )
