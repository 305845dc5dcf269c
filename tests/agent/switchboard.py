"""A relay with three sites and no sockets, for tests of what it does with packets."""

import time
from collections.abc import Callable

from pylibsrtp import Error, Policy, Session

from agent import lines, rtcp, rtp
from agent.picture import vp8_packets
from agent.relay.links import SiteLinks, Upstream
from agent.relay.relay import Relay
from agent.rtc.outlet import Outlet
from protocol import messages as m

SITES = ("hall", "kandis", "minas")


def session(direction: int) -> Session:
    """An end of SRTP as DTLS would make it."""
    profile = Policy.SRTP_PROFILE_AEAD_AES_256_GCM
    policy = Policy(key=bytes(range(44)), ssrc_type=direction, srtp_profile=profile)
    policy.allow_repeat_tx = True
    return Session(policy)


class Wire:
    """What a site's connection carried, decrypted; while `is_clogged`, its socket takes nothing."""

    def __init__(self) -> None:
        self.state = "connected"
        self.damaged = 0
        self.sent: list[bytes] = []
        self.told: list[bytes] = []
        """RTCP."""

        self.is_clogged = False
        self.writable: list[Callable[[], None]] = []
        self.outlet = Outlet(
            session(Policy.SSRC_ANY_OUTBOUND), self._take, (), self.writable.append
        )
        self._session = session(Policy.SSRC_ANY_INBOUND)

    def _take(self, data: bytes, address: object) -> None:
        if self.is_clogged:
            raise BlockingIOError
        data = bytes(data)
        if 192 <= data[1] <= 223:
            self.told.append(self._session.unprotect_rtcp(data))
            return
        try:
            self.sent.append(self._session.unprotect(data))
        except Error:
            # Sent again: libsrtp takes nothing twice.
            self._session = session(Policy.SSRC_ANY_INBOUND)
            self.sent.append(self._session.unprotect(data))

    packets_in = packets_out = bytes_in = bytes_out = 0

    @property
    def dropped(self) -> int:
        return self.outlet.dropped

    def send_rtp(self, packet: bytes) -> bool:
        return self.outlet.send_rtp(packet)

    def send_rtcp(self, packet: bytes) -> bool:
        return self.outlet.send_rtcp(packet)

    def rtp(self) -> list[rtp.Header]:
        return [rtp.parse(packet) for packet in self.sent]


class Switchboard:
    """A relay with three sites connected by wires, no sockets."""

    def __init__(self) -> None:
        self.relay = Relay(loopback=True)
        self.forwarding = self.relay.forwarding
        self.down = self.forwarding.downlinks
        self.seq = dict.fromkeys(SITES, 65_530)
        for number, site in enumerate(SITES, 1):
            links = SiteLinks(site, "attempt")
            links.uplink = Wire()  # type: ignore[assignment]
            links.downlink = Wire()  # type: ignore[assignment]
            links.upstreams = {
                10 * number: Upstream("audio", 10 * number),
                10 * number + 1: Upstream("video", 10 * number + 1),
            }
            self.relay.sites[site] = links
        self.forwarding.set_receivers()
        self.now = time.monotonic()

    def route(self, **slots: str) -> None:
        named = {name.replace("_", "-"): site for name, site in slots.items()}
        self.relay.take_route(m.Route(1, named, SITES), self.now)  # type: ignore[arg-type]

    def speak(self, site: str, packets: int = 1) -> None:
        ssrc = 10 * (SITES.index(site) + 1)
        for _ in range(packets):
            self.now += 0.02
            seq = self.seq[site] & 0xFFFF
            packet = rtp.build(96, seq, self.seq[site] * 960 & 0xFFFFFFFF, ssrc, site.encode())
            self.seq[site] += 1
            self.forwarding.forward(self.relay.sites[site], packet, self.now)

    def show(self, site: str, *, key: bool, ts: int = 9000) -> None:
        ssrc = 10 * (SITES.index(site) + 1) + 1
        (payload,) = vp8_packets.packetize((b"\0" if key else b"\1") + site.encode(), 5)
        packet = rtp.build(97, 1, ts, ssrc, payload, marker=True)
        self.forwarding.forward(self.relay.sites[site], packet, self.now)

    def lose(self, site: str, seconds: int, fraction: int = 40) -> None:
        """`kandis` speaks, of which a site reports that so many of 256 packets were lost."""
        links = self.relay.sites[site]
        for _ in range(seconds):
            self.speak("kandis", 50)
            highest = self.down._slots["floor"]._last_seq
            block = rtcp.ReportBlock(lines.SLOT_SSRC["floor"], fraction, 0, highest, 0, 0, 0)
            report = rtcp.build_rr(9, [block], cname=site)
            self.down.take_rtcp(links, report, self.now)
            self.down.look(self.now)

    def wire(self, site: str) -> Wire:
        return self.relay.sites[site].downlink  # type: ignore[return-value]

    def up(self, site: str) -> Wire:
        return self.relay.sites[site].uplink  # type: ignore[return-value]
