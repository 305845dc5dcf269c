"""The slot makes one continuous stream of many sources."""

import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import rtp
from agent.audio.hop import Frame, Unfolder
from agent.forward import (
    GIVE_UP_S,
    JITTERY_FOR_S,
    JITTERY_MS,
    MAX_TRIES,
    UplinkGaps,
    VideoSlot,
    VoiceSlot,
)
from agent.picture import vp8_packets

OPUS, RED = 96, 63
HALL = "hall"


def audio_slot() -> VoiceSlot:
    return VoiceSlot("floor", 77, OPUS, RED)


def video_slot() -> VideoSlot:
    return VideoSlot("main", 88, 97)


class Source:
    """A site's stream: every packet tells whose it is and which."""

    def __init__(self, name: str, kind: str, seq: int, ts: int) -> None:
        self.name, self.kind, self.seq, self.ts = name, kind, seq, ts
        self.ssrc = zlib.crc32(name.encode())
        self.sent: list[bytes] = []

    def packet(self, *, key: bool = False, marker: bool = True) -> bytes:
        payload = f"{self.name}/{len(self.sent)}".encode()
        if self.kind == "video":
            frame = (b"\0" if key else b"\1") + payload
            (payload,) = vp8_packets.packetize(frame, len(self.sent) & 0x7FFF)
        packet = rtp.build(96, self.seq, self.ts, self.ssrc, payload, marker=marker)
        self.seq = (self.seq + 1) & 0xFFFF
        self.ts = (self.ts + (960 if self.kind == "audio" else 9000)) & 0xFFFFFFFF
        self.sent.append(packet)
        return packet


def put(slot: VoiceSlot | VideoSlot, source: Source, packet: bytes, now: float) -> bytes | None:
    """What a packet becomes at the hall; without copies."""
    header = rtp.parse(packet)
    if isinstance(slot, VideoSlot):
        return slot.forward(source.name, packet, header, now)
    (frame,) = Unfolder(OPUS, RED).push(header, packet[header.payload_offset :])
    out = slot.take(source.name, header.ssrc, frame, now)
    return None if out is None else slot.packet(out.seq, (), HALL, now)


def test_sound_flows_from_the_first_packet_after_a_switch_with_the_marker() -> None:
    slot, kandis, minas = (
        audio_slot(),
        Source("kandis", "audio", 65535, 5),
        Source("m", "audio", 9, 9),
    )
    slot.switch("kandis", 0.0)
    first = put(slot, kandis, kandis.packet(marker=False), 0.0)
    second = put(slot, kandis, kandis.packet(marker=False), 0.02)
    assert put(slot, minas, minas.packet(), 0.02) is None, "not its slot"
    slot.switch("m", 0.03)
    assert put(slot, kandis, kandis.packet(), 0.04) is None, "no longer its slot"
    third = put(slot, minas, minas.packet(marker=False), 0.05)
    headers = [rtp.parse(one or b"") for one in (first, second, third)]
    assert [h.marker for h in headers] == [True, False, True]
    assert [rtp.seq_delta(h.seq, headers[0].seq) for h in headers] == [0, 1, 2]
    assert {h.ssrc for h in headers} == {77}
    assert rtp.ts_delta(headers[1].ts, headers[0].ts) == 960
    assert rtp.ts_delta(headers[2].ts, headers[1].ts) == pytest.approx(0.03 * 48_000, abs=1)


@pytest.mark.parametrize("passed_s", [0.0, 0.02, 0.04, 1.0, 1.011])
def test_another_source_is_never_on_the_line_of_the_one_before(passed_s: float) -> None:
    """Who missed its marker tells by the timestamps that it is another one."""
    slot, kandis, minas = audio_slot(), Source("k", "audio", 1, 0), Source("m", "audio", 9, 9)
    slot.switch("k", 5.0)
    before = rtp.parse(put(slot, kandis, kandis.packet(), 5.0) or b"")
    slot.switch("m", 5.0)
    after = rtp.parse(put(slot, minas, minas.packet(), 5.0 + passed_s) or b"")
    step = rtp.ts_delta(after.ts, before.ts)
    assert step % 960 and step == pytest.approx(passed_s * 48_000, abs=1)


def test_a_picture_is_held_until_the_key_frame() -> None:
    slot, kandis = video_slot(), Source("kandis", "video", 1, 1)
    slot.switch("kandis", 0.0)
    assert put(slot, kandis, kandis.packet(), 0.0) is None
    assert slot.held == 1
    out = put(slot, kandis, kandis.packet(key=True), 0.1)
    assert out is not None and b"kandis/1" in out
    assert put(slot, kandis, kandis.packet(), 0.2) is not None


def key_frame(ssrc: int, seq: int, packets: int) -> list[bytes]:
    payloads = vp8_packets.packetize(b"\0" + bytes(10 * packets - 1), 5, max_payload=14)
    return [
        rtp.build(96, (seq + n) & 0xFFFF, 9000, ssrc, payload, marker=n == len(payloads) - 1)
        for n, payload in enumerate(payloads)
    ]


@pytest.mark.parametrize("first_seq", [100, 65_534])
def test_a_key_frame_whose_beginning_comes_last_is_whole(first_seq: int) -> None:
    slot = video_slot()
    slot.switch("kandis", 1.0)
    stale = key_frame(8, first_seq - 1, 1)[0][:-10] + b"\1" + bytes(9)
    first, *rest = key_frame(8, first_seq, 4)
    strange = key_frame(9, first_seq, 4)[2]

    def arrives(packet: bytes) -> bytes | None:
        return slot.forward("kandis", packet, rtp.parse(packet), 1.1)

    assert [arrives(one) for one in (rest[2], rest[0], strange, rest[1])] == [None] * 4
    assert arrives(stale) is None and slot.early() == [], "nothing has begun"
    sent = [arrives(first)]
    sent += [slot.forward("kandis", p, header, 1.1) for header, p in slot.early()]
    assert slot.early() == [], "once"
    assembler, whole = vp8_packets.Assembler(), []
    for packet in sent:
        assert packet is not None
        header = rtp.parse(packet)
        payload = packet[header.payload_offset : header.payload_end]
        whole += assembler.push(header, payload, 1.1)
    assert [len(frame.data) for frame in whole] == [40]
    slot.switch("minas", 2.0)
    slot.forward("minas", rest[0], rtp.parse(rest[0]), 2.0)
    slot.switch("kandis", 3.0)
    arrives(key_frame(8, 0, 1)[0])
    assert slot.early() == [], "of another turn"


def test_the_packets_of_a_key_frame_are_known_by_its_timestamp() -> None:
    slot = video_slot()
    assert not slot.is_key_frame(0, False)
    assert slot.is_key_frame(9000, True) and slot.is_key_frame(9000, False)
    assert not slot.is_key_frame(18_000, False)


def test_the_key_frame_is_asked_for_until_it_comes() -> None:
    slot, kandis = video_slot(), Source("kandis", "video", 1, 1)
    assert not slot.needs_key_frame(0.0), "no source"
    slot.switch("kandis", 0.0)
    asked = [ms for ms in range(0, 400, 10) if slot.needs_key_frame(ms / 1000)]
    assert asked == [0, 120, 240, 360]
    put(slot, kandis, kandis.packet(key=True), 0.4)
    assert not any(slot.needs_key_frame(0.4 + ms / 1000) for ms in range(0, 400, 10))


def test_wishes_of_many_receivers_are_one_request() -> None:
    slot = video_slot()
    slot.switch("kandis", 0.0)
    wishes = [ms for ms in range(0, 700, 10) if slot.receiver_wants_key_frame(ms / 1000)]
    assert wishes == [0, 300, 600]


def test_a_retransmission_gets_the_number_it_would_have_had() -> None:
    slot, kandis = audio_slot(), Source("kandis", "audio", 65534, 0)
    slot.switch("kandis", 0.0)
    packets = [kandis.packet() for _ in range(5)]
    outs = {n: put(slot, kandis, packets[n], n * 0.02) for n in (0, 1, 3, 4)}
    late = put(slot, kandis, packets[2], 0.2)
    base = rtp.parse(outs[0] or b"").seq
    assert rtp.seq_delta(rtp.parse(late or b"").seq, base) == 2
    assert rtp.seq_delta(rtp.parse(outs[4] or b"").seq, base) == 4


def test_the_first_packet_sent_twice_goes_out_the_same_twice() -> None:
    """Other bytes under one sequence number would use an SRTP nonce twice."""
    slot, kandis = audio_slot(), Source("kandis", "audio", 65535, 0)
    slot.switch("kandis", 0.0)
    packets = [kandis.packet(marker=False) for _ in range(3)]
    first, second, _third = (put(slot, kandis, one, 0.0) for one in packets)
    assert put(slot, kandis, packets[0], 0.04) == first
    assert put(slot, kandis, packets[1], 0.04) == second
    assert slot.packet(rtp.parse(first or b"").seq, (), HALL, 9.0) == first


def test_the_marker_of_the_first_packet_does_not_come_back_with_its_number() -> None:
    slot, kandis = audio_slot(), Source("kandis", "audio", 7, 0)
    slot.switch("kandis", 0.0)
    outs = [put(slot, kandis, kandis.packet(marker=False), n * 0.02) or b"" for n in range(65_540)]
    assert [n for n, out in enumerate(outs) if rtp.parse(out).marker] == [0]


def test_voice_is_packed_for_each_receiver_as_its_link_needs_it() -> None:
    slot, kandis, minas = audio_slot(), Source("kandis", "audio", 1, 0), Source("m", "audio", 1, 0)
    slot.switch("kandis", 0.0)
    seqs = [rtp.parse(put(slot, kandis, kandis.packet(), n * 0.02) or b"").seq for n in range(9)]
    plain, rich = (slot.packet(seqs[8], distances, HALL, 0.2) for distances in ((), (2, 6)))
    assert plain is not None and rich is not None
    assert (rtp.parse(plain).payload_type, rtp.parse(rich).payload_type) == (OPUS, RED)
    assert rtp.parse(plain).seq == rtp.parse(rich).seq and b"kandis/6" not in plain
    assert b"kandis/2" in rich and b"kandis/6" in rich and rich.endswith(b"kandis/8")
    assert slot.packet(seqs[8], (2, 6), HALL, 7.0) == rich, "the same bytes for ever"
    slot.switch("m", 0.3)
    put(slot, minas, minas.packet(), 0.3)
    first = slot.packet(slot.next_seq - 1, (2, 6), HALL, 0.3)
    assert first is not None and b"kandis" not in first, "nothing of the speaker before"


def test_a_switch_leaves_no_hole_in_the_numbers() -> None:
    slot = video_slot()
    a, b = Source("a", "video", 65_530, 2**32 - 5), Source("b", "video", 300, 77)
    outs: list[bytes] = []
    for turn, source in enumerate([a, b, a, b]):
        slot.switch(source.name, float(turn))
        for number in range(20):
            out = put(slot, source, source.packet(key=number == 3), turn + number * 0.04)
            outs += [] if out is None else [out]
    headers = [rtp.parse(out) for out in outs]
    assert len(headers) == 4 * 17
    for before, after in zip(headers, headers[1:], strict=False):
        assert rtp.seq_delta(after.seq, before.seq) == 1
        assert rtp.ts_delta(after.ts, before.ts) > 0
    pictures = [
        vp8_packets.parse(o[h.payload_offset :]).picture_id
        for o, h in zip(outs, headers, strict=True)
    ]
    assert pictures == list(range(pictures[0], pictures[0] + len(pictures)))


def test_what_is_older_than_the_switch_is_dropped() -> None:
    slot, kandis = audio_slot(), Source("kandis", "audio", 10, 0)
    before = kandis.packet()
    slot.switch("kandis", 0.0)
    assert put(slot, kandis, kandis.packet(), 0.0) is not None
    assert put(slot, kandis, before, 0.01) is None


def test_history_answers_and_never_gives_a_site_its_own() -> None:
    slot, kandis, minas = video_slot(), Source("kandis", "video", 1, 0), Source("m", "video", 1, 0)
    slot.switch("kandis", 0.0)
    one = put(slot, kandis, kandis.packet(key=True), 0.0) or b""
    slot.switch("m", 0.02)
    two = put(slot, minas, minas.packet(key=True), 0.02) or b""
    seqs = [rtp.parse(one).seq, rtp.parse(two).seq]
    assert slot.history(seqs, "hall") == [one, two]
    assert slot.history(seqs, "kandis") == [two]
    assert slot.history([*seqs, 9], "m") == [one]


def test_a_site_never_gets_its_own_voice() -> None:
    slot, kandis, minas = audio_slot(), Source("kandis", "audio", 1, 0), Source("m", "audio", 1, 0)
    slot.switch("kandis", 0.0)
    one = rtp.parse(put(slot, kandis, kandis.packet(), 0.0) or b"").seq
    slot.switch("m", 0.02)
    two = rtp.parse(put(slot, minas, minas.packet(), 0.02) or b"").seq
    for distances in ((), (1,)):
        assert slot.packet(one, distances, "kandis", 0.1) is None
        assert slot.packet(two, distances, "m", 0.1) is None
        assert slot.packet(two, distances, "kandis", 0.1) is not None


def test_a_picture_says_when_the_relay_sent_it() -> None:
    slot, kandis = video_slot(), Source("kandis", "video", 1, 1)
    slot.switch("kandis", 0.0)
    out = rtp.parse(put(slot, kandis, kandis.packet(key=True), 12.5) or b"")
    assert out.send_time == rtp.send_time(12.5)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["audio", "video"]))
def test_receivers_see_one_continuous_stream(seed: int, kind: str) -> None:
    rng = random.Random(seed)
    slot = audio_slot() if kind == "audio" else video_slot()
    sources = [Source(name, kind, rng.randrange(65536), rng.randrange(2**32)) for name in "abc"]
    given_out: dict[int, bytes] = {}
    now, last_seq, last_ts, last_picture = 0.0, None, None, None
    for _turn in range(6):
        source = rng.choice(sources)
        now += rng.random() * 3
        if slot.source != source.name:
            slot.switch(source.name, now)
        lost: list[bytes] = []
        for number in range(rng.randrange(1, 200)):
            now += 0.02
            packet = source.packet(
                key=number == 2 or rng.random() < 0.05, marker=rng.random() < 0.5
            )
            fate = rng.random()
            if fate < 0.1:
                lost.append(packet)
                continue
            arriving = [packet]
            if lost and fate < 0.2:
                arriving.append(lost.pop(rng.randrange(len(lost))))
            elif fate < 0.3:
                arriving.append(packet)  # sent twice
            for one in arriving:
                out = put(slot, source, one, now)
                if out is None:
                    continue
                header = rtp.parse(out)
                assert given_out.setdefault(header.seq, out) == out, "one number, one packet"
                if one is not packet or header.seq == last_seq:
                    continue
                if last_seq is not None:
                    assert rtp.seq_delta(header.seq, last_seq) > 0
                    assert rtp.ts_delta(header.ts, last_ts) > 0
                last_seq, last_ts = header.seq, header.ts
                if kind == "video":
                    payload = out[header.payload_offset : header.payload_end]
                    picture = vp8_packets.parse(payload).picture_id
                    assert picture is not None
                    if last_picture is not None:
                        assert 0 < (picture - last_picture) & 0x7FFF < 0x4000
                    last_picture = picture
        if isinstance(slot, VideoSlot):
            assert len(slot._history) <= 512
        assert len(given_out) < 30_000


def test_what_is_missing_is_asked_for_at_once_until_it_comes_or_it_is_too_late() -> None:
    gaps = UplinkGaps()
    fresh = [gaps.push(seq, 0.0) for seq in (65534, 65535, 2)]
    assert fresh == [False, False, True]
    asked = {at: seqs for at in range(0, 80, 5) if (seqs := gaps.due(at / 1000, 0.05))}
    assert asked == {0: [0, 1], 20: [0, 1], 65: [0, 1]}, "at once, said twice, and then again"
    gaps.push(1, 0.08, rtt_s=0.05)
    assert (gaps.lost, gaps.recovered) == (2, 1)
    later = {at: seqs for at in range(80, 2000, 5) if (seqs := gaps.due(at / 1000, 0.05))}
    assert set(map(tuple, later.values())) == {(0,)}
    assert len(asked) + len(later) <= 2 * MAX_TRIES and max(later) <= 1000 * GIVE_UP_S
    assert gaps.due(5.0, 0.05) == []


def test_of_several_each_is_awaited_for_as_long_as_those_before_it_take() -> None:
    gaps = UplinkGaps()
    gaps.push(1, 0.0)
    gaps.push(4, 0.0)
    asked = {at: seqs for at in range(0, 130, 5) if (seqs := gaps.due(at / 1000, 0.05, 0.03))}
    assert asked == {0: [2, 3], 20: [2, 3], 65: [2], 85: [2], 95: [3], 115: [3]}


def test_what_was_lost_on_the_way_up_is_marked_for_the_way_down() -> None:
    gaps = UplinkGaps()
    frames = [Frame(seq, seq * 960, b"x", recovered=4 * (seq == 2)) for seq in range(6)]
    marked = {}
    for at, seq, brought in ((0.0, 0, [0]), (0.06, 3, [2, 3]), (0.07, 1, [1]), (0.1, 5, [5])):
        gaps.due(at, 0.05)
        _misses, noted = gaps.push_frames([frames[n] for n in brought], seq, at, (1,), 0.05)
        marked |= {frame.seq: frame.recovered for frame in noted}
    assert marked == {0: 0, 2: 4, 3: 0, 1: 0, 5: 0}, "1 was only out of order"
    assert gaps.due(0.19, 0.05) == [4]
    _misses, noted = gaps.push_frames([frames[4]], 4, 0.25, (2, 4), 0.05)
    assert [frame.recovered for frame in noted] == [4], "it was asked for"


def test_on_a_link_that_jitters_a_copy_that_came_first_was_not_lost() -> None:
    gaps, frame = UplinkGaps(), Frame(1, 960, b"x", recovered=4)

    def marks(now: float, jitter_ms: float) -> int:
        _misses, (noted,) = gaps.push_frames([frame], 2, now, (4,), 0.05, jitter_ms)
        return noted.recovered

    assert marks(1.0, JITTERY_MS - 1) == 4
    assert marks(2.0, JITTERY_MS + 1) == 0
    assert marks(2.0 + JITTERY_FOR_S - 0.1, 1.0) == 0, "for a while"
    assert marks(2.1 + JITTERY_FOR_S, 1.0) == 4


def test_on_a_short_way_it_is_asked_for_every_other_frame() -> None:
    gaps = UplinkGaps()
    gaps.push(1, 0.0)
    gaps.push(3, 0.0)
    asked = [at for at in range(0, 2000, 5) if gaps.due(at / 1000, 0.01)]
    assert asked == list(range(0, 40 * MAX_TRIES, 40))


def test_on_a_link_that_does_not_keep_the_order_there_is_patience() -> None:
    gaps = UplinkGaps()
    for seq, at in ((1, 0.0), (3, 0.02), (2, 0.05), (5, 0.06)):
        gaps.push(seq, at, rtt_s=0.1)
    assert gaps.due(0.07, 0.1) == [], "packet 2 came 30 ms after it was missed: 4 may too"
    assert gaps.due(0.1, 0.1) == [4]


def test_what_a_copy_will_bring_within_a_round_trip_is_not_asked_for() -> None:
    gaps = UplinkGaps()
    gaps.push(1, 0.0)
    gaps.push(10, 0.18, (2, 6), 0.06)
    assert gaps.due(0.18, 0.06) == [2, 3, 4, 8], "the others come as copies in 60 ms or less"
    assert gaps.due(0.199, 0.06) == []
    gaps.push(9, 0.2, (2, 6), 0.06, is_copy=True)
    assert gaps.due(0.201, 0.06) == [2, 3, 4, 5, 8], "said twice; and a copy did not come"
    assert gaps.due(0.245, 0.06) == [5, 6, 7]


def test_a_jump_of_the_source_is_bounded() -> None:
    gaps = UplinkGaps()
    gaps.push(1, 0.0)
    gaps.push(30_000, 0.1)
    assert len(gaps.due(0.2, 0.05)) == 256
