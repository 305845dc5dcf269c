"""A hop of the voice: every frame once, whichever packet brought it; the same packet for ever."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import rtp
from agent.audio import hop, red
from agent.audio.hop import (
    ONE_COPY,
    PAIRS,
    PARITY,
    TWINS,
    Again,
    Blocks,
    Frame,
    Missing,
    Patience,
    Unfolder,
    VoiceStream,
    before,
    copy_in_s,
    follows,
    is_lean,
)

OPUS, RED, SSRC = 96, 63, 7
DISTANCES = (
    st.lists(st.integers(1, 17), max_size=3, unique=True).map(tuple).filter(lambda d: d != PARITY)
)
FIRST = st.integers(0, 0xFFFF) | st.integers(0xFFFF - 110, 0xFFFF)
"""First sequence numbers, some of which soon begin anew."""

REORDERED = 20
SEED = st.integers(0, 2**32)


def frame(number: int, first: int = 0, *, source: str = "kandis", pause: int = 0) -> Frame:
    """The `number`th frame of a stream whose numbers begin at `first`; its bytes tell it.
    `pause`: frames that were not sent before it."""
    ts = (2**32 - 5 * 960 + (number + pause) * 960) & 0xFFFFFFFF
    return Frame((first + number) & 0xFFFF, ts, b"%s %d" % (source.encode(), number), source=source)


def taken(unfolder: Unfolder, packet: bytes) -> list[Frame]:
    header = rtp.parse(packet)
    return unfolder.push(header, packet[header.payload_offset : header.payload_end])


def packets(count: int, distances: tuple[int, ...], first: int = 0) -> list[bytes]:
    """A voice without pauses, each packet as it goes out."""
    stream, made = VoiceStream(SSRC, OPUS, RED), []
    for number in range(count):
        stream.add(frame(number, first))
        made.append(stream.packet((first + number) & 0xFFFF, distances, number * 0.02))
    assert None not in made
    return [packet for packet in made if packet is not None]


# -- unfolding -----------------------------------------------------------------------------------


@settings(deadline=None)
@given(DISTANCES, FIRST, st.integers(0, 100), SEED)
def test_every_frame_that_came_is_given_once(
    distances: tuple[int, ...], first: int, loss_percent: int, seed: int
) -> None:
    """Whatever is lost, doubled, and out of order, also where the sequence numbers begin anew."""
    count, chance = 120, random.Random(seed)
    sent = packets(count, distances, first)
    came = [
        (number + chance.uniform(0, REORDERED), number)
        for number in range(count)
        for _copy in range(chance.choice((1, 1, 2)))
        if chance.random() * 100 >= loss_percent
    ]
    # Of a stream that begins with its second packet, nobody can tell that there was a first.
    unfolder = Unfolder(OPUS, RED)
    given_frames = [one for _at, number in sorted(came) for one in taken(unfolder, sent[number])]

    arrived = {number for _at, number in came}
    reached = arrived | {n - d for n in arrived for d in distances if n >= d}
    assert sorted(one.seq for one in given_frames) == sorted(
        (first + number) & 0xFFFF for number in reached
    )
    expected = {one.seq: one for one in (frame(n, first) for n in range(count))}
    for one in given_frames:
        assert (one.ts, one.data) == (expected[one.seq].ts, expected[one.seq].data)
    assert unfolder.damaged == 0


@given(DISTANCES.filter(bool), st.sampled_from([0, 0xFFFF - 29, 0xFFFF - 28, 0xFFFF - 15]))
def test_copies_of_one_packet_come_oldest_first(distances: tuple[int, ...], first: int) -> None:
    sent = packets(30, distances, first)
    unfolder = Unfolder(OPUS, RED)
    got = taken(unfolder, sent[-1])
    numbers = [29 - d for d in sorted(distances, reverse=True)] + [29]
    assert [one.seq for one in got] == [(first + number) & 0xFFFF for number in numbers]
    assert unfolder.copies == len(distances)
    assert unfolder.distances == tuple(sorted(distances)), "the nearest first"
    assert taken(unfolder, sent[-1]) == [], "again"
    assert unfolder.copies == len(distances)


def test_the_packets_own_frame_has_its_marker_and_level_a_copy_has_not() -> None:
    stream = VoiceStream(SSRC, OPUS, RED)
    for number in range(3):
        one = frame(number)
        stream.add(Frame(one.seq, one.ts, one.data, marker=number == 0, level=40 + number))
    sent = [stream.packet(number, (1, 5), 0.0) for number in range(3)]
    assert sent[0] is not None and sent[2] is not None
    unfolder = Unfolder(OPUS, RED)
    own, copy, newest = (*taken(unfolder, sent[0]), *taken(unfolder, sent[2]))
    assert (own.marker, own.level) == (True, 40)
    assert (copy.seq, copy.marker, copy.level) == (1, False, None)
    assert (newest.marker, newest.level) == (False, 42)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([OPUS, RED, 97]), st.binary(max_size=80))), st.data())
def test_any_bytes_do_no_harm(came: list[tuple[int, bytes]], data: st.DataObject) -> None:
    unfolder = Unfolder(OPUS, RED)
    for payload_type, payload in came:
        seq = data.draw(st.integers(0, 0xFFFF))
        packet = rtp.build(payload_type, seq, 0, SSRC, payload)
        for one in taken(unfolder, packet):
            assert one.data and payload_type != 97
    assert unfolder.damaged <= sum(kind == RED for kind, _payload in came)
    sent = packets(2, (1,))[1]
    after = Unfolder(OPUS, RED)
    taken(after, rtp.build(RED, 0, 0, SSRC, b"\xff\xff"))
    assert (after.damaged, after.distances) == (1, ())
    assert [one.seq for one in taken(after, sent)] == [0, 1], "and goes on"


def test_a_copy_between_two_frames_is_nobodys() -> None:
    payload = red.pack(OPUS, b"own", [(960 + 1, b"between"), (480, b"half")])
    got = taken(Unfolder(OPUS, RED), rtp.build(RED, 5, 96_000, SSRC, payload))
    assert [one.data for one in got] == [b"own"]


def test_its_memory_is_bounded_and_long_enough() -> None:
    sent = packets(2 * hop.SEEN, (2, 6))
    unfolder = Unfolder(OPUS, RED)
    kept = []
    for packet in sent:
        taken(unfolder, packet)
        kept.append(len(unfolder._seen))
    assert max(kept) == hop.SEEN
    for packet in sent[-hop.SEEN + 10 :]:
        assert taken(unfolder, packet) == []


def test_only_the_negotiated_payload_types_are_voice() -> None:
    def header(payload_type: int) -> rtp.Header:
        return rtp.parse(rtp.build(payload_type, 1, 960, SSRC, b"x"))

    payload = red.pack(OPUS, b"own", [(960, b"older")])
    assert Blocks(OPUS, RED).of(header(RED), payload) == [(960, b"older"), (0, b"own")]
    assert Blocks(OPUS, RED).of(header(OPUS), payload) == [(0, payload)]
    assert Blocks(OPUS, RED).of(header(OPUS), b"") == []
    assert Blocks(OPUS, RED).of(header(97), payload) == []
    with pytest.raises(ValueError):
        Blocks(OPUS, RED).of(header(RED), b"\xff")


# -- packing -------------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 200), DISTANCES, st.floats(0, 1e6)), min_size=1, max_size=60),
    st.lists(st.integers(0, 200), max_size=100),
    FIRST,
)
def test_under_one_number_and_one_set_the_bytes_never_change(
    asked: list[tuple[int, tuple[int, ...], float]], late: list[int], first: int
) -> None:
    """Whatever is added between and whenever it is asked for; then it is gone, and stays gone."""
    stream = VoiceStream(SSRC, OPUS, RED)
    made: dict[tuple[int, tuple[int, ...]], bytes] = {}
    gone: set[int] = set()
    order = [n for n in range(200) if n not in late] + [n for n in late if n < 200]
    for step, number in enumerate(dict.fromkeys(order)):
        stream.add(frame(number, first))
        for which, distances, at in asked[step % len(asked) :]:
            seq = (first + which) & 0xFFFF
            packet = stream.packet(seq, distances, at + step)
            if packet is None:
                gone.update({which} & {key[0] for key in made})
                continue
            assert which not in gone
            assert made.setdefault((which, distances), packet) == packet
            assert rtp.parse(packet).seq == seq


@given(DISTANCES)
def test_added_again_it_is_the_first_that_counts(distances: tuple[int, ...]) -> None:
    stream = VoiceStream(SSRC, OPUS, RED)
    stream.add(frame(0))
    before = stream.packet(0, distances, 1.0)
    stream.add(Frame(0, 99, b"another", source="minas"))
    assert stream.frame(0) == frame(0)
    assert stream.packet(0, distances, 2.0) == before
    assert stream.packet(0, (*distances, 3), 2.0) is not None


def carried(packet: bytes | None) -> dict[int, bytes]:
    """What a packet carries: data by timestamp offset."""
    assert packet is not None
    header = rtp.parse(packet)
    return dict(Blocks(OPUS, RED).of(header, packet[header.payload_offset : header.payload_end]))


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["kandis", "minas"]), min_size=2, max_size=40),
    DISTANCES,
    st.data(),
)
def test_a_packet_carries_its_sources_frames_without_a_pause_only(
    sources: list[str], distances: tuple[int, ...], data: st.DataObject
) -> None:
    """Who has the floor changes, and a pause is sent as nothing while the numbers go on."""
    stream, pause, frames = VoiceStream(SSRC, OPUS, RED), 0, []
    for number, source in enumerate(sources):
        pause += data.draw(st.sampled_from([0, 0, 0, 1, 50]))
        frames.append(frame(number, source=source, pause=pause))
        stream.add(frames[-1])
    for own in frames:
        expected = {0: own.data}
        for distance in distances:
            if own.seq < distance:
                continue
            older = frames[own.seq - distance]
            if older.source == own.source and rtp.ts_delta(own.ts, older.ts) == distance * 960:
                expected[distance * 960] = older.data
        if distances == TWINS and len(expected) <= len(TWINS):
            expected = dict(list(expected.items())[:2])  # a pair, or alone
        assert carried(stream.packet(own.seq, distances, 0.0)) == expected


def test_without_a_copy_to_carry_it_is_plain_opus() -> None:
    first, second = packets(2, (1,))
    assert (rtp.parse(first).payload_type, rtp.parse(second).payload_type) == (OPUS, RED)
    assert all(rtp.parse(packet).payload_type == OPUS for packet in packets(9, ()))


def test_a_copy_further_back_than_the_header_can_say_is_left_out() -> None:
    assert set(carried(packets(40, (17, 18))[-1])) == {0, 17 * 960}


def test_the_header_says_when_it_was_sent_first() -> None:
    stream = VoiceStream(SSRC, OPUS, RED)
    stream.add(Frame(1, 960, b"x", marker=True, level=33))
    for at in (12.5, 40.0):
        packet = stream.packet(1, (), at)
        assert packet is not None
        header = rtp.parse(packet)
        assert header.send_time == rtp.send_time(12.5)
        assert (header.ssrc, header.ts, header.marker, header.audio_level) == (SSRC, 960, True, 33)


def test_the_history_is_bounded() -> None:
    stream = VoiceStream(SSRC, OPUS, RED)
    for number in range(70_000):
        stream.add(frame(number))
        stream.packet(number & 0xFFFF, (2, 6), 0.0)
    assert len(stream._frames) == len(stream._packets) == hop.HISTORY
    kept = [seq for seq in range(0x10000) if stream.frame(seq) is not None]
    assert kept == [number & 0xFFFF for number in range(70_000 - hop.HISTORY, 70_000)]
    assert stream.packet(kept[0] - 1, (), 0.0) is None


# -- for thin links ------------------------------------------------------------------------------


def test_pairs_stand_for_the_number_before_theirs() -> None:
    assert [before(one) for one in (PAIRS, TWINS, ONE_COPY, PARITY, (), (2, 6), (1, 2, 4))] == [
        *(1, 1, 0, 0, 0, 0, 0)
    ]
    assert [is_lean(one) for one in (PAIRS, TWINS, ONE_COPY, PARITY, (), (2, 6), (1, 2, 4))] == [
        *(True, True, True, True, False, False, False)
    ]


@pytest.mark.parametrize("distances", [PAIRS, TWINS, ONE_COPY, PARITY, (), (2, 6)], ids=str)
def test_for_a_thin_link_headers_are_small_and_some_of_them_tell_when_they_were_sent(
    distances: tuple[int, ...],
) -> None:
    stream = VoiceStream(SSRC, OPUS, RED)
    for number in range(100):
        one = frame(number)
        stream.add(Frame(one.seq, one.ts, one.data, level=40))
    numbers = range(20 + before(distances), 100, 1 + before(distances))
    sent = [stream.packet(number, distances, number * 0.02) for number in numbers]
    headers = [rtp.parse(packet) for packet in sent if packet is not None]
    assert len(headers) == len(sent)
    times = [header.send_time for header in headers]
    if is_lean(distances):
        assert {header.audio_level for header in headers} == {None}
        every = 4 if distances == PARITY else 2
        assert sum(time is not None for time in times) == len(times) // every
        run = [time is None for time in times]
        most = max(sum(run[n : n + 4]) for n in range(len(run) - 3))
        assert most < 4, "never long without"
    else:
        assert {header.audio_level for header in headers} == {40}
        assert None not in times


def test_with_parity_a_packet_brings_back_one_of_the_two_before_it() -> None:
    made = packets(5, PARITY, first=65_534)
    assert rtp.parse(made[0]).payload_type == OPUS, "there is nothing before it"
    for lost in range(3):
        unfolder = Unfolder(OPUS, RED)
        came = [
            one for n, packet in enumerate(made) if n != lost for one in taken(unfolder, packet)
        ]
        assert sorted(came, key=lambda one: rtp.ts_delta(one.ts, frame(0).ts)) == [
            *(
                Frame(one.seq, one.ts, one.data, recovered=3 if n == lost else 0)
                for n, one in enumerate(frame(n, 65_534) for n in range(5))
            )
        ]
        assert unfolder.distances == PARITY and unfolder.copies == 1


def test_parity_is_of_its_sources_frames_without_a_pause_only() -> None:
    stream = VoiceStream(SSRC, OPUS, RED)
    for one in (frame(0, source="minas"), frame(1), frame(2), frame(3, pause=1)):
        stream.add(one)
    assert rtp.parse(stream.packet(1, PARITY, 0.0) or b"").payload_type == OPUS
    assert carried(stream.packet(2, PARITY, 0.0)) == {0: frame(2).data, 960: frame(1).data}
    assert rtp.parse(stream.packet(3, PARITY, 0.0) or b"").payload_type == OPUS


def test_a_pair_carries_both_of_its_frames_and_twins_those_of_the_pair_before() -> None:
    stream = VoiceStream(SSRC, OPUS, RED)
    for number in range(4):
        stream.add(frame(number))
    assert carried(stream.packet(3, PAIRS, 0.0)) == {0: frame(3).data, 960: frame(2).data}
    assert carried(stream.packet(3, TWINS, 0.0)) == {
        960 * distance: frame(3 - distance).data for distance in (0, *TWINS)
    }


@pytest.mark.parametrize("kept", [(2, 3), (1, 2, 3), (0, 2, 3)])
def test_twins_that_are_not_whole_are_a_pair_so_that_the_far_end_knows_them(
    kept: tuple[int, ...],
) -> None:
    """One of the pair before was lost on the way up, or somebody just began."""
    stream = VoiceStream(SSRC, OPUS, RED)
    for number in kept:
        stream.add(frame(number))
    packet = stream.packet(3, TWINS, 0.0)
    assert carried(packet) == {0: frame(3).data, 960: frame(2).data}
    unfolder = Unfolder(OPUS, RED)
    assert packet is not None and [one.seq for one in taken(unfolder, packet)] == [2, 3]
    assert before(unfolder.distances) == 1


@pytest.mark.parametrize(
    ("younger", "expected"),
    [
        (frame(8), True),
        (frame(9), False),
        (frame(7), False),
        (frame(6), False),
        (frame(8, pause=1), False),
        (frame(8, source="minas"), False),
    ],
    ids=str,
)
def test_what_follows_without_a_pause(younger: Frame, expected: bool) -> None:
    assert follows(younger, frame(7)) is expected


def test_numbers_and_timestamps_that_begin_anew_follow() -> None:
    assert follows(Frame(0, 400, b"x"), Frame(0xFFFF, 2**32 - 560, b"y"))
    assert follows(frame(1, 0xFFFF), frame(0, 0xFFFF))


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([PAIRS, TWINS]),
    FIRST,
    st.lists(st.booleans(), min_size=20, max_size=60),
)
def test_pairs_that_came_give_their_frames_and_twins_those_of_one_that_was_lost(
    distances: tuple[int, ...], first: int, arrives: list[bool]
) -> None:
    sent = packets(2 * len(arrives), distances, first)[1::2]
    unfolder, got = Unfolder(OPUS, RED), []
    for packet, is_there in zip(sent, arrives, strict=True):
        if is_there:
            got += [(one.seq - first) & 0xFFFF for one in taken(unfolder, packet)]
            assert before(unfolder.distances) == 1
    expected = []
    for place, is_there in enumerate(arrives):
        saved = distances == TWINS and place + 1 < len(arrives) and arrives[place + 1]
        expected += [2 * place, 2 * place + 1] if is_there or saved else []
    assert got == expected, "in order, each once"


# -- asking again --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "distances", "expected_s"),
    [(0, (), 0), (0, (2, 6), 0.04), (1, (2, 6), 0.02), (2, (2, 6), 0.08), (6, (2, 6), 0)],
)
def test_when_a_copy_comes(age: int, distances: tuple[int, ...], expected_s: float) -> None:
    assert copy_in_s(age, distances) == pytest.approx(expected_s)


def test_on_a_short_way_it_is_asked_for_every_other_frame() -> None:
    one = Missing(1.0, 1.0)
    for tries, at in enumerate((1.0, 1.05, 1.1), 1):
        one.asked(at, 2 * hop.FRAME_S - 0.001)
        assert (one.tries, one.asked_at) == (tries, 1.0), "the answer is to the first"
        assert one.ask_at == pytest.approx(at + 2 * hop.FRAME_S)


def test_on_a_long_way_it_is_said_twice_and_asked_again_after_a_round_trip() -> None:
    one, rtt_s = Missing(1.0, 1.0), 0.1
    one.asked(1.0, rtt_s)
    assert (one.tries, one.asked_at, one.ask_at) == (1, 1.0, pytest.approx(1.0 + hop.FRAME_S))
    said_again = one.ask_at
    one.asked(said_again, rtt_s)
    assert (one.tries, one.asked_at) == (1, 1.0), "that was the same request"
    answer = 1.0 + rtt_s + hop.ASK_AGAIN_S
    assert one.ask_at == pytest.approx(answer), "the round trip is that of the first"
    one.asked(one.ask_at, rtt_s)
    assert (one.tries, one.ask_at) == (2, pytest.approx(answer + hop.FRAME_S)), "and twice again"


def test_on_a_link_that_keeps_the_order_nothing_is_waited_for() -> None:
    patience = Patience()
    assert patience.wait_s(1, (), 0.1) == 0
    assert patience.wait_s(1, (2,), 0.1) == pytest.approx(0.02), "a copy is nearer than an answer"
    assert patience.wait_s(1, (7,), 0.1) == 0, "an answer is nearer than the copy"


def test_what_came_late_of_itself_teaches_patience_for_a_while() -> None:
    patience = Patience()
    assert not patience.came(Missing(1.0, 1.0), 1.03, 0.1)
    assert patience.wait_s(1, (), 0.1) == pytest.approx(0.03 + hop.REORDER_S)
    assert not patience.came(Missing(1.0, 1.0), 9.0, 0.1)
    assert patience.wait_s(1, (), 0.1) == pytest.approx(hop.MAX_REORDER_S + hop.REORDER_S)
    for _ in range(200):
        patience.missed()
    assert patience.wait_s(1, (), 0.1) == 0


def test_an_answer_teaches_nothing() -> None:
    patience, one = Patience(), Missing(1.0, 1.0)
    one.asked(1.0, 0.1)
    assert not patience.came(one, 1.05, 0.1), "too soon for an answer"
    patience = Patience()
    assert patience.came(one, 1.1, 0.1)
    assert patience.wait_s(1, (), 0.1) == 0


def test_what_was_first_sent_after_it_was_missed_is_no_answer() -> None:
    for sent, is_answer in ((99, True), (100, False), (101, False), (None, True)):
        one, patience = Missing(1.0, 1.0, 100), Patience()
        one.asked(1.0, 0.001)
        assert patience.came(one, 1.04, 0.001, sent) is is_answer
        assert (patience.wait_s(1, (), 0.1) > 0.04) is not is_answer


@pytest.mark.parametrize(("sent", "late"), [(101, False), (None, True)])
def test_where_there_is_time_what_the_hop_before_lost_teaches_no_patience(
    sent: int | None, late: bool
) -> None:
    """A lean packet may have no send time, but says that it was lost before."""
    patience = Patience()
    assert not patience.came(Missing(1.0, 1.0, 100), 1.05, 0.1, sent, late=late)
    assert patience.wait_s(1, (), 0.1) == 0


def test_an_answer_may_come_sooner_than_reports_take() -> None:
    """On a thin link a report fills the line for longer than a request."""
    one, patience = Missing(1.0, 1.0), Patience()
    one.asked(1.0, 0.1)
    assert patience.came(one, 1.075, 0.1)
    assert patience.wait_s(1, (), 0.1) == 0


def test_the_patience_of_many_that_came_late_is_that_of_the_latest() -> None:
    patience = Patience()
    for late_s in (0.03, 0.01, 0.02):
        patience.came(Missing(1.0, 1.0), 1.0 + late_s, 0.1)
    assert patience.wait_s(1, (), 0.1) == pytest.approx(0.03 + hop.REORDER_S)
    patience.missed()
    assert patience.wait_s(1, (), 0.1) == pytest.approx(0.03 * hop.REORDER_FADES + hop.REORDER_S)


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 100), st.booleans()), max_size=60),
    st.integers(0, 200),
    DISTANCES,
    st.floats(0, 5),
)
def test_patience_has_its_bounds(
    steps: list[tuple[bool, float, bool]], age: int, distances: tuple[int, ...], rtt_s: float
) -> None:
    patience = Patience()
    for is_missed, late_s, was_asked in steps:
        if is_missed:
            patience.missed()
            continue
        one = Missing(1.0, 1.0)
        if was_asked:
            one.asked(1.0, rtt_s)
        patience.came(one, 1.0 + late_s, rtt_s)
        order_s = hop.MAX_REORDER_S + hop.REORDER_S
        assert 0 <= patience.wait_s(age, distances, rtt_s) <= max(order_s, rtt_s) + 1e-9


# -- answering -----------------------------------------------------------------------------------


def test_what_is_asked_for_twice_is_answered_once() -> None:
    again = Again()
    assert again.is_due(SSRC, 5, 1.0)
    assert not again.is_due(SSRC, 5, 1.0 + hop.FRAME_S), "the same request, said twice"
    assert again.is_due(SSRC, 6, 1.0 + hop.FRAME_S)
    assert again.is_due(SSRC + 1, 5, 1.0 + hop.FRAME_S), "another stream"
    assert again.echoes(9.0) == []


def test_saying_it_twice_does_not_put_off_the_answer_to_the_next_request() -> None:
    again = Again()
    assert again.is_due(SSRC, 5, 1.0)
    assert not again.is_due(SSRC, 5, 1.0 + 0.9 * hop.ANSWERED_FOR_S)
    assert again.is_due(SSRC, 5, 1.0 + 1.1 * hop.ANSWERED_FOR_S)


def test_over_a_long_way_a_request_that_is_said_twice_may_come_late() -> None:
    again, late_s = hop.Again(), 1.1 * hop.ANSWERED_FOR_S
    assert late_s < hop.ANSWERED_FAR_FOR_S < hop.TWICE_FROM_S + hop.ASK_AGAIN_S
    assert again.is_due(SSRC, 5, 1.0, hop.TWICE_FROM_S)
    assert not again.is_due(SSRC, 5, 1.0 + late_s, hop.TWICE_FROM_S)
    assert again.is_due(SSRC, 5, 1.0 + 1.1 * hop.ANSWERED_FAR_FOR_S, hop.TWICE_FROM_S)


def test_what_was_answered_in_vain_is_answered_twice() -> None:
    again = Again()
    again.is_due(SSRC, 5, 1.0)
    assert again.is_due(SSRC, 5, 1.2)
    assert again.echoes(1.2 + 0.9 * hop.FRAME_S) == []
    assert again.echoes(1.2 + 1.1 * hop.FRAME_S) == [(SSRC, 5)]
    assert again.echoes(9.0) == [], "once"
    assert again.is_due(SSRC, 5, 1.2 + 1.1 * hop.SAME_LOSS_S)
    assert again.echoes(9.0) == [], "that long after it was another loss"


@settings(max_examples=30, deadline=None)
@given(SEED, st.integers(1, 1000), st.floats(0, 0.1))
def test_however_often_it_is_asked_little_is_kept_and_little_sent(
    seed: int, numbers: int, longest_s: float
) -> None:
    chance, again, now = random.Random(seed), Again(), 10.0
    answered: dict[int, list[float]] = {}
    echoed: dict[int, int] = {}
    for _ in range(600):
        now += chance.uniform(0, longest_s)
        seq = chance.randrange(numbers)
        if again.is_due(SSRC, seq, now):
            answered.setdefault(seq, []).append(now)
        for _ssrc, number in again.echoes(now):
            echoed[number] = echoed.get(number, 0) + 1
        assert len(again._sent_at) <= hop.AGAIN_KEPT and len(again._echoes) <= hop.AGAIN_KEPT
    for seq, times in answered.items():
        assert echoed.get(seq, 0) < len(times), "the first answer has no echo"
        if numbers <= hop.AGAIN_KEPT:
            assert all(b - a >= hop.ANSWERED_FOR_S for a, b in pairwise(times))


def test_a_copy_tells_how_far_copies_reach_and_the_first_of_a_pair_is_none() -> None:
    def reaches(distances: tuple[int, ...], lost: set[int]) -> dict[int, int]:
        unfolder, marked = Unfolder(OPUS, RED), {}
        for number, packet in enumerate(packets(12, distances)):
            alone = before(distances) == 0 or number % 2
            if alone and number not in lost:
                marked |= {one.seq: one.recovered for one in taken(unfolder, packet)}
        return marked

    assert reaches((2, 4), {5, 6}) == {n: 4 if n in (5, 6) else 0 for n in range(12)}
    assert reaches(TWINS, {5}) == {n: 3 if n in (4, 5) else 0 for n in range(12)}
