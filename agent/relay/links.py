"""The two connections of one site, and what is known of what flows over them."""

import time
from collections.abc import Mapping

from agent import lines, rtp
from agent.audio.hop import Again, Unfolder
from agent.bandwidth import Bandwidth
from agent.downstream import Downstream
from agent.forward import UplinkGaps
from agent.rtc import Connection


class Upstream:
    """One line of a site's uplink: what arrives on one SSRC."""

    def __init__(self, kind: str, ssrc: int) -> None:
        self.kind = kind
        self.ssrc = ssrc
        clock = lines.OPUS_CLOCK if kind == "audio" else lines.VP8_CLOCK
        self.reception = rtp.ReceptionStats(ssrc, clock)
        self.gaps = UplinkGaps()
        self.unfolder = Unfolder(lines.OPUS_PAYLOAD_TYPE, lines.RED_PAYLOAD_TYPE)


class SiteLinks:
    """The two connections of one site and what flows over them. Times are monotonic seconds."""

    def __init__(self, site: str, attempt: str) -> None:
        self.site = site
        self.attempt = attempt
        self.uplink: Connection | None = None
        self.downlink: Connection | None = None
        self.upstreams: dict[int, Upstream] = {}
        self.closed_packets = 0
        self.heard_at = time.monotonic()
        """When anything came; `up_heard_at` and `down_heard_at`: over that connection."""
        self.up_heard_at = self.down_heard_at = 0.0
        self.round_trip = rtp.RoundTrip()
        self.last_report: tuple[int, float] = (0, 0.0)
        """The middle of the NTP time in the site's last sender report, and when it came."""
        self.downstream = Downstream()
        self.again = Again()
        self.bandwidth = Bandwidth()
        self.last_bytes = (0, 0)

    @property
    def up(self) -> bool:
        return self.uplink is not None and self.uplink.state == "connected"

    @property
    def down(self) -> bool:
        return self.downlink is not None and self.downlink.state == "connected"

    @property
    def answer_s(self) -> float:
        """How long it takes until what is asked of the site comes: it waits in the queue, too."""
        return self.round_trip.ms / 1000 + self.bandwidth.queue_s

    def send_rtp(self, packet: bytes) -> bool:
        """To the site, over its downlink."""
        return self.downlink is not None and self.downlink.send_rtp(packet)

    def send_rtcp(self, packet: bytes) -> bool:
        """To the site, over its downlink."""
        return self.downlink is not None and self.downlink.send_rtcp(packet)

    def upstream(self, kind: str) -> Upstream | None:
        """Its first line of this kind."""
        return next((u for u in self.upstreams.values() if u.kind == kind), None)

    async def close(self) -> None:
        """Close both connections."""
        for connection in (self.uplink, self.downlink):
            if connection is not None:
                await connection.close()


def answer(
    sites: Mapping[str, SiteLinks], links: SiteLinks, connection: Connection, one: rtp.Question
) -> None:
    """Say that its question came (`agent.pulse`), but to no site that is not ours any more: it
    would think itself connected."""
    if sites.get(links.site) is links:
        connection.send_rtcp(rtp.compound(1, rtp.build_answer(1, one)))
