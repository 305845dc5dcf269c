"""What every driver of `console.relay.driver.Relay` must do: real engines, real connections.

Another driver is one more entry in `DRIVERS`: something that gives an opened Relay with its engine
running, and ends both afterwards.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, unix_serve
from websockets.exceptions import ConnectionClosed

from agent import lines, rtcp, rtp
from agent.picture import vp8_packets
from agent.recording.later import Kept, pack
from agent.rtc import Connection
from console import relay_child as relay_child_module
from console.relay import embedded as embedded_module
from console.relay.driver import (
    ALL,
    SLOTS,
    Confirmed,
    EngineLost,
    EngineUp,
    Measured,
    Relay,
    RelayError,
    RelayEvent,
    SiteLost,
)
from console.relay.embedded import EmbeddedRelay
from console.relay_child import RelayChild
from protocol import SUBPROTOCOL
from protocol import messages as m
from protocol.binary import Later, encode_binary
from protocol.ids import uuid7
from protocol.messages import RecordOrder, SlotName
from protocol.session import decode_from_client, encode
from tests.ending import end

WAIT_S = 30


class Bench:
    """A driver under test, and what it told."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.told: list[RelayEvent] = []
        self.endpoints: list[Endpoint] = []
        relay.open(self.told.append)

    async def up(self) -> str:
        """Wait for an engine; its instance."""
        await wait_for(lambda: bool(self.relay.instance), "an engine")
        return self.relay.instance

    async def join(self, *sites: str) -> "list[Endpoint]":
        """Endpoints of these sites, connected both ways."""
        joined = [Endpoint(site, self.relay) for site in sites]
        self.endpoints += joined
        for one in joined:
            await one.connect()
        return joined


class Endpoint:
    """A site as a relay sees it: speaks and shows on its uplink, keeps what its downlink brings."""

    def __init__(self, site: str, relay: Relay) -> None:
        self.site = site
        self.attempt = uuid7()
        self.got: list[tuple[SlotName, bytes]] = []
        self.key_frames_wanted = 0
        self._relay = relay
        self._seq, self._ts = 100, 0
        self.ssrcs = (1000 + abs(hash(self.attempt)) % 10**6, 2 * 10**6 + abs(hash(site)) % 10**6)
        self.uplink = Connection(
            loopback=True, on_rtp=_nothing, on_rtcp=self._asked, on_state=_nothing
        )
        self.downlink = Connection(
            loopback=True, on_rtp=self._heard, on_rtcp=_nothing, on_state=_nothing
        )

    async def connect(self) -> None:
        offer = await self.uplink.offer(lines.uplink(*self.ssrcs))
        await self.uplink.accept(await self._relay.publish(self.site, self.attempt, offer))
        down = await self._relay.subscribe(self.site, SLOTS)
        await self._relay.subscribed(self.site, self.attempt, await self.downlink.answer(down))
        await self.uplink.wait_connected(WAIT_S)
        await self.downlink.wait_connected(WAIT_S)

    def speak(self, text: str) -> None:
        """One frame of voice; no engine looks into it."""
        self._seq, self._ts = (self._seq + 1) & 0xFFFF, self._ts + 960
        payload = text.encode()
        self.uplink.send_rtp(
            rtp.build(lines.OPUS_PAYLOAD_TYPE, self._seq, self._ts, self.ssrcs[0], payload)
        )

    def show(self, text: str) -> None:
        """A key frame of one packet."""
        self._seq, self._ts = (self._seq + 1) & 0xFFFF, self._ts + 9000
        (payload,) = vp8_packets.packetize(b"\0" + text.encode(), self._seq)
        self.uplink.send_rtp(
            rtp.build(
                lines.VP8_PAYLOAD_TYPE, self._seq, self._ts, self.ssrcs[1], payload, marker=True
            )
        )

    def report(self) -> None:
        """What a site says once a second (RFC 3550): nothing was received yet."""
        self.downlink.send_rtcp(rtcp.build_rr(self.ssrcs[0], [], cname=self.site))

    def heard(self, slot: SlotName) -> list[bytes]:
        """What came in this slot."""
        return [payload for name, payload in self.got if name == slot]

    def _heard(self, packet: bytes, arrival: float) -> None:
        header = rtp.parse(packet)
        payload = packet[header.payload_offset : header.payload_end]
        self.got.append((lines.SLOT_OF_SSRC[header.ssrc], payload))

    def _asked(self, packet: bytes, arrival: float) -> None:
        self.key_frames_wanted += sum(isinstance(one, rtcp.Pli) for one in rtcp.parse(packet))

    async def close(self) -> None:
        await self.uplink.close()
        await self.downlink.close()


def _nothing(*_arguments: Any) -> None: ...


async def wait_for(condition: Callable[[], object], what: str) -> None:
    """Raises AssertionError when it does not come true in time."""
    try:
        async with asyncio.timeout(WAIT_S):
            while not condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not in {WAIT_S} s: {what}") from None


async def wait_saying(say: Callable[[], None], condition: Callable[[], object], what: str) -> None:
    """Say it again every 20 ms, as a voice goes on, until the condition holds."""

    def again() -> object:
        say()
        return condition()

    await wait_for(again, what)


# -- the drivers -----------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def embedded(folder: Path) -> AsyncIterator[Relay]:
    """The relay of this release, and a door like the server's for its process to come in by."""
    path = folder / "door"
    relay = EmbeddedRelay(RelayChild(folder / "journal.db", f"unix:{path}"))

    async def let_in(connection: ServerConnection) -> None:
        outgoing: asyncio.Queue[m.FromServer] = asyncio.Queue()

        async def write() -> None:
            with contextlib.suppress(ConnectionClosed):
                while True:
                    one = await outgoing.get()
                    is_later = isinstance(one, Later)
                    await connection.send(encode_binary(one) if is_later else encode(one).decode())

        hello = decode_from_client(await connection.recv())
        assert isinstance(hello, m.Hello)
        outgoing.put_nowait(m.Welcome(0, 0, "contract"))
        writing = asyncio.get_running_loop().create_task(write())
        relay.attached(hello, outgoing.put_nowait)
        try:
            async for frame in connection:
                relay.take(decode_from_client(frame))
        except ConnectionClosed:
            pass
        finally:
            writing.cancel()
            relay.detached("connection lost")

    async with unix_serve(let_in, str(path), subprotocols=[SUBPROTOCOL], compression=None):
        running = asyncio.get_running_loop().create_task(relay.run())
        try:
            yield relay
        finally:
            await relay.close()
            await end(running)


DRIVERS: dict[str, Callable[[Path], contextlib.AbstractAsyncContextManager[Relay]]] = {
    "embedded": embedded,
}


@pytest.fixture(params=DRIVERS)
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    async with DRIVERS[request.param](tmp_path) as relay:
        one = Bench(relay)
        await one.up()
        yield one
        for endpoint in one.endpoints:
            await endpoint.close()


# -- the contract ----------------------------------------------------------------------------------


async def test_who_feeds_a_slot_is_heard_by_all_others(bench: Bench) -> None:
    hall, kandis, minas = await bench.join("hall", "kandis", "minas")
    bench.relay.switch(ALL, {"floor": "kandis", "chair": "hall"})
    await wait_saying(
        lambda: (kandis.speak("kandis"), hall.speak("hall"), minas.speak("minas")) and None,
        lambda: (
            hall.heard("floor") and minas.heard("floor") and minas.heard("chair")
            and kandis.heard("chair")
        ),
        "floor and chair are heard",
    )  # fmt: skip
    assert {payload for _slot, payload in kandis.got} == {b"hall"}, "never its own"
    assert {payload for _slot, payload in hall.got} == {b"kandis"}
    assert {payload for _slot, payload in minas.got} == {b"kandis", b"hall"}

    # One change: another speaker, and nobody in the chair.
    bench.relay.switch(ALL, {"floor": "minas", "chair": None})
    await wait_saying(
        lambda: (kandis.speak("late"), hall.speak("late"), minas.speak("minas")) and None,
        lambda: b"minas" in kandis.heard("floor") and b"minas" in hall.heard("floor"),
        "the next speaker is heard",
    )
    for one in (hall, kandis, minas):
        one.got.clear()
    await wait_saying(
        lambda: (kandis.speak("late"), hall.speak("late"), minas.speak("minas")) and None,
        lambda: len(hall.heard("floor")) > 5,
        "and goes on",
    )
    assert {payload for _slot, payload in [*hall.got, *kandis.got, *minas.got]} == {b"minas"}


async def test_a_picture_begins_with_a_key_frame_that_is_asked_for(bench: Bench) -> None:
    hall, kandis = await bench.join("hall", "kandis")
    bench.relay.switch(ALL, {"main": "kandis"})
    await wait_for(lambda: kandis.key_frames_wanted, "it is asked for")
    await wait_saying(lambda: kandis.show("picture"), lambda: hall.heard("main"), "it is seen")
    assert hall.heard("main")[0].endswith(b"picture")


async def test_a_mute_is_the_relays_own(bench: Bench) -> None:
    hall, kandis = await bench.join("hall", "kandis")
    bench.relay.switch(ALL, {"floor": "kandis"})
    await wait_saying(lambda: kandis.speak("open"), lambda: hall.heard("floor"), "it is heard")
    bench.relay.mute("kandis", True)
    # What is said when the mute is carried out is not known here: the chair tells when it was.
    bench.relay.switch(ALL, {"chair": "hall"})
    await wait_saying(lambda: hall.speak("chair"), lambda: kandis.heard("chair"), "carried out")
    hall.got.clear()
    await wait_saying(
        lambda: (kandis.speak("muted"), hall.speak("chair")) and None,
        lambda: len(kandis.heard("chair")) > 20,
        "time passes",
    )
    assert hall.got == []
    bench.relay.mute("kandis", False)
    await wait_saying(lambda: kandis.speak("again"), lambda: hall.got, "it is heard again")
    assert hall.heard("floor")[0] == b"again"


async def test_who_comes_again_takes_its_own_place(bench: Bench) -> None:
    hall, older = await bench.join("hall", "kandis")
    bench.relay.switch(ALL, {"floor": "kandis"})
    await wait_saying(lambda: older.speak("older"), lambda: hall.heard("floor"), "it is heard")
    (newer,) = await bench.join("kandis")
    await wait_saying(
        lambda: newer.speak("newer"), lambda: b"newer" in hall.heard("floor"), "it is heard"
    )
    await wait_for(lambda: older.uplink.state == "closed", "the older connection ends")


async def test_who_is_kicked_is_gone_and_may_come_back(bench: Bench) -> None:
    hall, kandis, minas = await bench.join("hall", "kandis", "minas")
    bench.relay.switch(ALL, {"floor": "kandis"})
    bench.relay.kick("kandis")
    await wait_for(lambda: kandis.uplink.state == kandis.downlink.state == "closed", "it is gone")
    assert minas.uplink.state == hall.uplink.state == "connected"
    (again,) = await bench.join("kandis")
    await wait_saying(lambda: again.speak("back"), lambda: minas.heard("floor"), "it is back")


async def test_who_is_not_admitted_is_sent_away(bench: Bench) -> None:
    _hall, kandis = await bench.join("hall", "kandis")
    bench.relay.admit(("hall",))
    await wait_for(lambda: kandis.uplink.state == "closed", "it is sent away")


async def test_a_site_that_leaves_by_itself(bench: Bench) -> None:
    hall, kandis = await bench.join("hall", "kandis")
    bench.relay.unpublish("kandis", kandis.attempt)
    await wait_for(lambda: kandis.downlink.state == "closed", "it is let go")
    assert hall.downlink.state == "connected"


async def test_nonsense_is_refused_and_disturbs_nobody(bench: Bench) -> None:
    hall, kandis = await bench.join("hall", "kandis")
    with pytest.raises(RelayError):
        await bench.relay.publish("minas", uuid7(), "v=0\r\nnonsense")
    with pytest.raises(RelayError):
        await bench.relay.subscribe("nobody", SLOTS)
    bench.relay.switch(ALL, {"floor": "kandis"})
    await wait_saying(lambda: kandis.speak("voice"), lambda: hall.heard("floor"), "it goes on")


async def test_what_is_set_together_is_one_change(bench: Bench) -> None:
    """The voice never moves without its picture, nor for a moment to a site that was muted."""
    hall, kandis = await bench.join("hall", "kandis")
    with bench.relay.together():
        bench.relay.switch(ALL, {"floor": "kandis", "main": "kandis"})
        bench.relay.mute("kandis", True)
    await wait_saying(
        lambda: (kandis.speak("voice"), kandis.show("picture")) and None,
        lambda: len(hall.heard("main")) > 10,
        "the picture is there",
    )
    assert hall.heard("floor") == []


async def test_statistics_tell_of_every_link(bench: Bench) -> None:
    hall, kandis = await bench.join("hall", "kandis")
    bench.relay.switch(ALL, {"floor": "kandis"})

    def counted() -> bool:
        stats = bench.relay.stats()
        links = stats.links if stats is not None else {}
        return bool(
            {"hall", "kandis"} <= set(links)
            and links["kandis"].up_packets > 10
            and links["hall"].down_packets > 10
            and links["kandis"].uplink == links["hall"].downlink == "up"
            and stats is not None
            and stats.engine.packets_out > 10
        )

    def speak() -> None:
        kandis.speak("voice")
        for one in (hall, kandis):
            one.report()

    await wait_saying(speak, counted, "all is counted")
    stats = bench.relay.stats()
    assert stats is not None and stats.engine.process.rss_mb > 1


async def test_recording_begins_and_ends_as_ordered(bench: Bench) -> None:
    _hall, kandis = await bench.join("hall", "kandis")
    bench.relay.switch(ALL, {"floor": "kandis"})
    bench.relay.record(RecordOrder("meeting-1", 1))

    def state() -> str:
        stats = bench.relay.stats()
        return "" if stats is None else stats.engine.recording.state

    await wait_saying(lambda: kandis.speak("voice"), lambda: state() == "on", "it records")
    bench.relay.record(None)
    await wait_for(lambda: state() == "off", "it ends")


async def test_what_is_recorded_is_confirmed_and_so_is_what_is_sent_afterwards(
    bench: Bench,
) -> None:
    _hall, kandis = await bench.join("hall", "kandis")
    bench.relay.switch(ALL, {"floor": "kandis"})
    bench.relay.record(RecordOrder("meeting", 1))

    def confirmed(ssrc: int) -> bool:
        told = [one.kept for one in bench.told if isinstance(one, Confirmed)]
        return any(kept.site == "kandis" and kept.ssrc == ssrc and kept.runs for kept in told)

    await wait_saying(
        lambda: kandis.speak("voice"), lambda: confirmed(kandis.ssrcs[0]), "what came live"
    )
    frame = pack(Kept(0, 4711, 0, 9, None, b"later"))
    bench.relay.add_to_recording(Later("kandis", "meeting", frame))
    await wait_for(lambda: confirmed(4711), "what was sent afterwards")


async def test_an_engine_that_dies_is_told_and_another_is_as_the_first_was(bench: Bench) -> None:
    bench.relay.switch(ALL, {"floor": "kandis"})
    first = await bench.up()
    pid = bench.relay.pid
    if not pid:
        pytest.skip("this engine is no process of this machine")
    os.kill(pid, signal.SIGKILL)
    await wait_for(lambda: any(isinstance(one, EngineLost) for one in bench.told), "it is told")
    await wait_for(lambda: bench.relay.instance not in ("", first), "another one")
    names = [type(one) for one in bench.told if isinstance(one, EngineUp | EngineLost)]
    assert names == [EngineUp, EngineLost, EngineUp]
    # Nobody said again who has the floor.
    hall, kandis = await bench.join("hall", "kandis")
    await wait_saying(lambda: kandis.speak("voice"), lambda: hall.heard("floor"), "it is heard")
    assert not any(isinstance(one, SiteLost) for one in bench.told)


async def test_without_an_engine_it_says_so(bench: Bench) -> None:
    await bench.relay.close()
    await wait_for(lambda: not bench.relay.instance, "it is gone")
    assert bench.relay.stats() is None
    with pytest.raises(RelayError):
        await bench.relay.publish("kandis", uuid7(), "v=0")
    bench.relay.switch(ALL, {"floor": "kandis"})  # holds when there is one


# -- the embedded one alone ------------------------------------------------------------------------


async def test_a_relay_that_hangs_is_replaced_by_the_spare_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_module, "SILENT_S", 2.0)
    monkeypatch.setattr(relay_child_module, "SPARE_AFTER_S", 0.2)
    async with embedded(tmp_path) as relay:
        one = Bench(relay)
        await one.up()
        first = relay.pid
        # Not mistaken for one that hangs: it speaks, be it only of itself.
        await wait_for(
            lambda: sum(isinstance(event, Measured) for event in one.told) > 6, "3 s went by"
        )
        assert relay.pid == first
        os.kill(first, signal.SIGSTOP)
        await wait_for(lambda: relay.pid not in (0, first), "another one is here")
        assert not Path(f"/proc/{first}").exists() or _state(first) == "Z"


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
