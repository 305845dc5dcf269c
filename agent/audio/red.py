"""Redundant audio data (RFC 2198): a packet that also carries earlier frames. Pure.

A block is (timestamp offset, payload): how many timestamp units the frame is older than the
packet. Blocks go oldest first, the packet's own frame last, as the RFC has it. A block of parity
(`agent.audio.parity`) has a payload type of its own, so that who does not know it passes over it.
"""

import struct
from collections.abc import Sequence

MAX_OFFSET = (1 << 14) - 1
MAX_LENGTH = (1 << 10) - 1
MAX_BLOCKS = 32
HEADER_BYTES = 4
PARITY_TYPE = 62

Block = tuple[int, bytes]


def pack(
    payload_type: int, primary: bytes, earlier: Sequence[Block] = (), parity: Block | None = None
) -> bytes:
    """A RED payload. Blocks that can't be carried (offset over 16383, 341 ms at 48 kHz; over 1023
    bytes; empty) are left out: they are a help, not a promise."""
    blocks = [(payload_type, *block) for block in sorted(earlier, reverse=True)]
    if parity is not None:
        blocks.append((PARITY_TYPE, *parity))
    fitting = [
        (kind, offset, data)
        for kind, offset, data in blocks
        if 0 < offset <= MAX_OFFSET and 0 < len(data) <= MAX_LENGTH
    ][-MAX_BLOCKS:]
    heads = [
        struct.pack("!L", (0x80 | kind) << 24 | offset << 10 | len(data))
        for kind, offset, data in fitting
    ]
    ends = [data for _kind, _offset, data in fitting]
    return b"".join([*heads, bytes([payload_type]), *ends, primary])


def unpack(payload: bytes, payload_type: int) -> tuple[list[Block], Block | None]:
    """The blocks of a RED payload of that payload type, the packet's own (offset 0) last, and the
    one of parity.

    Blocks of other types are passed over. Raises ValueError on damage.
    """
    heads: list[tuple[int, int, int]] = []
    at = 0
    while True:
        if at >= len(payload):
            raise ValueError("RED header is cut off")
        if not payload[at] & 0x80:
            break
        if at + HEADER_BYTES > len(payload) or len(heads) >= MAX_BLOCKS:
            raise ValueError("RED header is cut off or has too many blocks")
        (word,) = struct.unpack_from("!L", payload, at)
        heads.append((word >> 24 & 0x7F, word >> 10 & MAX_OFFSET, word & MAX_LENGTH))
        at += HEADER_BYTES
    own_type = payload[at] & 0x7F
    at += 1
    blocks: list[Block] = []
    parity = None
    for kind, offset, length in heads:
        if at + length > len(payload):
            raise ValueError("RED block is cut off")
        if length and offset:
            if kind == payload_type:
                blocks.append((offset, payload[at : at + length]))
            elif kind == PARITY_TYPE:
                parity = (offset, payload[at : at + length])
        at += length
    if own_type == payload_type and at < len(payload):
        blocks.append((0, payload[at:]))
    return blocks, parity
