"""VP8 by libvpx through PyAV: one picture in, one frame out, at once."""

from fractions import Fraction

import av
import numpy as np
from av.error import FFmpegError
from av.video.frame import PictureType
from numpy.typing import NDArray

Yuv = NDArray[np.uint8]
"""A yuv420p picture: height * 3/2 rows of `width` bytes (the planes Y, U, V below each other)."""


class Encoder:
    """Realtime encoder. `bitrate` in bit/s; width and height are even."""

    def __init__(self, width: int, height: int, fps: float, bitrate: int) -> None:
        self.width = width
        self.height = height
        self._count = 0
        context = av.CodecContext.create("libvpx", "w")
        assert isinstance(context, av.VideoCodecContext)
        context.width = width
        context.height = height
        context.pix_fmt = "yuv420p"
        context.time_base = Fraction(1, 90_000)
        context.framerate = Fraction(fps).limit_denominator(1000)
        context.bit_rate = bitrate
        context.gop_size = 3000
        context.thread_count = 1
        context.options = {
            "deadline": "realtime",
            "cpu-used": "-8" if width * height > 320 * 180 else "-6",
            "lag-in-frames": "0",
            "error-resilient": "default",
            "auto-alt-ref": "0",
            "undershoot-pct": "100",
            "overshoot-pct": "15",
            "static-thresh": "100",
        }
        self._context = context
        self._step = round(90_000 / fps)

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
