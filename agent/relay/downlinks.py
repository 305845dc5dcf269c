"""What goes down to the sites: each gets what its link needs, and again what it lost.

Rules:
- A site is never sent its own media, and one site's link changes nothing for another.
- What is sent again is what was sent before, byte for byte.
"""

import time
from collections.abc import Callable, Iterator, Mapping

from agent import lines, rtp
from agent.audio.hop import Distances
from agent.audio.ladder import BITRATE
from agent.forward import Slot, VideoSlot, VoiceSlot
from agent.pacing import UNKNOWN
from agent.picture.layers import PictureName
from agent.picture.paced import PacedPictures
from agent.relay.links import SiteLinks, answer
from agent.relay.uplinks import CNAME

PACE = 1.1
"""Pictures go out a little faster than what they may take."""


class Downlinks:
    """The relay's sending end of every site. `ask_for_key_frame(slot)` asks a picture's source."""

    def __init__(
        self,
        sites: Mapping[str, SiteLinks],
        slots: Mapping[str, Slot],
        ask_for_key_frame: Callable[[VideoSlot], None],
    ) -> None:
        self.receivers: list[SiteLinks] = []
        """The sites that are connected."""
        self.packets_out = 0
        self.voice_bitrate: int | None = None
        """What the worst link of those in conversation carries (bit/s), when it is not the best."""
        self._sites = sites
        self._slots = slots
        self._ask_for_key_frame = ask_for_key_frame
        self._packets: dict[int, int] = {}
        self._octets: dict[int, int] = {}
        self._reported: dict[int, int] = {}
        self._looked_at = 0.0
        self._video_octets: dict[PictureName, int] = {}
        self._video_rates: dict[PictureName, float] = {}

    # -- packets -----------------------------------------------------------------------------------

    def send_frame(
        self, slot: VoiceSlot, seq: int, size_bytes: int, source: SiteLinks, now: float
    ) -> None:
        """A frame of voice that the slot has under this number, to everybody but its source."""
        self._count(slot.ssrc, size_bytes)
        frame = slot.frame(seq)
        if frame is None:
            return
        if slot.is_fresh:
            self._tell_of([slot], now)
        for receiver in self.receivers:
            if receiver is source:
                continue
            for number, distances in receiver.downstream.next_packets(slot.ssrc, frame, now):
                self._send_voice(receiver, slot, number, distances, now)

    def send_picture(
        self, slot: VideoSlot, packet: bytes, *, begins: bool, source: SiteLinks, now: float
    ) -> None:
        """A packet of a picture, to everybody who is to get it but its source. `begins`: a key
        frame begins here."""
        self._count(slot.ssrc, len(packet))
        if slot.is_fresh:
            self._tell_of([slot], now)
        for receiver in self.receivers:
            if receiver is source or not receiver.downstream.steps.takes(slot.picture, begins):
                continue
            if receiver.send_picture(packet, now):
                self.packets_out += 1

    def switched(self, slot: VideoSlot) -> None:
        """Another source feeds this picture: it begins anew for everybody."""
        for links in self._sites.values():
            links.downstream.steps.switched(lines.PICTURES[slot.picture].slot)

    def send_late(self, now: float) -> None:
        """Frames that wait for a second one in vain (the speaker pauses, or it was lost), and what
        is to be said again."""
        for receiver in self.receivers:
            receiver.send_paced(now)
            for ssrc, seq in receiver.downstream.overdue(now):
                slot = self._slot_of(ssrc)
                if isinstance(slot, VoiceSlot):
                    self._send_voice(receiver, slot, seq, (), now)
            for ssrc, seq in receiver.again.echoes(now):
                slot = self._slot_of(ssrc)
                if isinstance(slot, VoiceSlot) and not receiver.downstream.is_thin:
                    self._send_voice_again(receiver, slot, seq, now)

    def _send_voice(
        self, receiver: SiteLinks, slot: VoiceSlot, seq: int, distances: Distances, now: float
    ) -> None:
        out = slot.packet(seq, distances, receiver.site, now)
        if out is not None and receiver.send_rtp(out):
            self.packets_out += 1
            if receiver.paced is not None:
                receiver.paced.pacer.spent(len(out), now)

    def _count(self, ssrc: int, octets: int) -> None:
        self._packets[ssrc] = self._packets.get(ssrc, 0) + 1
        self._octets[ssrc] = self._octets.get(ssrc, 0) + octets

    def _slot_of(self, ssrc: int) -> Slot | None:
        name = lines.SLOT_OF_SSRC.get(ssrc)
        return None if name is None else self._slots[name]

    # -- what comes back ---------------------------------------------------------------------------

    def take_rtcp(self, links: SiteLinks, packet: bytes, arrival: float) -> None:
        """Reports, requests and estimates of a receiver."""
        links.heard_at = links.down_heard_at = arrival
        for one in rtp.parse_rtcp(packet):
            match one:
                case rtp.Question() if links.downlink is not None:
                    answer(self._sites, links, links.downlink, one)
                case rtp.SenderReport(reports=reports) | rtp.ReceiverReport(reports=reports):
                    for block in reports:
                        links.round_trip.push(block, arrival, rtp.ntp32(time.time()))
                        if isinstance(self._slot_of(block.ssrc), VoiceSlot):
                            links.downstream.report(block, links.round_trip.ms / 1000, arrival)
                case rtp.Remb(bitrate=bitrate):
                    links.downstream.estimate(bitrate)
                    if links.paced is None:
                        links.paced = PacedPictures()
                    self._choose(links, arrival)
                case rtp.Nack(media_ssrc=ssrc, seqs=seqs):
                    self._send_again(links, ssrc, seqs, arrival)
                case rtp.Pli(media_ssrc=ssrc):
                    slot = self._slot_of(ssrc)
                    if isinstance(slot, VideoSlot):
                        self._pass_wish_on(slot, arrival)
                case _:
                    pass

    def wish_for_key_frames(self, now: float) -> None:
        """A receiver needs a new beginning of every picture."""
        for slot in self.pictures():
            self._pass_wish_on(slot, now)

    def pictures(self) -> Iterator[VideoSlot]:
        """The slots of pictures."""
        return (slot for slot in self._slots.values() if isinstance(slot, VideoSlot))

    def _pass_wish_on(self, slot: VideoSlot, now: float) -> None:
        if slot.source is not None and slot.receiver_wants_key_frame(now):
            self._ask_for_key_frame(slot)

    def _send_again(self, links: SiteLinks, ssrc: int, seqs: tuple[int, ...], now: float) -> None:
        slot = self._slot_of(ssrc)
        seqs = tuple(seq for seq in seqs if links.again.is_due(ssrc, seq, now))
        if isinstance(slot, VideoSlot):
            packets: list[bytes] = []
            if links.paced is not None:
                packets, seqs = links.paced.again(ssrc, seqs)
            for again in [*packets, *slot.history(seqs, links.site)]:
                links.send_rtp(again)
        elif isinstance(slot, VoiceSlot):
            for seq in seqs:
                self._send_voice_again(links, slot, seq, now)

    @staticmethod
    def _send_voice_again(links: SiteLinks, slot: VoiceSlot, seq: int, now: float) -> None:
        distances = links.downstream.distances_of(slot.ssrc, seq)
        if distances is not None:
            packet = slot.packet(seq, distances, links.site, now)
            if packet is not None:
                links.send_rtp(packet)

    # -- what each link carries --------------------------------------------------------------------

    def look(self, now: float) -> None:
        """Choose anew what each site gets, by what its link carries."""
        elapsed_s, self._looked_at = now - self._looked_at, now
        for name in lines.PICTURES:
            octets = self._octets.get(lines.SLOT_SSRC[name], 0)
            rate = 8 * (octets - self._video_octets.get(name, 0)) / elapsed_s
            self._video_octets[name] = octets
            before = self._video_rates.get(name, 0.0)
            self._video_rates[name] = before + 0.1 * (rate - before)
        bitrate = min(
            (one.downstream.wants_bitrate or BITRATE for one in self.receivers), default=BITRATE
        )
        self.voice_bitrate = bitrate if bitrate < BITRATE else None
        for links in self._sites.values():
            self._choose(links, now)

    def rates(self, now: float, *, but: str = "") -> dict[PictureName, float]:
        """Bit/s of the pictures that flow, `but` those of one site."""
        return {
            slot.picture: self._video_rates.get(slot.picture, 0.0)
            for slot in self.pictures()
            if slot.is_alive(now) and slot.source != but
        }

    def _choose(self, links: SiteLinks, now: float) -> None:
        """What a site gets, by what its link carries now."""
        # Its own picture it does not get.
        rates = self.rates(now, but=links.site)
        for name in links.downstream.update(rates, now, self.voice_bitrate):
            slot = self._slots[name]
            if isinstance(slot, VideoSlot) and links.down:
                self._pass_wish_on(slot, now)
        if links.paced is not None:
            links.paced.pacer.rate = min(UNKNOWN, max(1.0, PACE * links.downstream.video))

    def report(self, now: float) -> None:
        """Once a second: sender reports of the slots, to everybody (RFC 3550 §6)."""
        self._tell_of(self._slots_to_report(), now)

    def _tell_of(self, slots: list[Slot], now: float) -> None:
        reports = rtp.build_srs([self._sent_info(slot, now) for slot in slots], cname=CNAME)
        for slot in slots:
            slot.is_fresh = False
        for links in self.receivers:
            links.send_rtcp(reports)

    def _slots_to_report(self) -> list[Slot]:
        """Those in which something went on since the last report; one at least, for the round
        trip."""
        counts, self._reported = self._reported, dict(self._packets)
        slots = [s for s in self._slots.values() if self._packets.get(s.ssrc) != counts.get(s.ssrc)]
        return slots or [self._slots["floor"]]

    def _sent_info(self, slot: Slot, now: float) -> rtp.SentInfo:
        ours = time.time()
        links = self._sites.get(slot.source or "")
        upstream = None if links is None else links.upstreams.get(slot.source_ssrc or 0)
        source_ts = None
        if links is not None and upstream is not None:
            source_ts = links.clock.timestamp_at(upstream, ours)
        return rtp.SentInfo(
            slot.ssrc,
            rtp.ntp_from_unix(ours),
            slot.timestamp_at(now, source_ts),
            self._packets.get(slot.ssrc, 0),
            self._octets.get(slot.ssrc, 0),
        )
