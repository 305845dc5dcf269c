"""One place on a site's screen: packets in, whole pictures out, when their sound is heard. Pure.

Rules:
- A picture is shown only when it is whole and all it refers to is; until then the last one stays.
- A picture that comes in another size begins with a key frame; the relay sends one size at a time,
  and only of that one anything is asked for.
- A picture waits until the sound of its moment is heard. A key frame does not: after a floor switch
  the new speaker is shown at once.
- What waits is bounded, the latest wins: of several that are due only the last is shown.
- What nobody looks at is not decoded.

Times are monotonic seconds given by the caller.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from agent import rtp
from agent.picture import vp8_packets
from agent.picture.layers import PictureName
from agent.picture.vp8 import Yuv
from agent.reception import ReceptionStats

MAX_WAITING = 32
MAX_AHEAD_S = 0.8
"""A picture never waits longer: then what is known of its sound is of somebody else."""

FROZEN_S, FROZEN_INTERVALS = 0.5, 4


class Decoder(Protocol):
    """What decodes whole frames; None for a damaged one."""

    def decode(self, data: bytes) -> Yuv | None: ...


class Stream:
    """One size of the picture, as it comes."""

    def __init__(self, ssrc: int, clock_rate: int, decoder: Decoder) -> None:
        self.ssrc = ssrc
        self.assembler = vp8_packets.Assembler()
        self.reception = ReceptionStats(ssrc, clock_rate)
        self.decoder = decoder


class Window:
    """`streams` are the sizes of this picture; `show(picture, now)` shows one. `hears_at(ssrc, ts)`
    tells when the sound of a picture's moment is heard, None when that is not known."""

    def __init__(
        self,
        streams: dict[PictureName, Stream],
        show: Callable[[Yuv, float], None],
        hears_at: Callable[[int, int], float | None],
    ) -> None:
        self.is_watched = True
        self.shown = 0
        self.frozen = 0
        """How often it stood still though it should move."""
        self.lip_ms = 0.0
        """How much later than its sound the last picture was shown."""
        self.seen_at = 0.0
        self.streams = streams
        self._show = show
        self._hears_at = hears_at
        self._arriving: Stream | None = None
        self._shown_stream: Stream | None = None
        # (when it is due, whether its sound tells so, the frame)
        self._waiting: deque[tuple[float, bool, vp8_packets.Frame]] = deque()
        self._interval_s = 0.1
        self._is_frozen = False
        self._is_fed = False

    def take(
        self,
        name: PictureName,
        header: rtp.Header,
        payload: bytes,
        arrival: float,
        *,
        later: bool = False,
    ) -> None:
        """A packet of one of its sizes. `later`: what is due is shown by the next `update`."""
        stream = self.streams[name]
        self._arriving = stream
        for frame in stream.assembler.push(header, payload, arrival):
            if stream is not self._shown_stream:
                self._go_over_to(stream)
            self._note_interval(arrival)
            due, is_told = arrival, False
            if frame.keyframe:
                self._waiting.clear()
            else:
                heard_at = self._hears_at(stream.ssrc, frame.ts)
                if heard_at is not None and heard_at < arrival + MAX_AHEAD_S:
                    due, is_told = heard_at, True
            if self._waiting and due < self._waiting[-1][0]:
                due = self._waiting[-1][0]
            self._waiting.append((due, is_told, frame))
        while len(self._waiting) > MAX_WAITING:
            self._decode(self._waiting.popleft()[2])
        if not later:
            self.update(arrival)

    def _go_over_to(self, stream: Stream) -> None:
        """Another size: it began with a key frame, the other one is over."""
        before, self._shown_stream = self._shown_stream, stream
        if before is not None:
            before.assembler = vp8_packets.Assembler()
        self._waiting.clear()

    def update(self, now: float) -> None:
        """Show what is due; to be called every 20 ms or so."""
        picture: Yuv | None = None
        lip_s: float | None = None
        while self._waiting and self._waiting[0][0] <= now:
            due, is_told, frame = self._waiting.popleft()
            decoded = self._decode(frame)
            if decoded is not None:
                picture = decoded
                lip_s = now - due if is_told else None
        if picture is not None:
            self.shown += 1
            self._is_frozen = False
            if lip_s is not None:
                self.lip_ms = 1000 * lip_s
            self._show(picture, now)
        self._watch(now)

    def _decode(self, frame: vp8_packets.Frame) -> Yuv | None:
        stream = self._shown_stream
        if not self.is_watched or stream is None:
            return None
        picture = stream.decoder.decode(frame.data)
        if picture is None:
            stream.assembler.give_up()
        return picture

    def feed(self, is_fed: bool) -> None:
        """Whether a picture should be there now."""
        if is_fed and not self._is_fed:
            self._is_frozen = True  # not yet begun: that is no freeze
        self._is_fed = is_fed

    def _note_interval(self, now: float) -> None:
        if self.seen_at:
            self._interval_s += 0.1 * (min(2.0, now - self.seen_at) - self._interval_s)
        self.seen_at = now

    def _watch(self, now: float) -> None:
        limit_s = max(FROZEN_S, FROZEN_INTERVALS * self._interval_s)
        if self._is_fed and self.seen_at and not self._is_frozen and now - self.seen_at > limit_s:
            self._is_frozen = True
            self.frozen += 1

    def wishes(self, now: float, answer_s: float) -> Sequence[tuple[int, list[int], bool]]:
        """What to ask for now: SSRC, missing packets, whether a key frame is needed. `answer_s`:
        how long an answer takes."""
        if self._arriving is None:
            return ()
        assembler = self._arriving.assembler
        missing = assembler.missing(now, answer_s)
        needs_key = assembler.needs_key_frame(now)
        return [(self._arriving.ssrc, missing, needs_key)] if missing or needs_key else ()
