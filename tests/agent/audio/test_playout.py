"""The playout clock: 20 ms of sound at every pull, whatever the network does."""

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.audio.playout import MAX_FRAMES, Playout

FRAME_S = 0.02


BASE, CONCEALED = 10_000, 20_001


def frame(number: int) -> np.ndarray:
    """As loud as speech; the last sample tells the number."""
    pcm = np.full(960, 8000, dtype=np.int16)
    pcm[-1] = BASE + number
    return pcm


def number_of(pcm: np.ndarray) -> int:
    """The packet a frame came from, `CONCEALED`, or 0 for silence and noise."""
    return max(0, int(pcm[-1]) - BASE)


class Tape:
    """A decoder whose sound tells the packet (1 to 20000)."""

    def __init__(self) -> None:
        self.last = 0
        self.concealed = 0

    def decode(self, packet: bytes) -> np.ndarray:
        if not packet:
            raise ValueError("damaged")
        self.last = int(packet)
        return frame(self.last)

    def decode_fec(self, next_packet: bytes) -> np.ndarray:
        return frame(int(next_packet) - 1)

    def conceal(self) -> np.ndarray:
        self.concealed += 1
        return frame(CONCEALED)

    def reset(self) -> None:
        self.last = 0


class Room:
    """A playout on a clock: packets arrive when they are due, sound is noted frame by frame."""

    def __init__(self) -> None:
        self.playout = Playout(Tape())
        self.now = 100.0
        self.heard: list[int] = []
        self.arrivals: list[tuple[float, int, bool]] = []

    def send(self, number: int, at: float, *, marker: bool = False) -> None:
        self.arrivals.append((at, number, marker))

    def run(self, seconds: float) -> list[int]:
        """Pull every 20 ms; what was heard in this time, one number a frame (0: silence)."""
        heard = []
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.now += FRAME_S
            due = sorted(one for one in self.arrivals if one[0] <= self.now)
            self.arrivals = [one for one in self.arrivals if one[0] > self.now]
            for at, number, marker in due:
                ts = number * 960 & 0xFFFFFFFF
                payload = str(number).encode()
                self.playout.push(number & 0xFFFF, ts, payload, at, marker=marker)
            pcm = self.playout.pull(self.now)
            assert pcm.shape == (960,) and pcm.dtype == np.int16
            heard.append(number_of(pcm))
        self.heard += heard
        return heard


def talk(room: Room, numbers: range, *, lost: tuple[int, ...] = ()) -> None:
    """Packets every 20 ms from now on, the first with the marker."""
    for place, number in enumerate(numbers):
        if number not in lost:
            room.send(number, room.now + place * FRAME_S, marker=place == 0)


def test_a_clean_stream_is_heard_whole_after_a_short_delay() -> None:
    room = Room()
    talk(room, range(1, 51))
    heard = room.run(1.5)
    assert [n for n in heard if n][:50] == list(range(1, 51))
    assert 3 <= heard.index(1) <= 6, "60 to 120 ms"


def test_one_lost_packet_never_stalls_the_sound() -> None:
    room = Room()
    talk(room, range(1, 51), lost=(20,))
    heard = room.run(1.3)
    first = heard.index(1)
    assert 0 not in heard[first : first + 50]
    assert 20 in heard, "recovered from the next packet's redundancy"


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
@given(st.sets(st.integers(2, 48), max_size=24))
def test_no_single_loss_is_ever_a_hole(lost: set[int]) -> None:
    lost = {number for number in lost if number - 1 not in lost}
    room = Room()
    talk(room, range(1, 51), lost=tuple(lost))
    heard = room.run(1.6)
    begin, end = heard.index(1), heard.index(50)
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
        assert pcm.shape == (960,) and pcm.dtype == np.int16
        frames += 1
        assert len(room.playout.missing(room.now, rng.random())) <= MAX_FRAMES
        assert len(room.playout._frames) <= MAX_FRAMES
        assert len(room.playout._missing) <= 4 * MAX_FRAMES
    assert frames == 200
