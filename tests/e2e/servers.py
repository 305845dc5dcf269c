"""A real `giliran serve` process, and clients that speak the protocol to it."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect, unix_connect
from websockets.exceptions import ConnectionClosed

from console.meeting import state as st
from console.meeting.fold import apply
from protocol import SUBPROTOCOL, VERSION
from protocol import commands as c
from protocol import messages as m
from protocol.binary import Binary, Later, decode_binary, encode_binary
from protocol.ids import uuid7
from protocol.link import GONE
from protocol.session import decode_from_server, encode
from tests.ending import end

PATIENCE_S = 30.0
"""Far longer than it takes: machines that run tests are slow."""

ROSTER = """
[meeting]
title = "Rapat"
grace_s = {grace_s}
[[site]]
id = "hall"
name = "Ruang Bandar Siak"
kind = "hall"
[[site]]
id = "kandis"
name = "Kandis"
kind = "kecamatan"
position = 1
[[site]]
id = "minas"
name = "Minas"
kind = "kecamatan"
position = 2
"""


class Server:
    """One server of one journal; may be killed and started again on the same port."""

    def __init__(self, folder: Path, *, relay: bool = False, grace_s: int = 20) -> None:
        self.folder = folder
        self.db = folder / "journal.db"
        self.roster = folder / "roster.toml"
        self.roster.write_text(ROSTER.format(grace_s=grace_s))
        self.port = 0
        self.socket = ""
        self.running: subprocess.Popen[str] | None = None
        self._relay = relay

    def start(self, limit: Callable[[], None] | None = None) -> None:
        command = [sys.executable, "-m", "console.cli", "serve", "--db", str(self.db)]
        command += ["--roster", str(self.roster), "--port", str(self.port)]
        if not self._relay:
            command.append("--no-relay")
        self.running = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=limit,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        assert self.running.stdout is not None and self.running.stderr is not None
        said = [self.running.stdout.readline() for _ in range(2)]
        assert said[0].startswith("consoles: unix:"), said + self.running.stderr.readlines()
        self.socket = said[0].split("unix:")[1].strip()
        self.port = int(said[1].rsplit(":", 1)[1])
        threading.Thread(target=self.running.stderr.read, daemon=True).start()

    def kill(self) -> None:
        assert self.running is not None
        self.running.send_signal(signal.SIGKILL)
        self.running.wait(PATIENCE_S)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.running is not None
        self.running.send_signal(signal.SIGTERM)
        return self.running.wait(PATIENCE_S)

    def end(self) -> None:
        if self.running is not None and self.running.poll() is None:
            self.running.kill()
            self.running.wait(PATIENCE_S)


class Client:
    """One connection; what it gets is kept."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.got: list[m.FromServer | Binary] = []
        self.state = st.Meeting()
        self.closed = asyncio.Event()
        self._arrived = asyncio.Event()

    async def say(self, message: m.FromClient | Later) -> None:
        is_later = isinstance(message, Later)
        await self.connection.send(encode_binary(message) if is_later else encode(message).decode())

    async def read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for frame in self.connection:
                if isinstance(frame, bytes):
                    self.got.append(decode_binary(frame))
                    self._arrived.set()
                    continue
                message = decode_from_server(frame)
                if isinstance(message, m.Welcome) and message.has_snapshot:
                    self.state = st.decode(message.snapshot)
                elif isinstance(message, m.Occurred):
                    self.state = apply(self.state, message.recorded)
                self.got.append(message)
                self._arrived.set()
        self.closed.set()
        self._arrived.set()

    async def wait_for(self, found: Callable[[], object], timeout_s: float = PATIENCE_S) -> None:
        """Wait until what was got satisfies `found`. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not found():
                self._arrived.clear()
                await self._arrived.wait()

    def of(self, kind: type) -> list:
        return [one for one in self.got if isinstance(one, kind)]

    async def first(self, kind: type, timeout_s: float = PATIENCE_S):
        await self.wait_for(lambda: self.of(kind), timeout_s)
        return self.of(kind)[0]

    async def do(self, body: c.ModeratorCommand, ident: str = "") -> m.Ack | m.Refused:
        """Send a command; its answer, which comes before its events (see `seen`)."""
        ident = ident or uuid7()
        before = len(self.got)

        def answers() -> list[m.Ack | m.Refused]:
            return [
                one
                for one in self.got[before:]
                if isinstance(one, m.Ack | m.Refused) and one.id == ident
            ]

        await self.say(m.Command(ident, body))
        await self.wait_for(answers)
        return answers()[0]

    async def seen(self, seq: int) -> st.Meeting:
        """The state once events up to `seq` have arrived."""
        await self.wait_for(lambda: self.state.seq >= seq)
        return self.state


@contextlib.asynccontextmanager
async def client(
    server: Server, hello: m.Hello | None, *, tcp: bool = False
) -> AsyncIterator[Client]:
    """A connected client; `hello` None says nothing yet."""
    if tcp:
        made = connect(f"ws://127.0.0.1:{server.port}", subprotocols=[SUBPROTOCOL], proxy=None)
    else:
        made = unix_connect(server.socket, "ws://localhost/", subprotocols=[SUBPROTOCOL])
    connection = await made
    one = Client(connection)
    reading = asyncio.get_running_loop().create_task(one.read())
    try:
        if hello is not None:
            await one.say(hello)
        yield one
    finally:
        await end(reading)
        with contextlib.suppress(*GONE):
            await connection.close()


@contextlib.asynccontextmanager
async def moderator(server: Server, resume: int = 0) -> AsyncIterator[Client]:
    """A console that was welcomed."""
    async with client(server, m.Hello("moderator", VERSION, resume=resume)) as one:
        await one.first(m.Welcome)
        yield one


@contextlib.asynccontextmanager
async def agent(server: Server, site: str) -> AsyncIterator[Client]:
    """A site's agent, which tells of itself twice a second as a real one does."""
    hello = m.Hello("agent", VERSION, site=site, software="test")
    async with client(server, hello, tcp=True) as one:
        await one.first(m.Desired)

        async def talk() -> None:
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await one.say(m.SiteTelemetry(m.SiteReading(own_level=40)))
                    await asyncio.sleep(0.5)

        talking = asyncio.get_running_loop().create_task(talk())
        try:
            yield one
        finally:
            await end(talking)


@contextlib.contextmanager
def serving(folder: Path, *, relay: bool = False, grace_s: int = 20) -> Iterator[Server]:
    """A server that is ended whatever happens."""
    server = Server(folder, relay=relay, grace_s=grace_s)
    try:
        server.start()
        yield server
    finally:
        server.end()
