"""Redundant audio data: what is packed comes out, damage is an error and nothing worse."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.audio import red

OPUS = 96
FRAMES = st.binary(min_size=1, max_size=red.MAX_LENGTH)
OFFSETS = st.integers(1, red.MAX_OFFSET)


@given(
    st.integers(0, 127),
    st.binary(min_size=1, max_size=1275),
    st.dictionaries(OFFSETS, FRAMES, max_size=6),
)
def test_what_is_packed_comes_out_oldest_first(
    payload_type: int, primary: bytes, earlier: dict[int, bytes]
) -> None:
    payload = red.pack(payload_type, primary, list(earlier.items()))
    expected = [*sorted(earlier.items(), reverse=True), (0, primary)]
    assert red.unpack(payload, payload_type)[0] == expected
    overhead = red.HEADER_BYTES * len(earlier) + 1
    assert len(payload) == overhead + len(primary) + sum(map(len, earlier.values()))


@given(st.binary(min_size=1, max_size=60), st.dictionaries(OFFSETS, FRAMES, max_size=3))
def test_frames_of_another_codec_are_passed_over(primary: bytes, earlier: dict[int, bytes]) -> None:
    payload = red.pack(OPUS, primary, list(earlier.items()))
    assert red.unpack(payload, OPUS + 1)[0] == []


def test_the_layout_is_that_of_the_rfc() -> None:
    """RFC 2198 §3: F, 7 bits of type, 14 of offset, 10 of length; the last header is F=0, type."""
    payload = red.pack(96, b"now", [(960, b"older"), (5760, b"oldest")])
    assert payload == bytes(
        [
            0b1110_0000, 0b0101_1010, 0b0000_0000, 0b0000_0110,  # 96, 5760, 6
            0b1110_0000, 0b0000_1111, 0b0000_0000, 0b0000_0101,  # 96, 960, 5
            0b0110_0000,  # 96
        ]
    ) + b"oldestoldernow"  # fmt: skip


def test_a_packet_made_by_hand_is_read() -> None:
    payload = bytes.fromhex("e05a0002 85000401 e00f0001 60") + b"aa" + b"x" + b"b" + b"cc"
    # The block between is of type 5: its byte is skipped, it is not ours.
    assert red.unpack(payload, 96)[0] == [(5760, b"aa"), (960, b"b"), (0, b"cc")]


def test_the_packet_of_another_codec_may_carry_ours() -> None:
    payload = bytes.fromhex("e00f0001 05") + b"b" + b"cc"
    assert red.unpack(payload, 96)[0] == [(960, b"b")]


@pytest.mark.parametrize(
    ("offset", "size", "is_carried"),
    [
        (red.MAX_OFFSET, 1, True),
        (red.MAX_OFFSET + 1, 1, False),
        (1, red.MAX_LENGTH, True),
        (1, red.MAX_LENGTH + 1, False),
        (1, 0, False),
        (0, 1, False),
        (-960, 1, False),
    ],
)
def test_what_the_header_can_not_say_is_left_out(offset: int, size: int, is_carried: bool) -> None:
    block = (offset, b"x" * size)
    assert (red.MAX_OFFSET, red.MAX_LENGTH) == (16_383, 1023)
    payload = red.pack(OPUS, b"own", [block, (7, b"other")])
    carried = sorted([block] if is_carried else [], reverse=True)
    expected = sorted([*carried, (7, b"other")], reverse=True)
    assert red.unpack(payload, OPUS)[0] == [*expected, (0, b"own")]
    overhead = red.HEADER_BYTES * len(expected) + 1
    assert len(payload) == overhead + len(b"own") + sum(len(data) for _offset, data in expected)


@given(st.binary(max_size=200), st.integers(0, 127))
@example(b"", OPUS)
@example(b"\xe0", OPUS)
@example(b"\xe0\x0f\x00\x01", OPUS)
@example(b"\xff" * 200, 127)
def test_any_bytes_are_blocks_or_a_value_error(payload: bytes, payload_type: int) -> None:
    try:
        blocks = red.unpack(payload, payload_type)[0]
    except ValueError:
        return
    assert sum(len(data) for _offset, data in blocks) < len(payload)
    for number, (offset, data) in enumerate(blocks):
        assert data
        assert 0 <= offset <= red.MAX_OFFSET
        assert offset or number == len(blocks) - 1, "the packet's own frame is the last"


@given(
    st.binary(min_size=1, max_size=100),
    st.dictionaries(OFFSETS, st.binary(min_size=1, max_size=100), min_size=1, max_size=3),
    st.data(),
)
def test_cut_off_it_is_an_error_or_lacks_only_its_own_frames_end(
    primary: bytes, earlier: dict[int, bytes], data: st.DataObject
) -> None:
    payload = red.pack(OPUS, primary, list(earlier.items()))
    size = data.draw(st.integers(0, len(payload) - 1))
    copies = sorted(earlier.items(), reverse=True)
    if size < len(payload) - len(primary):
        with pytest.raises(ValueError):
            red.unpack(payload[:size], OPUS)[0]
        return
    left = primary[: size - len(payload)]
    assert red.unpack(payload[:size], OPUS)[0] == [*copies, *([(0, left)] if left else [])]


def test_headers_without_end_are_refused() -> None:
    head = bytes.fromhex("e00f0001")
    payload = head * red.MAX_BLOCKS + b"\x60" + b"x" * red.MAX_BLOCKS + b"y"
    assert len(red.unpack(payload, OPUS)[0]) == red.MAX_BLOCKS + 1
    with pytest.raises(ValueError, match="too many"):
        red.unpack(head + payload + b"x", OPUS)[0]
