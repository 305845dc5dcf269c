"""Connecting where packets are lost: over real sockets, and datagram by datagram."""

import asyncio
import asyncio.selector_events
from typing import Any

import pytest

from agent.rtc.handshake import AGAIN_S, Handshake
from tests.agent.test_rtc import connected

HELLO, FLIGHT, FINISHED, QUESTION = b"\x16hello", b"\x16flight", b"\x16finished", b"\x00\x01stun"
TIMEOUT_S = 20.0


class Wire:
    """What was sent again."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.changed = asyncio.Event()
        self.handshake = Handshake(self.send)

    def send(self, data: bytes, address: Any) -> None:
        assert address == ("127.0.0.1", 4)
        self.sent.append(data)
        self.changed.set()

    def begin(self, *datagrams: bytes) -> None:
        for data in datagrams:
            self.handshake.sent(data, ("127.0.0.1", 4))

    async def until(self, data: bytes, times: int) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while self.sent.count(data) < times:
                self.changed.clear()
                await self.changed.wait()


async def test_a_connection_comes_about_though_whatever_is_new_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: set[bytes] = set()
    private: Any = asyncio.selector_events
    transport = private._SelectorDatagramTransport
    usual = transport.sendto

    def sendto(self: Any, data: bytes, address: Any = None) -> None:
        if bytes(data) in seen:
            usual(self, data, address)
        seen.add(bytes(data))

    monkeypatch.setattr(transport, "sendto", sendto)
    async with connected() as (sender, receiver):
        assert sender.connection.state == receiver.connection.state == "connected"
        assert any(data[0] == HELLO[0] for data in seen), "DTLS went through here"


async def test_what_is_not_answered_goes_again_some_times() -> None:
    wire = Wire()
    wire.begin(HELLO, QUESTION)
    await wire.until(HELLO, len(AGAIN_S))
    assert wire.sent.count(QUESTION) == 1
    assert not wire.handshake.waits


async def test_it_goes_no_more_once_the_other_end_went_on() -> None:
    wire = Wire()
    wire.begin(HELLO)
    wire.handshake.came(QUESTION)
    assert wire.handshake.waits, "an answer of STUN tells nothing of DTLS"
    wire.handshake.came(FLIGHT)
    assert not wire.handshake.waits
    wire.begin(FINISHED)
    wire.handshake.came(FLIGHT)
    assert wire.handshake.waits, "what came before tells that the last flight did not arrive"
    await wire.until(FINISHED, 1)
    assert HELLO not in wire.sent


async def test_the_last_flight_goes_again_also_when_we_are_done() -> None:
    wire = Wire()
    wire.begin(FINISHED)
    wire.handshake.end()
    wire.begin(FLIGHT)
    await wire.until(FINISHED, len(AGAIN_S))
    assert FLIGHT not in wire.sent, "what comes later has ways of its own"


async def test_nothing_is_sent_after_the_end() -> None:
    wire = Wire()
    wire.begin(HELLO)
    wire.handshake.close()
    wire.begin(FLIGHT)
    assert not wire.handshake.waits
