"""What becomes of a packet: up from a site, into the slots it feeds, down to everybody else.

The one who feeds a slot is told by the server's Route; tables are made anew on each Route, never on
a packet. Times are monotonic seconds given by the caller, but for the delay that is measured here.
"""

import math
import time
from collections import deque

from agent import lines, rtp
from agent.forward import Slot, VideoSlot, VoiceSlot
from agent.picture.steps import Steps
from agent.recording.recorder import Recorder
from agent.relay.downlinks import Downlinks
from agent.relay.links import SiteLinks, Upstream
from agent.relay.ticks import Turns
from agent.relay.uplinks import Uplinks
from protocol import messages as m

LOOK_EVERY_S, REPORT_EVERY_S = 0.1, 1.0
CLOSED_GRACE_S = 1.0
DELAY_SAMPLES = 2048
LIMIT_EVERY_S, LESS = 1.0, 0.95


class Forwarding:
    """The slots, who feeds them, and the two ends of every site. `sites` is the caller's own, and
    changes. What goes into a slot is given to the recorder as well."""

    def __init__(self, sites: dict[str, SiteLinks], recorder: Recorder | None = None) -> None:
        self.sites = sites
        self.recorder = recorder or Recorder(None)
        self.slots: dict[str, Slot] = {}
        opus, red = lines.OPUS_PAYLOAD_TYPE, lines.RED_PAYLOAD_TYPE
        for name in m.AUDIO_SLOTS:
            self.slots[name] = VoiceSlot(name, lines.SLOT_SSRC[name], opus, red)
        vp8 = lines.VP8_PAYLOAD_TYPE
        for picture, one in lines.PICTURES.items():
            ssrc = lines.SLOT_SSRC[picture]
            self.slots[picture] = VideoSlot(picture, ssrc, vp8, layer=one.layer)
        self.uplinks = Uplinks(sites)
        self._recorded = Steps()
        """Which size of a picture is recorded: the largest that comes."""
        self.downlinks = Downlinks(
            sites, self.slots, self.uplinks.ask_for_key_frame, self._note_sent
        )
        self.delays: deque[float] = deque(maxlen=DELAY_SAMPLES)
        """Seconds from a packet's arrival until it was sent to everybody, of the last ones."""
        self._route: m.Route | None = None
        # site → kind of media → slots it feeds
        self._feeds: dict[str, dict[str, tuple[Slot, ...]]] = {}
        self._fed: dict[str, frozenset[str]] = {}
        self._closed_at: dict[tuple[str, str], float] = {}
        self._looked_at = 0.0
        self._reports: Turns[SiteLinks] = Turns(REPORT_EVERY_S)
        # Whose small picture was limited last, to what, when.
        self._limited: tuple[str | None, float, float] = (None, math.inf, -math.inf)

    # -- routes ------------------------------------------------------------------------------------

    def take_route(self, route: m.Route, now: float) -> None:
        """Switch the slots whose source changed, and ask new pictures for a key frame at once."""
        self._route = route
        fed_before = {(site, kind) for site, kinds in self._feeds.items() for kind in kinds}
        feeds: dict[str, dict[str, tuple[Slot, ...]]] = {}
        for name, slot in self.slots.items():
            source = self._source(name, route)
            if slot.source != source:
                self.downlinks.audience.before_switch(slot)
                slot.switch(source, now)
                if isinstance(slot, VideoSlot):
                    self.downlinks.switched(slot)
                    self._recorded.switched(lines.PICTURES[slot.picture].slot)
            if source is not None:
                kinds = feeds.setdefault(source, {})
                kinds[slot.kind] = (*kinds.get(slot.kind, ()), slot)
        self.downlinks.audience.changed()
        self._feeds = feeds
        self._fed = {site: frozenset(kinds) for site, kinds in feeds.items()}
        for site, kind in fed_before:
            if kind not in self._fed.get(site, ()):
                self._closed_at[site, kind] = now
        for links in self.sites.values():
            self.set_modes(links)
            if self.is_heard(links.site):
                links.opened(now)
        self.recorder.take_order(route.record, now)
        self.ask_for_key_frames(now)

    @staticmethod
    def _source(name: str, route: m.Route) -> str | None:
        """Who feeds a slot, or a size of its picture."""
        if name == "deck":
            return route.deck or None
        slot = "main" if name == "main-low" else name
        return next((site for fed, site in route.slots.items() if fed == slot), None)

    def set_modes(self, links: SiteLinks) -> None:
        """What the operator forces for a site, as the Route has it."""
        if self._route is not None:
            voice = self._route.voice.get(links.site, "auto")
            links.downstream.set_modes(voice, self._route.media.get(links.site, "auto"))
            links.downstream.steps.sees_deck = self._route.slots.get("chair") == links.site

    def is_heard(self, site: str) -> bool:
        """Whether its voice feeds a slot."""
        return "audio" in self._fed.get(site, ())

    def set_receivers(self) -> None:
        """A connection came or went."""
        self.downlinks.audience.set_receivers([one for one in self.sites.values() if one.down])

    def forget(self, links: SiteLinks) -> None:
        """Nothing more is sent to it: its connections are being closed."""
        others = [other for other in self.downlinks.receivers if other is not links]
        self.downlinks.audience.set_receivers(others)

    # -- packets -----------------------------------------------------------------------------------

    def forward(self, links: SiteLinks, packet: bytes, arrival: float) -> None:
        """One packet of a site: into the slots it feeds, and from there to everybody else."""
        fed = self._fed.get(links.site, frozenset())
        taken = self.uplinks.take(links, packet, arrival, fed=fed)
        if taken is None:
            return
        upstream, header, frames = taken
        if upstream.kind not in fed:
            closed_at = self._closed_at.get((links.site, upstream.kind), 0.0)
            if upstream.kind == "audio" and arrival - closed_at > CLOSED_GRACE_S:
                links.came_closed(arrival)
            return
        for slot in self._feeds[links.site][upstream.kind]:
            if isinstance(slot, VideoSlot) and not self._fits(slot, upstream):
                continue
            if isinstance(slot, VoiceSlot):
                for frame in frames:
                    out = slot.take(links.site, header.ssrc, frame, arrival)
                    if out is not None:
                        self.recorder.voice(slot.name, links.site, header.ssrc, frame, arrival)
                        self.downlinks.send_frame(slot, out, arrival)
                self._note_sent(arrival)
            elif isinstance(slot, VideoSlot):
                self._forward_picture(links, slot, packet, header, arrival)

    def _note_sent(self, arrival: float) -> None:
        self.delays.append(time.monotonic() - arrival)

    @staticmethod
    def _fits(slot: VideoSlot, upstream: Upstream) -> bool:
        """Whether this size of a site's picture belongs into this slot; an only one belongs where
        the large one would, and into the small window."""
        return upstream.layer == slot.layer or upstream.layer is None and slot.name != "main-low"

    def _forward_picture(
        self, links: SiteLinks, slot: VideoSlot, packet: bytes, header: rtp.Header, now: float
    ) -> None:
        out = slot.forward(links.site, packet, header, now)
        if out is not None:
            begins = slot.begins
            if self._recorded.takes(slot.picture, begins):
                shown = lines.PICTURES[slot.picture].slot
                self.recorder.picture(shown, links.site, header, packet, now)
            is_key = slot.is_key_frame(header.ts, begins)
            self.downlinks.send_picture(slot, out, begins=begins, is_key=is_key, now=now)
            for before, early in slot.early():
                self._forward_picture(links, slot, early, before, now)

    # -- time --------------------------------------------------------------------------------------

    def tick(self, now: float) -> bool:
        """Every 10 ms: ask for what is missing, and again for key frames that have not come. False
        when nothing waits for its moment, so that every 20 ms will do."""
        waits = self.ask_for_key_frames(now)
        if self.recorder.take_key_frame_wish():
            self.downlinks.wish_for_key_frames(now)
        waits |= self.downlinks.send_late(now)
        if now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            self.uplinks.look(self.downlinks.begin_look(now), now)
            self._limit_small(now)
            self._recorded.update(math.inf, 0.0, self.downlinks.rates(now), now)
        self.uplinks.look(self.downlinks.look_on(now), now)
        self._report(now)
        for site, kinds in self._fed.items():
            links = self.sites.get(site)
            if links is not None:
                for upstream in links.upstreams.values():
                    if upstream.kind in kinds and upstream.gaps.has_missing:
                        waits = True
                        self.uplinks.ask_for_missing(links, upstream, now)
        return waits

    def _limit_small(self, now: float) -> None:
        """Tell who is shown how much of his small picture is wanted: less at once, then every
        second; more by saying nothing any more."""
        wanted, source = self.downlinks.small_bitrate, self.slots["main"].source
        if wanted is None or source is None:
            self._limited = (None, math.inf, -math.inf)
            return
        site, told, at = self._limited
        if site != source or wanted < LESS * told or now - at >= LIMIT_EVERY_S:
            self._limited = (source, wanted, now)
            self.uplinks.limit_small(source, wanted)

    def ask_for_key_frames(self, now: float) -> bool:
        """Of each picture that did not begin yet; a picture that has is left alone. Whether there
        are such pictures."""
        waits = False
        for slot in self.downlinks.pictures:
            if slot.source is None or slot.source_ssrc is not None:
                continue
            if slot.name == "main-low" and not self._has_two(slot.source):
                continue
            waits = True
            if slot.needs_key_frame(now):
                self.uplinks.ask_for_key_frame(slot)
        return waits

    def _has_two(self, site: str) -> bool:
        """Whether a site sends its picture in two sizes."""
        links = self.sites.get(site)
        return links is not None and any(u.layer == "low" for u in links.upstreams.values())

    def _report(self, now: float) -> None:
        """Receiver reports up and sender reports down, to each site once a second: now to those
        whose turn it is, so that nothing waits for all of them."""
        some = self._reports.due(self.sites.values(), now)
        for links in some:
            limit = self.downlinks.voice_bitrate if self.is_heard(links.site) else None
            self.uplinks.report(links, now, limit)
        if some:
            self.downlinks.report(some, now)
