"""`giliran baseline`: how others carry the same speech through the same bad network.

Two peers of one program (Chromium, or aiortc as it is) talk over real UDP on loopback. Between
them is a wire of ours with two hops in series, as from a site over a relay to another site:

    sender → first hop → second hop → receiver          (and back in the other order)

Each way of each hop is a `Direction` of its own, salted `first/out`, `first/in`, `second/out`,
`second/in`. The wire is clean until both peers are connected and nothing was said; then speech and
impairment begin together. The recording is stereo: left what was spoken, right what came out at
the far end at the same moment.
"""

import asyncio
import contextlib
import json
import re
import sys
import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated, Any, Protocol

import numpy as np
from cyclopts import Parameter
from numpy.typing import NDArray

from agent import chromium
from agent.devices import RATE, read_sound
from agent.impair import IP_UDP_BYTES, Direction, Impairment
from agent.rtc import stock

Pcm = NDArray[np.int16]

HOST = "127.0.0.1"
CONNECT_S = 30.0
SLACK_S = 30.0
MAX_SECONDS = 3600.0
CANDIDATE = re.compile(r"a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+) typ host\b.*", re.IGNORECASE)


class Peers(Protocol):
    """Two peers of one program; `software` is its name and version."""

    software: str

    async def offer(self) -> str:
        """The sender's description, all candidates inside."""

    async def answer(self, offer: str) -> str:
        """The receiver's description."""

    async def accept(self, answer: str) -> None:
        """Give the receiver's description to the sender."""

    async def wait_connected(self) -> None:
        """Return once both are connected."""

    async def talk(self, speech: Pcm, seconds: float) -> Pcm:
        """Speak (mono, looped), and give what was spoken and heard: samples × 2."""


PEERS: dict[str, Callable[[], contextlib.AbstractAsyncContextManager[Peers]]] = {
    "chromium": chromium.peers,
    "aiortc": stock.stock_peers,
}


def redirected(description: str, port: int) -> tuple[str, int]:
    """A peer's description with one candidate only, the given port of 127.0.0.1; and the port the
    peer itself listens on there. Raises ValueError when it listens on none."""
    lines = description.splitlines()
    own = [found[1] for found in map(CANDIDATE.fullmatch, lines) if found is not None]
    if not own:
        raise ValueError(f"no UDP candidate at {HOST} in the description")
    kept = [line for line in lines if not line.startswith("a=candidate:")]
    place = next(n for n, line in enumerate(lines) if line.startswith("a=candidate:"))
    kept.insert(place, f"a=candidate:1 1 udp 2130706431 {HOST} {port} typ host")
    return "".join(f"{line}\r\n" for line in kept), int(own[0])


class _End(asyncio.DatagramProtocol):
    """One of the wire's two sockets: `port` is its own, `peer` the port of the peer it serves."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self.peer: int | None = None
        self.port = 0
        self._take = take
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr == (HOST, self.peer):
            self._take(data)

    def error_received(self, exc: Exception) -> None:
        pass  # a peer that is gone

    def send(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, (HOST, self.peer))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Wire:
    """What lies between the two peers: `await begin()` first, `close()` at the end.

    `sent` has the time (of the event loop) and the size with IP and UDP headers of every datagram
    that the sender gave to the first hop; `late_s` the greatest lateness of a delivery, which
    tells a machine that is too slow.
    """

    def __init__(self, first: Impairment, second: Impairment) -> None:
        self.sent: list[tuple[float, int]] = []
        self.late_s = 0.0
        self._hops = {"first": first, "second": second}
        self._out: list[Direction] = []
        self._in: list[Direction] = []
        self._near = _End(self._take_out)
        self._far = _End(self._take_in)

    async def begin(self) -> None:
        """Open both sockets. Raises OSError."""
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self._near, local_addr=(HOST, 0))
        await loop.create_datagram_endpoint(lambda: self._far, local_addr=(HOST, 0))

    def for_receiver(self, offer: str) -> str:
        """The sender's description as the receiver gets it. Raises ValueError."""
        text, self._near.peer = redirected(offer, self._far.port)
        return text

    def for_sender(self, answer: str) -> str:
        """The receiver's description as the sender gets it. Raises ValueError."""
        text, self._far.peer = redirected(answer, self._near.port)
        return text

    def impair(self) -> None:
        """From now on the hops are as bad as they are said to be."""
        self._out = [Direction(self._hops[name], f"{name}/out") for name in ("first", "second")]
        self._in = [Direction(self._hops[name], f"{name}/in") for name in ("second", "first")]

    def _take_out(self, data: bytes) -> None:
        self.sent.append((asyncio.get_running_loop().time(), len(data) + IP_UDP_BYTES))
        self._carry(data, self._out, self._far)

    def _take_in(self, data: bytes) -> None:
        self._carry(data, self._in, self._near)

    def _carry(self, data: bytes, hops: list[Direction], end: _End) -> None:
        """Over the hops that are left, one after the other, and out."""
        if not hops:
            end.send(data)
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        at = hops[0].admit(len(data), now)
        if at is None:
            return
        if at <= now:
            self._carry(data, hops[1:], end)
        else:
            loop.call_at(at, self._arrive, at, data, hops[1:], end)

    def _arrive(self, due: float, data: bytes, hops: list[Direction], end: _End) -> None:
        self.late_s = max(self.late_s, asyncio.get_running_loop().time() - due)
        self._carry(data, hops, end)

    def close(self) -> None:
        self._near.close()
        self._far.close()


@contextlib.asynccontextmanager
async def _wire(first: Impairment, second: Impairment) -> AsyncIterator[Wire]:
    wire = Wire(first, second)
    try:
        await wire.begin()
        yield wire
    finally:
        wire.close()


async def carry(
    kind: str,
    speech: Pcm,
    seconds: float,
    warm_up_s: float,
    first: Impairment,
    second: Impairment,
) -> tuple[Pcm, dict[str, object]]:
    """The recording (samples × 2), without the warm-up, and the figures of its time.

    Raises TimeoutError, NoChromium, ChromiumError, OSError, ValueError.
    """
    loop = asyncio.get_running_loop()
    whole_s = warm_up_s + seconds
    async with (
        asyncio.timeout(CONNECT_S + whole_s + SLACK_S),
        _wire(first, second) as wire,
        PEERS[kind]() as peers,
    ):
        async with asyncio.timeout(CONNECT_S):
            answer = await peers.answer(wire.for_receiver(await peers.offer()))
            await peers.accept(wire.for_sender(answer))
            await peers.wait_connected()
        wire.impair()
        begin = loop.time() + warm_up_s
        recording = await peers.talk(speech, whole_s)
        sizes = [size for at, size in wire.sent if begin <= at < begin + seconds]
    figures: dict[str, object] = {
        "kbps": round(sum(sizes) * 8 / 1000 / seconds, 1),
        "packets": len(sizes),
        "software": peers.software,
        "late_ms": round(1000 * wire.late_s, 1),
    }
    return recording[round(warm_up_s * RATE) :], figures


def _write(path: Path, recording: Pcm) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.ascontiguousarray(recording).tobytes())


def _checked(kind: str, seconds: float, warm_up_s: float, out: Path) -> None:
    """Raises ValueError for what can't be."""
    if kind not in PEERS:
        raise ValueError(f"{kind!r} is not known; known are {', '.join(PEERS)}")
    if not 0.1 <= seconds <= MAX_SECONDS:
        raise ValueError(f"--seconds {seconds:g}: from 0.1 to {MAX_SECONDS:g}")
    if not 0 <= warm_up_s <= MAX_SECONDS:
        raise ValueError(f"--warm-up {warm_up_s:g}: from 0 to {MAX_SECONDS:g}")
    if not out.parent.is_dir():
        raise ValueError(f"--out {out}: there is no such folder")


def main(
    kind: str,
    /,
    *,
    speech: Annotated[Path, Parameter(help="What is said: a sound file, looped.")],
    out: Annotated[Path, Parameter(help="Stereo WAV: left spoken, right heard.")],
    seconds: Annotated[float, Parameter(help="How long to record.")],
    first_hop: Annotated[str, Parameter(help="Such as loss=10%,rtt=60ms; empty: clean.")] = "",
    second_hop: Annotated[str, Parameter(help="The same behind the first.")] = "",
    warm_up: Annotated[float, Parameter(help="Seconds of speech before the recording.")] = 3.0,
) -> int:
    """Carry speech between two peers of KIND (chromium, aiortc) over two emulated hops."""
    try:
        _checked(kind, seconds, warm_up, out)
        hops = [Impairment.parse(text) for text in (first_hop, second_hop)]
        said = read_sound(speech)
    except (ValueError, OSError) as error:
        print(f"giliran baseline: {error}", file=sys.stderr)
        return 2
    said = said[: round((warm_up + seconds + 1) * RATE)]
    try:
        recording, figures = asyncio.run(carry(kind, said, seconds, warm_up, *hops))
        _write(out, recording)
    except chromium.NoChromium as error:
        print(f"giliran baseline: {error}", file=sys.stderr)
        return 3
    except TimeoutError:
        print("giliran baseline: the two peers took too long", file=sys.stderr)
        return 1
    except (chromium.ChromiumError, ValueError, OSError) as error:
        print(f"giliran baseline: {error}", file=sys.stderr)
        return 1
    print(json.dumps(figures))
    return 0
