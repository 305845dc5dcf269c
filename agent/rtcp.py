"""RTCP bytes ↔ values. Pure.

RFC 3550 (reports; probes of our own in APP packets), RFC 3611 (XR: a question and its answer),
RFC 4585 (NACK, PLI), RFC 5104 (TMMBR), draft-alvestrand-rmcat-remb-03 (REMB). Damage raises
ValueError. Times are monotonic seconds given by the caller.
"""

import struct
from collections import deque
from collections.abc import Sequence

import msgspec

from agent.rtp import seq_delta

NTP_EPOCH_S = 2208988800
RTCP_SR, RTCP_RR, RTCP_SDES, RTCP_BYE, RTCP_RTPFB, RTCP_PSFB = 200, 201, 202, 203, 205, 206
RTCP_APP, RTCP_XR, XR_QUESTION, XR_ANSWER = 204, 207, 4, 5
PROBE_NAME, TRAIN_NAME = b"Prob", b"Trai"


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


class Train(msgspec.Struct, frozen=True):
    """One of several packets of one size, sent at once: how far apart they come tells what the
    narrowest place on the way carries. `number`: of the train, `place`: in it, from 0; `sent`: its
    absolute send time (24 bits)."""

    ssrc: int
    number: int
    place: int
    sent: int


Report = SenderReport | ReceiverReport
Feedback = Nack | Pli | Remb | Tmmbr
Rtcp = Report | Feedback | Bye | Question | Answer | Probe | Train


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


# -- bytes ----------------------------------------------------------------------------------------


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


def build_train(ssrc: int, number: int, place: int, sent: int, size_bytes: int) -> bytes:
    """The packet at this place (below 32) of a train; its size as that of a probe, from 20 on."""
    body = struct.pack("!L4sLL", ssrc, TRAIN_NAME, number & 0xFFFFFFFF, sent)
    return _rtcp(place, RTCP_APP, body.ljust(size_bytes - 4, b"\0"))


def parse(data: bytes) -> list[Rtcp]:
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
        if kind == RTCP_APP and body[4:8] == TRAIN_NAME:
            ssrc, number, sent = struct.unpack_from("!L4xLL", body)
            return Train(ssrc, number, count, sent & 0xFFFFFF)
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
