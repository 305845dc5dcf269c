"""A meeting in this process: the real server, relay and agents with real connections, so that a
test can reach into any of them and break it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from websockets.asyncio.server import serve, unix_serve

from agent import devices
from agent.impair import Impairment
from agent.linecheck.ends import Ear, Mouth
from agent.receiver import Receiver
from agent.recording.spool import Spool
from agent.relay.relay import Relay
from agent.room import Room as Air
from agent.sender import Sender
from agent.site import Site
from console.journal import Journal
from console.rehearsal.casting import cast
from console.server import MeetingServer
from protocol import SUBPROTOCOL
from protocol import commands as c
from tests.ending import closes, end

OPTIONS: dict[str, Any] = {"subprotocols": [SUBPROTOCOL], "compression": None}
HALL = "bandar-siak"


class Equipment(msgspec.Struct):
    """What a site has, as `giliran agent` names it, and what is wrong with its link."""

    microphone: str = "synthetic"
    speaker: str = "null"
    camera: str = "null"
    impair: str = ""


class Room:
    """The hall and so many kecamatan. `plan.sites` names them; `equipment` says what some have."""

    def __init__(
        self, folder: Path, sites: int, equipment: Mapping[str, Equipment] | None = None
    ) -> None:
        self._equipment = equipment or {}
        self.plan = cast(sites)
        self.names = [entry.id for entry in self.plan.sites]
        self.sites: dict[str, Site] = {}
        self.relay = Relay(loopback=True)
        self.server: MeetingServer
        self._folder = folder
        self._port = 0
        self._running: dict[str, asyncio.Task[None]] = {}
        self._listening: list[Any] = []
        self._journal: Journal

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Room"]:
        """With everybody connected and the meeting open: the hall speaks."""
        async with self.gathered():
            await self.server.submit(c.OpenMeeting())
            await self.wait_for(lambda: not self.unheard(self.names), "everybody hears the hall")
            yield self

    @contextlib.asynccontextmanager
    async def gathered(self) -> AsyncIterator["Room"]:
        """With everybody connected and the meeting not open yet."""
        await self.start_server()
        self.start_relay()
        for number, name in enumerate(self.names):
            self._start_site(name, number)
        try:
            await self.wait_for(lambda: not self.deaf(but=HALL), "everybody connected")
            yield self
        finally:
            await end(*(self._running.pop(name) for name in [*self.names, "relay"]))
            async with closes("the relay"):
                await self.relay.close()
            for name, site in self.sites.items():
                async with closes(name):
                    await site.close()
            await self.stop_server()

    async def start_server(self) -> None:
        """A server on the journal, where there was one on the same doors."""
        self._journal = Journal(self._folder / "journal.db")
        self.server = MeetingServer(self._journal, lambda: self.plan)
        await self.server.prepare()
        self._run("server", self.server.run())
        path = str(self._folder / "s")
        Path(path).unlink(missing_ok=True)
        local = await unix_serve(self.server.handle_local, path, **OPTIONS)
        network = await serve(self.server.handle_network, "127.0.0.1", self._port, **OPTIONS)
        self._port = next(iter(network.sockets)).getsockname()[1]
        self._listening = [local, network]

    async def stop_server(self) -> None:
        """As if it were killed: nobody is told."""
        self.server.stopping = True
        for listening in self._listening:
            listening.close()
            async with closes("what listens"):
                await listening.wait_closed()
        await end(self._running.pop("server"))
        self._journal.close()

    def start_relay(self) -> None:
        self._run("relay", self.relay.run(f"unix:{self._folder / 's'}"))

    async def restart_relay(self) -> None:
        """Another relay in the place of this one."""
        await end(self._running.pop("relay"))
        async with closes("the relay"):
            await self.relay.close()
        self.relay = Relay(loopback=True)
        self.start_relay()

    def _start_site(self, name: str, number: int) -> None:
        has, air = self._equipment.get(name, Equipment()), Air()
        ear = Ear(devices.open_microphone(has.microphone, number, air))
        mouth = Mouth(devices.open_speaker(has.speaker, air))
        camera = devices.open_camera(has.camera, name, number, 64, 48, 5)
        site = Site(
            name,
            f"ws://127.0.0.1:{self._port}",
            Sender(ear, camera, fps=5),
            Receiver(mouth, devices.open_display("null")),
            spool=Spool(self._folder / "spoken" / name),
            impairment=Impairment.parse(has.impair),
            ear=ear,
            mouth=mouth,
        )
        self.sites[name] = site
        self._run(name, site.run())

    def _run(self, name: str, work: Any) -> None:
        self._running[name] = asyncio.get_running_loop().create_task(work, name=name)

    def deaf(self, *, but: str = "") -> list[str]:
        """Sites that are not connected both ways, by their own word."""
        return [
            name
            for name, site in self.sites.items()
            if name != but and (site._attempt is None or not site._attempt.carries)
        ]

    def unheard(self, names: list[str]) -> list[str]:
        """Of these, the ones that do not hear the hall now."""
        return [
            name
            for name in names
            if name != HALL and "chair" not in self.sites[name].receiver.hearing()
        ]

    def attempt(self, name: str) -> str:
        """The id of the site's connection there is now; empty when there is none."""
        attempt = self.sites[name]._attempt
        return "" if attempt is None else attempt.id

    async def wait_for(
        self, condition: Callable[[], object], what: str, within_s: float = 60
    ) -> None:
        """Raises AssertionError when it does not come true in time, or a part of it ended."""
        try:
            async with asyncio.timeout(within_s):
                while not condition():
                    for name, task in self._running.items():
                        assert not task.done(), f"{name} ended: {task.exception()!r}"
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(
                f"not in {within_s} s: {what}; deaf: {self.deaf()}, "
                f"do not hear the hall: {self.unheard(self.names)}"
            ) from None
