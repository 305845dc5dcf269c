"""What a sender does about its link: copies, bitrate, picture, by what the far end reports. Pure.

Rules:
- Random loss is answered with redundant copies (RFC 2198), more of them the more is lost; at
  distances that the listener's delay leaves time for.
- Congestion is told by the far end's estimate of the bandwidth (`agent.bandwidth`), never by loss:
  then the picture goes first, then copies, then in-band redundancy takes their place, then the
  bitrate falls. Nothing is ever added that does not fit.
- Down at once, up after a while: what was too much for the link comes back only when it fitted for
  some seconds with room to spare, the picture with more room than the voice.

Loss is a fraction of packets, rates are bit/s, times are monotonic seconds given by the caller.
"""

import math

import msgspec

from agent.audio.hop import Distances
from agent.audio.playout import Mode

MediaMode = str

BITRATE, NARROW_BITRATE = 28_000, 12_000
OVERHEAD = 50 * 8 * (12 + 12 + 38)
"""Headers of 50 packets a second: RTP, its extensions, SRTP's tag, UDP, IP."""

COPY_HEADER = 50 * 8 * 4
USED = 0.85
"""Of its nominal bitrate Opus uses so much on speech."""

FEC_MORE = 1.15
"""In-band redundancy makes libopus go over what was asked by so much."""

LOSSY_FROM, CLEAN_BELOW = 0.01, 0.003
BAD_FROM, FAIR_BELOW = 0.06, 0.04
CLEAN_FOR_S = 10.0
BETTER_FOR_S = 5.0
ROOM = 1.1
VIDEO_LEAST, VIDEO_AGAIN = 60_000, 100_000
LONG_WAY_S = 0.15

CONVERSATION: tuple[Distances, Distances] = ((2, 4), (1, 2, 4))
CLEAR: tuple[Distances, Distances] = ((2, 6), (2, 4, 16))
"""The distances of copies: on a lossy link, on a bad one."""


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
        frames = USED * self.bitrate * (1 + len(self.distances))
        if self.fec_percent:
            frames *= FEC_MORE
        return OVERHEAD + COPY_HEADER * len(self.distances) + frames


class Ladder:
    """The settings of one direction of one link. `bitrates`: what the voice may be coded at, best
    first (the relay has only one: it codes nothing)."""

    def __init__(self, bitrates: tuple[int, ...] = (BITRATE, 20_000, 16_000, 12_000)) -> None:
        self.voice: Mode = "auto"
        self.media: MediaMode = "auto"
        self.loss = 0.0
        self.rtt_s = 0.0
        self.available: float = math.inf
        self._bitrates = bitrates
        self._heard_at: float | None = None
        self._level = 0
        self._good_since: float | None = None
        self._chosen = Settings()
        self._rank = 0
        self._fits_since: float | None = None
        self._video_on = True

    # -- what is known ---------------------------------------------------------------------------

    def report(self, loss: float, now: float) -> None:
        """The share lost in the last interval, by a receiver report (RFC 3550)."""
        weight = 0.5 if loss > self.loss else 0.15
        if self._heard_at is None:
            weight = 1.0
        self._heard_at = now
        self.loss += weight * (loss - self.loss)
        self._set_level(now)

    def guess(self, loss: float, now: float) -> None:
        """What the other direction loses: better than nothing until something is reported."""
        if self._heard_at is None or now - self._heard_at > CLEAN_FOR_S:
            self.loss = loss
            self._set_level(now)

    def _set_level(self, now: float) -> None:
        wanted = self._level
        if self.loss > BAD_FROM:
            wanted = 2
        elif self.loss > LOSSY_FROM:
            wanted = 1 if self._level == 0 or self.loss < FAIR_BELOW else self._level
        elif self.loss < CLEAN_BELOW:
            wanted = 0
        if wanted >= self._level:
            self._level, self._good_since = wanted, None
        elif self._good_since is None:
            self._good_since = now
        elif now - self._good_since >= CLEAN_FOR_S:
            self._level, self._good_since = wanted, None

    # -- what to do ------------------------------------------------------------------------------

    def settings(self, now: float) -> Settings:
        """What to send from now on; to be asked a few times a second."""
        wishes = self._wishes()
        rank = min(self._rank, len(wishes) - 1)
        first = self._first_that_fits(wishes, 1.0)
        if first >= rank:
            rank, self._fits_since = first, None
        elif self._first_that_fits(wishes, ROOM) >= rank:
            self._fits_since = None
        elif self._fits_since is None:
            self._fits_since = now
        elif now - self._fits_since >= BETTER_FOR_S:
            rank, self._fits_since = self._first_that_fits(wishes, ROOM), None
        self._rank = rank
        voice = wishes[rank]
        self._chosen = msgspec.structs.replace(voice, video=self._video(voice))
        return self._chosen

    def _wishes(self) -> list[Settings]:
        """Ways to send the voice, best first."""
        bitrates = (NARROW_BITRATE,) if self.media == "narrow" else self._bitrates
        best = bitrates[0]
        if self._level == 0:
            return [Settings(bitrate) for bitrate in bitrates]
        # Conversation by choice; else the far end waits longer on a link that loses this much.
        table = CONVERSATION if self.voice == "conversation" else CLEAR
        distances = table[self._level - 1]
        fec = max(5, min(30, round(100 * self.loss)))
        wishes = [Settings(best, distances), Settings(best, distances[:2]), Settings(best, (2,))]
        if self.rtt_s > LONG_WAY_S:
            # Too far to ask again: copies of a smaller voice are worth more than a better one.
            wishes += [Settings(bitrate, (2,)) for bitrate in bitrates[1:]]
        return wishes + [Settings(bitrate, (), fec) for bitrate in bitrates]

    def _first_that_fits(self, wishes: list[Settings], room: float) -> int:
        fitting = (n for n, one in enumerate(wishes) if one.cost * room <= self.available)
        return next(fitting, len(wishes) - 1)

    def _video(self, voice: Settings) -> float:
        if self.media != "auto":
            return 0.0
        left = self.available - voice.cost
        if left < VIDEO_LEAST:
            self._video_on = False
        elif left >= VIDEO_AGAIN:
            self._video_on = True
        return left if self._video_on else 0.0
