"""The emulated bad network: seeded, and what it was told to be."""

import itertools
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.impair import SLOT_S, Direction, Impairment


def test_parsed_as_it_is_written() -> None:
    one = Impairment.parse("loss=10%,rtt=80ms,jitter=30ms,rate=256k,seed=7")
    assert one == Impairment(0.1, 0, 80, 30, 256, 300, 7)
    assert Impairment.parse(str(one)) == one
    assert Impairment.parse("") == Impairment()
    bursts = Impairment.parse("loss=10%,burst=5")
    assert (bursts.loss, bursts.burst) == (0.1, 5)
    assert Impairment.parse(str(bursts)) == bursts


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("loss=10", "loss=10: expected a percentage"),
        ("lost=10%", "'lost': known are loss"),
        ("rtt=80", "expected a time such as 80ms"),
        ("rate=fast", "expected kilobits"),
        ("rate=0k", "more than 0k"),
        ("loss=101%", "at most 100%"),
        ("seed=x", "expected a whole number"),
        ("burst=0.5,loss=1%", "burst: 1 or more"),
        ("burst=5,loss=100%", "with a loss below 100%"),
        ("burst=5ms", "packets of 20 ms lost in a row"),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Impairment.parse(text)


def fates(direction: Direction, count: int) -> list[float | None]:
    return [direction.admit(200, number * 0.02) for number in range(count)]


@given(st.integers(0, 1000), st.text(max_size=5))
def test_one_seed_one_fate(seed: int, salt: str) -> None:
    impairment = Impairment.parse(f"loss=20%,jitter=10ms,seed={seed}")
    assert fates(Direction(impairment, salt), 50) == fates(Direction(impairment, salt), 50)


def test_loss_and_delay_are_what_was_asked_for() -> None:
    direction = Direction(Impairment.parse("loss=10%,rtt=80ms,jitter=10ms,seed=1"), "kandis")
    delivered = fates(direction, 5000)
    assert sum(at is None for at in delivered) / 5000 == pytest.approx(0.1, abs=0.02)
    delays = [at - n * 0.02 for n, at in enumerate(delivered) if at is not None]
    assert min(delays) >= 0
    assert statistics.mean(delays) == pytest.approx(0.04, abs=0.002)
    assert statistics.stdev(delays) == pytest.approx(0.01, abs=0.002)
    other = Direction(Impairment.parse("loss=10%,rtt=80ms,jitter=10ms,seed=1"), "minas")
    assert fates(other, 100) != delivered[:100]


def lost_slots(text: str, count: int, salt: str = "kandis") -> list[bool]:
    """Of each slot of 20 ms in the life of a link, whether it is a lost one."""
    direction = Direction(Impairment.parse(text), salt)
    direction.admit(200, 0.0)  # the link's life begins
    return [direction.admit(200, (n + 0.5) * SLOT_S) is None for n in range(count)]


@pytest.mark.parametrize(("loss", "burst"), [(0.05, 1.5), (0.1, 5), (0.2, 8), (0.3, 3)])
def test_bursts_have_the_length_and_the_share_that_were_asked_for(
    loss: float, burst: float
) -> None:
    lost = lost_slots(f"loss={100 * loss:g}%,burst={burst},seed=3", 40_000)
    runs = [len(list(run)) for is_lost, run in itertools.groupby(lost) if is_lost]
    assert sum(lost) / len(lost) == pytest.approx(loss, rel=0.1)
    assert statistics.mean(runs) == pytest.approx(burst, rel=0.1)


@given(
    st.integers(0, 1000),
    st.lists(st.tuples(st.floats(0.001, 0.999), st.integers(0, 30), st.integers(1, 1500))),
)
def test_a_burst_takes_all_that_is_sent_in_it(
    seed: int, sent: list[tuple[float, int, int]]
) -> None:
    """The slots that are lost are the same for a link that sends more, less, or at other times."""
    text = f"loss=40%,burst=4,rtt=80ms,jitter=20ms,seed={seed}"
    lost = lost_slots(text, 31)
    direction = Direction(Impairment.parse(text), "kandis")
    direction.admit(200, 0.0)
    for where, slot, size_bytes in sorted(sent, key=lambda one: (one[1], one[0])):
        fate = direction.admit(size_bytes, (slot + where) * SLOT_S)
        assert (fate is None) == lost[slot]


def test_bursts_of_two_links_differ() -> None:
    text = "loss=20%,burst=4,seed=1"
    assert lost_slots(text, 200) == lost_slots(text, 200) != lost_slots(text, 200, "minas")


def test_a_narrow_link_queues_and_then_drops() -> None:
    direction = Direction(Impairment.parse("rate=64k,queue=100ms"), "x")
    # 20 datagrams of 800 bytes with IP and UDP headers at once: 100 ms each on 64 kbit/s.
    times = [direction.admit(772, 0.0) for _ in range(20)]
    arrived = [at for at in times if at is not None]
    assert arrived == pytest.approx([0.1, 0.2])
    assert direction.lost == 18
    assert direction.admit(772, 1.0) == pytest.approx(1.1)


def test_a_cut_cable_passes_nothing_and_mended_goes_on() -> None:
    direction = Direction(Impairment(), "x")
    assert direction.admit(100, 1.0) == 1.0
    direction.cut = True
    assert direction.admit(100, 2.0) is None
    direction.cut = False
    assert direction.admit(100, 3.0) == 3.0
