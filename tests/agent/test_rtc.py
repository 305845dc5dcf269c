"""Two real connections over 127.0.0.1."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aioice.stun
import numpy as np
import pytest

from agent import rtcp, rtp
from agent.impair import Direction, Impairment
from agent.rtc import Connection, Line
from agent.rtc.consent import ASKED_KEPT
from agent.rtc.inlet import ALONE_BYTES, READ_AT_ONCE
from agent.rtc.stock import played, stock_peers

LINES = (Line("audio", "microphone", "send", 1111), Line("video", "camera", "send", 2222))


class End:
    """One end: what it got and what became of it."""

    def __init__(self, impairment: str = "") -> None:
        self.rtp: asyncio.Queue[bytes] = asyncio.Queue()
        self.rtcp: asyncio.Queue[bytes] = asyncio.Queue()
        self.states: list[str] = []
        self.changed = asyncio.Event()
        self.failing = False
        self.directions = None
        if impairment:
            one = Impairment.parse(impairment)
            self.directions = (Direction(one, "out"), Direction(one, "in"))
        self.connection = Connection(
            loopback=True,
            on_rtp=self._take,
            on_rtcp=lambda packet, at: self.rtcp.put_nowait(packet),
            on_state=self._state,
            impairment=self.directions,
        )

    def _take(self, packet: bytes, at: float) -> None:
        if self.failing:
            raise RuntimeError("a hook that fails")
        self.rtp.put_nowait(packet)

    def _state(self, state: str) -> None:
        self.states.append(state)
        self.changed.set()

    async def wait_state(self, *states: str) -> None:
        async with asyncio.timeout(30):
            while self.connection.state not in states:
                self.changed.clear()
                await self.changed.wait()


@contextlib.asynccontextmanager
async def connected(impairment: str = "") -> AsyncIterator[tuple[End, End]]:
    sender, receiver = End(impairment), End()
    answer = await receiver.connection.answer(await sender.connection.offer(LINES))
    await sender.connection.accept(answer)
    await sender.connection.wait_connected(20)
    await receiver.connection.wait_connected(20)
    try:
        yield sender, receiver
    finally:
        await sender.connection.close()
        await receiver.connection.close()


async def test_packets_arrive_byte_for_byte_both_ways() -> None:
    async with connected() as (sender, receiver):
        assert [(line.kind, line.ssrc) for line in receiver.connection.remote_lines] == [
            ("audio", 1111),
            ("video", 2222),
        ]
        assert receiver.connection.payload_type("audio") == 96
        assert receiver.connection.payload_type("video") == 97
        packet = rtp.build(96, 7, 960, 1111, b"sound", marker=True, audio_level=20)
        assert sender.connection.send_rtp(packet)
        assert await asyncio.wait_for(receiver.rtp.get(), 30) == packet
        pli = rtcp.compound(1, rtcp.build_pli(1, 2222))
        assert receiver.connection.send_rtcp(pli)
        assert await asyncio.wait_for(sender.rtcp.get(), 30) == pli
        assert receiver.connection.packets_in == sender.connection.packets_out == 1


async def test_a_failing_hook_is_counted_and_ends_nothing() -> None:
    async with connected() as (sender, receiver):
        receiver.failing = True
        for seq in range(5):
            sender.connection.send_rtp(rtp.build(96, seq, 0, 1111, b"x"))
        async with asyncio.timeout(30):
            while receiver.connection.hook_errors < 5:
                await asyncio.sleep(0.01)
        receiver.failing = False
        last = rtp.build(96, 6, 0, 1111, b"y")
        sender.connection.send_rtp(last)
        assert await asyncio.wait_for(receiver.rtp.get(), 30) == last
        assert receiver.connection.state == "connected"


async def test_damaged_datagrams_are_counted() -> None:
    async with connected() as (sender, receiver):
        sender.connection.send_rtp(rtp.build(96, 1, 0, 1111, b"x"))
        await asyncio.wait_for(receiver.rtp.get(), 30)
        assert sender.connection.outlet is not None
        sender.connection.outlet.sendto(b"\x80" + b"\x60" * 60, _address(receiver))
        async with asyncio.timeout(30):
            while receiver.connection.damaged == 0:
                await asyncio.sleep(0.01)
        assert receiver.connection.state == "connected"


async def test_what_comes_twice_is_taken_once_and_is_no_damage() -> None:
    async with connected() as (sender, receiver):
        packets = [rtp.build(96, seq, 0, 1111, b"x") for seq in (1, 1, 2)]
        for packet in packets:
            sender.connection.send_rtp(packet)
        assert [await asyncio.wait_for(receiver.rtp.get(), 5) for _ in range(2)] == packets[1:]
        assert receiver.connection.packets_in == 3 and receiver.connection.damaged == 0


def _address(end: End) -> tuple[str, int]:
    (protocol,) = end.connection._dtls.transport._connection._protocols
    return protocol.transport.get_extra_info("sockname")


async def test_closing_tells_the_peer_and_leaves_no_task() -> None:
    before = asyncio.all_tasks()
    async with connected() as (sender, receiver):
        assert sender.states == ["connecting", "connected"]
        await sender.connection.close()
        await receiver.wait_state("closed", "failed")
        await sender.connection.close()
        assert not sender.connection.send_rtp(b"\x80" + bytes(20))
        assert sender.states[-1] == "closed"
    async with asyncio.timeout(30):
        while asyncio.all_tasks() - before:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("turns", range(1, 5))
async def test_a_closing_that_was_cancelled_holds_up_nobody(turns: int) -> None:
    async with connected() as (sender, _receiver):
        closing = asyncio.get_running_loop().create_task(sender.connection.close())
        for _turn in range(turns):
            await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait([closing])
        async with asyncio.timeout(30):
            await sender.connection.close()


async def test_datagrams_that_are_there_are_read_together_but_not_for_ever() -> None:
    async with connected() as (sender, receiver):
        loop, turns = asyncio.get_running_loop(), []
        usual = receiver.connection._on_rtp

        def take(packet: bytes, arrival: float) -> None:
            if not turns:
                loop.call_soon(lambda: turns.append(receiver.rtp.qsize()))
                turns.append(0)
            usual(packet, arrival)

        receiver.connection._on_rtp = take
        for seq in range(20):
            sender.connection.send_rtp(rtp.build(96, seq, 0, 1111, bytes(ALONE_BYTES)))
        async with asyncio.timeout(5):
            while receiver.rtp.qsize() < 20:
                await asyncio.sleep(0.01)
        assert turns == [0, READ_AT_ONCE], "then the others have their turn"


def consents(monkeypatch: pytest.MonkeyPatch, every_s: float, lives_s: float) -> list[str]:
    """Consent in a hurry; what aioice itself sees of STUN from now on."""
    monkeypatch.setattr("agent.rtc.connection.EVERY_S", (every_s, every_s))
    monkeypatch.setattr("agent.rtc.connection.AGAIN_S", min(0.02, every_s))
    monkeypatch.setattr("agent.rtc.connection.TOGETHER_S", 0.001)
    monkeypatch.setattr("agent.rtc.consent.LIVES_S", lives_s)
    seen: list[str] = []
    usual = aioice.stun.parse_message

    def parse(data: bytes) -> aioice.stun.Message:
        seen.append("message")
        return usual(data)

    monkeypatch.setattr("aioice.stun.parse_message", parse)
    return seen


async def test_consent_is_asked_and_given_beside_aioice(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = consents(monkeypatch, 0.02, 30)
    async with connected() as (sender, receiver):
        ends = [sender.connection, receiver.connection]
        seen.clear()
        for _ in range(3):
            before = [end._consent.given_at for end in ends if end._consent is not None]
            async with asyncio.timeout(5):
                while any(
                    end._consent is None or end._consent.given_at == at
                    for end, at in zip(ends, before, strict=True)
                ):
                    await asyncio.sleep(0.01)
        assert seen == [], "nothing of it was aioice's to do"
        assert sender.states == receiver.states == ["connecting", "connected"]


async def test_a_question_that_comes_after_the_end_is_not_answered() -> None:
    """From a link that delays what it carries."""
    async with connected() as (sender, receiver):
        (protocol,) = sender.connection._dtls.transport._connection._protocols
        assert receiver.connection._consent is not None
        question = receiver.connection._consent.question(bytes(12))
        await sender.connection.close()
        async with asyncio.timeout(5):
            while protocol.transport._sock is not None:
                await asyncio.sleep(0.01)
        protocol.datagram_received(question, _address(receiver))


async def test_without_consent_nothing_more_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    consents(monkeypatch, 0.05, 0.5)
    async with connected("loss=0%") as (sender, _receiver):
        assert sender.directions is not None
        assert sender.connection.send_rtp(rtp.build(96, 1, 0, 1111, b"x"))
        sender.directions[1].cut = True
        await sender.wait_state("failed", "closed")
        assert not sender.connection.send_rtp(rtp.build(96, 2, 0, 1111, b"x"))


async def test_consent_is_asked_for_again_soon_while_nobody_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    consents(monkeypatch, 1.0, 2.0)
    async with connected("loss=0%") as (sender, _receiver):
        assert sender.directions is not None and sender.connection._consent is not None
        sender.directions[1].cut = True
        await sender.wait_state("failed", "closed")
        assert len(sender.connection._consent._asked) == ASKED_KEPT, "twice, asked each second only"


async def test_loss_of_the_emulated_link() -> None:
    async with connected("loss=30%,seed=5") as (sender, receiver):
        assert sender.directions is not None
        before = sender.directions[0].lost
        for seq in range(300):
            sender.connection.send_rtp(rtp.build(96, seq, 0, 1111, b"x"))
        lost = sender.directions[0].lost - before
        assert 60 <= lost <= 120
        async with asyncio.timeout(30):
            while receiver.rtp.qsize() < 300 - lost:
                await asyncio.sleep(0.01)
        assert receiver.connection.packets_in == 300 - lost


async def test_only_loopback_is_offered() -> None:
    end = End()
    offer = await end.connection.offer(LINES)
    candidates = [line for line in offer.splitlines() if line.startswith("a=candidate")]
    assert candidates and all(" 127.0.0.1 " in line for line in candidates)
    assert ".local" not in offer
    await end.connection.close()


@pytest.mark.parametrize("sdp", ["", "nonsense", "v=0\r\nm=audio 9 RTP/AVP 0\r\n"])
async def test_a_description_that_is_none_is_a_value_error(sdp: str) -> None:
    end = End()
    with pytest.raises(ValueError, match="not a usable SDP"):
        await end.connection.answer(sdp)
    await end.connection.close()


# -- aiortc as it is (how it sounds: test_baseline.py) -----------------------------------------


async def test_stock_peers_offer_opus_alone_on_loopback() -> None:
    async with stock_peers() as peers:
        offer = await peers.offer()
        answer = await peers.answer(offer)
        for text in (offer, answer):
            codecs = [line for line in text.splitlines() if line.startswith("a=rtpmap")]
            assert [line.split()[1] for line in codecs] == ["opus/48000/2"]
            candidates = [line for line in text.splitlines() if line.startswith("a=candidate")]
            assert candidates and all(" 127.0.0.1 " in line for line in candidates)


def frame(value: int) -> np.ndarray:
    return np.full(960, value, dtype=np.int16)


def heard(arrived: list[tuple[float, np.ndarray]], frames: int) -> list[int]:
    """The value of each frame that is played; each must be of one."""
    sound = played(arrived, 960 * frames).reshape(-1, 960)
    assert (sound == sound[:, :1]).all()
    return sound[:, 0].tolist()


def test_a_sound_card_plays_what_is_there_every_20_ms() -> None:
    arrived = [(0.01, frame(1)), (0.03, frame(2)), (0.075, frame(3)), (0.078, frame(4))]
    assert heard(arrived, 7) == [0, 1, 2, 0, 3, 4, 0]
    assert heard([], 2) == [0, 0]
    assert len(played(arrived, 1000)) == 1000


def test_no_more_than_a_second_waits_for_the_sound_card() -> None:
    burst = [(0.01, frame(value)) for value in range(1, 61)]
    assert heard(burst, 52) == [0, *range(11, 61), 0]
