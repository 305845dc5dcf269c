"""The way out of a connection: SRTP and a socket, and one packet to many at the least cost.

Rules:
- Nothing waits for a receiver: what a socket does not take at once waits in a queue of its own,
  the oldest is dropped when that is full, and each drop is counted.
- A packet to many is protected for some of them, then sent to those, then for the next: libsrtp and
  the kernel throw each other out of the processor's caches otherwise.
- libsrtp is called with buffers that are there for good; pylibsrtp's own `protect` makes two
  objects and copies twice for each receiver, which costs as much as the protection itself.
- What is the same for each packet to the same receivers is looked up once (`Outlets`), and they
  are protected for in one call of `map`: each step of Python costs as much as a part of the work.
- Packets of one picture go to each receiver in one call of the kernel, which cuts them apart again
  (UDP_SEGMENT, Linux 4.18): it costs a third less. What a network does not take in this way it gets
  one by one, from then on.
"""

import array
import asyncio
import contextlib
import functools
import socket
import struct
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
BURST = 6
"""So many packets go to one receiver at once."""

PLACES = 72
"""So many packets are protected at once, when several go to each receiver."""

UDP_SEGMENT = 103
ROOM_BYTES = 1664
"""Of each buffer: 26 lines of the processor's cache. With a power of two all buffers begin in the
same few places of it, and throw each other out: that costs 7 %."""

assert MAX_PACKET_BYTES + max(SRTP_MAX_TRAILER_LEN, SRTP_MAX_SRTCP_TRAILER_LEN) <= ROOM_BYTES

_room = ffi.new("char[]", PLACES * ROOM_BYTES)
_places = [_room + n * ROOM_BYTES for n in range(PLACES)]
_views = [memoryview(ffi.buffer(place, ROOM_BYTES)) for place in _places]
_lengths = ffi.new("int[]", PLACES)
_length_places = [_lengths + n for n in range(PLACES)]
_length_view = memoryview(ffi.buffer(_lengths)).cast("B").cast("i")

Address = tuple[Any, ...]
Sendto = Callable[[Any, Address], object]
Sendmsg = Callable[[Sequence[Any], Any, int, Address], object]


class Outlet:
    """What leaves one connection. `sendto(data, address)` raises BlockingIOError when it takes
    nothing now; `wait_writable(call)` has `call()` called once it does again (without it, what is
    not taken is dropped). `sendmsg` is the socket's, for bursts; without it each packet goes
    alone."""

    __slots__ = (
        "packets",
        "bytes",
        "dropped",
        "context",
        "sendto",
        "address",
        "queue",
        "sendmsg",
        "_session",
        "_wait_writable",
    )

    def __init__(
        self,
        session: Session,
        sendto: Sendto,
        address: Address,
        wait_writable: Callable[[Callable[[], None]], None] | None = None,
        sendmsg: Sendmsg | None = None,
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
        self.sendmsg = sendmsg
        self._session = session  # the context lives as long as this
        self._wait_writable = wait_writable

    def send_rtp(self, packet: bytes) -> bool:
        """Protect and send; False when it is dropped. Raises ValueError when it is too long."""
        return self._protect_and_send(packet, lib.srtp_protect)

    def send_rtcp(self, packet: bytes) -> bool:
        """Protect and send; False when it is dropped. Raises ValueError when it is too long."""
        return self._protect_and_send(packet, lib.srtp_protect_rtcp)

    def _protect_and_send(self, packet: bytes, protect: Any) -> bool:
        size = _checked(packet)
        _views[0][:size] = packet
        _lengths[0] = size
        if protect(self.context, _places[0], _length_places[0]):
            self.dropped += 1
            return False
        return self.send(_views[0][: _lengths[0]])

    def send(self, data: memoryview) -> bool:
        """Send a protected packet; False when it is dropped."""
        if self.queue:
            return self.take_later(bytes(data))
        try:
            self.sendto(data, self.address)
        except BlockingIOError:
            return self.take_later(bytes(data))
        except OSError:
            self.dropped += 1
            return False
        self.packets += 1
        self.bytes += len(data)
        return True

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


class Outlets:
    """The ways out to those who get the same packets."""

    __slots__ = ("_parts",)

    def __init__(self, outlets: Sequence[Outlet]) -> None:
        # Of so many as have room at once: whose they are, and what each packet needs of them.
        self._parts = [
            (
                part,
                [outlet.context for outlet in part],
                [outlet.sendto for outlet in part],
                [outlet.address for outlet in part],
            )
            for part in (outlets[n : n + TOGETHER] for n in range(0, len(outlets), TOGETHER))
        ]

    def send_rtp(self, packet: bytes) -> int:
        """Protect and send one packet for each of them; to how many it went, or will once their
        socket takes it. Raises ValueError when the packet is too long."""
        return self._send(packet, lib.srtp_protect)

    def send_rtcp(self, packet: bytes) -> int:
        """The same for RTCP."""
        return self._send(packet, lib.srtp_protect_rtcp)

    def count_dropped(self) -> None:
        """A packet for them was not sent."""
        for outlets, *_rest in self._parts:
            for outlet in outlets:
                outlet.dropped += 1

    def parts(self, size: int) -> "list[Outlets]":
        """The same in parts of so many."""
        every = [outlet for part, *_rest in self._parts for outlet in part]
        return [Outlets(every[n : n + size]) for n in range(0, len(every), size)]

    def send_rtp_burst(self, packets: Sequence[bytes]) -> int:
        """Protect and send packets of the same size, of which the last may be shorter, at most
        `BURST`; to how many they went, all together."""
        if len(packets) == 1:
            return self._send(packets[0], lib.srtp_protect)
        if len(packets[0]) > MAX_PACKET_BYTES:
            raise ValueError(f"packets of {len(packets[0])} bytes are too long")
        count, at_once = 0, PLACES // len(packets)
        for outlets, contexts, _sendtos, _addresses in self._parts:
            for first in range(0, len(outlets), at_once):
                some = slice(first, first + at_once)
                count += _send_burst(packets, outlets[some], contexts[some])
        return count

    def _send(self, packet: bytes, protect: Any) -> int:
        size = _checked(packet)
        lengths, count = array.array("i", [size]) * TOGETHER, 0
        for outlets, contexts, sendtos, addresses in self._parts:
            _length_view[:TOGETHER] = lengths
            for view in _views[: len(outlets)]:
                view[:size] = packet
            refused = tuple(map(protect, contexts, _places, _length_places))
            parts = zip(
                outlets, sendtos, addresses, refused, _views, _length_view.tolist(), strict=False
            )
            for outlet, sendto, address, is_refused, view, length in parts:
                if is_refused:
                    outlet.dropped += 1
                    continue
                data = view[:length]
                if outlet.queue:
                    count += outlet.take_later(bytes(data))
                    continue
                try:
                    sendto(data, address)
                except BlockingIOError:
                    count += outlet.take_later(bytes(data))
                except OSError:
                    outlet.dropped += 1
                else:
                    outlet.packets += 1
                    outlet.bytes += length
                    count += 1
        return count


def _checked(packet: bytes) -> int:
    """Its size; raises ValueError when it is too long."""
    size = len(packet)
    if size > MAX_PACKET_BYTES:
        raise ValueError(f"a packet of {size} bytes is too long")
    return size


def _send_burst(packets: Sequence[bytes], outlets: Sequence[Outlet], contexts: list[Any]) -> int:
    """As many as have room at once. The packets of a receiver lie as many places apart as there are
    receivers."""
    width, number, place = len(outlets), len(packets), 0
    for packet in packets:
        size = len(packet)
        for view in _views[place : place + width]:
            view[:size] = packet
        _length_view[place : place + width] = array.array("i", [size]) * width
        place += width
    refused = tuple(map(lib.srtp_protect, contexts * number, _places, _length_places))
    lengths = _length_view.tolist()
    if any(refused) or len(set(lengths[: place - width])) > 1:
        return _send_singly(outlets, refused, lengths, place)
    ready = [view[:length] for view, length in zip(_views, lengths[:place], strict=False)]
    cuts, last = _cuts(lengths[0]), place - width
    count, first_bytes = 0, (number - 1) * lengths[0]
    for at, outlet in enumerate(outlets):
        some = ready[at::width]
        if outlet.sendmsg is not None and not outlet.queue:
            try:
                outlet.sendmsg(some, cuts, 0, outlet.address)
            except BlockingIOError:
                pass  # told below
            except OSError:
                outlet.sendmsg = None  # not this way, or not at all: told below
            else:
                outlet.packets += number
                outlet.bytes += first_bytes + lengths[last + at]
                count += number
                continue
        count += sum(map(outlet.send, some))
    return count


def _send_singly(
    outlets: Sequence[Outlet], refused: Sequence[int], lengths: list[int], end: int
) -> int:
    """Where something could not be protected, or not in the same length for all."""
    count = 0
    for at in range(end):
        outlet = outlets[at % len(outlets)]
        if refused[at]:
            outlet.dropped += 1
        else:
            count += outlet.send(_views[at][: lengths[at]])
    return count


@functools.cache
def _cuts(size_bytes: int) -> list[tuple[int, int, bytes]]:
    """What tells the kernel where to cut; there are as many sizes as a packet has bytes."""
    return [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("H", size_bytes))]


class OwnSocket:
    """A second handle of a transport's socket: sends without the transport's bookkeeping, and waits
    for the socket without disturbing it. To be closed before the event loop is."""

    def __init__(self, transport: asyncio.DatagramTransport) -> None:
        self._loop = asyncio.get_running_loop()
        shared = transport.get_extra_info("socket")
        self._socket = socket.socket(fileno=socket.dup(shared.fileno()))
        self._socket.setblocking(False)
        self.sendto: Sendto = self._socket.sendto
        self.sendmsg: Sendmsg = self._socket.sendmsg

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
