"""VP8: which encoder this machine has, and the decoder. One picture in, one frame out, at once.

Rules:
- An encoder is used only after it has proved itself: a probe lets it code two pictures, each must
  come at once, the key frame exactly when it was asked for, and be decoded to the same picture.
- Encoders of the graphics chip come first, then libvpx itself (`agent.picture.vpx`), whose bitrate
  changes while it runs; FFmpeg's libvpx is what is always there.
- What was probed, and what was wrong with it, is kept to be told.
"""

import logging
from collections.abc import Callable
from fractions import Fraction
from typing import Protocol

import av
import msgspec
import numpy as np
from av.error import FFmpegError
from av.video.frame import PictureType
from numpy.typing import NDArray

from agent.picture import vpx

log = logging.getLogger("giliran.picture")

Yuv = NDArray[np.uint8]
"""A yuv420p picture: height * 3/2 rows of `width` bytes (the planes Y, U, V below each other)."""

HARDWARE = ("vp8_vaapi", "vp8_qsv", "vp8_v4l2m2m")
"""FFmpeg's encoders of VP8 in hardware."""

PROBE_SIZE = (320, 180)
ALIKE = 16.0
"""Mean difference of luma from which a decoded picture is not the one that was coded."""


class Encoder(Protocol):
    """A realtime encoder of one size. `name` says whose it is."""

    name: str

    def encode(self, picture: Yuv, key: bool) -> bytes:
        """One VP8 frame; `key` makes it a key frame. Raises ValueError for another size."""

    def set_bitrate(self, bitrate: int) -> None:
        """Another bitrate (bit/s) from now on."""


class FfmpegEncoder:
    """One of FFmpeg's encoders. Its bitrate changes only by making it anew, which costs a key
    frame. Raises ValueError when it can't be opened."""

    def __init__(
        self, width: int, height: int, fps: float, bitrate: int, name: str = "libvpx"
    ) -> None:
        self.width, self.height, self.name = width, height, name
        self._fps = fps
        self._bitrate = bitrate
        self._step = round(90_000 / fps)
        self._open()

    def _open(self) -> None:
        try:
            context = av.CodecContext.create(self.name, "w")
        except ValueError as error:
            raise ValueError(f"{self.name}: not in this FFmpeg") from error
        assert isinstance(context, av.VideoCodecContext)
        context.width, context.height = self.width, self.height
        context.pix_fmt = "nv12" if self.name in HARDWARE else "yuv420p"
        context.time_base = Fraction(1, 90_000)
        context.framerate = Fraction(self._fps).limit_denominator(1000)
        context.bit_rate = self._bitrate
        context.gop_size = 3000
        context.thread_count = 1
        if self.name == "libvpx":
            context.options = {
                "deadline": "realtime",
                "cpu-used": "-8" if self.width * self.height > 320 * 180 else "-6",
                "lag-in-frames": "0",
                "error-resilient": "default",
                "auto-alt-ref": "0",
                "undershoot-pct": "100",
                "overshoot-pct": "15",
                "static-thresh": "100",
            }
        try:
            context.open()
        except (ValueError, OSError) as error:
            raise ValueError(f"{self.name}: can't be opened: {error}") from error
        self._context = context
        self._count = 0

    def set_bitrate(self, bitrate: int) -> None:
        """Another bitrate (bit/s) from now on: the next frame is a key frame."""
        if bitrate != self._bitrate:
            self._bitrate = bitrate
            self._open()

    def encode(self, picture: Yuv, key: bool) -> bytes:
        """One VP8 frame; `key` makes it a key frame. Raises ValueError for another size."""
        if picture.shape != (self.height * 3 // 2, self.width):
            raise ValueError(f"expected {self.width}x{self.height}, got {picture.shape}")
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = self._count * self._step
        frame.time_base = Fraction(1, 90_000)
        frame.pict_type = PictureType.I if key else PictureType.NONE
        self._count += 1
        return b"".join(bytes(packet) for packet in self._context.encode(frame))


class Choice(msgspec.Struct, frozen=True):
    """What a probe found: the encoder's name, and why those before it are not used."""

    name: str
    refused: dict[str, str]


def _open(name: str, width: int, height: int, fps: float, bitrate: int) -> Encoder:
    if name == "libvpx":
        return vpx.Encoder(width, height, fps, bitrate)
    codec = "libvpx" if name == "ffmpeg" else name
    return FfmpegEncoder(width, height, fps, bitrate, codec)


def flaw(name: str, opened: Callable[[str, int, int, float, int], Encoder] = _open) -> str:
    """What is wrong with an encoder, by trying it; empty when nothing is."""
    width, height = PROBE_SIZE
    picture = np.full((height * 3 // 2, width), 128, dtype=np.uint8)
    picture[:height] = np.linspace(32, 220, width, dtype=np.uint8)
    try:
        encoder, decoder = opened(name, width, height, 10, 250_000), Decoder()
        for key in (True, False, True):
            data = encoder.encode(picture, key)
            if not data:
                return "a picture does not come out at once"
            if bool(data[0] & 1) == key:
                return "a key frame does not come when it is asked for"
            shown = decoder.decode(data)
            if shown is None or shown.shape != picture.shape:
                return "what it codes can't be decoded"
            if np.abs(shown[:height].astype(int) - picture[:height]).mean() > ALIKE:
                return "what it codes is another picture"
    except (ValueError, OSError, vpx.VpxError) as error:
        return str(error)
    return ""


_choice: Choice | None = None


def probe() -> Choice:
    """The encoder to use on this machine; tried once in the life of a process."""
    global _choice
    if _choice is None:
        refused: dict[str, str] = {}
        for name in (*HARDWARE, "libvpx"):
            why = flaw(name)
            if not why:
                _choice = Choice(name, refused)
                break
            refused[name] = why
        else:
            _choice = Choice("ffmpeg", refused)
        log.info("pictures are coded by %s; not used: %s", _choice.name, refused or "-")
    return _choice


def open_encoder(width: int, height: int, fps: float, bitrate: int) -> Encoder:
    """The encoder that the probe chose; libvpx where a chip's does not take this size."""
    name = probe().name
    try:
        return _open(name, width, height, fps, bitrate)
    except (ValueError, OSError) as error:
        if name not in HARDWARE:
            raise
        log.warning("%s; libvpx is used", error)
        return _open("ffmpeg" if flaw("libvpx") else "libvpx", width, height, fps, bitrate)


class Decoder:
    """Decoder of whole frames; what is damaged is counted and gives no picture."""

    def __init__(self) -> None:
        self.damaged = 0
        self._context = av.CodecContext.create("vp8", "r")
        self._context.thread_count = 1

    def decode(self, data: bytes) -> Yuv | None:
        """The picture of a frame."""
        try:
            frames = self._context.decode(av.Packet(data))
        except (FFmpegError, ValueError):
            self.damaged += 1
            return None
        if not frames:
            self.damaged += 1
            return None
        return frames[-1].to_ndarray(format="yuv420p").astype(np.uint8, copy=False)
