"""Congestion is seen as a queue, told from loss and jitter; what a link carries is found."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import rtcp, rtp
from agent.bandwidth import (
    BELIEVED,
    CALM_S,
    DOUBTED_FOR_S,
    DRAIN_S,
    DRAINING,
    EMPTY_S,
    FIRST_LEAST,
    FULL_FOR_S,
    GROW_BEYOND,
    LEAST,
    MOST_AT_ONCE,
    NEARLY,
    OVERHEAD_BYTES,
    PROBE_BYTES,
    PROBED_BELOW,
    PROBES,
    TRAINED,
    Bandwidth,
    Full,
    probes,
)
from agent.impair import Direction, Impairment
from agent.pacing import UNKNOWN
from agent.trains import EVERY_S, PACKET_BYTES, TRAINS


class Link:
    """A sender that obeys (or not), an emulated link, and the estimate at its end."""

    def __init__(self, impairment: str, seed: int = 1) -> None:
        self.bandwidth = Bandwidth()
        self.direction = Direction(Impairment.parse(f"{impairment},seed={seed}"), "link")
        self.now = 1000.0
        self.pending: list[tuple[float, int, int]] = []
        self.cuts = 0
        self.queues_ms: list[float] = []
        self.sent_s = random.Random(seed).random() * 64

    def send(self, size_bytes: int) -> None:
        sent = rtp.send_time(self.sent_s + self.now)
        at = self.direction.admit(size_bytes + OVERHEAD_BYTES - 28, self.now)
        if at is not None:
            self.pending.append((at, sent, size_bytes))

    def run(self, seconds: float, size_bytes: int, every_s: float = 0.02) -> None:
        """Packets of one size at even distances."""
        end = self.now + seconds
        tick = 0
        while self.now < end:
            self.send(size_bytes)
            tick += 1
            self.now += every_s
            self.pending.sort()
            while self.pending and self.pending[0][0] <= self.now:
                at, sent, size = self.pending.pop(0)
                self.bandwidth.push(sent, size, at)
            if tick % 5 == 0:
                self.cuts += self.bandwidth.update(self.now)
                self.queues_ms.append(1000 * self.bandwidth.queue_s)


@pytest.mark.parametrize(
    "impairment",
    ["rtt=60ms", "loss=30%,rtt=60ms", "loss=20%,burst=8,rtt=60ms", "rtt=60ms,jitter=60ms"],
)
def test_loss_and_jitter_are_not_congestion(impairment: str) -> None:
    link = Link(impairment)
    link.run(60, 130)
    assert link.cuts == 0 and link.bandwidth.available is None
    assert max(link.queues_ms) < 60


@pytest.mark.parametrize("loss", ["0%", "10%"])
def test_a_full_link_is_found_and_what_it_carries(loss: str) -> None:
    link = Link(f"loss={loss},rtt=60ms,rate=64k,queue=300ms")
    link.run(3, 200)  # 95 kbit/s
    assert link.cuts and link.bandwidth.available is not None
    assert 35_000 < link.bandwidth.available < 62_000
    link.run(6, 70)  # the sender came down to 43 kbit/s
    assert link.bandwidth.queue_s < 0.03, "and the queue is gone"
    cuts, after = link.cuts, link.bandwidth.available
    link.run(10, 70)
    assert link.cuts == cuts and link.bandwidth.available > after, "it grows while there is room"


def known(bandwidth: Bandwidth) -> int:
    assert bandwidth.available is not None
    return bandwidth.available


def test_when_the_queue_is_gone_it_is_known_what_came_through() -> None:
    link = Link("rtt=60ms,rate=64k,queue=300ms")
    link.run(3, 200)
    while link.bandwidth.queue_s > EMPTY_S:
        link.run(0.1, 20)
    link.run(0.2, 20)
    assert 0.8 * 64_000 < known(link.bandwidth) < 64_000


def test_it_grows_slower_after_every_time_that_went_wrong_and_slower_still_beyond_full() -> None:
    link = Link("rtt=60ms,rate=64k,queue=300ms")
    below, beyond = [], []
    for _ in range(3):
        link.run(3, 200)
        while link.bandwidth.queue_s > EMPTY_S:
            link.run(0.1, 20)
        link.run(0.2, 20)
        before = known(link.bandwidth)
        link.run(0.5, 20)
        below.append(known(link.bandwidth) / before - 1)
        while known(link.bandwidth) < 1.01 * NEARLY * 64_000:
            link.run(1, 20)
        before = known(link.bandwidth)
        link.run(5, 20)
        beyond.append((known(link.bandwidth) / before - 1) / 5)
    assert link.now - 1000 < CALM_S, "nothing is forgotten yet"
    assert below[0] > 1.5 * below[1] > 2 * below[2], below
    assert beyond == pytest.approx([GROW_BEYOND] * 3, rel=0.1)


def test_what_a_link_carried_once_is_forgotten_after_a_long_calm() -> None:
    link = Link("rtt=60ms,rate=64k,queue=300ms")
    link.run(3, 200)
    link.run(CALM_S - 2, 20)
    assert known(link.bandwidth) < 64_000 * (1 + 1.1 * GROW_BEYOND * CALM_S)
    link.run(15, 20)
    assert known(link.bandwidth) > 1.5 * 64_000


def probe(link: Link, number: int, gap_s: float) -> None:
    """A pair comes, the second packet so much after the first."""
    packets = probes(1, number)
    for at, packet in zip((link.now, link.now + gap_s), packets, strict=True):
        (one,) = rtcp.parse(packet)
        assert isinstance(one, rtcp.Probe)
        link.bandwidth.probe(one, len(packet), at)


def test_what_a_link_carries_more_is_told_by_probes_and_not_by_one_that_misleads() -> None:
    link = Link("rtt=60ms,rate=64k,queue=300ms")
    link.run(3, 200)
    link.run(4, 20)
    before = known(link.bandwidth)
    bits = 8 * (PROBE_BYTES[1] + OVERHEAD_BYTES)
    for number, rate in enumerate((64_000, 4_000_000, 60_000, 4_000_000)):
        probe(link, number, bits / rate)
        link.run(1, 20)
    assert known(link.bandwidth) < 1.1 * before, "two of four came at the link's own pace"
    for number in range(PROBES + 3):
        known_before = known(link.bandwidth)
        probe(link, 10 + number, bits / 500_000)
        link.run(1, 20)
        assert known(link.bandwidth) <= 1.2 * MOST_AT_ONCE * known_before, "step by step"
    assert known(link.bandwidth) == pytest.approx(BELIEVED * 500_000, rel=0.05)
    link.run(3, 200)  # it was not so
    link.run(2, 20)
    after = known(link.bandwidth)
    for number in range(PROBES):
        probe(link, 20 + number, bits / 500_000)
        link.run(1, 20)
    assert known(link.bandwidth) < 1.2 * after, "what misled is not believed again at once"
    link.run(DOUBTED_FOR_S, 20)
    for number in range(PROBES):
        probe(link, 30 + number, bits / 500_000)
        link.run(1, 20)
    assert known(link.bandwidth) > 1.5 * after, "but after a while: it misled once"


def test_where_not_one_pair_tells_of_more_it_does_not_grow() -> None:
    """Or a voice would be tried again and again that is too much."""
    bits = 8 * (PROBE_BYTES[1] + OVERHEAD_BYTES)

    def grown(told: tuple[float, ...]) -> float:
        link = Link("rtt=60ms,rate=64k,queue=300ms")
        link.run(3, 200)
        for number in range(120):
            probe(link, number, bits / told[number % len(told)])
            link.run(1, 60)
        return known(link.bandwidth)

    assert grown((64_000,)) < 1.02 * 64_000
    assert grown((64_000, 30_000, 500_000, 500_000)) > 1.1 * 64_000, "some come late"
    assert grown((64_000, 30_000, 64_000, 500_000)) < 1.02 * 64_000, "one comes with its first"


def test_a_first_suspicion_costs_the_large_picture_alone() -> None:
    """A machine that is busy for a moment looks like a link that is full."""
    bandwidth, now = Bandwidth(), 100.0
    for n in range(100):
        now = 100.0 + n * 0.02
        bandwidth.push(rtp.send_time(now), 130, now)
        if n % 5 == 0:
            assert not bandwidth.update(now)
    cuts: list[int] = []
    for n in range(100, 200):
        now = 100.0 + n * 0.02
        bandwidth.push(rtp.send_time(now), 130, now + 0.002 * (n - 60))
        if n % 5 == 0 and bandwidth.update(now + 0.002 * (n - 60)):
            cuts.append(known(bandwidth))
    assert cuts[0] == FIRST_LEAST, "70 kbit/s came through"
    assert cuts[1] < 70_000, "it goes on, so it was right"


def test_after_a_pause_the_rate_is_that_of_what_came_since() -> None:
    bandwidth = Bandwidth()
    for n in range(100):
        bandwidth.count(130, n * 0.02)
    assert bandwidth.received(2.0) == pytest.approx(8 * (130 + OVERHEAD_BYTES) * 50, rel=0.03)
    for tenth in range(30):
        bandwidth.update(2.0 + tenth / 10)  # it is looked at while nothing comes
    for n in range(20):
        bandwidth.count(130, 5.0 + n * 0.02)
    assert bandwidth.received(5.4) == pytest.approx(8 * (130 + OVERHEAD_BYTES) * 50, rel=0.03)


@pytest.mark.parametrize(("late_s", "cut"), [(0.0, True), (0.05, True), (0.2, False)])
def test_a_machine_that_is_late_itself_does_not_take_that_for_a_queue(
    late_s: float, cut: bool
) -> None:
    bandwidth, now = Bandwidth(), 100.0
    cuts = 0
    for n in range(200):
        now = 100.0 + n * 0.02
        # From the second second on everything comes 150 ms late.
        bandwidth.push(rtp.send_time(now), 100, now + (0.15 if n >= 50 else 0.0))
        if late_s and n >= 50:
            bandwidth.excuse(late_s, now)
        cuts += n % 5 == 0 and bandwidth.update(now + 0.15)
    assert (cuts > 0) == cut


def test_a_clock_that_runs_differently_is_not_a_queue() -> None:
    bandwidth = Bandwidth()
    for n in range(50 * 600):
        sent = n * 0.02 * (1 + 200e-6)
        bandwidth.push(rtp.send_time(sent), 130, 5000.0 + n * 0.02)
        if n % 5 == 0:
            assert not bandwidth.update(5000.0 + n * 0.02)
    assert bandwidth.queue_s < 0.03


def test_after_a_long_silence_it_begins_anew() -> None:
    bandwidth = Bandwidth()
    for n in range(100):
        bandwidth.push(rtp.send_time(n * 0.02), 130, n * 0.02)
    for n in range(100):
        bandwidth.push(rtp.send_time(500 + n * 0.02), 130, 510 + n * 0.02)
        assert not bandwidth.update(510 + n * 0.02)
    assert bandwidth.queue_s < 0.01


@pytest.mark.parametrize(("ways_s", "queue_s"), [((0.05,), 0.2), ((0.05, 0.25), 0.0)])
def test_the_way_of_an_idle_link_is_that_of_its_last_train(
    ways_s: tuple[float, ...], queue_s: float
) -> None:
    bandwidth, at = Bandwidth(), 100.0
    for way_s in ways_s:
        bandwidth.push(rtp.send_time(at), PACKET_BYTES, at + way_s)
        at += EVERY_S - TRAINS
    at -= EVERY_S / 2
    for _ in range(50):
        at += 0.02
        bandwidth.push(rtp.send_time(at), 130, at + 0.25)
        bandwidth.update(at + 0.25)
    assert bandwidth.queue_s == pytest.approx(queue_s, abs=0.001)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, (1 << 24) - 1), st.integers(12, 1500), st.floats(0, 2), st.booleans()
        ),
        max_size=200,
    )
)
def test_anything_may_arrive(packets: list[tuple[int, int, float, bool]]) -> None:
    bandwidth, now = Bandwidth(), 10.0
    for sent, size, pause_s, is_first in packets:
        now += pause_s
        if is_first:
            bandwidth.push(sent, size, now)
        else:
            bandwidth.count(size, now)
        bandwidth.update(now)
        assert bandwidth.available is None or bandwidth.available >= LEAST
        assert bandwidth.received(now) >= 0 and bandwidth.queue_s >= 0
        assert len(bandwidth._base) <= 65


def test_a_link_is_not_held_for_thin_because_its_speaker_pauses() -> None:
    link = Link("rtt=60ms,rate=64k,queue=300ms")
    link.run(6.0, 80)
    spoken = link.bandwidth.received(link.now)
    assert link.bandwidth.available is None and spoken > 40_000
    link.run(1.2, 80, every_s=0.4)
    assert link.bandwidth.received(link.now) < 10_000
    for late_s in (0.08, 0.1, 0.12):
        # It only seems full: the machine was busy, and did not notice.
        for _ in range(8):
            sent = rtp.send_time(link.sent_s + link.now)
            link.bandwidth.push(sent, 10, link.now + 0.03 + late_s)
            link.now += 0.05
            link.bandwidth.update(link.now + 0.03 + late_s)
    assert link.bandwidth.available is not None
    assert link.bandwidth.available >= 0.8 * spoken


def test_what_a_full_link_loses_is_its_queues_and_pictures_give_way_for_a_while() -> None:
    full = Full()
    assert not full.loses(1.0) and full.pace(math.inf, 1.0) == UNKNOWN
    full.told(300_000, 1.0)
    assert full.loses(1.0) and full.pace(200_000, 1.0) == DRAINING * 200_000
    assert full.pace(200_000, 1.0 + DRAIN_S) == 200_000
    assert not full.loses(1.0 + FULL_FOR_S)
    full.told(320_000, 10.0)
    full.told(315_000, 11.0)
    assert not full.loses(11.0), "it is hardly less"
    full.told(200_000, 12.0)
    assert full.loses(12.5) and full.pace(0, 12.5) == 1.0


def test_an_idle_link_carries_what_trains_say_at_least_and_at_most() -> None:
    bandwidth = Bandwidth()
    bandwidth.believe(PROBED_BELOW, PROBED_BELOW, 1.0)
    assert bandwidth.available is None
    bandwidth.believe(128_000, PROBED_BELOW, 2.0)
    assert bandwidth.available is None, "one of them misled"
    bandwidth.believe(120_000, 128_000, 3.0)
    assert bandwidth.available == TRAINED * 128_000
    bandwidth.believe(100_000, 300_000, 4.0)
    assert bandwidth.available == TRAINED * 128_000
    bandwidth.believe(200_000, 300_000, 5.0)
    assert bandwidth.available == TRAINED * 200_000
    bandwidth.believe(PROBED_BELOW, 2 * PROBED_BELOW, 6.0)
    assert bandwidth.available is None


def test_beyond_what_trains_said_it_grows_slowly() -> None:
    link = Link("rtt=60ms")
    link.bandwidth.believe(128_000, 128_000, link.now)
    link.run(3, 100)
    assert NEARLY * 128_000 < known(link.bandwidth) < 128_000


def test_trains_that_misled_are_not_believed_again_at_once() -> None:
    link = Link("rtt=60ms,rate=64k,queue=300ms")
    link.run(3, 200)
    link.run(1, 20)
    link.bandwidth.believe(PROBED_BELOW, PROBED_BELOW, link.now)
    link.run(3, 200)
    assert known(link.bandwidth) < 100_000
    link.bandwidth.believe(PROBED_BELOW, PROBED_BELOW, link.now)
    assert known(link.bandwidth) < 100_000
    link.run(DOUBTED_FOR_S, 20)
    link.bandwidth.believe(PROBED_BELOW, PROBED_BELOW, link.now)
    assert link.bandwidth.available is None
