"""A console on a real terminal is killed while a report card is being typed: all of it is there."""

import asyncio
import contextlib
import fcntl
import os
import pty
import signal
import struct
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from console.journal import Journal
from console.meeting.fold import replay
from protocol import commands as c
from tests.e2e.servers import Server, agent, moderator
from tests.e2e.test_server_process import opened

PATIENCE_S = 30


class Terminal:
    """`giliran console` on a pseudo-terminal of 100 × 30; `seen` is all it has drawn."""

    def __init__(self, server: Server) -> None:
        self.seen = b""
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.environ.update(
                TERM="xterm-256color", LC_ALL="C.UTF-8", XDG_CONFIG_HOME=str(server.folder)
            )
            command = [sys.executable, "-m", "console.cli", "console"]
            os.execv(sys.executable, [*command, "--db", str(server.db), "--lang", "en"])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while part := os.read(self.fd, 65536):
                self.seen += part

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def wait_seen(self, text: str) -> None:
        end = time.monotonic() + PATIENCE_S
        while text.encode() not in self.seen:
            assert time.monotonic() < end, self.seen[-2000:]
            time.sleep(0.02)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


@contextlib.contextmanager
def terminal(server: Server) -> Iterator[Terminal]:
    made = Terminal(server)
    try:
        yield made
    finally:
        with contextlib.suppress(ProcessLookupError, ChildProcessError, OSError):
            made.kill()


async def test_what_is_typed_in_a_card_outlives_the_console(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.start()
    try:
        async with agent(server, "hall"), agent(server, "minas"), moderator(server) as console:
            await opened(console, "hall", "minas")
            await console.do(c.GrantFloor("minas"))
            with terminal(server) as screen:
                await asyncio.to_thread(screen.wait_seen, "HAS THE FLOOR")
                screen.type("r")
                await asyncio.to_thread(screen.wait_seen, "Direction")
                screen.type("Api padam\tSiaga\t\tPosko\t\tjumat")
                wanted = {
                    "text": "Api padam",
                    "direction": "Siaga",
                    "what": "Posko",
                    "owner": "Minas",
                    "due": "jumat",
                }
                await console.wait_for(lambda: console.state.drafts.get("report:minas") == wanted)
                screen.kill()
            with terminal(server) as screen:
                await asyncio.to_thread(screen.wait_seen, "HAS THE FLOOR")
                screen.type("r")
                await asyncio.to_thread(screen.wait_seen, "Direction")
                screen.type("\x13")
                await console.wait_for(lambda: console.state.reports)
                await console.wait_for(lambda: not console.state.drafts)
    finally:
        server.end()
    journal = Journal.open_readonly(server.db)
    state = replay(journal.read_all(0))
    journal.close()
    assert [one.text for one in state.reports] == ["Api padam"]
    assert [(one.kind, one.text) for one in state.notes] == [("direction", "Siaga")]
    assert [(one.text, one.owner) for one in state.follow_ups] == [("Posko", "Minas")]
    assert state.follow_ups[0].due
