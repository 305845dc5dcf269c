"""RTP, RTCP and VP8 bytes ↔ values."""

import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import rtp

uint16 = st.integers(0, 0xFFFF)
uint32 = st.integers(0, 0xFFFFFFFF)


# -- arithmetic -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "delta"), [(1, 0, 1), (0, 1, -1), (0, 0xFFFF, 1), (0xFFFF, 0, -1), (5, 5, 0)]
)
def test_sequence_numbers_and_timestamps_wrap(a: int, b: int, delta: int) -> None:
    assert rtp.seq_delta(a, b) == delta
    wide = {0xFFFF: 0xFFFFFFFF}
    assert rtp.ts_delta(wide.get(a, a), wide.get(b, b)) == delta


@given(uint16, st.lists(st.integers(-300, 1000), max_size=50))
def test_unwrapped_numbers_follow_the_true_ones(start: int, moves: list[int]) -> None:
    unwrapper = rtp.SeqUnwrapper()
    true = start + 0x10000
    highest = true
    assert unwrapper.unwrap(start) == true
    for move in moves:
        true = max(highest + move, 0x10000)
        assert unwrapper.unwrap(true & 0xFFFF) == true
        highest = max(highest, true)


@given(uint32, st.lists(st.integers(-90_000, 10_000_000), max_size=50))
def test_unwrapped_timestamps_follow_the_true_ones(start: int, moves: list[int]) -> None:
    unwrapper = rtp.TsUnwrapper()
    true = highest = start + 0x100000000
    assert unwrapper.unwrap(start) == true
    for move in moves:
        true = max(highest + move, 0)
        assert unwrapper.unwrap(true & 0xFFFFFFFF) == true
        highest = max(highest, true)


# -- RTP ------------------------------------------------------------------------------------------


@given(
    st.integers(0, 127), uint16, uint32, uint32, st.binary(max_size=50), st.booleans(),
    st.one_of(st.none(), st.integers(0, 127)), st.integers(0, 255),
)  # fmt: skip
def test_a_packet_is_read_as_it_was_built(
    payload_type: int, seq: int, ts: int, ssrc: int, payload: bytes, marker: bool,
    level: int | None, recovered: int,
) -> None:  # fmt: skip
    packet = rtp.build(
        payload_type, seq, ts, ssrc, payload, marker=marker, audio_level=level, recovered=recovered
    )
    header = rtp.parse(packet)
    assert header.recovered == recovered
    assert (header.payload_type, header.marker, header.seq) == (payload_type, marker, seq)
    assert (header.ts, header.ssrc, header.audio_level) == (ts, ssrc, level)
    assert packet[header.payload_offset : header.payload_end] == payload


def test_contributing_sources_and_padding_are_passed_over() -> None:
    packet = struct.pack("!BBHLLLL", 0xA2, 96, 7, 8, 9, 1, 2) + b"sound" + b"\0\0\3"
    header = rtp.parse(packet)
    assert packet[header.payload_offset : header.payload_end] == b"sound"


@given(st.binary(max_size=80))
def test_damage_raises_value_error_and_nothing_else(data: bytes) -> None:
    for parse in (rtp.parse, rtp.parse_rtcp, rtp.parse_vp8):
        try:
            parse(data)
        except ValueError:
            pass


WHOLE = [
    rtp.build(96, 1, 2, 3, b"sound", audio_level=20),
    rtp.build_sr(1, 2, 3, 4, 5, [rtp.ReportBlock(1, 2, 3, 4, 5, 6, 7)], cname="kandis"),
    rtp.build_rr(1, [rtp.ReportBlock(1, 2, 3, 4, 5, 6, 7)] * 3, cname="kandis"),
    rtp.compound(1, rtp.build_nack(1, 2, [5, 6, 40])),
    rtp.compound(1, rtp.build_pli(1, 2)),
    rtp.compound(1, rtp.build_remb(1, 60_000)),
    rtp.compound(1, rtp.build_tmmbr(rtp.Tmmbr(1, 2, 43_000, 68))),
    rtp.build_srs([rtp.SentInfo(1, 2, 3, 4, 5)] * 2, cname="kandis"),
    rtp.packetize_vp8(b"\0picture", 300)[0],
]


@settings(max_examples=300)
@given(
    st.sampled_from(WHOLE),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4),
    st.integers(0, 200),
)
def test_whole_packets_that_were_damaged_raise_value_error_and_nothing_else(
    packet: bytes, changes: list[tuple[int, int]], size: int
) -> None:
    damaged = bytearray(packet)
    for at, value in changes:
        damaged[at % len(damaged)] = value
    data = bytes(damaged[:size])
    for parse in (rtp.parse, rtp.parse_rtcp, rtp.parse_vp8):
        try:
            parse(data)
        except ValueError:
            pass


@pytest.mark.parametrize(
    ("packet", "said"),
    [
        (b"", "shorter"),
        (b"\x40" + bytes(11), "version"),
        (b"\x81" + bytes(11), "cut off"),
        (b"\x90" + bytes(13), "extension is cut off"),
        (b"\x90" + bytes(11) + b"\xbe\xde\0\5" + bytes(8), "extension is cut off"),
        (b"\xa0" + bytes(12), "padding of length 0"),
        (b"\xa0" + bytes(11) + b"\x09", "cut off"),
    ],
)
def test_damage_is_named(packet: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        rtp.parse(packet)


def test_rewrite_changes_the_header_alone() -> None:
    packet = rtp.build(96, 1, 2, 3, b"sound", marker=True, audio_level=20)
    header = rtp.parse(bytes(rtp.rewrite(packet, 97, 0xFFFF, 5, 6)))
    assert (header.payload_type, header.marker, header.seq) == (97, False, 0xFFFF)
    assert (header.ts, header.ssrc, header.audio_level) == (5, 6, 20)


# -- RTCP -----------------------------------------------------------------------------------------

blocks = st.builds(
    rtp.ReportBlock, uint32, st.integers(0, 255), st.integers(-1000, 0x7FFFFF), uint32, uint32,
    uint32, uint32,
)  # fmt: skip


@given(uint32, st.integers(0, 2**64 - 1), uint32, uint32, uint32, st.lists(blocks, max_size=5))
def test_reports_are_read_as_they_were_built(
    ssrc: int, ntp: int, ts: int, packets: int, octets: int, reports: list[rtp.ReportBlock]
) -> None:
    sr = rtp.build_sr(ssrc, ntp, ts, packets, octets, reports, cname="kandis")
    rr = rtp.build_rr(ssrc, reports, cname="kandis")
    assert rtp.parse_rtcp(sr + rr) == [
        rtp.SenderReport(ssrc, ntp, ts, packets, octets, tuple(reports)),
        rtp.ReceiverReport(ssrc, tuple(reports)),
    ]


@given(uint16, st.sets(st.integers(0, 200), min_size=1, max_size=60))
def test_a_nack_names_exactly_what_is_missing(first: int, offsets: set[int]) -> None:
    seqs = [(first + offset) & 0xFFFF for offset in offsets]
    (_report, nack) = rtp.parse_rtcp(rtp.compound(1, rtp.build_nack(1, 2, seqs)))
    assert isinstance(nack, rtp.Nack)
    assert (nack.media_ssrc, sorted(nack.seqs)) == (2, sorted(seqs))


def test_pli() -> None:
    assert rtp.parse_rtcp(rtp.compound(1, rtp.build_pli(1, 2)))[1] == rtp.Pli(1, 2)


@given(uint32, uint32, st.integers(0, 10_000_000), st.integers(0, 511))
def test_a_limit_is_read_as_it_was_built_but_for_the_last_bits(
    ssrc: int, media: int, bitrate: int, overhead: int
) -> None:
    built = rtp.build_tmmbr(rtp.Tmmbr(ssrc, media, bitrate, overhead))
    (_report, one) = rtp.parse_rtcp(rtp.compound(1, built))
    assert isinstance(one, rtp.Tmmbr)
    assert (one.ssrc, one.media_ssrc, one.overhead_bytes) == (ssrc, media, overhead)
    assert 0 <= bitrate - one.bitrate <= bitrate >> 16
    assert bitrate >= 1 << 17 or one.bitrate == bitrate


def test_a_limit_is_written_as_rfc_5104_has_it() -> None:
    """Exponent 6 bits, mantissa 17, overhead 9; media SSRC 0 in the head, its own in the entry."""
    built = rtp.build_tmmbr(rtp.Tmmbr(0x01020304, 0x0A0B0C0D, 43_200, 68))
    word = 43_200 << 9 | 68
    expected = struct.pack("!BBHLLLL", 0x83, 205, 4, 0x01020304, 0, 0x0A0B0C0D, word)
    assert built == expected
    with pytest.raises(ValueError):
        rtp.parse_rtcp(built[:-4][:2] + struct.pack("!H", 3) + built[4:-4])


def test_reports_of_several_streams_go_in_one_packet() -> None:
    sent = [rtp.SentInfo(ssrc, 5 << 32, 7, 2**32 + 3, 9) for ssrc in (1, 2)]
    assert rtp.parse_rtcp(rtp.build_srs(sent, cname="kandis")) == [
        rtp.SenderReport(ssrc, 5 << 32, 7, 3, 9, ()) for ssrc in (1, 2)
    ]


def test_the_round_trip_is_the_shortest_of_the_last_seconds() -> None:
    link = rtp.RoundTrip()
    sent = rtp.ntp32(1000.0)
    block = rtp.ReportBlock(1, 0, 0, 0, 0, sent, 0)
    told = []
    for at, ms in ((0.0, 80), (1.0, 60), (2.0, 300), (1.0 + link.FOR_S, 90), (7.0, 90)):
        link.push(block, at, rtp.ntp32(1000.0 + ms / 1000))
        told.append(round(link.ms))
    assert told == [80, 60, 60, 60, 90]
    link.push(rtp.ReportBlock(1, 0, 0, 0, 0, 0, 0), 8.0, sent)
    assert round(link.ms) == 90, "one that names no report of ours tells nothing"
    for second in range(1000):
        link.push(block, 10.0 + second / 10, rtp.ntp32(1000.1))
    assert len(link._told) <= 10 * link.FOR_S + 2


def test_round_trip_by_a_report() -> None:
    sent = rtp.ntp32(1000.0)
    block = rtp.ReportBlock(1, 0, 0, 0, 0, sent, round(0.5 * 65536))
    assert rtp.round_trip_ms(block, rtp.ntp32(1000.6)) == pytest.approx(100, abs=0.1)
    assert rtp.round_trip_ms(rtp.ReportBlock(1, 0, 0, 0, 0, 0, 0), sent) is None


# -- reception ------------------------------------------------------------------------------------


def received(stats: rtp.ReceptionStats, seqs: list[int], first_s: float = 0.0) -> None:
    for number, seq in enumerate(seqs):
        stats.received(seq & 0xFFFF, seq * 960, first_s + number * 0.02)


def test_loss_is_counted_across_the_wrap() -> None:
    stats = rtp.ReceptionStats(1, 48_000)
    received(stats, [s for s in range(0xFFF1, 0xFFF1 + 100) if s % 10])
    block = stats.report_block()
    assert (block.cumulative_lost, stats.expected) == (9, 99)
    assert block.fraction_lost == 23
    assert stats.report_block().fraction_lost == 0


def test_reordering_is_no_loss_and_a_retransmission_does_not_hide_one() -> None:
    stats = rtp.ReceptionStats(1, 48_000)
    for seq, at in [(1, 0.0), (3, 0.04), (2, 0.05), (5, 0.1), (4, 0.3), (6, 0.31)]:
        stats.received(seq, seq * 960, at)
    assert stats.report_block().cumulative_lost == 1


def test_a_packet_that_comes_twice_hides_no_loss() -> None:
    stats = rtp.ReceptionStats(1, 48_000)
    for seq, at in [(1, 0.0), (2, 0.02), (2, 0.021), (4, 0.06), (4, 0.061), (1, 0.1)]:
        stats.received(seq, seq * 960, at)
    assert stats.report_block().cumulative_lost == 1


def test_jitter_is_none_on_an_even_link_and_seen_on_an_uneven_one() -> None:
    even, uneven = rtp.ReceptionStats(1, 48_000), rtp.ReceptionStats(1, 48_000)
    for n in range(300):
        ts = (2**32 - 100_000 + n * 960) & 0xFFFFFFFF
        even.received(n, ts, 5000 + n * 0.02)
        uneven.received(n, ts, 5000 + n * 0.02 + 0.01 * (n % 2))
    assert even.jitter_ms == pytest.approx(0, abs=0.1)
    assert uneven.jitter_ms == pytest.approx(10, abs=1)


def test_numbers_that_stand_for_what_is_in_the_next_packet_are_not_lost() -> None:
    stats = rtp.ReceptionStats(1, 48_000)
    for seq in (*range(0xFFF1, 0x10000 + 20, 2),):
        stats.received(seq & 0xFFFF, seq * 960, seq * 0.02, before=1)
    assert stats.report_block().cumulative_lost == 0
    lossy = rtp.ReceptionStats(1, 48_000)
    for seq in (1, 3, 7, 9):
        lossy.received(seq, seq * 960, seq * 0.02, before=1)
    assert lossy.report_block().cumulative_lost == 2, "a pair is two numbers"
    lossy.received(5, 5 * 960, 0.15, before=1)
    assert lossy.report_block().cumulative_lost == 0, "it was out of order, and so were both"
    mixed = rtp.ReceptionStats(1, 48_000)
    for seq, alone in ((1, 0), (2, 1), (3, 0), (5, 0), (7, 1)):
        mixed.received(seq, seq * 960, seq * 0.02, before=alone)
    assert mixed.report_block().cumulative_lost == 1


def test_what_was_sent_after_it_was_missed_is_not_lost() -> None:
    """The relay itself had to wait for it: it tells the send time of its first sending."""
    stats = rtp.ReceptionStats(1, 48_000)
    for seq, at in ((1, 0.0), (2, 0.02), (4, 0.06)):
        stats.received(seq, seq * 960, at, sent=rtp.send_time(at - 0.03))
    stats.received(3, 3 * 960, 0.3, sent=rtp.send_time(0.27))
    assert stats.report_block().cumulative_lost == 0
    stats.received(6, 6 * 960, 0.32, sent=rtp.send_time(0.29))
    stats.received(5, 5 * 960, 0.5, sent=rtp.send_time(0.28))
    assert stats.report_block().cumulative_lost == 1, "that was sent again"
    stats.received(8, 8 * 960, 0.6, sent=rtp.send_time(0.57))
    stats.received(7, 7 * 960, 0.8)
    assert stats.report_block().cumulative_lost == 2, "of which nobody knows when it was sent"


def test_news_and_the_last_interval() -> None:
    stats = rtp.ReceptionStats(1, 48_000)
    assert not stats.has_news and stats.interval == (0, 0)
    received(stats, [1, 2, 4, 5, 6])
    assert stats.has_news
    stats.report_block()
    assert not stats.has_news and stats.interval == (1, 6)
    assert stats.loss_percent == pytest.approx(100 / 6)
    stats.report_block()
    assert stats.interval == (0, 0) and stats.loss_percent == 0


def test_what_may_only_be_out_of_order_is_not_told_as_lost_yet() -> None:
    comes, stays_away = rtp.ReceptionStats(1, 48_000), rtp.ReceptionStats(1, 48_000)
    for stats in (comes, stays_away):
        for seq, at in [(1, 0.0), (2, 0.02), (4, 0.06)]:
            stats.received(seq, seq * 960, at)
        assert stats.report_block().cumulative_lost == 0 and stats.interval == (0, 4)
    comes.received(3, 3 * 960, 0.07)
    for stats, lost in ((comes, 0), (stays_away, 1)):
        stats.received(5, 5 * 960, 0.11)
        assert stats.report_block().cumulative_lost == lost
        assert stats.interval == (lost, 1)


def test_what_was_not_meant_for_us_is_not_lost() -> None:
    stats = rtp.ReceptionStats(1, 48_000)
    received(stats, [1, 2, 3])
    stats.received(200, 0, 5.0, begins=True)
    assert stats.report_block().cumulative_lost == 0


# -- VP8 ------------------------------------------------------------------------------------------


class Sent:
    """Frames of a VP8 stream as packets; frame n is the bytes of n, key frames every `keys`."""

    def __init__(self, frames: int, keys: int, seed: int, first_seq: int = 0xFFC0) -> None:
        rng = random.Random(seed)
        self.frames: list[bytes] = []
        self.packets: list[tuple[int, bytes]] = []
        seq = first_seq
        for number in range(frames):
            first = b"\0" if number % keys == 0 else b"\1"
            frame = first + struct.pack("!L", number) + bytes(rng.randrange(2000))
            self.frames.append(frame)
            payloads = rtp.packetize_vp8(frame, number, max_payload=500)
            for part, payload in enumerate(payloads, 1):
                marker = part == len(payloads)
                packet = rtp.build(97, seq & 0xFFFF, number * 9000, 1, payload, marker=marker)
                self.packets.append((number, packet))
                seq += 1


def push(assembler: rtp.Vp8Assembler, packet: bytes, now: float) -> list[rtp.Vp8Frame]:
    header = rtp.parse(packet)
    return assembler.push(header, packet[header.payload_offset : header.payload_end], now)


def test_frames_come_out_as_they_went_in_and_at_their_last_packet() -> None:
    sent = Sent(20, 20, 1)
    assembler = rtp.Vp8Assembler()
    out: list[bytes] = []
    for place, (number, packet) in enumerate(sent.packets):
        frames = push(assembler, packet, place * 0.01)
        is_last = place + 1 == len(sent.packets) or sent.packets[place + 1][0] != number
        assert len(frames) == int(is_last)
        out += [frame.data for frame in frames]
    assert out == sent.frames


def test_a_lost_packet_is_asked_for_and_its_frame_comes_late() -> None:
    sent = Sent(6, 100, 2)
    assembler = rtp.Vp8Assembler()
    lost = next(p for p, (number, _packet) in enumerate(sent.packets) if number == 2)
    out = []
    for place, (_number, packet) in enumerate(sent.packets):
        if place != lost:
            out += push(assembler, packet, 0.0)
    assert [frame.data for frame in out] == sent.frames[:2]
    asked = assembler.missing(0.011)
    assert asked == [rtp.parse(sent.packets[lost][1]).seq]
    assert assembler.missing(0.02) == [], "not at once again"
    assert assembler.missing(0.07) == asked
    out += push(assembler, sent.packets[lost][1], 0.1)
    assert [frame.data for frame in out] == sent.frames
    assert assembler.missing(1.0) == []


def test_what_does_not_come_back_is_given_up_for_a_key_frame() -> None:
    sent = Sent(8, 6, 3)
    assembler = rtp.Vp8Assembler()
    lost = next(p for p, (number, _packet) in enumerate(sent.packets) if number == 2)
    out = []
    for place, (number, packet) in enumerate(sent.packets):
        if place != lost and number < 6:
            out += push(assembler, packet, 0.0)
    assert not assembler.needs_key_frame(0.1)
    assembler.missing(0.5)
    assert assembler.needs_key_frame(0.5)
    assert not assembler.needs_key_frame(0.55)
    assert assembler.needs_key_frame(0.63)
    for number, packet in sent.packets:
        if number >= 6:
            out += push(assembler, packet, 0.7)
    assert [frame.data for frame in out] == [*sent.frames[:2], *sent.frames[6:]]
    assert not assembler.needs_key_frame(1.0)


def test_a_key_frame_needs_nothing_before_it() -> None:
    sent = Sent(4, 2, 4)
    assembler = rtp.Vp8Assembler()
    out = []
    for number, packet in sent.packets:
        if number != 1:
            out += push(assembler, packet, 0.0)
    assert [frame.data for frame in out] == [sent.frames[0], *sent.frames[2:]]


def test_a_frame_cut_short_by_a_switch_is_left_out() -> None:
    sent = Sent(3, 1, 5)
    cut = [p for n, p in sent.packets if n == 1][:-1]
    later = [p for n, p in sent.packets if n == 2]
    first = [p for n, p in sent.packets if n == 0]
    # The relay's numbers go on without a hole where the old source was cut off.
    seq = rtp.parse(first[0]).seq
    assembler = rtp.Vp8Assembler()
    out = []
    for number, packet in enumerate([*first, *cut, *later]):
        header = rtp.parse(packet)
        second = packet[1]
        moved = bytes(rtp.rewrite(packet, second, (seq + number) & 0xFFFF, header.ts, 1))
        out += push(assembler, moved, 0.0)
    assert [frame.data for frame in out] == [sent.frames[0], sent.frames[2]]


@pytest.mark.parametrize("missing", ["end", "start"])
def test_half_a_frame_without_a_hole_in_the_numbers_is_given_up(missing: str) -> None:
    """Its rest will never come, so what follows has no reference."""
    frames = [b"\0key", b"\1" + bytes(1500), b"\1later", b"\1last"]
    packets = []
    for number, frame in enumerate(frames):
        parts = rtp.packetize_vp8(frame, number, max_payload=500)
        kept = list(enumerate(parts, 1))
        if number == 1:
            kept = kept[:-1] if missing == "end" else kept[1:]
        packets += [(number, payload, part == len(parts)) for part, payload in kept]
    assembler = rtp.Vp8Assembler()
    out = []
    for seq, (number, payload, marker) in enumerate(packets):
        out += push(assembler, rtp.build(97, seq, number * 9000, 1, payload, marker=marker), 0.0)
    assert [frame.data for frame in out] == frames[:1]
    assert assembler.given_up == 1
    assert assembler.needs_key_frame(0.0)


def test_memory_is_bounded_without_a_key_frame_and_behind_a_hole() -> None:
    sent = Sent(1500, 10_000, 6)
    key, rest = sent.packets[0][1], [packet for _number, packet in sent.packets[5:]]
    for first in ([], [key]):
        assembler = rtp.Vp8Assembler()
        for packet in [*first, *rest]:
            push(assembler, packet, 0.0)
            assert len(assembler._held) <= rtp.MAX_HELD_PACKETS
            assert len(assembler._missing) <= rtp.MAX_HELD_PACKETS + rtp.MAX_GAP
        assert assembler.needs_key_frame(1.0)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 0.4), st.integers(0, 30), st.integers(2, 15))
def test_no_frame_whose_reference_is_missing_is_handed_out(
    seed: int, loss: float, reorder: int, keys: int
) -> None:
    rng = random.Random(seed)
    sent = Sent(60, keys, seed)
    schedule = []
    for place, (number, packet) in enumerate(sent.packets):
        arrives = place * 0.01 + rng.random() * reorder * 0.001
        if rng.random() >= loss:
            schedule.append((arrives, number, packet))
        elif rng.random() < 0.5:
            schedule.append((arrives + 0.15, number, packet))
    schedule.sort(key=lambda one: one[0])
    assembler = rtp.Vp8Assembler()
    out: list[int] = []
    for at, _number, packet in schedule:
        for frame in push(assembler, packet, at):
            number = struct.unpack_from("!L", frame.data, 1)[0]
            assert frame.data == sent.frames[number]
            out.append(number)
        assembler.missing(at)
        assembler.needs_key_frame(at)
    assert out == sorted(set(out))
    for before, number in zip([None, *out], out, strict=False):
        assert number % keys == 0 or before == number - 1


def test_a_question_and_its_answer() -> None:
    """Extended reports, written down byte by byte from RFC 3611 §4.4 and §4.5."""
    question = rtp.build_question(0x01020304, 0xAABBCCDD)
    assert question.hex() == "80cf000401020304040000020000aabbccdd0000"
    (parsed,) = rtp.parse_rtcp(question)
    assert parsed == rtp.Question(0x01020304, 0xAABBCCDD)
    answer = rtp.build_answer(9, parsed)
    assert answer.hex() == "80cf0005000000090500000301020304aabbccdd00000000"
    assert rtp.parse_rtcp(answer) == [rtp.Answer(9, 0x01020304, 0xAABBCCDD)]


def test_blocks_that_neither_ask_nor_answer_are_passed_over() -> None:
    other = bytes.fromhex("0100000100000000")
    body = bytes.fromhex("00000001") + other + bytes.fromhex("040000020000aabbccdd0000")
    packet = bytes.fromhex("80cf0006") + body
    assert rtp.parse_rtcp(packet) == [rtp.Question(1, 0xAABBCCDD)]
    assert rtp.parse_rtcp(bytes.fromhex("80cf000300000001") + other) == []
    with pytest.raises(ValueError):
        rtp.parse_rtcp(bytes.fromhex("80cf00020000000104000002"))
