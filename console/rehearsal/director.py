"""Drives a meeting over the control protocol, as a console does: a client like others."""

import asyncio
import time
from collections.abc import Callable
from functools import partial

import msgspec

from console.meeting import state as st
from console.meeting.fold import apply
from console.rehearsal.growth import Series
from console.rehearsal.stage import Stage, StageError
from protocol import VERSION
from protocol import messages as m
from protocol.commands import ModeratorCommand
from protocol.ids import uuid7
from protocol.link import Incoming, Link, LinkDown, LinkUp

CONNECT_TIMEOUT_S = 60.0


class Answer(msgspec.Struct, frozen=True):
    """What became of a command. Times are monotonic seconds; `seq` 0 when refused."""

    sent_at: float
    answered_at: float
    id: str
    seq: int = 0
    refused: m.Refused | None = None


class Director:
    """A moderator without a face: sends commands, waits for states."""

    def __init__(self, address: str) -> None:
        self.state = st.Meeting()
        self.status: dict[str, m.SiteStatus] = {}
        self.telemetry: m.Telemetry | None = None
        self.acknowledged: dict[str, int] = {}
        self.up_at = 0.0
        self.down_at = 0.0
        self.late_ms: dict[str, float] = {}
        self.readings: dict[str, list[m.SiteStatus]] = {}
        self.pictures: dict[str, list[tuple[float, m.Picture]]] = {}
        """Of each site: from when on the relay sent it which picture at most."""
        self.clarity: dict[str, list[tuple[float, float]]] = {}
        """By site: when it told how clear it heard (MOS), while it heard somebody."""
        self.series: dict[str, Series] = {}
        self._link = Link(address, self._hello, self._receive)
        self._changed = asyncio.Event()
        self._pending: dict[str, tuple[m.Command, asyncio.Future[m.Ack | m.Refused]]] = {}

    async def run(self) -> None:
        """Keep the link until cancelled."""
        await self._link.run()

    @property
    def up(self) -> bool:
        return self._link.up

    def _hello(self) -> m.Hello:
        return m.Hello("moderator", VERSION, software="rehearsal", resume=self.state.seq)

    def _receive(self, message: Incoming) -> None:
        match message:
            case LinkUp(welcome=welcome):
                self.up_at = time.monotonic()
                if welcome.has_snapshot:
                    self.state = st.decode(welcome.snapshot)
                for command, _answer in self._pending.values():
                    self._link.send(command)
            case LinkDown():
                self.down_at = time.monotonic()
            case m.Occurred(recorded=recorded):
                if recorded.seq > self.state.seq:
                    self.state = apply(self.state, recorded)
            case m.Telemetry():
                self._take_telemetry(message)
            case m.Ack(id=ident) | m.Refused(id=ident):
                if ident in self._pending:
                    _command, answer = self._pending.pop(ident)
                    if not answer.done():
                        answer.set_result(message)
            case _:
                pass
        self._changed.set()

    def _take_telemetry(self, telemetry: m.Telemetry) -> None:
        self.telemetry = telemetry
        if telemetry.whole:
            self.status = dict(telemetry.sites)
        else:
            self.status.update(telemetry.sites)
        for site, status in telemetry.sites.items():
            if status.link is not None:
                seen = self.pictures.setdefault(site, [])
                if not seen or seen[-1][1] != status.link.picture:
                    seen.append((time.monotonic(), status.link.picture))
            if status.reading is not None:
                late_ms = max(self.late_ms.get(site, 0.0), status.reading.late_ms)
                self.late_ms[site] = late_ms
                self.readings.setdefault(site, []).append(status)
                if status.reading.mos:
                    told = self.clarity.setdefault(site, [])
                    told.append((time.monotonic(), status.reading.mos))
        if telemetry.relay is not None:
            late_ms = max(self.late_ms.get("relay", 0.0), telemetry.relay.late_ms)
            self.late_ms["relay"] = late_ms
        self._note_vitals(telemetry)

    def _note_vitals(self, telemetry: m.Telemetry) -> None:
        now = time.monotonic()
        said = {s: one.reading.process for s, one in telemetry.sites.items() if one.reading}
        if telemetry.relay is not None:
            said["relay"] = telemetry.relay.process
        for name, process in {"server": telemetry.process, **said}.items():
            self.series.setdefault(name, Series(name)).add(process, now)

    def forget_readings(self) -> None:
        """Measure from now on."""
        self.late_ms.clear()
        self.readings.clear()
        self.clarity.clear()
        self.series.clear()

    async def do(self, command: ModeratorCommand, timeout_s: float = 15.0) -> Answer:
        """Send a command and wait for its answer; it is sent again after a lost connection.

        Raises TimeoutError when there is no answer in time.
        """
        frame = m.Command(uuid7(), command)
        answer: asyncio.Future[m.Ack | m.Refused] = asyncio.get_running_loop().create_future()
        self._pending[frame.id] = (frame, answer)
        sent_at = time.monotonic()
        self._link.send(frame)
        try:
            async with asyncio.timeout(timeout_s):
                result = await answer
        finally:
            self._pending.pop(frame.id, None)
        now = time.monotonic()
        if isinstance(result, m.Refused):
            return Answer(sent_at, now, frame.id, refused=result)
        self.acknowledged[frame.id] = result.seq
        return Answer(sent_at, now, frame.id, seq=result.seq)

    async def wait_for(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """True as soon as the condition holds, False when it doesn't in time."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return False
            self._changed.clear()
            try:
                async with asyncio.timeout(left_s):
                    await self._changed.wait()
            except TimeoutError:
                return condition()
        return True

    def connected(self) -> set[str]:
        """Sites with both media connections up, by the relay's word and their own."""
        return {site for site, status in self.status.items() if is_connected(status)}


async def wait_until_connected(
    stage: Stage, director: Director, wanted: set[str], progress: Callable[[str], None]
) -> None:
    """Return when all these sites are connected. Raises StageError."""
    deadline = time.monotonic() + CONNECT_TIMEOUT_S
    told = -1
    while not wanted <= director.connected():
        if director.telemetry is not None:
            stage.relay_pid = director.telemetry.relay_pid
        stage.check()
        count = len(director.connected())
        if count != told:
            progress(f"connected: {count} of {len(wanted)} sites")
            told = count
        if time.monotonic() > deadline:
            missing = ", ".join(sorted(wanted - director.connected()))
            raise StageError(f"not connected after {CONNECT_TIMEOUT_S:g} s: {missing}")
        await director.wait_for(partial(more_connected, director, count), 0.5)
    stage.relay_pid = director.telemetry.relay_pid if director.telemetry else 0
    progress(f"connected: all {len(wanted)} sites")


def is_connected(status: m.SiteStatus) -> bool:
    actual, link = status.actual, status.link
    return (
        actual is not None
        and link is not None
        and (actual.uplink, actual.downlink, link.uplink, link.downlink) == ("up",) * 4
    )


def more_connected(director: Director, count: int) -> bool:
    """True when more than `count` sites are connected."""
    return len(director.connected()) > count
