"""The two connections of one site, and what is known of what flows over them."""

import time
from collections import deque
from collections.abc import Mapping, Sequence

from agent import lines, rtcp
from agent.audio.hop import Again, Unfolder
from agent.bandwidth import Bandwidth
from agent.downstream import Downstream
from agent.forward import UplinkGaps
from agent.picture.layers import Layer
from agent.picture.paced import PacedPictures
from agent.reception import ReceptionStats
from agent.rtc import Connection, Line
from agent.rtc.outlet import Outlets
from agent.trains import Trains

EARLY_S = 0.5
"""The Route that opens a site goes out before the site is told, but may come here after its first
packets when this process is held up: what came within so long before it is not of a closed site."""

MAX_CLOSED = 1024
"""Packets of a closed site; ten times what comes between two readings."""


class Upstream:
    """One line of a site's uplink: what arrives on one SSRC."""

    def __init__(self, kind: str, ssrc: int, layer: Layer | None = None) -> None:
        self.kind = kind
        self.layer = layer
        """Which size of the camera's picture; None: its only one."""
        self.reported: tuple[float, int] | None = None
        """By its last sender report: a moment of the site's clock (seconds), and the timestamp."""
        self.ssrc = ssrc
        clock = lines.OPUS_CLOCK if kind == "audio" else lines.VP8_CLOCK
        self.reception = ReceptionStats(ssrc, clock)
        self.gaps = UplinkGaps()
        self.unfolder = Unfolder(lines.OPUS_PAYLOAD_TYPE, lines.RED_PAYLOAD_TYPE)


class SourceClock:
    """How a site's clock and ours go together: by the sender report that came fastest lately. Sound
    and picture share it, so that what belongs together stays together."""

    KEPT = 60

    def __init__(self) -> None:
        self._offsets: deque[float] = deque(maxlen=self.KEPT)

    def push(self, theirs: float, ours: float) -> None:
        """A report said `theirs` and arrived at `ours` (Unix seconds)."""
        self._offsets.append(ours - theirs)

    def timestamp_at(self, upstream: Upstream, ours: float) -> int | None:
        """What the source calls this moment on one of its lines; None before its first report."""
        if upstream.reported is None or not self._offsets:
            return None
        theirs, ts = upstream.reported
        clock = lines.OPUS_CLOCK if upstream.kind == "audio" else lines.VP8_CLOCK
        return (ts + round((ours - min(self._offsets) - theirs) * clock)) & 0xFFFFFFFF


class SiteLinks:
    """The two connections of one site and what flows over them. Times are monotonic seconds."""

    def __init__(self, site: str, attempt: str) -> None:
        self.site = site
        self.attempt = attempt
        self.uplink: Connection | None = None
        self.downlink: Connection | None = None
        self.upstreams: dict[int, Upstream] = {}
        # When voice of it came that nobody is to hear.
        self._closed: deque[float] = deque(maxlen=MAX_CLOSED)
        self.heard_at = time.monotonic()
        """When anything came; `up_heard_at` and `down_heard_at`: over that connection."""
        self.up_heard_at = self.down_heard_at = 0.0
        self.round_trip = rtcp.RoundTrip()
        self.last_report: tuple[int, float] = (0, 0.0)
        """The middle of the NTP time in the site's last sender report, and when it came."""
        self.downstream = Downstream(site)
        self.again = Again()
        self.bandwidth, self.trains = Bandwidth(), Trains()
        self.last_bytes: tuple[int, int, float] = (0, 0, self.heard_at)
        """Up and down by the last reading of telemetry, and when that was."""
        self.resent = 0
        self.clock = SourceClock()
        self.paced: PacedPictures | None = None
        """Its pictures go out at a pace as soon as something is known against its downlink."""

    @property
    def up(self) -> bool:
        return self.uplink is not None and self.uplink.state == "connected"

    @property
    def down(self) -> bool:
        return self.downlink is not None and self.downlink.state == "connected"

    def came_closed(self, now: float) -> None:
        """A packet of its voice came though it is closed."""
        self._closed.append(now)

    def opened(self, now: float) -> None:
        """Its voice is heard from now on: what came just before was early."""
        while self._closed and now - self._closed[-1] < EARLY_S:
            self._closed.pop()

    def take_closed(self, now: float) -> int:
        """How many packets of its voice came though it was closed, each counted once."""
        count = 0
        while self._closed and now - self._closed[0] >= EARLY_S:
            self._closed.popleft()
            count += 1
        return count

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

    def set_upstreams(self, offered: Sequence[Line]) -> None:
        """The lines that the site sends; of its pictures the larger comes first."""
        sent = [(line.kind, line.ssrc) for line in offered if line.ssrc is not None]
        sizes = iter(lines.layers(sum(1 for kind, _ssrc in sent if kind == "video")))
        for kind, ssrc in sent:
            layer = next(sizes) if kind == "video" else None
            self.upstreams[ssrc] = Upstream(kind, ssrc, layer)

    def upstream(self, kind: str) -> Upstream | None:
        """Its first line of this kind."""
        return next((u for u in self.upstreams.values() if u.kind == kind), None)

    def picture(self, layer: Layer | None) -> Upstream | None:
        """Its line for this size of the picture, or the only one that it has."""
        videos = [u for u in self.upstreams.values() if u.kind == "video"]
        exact = next((u for u in videos if u.layer == layer), None)
        return exact or next((u for u in videos if u.layer is None), None)

    def send_picture(self, packet: bytes, now: float) -> bool:
        """A packet of a picture, at the link's pace. False when it was dropped: what waited, too;
        the pictures go on with key frames."""
        if self.paced is None:
            return self.send_rtp(packet)
        if not self.paced.push(packet):
            self.downstream.steps.interrupted()
            return False
        self.send_paced(now)
        return True

    def send_paced(self, now: float) -> None:
        """What is due of what waits."""
        if self.paced is not None:
            for packet in self.paced.due(now):
                self.send_rtp(packet)

    async def close(self) -> None:
        """Close both connections."""
        for connection in (self.uplink, self.downlink):
            if connection is not None:
                await connection.close()


def outlets_of(receivers: Sequence[SiteLinks]) -> Outlets:
    """Their ways out, as far as they have one."""
    ways = (r.downlink.outlet for r in receivers if r.downlink is not None)
    return Outlets([way for way in ways if way is not None])


def answer(
    sites: Mapping[str, SiteLinks], links: SiteLinks, connection: Connection, one: rtcp.Question
) -> None:
    """Say that its question came (`agent.pulse`), but to no site that is not ours any more: it
    would think itself connected."""
    if sites.get(links.site) is links:
        connection.send_rtcp(rtcp.compound(1, rtcp.build_answer(1, one)))
