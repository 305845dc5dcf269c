"""VP8 frames ↔ RTP payloads (RFC 7741). Pure. Damage raises ValueError.

Times are monotonic seconds given by the caller.
"""

import struct

import msgspec

from agent.rtp import Header, SeqUnwrapper


class Descriptor(msgspec.Struct, frozen=True):
    """The VP8 payload descriptor: `start` of a frame's first partition, `keyframe` (only known at
    the start), the picture id's value, bits and offset in the payload (None: not there)."""

    start: bool
    keyframe: bool
    picture_id: int | None
    picture_id_offset: int
    picture_id_bits: int
    size_bytes: int


def parse(payload: bytes | bytearray) -> Descriptor:
    """The descriptor in front of a VP8 payload. Raises ValueError on damage."""
    try:
        first = payload[0]
        size, picture_id, at, bits = 1, None, 0, 0
        if first & 0x80:
            extension = payload[size]
            size += 1
            if extension & 0x80:
                at = size
                if payload[size] & 0x80:
                    picture_id = (payload[size] & 0x7F) << 8 | payload[size + 1]
                    size, bits = size + 2, 15
                else:
                    picture_id = payload[size]
                    size, bits = size + 1, 7
            if extension & 0x40:
                size += 1
            if extension & 0x30:
                size += 1
        start = bool(first & 0x10) and first & 0x0F == 0
        keyframe = start and not payload[size] & 0x01
    except IndexError as error:
        raise ValueError("VP8 payload is cut off") from error
    return Descriptor(start, keyframe, picture_id, at, bits, size)


def packetize(frame: bytes, picture_id: int, max_payload: int = 1180) -> list[bytes]:
    """The payloads of one VP8 frame, descriptor with a 15-bit picture id in front of each."""
    rest = struct.pack("!BH", 0x80, 0x8000 | picture_id & 0x7FFF)
    room = max_payload - 4
    return [
        bytes([0x90 if at == 0 else 0x80]) + rest + frame[at : at + room]
        for at in range(0, max(1, len(frame)), room)
    ]


class Frame(msgspec.Struct, frozen=True):
    """One whole VP8 frame."""

    data: bytes
    ts: int
    keyframe: bool
    picture_id: int | None


def is_key_frame_start(payload: bytes) -> bool:
    """True for the first packet of a key frame; False for damage too."""
    try:
        return parse(payload).keyframe
    except ValueError:
        return False


NACK_EVERY_S = 0.05
GIVE_UP_S = 0.2
KEY_FRAME_RETRY_S = 0.12
MAX_HELD_PACKETS = 512
REORDER_S = 0.01
MAX_GAP = 256


class Assembler:
    """Packets of one VP8 stream → whole frames, in order, none whose reference is missing.

    A frame is released at its marker bit. A missing packet is asked for again while the frames
    behind it wait; after 200 ms the assembler gives up and wants a key frame.
    """

    def __init__(self) -> None:
        self.given_up = 0
        self._seqs = SeqUnwrapper()
        self._held: dict[int, tuple[Header, bytes, Descriptor]] = {}
        self._next: int | None = None
        self._missing: dict[int, tuple[float, float]] = {}
        self._need_key = True
        self._asked_at = float("-inf")
        self._seen_any = False

    def push(self, header: Header, payload: bytes, now: float) -> list[Frame]:
        """A packet in; the frames that are whole now."""
        try:
            descriptor = parse(payload)
        except ValueError:
            return []
        seq = self._seqs.unwrap(header.seq)
        self._seen_any = True
        if self._next is not None and seq < self._next:
            return []
        if self._next is not None and seq - self._next > MAX_HELD_PACKETS:
            self._lose_reference()
        self._missing.pop(seq, None)
        self._held[seq] = (header, payload, descriptor)
        if self._need_key or (descriptor.keyframe and seq != self._next):
            # A key frame needs nothing before it: don't wait for what is missing.
            self._find_key_frame()
        elif self._next is not None:
            for gap in range(max(self._next, seq - MAX_GAP), seq):
                if gap not in self._held and gap not in self._missing:
                    self._missing[gap] = (now, now + REORDER_S)
        frames = self._take_whole()
        while len(self._held) > MAX_HELD_PACKETS:
            del self._held[min(self._held)]
        return frames

    def _find_key_frame(self) -> None:
        """Begin at the newest key frame whose start is here."""
        starts = [seq for seq, (_h, _p, d) in self._held.items() if d.keyframe]
        if not starts:
            return
        self._next = max(starts)
        self._need_key = False
        self._held = {seq: one for seq, one in self._held.items() if seq >= self._next}
        self._missing.clear()

    def _take_whole(self) -> list[Frame]:
        frames: list[Frame] = []
        while self._next is not None and not self._need_key:
            seq = self._next
            parts: list[tuple[Header, bytes, Descriptor]] = []
            while seq in self._held:
                header, payload, descriptor = self._held[seq]
                if parts and header.ts != parts[0][0].ts:
                    # The frame before was cut short at its source (a floor switch).
                    self._cut_short(seq, descriptor)
                    parts = []
                    break
                parts.append((header, payload, descriptor))
                seq += 1
                if header.marker:
                    break
            if not parts and self._next == seq and seq in self._held:
                continue
            if not parts or not parts[-1][0].marker:
                return frames
            first_header, _payload, first = parts[0]
            for done in range(self._next, seq):
                del self._held[done]
            self._next = seq
            if not first.start:
                self._lose_reference()
                return frames
            data = b"".join(p[d.size_bytes :] for _h, p, d in parts)
            frames.append(Frame(data, first_header.ts, first.keyframe, first.picture_id))
        return frames

    def _cut_short(self, seq: int, descriptor: Descriptor) -> None:
        if not descriptor.keyframe:
            self._lose_reference()
            return
        assert self._next is not None
        for done in range(self._next, seq):
            self._held.pop(done, None)
        self._next = seq

    def give_up(self) -> None:
        """What was given out could not be decoded: nothing is, until the next key frame."""
        self._lose_reference()

    def _lose_reference(self) -> None:
        self.given_up += 1
        self._need_key = True
        self._next = None
        self._held.clear()
        self._missing.clear()
        self._asked_at = float("-inf")

    def missing(self, now: float, rtt_s: float = 0.0) -> list[int]:
        """Sequence numbers to ask for now (RFC 4585 NACK); gives up on old ones."""
        due = []
        for seq, (since, ask_at) in list(self._missing.items()):
            if now - since > GIVE_UP_S + 2 * rtt_s:
                self._lose_reference()
                return []
            if now >= ask_at:
                due.append(seq & 0xFFFF)
                self._missing[seq] = (since, now + max(NACK_EVERY_S, rtt_s + 0.015))
        return due

    def needs_key_frame(self, now: float) -> bool:
        """True when a PLI is to be sent now; again every 120 ms until the key frame is here."""
        if not (self._need_key and self._seen_any) or now - self._asked_at < KEY_FRAME_RETRY_S:
            return False
        self._asked_at = now
        return True
