"""Slots in, sound and whole pictures out."""

import asyncio
import time

import numpy as np
import pytest

from agent import lines, rtcp, rtp, voice
from agent.audio import opus
from agent.audio.hop import Frame, VoiceStream
from agent.audio.mixer import SILENT
from agent.audio.playout import ALIGN_FROM_S, SHORT_BY_S
from agent.bandwidth import FIRST_LEAST, OVERHEAD_BYTES
from agent.devices import SyntheticCamera
from agent.picture import vp8, vp8_packets
from agent.picture.stamp import read
from agent.receiver import IDLE_AFTER_S, Receiver
from tests.ending import end


class Room:
    """A loudspeaker and a screen that remember."""

    def __init__(self) -> None:
        self.sound: list[np.ndarray] = []
        self.pictures: list[tuple[str, int]] = []
        self.asked: list[rtcp.Rtcp] = []

    def write(self, pcm: np.ndarray, now: float) -> None:
        self.sound.append(pcm)

    def show(self, slot: str, picture: np.ndarray, now: float) -> None:
        stamp = read(picture[: len(picture) * 2 // 3]).stamp
        self.pictures.append((slot, -1 if stamp is None else stamp.counter))

    def ask(self, packet: bytes) -> None:
        self.asked += rtcp.parse(packet)

    def close(self) -> None:
        pass


def audio(slot: str, site: int, count: int) -> list[bytes]:
    encoder = opus.Encoder()
    return [
        rtp.build(
            96, n, n * 960, lines.SLOT_SSRC[slot],  # type: ignore[index]
            encoder.encode(voice.waveform(site, n * 960, 960)), marker=n == 0,
        )
        for n in range(count)
    ]  # fmt: skip


async def test_the_slots_are_mixed_for_one_loudspeaker() -> None:
    room = Room()
    receiver = Receiver(room, room)
    task = asyncio.get_running_loop().create_task(receiver.run(room.ask))
    try:
        readings = []
        for pair in zip(audio("chair", 0, 60), audio("floor", 4, 60), strict=True):
            for packet in pair:
                receiver.take(packet, time.monotonic())
            await asyncio.sleep(0.02)
            readings.append(receiver.reading())
        assert set(receiver.hearing()) == {"chair", "floor"}
        loudest = min(readings, key=lambda one: one.level)
        assert loudest.level < 30 and loudest.levels["chair"] < 30
        assert loudest.levels["panel-1"] == 127, "each slot has a meter of its own"
        assert 1 <= readings[-1].mos_cq <= readings[-1].mos <= 4.5 and readings[0].mos == 0
    finally:
        await end(task)
    measured = voice.levels(np.concatenate(room.sound), [0, 4, 7])
    assert measured.values[0].max() > 0.5 and measured.values[4].max() > 0.5
    assert measured.values[7].max() < 0.05


def test_pictures_are_shown_whole_and_a_broken_slot_asks_for_a_key_frame() -> None:
    room = Room()
    receiver = Receiver(room, room)
    receiver._ask = room.ask
    camera = SyntheticCamera("Minas", 3, 320, 180, 10)
    encoder = vp8.open_encoder(320, 180, 10, 250_000)
    seq, now = 0, 100.0
    for number in range(12):
        data = encoder.encode(camera.read(number / 10), key=number in (0, 8))
        payloads = vp8_packets.packetize(data, number)
        for part, payload in enumerate(payloads, 1):
            packet = rtp.build(
                97, seq, number * 9000, lines.SLOT_SSRC["main"], payload,
                marker=part == len(payloads),
            )  # fmt: skip
            seq += 1
            if number != 3:
                receiver.take(packet, now)
        now += 0.1
        receiver._ask_for_missing(now)
    assert [n for slot, n in room.pictures if slot == "main"] == [0, 1, 2, 8, 9, 10, 11]
    kinds = {type(one) for one in room.asked}
    assert {rtcp.Nack, rtcp.Pli} <= kinds
    assert all(one.media_ssrc == lines.SLOT_SSRC["main"] for one in room.asked
               if isinstance(one, rtcp.Nack | rtcp.Pli))  # fmt: skip


def reported(receiver: Receiver) -> dict[str, rtcp.ReportBlock]:
    (report,) = rtcp.parse(receiver.report())
    assert isinstance(report, rtcp.ReceiverReport)
    return {lines.SLOT_OF_SSRC[block.ssrc]: block for block in report.reports}


def test_reports_tell_of_the_slots_in_which_something_came() -> None:
    room = Room()
    receiver = Receiver(room, room)
    assert reported(receiver) == {}
    packets = audio("floor", 4, 30)
    for packet in packets[:10]:
        receiver.take(packet, time.monotonic())
    for packet in audio("chair", 4, 3):
        receiver.take(packet, time.monotonic())
    assert set(reported(receiver)) == {"floor", "chair"}
    began_at = time.monotonic()
    for number, packet in enumerate(packets[10:15] + packets[20:]):
        receiver.take(packet, began_at + 0.02 * number)
    told = reported(receiver)
    assert set(told) == {"floor"}
    assert (told["floor"].cumulative_lost, told["floor"].fraction_lost) == (5, 64)
    assert receiver.loss > 0
    assert reported(receiver) == {}, "nothing is new"


def test_the_slot_that_the_relay_reported_of_last_is_always_told_for_the_round_trip() -> None:
    room = Room()
    receiver = Receiver(room, room)
    for n, slot in enumerate(("floor", "main", "chair")):
        info = rtcp.SentInfo(lines.SLOT_SSRC[slot], (5000 + n) << 32, 0, 0, 0)  # type: ignore[index]
        receiver.take_rtcp(rtcp.build_srs([info], cname="relay"), time.monotonic())
    told = reported(receiver)
    assert set(told) == {"chair"}
    assert told["chair"].lsr == 5002 << 16 and told["chair"].dlsr < 65536


def test_strangers_and_damage_do_no_harm() -> None:
    room = Room()
    receiver = Receiver(room, room)
    receiver.take(b"\x80damaged", 0.0)
    receiver.take(rtp.build(96, 1, 1, 4711, b"stranger"), 0.0)


def test_redundant_packets_are_heard_and_damage_is_counted() -> None:
    room = Room()
    receiver = Receiver(room, room)
    sent = VoiceStream(lines.SLOT_SSRC["floor"], 96, 63)
    encoder = opus.Encoder()
    now = time.monotonic()
    for n in range(40):
        pcm = voice.waveform(4, n * 960, 960)
        sent.add(Frame(n, n * 960, encoder.encode(pcm), n == 0))
        packet = sent.packet(n, (2, 6), now + n * 0.02)
        if n % 3 and packet is not None or n == 0:
            receiver.take(packet, now + n * 0.02)  # type: ignore[arg-type]
    slot = receiver._audio["floor"]
    torn = rtp.build(63, 40, 40 * 960, slot.ssrc, b"\xe0\xff\xff\xff")
    receiver.take(torn, now + 0.8)
    assert slot.damaged == 1
    heard = [slot.pull(now + tick * 0.02) is not None for tick in range(64)]
    stats = slot.playout.stats
    assert stats.copies >= 8 and stats.concealed <= 8
    assert sum(heard) >= 38


def test_what_is_lost_is_told_of_each_slot_that_flows() -> None:
    room = Room()
    receiver = Receiver(room, room)
    streams = {s: VoiceStream(lines.SLOT_SSRC[s], 96, 63) for s in ("floor", "chair")}
    now = time.monotonic()
    for n in range(100):
        for slot, sent in streams.items():
            sent.add(Frame(n, n * 960, b"x" * 60))
            packet = sent.packet(n, (), now)
            assert packet is not None
            if slot == "chair" or n % 4 != 2:
                receiver.take(packet, now + n * 0.02)
    assert receiver.report()
    losses = receiver.reading().losses
    assert set(losses) == {"floor", "chair"} and losses["chair"] == 0
    assert losses["floor"] == pytest.approx(25, abs=1)


def test_a_full_downlink_is_told_to_the_relay() -> None:
    room = Room()
    receiver = Receiver(room, room)
    asked: list[bytes] = []
    receiver._ask = asked.append
    sent = VoiceStream(lines.SLOT_SSRC["floor"], 96, 63)
    arrives = 100.0
    for n in range(100):
        at = 100.0 + n * 0.02
        sent.add(Frame(n, n * 960, b"x" * 60))
        packet = sent.packet(n, (), at)
        assert packet is not None
        arrives = max(at, arrives) + 0.025  # the link takes 25 ms for what comes every 20 ms
        receiver.take(packet, arrives)
        if receiver._bandwidth.update(arrives):
            receiver._tell_bandwidth()
    rembs = [one for packet in asked for one in rtcp.parse(packet) if isinstance(one, rtcp.Remb)]
    carried = 8 * (len(packet) + OVERHEAD_BYTES) / 0.025
    assert rembs[0].bitrate == FIRST_LEAST, "at first it may be a machine that is busy"
    assert 0.8 * carried < rembs[1].bitrate < 0.9 * carried
    assert min(one.bitrate for one in rembs) > 0.55 * carried


def test_a_slot_of_which_nothing_came_for_long_is_silent_and_heard_again_at_once() -> None:
    room = Room()
    receiver = Receiver(room, room)
    packets, now = audio("floor", 4, 400), 100.0
    heard: list[bool] = []
    for number in range(400):
        now += 0.02
        if not 50 <= number < 380:
            receiver.take(packets[number], now)
        receiver.play(now + 0.001)
        heard.append(receiver._audio["floor"].level < SILENT)
    silent = heard[50 + 100 : 380]
    assert not any(silent) and len(silent) * 0.02 > IDLE_AFTER_S - 2
    assert all(heard[10:50]) and all(heard[-10:])
    assert receiver._audio["chair"].level == SILENT


@pytest.mark.parametrize("phase_ms", [1, 6, 11, 16])
def test_in_a_pause_the_clock_is_set_so_that_nobody_waits_for_a_tick(phase_ms: int) -> None:
    room = Room()
    receiver = Receiver(room, room)
    receiver.mode = "conversation"
    playout = receiver._audio["floor"].playout
    sent = VoiceStream(lines.SLOT_SSRC["floor"], 96, 63)
    encoder = opus.Encoder()
    began_at = played_to = 100.0 + phase_ms / 1000
    for n in range(150):
        at = 100.0 + n * 0.02
        spoken = voice.waveform(4, n * 960, 960) * (n % 50 < 35)
        sent.add(Frame(n, n * 960, encoder.encode(spoken.astype(np.int16)), n == 0))
        packet = sent.packet(n, (), at)
        assert packet is not None
        receiver.take(packet, at)
        while played_to < at + 0.02:
            played_to += receiver.play(played_to)
    target_ms = 1000 * playout.aim.delay_s
    assert target_ms - 1000 * SHORT_BY_S <= playout.delay_ms <= target_ms + 1000 * ALIGN_FROM_S
    lengths = [len(pcm) for pcm in room.sound]
    assert sum(length < 960 for length in lengths) <= 1, "once is enough"
    assert sum(lengths) == pytest.approx((played_to - began_at) * 48_000, abs=1)


async def test_packets_wait_for_the_clock_on_a_good_link_only() -> None:
    room = Room()
    receiver = Receiver(room, room)
    told: list[bool] = []
    task = asyncio.get_running_loop().create_task(receiver.run(room.ask, told.append))

    async def wait_for(hold: bool) -> None:
        told.clear()
        async with asyncio.timeout(30):
            while not told or told[-1] is not hold:
                await asyncio.sleep(0.001)

    try:
        await wait_for(True)
        receiver.sources = {"main": "kandis"}
        await wait_for(False)  # his picture is to be shown at once
        await wait_for(True)
        for number, packet in enumerate(audio("floor", 4, 20)):
            if number != 10:
                receiver.take(packet, time.monotonic())
        await wait_for(False)  # what was lost is to be asked for at once
    finally:
        await end(task)


async def test_sound_does_not_wait_for_a_picture_that_is_decoded() -> None:
    room, order = Room(), []
    encoder = vp8.open_encoder(320, 180, 10, 250_000)
    data = encoder.encode(SyntheticCamera("Minas", 3, 320, 180, 10).read(0.0), key=True)
    payloads = vp8_packets.packetize(data, 1)
    receiver = Receiver(room, room)
    receiver.sources = {"main": "minas"}
    room.write = lambda pcm, now: order.append("sound")  # type: ignore[method-assign]
    room.show = lambda slot, picture, now: order.append("picture")  # type: ignore[method-assign]

    def fetch(hold: bool) -> None:
        order.append("packets")
        for seq, payload in enumerate(payloads if len(order) == 1 else ()):
            is_last = seq == len(payloads) - 1
            packet = rtp.build(97, seq, 0, lines.SLOT_SSRC["main"], payload, marker=is_last)
            receiver.take(packet, time.monotonic() - 0.02)  # it waited

    task = asyncio.get_running_loop().create_task(receiver.run(room.ask, fetch))
    try:
        async with asyncio.timeout(30):
            while len(order) < 5:
                await asyncio.sleep(0.001)
    finally:
        await end(task)
    assert order[:5] == ["packets", "sound", "picture", "packets", "sound"]
