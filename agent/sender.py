"""A site's uplink media: microphone → Opus, camera → VP8, each behind its gate.

Rules:
- A closed gate encodes and sends nothing; the microphone is read all the same, so that its level
  shows life.
- Opening a gate never renegotiates; the first packet after it carries the marker bit, the first
  picture is a key frame.
- Lost packets are sent again from a short history when the relay asks (RFC 4585 NACK).
- On a link that loses more than one packet in a hundred every sound packet is sent a second time,
  40 ms after the first: what is lost costs no round trip then.
"""

import asyncio
import random
import time
from collections.abc import Callable

from agent import lines, rtp
from agent.audio import opus
from agent.audio.mixer import level_dbov
from agent.clock import FrameClock
from agent.devices import Camera, Microphone
from agent.picture import vp8

SAMPLES = 960
AUDIO_HISTORY = 128
VIDEO_HISTORY = 256
KEY_FRAME_EVERY_S = 0.05
BITS_PER_PIXEL = 0.174
MIN_VIDEO_BITRATE, MAX_VIDEO_BITRATE = 60_000, 600_000
AGAIN_FRAMES = 2
AGAIN_FROM_LOSS = 0.01


def video_bitrate(width: int, height: int, fps: float) -> int:
    """Bit/s for a picture: 100 kbit/s at 320×180 and 10 a second, 600 kbit/s at most."""
    wanted = round(BITS_PER_PIXEL * width * height * fps)
    return min(MAX_VIDEO_BITRATE, max(MIN_VIDEO_BITRATE, wanted))


class Stream:
    """Numbers of one RTP stream we send, and the history it answers NACKs from."""

    def __init__(self, payload_type: int, clock_rate: int, history: int) -> None:
        self.payload_type = payload_type
        self.clock_rate = clock_rate
        self.ssrc = random.getrandbits(32)
        # RFC 3550 §5.1 asks for random starts; below 2^15 keeps SRTP's first rollover away.
        self.seq = random.getrandbits(15)
        self._first_ts = random.getrandbits(31)
        self._began_at = time.monotonic()
        self.packets = 0
        self.octets = 0
        self._history: dict[int, bytes] = {}
        self._depth = history

    def ts_at(self, now: float) -> int:
        """The RTP timestamp of a moment (monotonic seconds)."""
        return (self._first_ts + round((now - self._began_at) * self.clock_rate)) & 0xFFFFFFFF

    def packet(
        self, payload: bytes, ts: int, *, marker: bool = False, level: int | None = None
    ) -> bytes:
        """The next packet; kept for retransmission."""
        data = rtp.build(
            self.payload_type, self.seq, ts, self.ssrc, payload, marker=marker, audio_level=level
        )
        self._history[self.seq] = data
        if len(self._history) > self._depth:
            del self._history[next(iter(self._history))]
        self.seq = (self.seq + 1) & 0xFFFF
        self.packets += 1
        self.octets += len(payload)
        return data

    def again(self, seqs: list[int]) -> list[bytes]:
        """What is still there of these sequence numbers."""
        return [self._history[seq] for seq in seqs if seq in self._history]

    def report(self, now: float, cname: str) -> bytes:
        """A sender report (RFC 3550 §6.4.1)."""
        return rtp.build_sr(
            self.ssrc,
            rtp.ntp_from_unix(time.time()),
            self.ts_at(now),
            self.packets,
            self.octets,
            [],
            cname=cname,
        )


class Sender:
    """Microphone and camera of a site, sent when their gates are open."""

    def __init__(
        self, microphone: Microphone, camera: Camera, *, fps: float, cname: str = "site"
    ) -> None:
        self.microphone_open = False
        self.level = 127
        self.rtt_ms = 0.0
        self._microphone = microphone
        self._camera = camera
        self._fps = fps
        self.loss_elsewhere = 0.0
        """Loss on this site's other direction (0 to 1): all we know until we have sent a while."""
        self._loss = 0.0
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
        self._opus = opus.Encoder()
        self._vp8: vp8.Encoder | None = None
        self.restart()

    def restart(self) -> None:
        """New streams for a new connection."""
        self._audio = Stream(lines.OPUS_PAYLOAD_TYPE, lines.OPUS_CLOCK, AUDIO_HISTORY)
        self._video = Stream(lines.VP8_PAYLOAD_TYPE, lines.VP8_CLOCK, VIDEO_HISTORY)
        self._key_wanted = True

    @property
    def audio_ssrc(self) -> int:
        return self._audio.ssrc

    @property
    def video_ssrc(self) -> int:
        return self._video.ssrc

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
                was_open = False
                continue
            if not was_open:
                self._opus.reset()
            payload = self._opus.encode(pcm)
            packet = stream.packet(payload, ts, marker=not was_open, level=self.level)
            was_open = True
            if self._send is not None:
                self._send(packet)
                if max(self._loss, self.loss_elsewhere) > AGAIN_FROM_LOSS:
                    for data in stream.again([(stream.seq - 1 - AGAIN_FRAMES) & 0xFFFF]):
                        self._send(data)

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
        picture = self._camera.read(now)
        if picture is None:
            return
        if self._vp8 is None:
            width, height = self._camera.width, self._camera.height
            bitrate = video_bitrate(width, height, self._fps)
            self._vp8 = vp8.Encoder(width, height, self._fps, bitrate)
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

    def take_rtcp(self, packet: bytes, arrival: float) -> None:
        """What the relay says of our streams: reports, requests for packets and key frames."""
        for one in rtp.parse_rtcp(packet):
            match one:
                case rtp.ReceiverReport(reports=reports) | rtp.SenderReport(reports=reports):
                    for block in reports:
                        if block.ssrc == self._audio.ssrc and block.highest_seq != self._reported:
                            self._reported = block.highest_seq
                            self._loss += 0.3 * (block.fraction_lost / 256 - self._loss)
                        rtt_ms = rtp.round_trip_ms(block, rtp.ntp32(time.time()))
                        if rtt_ms is not None:
                            self.rtt_ms = rtt_ms
                case rtp.Nack(media_ssrc=ssrc, seqs=seqs):
                    stream = self._stream(ssrc)
                    if stream is not None and self._send is not None:
                        for data in stream.again(list(seqs)):
                            self._send(data)
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

    def _stream(self, ssrc: int) -> Stream | None:
        return next((s for s in (self._audio, self._video) if s.ssrc == ssrc), None)

    def reports(self) -> list[bytes]:
        """Sender reports of both streams, sent also while silent: they carry the round trip."""
        now = time.monotonic()
        return [stream.report(now, self._cname) for stream in (self._audio, self._video)]

    def take_late_ms(self) -> float:
        """How far capture fell behind since the last call."""
        late_ms, self._late_ms = max(self._late_ms, self._clock.take_late_ms()), 0.0
        return late_ms

    def close(self) -> None:
        """Close the devices."""
        self._microphone.close()
        self._camera.close()
