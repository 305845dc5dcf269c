"""A voice over both hops: sender, bad uplink, relay, bad downlink, a site that puts it together.

No sockets and no clock: packets are lost, doubled and late as a seed says. What must hold whatever
copies each hop carries: every frame that came over the first hop reaches the second, is there once
and unharmed, and only what a link lost is counted as lost on it.
"""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import lines, rtp
from agent.audio.hop import ONE_COPY, PAIRS, PARITY, TWINS, Distances, Unfolder, before
from agent.audio.ladder import CLEAR, CONVERSATION
from agent.batches import PAIR_WITHIN_S, Batches
from agent.forward import VoiceSlot
from agent.reception import ReceptionStats
from agent.sender import AudioStream

FLOOR = lines.SLOT_SSRC["floor"]
TYPES = (lines.OPUS_PAYLOAD_TYPE, lines.RED_PAYLOAD_TYPE)
SETS: list[Distances] = [(), PAIRS, TWINS, ONE_COPY, PARITY, *CONVERSATION, *CLEAR]


class Hop:
    """The receiving end of one hop."""

    def __init__(self) -> None:
        self.unfolder = Unfolder(*TYPES)
        self.reception = ReceptionStats(FLOOR, lines.OPUS_CLOCK)

    def take(self, packet: bytes, now: float) -> list:
        header = rtp.parse(packet)
        frames = self.unfolder.push(header, packet[header.payload_offset : header.payload_end])
        self.reception.received(
            header.seq,
            header.ts,
            now,
            begins=header.marker,
            sent=header.send_time,
            before=before(self.unfolder.distances),
        )
        return frames


class Path:
    """Speaker → relay → listener. `up` and `down`: the copies of each hop."""

    def __init__(self, up: Distances, down: Distances) -> None:
        self.up, self.now, self.spoken = up, 100.0, 0
        self.stream = AudioStream()
        self.relay = Hop()
        self.slot = VoiceSlot("floor", FLOOR, *TYPES)
        self.slot.switch("kandis", self.now)
        self.batch = Batches().of(down)
        self.listener = Hop()
        self.heard: list[bytes] = []
        self.begins: list[bytes] = []
        self.reached: list[bytes] = []

    def say(self, *, marker: bool = False) -> list[bytes]:
        """What goes up with the next frame."""
        ts = self.spoken * 960
        data, self.spoken = b"frame %d" % self.spoken, self.spoken + 1
        return self.stream.next_packets(data, ts, self.up, 40, marker=marker)

    def arrive(self, packet: bytes) -> list[bytes]:
        """A packet came up; what goes down."""
        going = []
        for frame in self.relay.take(packet, self.now):
            kept = self.slot.take("kandis", self.stream.ssrc, frame, self.now)
            if kept is not None:
                self.reached.append(frame.data)
                going += self.batch.next_packets(FLOOR, kept, self.now)
        return self._packed(going)

    def tick(self) -> list[bytes]:
        """20 ms pass."""
        self.now += 0.02
        return self._packed([(seq, ()) for seq in self.batch.overdue(FLOOR, self.now)])

    def _packed(self, going: list[tuple[int, Distances]]) -> list[bytes]:
        packets = [self.slot.packet(seq, copies, "hall", self.now) for seq, copies in going]
        assert None not in packets
        return [packet for packet in packets if packet is not None]

    def hear(self, packet: bytes) -> None:
        """A packet came down."""
        if rtp.parse(packet).marker:
            self.begins.append(packet)
        self.heard += [frame.data for frame in self.listener.take(packet, self.now)]

    def lost(self, hop: Hop) -> int:
        highest = hop.reception.report_block().highest_seq
        # Long after: what was missed lately is not only out of order.
        hop.reception.received(highest & 0xFFFF, 0, self.now + 10)
        return hop.reception.report_block().cumulative_lost


@pytest.mark.parametrize("down", SETS, ids=str)
@pytest.mark.parametrize("up", SETS, ids=str)
def test_over_clean_links_every_frame_is_heard_in_order_and_nothing_is_missed(
    up: Distances, down: Distances
) -> None:
    path = Path(up, down)
    for number in range(60):
        if number == 40:
            path.spoken += 15  # a pause that is not sent
            path.now += 0.3
            for packet in path.stream.rest():
                for one in path.arrive(packet):
                    path.hear(one)
        for packet in path.say(marker=number == 0):
            for one in path.arrive(packet):
                path.hear(one)
        for one in path.tick():
            path.hear(one)
    numbers = [int(data.split()[1]) for data in path.heard]
    assert numbers == [n for n in range(numbers[-1] + 1) if not 40 <= n < 55]
    assert numbers[-1] >= 71, "but for those that still wait for a second one"
    assert (path.lost(path.relay), path.lost(path.listener)) == (0, 0)
    assert len(path.begins) == 1, "the marker goes through"


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from(SETS),
    st.sampled_from(SETS),
    st.floats(0, 0.5),
    st.floats(0, 0.5),
    st.sampled_from([0.0, 0.05]),
)
def test_whatever_is_lost_each_frame_that_came_up_goes_down_once_and_losses_are_told_per_hop(
    seed: int, up: Distances, down: Distances, lost_up: float, lost_down: float, late_s: float
) -> None:
    rng = random.Random(seed)
    path = Path(up, down)
    rising: list[tuple[float, bytes]] = []
    falling: list[tuple[float, bytes]] = []
    sent_down: list[bytes] = []

    def send_down(packets: list[bytes]) -> None:
        for packet in packets:
            sent_down.append(packet)
            if rng.random() >= lost_down:
                falling.append((path.now + rng.random() * late_s, packet))

    for number in range(150):
        pause = rng.choice((0, 0, 0, 0, 0, 0, 1, 20))
        if pause and number:
            path.spoken += pause
            rising += [(path.now, packet) for packet in path.stream.rest()]
            for _ in range(pause):
                send_down(path.tick())
        for packet in path.say(marker=number == 0):
            if rng.random() >= lost_up or number == 0:
                rising.append((path.now + rng.random() * late_s, packet))
        send_down(path.tick())
        for queue, take in (
            (rising, lambda one: send_down(path.arrive(one))),
            (falling, path.hear),
        ):
            queue.sort(key=lambda one: one[0])
            while queue and queue[0][0] <= path.now:
                take(queue.pop(0)[1])
    path.now += PAIR_WITHIN_S
    send_down([packet for _at, packet in rising for packet in path.arrive(packet)])
    send_down(path.tick() + path.tick())
    for _at, packet in falling:
        path.hear(packet)

    assert len(path.reached) == len(set(path.reached))
    assert len(path.heard) == len(set(path.heard)), "each once"
    assert set(path.heard) <= set(path.reached)
    after = Unfolder(*TYPES)
    whole = []
    for packet in sent_down:
        header = rtp.parse(packet)
        payload = packet[header.payload_offset : header.payload_end]
        whole += [frame.data for frame in after.push(header, payload)]
    assert set(whole) == set(path.reached), "all that came up went down"
    if not late_s and not lost_down:
        # Holes of the uplink are no losses of the downlink, but for those it never filled.
        holes = path.listener.reception.expected - len(path.reached)
        assert path.lost(path.listener) == holes
