"""The playout clock: 20 ms of sound at every pull, whatever the network does."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import voice
from agent.audio import opus
from agent.audio.delay import CONVERSATION_FLOOR_S as FLOOR_S
from agent.audio.delay import CONVERSATION_MAX_S, JUST_S, REACH_S, Mode
from agent.audio.ladder import CONVERSATION
from agent.audio.mixer import FADE_SAMPLES
from agent.audio.playout import (
    ALIGN_FROM_S,
    HOLD_FRAMES,
    LONG_BY_S,
    MAX_FRAMES,
    SHORT_BY_S,
    Playout,
)
from tests.agent.audio.tape import (
    BASE,
    CONCEALED,
    FRAME_S,
    Pauses,
    Room,
    Tape,
    arrive,
    known,
    number_of,
    play,
    said,
    talk,
)


@pytest.mark.parametrize("early_ms", [1, 5, 9, 13, 17, 19])
def test_a_clean_stream_is_heard_whole_after_a_short_delay(early_ms: int) -> None:
    """Whenever the clock ticks: a delay that it made longer by most of a frame is brought back
    before anybody spoke, the first two frames cross-faded into one."""
    room = Room()
    talk(room, range(1, 51))
    room.now -= early_ms / 1000
    heard = room.run(1.5)
    joined = room.playout.stats.skipped
    assert said(heard) == list(range(1 + joined, 51))
    assert joined == int(room_delay_s(heard, 1 + joined, early_ms) - FLOOR_S > LONG_BY_S)
    assert -SHORT_BY_S <= room.playout.delay_ms / 1000 - FLOOR_S <= LONG_BY_S
    assert CONCEALED not in heard[: heard.index(50)]


def room_delay_s(heard: list[int], first: int, early_ms: int) -> float:
    """From when the first packet came to the first sound, in a room that began a bit earlier."""
    return (heard.index(first) + 1) * FRAME_S - early_ms / 1000


def test_one_lost_packet_never_stalls_the_sound() -> None:
    room = Room()
    talk(room, range(1, 51), lost=(20,))
    heard = room.run(1.3)
    first = heard.index(2)
    assert 0 not in heard[first : first + 49]
    assert 20 in heard, "recovered from the next packet's redundancy"
    assert room.playout.stats.recovered == 1


def test_a_long_hole_is_concealed_for_100_ms_then_silent_then_heard_again() -> None:
    room = Room()
    talk(room, range(1, 51))
    for number in range(100, 150):
        room.send(number, room.now + number * FRAME_S)
    heard = room.run(3.2)
    last = heard.index(50)
    assert heard[last + 1 : last + 6] != [0] * 5
    assert heard[last + 7 : last + 20] == [0] * 13
    assert [n for n in heard if 100 <= n < 150] == list(range(100, 150))


def test_another_speaker_begins_at_once_and_nothing_of_the_last_is_heard() -> None:
    room = Room()
    talk(room, range(1, 31))
    room.run(0.4)
    talk(room, range(1000, 1030))
    heard = room.run(1.0)
    first = heard.index(1000)
    assert first <= 6
    assert not [n for n in heard[first:] if 0 < n <= 30]
    late = Room()
    talk(late, range(1, 11))
    late.run(0.1)
    talk(late, range(1000, 1010))
    late.send(9, late.now + 0.05)
    assert 9 not in late.run(0.5)[4:], "a late packet of the speaker before is dropped"


def test_missing_packets_are_asked_for_while_they_can_still_come() -> None:
    room = Room()
    talk(room, range(1, 21), lost=(10,))
    asked = []
    for _ in range(30):
        room.run(FRAME_S)
        asked += [(round(room.now - 100, 2), seq) for seq in room.playout.missing(room.now, 0.03)]
    assert asked and {seq for _at, seq in asked} == {10}
    assert len(asked) <= 6
    assert asked[-1][0] < 0.4
    assert not Playout(Tape()).missing(1.0, 0.1)


def test_of_several_each_is_awaited_for_as_long_as_those_before_it_take() -> None:
    def asked(each_s: float) -> dict[int, list[float]]:
        room, found = Room(), {10: [], 11: []}  # type: dict[int, list[float]]
        room.playout.aim.mode = "clear"
        talk(room, range(1, 21), lost=(10, 11))
        for _ in range(60):
            room.run(FRAME_S / 4)
            for seq in room.playout.missing(room.now, 0.06, each_s):
                found[seq].append(room.now)
        return found

    at_once, one_by_one = asked(0.0), asked(0.05)
    assert at_once[10] == at_once[11] == one_by_one[10]
    assert one_by_one[11][:2] == at_once[11][:2], "and said twice"
    assert one_by_one[11][2] == pytest.approx(at_once[11][2] + 0.05, abs=FRAME_S / 2)


def test_the_delay_grows_where_packets_are_lost_and_come_back_late() -> None:
    clean, lossy = Room(), Room()
    talk(clean, range(1, 301))
    talk(lossy, range(1, 301), lost=tuple(range(5, 301, 10)))
    for number in range(5, 301, 10):
        lossy.send(number, 100.0 + (number - 1) * FRAME_S + 0.12)  # the retransmission
    for room in (clean, lossy):
        for _ in range(300):
            room.run(FRAME_S)
            room.playout.missing(room.now, 0.1)
    assert lossy.playout.delay_ms > clean.playout.delay_ms + 40
    assert set(range(205, 285, 10)) <= set(lossy.heard), "there was time for what came late"


def test_a_damaged_packet_is_concealed() -> None:
    room = Room()
    for number in range(1, 20):
        payload = b"" if number == 10 else str(number).encode()
        room.playout.push(number, number * 960, payload, 100.0 + number * FRAME_S)
    assert CONCEALED in room.run(0.6)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 0.4), st.floats(0, 0.15), st.integers(1, 65_535))
def test_sound_is_heard_in_order_through_loss_reordering_and_the_wrap(
    seed: int, loss: float, jitter_s: float, first: int
) -> None:
    rng = random.Random(seed)
    room = Room()
    numbers = {}
    for place in range(150):
        seq, at = (first + place) & 0xFFFF, room.now + place * FRAME_S + rng.random() * jitter_s
        if place == 0 or rng.random() >= loss:
            numbers[place] = at
    pending = sorted((at, place) for place, at in numbers.items())
    heard: list[int] = []
    for _ in range(250):
        room.now += FRAME_S
        while pending and pending[0][0] <= room.now:
            at, place = pending.pop(0)
            seq, ts = (first + place) & 0xFFFF, (2**32 - 50_000 + place * 960) & 0xFFFFFFFF
            room.playout.push(seq, ts, str(place + 1).encode(), at, marker=place == 0)
        heard.append(number_of(room.playout.pull(room.now)))
    packets = [n for n in heard if 0 < n <= 150]
    assert packets == sorted(set(packets)), "in order, none twice"
    assert len(packets) >= 0.6 * len(numbers)
    assert not any(heard[-30:]), "and silent in the end"


@settings(max_examples=30, deadline=None)
@given(st.sets(st.integers(4, 48), max_size=24))
def test_no_single_loss_is_ever_a_hole(lost: set[int]) -> None:
    lost = {number for number in lost if number - 1 not in lost}
    room = Room()
    talk(room, range(1, 51), lost=tuple(lost))
    heard = room.run(1.6)
    begin, end = heard.index(2), heard.index(50)
    assert 0 not in heard[begin:end]
    for number in lost:
        around = heard[heard.index(number - 1) : heard.index(number + 1) + 1]
        assert len(around) <= 9, "what follows a loss waits for the retransmission at most"


schedule = st.lists(
    st.tuples(st.integers(0, 65_535), st.floats(0, 3), st.booleans(), st.integers(-2_000, 100_000)),
    max_size=300,
)


@settings(max_examples=60, deadline=None)
@given(schedule, st.integers(0, 2**32))
def test_any_schedule_gives_50_frames_a_second_and_bounded_memory(
    packets: list[tuple[int, float, bool, int]], seed: int
) -> None:
    room = Room()
    rng = random.Random(seed)
    pending = sorted(packets, key=lambda one: one[1])
    frames = 0
    for _ in range(200):
        room.now += FRAME_S
        while pending and pending[0][1] <= room.now - 100:
            seq, _at, marker, ts = pending.pop(0)
            payload = str(rng.randrange(1, 20_000)).encode() if rng.random() > 0.05 else b""
            room.playout.push(seq, ts & 0xFFFFFFFF, payload, room.now, marker=marker)
        pcm = room.playout.pull(room.now)
        assert pcm.shape == (960,) and pcm.dtype == np.float32
        frames += 1
        assert len(room.playout.missing(room.now, rng.random())) <= MAX_FRAMES
        assert len(room.playout._frames) <= MAX_FRAMES
        assert len(room.playout._missing) <= 4 * MAX_FRAMES
    assert frames == 200


# -- copies, pauses, speakers ---------------------------------------------------------------------


def test_copies_fill_what_was_lost() -> None:
    room = Room()
    room.playout.aim.mode = "clear"
    lost = {number for number in range(20, 280) if number % 5 == 0} | {100, 101, 102, 103}
    heard = play(room, range(1, 301), lost, (2, 6))
    assert said(heard) == list(range(1, 301))
    assert room.playout.stats.copies == len(lost)
    assert CONCEALED not in heard[: heard.index(300)]


def test_the_delay_grows_in_speech_only_where_sound_is_missing_anyway() -> None:
    room = Room()
    play(room, range(1, 100), set())
    begin = room.now
    room.playout.aim.mode = "clear"
    heard = []
    for place, number in enumerate(range(140, 240)):  # timestamps go on by the pause
        arrive(room, number, begin + place * FRAME_S)
        room.now = begin + place * FRAME_S + 0.005
        heard.append(number_of(room.playout.pull(room.now)))
    spoken = [n for n in heard if n]
    assert spoken == list(range(spoken[0], spoken[0] + len(spoken)))
    first, last = heard.index(spoken[0]), len(heard)
    assert 0 not in heard[first:last], "loud speech is not stretched"


def test_in_a_pause_the_delay_grows_unheard() -> None:
    room = Room()
    room.playout = Playout(Pauses(), mode="conversation")
    begin = room.now
    heard = []
    for number in range(1, 400):
        if number == 130:
            room.playout.aim.mode = "clear"
        arrive(room, number, begin + number * FRAME_S)
        room.now = begin + number * FRAME_S + 0.005
        heard.append(number_of(room.playout.pull(room.now)))
    spoken = [n for n in heard if n]
    assert spoken == list(range(1, spoken[-1] + 1)), "nothing is left out"
    holes = [heard[i - 1] for i in range(1, len(heard)) if heard[i] == 0 and heard[i - 1]]
    assert all(number % 60 > 40 for number in holes), holes
    assert room.playout.delay_ms > 330


@pytest.mark.parametrize("ppm", [-300, 300])
def test_a_sound_card_that_runs_differently_is_followed(ppm: int) -> None:
    """10 minutes: 180 ms of drift, made good in pauses, no sample of speech lost."""
    room = Room()
    room.playout = Playout(Pauses(), mode="conversation")
    begin = room.now
    heard: list[int] = []
    frames = 10 * 60 * 50
    sent, delays = 1, []
    for tick in range(frames):
        room.now = begin + tick * FRAME_S
        while sent * FRAME_S * (1 + ppm * 1e-6) <= tick * FRAME_S:
            ts = sent * 960 & 0xFFFFFFFF
            payload = str(sent % 12_000 + 1).encode()
            at = begin + sent * FRAME_S * (1 + ppm * 1e-6)
            room.playout.push(sent & 0xFFFF, ts, payload, at, marker=sent == 1)
            sent += 1
        heard.append(number_of(room.playout.pull(room.now)))
        delays.append(room.playout.delay_ms)
    stats = room.playout.stats
    assert stats.concealed == stats.recovered == stats.late == 0
    assert max(delays[500:]) - min(delays[500:]) < 45, "the delay stays"
    changed = stats.stretched if ppm > 0 else stats.skipped
    assert 4 <= changed <= 20


def test_ten_minutes_of_silence_then_speech_at_once() -> None:
    room = Room()
    talk(room, range(1, 51))
    room.run(1.5)
    begin = room.now
    for _ in range(10 * 60 * 50):
        room.now += FRAME_S
        assert number_of(room.playout.pull(room.now)) == 0
    later = 51 + 10 * 60 * 50
    for number in range(later, later + 50):
        at = room.now + (number - later) * FRAME_S
        # The number goes on by one, the timestamp by the time that passed.
        room.arrivals.append((at, number, False))
    assert room.now - begin > 599
    sequence = iter(range(51, 101))
    heard = []
    for _ in range(70):
        room.now += FRAME_S
        while room.arrivals and room.arrivals[0][0] <= room.now:
            at, number, _marker = room.arrivals.pop(0)
            payload = str(number - later + 1000).encode()
            room.playout.push(next(sequence), number * 960 & 0xFFFFFFFF, payload, at)
        heard.append(number_of(room.playout.pull(room.now)))
    assert said(heard) == list(range(1000, 1050))
    assert heard.index(1000) <= 6
    assert room.playout.stats.lost == 0


class Hushed(Tape):
    """Some packets are quiet."""

    def __init__(self) -> None:
        super().__init__()
        self.quiet: set[int] = set()

    def decode(self, packet: bytes) -> np.ndarray:
        pcm = super().decode(packet)
        if int(packet) in self.quiet:
            pcm[:-1] = 5 / 32768
        return pcm


def test_pauses_that_were_not_sent_are_no_loss() -> None:
    """DTX: the numbers go on, the timestamps jump."""
    tape = Hushed()
    room = Room()
    room.playout = Playout(tape)
    begin, number, sent = room.now, 0, []
    for place in range(200):
        if place % 40 < 25 or place % 40 == 32:  # one packet in the pause keeps it alive
            number += 1
            sent.append(number)
            if place % 40 >= 18:
                tape.quiet.add(number)
            ts, payload = place * 960, str(number).encode()
            room.playout.push(number, ts, payload, begin + place * FRAME_S, marker=number == 1)
        room.now = begin + place * FRAME_S + 0.005
        room.heard.append(number_of(room.playout.pull(room.now)))
    heard = said(room.heard)
    assert heard == sent[: len(heard)] and len(heard) > 110
    stats = room.playout.stats
    assert (stats.concealed, stats.recovered, stats.lost) == (0, 0, 0)


@pytest.mark.parametrize("jump", [960 * 400, -960 * 400, 12_345, 2**31])
def test_timestamps_that_jump_do_not_stop_the_sound(jump: int) -> None:
    room = Room()
    begin = room.now
    for place in range(200):
        ts = place * 960 + (jump if place >= 100 else 0)
        room.playout.push(place, ts & 0xFFFFFFFF, str(place + 1).encode(), begin + place * FRAME_S)
        room.now = begin + place * FRAME_S + 0.005
        room.heard.append(number_of(room.playout.pull(room.now)))
    after = [n for n in room.heard if 100 < n <= 200]
    assert len(after) >= 60 and after == sorted(set(after))


def test_what_comes_twice_is_heard_once() -> None:
    room = Room()
    for number in range(1, 51):
        for extra_s in (0.0, 0.0, 0.03, 0.2):
            room.send(number, room.now + number * FRAME_S + extra_s, marker=number == 1)
    assert said(room.run(2.0)) == list(range(1, 51))


def test_the_end_of_one_speaker_and_the_beginning_of_the_next_are_soft() -> None:
    room = Room()
    talk(room, range(1, 31))
    room.run(0.4)
    talk(room, range(1000, 1030))
    sound = []
    while room.now < 101.2:
        room.now += FRAME_S
        for at, number, marker in sorted(one for one in room.arrivals if one[0] <= room.now):
            ts = number * 960
            room.playout.push(number, ts, str(number).encode(), at, marker=marker)
        room.arrivals = [one for one in room.arrivals if one[0] > room.now]
        sound.append(room.playout.pull(room.now).copy())
    for pcm in sound:
        pcm[-1] = pcm[-2]  # the number
    whole = np.concatenate(sound)
    steps = np.abs(np.diff(whole))
    assert steps.max() < 8000 / 32768 / 20, "fading and a little noise, never a click"


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32))
def test_nothing_of_a_source_is_heard_after_it_left_the_slot(seed: int) -> None:
    """Random links and speakers; from 20 ms after the first packet of the next one was there,
    nothing of the one before is heard."""
    rng = random.Random(seed)
    room = Room()
    seq, ts = rng.randrange(65_536), rng.randrange(2**32)
    arrivals: list[tuple[float, int, int, list[tuple[int, bytes]], bool, int]] = []
    for speaker in range(5):
        begin = room.now + speaker * 0.6
        loss, jitter_s = rng.random() * 0.4, rng.random() * 0.2
        ts += 960 * rng.randrange(1, 200)
        for place in range(30):
            number = speaker * 1000 + place + 1
            copies = [
                (960 * d, str(number - d).encode()) for d in (6, 2) if place >= d and seed % 2
            ]
            blocks = [*copies, (0, str(number).encode())]
            if place == 0 or rng.random() > loss:
                at = begin + place * FRAME_S + (rng.random() * jitter_s if place else 0)
                arrivals.append((at, seq, ts, blocks, place == 0, speaker))
            seq, ts = (seq + 1) & 0xFFFF, ts + 960
    arrivals.sort(key=lambda one: one[0])
    newest, since = -1, 0.0
    for _ in range(250):
        room.now += FRAME_S
        while arrivals and arrivals[0][0] <= room.now:
            at, number, stamp, blocks, marker, speaker = arrivals.pop(0)
            room.playout.push(number, stamp & 0xFFFFFFFF, blocks, at, marker=marker)
            if speaker > newest:
                newest, since = speaker, room.now
        pcm = room.playout.pull(room.now)
        heard = number_of(pcm)
        assert pcm.shape == (960,) and pcm.dtype == np.float32
        if room.now > since and 0 < heard < CONCEALED - BASE:
            assert heard // 1000 == newest, "an old speaker is heard"
        assert len(room.playout._frames) <= MAX_FRAMES


def heard_over_a_hole(mode: Mode) -> Room:
    """Forty packets of a talk are held up on the way, for 0.8 s, and come all at once."""
    room = Room()
    room.playout.aim.mode = mode
    begin = room.now
    for place, number in enumerate(range(1, 201)):
        at = begin + place * FRAME_S
        if 60 <= number < 100:
            at = begin + 99 * FRAME_S
        room.send(number, at, marker=place == 0)
    room.run(4.4)
    return room


def test_in_conversation_a_hole_is_not_followed_by_delay() -> None:
    room = heard_over_a_hole("conversation")
    numbers = said(room.heard)
    assert room.playout.delay_ms / 1000 < CONVERSATION_MAX_S + LONG_BY_S
    assert numbers[-100:] == list(range(101, 201)), "what comes in time is heard whole"
    assert not {60, 70, 80, 90} & set(numbers)
    assert room.playout.stats.late >= 30


def test_where_it_is_to_be_clear_what_comes_late_is_heard_late() -> None:
    room = heard_over_a_hole("clear")
    assert {90, 95, 99} <= set(said(room.heard))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(0, 2 * FRAME_S), min_size=50, max_size=50),
    st.floats(0, FRAME_S),
    st.sampled_from([0.0, 0.01, 0.025]),
)
def test_of_one_who_is_heard_at_once_nothing_is_lost_and_there_is_no_hole(
    late_s: list[float], phase_s: float, wobble_s: float
) -> None:
    """However late what follows the first packet comes: where one is missed it is waited for."""
    room = Room()
    room.playout = Playout(Tape(), link=known(wobble_s))
    for place, late in enumerate([0.0, *late_s[1:]]):
        room.send(place + 1, room.now + phase_s + place * FRAME_S + late, marker=place == 0)
    heard = room.run(1.5)
    whole = heard[heard.index(1) : heard.index(50) + 1]
    assert said(whole) == list(range(1, 51))
    assert 0 not in whole and room.playout.stats.stretched <= FLOOR_S / FRAME_S + HOLD_FRAMES


def test_what_is_waited_for_is_heard_without_a_click() -> None:
    """As libopus conceals and goes on: its steps are no greater than those of the voice."""
    encoder, tone = opus.Encoder(), np.sin(np.arange(100 * 960) * 2 * np.pi * 450 / 48_000)
    packets = [encoder.encode(part) for part in np.split((8000 * tone).astype(np.int16), 100)]
    steps = []
    for late in ((), (3,), (10, 11, 30)):
        decoder = opus.WaveDecoder(np.empty(960, dtype=np.float32))
        playout, sound = Playout(decoder, link=known(0.0)), []
        for pulled in range(90):
            at = 100 + pulled * FRAME_S
            for place in (pulled, pulled - 1):
                if 0 <= place and (place in late) == (place < pulled):
                    came = 100 + place * FRAME_S + (FRAME_S if place in late else 0) - 0.001
                    playout.push(place, place * 960, packets[place], came, marker=place == 0)
            sound.append(playout.pull(at).copy())
        assert playout.stats.played >= 88 - len(late) and playout.stats.stretched == bool(late)
        steps.append(np.abs(np.diff(np.concatenate(sound))).max())
    assert max(steps) <= 1.2 * steps[0], steps


def spoken_to_a_decoder(late: dict[int, float]) -> list[np.ndarray]:
    """A voice through the codec, heard frame by frame; these frames come so much later."""
    encoder, heard = opus.Encoder(), []
    playout = Playout(opus.WaveDecoder(np.empty(960, dtype=np.float32)), mode="conversation")
    packets = [encoder.encode(voice.waveform(5, n * 960, 960)) for n in range(200)]
    arrivals = sorted((100 + n * FRAME_S + late.get(n, 0.0), n) for n in range(200))
    for place in range(200):
        now = 100.005 + place * FRAME_S
        while arrivals and arrivals[0][0] <= now:
            at, number = arrivals.pop(0)
            playout.push(number, number * 960, packets[number], at)
        heard.append(playout.pull(now).copy())
    return heard


@pytest.mark.parametrize("lost", [1, 2, 4])
def test_nothing_that_follows_suffers_from_what_came_too_late(lost: int) -> None:
    """The frame after the hole goes over to what it would be without one."""
    whole = spoken_to_a_decoder({})
    holed = spoken_to_a_decoder({100 + n: 0.075 + (lost - 1 - n) * FRAME_S for n in range(lost)})
    differ = [n for n in range(200) if not np.array_equal(whole[n], holed[n])]
    assert differ == list(range(differ[0], differ[0] + lost + 1))
    after = differ[-1]
    assert np.array_equal(whole[after][FADE_SAMPLES:], holed[after][FADE_SAMPLES:])


def set_forward(playout: Playout) -> float:
    """By how much sooner the next pull comes (seconds)."""
    early_s = playout.early_s
    playout.moved(early_s)
    return early_s


@pytest.mark.parametrize("phase_ms", [1, 6, 11, 16])
def test_in_conversation_the_last_five_of_a_burst_come_in_time_as_copies(phase_ms: int) -> None:
    """Eight lost in a row, again and again; the delay stays within 103.5 ms."""
    room = Room()
    room.playout = Playout(Pauses(), mode="conversation")
    burst = range(8)
    lost = {60 * n + 10 + k for n in range(3, 20) for k in burst}
    heard: list[int] = []
    pull_at = room.now + phase_ms / 1000
    for number in range(1, 1200):
        at = room.now + number * FRAME_S
        if number not in lost:
            arrive(room, number, at, CONVERSATION[-1])
        while pull_at < at + FRAME_S:
            heard.append(number_of(room.playout.pull(pull_at)))
            pull_at += FRAME_S - set_forward(room.playout)
    late = {n for n in lost if n > 400}
    assert late - set(heard) == {n for n in late if n % 60 - 10 < len(burst) - 5}
    assert REACH_S <= room.playout.delay_ms / 1000 <= REACH_S + JUST_S + ALIGN_FROM_S


def test_after_a_hole_the_delay_is_what_it_was() -> None:
    """Also where pulls come a bit sooner than aimed at, by a clock that drifts."""
    room = Room()
    room.playout = Playout(Pauses(), mode="conversation")
    lost = {60 * n + 10 + k for n in range(3, 20) for k in range(12)}
    pull_at = room.now + 0.006
    delays = []
    for number in range(1, 1200):
        at = room.now + number * FRAME_S
        if number not in lost:
            arrive(room, number, at, CONVERSATION[-1])
        if number == 600:
            pull_at -= SHORT_BY_S - 0.0001
        while pull_at < at + FRAME_S:
            room.playout.pull(pull_at)
            delays.append(room.playout.delay_ms / 1000 - room.playout.aim.delay_s)
            pull_at += FRAME_S - set_forward(room.playout)
    assert -SHORT_BY_S <= min(delays[650:]) and max(delays[650:]) <= ALIGN_FROM_S


def test_pulls_that_come_late_do_not_set_the_clock() -> None:
    """On a busy machine: what is set forward is what the most punctual pulls have to spare."""
    room = Room()
    room.playout = Playout(Pauses(), mode="conversation")
    rng = random.Random(3)
    pull_at = room.now + 0.0065
    delays = []
    for number in range(1, 600):
        arrive(room, number, room.now + number * FRAME_S)
        late_s = rng.random() * 0.006
        while pull_at + late_s < room.now + (number + 1) * FRAME_S:
            room.playout.pull(pull_at + late_s)
            delays.append(room.playout.delay_ms / 1000 - late_s - room.playout.aim.delay_s)
            pull_at += FRAME_S - set_forward(room.playout)
    assert -SHORT_BY_S <= min(delays[300:]) and max(delays[300:]) <= ALIGN_FROM_S
