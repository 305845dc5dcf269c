"""A site's pictures on their way out: camera → layers → VP8 → RTP, at the pace of the link.

Rules:
- Only layers that somebody is to get are coded; a closed camera is read for a `glance` only.
- The low layer is coded and sent first: it is what a floor switch shows first.
- A key frame is coded at once when it is asked for; soon after another one (which the relay dropped
  because its route came later than our gate opened) with the next picture.
- Whose turn begins is shown at once: a gate that opens wide begins with key frames, without being
  asked. A request that was sent before such a key frame can have arrived asks for nothing more.
- A key frame is sent twice where the link loses much: a whole one takes round trips otherwise.
- Packets wait for the pacer, and get their send time when they go out; what is sent again is sent
  as it was. While too much waits no new picture is taken: the latest counts.
"""

import asyncio
import math
import random
import time
from collections import deque
from collections.abc import Callable

import av
import numpy as np

from agent import lines, rtp
from agent.devices import Camera, NullCamera
from agent.pacing import UNKNOWN, Pacer
from agent.picture import vp8, vp8_packets
from agent.picture.layers import Layer, Plan, Shares, fewer, plan
from agent.picture.vp8 import Yuv
from agent.stream import Stream
from protocol.messages import Camera as Gate
from protocol.messages import Lack

HISTORY = 512
KEY_FRAME_EVERY_S = 0.05
MAX_WAIT_S = 0.15
"""With more than this on the way out a picture is left out."""

STALE_S, STALE_PICTURES = 1.5, 3
"""A layer goes out while its last picture is not older than that, or than three of its periods."""

TWICE_AFTER_S, MAX_TWICE = 0.02, 128
"""A burst of losses is not to hit both."""

ASK_AGAIN_S = 0.1
GLANCE_S = 1.0
HEADERS = 64
"""IP, UDP, RTP with its extension, SRTP's tag: bytes around a payload."""

MAX_PAYLOAD, MIN_PAYLOAD = 1180, 400
PACKET_S = 0.03
"""On a thin link a packet takes no longer than this."""

LIMIT_FOR_S = 3.0
"""What somebody's link carries of a layer at most is forgotten when it is not said again."""


class VideoStream(Stream):
    """One layer's RTP stream."""

    def __init__(self) -> None:
        super().__init__(lines.VP8_CLOCK)
        self._history: dict[int, bytes] = {}

    def packet(self, payload: bytes, ts: int, now: float, *, marker: bool = False) -> bytes:
        """The next packet, as it goes out now; kept for retransmission."""
        seq = self._count(len(payload))
        sent = rtp.send_time(now)
        data = rtp.build(
            lines.VP8_PAYLOAD_TYPE, seq, ts, self.ssrc, payload, marker=marker, send_time=sent
        )
        self._history[seq] = data
        if len(self._history) > HISTORY:
            del self._history[next(iter(self._history))]
        return data

    def again(self, seqs: list[int]) -> list[bytes]:
        """What is still there of these sequence numbers, as it was sent."""
        return [self._history[seq] for seq in seqs if seq in self._history]


class _Layer:
    """One size of the picture: its encoder and its stream."""

    def __init__(self, name: Layer, one: Plan) -> None:
        self.name = name
        self.plan = one
        self.stream = VideoStream()
        self.bitrate = 0
        self.fps = one.fps
        self.due = 0.0
        self.key_wanted = True
        self.key_sent_at = 0.0
        self.coded_at = -math.inf
        self.picture_id = random.getrandbits(15)
        self._encoder: vp8.Encoder | None = None

    def restart(self) -> None:
        self.stream = VideoStream()
        self.key_wanted = True

    def set_bitrate(self, bitrate: int) -> None:
        if bitrate and not self.bitrate:
            self.key_wanted, self.due = True, 0.0
        has_changed, self.bitrate = bitrate != self.bitrate, bitrate
        if bitrate and has_changed:
            self._tell_encoder()

    def _tell_encoder(self) -> None:
        if self.name == "low":
            self.fps, coded = fewer(self.plan, self.bitrate)
        else:
            self.fps, coded = self.plan.fps, self.bitrate
        if self._encoder is not None:
            self._encoder.set_bitrate(coded)

    def open_encoder(self) -> vp8.Encoder:
        """An encoder that has coded a picture already: what the first one costs (a probe of what
        the machine has, memory) is a quarter of a second on a busy machine."""
        one = self.plan
        encoder = vp8.open_encoder(one.width, one.height, one.fps, one.bitrate)
        encoder.encode(np.full((one.height * 3 // 2, one.width), 128, dtype=np.uint8), True)
        return encoder

    def use(self, encoder: vp8.Encoder) -> None:
        """Code with it, from the next picture on."""
        self._encoder = encoder
        if self.bitrate:
            self._tell_encoder()

    def goes_out(self, now: float) -> bool:
        """Its pictures are being sent."""
        stale_s = max(STALE_S, STALE_PICTURES / self.fps)
        return self.bitrate > 0 and now - self.coded_at < stale_s

    def encode(self, picture: Yuv, now: float) -> bytes:
        one = self.plan
        self.coded_at = now
        if self._encoder is None:
            self.use(self.open_encoder())
            assert self._encoder is not None
        key, self.key_wanted = self.key_wanted, False
        if key:
            self.key_sent_at = now
        self.picture_id = (self.picture_id + 1) & 0x7FFF
        return self._encoder.encode(_scaled(picture, one.width, one.height), key)


def _scaled(picture: Yuv, width: int, height: int) -> Yuv:
    """The picture in this size."""
    own_height, own_width = len(picture) * 2 // 3, picture.shape[1]
    if (own_width, own_height) == (width, height):
        return picture
    if (own_width, own_height) == (2 * width, 2 * height) and height % 4 == 0:
        # Half the size: the mean of four pixels. Planes of colour lie in rows of half the width.
        wide = picture.astype(np.uint16)
        luma = wide[:own_height].reshape(height, 2, width, 2)
        chroma = wide[own_height:].reshape(2 * (height // 2), 2, width // 2, 2)
        halved = [(one.sum(axis=(1, 3)) + 2) >> 2 for one in (luma, chroma)]
        half = np.empty((height * 3 // 2, width), dtype=np.uint8)
        half[:height] = halved[0]
        half[height:] = halved[1].reshape(height // 2, width)
        return half
    frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
    return frame.reformat(width, height).to_ndarray().astype(np.uint8, copy=False)


class Pictures:
    """The camera of a site, sent while its gate is open."""

    def __init__(self, camera: Camera, fps: float) -> None:
        self.late_ms = 0.0
        self.skipped = 0
        """Pictures left out because too much was waiting."""
        self._camera = camera
        self._latest: Yuv | None = None
        self._latest_at = 0.0
        self._is_blind = False
        plans = plan(camera.width, camera.height, fps)
        self._layers = {name: _Layer(name, one) for name, one in plans.items()}
        self._shares = Shares(plans)
        self._gate: Gate = "off"
        self._left: float = float("inf")
        self._low_limit, self._limited_at = math.inf, -math.inf
        self._wake = asyncio.Event()
        self._sent = asyncio.Event()
        self._pacer: Pacer[tuple[VideoStream, bytes, int, bool, bool] | bytes] = Pacer()
        self.rtt_s = 0.0
        self.is_lossy = False
        """Whether key frames go twice."""
        # When, what.
        self._twice: deque[tuple[float, bytes]] = deque(maxlen=MAX_TWICE)
        self._send: Callable[[bytes], object] | None = None

    # -- what is known of the streams --------------------------------------------------------------

    @property
    def ssrcs(self) -> tuple[int, ...]:
        """Of the layers, the larger first."""
        return tuple(one.stream.ssrc for one in self._layers.values())

    @property
    def streams(self) -> list[VideoStream]:
        return [one.stream for one in self._layers.values()]

    @property
    def kbps(self) -> float:
        """What was asked of the encoders, together."""
        return sum(one.bitrate for one in self._open_layers()) / 1000

    def restart(self) -> None:
        """New streams for a new connection."""
        self._pacer.clear()
        self._twice.clear()
        for one in self._layers.values():
            one.restart()

    # -- what is wanted ----------------------------------------------------------------------------

    @property
    def gate(self) -> Gate:
        """`live`: both layers, `low`: the small one, `off`."""
        return self._gate

    @gate.setter
    def gate(self, gate: Gate) -> None:
        before, is_wider = self._wanted, gate == "live" != self._gate
        self._gate = gate
        if gate == "off":
            self._pacer.clear()
        for name in self._wanted:
            if name not in before or is_wider:
                self._layers[name].key_wanted = True
                self._layers[name].due = 0.0
                self._layers[name].coded_at = -math.inf
                self._wake.set()

    def actual(self, now: float) -> tuple[Gate, Lack]:
        """What goes out, and why that is less than the gate lets through."""
        wanted = [self._layers[name] for name in self._wanted]
        missing = [one for one in wanted if not one.goes_out(now)]
        if not missing:
            return self._gate, "none"
        lack: Lack = "starting"
        if self._is_blind:
            lack = "picture"
        elif any(not one.bitrate for one in missing) or self._pacer.wait_s > MAX_WAIT_S:
            lack = "link"
        return "off" if len(missing) == len(wanted) else "low", lack

    @property
    def _wanted(self) -> tuple[Layer, ...]:
        wanted: dict[Gate, tuple[Layer, ...]] = {"live": ("high", "low"), "low": ("low",)}
        return tuple(name for name in wanted.get(self._gate, ()) if name in self._layers)

    def allow(self, left: float, now: float, pace: float = UNKNOWN) -> None:
        """What the link leaves for pictures (bit/s); infinite while nothing is known against it,
        0: none. `pace`: at which they go out, if that is less now. To be told a few times a
        second."""
        self._left = left
        self._pacer.rate = min(pace, max(1.0, left))
        limit = self._low_limit if now - self._limited_at < LIMIT_FOR_S else math.inf
        for name, bitrate in self._shares.divide(left, now, self._wanted, limit).items():
            self._layers[name].set_bitrate(bitrate)
        if left == 0:
            self._pacer.clear()

    def limit(self, ssrc: int, bitrate: int, now: float) -> None:
        """Somebody's link carries no more of the small picture (bit/s); to be said again and again.
        The large one goes to those alone who can take it."""
        if "high" in self._layers and self._layers["low"].stream.ssrc == ssrc:
            self._low_limit, self._limited_at = bitrate, now
            self.allow(self._left, now, self._pacer.rate)

    def spent(self, size_bytes: int, now: float) -> None:
        """A packet of the voice went out."""
        self._pacer.spent(size_bytes + HEADERS, now)

    def want_key_frame(self, ssrc: int, now: float) -> bool:
        """Somebody can't go on with this stream; False when it is none of ours."""
        for one in self._layers.values():
            if one.stream.ssrc == ssrc:
                if now - one.key_sent_at < self.rtt_s:
                    return True  # it is on its way
                one.key_wanted = True
                if now - one.key_sent_at >= KEY_FRAME_EVERY_S and one.name in self._wanted:
                    one.due = 0.0
                    self._wake.set()
                return True
        return False

    def again(self, ssrc: int, seqs: list[int]) -> None:
        """Send again what is still there of these."""
        for stream in self.streams:
            if stream.ssrc == ssrc:
                for packet in reversed(stream.again(seqs)):
                    self._pacer.push(packet, len(packet) + HEADERS, first=True)
        self._flush(time.monotonic())
        self._sent.set()

    # -- the camera --------------------------------------------------------------------------------

    async def run(self, send: Callable[[bytes], object]) -> None:
        """Capture and send until cancelled."""
        self._send = send
        async with asyncio.TaskGroup() as group:
            group.create_task(self._run_camera())
            group.create_task(self._run_pacer())

    async def _run_camera(self) -> None:
        if not isinstance(self._camera, NullCamera):
            for one in self._layers.values():
                # Before it is needed, and beside the event loop: the voice is not to wait for it.
                one.use(await asyncio.to_thread(one.open_encoder))
        while True:
            self._wake.clear()
            now = time.monotonic()
            layers = self._open_layers()
            due = [one for one in layers if one.due <= now + 0.001]
            if due:
                late_s = max((now - one.due for one in due if one.due), default=0.0)
                self.late_ms = max(self.late_ms, 1000 * late_s)
                self._take_picture(due, now)
            next_at = min((one.due for one in layers), default=None)
            try:
                # A camera that may send nothing is asked again in a while.
                wait_s = ASK_AGAIN_S if next_at is None else max(0.0, next_at - time.monotonic())
                # Not wait_for: Python 3.11's loses a cancellation that comes with the wake-up.
                async with asyncio.timeout(None if self._gate == "off" else wait_s):
                    await self._wake.wait()
            except TimeoutError:
                pass

    def _open_layers(self) -> list[_Layer]:
        """Those that are sent now, the smallest first."""
        names = reversed(self._wanted)
        return [self._layers[name] for name in names if self._layers[name].bitrate]

    def _take_picture(self, layers: list[_Layer], now: float) -> None:
        waits = self._pacer.wait_s > MAX_WAIT_S
        taken = [one for one in layers if one.key_wanted or not waits]
        picture = self._camera.read(now) if taken else None
        if taken:
            self._is_blind = picture is None
        if picture is not None:
            self._latest, self._latest_at = picture, now
        for one in layers:
            period_s = 1 / one.fps
            one.due = max(one.due + period_s, now + period_s / 2) if one.due else now + period_s
        self.skipped += len(layers) - len(taken)
        if picture is None:
            return
        if waits and any(one.key_wanted for one in taken):
            # What waits is of no use to somebody who waits for a key frame.
            self._pacer.clear()
            for one in self._layers.values():
                one.key_wanted = True
        for one in taken:
            data = one.encode(picture, now)
            payloads = vp8_packets.packetize(data, one.picture_id, self._payload_bytes)
            ts = one.stream.ts_at(now)
            for number, payload in enumerate(payloads, 1):
                is_key = one.key_sent_at == now
                item = (one.stream, payload, ts, number == len(payloads), is_key)
                self._pacer.push(item, len(payload) + HEADERS)
            self._flush(time.monotonic())
        self._sent.set()

    @property
    def _payload_bytes(self) -> int:
        rate = self._pacer.rate
        return int(min(MAX_PAYLOAD, max(MIN_PAYLOAD, rate * PACKET_S / 8)))

    async def _run_pacer(self) -> None:
        while True:
            self._flush(time.monotonic())
            wait_s = self._pacer.next_in_s()
            if self._twice:
                twice_s = max(0.0, self._twice[0][0] - time.monotonic()) + 0.001
                wait_s = twice_s if wait_s is None else min(wait_s, twice_s)
            self._sent.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await self._sent.wait()
            except TimeoutError:
                pass

    def _flush(self, now: float) -> None:
        while self._twice and self._twice[0][0] <= now:
            again = self._twice.popleft()[1]
            self.spent(len(again), now)
            if self._send is not None:
                self._send(again)
        for item in self._pacer.due(now):
            if isinstance(item, bytes):
                packet = item
            else:
                stream, payload, ts, marker, is_key = item
                packet = stream.packet(payload, ts, now, marker=marker)
                if is_key and self.is_lossy:
                    self._twice.append((now + TWICE_AFTER_S, packet))
            if self._send is not None:
                self._send(packet)

    def glance(self, now: float) -> Yuv | None:
        """What the camera sees now; of a camera that is being sent, the last picture taken."""
        if now - self._latest_at > GLANCE_S:
            self._latest, self._latest_at = self._camera.read(now), now
        return self._latest

    def close(self) -> None:
        """Close the camera."""
        self._camera.close()
