"""A site's downlink media: the slots' packets → sound in the room and pictures on the screen.

Rules:
- The sound runs on a 20 ms clock of its own and never waits for a packet.
- Missing packets are asked for again while they can still come in time.
- A picture is shown only when it is whole; a slot that lost its reference asks for a key frame.
"""

import random
import time
from collections.abc import Callable

import msgspec

from agent import lines, rtp
from agent.audio import opus
from agent.audio.mixer import Mixer, level_dbov
from agent.audio.playout import Playout
from agent.clock import FrameClock
from agent.devices import Display, Speaker
from agent.picture import vp8
from protocol.messages import AUDIO_SLOTS, VIDEO_SLOTS, SlotName

HEARING_FOR_S = 0.4
SEEING_FOR_S = 1.5


class Heard(msgspec.Struct, frozen=True):
    """What a receiver measured since it was last asked."""

    level: int = 127
    jitter_ms: float = 0.0
    loss_percent: float = 0.0
    gap_percent: float = 0.0
    delay_ms: float = 0.0
    fps: float = 0.0
    late_ms: float = 0.0


class AudioSlot:
    """One audio slot: its playout clock and its reception statistics."""

    def __init__(self, slot: SlotName) -> None:
        self.ssrc = lines.SLOT_SSRC[slot]
        self.playout = Playout(opus.Decoder())
        self.reception = rtp.ReceptionStats(self.ssrc, lines.OPUS_CLOCK)
        self.heard_at = 0.0


class VideoSlot:
    """One video slot: assembly of frames, and the decoder."""

    def __init__(self, slot: SlotName) -> None:
        self.ssrc = lines.SLOT_SSRC[slot]
        self.assembler = rtp.Vp8Assembler()
        self.decoder = vp8.Decoder()
        self.reception = rtp.ReceptionStats(self.ssrc, lines.VP8_CLOCK)
        self.seen_at = 0.0
        self.shown = 0


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
        self._mixer = Mixer()
        self._level = 127
        self._ask: Callable[[bytes], None] | None = None
        self._reports: dict[int, tuple[int, float]] = {}
        self._counted = (0, 0, 0, time.monotonic())
        self.restart()

    def restart(self) -> None:
        """Fresh slots for a new connection."""
        self._audio = {slot: AudioSlot(slot) for slot in AUDIO_SLOTS}
        self._video = {slot: VideoSlot(slot) for slot in VIDEO_SLOTS}
        self._reports.clear()

    async def run(self, ask: Callable[[bytes], None]) -> None:
        """Play until cancelled; `ask` sends an RTCP packet to the relay."""
        self._ask = ask
        async for now in self._clock.frames():
            frames = [one.playout.pull(now) for one in self._audio.values()]
            mixed = self._mixer.mix(frames)
            if self.volume != 100:
                mixed = (mixed * (self.volume / 100)).astype("int16")
            self._speaker.write(mixed, now)
            self._level = level_dbov(mixed)
            self._ask_for_missing(now)

    # -- packets -----------------------------------------------------------------------------------

    def take(self, packet: bytes, arrival: float) -> None:
        """One RTP packet of the downlink."""
        try:
            header = rtp.parse(packet)
        except ValueError:
            return
        slot = lines.SLOT_OF_SSRC.get(header.ssrc)
        payload = packet[header.payload_offset : header.payload_end]
        if slot in self._audio:
            audio = self._audio[slot]
            audio.heard_at = arrival
            audio.reception.received(header.seq, header.ts, arrival, begins=header.marker)
            audio.playout.push(header.seq, header.ts, payload, arrival, marker=header.marker)
        elif slot in self._video:
            self._take_video(slot, self._video[slot], header, payload, arrival)

    def _take_video(
        self, slot: SlotName, video: VideoSlot, header: rtp.Header, payload: bytes, arrival: float
    ) -> None:
        begins = rtp.is_key_frame_start(payload)
        video.reception.received(header.seq, header.ts, arrival, begins=begins)
        for frame in video.assembler.push(header, payload, arrival):
            picture = video.decoder.decode(frame.data)
            if picture is not None:
                video.seen_at = arrival
                video.shown += 1
                self._display.show(slot, picture, time.monotonic())

    def _ask_for_missing(self, now: float) -> None:
        if self._ask is None:
            return
        rtt_s = self.rtt_ms / 1000
        for audio in self._audio.values():
            missing = audio.playout.missing(now, rtt_s)
            if missing:
                self._send(rtp.build_nack(self._ssrc, audio.ssrc, missing))
        for video in self._video.values():
            missing = video.assembler.missing(now, rtt_s)
            if missing:
                self._send(rtp.build_nack(self._ssrc, video.ssrc, missing))
            if video.assembler.needs_key_frame(now):
                self._send(rtp.build_pli(self._ssrc, video.ssrc))

    def _send(self, feedback: bytes) -> None:
        if self._ask is not None:
            self._ask(rtp.compound(self._ssrc, feedback))

    # -- reports -----------------------------------------------------------------------------------

    def take_rtcp(self, packet: bytes, arrival: float) -> None:
        """The relay's sender reports."""
        for one in rtp.parse_rtcp(packet):
            if isinstance(one, rtp.SenderReport):
                self._reports[one.ssrc] = (one.ntp >> 16 & 0xFFFFFFFF, arrival)

    def report(self) -> bytes:
        """A receiver report over all slots (RFC 3550 §6.4.2)."""
        now = time.monotonic()
        blocks = []
        slots: list[AudioSlot | VideoSlot] = [*self._audio.values(), *self._video.values()]
        for one in slots:
            lsr, at = self._reports.get(one.ssrc, (0, now))
            blocks.append(one.reception.report_block(lsr, int((now - at) * 65536) if lsr else 0))
        heard = [a.reception.loss_percent for a in self._audio.values() if now - a.heard_at < 1.0]
        if heard:
            self.loss += 0.3 * (max(heard) / 100 - self.loss)
        return rtp.build_rr(self._ssrc, blocks, cname=self._cname)

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
        played = sum(p.stats.played + p.stats.concealed for p in playouts)
        concealed = sum(p.stats.concealed for p in playouts)
        shown = sum(one.shown for one in self._video.values())
        played_before, concealed_before, shown_before, at = self._counted
        self._counted = (played, concealed, shown, now)
        fresh = max(0, played - played_before)
        gaps = max(0, concealed - concealed_before)
        active = [one for one in self._audio.values() if one.heard_at > now - 1.0]
        return Heard(
            level=self._level,
            jitter_ms=round(max((a.reception.jitter_ms for a in active), default=0.0), 1),
            loss_percent=round(max((a.reception.loss_percent for a in active), default=0.0), 1),
            gap_percent=round(100 * gaps / fresh, 1) if fresh else 0.0,
            delay_ms=round(max((a.playout.delay_ms for a in active), default=0.0), 1),
            fps=round(max(0, shown - shown_before) / max(1e-3, now - at), 1),
            late_ms=self._clock.take_late_ms(),
        )

    def close(self) -> None:
        """Close the devices."""
        self._speaker.close()
        self._display.close()
