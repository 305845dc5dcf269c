"""The playout clock of one slot: packets in as they come, 20 ms of sound out on every pull. Pure.

Rules:
- `pull` always gives 960 samples at once: packet → in-band redundancy of the next packet →
  concealment → silence after 100 ms. A lost packet never stalls the sound.
- The delay aims at the 0.99 quantile of what packets were late by, above a floor that rises with
  loss so that a retransmission can still come in time. It shrinks in pauses of speech, and grows
  where sound is concealed anyway.
- A packet with the marker bit begins a talkspurt or another speaker: what is left of the one
  before is dropped.
- Memory is bounded: at most `MAX_PACKETS` packets wait.

Times are monotonic seconds given by the caller. After AUDIO.md; delay quantiles as in NetEq's idea,
written anew.
"""

from collections import deque
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agent import rtp

Pcm = NDArray[np.int16]

SAMPLES = 960
RATE = 48_000
FRAME_S = 0.02
MAX_PACKETS = 100
FLOOR_S = 0.06
LOSS_FLOOR_S = 0.1
MAX_FLOOR_S = 0.34
MAX_DELAY_S = 0.5
SLACK_S = 0.03
TOO_LATE_S = 0.2
CONCEAL_FRAMES = 5
WINDOW_PACKETS = 500
QUANTILE = 0.99
QUIET_POWER = 100.0**2
REORDER_S = 0.01
MAX_TRIES = 6
PAUSE_GAP = 3
FADE_SAMPLES = 480


class Decoder(Protocol):
    """What decodes; a damaged packet raises ValueError."""

    def decode(self, packet: bytes) -> Pcm: ...
    def decode_fec(self, next_packet: bytes) -> Pcm: ...
    def conceal(self) -> Pcm: ...
    def reset(self) -> None: ...


class Stats:
    """Frames since the start, by where they came from; `late` packets came after their time."""

    def __init__(self) -> None:
        self.played = 0
        self.concealed = 0
        self.recovered = 0
        self.skipped = 0
        self.late = 0
        self.lost = 0


class Playout:
    """One slot's receive path. Sequence numbers and timestamps are those of the slot."""

    def __init__(self, decoder: Decoder) -> None:
        self.stats = Stats()
        self.delay_ms = 0.0
        self._decoder = decoder
        self._seqs = rtp.SeqUnwrapper()
        self._stamps = rtp.TsUnwrapper()
        self._packets: dict[int, tuple[int, bytes]] = {}
        self._next: int | None = None
        self._played_to = 0
        self._start_at: float | None = None
        self._highest: int | None = None
        self._concealed_run = 0
        self._since_skip = 0
        self._fade_in = True
        self._missing: dict[int, tuple[float, int]] = {}
        self._rtt_s = 0.0
        self._loss = 0.0
        # (arrival - timestamp in seconds) of the last packets; the least is the fastest way.
        self._ways: deque[float] = deque(maxlen=WINDOW_PACKETS)
        self._fastest = 0.0
        self._spread_s = 0.0
        self._silence: Pcm = np.zeros(SAMPLES, dtype=np.int16)
        self._ramp = np.linspace(0.0, 1.0, FADE_SAMPLES, dtype=np.float32)

    # -- in ------------------------------------------------------------------------------------

    def push(
        self, seq: int, ts: int, payload: bytes, arrival: float, *, marker: bool = False
    ) -> None:
        """A packet arrived at `arrival`."""
        number = self._seqs.unwrap(seq)
        stamp = self._stamps.unwrap(ts)
        if marker and (self._highest is None or number > self._highest):
            self._begin_talkspurt(number)
        self._note_gap(number, arrival)
        if number < (self._played_to if self._next is None else self._next):
            self.stats.late += 1
            self._note_way(stamp, arrival)
            return
        if number in self._packets:
            return
        if self._next is not None and number - self._next > MAX_PACKETS:
            # The stream jumped: nothing of what waits belongs to what comes.
            self._begin_talkspurt(number)
        self._note_way(stamp, arrival)
        self._packets[number] = (stamp, payload)
        if self._next is None and self._start_at is None:
            self._start_at = arrival + self.target_s
        while len(self._packets) > MAX_PACKETS:
            del self._packets[min(self._packets)]

    def _begin_talkspurt(self, number: int) -> None:
        self._decoder.reset()
        self._packets.clear()
        self._missing.clear()
        self._played_to = number
        self._next = None
        self._start_at = None
        self._concealed_run = 0
        self._fade_in = True
        self._ways.clear()
        self._spread_s = 0.0
        self._highest = number - 1

    def _note_gap(self, number: int, arrival: float) -> None:
        """Track what is missing, and how much is lost (before recovery)."""
        if self._highest is None:
            self._highest = number
            return
        if number <= self._highest:
            self._missing.pop(number, None)
            return
        gap = number - self._highest - 1
        if gap > PAUSE_GAP and self._next is None and not self._packets:
            # After silence: a stretch that was not sent to us (our own turn), not a loss.
            self._highest = number
            return
        for lost in range(max(self._highest + 1, number - MAX_PACKETS), number):
            self._missing[lost] = (arrival + REORDER_S, 0)
        self.stats.lost += min(gap, MAX_PACKETS)
        for _ in range(min(gap, 50)):
            self._loss += (1.0 - self._loss) / 200
        self._loss -= self._loss / 200
        self._highest = number

    def _note_way(self, stamp: int, arrival: float) -> None:
        way = arrival - stamp / RATE
        if not self._ways or way < self._fastest:
            self._fastest = way
        self._ways.append(way)
        if len(self._ways) % 25 == 0 or len(self._ways) == 10:
            ordered = sorted(self._ways)
            self._fastest = ordered[0]
            late = ordered[min(len(ordered) - 1, int(len(ordered) * QUANTILE))]
            self._spread_s = late - self._fastest

    # -- delay -----------------------------------------------------------------------------------

    @property
    def target_s(self) -> float:
        """The delay aimed at, from the fastest packet's arrival to its sound."""
        floor = FLOOR_S
        if self._loss > 0.005:
            rounds = 2 if self._loss > 0.05 else 1
            recovery = 0.05 + rounds * (self._rtt_s * 1.1 + 0.02)
            floor = min(MAX_FLOOR_S, max(LOSS_FLOOR_S, recovery))
        return min(MAX_DELAY_S, max(floor, self._spread_s + FRAME_S))

    def missing(self, now: float, rtt_s: float) -> list[int]:
        """Sequence numbers (16 bits) to ask for now, while they can still come in time."""
        self._rtt_s = rtt_s
        asked = []
        for number, (ask_at, tries) in list(self._missing.items()):
            played = self._next is not None and number < self._next
            if played or tries >= MAX_TRIES:
                del self._missing[number]
            elif now >= ask_at:
                asked.append(number & 0xFFFF)
                self._missing[number] = (now + max(FRAME_S, rtt_s + 0.015), tries + 1)
        return asked

    # -- out -------------------------------------------------------------------------------------

    def pull(self, now: float) -> Pcm:
        """The next 20 ms."""
        if self._next is None:
            if self._start_at is None or now < self._start_at or not self._packets:
                return self._silence
            self._next = min(self._packets)
            self._start_at = None
        if self._next in self._packets:
            return self._play(now)
        return self._bridge(now)

    def _play(self, now: float) -> Pcm:
        assert self._next is not None
        stamp, payload = self._packets.pop(self._next)
        delay_s = now - (self._fastest + stamp / RATE)
        self.delay_ms = delay_s * 1000
        self._next += 1
        self._since_skip += 1
        self._concealed_run = 0
        pcm = self._decode(payload)
        self.stats.played += 1
        excess_s = delay_s - self.target_s
        if excess_s > SLACK_S and self._next in self._packets and self._may_skip(pcm, excess_s):
            self.stats.skipped += 1
            self._since_skip = 0
            _stamp, payload = self._packets.pop(self._next)
            self._next += 1
            pcm = _joined(pcm, self._decode(payload))
        if self._fade_in:
            pcm = self._faded_in(pcm)
        return pcm

    def _may_skip(self, pcm: Pcm, excess_s: float) -> bool:
        """Shrink the delay in a pause; in speech only when it is far too long."""
        if self._since_skip < 2:
            return False
        wide = pcm.astype(np.float32)
        quiet = float(np.dot(wide, wide)) / SAMPLES < QUIET_POWER
        return quiet or (excess_s > TOO_LATE_S and self._since_skip >= 10)

    def _bridge(self, now: float) -> Pcm:
        """Nothing is there for this frame: recover it, conceal it, or fall silent."""
        assert self._next is not None
        later = self._packets.get(self._next + 1)
        self._concealed_run += 1
        if self._concealed_run > CONCEAL_FRAMES and not self._packets:
            return self._fall_silent()
        waits_for_more = bool(self._packets)
        if waits_for_more and self._may_stretch(now):
            # Below the target delay: let the missing one still come, and the delay grow.
            self.stats.concealed += 1
            return self._conceal()
        if not waits_for_more:
            self.stats.concealed += 1
            return self._conceal()
        self._next += 1
        if later is not None:
            try:
                pcm = self._decoder.decode_fec(later[1])
            except ValueError:
                pcm = self._decoder.conceal()
            self.stats.recovered += 1
            return pcm
        self.stats.concealed += 1
        return self._conceal()

    def _may_stretch(self, now: float) -> bool:
        first = min(self._packets)
        assert self._next is not None
        due = self._fastest + (self._packets[first][0] - (first - self._next) * SAMPLES) / RATE
        return now - due + FRAME_S < self.target_s and self._concealed_run <= CONCEAL_FRAMES

    def _conceal(self) -> Pcm:
        pcm = self._decoder.conceal()
        if self._concealed_run > 3:
            pcm = (pcm * (0.5 ** (self._concealed_run - 3))).astype(np.int16)
        return pcm

    def _fall_silent(self) -> Pcm:
        """The stream paused: the next packet begins with the full delay again."""
        assert self._next is not None
        self._played_to = self._next
        self._next = None
        self._start_at = None
        self._fade_in = True
        self._missing.clear()
        self._concealed_run = 0
        return self._silence

    def _decode(self, payload: bytes) -> Pcm:
        try:
            return self._decoder.decode(payload)
        except ValueError:
            return self._decoder.conceal()

    def _faded_in(self, pcm: Pcm) -> Pcm:
        self._fade_in = False
        out = pcm.copy()
        out[:FADE_SAMPLES] = (pcm[:FADE_SAMPLES] * self._ramp).astype(np.int16)
        return out


def _joined(first: Pcm, second: Pcm) -> Pcm:
    """Two frames cross-faded into one."""
    ramp = np.linspace(0.0, 1.0, SAMPLES, dtype=np.float32)
    mixed: Pcm = (first * (1.0 - ramp) + second * ramp).astype(np.int16)
    return mixed
