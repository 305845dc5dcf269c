"""RTP header bytes ↔ values; sequence arithmetic. Pure.

RFC 3550 (RTP), RFC 6464 (audio level), RFC 8285 (one-byte header extensions),
draft-alvestrand-rmcat-remb-03 (the absolute send time). Damage raises ValueError.
"""

import struct

import msgspec

AUDIO_LEVEL_ID = 2
SEND_TIME_ID = 3
RECOVERED_ID = 4
ONE_BYTE_PROFILE = 0xBEDE
_read_fixed = struct.Struct("!BBHLL").unpack_from
_read_profile = struct.Struct("!HH").unpack_from
_voice = struct.Struct("!BBHLLLHLH")
_read_voice, _write_voice = _voice.unpack_from, _voice.pack
VOICE_BYTES, VOICE_EXTENSIONS = 24, ONE_BYTE_PROFILE << 16 | 2
_write_picture = struct.Struct("!BBHLLLL").pack
PICTURE_BYTES, PICTURE_EXTENSIONS = 20, ONE_BYTE_PROFILE << 16 | 1
SENT_HEAD = SEND_TIME_ID << 4 | 2


# -- arithmetic (RFC 1982 in 16 and 32 bits) ------------------------------------------------------


def seq_delta(a: int, b: int) -> int:
    """a - b of two 16-bit sequence numbers, -32768 to 32767."""
    return ((a - b + 0x8000) & 0xFFFF) - 0x8000


def ts_delta(a: int, b: int) -> int:
    """a - b of two 32-bit timestamps, signed."""
    return ((a - b + 0x80000000) & 0xFFFFFFFF) - 0x80000000


class SeqUnwrapper:
    """16-bit sequence numbers → integers that never wrap; stays near the highest seen."""

    def __init__(self) -> None:
        self.highest: int | None = None

    def unwrap(self, seq: int) -> int:
        if self.highest is None:
            self.highest = seq + 0x10000
            return self.highest
        value = self.highest + ((seq - self.highest + 0x8000) & 0xFFFF) - 0x8000
        if value > self.highest:
            self.highest = value
        return value


class TsUnwrapper:
    """32-bit timestamps → integers that never wrap."""

    def __init__(self) -> None:
        self.highest: int | None = None

    def unwrap(self, ts: int) -> int:
        if self.highest is None:
            self.highest = ts + 0x100000000
            return self.highest
        value = self.highest + ((ts - self.highest + 0x80000000) & 0xFFFFFFFF) - 0x80000000
        if value > self.highest:
            self.highest = value
        return value


# -- RTP -----------------------------------------------------------------------------------------


class Header(msgspec.Struct, frozen=True, gc=False):
    """The fixed RTP header, where the payload lies, the audio level (0..127 -dBov), the absolute
    send time (24 bits: seconds modulo 64 in 1/2^18 s), and `recovered`: it was lost on the hop
    before and is late for that, where copies reach so many frames back (0: it was not)."""

    payload_type: int
    marker: bool
    seq: int
    ts: int
    ssrc: int
    payload_offset: int
    payload_end: int
    audio_level: int | None = None
    send_time: int | None = None
    recovered: int = 0


def parse(data: bytes) -> Header:
    """The header of an RTP packet. Raises ValueError on damage."""
    size = len(data)
    if size >= VOICE_BYTES and data[0] == 0x90:
        # As the packets of a voice are that is sent once: audio level and send time, no more.
        _first, second, seq, ts, ssrc, extensions, level, sent, rest = _read_voice(data)
        is_voice = extensions == VOICE_EXTENSIONS and level >> 8 == AUDIO_LEVEL_ID << 4
        if is_voice and sent >> 24 == SENT_HEAD and not rest:
            return Header(
                second & 0x7F, second > 0x7F, seq, ts, ssrc, VOICE_BYTES, size,
                level & 0x7F, sent & 0xFFFFFF,
            )  # fmt: skip
        if extensions == PICTURE_EXTENSIONS and level >> 8 == SENT_HEAD:
            return Header(
                second & 0x7F, second > 0x7F, seq, ts, ssrc, PICTURE_BYTES, size,
                None, (level & 0xFF) << 16 | sent >> 16,
            )  # fmt: skip
    if size < 12:
        raise ValueError("RTP packet shorter than its fixed header")
    first, second, seq, ts, ssrc = _read_fixed(data)
    if first >> 6 != 2:
        raise ValueError("RTP version is not 2")
    offset = 12 + 4 * (first & 0x0F)
    level = sent = None
    recovered = 0
    if first & 0x10:
        if size < offset + 4:
            raise ValueError("RTP header extension is cut off")
        profile, words = _read_profile(data, offset)
        begin, offset = offset + 4, offset + 4 + 4 * words
        if size < offset:
            raise ValueError("RTP header extension is cut off")
        if profile == ONE_BYTE_PROFILE:
            level, sent, recovered = _extensions(data, begin, offset)
    end = size
    if first & 0x20:
        end -= data[-1]
        if data[-1] == 0:
            raise ValueError("RTP padding of length 0")
    if end < offset:
        raise ValueError("RTP packet is cut off")
    marker = bool(second & 0x80)
    return Header(second & 0x7F, marker, seq, ts, ssrc, offset, end, level, sent, recovered)


def _extensions(data: bytes, begin: int, end: int) -> tuple[int | None, int | None, int]:
    """Audio level, send time and how far copies reach by which it was recovered, among the
    one-byte header extensions."""
    level = sent = None
    recovered = 0
    while begin < end:
        ident, length = data[begin] >> 4, (data[begin] & 0x0F) + 1
        if ident == 0:
            begin += 1
            continue
        if ident == 15 or begin + 1 + length > end:
            break
        if ident == AUDIO_LEVEL_ID:
            level = data[begin + 1] & 0x7F
        elif ident == SEND_TIME_ID and length == 3:
            sent = data[begin + 1] << 16 | data[begin + 2] << 8 | data[begin + 3]
        elif ident == RECOVERED_ID:
            recovered = data[begin + 1]
        begin += 1 + length
    return level, sent, recovered


def send_time(at: float) -> int:
    """Seconds → the absolute send time of 24 bits."""
    return int(at * (1 << 18)) & 0xFFFFFF


def send_time_delta_s(a: int, b: int) -> float:
    """a - b of two send times in seconds, -32 to 32."""
    return (((a - b + 0x800000) & 0xFFFFFF) - 0x800000) / (1 << 18)


def build(
    payload_type: int,
    seq: int,
    ts: int,
    ssrc: int,
    payload: bytes | bytearray,
    *,
    marker: bool = False,
    audio_level: int | None = None,
    send_time: int | None = None,
    recovered: int = 0,
) -> bytes:
    """An RTP packet, with these header extensions when given: `audio_level` (0..127, RFC 6464,
    voice flag unset), `send_time` (24 bits), `recovered` (frames, 1 to 255)."""
    second = payload_type | (0x80 if marker else 0)
    if audio_level is None and send_time is None and not recovered:
        return struct.pack("!BBHLL", 0x80, second, seq, ts, ssrc) + payload
    if send_time is not None and not recovered:
        sent = SENT_HEAD << 24 | send_time
        if audio_level is None:
            return _write_picture(0x90, second, seq, ts, ssrc, PICTURE_EXTENSIONS, sent) + payload
        level = AUDIO_LEVEL_ID << 12 | audio_level & 0x7F
        return _write_voice(0x90, second, seq, ts, ssrc, VOICE_EXTENSIONS, level, sent, 0) + payload
    extensions = b""
    if audio_level is not None:
        extensions += bytes([AUDIO_LEVEL_ID << 4, audio_level & 0x7F])
    if send_time is not None:
        extensions += bytes([SEND_TIME_ID << 4 | 2]) + send_time.to_bytes(3, "big")
    if recovered:
        extensions += bytes([RECOVERED_ID << 4, recovered])
    extensions += b"\0" * (-len(extensions) % 4)
    head = struct.pack(
        "!BBHLLHH", 0x90, second, seq, ts, ssrc, ONE_BYTE_PROFILE, len(extensions) // 4
    )
    return head + extensions + payload


def number_of(data: bytes) -> tuple[int, int]:
    """(SSRC, sequence number) of an RTP packet."""
    seq, ssrc = struct.unpack_from("!H4xL", data, 2)
    return ssrc, seq


def restamped(data: bytes, send_time: int) -> bytes:
    """A packet made by `build` with a send time alone, with another one; any other as it is."""
    if len(data) < 20 or data[0] != 0x90 or data[16] != SEND_TIME_ID << 4 | 2:
        return data
    return data[:17] + send_time.to_bytes(3, "big") + data[20:]


def rewrite(data: bytes, payload_type_and_marker: int, seq: int, ts: int, ssrc: int) -> bytearray:
    """A copy with another second byte, sequence number, timestamp and SSRC."""
    out = bytearray(data)
    struct.pack_into("!BHLL", out, 1, payload_type_and_marker, seq, ts, ssrc)
    return out
