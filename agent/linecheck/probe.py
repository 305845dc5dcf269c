"""What probes of a line look like, and what is counted of those that arrive. Pure.

Rules:
- Probes are RTCP packets for a purpose of our own (RFC 3550 §6.7, APP), so they go through the very
  connections that carry the media, encrypted as it is, and no media is touched.
- The agent sends each probe up its uplink; the relay sends one down its downlink for each that
  comes, so that both ways are measured at once, at a pace that the agent keeps.
- A burst tells what the line carries: the rate at which it arrives.
- What is asked for is asked again until it is answered: the line may lose anything.

Times are seconds: `sent` and `arrival` monotonic, each end's own; `clock` is that of the wall.
"""

import struct

import msgspec

from agent.bandwidth import OVERHEAD_BYTES
from agent.rtcp import RTCP_APP, RTCP_RR

NAME = b"GLNC"
PROBE, ECHO, BURST, ASK, RESULT = range(5)
HEAD = struct.Struct("!BBHLBBHL4s")
NUMBERED = struct.Struct("!LLd")
ECHOED = struct.Struct("!LLddd")
ASKED = struct.Struct("!LB3xL")
TOLD = struct.Struct("!LLLfLLf")

BURST_KBPS = 2000
BURST_S = 0.4
BURST_BYTES = 1000
BURST_PACKETS = round(BURST_KBPS * 1000 * BURST_S / 8 / BURST_BYTES)
LATE_S = 0.2


class Numbered(msgspec.Struct, frozen=True):
    """A probe, or a packet of a burst: which one of the run, and when it was sent."""

    run: int
    number: int
    sent: float
    is_burst: bool = False


class Echo(msgspec.Struct, frozen=True):
    """What the relay sends down for a probe: the probe's `sent`, its own number and time, and what
    its clock says."""

    run: int
    number: int
    sent: float
    sent_back: float
    clock: float


class Asked(msgspec.Struct, frozen=True):
    """The agent asks what arrived; `burst`: and for a burst down, once a run."""

    run: int
    burst: bool
    number: int


class Told(msgspec.Struct, frozen=True):
    """What arrived at the relay: probes with their jitter, how many it sent down, the burst's
    packets and the time from its first to its last."""

    run: int
    probes: int
    echoes: int
    jitter_ms: float
    burst_packets: int
    number: int
    burst_s: float


Packet = Numbered | Echo | Asked | Told


def build(ssrc: int, packet: Packet) -> bytes:
    """An RTCP packet, behind an empty receiver report."""
    match packet:
        case Numbered(run=run, number=number, sent=sent, is_burst=is_burst):
            kind, data = (BURST if is_burst else PROBE), NUMBERED.pack(run, number, sent)
            if is_burst:
                data = data.ljust(BURST_BYTES - HEAD.size, b"\0")
        case Echo():
            kind = ECHO
            data = ECHOED.pack(
                packet.run, packet.number, packet.sent, packet.sent_back, packet.clock
            )
        case Asked(run=run, burst=burst, number=number):
            kind, data = ASK, ASKED.pack(run, burst, number)
        case Told():
            kind = RESULT
            data = TOLD.pack(
                packet.run,
                packet.probes,
                packet.echoes,
                packet.jitter_ms,
                packet.burst_packets,
                packet.number,
                packet.burst_s,
            )
    words = (12 + len(data)) // 4 - 1
    return HEAD.pack(0x80, RTCP_RR, 1, ssrc, 0x80 | kind, RTCP_APP, words, ssrc, NAME) + data


def parse(data: bytes) -> Packet | None:
    """The probe in an RTCP packet; None for any other, and for a damaged one."""
    if len(data) < HEAD.size or data[16:20] != NAME or data[9] != RTCP_APP:
        return None
    kind, body = data[8] & 0x1F, data[HEAD.size :]
    try:
        if kind in (PROBE, BURST):
            run, number, sent = NUMBERED.unpack_from(body)
            return Numbered(run, number, sent, kind == BURST)
        if kind == ECHO:
            return Echo(*ECHOED.unpack_from(body))
        if kind == ASK:
            run, burst, number = ASKED.unpack_from(body)
            return Asked(run, bool(burst), number)
        if kind == RESULT:
            return Told(*TOLD.unpack_from(body))
    except struct.error:
        return None
    return None


class Jitter:
    """The interarrival jitter of RFC 3550 §6.4.1, in ms."""

    def __init__(self) -> None:
        self.ms = 0.0
        self._way: float | None = None

    def push(self, sent: float, arrival: float) -> None:
        """A packet arrived that was sent then, by whatever clock."""
        way = arrival - sent
        if self._way is not None:
            self.ms += (1000 * abs(way - self._way) - self.ms) / 16
        self._way = way


class Burst:
    """The packets of a burst as they arrive."""

    def __init__(self) -> None:
        self.packets = 0
        self.last_at = 0.0
        self._first_at = 0.0

    def push(self, arrival: float) -> None:
        """One arrived."""
        if not self.packets:
            self._first_at = arrival
        self.packets += 1
        self.last_at = arrival

    @property
    def seconds(self) -> float:
        """From the first to the last."""
        return self.last_at - self._first_at


def rate_kbps(packets: int, seconds: float) -> float:
    """What a line carried that let so many packets of a burst through in this time, with all
    headers; at most what was sent."""
    bits = 8 * (BURST_BYTES + OVERHEAD_BYTES)
    if packets < 2 or seconds <= 0:
        return packets * bits / BURST_S / 1000
    return min(float(BURST_KBPS), (packets - 1) * bits / seconds / 1000)
