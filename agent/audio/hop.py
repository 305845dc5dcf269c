"""What every hop of the voice has: packets unfolded into frames, frames packed into packets. Pure.

A sender packs each frame with copies of earlier ones (RFC 2198); the receiving end of the hop gets
from a packet its own frame and those of the copies that it missed. Each hop packs anew, so that the
redundancy of one hop is what that hop needs.
"""

import math
from collections import deque
from collections.abc import Sequence

import msgspec

from agent import rtp
from agent.audio import red
from agent.audio.parity import BACK, Restorer, parity

SAMPLES = 960
FRAME_S = 0.02
HISTORY = 128
SEEN = 512
ASK_AGAIN_S = 0.015
ANSWERED_FOR_S, ANSWERED_FAR_FOR_S = 0.03, 0.05
"""So long a request may be one that was said twice; on a long way, where it was and nobody asks
again so soon, it may come later."""

TWICE_FROM_S = 0.04
"""From such a round trip on a request is said twice."""
ANSWERS_FROM = 0.65
"""Of the round trip: what comes so long after it was asked for is the answer. The round trip is
that of reports, which are larger than a request and fill a thin link for longer."""

SAME_LOSS_S = 1.0
AGAIN_KEPT = 256
REORDER_S = 0.005
MAX_REORDER_S = 0.06
REORDER_FADES = 0.97

Distances = tuple[int, ...]
"""How many frames older the copies in a packet are; empty: none."""

PAIRS: Distances = (1,)
"""By this alone a thin link is sent every second packet only, each with two frames: half the
headers, at the price of 20 ms. The number of a frame that waited for the next is never sent."""


class Frame(msgspec.Struct, frozen=True, gc=False):
    """An encoded frame of 20 ms. `level` in -dBov when the packet told it; `source`: whose;
    `recovered`: it was lost on the hop before and came late, as a copy or because it was asked
    for, where copies reach so many frames back (0: it was not). Who gets it next is to know: it
    tells nothing of how long the way takes, but of how long to wait."""

    seq: int
    ts: int
    data: bytes
    marker: bool = False
    level: int | None = None
    source: str = ""
    recovered: int = 0


def follows(frame: Frame, older: Frame) -> bool:
    """Whether a frame of the same source comes next after this one, without a pause between."""
    is_next = frame.seq == (older.seq + 1) & 0xFFFF and frame.source == older.source
    return is_next and (frame.ts - older.ts) & 0xFFFFFFFF == SAMPLES


def copy_in_s(age: int, distances: Distances) -> float:
    """When a copy of a packet comes that was sent `age` packets before the newest: seconds from
    now, 0 when none will."""
    return min((distance - age for distance in distances if distance > age), default=0) * FRAME_S


TWINS: Distances = (1, 2, 3)
"""Pairs, each with a copy of the pair before."""

ONE_COPY: Distances = (2,)

PARITY: Distances = (3,)
"""By this alone no copy: the parity of two frames before, which brings back what was sent up to
three frames ago (`agent.audio.parity`)."""


def is_lean(distances: Distances) -> bool:
    """Whether a packet with these copies is for a thin link: no level, the send time in half of
    them, with parity in a quarter."""
    return distances in (PAIRS, TWINS, ONE_COPY, PARITY)


def before(distances: Distances) -> int:
    """How many numbers before that of a packet with these copies were never sent alone."""
    return 1 if distances in (PAIRS, TWINS) else 0


class Missing:
    """A packet that is missing: since when, when to ask for it next, how often that was done."""

    __slots__ = ("missed_at", "told_sent", "ask_at", "asked_at", "tries", "_is_said_again")

    def __init__(self, missed_at: float, ask_at: float, told_sent: int | None = None) -> None:
        self.missed_at = missed_at
        self.told_sent = told_sent
        """Send time (24 bits) of the packet by which it was missed."""
        self.ask_at = ask_at
        self.asked_at = 0.0
        self.tries = 0
        self._is_said_again = False

    def asked(self, now: float, rtt_s: float) -> None:
        """It was asked for; the answer takes a round trip, and may be lost. So may the request: on
        a long way it is said twice (and answered once, `Again`)."""
        if self._is_said_again:
            self._is_said_again = False
            self.ask_at = now + rtt_s + ASK_AGAIN_S - FRAME_S
            return
        if not self.tries:
            self.asked_at = now
        self.tries += 1
        self._is_said_again = rtt_s >= TWICE_FROM_S
        self.ask_at = now + (FRAME_S if self._is_said_again else 2 * FRAME_S)


class Again:
    """What was sent again lately. A request that is said twice is answered once; one that comes
    back was answered in vain, and is answered twice: `echoes` tells what is to be sent once
    more."""

    def __init__(self) -> None:
        self._sent_at: dict[tuple[int, int], float] = {}
        self._echoes: deque[tuple[float, int, int]] = deque()

    def is_due(self, ssrc: int, seq: int, now: float, rtt_s: float = 0.0) -> bool:
        """Whether a packet that is asked for now is to be sent; then it counts as sent."""
        sent_at = self._sent_at.pop((ssrc, seq), -math.inf)
        if now - sent_at < (ANSWERED_FAR_FOR_S if rtt_s >= TWICE_FROM_S else ANSWERED_FOR_S):
            self._sent_at[ssrc, seq] = sent_at
            return False
        self._sent_at[ssrc, seq] = now
        if len(self._sent_at) > AGAIN_KEPT:
            del self._sent_at[next(iter(self._sent_at))]
        if now - sent_at < SAME_LOSS_S:
            self._echoes.append((now + FRAME_S, ssrc, seq))
        return True

    @property
    def has_echoes(self) -> bool:
        """Whether anything is to be sent once more, now or soon."""
        return bool(self._echoes)

    def echoes(self, now: float) -> list[tuple[int, int]]:
        """Packets (SSRC, number) that are to be sent once more now."""
        due = []
        while self._echoes and self._echoes[0][0] <= now:
            _at, ssrc, seq = self._echoes.popleft()
            due.append((ssrc, seq))
        return due


class Patience:
    """How long to wait for a packet that may only be out of order: not at all on a link that keeps
    the order, else as long as it took lately, `MAX_REORDER_S` at most."""

    def __init__(self) -> None:
        self._seen_s = 0.0

    def wait_s(self, age: int, distances: Distances, rtt_s: float) -> float:
        """Before asking for a packet sent `age` packets before the newest: a copy that comes
        within a round trip is waited for too."""
        copy_s = copy_in_s(age, distances)
        order_s = self._seen_s + REORDER_S if self._seen_s else 0.0
        return max(order_s, copy_s if copy_s <= rtt_s else 0.0)

    def missed(self) -> None:
        """A packet was missed: what was seen of the order counts a little less from now on."""
        self._seen_s *= REORDER_FADES
        if self._seen_s < REORDER_S:
            self._seen_s = 0.0

    def came(
        self,
        one: Missing,
        now: float,
        rtt_s: float,
        sent: int | None = None,
        *,
        late: bool | None = None,
    ) -> bool:
        """A missing packet came: True when it is the answer to our asking, else it was out of
        order. `sent`: its send time (24 bits); what was first sent after it was missed is late
        from the hop before. Where there is time for one request only, it is better made when that
        came, and waits; where there is time for more (`late` is not None), nothing is learnt from
        it, or from what is known to be `late`."""
        is_first = (
            sent is not None
            and one.told_sent is not None
            and rtp.send_time_delta_s(sent, one.told_sent) >= 0
        )
        if late is not None and (late or is_first):
            return False
        if not is_first and one.tries and now - one.asked_at >= ANSWERS_FROM * rtt_s:
            return True
        self._seen_s = min(MAX_REORDER_S, max(self._seen_s, now - one.missed_at))
        return False


def distances_of(blocks: Sequence[red.Block]) -> Distances:
    """How many frames older the copies among these blocks are, the nearest first."""
    if len(blocks) < 2:
        return ()
    return tuple(offset // SAMPLES for offset, _data in reversed(blocks) if offset)


class Blocks:
    """What is in the packets of one SSRC, with what parity brings back."""

    def __init__(self, opus_type: int, red_type: int) -> None:
        self.distances: Distances = ()
        """Of the copies in the last packet."""
        self._types = opus_type, red_type
        self._restorer = Restorer()

    def of(self, header: rtp.Header, payload: bytes) -> list[red.Block]:
        """The frames that came with a packet, oldest first, each with how many timestamp units it
        is older.

        Raises ValueError when a RED payload is damaged.
        """
        self.distances = ()
        opus_type, red_type = self._types
        if payload and header.payload_type == opus_type and not self._restorer.waits:
            self._restorer.note(header.ts, payload)
            return [(0, payload)]
        blocks: list[red.Block] = []  # padding alone, sent to probe the link
        check = None
        if payload and header.payload_type == red_type:
            blocks, check = red.unpack(payload, opus_type)
        elif payload and header.payload_type == opus_type:
            blocks = [(0, payload)]
        found = self._restorer.push(header.ts, blocks, check)
        if check is not None or len(found) > len(blocks):
            self.distances = PARITY
        elif len(blocks) > 1:
            self.distances = distances_of(blocks)
        return found


class Unfolder:
    """One incoming SSRC: gives every frame once, whichever packet brought it first."""

    def __init__(self, opus_type: int, red_type: int) -> None:
        self.copies = 0
        self.damaged = 0
        self._blocks = Blocks(opus_type, red_type)
        self._seqs = rtp.SeqUnwrapper()
        self._seen: dict[int, None] = {}

    @property
    def distances(self) -> Distances:
        """Of the copies in the last packet."""
        return self._blocks.distances

    def push(self, header: rtp.Header, payload: bytes) -> list[Frame]:
        """The frames that are new in this packet, oldest first."""
        try:
            blocks = self._blocks.of(header, payload)
        except ValueError:
            self.damaged += 1
            blocks = []
        number = self._seqs.unwrap(header.seq)
        frames: list[Frame] = []
        for offset, data in blocks:
            distance, rest = divmod(offset, SAMPLES)
            of = number - distance
            if rest or of in self._seen:
                continue
            self._seen[of] = None
            if offset:
                self.copies += 1
                ts = (header.ts - offset) & 0xFFFFFFFF
                # The first of a pair comes within the packet of the second: it was not lost.
                is_lost = not 0 <= distance <= before(self.distances)
                reach = max(self.distances) if is_lost else 0
                frames.append(Frame(of & 0xFFFF, ts, data, recovered=reach))
            else:
                level = header.audio_level
                frames.append(Frame(header.seq, header.ts, data, header.marker, level))
        while len(self._seen) > SEEN:
            del self._seen[next(iter(self._seen))]
        return frames


class VoiceStream:
    """One outgoing SSRC: frames by sequence number, each packed once for each set of distances.

    Under one sequence number and one set the bytes are the same always: what is sent again must be
    what was sent before, or an SRTP nonce would be used twice.
    """

    def __init__(self, ssrc: int, opus_type: int, red_type: int) -> None:
        self.ssrc = ssrc
        self._opus_type = opus_type
        self._red_type = red_type
        self._frames: dict[int, Frame] = {}
        self._packets: dict[int, dict[Distances, bytes]] = {}

    def add(self, frame: Frame) -> Frame:
        """A frame that goes out now, or went out and is known now; what is kept of it."""
        kept = self._frames.setdefault(frame.seq, frame)
        if kept is not frame:
            return kept  # never other bytes under a number that is kept
        if len(self._frames) > HISTORY:
            oldest = next(iter(self._frames))
            del self._frames[oldest]
            self._packets.pop(oldest, None)
        return frame

    def frame(self, seq: int) -> Frame | None:
        """What is kept under this sequence number."""
        return self._frames.get(seq)

    def packet(self, seq: int, distances: Distances, sent_at: float) -> bytes | None:
        """The packet of a frame with copies of those that lie before it without a pause, of the
        same source; None when it is no longer kept. `sent_at`: seconds, for the send time."""
        frame = self._frames.get(seq)
        if frame is None:
            return None
        packed = self._packets.setdefault(seq, {})
        if distances in packed:
            return packed[distances]
        copies, check = self._copies(frame, distances), None
        if distances == PARITY:
            before = self._copies(frame, BACK)
            copies, check = [], parity([(offset // SAMPLES, data) for offset, data in before])
        payload_type, payload = self._opus_type, frame.data
        if copies or check is not None:
            payload_type = self._red_type
            payload = red.pack(self._opus_type, frame.data, copies, check)
        level = frame.level if frame.level is not None else 127
        lean = is_lean(distances)
        # Of pairs every second number is sent.
        untold = (3 if distances == PARITY else 2) if lean else 0
        data = rtp.build(
            payload_type,
            seq,
            frame.ts,
            self.ssrc,
            payload,
            marker=frame.marker,
            audio_level=None if lean else level,
            send_time=None if seq & untold else rtp.send_time(sent_at),
            recovered=frame.recovered,
        )
        packed[distances] = data
        return data

    def _copies(self, frame: Frame, distances: Sequence[int]) -> list[red.Block]:
        copies = []
        for distance in distances:
            older = self._frames.get((frame.seq - distance) & 0xFFFF)
            offset = distance * SAMPLES
            if older is None or older.source != frame.source:
                continue
            if (frame.ts - older.ts) & 0xFFFFFFFF == offset:
                copies.append((offset, older.data))
        # By what copies it has, the far end tells a pair: twins come whole, or without the copy.
        is_torn = distances == TWINS and len(copies) < len(TWINS)
        return copies[:1] if is_torn else copies
