"""The one reconnecting client of the control protocol, for console, agent and relay.

It tries for ever: full-jitter backoff from 0.25 s to 8 s, which grows with the time the link is
down (a quarter of it), so that a server that is restarted is found at once and one that is away
for long is left in peace. A ping every 5 s has 10 s to be answered. The reason of every failure
is said. What is sent while it is down is not kept: the caller knows its own state and says it
again after LinkUp.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable

import msgspec
from websockets.asyncio.client import ClientConnection, connect, unix_connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.typing import Subprotocol

from protocol import MAX_FRAME_BYTES, SUBPROTOCOL
from protocol.binary import Binary, Later, Preview, decode_binary, encode_binary, is_binary
from protocol.messages import Command, FromClient, FromServer, Goodbye, Hello, Refused, Welcome
from protocol.session import decode_from_server, encode
from protocol.words import _

FIRST_DELAY_S = 0.25
LAST_DELAY_S = 8.0
PING_EVERY_S = 5.0
PING_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 5.0
QUEUE_FRAMES = 1024
MAX_WELCOME_BYTES = 64 * 1024 * 1024
# What sending and closing raise when the connection is gone. websockets aborts the transport then,
# and asyncio's abort() raises AttributeError on one that was closed with data in its buffer.
GONE = (ConnectionClosed, AttributeError)


class LinkUp(msgspec.Struct, frozen=True):
    """The server said Welcome."""

    welcome: Welcome


class LinkDown(msgspec.Struct, frozen=True):
    """The link is down for `reason`; the next try comes in `retry_in_s` seconds."""

    reason: str
    retry_in_s: float
    code: str = ""


Incoming = FromServer | Binary | LinkUp | LinkDown


class Link:
    """A link to `address`: `unix:/path/to/socket` or `ws://host:port`.

    `hello` is asked for at every try, so that `resume` is current; `receive` is called on the
    event loop for every message and must not block. Raises ValueError for any other address.
    """

    def __init__(
        self, address: str, hello: Callable[[], Hello], receive: Callable[[Incoming], None]
    ) -> None:
        if not address.startswith(("unix:", "ws://")):
            raise ValueError(f"address {address!r}: expected unix:/path or ws://host:port")
        self.address = address
        self.up = False
        self._hello = hello
        self._receive = receive
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue(QUEUE_FRAMES)
        self._down_at: float | None = None

    def send(self, message: FromClient) -> bool:
        """Queue a message; False when the link is down or its queue is full (message dropped).

        A command too big for a frame is refused here: sent, it would end the connection, and sent
        again after each return, end it for ever. `frame-too-big` is received soon.
        """
        if not self.up:
            return False
        frame = encode(message)
        if len(frame) > MAX_FRAME_BYTES:
            if isinstance(message, Command):
                self._refuse(message.id, len(frame))
            return isinstance(message, Command)
        try:
            self._outgoing.put_nowait(frame)
        except asyncio.QueueFull:
            return False
        return True

    def send_preview(self, preview: Preview) -> bool:
        """Queue a picture; False when the link is down or the one before still waits."""
        if not self.up or not self._outgoing.empty():
            return False
        self._outgoing.put_nowait(encode_binary(preview))
        return True

    def send_later(self, later: Later) -> bool:
        """Queue kept voice; False when the link is down or its queue is full: it is sent again
        when it is not confirmed. Raises ValueError when it is too long."""
        frame = encode_binary(later)
        if not self.up or self._outgoing.full():
            return False
        self._outgoing.put_nowait(frame)
        return True

    def _refuse(self, ident: str, size_bytes: int) -> None:
        reason = f"Too long: {size_bytes} bytes; at most {MAX_FRAME_BYTES} can be sent."
        refused = Refused(ident, "frame-too-big", reason)
        asyncio.get_running_loop().call_soon(self._receive, refused)

    async def run(self) -> None:
        """Keep the link up until cancelled."""
        while True:
            reason, code = await self._one_connection()
            self.up = False
            # A TaskGroup that ends with an error forgets a cancellation that comes meanwhile.
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError
            delay_s = random.uniform(0, self._longest_delay_s())
            if code == "replaced":
                delay_s = LAST_DELAY_S
            self._receive(LinkDown(reason, delay_s, code))
            await asyncio.sleep(delay_s)

    def _longest_delay_s(self) -> float:
        now = asyncio.get_running_loop().time()
        if self._down_at is None:
            self._down_at = now
        return min(LAST_DELAY_S, max(FIRST_DELAY_S, (now - self._down_at) / 4))

    async def _one_connection(self) -> tuple[str, str]:
        """Connect, serve until the end, and say why it ended: (reason, code)."""
        try:
            connection = await self._connect()
        except TimeoutError:
            return _("no answer"), ""
        except (ConnectionRefusedError, FileNotFoundError):
            return _("no server runs there"), ""
        except (OSError, InvalidHandshake, InvalidURI) as error:
            return str(error) or type(error).__name__, ""
        try:
            return await self._serve(connection)
        finally:
            with contextlib.suppress(*GONE):
                await connection.close()

    async def _connect(self) -> ClientConnection:
        protocols = [Subprotocol(SUBPROTOCOL)]
        if self.address.startswith("unix:"):
            return await unix_connect(
                self.address.removeprefix("unix:"),
                "ws://localhost/",
                subprotocols=protocols,
                compression=None,
                open_timeout=CONNECT_TIMEOUT_S,
                ping_interval=PING_EVERY_S,
                ping_timeout=PING_TIMEOUT_S,
                close_timeout=1,
                max_size=MAX_WELCOME_BYTES,
            )
        return await connect(
            self.address,
            subprotocols=protocols,
            compression=None,
            proxy=None,
            open_timeout=CONNECT_TIMEOUT_S,
            ping_interval=PING_EVERY_S,
            ping_timeout=PING_TIMEOUT_S,
            close_timeout=1,
            max_size=MAX_WELCOME_BYTES,
        )

    async def _serve(self, connection: ClientConnection) -> tuple[str, str]:
        while not self._outgoing.empty():
            self._outgoing.get_nowait()
        goodbye: Goodbye | None = None
        damage = ""
        writer: asyncio.Task[None] | None = None
        try:
            async with asyncio.TaskGroup() as group:
                await connection.send(encode(self._hello()).decode())
                async for frame in connection:
                    if isinstance(frame, bytes):
                        self._receive(decode_binary(frame))
                        continue
                    message = decode_from_server(frame)
                    if isinstance(message, Goodbye):
                        goodbye = message
                        break
                    if isinstance(message, Welcome):
                        self.up = True
                        self._down_at = None
                        writer = group.create_task(self._write(connection))
                        self._receive(LinkUp(message))
                    else:
                        self._receive(message)
                if writer is not None:
                    writer.cancel()
        except* ConnectionClosed:
            pass
        except* (msgspec.MsgspecError, ValueError) as errors:
            damage = f"the server sent what this release does not know: {errors.exceptions[0]}"
        if damage:
            return damage, ""
        if goodbye is not None:
            return goodbye.reason, goodbye.code
        reason = connection.close_reason or ""
        closed = _("connection closed ({code})").format(code=connection.close_code)
        return reason or closed, ""

    async def _write(self, connection: ClientConnection) -> None:
        while True:
            frame = await self._outgoing.get()
            try:
                await connection.send(frame if is_binary(frame) else frame.decode())
            except GONE:
                return
