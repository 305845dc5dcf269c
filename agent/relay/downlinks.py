"""What goes down to the sites: each gets what its link needs, and again what it lost.

Rules:
- A site is never sent its own media, and one site's link changes nothing for another.
- What is sent again is what was sent before, byte for byte.
- A frame of voice goes to everybody at once, a picture by and by (`agent.relay.bulk`).
"""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from agent import lines, rtcp, rtp
from agent.audio.hop import Distances, Frame
from agent.audio.ladder import BITRATE
from agent.bandwidth import probes
from agent.forward import Slot, VideoSlot, VoiceSlot
from agent.picture.layers import LOW_FULL, PictureName
from agent.picture.paced import PacedPictures
from agent.picture.steps import fair
from agent.relay.audience import Audience, Listeners
from agent.relay.bulk import Bulk
from agent.relay.links import SiteLinks, answer, outlets_of
from agent.relay.uplinks import CNAME
from agent.rtc.outlet import Outlets

REPORTED_FOR_S = 1.5
"""So long a slot in which nothing goes on any more is reported of: a report a second, with time to
spare, tells each receiver how many packets there were."""

TWICE_AFTER_S, MAX_TWICE = 0.02, 512
"""A key frame goes twice to who loses much of what is sent to him, the second time so much later
that one burst of losses does not hit both. A whole one takes several round trips otherwise."""

LOOKS, LOOKED_AT_ONCE = 8, 32
"""In so many parts all links are looked at; fewer where each would have less than the second."""


class Downlinks:
    """The relay's sending end of every site. `ask_for_key_frame(slot)` asks a picture's source;
    `sent(arrival)` is called when a packet of a picture went to everybody."""

    def __init__(
        self,
        sites: Mapping[str, SiteLinks],
        slots: Mapping[str, Slot],
        ask_for_key_frame: Callable[[VideoSlot], None],
        sent: Callable[[float], object],
    ) -> None:
        self.audience = Audience(slots, self._send_now)
        self.bulk = Bulk(sent, self.audience.changed, self._dropped)
        self.voice_bitrate: int | None = None
        """What the worst link of those in conversation carries (bit/s), when it is not the best."""
        self.small_bitrate: float | None = None
        """What is wanted of the small picture of `main` (bit/s, `agent.picture.steps.fair`); None
        when that is the whole."""
        self._small_least = 0.0
        self._sites = sites
        self._slots = slots
        self._voices = [slot for slot in slots.values() if isinstance(slot, VoiceSlot)]
        self.pictures = [slot for slot in slots.values() if isinstance(slot, VideoSlot)]
        self._echoing: dict[str, SiteLinks] = {}
        # Packets of key frames that go out once more: when, to whom.
        self._twice: deque[tuple[float, bytes, Outlets]] = deque(maxlen=MAX_TWICE)
        self._ask_for_key_frame = ask_for_key_frame
        self._voices_out = 0
        self._packets: dict[int, int] = {}
        self._octets: dict[int, int] = {}
        self._counted_at: dict[int, float] = {}
        self._looked_at = 0.0
        self._looked_frames: dict[int, int] = {}
        self._frames: dict[str | None, int] = {}
        self._to_look: list[SiteLinks] = []
        self._video_octets: dict[PictureName, int] = {}
        self._video_rates: dict[PictureName, float] = {}

    # -- packets -----------------------------------------------------------------------------------

    @property
    def packets_out(self) -> int:
        """Packets of media that were sent, without what was sent again."""
        return self._voices_out + self.bulk.packets_out

    @property
    def receivers(self) -> list[SiteLinks]:
        """The sites that are connected."""
        return self.audience.receivers

    def send_frame(self, slot: VoiceSlot, frame: Frame, now: float) -> None:
        """A frame of voice, with the slot's numbers, to everybody but its source."""
        self._count(slot.ssrc, len(frame.data), now)
        if slot.is_fresh:
            self._tell_of([slot], now)
        for one in self.audience.listeners(slot):
            for number, distances in one.batch.next_packets(slot.ssrc, frame, now):
                self._send_voice(slot, number, distances, one, now)

    def send_picture(
        self, slot: VideoSlot, packet: bytes, *, begins: bool, is_key: bool, now: float
    ) -> None:
        """A packet of a picture, to everybody who is to get it but its source. `begins`: a key
        frame begins here; `is_key`: it is one of its packets."""
        self._count(slot.ssrc, len(packet), now)
        if slot.is_fresh:
            self._tell_of([slot], now)
        viewers = self.audience.viewers(slot, begins=begins)
        self.bulk.push(packet, viewers, now)
        if is_key and viewers.twice is not None:
            self._twice.append((now + TWICE_AFTER_S, packet, viewers.twice))

    def _dropped(self, picture: PictureName, packets: list[bytes]) -> None:
        """These became too old: they are not sent again either, and the picture begins anew."""
        slot = next(one for one in self.pictures if one.picture == picture)
        slot.forget(rtp.number_of(packet)[1] for packet in packets)
        for links in self.receivers:
            if links.downstream.steps.shows(picture):
                links.downstream.steps.switched(lines.PICTURES[picture].slot)
        self.audience.changed()
        self._pass_wish_on(slot, time.monotonic())

    def switched(self, slot: VideoSlot) -> None:
        """Another source feeds this picture: it begins anew for everybody."""
        for links in self._sites.values():
            links.downstream.steps.switched(lines.PICTURES[slot.picture].slot)

    def send_late(self, now: float) -> bool:
        """Frames that wait for a second one in vain (the speaker pauses, or it was lost), pictures
        whose turn it is, and what is to be said again. Whether there may be more of it soon."""
        for links in self.audience.paced:
            links.send_paced(now)
        while self._twice and self._twice[0][0] <= now:
            _due, packet, outlets = self._twice.popleft()
            outlets.send_rtp(packet)
        for slot, one in self.audience.pairing():
            for late in one.batch.overdue(slot.ssrc, now):
                self._send_voice(slot, late, (), one, now)
        for links in tuple(self._echoing.values()):
            for ssrc, seq in links.again.echoes(now):
                of = self._slot_of(ssrc)
                if isinstance(of, VoiceSlot) and not links.downstream.is_thin:
                    self._send_voice_again(links, of, seq, now)
            if not links.again.has_echoes:
                del self._echoing[links.site]
        waits = self._twice or self._echoing or self.audience.paced or self.audience.pairing()
        return bool(waits)

    def _send_voice(
        self, slot: VoiceSlot, seq: int, distances: Distances, to: Listeners, now: float
    ) -> None:
        packet = slot.packet(seq, distances, "", now)
        if packet is None:
            return
        self._voices_out += to.outlets.send_rtp(packet)
        for pacer in to.pacers:
            pacer.spent(len(packet), now)

    def _send_now(self, slot: VoiceSlot, seq: int, distances: Distances, to: Listeners) -> None:
        self._send_voice(slot, seq, distances, to, time.monotonic())

    def _count(self, ssrc: int, octets: int, now: float) -> None:
        self._counted_at[ssrc] = now
        self._packets[ssrc] = self._packets.get(ssrc, 0) + 1
        self._octets[ssrc] = self._octets.get(ssrc, 0) + octets

    def _slot_of(self, ssrc: int) -> Slot | None:
        name = lines.SLOT_OF_SSRC.get(ssrc)
        return None if name is None else self._slots[name]

    def slot_packets(self) -> dict[str, int]:
        """How many packets went into each slot."""
        return {lines.SLOT_OF_SSRC[ssrc]: count for ssrc, count in self._packets.items()}

    # -- what comes back ---------------------------------------------------------------------------

    def take_rtcp(self, links: SiteLinks, packet: bytes, arrival: float) -> None:
        """Reports, requests and estimates of a receiver."""
        links.heard_at = links.down_heard_at = arrival
        for one in rtcp.parse(packet):
            match one:
                case rtcp.Question() if links.downlink is not None:
                    answer(self._sites, links, links.downlink, one)
                case rtcp.SenderReport(reports=reports) | rtcp.ReceiverReport(reports=reports):
                    for block in reports:
                        links.round_trip.push(block, arrival, rtcp.ntp32(time.time()))
                        if isinstance(self._slot_of(block.ssrc), VoiceSlot):
                            links.downstream.report(block, links.round_trip.ms / 1000, arrival)
                case rtcp.Remb(bitrate=bitrate):
                    links.downstream.estimate(bitrate, arrival)
                    if links.paced is None:
                        links.paced = PacedPictures()
                        links.downstream.has_changed = True
                    self._choose(links, self.rates(arrival), arrival)
                    if links.downstream.has_changed:
                        self.audience.settle()
                case rtcp.Nack(media_ssrc=ssrc, seqs=seqs):
                    self._send_again(links, ssrc, seqs, arrival)
                case rtcp.Pli(media_ssrc=ssrc):
                    slot = self._slot_of(ssrc)
                    if isinstance(slot, VideoSlot):
                        self._pass_wish_on(slot, arrival)
                case _:
                    pass

    def wish_for_key_frames(self, now: float) -> None:
        """A receiver needs a new beginning of every picture."""
        for slot in self.pictures:
            self._pass_wish_on(slot, now)

    def _pass_wish_on(self, slot: VideoSlot, now: float) -> None:
        if slot.source is not None and slot.receiver_wants_key_frame(now):
            self._ask_for_key_frame(slot)

    def _send_again(self, links: SiteLinks, ssrc: int, seqs: tuple[int, ...], now: float) -> None:
        slot = self._slot_of(ssrc)
        if isinstance(slot, VoiceSlot):
            # What did not come up yet was not sent again in vain.
            sent = links.downstream.voice
            seqs = tuple(seq for seq in seqs if sent.distances_of(ssrc, seq) is not None)
        rtt_s = links.round_trip.ms / 1000
        seqs = tuple(seq for seq in seqs if links.again.is_due(ssrc, seq, now, rtt_s))
        if isinstance(slot, VideoSlot):
            if links.paced is None:
                for again in slot.history(seqs, links.site):
                    links.resent += links.send_rtp(again)
            elif links.downstream.steps.shows(slot.picture):
                packets, seqs = links.paced.again(ssrc, seqs)
                packets += slot.history(seqs, links.site)
                links.resent += links.paced.push_again(packets)
                links.send_paced(now)
        elif isinstance(slot, VoiceSlot):
            for seq in seqs:
                self._send_voice_again(links, slot, seq, now)
        if links.again.has_echoes:
            self._echoing[links.site] = links

    @staticmethod
    def _send_voice_again(links: SiteLinks, slot: VoiceSlot, seq: int, now: float) -> None:
        distances = links.downstream.voice.distances_of(slot.ssrc, seq)
        if distances is not None:
            packet = slot.packet(seq, distances, links.site, now)
            if packet is not None:
                links.resent += links.send_rtp(packet)

    # -- what each link carries --------------------------------------------------------------------

    def look(self, now: float) -> None:
        """Choose anew what each site gets, by what its link carries."""
        self.begin_look(now)
        self.look_on(now, len(self._to_look))

    def begin_look(self, now: float) -> list[SiteLinks]:
        """Begin to choose anew: what is the same for all sites is done at once, the rest by and by
        (`look_on`), so that what comes meanwhile does not wait for all of it. Those that were left
        of the last time, which are looked at now."""
        late = self.look_on(now, len(self._to_look))
        elapsed_s, self._looked_at = now - self._looked_at, now
        for name in lines.PICTURES:
            octets = self._octets.get(lines.SLOT_SSRC[name], 0)
            rate = 8 * (octets - self._video_octets.get(name, 0)) / elapsed_s
            self._video_octets[name] = octets
            before = self._video_rates.get(name, 0.0)
            self._video_rates[name] = before + 0.1 * (rate - before)
        troubled = (one.downstream for one in self.receivers if not one.downstream.is_calm)
        bitrate = min((one.wants_bitrate or BITRATE for one in troubled), default=BITRATE)
        self.voice_bitrate = bitrate if bitrate < BITRATE else None
        steps = (one.downstream.steps for one in self.receivers)
        wishes = [one.small_wish or LOW_FULL for one in steps if one.takes_small]
        self._small_least = fair(wishes) if wishes else 0.0
        self.small_bitrate = self._small_least if 0 < self._small_least < LOW_FULL else None
        self._frames = self._new_frames()
        self._to_look = list(self._sites.values())
        return late

    def look_on(self, now: float, count: int | None = None) -> list[SiteLinks]:
        """Choose for so many of the sites that are left, else for an eighth of all or more; which
        ones."""
        if not self._to_look:
            return []
        if count is None:
            count = max(LOOKED_AT_ONCE, -(-len(self._sites) // LOOKS))
        rates, has_changed = self.rates(now), False
        showing = {self._slots[name].source for name in rates}
        total = sum(self._frames.values())
        looked, self._to_look = self._to_look[:count], self._to_look[count:]
        for links in looked:
            is_settled = links.downstream.is_settled(rates, self.voice_bitrate)
            if is_settled and links.site not in showing:
                continue
            links.downstream.sending(total - self._frames.get(links.site, 0), now)
            self._choose(links, rates, now)
            has_changed |= links.downstream.has_changed
            if links.paced is not None and links.downstream.is_to_be_probed(now):
                for probe in probes(1, links.downstream.probes):
                    links.send_rtcp(probe)
        if has_changed:
            self.audience.settle()
        return looked

    def _new_frames(self) -> dict[str | None, int]:
        """By source: frames of voice since the last look."""
        found: dict[str | None, int] = {}
        for slot in self._voices:
            count = self._packets.get(slot.ssrc, 0)
            new = count - self._looked_frames.get(slot.ssrc, 0)
            self._looked_frames[slot.ssrc] = count
            found[slot.source] = found.get(slot.source, 0) + new
        return found

    def rates(self, now: float) -> dict[PictureName, float]:
        """Bit/s of the pictures that flow."""
        return {
            slot.picture: self._video_rates.get(slot.picture, 0.0)
            for slot in self.pictures
            if slot.is_alive(now)
        }

    def _choose(self, links: SiteLinks, rates: dict[PictureName, float], now: float) -> None:
        """What a site gets, by what its link carries now."""
        if any(self._slots[name].source == links.site for name in rates):  # that it does not get
            slots = self._slots
            rates = {name: one for name, one in rates.items() if slots[name].source != links.site}
        for name in links.downstream.update(rates, now, self.voice_bitrate, self._small_least):
            slot = self._slots[name]
            if isinstance(slot, VideoSlot) and links.down:
                self._pass_wish_on(slot, now)
        if links.paced is not None:
            links.paced.pacer.rate = links.downstream.pace(now)

    def report(self, some: Sequence[SiteLinks], now: float) -> None:
        """Sender reports of the slots, to these receivers (RFC 3550 §6); to be given to each once a
        second."""
        if some:
            self._tell_of(self._slots_to_report(now), now, outlets_of(some))

    def _tell_of(self, slots: list[Slot], now: float, to: Outlets | None = None) -> None:
        reports = rtcp.build_srs([self._sent_info(slot, now) for slot in slots], cname=CNAME)
        if to is None:
            to = self.audience.everybody()
            for slot in slots:
                slot.is_fresh = False
        to.send_rtcp(reports)

    def _slots_to_report(self, now: float) -> list[Slot]:
        """Those in which something went on since each receiver's last report; one at least, for the
        round trip."""
        since = now - REPORTED_FOR_S
        slots = [s for s in self._slots.values() if self._counted_at.get(s.ssrc, 0.0) > since]
        return slots or [self._slots["floor"]]

    def _sent_info(self, slot: Slot, now: float) -> rtcp.SentInfo:
        ours = time.time()
        links = self._sites.get(slot.source or "")
        upstream = None if links is None else links.upstreams.get(slot.source_ssrc or 0)
        source_ts = None
        if links is not None and upstream is not None:
            source_ts = links.clock.timestamp_at(upstream, ours)
        return rtcp.SentInfo(
            slot.ssrc,
            rtcp.ntp_from_unix(ours),
            slot.timestamp_at(now, source_ts),
            self._packets.get(slot.ssrc, 0),
            self._octets.get(slot.ssrc, 0),
        )
