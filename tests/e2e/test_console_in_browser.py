"""The console as `giliran web` runs it for a visitor: packets on pipes instead of a terminal."""

import asyncio
import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console.commands.web import command
from tests.e2e.servers import PATIENCE_S, Server, agent, moderator
from tests.e2e.test_server_process import opened


class Page:
    """The visitor's side of the pipes: `seen` is all that was drawn."""

    def __init__(self, running: subprocess.Popen[bytes]) -> None:
        self.running = running
        self.seen = ""

    def type(self, text: str) -> None:
        assert self.running.stdin is not None
        data = text.encode()
        self.running.stdin.write(b"D" + struct.pack(">I", len(data)) + data)
        self.running.stdin.flush()

    async def wait_seen(self, text: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while text not in self.seen:
                kind, payload = await asyncio.to_thread(self._packet)
                self.seen += payload.decode() if kind == b"D" else ""

    def _packet(self) -> tuple[bytes, bytes]:
        assert self.running.stdout is not None
        kind, size = struct.unpack(">cI", self.running.stdout.read(5))
        return kind, self.running.stdout.read(size)


@contextmanager
def visited(server: Server) -> Iterator[Page]:
    """A visitor of the page, whose console is ended afterwards."""
    running = subprocess.Popen(
        command(server.db, "operator", "en", observer=False),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={
            **os.environ,
            "TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver",
            "COLUMNS": "100",
            "ROWS": "30",
            "XDG_CONFIG_HOME": str(server.folder),
        },
    )
    try:
        assert running.stdout is not None
        assert running.stdout.readline() == b"__GANGLION__\n"
        yield Page(running)
    finally:
        running.kill()
        running.communicate()


async def test_a_visitor_runs_the_meeting(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.start()
    try:
        async with agent(server, "hall"), agent(server, "minas"), moderator(server) as console:
            await opened(console, "hall", "minas")
            with visited(server) as page:
                await page.wait_seen("THE FLOOR IS FREE")
                page.type("n")
                await page.wait_seen("HAS THE FLOOR")
                page.type("rApi padam\x13")
                await console.wait_for(lambda: console.state.reports)
                assert console.state.holder == "minas"
                page.type("\x11")
                assert await asyncio.to_thread(page.running.wait, PATIENCE_S) == 0
    finally:
        server.end()
    assert [one.text for one in console.state.reports] == ["Api padam"]
