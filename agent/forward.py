"""The slot: many sources, one continuous stream. Pure.

Rules:
- A slot has one SSRC, payload type, sequence and timestamp line (and VP8 picture ids) for all
  receivers; a packet is rewritten once and kept for retransmission as it went out.
- Audio flows from the first packet after a switch, video is held until the new source's key
  frame; a key frame is asked for at the switch and again until it comes.
- Within one source the offsets are constant, so that a retransmitted packet gets the number it
  would have had; what is older than the switch is dropped.
- Outgoing timestamps go on across a switch by the time that passed.

Times are monotonic seconds given by the caller.
"""

import struct
from typing import Literal

from agent import rtp

AUDIO_HISTORY = 128
VIDEO_HISTORY = 512
KEY_FRAME_RETRY_S = 0.12
KEY_FRAME_LIMIT_S = 0.3
FIRST_SEQ = 1000


class Slot:
    """One slot of the downlink. `clock_rate` in Hz."""

    def __init__(
        self,
        name: str,
        kind: Literal["audio", "video"],
        ssrc: int,
        payload_type: int,
        clock_rate: int,
    ) -> None:
        self.name = name
        self.kind = kind
        self.ssrc = ssrc
        self.payload_type = payload_type
        self.clock_rate = clock_rate
        self.source: str | None = None
        self.forwarded = 0
        self.forwarded_bytes = 0
        self.held = 0
        self.late = 0
        self._last_seq = FIRST_SEQ
        self._last_ts = 0
        self._last_at: float | None = None
        self._last_picture = 0
        # Of the current source: where its numbers begin and how they map to ours.
        self._started = False
        self._source_ssrc = 0
        self._first_seq = 0
        self._marked_seq: int | None = None
        self._seq_offset = 0
        self._ts_offset = 0
        self._picture_offset = 0
        self._asked_at = float("-inf")
        self._wanted_at = float("-inf")
        self._history: dict[int, tuple[str, bytes]] = {}
        self._depth = AUDIO_HISTORY if kind == "audio" else VIDEO_HISTORY

    def switch(self, source: str | None, now: float) -> None:
        """Another source (or none) feeds the slot from now on."""
        self.source = source
        self._started = False
        self._asked_at = float("-inf")
        if self._last_at is None:
            self._last_at = now

    def forward(self, source: str, packet: bytes, header: rtp.Header, now: float) -> bytes | None:
        """The packet as receivers are to get it; None when it is held or dropped."""
        if source != self.source:
            return None
        descriptor = None
        if self.kind == "video":
            try:
                descriptor = rtp.parse_vp8(packet[header.payload_offset : header.payload_end])
            except ValueError:
                return None
        if not self._started or header.ssrc != self._source_ssrc:
            if descriptor is not None and not descriptor.keyframe:
                self.held += 1
                return None
            self._start(header, descriptor, now)
        if rtp.seq_delta(header.seq, self._first_seq) < 0:
            self.late += 1
            return None
        seq = (header.seq + self._seq_offset) & 0xFFFF
        ts = (header.ts + self._ts_offset) & 0xFFFFFFFF
        # The first packet keeps its marker when it comes twice: a number has the same bytes always.
        marker = header.marker or header.seq == self._marked_seq
        second = self.payload_type | (0x80 if marker else 0)
        out = rtp.rewrite(packet, second, seq, ts, self.ssrc)
        is_newest = rtp.seq_delta(seq, self._last_seq) > 0
        if descriptor is not None and descriptor.picture_id is not None:
            picture = self._rewrite_picture(out, header, descriptor)
            if is_newest:
                self._last_picture = picture
        data = bytes(out)
        if is_newest:
            self._move_first_seq(header.seq)
            self._last_seq, self._last_ts, self._last_at = seq, ts, now
        self.forwarded += 1
        self.forwarded_bytes += len(data)
        self._history[seq] = (source, data)
        if len(self._history) > self._depth:
            del self._history[next(iter(self._history))]
        return data

    def _start(self, header: rtp.Header, descriptor: rtp.Vp8Descriptor | None, now: float) -> None:
        """The first packet of a source: its numbers go on where the slot's ended."""
        self._started = True
        self._source_ssrc = header.ssrc
        self._first_seq = header.seq
        self._marked_seq = header.seq if self.kind == "audio" else None
        self._seq_offset = (self._last_seq + 1 - header.seq) & 0xFFFF
        elapsed_s = 0.0 if self._last_at is None else max(0.0, now - self._last_at)
        step = max(1, round(elapsed_s * self.clock_rate))
        self._ts_offset = (self._last_ts + step - header.ts) & 0xFFFFFFFF
        if descriptor is not None and descriptor.picture_id is not None:
            self._picture_offset = (self._last_picture + 1 - descriptor.picture_id) & 0x7FFF

    def _move_first_seq(self, seq: int) -> None:
        """Keep the lower bound within half the sequence space of what arrives."""
        if rtp.seq_delta(seq, self._first_seq) > 0x4000:
            self._first_seq = (seq - 0x2000) & 0xFFFF
            self._marked_seq = None

    def _rewrite_picture(
        self, out: bytearray, header: rtp.Header, descriptor: rtp.Vp8Descriptor
    ) -> int:
        assert descriptor.picture_id is not None
        picture = (descriptor.picture_id + self._picture_offset) & 0x7FFF
        at = header.payload_offset + descriptor.picture_id_offset
        if descriptor.picture_id_bits == 15:
            struct.pack_into("!H", out, at, 0x8000 | picture)
        else:
            out[at] = picture & 0x7F
        return picture

    def history(self, seqs: tuple[int, ...] | list[int], receiver: str) -> list[bytes]:
        """What is still there of these outgoing sequence numbers (RFC 4585 NACK), without what
        the receiver sent itself: its own turn is a gap to it, and must stay one."""
        kept = (self._history.get(seq) for seq in seqs)
        return [data for source, data in filter(None, kept) if source != receiver]

    def before(self, distance: int, source: str) -> bytes | None:
        """The packet `distance` before the last one, when it is of the same source."""
        kept = self._history.get((self._last_seq - distance) & 0xFFFF)
        return kept[1] if kept is not None and kept[0] == source else None

    def needs_key_frame(self, now: float) -> bool:
        """True when the source is to be asked for a key frame now: at the switch, then every
        120 ms until it comes."""
        if self.kind != "video" or self.source is None or self._started:
            return False
        if now - self._asked_at < KEY_FRAME_RETRY_S:
            return False
        self._asked_at = now
        return True

    def receiver_wants_key_frame(self, now: float) -> bool:
        """True when a receiver's wish for a key frame is to be passed on: at most every 300 ms."""
        if self.kind != "video" or self.source is None:
            return False
        if now - self._wanted_at < KEY_FRAME_LIMIT_S:
            return False
        self._wanted_at = now
        return True

    def timestamp_at(self, now: float) -> int:
        """The slot's RTP timestamp at a moment, for sender reports."""
        if self._last_at is None:
            return self._last_ts
        return (self._last_ts + round((now - self._last_at) * self.clock_rate)) & 0xFFFFFFFF


REORDER_S = 0.01
GIVE_UP_S = 0.5
MAX_TRIES = 6
MAX_MISSING = 256


class UplinkGaps:
    """What is missing of one incoming SSRC, and when to ask for it again."""

    def __init__(self) -> None:
        self.lost = 0
        self.recovered = 0
        self._seqs = rtp.SeqUnwrapper()
        self._highest: int | None = None
        # seq → (first missed at, ask at, tries)
        self._missing: dict[int, tuple[float, float, int]] = {}

    def push(self, seq: int, now: float) -> None:
        """A packet arrived."""
        value = self._seqs.unwrap(seq)
        if self._highest is None:
            self._highest = value
            return
        if self._missing.pop(value, None) is not None:
            self.recovered += 1
        if value <= self._highest:
            return
        for gap in range(max(self._highest + 1, value - MAX_MISSING), value):
            self._missing[gap] = (now, now + REORDER_S, 0)
            self.lost += 1
        while len(self._missing) > MAX_MISSING:
            del self._missing[next(iter(self._missing))]
        self._highest = value

    def due(self, now: float, rtt_s: float) -> list[int]:
        """Sequence numbers to ask for now."""
        asked = []
        for seq, (since, ask_at, tries) in list(self._missing.items()):
            if now - since > GIVE_UP_S or tries >= MAX_TRIES:
                del self._missing[seq]
            elif now >= ask_at:
                asked.append(seq & 0xFFFF)
                self._missing[seq] = (since, now + max(0.02, rtt_s + 0.015), tries + 1)
        return asked
