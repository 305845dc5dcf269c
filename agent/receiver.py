"""A site's downlink media: the slots' packets → sound in the room and pictures on the screen.

Rules:
- The sound runs on a 20 ms clock of its own and never waits for a packet. In a pause the clock
  is set so that who spoke last is heard with the delay aimed at, not with up to a frame more.
- Packets wait for the clock, so that we wake once for all of them; they have their own times of
  arrival. Where the link loses some they don't wait.
- Missing packets are asked for at once and again, while they can still come in time.
- While the chair speaks the others are softer: the regent can always break in.
- What the downlink carries is told to the relay when it is less than was sent (REMB).
- What the room is told (`cue`) is played and written into the picture as long as it holds.
- A picture is shown only when it is whole, and when its sound is heard (`agent.picture.incoming`).
"""

import math
import random
import time
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np

from agent import lines, rtcp, rtp
from agent.audio import opus
from agent.audio.clarity import Clarity
from agent.audio.cue import Chime
from agent.audio.delay import LinkMemory, Mode, Voice
from agent.audio.hop import Blocks, before
from agent.audio.mixer import SILENT, Mixer, Wave, add, level_dbov, shortened
from agent.audio.playout import SAMPLES, Playout
from agent.bandwidth import Bandwidth
from agent.clock import FRAME_S, FrameClock
from agent.devices import Display, Speaker
from agent.lips import Lips
from agent.picture import caption, vp8, vp8_packets
from agent.picture.incoming import Stream, Window
from agent.picture.vp8 import Yuv
from agent.reception import ReceptionStats
from protocol.messages import AUDIO_SLOTS, VIDEO_SLOTS, Cue, SlotName

HEARING_FOR_S = 1.0
"""Longer than the pause between two packets while somebody is silent (DTX: 400 ms)."""

IDLE_AFTER_S = 5.0
"""So long after the last packet nothing of a slot is left to be heard, nor to be asked for."""

SPEAKING_FOR_S = 3.0
LOOK_EVERY_S = 0.1
SWITCHED_FOR_S = 1.0
"""So long after another source feeds a slot its first picture is expected, and shown at once."""

CHAIR = AUDIO_SLOTS.index("chair")
FRAMES_PER_S = 50
SEEING_FOR_S = 1.5


class Heard(msgspec.Struct, frozen=True):
    """What a receiver measured since it was last asked; `levels` of each slot in -dBov, `losses` of
    each that flows in percent, before recovery."""

    level: int = 127
    levels: dict[SlotName, int] = {}
    jitter_ms: float = 0.0
    loss_percent: float = 0.0
    gap_percent: float = 0.0
    delay_ms: float = 0.0
    fps: float = 0.0
    late_ms: float = 0.0
    mos: float = 0.0
    mos_cq: float = 0.0
    voice: Voice = "conversation"
    queue_ms: float = 0.0
    frozen: int = 0
    lip_ms: float = 0.0
    losses: dict[SlotName, float] = {}


class AudioSlot:
    """One audio slot: its playout clock, its reception statistics, how clear it is. `place`: where
    its sound is decoded to."""

    def __init__(self, slot: SlotName, mode: Mode, link: LinkMemory, place: Wave) -> None:
        self.ssrc = lines.SLOT_SSRC[slot]
        self.playout = Playout(opus.WaveDecoder(place), mode=mode, link=link)
        self.reception = ReceptionStats(self.ssrc, lines.OPUS_CLOCK)
        self.clarity = Clarity()
        self.packets = 0
        self.heard_at = 0.0
        self.spoke_at = 0.0
        self.level = SILENT
        self.damaged = 0
        self.blocks = Blocks(lines.OPUS_PAYLOAD_TYPE, lines.RED_PAYLOAD_TYPE)
        self._frame_bytes = 0.0

    def take(self, header: rtp.Header, payload: bytes, arrival: float) -> bool:
        """A packet; True when something is missed now that was not before."""
        self.heard_at = arrival
        self.packets += 1
        try:
            blocks = self.blocks.of(header, payload)
        except ValueError:
            self.damaged += 1
            return False
        if not blocks:
            return False
        own_bytes = len(blocks[-1][1])
        # The frames of speech tell the bitrate, those of pauses don't.
        weight = 1.0 if not self._frame_bytes else 0.02 if own_bytes > self._frame_bytes else 0.002
        self._frame_bytes += weight * (own_bytes - self._frame_bytes)
        return self.playout.push(
            header.seq,
            header.ts,
            blocks,
            arrival,
            marker=header.marker,
            recovered=header.recovered,
            sent=header.send_time,
            distances=self.blocks.distances,
        )

    def pull(self, now: float) -> Wave | None:
        """The next 20 ms; None: silence."""
        if now - self.heard_at > IDLE_AFTER_S:
            self.level = SILENT
            return None
        stats = self.playout.stats
        played, lost = stats.played, stats.concealed + stats.recovered
        wave = self.playout.pull(now)
        self.level = self.playout.dbov
        if self.playout.is_speaking:
            if self.level < SILENT:
                self.spoke_at = now
            # What a pause sounds like tells nothing of how clear the voice is.
            if stats.concealed + stats.recovered > lost:
                self.clarity.push(True)
            elif stats.played > played:
                self.clarity.push(False)
        return wave if self.level < SILENT else None

    def mos(self, delay_ms: float = 0.0) -> float:
        """How clear the slot was in the last seconds; with its delay: how good to talk over. 0
        when nobody was heard."""
        return self.clarity.mos(delay_ms, round(self._frame_bytes * 8 * FRAMES_PER_S))


class Receiver:
    """Speaker and display of a site, fed by the slots of its downlink."""

    def __init__(self, speaker: Speaker, display: Display, *, cname: str = "site") -> None:
        self.volume = 100
        self.labels: dict[SlotName, str] = {}
        self.banner = ""
        self.rtt_ms = 0.0
        self.loss = 0.0
        """Loss of the downlink before recovery, 0 to 1, over the last seconds."""
        self._speaker = speaker
        self._display = display
        self._cname = cname
        self._ssrc = random.getrandbits(32)
        self._clock = FrameClock()
        self._mixer = Mixer(len(AUDIO_SLOTS))
        self._chime = Chime()
        self._played = np.zeros(SAMPLES, dtype=np.int16)
        self._ask: Callable[[bytes], None] | None = None
        self._reports: dict[int, tuple[int, float]] = {}
        self._sources: dict[SlotName, str] = {}
        self._switched_at = -math.inf
        self._is_fetching = False
        """Whether the next frame of sound waits for the packets that are taken now."""

        self._counted = (0, 0, 0, time.monotonic())
        self._mode: Mode = "auto"
        self._looked_at = 0.0
        self.restart()

    def restart(self) -> None:
        """Fresh slots for a new connection."""
        self._link = link = LinkMemory()
        self._bandwidth = Bandwidth()
        self._audio = {
            slot: AudioSlot(slot, self._mode, link, place)
            for slot, place in zip(AUDIO_SLOTS, self._mixer.places, strict=True)
        }
        self._audio_of = {one.ssrc: one for one in self._audio.values()}
        self._lips = Lips()
        self._video = {slot: self._window(slot) for slot in VIDEO_SLOTS}
        self._streams = {
            name: stream for one in self._video.values() for name, stream in one.streams.items()
        }
        self._reports.clear()

    def _window(self, slot: SlotName) -> Window:
        def show(picture: Yuv, now: float) -> None:
            said = caption.lines(self.cue, self.banner)
            self._display.show(slot, caption.write(picture, said), time.monotonic())

        def hears_at(ssrc: int, ts: int) -> float | None:
            return self._hears_at(slot, ssrc, ts)

        streams = {
            name: Stream(lines.SLOT_SSRC[name], lines.VP8_CLOCK, vp8.Decoder())
            for name in lines.PICTURES_OF[slot]
        }
        window = Window(streams, show, hears_at)
        window.is_watched = slot in getattr(self._display, "slots", VIDEO_SLOTS)
        window.feed(slot in self._sources)
        return window

    @property
    def sources(self) -> dict[SlotName, str]:
        """Which site feeds each slot, as the server says."""
        return self._sources

    @sources.setter
    def sources(self, sources: dict[SlotName, str]) -> None:
        if sources != self._sources:
            self._switched_at = time.monotonic()
        self._sources = dict(sources)
        for slot, window in self._video.items():
            window.feed(slot in sources)

    def _hears_at(self, slot: SlotName, ssrc: int, ts: int) -> float | None:
        """When the sound of the moment of a picture is heard; None when its site is not."""
        site = self._sources.get(slot)
        for name, audio in self._audio.items():
            if site is not None and self._sources.get(name) == site:
                sound = self._lips.sound_of(
                    ssrc, ts, lines.VP8_CLOCK, audio.ssrc, lines.OPUS_CLOCK, time.monotonic()
                )
                return None if sound is None else audio.playout.plays_at(sound)
        return None

    @property
    def mode(self) -> Mode:
        """How much delay the sound may have: what the operator forces, or `auto`."""
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self._mode = mode
        for one in self._audio.values():
            one.playout.aim.mode = mode

    @property
    def cue(self) -> Cue:
        """What the room is told."""
        return self._chime.cue

    @cue.setter
    def cue(self, cue: Cue) -> None:
        self._chime.set(cue)

    async def run(
        self,
        ask: Callable[[bytes], None],
        fetch: Callable[[bool], None] = lambda hold: None,
        then: Callable[[float], None] = lambda now: None,
    ) -> None:
        """Play until cancelled. `ask` sends an RTCP packet to the relay; `fetch(hold)` takes what
        waits and is told whether what comes from now on may wait for the next frame; `then(now)` is
        called when a frame is played."""
        self._ask = ask

        def take(now: float) -> None:
            self._is_fetching = True
            fetch(self._link.is_good and now - self._switched_at > SWITCHED_FOR_S)
            self._is_fetching = False
            if self._clock.lag_s > FRAME_S:
                self._bandwidth.excuse(self._clock.lag_s, now)
            self._clock.shift(FRAME_S - self.play(now))
            then(now)

        await self._clock.run(take)

    def play(self, now: float) -> float:
        """The next 20 ms: what is heard of all slots, and what is asked for. Returns how long what
        was played lasts (seconds): less when the clock is to be set forward."""
        waves = [one.pull(now) for one in self._audio.values()]
        mixed = self._mixer.mix(waves, over=CHAIR, over_dbov=self._audio["chair"].level)
        if self.volume != 100:
            mixed = (mixed * (self.volume / 100)).astype("int16")
        if (tone := self._chime.pull()) is not None:
            mixed = add(mixed, tone)
        elif early := self._early_samples(now):
            mixed = shortened(mixed, early)
            for one in self._audio.values():
                one.playout.moved(early / lines.OPUS_CLOCK)
        self._speaker.write(mixed, now)
        self._played = mixed
        self._ask_for_missing(now)
        for window in self._video.values():
            window.update(now)
        if now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            if self._bandwidth.update(now):
                self._tell_bandwidth()
        return len(mixed) / lines.OPUS_CLOCK

    def _early_samples(self, now: float) -> int:
        """By how many samples the clock is to be set forward now, while everybody pauses: who
        spoke last is then heard as soon as the delay aimed at for him allows."""
        for one in self._audio.values():
            if one.spoke_at == now:
                return 0
        last = max(self._audio.values(), key=attrgetter("spoke_at"))
        return round(last.playout.early_s * lines.OPUS_CLOCK)

    # -- packets -----------------------------------------------------------------------------------

    def take(self, packet: bytes, arrival: float) -> None:
        """One RTP packet of the downlink."""
        try:
            header = rtp.parse(packet)
        except ValueError:
            return
        payload = packet[header.payload_offset : header.payload_end]
        audio = self._audio_of.get(header.ssrc)
        if audio is not None:
            is_missed = audio.take(header, payload, arrival)
            alone = before(audio.blocks.distances)
            self._measure(audio.reception, header, len(packet), arrival, header.marker, alone)
            if is_missed:
                self._ask_for_voice(audio, arrival, self._answer_s)
            return
        slot: Any = lines.SLOT_OF_SSRC.get(header.ssrc)
        if slot in self._streams:
            begins = vp8_packets.is_key_frame_start(payload)
            self._measure(self._streams[slot].reception, header, len(packet), arrival, begins)
            window = self._video[lines.PICTURES[slot].slot]
            # To decode a picture takes longer than the sound may wait.
            window.take(slot, header, payload, arrival, later=self._is_fetching)

    def _measure(
        self,
        reception: ReceptionStats,
        header: rtp.Header,
        size_bytes: int,
        arrival: float,
        begins: bool,
        before: int = 0,
    ) -> None:
        sent = header.send_time
        is_newest = reception.received(
            header.seq, header.ts, arrival, begins=begins, sent=sent, before=before
        )
        if is_newest and sent is not None:
            self._bandwidth.push(sent, size_bytes, arrival)
        else:
            self._bandwidth.count(size_bytes, arrival)

    def _tell_bandwidth(self) -> None:
        if self._bandwidth.available is not None:
            self._send(rtcp.build_remb(self._ssrc, self._bandwidth.available))

    def _ask_for_missing(self, now: float) -> None:
        if self._ask is None:
            return
        rtt_s = self._answer_s
        for audio in self._audio.values():
            if now - audio.heard_at > IDLE_AFTER_S:
                continue
            self._ask_for_voice(audio, now, rtt_s)
        for window in self._video.values():
            for ssrc, missing, needs_key in window.wishes(now, rtt_s):
                if missing:
                    self._send(rtcp.build_nack(self._ssrc, ssrc, missing))
                if needs_key:
                    self._send(rtcp.build_pli(self._ssrc, ssrc))

    @property
    def _answer_s(self) -> float:
        """How long it takes until what is asked for comes: it waits in the queue, too."""
        return self.rtt_ms / 1000 + self._bandwidth.queue_s

    def _ask_for_voice(self, audio: AudioSlot, now: float, rtt_s: float) -> None:
        missing = audio.playout.missing(now, rtt_s, self._bandwidth.each_s)
        if missing:
            self._send(rtcp.build_nack(self._ssrc, audio.ssrc, missing))

    def _send(self, feedback: bytes) -> None:
        if self._ask is not None:
            self._ask(rtcp.compound(self._ssrc, feedback))

    # -- reports -----------------------------------------------------------------------------------

    def take_rtcp(self, packet: bytes, arrival: float) -> None:
        """The relay's sender reports, and its probes."""
        for one in rtcp.parse(packet):
            if isinstance(one, rtcp.SenderReport):
                self._reports[one.ssrc] = (one.ntp >> 16 & 0xFFFFFFFF, arrival)
                self._lips.push(one, arrival)
            elif isinstance(one, rtcp.Probe):
                self._bandwidth.probe(one, len(packet), arrival)

    def report(self) -> bytes:
        """A receiver report (RFC 3550 §6.4.2) over the slots of which something came, and the one
        that the relay reported of last, for the round trip."""
        now = time.monotonic()
        blocks = []
        last = max(self._reports, key=lambda ssrc: self._reports[ssrc][1], default=0)
        slots: list[AudioSlot | Stream] = [*self._audio.values(), *self._streams.values()]
        for one in slots:
            has_news = one.reception.has_news
            lsr, at = self._reports.get(one.ssrc, (0, now))
            block = one.reception.report_block(lsr, int((now - at) * 65536) if lsr else 0)
            if has_news or one.ssrc == last:
                blocks.append(block)
        lost, expected = self._lost()
        if expected:
            self.loss += 0.3 * min(1.0, expected / FRAMES_PER_S) * (lost / expected - self.loss)
        self._tell_bandwidth()
        return rtcp.build_rr(self._ssrc, blocks, cname=self._cname)

    def _lost(self) -> tuple[int, int]:
        """Packets of sound lost and expected before the last report: of a voice that only pauses
        they are few and tell little."""
        counts = [one.reception.interval for one in self._audio.values()]
        return sum(lost for lost, _expected in counts), sum(expected for _lost, expected in counts)

    def _losses(self) -> dict[SlotName, float]:
        """Of each slot that flows, in percent, before the last report; of a picture in the size
        that comes."""
        flows: dict[SlotName, list[ReceptionStats]] = {
            slot: [self._audio[slot].reception] for slot in self.hearing()
        }
        for slot in self.seeing():
            flows[slot] = [one.reception for one in self._video[slot].streams.values()]
        losses: dict[SlotName, float] = {}
        for slot, receptions in flows.items():
            lost = sum(one.interval[0] for one in receptions)
            expected = sum(one.interval[1] for one in receptions)
            losses[slot] = round(100 * lost / expected, 1) if expected else 0.0
        return losses

    def came(self, ssrc: int) -> int | None:
        """A number that moves on when something came in this slot of sound; None: it is none."""
        slot = lines.SLOT_OF_SSRC.get(ssrc)
        return self._audio[slot].packets if slot in self._audio else None

    def hearing(self) -> tuple[SlotName, ...]:
        """Audio slots from which packets arrive."""
        since = time.monotonic() - HEARING_FOR_S
        return tuple(slot for slot, one in self._audio.items() if one.heard_at > since)

    def seeing(self) -> tuple[SlotName, ...]:
        """Video slots from which whole pictures arrive."""
        since = time.monotonic() - SEEING_FOR_S
        return tuple(slot for slot, one in self._video.items() if one.seen_at > since)

    def reading(self) -> Heard:
        """What was measured since the last call."""
        now = time.monotonic()
        playouts = [one.playout for one in self._audio.values()]
        played = sum(p.stats.played + p.stats.concealed + p.stats.recovered for p in playouts)
        concealed = sum(p.stats.concealed + p.stats.recovered for p in playouts)
        shown = sum(one.shown for one in self._video.values())
        frozen = sum(one.frozen for one in self._video.values())
        played_before, concealed_before, shown_before, at = self._counted
        self._counted = (played, concealed, shown, now)
        fresh = max(0, played - played_before)
        gaps = max(0, concealed - concealed_before)
        active = [one for one in self._audio.values() if one.heard_at > now - HEARING_FOR_S]
        # One who only listens tells little of the sound.
        active = [one for one in active if one.spoke_at > now - SPEAKING_FOR_S] or active
        voices = [one.playout.aim.voice for one in active]
        lost, expected = self._lost()
        return Heard(
            level=level_dbov(self._played),
            levels={slot: one.level for slot, one in self._audio.items()},
            jitter_ms=round(max((a.reception.jitter_ms for a in active), default=0.0), 1),
            loss_percent=round(100 * lost / expected, 1) if expected else 0.0,
            gap_percent=round(100 * gaps / fresh, 1) if fresh else 0.0,
            delay_ms=round(max((a.playout.delay_ms for a in active), default=0.0), 1),
            fps=round(max(0, shown - shown_before) / max(1e-3, now - at), 1),
            late_ms=self._clock.take_late_ms(),
            mos=_worst(one.mos() for one in active),
            mos_cq=_worst(one.mos(one.playout.delay_ms) for one in active),
            voice="clear" if "clear" in voices else "conversation",
            queue_ms=round(1000 * self._bandwidth.queue_s, 1),
            frozen=frozen,
            lip_ms=round(self._lip_ms, 1),
            losses=self._losses(),
        )

    @property
    def _lip_ms(self) -> float:
        """How much later than its sound a picture was shown, of the slot where it is most."""
        every: list[float] = [one.lip_ms for one in self._video.values()]
        return max(every, key=abs)

    def close(self) -> None:
        """Close the devices."""
        self._speaker.close()
        self._display.close()


def _worst(scores: Iterable[float]) -> float:
    """The lowest of those heard; 0 when none was."""
    return round(min((score for score in scores if score), default=0.0), 2)
