"""A site's uplink media: microphone → Opus, camera → VP8, each behind its gate.

Rules:
- A closed gate encodes and sends nothing; the microphone is read all the same, so that its level
  shows life.
- Opening a gate never renegotiates; the first packet after it carries the marker bit, the first
  picture is a key frame.
- Lost packets are sent again from a short history when the relay asks (RFC 4585 NACK).
- How the voice is sent (bitrate, redundant copies) and how much is left for the picture follow what
  the relay reports of the uplink (`agent.audio.ladder`); silence is sent only now and then (DTX).
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable

from agent import lines, rtp
from agent.audio import opus
from agent.audio.hop import HISTORY, Again, Distances, Frame, VoiceStream, before, follows
from agent.audio.ladder import Ladder, Settings
from agent.audio.mixer import level_dbov
from agent.clock import FrameClock
from agent.devices import Camera, Microphone
from agent.picture import vp8
from protocol.messages import MediaMode

SAMPLES = 960
FRAMES_PER_S = 50
VIDEO_HISTORY = 256
KEY_FRAME_EVERY_S = 0.05
BITS_PER_PIXEL = 0.174
MIN_VIDEO_BITRATE, MAX_VIDEO_BITRATE = 60_000, 600_000
VIDEO_STEPS = (1.0, 0.7, 0.5, 0.35)
ADJUST_EVERY_S = 0.1


def video_bitrate(width: int, height: int, fps: float) -> int:
    """Bit/s for a picture: 100 kbit/s at 320×180 and 10 a second, 600 kbit/s at most."""
    wanted = round(BITS_PER_PIXEL * width * height * fps)
    return min(MAX_VIDEO_BITRATE, max(MIN_VIDEO_BITRATE, wanted))


class Stream:
    """Numbers of one RTP stream we send."""

    def __init__(self, clock_rate: int) -> None:
        self.clock_rate = clock_rate
        self.ssrc = random.getrandbits(32)
        # RFC 3550 §5.1 asks for random starts; below 2^15 keeps SRTP's first rollover away.
        self.seq = random.getrandbits(15)
        self._first_ts = random.getrandbits(31)
        self._began_at = time.monotonic()
        self.packets = 0
        self.octets = 0

    def ts_at(self, now: float) -> int:
        """The RTP timestamp of a moment (monotonic seconds)."""
        return (self._first_ts + round((now - self._began_at) * self.clock_rate)) & 0xFFFFFFFF

    def _count(self, octets: int) -> int:
        """The number of the next packet, which has so many octets."""
        seq, self.seq = self.seq, (self.seq + 1) & 0xFFFF
        self.packets += 1
        self.octets += octets
        return seq

    def report(self, now: float) -> rtp.SentInfo:
        """What a sender report says of it."""
        ntp = rtp.ntp_from_unix(time.time())
        return rtp.SentInfo(self.ssrc, ntp, self.ts_at(now), self.packets, self.octets)


class AudioStream(Stream):
    """The voice: each frame with copies of earlier ones."""

    def __init__(self) -> None:
        super().__init__(lines.OPUS_CLOCK)
        self._voice = VoiceStream(self.ssrc, lines.OPUS_PAYLOAD_TYPE, lines.RED_PAYLOAD_TYPE)
        self._sent: dict[int, Distances] = {}
        self._waiting: Frame | None = None

    def next_packets(
        self, data: bytes, ts: int, distances: Distances, level: int, *, marker: bool = False
    ) -> list[bytes]:
        """The next frame: what goes out now, kept for retransmission and as a copy in later ones.
        Of a pair the first frame waits for the second."""
        frame = Frame(self._count(len(data)), ts, data, marker, level)
        self._voice.add(frame)
        if not before(distances):
            return [*self.rest(), self._packet(frame.seq, distances)]
        if self._waiting is not None and follows(frame, self._waiting) and not marker:
            self._waiting = None
            return [self._packet(frame.seq, distances)]
        alone = self.rest()
        if marker:
            return [*alone, self._packet(frame.seq, ())]
        self._waiting = frame
        return alone

    def rest(self) -> list[bytes]:
        """The frame that waits for a second one, for none comes soon."""
        first, self._waiting = self._waiting, None
        return [] if first is None else [self._packet(first.seq, ())]

    def _packet(self, seq: int, distances: Distances) -> bytes:
        self._sent[seq] = distances
        if len(self._sent) > HISTORY:
            del self._sent[next(iter(self._sent))]
        packet = self._voice.packet(seq, distances, time.monotonic())
        assert packet is not None
        return packet

    def again(self, seqs: list[int]) -> list[bytes]:
        """What is still there of these sequence numbers, as it was sent."""
        packets = (
            self._voice.packet(seq, self._sent[seq], 0.0) for seq in seqs if seq in self._sent
        )
        return [packet for packet in packets if packet is not None]


class VideoStream(Stream):
    """The picture."""

    def __init__(self) -> None:
        super().__init__(lines.VP8_CLOCK)
        self._history: dict[int, bytes] = {}

    def packet(self, payload: bytes, ts: int, *, marker: bool = False) -> bytes:
        """The next packet; kept for retransmission."""
        seq = self._count(len(payload))
        sent = rtp.send_time(time.monotonic())
        data = rtp.build(
            lines.VP8_PAYLOAD_TYPE, seq, ts, self.ssrc, payload, marker=marker, send_time=sent
        )
        self._history[seq] = data
        if len(self._history) > VIDEO_HISTORY:
            del self._history[next(iter(self._history))]
        return data

    def again(self, seqs: list[int]) -> list[bytes]:
        """What is still there of these sequence numbers, as it was sent."""
        return [self._history[seq] for seq in seqs if seq in self._history]


class Sender:
    """Microphone and camera of a site, sent when their gates are open."""

    def __init__(
        self, microphone: Microphone, camera: Camera, *, fps: float, cname: str = "site"
    ) -> None:
        self.microphone_open = False
        self.level = 127
        self._microphone = microphone
        self._camera = camera
        self._fps = fps
        self.settings = Settings()
        """How voice and picture are sent now."""
        self._ladder = Ladder()
        self._adjusted_at = 0.0
        self._reported = 0
        self._cname = cname
        self._camera_open = False
        self._camera_wake = asyncio.Event()
        self._key_wanted = False
        self._key_sent_at = 0.0
        self._picture_id = random.getrandbits(15)
        self._clock = FrameClock()
        self._late_ms = 0.0
        self._send: Callable[[bytes], None] | None = None
        self._opus = opus.Encoder(self.settings.bitrate, fec=False, dtx=True)
        self._vp8: vp8.Encoder | None = None
        self._video_bitrate = 0
        self.restart()

    def restart(self) -> None:
        """New streams for a new connection."""
        self._audio = AudioStream()
        self._video = VideoStream()
        self._again = Again()
        self._round_trip = rtp.RoundTrip()
        self._key_wanted = True

    @property
    def rtt_ms(self) -> float:
        """Round trip to the relay; 0 while unknown."""
        return self._round_trip.ms

    @property
    def audio_ssrc(self) -> int:
        return self._audio.ssrc

    @property
    def video_ssrc(self) -> int:
        return self._video.ssrc

    @property
    def sent(self) -> int:
        """Packets sent over this connection, the voice and the picture."""
        return self._audio.packets + self._video.packets

    def arrived(self, reports: Iterable[rtp.ReportBlock]) -> int:
        """A number that moves on when something of ours arrived at the relay."""
        ours = (self._audio.ssrc, self._video.ssrc)
        return sum(block.highest_seq for block in reports if block.ssrc in ours)

    @property
    def camera_open(self) -> bool:
        return self._camera_open

    @camera_open.setter
    def camera_open(self, is_open: bool) -> None:
        if is_open and not self._camera_open:
            self._key_wanted = True
            self._camera_wake.set()
        self._camera_open = is_open

    async def run(self, send: Callable[[bytes], None]) -> None:
        """Capture and send until cancelled."""
        self._send = send
        async with asyncio.TaskGroup() as group:
            group.create_task(self._run_microphone())
            group.create_task(self._run_camera())

    async def _run_microphone(self) -> None:
        was_open = False
        measured = 0
        ts = self._audio.ts_at(time.monotonic())
        stream = self._audio
        async for now in self._clock.frames():
            pcm = self._microphone.read(now)
            if now - self._adjusted_at >= ADJUST_EVERY_S:
                self._adjust(now)
            for ssrc, seq in self._again.echoes(now):
                if ssrc == self._audio.ssrc and not self._ladder.is_thin:
                    self._send_all(self._audio.again([seq]))
            measured += 1
            if measured % 5 == 0 or self.microphone_open:
                self.level = level_dbov(pcm)
            if stream is not self._audio:
                stream, was_open = self._audio, False
                ts = stream.ts_at(now)
            else:
                ts = (ts + SAMPLES) & 0xFFFFFFFF
            if abs(rtp.ts_delta(stream.ts_at(now), ts)) > 10 * SAMPLES:
                ts = stream.ts_at(now)
            if not self.microphone_open:
                self._send_all(stream.rest())
                was_open = False
                continue
            if not was_open:
                self._opus.reset()
            data = self._opus.encode(pcm)
            if len(data) <= opus.DTX_BYTES and was_open:
                self._send_all(stream.rest())
                continue
            self._ladder.sending(now)
            distances = self.settings.distances
            self._send_all(
                stream.next_packets(data, ts, distances, self.level, marker=not was_open)
            )
            was_open = True

    def _send_all(self, packets: list[bytes]) -> None:
        if self._send is not None:
            for packet in packets:
                self._send(packet)

    def _adjust(self, now: float) -> None:
        """Send as the link needs it from now on."""
        self._adjusted_at = now
        before, self.settings = self.settings, self._ladder.settings(now)
        if self.settings.bitrate != before.bitrate:
            self._opus.set_bitrate(self.settings.bitrate)
        if self.settings.fec_percent != before.fec_percent:
            self._opus.set_fec(self.settings.fec_percent > 0, self.settings.fec_percent)

    def set_modes(self, media: MediaMode, *, hurried: bool = False) -> None:
        """What the operator forces (`auto`: nothing). `hurried`: somebody who hears it is held to
        conversation."""
        self._ladder.media = media
        self._ladder.hurried = hurried

    def guess(self, loss: float, now: float) -> None:
        """What the downlink loses (0 to 1): all that is known until the relay reports."""
        self._ladder.guess(loss, now)

    async def _run_camera(self) -> None:
        due = time.monotonic()
        while True:
            if not self._camera_open:
                self._camera_wake.clear()
                await self._camera_wake.wait()
                due = time.monotonic()
            now = time.monotonic()
            self._late_ms = max(self._late_ms, (now - due) * 1000)
            self._send_picture(now)
            due = max(due + 1 / self._fps, now)
            self._camera_wake.clear()
            try:
                await asyncio.wait_for(self._camera_wake.wait(), max(0.0, due - time.monotonic()))
                # Woken for a key frame: the next picture is taken at once.
                due = time.monotonic()
            except TimeoutError:
                pass

    def _send_picture(self, now: float) -> None:
        width, height = self._camera.width, self._camera.height
        bitrate = self._allowed(video_bitrate(width, height, self._fps))
        picture = self._camera.read(now) if bitrate else None
        if picture is None:
            return
        if self._vp8 is None or bitrate != self._video_bitrate:
            self._vp8 = vp8.open_encoder(width, height, self._fps, bitrate)
            self._video_bitrate = bitrate
            self._key_wanted = True
        key, self._key_wanted = self._key_wanted, False
        if key:
            self._key_sent_at = now
        data = self._vp8.encode(picture, key)
        self._picture_id = (self._picture_id + 1) & 0x7FFF
        ts = self._video.ts_at(now)
        payloads = rtp.packetize_vp8(data, self._picture_id)
        for number, payload in enumerate(payloads, 1):
            packet = self._video.packet(payload, ts, marker=number == len(payloads))
            if self._send is not None:
                self._send(packet)

    def _allowed(self, wanted: int) -> int:
        """What the picture may take (bit/s), in steps: each one is an encoder and a key frame of
        its own. 0: the link carries none."""
        steps = (round(step * wanted) for step in VIDEO_STEPS)
        return next((one for one in steps if one <= self.settings.video), 0)

    @property
    def video_kbps(self) -> float:
        """What the picture takes now, as it was asked of the encoder; 0: cut or closed."""
        return self._video_bitrate / 1000 if self._camera_open and self.settings.video else 0.0

    def take_rtcp(self, packet: bytes, arrival: float) -> None:
        """What the relay says of our streams: reports, requests for packets and key frames."""
        for one in rtp.parse_rtcp(packet):
            match one:
                case rtp.ReceiverReport(reports=reports) | rtp.SenderReport(reports=reports):
                    for block in reports:
                        if block.ssrc == self._audio.ssrc and block.highest_seq != self._reported:
                            count = min(FRAMES_PER_S, block.highest_seq - self._reported)
                            self._reported = block.highest_seq
                            self._ladder.report(block.fraction_lost / 256, arrival, count)
                        self._round_trip.push(block, arrival, rtp.ntp32(time.time()))
                        self._ladder.rtt_s = self.rtt_ms / 1000
                case rtp.Remb(bitrate=bitrate):
                    self._ladder.available = float(bitrate)
                    self._adjust(arrival)
                case rtp.Tmmbr() if one.media_ssrc == self._audio.ssrc:
                    headers = one.overhead_bytes * 8 * FRAMES_PER_S
                    self._ladder.limit(one.bitrate - headers, arrival)
                case rtp.Nack(media_ssrc=ssrc, seqs=seqs):
                    stream = self._stream(ssrc)
                    if stream is not None:
                        due = [seq for seq in seqs if self._again.is_due(ssrc, seq, arrival)]
                        self._send_all(stream.again(due))
                case rtp.Pli(media_ssrc=ssrc):
                    if ssrc == self._video.ssrc:
                        self._want_key_frame(arrival)
                case _:
                    pass

    def _want_key_frame(self, now: float) -> None:
        """A key frame at once; soon after another one (which the relay dropped because its route
        came later than our gate opened) with the next picture."""
        self._key_wanted = True
        if now - self._key_sent_at >= KEY_FRAME_EVERY_S:
            self._camera_wake.set()

    def _stream(self, ssrc: int) -> AudioStream | VideoStream | None:
        return next((s for s in (self._audio, self._video) if s.ssrc == ssrc), None)

    def reports(self) -> bytes:
        """Sender reports of both streams, sent also while silent: they carry the round trip."""
        now = time.monotonic()
        streams = (self._audio, self._video)
        return rtp.build_srs([stream.report(now) for stream in streams], cname=self._cname)

    def take_late_ms(self) -> float:
        """How far capture fell behind since the last call."""
        late_ms, self._late_ms = max(self._late_ms, self._clock.take_late_ms()), 0.0
        return late_ms

    def close(self) -> None:
        """Close the devices."""
        self._microphone.close()
        self._camera.close()
