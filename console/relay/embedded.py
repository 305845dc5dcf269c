"""The driver of the embedded relay: a process of ours that connects to the server's own socket.

Settings go to it as one Route, whole and idempotent; descriptions as Signals. It outlives a killed
server, and is then taken over as it is, connections and all.

A relay that lives and says nothing is worse than a dead one, for nothing takes its place: it is
killed, so that the spare one does.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

import msgspec

from console.relay.driver import (
    SLOTS,
    Confirmed,
    EngineLost,
    EngineUp,
    Measured,
    Relay,
    RelayError,
    SiteLost,
    Stats,
)
from console.relay_child import RelayChild
from protocol import messages as m
from protocol.binary import Later

ANSWER_TIMEOUT_S = 10.0
"""Longer than any agent waits: the agent decides, this one only forgets nobody."""

WATCH_EVERY_S = 0.5
SILENT_S = 5.0
"""A relay that is here speaks twice a second; one that was silent for so long hangs."""

ABSENT_S = 30.0
"""One that has its lock comes to the server within 14 s, even if that was away for hours."""

log = logging.getLogger("giliran.server")

T = TypeVar("T")
Send = Callable[[m.FromServer | Later], None]


class _Joining:
    """A try of a site: the descriptions that the relay is to make."""

    def __init__(self, attempt: str) -> None:
        self.attempt = attempt
        loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[str] = loop.create_future()
        self.offer: asyncio.Future[str] = loop.create_future()

    def fail(self, why: str) -> bool:
        """True when somebody still waited for something of it."""
        waited = [one for one in (self.answer, self.offer) if not one.done()]
        for one in waited:
            one.set_exception(RelayError(why))
            one.exception()  # it may be that nobody asks any more
        return bool(waited)


class EmbeddedRelay(Relay):
    """`child` None: somebody else starts the relay (`giliran serve --no-relay`)."""

    def __init__(self, child: RelayChild | None = None) -> None:
        super().__init__()
        self._child = child
        self._send: Send | None = None
        self._route: m.Route | None = None
        self._revision = 0
        self._joining: dict[str, _Joining] = {}
        self._stats: Stats | None = None
        self._silent_s = 0.0

    async def run(self) -> None:
        if self._child is not None:
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(self._watch(self._child))
                await self._child.run()
                watching.cancel()

    async def _watch(self, child: RelayChild) -> None:
        """Replace a relay that hangs. What counts is our own time: when this process or the whole
        machine stood still, the relay was not silent."""
        pid: int | None = None
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            before, pid = pid, child.pid()
            if pid is None or pid != before:
                self._silent_s = 0.0
                continue
            self._silent_s += WATCH_EVERY_S
            if self._silent_s >= (ABSENT_S if self._send is None else SILENT_S):
                log.warning("the relay hangs: silent for %.1f s", self._silent_s)
                child.replace()
                self._silent_s = 0.0

    async def close(self) -> None:
        if self._child is not None:
            await self._child.stop()

    # -- the process, which came in by the server's door ----

    def attached(self, hello: m.Hello, send: Send) -> None:
        """It said hello; `send` brings it a frame."""
        if self._send is not None:
            self._fail_all("another relay took its place")
        self._send, self._route = send, None
        self._silent_s = 0.0
        self.instance, self.pid = hello.instance, hello.pid
        self._apply()
        self._take(EngineUp(hello.instance))

    def detached(self, reason: str) -> None:
        """It is gone."""
        self._send, self._stats = None, None
        self.instance, self.pid = "", 0
        self._fail_all(reason)
        self._take(EngineLost(reason))

    def take(self, message: m.FromClient) -> None:
        """A frame of it."""
        self._silent_s = 0.0
        match message:
            case m.RelayTelemetry(reading=reading, links=links):
                self._stats = Stats(reading, links)
                self._take(Measured(self._stats))
            case m.Signal():
                self._take_signal(message)
            case m.Kept():
                self._take(Confirmed(message))
            case _:
                pass

    def _take_signal(self, message: m.Signal) -> None:
        joining = self._joining.get(message.peer)
        if joining is None or joining.attempt != message.attempt:
            return
        if message.kind == "bye":
            if not joining.fail("the relay refused"):
                self._take(SiteLost(message.peer, message.attempt))
            return
        future = joining.answer if message.link == "uplink" else joining.offer
        if not future.done():
            future.set_result(message.description)

    def _fail_all(self, why: str) -> None:
        joining, self._joining = self._joining, {}
        for one in joining.values():
            one.fail(why)

    # -- connections ----

    async def publish(self, site: str, attempt: str, offer: str) -> str:
        send = self._engine()
        older = self._joining.get(site)
        if older is not None:
            older.fail("the site tried anew")
        joining = self._joining[site] = _Joining(attempt)
        # It offers the downlink at once, too: one round trip less.
        send(m.Signal(site, attempt, "uplink", "offer", offer))
        return await _answered(joining.answer)

    async def subscribe(self, site: str, slots: Collection[m.SlotName]) -> str:
        self._engine()
        if set(slots) != set(SLOTS):
            raise RelayError("the embedded relay sends every site all slots")
        joining = self._joining.get(site)
        if joining is None:
            raise RelayError(f"{site} did not publish")
        return await _answered(joining.offer)

    async def subscribed(self, site: str, attempt: str, answer: str) -> None:
        self._engine()(m.Signal(site, attempt, "downlink", "answer", answer))

    def unpublish(self, site: str, attempt: str) -> None:
        if self._send is not None:
            self._send(m.Signal(site, attempt, "uplink", "bye"))

    def kick(self, site: str) -> None:
        # Whatever its try is called: this server may be younger than the connection.
        self.unpublish(site, "")

    def _engine(self) -> Send:
        if self._send is None:
            raise RelayError("there is no relay")
        return self._send

    # -- settings and statistics ----

    def _apply(self) -> None:
        if self._send is None:
            return
        wanted = self.wanted
        route = m.Route(
            revision=self._revision,
            slots=wanted.fed,
            sites=wanted.sites or (),
            voice=dict(wanted.voice),
            media=dict(wanted.media),
            record=wanted.record,
            deck=wanted.deck,
        )
        if route != self._route:
            self._revision += 1
            self._route = msgspec.structs.replace(route, revision=self._revision)
            self._send(self._route)

    def add_to_recording(self, later: Later) -> None:
        if self._send is not None:
            self._send(later)

    def stats(self) -> Stats | None:
        return self._stats


async def _answered(waiting: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return await waiting
    except TimeoutError:
        raise RelayError("the relay did not answer") from None
