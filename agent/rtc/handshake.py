"""A handshake over a link that loses packets: what is sent goes again until the other end goes on.

OpenSSL sends a flight of DTLS again after one second, then after two, four and eight (RFC 6347
§4.2.4.1), and a flight is several datagrams: with three in ten lost, connecting may take half a
minute. Here each datagram goes again soon, byte for byte; of records that came already DTLS takes
no notice (§4.1.2.6). A question or an answer of STUN goes twice, for the other end may have lost
either.
"""

import asyncio
from collections.abc import Callable
from typing import Any

AGAIN_S = (0.12, 0.3, 0.6)
"""After the first time. On a good link the other end has gone on by then."""

STUN_AGAIN_S = 0.12

Send = Callable[[bytes, Any], None]


def is_dtls(data: bytes) -> bool:
    """By its first byte (RFC 7983 §7)."""
    return bool(data) and 20 <= data[0] <= 63


class Handshake:
    """Of one socket, until `end`. `send` takes a datagram and an address."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._timers: set[asyncio.TimerHandle] = set()
        self._came: set[bytes] = set()
        self._is_over = False

    @property
    def waits(self) -> bool:
        """Whether anything is still to go again."""
        return bool(self._timers)

    def sent(self, data: bytes, address: Any) -> None:
        """This was sent for the first time."""
        if self._is_over:
            return
        for after_s in AGAIN_S if is_dtls(data) else (STUN_AGAIN_S,):
            self._later(after_s, data, address)

    def came(self, data: bytes) -> None:
        """This came: the other end has what it waited for when it is something new of DTLS."""
        if is_dtls(data) and not self._is_over and data not in self._came:
            self._came.add(data)
            self._cancel()

    def end(self) -> None:
        """We are connected, or give up. What was sent last still goes again: where that was the
        last flight, nothing comes that would tell of its loss."""
        self._is_over = True
        self._came.clear()

    def close(self) -> None:
        """Nothing is sent any more."""
        self._is_over = True
        self._cancel()

    def _later(self, after_s: float, data: bytes, address: Any) -> None:
        def again() -> None:
            self._timers.discard(timer)
            self._send(data, address)

        timer = asyncio.get_running_loop().call_later(after_s, again)
        self._timers.add(timer)

    def _cancel(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
