"""The way in of a connection: its sockets, and SRTP off.

Rules:
- We read the sockets in place of asyncio, which makes room for 256 KiB each time, and goes once
  around its loop for each datagram. Several are read at once when they are there.
- What comes may be held: then it waits in the socket until it is fetched, and the kernel tells when
  each datagram came. An agent so wakes once for each frame of sound and not for each packet, which
  costs more than all that is done with it: what a processor does after a pause it does slowly.
- libsrtp works in a buffer that is there for good; pylibsrtp's own `unprotect` makes two objects
  each time.
"""

import asyncio
import socket
import struct
import time
from typing import Any

import pylibsrtp
from pylibsrtp import Session
from pylibsrtp._binding import ffi, lib

READ_AT_ONCE, MAX_DATAGRAM_BYTES = 8, 4096
"""So many datagrams are read of one socket before the others have their turn."""

ALONE_BYTES = 512
"""What is smaller comes alone, as a voice does: to look for more costs as much as to be told of it.
Packets of a picture come several at once."""

FETCHED_AT_ONCE = 256
"""Of what was held: a second of much sound and picture."""

SO_TIMESTAMPNS = 35
MOMENT = struct.Struct("@qq")
ANCILLARY_BYTES = 64
HELD_S = 0.1
"""Nothing is held for longer: what seems older, or to come from the future, tells that a clock was
set. Clocks are set by an eighth of a second and more; less than that they are slewed."""

_room = ffi.new("char[]", MAX_DATAGRAM_BYTES)
_view = memoryview(ffi.buffer(_room))
_length = ffi.new("int *")


def unprotect(session: Session, data: bytes, *, is_rtcp: bool) -> bytes:
    """The plain packet of up to `MAX_DATAGRAM_BYTES`. Raises pylibsrtp.Error."""
    size = _length[0] = len(data)
    _view[:size] = data
    take_off = lib.srtp_unprotect_rtcp if is_rtcp else lib.srtp_unprotect
    code = take_off(session._srtp[0], _room, _length)
    if code:
        raise pylibsrtp.Error(pylibsrtp.ERRORS[code])
    return bytes(_view[: _length[0]])


class Inlet:
    """One socket: what comes goes to `protocol.datagram_received`, with the time of arrival
    (monotonic seconds) where it was held."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._loop: Any = asyncio.get_running_loop()
        transport = protocol.transport
        self._socket, self._number = transport._sock, transport._sock_fd
        self._is_closing = transport.is_closing
        self._is_held = True
        self.release()

    def _read(self) -> None:
        receive, is_closing = self._socket.recvfrom, self._is_closing
        for _ in range(READ_AT_ONCE):
            if is_closing():
                return
            try:
                data, address = receive(MAX_DATAGRAM_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self._protocol.error_received(error)
                return
            self._protocol.datagram_received(data, address)
            if len(data) < ALONE_BYTES:
                return

    def fetch(self, *, hold: bool) -> None:
        """Take what was held. `hold`: what comes until the next call waits for it."""
        if hold and not self._is_held:
            self._hold()
        if self._is_held:
            self._take_held()
        if not hold:
            self.release()

    def _hold(self) -> None:
        if self._is_closing():
            return
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        except OSError:
            return  # not where nobody tells when it came
        self._loop._remove_reader(self._number)
        self._is_held = True

    def release(self) -> None:
        """What comes is taken at once."""
        if self._is_held and not self._is_closing():
            self._loop._add_reader(self._number, self._read)
        self._is_held = False

    def _take_held(self) -> None:
        receive, is_closing = self._socket.recvmsg, self._is_closing
        ahead_s = time.time() - (now := time.monotonic())
        for _ in range(FETCHED_AT_ONCE):
            if is_closing():
                return
            try:
                data, told, _flags, address = receive(MAX_DATAGRAM_BYTES, ANCILLARY_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self._protocol.error_received(error)
                return
            arrival = now
            if told:
                seconds, nanoseconds = MOMENT.unpack_from(told[0][2])
                came_at = seconds + nanoseconds / 1e9 - ahead_s
                if abs(came_at - now) < HELD_S:
                    arrival = came_at
            self._protocol.datagram_received(data, address, arrival)
