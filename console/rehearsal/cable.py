"""A TCP cable that can be cut: what a site's control connection runs through in a rehearsal.

Cut, it passes nothing and closes nothing, as a real cable: both ends must notice by themselves.
"""

import asyncio


class Cable:
    """Forwards connections to `host:port` while it is whole."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._whole = asyncio.Event()
        self._whole.set()
        self._server: asyncio.Server | None = None

    async def open(self) -> int:
        """Listen on loopback; the port."""
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    def cut(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._whole.wait()
        try:
            far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
        except OSError:
            writer.close()
            return
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, far_writer))
                group.create_task(self._pass(far_reader, writer))
        except* OSError:
            pass
        finally:
            writer.close()
            far_writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._whole.wait()
            writer.write(data)
            await writer.drain()
        # One end closed: the other is to see it too, but not through a cut cable.
        await self._whole.wait()
        raise ConnectionResetError

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
