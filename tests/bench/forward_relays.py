"""What the forwarding bench compares: our relay, and relays made of aiortc's parts, each with the
same few coroutines. An instance has a process to itself (`tests.bench.child`)."""

import asyncio
import resource
import time
from typing import Any

from agent.relay.relay import Relay
from agent.rtc.stock_relay import StockForwarder, StockMediaRelay, StockSource
from protocol import messages as m
from tests.bench.where import RELAY, Sampler


class _Measured:
    """CPU time of this process, user and system, between two calls."""

    _sampler: Sampler | None = None

    async def begin(self, profile: bool) -> None:
        """`profile`: `end` tells where the time went, too."""
        self._sampler = Sampler(RELAY) if profile else None
        self._usage = resource.getrusage(resource.RUSAGE_SELF)
        self._at = time.monotonic()
        if self._sampler is not None:
            self._sampler.begin()

    async def end(self) -> dict[str, Any]:
        """Seconds since `begin`."""
        where = {} if self._sampler is None else self._sampler.end()
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "seconds": time.monotonic() - self._at,
            "user_s": usage.ru_utime - self._usage.ru_utime,
            "system_s": usage.ru_stime - self._usage.ru_stime,
            "rss_mb": usage.ru_maxrss / 1024,
            "where": where,
        }


class OurRelay(_Measured, Relay):
    """`giliran relay` without a server: what it would be told comes from here."""

    def __init__(self) -> None:
        Relay.__init__(self, loopback=True)
        self._replies: dict[tuple[str, str], asyncio.Future[str]] = {}

    def _say(self, message: m.FromClient) -> None:
        if isinstance(message, m.Signal):
            self._replies[message.peer, message.link].set_result(message.description)

    async def run(self) -> None:  # type: ignore[override]
        """Without a server nothing answers at this address, and nothing needs to."""
        await Relay.run(self, "unix:/nonexistent/giliran")

    async def publish(self, site: str, offer: str) -> tuple[str, str]:
        """An uplink's offer; its answer, and the downlink's offer."""
        loop = asyncio.get_running_loop()
        keys = [(site, "uplink"), (site, "downlink")]
        self._replies |= {key: loop.create_future() for key in keys}
        self._receive(m.Signal(site, "1", "uplink", "offer", offer))
        answer, downlink = [await self._replies[key] for key in keys]
        return answer, downlink

    async def accept(self, site: str, answer: str) -> None:
        """The downlink's answer."""
        self._receive(m.Signal(site, "1", "downlink", "answer", answer))

    async def route(self, slots: dict[m.SlotName, str]) -> None:
        """Who feeds which slot."""
        self._receive(m.Route(1, slots, tuple(self.sites)))

    async def counts(self) -> dict[str, int]:
        """What it counted itself."""
        return {
            "packets_in": self.forwarding.uplinks.packets_in,
            "packets_out": self.forwarding.downlinks.packets_out,
        }


class _Stock(_Measured):
    def __init__(self, relay: Any) -> None:
        self._stock = relay

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def publish(self, offer: str) -> str:
        """A source's offer; the answer."""
        return await self._stock.publish(offer)

    async def subscribe(self) -> tuple[int, str]:
        """A new viewer's number, and the offer to it."""
        return await self._stock.subscribe()

    async def accept(self, number: int, answer: str) -> None:
        """Its answer."""
        await self._stock.accept(number, answer)

    async def close(self) -> None:
        """Close everything."""
        await self._stock.close()


def stock_forwarder() -> _Stock:
    return _Stock(StockForwarder())


def stock_media_relay() -> _Stock:
    return _Stock(StockMediaRelay())


class Camera:
    """aiortc's own sender, for MediaRelay."""

    def __init__(self) -> None:
        self._source = StockSource()

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def offer(self) -> str:
        return await self._source.offer()

    async def accept(self, answer: str) -> None:
        await self._source.accept(answer)
