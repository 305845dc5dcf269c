"""A site's uplink media: microphone → Opus, and the camera (`agent.picture.outgoing`).

Rules:
- A closed gate encodes and sends nothing; the microphone is read all the same, some frames at once,
  so that its level shows life.
- Opening a gate never renegotiates; the first packet after it carries the marker bit. The first 20
  ms of a voice are those that end when its gate opens: they go out at once.
- The voice goes first: pictures get what it leaves of the link, at the pace of a token bucket.
- Lost packets are sent again from a short history when the relay asks (RFC 4585 NACK).
- How the voice is sent (bitrate, redundant copies) and how much is left for the picture follow what
  the relay reports of the uplink (`agent.audio.ladder`); silence is sent only now and then (DTX).
"""

import asyncio
import math
import time
from collections.abc import Callable, Iterable

from agent import lines, rtcp, rtp
from agent.audio import opus
from agent.audio.even import Even
from agent.audio.hop import HISTORY, Again, Distances, Frame, VoiceStream, before, follows
from agent.audio.ladder import Ladder, Settings
from agent.audio.mixer import level_dbov
from agent.bandwidth import PROBED_BELOW, UNLIMITED, Full, probes
from agent.clock import FRAME_S, FrameClock
from agent.devices import Camera, Microphone, Pcm
from agent.picture.outgoing import Pictures
from agent.stream import Stream
from agent.trains import Timetable, train
from protocol.messages import Camera as CameraGate
from protocol.messages import MediaMode

Keep = Callable[[float, int, int, int, int, bytes], None]

SAMPLES = 960
FRAMES_PER_S = 50
CLOSED_FRAMES = 5
"""So many are read at once when the gate is closed for a second, and the level of the last one is
measured."""

MAX_DRIFT = 10 * SAMPLES
ADJUST_EVERY_S = 0.1
TWICE_FROM = 400_000
"""A key frame goes twice over a lossy link that leaves so many bit/s for pictures."""


class AudioStream(Stream):
    """The voice: each frame with copies of earlier ones."""

    def __init__(self) -> None:
        super().__init__(lines.OPUS_CLOCK)
        self._voice = VoiceStream(self.ssrc, lines.OPUS_PAYLOAD_TYPE, lines.RED_PAYLOAD_TYPE)
        self._sent: dict[int, Distances] = {}
        self._waiting: Frame | None = None
        self._captured: tuple[int, float] | None = None

    def captured_ts(self, now: float) -> int:
        """The timestamp of what is captured at this moment."""
        if self._captured is None:
            return self.ts_at(now)
        ts, at = self._captured
        return (ts + round((now - at) * self.clock_rate)) & 0xFFFFFFFF

    def note_captured(self, now: float) -> int:
        """A frame is complete now: its timestamp. It follows the one before, unless far from it."""
        ts = self.ts_at(now)
        if self._captured is not None:
            following, _at = self._captured
            if abs(rtp.ts_delta(ts, following)) <= MAX_DRIFT:
                ts = following
        self._captured = ((ts + SAMPLES) & 0xFFFFFFFF, now)
        return ts

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


class Sender:
    """Microphone and camera of a site, sent when their gates are open."""

    def __init__(
        self, microphone: Microphone, camera: Camera, *, fps: float, cname: str = "site"
    ) -> None:
        self.level = 127
        self.keep: Keep | None = None
        """Gets every frame of the voice that is sent: when it was captured, SSRC, timestamp,
        number, level, data."""
        self._microphone = microphone
        self.pictures = Pictures(camera, fps)
        self.settings = Settings()
        """How voice and picture are sent now."""
        self._ladder = Ladder()
        self._adjusted_at = 0.0
        self._was_calm = False
        self._reported = 0
        self._probe = 0
        self._is_open = self._was_open = False
        self._closed_frames = 0
        self._cname = cname
        self._clock = FrameClock()
        self._send: Callable[[bytes], None] | None = None
        self._opus = opus.Encoder(self.settings.bitrate, fec=False, dtx=True)
        self._even = Even()
        self._coded_at = self.settings.bitrate
        self.restart()

    def restart(self) -> None:
        """New streams for a new connection."""
        self._audio = AudioStream()
        self._was_open = False
        self.pictures.restart()
        self._again = Again()
        self._round_trip = rtcp.RoundTrip()
        self._full = Full()
        self._trains = Timetable()

    @property
    def rtt_ms(self) -> float:
        """Round trip to the relay; 0 while unknown."""
        return self._round_trip.ms

    @property
    def audio_ssrc(self) -> int:
        return self._audio.ssrc

    @property
    def video_ssrcs(self) -> tuple[int, ...]:
        """Of the layers, the larger first."""
        return self.pictures.ssrcs

    @property
    def sent(self) -> int:
        """Packets sent over this connection, the voice and the picture."""
        return self._audio.packets + sum(one.packets for one in self.pictures.streams)

    def arrived(self, reports: Iterable[rtcp.ReportBlock]) -> int:
        """A number that moves on when something of ours arrived at the relay."""
        ours = (self._audio.ssrc, *self.pictures.ssrcs)
        return sum(block.highest_seq for block in reports if block.ssrc in ours)

    @property
    def microphone_open(self) -> bool:
        """Whether the voice is sent."""
        return self._is_open

    @microphone_open.setter
    def microphone_open(self, is_open: bool) -> None:
        if is_open and not self._is_open:
            self._clock.begin_anew()
        self._is_open = is_open

    @property
    def camera(self) -> CameraGate:
        """What is sent of the camera's picture."""
        return self.pictures.gate

    @camera.setter
    def camera(self, gate: CameraGate) -> None:
        if gate != self.pictures.gate:
            self._trains.anew()
            self.pictures.gate = gate
            self._adjust(time.monotonic())

    async def run(self, send: Callable[[bytes], None]) -> None:
        """Capture and send until cancelled."""
        self._send = send
        async with asyncio.TaskGroup() as group:
            group.create_task(self._clock.run(self._take_sound))
            group.create_task(self.pictures.run(send))

    def _take_sound(self, now: float) -> None:
        """The next 20 ms of the microphone."""
        pcm = self._microphone.read(now)
        if now - self._adjusted_at >= ADJUST_EVERY_S and not self._is_at_rest:
            self._adjust(now)
        if self._again.has_echoes:
            for ssrc, seq in self._again.echoes(now):
                if ssrc == self._audio.ssrc and not self._ladder.is_thin:
                    self._send_all(self._audio.again([seq]))
        self._closed_frames = 0 if self._is_open else self._closed_frames + 1
        if self._closed_frames % CLOSED_FRAMES == 0:
            self.level = level_dbov(pcm)
        stream, was_open = self._audio, self._was_open
        ts = stream.note_captured(now)
        self._was_open = self._is_open
        if not self._is_open:
            self._send_all(stream.rest())
            if self._closed_frames == FRAMES_PER_S:
                self._clock.gather(CLOSED_FRAMES)
            return
        if not was_open:
            self._opus.reset()
        data = self._encode(pcm)
        if len(data) <= opus.DTX_BYTES and was_open:
            self._send_all(stream.rest())
            return
        self._ladder.sending(now)
        if self.keep is not None:
            self.keep(now, stream.ssrc, ts, stream.seq, self.level, data)
        distances = self.settings.distances
        self._send_all(stream.next_packets(data, ts, distances, self.level, marker=not was_open))

    def _encode(self, pcm: Pcm) -> bytes:
        wanted = self.settings.bitrate
        bitrate = self._even.bitrate(wanted)
        if bitrate != self._coded_at:
            self._opus.set_bitrate(bitrate)
            self._coded_at = bitrate
        data = self._opus.encode(pcm)
        self._even.coded(len(data), wanted, FRAME_S)
        return data

    @property
    def _is_at_rest(self) -> bool:
        """Whether there is no picture, and time alone changes nothing in how the voice is sent."""
        return self._was_calm and self._ladder.is_calm and self.camera == "off"

    def _send_all(self, packets: list[bytes]) -> None:
        if self._send is not None:
            for packet in packets:
                self._send(packet)
                self.pictures.spent(len(packet), time.monotonic())

    def _adjust(self, now: float) -> None:
        """Send as the link needs it from now on."""
        self._adjusted_at, self._was_calm = now, self._ladder.is_calm
        before, self.settings = self.settings, self._ladder.settings(now)
        if self.settings.fec_percent != before.fec_percent:
            self._opus.set_fec(self.settings.fec_percent > 0, self.settings.fec_percent)
        video = self.settings.video
        self.pictures.allow(video, now, self._full.pace(video, now))
        self.pictures.is_lossy = self._ladder.is_bad and self.settings.video >= TWICE_FROM

    def set_modes(self, media: MediaMode, *, hurried: bool = False) -> None:
        """What the operator forces (`auto`: nothing). `hurried`: somebody who hears it is held to
        conversation."""
        self._ladder.media = media
        self._ladder.hurried = hurried

    def guess(self, loss: float, now: float) -> None:
        """What the downlink loses (0 to 1): all that is known until the relay reports."""
        self._ladder.guess(loss, now)

    @property
    def video_kbps(self) -> float:
        """What the pictures take now, as it was asked of their encoders; 0: cut or closed."""
        return self.pictures.kbps

    def take_rtcp(self, packet: bytes, arrival: float) -> None:
        """What the relay says of our streams: reports, requests for packets and key frames."""
        for one in rtcp.parse(packet):
            match one:
                case rtcp.ReceiverReport(reports=reports) | rtcp.SenderReport(reports=reports):
                    for block in reports:
                        if block.ssrc == self._audio.ssrc and block.highest_seq != self._reported:
                            count = min(FRAMES_PER_S, block.highest_seq - self._reported)
                            self._reported = block.highest_seq
                            if not self._full.loses(arrival):
                                self._ladder.report(block.fraction_lost / 256, arrival, count)
                        self._round_trip.push(block, arrival, rtcp.ntp32(time.time()))
                        self._ladder.rtt_s = self.pictures.rtt_s = self.rtt_ms / 1000
                case rtcp.Remb(bitrate=bitrate):
                    self._full.told(bitrate, arrival)
                    self._ladder.available = bitrate if bitrate < UNLIMITED else math.inf
                    self._adjust(arrival)
                case rtcp.Tmmbr() if one.media_ssrc == self._audio.ssrc:
                    headers = one.overhead_bytes * 8 * FRAMES_PER_S
                    self._ladder.limit(one.bitrate - headers, arrival)
                case rtcp.Tmmbr(media_ssrc=ssrc, bitrate=bitrate):
                    self.pictures.limit(ssrc, bitrate, arrival)
                case rtcp.Nack(media_ssrc=ssrc, seqs=seqs):
                    rtt_s = self.rtt_ms / 1000
                    due = [s for s in seqs if self._again.is_due(ssrc, s, arrival, rtt_s)]
                    if ssrc == self._audio.ssrc:
                        self._send_all(self._audio.again(due))
                    else:
                        self.pictures.again(ssrc, due)
                case rtcp.Pli(media_ssrc=ssrc):
                    self.pictures.want_key_frame(ssrc, arrival)
                case _:
                    pass

    def reports(self) -> bytes:
        """Sender reports of all streams, sent also while silent: they carry the round trip, and
        which timestamps of sound and picture belong together. A thin link is spared those of
        pictures that it does not carry: the voice would wait behind them."""
        now = time.monotonic()
        streams: list[Stream] = [self._audio]
        if self.video_kbps or not self._ladder.is_thin:
            streams += self.pictures.streams
        return rtcp.build_srs([stream.report(now) for stream in streams], cname=self._cname)

    def probes(self) -> tuple[bytes, ...]:
        """What finds out what the link carries; to be asked for once a second, and sent at once. It
        tells the more the larger it is, but nothing large goes before a voice."""
        self._probe += 1
        now = time.monotonic()
        if self.rtt_ms and not self._is_open and self._trains.is_due(now):
            return train(self._audio.ssrc, self._probe, now)
        is_known = self._ladder.available >= PROBED_BELOW
        return () if is_known else probes(self._audio.ssrc, self._probe)

    def take_late_ms(self) -> float:
        """How far capture fell behind since the last call."""
        late_ms, self.pictures.late_ms = self.pictures.late_ms, 0.0
        return max(late_ms, self._clock.take_late_ms())

    def close(self) -> None:
        """Close the devices."""
        self._microphone.close()
        self.pictures.close()
