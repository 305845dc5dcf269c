"""What a link carries, told by the end that receives: congestion is a queue, not a loss. Pure.

Rules:
- Every packet says when it was sent (absolute send time); what it took longer than the fastest one
  lately is the queue before the bottleneck. Loss is never taken for congestion: radio links lose
  at any load.
- The queue is the shortest of half a second, so that jitter is not taken for it; a long one that
  jitter makes nowhere is seen in half of that.
- A queue that stands or grows means that the link carries what arrives now and not more: the
  estimate is a little less than that, so that the queue drains.
- What a link carries that is not full is told by probes: of two packets sent at once the second
  comes later by the time it takes at the narrowest place. A busy machine that takes both at once
  makes them tell anything: so what counts is the least but one of the last, and each pair makes the
  estimate grow by a step. What misled is not believed again for a while.
- The estimate grows while there is no queue, slower after every time that went wrong, and slowly
  beyond where the link was full; a link that was never full has none, unless trains of packets
  (`agent.trains`) told before that it carries little.

Times are monotonic seconds given by the caller. The send time and the message that carries the
estimate are of draft-alvestrand-rmcat-remb-03.
"""

import math
from collections import deque
from operator import itemgetter

from agent import rtcp, rtp
from agent.pacing import UNKNOWN

WAY = itemgetter(1)
OVERHEAD_BYTES = 44
"""IP, UDP and the tag of SRTP around an RTP packet."""

RECENT_S = 0.5
RATE_S = 1.0
BASE_S = 60.0
BUCKET_S = 1.0
MIN_PACKETS, MIN_PACKETS_S = 4, 0.1

QUEUE_S = 0.06
EMPTY_S = 0.03
LONG_S, SUDDEN_S = 0.15, 0.25
"""A queue of the first is seen in the second."""

CUT_TO, CUT_LEAST = 0.85, 0.6
CUT_EVERY_S, DRAINS_BY = 0.4, 0.05
"""A queue that gets no shorter by this share of the time does not drain."""

LEAST, FIRST_LEAST = 16_000, 160_000
"""A link that never was full is not taken for a thin one at once: what looks like a queue may be a
machine that is busy, and voice and small picture go on."""

VOICE, MOST_S = 56_000, 4.0
"""What a voice takes that is sent once: a link over which so much came in the last seconds is not
held for one that carries less, because its speaker pauses now."""

FULL_FOR_S, LESS = 2.0, 0.97
"""So long after the link was found to carry less than this of what was known: a report comes each
second, and tells of the second before."""

DRAIN_S, DRAINING = 1.0, 0.25

UNLIMITED = 4_000_000
GROW_FIRST, GROW_BEYOND, GROW_LEAST = 0.08, 0.005, 0.005
NEARLY, DRAINED_TO = 0.95, 0.9
CALM_S = 60.0
SILENT_S = 10.0
"""After so long the way may be another one: less than passes between trains over an idle link."""

PROBE_BYTES = (16, 72)
PROBE_EVERY_S, PROBE_THIN_EVERY_S = 0.6, 1.2
"""The second to somebody in conversation on a link that carries little more than a voice, which
waits behind each pair."""

PROBED_BELOW = 1_500_000
"""What carries more than this carries all there is."""

PROBE_LATE_S = 0.5
PROBES, PROBES_FOR_S = 4, 7.0
BELIEVED, MOST_AT_ONCE = 0.8, 4.0
"""Of what probes tell, so much is taken for granted; and so many times what was known before."""

TRAINED = 0.9
"""Of what trains tell: their packets are larger, and more of them."""

AGAIN_BYTES = 200
"""Of a packet of voice that is sent again over a thin link, with its headers."""

DOUBTED_FOR_S, MAX_DOUBTED_S = 10.0, 160.0


def probes(ssrc: int, number: int) -> tuple[bytes, bytes]:
    """A pair, to be sent at once, one after the other."""
    small, large = PROBE_BYTES
    first = rtcp.build_probe(ssrc, number, small, is_second=False)
    return first, rtcp.build_probe(ssrc, number, large, is_second=True)


class Full:
    """At the end that sends: when the far end found the link to be full. What is lost then is lost
    by its queue, and pictures give way until that is gone, for the voice waits in it."""

    def __init__(self) -> None:
        self._known = math.inf
        self._at = -math.inf

    def told(self, bitrate: float, now: float) -> None:
        """The link carries so much (REMB)."""
        if bitrate < LESS * self._known:
            self._at = now
        self._known = bitrate

    def loses(self, now: float) -> bool:
        """Whether losses that are reported now are those of the queue."""
        return now - self._at < FULL_FOR_S

    def pace(self, left: float, now: float) -> float:
        """At which pictures go out (bit/s) where so much is left to them."""
        share = DRAINING if now - self._at < DRAIN_S else 1.0
        return min(UNKNOWN, max(1.0, share * left))


class Bandwidth:
    """One direction of one link, at the end where its packets arrive."""

    def __init__(self) -> None:
        self.available: int | None = None
        """Bit/s with all headers; None: the link never was full."""
        self.queue_s = 0.0
        self._sent: float | None = None
        self._arrived_at = 0.0
        # (arrival, way) of the last half second; (arrival, bytes) of the last second
        self._ways: deque[tuple[float, float]] = deque()
        self._sizes: deque[tuple[float, int]] = deque()
        self._bytes = 0
        # (when, bit/s over the last second) of the last updates
        self._received: deque[tuple[float, float]] = deque(maxlen=100)
        self._began_at = 0.0
        # (begin of the bucket, shortest way in it)
        self._base: deque[tuple[float, float]] = deque()
        self._queue_before = 0.0
        # Since when there is a queue.
        self._queued_at = math.inf
        self._updated_at: float | None = None
        self._cut_at = self._calm_since = -math.inf
        self._grow = GROW_FIRST
        # The most that came through while there was a queue, of this one and of the last.
        self._through = 0.0
        self._full = math.inf
        self._is_draining = False
        # By how much we ourselves were late lately, and when.
        self._late = (0.0, -math.inf)
        # The first packet of a pair: its number, when it came. What pairs told: when, bit/s.
        self._first: tuple[int, float] | None = None
        self._probes: deque[tuple[float, float]] = deque(maxlen=PROBES)
        self._raised_at = self._believed_at = -math.inf
        self._doubted_s, self._doubted_until = DOUBTED_FOR_S, -math.inf

    @property
    def each_s(self) -> float:
        """How much later than the one before each of several packets comes that are asked for at
        once."""
        return 0.0 if self.available is None else 8 * AGAIN_BYTES / self.available

    def excuse(self, late_s: float, now: float) -> None:
        """We ourselves were late by so much: what came meanwhile waited for us, not on the link."""
        if late_s >= self._late[0] or now - self._late[1] > RECENT_S:
            self._late = (late_s, now)

    def push(self, sent: int, size_bytes: int, arrival: float) -> None:
        """A packet that was sent for the first time: its send time of 24 bits, its size as RTP."""
        self.count(size_bytes, arrival)
        if self._sent is None or arrival - self._arrived_at > SILENT_S:
            self._sent = sent / (1 << 18)
            self._ways.clear()
            self._base.clear()
        else:
            before = int(self._sent * (1 << 18)) & 0xFFFFFF
            self._sent += rtp.send_time_delta_s(sent, before)
        self._arrived_at = arrival
        way = arrival - self._sent
        self._ways.append((arrival, way))
        if not self._base or arrival - self._base[-1][0] >= BUCKET_S:
            self._base.append((arrival, way))
        elif way < self._base[-1][1]:
            self._base[-1] = (self._base[-1][0], way)

    def count(self, size_bytes: int, arrival: float) -> None:
        """A packet that tells nothing of the way, but fills it: one that was sent again."""
        size = size_bytes + OVERHEAD_BYTES
        if not self._sizes or arrival - self._sizes[-1][0] > RATE_S:
            self._began_at = arrival
        self._sizes.append((arrival, size))
        self._bytes += size

    def probe(self, one: rtcp.Probe, size_bytes: int, arrival: float) -> None:
        """A packet of a pair came; `size_bytes`: as RTCP."""
        if not one.is_second:
            self._first = (one.number, arrival)
            return
        first, self._first = self._first, None
        if first is None or first[0] != one.number:
            return
        gap_s = arrival - first[1]
        if 0 <= gap_s < PROBE_LATE_S:
            bits = 8 * (size_bytes + OVERHEAD_BYTES)
            self._probes.append((arrival, bits / max(gap_s, bits / UNLIMITED)))

    def believe(self, least: float, most: float, now: float) -> None:
        """Trains tell what the link carries, while nobody is heard over it."""
        known = math.inf if self.available is None else self.available
        least, most = (TRAINED * one if one < PROBED_BELOW else math.inf for one in (least, most))
        told = min(max(known, 0.0 if now < self._doubted_until else least), most)
        if told == known:
            return
        if told > known:
            self._believed_at = now
        else:
            self._calm_since = now
        self._is_draining, self._through = False, 0.0
        self._full = NEARLY / TRAINED * told
        self.available = int(told) if told < math.inf else None

    def _probed(self, now: float) -> float:
        """What the link carries at least, by the last pairs: what all of them say but one, between
        whose packets something else came. 0: unknown."""
        if len(self._probes) < PROBES or now - self._probes[0][0] > PROBES_FOR_S:
            return 0.0
        if now < self._doubted_until:
            return 0.0
        return BELIEVED * sorted(rate for _at, rate in self._probes)[1]

    def received(self, now: float) -> float:
        """Bit/s over the last second."""
        while self._sizes and self._sizes[0][0] < now - RATE_S:
            self._bytes -= self._sizes.popleft()[1]
        if not self._sizes:
            return 0.0
        return 8 * self._bytes / min(RATE_S, max(0.1, now - self._began_at))

    def update(self, now: float) -> bool:
        """Look at the queue; to be called every 100 ms or so. True when the estimate was cut: the
        sender is to know at once."""
        elapsed = 0.0 if self._updated_at is None else min(1.0, now - self._updated_at)
        self._updated_at = now
        if not self._sizes:
            return False  # nothing came for long
        received = self.received(now)
        self._forget(now)
        if now - self._began_at >= RATE_S:
            self._received.append((now, received))
        if len(self._ways) < MIN_PACKETS:
            return False
        base = min(map(WAY, self._base))
        queue, seen_in_s = min(map(WAY, self._ways)) - base, RECENT_S
        if self._ways[-1][1] - base > LONG_S:
            latest = [way - base for at, way in self._ways if at >= now - SUDDEN_S]
            if len(latest) >= MIN_PACKETS and min(latest) > LONG_S:
                queue, seen_in_s = min(latest), SUDDEN_S
        late_s, at = self._late
        if now - at <= RECENT_S:
            queue = max(0.0, queue - late_s)
        rising = queue > self._queue_before - DRAINS_BY * elapsed
        self._queue_before, self.queue_s = queue, queue
        if queue > EMPTY_S:
            self._queued_at = min(self._queued_at, now - seen_in_s)
            received = self._in_queue(now)
            self._through = max(self._through, received)
            if queue > QUEUE_S and rising and now - self._cut_at >= CUT_EVERY_S:
                return self._cut(received, now)
            return False
        self._queued_at = math.inf
        if self.available is not None:
            if self._is_draining:
                # The queue is gone: what came through while it stood is what the link carries.
                self._is_draining = False
                self._full = NEARLY * self._through
                self.available = max(self.available, int(DRAINED_TO * self._through))
            self._through = 0.0
            self._grow_on(elapsed, now)
        return False

    def _in_queue(self, now: float) -> float:
        """Bit/s since there is a queue, over a second at most: what the link carries. What came
        before tells what was sent, on a link that perhaps was another one."""
        since = max(now - RATE_S, self._queued_at)
        came = [(at, size) for at, size in self._sizes if at >= since]
        if len(came) < MIN_PACKETS:
            return 8 * sum(size for _at, size in came) / (now - since)
        # What came while the others did, the first of which was on its way before.
        lasted_s = max(MIN_PACKETS_S, came[-1][0] - came[0][0])
        return 8 * sum(size for _at, size in came[1:]) / lasted_s

    def _cut(self, received: float, now: float) -> bool:
        # In a pause next to nothing comes: that is not what the link carries.
        target = CUT_TO * max(received, min(self._most(now), VOICE))
        if self.available is not None and target > self.available:
            # The sender has not come down yet, or what it sends is not all there is on the link.
            target = max(CUT_LEAST * received, 0.95 * self.available)
        if self.available is None:
            target = max(target, FIRST_LEAST)
        if now - self._cut_at > 2.0:
            self._grow = max(GROW_LEAST, self._grow / 2)
        if now - self._believed_at < self._doubted_s:
            self._doubted_until, self._believed_at = now + self._doubted_s, -math.inf
            self._doubted_s = min(MAX_DOUBTED_S, 2 * self._doubted_s)
        self._probes.clear()
        self._cut_at = self._calm_since = now
        self._is_draining = True
        self.available = max(LEAST, int(target))
        return True

    def _most(self, now: float) -> float:
        """The most that came lately, bit/s."""
        while self._received and self._received[0][0] < now - MOST_S:
            self._received.popleft()
        return max((rate for _at, rate in self._received), default=0.0)

    def _grow_on(self, elapsed: float, now: float) -> None:
        assert self.available is not None
        if now - self._calm_since > CALM_S:
            self._calm_since = now
            self._grow = min(GROW_FIRST, self._grow * 2)
            self._full = math.inf
            self._doubted_s = DOUBTED_FOR_S
        probed = min(self._probed(now), MOST_AT_ONCE * self.available)
        if probed > self.available and self._probes[-1][0] > self._raised_at:
            self.available = int(probed)
            self._full = max(self._full, probed)
            self._raised_at = self._believed_at = now
        if probed and self.available >= sorted(rate for _at, rate in self._probes)[-2]:
            return  # but one pair, of which both came at once, none tells of more
        grow = self._grow if self.available < self._full else min(self._grow, GROW_BEYOND)
        self.available = int(self.available * (1 + grow * elapsed)) + 1
        if self.available > UNLIMITED:
            self.available = None

    def _forget(self, now: float) -> None:
        while self._ways and self._ways[0][0] < now - RECENT_S:
            self._ways.popleft()
        while len(self._base) > 1 and self._base[0][0] < now - BASE_S:
            self._base.popleft()
