"""What the relay sends to one site: copies as its link needs them, pictures while it carries them.

Rules:
- The choice is this site's alone: what another one loses or can't carry costs it nothing.
- What is sent again has the copies it went out with, so that its bytes are the same.
- A picture that was held back comes back with a key frame, never in the middle.

Rates are bit/s, times are monotonic seconds given by the caller. Pure.
"""

from collections.abc import Mapping

from agent import rtp
from agent.audio.hop import HISTORY, Distances
from agent.audio.ladder import BITRATE, Ladder
from agent.audio.playout import Mode
from protocol.messages import VIDEO_SLOTS, MediaMode, SlotName

ROOM = 1.15


class Downstream:
    """One site's downlink, as the relay sees it."""

    def __init__(self) -> None:
        self.distances: Distances = ()
        self.available = 0.0
        """What the site says its downlink carries; 0: unknown."""
        self._ladder = Ladder((BITRATE,))
        self._sent: dict[tuple[int, int], Distances] = {}
        self._highest: dict[int, int] = {}
        self._shown: set[str] = set(VIDEO_SLOTS)
        # Picture slots that wait for a key frame before anything of them is sent again.
        self._waiting: set[str] = set()

    @property
    def loss(self) -> float:
        """Of the voice, before recovery; 0 to 1."""
        return self._ladder.loss

    @property
    def has_video(self) -> bool:
        """Whether it gets any picture."""
        return bool(self._shown)

    def set_modes(self, voice: Mode, media: MediaMode) -> None:
        """What the operator forces (`auto`: nothing)."""
        self._ladder.voice, self._ladder.media = voice, media

    def guess(self, loss: float, now: float) -> None:
        """What its uplink loses, until it reports of its downlink."""
        self._ladder.guess(loss, now)

    def report(self, block: rtp.ReportBlock, rtt_s: float, now: float) -> None:
        """A report about one of the slots of sound; one in which nothing went on tells nothing."""
        self._ladder.rtt_s = rtt_s
        if self._highest.get(block.ssrc) != block.highest_seq:
            self._highest[block.ssrc] = block.highest_seq
            self._ladder.report(block.fraction_lost / 256, now)

    def estimate(self, bitrate: int) -> None:
        """What the site says its downlink carries (REMB)."""
        self.available = float(bitrate)
        self._ladder.available = float(bitrate)

    def update(self, rates: Mapping[SlotName, float], now: float) -> bool:
        """Choose anew; `rates`: bit/s of each picture slot. True when a picture is to come back,
        which takes a key frame."""
        settings = self._ladder.settings(now)
        self.distances = settings.distances
        shown: set[str] = set()
        total = 0.0
        for slot in VIDEO_SLOTS:
            total += rates.get(slot, 0.0) * (1.0 if slot in self._shown else ROOM)
            if settings.video > 0 and total <= settings.video:
                shown.add(slot)
        back = shown - self._shown
        self._waiting = (self._waiting | back) & shown
        self._shown = shown
        return bool(back)

    def shows(self, slot: str, is_key_frame_start: bool) -> bool:
        """Whether a packet of this picture slot is sent."""
        if slot not in self._shown:
            return False
        if slot in self._waiting:
            if not is_key_frame_start:
                return False
            self._waiting.discard(slot)
        return True

    def note_sent(self, ssrc: int, seq: int) -> Distances:
        """A packet of sound goes out under this number: the copies it is to have."""
        self._sent[ssrc, seq] = self.distances
        if len(self._sent) > 4 * HISTORY:
            del self._sent[next(iter(self._sent))]
        return self.distances

    def distances_of(self, ssrc: int, seq: int) -> Distances | None:
        """The copies that a packet went out with; None when it did not, or long ago."""
        return self._sent.get((ssrc, seq))
