"""The far ends of the forwarding bench: sites with real DTLS-SRTP connections, cheap to feed.

A site that only gets packets has its sockets emptied by one thread: the kernel's time of arrival
and the sequence number, which is not encrypted, are all that is kept of a packet. So the delay is
what the relay took, not what this process takes. The first packets of each stream are decrypted, to
know which of the source's packets it was.
"""

import asyncio
import os
import select
import socket
import struct
import threading
import time
from array import array
from typing import Any

from agent import lines, rtcp, rtp
from agent.picture import vp8_packets
from agent.rtc import Connection

SO_TIMESTAMPNS = 35
AUDIO_EVERY_S, PICTURE_EVERY_S = 0.02, 0.05
AUDIO_BYTES, FRAME_BYTES = 80, 3062
"""32 kbit/s and 490 kbit/s."""

REPORT_EVERY_S = 1.0
INDEX = struct.Struct("!L")


def _ignore(*_arguments: object) -> None:
    """For hooks that nobody needs."""


class Drain:
    """Takes the sockets of connections away from asyncio, and reads them in a thread."""

    def __init__(self) -> None:
        self.seen: dict[int, array[int]] = {}
        """By SSRC: sequence numbers and times (Unix ns) of what arrived, one after the other."""
        self.first: dict[int, tuple[Connection, bytes]] = {}
        """By SSRC: the first packet of all, as it came, and whose it was."""
        self._poll = select.epoll()
        self._ends: dict[int, tuple[socket.socket, Any, Connection]] = {}
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def add(self, connection: Connection) -> None:
        """Nothing of this connection is read by asyncio any more."""
        for protocol in connection._dtls.transport._connection._protocols:
            fd = protocol.transport.get_extra_info("socket").fileno()
            self._loop._remove_reader(fd)  # type: ignore[attr-defined]
            own = socket.socket(fileno=os.dup(fd))
            own.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self._ends[own.fileno()] = (own, protocol, connection)
            self._poll.register(own.fileno(), select.EPOLLIN)

    def begin(self) -> None:
        """Read from now on."""
        self._thread.start()

    def _run(self) -> None:
        seen, unpack = self.seen, struct.unpack_from
        while True:
            for fd, _events in self._poll.poll():
                own, protocol, connection = self._ends[fd]
                while True:
                    try:
                        data, told, _flags, address = own.recvmsg(2048, 64, socket.MSG_DONTWAIT)
                    except (BlockingIOError, ConnectionError):
                        break
                    if not 127 < data[0] < 192 or 192 <= data[1] <= 223:
                        # STUN and DTLS keep the connection alive; of reports nothing is needed.
                        self._loop.call_soon_threadsafe(protocol.datagram_received, data, address)
                        continue
                    seconds, ns = unpack("qq", told[0][2]) if told else (0, 0)
                    _first, _second, seq, _ts, ssrc = unpack("!BBHLL", data)
                    if ssrc not in seen:
                        seen[ssrc] = array("q")
                        self.first[ssrc] = (connection, data)
                    seen[ssrc].extend((seq, seconds * 1_000_000_000 + ns))

    def first_plain(self, ssrc: int) -> bytes:
        """The first packet of a stream, decrypted."""
        connection, data = self.first[ssrc]
        plain: bytes = connection._dtls._rx_srtp.unprotect(data)
        return plain


class Ends:
    """Sites of one process: `sources` speak and show, the others only get."""

    def __init__(self) -> None:
        self.links: dict[str, list[Connection]] = {}
        self.drain = Drain()
        self._ssrcs: dict[str, tuple[int, int]] = {}
        self._sent: dict[str, array[int]] = {}
        self._speaking = False
        self._received = 0

    async def run(self) -> None:
        """Report once a second, each site at a moment of its own, as receivers do."""
        while True:
            downlinks = [one for _uplink, *rest in self.links.values() for one in rest]
            begin = asyncio.get_running_loop().time()
            for number, downlink in enumerate(downlinks):
                await _until(begin + number * REPORT_EVERY_S / len(downlinks))
                downlink.send_rtcp(rtcp.build_rr(9, [], cname="site"))
            await _until(begin + REPORT_EVERY_S)

    def _connection(self) -> Connection:
        return Connection(loopback=True, on_rtp=self._count, on_rtcp=_ignore, on_state=_ignore)

    def _count(self, packet: bytes, arrival: float) -> None:
        self._received += 1

    async def offer(self, site: str) -> str:
        """An uplink's offer."""
        number = len(self._ssrcs)
        self._ssrcs[site] = (1000 + 2 * number, 1001 + 2 * number)
        uplink = self._connection()
        self.links[site] = [uplink]
        return await uplink.offer(lines.uplink(*self._ssrcs[site]))

    async def accept(self, site: str, answer: str) -> None:
        """The answer to it."""
        await self.links[site][0].accept(answer)

    async def answer(self, site: str, offer: str) -> str:
        """A downlink's answer."""
        downlink = self._connection()
        self.links.setdefault(site, []).append(downlink)
        return await downlink.answer(offer)

    async def wait_connected(self) -> None:
        """Return once all are."""
        for connections in self.links.values():
            for connection in connections:
                await connection.wait_connected(60)

    async def begin_drain(self) -> None:
        """From now on packets are only counted and timed."""
        for connections in self.links.values():
            self.drain.add(connections[-1])
        self.drain.begin()

    # -- sources -----------------------------------------------------------------------------------

    async def speak(self, seconds: float) -> dict[str, list[int]]:
        """All sites speak and show; when each packet was sent (Unix ns), by site/kind."""
        self._sent = {f"{s}/{kind}": array("q") for s in self.links for kind in ("audio", "video")}
        async with asyncio.TaskGroup() as group:
            for number, site in enumerate(self.links):
                phase_s = 0.013 * number
                group.create_task(self._sound(site, seconds, phase_s))
                group.create_task(self._picture(site, seconds, phase_s + 0.007))
        return {name: list(sent) for name, sent in self._sent.items()}

    def _send(self, site: str, kind: str, packet: bytes) -> None:
        self._sent[f"{site}/{kind}"].append(time.time_ns())
        self.links[site][0].send_rtp(packet)

    async def _sound(self, site: str, seconds: float, phase_s: float) -> None:
        begin = asyncio.get_running_loop().time() + phase_s
        for n in range(round(seconds / AUDIO_EVERY_S)):
            await _until(begin + n * AUDIO_EVERY_S)
            payload = INDEX.pack(n) + os.urandom(AUDIO_BYTES - INDEX.size)
            packet = rtp.build(
                lines.OPUS_PAYLOAD_TYPE,
                n & 0xFFFF,
                960 * n,
                self._ssrcs[site][0],
                payload,
                audio_level=30,
                send_time=rtp.send_time(time.monotonic()),
            )
            self._send(site, "audio", packet)

    async def _picture(self, site: str, seconds: float, phase_s: float) -> None:
        begin = asyncio.get_running_loop().time() + phase_s
        number = 0
        for n in range(round(seconds / PICTURE_EVERY_S)):
            await _until(begin + n * PICTURE_EVERY_S)
            key = b"\0" if n == 0 else b"\1"
            frame = key + INDEX.pack(number) + os.urandom(FRAME_BYTES)
            parts = vp8_packets.packetize(frame, n)
            for part in parts:
                packet = rtp.build(
                    lines.VP8_PAYLOAD_TYPE,
                    number & 0xFFFF,
                    4500 * n,
                    self._ssrcs[site][1],
                    part,
                    marker=part is parts[-1],
                    send_time=rtp.send_time(time.monotonic()),
                )
                self._send(site, "video", packet)
                number += 1

    # -- figures -----------------------------------------------------------------------------------

    async def counted(self) -> int:
        """Packets that arrived so far."""
        return self._received + sum(len(one) // 2 for one in self.drain.seen.values())

    async def arrivals(self) -> dict[int, tuple[int, list[int]]]:
        """By SSRC: what to add to a source's packet's index for its sequence number here, and
        the sequence numbers and times of what arrived."""
        found = {}
        for ssrc, seen in self.drain.seen.items():
            plain = self.drain.first_plain(ssrc)
            header = rtp.parse(plain)
            payload = plain[header.payload_offset : header.payload_end]
            at = 5 if header.payload_type == lines.VP8_PAYLOAD_TYPE else 0
            (index,) = INDEX.unpack_from(payload, at)
            found[ssrc] = ((header.seq - index) & 0xFFFF, list(seen))
        return found


async def _until(at: float) -> None:
    await asyncio.sleep(max(0.0, at - asyncio.get_running_loop().time()))
