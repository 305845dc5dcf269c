"""The slot: many sources, one continuous stream. Pure.

Rules:
- A slot has one SSRC, payload type, sequence and timestamp line (and VP8 picture ids) for all
  receivers; a packet is rewritten once and kept for retransmission as it went out.
- Voice is forwarded frame by frame and packed anew (`agent.audio.hop`), once for every set of
  redundant copies that some receiver needs.
- Audio flows from the first packet after a switch, video is held until the new source's key
  frame; a key frame is asked for at the switch and again until it comes. What of it came before its
  first packet, which was lost and sent again, is kept and follows it.
- Within one source the offsets are constant, so that a retransmitted packet gets the number it
  would have had; what is older than the switch is dropped.
- Outgoing timestamps go on across a switch by the time that passed, never by whole frames of
  voice.

Times are monotonic seconds given by the caller.
"""

import math
import struct
from collections import deque
from collections.abc import Iterable
from typing import Literal

import msgspec

from agent import rtp
from agent.audio.hop import SAMPLES, Distances, Frame, Missing, Patience, VoiceStream
from agent.picture import vp8_packets
from agent.picture.layers import Layer, PictureName

VIDEO_HISTORY, EARLY = 512, 64
KEY_FRAME_RETRY_S, KEY_FRAME_TRIES, KEY_FRAME_LATER_S = 0.12, 10, 1.0
KEY_FRAME_LIMIT_S = 0.3
SILENT_S = 0.8
"""A picture of which nothing came for so long was closed at its source, or its link is gone."""

FIRST_SEQ = 1000


class Slot:
    """What all slots of the downlink have: one line of numbers. `clock_rate` in Hz."""

    def __init__(
        self,
        name: str,
        kind: Literal["audio", "video"],
        ssrc: int,
        clock_rate: int,
    ) -> None:
        self.name = name
        self.kind = kind
        self.ssrc = ssrc
        self.clock_rate = clock_rate
        self.source: str | None = None
        self.forwarded = 0
        self.forwarded_bytes = 0
        self.held = 0
        self.late = 0
        self._last_seq = FIRST_SEQ
        self._last_ts = 0
        self._last_at: float | None = None
        # Of the current source: where its numbers begin and how they map to ours.
        self._started = False
        self._source_ssrc = 0
        self._first_seq = 0
        self._seq_offset = 0
        self._ts_offset = 0
        self.is_fresh = False
        """Whether a source began of which no sender report was given yet."""

    def switch(self, source: str | None, now: float) -> None:
        """Another source (or none) feeds the slot from now on."""
        self.source = source
        self._started = False
        if self._last_at is None:
            self._last_at = now

    def _start(self, ssrc: int, seq: int, ts: int, now: float) -> None:
        """The first packet of a source: its numbers go on where the slot's ended."""
        self._started = True
        self._source_ssrc = ssrc
        self._first_seq = seq
        self._seq_offset = (self._last_seq + 1 - seq) & 0xFFFF
        elapsed_s = 0.0 if self._last_at is None else max(0.0, now - self._last_at)
        step = max(1, round(elapsed_s * self.clock_rate))
        # Never a whole number of frames: who missed the marker tells by this that another speaks.
        step += step % SAMPLES == 0
        self._ts_offset = (self._last_ts + step - ts) & 0xFFFFFFFF
        self.is_fresh = True

    def _map(self, seq: int, ts: int, now: float) -> tuple[int, int, bool] | None:
        """Our sequence number and timestamp, and whether it is the newest; None when it is older
        than the switch."""
        if rtp.seq_delta(seq, self._first_seq) < 0:
            self.late += 1
            return None
        out_seq = (seq + self._seq_offset) & 0xFFFF
        out_ts = (ts + self._ts_offset) & 0xFFFFFFFF
        is_newest = rtp.seq_delta(out_seq, self._last_seq) > 0
        if is_newest:
            self._last_seq, self._last_ts, self._last_at = out_seq, out_ts, now
            if rtp.seq_delta(seq, self._first_seq) > 0x4000:
                # The lower bound stays within half the sequence space of what arrives.
                self._first_seq = (seq - 0x2000) & 0xFFFF
        return out_seq, out_ts, is_newest

    @property
    def source_ssrc(self) -> int | None:
        """The line of the source that feeds the slot; None before its first packet."""
        return self._source_ssrc if self._started else None

    def timestamp_at(self, now: float, source_ts: int | None = None) -> int:
        """The slot's RTP timestamp at a moment, for sender reports. `source_ts`: what the source
        calls this moment; where it is not known, the last packet's arrival must do."""
        if source_ts is not None and self._started:
            return (source_ts + self._ts_offset) & 0xFFFFFFFF
        if self._last_at is None:
            return self._last_ts
        return (self._last_ts + round((now - self._last_at) * self.clock_rate)) & 0xFFFFFFFF


class VoiceSlot(Slot):
    """A slot of sound: frames in, packets out, packed as each receiver needs them."""

    def __init__(
        self, name: str, ssrc: int, opus_type: int, red_type: int, clock_rate: int = 48_000
    ) -> None:
        super().__init__(name, "audio", ssrc, clock_rate)
        self._stream = VoiceStream(ssrc, opus_type, red_type)

    @property
    def next_seq(self) -> int:
        """The sequence number after the last one."""
        return (self._last_seq + 1) & 0xFFFF

    def take(self, source: str, ssrc: int, frame: Frame, now: float) -> Frame | None:
        """A frame of a site; as it goes out, with the slot's numbers, None when it does not."""
        if source != self.source:
            return None
        begins = not self._started or ssrc != self._source_ssrc
        if begins:
            self._start(ssrc, frame.seq, frame.ts, now)
        mapped = self._map(frame.seq, frame.ts, now)
        if mapped is None:
            return None
        seq, ts, _is_newest = mapped
        data, marker = frame.data, begins or frame.marker
        self.forwarded += 1
        self.forwarded_bytes += len(data)
        return self._stream.add(Frame(seq, ts, data, marker, frame.level, source, frame.recovered))

    def frame(self, seq: int) -> Frame | None:
        """What is kept under this number, with the slot's numbers."""
        return self._stream.frame(seq)

    def packet(self, seq: int, distances: Distances, receiver: str, now: float) -> bytes | None:
        """The packet under this number with copies at these distances; None when it is not kept,
        or is the receiver's own: its own turn is a gap to it, and must stay one."""
        frame = self.frame(seq)
        if frame is None or frame.source == receiver:
            return None
        return self._stream.packet(seq, distances, now)


class VideoSlot(Slot):
    """A slot of pictures: packets rewritten, held from a switch until the source's key frame."""

    def __init__(
        self,
        name: PictureName,
        ssrc: int,
        payload_type: int,
        clock_rate: int = 90_000,
        *,
        layer: Layer | None = None,
    ) -> None:
        super().__init__(name, "video", ssrc, clock_rate)
        self.payload_type = payload_type
        self._last_picture = 0
        self._picture_offset = 0
        self.picture: PictureName = name
        self.layer = layer
        self._asked_at = float("-inf")
        self._tries = 0
        self._wanted_at = float("-inf")
        self._history: dict[int, tuple[str, bytes]] = {}
        # What came before the key frame with which the source begins, as it came.
        self._early: deque[tuple[rtp.Header, bytes]] = deque(maxlen=EARLY)
        self._key_ts: int | None = None
        self.begins = False
        """Whether a key frame begins with what was forwarded last."""

    def switch(self, source: str | None, now: float) -> None:
        """Another source (or none) feeds the slot from now on."""
        super().switch(source, now)
        self._early.clear()
        self._asked_at = float("-inf")
        self._tries = 0

    def forward(self, source: str, packet: bytes, header: rtp.Header, now: float) -> bytes | None:
        """The packet as receivers are to get it; None when it is held or dropped."""
        if source != self.source:
            return None
        try:
            payload = bytearray(packet[header.payload_offset : header.payload_end])
            descriptor = vp8_packets.parse(payload)
        except ValueError:
            return None
        if not self._started or header.ssrc != self._source_ssrc:
            if not descriptor.keyframe:
                self.held += 1
                self._early.append((header, packet))
                return None
            self._start(header.ssrc, header.seq, header.ts, now)
            if descriptor.picture_id is not None:
                self._picture_offset = (self._last_picture + 1 - descriptor.picture_id) & 0x7FFF
        mapped = self._map(header.seq, header.ts, now)
        if mapped is None:
            return None
        seq, ts, is_newest = mapped
        self.begins = descriptor.keyframe
        if descriptor.picture_id is not None:
            picture = self._rewrite_picture(payload, descriptor)
            if is_newest:
                self._last_picture = picture
        data = rtp.build(
            self.payload_type,
            seq,
            ts,
            self.ssrc,
            payload,
            marker=header.marker,
            send_time=rtp.send_time(now),
        )
        self.forwarded += 1
        self.forwarded_bytes += len(data)
        self._history[seq] = (source, data)
        if len(self._history) > VIDEO_HISTORY:
            del self._history[next(iter(self._history))]
        return data

    def early(self) -> list[tuple[rtp.Header, bytes]]:
        """What came too early and may be forwarded now that the source has begun, in order. Given
        once."""
        if not self._started or not self._early:
            return []
        first, ssrc = self._first_seq, self._source_ssrc
        found = [one for one in self._early if one[0].ssrc == ssrc]
        self._early.clear()
        found = [one for one in found if rtp.seq_delta(one[0].seq, first) > 0]
        return sorted(found, key=lambda one: rtp.seq_delta(one[0].seq, first))

    def is_key_frame(self, ts: int, begins: bool) -> bool:
        """Whether a packet of the source's with this timestamp belongs to the last key frame.
        `begins`: one begins with it."""
        if begins:
            self._key_ts = ts
        return ts == self._key_ts

    def _rewrite_picture(self, payload: bytearray, descriptor: vp8_packets.Descriptor) -> int:
        assert descriptor.picture_id is not None
        picture = (descriptor.picture_id + self._picture_offset) & 0x7FFF
        at = descriptor.picture_id_offset
        if descriptor.picture_id_bits == 15:
            struct.pack_into("!H", payload, at, 0x8000 | picture)
        else:
            payload[at] = picture & 0x7F
        return picture

    def is_alive(self, now: float) -> bool:
        """Whether the source's pictures flow."""
        return self._started and self._last_at is not None and now - self._last_at < SILENT_S

    def history(self, seqs: tuple[int, ...] | list[int], receiver: str) -> list[bytes]:
        """What is still there of these outgoing sequence numbers (RFC 4585 NACK), without what
        the receiver sent itself: its own turn is a gap to it, and must stay one."""
        kept = (self._history.get(seq) for seq in seqs)
        return [data for source, data in filter(None, kept) if source != receiver]

    def forget(self, seqs: Iterable[int]) -> None:
        """These outgoing sequence numbers are not sent again."""
        for seq in seqs:
            self._history.pop(seq, None)

    def needs_key_frame(self, now: float) -> bool:
        """True when the source is to be asked for a key frame now: at the switch, then every
        120 ms until it comes; after a second (its link may carry no picture) every second."""
        if self.source is None or self._started:
            return False
        patience_s = KEY_FRAME_RETRY_S if self._tries < KEY_FRAME_TRIES else KEY_FRAME_LATER_S
        if now - self._asked_at < patience_s:
            return False
        self._tries += 1
        self._asked_at = now
        return True

    def receiver_wants_key_frame(self, now: float) -> bool:
        """True when a receiver's wish for a key frame is to be passed on: at most every 300 ms."""
        if self.source is None:
            return False
        if now - self._wanted_at < KEY_FRAME_LIMIT_S:
            return False
        self._wanted_at = now
        return True


JITTERY_MS, JITTERY_FOR_S = 17.0, 10.0
"""A link jitters for so long after its interarrival jitter (RFC 3550 §6.4.1) was greater. Where
packets queue on a thin link it stays below 12 ms; a standard deviation of 60 ms brings 20 and
more."""

GIVE_UP_S = 0.5
MAX_TRIES = 6
MAX_MISSING = 256


class UplinkGaps:
    """What is missing of one incoming SSRC, and when to ask for it."""

    def __init__(self) -> None:
        self.lost = 0
        self.recovered = 0
        self._jittery_until = -math.inf
        self._seqs = rtp.SeqUnwrapper()
        self._highest: int | None = None
        self._missing: dict[int, Missing] = {}
        self._patience = Patience()

    def push(
        self,
        seq: int,
        now: float,
        distances: Distances = (),
        rtt_s: float = 0.0,
        *,
        is_copy: bool = False,
    ) -> bool:
        """A packet arrived, or a copy of what was in it. What a copy at these distances will bring
        within a round trip is not asked for before. True when something is missed now that was
        not before."""
        misses, _is_answer = self._push(seq, now, distances, rtt_s, is_copy=is_copy)
        return misses

    def push_frames(
        self,
        frames: list[Frame],
        seq: int,
        now: float,
        distances: Distances,
        rtt_s: float,
        jitter_ms: float = 0.0,
    ) -> tuple[bool, list[Frame]]:
        """The new frames of packet `seq`, as in `push`: whether something is missed now that was
        not before; and the frames, those that came because they were asked for marked as recovered.
        On a link that jitters none is: a copy that came first was not lost for that."""
        if jitter_ms > JITTERY_MS:
            self._jittery_until = now + JITTERY_FOR_S
        is_jittery = now < self._jittery_until
        misses, noted = False, []
        for frame in frames:
            has_gap, is_answer = self._push(
                frame.seq, now, distances, rtt_s, is_copy=frame.seq != seq
            )
            misses |= has_gap
            reach = max(distances, default=1) if is_answer else frame.recovered
            reach = 0 if is_jittery else reach
            same = reach == frame.recovered
            noted.append(frame if same else msgspec.structs.replace(frame, recovered=reach))
        return misses, noted

    def _push(
        self, seq: int, now: float, distances: Distances, rtt_s: float, *, is_copy: bool
    ) -> tuple[bool, bool]:
        """Whether something is missed now that was not before, and whether this one came because
        it was asked for."""
        value = self._seqs.unwrap(seq)
        if self._highest is None:
            self._highest = value
            return False, False
        one = self._missing.pop(value, None)
        is_answer = False
        if one is not None:
            self.recovered += 1
            if not is_copy:
                is_answer = self._patience.came(one, now, rtt_s)
        if value <= self._highest:
            return False, is_answer
        first, self._highest = self._highest + 1, value
        if value == first:
            return False, is_answer
        for gap in range(max(first, value - MAX_MISSING), value):
            wait_s = self._patience.wait_s(value - gap, distances, rtt_s)
            self._missing[gap] = Missing(now, now + wait_s)
            self._patience.missed()
            self.lost += 1
        while len(self._missing) > MAX_MISSING:
            del self._missing[next(iter(self._missing))]
        return True, is_answer

    @property
    def has_missing(self) -> bool:
        """Whether anything is missing that may still come."""
        return bool(self._missing)

    def due(self, now: float, rtt_s: float, each_s: float = 0.0) -> list[int]:
        """Sequence numbers to ask for now. `each_s`: of several each comes so much later."""
        asked: list[int] = []
        for seq, one in list(self._missing.items()):
            if now - one.missed_at > GIVE_UP_S or one.tries >= MAX_TRIES:
                del self._missing[seq]
            elif now >= one.ask_at:
                one.asked(now, rtt_s + len(asked) * each_s)
                asked.append(seq & 0xFFFF)
        return asked
