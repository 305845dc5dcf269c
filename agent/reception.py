"""What arrived of one RTP stream: loss and jitter (RFC 3550 §A.1, §A.3, §A.8). Pure.

Times are monotonic seconds given by the caller.
"""

from agent.rtcp import ReportBlock
from agent.rtp import SeqUnwrapper, send_time_delta_s, ts_delta

OUT_OF_ORDER_S = 0.03
MAX_MISSED = 64


class ReceptionStats:
    """What arrived of one SSRC.

    Loss is the link's, before recovery: a packet that comes more than 30 ms (on a link that
    jitters: 1.5 times its jitter) after it was missed was sent again, and counts as lost; one
    that comes sooner was only out of order. What was sent for the first time after it was missed
    (by its absolute send time) is not lost either: the sender itself had to wait for it.
    """

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        self.ssrc = ssrc
        self.received_count = 0
        self._clock_rate = clock_rate
        self._seqs = SeqUnwrapper()
        self._base: int | None = None
        self._highest = 0
        # Missed packet → when, and the send time of the one that told
        self._missed: dict[int, tuple[float, int | None]] = {}
        self._jitter = 0.0
        self._transit: int | None = None
        self._arrived_at = 0.0
        self._before = (0, 0)
        self._lost_before = 0
        self._interval = (0, 0)

    def received(
        self,
        seq: int,
        ts: int,
        arrival: float,
        *,
        begins: bool = False,
        sent: int | None = None,
        before: int = 0,
    ) -> bool:
        """A packet arrived (a retransmitted one too); True when it is the newest so far.

        `sent`: its absolute send time (24 bits), when it has one. `before`: so many numbers before
        its own were never sent alone, what they stand for is in this packet. `begins`: a talkspurt
        or key frame begins here; what lies before it was not meant for us (a site is not sent its
        own turn) and is not lost.
        """
        value = self._seqs.unwrap(seq)
        if self._base is None:
            self._base, self._highest = value, value - 1
        self._arrived_at = arrival
        if value <= self._highest:
            for number in range(value - before, value + 1):
                missed = self._missed.pop(number, None)
                if missed is not None and not self._was_sent_again(missed, arrival, sent):
                    self.received_count += 1
            return False
        self.received_count += 1
        if value > self._highest + 1:
            self._skip_to(value, arrival, begins=begins, sent=sent, before=before)
        self._highest = value
        # Timestamps are 32 bits, arrival is not: compare modulo 2^32.
        transit = round(arrival * self._clock_rate - ts) & 0xFFFFFFFF
        if self._transit is not None:
            change = abs(ts_delta(transit, self._transit))
            if change < self._clock_rate:  # a pause of the source is not jitter
                self._jitter += (change - self._jitter) / 16
        self._transit = transit
        return True

    def _skip_to(
        self, value: int, arrival: float, *, begins: bool, sent: int | None, before: int
    ) -> None:
        """What lies between the newest so far and this one did not come."""
        if begins:
            assert self._base is not None
            self._base += value - self._highest - 1
            return
        first = max(self._highest + 1, value - MAX_MISSED)
        self.received_count += max(0, min(before, value - first))
        for gap in range(first, value - before):
            self._missed[gap] = (arrival, sent)
        while len(self._missed) > MAX_MISSED:
            del self._missed[next(iter(self._missed))]

    def _was_sent_again(
        self, missed: tuple[float, int | None], arrival: float, sent: int | None
    ) -> bool:
        missed_at, told_sent = missed
        if sent is not None and told_sent is not None and send_time_delta_s(sent, told_sent) >= 0:
            return False
        return arrival - missed_at >= self._patience_s

    @property
    def _patience_s(self) -> float:
        """So long a packet may only be out of order."""
        return max(OUT_OF_ORDER_S, 1.5 * self._jitter / self._clock_rate)

    def _may_come(self) -> int:
        """How many were missed so lately that they may only be out of order: not lost yet."""
        count = 0
        for missed_at, _sent in reversed(self._missed.values()):
            if self._arrived_at - missed_at >= self._patience_s:
                break
            count += 1
        return count

    @property
    def expected(self) -> int:
        return 0 if self._base is None else self._highest - self._base + 1

    @property
    def jitter_ms(self) -> float:
        return self._jitter * 1000 / self._clock_rate

    @property
    def loss_percent(self) -> float:
        """Share lost in the last reported interval."""
        lost, expected = self._interval
        return 100 * lost / expected if expected else 0.0

    @property
    def interval(self) -> tuple[int, int]:
        """Packets lost and expected in the last reported interval."""
        return self._interval

    @property
    def has_news(self) -> bool:
        """Whether anything was received since the last report."""
        return self._before != (self.expected, self.received_count)

    def report_block(self, lsr: int = 0, dlsr: int = 0) -> ReportBlock:
        """The report since the last one; `lsr`/`dlsr` per RFC 3550 §6.4.1."""
        expected = self.expected - self._before[0]
        self._before = (self.expected, self.received_count)
        lost_so_far = self.expected - self.received_count - self._may_come()
        self._interval = (min(expected, max(0, lost_so_far - self._lost_before)), expected)
        self._lost_before = lost_so_far
        lost = max(0, min(0x7FFFFF, lost_so_far))
        return ReportBlock(
            self.ssrc,
            min(255, int(self.loss_percent * 2.56)),
            lost,
            self._highest & 0xFFFFFFFF,
            int(self._jitter),
            lsr,
            dlsr & 0xFFFFFFFF,
        )
