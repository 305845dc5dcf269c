"""VP8 frames in RTP payloads, whole or not at all."""

import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import rtp
from agent.picture import vp8_packets

uint16 = st.integers(0, 0xFFFF)
uint32 = st.integers(0, 0xFFFFFFFF)


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
            payloads = vp8_packets.packetize(frame, number, max_payload=500)
            for part, payload in enumerate(payloads, 1):
                marker = part == len(payloads)
                packet = rtp.build(97, seq & 0xFFFF, number * 9000, 1, payload, marker=marker)
                self.packets.append((number, packet))
                seq += 1


def push(assembler: vp8_packets.Assembler, packet: bytes, now: float) -> list[vp8_packets.Frame]:
    header = rtp.parse(packet)
    return assembler.push(header, packet[header.payload_offset : header.payload_end], now)


def test_frames_come_out_as_they_went_in_and_at_their_last_packet() -> None:
    sent = Sent(20, 20, 1)
    assembler = vp8_packets.Assembler()
    out: list[bytes] = []
    for place, (number, packet) in enumerate(sent.packets):
        frames = push(assembler, packet, place * 0.01)
        is_last = place + 1 == len(sent.packets) or sent.packets[place + 1][0] != number
        assert len(frames) == int(is_last)
        out += [frame.data for frame in frames]
    assert out == sent.frames


def test_a_lost_packet_is_asked_for_and_its_frame_comes_late() -> None:
    sent = Sent(6, 100, 2)
    assembler = vp8_packets.Assembler()
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
    assembler = vp8_packets.Assembler()
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
    assembler = vp8_packets.Assembler()
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
    assembler = vp8_packets.Assembler()
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
        parts = vp8_packets.packetize(frame, number, max_payload=500)
        kept = list(enumerate(parts, 1))
        if number == 1:
            kept = kept[:-1] if missing == "end" else kept[1:]
        packets += [(number, payload, part == len(parts)) for part, payload in kept]
    assembler = vp8_packets.Assembler()
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
        assembler = vp8_packets.Assembler()
        for packet in [*first, *rest]:
            push(assembler, packet, 0.0)
            assert len(assembler._held) <= vp8_packets.MAX_HELD_PACKETS
            assert len(assembler._missing) <= vp8_packets.MAX_HELD_PACKETS + vp8_packets.MAX_GAP
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
    assembler = vp8_packets.Assembler()
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
