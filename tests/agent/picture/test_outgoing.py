"""Camera → layers → VP8 → RTP, at the pace of the link."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from agent import rtp
from agent.devices import NullCamera, SyntheticCamera
from agent.picture import vp8, vp8_packets
from agent.picture.outgoing import LIMIT_FOR_S, TWICE_AFTER_S, Pictures, _scaled
from agent.picture.stamp import read
from tests.ending import end


class Wire:
    """Remembers packets with the time when they went out."""

    def __init__(self) -> None:
        self.packets: list[tuple[float, bytes]] = []
        self.arrived = asyncio.Event()

    def __call__(self, packet: bytes) -> None:
        self.packets.append((time.monotonic(), packet))
        self.arrived.set()

    def of(self, ssrc: int) -> list[bytes]:
        return [packet for _at, packet in self.packets if rtp.parse(packet).ssrc == ssrc]

    def frames(self, ssrc: int) -> list[vp8_packets.Frame]:
        assembler, frames = vp8_packets.Assembler(), []
        for packet in self.of(ssrc):
            header = rtp.parse(packet)
            frames += assembler.push(header, packet[header.payload_offset :], 0.0)
        return frames

    async def wait_for(self, ssrc: int, count: int) -> list[vp8_packets.Frame]:
        async with asyncio.timeout(20):
            while len(self.frames(ssrc)) < count:
                self.arrived.clear()
                await self.arrived.wait()
        return self.frames(ssrc)


@contextlib.asynccontextmanager
async def sending(width: int, height: int, fps: float) -> AsyncIterator[tuple[Pictures, Wire]]:
    pictures, wire = Pictures(SyntheticCamera("Minas", 3, width, height, fps), fps), Wire()
    pictures.allow(float("inf"), time.monotonic())
    task = asyncio.get_running_loop().create_task(pictures.run(wire))
    try:
        yield pictures, wire
    finally:
        await end(task)


def open_gate(pictures: Pictures, gate: str) -> None:
    pictures.gate = gate  # type: ignore[assignment]
    pictures.allow(float("inf"), time.monotonic())


def size_of(frame: vp8_packets.Frame) -> tuple[int, int]:
    """Of a key frame (RFC 6386 §9.1)."""
    wide, high = frame.data[6:8], frame.data[8:10]
    return int.from_bytes(wide, "little") & 0x3FFF, int.from_bytes(high, "little") & 0x3FFF


async def test_encoders_are_ready_before_a_picture_is_wanted_and_hold_nothing_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first picture that an encoder codes takes long: somebody's first words would wait."""
    opened, both = [], asyncio.Event()
    loop, usual = asyncio.get_running_loop(), vp8.open_encoder

    def note(width: int, *rest: Any) -> vp8.Encoder:
        encoder = usual(width, *rest)
        opened.append((width, threading.current_thread() is threading.main_thread()))
        if len(opened) == 2:
            loop.call_soon_threadsafe(both.set)
        return encoder

    monkeypatch.setattr(vp8, "open_encoder", note)
    async with sending(640, 360, 20) as (pictures, wire):
        async with asyncio.timeout(20):
            await both.wait()
        open_gate(pictures, "live")
        (first, *_more) = await wire.wait_for(pictures.ssrcs[0], 1)
        assert first.keyframe, "though the encoder has coded before"
        assert opened == [(640, False), (320, False)]


@pytest.mark.parametrize("turns", range(5))
@pytest.mark.parametrize("event", ["_wake", "_sent"])
async def test_cancelled_as_it_is_woken_it_ends(event: str, turns: int) -> None:
    pictures, wire = Pictures(SyntheticCamera("Minas", 3, 64, 48, 1), 1), Wire()
    pictures.allow(float("inf"), time.monotonic())
    open_gate(pictures, "live")
    task = asyncio.get_running_loop().create_task(pictures.run(wire))
    await wire.wait_for(pictures.ssrcs[0], 1)
    getattr(pictures, event).set()
    for _turn in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()


async def test_a_live_camera_sends_two_sizes_the_small_one_first() -> None:
    async with sending(640, 360, 20) as (pictures, wire):
        open_gate(pictures, "live")
        high, low = pictures.ssrcs
        large, small = await wire.wait_for(high, 4), await wire.wait_for(low, 2)
        assert rtp.parse(wire.packets[0][1]).ssrc == low
        assert size_of(large[0]) == (640, 360) and size_of(small[0]) == (320, 180)
        assert [frame.keyframe for frame in large[:4]] == [True, False, False, False]
        decoder = vp8.Decoder()
        picture = decoder.decode(small[0].data)
        assert picture is not None and not read(picture[:180]).torn


async def test_on_deck_the_small_one_goes_up_alone_and_the_large_one_follows() -> None:
    async with sending(640, 360, 20) as (pictures, wire):
        open_gate(pictures, "low")
        high, low = pictures.ssrcs
        await wire.wait_for(low, 3)
        assert not wire.of(high)
        open_gate(pictures, "live")
        (first, *_more) = await wire.wait_for(high, 1)
        assert first.keyframe
        open_gate(pictures, "off")
        before = len(wire.packets)
        assert not pictures.want_key_frame(4711, 0.0), "a stranger's"
        assert pictures.want_key_frame(low, time.monotonic())
        await asyncio.sleep(0.25)
        assert len(wire.packets) == before, "a closed camera sends nothing, whoever asks"


async def test_a_key_frame_comes_when_it_is_asked_for_of_that_size_alone() -> None:
    async with sending(640, 360, 10) as (pictures, wire):
        open_gate(pictures, "live")
        high, low = pictures.ssrcs
        before = len(await wire.wait_for(low, 3))
        pictures.want_key_frame(low, time.monotonic())
        async with asyncio.timeout(30):
            while sum(frame.keyframe for frame in wire.frames(low)) < 2:
                wire.arrived.clear()
                await wire.arrived.wait()
        assert len(wire.frames(low)) >= before
        assert sum(frame.keyframe for frame in wire.frames(high)) == 1


async def test_a_thin_link_gets_a_key_frame_piece_by_piece_and_the_latest_picture() -> None:
    async with sending(320, 180, 10) as (pictures, wire):
        open_gate(pictures, "live")
        (ssrc,) = pictures.ssrcs
        await wire.wait_for(ssrc, 2)
        pictures.allow(60_000, time.monotonic())
        pictures.want_key_frame(ssrc, time.monotonic())
        wire.packets.clear()
        async with asyncio.timeout(20):
            while len(wire.packets) < 12:
                wire.arrived.clear()
                await wire.arrived.wait()
        took_s = wire.packets[-1][0] - wire.packets[0][0]
        bits = 8 * sum(len(packet) for _at, packet in wire.packets[1:])
        assert bits / took_s < 90_000, "bit/s; 66 at the pace, and a little at once"
        sizes = [len(packet) for _at, packet in wire.packets]
        assert max(sizes) < 500, "short packets, so that the voice gets in between"
        sent = [rtp.parse(packet).send_time or 0 for _at, packet in wire.packets]
        assert sent == sorted(sent), "stamped when they go out"


async def test_what_was_lost_is_sent_again_as_it_was() -> None:
    async with sending(320, 180, 10) as (pictures, wire):
        open_gate(pictures, "live")
        (ssrc,) = pictures.ssrcs
        await wire.wait_for(ssrc, 2)
        packet = wire.of(ssrc)[1]
        count = wire.of(ssrc).count(packet)
        pictures.again(ssrc, [rtp.parse(packet).seq, 40_000])
        assert wire.of(ssrc).count(packet) == count + 1


def test_half_the_size_is_the_mean_of_four() -> None:
    picture = SyntheticCamera("Siak", 7, 640, 360, 10).read(1.0)
    assert picture is not None
    half = _scaled(picture, 320, 180)
    assert half.shape == (270, 320)
    four = picture[:360].reshape(180, 2, 320, 2).mean(axis=(1, 3))
    assert np.abs(half[:180] - four).max() <= 0.5
    assert (half[180] == picture[360, 0]).all() and (half[-1] == picture[-1, 0]).all()
    assert _scaled(picture, 160, 90).shape == (135, 160)


async def test_a_small_picture_comes_less_often_while_somebodys_link_carries_no_more() -> None:
    async with sending(640, 360, 20) as (pictures, wire):
        open_gate(pictures, "live")
        high, low = pictures.ssrcs
        whole = pictures.kbps
        pictures.limit(high, 1_000, time.monotonic())
        assert pictures.kbps == whole, "the large one is for those who can take it"
        pictures.limit(low, 50_000, time.monotonic())
        assert pictures.kbps == pytest.approx(whole - 50, abs=1)
        await wire.wait_for(low, 3)
        pictures.allow(float("inf"), time.monotonic() + LIMIT_FOR_S + 0.1)
        assert pictures.kbps == whole, "nobody says so any more"


async def test_a_camera_that_might_send_nothing_for_a_while_was_not_late() -> None:
    async with sending(320, 180, 20) as (pictures, wire):
        open_gate(pictures, "live")
        (low,) = pictures.ssrcs
        before = len(await wire.wait_for(low, 2))
        pictures.allow(0, time.monotonic())
        pictures._layers["low"].due -= 3600  # an hour ago
        pictures.allow(float("inf"), time.monotonic())
        await wire.wait_for(low, before + 1)
        assert pictures.late_ms < 1_000_000


async def until(pictures: Pictures, wanted: tuple[str, str]) -> None:
    async with asyncio.timeout(20):
        while pictures.actual(time.monotonic()) != wanted:
            await asyncio.sleep(0.01)


async def test_what_goes_out_is_told_as_it_is() -> None:
    async with sending(640, 360, 10) as (pictures, _wire):
        assert pictures.actual(time.monotonic()) == ("off", "none")
        open_gate(pictures, "live")
        assert pictures.actual(time.monotonic()) == ("off", "starting"), "no picture has gone yet"
        await until(pictures, ("live", "none"))
        pictures.allow(100_000, time.monotonic())
        assert pictures.actual(time.monotonic()) == ("low", "link")
        pictures.allow(0, time.monotonic())
        assert pictures.actual(time.monotonic()) == ("off", "link")
        open_gate(pictures, "off")
        open_gate(pictures, "low")
        assert pictures.actual(time.monotonic()) == ("off", "starting")
        await until(pictures, ("low", "none"))
        pictures._camera = NullCamera(640, 360)
        await until(pictures, ("off", "picture"))


async def test_a_small_camera_shows_all_it_has() -> None:
    async with sending(160, 90, 10) as (pictures, _wire):
        open_gate(pictures, "live")
        await until(pictures, ("live", "none"))


async def test_whose_turn_begins_is_shown_at_once_without_being_asked() -> None:
    async with sending(320, 180, 10) as (pictures, wire):
        (ssrc,) = pictures.ssrcs
        open_gate(pictures, "low")
        await wire.wait_for(ssrc, 2)
        count = len(wire.frames(ssrc))
        open_gate(pictures, "live")
        frames = await wire.wait_for(ssrc, count + 2)
        assert [f.keyframe for f in frames[1:]].count(True) == 1, "of the same size, too"
        open_gate(pictures, "low")
        count = len(await wire.wait_for(ssrc, len(frames) + 2))
        keys = [f.keyframe for f in wire.frames(ssrc)].count(True)
        assert keys == 2, "and goes on as it is when the turn ends"


def test_a_request_that_crossed_a_key_frame_asks_for_nothing_more() -> None:
    pictures, wire = Pictures(SyntheticCamera("Minas", 3, 320, 180, 10), 10), Wire()
    pictures._send = wire
    open_gate(pictures, "live")
    pictures._take_picture(pictures._open_layers(), 5.0)
    (ssrc,) = pictures.ssrcs
    pictures.rtt_s = 0.08
    for asked_at, is_wanted in ((5.07, False), (5.09, True)):
        assert pictures.want_key_frame(ssrc, asked_at)
        assert pictures._open_layers()[0].key_wanted == is_wanted


@pytest.mark.parametrize("is_lossy", [False, True])
async def test_over_a_lossy_link_a_key_frame_goes_twice(is_lossy: bool) -> None:
    async with sending(320, 180, 10) as (pictures, wire):
        (ssrc,) = pictures.ssrcs
        pictures.is_lossy = is_lossy
        open_gate(pictures, "live")
        await wire.wait_for(ssrc, 4)
        sent = [packet for _at, packet in wire.packets]
        of = {packet: rtp.parse(packet).ts for packet in sent}
        first = {packet for packet in sent if of[packet] == of[sent[0]]}
        assert {sent.count(packet) for packet in first} == {2 if is_lossy else 1}
        assert {sent.count(packet) for packet in sent if packet not in first} == {1}
        apart = [at for at, packet in wire.packets if packet == sent[0]]
        assert max(apart) - min(apart) >= (TWICE_AFTER_S if is_lossy else 0)


async def test_what_is_sent_again_at_a_pace_waits_for_no_picture() -> None:
    async with sending(640, 360, 10) as (pictures, wire):
        open_gate(pictures, "live")
        (ssrc, _low) = pictures.ssrcs
        await wire.wait_for(ssrc, 3)
        open_gate(pictures, "off")
        pictures.allow(400_000, time.monotonic())
        sent = {rtp.parse(packet).seq: packet for packet in wire.of(ssrc)}
        assert len(sent) > 3, "more than may go out at once"
        wire.packets.clear()
        while pictures._sent.is_set() or len(pictures._pacer):
            await asyncio.sleep(0)
        pictures.again(ssrc, list(sent))
        async with asyncio.timeout(20):
            while len(wire.packets) < len(sent):
                wire.arrived.clear()
                await wire.arrived.wait()
        assert sorted(wire.of(ssrc)) == sorted(sent.values())
