"""What the relay tells of itself and of each link, twice a second.

A link is read when its turn comes, so that nothing waits for all of them; what was read is told
with the others.
"""

import time

from agent.relay.forwarding import Forwarding
from agent.relay.links import SiteLinks
from agent.relay.ticks import Turns
from agent.rtc import Connection
from protocol import messages as m
from protocol.vitals import vitals

EVERY_S = 0.5
SILENT_AFTER_S = 3.0


class Telemetry:
    """Readings of what the forwarding did; some are since the last reading."""

    def __init__(self, forwarding: Forwarding) -> None:
        self.late_ms = 0.0
        """The most that the event loop was late since the last reading."""
        self._forwarding = forwarding
        self._turns: Turns[SiteLinks] = Turns(EVERY_S)
        self._read: dict[SiteLinks, m.LinkReading] = {}
        self._cpu_at_start = time.process_time()
        self._cpu = (self._cpu_at_start, time.monotonic())

    def tick(self, now: float) -> None:
        """In each tick: read the links whose turn it is."""
        for links in self._turns.due(self._forwarding.sites.values(), now):
            self._read[links] = _link(links, now)

    def read(self, now: float) -> m.RelayTelemetry:
        """All of it. Each reading is told once; of a link that had none since then, it is made."""
        read, self._read = self._read, {}
        links = {
            site: read[one] if one in read else _link(one, now)
            for site, one in self._forwarding.sites.items()
        }
        return m.RelayTelemetry(self._relay(), links)

    def _relay(self) -> m.RelayReading:
        delays = sorted(self._forwarding.delays) or [0.0]
        out = self._forwarding.downlinks.packets_out
        cpu_s, at = time.process_time(), time.monotonic()
        cpu_us = (cpu_s - self._cpu_at_start) * 1e6
        (cpu_before, before), self._cpu = self._cpu, (cpu_s, at)
        late_ms, self.late_ms = self.late_ms, 0.0
        return m.RelayReading(
            packets_in=self._forwarding.uplinks.packets_in,
            packets_out=out,
            cpu_us_per_packet_out=round(cpu_us / out, 1) if out else 0.0,
            forward_delay_median_ms=round(1000 * delays[len(delays) // 2], 3),
            forward_delay_p99_ms=round(1000 * delays[int(len(delays) * 0.99)], 3),
            late_ms=round(late_ms, 1),
            recording=self._forwarding.recorder.reading(),
            cpu_percent=round(100 * (cpu_s - cpu_before) / max(1e-3, at - before), 1),
            process=vitals(),
            slot_packets=self._forwarding.downlinks.slot_packets(),
        )


def _link(links: SiteLinks, now: float) -> m.LinkReading:
    up_bytes = links.uplink.bytes_in if links.uplink is not None else 0
    down_bytes = links.downlink.bytes_out if links.downlink is not None else 0
    up_packets = links.uplink.packets_in if links.uplink is not None else 0
    down_packets = links.downlink.packets_out if links.downlink is not None else 0
    before_up, before_down, before = links.last_bytes
    links.last_bytes = (up_bytes, down_bytes, now)
    elapsed_s = max(0.1, now - before)
    silent_s = now - links.heard_at
    both = [one for one in (links.uplink, links.downlink) if one is not None]
    fed = [u.reception.loss_percent for u in links.upstreams.values()]
    return m.LinkReading(
        uplink=_state(links.uplink, now - links.up_heard_at),
        downlink=_state(links.downlink, now - links.down_heard_at),
        up_kbps=round((up_bytes - before_up) * 8 / 1000 / elapsed_s, 1),
        down_kbps=round((down_bytes - before_down) * 8 / 1000 / elapsed_s, 1),
        up_packets=up_packets,
        down_packets=down_packets,
        up_loss_percent=round(max(fed, default=0.0), 1),
        down_loss_percent=round(100 * links.downstream.loss, 1),
        rtt_ms=round(links.round_trip.ms, 1),
        closed_packets=links.take_closed(now),
        silent_ms=int(silent_s * 1000),
        redundancy=len(links.downstream.distances),
        video=links.downstream.steps.has_video,
        picture=links.downstream.steps.picture,
        up_queue_ms=round(1000 * links.bandwidth.queue_s, 1),
        available_kbps=round(links.downstream.available / 1000, 1),
        down_dropped=links.downlink.dropped if links.downlink is not None else 0,
        resent=links.resent,
        damaged=sum(one.damaged for one in both),
    )


def _state(connection: Connection | None, silent_s: float) -> m.LinkState:
    """`up` only while something comes over it: each end speaks at least once a second."""
    if connection is None:
        return "down"
    if connection.state == "connected":
        return "up" if silent_s < SILENT_AFTER_S else "down"
    return "connecting" if connection.state in ("new", "connecting") else "down"
