"""The processes of a rehearsal: server, its relay, one agent a site; all on loopback.

They are started as an operator's machine would start them (`giliran serve`, `giliran agent`);
what is killed on purpose is started again, as a service manager would.
"""

import asyncio
import ctypes
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from console.places import socket_path
from console.rehearsal.cable import Cable
from protocol.events import MeetingPlan

READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 5.0
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


class StageError(Exception):
    """A process did not start or ended by itself; the text says which and what it said."""


class Usage(msgspec.Struct):
    """What a process used, over all its incarnations."""

    name: str
    cpu_s: float = 0.0
    rss_mb: float = 0.0
    rss_mb_max: float = 0.0
    began_at: float = 0.0
    seen_s: float = 0.0


def _end_with_parent() -> None:
    """In a child before it begins: a rehearsal that is killed, or whose terminal is closed, leaves
    nothing running (prctl(2); Linux alone knows it)."""
    if hasattr(_libc, "prctl"):
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Process:
    """One process of ours, with its output in a log file."""

    module = "console.cli"
    """What takes its arguments."""

    def __init__(self, name: str, command: list[str], log: Path, *, talks: bool = False) -> None:
        self.name = name
        self.command = command
        self.log = log
        self.running: asyncio.subprocess.Process | None = None
        self._talks = talks

    async def start(self) -> None:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        with self.log.open("ab") as log:
            self.running = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self.module,
                *self.command,
                stdin=asyncio.subprocess.PIPE if self._talks else asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )

    @property
    def pid(self) -> int:
        return self.running.pid if self.running is not None else 0

    @property
    def alive(self) -> bool:
        return self.running is not None and self.running.returncode is None

    def tell(self, word: str) -> None:
        """A line on its standard input."""
        if self.running is not None and self.running.stdin is not None:
            self.running.stdin.write(f"{word}\n".encode())

    async def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self.running is not None and self.alive:
            self.running.kill()
            await self.running.wait()

    async def stop(self) -> int | None:
        """SIGTERM, then SIGKILL after 5 s; the exit code."""
        if self.running is None:
            return None
        if self.alive:
            self.running.terminate()
            try:
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    await self.running.wait()
            except TimeoutError:
                await self.kill()
        return self.running.returncode

    def last_words(self) -> str:
        """The end of its log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-8:])


class Stage:
    """Server, relay and agents. `folder` holds journal, logs and recordings.

    `agent_options(site, number, life)` gives the further arguments of an agent in its first,
    second, … life. `cables`: the agents'
    control connections run through cables that can be cut (in this process's event loop).
    """

    def __init__(
        self,
        folder: Path,
        plan: MeetingPlan,
        roster: Path,
        agent_options: Callable[[str, int, int], list[str]],
        *,
        cables: bool = True,
    ) -> None:
        self.folder = folder
        self.plan = plan
        self.db = folder / "journal.db"
        self.port = _free_port()
        self.relay_pid = 0
        self.usage: dict[str, Usage] = {}
        self.cables: dict[str, Cable] = {}
        self._options = agent_options
        self._with_cables = cables
        self.server = Process(
            "server",
            ["serve", "--db", str(self.db), "--roster", str(roster), "--port", str(self.port)],
            folder / "server.log",
        )
        self.agents: dict[str, Process] = {}
        self._numbers: dict[str, tuple[int, int]] = {}
        self._lives: dict[str, int] = {}
        self._seen: dict[tuple[str, int], float] = {}

    @property
    def address(self) -> str:
        """Where consoles attach."""
        return f"unix:{socket_path(self.db)}"

    async def start(self, progress: Callable[[str], None]) -> None:
        """Start all processes and wait until the server answers. Raises StageError."""
        await self.server.start()
        await self._wait_for_server()
        progress(f"server: process {self.server.pid}, port {self.port}")
        for number, entry in enumerate(self.plan.sites):
            await self._start_agent(entry.id, number)

    async def _wait_for_server(self) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        path = socket_path(self.db)
        while time.monotonic() < deadline:
            if not self.server.alive:
                raise StageError(f"the server ended:\n{self.server.last_words()}")
            try:
                _reader, writer = await asyncio.open_unix_connection(str(path))
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
        raise StageError(f"the server does not answer:\n{self.server.last_words()}")

    async def _start_agent(self, site: str, number: int) -> None:
        port = self.port
        if self._with_cables:
            cable = Cable("127.0.0.1", self.port)
            port = await cable.open()
            self.cables[site] = cable
        self._numbers[site] = (number, port)
        agent = Process(
            site,
            self._agent_command(site, 1),
            self.folder / f"{site}.log",
            talks=self._with_cables,
        )
        self.agents[site] = agent
        await agent.start()

    def _agent_command(self, site: str, life: int) -> list[str]:
        number, port = self._numbers[site]
        return [
            "agent",
            "--site",
            site,
            "--number",
            str(number),
            "--server",
            f"ws://127.0.0.1:{port}",
            "--spool",
            str(self.folder / "spoken" / site),
            *self._options(site, number, life),
        ]

    # -- faults --------------------------------------------------------------------------------

    async def kill(self, name: str) -> None:
        """SIGKILL the server, the relay or an agent, and start it again (the server does that
        for its relay)."""
        if name == "relay":
            os.kill(self.relay_pid, signal.SIGKILL)
        elif name == "server":
            await self.server.kill()
            await self.server.start()
        else:
            agent = self.agents[name]
            await agent.kill()
            self._lives[name] = self._lives.get(name, 1) + 1
            agent.command = self._agent_command(name, self._lives[name])
            await agent.start()

    def cut(self, site: str) -> None:
        """Cut the site's cable: no datagram and no byte of control passes."""
        self.cables[site].cut()
        self.agents[site].tell("cut")

    def mend(self, site: str) -> None:
        """Mend the cable."""
        self.cables[site].mend()
        self.agents[site].tell("mend")

    def change_link(self, site: str, impair: str) -> None:
        """The site's emulated link is another one from now on."""
        self.agents[site].tell(f"link:{impair}")

    def break_one_way(self, site: str, way: str) -> None:
        """Let nothing pass any more one way of the site's media connection there is now."""
        self.agents[site].tell(way)

    def check(self) -> None:
        """Raises StageError when a process ended that nobody killed."""
        for process in (self.server, *self.agents.values()):
            if process.running is not None and not process.alive:
                raise StageError(f"{process.name} ended by itself:\n{process.last_words()}")

    # -- what they use ---------------------------------------------------------------------------

    async def watch(self) -> None:
        """Sample CPU time and memory of every process twice a second until cancelled."""
        while True:
            self.sample()
            await asyncio.sleep(0.5)

    def sample(self) -> None:
        pids = {"server": self.server.pid, "relay": self.relay_pid}
        pids |= {site: agent.pid for site, agent in self.agents.items()}
        now = time.monotonic()
        for name, pid in pids.items():
            reading = _read_proc(pid) if pid else None
            if reading is None:
                continue
            cpu_s, rss_mb = reading
            usage = self.usage.setdefault(name, Usage(name, began_at=now))
            before = self._seen.get((name, pid))
            if before is not None:
                usage.cpu_s += max(0.0, cpu_s - before)
            self._seen[name, pid] = cpu_s
            usage.rss_mb = rss_mb
            usage.rss_mb_max = max(usage.rss_mb_max, rss_mb)
            usage.seen_s = now - usage.began_at

    def reset_usage(self) -> None:
        """Forget what was used so far (starting up is not the meeting)."""
        self.sample()
        self.usage.clear()
        self.sample()

    async def stop_agents(self) -> None:
        """End the agents; their recordings are whole after this."""
        await asyncio.gather(*(agent.stop() for agent in self.agents.values()))

    async def stop(self) -> int | None:
        """End everything; the server's exit code."""
        await self.stop_agents()
        code = await self.server.stop()
        for cable in self.cables.values():
            await cable.close()
        return code


class Said(msgspec.Struct, frozen=True):
    """What an inner command said."""

    code: int
    out: str
    err: str


async def ask(*arguments: str, told: Callable[[str], None] | None = None) -> Said:
    """Call a command of `giliran` by name: the agent's room is reached in no other way. `told` gets
    each line of its standard error as it comes."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "console.cli",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    said: list[str] = []
    try:
        async with asyncio.TaskGroup() as group:
            answer = group.create_task(process.stdout.read())
            async for line in process.stderr:
                said.append(line.decode(errors="replace"))
                if told is not None:
                    told(said[-1].rstrip())
        await process.wait()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    assert process.returncode is not None
    return Said(process.returncode, answer.result().decode(), "".join(said))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _read_proc(pid: int) -> tuple[float, float] | None:
    """(CPU seconds, resident MB) of a process; None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    cpu_s = (int(fields[11]) + int(fields[12])) / TICKS_PER_S
    return cpu_s, int(fields[21]) * PAGE_BYTES / 1e6
