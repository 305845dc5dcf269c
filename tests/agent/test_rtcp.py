"""RTCP bytes ↔ values."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import rtcp

uint16 = st.integers(0, 0xFFFF)
uint32 = st.integers(0, 0xFFFFFFFF)


blocks = st.builds(
    rtcp.ReportBlock, uint32, st.integers(0, 255), st.integers(-1000, 0x7FFFFF), uint32, uint32,
    uint32, uint32,
)  # fmt: skip


@given(uint32, st.integers(0, 2**64 - 1), uint32, uint32, uint32, st.lists(blocks, max_size=5))
def test_reports_are_read_as_they_were_built(
    ssrc: int, ntp: int, ts: int, packets: int, octets: int, reports: list[rtcp.ReportBlock]
) -> None:
    sr = rtcp.build_sr(ssrc, ntp, ts, packets, octets, reports, cname="kandis")
    rr = rtcp.build_rr(ssrc, reports, cname="kandis")
    assert rtcp.parse(sr + rr) == [
        rtcp.SenderReport(ssrc, ntp, ts, packets, octets, tuple(reports)),
        rtcp.ReceiverReport(ssrc, tuple(reports)),
    ]


@given(uint16, st.sets(st.integers(0, 200), min_size=1, max_size=60))
def test_a_nack_names_exactly_what_is_missing(first: int, offsets: set[int]) -> None:
    seqs = [(first + offset) & 0xFFFF for offset in offsets]
    (_report, nack) = rtcp.parse(rtcp.compound(1, rtcp.build_nack(1, 2, seqs)))
    assert isinstance(nack, rtcp.Nack)
    assert (nack.media_ssrc, sorted(nack.seqs)) == (2, sorted(seqs))


@given(uint32, uint32, st.integers(0, 31), st.integers(0, 0xFFFFFF), st.integers(5, 50))
def test_a_train_is_read_as_it_was_built(
    ssrc: int, number: int, place: int, sent: int, words: int
) -> None:
    built = rtcp.build_train(ssrc, number, place, sent, 4 * words)
    assert rtcp.parse(built) == [rtcp.Train(ssrc, number, place, sent)] and len(built) == 4 * words


def test_pli() -> None:
    assert rtcp.parse(rtcp.compound(1, rtcp.build_pli(1, 2)))[1] == rtcp.Pli(1, 2)


@given(uint32, uint32, st.integers(0, 10_000_000), st.integers(0, 511))
def test_a_limit_is_read_as_it_was_built_but_for_the_last_bits(
    ssrc: int, media: int, bitrate: int, overhead: int
) -> None:
    built = rtcp.build_tmmbr(rtcp.Tmmbr(ssrc, media, bitrate, overhead))
    (_report, one) = rtcp.parse(rtcp.compound(1, built))
    assert isinstance(one, rtcp.Tmmbr)
    assert (one.ssrc, one.media_ssrc, one.overhead_bytes) == (ssrc, media, overhead)
    assert 0 <= bitrate - one.bitrate <= bitrate >> 16
    assert bitrate >= 1 << 17 or one.bitrate == bitrate


def test_a_limit_is_written_as_rfc_5104_has_it() -> None:
    """Exponent 6 bits, mantissa 17, overhead 9; media SSRC 0 in the head, its own in the entry."""
    built = rtcp.build_tmmbr(rtcp.Tmmbr(0x01020304, 0x0A0B0C0D, 43_200, 68))
    word = 43_200 << 9 | 68
    expected = struct.pack("!BBHLLLL", 0x83, 205, 4, 0x01020304, 0, 0x0A0B0C0D, word)
    assert built == expected
    with pytest.raises(ValueError):
        rtcp.parse(built[:-4][:2] + struct.pack("!H", 3) + built[4:-4])


def test_reports_of_several_streams_go_in_one_packet() -> None:
    sent = [rtcp.SentInfo(ssrc, 5 << 32, 7, 2**32 + 3, 9) for ssrc in (1, 2)]
    assert rtcp.parse(rtcp.build_srs(sent, cname="kandis")) == [
        rtcp.SenderReport(ssrc, 5 << 32, 7, 3, 9, ()) for ssrc in (1, 2)
    ]


def test_the_round_trip_is_the_shortest_of_the_last_seconds() -> None:
    link = rtcp.RoundTrip()
    sent = rtcp.ntp32(1000.0)
    block = rtcp.ReportBlock(1, 0, 0, 0, 0, sent, 0)
    told = []
    for at, ms in ((0.0, 80), (1.0, 60), (2.0, 300), (1.0 + link.FOR_S, 90), (7.0, 90)):
        link.push(block, at, rtcp.ntp32(1000.0 + ms / 1000))
        told.append(round(link.ms))
    assert told == [80, 60, 60, 60, 90]
    link.push(rtcp.ReportBlock(1, 0, 0, 0, 0, 0, 0), 8.0, sent)
    assert round(link.ms) == 90, "one that names no report of ours tells nothing"
    for second in range(1000):
        link.push(block, 10.0 + second / 10, rtcp.ntp32(1000.1))
    assert len(link._told) <= 10 * link.FOR_S + 2


def test_round_trip_by_a_report() -> None:
    sent = rtcp.ntp32(1000.0)
    block = rtcp.ReportBlock(1, 0, 0, 0, 0, sent, round(0.5 * 65536))
    assert rtcp.round_trip_ms(block, rtcp.ntp32(1000.6)) == pytest.approx(100, abs=0.1)
    assert rtcp.round_trip_ms(rtcp.ReportBlock(1, 0, 0, 0, 0, 0, 0), sent) is None


def test_a_question_and_its_answer() -> None:
    """Extended reports, written down byte by byte from RFC 3611 §4.4 and §4.5."""
    question = rtcp.build_question(0x01020304, 0xAABBCCDD)
    assert question.hex() == "80cf000401020304040000020000aabbccdd0000"
    (parsed,) = rtcp.parse(question)
    assert parsed == rtcp.Question(0x01020304, 0xAABBCCDD)
    answer = rtcp.build_answer(9, parsed)
    assert answer.hex() == "80cf0005000000090500000301020304aabbccdd00000000"
    assert rtcp.parse(answer) == [rtcp.Answer(9, 0x01020304, 0xAABBCCDD)]


def test_blocks_that_neither_ask_nor_answer_are_passed_over() -> None:
    other = bytes.fromhex("0100000100000000")
    body = bytes.fromhex("00000001") + other + bytes.fromhex("040000020000aabbccdd0000")
    packet = bytes.fromhex("80cf0006") + body
    assert rtcp.parse(packet) == [rtcp.Question(1, 0xAABBCCDD)]
    assert rtcp.parse(bytes.fromhex("80cf000300000001") + other) == []
    with pytest.raises(ValueError):
        rtcp.parse(bytes.fromhex("80cf00020000000104000002"))
