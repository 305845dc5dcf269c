"""Opus by libopus itself (RFC 6716), through ctypes: mono, 48 kHz, 20 ms frames of 960 samples.

Uses the libopus that PyAV's wheel brings, else the system's. It works in buffers that are there for
good: to ask numpy where one lies costs as much as a call.
"""

import ctypes
import ctypes.util
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

RATE = 48_000
SAMPLES = 960
MAX_PACKET_BYTES = 1275
DTX_BYTES = 2
"""A packet of so many bytes or fewer stands for silence (RFC 7587 §3.1.3)."""

_APPLICATION_VOIP = 2048
_SIGNAL_VOICE = 3001
_SET_BITRATE, _SET_VBR, _SET_COMPLEXITY = 4002, 4006, 4010
_RESET_STATE = 4028
_SET_MAX_BANDWIDTH, _WIDEBAND = 4004, 1103
_SET_INBAND_FEC, _SET_PACKET_LOSS, _SET_DTX, _SET_SIGNAL = 4012, 4014, 4016, 4024

Pcm = NDArray[np.int16]


class OpusError(ValueError):
    """libopus refused; the text is its own."""


def _load() -> ctypes.CDLL:
    beside = Path(av.__file__).parent.parent / "av.libs"
    names = [str(path) for path in sorted(beside.glob("libopus*.so*"))]
    system = ctypes.util.find_library("opus")
    for name in [*names, *([system] if system else [])]:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise OpusError("libopus was not found: install it (Debian and Ubuntu: apt install libopus0)")


_lib = _load()
_lib.opus_strerror.restype = ctypes.c_char_p
_lib.opus_encoder_create.restype = ctypes.c_void_p
_lib.opus_decoder_create.restype = ctypes.c_void_p
_lib.opus_encode.argtypes = [
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int,
    ctypes.c_char_p,
    ctypes.c_int32,
]
_lib.opus_decode.argtypes = _lib.opus_decode_float.argtypes = [
    ctypes.c_void_p,
    ctypes.c_char_p,
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_int,
    ctypes.c_int,
]
_lib.opus_encoder_destroy.argtypes = [ctypes.c_void_p]
_lib.opus_decoder_destroy.argtypes = [ctypes.c_void_p]


# All of a decoder lies in one piece of memory, which may be copied.
_DECODER_BYTES = _lib.opus_decoder_get_size(1)


class _Room:
    """A frame of samples at one place."""

    def __init__(self) -> None:
        self.pcm: Pcm = np.empty(SAMPLES, dtype=np.int16)
        self.address = self.pcm.ctypes.data


def _check(code: int) -> int:
    if code < 0:
        raise OpusError(_lib.opus_strerror(code).decode())
    return code


def _whole(count: int) -> None:
    """Raises OpusError unless so many samples are a frame."""
    if count != SAMPLES:
        raise OpusError(f"a packet of {_check(count)} samples, expected {SAMPLES}")


class Encoder:
    """Voice encoder, wideband. `bitrate` in bit/s; `loss_percent` is the loss to prepare for when
    `fec` (in-band, LBRR) is on; with `dtx` it sends next to nothing in silence."""

    def __init__(
        self,
        bitrate: int = 40_000,
        *,
        complexity: int = 10,
        fec: bool = True,
        loss_percent: int = 5,
        dtx: bool = False,
    ) -> None:
        error = ctypes.c_int()
        self._state = _lib.opus_encoder_create(RATE, 1, _APPLICATION_VOIP, ctypes.byref(error))
        _check(error.value)
        self._in = _Room()
        self._out = ctypes.create_string_buffer(MAX_PACKET_BYTES)
        self._packet = memoryview(self._out).cast("B")
        self._set(_SET_SIGNAL, _SIGNAL_VOICE)
        self._set(_SET_COMPLEXITY, complexity)
        # 8 kHz carries all of speech that can be understood; libopus would spend 3 of 24 kbit/s
        # above it, and 0.2 to 0.4 of wideband PESQ.
        self._set(_SET_MAX_BANDWIDTH, _WIDEBAND)
        self.set_bitrate(bitrate)
        self.set_fec(fec, loss_percent)
        self.set_dtx(dtx)

    def _set(self, request: int, value: int) -> None:
        _check(
            _lib.opus_encoder_ctl(
                ctypes.c_void_p(self._state), ctypes.c_int(request), ctypes.c_int32(value)
            )
        )

    def set_bitrate(self, bitrate: int) -> None:
        """Change the bitrate (bit/s) while running."""
        self._set(_SET_BITRATE, bitrate)

    def set_fec(self, fec: bool, loss_percent: int) -> None:
        """In-band redundancy for an expected loss; without an expected loss it does nothing."""
        self._set(_SET_INBAND_FEC, int(fec))
        self._set(_SET_PACKET_LOSS, loss_percent)

    def set_dtx(self, dtx: bool) -> None:
        """Whether silence is sent only now and then: packets of `DTX_BYTES` need not be sent."""
        self._set(_SET_DTX, int(dtx))

    def reset(self) -> None:
        """Begin anew, as after creation: what follows owes nothing to what was before."""
        _check(_lib.opus_encoder_ctl(ctypes.c_void_p(self._state), ctypes.c_int(_RESET_STATE)))

    def encode(self, pcm: Pcm) -> bytes:
        """One packet of 960 samples. Raises ValueError for another length, OpusError."""
        if pcm.shape != (SAMPLES,):
            raise ValueError(f"expected {SAMPLES} samples, got {pcm.shape}")
        self._in.pcm[:] = pcm
        size = _check(
            _lib.opus_encode(self._state, self._in.address, SAMPLES, self._out, MAX_PACKET_BYTES)
        )
        return bytes(self._packet[:size])

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            _lib.opus_encoder_destroy(self._state)
            self._state = None


class Decoder:
    """Voice decoder with concealment."""

    def __init__(self) -> None:
        error = ctypes.c_int()
        self._state = _lib.opus_decoder_create(RATE, 1, ctypes.byref(error))
        _check(error.value)
        self._kept = ctypes.create_string_buffer(_DECODER_BYTES)
        self.keep()
        self._out = _Room()

    def reset(self) -> None:
        """Forget the speaker before."""
        _check(_lib.opus_decoder_ctl(ctypes.c_void_p(self._state), ctypes.c_int(_RESET_STATE)))

    def keep(self) -> None:
        """Remember what is known at this moment, for `back`."""
        ctypes.memmove(self._kept, self._state, _DECODER_BYTES)

    def back(self) -> None:
        """Be as at the last `keep`: what was decoded since then is forgotten."""
        ctypes.memmove(self._state, self._kept, _DECODER_BYTES)

    def decode(self, packet: bytes) -> NDArray[Any]:
        """The 960 samples of a packet. Raises OpusError when it is damaged."""
        return self._decode(packet, 0)

    def decode_fec(self, next_packet: bytes) -> NDArray[Any]:
        """The frame before `next_packet` from its in-band redundancy; libopus conceals when
        there is none. Raises OpusError when the packet is damaged."""
        return self._decode(next_packet, 1)

    def conceal(self) -> NDArray[Any]:
        """960 samples that go on from what was heard last (PLC)."""
        return self._decode(None, 0)

    def _decode(self, packet: bytes | None, fec: int) -> NDArray[Any]:
        size = 0 if packet is None else len(packet)
        _whole(_lib.opus_decode(self._state, packet, size, self._out.address, SAMPLES, fec))
        return self._out.pcm.copy()

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            _lib.opus_decoder_destroy(self._state)
            self._state = None


class WaveDecoder(Decoder):
    """The same of float32. It writes each frame to the same place, `out`: good until the next."""

    def __init__(self, out: NDArray[np.float32]) -> None:
        super().__init__()
        self._wave, self._address = out, out.ctypes.data

    def _decode(self, packet: bytes | None, fec: int) -> NDArray[Any]:
        size = 0 if packet is None else len(packet)
        _whole(_lib.opus_decode_float(self._state, packet, size, self._address, SAMPLES, fec))
        return self._wave
