"""`giliran relay`: forwards encoded RTP by slots; a selective forwarding middlebox (RFC 7667 §3.7).

Rules:
- It decodes nothing and decides nothing: the server's Route says which site feeds which slot.
- Nothing is forwarded from a site that feeds no slot, and a site is never sent its own media.
- A picture's packet is rewritten once for all receivers (`agent.forward`), a frame of voice packed
  once for every set of redundant copies that some receiver needs; then it is protected and sent.
- Each hop heals itself: lost packets are asked for upstream, and receivers' requests are answered
  from the slot's own history. How much redundancy a receiver gets, and whether its link carries
  pictures at all, is its own matter (`agent.downstream`); so is what a site is told of its uplink.
- Losing the server changes nothing in what is forwarded.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import statistics
import sys
import time
from collections import deque
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from agent import lines, rtp
from agent.audio.hop import Again, Distances, Frame, Unfolder, before
from agent.audio.ladder import BITRATE, OVERHEAD, OVERHEAD_BYTES
from agent.bandwidth import Bandwidth
from agent.downstream import Downstream
from agent.forward import Slot, UplinkGaps, VideoSlot, VoiceSlot
from agent.rtc import Connection
from protocol import VERSION
from protocol import messages as m
from protocol.ids import uuid7
from protocol.link import Incoming, Link, LinkDown, LinkUp
from protocol.words import _

log = logging.getLogger("giliran.relay")

TICK_S = 0.01
REPORT_EVERY_S = 1.0
TELEMETRY_EVERY_S = 0.5
SILENT_AFTER_S = 3.0
CLOSED_GRACE_S = 1.0
ORPHAN_AFTER_S = 600.0
GONE_AFTER_S = 12.0
DELAY_SAMPLES = 2048
LOOK_EVERY_S = 0.1
CNAME = "relay"


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
    """The two connections of one site and what flows over them."""

    def __init__(self, site: str, attempt: str) -> None:
        self.site = site
        self.attempt = attempt
        self.uplink: Connection | None = None
        self.downlink: Connection | None = None
        self.upstreams: dict[int, Upstream] = {}
        self.closed_packets = 0
        self.heard_at = time.monotonic()
        self.round_trip = rtp.RoundTrip()
        self.last_report: tuple[int, float] = (0, 0.0)
        self.downstream = Downstream()
        self.again = Again()
        self.bandwidth = Bandwidth()
        self.last_bytes = (0, 0)
        self.last_packets = (0, 0)

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
        return next((u for u in self.upstreams.values() if u.kind == kind), None)

    async def close(self) -> None:
        for connection in (self.uplink, self.downlink):
            if connection is not None:
                await connection.close()


class Relay:
    """Connections, and who feeds which slot. `say` sends a frame to the server."""

    def __init__(self, *, loopback: bool) -> None:
        self.instance = uuid7()
        self.sites: dict[str, SiteLinks] = {}
        self.slots: dict[m.SlotName, Slot] = {}
        opus, red = lines.OPUS_PAYLOAD_TYPE, lines.RED_PAYLOAD_TYPE
        for name in m.AUDIO_SLOTS:
            self.slots[name] = VoiceSlot(name, lines.SLOT_SSRC[name], opus, red)
        for name in m.VIDEO_SLOTS:
            self.slots[name] = VideoSlot(name, lines.SLOT_SSRC[name], lines.VP8_PAYLOAD_TYPE)
        self.route: m.Route | None = None
        self.packets_in = 0
        self.packets_out = 0
        self.late_ms = 0.0
        self._loopback = loopback
        self._link: Link | None = None
        self._orphan_since: float | None = None
        self._group: asyncio.TaskGroup | None = None
        # (site, kind) → slots it feeds, made anew on each Route, not per packet
        self._feeds: dict[tuple[str, str], tuple[Slot, ...]] = {}
        self._receivers: list[SiteLinks] = []
        self._closed_at: dict[str, float] = {}
        self._delays: deque[float] = deque(maxlen=DELAY_SAMPLES)
        self._slot_packets: dict[int, int] = {}
        self._slot_octets: dict[int, int] = {}
        self._reported: dict[int, int] = {}
        self._looked_at = 0.0
        self._video_octets: dict[m.SlotName, int] = {}
        self._video_rates: dict[m.SlotName, float] = {}
        self._voice_bitrate: int | None = None
        self._cpu_at_start = time.process_time()

    # -- the server ------------------------------------------------------------------------------

    async def run(self, address: str) -> None:
        """Serve until cancelled."""
        self._link = Link(address, self._hello, self._receive)
        async with asyncio.TaskGroup() as group:
            self._group = group
            group.create_task(self._link.run())
            group.create_task(self._tick())
            group.create_task(self._report())
            group.create_task(self._telemetry())

    def _hello(self) -> m.Hello:
        return m.Hello("relay", VERSION, instance=self.instance, pid=os.getpid())

    def _receive(self, message: Incoming) -> None:
        match message:
            case m.Route():
                self.take_route(message, time.monotonic())
                self._say(m.Routed(message.revision))
            case m.Signal():
                self._take_signal(message)
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
        return alone and not self._receivers

    def take_route(self, route: m.Route, now: float) -> None:
        """Switch the slots whose source changed, and ask new pictures for a key frame at once."""
        fed_before = set(self._feeds)
        self.route = route
        feeds: dict[tuple[str, str], list[Slot]] = {}
        for name, slot in self.slots.items():
            source = route.slots.get(name)
            if slot.source != source:
                slot.switch(source, now)
            if source is not None:
                feeds.setdefault((source, slot.kind), []).append(slot)
        self._feeds = {key: tuple(slots) for key, slots in feeds.items()}
        for key in fed_before - set(self._feeds):
            self._closed_at[f"{key[0]}/{key[1]}"] = now
        for site, links in self.sites.items():
            self._set_modes(site, links)
        self._ask_for_key_frames(now)
        gone = [site for site in self.sites if site not in route.sites]
        for site in gone:
            self._drop(self.sites.pop(site))

    def _set_modes(self, site: str, links: SiteLinks) -> None:
        if self.route is not None:
            voice, media = self.route.voice.get(site, "auto"), self.route.media.get(site, "auto")
            links.downstream.set_modes(voice, media)

    # -- connecting -------------------------------------------------------------------------------

    def _take_signal(self, signal_: m.Signal) -> None:
        assert self._group is not None
        links = self.sites.get(signal_.peer)
        if signal_.link == "uplink" and signal_.kind == "offer":
            if links is not None:
                self._drop(links)
            links = SiteLinks(signal_.peer, signal_.attempt)
            self.sites[signal_.peer] = links
            self._set_modes(signal_.peer, links)
            self._group.create_task(self._connect(links, signal_.description))
        elif links is None or links.attempt != signal_.attempt:
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
            for line in links.uplink.remote_lines:
                if line.ssrc is not None:
                    links.upstreams[line.ssrc] = Upstream(line.kind, line.ssrc)
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
            self._receivers = [other for other in self.sites.values() if other.down]
            if state == "connected" and not uplink:
                self._ask_for_key_frames(time.monotonic(), receiver=True)

        def on_rtp(packet: bytes, arrival: float) -> None:
            if uplink:
                self.forward(links, packet, arrival)

        def on_rtcp(packet: bytes, arrival: float) -> None:
            if uplink:
                self._take_uplink_rtcp(links, packet, arrival)
            else:
                self._take_downlink_rtcp(links, packet, arrival)

        return Connection(
            loopback=self._loopback, on_rtp=on_rtp, on_rtcp=on_rtcp, on_state=on_state
        )

    def _drop(self, links: SiteLinks) -> None:
        assert self._group is not None
        self._receivers = [other for other in self._receivers if other is not links]
        self._group.create_task(links.close())

    # -- forwarding --------------------------------------------------------------------------------

    def forward(self, links: SiteLinks, packet: bytes, arrival: float) -> None:
        """One packet of a site: into the slots it feeds, and from there to everybody else."""
        links.heard_at = arrival
        try:
            header = rtp.parse(packet)
        except ValueError:
            return
        upstream = links.upstreams.get(header.ssrc)
        if upstream is None:
            return
        self.packets_in += 1
        frames: list[Frame] = []
        alone = 0
        if upstream.kind == "audio":
            payload = packet[header.payload_offset : header.payload_end]
            frames = upstream.unfolder.push(header, payload)
            alone = before(upstream.unfolder.distances)
        is_newest = upstream.reception.received(
            header.seq, header.ts, arrival, sent=header.send_time, before=alone
        )
        if header.send_time is not None and is_newest:
            links.bandwidth.push(header.send_time, len(packet), arrival)
        else:
            links.bandwidth.count(len(packet), arrival)
        self._note_gaps(links, upstream, header.seq, frames, arrival)
        slots = self._feeds.get((links.site, upstream.kind))
        if not slots:
            closed_at = self._closed_at.get(f"{links.site}/{upstream.kind}", 0.0)
            if upstream.kind == "audio" and arrival - closed_at > CLOSED_GRACE_S:
                links.closed_packets += 1
            return
        for slot in slots:
            if isinstance(slot, VoiceSlot):
                for frame in frames:
                    self._forward_frame(links, slot, header.ssrc, frame, arrival)
            elif isinstance(slot, VideoSlot):
                self._forward_picture(links, slot, packet, header, arrival)
        self._delays.append(time.monotonic() - arrival)

    def _forward_frame(
        self, links: SiteLinks, slot: VoiceSlot, ssrc: int, frame: Frame, now: float
    ) -> None:
        seq = slot.take(links.site, ssrc, frame, now)
        if seq is None:
            return
        self._count(slot.ssrc, len(frame.data))
        for receiver in self._receivers:
            if receiver is links:
                continue
            for number, distances in receiver.downstream.next_packets(slot.ssrc, seq, now):
                self._send_voice(receiver, slot, number, distances, now)

    def _send_voice(
        self, receiver: SiteLinks, slot: VoiceSlot, seq: int, distances: Distances, now: float
    ) -> None:
        out = slot.packet(seq, distances, receiver.site, now)
        if out is not None and receiver.send_rtp(out):
            self.packets_out += 1

    def _send_rest(self, now: float) -> None:
        """Frames that wait for a second one in vain: the speaker pauses, or it was lost."""
        for receiver in self._receivers:
            for ssrc, seq in receiver.downstream.overdue(now):
                slot = self._slot_of(ssrc)
                if isinstance(slot, VoiceSlot):
                    self._send_voice(receiver, slot, seq, (), now)

    def _send_echoes(self, now: float) -> None:
        for receiver in self._receivers:
            for ssrc, seq in receiver.again.echoes(now):
                slot = self._slot_of(ssrc)
                if isinstance(slot, VoiceSlot) and not receiver.downstream.is_thin:
                    self._send_voice_again(receiver, slot, seq, now)

    def _forward_picture(
        self, links: SiteLinks, slot: VideoSlot, packet: bytes, header: rtp.Header, now: float
    ) -> None:
        out = slot.forward(links.site, packet, header, now)
        if out is None:
            return
        self._count(slot.ssrc, len(out))
        begins = rtp.is_key_frame_start(packet[header.payload_offset : header.payload_end])
        for receiver in self._receivers:
            if receiver is links or not receiver.downstream.shows(slot.name, begins):
                continue
            if receiver.send_rtp(out):
                self.packets_out += 1

    def _count(self, ssrc: int, octets: int) -> None:
        self._slot_packets[ssrc] = self._slot_packets.get(ssrc, 0) + 1
        self._slot_octets[ssrc] = self._slot_octets.get(ssrc, 0) + octets

    def _ask_for_key_frames(self, now: float, *, receiver: bool = False) -> None:
        for slot in self.slots.values():
            if not isinstance(slot, VideoSlot) or slot.source is None:
                continue
            wanted = slot.needs_key_frame(now)
            if not wanted and receiver:
                wanted = slot.receiver_wants_key_frame(now)
            if wanted:
                self._send_pli(slot.source)

    def _send_pli(self, site: str) -> None:
        links = self.sites.get(site)
        if links is None or links.uplink is None:
            return
        upstream = links.upstream("video")
        if upstream is not None:
            pli = rtp.build_pli(sender_ssrc=1, media_ssrc=upstream.ssrc)
            links.uplink.send_rtcp(rtp.compound(1, pli))

    async def _tick(self) -> None:
        """Ask upstream for what is missing, and again for key frames that have not come."""
        due = time.monotonic()
        while True:
            due += TICK_S
            now = time.monotonic()
            if now > due:
                self.late_ms = max(self.late_ms, (now - due) * 1000)
                due = now
            await asyncio.sleep(due - now)
            now = time.monotonic()
            self._ask_for_key_frames(now)
            self._send_rest(now)
            self._send_echoes(now)
            if now - self._looked_at >= LOOK_EVERY_S:
                self._look_at_links(now)
            for site, kind in self._feeds:
                links = self.sites.get(site)
                upstream = links.upstream(kind) if links is not None else None
                if links is not None and upstream is not None:
                    self._ask_for_missing(links, upstream, now)

    def _note_gaps(
        self, links: SiteLinks, upstream: Upstream, seq: int, frames: list[Frame], now: float
    ) -> None:
        """Track what is missing; what is missed now is asked for at once."""
        rtt_s = links.answer_s
        distances = upstream.unfolder.distances
        fresh = False
        for frame in frames:
            is_copy = frame.seq != seq
            fresh |= upstream.gaps.push(frame.seq, now, distances, rtt_s, is_copy=is_copy)
        if upstream.kind == "video":
            fresh = upstream.gaps.push(seq, now)
        if fresh and (links.site, upstream.kind) in self._feeds:
            self._ask_for_missing(links, upstream, now)

    def _ask_for_missing(self, links: SiteLinks, upstream: Upstream, now: float) -> None:
        missing = upstream.gaps.due(now, links.answer_s)
        if missing and links.uplink is not None:
            nack = rtp.build_nack(1, upstream.ssrc, missing)
            links.uplink.send_rtcp(rtp.compound(1, nack))

    def _look_at_links(self, now: float) -> None:
        """What each link carries: told upstream at once when it became less, and obeyed here."""
        elapsed_s, self._looked_at = now - self._looked_at, now
        for name in m.VIDEO_SLOTS:
            octets = self._slot_octets.get(lines.SLOT_SSRC[name], 0)
            rate = 8 * (octets - self._video_octets.get(name, 0)) / elapsed_s
            self._video_octets[name] = octets
            before = self._video_rates.get(name, 0.0)
            self._video_rates[name] = before + 0.1 * (rate - before)
        wants_key_frame = False
        bitrate = min(
            (one.downstream.wants_bitrate or BITRATE for one in self._receivers), default=BITRATE
        )
        self._voice_bitrate = bitrate if bitrate < BITRATE else None
        for links in self.sites.values():
            if links.bandwidth.update(now):
                self._tell_bandwidth(links)
            wants_key_frame |= links.downstream.update(self._video_rates, now, self._voice_bitrate)
        if wants_key_frame:
            self._ask_for_key_frames(now, receiver=True)

    def _tell_bandwidth(self, links: SiteLinks) -> None:
        available = links.bandwidth.available
        if available is not None and links.uplink is not None:
            links.uplink.send_rtcp(rtp.compound(1, rtp.build_remb(1, available)))

    def _tell_limit(self, links: SiteLinks) -> None:
        """To one who speaks: how much voice the worst link of those in conversation carries."""
        audio = links.upstream("audio")
        if self._voice_bitrate is None or audio is None or links.uplink is None:
            return
        if (links.site, "audio") in self._feeds:
            total = self._voice_bitrate + OVERHEAD
            one = rtp.Tmmbr(1, audio.ssrc, total, OVERHEAD_BYTES)
            links.uplink.send_rtcp(rtp.compound(1, rtp.build_tmmbr(one)))

    # -- reports (RFC 3550 §6) ----

    def _take_uplink_rtcp(self, links: SiteLinks, packet: bytes, arrival: float) -> None:
        links.heard_at = arrival
        for one in rtp.parse_rtcp(packet):
            if isinstance(one, rtp.SenderReport):
                links.last_report = (one.ntp >> 16 & 0xFFFFFFFF, arrival)

    def _take_downlink_rtcp(self, links: SiteLinks, packet: bytes, arrival: float) -> None:
        links.heard_at = arrival
        for one in rtp.parse_rtcp(packet):
            match one:
                case rtp.SenderReport(reports=reports) | rtp.ReceiverReport(reports=reports):
                    for block in reports:
                        links.round_trip.push(block, arrival, rtp.ntp32(time.time()))
                        if isinstance(self._slot_of(block.ssrc), VoiceSlot):
                            links.downstream.report(block, links.round_trip.ms / 1000, arrival)
                case rtp.Remb(bitrate=bitrate):
                    links.downstream.estimate(bitrate)
                    links.downstream.update(self._video_rates, arrival, self._voice_bitrate)
                case rtp.Nack(media_ssrc=ssrc, seqs=seqs):
                    self._send_again(links, ssrc, seqs, arrival)
                case rtp.Pli(media_ssrc=ssrc):
                    slot = self._slot_of(ssrc)
                    if isinstance(slot, VideoSlot) and slot.source is not None:
                        if slot.receiver_wants_key_frame(arrival):
                            self._send_pli(slot.source)
                case _:
                    pass

    def _send_again(self, links: SiteLinks, ssrc: int, seqs: tuple[int, ...], now: float) -> None:
        slot = self._slot_of(ssrc)
        seqs = tuple(seq for seq in seqs if links.again.is_due(ssrc, seq, now))
        if isinstance(slot, VideoSlot):
            for again in slot.history(seqs, links.site):
                links.send_rtp(again)
        elif isinstance(slot, VoiceSlot):
            for seq in seqs:
                self._send_voice_again(links, slot, seq, now)

    def _send_voice_again(self, links: SiteLinks, slot: VoiceSlot, seq: int, now: float) -> None:
        distances = links.downstream.distances_of(slot.ssrc, seq)
        if distances is not None:
            packet = slot.packet(seq, distances, links.site, now)
            if packet is not None:
                links.send_rtp(packet)

    def _slot_of(self, ssrc: int) -> Slot | None:
        name = lines.SLOT_OF_SSRC.get(ssrc)
        return None if name is None else self.slots[name]

    async def _report(self) -> None:
        """Once a second: receiver reports upstream, sender reports of the slots downstream."""
        while True:
            await asyncio.sleep(REPORT_EVERY_S)
            now = time.monotonic()
            for links in tuple(self.sites.values()):
                if now - links.heard_at > GONE_AFTER_S:
                    log.info("%s: nothing heard for %g s", links.site, GONE_AFTER_S)
                    del self.sites[links.site]
                    self._drop(links)
                    continue
                if links.up and links.uplink is not None:
                    lsr, at = links.last_report
                    dlsr = int((now - at) * 65536) if lsr else 0
                    blocks = [u.reception.report_block(lsr, dlsr) for u in links.upstreams.values()]
                    links.uplink.send_rtcp(rtp.build_rr(1, blocks, cname=CNAME))
                    self._tell_bandwidth(links)
                    self._tell_limit(links)
                    audio = links.upstream("audio")
                    if audio is not None:
                        links.downstream.guess(audio.reception.loss_percent / 100, now)
            reports = rtp.build_srs(
                [self._sent_info(slot, now) for slot in self._slots_to_report()], cname=CNAME
            )
            for links in self._receivers:
                links.send_rtcp(reports)

    def _slots_to_report(self) -> list[Slot]:
        """Those in which something went on since the last report; one at least, for the round
        trip."""
        counts, self._reported = self._reported, dict(self._slot_packets)
        slots = [
            s for s in self.slots.values() if self._slot_packets.get(s.ssrc) != counts.get(s.ssrc)
        ]
        return slots or [self.slots["floor"]]

    def _sent_info(self, slot: Slot, now: float) -> rtp.SentInfo:
        return rtp.SentInfo(
            slot.ssrc,
            rtp.ntp_from_unix(time.time()),
            slot.timestamp_at(now),
            self._slot_packets.get(slot.ssrc, 0),
            self._slot_octets.get(slot.ssrc, 0),
        )

    async def _telemetry(self) -> None:
        while True:
            await asyncio.sleep(TELEMETRY_EVERY_S)
            now = time.monotonic()
            self._say(
                m.RelayTelemetry(
                    self._reading(),
                    {site: self._link_reading(links, now) for site, links in self.sites.items()},
                )
            )

    def _reading(self) -> m.RelayReading:
        delays = sorted(self._delays)
        cpu_us = (time.process_time() - self._cpu_at_start) * 1e6
        late_ms, self.late_ms = self.late_ms, 0.0
        return m.RelayReading(
            packets_in=self.packets_in,
            packets_out=self.packets_out,
            cpu_us_per_packet_out=round(cpu_us / self.packets_out, 1) if self.packets_out else 0.0,
            forward_delay_median_ms=round(1000 * statistics.median(delays), 3) if delays else 0.0,
            forward_delay_p99_ms=round(1000 * delays[int(len(delays) * 0.99)], 3)
            if delays
            else 0.0,
            late_ms=round(late_ms, 1),
        )

    def _link_reading(self, links: SiteLinks, now: float) -> m.LinkReading:
        up_bytes = links.uplink.bytes_in if links.uplink is not None else 0
        down_bytes = links.downlink.bytes_out if links.downlink is not None else 0
        up_packets = links.uplink.packets_in if links.uplink is not None else 0
        down_packets = links.downlink.packets_out if links.downlink is not None else 0
        before_up, before_down = links.last_bytes
        links.last_bytes = (up_bytes, down_bytes)
        closed, links.closed_packets = links.closed_packets, 0
        silent_s = now - links.heard_at
        alive = silent_s < SILENT_AFTER_S
        fed = [u.reception.loss_percent for u in links.upstreams.values()]
        return m.LinkReading(
            uplink=_state(links.uplink, alive),
            downlink=_state(links.downlink, alive),
            up_kbps=round((up_bytes - before_up) * 8 / 1000 / TELEMETRY_EVERY_S, 1),
            down_kbps=round((down_bytes - before_down) * 8 / 1000 / TELEMETRY_EVERY_S, 1),
            up_packets=up_packets,
            down_packets=down_packets,
            up_loss_percent=round(max(fed, default=0.0), 1),
            down_loss_percent=round(100 * links.downstream.loss, 1),
            rtt_ms=round(links.round_trip.ms, 1),
            closed_packets=closed,
            silent_ms=int(silent_s * 1000),
            redundancy=len(links.downstream.distances),
            video=links.downstream.has_video,
            up_queue_ms=round(1000 * links.bandwidth.queue_s, 1),
            available_kbps=round(links.downstream.available / 1000, 1),
        )

    async def close(self) -> None:
        """Close every connection."""
        for links in self.sites.values():
            await links.close()


def _state(connection: Connection | None, alive: bool) -> m.LinkState:
    if connection is None:
        return "down"
    if connection.state == "connected":
        return "up" if alive else "down"
    return "connecting" if connection.state in ("new", "connecting") else "down"


# -- the process ----------------------------------------------------------------------------------


def hold(path: Path) -> int:
    """Hold the lock file as long as this process lives; its content is our pid.

    Raises SystemExit when another relay holds it.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(_("giliran relay: another relay holds {path}").format(path=path))
    os.truncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode(), 0)
    return handle


async def _serve(server: str) -> None:
    relay = Relay(loopback=True)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(relay.run(server))
        while not (stop.is_set() or relay.is_orphan):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 5)
        running.cancel()
    await relay.close()


def main(
    *,
    server: Annotated[str, Parameter(help="unix:PATH of the server's socket.")],
    lock: Annotated[Path | None, Parameter(help="Lock file held while the relay lives.")] = None,
) -> None:
    """Run the relay: forward the sites' media by slots, as the server routes it.

    `giliran serve` starts one by itself and keeps it running; by hand it is for experiments.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("aioice").setLevel(logging.WARNING)
    if lock is not None:
        hold(lock)
    asyncio.run(_serve(server))
