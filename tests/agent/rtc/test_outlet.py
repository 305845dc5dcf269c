"""Ways out: real SRTP over socket pairs, which refuse when nobody reads."""

import asyncio
import socket
from typing import Any

import pytest
from pylibsrtp import Policy, Session

from agent import rtcp, rtp
from agent.rtc import outlet as module
from agent.rtc.outlet import (
    MAX_PACKET_BYTES,
    PLACES,
    QUEUE_PACKETS,
    TOGETHER,
    Outlet,
    Outlets,
    OwnSocket,
)

KEY = bytes(range(44))


def session(direction: int) -> Session:
    profile = Policy.SRTP_PROFILE_AEAD_AES_256_GCM
    policy = Policy(key=KEY, ssrc_type=direction, srtp_profile=profile)
    policy.allow_repeat_tx = True
    return Session(policy)


def decrypted(session: Session, far: socket.socket) -> list[bytes]:
    """What arrived at this socket."""
    found = []
    while True:
        try:
            found.append(session.unprotect(far.recv(2048)))
        except BlockingIOError:
            return found


class Site:
    """A receiver at the other end of a socket pair, which takes nothing while nobody reads."""

    def __init__(self) -> None:
        near, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        near.setblocking(False)
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.far.setblocking(False)
        self.near = near
        self.calls: list[Any] = []
        self.outlet = Outlet(
            session(Policy.SSRC_ANY_OUTBOUND),
            lambda data, address: near.send(data),
            (),
            self.calls.append,
        )
        self._session = session(Policy.SSRC_ANY_INBOUND)

    def read(self) -> list[bytes]:
        """What arrived, decrypted."""
        return decrypted(self._session, self.far)

    def close(self) -> None:
        self.near.close()
        self.far.close()


@pytest.fixture
def sites():
    found = [Site() for _ in range(2 * TOGETHER + 3)]
    yield found
    for site in found:
        site.close()


def packet(seq: int, size: int = 600) -> bytes:
    return rtp.build(96, seq, 960 * seq, 7, bytes(size))


def test_a_packet_goes_to_all_as_it_is(sites: list[Site]) -> None:
    outlets = [site.outlet for site in sites]
    together = Outlets(outlets)
    packets = [packet(seq, size) for seq, size in enumerate((1, 80, 1180))]
    for one in packets:
        assert together.send_rtp(one) == len(sites)
    assert all(site.read() == packets for site in sites)
    assert {(o.packets, o.dropped) for o in outlets} == {(3, 0)}
    assert {o.bytes for o in outlets} == {sum(len(one) + 16 for one in packets)}


def test_each_gets_it_as_its_own_connection_protects_it(sites: list[Site]) -> None:
    # Two ways to protect, of different length.
    key, profile = KEY[:30], Policy.SRTP_PROFILE_AES128_CM_SHA1_80
    policy = Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile)
    far, near = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    other = Outlet(Session(policy), lambda data, address: near.send(data), ())
    assert Outlets([sites[0].outlet, other, sites[1].outlet]).send_rtp(packet(1)) == 3
    assert sites[0].read() == sites[1].read() == [packet(1)]
    policy = Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile)
    assert Session(policy).unprotect(far.recv(2048)) == packet(1)
    assert other.bytes == len(packet(1)) + 10 and sites[0].outlet.bytes == len(packet(1)) + 16
    far.close()
    near.close()


def test_reports_are_protected_as_reports(sites: list[Site]) -> None:
    report = rtcp.build_rr(1, [], cname="relay")
    assert Outlets([site.outlet for site in sites]).send_rtcp(report) == len(sites)
    for site in sites:
        assert site._session.unprotect_rtcp(site.far.recv(2048)) == report


def test_one_who_does_not_read_delays_nobody_and_loses_the_oldest(sites: list[Site]) -> None:
    slow, *others = sites
    read: list[list[bytes]] = [[] for _ in others]
    packets = [packet(seq) for seq in range(3 * QUEUE_PACKETS)]
    for one in packets:
        assert Outlets([site.outlet for site in sites]).send_rtp(one) == len(sites)
        for site, have in zip(others, read, strict=True):
            have += site.read()
    assert all(have == packets for have in read), "each got it before the next was sent"
    assert len(slow.outlet.queue) == QUEUE_PACKETS and len(slow.calls) == 1
    first = slow.read()
    assert first == packets[: len(first)] and first
    assert slow.outlet.dropped == len(packets) - len(first) - QUEUE_PACKETS
    late: list[bytes] = []
    while slow.outlet.queue:
        slow.calls.pop()()
        late += slow.read()
    assert late == packets[-QUEUE_PACKETS:], "what waited comes in order"
    assert slow.outlet.packets == len(first) + QUEUE_PACKETS and not slow.calls


def test_what_waits_is_not_overtaken(sites: list[Site]) -> None:
    slow = sites[0]
    seq = 0
    while not slow.outlet.queue:
        slow.outlet.send_rtp(packet(seq))
        seq += 1
    got = slow.read()
    slow.outlet.send_rtp(packet(seq))
    assert slow.read() == [] and len(slow.outlet.queue) == 2
    slow.calls.pop()()
    assert got + slow.read() == [packet(n) for n in range(seq + 1)]


def test_without_anybody_to_wait_for_the_socket_it_is_dropped_and_counted(
    sites: list[Site],
) -> None:
    near = sites[0].near
    one = Outlet(session(Policy.SSRC_ANY_OUTBOUND), lambda data, address: near.send(data), ())
    sent = sum(one.send_rtp(packet(seq)) for seq in range(50))
    assert one.packets == sent and one.dropped == 50 - sent > 0


def test_one_whose_socket_fails_is_counted_and_the_others_get_theirs(sites: list[Site]) -> None:
    sites[1].near.close()
    assert Outlets([site.outlet for site in sites[:3]]).send_rtp(packet(1)) == 2
    assert [site.outlet.dropped for site in sites[:3]] == [0, 1, 0]
    assert sites[0].read() == sites[2].read() == [packet(1)]


def test_a_queue_outlives_an_error_of_the_socket(sites: list[Site]) -> None:
    slow = sites[0]
    while len(slow.outlet.queue) < 3:
        slow.outlet.send_rtp(packet(len(slow.outlet.queue)))
    slow.far.close()
    slow.calls.pop()()
    assert not slow.outlet.queue and slow.outlet.dropped == 3 and not slow.calls


def test_damage_is_dropped_and_too_long_is_refused(sites: list[Site]) -> None:
    assert Outlets([sites[0].outlet]).send_rtp(b"\x80") == 0 and sites[0].outlet.dropped == 1
    with pytest.raises(ValueError, match="too long"):
        sites[0].outlet.send_rtp(packet(1, MAX_PACKET_BYTES))
    assert sites[0].outlet.send_rtp(packet(1, MAX_PACKET_BYTES - 12))
    assert module.ROOM_BYTES - MAX_PACKET_BYTES > 148, "what protection may add"


# -- bursts ----------------------------------------------------------------------------------------


class UdpSite:
    """A receiver on loopback UDP. `calls` counts what its socket was asked to do."""

    def __init__(self) -> None:
        self.near, self.far = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for end in (self.near, self.far):
            end.bind(("127.0.0.1", 0))
            end.setblocking(False)
        self.calls: list[str] = []
        self.waiting: list[Any] = []
        self.refuses: type[OSError] | None = None
        self.outlet = Outlet(
            session(Policy.SSRC_ANY_OUTBOUND),
            self._sendto,
            self.far.getsockname(),
            self.waiting.append,
            self._sendmsg,
        )
        self._session = session(Policy.SSRC_ANY_INBOUND)

    def _sendto(self, data: Any, address: Any) -> int:
        self.calls.append("sendto")
        return self.near.sendto(data, address)

    def _sendmsg(self, data: Any, cuts: Any, flags: int, address: Any) -> int:
        self.calls.append("sendmsg")
        if self.refuses is not None:
            raise self.refuses
        return self.near.sendmsg(data, cuts, flags, address)

    def read(self) -> list[bytes]:
        return decrypted(self._session, self.far)


@pytest.fixture
def udp_sites():
    found = [UdpSite() for _ in range(PLACES // 3 + 5)]
    yield found
    for site in found:
        site.near.close()
        site.far.close()


def burst(first: int, *sizes: int) -> list[bytes]:
    return [packet(first + n, size) for n, size in enumerate(sizes)]


@pytest.mark.parametrize("sizes", [(1180, 1180, 300), (800,) * 6, (500, 1), (90,)])
def test_a_burst_arrives_as_packets_at_the_price_of_a_call(
    udp_sites: list[UdpSite], sizes: tuple[int, ...]
) -> None:
    packets = burst(1, *sizes)
    together = Outlets([site.outlet for site in udp_sites])
    assert together.send_rtp_burst(packets) == len(packets) * len(udp_sites)
    size = sum(len(one) + 16 for one in packets)
    for site in udp_sites:
        assert site.read() == packets
        assert site.calls == ["sendmsg" if len(packets) > 1 else "sendto"]
        assert (site.outlet.packets, site.outlet.bytes) == (len(packets), size)


def test_where_bursts_are_not_taken_packets_go_alone_from_then_on(
    udp_sites: list[UdpSite],
) -> None:
    site, other = udp_sites[:2]
    site.refuses = OSError
    first, second = burst(1, 500, 500, 20), burst(4, 500, 500)
    for packets in (first, second):
        assert Outlets([site.outlet, other.outlet]).send_rtp_burst(packets) == 2 * len(packets)
    assert site.calls == ["sendmsg"] + 5 * ["sendto"] and other.calls == 2 * ["sendmsg"]
    assert site.read() == other.read() == first + second
    assert (site.outlet.packets, site.outlet.dropped) == (5, 0)


def test_a_burst_waits_as_a_whole_and_overtakes_nothing(udp_sites: list[UdpSite]) -> None:
    site, other = udp_sites[:2]
    together = Outlets([site.outlet, other.outlet])
    site.refuses = BlockingIOError
    site.outlet.sendto = _refuse
    first, second = burst(1, 500, 20), burst(3, 500, 500)
    assert together.send_rtp_burst(first) == 4, "it will go"
    site.refuses = None
    assert together.send_rtp_burst(second) == 4 and site.read() == []
    site.outlet.sendto = site.near.sendto
    site.waiting.pop()()
    assert site.read() == other.read() == first + second
    assert site.outlet.packets == 4 and site.outlet.dropped == 0


def _refuse(data: Any, address: Any) -> None:
    raise BlockingIOError


def test_a_burst_reaches_also_whose_protection_is_longer_or_fails(
    udp_sites: list[UdpSite],
) -> None:
    # Two ways to protect, of different length.
    key, profile = KEY[:30], Policy.SRTP_PROFILE_AES128_CM_SHA1_80
    policy = Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile)
    one, two, three = udp_sites[:3]
    two.outlet = Outlet(Session(policy), two._sendto, two.far.getsockname(), None, two._sendmsg)
    packets = burst(1, 500, 500)
    assert Outlets([s.outlet for s in (one, two, three)]).send_rtp_burst(packets) == 6
    assert one.read() == three.read() == packets and two.calls == ["sendto", "sendto"]
    policy = Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile)
    assert Session(policy).unprotect(two.far.recv(2048)) == packets[0]
    assert Outlets([one.outlet]).send_rtp_burst([packet(3), b"\x80"]) == 1
    assert one.outlet.dropped == 1 and one.read() == [packet(3)]
    with pytest.raises(ValueError, match="too long"):
        Outlets([one.outlet]).send_rtp_burst(burst(5, MAX_PACKET_BYTES, 1))


def test_parts_are_all_of_them_once(sites: list[Site]) -> None:
    parts = Outlets([site.outlet for site in sites]).parts(TOGETHER + 2)
    assert [part.send_rtp(packet(1)) for part in parts] == [26, 25]
    assert all(site.read() == [packet(1)] for site in sites)


class _Ear(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.heard.put_nowait(data)


async def test_a_second_handle_of_a_transports_socket() -> None:
    loop = asyncio.get_running_loop()
    (near, ear), (far, other) = [
        await loop.create_datagram_endpoint(_Ear, local_addr=("127.0.0.1", 0)) for _ in range(2)
    ]
    own = OwnSocket(near)
    own.sendto(memoryview(b"out")[:2], far.get_extra_info("sockname"))
    assert await asyncio.wait_for(other.heard.get(), 30) == b"ou"
    own.sendmsg([b"ou", b"t"], [], 0, far.get_extra_info("sockname"))
    assert await asyncio.wait_for(other.heard.get(), 30) == b"out"
    can_write = asyncio.Event()
    own.wait_writable(can_write.set)
    await asyncio.wait_for(can_write.wait(), 30)
    own.close()
    own.close()
    own.wait_writable(can_write.set)
    with pytest.raises(OSError):
        own.sendto(b"x", far.get_extra_info("sockname"))
    far.sendto(b"in", near.get_extra_info("sockname"))
    assert await asyncio.wait_for(ear.heard.get(), 30) == b"in", "the transport's own still works"
    near.close()
    far.close()
