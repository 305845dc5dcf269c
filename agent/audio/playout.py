"""The playout clock of one slot: packets in as they come, 20 ms of sound out on every pull. Pure.

Rules:
- `pull` always gives 960 samples at once. In order: packet, redundant copy (RFC 2198) or
  retransmission, whichever is there → in-band redundancy of the next packet → concealment →
  after 100 ms silence, or noise like the room's while the speaker only pauses (DTX). A lost
  packet never stalls the sound.
- Frames lie on a line by their timestamps, not by sequence numbers: a stretch that was not sent
  is a pause, not a loss.
- The delay becomes the one aimed at (`agent.audio.delay`) in pauses of speech; in speech it only
  grows, and only where sound is concealed anyway: what is missing then is waited for, and nothing
  of what comes late is lost. The same holds a drifting clock.
- What comes too late to be heard still tells the decoder what was said (`agent.audio.mending`).
- A packet with the marker bit, or off the line, begins another speaker: what is left of the one
  before is faded out in 10 ms and dropped; nothing of the delay is inherited but what the link
  itself is known for.
- Memory is bounded: at most `MAX_FRAMES` frames wait.
- What is pulled or decoded is good until the next is: the decoder may write it to the same place.

Times are monotonic seconds given by the caller. After AUDIO.md.
"""

import math
from collections import deque
from collections.abc import Sequence
from typing import Literal

import numpy as np

from agent import rtp
from agent.audio.activity import VoiceActivity
from agent.audio.delay import CLEAR_MAX_S, Aim, LinkMemory, Mode
from agent.audio.hop import Distances, Missing, Patience, before
from agent.audio.mending import Decoder, Mending
from agent.audio.mixer import FADE_SAMPLES, FULL_SCALE, RISING, SILENT, Wave, dbov_of, power_of

Origin = Literal["packet", "copy", "again"]

SAMPLES = 960
RATE = 48_000
FRAME_S = 0.02
MAX_FRAMES = 100

LONG_BY_S, SHORT_BY_S = 0.0185, 0.0015
"""In a pause the delay is brought back when it is off by so much: together a frame."""

ALIGN_FROM_S = 0.001
"""A delay that is longer than the one aimed at by the first is brought to it, by the clock of the
pulls."""

SURE_PULLS, RECENT_PULLS = 10, 25
"""Pulls that come late themselves are no delay: the most punctual of so many tells it."""

PUNCTUAL_S = 0.002
"""A pull that comes so much too soon is on time: the clock stays where it was set, also where sound
begins anew after a hole."""

TOO_LATE_S = 1.0
TOO_OLD_S, HOLE_FRAMES = 0.015, 50

CONCEAL_FRAMES = 5
LOUD_FRAMES = 3
HOLD_FRAMES = 2
NOISE_FRAMES = 50

MAX_TRIES = 8
FORGET_S = 0.5
MAX_MISSING = 200


class Stats:
    """Frames since the start, by where they came from. `lost`: packets missed on the way (before
    recovery); `late` came after their time; `copies` were played from redundancy, `again` from a
    retransmission, `recovered` from in-band redundancy; `stretched` and `skipped` changed the
    delay."""

    def __init__(self) -> None:
        self.played = 0
        self.concealed = 0
        self.recovered = 0
        self.copies = 0
        self.again = 0
        self.skipped = 0
        self.stretched = 0
        self.late = 0
        self.lost = 0


class Playout:
    """One slot's receive path. Sequence numbers and timestamps are those of the slot."""

    def __init__(
        self, decoder: Decoder, *, mode: Mode = "auto", link: LinkMemory | None = None
    ) -> None:
        self.aim = Aim(mode, link or LinkMemory())
        """The delay that is wanted; its mode may be changed at any time."""
        self.stats = Stats()
        self.delay_ms = 0.0
        self.dbov = SILENT
        """The level of what was pulled last, -dBov (RFC 6464)."""
        self._decoder = decoder
        self._mending = Mending(decoder)
        self._seqs = rtp.SeqUnwrapper()
        self._stamps = rtp.TsUnwrapper()
        self._silence: Wave = np.zeros(SAMPLES, dtype=np.float32)
        self._noise = np.random.default_rng(1)
        self._rtt_s = 0.0
        self._leaving: Wave | None = None
        self._pulled_power = -1.0
        """Mean square of the frame that is pulled, where it is known; below 0 where not."""
        self._highest: int | None = None
        self._highest_stamp = 0
        self._missing: dict[int, Missing] = {}
        self._patience = Patience()
        self._level = VoiceActivity()
        self._begin_epoch(0, 0)

    def _begin_epoch(self, number: int, stamp: int) -> None:
        """Another speaker, from packet `number` with timestamp `stamp` on."""
        self._first_number = number
        self._has_begun = False
        self._base = stamp
        # index on the line → (payload, how it came)
        self._frames: dict[int, tuple[bytes, Origin]] = {}
        self._numbers: dict[int, int] = {}
        self._next: int | None = None
        self._played_to = -(1 << 40)
        self._played_number = number - 1
        self._start_at: float | None = None
        self._newest = -1
        self._concealed_run = 0
        self._noise_run = 0
        self._since_change = 0
        # (pull - timestamp in seconds) of the last pulls, as if the delay had been what it is now
        self._waited: deque[float] = deque(maxlen=RECENT_PULLS)
        self._fade_in = True
        self._distances: Distances = ()

    # -- in ------------------------------------------------------------------------------------

    def push(
        self,
        seq: int,
        ts: int,
        blocks: Sequence[tuple[int, bytes]] | bytes,
        arrival: float,
        *,
        marker: bool = False,
        recovered: int = 0,
        sent: int | None = None,
        distances: Distances | None = None,
    ) -> bool:
        """A packet arrived at `arrival`: its payload, or its blocks as `agent.audio.red` gives
        them. True when something is missed now that was not before: it may be asked for.
        `recovered`: its own frame was lost before, on the speaker's hop, where copies reach so many
        frames back, and is late for that.
        `sent`: its absolute send time (24 bits), where it has one.
        `distances`: of its copies, where its blocks are not all that tells them."""
        if isinstance(blocks, bytes):
            blocks = ((0, blocks),)
        number = self._seqs.unwrap(seq)
        stamp = self._stamps.unwrap(ts)
        if number - 1 == self._highest and stamp > self._highest_stamp and len(blocks) == 1:
            index, off_line = divmod(stamp - self._base, SAMPLES)
            ((offset, payload),) = blocks
            if not (off_line or offset or marker or recovered or distances):
                # As nearly always: the next one, with its own frame and no other.
                self._distances = ()
                self._highest, self._highest_stamp = number, stamp
                self._take(index, number, payload, arrival, "packet", is_straight=True)
                return False
        is_on_line = self._is_on_line(stamp)
        if self._begins_anew(number, stamp, is_on_line, marker=marker):
            self._change_speaker(number, stamp, is_begin=marker)
        elif not is_on_line or number < self._first_number and self._has_begun:
            self.stats.late += 1  # a packet of the speaker before
            return False
        self._first_number = min(self._first_number, number)
        self._has_begun |= marker
        if distances is None:
            distances = tuple(sorted(o // SAMPLES for o, _data in blocks if o))
        self._distances = distances
        if distances:
            self.aim.reach = distances[-1]
        if recovered:
            self.aim.took_recovered(number, recovered)
        alone = before(distances)
        if self._highest is None or number > self._highest:
            self._highest_stamp = stamp
        lost = self.stats.lost
        was_asked = self._note_number(
            number, arrival, sent, alone, is_begin=marker, is_late=recovered > 0
        )
        index = (stamp - self._base) // SAMPLES
        # Newest first; of a pair the first frame comes first, it comes in turn.
        for offset, payload in blocks if alone else reversed(blocks):
            distance, rest = divmod(offset, SAMPLES)
            if rest:
                continue
            if offset == 0:
                if not was_asked and not recovered:
                    self.aim.late.push_straight(arrival - stamp / RATE)
                origin: Origin = "again" if was_asked else "packet"
                self._take(index, number, payload, arrival, origin, recovered=recovered)
            elif number - distance >= self._first_number:
                # The sender puts only frames without a pause between them into one packet.
                self._take(index - distance, number - distance, payload, arrival, "copy")
                self._missing.pop(number - distance, None)
        return self.stats.lost > lost

    def _begins_anew(self, number: int, stamp: int, is_on_line: bool, *, marker: bool) -> bool:
        """Whether another speaker begins here, or the same one with another clock."""
        if self._highest is None:
            return True
        if number <= self._highest:
            return False
        return marker or not is_on_line or stamp <= self._highest_stamp

    def _is_on_line(self, stamp: int) -> bool:
        off = stamp - self._base
        return off % SAMPLES == 0 and abs(off) < (1 << 31)

    def _change_speaker(self, number: int, stamp: int, *, is_begin: bool) -> None:
        self._concealed_run += 1
        if self._next is not None and self._concealed_run <= CONCEAL_FRAMES:
            self._leaving = self._conceal().copy()
            self._leaving[:FADE_SAMPLES] *= RISING[::-1]
            self._leaving[FADE_SAMPLES:] = 0
        self._decoder.reset()
        self._mending.forget()
        self._missing.clear()
        self.aim.begin(number)
        self._begin_epoch(number, stamp)
        self._has_begun = is_begin
        self._highest = number - 1

    def _take(
        self,
        index: int,
        number: int,
        payload: bytes,
        arrival: float,
        origin: Origin,
        *,
        recovered: int = 0,
        is_straight: bool = False,
    ) -> None:
        """A frame came, in a packet of its own or as a copy. `is_straight`: in turn, and that is
        not told yet."""
        if index > self._newest:
            self._newest = index
            self.aim.took_newest(number, recovered)
        elif index in self._frames or index < self._newest - 2 * MAX_FRAMES:
            return
        elif index in self._numbers:
            return  # played
        self._numbers[index] = number
        if len(self._numbers) > 4 * MAX_FRAMES:
            self._numbers = dict(list(self._numbers.items())[-3 * MAX_FRAMES :])
        way = arrival - (self._base + index * SAMPLES) / RATE
        if self.aim.late.push(way, is_straight=is_straight):
            self.aim.measured()
        due = self._played_to if self._next is None else self._next
        if index < due:
            self._came_late(index, payload)
            return
        if index - due > MAX_FRAMES and self._next is not None:
            # A jump in time: nothing of what waits belongs to what comes.
            self._fall_silent(index)
        self._frames[index] = (payload, origin)
        while len(self._frames) > MAX_FRAMES:
            del self._frames[min(self._frames)]
        if self._next is None:
            first_s = (self._base + min(self._frames) * SAMPLES) / RATE
            delay_s = self.aim.first_s if self._played_to < 0 else self.aim.delay_s
            self._start_at = self.aim.late.fastest + first_s + delay_s

    def _note_number(
        self,
        number: int,
        arrival: float,
        sent: int | None,
        alone: int,
        *,
        is_begin: bool,
        is_late: bool,
    ) -> bool:
        """Track what is missing; True when this packet had been asked for. `alone`: so many before
        it are never sent alone. `is_late`: it was lost on the hop before."""
        one = self._missing.pop(number, None)
        if self._highest is None or number <= self._highest:
            late = is_late if self.aim.voice == "clear" else None
            return one is not None and self._patience.came(
                one, arrival, self._rtt_s, sent, late=late
            )
        if not is_begin:
            distances = self._distances if self.aim.voice == "clear" else ()
            for lost in range(max(self._highest + 1, number - MAX_FRAMES), number - alone):
                wait_s = self._patience.wait_s(number - lost, distances, self._rtt_s)
                self._missing[lost] = Missing(arrival, arrival + wait_s, sent)
                self._patience.missed()
                self.stats.lost += 1
        while len(self._missing) > MAX_MISSING:
            del self._missing[next(iter(self._missing))]
        self._highest = number
        return False

    # -- delay -----------------------------------------------------------------------------------

    @property
    def is_speaking(self) -> bool:
        """Whether what is played is speech, not a pause of it."""
        return not self._level.in_pause

    @property
    def early_s(self) -> float:
        """By how much sooner every pull could come (seconds, less than a frame): what is missing
        has then just its time to come. 0 while somebody speaks, or nothing plays."""
        is_sure = self._next is not None and len(self._waited) >= SURE_PULLS
        if not is_sure or self.is_speaking or self._concealed_run:
            return 0.0
        spare_s = self._spare_s
        return spare_s if ALIGN_FROM_S <= spare_s < FRAME_S else 0.0

    def moved(self, earlier_s: float) -> None:
        """The sound comes so much earlier from now on: the clock of the pulls was set forward, or
        the delay changed."""
        self._waited = deque((one - earlier_s for one in self._waited), maxlen=RECENT_PULLS)

    @property
    def _spare_s(self) -> float:
        """By how much the delay is longer than the one aimed at."""
        return min(self._waited) - self.aim.late.fastest - self.aim.delay_s

    def plays_at(self, ts: int) -> float | None:
        """When the sound with this timestamp is or was played (monotonic seconds); None while
        nothing plays."""
        if self._next is None or self._stamps.highest is None or math.isinf(self.aim.late.fastest):
            return None
        stamp = self._stamps.highest + rtp.ts_delta(ts, self._stamps.highest & 0xFFFFFFFF)
        return self.aim.late.fastest + stamp / RATE + self.delay_ms / 1000

    def missing(self, now: float, rtt_s: float, each_s: float = 0.0) -> list[int]:
        """Sequence numbers (16 bits) to ask for now, while they can still come in time. `each_s`:
        of several that are asked for at once each comes so much later."""
        self._rtt_s = rtt_s
        asked: list[int] = []
        if not self._missing:
            return asked
        for number, one in list(self._missing.items()):
            if one.tries >= MAX_TRIES or not self._can_come(number, now + rtt_s):
                # One that was asked for may be on its way: it is known for that when it comes.
                if one.tries == 0 or now > one.ask_at + FORGET_S:
                    del self._missing[number]
            elif now >= one.ask_at:
                one.asked(now, rtt_s + len(asked) * each_s)
                asked.append(number & 0xFFFF)
        return asked

    def _can_come(self, number: int, at: float) -> bool:
        """Whether a packet that arrives at this time is still of use."""
        if self._highest is None or math.isinf(self.aim.late.fastest):
            return False
        index = self._newest - (self.aim.newest - number)
        due = self.aim.late.fastest + (self._base + index * SAMPLES) / RATE
        if self._next is not None and index < self._next and self.aim.voice == "conversation":
            return False
        longest_s = CLEAR_MAX_S if self.aim.voice == "clear" else self.aim.delay_s
        return at < due + max(longest_s, self.delay_ms / 1000) + FRAME_S

    # -- out -------------------------------------------------------------------------------------

    def pull(self, now: float) -> Wave:
        """The next 20 ms."""
        self._pulled_power = -1.0
        pcm = self._pull(now)
        if self._leaving is not None:
            left, self._leaving = self._leaving, None
            pcm = np.clip(pcm + left, -1.0, 1.0)
            self._pulled_power = -1.0
        if pcm is self._silence:
            self.dbov = SILENT
        elif self._pulled_power >= 0.0:
            self.dbov = dbov_of(self._pulled_power)
        else:
            self.dbov = dbov_of(power_of(pcm))
        return pcm

    def _pull(self, now: float) -> Wave:
        if self._next is None:
            if self._start_at is None or now < self._start_at - PUNCTUAL_S or not self._frames:
                return self._pause()
            self._next = self._first_in_time(now)
            self._start_at = None
            self._waited.clear()
        self._since_change += 1
        waited_s = now - (self._base + self._next * SAMPLES) / RATE
        self._waited.append(waited_s)
        if self._next in self._frames:
            return self._play(waited_s - self.aim.late.fastest)
        return self._bridge(self._spare_s)

    def _first_in_time(self, now: float) -> int:
        """Where the sound goes on: in conversation, what came too late after a hole in somebody's
        speech is given up, or all that follows would be late."""
        is_hole = self._played_to >= 0 and self._noise_run <= HOLE_FRAMES
        if self.aim.voice == "conversation" and is_hole and self.is_speaking:
            delay_s = self.aim.delay_s + TOO_OLD_S
            oldest_s = now - self.aim.late.fastest - delay_s - self._base / RATE
            for index in sorted(self._frames)[:-1]:
                if index * SAMPLES / RATE >= oldest_s:
                    break
                self._came_late(index, self._frames.pop(index)[0])
        return min(self._frames)

    def _came_late(self, index: int, payload: bytes) -> None:
        self.stats.late += 1
        self._mending.came_late(index, payload)

    def _play(self, delay_s: float) -> Wave:
        assert self._next is not None
        self.delay_ms = delay_s * 1000
        in_pause = self._level.in_pause
        # In speech nothing changes by it, unless it is enormous.
        excess_s = self._spare_s if in_pause or delay_s > TOO_LATE_S else 0.0
        may_grow = in_pause and not self._fade_in
        if may_grow and excess_s < -SHORT_BY_S and self._concealed_run == 0:
            # A pause is made longer: the delay grows by a frame, unheard.
            self._stretch()
            return self._room_noise()
        pcm = self._decode_next()
        far = excess_s > TOO_LATE_S and self._since_change >= 10
        if (excess_s > LONG_BY_S and in_pause or far) and self._next in self._frames:
            self._skip(1)
            self._since_change = 0
            pcm = _joined(pcm.copy(), self._decode_next())
        self._pulled_power = self._level.push(pcm)
        self._concealed_run = self._noise_run = 0
        if self._fade_in:
            self._pulled_power = -1.0
            pcm = self._faded_in(pcm)
        return pcm

    def _decode_next(self) -> Wave:
        assert self._next is not None
        payload, origin = self._frames.pop(self._next)
        self._played_number = self._numbers.get(self._next, self._played_number + 1)
        self._next += 1
        self.stats.played += 1
        if origin == "copy":
            self.stats.copies += 1
        elif origin == "again":
            self.stats.again += 1
        try:
            return self._mending.decode(self._next - 1, payload)
        except ValueError:
            return self._decoder.conceal()

    # -- holes -------------------------------------------------------------------------------------

    def _bridge(self, excess_s: float) -> Wave:
        """Nothing is there for this frame: recover it, conceal it, or fall silent."""
        assert self._next is not None
        self._mending.missed(self._next)
        if not self._frames:
            self._concealed_run += 1
            if self._concealed_run > CONCEAL_FRAMES:
                self._fall_silent(self._next)
                return self._pause()
            if self._may_hold(excess_s) and not self._level.in_pause:
                return self._held()
            self._next += 1
            # After some quiet frames the speaker most likely only pauses (DTX).
            return self._room_noise() if self._level.in_pause else self._concealed()
        later = min(self._frames)
        unsent = later - self._next - (self._numbers.get(later, 0) - self._played_number - 1)
        if unsent > 0 and self._numbers.get(later, 0) == self._played_number + 1:
            return self._not_sent(later, excess_s)
        self._concealed_run += 1
        if self._may_hold(excess_s):
            # Below the delay aimed at: what is missing may still come, and the delay grows; a
            # little at every hole, so that none becomes a pause.
            return self._held()
        self._next += 1
        self._played_number += 1
        if later == self._next:
            return self._recovered(self._frames[later][0])
        return self._concealed() if self._concealed_run <= CONCEAL_FRAMES else self._pause()

    def _may_hold(self, excess_s: float) -> bool:
        """Whether what is missing is waited for: below the delay aimed at, and not for long."""
        return excess_s < -FRAME_S / 2 and self._concealed_run <= HOLD_FRAMES

    def _held(self) -> Wave:
        self._stretch()
        self._mending.held()
        return self._concealed()

    def _not_sent(self, later: int, excess_s: float) -> Wave:
        """The speaker paused (DTX) until `later`: a good time to change the delay."""
        assert self._next is not None
        self._mending.forget()
        step = 1
        if excess_s > LONG_BY_S and later - self._next > 1:
            skipped = min(later - self._next - 1, max(1, int(excess_s / FRAME_S)))
            step += skipped
            self._skip(skipped)
        elif excess_s < -SHORT_BY_S:
            step = 0
            self._stretch()
        self._next += step
        return self._room_noise()

    def _stretch(self) -> None:
        """The delay grows by a frame."""
        self.stats.stretched += 1
        self.moved(-FRAME_S)

    def _skip(self, frames: int) -> None:
        """The delay becomes so much less."""
        self.stats.skipped += frames
        self.moved(frames * FRAME_S)

    def _recovered(self, next_payload: bytes) -> Wave:
        self.stats.recovered += 1
        try:
            return self._decoder.decode_fec(next_payload)
        except ValueError:
            return self._decoder.conceal()

    def _concealed(self) -> Wave:
        self.stats.concealed += 1
        return self._conceal()

    def _conceal(self) -> Wave:
        """libopus's guess, fading out over the last of the frames that are concealed in a row."""
        pcm = self._decoder.conceal()
        run = self._concealed_run
        if run <= LOUD_FRAMES:
            return pcm
        steps = CONCEAL_FRAMES - LOUD_FRAMES
        before, after = (max(0.0, 1 - (n - LOUD_FRAMES) / steps) for n in (run - 1, run))
        faded: Wave = pcm * np.linspace(before, after, SAMPLES, dtype=np.float32)
        return faded

    def _fall_silent(self, index: int) -> None:
        """The stream paused: the next packet begins with the full delay again."""
        self._played_to = index
        self._next = None
        self._start_at = None
        self._fade_in = True
        self._frames = {i: one for i, one in self._frames.items() if i >= index}
        self._concealed_run = 0
        self._noise_run = 0

    def _pause(self) -> Wave:
        """Silence; noise like the room's for the first second, so that the line does not sound
        dead in a pause."""
        self._noise_run += 1
        if self._played_to < 0 or self._noise_run > NOISE_FRAMES:
            return self._silence
        return self._room_noise(1.0 - self._noise_run / NOISE_FRAMES)

    def _room_noise(self, share: float = 1.0) -> Wave:
        rms = self._level.noise_rms * share
        if rms * FULL_SCALE < 1.0:
            return self._silence.copy()
        white = self._noise.standard_normal(SAMPLES + 8).astype(np.float32)
        # A mean over 8 samples: duller than white, as rooms are.
        sums = np.cumsum(white)
        soft: Wave = (sums[8:] - sums[:-8]) * (rms / math.sqrt(8))
        return soft

    def _faded_in(self, pcm: Wave) -> Wave:
        self._fade_in = False
        out = pcm.copy()
        out[:FADE_SAMPLES] *= RISING
        return out


def _joined(first: Wave, second: Wave) -> Wave:
    """Two frames cross-faded into one."""
    ramp = np.linspace(0.0, 1.0, SAMPLES, dtype=np.float32)
    mixed: Wave = first * (1.0 - ramp) + second * ramp
    return mixed
