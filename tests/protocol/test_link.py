"""The link comes back by itself and says why it was gone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve, unix_serve

from protocol import MAX_FRAME_BYTES, SUBPROTOCOL
from protocol import messages as m
from protocol.binary import MAX_BYTES, Later, encode_binary
from protocol.commands import AddNote, CallNext
from protocol.link import QUEUE_FRAMES, Link, LinkDown, LinkUp
from protocol.session import decode_from_client, encode
from tests.ending import end


class Caller:
    """A link, and what it received."""

    def __init__(self, address: str) -> None:
        self.got: asyncio.Queue[object] = asyncio.Queue()
        self.hellos = 0
        self.link = Link(address, self._hello, self.got.put_nowait)

    def _hello(self) -> m.Hello:
        self.hellos += 1
        return m.Hello("moderator", 1, resume=self.hellos)

    async def next(self, kind: type) -> object:
        """The next message of a kind; others are passed over."""
        async with asyncio.timeout(30):
            while True:
                message = await self.got.get()
                if isinstance(message, kind):
                    return message


@contextlib.asynccontextmanager
async def calling(address: str) -> AsyncIterator[Caller]:
    caller = Caller(address)
    task = asyncio.get_running_loop().create_task(caller.link.run())
    try:
        yield caller
    finally:
        await end(task)


async def welcome(connection: ServerConnection) -> None:
    """A server that welcomes, and sends every command back as its acknowledgement."""
    hello = decode_from_client(await connection.recv())
    assert isinstance(hello, m.Hello)
    await connection.send(encode(m.Welcome(hello.resume, 0, "server")).decode())
    async for frame in connection:
        message = decode_from_client(frame)
        assert isinstance(message, m.Command)
        await connection.send(encode(m.Ack(message.id, 1)).decode())


def listen(path: Path):
    return unix_serve(welcome, str(path), subprotocols=[SUBPROTOCOL])


async def test_it_comes_back_when_the_server_does_and_asks_for_its_hello_anew(
    tmp_path: Path,
) -> None:
    path = tmp_path / "s"
    async with calling(f"unix:{path}") as caller:
        down = await caller.next(LinkDown)
        assert isinstance(down, LinkDown) and down.reason and 0 <= down.retry_in_s <= 0.25
        assert not caller.link.send(m.Routed(1)), "down: nothing is taken"
        for resume in (1, 2):
            async with listen(path):
                up = await caller.next(LinkUp)
                assert isinstance(up, LinkUp) and up.welcome.seq == resume
                assert caller.link.send(m.Command("x", CallNext()))
                assert await caller.next(m.Ack) == m.Ack("x", 1)
            await caller.next(LinkDown)
            path.unlink(missing_ok=True)


async def test_over_tcp() -> None:
    async with serve(welcome, "127.0.0.1", 0, subprotocols=[SUBPROTOCOL]) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with calling(f"ws://127.0.0.1:{port}") as caller:
            await caller.next(LinkUp)
            assert caller.link.up


async def test_the_servers_goodbye_is_the_reason(tmp_path: Path) -> None:
    async def refuse(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send(encode(m.Goodbye("wrong-version", "install the same")).decode())

    path = tmp_path / "s"
    async with unix_serve(refuse, str(path), subprotocols=[SUBPROTOCOL]):
        async with calling(f"unix:{path}") as caller:
            down = await caller.next(LinkDown)
            assert isinstance(down, LinkDown)
            assert (down.code, down.reason) == ("wrong-version", "install the same")


async def test_what_it_can_not_read_ends_the_connection_not_the_link(tmp_path: Path) -> None:
    async def babble(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send('{"type": "from-the-future"}')
        await connection.wait_closed()

    path = tmp_path / "s"
    async with unix_serve(babble, str(path), subprotocols=[SUBPROTOCOL]):
        async with calling(f"unix:{path}") as caller:
            for _ in range(2):
                down = await caller.next(LinkDown)
                assert isinstance(down, LinkDown)
                assert "does not know" in down.reason


async def test_delays_grow_with_the_time_it_is_down() -> None:
    link = Link("ws://127.0.0.1:1", lambda: m.Hello("moderator", 1), lambda message: None)
    assert link._longest_delay_s() == 0.25
    assert link._down_at is not None
    link._down_at -= 8
    assert link._longest_delay_s() == pytest.approx(2, abs=0.1)
    link._down_at -= 1000
    assert link._longest_delay_s() == 8


@pytest.mark.parametrize("address", ["", "http://x", "127.0.0.1:80", "/tmp/s"])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(ValueError, match="unix:/path or ws://host:port"):
        Link(address, lambda: m.Hello("moderator", 1), lambda message: None)


async def test_a_command_too_big_for_a_frame_is_refused_here(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with listen(path), calling(f"unix:{path}") as caller:
        await caller.next(LinkUp)
        assert caller.link.send(m.Command("big", AddNote("x" * MAX_FRAME_BYTES)))
        refused = await caller.next(m.Refused)
        assert isinstance(refused, m.Refused)
        assert (refused.id, refused.code) == ("big", "frame-too-big")
        assert caller.link.send(m.Command("small", CallNext()))
        assert await caller.next(m.Ack) == m.Ack("small", 1), "on the same connection"


async def test_a_connection_that_ends_while_much_is_being_sent_is_made_anew(
    tmp_path: Path,
) -> None:
    """The server says goodbye in the middle of it; closing such a connection must not raise."""

    async def interrupt(connection: ServerConnection) -> None:
        hello = decode_from_client(await connection.recv())
        assert isinstance(hello, m.Hello)
        await connection.send(encode(m.Welcome(hello.resume, 0, "server")).decode())
        await connection.recv()

    path = tmp_path / "s"
    options = {"subprotocols": [SUBPROTOCOL], "max_size": 1000, "close_timeout": 0.1}
    async with unix_serve(interrupt, str(path), **options):  # type: ignore[arg-type]
        async with calling(f"unix:{path}") as caller:
            for _ in range(3):
                await caller.next(LinkUp)
                for _ in range(40):
                    assert caller.link.send(m.Command("x", AddNote("x" * 250_000)))
                down = await caller.next(LinkDown)
                assert isinstance(down, LinkDown) and down.reason


@pytest.mark.parametrize("turns", range(12))
async def test_cancelled_as_the_connection_ends_it_ends(turns: int, tmp_path: Path) -> None:
    path, leave = tmp_path / "s", asyncio.Event()

    async def let_go(connection: ServerConnection) -> None:
        hello = decode_from_client(await connection.recv())
        assert isinstance(hello, m.Hello)
        await connection.send(encode(m.Welcome(hello.resume, 0, "server")).decode())
        await leave.wait()
        connection.transport.abort()

    async with unix_serve(let_go, str(path), subprotocols=[SUBPROTOCOL]):
        caller = Caller(f"unix:{path}")
        task = asyncio.get_running_loop().create_task(caller.link.run())
        await caller.next(LinkUp)
        leave.set()
        for _turn in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=5)
        assert task.cancelled()


async def test_kept_voice_goes_as_it_is_and_not_into_a_full_queue(tmp_path: Path) -> None:
    path, got = tmp_path / "s", asyncio.Queue[bytes | str]()

    async def take(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send(encode(m.Welcome(1, 0, "server")).decode())
        async for frame in connection:
            got.put_nowait(frame)

    later = Later("kandis", "m1", b"\x00\xff")
    async with calling(f"unix:{path}") as caller:
        assert not caller.link.send_later(later), "not connected"
        async with unix_serve(take, str(path), subprotocols=[SUBPROTOCOL]):
            await caller.next(LinkUp)
            queued = 0
            while caller.link.send_later(later):  # nobody writes meanwhile
                queued += 1
            async with asyncio.timeout(15):
                frames = [await got.get() for _ in range(queued)]
    assert queued == QUEUE_FRAMES and set(frames) == {encode_binary(later)}
    with pytest.raises(ValueError, match="at most"):
        caller.link.send_later(Later("kandis", "m1", bytes(MAX_BYTES)))
