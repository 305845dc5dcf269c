"""Consent to go on sending (RFC 7675): asked, and given to who asks us, at little cost.

Rules:
- Each 4 to 6 s one is asked with a new transaction id; consent lives for 30 s from the last answer
  (§5.1). While a question is not answered there is another each second: of a link that loses three
  packets in ten each way half of them are lost, six in a row within minutes, thirty never.
- Only what is signed with the password of the session counts, of either side.
- Only questions of the pair in use, in the roles that were agreed on, are answered here. All else
  is left to aioice: new addresses, conflicts of roles, nominations, errors.

aioice makes and takes each message apart attribute by attribute, which costs a relay of 200 sites
more than all else that it does beside forwarding. Here of a question only the id and the two
signatures are made anew. Pure; messages are those of RFC 8489 (STUN), §5 and §14.
"""

import binascii
import hmac
import struct
from collections import deque
from ipaddress import ip_address
from typing import Any

EVERY_S, AGAIN_S = (4.0, 6.0), 1.0
LIVES_S = 30.0
ASKED_KEPT = 8
"""So many questions may be answered late."""

REQUEST, RESPONSE = 0x0001, 0x0101
COOKIE = 0x2112A442
HEADER_BYTES, SIGNED_BYTES, CHECKED_BYTES = 20, 24, 8
SIGNATURE_BYTES = (20).to_bytes(2, "big")
USERNAME, INTEGRITY, PRIORITY, USE_CANDIDATE = 0x0006, 0x0008, 0x0024, 0x0025
XOR_MAPPED_ADDRESS, FINGERPRINT = 0x0020, 0x8028
CONTROLLED, CONTROLLING = 0x8029, 0x802A
FINGERPRINT_XOR = 0x5354554E
PEER_REFLEXIVE = 110 << 24 | 65535 << 8
"""The priority of what is learnt from a question (RFC 8445 §5.1.2), without the component."""

Address = tuple[Any, ...]


class Consent:
    """Of one connection, whose ICE is done. `names` are the user names, ours and theirs, `keys` the
    passwords; `remote` is where the pair in use sends. Times are monotonic seconds."""

    def __init__(
        self,
        names: tuple[str, str],
        keys: tuple[str, str],
        remote: Address,
        now: float,
        *,
        controlling: bool,
        tie_breaker: int,
    ) -> None:
        self.remote = remote[:2]
        self.given_at = now
        """When it was given last."""
        ours, theirs = names
        self._our_key, self._their_key = (key.encode() for key in keys)
        role, self._their_role = CONTROLLED, CONTROLLING
        if controlling:
            role, self._their_role = CONTROLLING, CONTROLLED
        self._question = (
            _attribute(USERNAME, f"{theirs}:{ours}".encode())
            + _attribute(PRIORITY, struct.pack("!L", PEER_REFLEXIVE | 255))
            + _attribute(role, struct.pack("!Q", tie_breaker))
        )
        self._called = _attribute(USERNAME, f"{ours}:{theirs}".encode())
        self._asked: deque[bytes] = deque(maxlen=ASKED_KEPT)

    def has_expired(self, now: float) -> bool:
        """Whether nothing may be sent any more."""
        return now - self.given_at > LIVES_S

    @property
    def waits(self) -> bool:
        """Whether nobody answered the last question yet."""
        return bool(self._asked)

    def question(self, transaction: bytes) -> bytes:
        """What to send to be given consent. `transaction`: 12 random bytes."""
        self._asked.append(transaction)
        return _signed(REQUEST, transaction, self._question, self._their_key)

    def take(self, data: bytes, address: Address, now: float) -> bytes | None:
        """A datagram: what is to be answered (nothing, when it was an answer to us); None when it
        is not for us to take."""
        if len(data) < HEADER_BYTES + SIGNED_BYTES or address[:2] != self.remote:
            return None
        kind, size, cookie = struct.unpack_from("!HHL", data)
        if cookie != COOKIE or size != len(data) - HEADER_BYTES:
            return None
        transaction = data[8:HEADER_BYTES]
        if kind == RESPONSE and transaction in self._asked:
            if _is_signed(data, self._their_key):
                self.given_at = now
                self._asked.clear()
            return b""
        if kind == REQUEST and self._is_usual(data) and _is_signed(data, self._our_key):
            mapped = _attribute(XOR_MAPPED_ADDRESS, _mapped(self.remote, transaction))
            return _signed(RESPONSE, transaction, mapped, self._our_key)
        return None

    def _is_usual(self, data: bytes) -> bool:
        """A question to us that wants nothing but an answer."""
        if not data.startswith(self._called, HEADER_BYTES):
            return False
        kinds = {kind for kind, _at in _attributes(data)}
        return self._their_role in kinds and USE_CANDIDATE not in kinds


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def _attributes(data: bytes) -> list[tuple[int, int]]:
    """The kinds of the attributes, and where each begins; what is cut off is left out."""
    found, at = [], HEADER_BYTES
    while at + 4 <= len(data):
        kind, size = struct.unpack_from("!HH", data, at)
        if at + 4 + size > len(data):
            break
        found.append((kind, at))
        at += 4 + size + -size % 4
    return found


def _signed(kind: int, transaction: bytes, attributes: bytes, key: bytes) -> bytes:
    """The message with integrity and fingerprint (RFC 8489 §14.5, §14.7); each counts with a length
    that ends with itself."""
    size = len(attributes) + SIGNED_BYTES
    head = struct.pack("!HHL", kind, size, COOKIE) + transaction
    signature = hmac.digest(key, head + attributes, "sha1")
    head = struct.pack("!HHL", kind, size + CHECKED_BYTES, COOKIE) + transaction
    whole = head + attributes + _attribute(INTEGRITY, signature)
    checked = struct.pack("!L", binascii.crc32(whole) ^ FINGERPRINT_XOR)
    return whole + _attribute(FINGERPRINT, checked)


def _is_signed(data: bytes, key: bytes) -> bool:
    """Whether its integrity is that of this key."""
    at = next((at for kind, at in _attributes(data) if kind == INTEGRITY), None)
    if at is None or data[at + 2 : at + 4] != SIGNATURE_BYTES:
        return False
    size = struct.pack("!H", at + SIGNED_BYTES - HEADER_BYTES)
    signature = hmac.digest(key, data[:2] + size + data[4:at], "sha1")
    return hmac.compare_digest(signature, data[at + 4 : at + SIGNED_BYTES])


def _mapped(address: Address, transaction: bytes) -> bytes:
    """Where a question came from, as it is written in an answer (RFC 8489 §14.2)."""
    host = ip_address(address[0])
    pad = struct.pack("!L", COOKIE) + transaction
    port = address[1] ^ COOKIE >> 16
    masked = bytes(a ^ b for a, b in zip(host.packed, pad, strict=False))
    return struct.pack("!BBH", 0, 1 if host.version == 4 else 2, port) + masked
