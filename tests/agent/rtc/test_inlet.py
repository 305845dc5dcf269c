"""What comes is read at once, or held until it is asked for."""

import asyncio
import math
import socket
import time
from collections.abc import Iterator
from typing import Any

import pylibsrtp
import pytest

from agent import rtcp, rtp
from agent.rtc.inlet import Inlet, unprotect


class Protocol:
    """What takes datagrams, and when they came, where that is told."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.came: list[tuple[bytes, float | None]] = []

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        pass

    def error_received(self, error: OSError) -> None:
        pass

    def datagram_received(self, data: bytes, address: Any, arrival: float | None = None) -> None:
        self.came.append((data, arrival))


@pytest.fixture
def sender() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        yield one


async def opened(sender: socket.socket) -> tuple[Protocol, Inlet]:
    loop = asyncio.get_running_loop()
    _transport, protocol = await loop.create_datagram_endpoint(
        Protocol, local_addr=("127.0.0.1", 0)
    )
    sender.connect(protocol.transport.get_extra_info("sockname"))
    await asyncio.sleep(0)  # asyncio begins to read
    return protocol, Inlet(protocol)


async def wait_for(protocol: Protocol, count: int) -> None:
    async with asyncio.timeout(30):
        while len(protocol.came) < count:
            await asyncio.sleep(0.001)


async def test_what_is_held_waits_and_its_time_of_arrival_is_known(
    sender: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.rtc.inlet.HELD_S", 60.0)  # however slow the machine is
    protocol, inlet = await opened(sender)
    sender.send(b"at once")
    await wait_for(protocol, 1)
    assert protocol.came.pop() == (b"at once", None)
    async with asyncio.timeout(30):
        while not protocol.came:  # the kernel begins to tell it a little later
            inlet.fetch(hold=True)
            sender.send(b"first")
            sent_at = time.monotonic()
            await asyncio.sleep(0.02)
            inlet.fetch(hold=True)
            protocol.came = [one for one in protocol.came if (one[1] or math.inf) < sent_at + 0.01]
    protocol.came.clear()
    sent = []
    for number in range(20):
        before = time.monotonic()
        sender.send(bytes([number]))
        sent.append((before, time.monotonic()))
        await asyncio.sleep(0.005)
    assert not protocol.came, "nobody fetched it"
    inlet.fetch(hold=True)
    assert [data for data, _at in protocol.came] == [bytes([number]) for number in range(20)]
    for (_data, at), (before, after) in zip(protocol.came, sent, strict=True):
        assert at is not None and before - 0.01 < at < after + 0.01, "all were read together"
    protocol.transport.close()


async def test_what_is_not_held_any_more_comes_by_itself(sender: socket.socket) -> None:
    protocol, inlet = await opened(sender)
    inlet.fetch(hold=True)
    sender.send(b"held")
    inlet.fetch(hold=False)
    assert [data for data, _at in protocol.came] == [b"held"]
    sender.send(b"at once")
    await wait_for(protocol, 2)
    inlet.fetch(hold=True)
    sender.send(b"released")
    inlet.release()
    await wait_for(protocol, 3)
    protocol.transport.close()


async def test_one_that_is_closed_is_left_alone(sender: socket.socket) -> None:
    protocol, inlet = await opened(sender)
    inlet.fetch(hold=True)
    protocol.transport.close()
    sender.send(b"too late")
    inlet.fetch(hold=True)
    inlet.fetch(hold=False)
    await asyncio.sleep(0)
    inlet.fetch(hold=True)
    assert not protocol.came


async def test_a_clock_that_is_set_meanwhile_moves_no_arrival(
    sender: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    protocol, inlet = await opened(sender)
    inlet.fetch(hold=True)
    sender.send(b"before")
    usual = time.time
    monkeypatch.setattr(time, "time", lambda: usual() + 3600)
    before = time.monotonic()
    inlet.fetch(hold=True)
    ((_data, arrival),) = protocol.came
    assert arrival is not None and before <= arrival <= time.monotonic()
    protocol.transport.close()


def test_srtp_comes_off_as_pylibsrtp_takes_it_off() -> None:
    profile = pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM
    key = bytes(range(44))
    out = pylibsrtp.Session(pylibsrtp.Policy(key, pylibsrtp.Policy.SSRC_ANY_OUTBOUND, 0, profile))
    back = pylibsrtp.Session(pylibsrtp.Policy(key, pylibsrtp.Policy.SSRC_ANY_INBOUND, 0, profile))
    packets = [rtp.build(96, seq, 960 * seq, 7, bytes([seq]) * 70) for seq in range(3)]
    protected = [out.protect(packet) for packet in packets]
    assert [unprotect(back, data, is_rtcp=False) for data in protected] == packets
    with pytest.raises(pylibsrtp.Error, match="^replay"):
        unprotect(back, protected[0], is_rtcp=False)
    pli = rtcp.compound(1, rtcp.build_pli(1, 2222))
    assert unprotect(back, out.protect_rtcp(pli), is_rtcp=True) == pli
    with pytest.raises(pylibsrtp.Error, match="^authentication"):
        unprotect(back, out.protect_rtcp(pli)[:-1] + b"\0", is_rtcp=True)
    with pytest.raises(pylibsrtp.Error):
        unprotect(back, b"\x80", is_rtcp=False)
