"""VP8 by libvpx itself, through ctypes: its bitrate changes while it runs.

FFmpeg's wrapper takes the bitrate when an encoder is made and never again, so that each step of a
ladder would cost a new encoder and a key frame. libvpx has `vpx_codec_enc_config_set` for it. Uses
the libvpx that PyAV's wheel brings, else the system's.

The configuration is a C struct whose tail differs between releases; its head, all that is set here,
has not changed since 2010. Where the defaults that libvpx fills in are not found in their places,
or no ABI number from `ABIS` is accepted, the library is not used (`VpxError`).
"""

import ctypes
import ctypes.util
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

Yuv = NDArray[np.uint8]
"""A yuv420p picture: height * 3/2 rows of `width` bytes (the planes Y, U, V below each other)."""

ABIS = range(20, 60)
_ABI_MISMATCH = 3

# Places of 32-bit fields in vpx_codec_enc_cfg_t (vpx/vpx_encoder.h).
_WIDTH, _HEIGHT, _TIME_NUM, _TIME_DEN = 3, 4, 7, 8
_DROP_FRAMES, _END_USAGE, _BITRATE = 12, 18, 28
_UNDERSHOOT, _OVERSHOOT, _BUFFER, _BUFFER_INITIAL, _BUFFER_OPTIMAL = 31, 32, 33, 34, 35
_MAX_QUANTIZER, _KEY_MODE, _KEY_MAX = 30, 40, 42
_CBR, _KEY_DISABLED = 1, 0
_DEFAULTS = {_WIDTH: 320, _HEIGHT: 240, _TIME_NUM: 1, _TIME_DEN: 30, _BITRATE: 256, _KEY_MODE: 1}
_CONFIG_WORDS, _CONTEXT_BYTES = 1024, 512

# vpx/vp8cx.h
_SET_CPU_USED, _SET_STATIC_THRESHOLD, _SET_MAX_INTRA_PERCENT = 13, 17, 26
_FORCE_KEY, _REALTIME, _I420, _FRAME_PACKET = 1, 1, 0x102, 0
_PACKET_DATA, _PACKET_SIZE = 1, 2
"""Places of the frame's address and size in vpx_codec_cx_pkt_t, in machine words."""

KEY_FRAME_PERCENT = 900
"""What a key frame may take of a picture's share, as far as the quantizer goes: it is to be there
soon, and not to drown the voice."""


class VpxError(Exception):
    """libvpx is not there, not as known, or refused."""


def _load() -> tuple[ctypes.CDLL, int]:
    """The library, and the ABI number that it takes."""
    beside = Path(av.__file__).parent.parent / "av.libs"
    names = [str(path) for path in sorted(beside.glob("libvpx*.so*"))]
    system = ctypes.util.find_library("vpx")
    for name in [*names, *([system] if system else [])]:
        try:
            lib = ctypes.CDLL(name)
            lib.vpx_codec_vp8_cx.restype = ctypes.c_void_p
            lib.vpx_codec_err_to_string.restype = ctypes.c_char_p
            lib.vpx_codec_get_cx_data.restype = ctypes.POINTER(ctypes.c_size_t)
            lib.vpx_img_wrap.restype = ctypes.c_void_p
        except (OSError, AttributeError):
            continue
        for abi in ABIS:
            context = ctypes.create_string_buffer(_CONTEXT_BYTES)
            if _init(lib, context, _default_config(lib), abi) != _ABI_MISMATCH:
                lib.vpx_codec_destroy(context)
                return lib, abi
    raise VpxError("libvpx was not found: install it (Debian and Ubuntu: apt install libvpx7)")


def _default_config(lib: ctypes.CDLL) -> ctypes.Array[ctypes.c_uint32]:
    config = (ctypes.c_uint32 * _CONFIG_WORDS)()
    code = lib.vpx_codec_enc_config_default(ctypes.c_void_p(lib.vpx_codec_vp8_cx()), config, 0)
    if code or any(config[place] != value for place, value in _DEFAULTS.items()):
        raise VpxError("this libvpx keeps its configuration in another form")
    return config


def _init(
    lib: ctypes.CDLL,
    context: ctypes.Array[ctypes.c_char],
    config: ctypes.Array[ctypes.c_uint32],
    abi: int,
) -> int:
    interface = ctypes.c_void_p(lib.vpx_codec_vp8_cx())
    return int(lib.vpx_codec_enc_init_ver(context, interface, config, ctypes.c_long(0), abi))


_loaded: tuple[ctypes.CDLL, int] | None = None


def _library() -> tuple[ctypes.CDLL, int]:
    global _loaded
    if _loaded is None:
        _loaded = _load()
    return _loaded


class Encoder:
    """Realtime encoder of yuv420p pictures. `bitrate` in bit/s; raises VpxError."""

    name = "libvpx"

    def __init__(self, width: int, height: int, fps: float, bitrate: int) -> None:
        self._context: ctypes.Array[ctypes.c_char] | None = None
        self._lib, abi = _library()
        self.width, self.height = width, height
        self._shape = (height * 3 // 2, width)
        self._step = max(1, round(90_000 / fps))
        self._count = 0
        self._config = config = _default_config(self._lib)
        config[_WIDTH], config[_HEIGHT] = width, height
        config[_TIME_NUM], config[_TIME_DEN] = 1, 90_000
        config[_END_USAGE], config[_KEY_MODE], config[_KEY_MAX] = _CBR, _KEY_DISABLED, 3000
        config[_DROP_FRAMES] = 0
        config[_MAX_QUANTIZER] = 60
        config[_UNDERSHOOT], config[_OVERSHOOT] = 100, 15
        config[_BUFFER], config[_BUFFER_INITIAL], config[_BUFFER_OPTIMAL] = 1000, 500, 600
        config[_BITRATE] = max(1, bitrate // 1000)
        context = ctypes.create_string_buffer(_CONTEXT_BYTES)
        self._check(_init(self._lib, context, config, abi))
        self._context = context
        self._image = ctypes.create_string_buffer(512)
        self._control(_SET_CPU_USED, -8 if width * height > 320 * 180 else -6)
        self._control(_SET_STATIC_THRESHOLD, 100)
        self._control(_SET_MAX_INTRA_PERCENT, KEY_FRAME_PERCENT)

    def _check(self, code: int) -> None:
        if code:
            raise VpxError(f"libvpx: {self._lib.vpx_codec_err_to_string(code).decode()}")

    def _control(self, what: int, value: int) -> None:
        self._check(self._lib.vpx_codec_control_(self._context, what, ctypes.c_int(value)))

    def set_bitrate(self, bitrate: int) -> None:
        """Another bitrate (bit/s) from the next picture on; costs no key frame."""
        self._config[_BITRATE] = max(1, bitrate // 1000)
        self._check(self._lib.vpx_codec_enc_config_set(self._context, self._config))

    def encode(self, picture: Yuv, key: bool) -> bytes:
        """One VP8 frame; `key` makes it a key frame. Raises ValueError for another size."""
        if picture.shape != self._shape:
            raise ValueError(f"expected {self.width}x{self.height}, got {picture.shape}")
        picture = np.ascontiguousarray(picture, dtype=np.uint8)
        data = ctypes.c_void_p(picture.ctypes.data)
        image = self._lib.vpx_img_wrap(self._image, _I420, self.width, self.height, 1, data)
        if not image:
            raise VpxError("libvpx takes no such picture")
        stamp, self._count = self._count * self._step, self._count + 1
        self._check(
            self._lib.vpx_codec_encode(
                self._context,
                self._image,
                ctypes.c_int64(stamp),
                ctypes.c_ulong(self._step),
                ctypes.c_long(_FORCE_KEY if key else 0),
                ctypes.c_ulong(_REALTIME),
            )
        )
        frames = []
        place = ctypes.c_void_p()
        while packet := self._lib.vpx_codec_get_cx_data(self._context, ctypes.byref(place)):
            if packet[0] & 0xFFFFFFFF == _FRAME_PACKET:
                frames.append(ctypes.string_at(packet[_PACKET_DATA], packet[_PACKET_SIZE]))
        return b"".join(frames)

    def __del__(self) -> None:
        if self._context is not None:
            self._lib.vpx_codec_destroy(self._context)
            self._context = None
