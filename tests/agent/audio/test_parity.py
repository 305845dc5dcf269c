"""Parity: what was lost is made of what came, byte for byte, or not at all."""

import random

from hypothesis import given
from hypothesis import strategies as st

from agent.audio.parity import BACK, MAX_BYTES, SAMPLES, Restorer, parity
from agent.audio.red import Block

FRAMES = st.lists(st.binary(min_size=1, max_size=MAX_BYTES), min_size=4, max_size=60)


def sent(frames: list[bytes], first: int) -> list[tuple[int, Block | None]]:
    """Timestamp and parity of each packet."""
    packets = []
    for n in range(len(frames)):
        before = [(back, frames[n - back]) for back in BACK if n >= back]
        packets.append(((first + n * SAMPLES) & 0xFFFFFFFF, parity(before)))
    return packets


def restored(frames: list[bytes], lost: set[int], first: int = 0) -> dict[int, bytes]:
    """What came, by the place of the frame."""
    restorer, came = Restorer(), {}
    for n, (ts, check) in enumerate(sent(frames, first)):
        if n not in lost:
            for offset, data in restorer.push(ts, [(0, frames[n])], check):
                assert n - offset // SAMPLES not in came, "each once"
                came[n - offset // SAMPLES] = data
    return came


@given(FRAMES, st.integers(0, 0xFFFFFFFF), st.data())
def test_whatever_is_lost_nothing_else_is_made_of_it(
    frames: list[bytes], first: int, data: st.DataObject
) -> None:
    lost = data.draw(st.sets(st.integers(0, len(frames) - 1)))
    came = restored(frames, lost, first)
    assert all(frames[n] == one for n, one in came.items())
    assert set(range(len(frames))) - lost <= set(came)


@given(FRAMES, st.data())
def test_up_to_three_in_a_row_come_back(frames: list[bytes], data: st.DataObject) -> None:
    """One with the next packet, two with the next two, three with the second and the third, that
    brings back two."""
    first = data.draw(st.integers(3, len(frames) - 1))
    for count in (1, 2, 3):
        spoken = [*frames[:first], *[b"lost"] * count, *[b"next"] * count]
        lost = set(range(first, first + count))
        assert len(restored(spoken, lost)) == len(spoken)


def test_of_four_in_a_row_all_but_the_first_do() -> None:
    frames = [b"frame %d" % n for n in range(12)]
    assert set(range(12)) - set(restored(frames, {3, 4, 5, 6})) == {3}


def test_of_what_is_lost_at_random_two_in_a_thousand_are_missing() -> None:
    rng = random.Random(5)
    frames = [b"%d" % n for n in range(20_000)]
    lost = {n for n in range(len(frames)) if rng.random() < 0.1}
    missing = len(frames) - len(restored(frames, lost))
    assert missing < 0.002 * len(frames)


def test_there_is_none_of_what_is_not_there_or_too_long() -> None:
    assert parity([]) is None
    assert parity([(1, bytes(MAX_BYTES + 1))]) is None
    assert parity([(1, bytes(MAX_BYTES))]) is not None


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 9000), st.binary(max_size=20))))
def test_whatever_comes_does_no_harm(packets: list[tuple[int, int, bytes]]) -> None:
    restorer = Restorer()
    for place, offset, data in packets:
        ts = place * SAMPLES
        blocks = restorer.push(ts, [(0, b"own")], (offset, data))
        assert [data for back, data in blocks if not back] == [b"own"]
        assert len(restorer._frames) <= 8 and len(restorer._sums) <= 8
