"""The relay's link with the server, and the connections that it makes as the server says.

A site has two connections (`agent.relay.links`), made anew as a pair on each attempt of its agent:
the agent offers the uplink, the relay the downlink.
"""

import asyncio
import logging
import os
import time
from pathlib import Path

from agent import lines
from agent.recording.recorder import Recorder
from agent.relay import telemetry
from agent.relay.forwarding import Forwarding
from agent.relay.garbage import Garbage
from agent.relay.links import SiteLinks
from agent.relay.probing import Probing
from agent.relay.ticks import TICK_S, Ticks
from agent.rtc import Connection
from protocol import VERSION
from protocol import messages as m
from protocol.binary import Later
from protocol.ids import uuid7
from protocol.link import Incoming, Link, LinkDown, LinkUp

log = logging.getLogger("giliran.relay")

LOOK_EVERY_S = 1.0
ORPHAN_AFTER_S = 600.0
ANY_ATTEMPT = ""
GONE_AFTER_S = 12.0


class Relay:
    """Connections, and what is forwarded between them. What goes into the slots is recorded below
    the folder `recordings` when the server wants it."""

    def __init__(self, *, loopback: bool, recordings: Path | None = None) -> None:
        self.instance = uuid7()
        self.recorder = Recorder(recordings, relay=self.instance)
        self.sites: dict[str, SiteLinks] = {}
        self.forwarding = Forwarding(self.sites, self.recorder)
        self._probing = Probing()
        self._telemetry = telemetry.Telemetry(self.forwarding)
        self._ticks = Ticks(self._tick)
        self._garbage = Garbage()
        self._loopback = loopback
        self._link: Link | None = None
        self._orphan_since: float | None = None
        self._group: asyncio.TaskGroup | None = None

    # -- the server ------------------------------------------------------------------------------

    async def run(self, address: str) -> None:
        """Serve until cancelled."""
        self._link = Link(address, self._hello, self._receive)
        bulk = self.forwarding.downlinks.bulk
        bulk.later, bulk.done = asyncio.get_running_loop().call_soon, self._wake
        async with asyncio.TaskGroup() as group:
            self._group = group
            group.create_task(self._link.run())
            group.create_task(self._ticks.run())
            group.create_task(self._look_after())
            group.create_task(self._tell())

    def _hello(self) -> m.Hello:
        return m.Hello("relay", VERSION, instance=self.instance, pid=os.getpid())

    def _receive(self, message: Incoming) -> None:
        match message:
            case m.Route():
                self.take_route(message, time.monotonic())
                self._say(m.Routed(message.revision))
            case m.Signal():
                self._take_signal(message)
            case Later():
                self.recorder.take_later(message)
            case LinkUp():
                log.info("server found")
                self._orphan_since = None
            case LinkDown(reason=reason):
                log.info("server lost: %s", reason)
                if self._orphan_since is None:
                    self._orphan_since = time.monotonic()
            case _:
                pass

    def _say(self, message: m.FromClient) -> None:
        if self._link is not None:
            self._link.send(message)

    @property
    def is_orphan(self) -> bool:
        """True when no server was there for ten minutes and no site is connected any more."""
        since = self._orphan_since
        alone = since is not None and time.monotonic() - since > ORPHAN_AFTER_S
        return alone and not self.forwarding.downlinks.receivers

    def take_route(self, route: m.Route, now: float) -> None:
        """Feed the slots as it says; sites that it does not name are gone, if it names any."""
        self.forwarding.take_route(route, now)
        gone = [site for site in self.sites if site not in route.sites] if route.sites else []
        for site in gone:
            self._drop(self.sites.pop(site))

    # -- connecting -------------------------------------------------------------------------------

    def _take_signal(self, signal_: m.Signal) -> None:
        assert self._group is not None
        links = self.sites.get(signal_.peer)
        if signal_.link == "uplink" and signal_.kind == "offer":
            if links is not None:
                self._drop(links)
            links = SiteLinks(signal_.peer, signal_.attempt)
            self.sites[signal_.peer] = links
            self.forwarding.set_modes(links)
            self._group.create_task(self._connect(links, signal_.description))
        elif links is None or signal_.attempt not in (links.attempt, ANY_ATTEMPT):
            return
        elif signal_.link == "downlink" and signal_.kind == "answer":
            self._group.create_task(self._finish_downlink(links, signal_.description))
        elif signal_.kind == "bye":
            del self.sites[signal_.peer]
            self._drop(links)

    async def _connect(self, links: SiteLinks, offer: str) -> None:
        """Answer the uplink and offer the downlink."""
        try:
            links.uplink = self._connection(links, "uplink")
            answer = await links.uplink.answer(offer)
            links.set_upstreams(links.uplink.remote_lines)
            self._say(m.Signal(links.site, links.attempt, "uplink", "answer", answer))
            links.downlink = self._connection(links, "downlink")
            description = await links.downlink.offer(lines.DOWNLINK)
            self._say(m.Signal(links.site, links.attempt, "downlink", "offer", description))
        except (ValueError, OSError, ConnectionError) as error:
            log.warning("%s: can't connect: %s", links.site, error)
            self._say(m.Signal(links.site, links.attempt, "uplink", "bye"))
            await links.close()

    async def _finish_downlink(self, links: SiteLinks, answer: str) -> None:
        try:
            if links.downlink is not None:
                await links.downlink.accept(answer)
        except (ValueError, OSError, ConnectionError) as error:
            log.warning("%s: downlink: %s", links.site, error)
            self._say(m.Signal(links.site, links.attempt, "downlink", "bye"))

    def _connection(self, links: SiteLinks, which: str) -> Connection:
        uplink = which == "uplink"

        def on_state(state: str) -> None:
            log.info("%s: %s %s", links.site, which, state)
            links.heard_at = time.monotonic()
            self.forwarding.set_receivers()
            if state == "connected":
                self._garbage.made()
            elif state == "closed":
                self._garbage.closed()
            if state == "connected" and not uplink:
                self.forwarding.downlinks.wish_for_key_frames(time.monotonic())

        def on_rtp(packet: bytes, arrival: float) -> None:
            if uplink:
                self.forwarding.forward(links, packet, arrival)
            self._wake()

        def on_rtcp(packet: bytes, arrival: float) -> None:
            if uplink and self._probing.take(links, packet, arrival):
                links.heard_at = links.up_heard_at = arrival
            elif uplink:
                self.forwarding.uplinks.take_rtcp(links, packet, arrival)
            else:
                self.forwarding.downlinks.take_rtcp(links, packet, arrival)
            self._wake()

        return Connection(
            loopback=self._loopback, on_rtp=on_rtp, on_rtcp=on_rtcp, on_state=on_state
        )

    def _drop(self, links: SiteLinks) -> None:
        assert self._group is not None
        self.forwarding.forget(links)
        self._group.create_task(links.close())

    # -- time --------------------------------------------------------------------------------------

    def _wake(self) -> None:
        """Something came: the time for a tick, but for a picture that is on its way."""
        if not self.forwarding.downlinks.bulk:
            self._ticks.wake(time.monotonic())

    def _tick(self, now: float, late_s: float) -> bool:
        self._telemetry.late_ms = max(self._telemetry.late_ms, 1000 * late_s)
        if late_s > TICK_S:
            self.forwarding.uplinks.excuse(late_s, now)
        waits = self.forwarding.tick(now)
        waits |= self._probing.tick(now)
        self._telemetry.tick(now)
        return waits

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self._forget_silent(time.monotonic())
            self._garbage.look(self.forwarding.downlinks.packets_out)

    def _forget_silent(self, now: float) -> None:
        for links in tuple(self.sites.values()):
            if now - links.heard_at > GONE_AFTER_S:
                log.info("%s: nothing heard for %g s", links.site, GONE_AFTER_S)
                del self.sites[links.site]
                self._drop(links)

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(telemetry.EVERY_S)
            self._say(self._telemetry.read(time.monotonic()))
            for kept in self.recorder.take_kept():
                self._say(kept)

    async def close(self) -> None:
        """End the recording, close every connection."""
        await asyncio.to_thread(self.recorder.close)
        for links in self.sites.values():
            await links.close()
