"""A cable that can be cut passes nothing and closes nothing."""

import asyncio

from console.rehearsal.cable import Cable


async def test_cut_and_mended() -> None:
    got: asyncio.Queue[bytes] = asyncio.Queue()
    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            got.put_nowait(data)
        closed.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    cable = Cable("127.0.0.1", server.sockets[0].getsockname()[1])
    _reader, writer = await asyncio.open_connection("127.0.0.1", await cable.open())
    writer.write(b"before")
    assert await asyncio.wait_for(got.get(), 30) == b"before"
    cable.cut()
    writer.write(b"after")
    writer.close()
    # What the far end does now can only come over the cable: nothing does.
    done, _pending = await asyncio.wait(
        [asyncio.ensure_future(got.get()), asyncio.ensure_future(closed.wait())],  # noqa: TID251
        timeout=0.3,
        return_when=asyncio.FIRST_COMPLETED,
    )
    assert not done
    cable.mend()
    await asyncio.wait_for(closed.wait(), 30)
    await cable.close()
    server.close()
