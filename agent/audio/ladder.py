"""What a sender does about its link: copies, bitrate, picture, by what the far end reports. Pure.

Rules:
- Random loss is answered with redundant copies (RFC 2198), more of them the more is lost; at
  distances that the listener's delay leaves time for.
- Congestion is told by the far end's estimate of the bandwidth (`agent.bandwidth`), never by loss:
  then the picture goes first, then copies, and frames go in pairs; then the bitrate falls. Nothing
  is ever added that does not fit.
- What is lost without a copy is asked for again. Where that takes too long (a long way, or somebody
  who is held to conversation), parity (`agent.audio.parity`) or one copy of a smaller voice is
  worth more than a better voice; when not even that fits, in-band redundancy must do.
- Down at once, up after a while: what was too much for the link comes back only when it fitted for
  some seconds with room to spare, the picture with more room than the voice.

Loss is a fraction of packets, rates are bit/s, times are monotonic seconds given by the caller.
"""

import functools
import math

import msgspec

from agent.audio.hop import ONE_COPY, PAIRS, PARITY, TWINS, Distances, before, is_lean

MediaMode = str

BITRATES = (40_000, 32_000, 24_000, 20_000, 15_000, 12_000)
BITRATE, SINGLE_BITRATE, NARROW_BITRATE = BITRATES[0], BITRATES[1], BITRATES[-1]
OVERHEAD_BYTES = 12 + 12 + 44
OVERHEAD = 50 * 8 * OVERHEAD_BYTES
"""Headers of 50 packets a second: RTP, its extensions, SRTP's tag, UDP, IP."""

COPY_HEADER = 50 * 8 * 4
LEAN_SAVES = 50 * 8 * 8
USED = 0.94
"""Of its nominal bitrate Opus uses so much on speech."""

AGAIN_FILLS = 0.9
"""Where what is lost is asked for again, no more than this is filled, what is sent again with it:
that comes late enough without a queue."""

FULL_WEIGHT_PACKETS = 25
LIMIT_FOR_S = 5.0
STEP_FRAMES, TESTED_FOR_S = 200, 600.0

FEC_MORE = 1.15
"""In-band redundancy makes libopus go over what was asked by so much."""

LOSSY_FROM, CLEAN_BELOW = 0.01, 0.003
BAD_FROM, FAIR_BELOW = 0.06, 0.04
CLEAN_FOR_S = 10.0
BETTER_FOR_S = 5.0
TRY_AGAIN_S, LATER, MAX_TRY_AGAIN_S = 10.0, 4.0, 160.0
FORGIVEN_AFTER_S = 300.0
ANOTHER = 0.75
"""What costs less than this of what failed before did not fail again."""

SAME_FAILURE_S = 5.0
FAILED_AFTER_S = 0.5
"""An estimate that is less for a shorter time fell for a queue that soon was gone."""

SAFE = 0.9
ROOM = 1.05
VIDEO_LEAST, VIDEO_AGAIN = 40_000, 50_000
THIN, THIN_NO_MORE = 100_000, 120_000
LONG_WAY_S = 0.15

CONVERSATION: tuple[Distances, Distances] = ((2, 4), (1, 2, 4, 5))
CLEAR: tuple[Distances, Distances] = ((2, 6), (2, 4, 17))
"""The distances of copies: on a lossy link, on a bad one. Five frames are what conversation has
time for: the last five of a burst come as copies."""

ONE_COPY_RANK = 3
"""Its place among the ways to send a voice over a link that loses."""


COPIED: tuple[tuple[int, Distances], ...] = (
    (40_000, ONE_COPY),
    (32_000, ONE_COPY),
    (24_000, PARITY),
    (20_000, PARITY),
    (15_000, PARITY),
    (12_000, PARITY),
    (15_000, TWINS),
    (12_000, TWINS),
)
"""What a voice may be coded at and sent with, to somebody in conversation over a link that loses
and carries little: what costs most first, the best one that fits is chosen. Parity leaves a fifth
of the holes that a copy leaves; where single frames are too much, frames go in pairs that have a
copy each, 20 ms later: that spares headers."""

FAR: tuple[tuple[int, Distances], ...] = (
    *COPIED[:5],
    (20_000, TWINS),
    *COPIED[6:],
)
"""The same to somebody who has time, but is too far to ask again: for him a better voice in pairs
is more than a lesser one with parity."""

ALONE: tuple[tuple[int, Distances], ...] = (
    (40_000, ()),
    (32_000, ()),
    (24_000, PAIRS),
    (20_000, PAIRS),
    (15_000, PAIRS),
    (12_000, PAIRS),
)
"""The same where what is lost is asked for again. Of a pair two frames are lost at once, and missed
later; but the headers that it spares leave room for a better voice, and for what is sent again."""

TWINS_FROM = 20_000

PARITY_MORE = 1.1
"""Of two frames it is as long as the longer one."""


class Settings(msgspec.Struct, frozen=True):
    """What to send. `fec_percent`: the loss that in-band redundancy prepares for, 0 for none.
    `video`: bit/s that pictures may take, 0: cut; infinite while nothing is known against them."""

    bitrate: int = BITRATE
    distances: Distances = ()
    fec_percent: int = 0
    video: float = math.inf

    @property
    def cost(self) -> float:
        """What the voice takes of the link, bit/s."""
        return _cost(self.bitrate, self.distances, self.fec_percent > 0)


@functools.cache
def _cost(bitrate: int, distances: Distances, has_fec: bool) -> float:
    """There are few ways to send a voice, and each is weighed many times a second."""
    headers: float = OVERHEAD + COPY_HEADER * len(distances)
    if is_lean(distances):
        headers -= LEAN_SAVES
    copies = len(distances) - before(distances)
    if before(distances):
        headers, copies = headers / 2, copies // 2
    frames = USED * bitrate * (1 + (PARITY_MORE if distances == PARITY else copies))
    return headers + frames * (FEC_MORE if has_fec else 1)


class _Failures:
    """What was too much for the link: the same is tried again later and later."""

    def __init__(self) -> None:
        # What was cut, and when, of which it is not known yet whether it was too much.
        self._cut: tuple[float, float] | None = None
        self._cost = math.inf
        self._at = -math.inf
        self._wait_s = TRY_AGAIN_S

    def cut(self, cost: float, now: float) -> None:
        """What costs so many bit/s is more than the link carries now."""
        if self._cut is None:
            self._cut = (cost, now)

    def look(self, available: float, now: float) -> None:
        """The link carries so much: what was cut was too much for it, if that lasts."""
        if self._cut is not None:
            cost, at = self._cut
            if cost <= available:
                self._cut = None
            elif now - at >= FAILED_AFTER_S:
                self._cut = None
                self.note(cost, now)

    def note(self, cost: float, now: float) -> None:
        """What cost so many bit/s was too much; what is cut while the queue drains was not."""
        if now - self._at < SAME_FAILURE_S:
            return
        is_old = now - self._at > FORGIVEN_AFTER_S
        is_another = is_old or cost < ANOTHER * self._cost
        self._wait_s = TRY_AGAIN_S if is_another else min(MAX_TRY_AGAIN_S, LATER * self._wait_s)
        self._cost = cost if is_old else min(cost, self._cost)
        self._at = now

    def may_be_tried(self, cost: float, now: float) -> bool:
        """Whether it is clearly less than what failed, or that was long ago."""
        return cost < SAFE * self._cost or now - self._at >= self._wait_s


class Ladder:
    """The settings of one direction of one link. `bitrates`: what the voice may be coded at, best
    first. `can_code`: False at the relay, which forwards what comes; of the speaker it can only
    ask for less (`wants_bitrate`), and is told what it was asked to be (`coded_at`)."""

    def __init__(self, bitrates: tuple[int, ...] = BITRATES, *, can_code: bool = True) -> None:
        self.media: MediaMode = "auto"
        self.loss = 0.0
        self.rtt_s = 0.0
        self.available: float = math.inf
        self.voices = 1.0
        """How many share the link: what is available is left to each of them. What is cut for that
        was not too much."""
        self.hurried = False
        """Whether somebody is held to conversation, and can't wait for what is asked for again."""
        self.coded_at: int | None = None
        self._bitrates = bitrates
        self._can_code = can_code
        self._limit: int | None = None
        self._limited_at = 0.0
        self._coded_before: int | None = None
        self._tried_frames = 0
        self._sent_at = -math.inf
        self._was_thin = False
        self._wanted = 0
        self._wanted_since = 0.0
        self._failures = _Failures()
        self._heard_at: float | None = None
        self._level = 0
        self._good_since: float | None = None
        self._chosen = Settings()
        self._chosen_for = (0, False)
        self._rank = 0
        self._best = bitrates[0]
        self._fits_since: float | None = None
        self._video_on = True

    # -- what is known ---------------------------------------------------------------------------

    def report(self, loss: float, now: float, packets: int = FULL_WEIGHT_PACKETS) -> None:
        """The share lost in the last interval, by a receiver report (RFC 3550); of few packets it
        tells little."""
        weight = 0.5 if loss > self.loss else 0.15
        if self._heard_at is None:
            weight = 1.0
        weight *= min(1.0, packets / FULL_WEIGHT_PACKETS)
        self._heard_at = now
        self.loss += weight * (loss - self.loss)
        self._set_level(now)

    def guess(self, loss: float, now: float) -> None:
        """What the other direction loses: better than nothing until something is reported."""
        if self._heard_at is None or now - self._heard_at > CLEAN_FOR_S:
            self.loss = loss
            self._set_level(now)

    def limit(self, bitrate: int, now: float) -> None:
        """Somebody's link carries no better voice than this (bit/s); forgotten when it is not said
        again."""
        self._limit, self._limited_at = bitrate, now

    @property
    def wants_bitrate(self) -> int | None:
        """The best bitrate at which a copy would fit, where one is needed and none fits now; where
        what is lost is asked for again, one at which single frames do."""
        if self._level == 0 or self.available == math.inf:
            return None
        if not self.hurried:
            return SINGLE_BITRATE if self._was_thin else None
        return COPIED[self._wanted][0] if self._wanted else None

    def _choose_wanted(self, now: float) -> None:
        last = len(COPIED) - 1
        costs = [_cost(bitrate, distances, False) for bitrate, distances in COPIED]
        fits = next((n for n, cost in enumerate(costs) if cost <= self.available), last)
        better = next((n for n, cost in enumerate(costs) if self._may_rise(cost, now)), last)
        if fits > self._wanted:
            self._wanted, self._wanted_since = fits, now
        elif better >= self._wanted:
            self._wanted_since = now
        elif now - self._wanted_since >= BETTER_FOR_S:
            self._wanted, self._wanted_since = better, now

    def _may_rise(self, cost: float, now: float) -> bool:
        return cost * ROOM <= self.available and self._failures.may_be_tried(cost, now)

    def sending(self, now: float, frames: int = 1) -> None:
        """So many frames are sent: what is known of the link is put to the test."""
        if now - self._sent_at > TESTED_FOR_S:
            self._tried_frames = 0
        self._tried_frames += frames
        self._sent_at = now

    def _least_rank(self) -> int:
        """More than one copy are sent only after a while in which one was not too much for a link
        of which nothing is known; and, to somebody in conversation, never of a voice that was
        asked to be smaller."""
        if self._level == 0:
            return 0
        if self.coded_at is not None and self.hurried:
            return ONE_COPY_RANK
        steps = (ONE_COPY_RANK, ONE_COPY_RANK - 1, 0)
        step = min(2, self._tried_frames // STEP_FRAMES)
        return steps[step] if self.available == math.inf else 0

    def _set_level(self, now: float) -> None:
        wanted = self._level
        if self.loss > BAD_FROM:
            wanted = 2
        elif self.loss > LOSSY_FROM:
            wanted = 1 if self._level == 0 or self.loss < FAIR_BELOW else self._level
        elif self.loss < CLEAN_BELOW:
            wanted = 0
        if wanted > 0 and self._level == 0:
            self._tried_frames = 0
        if wanted >= self._level:
            self._level, self._good_since = wanted, None
        elif self._good_since is None:
            self._good_since = now
        elif now - self._good_since >= CLEAN_FOR_S:
            self._level, self._good_since = wanted, None

    @property
    def is_calm(self) -> bool:
        """Whether nothing is known against the link, so that time changes no settings."""
        is_good = self._level == 0 and self.available == math.inf
        return is_good and self.media == "auto" and self._limit is None

    @property
    def is_bad(self) -> bool:
        """Whether the link loses much."""
        return self._level == 2

    @property
    def is_thin(self) -> bool:
        """Whether the link carries little more than a voice: what is sent twice may fill it."""
        return self.available < THIN

    # -- what to do ------------------------------------------------------------------------------

    def settings(self, now: float) -> Settings:
        """What to send from now on; to be asked a few times a second."""
        self._choose_wanted(now)
        self._was_thin = self.available < (THIN_NO_MORE if self._was_thin else THIN)
        wishes = self._wishes(now)
        best = wishes[0].bitrate
        # Somebody else's link held it back, and had its time to be better.
        is_freed, self._best = best > self._best, best
        least = self._least_rank()
        rank = self._rank_in(wishes)
        costs = [self._cost_of(one) for one in wishes]
        fitting = [n for n, cost in enumerate(costs) if cost <= self.available]
        rising = [n for n, cost in enumerate(costs) if self._may_rise(cost, now)]
        first, better = (
            max([least, *ns[:1]]) if ns else len(wishes) - 1 for ns in (fitting, rising)
        )
        is_asked_for, self._coded_before = self.coded_at != self._coded_before, self.coded_at
        whole = self.voices * self.available
        if first > rank and self._cost_of(self._chosen) > whole:
            self._failures.cut(self._cost_of(self._chosen), now)
        self._failures.look(whole, now)
        if first >= rank or self.available == math.inf or is_asked_for:
            rank, self._fits_since = first, None
        elif better >= rank:
            self._fits_since = None
        elif is_freed:
            rank, self._fits_since = better, None
        elif self._fits_since is None:
            self._fits_since = now
        elif now - self._fits_since >= BETTER_FOR_S:
            rank, self._fits_since = better, None
        self._rank = rank
        voice = wishes[rank]
        self._chosen = msgspec.structs.replace(voice, video=self._video(voice))
        return self._chosen

    def _rank_in(self, wishes: list[Settings]) -> int:
        """The place of what is sent now, where others may be sent beside it than before; on a link
        that is another one the place that it had."""
        before, self._chosen_for = self._chosen_for, (self._level, self.hurried)
        now = msgspec.structs.replace(self._chosen, video=math.inf)
        places = [n for n, one in enumerate(wishes) if one == now]
        if places and self._rank not in places and before == self._chosen_for:
            return places[0]
        return min(self._rank, len(wishes) - 1)

    def _cost_of(self, one: Settings) -> float:
        """What a link must carry for these."""
        if self._level == 0 or one.distances not in ((), PAIRS) or one.fec_percent:
            return one.cost
        return one.cost * (1 + self.loss) / AGAIN_FILLS

    def _wishes(self, now: float) -> list[Settings]:
        """Ways to send the voice, best first."""
        bitrates = self._allowed_bitrates(now)
        best = bitrates[0]
        if self._level == 0:
            singles = [Settings(one) for one in bitrates if one >= SINGLE_BITRATE]
            return [*(singles or [Settings(best)]), *(Settings(one, PAIRS) for one in bitrates)]
        # Who is not hurried waits longer on a link that loses this much.
        distances = (CONVERSATION if self.hurried else CLEAR)[self._level - 1]
        one_copy = PARITY if self.hurried and best < self._bitrates[0] else ONE_COPY
        copies = (distances, distances[:3], distances[:2], one_copy)
        wishes = [Settings(best, one) for one in copies]
        is_late = self.hurried or self.rtt_s > LONG_WAY_S
        known = COPIED if self.hurried else FAR if is_late else ALONE
        ways = [Settings(*way) for way in known if way[0] in bitrates]
        wishes += [one for one in ways if one not in wishes]
        fec = 0
        if is_late:
            if not self._can_code and best > TWINS_FROM:
                wishes.append(Settings(best, TWINS))
            fec = max(5, min(30, round(100 * self.loss))) if self._can_code else 0
            alone = Settings(bitrates[-1], (), fec)
            wishes += [alone] if alone.cost < wishes[-1].cost else []
        last = Settings(bitrates[-1], PAIRS, fec)
        return wishes if last in wishes else [*wishes, last]

    def _allowed_bitrates(self, now: float) -> tuple[int, ...]:
        if not self._can_code:
            return (self.coded_at or self._bitrates[0],)
        if self.media == "narrow":
            return (NARROW_BITRATE,)
        if now - self._limited_at >= LIMIT_FOR_S:
            self._limit = None
        limit = self._limit
        fitting = tuple(one for one in self._bitrates if limit is None or one <= limit)
        return fitting or self._bitrates[-1:]

    def _video(self, voice: Settings) -> float:
        if self.media != "auto":
            return 0.0
        left = self.available - voice.cost
        if left < VIDEO_LEAST:
            self._video_on = False
        elif left >= VIDEO_AGAIN:
            self._video_on = True
        return left if self._video_on else 0.0
