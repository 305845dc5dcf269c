"""What the relay sends to one site: copies as its link needs them, pictures while it carries them.

Rules:
- The choice is this site's alone: what another one loses or can't carry costs it nothing.
- What is sent again has the copies it went out with, so that its bytes are the same.
- Which pictures it gets is told step by step by `agent.picture.steps`.

Rates are bit/s, times are monotonic seconds given by the caller. Pure.
"""

import math
from collections.abc import Mapping

from agent import rtp
from agent.audio.hop import HISTORY, Distances, Frame, before, follows
from agent.audio.ladder import BITRATES, Ladder
from agent.audio.playout import Mode
from agent.picture.layers import PictureName
from agent.picture.steps import Steps
from protocol.messages import MediaMode

PAIR_WITHIN_S = 0.03
"""So long the first frame of a pair waits for the second."""


class Downstream:
    """One site's downlink, as the relay sees it."""

    def __init__(self) -> None:
        self.distances: Distances = ()
        self.available = 0.0
        """What the site says its downlink carries; 0: unknown."""
        self._ladder = Ladder(BITRATES, can_code=False)
        # (SSRC, number) → the copies it went out with; None: it went out with the next one
        self._sent: dict[tuple[int, int], Distances | None] = {}
        # SSRC → the first frame of a pair, and since when it waits
        self._waiting_frames: dict[int, tuple[Frame, float]] = {}
        self._highest: dict[int, int] = {}
        self.steps = Steps()
        """Which pictures it gets."""
        self.video: float = math.inf
        """What pictures may take of the link (bit/s)."""

    @property
    def loss(self) -> float:
        """Of the voice, before recovery; 0 to 1."""
        return self._ladder.loss

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
        """What the voice should be coded at for this link (bit/s), when that is less than usual."""
        return self._ladder.wants_bitrate

    def guess(self, loss: float, now: float) -> None:
        """What its uplink loses, until it reports of its downlink."""
        self._ladder.guess(loss, now)

    def report(self, block: rtp.ReportBlock, rtt_s: float, now: float) -> None:
        """A report about one of the slots of sound; one in which nothing went on tells nothing.
        What never came from the speaker's site was not lost on this link."""
        self._ladder.rtt_s = rtt_s
        before = self._highest.get(block.ssrc)
        if before == block.highest_seq:
            return
        self._highest[block.ssrc] = block.highest_seq
        expected = 0 if before is None else (block.highest_seq - before) & 0xFFFFFFFF
        if not 0 < expected <= HISTORY:
            self._ladder.report(block.fraction_lost / 256, now, 1)
            return
        seqs = range(block.highest_seq - expected + 1, block.highest_seq + 1)
        sent = sum(1 for seq in seqs if (block.ssrc, seq & 0xFFFF) in self._sent)
        lost = block.fraction_lost / 256 * expected - (expected - sent)
        if sent:
            self._ladder.report(max(0.0, lost / sent), now, sent)

    def estimate(self, bitrate: int) -> None:
        """What the site says its downlink carries (REMB)."""
        self.available = float(bitrate)
        self._ladder.available = float(bitrate)

    def update(
        self, rates: Mapping[PictureName, float], now: float, bitrate: int | None = None
    ) -> list[PictureName]:
        """Choose anew; `rates`: bit/s of each picture that flows; `bitrate`: what the voice was
        asked to be coded at. The pictures of which a key frame is needed."""
        self._ladder.coded_at = bitrate
        settings = self._ladder.settings(now)
        self.distances = settings.distances
        self.video = settings.video
        return self.steps.update(settings.video, self.loss, rates, now)

    def next_packets(self, ssrc: int, frame: Frame, now: float) -> list[tuple[int, Distances]]:
        """A frame of sound is there, with the slot's numbers: the packets that go out now, each
        with the copies it is to have. Of a pair the first frame waits for the second; one with
        which somebody begins goes out at once, with its marker."""
        self._ladder.sending(now)
        distances, first = self.distances, self._waiting_frames.pop(ssrc, None)
        is_pair = before(distances) and first is not None and follows(frame, first[0])
        going: list[tuple[int, Distances]] = []
        if first is not None and is_pair and not frame.marker:
            self._note(ssrc, first[0].seq, None)
            going = [(frame.seq, distances)]
        else:
            if first is not None:
                going.append((first[0].seq, ()))
            if not before(distances):
                going.append((frame.seq, distances))
            elif frame.marker:
                going.append((frame.seq, ()))
            else:
                self._waiting_frames[ssrc] = (frame, now)
        for number, copies in going:
            self._note(ssrc, number, copies)
        return going

    def overdue(self, now: float) -> list[tuple[int, int]]:
        """Frames (SSRC, number) that waited for a second one, and go out alone now."""
        late = []
        for ssrc, (frame, since) in list(self._waiting_frames.items()):
            if now - since >= PAIR_WITHIN_S:
                del self._waiting_frames[ssrc]
                self._note(ssrc, frame.seq, ())
                late.append((ssrc, frame.seq))
        return late

    def _note(self, ssrc: int, seq: int, distances: Distances | None) -> None:
        self._sent[ssrc, seq] = distances
        if len(self._sent) > 4 * HISTORY:
            del self._sent[next(iter(self._sent))]

    def distances_of(self, ssrc: int, seq: int) -> Distances | None:
        """The copies that a packet went out with; None when it did not, or long ago, or within
        the next one."""
        return self._sent.get((ssrc, seq))
