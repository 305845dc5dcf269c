"""What the relay sends to one site: copies as its link needs them, pictures while it carries them.

Rules:
- The choice is this site's alone: what another one loses or can't carry costs it nothing.
- Where several speak at once, each of the voices has its share of the link, and pictures have what
  all of them leave.
- Where several voices don't fit even without pictures, they are asked to be smaller, for all, as
  long as they speak at once: nobody understands them otherwise.
- What is lost while the link is found to be full is its queue's: it is no reason for copies.
- Which pictures it gets is told step by step by `agent.picture.steps`.

Rates are bit/s, times are monotonic seconds given by the caller. Pure.
"""

import math
from collections import deque
from collections.abc import Iterable, Mapping

from agent import rtcp
from agent.audio.delay import Mode
from agent.audio.hop import HISTORY, PAIRS, Distances
from agent.audio.ladder import BITRATES, VIDEO_LEAST, Ladder, Settings
from agent.audio.playout import FRAME_S
from agent.bandwidth import PROBE_EVERY_S, PROBE_THIN_EVERY_S, PROBED_BELOW, Full
from agent.batches import Membership
from agent.picture.layers import PictureName
from agent.picture.steps import Steps
from protocol.messages import MediaMode

PACED = 0.9
"""The share of what pictures may take at which they go out: the voice has some room between."""

SEVERAL = 1.5
"""From so many voices on they are several, if one pauses now and then."""

COUNTED_LOOKS, COUNTED_TOGETHER_S, VOICES_FOR_S = 10, 1.0, 10.0
"""The voices are counted over so many looks, which lie no further apart than this; one that pauses
is counted for a while."""

AT_ONCE = 0.2
"""Where somebody else begins, frames come at once that waited on his link: no second voice."""


class Downstream:
    """One site's downlink, as the relay sees it."""

    def __init__(self, site: str = "") -> None:
        self.distances: Distances = ()
        self.voice = Membership(site)
        """What it was sent of the voice, with which copies."""
        self.has_changed = False
        """Whether `update` chose something else; whoever acts on it sets this to False."""
        self.available = 0.0
        """What the site says its downlink carries; 0: unknown."""
        self.voices = 1.0
        """How many were sent to it at once lately."""
        self._ladder = Ladder(BITRATES, can_code=False)
        self._full = Full()
        # Frames that were sent from look to look, and when so many voices were counted last.
        self._frames: deque[tuple[float, int]] = deque(maxlen=COUNTED_LOOKS)
        self._counted_at = -math.inf
        self._highest: dict[int, int] = {}
        self.steps = Steps()
        """Which pictures it gets."""
        self.video: float = math.inf
        """What pictures may take of the link (bit/s)."""
        self._was_bad = False
        # What the last choice went by, when nothing but a change of it leads to another one.
        self._calm: tuple[object, ...] | None = None
        self.probes = 0
        """Pairs sent to find out whether the link carries more."""
        self._probed_at = -math.inf

    @property
    def loss(self) -> float:
        """Of the voice, before recovery; 0 to 1."""
        return self._ladder.loss

    @property
    def is_bad(self) -> bool:
        """Whether its downlink loses much: of a key frame nearly always a packet."""
        return self._ladder.is_bad

    @property
    def is_calm(self) -> bool:
        """Whether nothing is known against its downlink."""
        return self._ladder.is_calm

    @property
    def is_thin(self) -> bool:
        """Whether its downlink carries little more than a voice."""
        return self._ladder.is_thin

    def set_modes(self, voice: Mode, media: MediaMode) -> None:
        """What the operator forces (`auto`: nothing)."""
        self._ladder.media = media
        self._ladder.hurried = voice == "conversation"

    @property
    def wants_bitrate(self) -> int | None:
        """What the voice should be coded at for this link (bit/s), when that is less than usual:
        where copies of it fit then, or several that speak at once."""
        wanted = self._ladder.wants_bitrate
        if self.voices < SEVERAL or not self.available:
            return wanted
        costs = {bitrate: self.voices * Settings(bitrate, PAIRS).cost for bitrate in BITRATES}
        together = next((b for b, cost in costs.items() if cost <= self.available), BITRATES[-1])
        if together == BITRATES[0]:
            return wanted
        return together if wanted is None else min(wanted, together)

    def guess(self, loss: float, now: float) -> None:
        """What its uplink loses, until it reports of its downlink."""
        self._ladder.guess(loss, now)

    def report(self, block: rtcp.ReportBlock, rtt_s: float, now: float) -> None:
        """A report about one of the slots of sound; one in which nothing went on tells nothing.
        What never came from the speaker's site was not lost on this link."""
        self._ladder.rtt_s = rtt_s
        before = self._highest.get(block.ssrc)
        if before == block.highest_seq:
            return
        self._highest[block.ssrc] = block.highest_seq
        if self._full.loses(now):
            return
        expected = 0 if before is None else (block.highest_seq - before) & 0xFFFFFFFF
        if not 0 < expected <= HISTORY:
            self._ladder.report(block.fraction_lost / 256, now, 1)
            return
        seqs = range(block.highest_seq - expected + 1, block.highest_seq + 1)
        sent = sum(1 for seq in seqs if self.voice.was_sent(block.ssrc, seq & 0xFFFF))
        lost = block.fraction_lost / 256 * expected - (expected - sent)
        if sent:
            self._ladder.report(max(0.0, lost / sent), now, sent)

    def sending(self, frames: int, now: float) -> None:
        """So many frames of voice were sent to it since the last look."""
        if frames:
            self._ladder.sending(now, frames)
        if self._frames and now - self._frames[-1][0] > COUNTED_TOGETHER_S:
            self._frames.clear()
        self._frames.append((now, frames))
        since = self._frames[0][0]
        if self.available and now > since:
            sent = sum(count for _at, count in self._frames) - self._frames[0][1]
            voices = max(1.0, round(2 * sent * FRAME_S / (now - since) - AT_ONCE) / 2)
            if voices >= self.voices or now - self._counted_at > VOICES_FOR_S:
                self.voices, self._counted_at = voices, now

    def estimate(self, bitrate: int, now: float) -> None:
        """What the site says its downlink carries (REMB)."""
        self._full.told(bitrate, now)
        self.available = float(bitrate)

    def pace(self, now: float) -> float:
        """At which pictures go out (bit/s)."""
        return self._full.pace(PACED * self.video, now)

    def is_to_be_probed(self, now: float) -> bool:
        """Whether a pair is due; then it is to be sent."""
        is_in_the_way = self.is_thin and self._ladder.hurried
        every_s = PROBE_THIN_EVERY_S if is_in_the_way else PROBE_EVERY_S
        if not 0 < self.available < PROBED_BELOW or now - self._probed_at < every_s:
            return False
        self._probed_at = now
        self.probes += 1
        return True

    def update(
        self,
        rates: Mapping[PictureName, float],
        now: float,
        bitrate: int | None = None,
        small: float = 0.0,
    ) -> list[PictureName]:
        """Choose anew; `rates`: bit/s of each picture that flows; `bitrate`: what the voice was
        asked to be coded at; `small`: what the small picture takes at the least. The pictures of
        which a key frame is needed. Of most links nothing bad is known, and while nothing changes
        their choice stays what it was: that costs little."""
        if self.available:
            self._ladder.voices = self.voices
            self._ladder.available = self.available / self.voices
        if self.is_settled(rates, bitrate):
            return []
        self._ladder.coded_at = bitrate
        settings = self._ladder.settings(now)
        before = (self.distances, self.steps.showing, self._was_bad)
        self._was_bad = self.is_bad
        self.distances = settings.distances
        is_forced = self._ladder.media != "auto"
        self.video = settings.video
        if self.available and not is_forced:
            left = self.available - self.voices * settings.cost
            self.video = left if left >= VIDEO_LEAST else 0.0
        asked = self.steps.update(
            self.video, self.loss, rates, now, is_forced=is_forced, small=small
        )
        self.has_changed |= before != (self.distances, self.steps.showing, self._was_bad)
        is_calm = self.is_calm and self.steps.is_best and not asked
        self._calm = self._what_counts(rates, bitrate) if is_calm else None
        return asked

    def is_settled(self, flowing: Iterable[PictureName], bitrate: int | None) -> bool:
        """Whether `update` would change nothing where these pictures flow, and nothing need be
        counted for it."""
        is_calm = self._calm is not None and self._ladder.is_calm
        return is_calm and self._calm == self._what_counts(flowing, bitrate)

    def _what_counts(
        self, flowing: Iterable[PictureName], bitrate: int | None
    ) -> tuple[object, ...]:
        steps = self.steps
        return (*flowing, *steps.showing_now, steps.sees_deck, bitrate, self._ladder.hurried)
