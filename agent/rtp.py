"""RTP, RTCP and VP8 header bytes ↔ values; sequence arithmetic. Pure.

RFC 3550 (RTP and RTCP; a probe of our own in an APP packet), RFC 3611 (XR: a question and its
answer), RFC 4585 (NACK, PLI), RFC 5104 (TMMBR), RFC 6464 (audio level), RFC 7741 (VP8 payload), RFC
8285 (one-byte header extensions), draft-alvestrand-rmcat-remb-03 (REMB and the absolute send time).
Damage raises ValueError. Times are monotonic seconds given by the caller.
"""

import struct
from collections import deque
from collections.abc import Sequence

import msgspec

AUDIO_LEVEL_ID = 2
SEND_TIME_ID = 3
RECOVERED_ID = 4
ONE_BYTE_PROFILE = 0xBEDE
NTP_EPOCH_S = 2208988800
RTCP_SR, RTCP_RR, RTCP_SDES, RTCP_BYE, RTCP_RTPFB, RTCP_PSFB = 200, 201, 202, 203, 205, 206
RTCP_APP, RTCP_XR, XR_QUESTION, XR_ANSWER = 204, 207, 4, 5
PROBE_NAME = b"Prob"


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
        value = self.highest + seq_delta(seq, self.highest & 0xFFFF)
        self.highest = max(self.highest, value)
        return value


class TsUnwrapper:
    """32-bit timestamps → integers that never wrap."""

    def __init__(self) -> None:
        self.highest: int | None = None

    def unwrap(self, ts: int) -> int:
        if self.highest is None:
            self.highest = ts + 0x100000000
            return self.highest
        value = self.highest + ts_delta(ts, self.highest & 0xFFFFFFFF)
        self.highest = max(self.highest, value)
        return value


# -- RTP -----------------------------------------------------------------------------------------


class Header(msgspec.Struct, frozen=True):
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
    if size < 12:
        raise ValueError("RTP packet shorter than its fixed header")
    first, second, seq, ts, ssrc = struct.unpack_from("!BBHLL", data)
    if first >> 6 != 2:
        raise ValueError("RTP version is not 2")
    offset = 12 + 4 * (first & 0x0F)
    level = sent = None
    recovered = 0
    if first & 0x10:
        if size < offset + 4:
            raise ValueError("RTP header extension is cut off")
        profile, words = struct.unpack_from("!HH", data, offset)
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
            sent = int.from_bytes(data[begin + 1 : begin + 4], "big")
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
    payload: bytes,
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


# -- RTCP values ----------------------------------------------------------------------------------


class ReportBlock(msgspec.Struct, frozen=True):
    """RFC 3550 §6.4.1: `fraction_lost` in 1/256, `jitter` in timestamp units, `lsr` and `dlsr`
    in 1/65536 s."""

    ssrc: int
    fraction_lost: int
    cumulative_lost: int
    highest_seq: int
    jitter: int
    lsr: int
    dlsr: int


class SenderReport(msgspec.Struct, frozen=True):
    ssrc: int
    ntp: int
    ts: int
    packets: int
    octets: int
    reports: tuple[ReportBlock, ...]


class ReceiverReport(msgspec.Struct, frozen=True):
    ssrc: int
    reports: tuple[ReportBlock, ...]


class Nack(msgspec.Struct, frozen=True):
    """Generic NACK (RFC 4585 §6.2.1)."""

    ssrc: int
    media_ssrc: int
    seqs: tuple[int, ...]


class Pli(msgspec.Struct, frozen=True):
    """Picture loss indication (RFC 4585 §6.3.1): a key frame is wanted."""

    ssrc: int
    media_ssrc: int


class Remb(msgspec.Struct, frozen=True):
    """Receiver estimated maximum bitrate: what the link carries, bit/s."""

    ssrc: int
    bitrate: int


class Tmmbr(msgspec.Struct, frozen=True):
    """Temporary maximum media stream bit rate request (RFC 5104 §4.2.1): what a stream may take at
    most, bit/s, with `overhead_bytes` of headers on each packet."""

    ssrc: int
    media_ssrc: int
    bitrate: int
    overhead_bytes: int


class Bye(msgspec.Struct, frozen=True):
    ssrcs: tuple[int, ...]


class Question(msgspec.Struct, frozen=True):
    """Receiver reference time (RFC 3611 §4.4): `at` is the asker's clock in 1/65536 s."""

    ssrc: int
    at: int


class Answer(msgspec.Struct, frozen=True):
    """DLRR (RFC 3611 §4.5): the question of `of` that said `at` came."""

    ssrc: int
    of: int
    at: int


class Probe(msgspec.Struct, frozen=True):
    """One of two packets sent at once, a small one and a larger one behind it: how much later the
    second comes tells what the narrowest place on the way carries. `number`: of the pair."""

    ssrc: int
    number: int
    is_second: bool


Rtcp = SenderReport | ReceiverReport | Nack | Pli | Remb | Tmmbr | Bye | Question | Answer | Probe


def ntp_from_unix(at: float) -> int:
    """Unix seconds → 64-bit NTP timestamp."""
    return int((at + NTP_EPOCH_S) * (1 << 32))


def unix_from_ntp(ntp: int) -> float:
    """64-bit NTP timestamp → Unix seconds."""
    return ntp / (1 << 32) - NTP_EPOCH_S


def ntp32(at: float) -> int:
    """Unix seconds → the middle 32 bits of the NTP timestamp (1/65536 s)."""
    return ntp_from_unix(at) >> 16 & 0xFFFFFFFF


def round_trip_ms(block: ReportBlock, now_ntp32: int) -> float | None:
    """Round trip by a report about us (RFC 3550 §6.4.1); None when it names no report of ours."""
    if block.lsr == 0:
        return None
    elapsed = (now_ntp32 - block.lsr - block.dlsr) & 0xFFFFFFFF
    return None if elapsed > 0x7FFFFFFF else elapsed * 1000 / 65536


class RoundTrip:
    """The round trip of one link: the shortest that reports told in the last `FOR_S` seconds, for
    each waits behind what was sent just before it."""

    FOR_S = 5.5

    def __init__(self) -> None:
        self.ms = 0.0
        self._told: deque[tuple[float, float]] = deque()

    def push(self, block: ReportBlock, now: float, now_ntp32: int) -> None:
        """A report about us that arrived now: in monotonic seconds, and as NTP has it."""
        ms = round_trip_ms(block, now_ntp32)
        if ms is None:
            return
        self._told.append((now, ms))
        while self._told[0][0] < now - self.FOR_S:
            self._told.popleft()
        self.ms = min(ms for _at, ms in self._told)


# -- RTCP bytes -----------------------------------------------------------------------------------


def _rtcp(count: int, kind: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def _blocks(reports: Sequence[ReportBlock]) -> bytes:
    return b"".join(
        struct.pack(
            "!LLLLLL",
            one.ssrc,
            one.fraction_lost << 24 | one.cumulative_lost & 0xFFFFFF,
            one.highest_seq,
            one.jitter,
            one.lsr,
            one.dlsr,
        )
        for one in reports
    )


def _sdes(ssrcs: Sequence[int], cname: str) -> bytes:
    name = cname.encode()[:255]
    body = b""
    for ssrc in ssrcs:
        item = struct.pack("!LBB", ssrc, 1, len(name)) + name + b"\0"
        body += item + b"\0" * (-len(item) % 4)
    return _rtcp(len(ssrcs), RTCP_SDES, body)


class SentInfo(msgspec.Struct, frozen=True):
    """The sender's part of a sender report (RFC 3550 §6.4.1)."""

    ssrc: int
    ntp: int
    ts: int
    packets: int
    octets: int


def build_srs(sent: Sequence[SentInfo], *, cname: str) -> bytes:
    """Sender reports of several streams of one source in one compound packet."""
    reports = b""
    for one in sent:
        counts = (one.packets & 0xFFFFFFFF, one.octets & 0xFFFFFFFF)
        reports += _rtcp(0, RTCP_SR, struct.pack("!LQLLL", one.ssrc, one.ntp, one.ts, *counts))
    return reports + _sdes([one.ssrc for one in sent], cname)


def build_sr(
    ssrc: int,
    ntp: int,
    ts: int,
    packets: int,
    octets: int,
    reports: Sequence[ReportBlock],
    *,
    cname: str,
) -> bytes:
    """A sender report with its SDES, as one compound packet."""
    body = struct.pack(
        "!LQLLL", ssrc, ntp, ts, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF
    ) + _blocks(reports)
    return _rtcp(len(reports), RTCP_SR, body) + _sdes([ssrc], cname)


def build_rr(ssrc: int, reports: Sequence[ReportBlock], *, cname: str) -> bytes:
    """A receiver report with its SDES, as one compound packet."""
    body = struct.pack("!L", ssrc) + _blocks(reports)
    return _rtcp(len(reports), RTCP_RR, body) + _sdes([ssrc], cname)


def compound(ssrc: int, feedback: bytes) -> bytes:
    """Feedback behind an empty receiver report: every compound packet begins with a report."""
    return _rtcp(0, RTCP_RR, struct.pack("!L", ssrc)) + feedback


def build_nack(ssrc: int, media_ssrc: int, seqs: Sequence[int]) -> bytes:
    """A generic NACK for these sequence numbers (any order)."""
    left = sorted(set(seqs), key=lambda s: seq_delta(s, seqs[0]))
    pairs = []
    while left:
        base, mask, rest = left[0], 0, []
        for seq in left[1:]:
            distance = seq_delta(seq, base)
            if 1 <= distance <= 16:
                mask |= 1 << (distance - 1)
            else:
                rest.append(seq)
        pairs.append(struct.pack("!HH", base, mask))
        left = rest
    return _rtcp(1, RTCP_RTPFB, struct.pack("!LL", ssrc, media_ssrc) + b"".join(pairs))


def build_pli(sender_ssrc: int, media_ssrc: int) -> bytes:
    """A picture loss indication."""
    return _rtcp(1, RTCP_PSFB, struct.pack("!LL", sender_ssrc, media_ssrc))


def build_remb(sender_ssrc: int, bitrate: int, ssrcs: Sequence[int] = ()) -> bytes:
    """What the receiver thinks the link carries, in bit/s, rounded down to 18 bits."""
    exponent = max(0, bitrate.bit_length() - 18)
    head = struct.pack("!LL4sL", sender_ssrc, 0, b"REMB", 0)[:-4]
    number = len(ssrcs) << 24 | exponent << 18 | bitrate >> exponent
    body = head + struct.pack(f"!L{len(ssrcs)}L", number, *ssrcs)
    return _rtcp(15, RTCP_PSFB, body)


def build_tmmbr(one: Tmmbr) -> bytes:
    """The request; its bitrate is rounded down to 17 bits."""
    exponent = max(0, one.bitrate.bit_length() - 17)
    number = exponent << 26 | (one.bitrate >> exponent) << 9 | one.overhead_bytes & 0x1FF
    return _rtcp(3, RTCP_RTPFB, struct.pack("!LLLL", one.ssrc, 0, one.media_ssrc, number))


def build_question(ssrc: int, at: int) -> bytes:
    """An extended report that asks whether it arrives."""
    # The block's time has 64 bits, of which the answer names the middle 32.
    block = struct.pack("!BBHQ", XR_QUESTION, 0, 2, (at & 0xFFFFFFFF) << 16)
    return _rtcp(0, RTCP_XR, struct.pack("!L", ssrc) + block)


def build_answer(ssrc: int, question: Question) -> bytes:
    """The answer to a question, given at once."""
    block = struct.pack("!BBHLLL", XR_ANSWER, 0, 3, question.ssrc, question.at, 0)
    return _rtcp(0, RTCP_XR, struct.pack("!L", ssrc) + block)


def build_probe(ssrc: int, number: int, size_bytes: int, *, is_second: bool) -> bytes:
    """An APP packet (RFC 3550 §6.7) of so many bytes, a multiple of 4 from 16 on."""
    body = struct.pack("!L4sL", ssrc, PROBE_NAME, number & 0xFFFFFFFF)
    return _rtcp(int(is_second), RTCP_APP, body.ljust(size_bytes - 4, b"\0"))


def parse_rtcp(data: bytes) -> list[Rtcp]:
    """The packets of a compound RTCP packet; unknown kinds are passed over.

    Raises ValueError on damage.
    """
    found: list[Rtcp] = []
    position = 0
    while position < len(data):
        if len(data) - position < 4:
            raise ValueError("RTCP packet is cut off")
        first, kind, words = struct.unpack_from("!BBH", data, position)
        if first >> 6 != 2:
            raise ValueError("RTCP version is not 2")
        end = position + 4 + 4 * words
        if end > len(data):
            raise ValueError("RTCP packet is cut off")
        one = _parse_one(first & 0x1F, kind, data[position + 4 : end])
        if one is not None:
            found.append(one)
        position = end
    return found


def _parse_one(count: int, kind: int, body: bytes) -> Rtcp | None:
    try:
        if kind == RTCP_SR:
            ssrc, ntp, ts, packets, octets = struct.unpack_from("!LQLLL", body)
            return SenderReport(ssrc, ntp, ts, packets, octets, _parse_blocks(body, 24, count))
        if kind == RTCP_RR:
            (ssrc,) = struct.unpack_from("!L", body)
            return ReceiverReport(ssrc, _parse_blocks(body, 4, count))
        if kind == RTCP_BYE:
            return Bye(struct.unpack_from(f"!{count}L", body))
        if kind == RTCP_XR:
            return _parse_xr(body)
        if kind == RTCP_APP and body[4:8] == PROBE_NAME:
            ssrc, number = struct.unpack_from("!L4xL", body)
            return Probe(ssrc, number, count == 1)
        if kind == RTCP_RTPFB and count == 1:
            ssrc, media = struct.unpack_from("!LL", body)
            return Nack(ssrc, media, _parse_nack(body[8:]))
        if kind == RTCP_RTPFB and count == 3:
            ssrc, media, number = struct.unpack_from("!L4xLL", body)
            return Tmmbr(ssrc, media, (number >> 9 & 0x1FFFF) << (number >> 26), number & 0x1FF)
        if kind == RTCP_PSFB and count == 1:
            return Pli(*struct.unpack_from("!LL", body))
        if kind == RTCP_PSFB and count == 15 and body[8:12] == b"REMB":
            ssrc, number = struct.unpack_from("!L8xL", body)
            return Remb(ssrc, (number & 0x3FFFF) << (number >> 18 & 0x3F))
    except struct.error as error:
        raise ValueError("RTCP packet is cut off") from error
    return None


def _parse_xr(body: bytes) -> Question | Answer | None:
    """The first block that asks or answers; the other kinds are passed over."""
    (ssrc,) = struct.unpack_from("!L", body)
    position = 4
    while position + 4 <= len(body):
        kind, words = struct.unpack_from("!BxH", body, position)
        if kind == XR_QUESTION:
            (ntp,) = struct.unpack_from("!Q", body, position + 4)
            return Question(ssrc, ntp >> 16 & 0xFFFFFFFF)
        if kind == XR_ANSWER:
            return Answer(ssrc, *struct.unpack_from("!LL", body, position + 4))
        position += 4 + 4 * words
    return None


def _parse_blocks(body: bytes, offset: int, count: int) -> tuple[ReportBlock, ...]:
    blocks = []
    for number in range(count):
        ssrc, loss, highest, jitter, lsr, dlsr = struct.unpack_from(
            "!LLLLLL", body, offset + 24 * number
        )
        lost = loss & 0xFFFFFF
        lost -= (lost & 0x800000) << 1
        blocks.append(ReportBlock(ssrc, loss >> 24, lost, highest, jitter, lsr, dlsr))
    return tuple(blocks)


def _parse_nack(body: bytes) -> tuple[int, ...]:
    seqs = []
    for base, mask in struct.iter_unpack("!HH", body[: len(body) // 4 * 4]):
        seqs.append(base)
        seqs += [(base + bit + 1) & 0xFFFF for bit in range(16) if mask >> bit & 1]
    return tuple(seqs)


# -- reception statistics (RFC 3550 §A.1, §A.3, §A.8) ---------------------------------------------


OUT_OF_ORDER_S = 0.03
MAX_MISSED = 64


class ReceptionStats:
    """What arrived of one SSRC.

    Loss is the link's, before recovery: a packet that comes more than 30 ms (on a link that
    jitters: 1.5 times its jitter) after it was missed was sent again, and counts as lost; one
    that comes sooner was only out of order. What was sent for the first time after it was missed
    (by its absolute send time) is not lost either: the sender itself had to wait for it.
    """

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        self.ssrc = ssrc
        self.received_count = 0
        self._clock_rate = clock_rate
        self._seqs = SeqUnwrapper()
        self._base: int | None = None
        self._highest = 0
        # Missed packet → when, and the send time of the one that told
        self._missed: dict[int, tuple[float, int | None]] = {}
        self._jitter = 0.0
        self._transit: float | None = None
        self._arrived_at = 0.0
        self._before = (0, 0)
        self._lost_before = 0
        self._interval = (0, 0)

    def received(
        self,
        seq: int,
        ts: int,
        arrival: float,
        *,
        begins: bool = False,
        sent: int | None = None,
        before: int = 0,
    ) -> bool:
        """A packet arrived (a retransmitted one too); True when it is the newest so far.

        `sent`: its absolute send time (24 bits), when it has one. `before`: so many numbers before
        its own were never sent alone, what they stand for is in this packet. `begins`: a talkspurt
        or key frame begins here; what lies before it was not meant for us (a site is not sent its
        own turn) and is not lost.
        """
        value = self._seqs.unwrap(seq)
        if self._base is None:
            self._base, self._highest = value, value - 1
        self._arrived_at = arrival
        if value <= self._highest:
            for number in range(value - before, value + 1):
                missed = self._missed.pop(number, None)
                if missed is not None and not self._was_sent_again(missed, arrival, sent):
                    self.received_count += 1
            return False
        self.received_count += 1
        if begins:
            self._base += max(0, value - self._highest - 1)
        else:
            first = max(self._highest + 1, value - MAX_MISSED)
            self.received_count += max(0, min(before, value - first))
            for gap in range(first, value - before):
                self._missed[gap] = (arrival, sent)
            while len(self._missed) > MAX_MISSED:
                del self._missed[next(iter(self._missed))]
        self._highest = value
        transit = arrival * self._clock_rate - ts
        if self._transit is not None:
            # Timestamps are 32 bits, arrival is not: compare modulo 2^32.
            change = abs(ts_delta(round(transit) & 0xFFFFFFFF, round(self._transit) & 0xFFFFFFFF))
            if change < self._clock_rate:  # a pause of the source is not jitter
                self._jitter += (change - self._jitter) / 16
        self._transit = transit
        return True

    def _was_sent_again(
        self, missed: tuple[float, int | None], arrival: float, sent: int | None
    ) -> bool:
        missed_at, told_sent = missed
        if sent is not None and told_sent is not None and send_time_delta_s(sent, told_sent) >= 0:
            return False
        return arrival - missed_at >= self._patience_s

    @property
    def _patience_s(self) -> float:
        """So long a packet may only be out of order."""
        return max(OUT_OF_ORDER_S, 1.5 * self._jitter / self._clock_rate)

    def _may_come(self) -> int:
        """How many were missed so lately that they may only be out of order: not lost yet."""
        count = 0
        for missed_at, _sent in reversed(self._missed.values()):
            if self._arrived_at - missed_at >= self._patience_s:
                break
            count += 1
        return count

    @property
    def expected(self) -> int:
        return 0 if self._base is None else self._highest - self._base + 1

    @property
    def jitter_ms(self) -> float:
        return self._jitter * 1000 / self._clock_rate

    @property
    def loss_percent(self) -> float:
        """Share lost in the last reported interval."""
        lost, expected = self._interval
        return 100 * lost / expected if expected else 0.0

    @property
    def interval(self) -> tuple[int, int]:
        """Packets lost and expected in the last reported interval."""
        return self._interval

    @property
    def has_news(self) -> bool:
        """Whether anything was received since the last report."""
        return self._before != (self.expected, self.received_count)

    def report_block(self, lsr: int = 0, dlsr: int = 0) -> ReportBlock:
        """The report since the last one; `lsr`/`dlsr` per RFC 3550 §6.4.1."""
        expected = self.expected - self._before[0]
        self._before = (self.expected, self.received_count)
        lost_so_far = self.expected - self.received_count - self._may_come()
        self._interval = (min(expected, max(0, lost_so_far - self._lost_before)), expected)
        self._lost_before = lost_so_far
        lost = max(0, min(0x7FFFFF, lost_so_far))
        return ReportBlock(
            self.ssrc,
            min(255, int(self.loss_percent * 2.56)),
            lost,
            self._highest & 0xFFFFFFFF,
            int(self._jitter),
            lsr,
            dlsr & 0xFFFFFFFF,
        )


# -- VP8 (RFC 7741) -------------------------------------------------------------------------------


class Vp8Descriptor(msgspec.Struct, frozen=True):
    """The VP8 payload descriptor: `start` of a frame's first partition, `keyframe` (only known at
    the start), the picture id's value, bits and offset in the payload (None: not there)."""

    start: bool
    keyframe: bool
    picture_id: int | None
    picture_id_offset: int
    picture_id_bits: int
    size_bytes: int


def parse_vp8(payload: bytes) -> Vp8Descriptor:
    """The descriptor in front of a VP8 payload. Raises ValueError on damage."""
    try:
        first = payload[0]
        size, picture_id, at, bits = 1, None, 0, 0
        if first & 0x80:
            extension = payload[size]
            size += 1
            if extension & 0x80:
                at = size
                if payload[size] & 0x80:
                    picture_id = (payload[size] & 0x7F) << 8 | payload[size + 1]
                    size, bits = size + 2, 15
                else:
                    picture_id = payload[size]
                    size, bits = size + 1, 7
            if extension & 0x40:
                size += 1
            if extension & 0x30:
                size += 1
        start = bool(first & 0x10) and first & 0x0F == 0
        keyframe = start and not payload[size] & 0x01
    except IndexError as error:
        raise ValueError("VP8 payload is cut off") from error
    return Vp8Descriptor(start, keyframe, picture_id, at, bits, size)


def packetize_vp8(frame: bytes, picture_id: int, max_payload: int = 1180) -> list[bytes]:
    """The payloads of one VP8 frame, descriptor with a 15-bit picture id in front of each."""
    rest = struct.pack("!BH", 0x80, 0x8000 | picture_id & 0x7FFF)
    room = max_payload - 4
    return [
        bytes([0x90 if at == 0 else 0x80]) + rest + frame[at : at + room]
        for at in range(0, max(1, len(frame)), room)
    ]


class Vp8Frame(msgspec.Struct, frozen=True):
    """One whole VP8 frame."""

    data: bytes
    ts: int
    keyframe: bool
    picture_id: int | None


def is_key_frame_start(payload: bytes) -> bool:
    """True for the first packet of a key frame; False for damage too."""
    try:
        return parse_vp8(payload).keyframe
    except ValueError:
        return False


NACK_EVERY_S = 0.05
GIVE_UP_S = 0.2
KEY_FRAME_RETRY_S = 0.12
MAX_HELD_PACKETS = 512
REORDER_S = 0.01
MAX_GAP = 256


class Vp8Assembler:
    """Packets of one VP8 stream → whole frames, in order, none whose reference is missing.

    A frame is released at its marker bit. A missing packet is asked for again while the frames
    behind it wait; after 200 ms the assembler gives up and wants a key frame.
    """

    def __init__(self) -> None:
        self.given_up = 0
        self._seqs = SeqUnwrapper()
        self._held: dict[int, tuple[Header, bytes, Vp8Descriptor]] = {}
        self._next: int | None = None
        self._missing: dict[int, tuple[float, float]] = {}
        self._need_key = True
        self._asked_at = float("-inf")
        self._seen_any = False

    def push(self, header: Header, payload: bytes, now: float) -> list[Vp8Frame]:
        """A packet in; the frames that are whole now."""
        try:
            descriptor = parse_vp8(payload)
        except ValueError:
            return []
        seq = self._seqs.unwrap(header.seq)
        self._seen_any = True
        if self._next is not None and seq < self._next:
            return []
        if self._next is not None and seq - self._next > MAX_HELD_PACKETS:
            self._lose_reference()
        self._missing.pop(seq, None)
        self._held[seq] = (header, payload, descriptor)
        if self._need_key or (descriptor.keyframe and seq != self._next):
            # A key frame needs nothing before it: don't wait for what is missing.
            self._find_key_frame()
        elif self._next is not None:
            for gap in range(max(self._next, seq - MAX_GAP), seq):
                if gap not in self._held and gap not in self._missing:
                    self._missing[gap] = (now, now + REORDER_S)
        frames = self._take_whole()
        while len(self._held) > MAX_HELD_PACKETS:
            del self._held[min(self._held)]
        return frames

    def _find_key_frame(self) -> None:
        """Begin at the newest key frame whose start is here."""
        starts = [seq for seq, (_h, _p, d) in self._held.items() if d.keyframe]
        if not starts:
            return
        self._next = max(starts)
        self._need_key = False
        self._held = {seq: one for seq, one in self._held.items() if seq >= self._next}
        self._missing.clear()

    def _take_whole(self) -> list[Vp8Frame]:
        frames: list[Vp8Frame] = []
        while self._next is not None and not self._need_key:
            seq = self._next
            parts: list[tuple[Header, bytes, Vp8Descriptor]] = []
            while seq in self._held:
                header, payload, descriptor = self._held[seq]
                if parts and header.ts != parts[0][0].ts:
                    # The frame before was cut short at its source (a floor switch).
                    self._cut_short(seq, descriptor)
                    parts = []
                    break
                parts.append((header, payload, descriptor))
                seq += 1
                if header.marker:
                    break
            if not parts and self._next == seq and seq in self._held:
                continue
            if not parts or not parts[-1][0].marker:
                return frames
            first_header, _payload, first = parts[0]
            for done in range(self._next, seq):
                del self._held[done]
            self._next = seq
            if not first.start:
                self._lose_reference()
                return frames
            data = b"".join(p[d.size_bytes :] for _h, p, d in parts)
            frames.append(Vp8Frame(data, first_header.ts, first.keyframe, first.picture_id))
        return frames

    def _cut_short(self, seq: int, descriptor: Vp8Descriptor) -> None:
        if not descriptor.keyframe:
            self._lose_reference()
            return
        assert self._next is not None
        for done in range(self._next, seq):
            self._held.pop(done, None)
        self._next = seq

    def give_up(self) -> None:
        """What was given out could not be decoded: nothing is, until the next key frame."""
        self._lose_reference()

    def _lose_reference(self) -> None:
        self.given_up += 1
        self._need_key = True
        self._next = None
        self._held.clear()
        self._missing.clear()
        self._asked_at = float("-inf")

    def missing(self, now: float, rtt_s: float = 0.0) -> list[int]:
        """Sequence numbers to ask for now (RFC 4585 NACK); gives up on old ones."""
        due = []
        for seq, (since, ask_at) in list(self._missing.items()):
            if now - since > GIVE_UP_S + 2 * rtt_s:
                self._lose_reference()
                return []
            if now >= ask_at:
                due.append(seq & 0xFFFF)
                self._missing[seq] = (since, now + max(NACK_EVERY_S, rtt_s + 0.015))
        return due

    def needs_key_frame(self, now: float) -> bool:
        """True when a PLI is to be sent now; again every 120 ms until the key frame is here."""
        if not (self._need_key and self._seen_any) or now - self._asked_at < KEY_FRAME_RETRY_S:
            return False
        self._asked_at = now
        return True
