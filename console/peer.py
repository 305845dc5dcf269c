"""A connection to the server that said hello, and what waits to be sent on it."""

import asyncio
import contextlib
import time
from typing import Literal

from websockets.asyncio.server import ServerConnection

from protocol import messages as m
from protocol.binary import Later, Preview, encode_binary, is_binary
from protocol.link import GONE
from protocol.session import encode

PEER_QUEUE = 2048
PREVIEWS_BEHIND = 128


class Peer:
    """One connection that said hello. Its queue is bounded: telemetry is dropped when it is
    full, anything else ends the connection (the client comes back and resumes)."""

    def __init__(self, connection: ServerConnection, hello: m.Hello) -> None:
        self.connection = connection
        self.hello = hello
        self.heard_at = time.monotonic()
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue(PEER_QUEUE)
        self.desired: m.Desired | None = None
        self.watches: Literal["none", "next", "all"] = "none"
        self.too_slow = False

    def send(self, message: m.FromServer | Later) -> None:
        frame = encode_binary(message) if isinstance(message, Later) else encode(message)
        try:
            self.queue.put_nowait(frame)
        except asyncio.QueueFull:
            if not isinstance(message, m.Telemetry):
                self.too_slow = True

    def show(self, preview: Preview) -> None:
        """Send a picture; left out when the connection is behind."""
        if self.queue.qsize() < PREVIEWS_BEHIND:
            self.queue.put_nowait(encode_binary(preview))

    def cut(self) -> None:
        """Close at once; what is queued is lost."""
        with contextlib.suppress(*GONE):
            self.connection.transport.abort()

    def finish(self, goodbye: m.Goodbye | None = None) -> None:
        """Send what is queued, then the goodbye, then close."""
        if goodbye is not None:
            self.send(goodbye)
        try:
            self.queue.put_nowait(None)
        except asyncio.QueueFull:
            self.too_slow = True


async def write(peer: Peer) -> None:
    while True:
        frame = await peer.queue.get()
        try:
            if frame is None:
                await peer.connection.close()
                return
            await peer.connection.send(frame if is_binary(frame) else frame.decode())
        except GONE:
            return


async def turn_away(connection: ServerConnection, goodbye: m.Goodbye) -> None:
    with contextlib.suppress(*GONE):
        await connection.send(encode(goodbye).decode())
        await connection.close()
