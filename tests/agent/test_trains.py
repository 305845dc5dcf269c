"""What a link carries, by packets that were sent at once."""

import random
from collections.abc import Iterable

import pytest

from agent import rtcp
from agent.bandwidth import OVERHEAD_BYTES, PROBED_BELOW
from agent.impair import IP_UDP_BYTES, Direction, Impairment
from agent.trains import (
    EVERY_S,
    PACKET_BYTES,
    PACKETS,
    TOLD_FOR_S,
    TRAINS,
    Timetable,
    Trains,
    train,
)


def over(link: str, number: int, at: float = 100.0) -> list[tuple[rtcp.Train, float]]:
    """A train that was sent then, in the order in which it arrives."""
    direction = Direction(Impairment.parse(link), str(number))
    came = []
    for packet in train(1, number, at):
        arrival = direction.admit(len(packet) + OVERHEAD_BYTES - IP_UDP_BYTES, at)
        (one,) = rtcp.parse(packet)
        assert isinstance(one, rtcp.Train)
        if arrival is not None:
            came.append((one, arrival))
    return sorted(came, key=lambda pair: pair[1])


def told(*trains: Iterable[tuple[rtcp.Train, float]]) -> tuple[float, float] | None:
    """What they tell together."""
    arrived, said = Trains(), None
    for came in trains:
        last = 0.0
        for one, last in came:
            arrived.push(one, last)
        said = arrived.take(last + 1.0)
    return said


@pytest.mark.parametrize("loss", ["0%", "10%"])
@pytest.mark.parametrize("rate", [32, 64, 128, 256, 1000])
def test_the_rate_of_a_link_is_found_whatever_it_loses(rate: int, loss: str) -> None:
    link = f"rate={rate}k,loss={loss},rtt=60ms"
    assert told(over(link, 1), over(link, 2)) == pytest.approx((1000 * rate,) * 2, rel=0.01)


def test_a_link_that_is_not_thin_is_told_to_carry_all_there_is() -> None:
    said = told(over("rtt=60ms", 1), over("rtt=60ms", 2))
    assert said is not None and said[0] > PROBED_BELOW


def held_up(came: list[tuple[rtcp.Train, float]], begin: float, end: float) -> list:
    """What comes while the machine is busy is taken afterwards."""
    return [(one, end if begin < at < end else at) for one, at in came]


def test_a_machine_that_is_busy_for_a_part_of_a_train_changes_nothing() -> None:
    thin = over("rate=128k", 1)
    (_one, first), (_two, second) = thin[:2]
    late = held_up(thin, first + 0.1 * (second - first), first + 2.5 * (second - first))
    assert told(late, late) == pytest.approx((128_000,) * 2, rel=0.01)
    good = [(one, at + (0.1 if one.place > 2 else 0.0)) for one, at in over("", 1)]
    said = told(good, good)
    assert said is not None and said[0] > PROBED_BELOW, "it was busy between two of them"


def test_what_two_trains_say_is_told_at_least_and_at_most() -> None:
    assert told(over("rate=64k", 1)) is None, "one may mislead"
    said = told(over("rate=64k", 1), over("rate=500k", 2))
    assert said == pytest.approx((64_000, 500_000), rel=0.01)


@pytest.mark.parametrize("misled", [1, 2, 3])
def test_of_three_trains_one_may_mislead(misled: int) -> None:
    trains = [over("rate=128k" if number != misled else "", number) for number in (1, 2, 3)]
    assert told(*trains) == pytest.approx((128_000,) * 2, rel=0.01)


def test_where_packets_overtake_each_other_a_train_tells_nothing() -> None:
    rng = random.Random(1)
    for number in range(50):
        link = f"jitter=30ms,rtt=60ms,seed={rng.randrange(1000)}"
        came = over(link, number)
        places = [one.place for one, _at in came]
        assert (told(came, came) is None) == (places != sorted(places))


def test_of_few_packets_nothing_is_told() -> None:
    came = over("rate=64k", 1)
    assert told(came[:4], came[:4]) is not None and told(came[:3], came[:3]) is None


def test_it_is_told_once_and_when_it_is_old_no_more() -> None:
    trains = Trains()
    for number, at in ((1, 100.0), (2, 101.0)):
        for one, arrival in over("rate=64k", number, at):
            trains.push(one, arrival)
            if one.place < PACKETS - 1:
                assert trains.take(arrival) is None, "it is still coming"
        assert (trains.take(at + 0.5) is None) == (number == 1)
        assert trains.take(at + 0.6) is None
    for one, arrival in over("rate=64k", 3, 101 + TOLD_FOR_S):
        trains.push(one, arrival)
    assert trains.take(102 + TOLD_FOR_S) is None, "the other one is too old"


def test_trains_go_in_threes_soon_when_it_is_to_be_known_and_then_now_and_then() -> None:
    timetable = Timetable()
    gone = [second for second in range(100) if timetable.is_due(50.0 + second)]
    assert gone == [n for n in range(100) if n % EVERY_S < TRAINS]
    timetable.anew()
    assert [timetable.is_due(150.5 + n) for n in range(5)] == [True] * TRAINS + [False] * 2


def test_a_train_costs_little() -> None:
    size = PACKETS * (PACKET_BYTES + OVERHEAD_BYTES)
    assert sum(map(len, train(1, 7, 100.0))) == PACKETS * PACKET_BYTES
    assert 8 * TRAINS * size / EVERY_S < 2000, "bit/s"
    assert 8 * size / 64_000 < 0.2, "s that a voice could wait, if it began right behind it"
