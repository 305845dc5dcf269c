"""The way out of a connection: SRTP and a socket, and one packet to many at the least cost.

Rules:
- Nothing waits for a receiver: what a socket does not take at once waits in a queue of its own,
  the oldest is dropped when that is full, and each drop is counted.
- A packet to many is protected for some of them, then sent to those, then for the next: libsrtp and
  the kernel throw each other out of the processor's caches otherwise.
- libsrtp is called with buffers that are there for good; pylibsrtp's own `protect` makes two
  objects and copies twice for each receiver, which costs as much as the protection itself.
"""

import asyncio
import contextlib
import itertools
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from pylibsrtp import SRTP_MAX_SRTCP_TRAILER_LEN, SRTP_MAX_TRAILER_LEN, Session
from pylibsrtp._binding import ffi, lib

MAX_PACKET_BYTES = 1400
"""Of a packet before protection; what is longer would not get through either."""

QUEUE_PACKETS = 64
"""So many wait for a socket that takes nothing: a fifth of a second of sound and picture."""

TOGETHER = 24
ROOM_BYTES = 2048
assert MAX_PACKET_BYTES + max(SRTP_MAX_TRAILER_LEN, SRTP_MAX_SRTCP_TRAILER_LEN) <= ROOM_BYTES

_room = ffi.new("char[]", TOGETHER * ROOM_BYTES)
_length = ffi.new("int *")
_places = [_room + n * ROOM_BYTES for n in range(TOGETHER)]
_views = [memoryview(ffi.buffer(place, ROOM_BYTES)) for place in _places]

Address = tuple[Any, ...]
Sendto = Callable[[Any, Address], object]


class Outlet:
    """What leaves one connection. `sendto(data, address)` raises BlockingIOError when it takes
    nothing now; `wait_writable(call)` has `call()` called once it does again (without it, what is
    not taken is dropped)."""

    __slots__ = (
        "packets",
        "bytes",
        "dropped",
        "context",
        "sendto",
        "address",
        "queue",
        "_session",
        "_wait_writable",
    )

    def __init__(
        self,
        session: Session,
        sendto: Sendto,
        address: Address,
        wait_writable: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self.packets = 0
        self.bytes = 0
        self.dropped = 0
        """Packets that were not sent: the socket took nothing for too long, or refused."""
        self.context = session._srtp[0]
        self.sendto = sendto
        self.address = address
        self.queue: deque[bytes] = deque()
        """Protected packets that wait for the socket, oldest first."""
        self._session = session  # the context lives as long as this
        self._wait_writable = wait_writable

    def send_rtp(self, packet: bytes) -> bool:
        """Protect and send; False when it is dropped. Raises ValueError when it is too long."""
        return send_to_all(packet, (self,)) == 1

    def send_rtcp(self, packet: bytes) -> bool:
        """Protect and send; False when it is dropped. Raises ValueError when it is too long."""
        return _send(packet, (self,), lib.srtp_protect_rtcp) == 1

    def take_later(self, data: bytes) -> bool:
        """A protected packet that the socket did not take: queued behind the others. True, unless
        nothing can be queued."""
        if self._wait_writable is None:
            self.dropped += 1
            return False
        if len(self.queue) >= QUEUE_PACKETS:
            self.queue.popleft()
            self.dropped += 1
        self.queue.append(data)
        if len(self.queue) == 1:
            self._wait_writable(self._send_queue)
        return True

    def _send_queue(self) -> None:
        while self.queue:
            try:
                self.sendto(self.queue[0], self.address)
            except BlockingIOError:
                break
            except OSError:
                self.dropped += 1
            else:
                self.packets += 1
                self.bytes += len(self.queue[0])
            self.queue.popleft()
        if self.queue and self._wait_writable is not None:
            self._wait_writable(self._send_queue)


def send_to_all(packet: bytes, outlets: Sequence[Outlet]) -> int:
    """Protect and send one RTP packet for each of them; to how many it went, or will once their
    socket takes it. Raises ValueError when the packet is too long."""
    return _send(packet, outlets, lib.srtp_protect)


def _send(packet: bytes, outlets: Sequence[Outlet], protect: Any) -> int:
    size = len(packet)
    if size > MAX_PACKET_BYTES:
        raise ValueError(f"a packet of {size} bytes is too long")
    whole, length, count = slice(0, size), _length, 0
    outlets_left = iter(outlets)
    while together := tuple(itertools.islice(outlets_left, TOGETHER)):
        ready = []
        for outlet, place, view in zip(together, _places, _views, strict=False):
            view[whole] = packet
            length[0] = size
            if protect(outlet.context, place, length):
                outlet.dropped += 1
            else:
                ready.append((outlet, view[: length[0]]))
        for outlet, data in ready:
            if outlet.queue:
                count += outlet.take_later(bytes(data))
                continue
            try:
                outlet.sendto(data, outlet.address)
            except BlockingIOError:
                count += outlet.take_later(bytes(data))
            except OSError:
                outlet.dropped += 1
            else:
                outlet.packets += 1
                outlet.bytes += len(data)
                count += 1
    return count


class OwnSocket:
    """A second handle of a transport's socket: sends without the transport's bookkeeping, and waits
    for the socket without disturbing it. To be closed before the event loop is."""

    def __init__(self, transport: asyncio.DatagramTransport) -> None:
        self._loop = asyncio.get_running_loop()
        shared = transport.get_extra_info("socket")
        self._socket = socket.socket(fileno=socket.dup(shared.fileno()))
        self._socket.setblocking(False)
        self.sendto: Sendto = self._socket.sendto

    def wait_writable(self, call: Callable[[], None]) -> None:
        """`call()` once the socket takes something again."""

        def writable() -> None:
            self._loop.remove_writer(self._socket)
            call()

        if self._socket.fileno() >= 0:
            self._loop.add_writer(self._socket, writable)

    def close(self) -> None:
        """Idempotent. What is sent afterwards is refused with an OSError."""
        if self._socket.fileno() >= 0:
            with contextlib.suppress(RuntimeError):  # the loop may be closed already
                self._loop.remove_writer(self._socket)
            self._socket.close()
