"""What comes up from the sites: unfolded and counted, what is missing asked for at once.

Rules:
- Only what feeds a slot is asked for: of a site that is not heard nothing needs to be whole.
- A site is told what its uplink carries (REMB, reports), a speaker also how much voice the worst
  link of those in conversation carries, and how much is wanted of his small picture by those who
  see it (TMMBR).
"""

import time
from collections.abc import Mapping, Sequence

from agent import rtcp, rtp
from agent.audio.hop import Frame, before
from agent.audio.ladder import OVERHEAD, OVERHEAD_BYTES
from agent.bandwidth import UNLIMITED
from agent.forward import VideoSlot
from agent.relay.links import SiteLinks, Upstream, answer

CNAME = "relay"


class Uplinks:
    """The relay's receiving end of every site."""

    def __init__(self, sites: Mapping[str, SiteLinks]) -> None:
        self.packets_in = 0
        self._sites = sites

    def take(
        self, links: SiteLinks, packet: bytes, arrival: float, *, fed: frozenset[str]
    ) -> tuple[Upstream, rtp.Header, list[Frame]] | None:
        """A packet of a site: its line, its header, and the frames of voice that are new in it;
        None for damage and strangers. `fed`: the kinds of media whose gaps are asked for."""
        links.heard_at = links.up_heard_at = arrival
        try:
            header = rtp.parse(packet)
        except ValueError:
            return None
        upstream = links.upstreams.get(header.ssrc)
        if upstream is None:
            return None
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
        misses, frames = self._note_gaps(links, upstream, header.seq, frames, arrival)
        if misses and upstream.kind in fed:
            self.ask_for_missing(links, upstream, arrival)
        return upstream, header, frames

    @staticmethod
    def _note_gaps(
        links: SiteLinks, upstream: Upstream, seq: int, frames: list[Frame], now: float
    ) -> tuple[bool, list[Frame]]:
        """Whether something is missed now that was not before; and the frames, those that were
        asked for marked as recovered."""
        if upstream.kind == "video":
            return upstream.gaps.push(seq, now), frames
        return upstream.gaps.push_frames(
            frames,
            seq,
            now,
            upstream.unfolder.distances,
            links.answer_s,
            upstream.reception.jitter_ms,
        )

    @staticmethod
    def ask_for_missing(links: SiteLinks, upstream: Upstream, now: float) -> None:
        """What is due to be asked for, at first or again."""
        missing = upstream.gaps.due(now, links.answer_s, links.bandwidth.each_s)
        if missing and links.uplink is not None:
            nack = rtcp.build_nack(1, upstream.ssrc, missing)
            links.uplink.send_rtcp(rtcp.compound(1, nack))

    def ask_for_key_frame(self, slot: VideoSlot) -> None:
        """Of the site's picture in this slot (RFC 4585 PLI)."""
        links = self._sites.get(slot.source or "")
        if links is None or links.uplink is None:
            return
        upstream = links.picture(slot.layer)
        if upstream is not None:
            pli = rtcp.build_pli(sender_ssrc=1, media_ssrc=upstream.ssrc)
            links.uplink.send_rtcp(rtcp.compound(1, pli))

    def take_rtcp(self, links: SiteLinks, packet: bytes, arrival: float) -> None:
        """Sender reports, for the round trip and for what belongs together, and questions."""
        links.heard_at = links.up_heard_at = arrival
        for one in rtcp.parse(packet):
            if isinstance(one, rtcp.SenderReport):
                links.last_report = (one.ntp >> 16 & 0xFFFFFFFF, arrival)
                upstream = links.upstreams.get(one.ssrc)
                if upstream is not None:
                    theirs = rtcp.unix_from_ntp(one.ntp)
                    upstream.reported = (theirs, one.ts)
                    links.clock.push(theirs, time.time())
            elif isinstance(one, rtcp.Question) and links.uplink is not None:
                answer(self._sites, links, links.uplink, one)
            elif isinstance(one, rtcp.Probe):
                links.bandwidth.probe(one, len(packet), arrival)
            elif isinstance(one, rtcp.Train):
                links.trains.push(one, arrival)
                if one.place == 0:
                    # An idle link shows how long the way is without a queue.
                    links.bandwidth.push(one.sent, len(packet), arrival)
                else:
                    links.bandwidth.count(len(packet), arrival)

    def excuse(self, late_s: float, now: float) -> None:
        """The relay itself was late by so much."""
        for links in self._sites.values():
            links.bandwidth.excuse(late_s, now)

    def limit_small(self, site: str, bitrate: float) -> None:
        """No more than so many bit/s are wanted of a site's small picture, for now."""
        links = self._sites.get(site)
        small = None if links is None else links.picture("low")
        if links is None or links.uplink is None or small is None or small.layer is None:
            return
        one = rtcp.Tmmbr(1, small.ssrc, int(bitrate), 0)
        links.uplink.send_rtcp(rtcp.compound(1, rtcp.build_tmmbr(one)))

    def look(self, some: Sequence[SiteLinks], now: float) -> None:
        """What these uplinks carry: told at once when it became less, or was found by trains."""
        for links in some:
            is_less = links.bandwidth.update(now)
            told = links.trains.take(now)
            if told is not None:
                links.bandwidth.believe(*told, now)
            if is_less or told is not None:
                self._tell_bandwidth(links, links.bandwidth.available or UNLIMITED)

    def report(self, links: SiteLinks, now: float, voice_bitrate: int | None) -> None:
        """Once a second, of what came up (RFC 3550 §6). `voice_bitrate` (bit/s): at most so much
        voice is wanted of one who speaks."""
        if not links.up or links.uplink is None:
            return
        lsr, at = links.last_report
        dlsr = int((now - at) * 65536) if lsr else 0
        blocks = [u.reception.report_block(lsr, dlsr) for u in links.upstreams.values()]
        links.uplink.send_rtcp(rtcp.build_rr(1, blocks, cname=CNAME))
        if links.bandwidth.available is not None:
            self._tell_bandwidth(links, links.bandwidth.available)
        audio = links.upstream("audio")
        if audio is None:
            return
        links.downstream.guess(audio.reception.loss_percent / 100, now)
        if voice_bitrate is not None:
            one = rtcp.Tmmbr(1, audio.ssrc, voice_bitrate + OVERHEAD, OVERHEAD_BYTES)
            links.uplink.send_rtcp(rtcp.compound(1, rtcp.build_tmmbr(one)))

    @staticmethod
    def _tell_bandwidth(links: SiteLinks, bitrate: int) -> None:
        if links.uplink is not None:
            links.uplink.send_rtcp(rtcp.compound(1, rtcp.build_remb(1, bitrate)))
