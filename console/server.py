"""`giliran serve`: the single writer of the meeting. Holds no media.

One task a connection, one task for the meeting, one timer, one for telemetry. Order of what goes
out after a command: the route to the relay, the changed desired states to the agents, the
acknowledgement, then the events to the consoles: the ear comes before the eye.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import assert_never

import msgspec
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from console.archive import Archive, open_follow_ups
from console.journal import Journal, JournalError
from console.meeting import layout as lay
from console.meeting import state as st
from console.meeting.decide import deadline, decide
from console.meeting.fold import replay
from console.meeting.refusal import Refusal
from console.metrics import CONTENT_TYPE, Readings, exposition
from console.peer import Peer, turn_away, write
from console.relay.driver import (
    ALL,
    SLOTS,
    Confirmed,
    EngineLost,
    EngineUp,
    Measured,
    Relay,
    RelayError,
    RelayEvent,
    SiteLost,
)
from console.relay.embedded import EmbeddedRelay
from console.statistics import Minute
from protocol import commands as c
from protocol import events as e
from protocol import messages as m
from protocol.binary import Binary, Later, Preview
from protocol.ids import uuid7
from protocol.session import ServerSession, Violation, actor
from protocol.vitals import vitals
from protocol.words import _

log = logging.getLogger("giliran.server")

PREVIEW_EVERY_S = 2.0
COMMAND_QUEUE = 1024
QUERY_QUEUE = 64
SILENT_AFTER_S = 5.0
BACK_AFTER_RESTART_S = 5.0
TELEMETRY_EVERY_S = 0.25
STATISTICS_EVERY_S = 60.0
METRICS_PATH = "/metrics"
SOFTWARE = f"giliran {version('giliran')}"


class ServeError(Exception):
    """The server can't start; the text says why and what to do."""


class MeetingServer:
    """The meeting and everybody connected to it. `relay` is the driver of the relay that forwards
    the media; the embedded one, started by nobody, when none is given.

    `plan` is asked for at each new meeting (the roster file may have been edited) and raises
    ValueError with a text for a person.
    """

    def __init__(
        self,
        journal: Journal,
        plan: Callable[[], e.MeetingPlan],
        relay: Relay | None = None,
    ) -> None:
        self.journal = journal
        self.instance = uuid7()
        self.relay = EmbeddedRelay() if relay is None else relay
        self.relay.open(self._relay_says)
        self.agents: dict[str, Peer] = {}
        self.consoles: list[Peer] = []
        self.status: dict[str, m.SiteStatus] = {}
        self.relay_reading: m.RelayReading | None = None
        self.stopping = False
        self._plan = plan
        self._commands: asyncio.Queue[
            tuple[Peer | None, str, c.AnyCommand, asyncio.Future[None] | None]
        ] = asyncio.Queue(COMMAND_QUEUE)
        self._archive = Archive(journal.path)
        self._queries: asyncio.Queue[tuple[Peer, m.Query]] = asyncio.Queue(QUERY_QUEUE)
        self._changed: set[str] = set()
        self._engine: Peer | None = None
        self._minute = Minute()
        self._group: asyncio.TaskGroup | None = None
        self._due = asyncio.Event()
        self._journal_trouble = ""
        latest = journal.latest_meeting()
        state = replay(journal.read(latest)) if latest else st.Meeting()
        # Events of older meetings count too: consoles follow the journal's seq.
        self.state = msgspec.structs.replace(state, seq=journal.seq)

    # -- the meeting task ----------------------------------------------------------------------

    async def run(self) -> None:
        """Serve the meeting until cancelled."""
        try:
            await self._run()
        finally:
            self._archive.close()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._group = group
            group.create_task(self._take_commands())
            group.create_task(self._answer_queries())
            group.create_task(self._keep_time())
            group.create_task(self._publish_telemetry())
            group.create_task(self._watch_silence())
            group.create_task(self._reconcile())
            group.create_task(self._note_links())

    async def prepare(self) -> None:
        """Have a meeting: the unfinished one of the journal, or a new one from the roster.

        Raises ServeError when the roster is no good, JournalError when nothing can be written.
        """
        if self.state.phase == "open" or (self.state.phase == "planned" and self.state.prepared):
            await self._carry_follow_ups()
            return
        try:
            plan = self._plan()
        except ValueError as error:
            raise ServeError(str(error)) from error
        if self.state.phase == "planned" and self.state.plan == plan:
            await self._carry_follow_ups()
            return
        refusal = await self._carry_out(None, "", c.ConveneMeeting(plan))
        if refusal is not None:
            if self._journal_trouble:
                raise JournalError(self._journal_trouble)
            raise ServeError(refusal.reason)

    async def submit(self, command: c.AnyCommand) -> None:
        """Carry out a command of the server itself; returns when it is done or refused."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self._commands.put((None, "", command, done))
        await done

    async def _take_commands(self) -> None:
        while True:
            peer, command_id, command, done = await self._commands.get()
            await self._carry_out(peer, command_id, command)
            if done is not None and not done.done():
                done.set_result(None)

    async def _carry_out(
        self, peer: Peer | None, command_id: str, command: c.AnyCommand
    ) -> Refusal | None:
        now = _now_ms()
        # The state knows the commands of its own meeting; one may belong to the meeting before.
        if command_id and command_id not in self.state.commands:
            carried_out = self.journal.command_seq(command_id)
            if carried_out is not None:
                if peer is not None:
                    peer.send(m.Ack(command_id, carried_out))
                return None
        if isinstance(command, c.ConveneMeeting) and command.plan is None:
            try:
                command = self._with_plan(command.like)
            except ValueError as error:
                return self._refuse(peer, command_id, Refusal("bad-roster", str(error)))
            except JournalError as error:
                return self._refuse(peer, command_id, Refusal("unknown-meeting", str(error)))
        about = getattr(command, "meeting", "")
        if about and about != self.state.id:
            return await self._carry_out_elsewhere(peer, command_id, command, about, now)
        if isinstance(command, c.OpenMeeting) and self.state.phase == "planned":
            await self._note_media()
            await self._carry_follow_ups()
        decision = decide(self.state, command, now, command_id, uuid7())
        if isinstance(decision, Refusal):
            return self._refuse(peer, command_id, decision)
        seq = self.state.seq
        if decision:
            convened = isinstance(decision[0], e.MeetingConvened)
            meeting = uuid7() if convened else self.state.id
            who = "server" if peer is None else actor(peer.hello)
            try:
                recorded, after = await self.journal.append(
                    self.state, meeting, now, who, command_id, decision
                )
            except JournalError as error:
                self._journal_trouble = str(error)
                return self._refuse(peer, command_id, Refusal("journal-failed", str(error)))
            self._journal_trouble = ""
            self.state, seq = after, after.seq
            if convened:
                self._dismiss_strangers()
            self._set_relay()
            self._send_desired()
            if peer is not None and command_id:
                peer.send(m.Ack(command_id, seq))
            for one in recorded:
                for console in self.consoles:
                    console.send(m.Occurred(one))
            self._due.set()
            if convened:
                for site in tuple(self.agents):
                    await self._carry_out(None, "", c.NoteSiteJoined(site, media=False))
                await self._note_media()
                await self._carry_follow_ups()
        elif peer is not None and command_id:
            peer.send(m.Ack(command_id, seq))
        return None

    async def _carry_follow_ups(self) -> None:
        """Tell the meeting what the ones before left to be done."""
        try:
            left = open_follow_ups(self.journal.query, tuple(self.state.sites), self.state.id)
        except JournalError as error:
            self._journal_trouble = str(error)
            return
        await self._carry_out(None, "", left)

    def _with_plan(self, like: str) -> c.ConveneMeeting:
        """An earlier meeting's plan, or the roster's. Raises ValueError, JournalError."""
        if not like:
            return c.ConveneMeeting(self._plan())
        row = self.journal.find(like)
        plan = replay(self.journal.read(row.id)).plan
        return c.ConveneMeeting(msgspec.structs.replace(plan, number=""), row.id)

    async def _answer_queries(self) -> None:
        """One at a time, beside the commands."""
        while True:
            peer, query = await self._queries.get()
            try:
                found = await self._archive.answer(query.body)
            except JournalError as error:
                peer.send(m.Refused(query.id, "journal-failed", str(error)))
            else:
                peer.send(m.Answer(query.id, found))

    async def _carry_out_elsewhere(
        self, peer: Peer | None, command_id: str, command: c.AnyCommand, meeting: str, now: int
    ) -> Refusal | None:
        """A command about an older meeting of the journal; nothing changes for those connected."""
        who = "server" if peer is None else actor(peer.hello)
        try:
            before = replay(self.journal.read(meeting))
            decision = decide(before, command, now, command_id, uuid7())
            if isinstance(decision, Refusal):
                return self._refuse(peer, command_id, decision)
            recorded, _after = await self.journal.append(
                before, meeting, now, who, command_id, decision
            )
        except JournalError as error:
            return self._refuse(peer, command_id, Refusal("journal-failed", str(error)))
        if recorded:
            self.state = msgspec.structs.replace(self.state, seq=recorded[-1].seq)
        if peer is not None and command_id:
            peer.send(m.Ack(command_id, self.state.seq))
        for one in recorded:
            for console in self.consoles:
                console.send(m.Occurred(one))
        return None

    def _dismiss_strangers(self) -> None:
        """A new meeting may have another roster: who is not in it is told and disconnected."""
        for site in [site for site in self.agents if site not in self.state.sites]:
            self.agents.pop(site).finish(self._unknown_site(site))
        self.status = {s: one for s, one in self.status.items() if s in self.state.sites}
        self._changed &= set(self.status)

    def _unknown_site(self, site: str) -> m.Goodbye:
        known = ", ".join(self.state.sites)
        return m.Goodbye("unknown-site", f"There is no site {site!r}; known: {known}")

    def _refuse(self, peer: Peer | None, command_id: str, refusal: Refusal) -> Refusal:
        if peer is not None and command_id:
            peer.send(m.Refused(command_id, refusal.code, refusal.reason, refusal.arguments))
        return refusal

    async def _keep_time(self) -> None:
        """Submit Tick when the state's deadline has come."""
        while True:
            self._due.clear()
            due = deadline(self.state)
            wait_s = None if due is None else max(0.0, (due - _now_ms()) / 1000)
            try:
                async with asyncio.timeout(wait_s):
                    await self._due.wait()
            except TimeoutError:
                await self.submit(c.Tick())
                if deadline(self.state) == due:
                    # Not written (a full disk, say): try again, but don't spin.
                    await asyncio.sleep(1)

    async def _reconcile(self) -> None:
        """Make the journal agree with who is connected: after a restart, and after a write that
        failed. Sites get a few seconds to come back first."""
        await asyncio.sleep(BACK_AFTER_RESTART_S)
        while True:
            for site, one in tuple(self.state.sites.items()):
                peer = self.agents.get(site)
                if one.online and peer is None:
                    await self.submit(c.NoteSiteLeft(site, "did not come back"))
                elif not one.online and peer is not None:
                    await self.submit(
                        c.NoteSiteJoined(site, peer.hello.software, self._has_media(site))
                    )
                elif self._awaits_media(site):
                    await self.submit(c.NoteMediaArrived(site))
            await asyncio.sleep(1)

    def _has_media(self, site: str) -> bool:
        """True when the relay says that a site's media runs both ways."""
        link = self.status.get(site, m.SiteStatus()).link
        return link is not None and link.uplink == link.downlink == "up"

    def _awaits_media(self, site: str) -> bool:
        """True when the roll call has not heard yet that this site is here with its media."""
        one = self.state.sites[site]
        waits = one.attendance in ("unmarked", "absent") and self.state.phase in ("planned", "open")
        return waits and one.online and self._has_media(site)

    async def _note_media(self) -> None:
        """Who is here already is present in a new meeting, and before it opens."""
        for site in tuple(self.state.sites):
            if self._awaits_media(site):
                await self._carry_out(None, "", c.NoteMediaArrived(site))

    # -- what goes out ---------------------------------------------------------------------------

    def _send_desired(self, *, again: str = "") -> None:
        relay = self.relay.instance
        # Who is to speak or to fall silent comes first; the others only show it.
        fed = set(lay.slots(self.state).values())
        fed |= {s for s, peer in self.agents.items() if peer.desired and _is_open(peer.desired)}
        for site, peer in sorted(self.agents.items(), key=lambda one: one[0] not in fed):
            desired = msgspec.structs.replace(
                lay.layout(self.state, site, relay), preview_s=self._preview_s(site)
            )
            known = peer.desired
            same = (
                known is not None
                and msgspec.structs.replace(desired, revision=known.revision) == known
            )
            if same and site != again:
                continue
            peer.desired = desired
            peer.send(desired)
            self._touch(site, desired_microphone=desired.microphone)

    def _preview_s(self, site: str) -> float:
        """How often the consoles want a small picture of this site: pictures that nobody looks at
        are not sent."""
        watched = {console.watches for console in self.consoles}
        near = (self.state.next_site(), self.state.holder, self.state.chair)
        wanted = "all" in watched or ("next" in watched and site in near)
        return PREVIEW_EVERY_S if wanted else 0.0

    def _touch(self, site: str, **changes: object) -> None:
        was = self.status.get(site, m.SiteStatus())
        now = msgspec.structs.replace(was, **changes)
        if now != was:
            self.status[site] = now
            self._changed.add(site)

    async def _publish_telemetry(self) -> None:
        while True:
            await asyncio.sleep(TELEMETRY_EVERY_S)
            changed, self._changed = self._changed, set()
            if self.consoles:
                message = self._telemetry({s: self.status[s] for s in changed})
                for console in self.consoles:
                    console.send(message)

    def _telemetry(self, sites: dict[str, m.SiteStatus], *, whole: bool = False) -> m.Telemetry:
        relay = self.relay
        return m.Telemetry(
            at=_now_ms(),
            sites=sites,
            whole=whole,
            relay=self.relay_reading,
            relay_up=bool(relay.instance),
            relay_pid=relay.pid,
            consoles=len(self.consoles),
            process=vitals(),
        )

    async def _watch_silence(self) -> None:
        """An agent speaks twice a second; one that says nothing for 5 s is gone."""
        while True:
            await asyncio.sleep(0.5)
            limit = time.monotonic() - SILENT_AFTER_S
            for peer in [*self.agents.values(), *([self._engine] if self._engine else [])]:
                if peer.heard_at < limit:
                    peer.cut()
            for peer in [
                *self.agents.values(),
                *self.consoles,
                *([self._engine] if self._engine else []),
            ]:
                if peer.too_slow:
                    peer.cut()

    # -- connections -----------------------------------------------------------------------------

    async def handle_local(self, connection: ServerConnection) -> None:
        """A connection over the Unix socket."""
        await self._handle(connection, ServerSession("local", time.monotonic()))

    async def handle_network(self, connection: ServerConnection) -> None:
        """A connection over TCP."""
        await self._handle(connection, ServerSession("network", time.monotonic()))

    async def _handle(self, connection: ServerConnection, session: ServerSession) -> None:
        try:
            async with asyncio.timeout(10):
                frame = await connection.recv()
        except (TimeoutError, ConnectionClosed):
            return
        hello = session.receive(frame, time.monotonic())
        if not isinstance(hello, m.Hello):
            assert isinstance(hello, Violation)
            await turn_away(connection, m.Goodbye(hello.code, hello.reason))
            return
        if hello.role == "relay" and not isinstance(self.relay, EmbeddedRelay):
            await turn_away(connection, m.Goodbye("not-wanted", "Another relay is used here."))
            return
        if hello.role == "agent" and hello.site not in self.state.sites:
            await turn_away(connection, self._unknown_site(hello.site))
            return
        peer = Peer(connection, hello)
        async with asyncio.TaskGroup() as group:
            writer = group.create_task(write(peer))
            try:
                await self._welcome(peer)
                violation = await self._read(peer, session)
                if violation is not None:
                    peer.finish(m.Goodbye(violation.code, violation.reason))
                else:
                    writer.cancel()
            finally:
                await self._lose(peer)

    async def _read(self, peer: Peer, session: ServerSession) -> Violation | None:
        try:
            async for frame in peer.connection:
                peer.heard_at = time.monotonic()
                message = session.receive(frame, peer.heard_at)
                if isinstance(message, Violation):
                    return message
                await self._take(peer, message)
        except ConnectionClosed:
            pass
        return None

    async def _take(self, peer: Peer, message: m.FromClient | Binary) -> None:
        site = peer.hello.site
        match message:
            case m.Command():
                await self._commands.put((peer, message.id, message.body, None))
            case m.Query():
                try:
                    self._queries.put_nowait((peer, message))
                except asyncio.QueueFull:
                    peer.send(m.Refused(message.id, "busy", "Too many questions at once."))
            case m.Watch(previews=previews):
                peer.watches = previews
                self._send_desired()
            case Preview():
                for console in self.consoles:
                    if console.watches != "none":
                        console.show(message)
            case m.Actual():
                self._touch(site, actual=message)
            case m.SiteTelemetry(reading=reading):
                self._touch(site, reading=reading)
                self._minute.site(site, reading)
            case m.Signal() if peer is not self._engine:
                self._negotiate(peer, message)
            case m.Checked(check=check, figures=figures):
                told = c.NoteLineChecked(site, check, figures, SOFTWARE)
                await self._commands.put((None, "", told, None))
            case Later():
                self.relay.add_to_recording(message)
            case m.RelayTelemetry() | m.Signal() | m.Routed() | m.Kept():
                if peer is self._engine and isinstance(self.relay, EmbeddedRelay):
                    self.relay.take(message)
            case m.Hello():
                pass

    # -- the relay -------------------------------------------------------------------------------

    def _set_relay(self) -> None:
        """Have the relay do what the meeting's state wants."""
        route, relay = lay.route(self.state), self.relay
        with relay.together():
            relay.switch(ALL, {slot: route.slots.get(slot) for slot in SLOTS})
            relay.admit(route.sites)
            for site in {*route.voice, *route.media, *relay.wanted.voice, *relay.wanted.media}:
                voice, media = route.voice.get(site, "auto"), route.media.get(site, "auto")
                relay.force(site, voice=voice, media=media)
            relay.record(route.record)
            relay.show_deck(route.deck)

    def _relay_says(self, event: RelayEvent) -> None:
        match event:
            case EngineUp():
                self._send_desired()
            case EngineLost():
                self.relay_reading = None
                for site in self.status:
                    self._touch(site, link=None)
                self._send_desired()
            case SiteLost(site=site, attempt=attempt):
                if site in self.agents:
                    self.agents[site].send(m.Signal("relay", attempt, "uplink", "bye"))
            case Measured(stats=stats):
                self.relay_reading = stats.engine
                self._minute.relay(stats.engine, stats.links)
                for name, link in stats.links.items():
                    if name in self.state.sites:
                        self._touch(name, link=link)
                if self._group is not None:
                    self._group.create_task(self._watch_recording(stats.engine.recording))
                    for name in filter(self._awaits_media, self.state.sites):
                        self._group.create_task(self.submit(c.NoteMediaArrived(name)))
            case Confirmed(kept=kept):
                if kept.site in self.agents:
                    self.agents[kept.site].send(kept)
            case _ as never:
                assert_never(never)

    async def _note_links(self) -> None:
        """Once a minute one line of the journal tells how the links did."""
        while True:
            await asyncio.sleep(STATISTICS_EVERY_S)
            measured = self._minute.take()
            if measured is not None and self.state.phase == "open":
                await self.submit(c.NoteLinks(measured))

    def readings(self) -> Readings:
        """What is measured now, for the metrics."""
        return Readings(
            state=self.state,
            slots=lay.slots(self.state),
            status=self.status,
            server=vitals(),
            relay=self.relay_reading,
            consoles=len(self.consoles),
        )

    def metrics_page(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answers `GET /metrics` of any door it stands at; all else goes its way."""
        if request.path != METRICS_PATH:
            return None
        response = connection.respond(200, exposition(self.readings()).decode())
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = CONTENT_TYPE
        return response

    def _negotiate(self, peer: Peer, message: m.Signal) -> None:
        """A description of an agent."""
        assert self._group is not None
        if (message.link, message.kind) == ("uplink", "offer"):
            self._group.create_task(self._join(peer, message))
        elif (message.link, message.kind) == ("downlink", "answer"):
            self._group.create_task(self._finish(peer, message))
        elif message.kind == "bye":
            self.relay.unpublish(peer.hello.site, message.attempt)

    async def _join(self, peer: Peer, offer: m.Signal) -> None:
        """Connect a site with the relay: its uplink, then its downlink."""
        site, attempt = peer.hello.site, offer.attempt
        try:
            answer = await self.relay.publish(site, attempt, offer.description)
            peer.send(m.Signal("relay", attempt, "uplink", "answer", answer))
            down = await self.relay.subscribe(site, SLOTS)
            peer.send(m.Signal("relay", attempt, "downlink", "offer", down))
        except RelayError as error:
            log.info("%s: not connected: %s", site, error)
            peer.send(m.Signal("relay", attempt, "uplink", "bye"))

    async def _finish(self, peer: Peer, answer: m.Signal) -> None:
        try:
            await self.relay.subscribed(peer.hello.site, answer.attempt, answer.description)
        except RelayError as error:
            log.info("%s: not connected: %s", peer.hello.site, error)
            peer.send(m.Signal("relay", answer.attempt, "downlink", "bye"))

    async def _watch_recording(self, reading: m.RecordingReading) -> None:
        """What the relay's recorder says of itself becomes part of the meeting's record."""
        state = self.state
        if state.recording != "on" or reading.meeting != state.id:
            return
        if reading.state in ("full", "failed"):
            reason: e.RecordingEnd = "disk-full" if reading.state == "full" else "failed"
            await self.submit(c.NoteRecordingEnded(reason, reading.trouble))
        elif reading.state == "on" and not state.disk_low:
            if reading.free_mb < state.plan.recording.warn_free_mb:
                await self.submit(c.NoteDiskLow(reading.free_mb))

    @property
    def is_recorded_now(self) -> bool:
        """Whether the relay writes the meeting's recording at this moment."""
        reading = self.relay_reading
        return (
            bool(self.relay.instance)
            and reading is not None
            and reading.recording.state == "on"
            and reading.recording.meeting == self.state.id
        )

    async def _welcome(self, peer: Peer) -> None:
        """Admit the peer and bring it up to date."""
        hello = peer.hello
        replaced = None
        embedded = self.relay if isinstance(self.relay, EmbeddedRelay) else None
        if hello.role == "agent":
            replaced = self.agents.get(hello.site)
            self.agents[hello.site] = peer
        elif hello.role == "relay":
            replaced, self._engine = self._engine, peer
        if replaced is not None:
            replaced.finish(m.Goodbye("replaced", _("another process took this place")))
        if hello.role in ("agent", "relay"):
            peer.send(m.Welcome(self.state.seq, _now_ms(), self.instance))
        if hello.role == "relay":
            self._set_relay()
            if embedded is not None:
                embedded.attached(hello, peer.send)
        elif hello.role == "agent":
            self._touch(hello.site, connected=True, actual=None)
            await self.submit(c.NoteSiteJoined(hello.site, hello.software, media=False))
            if self.agents.get(hello.site) is peer:
                self._send_desired(again=hello.site)
        else:
            self._welcome_console(peer)

    def _welcome_console(self, peer: Peer) -> None:
        missed: list[e.Recorded] | None = None
        resume = peer.hello.resume
        if 0 < resume <= self.state.seq:
            # What is being written this moment is read too, but not committed yet.
            missed = [one for one in self.journal.read_all(resume) if one.seq <= self.state.seq]
            if len(missed) > 200 or self._first_seq() > resume:
                missed = None
        snapshot = m.NO_SNAPSHOT if missed is not None else msgspec.Raw(st.encode(self.state))
        peer.send(m.Welcome(self.state.seq, _now_ms(), self.instance, snapshot))
        for one in missed or []:
            peer.send(m.Occurred(one))
        peer.send(self._telemetry(dict(self.status), whole=True))
        self.consoles.append(peer)

    def _first_seq(self) -> int:
        return self.journal.first_seq(self.state.id)

    async def _lose(self, peer: Peer) -> None:
        """The connection is over."""
        hello = peer.hello
        if peer in self.consoles:
            self.consoles.remove(peer)
            self._send_desired()
        elif self._engine is peer:
            self._engine = None
            if isinstance(self.relay, EmbeddedRelay):
                self.relay.detached("connection lost")
        elif hello.role == "agent" and self.agents.get(hello.site) is peer:
            del self.agents[hello.site]
            self._touch(hello.site, connected=False, actual=None, reading=None)
            if not self.stopping:
                await self.submit(c.NoteSiteLeft(hello.site, "connection lost"))

    def say_goodbye(self) -> None:
        """To all: this server stops. Nobody *left*: the state stays as it is for the next start."""
        self.stopping = True
        goodbye = m.Goodbye("stopping", _("the server was stopped"))
        engine = [self._engine] if self._engine else []
        for peer in [*self.consoles, *self.agents.values(), *engine]:
            peer.finish(goodbye)


def _is_open(desired: m.Desired) -> bool:
    return desired.microphone == "live"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
