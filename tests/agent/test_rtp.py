"""RTP, RTCP and VP8 bytes ↔ values."""

import struct

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import rtcp, rtp
from agent.picture import vp8_packets

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
    st.one_of(st.none(), st.integers(0, 0xFFFFFF)),
)  # fmt: skip
def test_a_packet_is_read_as_it_was_built(
    payload_type: int, seq: int, ts: int, ssrc: int, payload: bytes, marker: bool,
    level: int | None, recovered: int, sent: int | None,
) -> None:  # fmt: skip
    packet = rtp.build(
        payload_type, seq, ts, ssrc, payload, marker=marker, audio_level=level, send_time=sent,
        recovered=recovered,
    )  # fmt: skip
    header = rtp.parse(packet)
    assert (header.recovered, header.send_time) == (recovered, sent)
    assert (header.payload_type, header.marker, header.seq) == (payload_type, marker, seq)
    assert (header.ts, header.ssrc, header.audio_level) == (ts, ssrc, level)
    assert packet[header.payload_offset : header.payload_end] == payload


@given(
    st.tuples(st.sampled_from([0x20, 0x30]), st.integers(0, 255)),
    st.tuples(st.sampled_from([0x32, 0x22, 0x52]), *[st.integers(0, 255)] * 3),
    st.sampled_from([bytes(2), b"\x40\x02", b"\x20\x07"]),
    st.binary(max_size=4),
)
def test_extensions_say_the_same_however_many_words_they_take(
    level: tuple[int, ...], sent: tuple[int, ...], rest: bytes, payload: bytes
) -> None:
    extensions = bytes([*level, *sent]) + rest
    usual, longer = (
        rtp.parse(
            struct.pack("!BBHLLHH", 0x90, 0xE0, 7, 8, 9, rtp.ONE_BYTE_PROFILE, words)
            + extensions.ljust(4 * words, b"\0")
            + payload
        )
        for words in (2, 3)
    )
    assert (usual.payload_offset, longer.payload_offset) == (24, 28)
    assert usual == msgspec.structs.replace(
        longer, payload_offset=24, payload_end=longer.payload_end - 4
    )


@given(
    st.tuples(st.sampled_from([0x32, 0x22, 0x52]), *[st.integers(0, 255)] * 3),
    st.binary(min_size=4, max_size=9),
)
def test_one_extension_says_the_same_however_many_words_it_takes(
    sent: tuple[int, ...], payload: bytes
) -> None:
    fixed = struct.pack("!BBHLLH", 0x90, 0xE0, 7, 8, 9, rtp.ONE_BYTE_PROFILE)
    one = rtp.parse(fixed + b"\0\1" + bytes(sent) + payload)
    two = rtp.parse(fixed + b"\0\2" + bytes(sent) + bytes(4) + payload)
    assert (one.payload_offset, two.payload_offset) == (20, 24)
    assert one == msgspec.structs.replace(two, payload_offset=20, payload_end=two.payload_end - 4)


def test_contributing_sources_and_padding_are_passed_over() -> None:
    packet = struct.pack("!BBHLLLL", 0xA2, 96, 7, 8, 9, 1, 2) + b"sound" + b"\0\0\3"
    header = rtp.parse(packet)
    assert packet[header.payload_offset : header.payload_end] == b"sound"


@given(st.binary(max_size=80))
def test_damage_raises_value_error_and_nothing_else(data: bytes) -> None:
    for parse in (rtp.parse, rtcp.parse, vp8_packets.parse):
        try:
            parse(data)
        except ValueError:
            pass


WHOLE = [
    rtp.build(96, 1, 2, 3, b"sound", audio_level=20),
    rtcp.build_sr(1, 2, 3, 4, 5, [rtcp.ReportBlock(1, 2, 3, 4, 5, 6, 7)], cname="kandis"),
    rtcp.build_rr(1, [rtcp.ReportBlock(1, 2, 3, 4, 5, 6, 7)] * 3, cname="kandis"),
    rtcp.compound(1, rtcp.build_nack(1, 2, [5, 6, 40])),
    rtcp.compound(1, rtcp.build_pli(1, 2)),
    rtcp.compound(1, rtcp.build_remb(1, 60_000)),
    rtcp.compound(1, rtcp.build_tmmbr(rtcp.Tmmbr(1, 2, 43_000, 68))),
    rtcp.build_srs([rtcp.SentInfo(1, 2, 3, 4, 5)] * 2, cname="kandis"),
    vp8_packets.packetize(b"\0picture", 300)[0],
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
    for parse in (rtp.parse, rtcp.parse, vp8_packets.parse):
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
