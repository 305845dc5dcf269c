"""Microphone and camera behind their gates."""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator
from itertools import pairwise

import numpy as np

from agent import rtcp, rtp, voice
from agent.audio import red
from agent.audio.hop import PAIRS, TWINS, Distances
from agent.audio.ladder import BITRATES, LIMIT_FOR_S, OVERHEAD_BYTES, THIN
from agent.bandwidth import UNLIMITED
from agent.devices import NullCamera, NullMicrophone, SyntheticCamera, SyntheticMicrophone
from agent.picture import vp8_packets
from agent.sender import AudioStream, Sender
from agent.trains import TRAINS
from tests.ending import end


class Wire:
    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.arrived = asyncio.Event()

    def __call__(self, packet: bytes) -> None:
        self.packets.append(packet)
        self.arrived.set()

    def of(self, ssrc: int) -> list[bytes]:
        return [packet for packet in self.packets if rtp.parse(packet).ssrc == ssrc]

    async def wait_for(self, ssrc: int, count: int) -> list[bytes]:
        async with asyncio.timeout(30):
            while len(self.of(ssrc)) < count:
                self.arrived.clear()
                await self.arrived.wait()
        return self.of(ssrc)


@contextlib.asynccontextmanager
async def sending() -> AsyncIterator[tuple[Sender, Wire]]:
    sender = Sender(SyntheticMicrophone(3), SyntheticCamera("Minas", 3, 320, 180, 10), fps=10)
    wire = Wire()
    task = asyncio.get_running_loop().create_task(sender.run(wire))
    try:
        yield sender, wire
    finally:
        await end(task)


async def test_a_closed_site_sends_nothing_and_shows_its_level() -> None:
    async with sending() as (sender, wire):
        async with asyncio.timeout(30):
            while sender.level == 127:
                await asyncio.sleep(0.01)
        assert wire.packets == []


async def test_a_closed_site_still_follows_what_its_link_loses() -> None:
    async with sending() as (sender, _wire):
        async with asyncio.timeout(30):
            while sender.level == 127:
                await asyncio.sleep(0.01)
        assert sender.settings.distances == ()
        sender.guess(0.1, time.monotonic())
        async with asyncio.timeout(30):
            while not sender.settings.distances:
                await asyncio.sleep(0.01)


class Listened:
    """A microphone that notes when each frame was over, and whether the gate was open then."""

    def __init__(self) -> None:
        self.frames: list[tuple[float, bool]] = []
        self.sender: Sender | None = None

    def read(self, now: float) -> np.ndarray:
        self.frames.append((now, self.sender is not None and self.sender.microphone_open))
        return np.full(960, 1000, dtype=np.int16)

    def close(self) -> None:
        pass


async def test_what_was_to_be_read_when_the_gate_opens_is_not_sent() -> None:
    microphone, wire = Listened(), Wire()
    sender = Sender(microphone, NullCamera(320, 180), fps=10)
    microphone.sender = sender
    task = asyncio.get_running_loop().create_task(sender.run(wire))
    try:
        async with asyncio.timeout(30):
            while len(microphone.frames) < 65:
                await asyncio.sleep(0.001)
            while time.monotonic() < microphone.frames[-1][0] + 0.05:
                await asyncio.sleep(0.001)  # some frames are over and not yet read
        opened_at = time.monotonic()
        sender.microphone_open = True
        await wire.wait_for(sender.audio_ssrc, 3)
    finally:
        await end(task)
    opened = [now for now, is_open in microphone.frames if is_open]
    closed = [now for now, is_open in microphone.frames if not is_open]
    assert max(closed) <= opened_at < min(opened) and sender.level < 127
    assert len(wire.packets) == len(opened) >= 3, "each goes out at once"
    if sender.take_late_ms() < 5:
        steps = [b - a for a, b in pairwise(closed + opened)]
        assert max(steps) < 0.035, "and none is left out"


async def test_opening_and_closing_the_microphone_costs_no_sequence_number() -> None:
    async with sending() as (sender, wire):
        sender.microphone_open = True
        first = await wire.wait_for(sender.audio_ssrc, 5)
        sender.microphone_open = False
        count = len(wire.packets)
        level = sender.level
        assert level < 30
        sender.microphone_open = True
        packets = await wire.wait_for(sender.audio_ssrc, count + 5)
        headers = [rtp.parse(packet) for packet in packets]
        assert [
            rtp.seq_delta(b.seq, a.seq) for a, b in zip(headers, headers[1:], strict=False)
        ] == [1] * (len(headers) - 1)
        assert headers[0].marker and headers[0].audio_level is not None
        assert len(first) >= 5
        stamps = [rtp.ts_delta(b.ts, a.ts) for a, b in zip(headers, headers[1:], strict=False)]
        assert all(step % 960 == 0 and step > 0 for step in stamps)


async def test_a_voice_begins_at_once_and_goes_on_without_a_step() -> None:
    """From when its gate opens no clock is waited for."""
    read: list[tuple[float, np.ndarray]] = []
    async with sending() as (sender, wire):
        usual = sender._microphone.read

        def note(now: float) -> np.ndarray:
            read.append((now, usual(now)))
            return read[-1][1]

        sender._microphone.read = note  # type: ignore[method-assign]
        async with asyncio.timeout(30):
            while len(read) < 3:
                await asyncio.sleep(0.001)
        count = len(read)
        sender.microphone_open = True
        for _ in range(2):
            await asyncio.sleep(0)
        assert len(wire.packets) == len(read) - count == 1
        await wire.wait_for(sender.audio_ssrc, 10)
    sound = np.concatenate([pcm for _now, pcm in read[count:]])
    period = np.concatenate([voice.waveform(3, 0, voice.PERIOD_SAMPLES)] * 2)
    begin = round(read[count][0] * voice.RATE - 960) % voice.PERIOD_SAMPLES
    assert (sound == period[begin : begin + len(sound)]).all()


async def test_the_first_picture_is_a_key_frame_and_another_comes_when_asked() -> None:
    async with sending() as (sender, wire):
        sender.camera = "live"
        packets = await wire.wait_for(sender.video_ssrcs[0], 4)
        payload = rtp.parse(packets[0])
        assert vp8_packets.is_key_frame_start(packets[0][payload.payload_offset :])
        before = keys(wire.of(sender.video_ssrcs[0]))
        pli = rtcp.compound(1, rtcp.build_pli(1, sender.video_ssrcs[0]))
        sender.take_rtcp(pli, asyncio.get_running_loop().time())
        async with asyncio.timeout(30):
            while keys(wire.of(sender.video_ssrcs[0])) == before:
                wire.arrived.clear()
                await wire.arrived.wait()
        sender.camera = "off"


def keys(packets: list[bytes]) -> int:
    return sum(
        vp8_packets.is_key_frame_start(packet[rtp.parse(packet).payload_offset :])
        for packet in packets
    )


async def test_lost_packets_are_sent_again_and_losses_are_answered_with_copies() -> None:
    async with sending() as (sender, wire):
        sender.microphone_open = True
        packets = await wire.wait_for(sender.audio_ssrc, 5)
        assert {rtp.parse(p).payload_type for p in packets} == {96}
        wanted = [rtp.parse(packets[n]).seq for n in (1, 3)]
        nack = rtcp.compound(1, rtcp.build_nack(1, sender.audio_ssrc, [*wanted, 40_000]))
        sender.take_rtcp(nack, 0.0)
        assert wire.packets[-2:] == [packets[1], packets[3]], "as they were sent"
        wire.packets.clear()
        lossy = rtcp.ReportBlock(sender.audio_ssrc, 60, 9, 99, 0, 0, 0)
        sender.take_rtcp(rtcp.build_rr(1, [lossy], cname="relay"), 0.0)
        async with asyncio.timeout(30):
            while not any(rtp.parse(p).payload_type == 63 for p in wire.of(sender.audio_ssrc)[-1:]):
                wire.arrived.clear()
                await wire.arrived.wait()
        packet = wire.of(sender.audio_ssrc)[-1]
        header = rtp.parse(packet)
        blocks = red.unpack(packet[header.payload_offset :], 96)[0]
        offsets = [offset // 960 for offset, _data in blocks]
        assert offsets[-1] == 0 and set(offsets[:-1]) <= set(sender.settings.distances)
        again = rtcp.compound(1, rtcp.build_nack(1, sender.audio_ssrc, [header.seq]))
        sender.take_rtcp(again, 0.0)
        assert wire.packets[-1] == packet


def blocks(packet: bytes) -> list[int]:
    """How many frames older the frames in a packet are, its own last."""
    header = rtp.parse(packet)
    payload = packet[header.payload_offset : header.payload_end]
    if header.payload_type == 96:
        return [0]
    return [offset // 960 for offset, _data in red.unpack(payload, 96)[0]]


class Voice:
    """Frames into a stream, 20 ms apart; what goes out by its place among them."""

    def __init__(self) -> None:
        self.stream = AudioStream()
        self.first = self.stream.seq
        self.ts = 2**32 - 2000

    def say(self, distances: Distances, *, marker: bool = False, pause: int = 0) -> list[bytes]:
        self.ts = (self.ts + 960 * (1 + pause)) & 0xFFFFFFFF
        return self.stream.next_packets(b"frame", self.ts, distances, 40, marker=marker)

    def told(self, packets: list[bytes]) -> list[tuple[int, list[int]]]:
        numbers = [rtp.seq_delta(rtp.parse(packet).seq, self.first) for packet in packets]
        return [(number, blocks(one)) for number, one in zip(numbers, packets, strict=True)]


def test_frames_in_pairs_go_out_with_the_second_the_first_of_all_alone() -> None:
    voice = Voice()
    sent = [voice.told(voice.say(PAIRS, marker=place == 0)) for place in range(5)]
    assert sent == [[(0, [0])], [], [(2, [1, 0])], [], [(4, [1, 0])]]
    twins = [voice.told(voice.say(TWINS)) for _ in range(2)]
    assert twins == [[], [(6, [3, 2, 1, 0])]]


def test_a_frame_that_waits_goes_out_alone_when_none_follows_it() -> None:
    voice = Voice()
    voice.say(PAIRS, marker=True)
    assert voice.say(PAIRS) == []
    assert voice.told(voice.stream.rest()) == [(1, [0])], "a pause"
    assert voice.stream.rest() == []
    assert voice.say(PAIRS) == []
    assert voice.told(voice.say(PAIRS, pause=15)) == [(2, [0])], "the clock jumped"
    assert voice.told(voice.say((2,), marker=True)) == [(3, [0]), (4, [0])], "the link is better"
    assert voice.say(PAIRS) == []
    assert voice.told(voice.say(PAIRS, marker=True)) == [(5, [0]), (6, [0])], "opened anew"


def test_what_went_out_in_a_pair_is_sent_again_as_a_pair() -> None:
    voice = Voice()
    sent = [packet for place in range(5) for packet in voice.say(PAIRS, marker=place == 0)]
    seqs = [(voice.first + number) & 0xFFFF for number in range(5)]
    assert voice.stream.again(seqs) == sent, "the numbers that never went out are nothing"


async def test_what_the_queue_of_a_full_link_loses_is_no_reason_for_copies() -> None:
    async with sending() as (sender, wire):
        sender.microphone_open = True
        await wire.wait_for(sender.audio_ssrc, 3)
        now = asyncio.get_running_loop().time()

        def lose(highest: int, now: float) -> float:
            block = rtcp.ReportBlock(sender.audio_ssrc, 90, 0, highest, 0, 0, 0)
            sender.take_rtcp(rtcp.build_rr(9, [block], cname="relay"), now)
            return sender._ladder.loss

        remb = rtcp.compound(9, rtcp.build_remb(9, 200_000))
        sender.take_rtcp(remb, now)
        assert lose(50, now + 1) == 0
        sender.take_rtcp(remb, now + 3)
        assert lose(100, now + 3) > 0.1


async def test_a_limit_that_somebody_asks_for_is_obeyed_and_forgotten() -> None:
    async with sending() as (sender, wire):
        sender.microphone_open = True
        await wire.wait_for(sender.audio_ssrc, 1)
        now = asyncio.get_running_loop().time()

        def ask(ssrc: int, bitrate: int) -> None:
            total = bitrate + OVERHEAD_BYTES * 8 * 50
            one = rtcp.Tmmbr(1, ssrc, total, OVERHEAD_BYTES)
            sender.take_rtcp(rtcp.compound(1, rtcp.build_tmmbr(one)), now)
            sender._adjust(now)

        ask(sender.audio_ssrc + 1, BITRATES[2])
        assert sender.settings.bitrate == BITRATES[0], "that was said of somebody else"
        ask(sender.audio_ssrc, BITRATES[2])
        assert sender.settings.bitrate == BITRATES[2]
        sender._adjust(now + LIMIT_FOR_S + 1)
        assert sender.settings.bitrate == BITRATES[0]


def test_who_speaks_over_a_good_link_looks_at_it_when_something_is_said_of_it() -> None:
    sender = Sender(NullMicrophone(), NullCamera(320, 180), fps=10)
    sender.microphone_open = True
    now = time.monotonic()

    def speak(seconds: float) -> int:
        nonlocal now
        for _ in range(round(50 * seconds)):
            now += 0.02
            sender._take_sound(now)
        return sender.settings.bitrate

    assert speak(1.0) == BITRATES[0]
    looked_at = sender._adjusted_at
    assert speak(1.0) == BITRATES[0] and sender._adjusted_at == looked_at
    one = rtcp.Tmmbr(1, sender.audio_ssrc, BITRATES[2] + OVERHEAD_BYTES * 8 * 50, OVERHEAD_BYTES)
    sender.take_rtcp(rtcp.compound(1, rtcp.build_tmmbr(one)), now)
    assert speak(0.2) == BITRATES[2]
    assert speak(LIMIT_FOR_S) == BITRATES[0]
    looked_at = sender._adjusted_at
    assert speak(1.0) == BITRATES[0] and sender._adjusted_at == looked_at


async def test_what_is_asked_for_again_is_said_twice_but_not_on_a_thin_link() -> None:
    async with sending() as (sender, wire):
        sender.microphone_open = True
        packets = await wire.wait_for(sender.audio_ssrc, 3)
        lost = packets[1]
        nack = rtcp.build_nack(1, sender.audio_ssrc, [rtp.parse(lost).seq])
        now = time.monotonic()
        for at in (now, now + 0.01):
            sender.take_rtcp(rtcp.compound(1, nack), at)
        assert wire.packets.count(lost) == 2, "the same request, answered once"
        sender.take_rtcp(rtcp.compound(1, nack), now + 0.1)
        assert wire.packets.count(lost) == 3
        async with asyncio.timeout(30):
            while wire.packets.count(lost) < 4:
                wire.arrived.clear()
                await wire.arrived.wait()
        sender.take_rtcp(rtcp.compound(1, rtcp.build_remb(1, 60_000)), now + 0.2)
        sender.take_rtcp(rtcp.compound(1, nack), time.monotonic() + 0.2)
        count = len(wire.of(sender.audio_ssrc))
        assert wire.packets.count(lost) == 5
        await wire.wait_for(sender.audio_ssrc, count + 20)
        assert wire.packets.count(lost) == 5


async def test_a_thin_uplink_loses_its_picture_and_keeps_its_voice() -> None:
    async with sending() as (sender, wire):
        sender.microphone_open, sender.camera = True, "live"
        await wire.wait_for(sender.video_ssrcs[0], 1)
        remb = rtcp.compound(1, rtcp.build_remb(1, 60_000))
        sender.take_rtcp(remb, asyncio.get_running_loop().time())
        assert sender.settings.video == 0 and sender.video_kbps == 0
        seen = len(wire.of(sender.video_ssrcs[0]))
        heard = len(wire.of(sender.audio_ssrc))
        await wire.wait_for(sender.audio_ssrc, heard + 20)
        assert len(wire.of(sender.video_ssrcs[0])) <= seen + 2, (
            "what was being coded may still go out"
        )


async def test_narrow_voice_is_narrow() -> None:
    async with sending() as (sender, wire):
        sender.set_modes("narrow")
        sender.microphone_open = True
        packets = await wire.wait_for(sender.audio_ssrc, 60)
        assert sender.settings.bitrate == 12_000 and sender.settings.video == 0
        sizes = [len(p) - rtp.parse(p).payload_offset for p in packets[10:]]
        assert 8 * 50 * sum(sizes) / len(sizes) < 16_000, "bit/s"


class Quiet(SyntheticMicrophone):
    """A microphone that hears nothing, or speaks, as it is told."""

    def __init__(self) -> None:
        super().__init__(3)
        self.speaks = False

    def read(self, now: float) -> np.ndarray:
        pcm = super().read(now)
        return pcm if self.speaks else np.zeros_like(pcm)


async def test_silence_costs_next_to_nothing_and_speech_after_it_is_in_time() -> None:
    microphone = Quiet()
    sender = Sender(microphone, SyntheticCamera("Minas", 3, 320, 180, 10), fps=10)
    wire = Wire()
    task = asyncio.get_running_loop().create_task(sender.run(wire))
    try:
        sender.microphone_open = True
        packets = await wire.wait_for(sender.audio_ssrc, 16)
        headers = [rtp.parse(packet) for packet in packets]
        stamps = [rtp.ts_delta(b.ts, a.ts) // 960 for a, b in pairwise(headers)]
        assert max(stamps) >= 15, "one packet in 400 ms"
        microphone.speaks = True
        count = len(wire.of(sender.audio_ssrc))
        spoken = await wire.wait_for(sender.audio_ssrc, count + 10)
        last = [rtp.parse(packet) for packet in spoken[-8:]]
        assert [rtp.ts_delta(b.ts, a.ts) for a, b in pairwise(last)] == [960] * 7
        assert [rtp.seq_delta(b.seq, a.seq) for a, b in pairwise([*headers, *last[-1:]])][0] == 1
    finally:
        await end(task)


async def test_the_round_trip_is_known_from_reports_while_silent() -> None:
    async with sending() as (sender, wire):
        reports = [r for r in rtcp.parse(sender.reports()) if isinstance(r, rtcp.SenderReport)]
        assert [r.ssrc for r in reports] == [sender.audio_ssrc, *sender.video_ssrcs]
        sent = reports[0].ntp >> 16 & 0xFFFFFFFF
        block = rtcp.ReportBlock(sender.audio_ssrc, 0, 0, 0, 0, sent, 0)
        sender.take_rtcp(rtcp.build_rr(1, [block], cname="relay"), 0.0)
        assert 0 <= sender.rtt_ms < 5000
        assert wire.packets == []


async def test_a_thin_link_is_spared_reports_of_pictures_that_it_does_not_carry() -> None:
    async with sending() as (sender, _wire):
        sender.camera = "live"
        for available, pictures in ((10 * THIN, sender.video_ssrcs), (0.6 * THIN, ())):
            sender.take_rtcp(rtcp.build_remb(1, round(available)), time.monotonic())
            reports = [r for r in rtcp.parse(sender.reports()) if isinstance(r, rtcp.SenderReport)]
            assert [r.ssrc for r in reports] == [sender.audio_ssrc, *pictures]


def told(sender: Sender, packet: bytes) -> list[rtcp.Rtcp]:
    """What it sends as probes once a packet of the relay has come."""
    sender.take_rtcp(packet, time.monotonic())
    return [one for probe in sender.probes() for one in rtcp.parse(probe)]


def a_report(sender: Sender) -> bytes:
    (report, *_rest) = rtcp.parse(sender.reports())
    assert isinstance(report, rtcp.SenderReport)
    lsr = (report.ntp >> 16) - 655 & 0xFFFFFFFF
    return rtcp.build_rr(1, [rtcp.ReportBlock(sender.audio_ssrc, 0, 0, 0, 0, lsr, 0)], cname="r")


def test_what_a_link_carries_is_found_before_a_voice_is_sent_over_it_and_not_meanwhile() -> None:
    sender = Sender(SyntheticMicrophone(3), NullCamera(320, 180), fps=10)
    assert sender.probes() == (), "nobody is there yet"
    trains = told(sender, a_report(sender))
    assert {type(one) for one in trains} == {rtcp.Train}
    for _ in range(1, TRAINS):
        sender.probes()
    assert sender.probes() == (), "it was found"
    sender.microphone_open, sender.camera = True, "live"
    assert sender.probes() == ()
    remb = rtcp.compound(1, rtcp.build_remb(1, 100_000))
    assert {type(one) for one in told(sender, remb)} == {rtcp.Probe}
    sender.microphone_open, sender.camera = False, "low"
    assert {type(one) for one in told(sender, remb)} == {rtcp.Train}
    for _ in range(1, TRAINS):
        sender.probes()
    assert {type(one) for one in told(sender, remb)} == {rtcp.Probe}


def test_a_link_that_carries_all_there_is_is_as_good_as_one_of_which_nothing_is_known() -> None:
    sender = Sender(SyntheticMicrophone(3), NullCamera(640, 360), fps=10)
    sender.camera = "live"
    told(sender, rtcp.compound(1, rtcp.build_remb(1, 100_000)))
    assert sender.settings.video < 100_000
    told(sender, rtcp.compound(1, rtcp.build_remb(1, UNLIMITED)))
    assert sender.settings.video == math.inf
