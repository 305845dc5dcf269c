"""The voice's whole way in virtual time: speaker → link → relay → link → listener.

The product's own parts with no sockets and no waiting: 40 s of speech take about 2 s. For choosing
parameters (`tests/bench/voice.py`) and for tests over random links.
"""

import heapq
import itertools
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from agent import rtcp, rtp
from agent.audio import opus
from agent.audio.hop import Blocks, Distances, Frame, Unfolder, VoiceStream, before
from agent.audio.playout import SAMPLES, LinkMemory, Mode, Playout
from agent.forward import UplinkGaps, VoiceSlot
from agent.impair import Direction, Impairment
from agent.reception import ReceptionStats

OPUS, RED = 96, 63
TAG_BYTES = 16
FRAME_S = 0.02


class Way(msgspec.Struct, frozen=True):
    """How the voice is sent: Opus bitrate, and the copies on either hop."""

    bitrate: int = 28_000
    first: Distances = ()
    second: Distances = ()
    mode: Mode = "clear"
    nack: bool = True
    fec: int = 0
    dtx: bool = False


class Heard(msgspec.Struct):
    """What came out: samples, what they cost, and the playout's own figures."""

    pcm: np.ndarray
    up_kbps: float
    down_kbps: float
    playout: Playout
    delays_ms: list[float]


class Path:
    """One speaker and one listener with a relay between; times start at 1000 s."""

    def __init__(self, way: Way, first: Impairment, second: Impairment, salt: str = "") -> None:
        self.now = 1000.0
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = itertools.count()
        self.way = way
        self._links = {
            name: Direction(one, f"{salt}/{name}")
            for name, one in (
                ("up", first),
                ("up-back", first),
                ("down", second),
                ("down-back", second),
            )
        }
        self._rtt = (first.rtt_ms / 1000, second.rtt_ms / 1000)
        self._bytes = {"up": 0, "down": 0}
        self._encoder = opus.Encoder(
            way.bitrate, fec=way.fec > 0, loss_percent=way.fec, dtx=way.dtx
        )
        self._sent = VoiceStream(7, OPUS, RED)
        self._unfolder = Unfolder(OPUS, RED)
        self._gaps = UplinkGaps()
        self._reception = ReceptionStats(7, 48_000)
        self._slot = VoiceSlot("floor", 77, OPUS, RED)
        self._slot.switch("kandis", self.now)
        self._blocks = Blocks(OPUS, RED)
        self.playout = Playout(opus.Decoder(), mode=way.mode, link=LinkMemory())

    def at(self, when: float, call: Callable[..., None], *arguments: Any) -> None:
        heapq.heappush(self._events, (when, next(self._order), call, arguments))

    def _carry(self, name: str, data: bytes, call: Callable[..., None]) -> None:
        if name in self._bytes:
            self._bytes[name] += len(data) + 28 + TAG_BYTES
        arrives = self._links[name].admit(len(data) + TAG_BYTES, self.now)
        if arrives is not None:
            self.at(arrives, call, data)

    def run(self, speech: np.ndarray, seconds: float, pull_phase_s: float = 0.007) -> Heard:
        """`seconds` of the speech, in a loop from its beginning."""
        begin, count = self.now, round(seconds / FRAME_S)
        seq, ts = 65_000, 2**32 - 96_000
        heard, delays = [], []
        for n in range(count):
            at = begin + n * FRAME_S
            pcm = np.take(speech, range(n * 960, (n + 1) * 960), mode="wrap")
            self.at(at, self._speak, pcm, (seq + n) & 0xFFFF, (ts + n * 960) & 0xFFFFFFFF)
            self.at(at + 0.003, self._ask_up)
            self.at(at + 0.013, self._ask_up)
        self.at(begin + pull_phase_s, self._pull, heard, delays)
        while self._events and self._events[0][0] < begin + seconds:
            self.now, _order, call, arguments = heapq.heappop(self._events)
            call(*arguments)
        kbps = {name: 8 * size / 1000 / seconds for name, size in self._bytes.items()}
        return Heard(np.concatenate(heard), kbps["up"], kbps["down"], self.playout, delays)

    # -- speaker ---------------------------------------------------------------------------------

    def _speak(self, pcm: np.ndarray, seq: int, ts: int) -> None:
        data = self._encoder.encode(pcm)
        self._sent.add(Frame(seq, ts, data, False, 30))
        if before(self.way.first) and seq % 2:
            return
        packet = self._sent.packet(seq, self.way.first, self.now)
        assert packet is not None
        self._carry("up", packet, self._arrive)

    def _again(self, seqs: list[int]) -> None:
        for seq in seqs:
            if before(self.way.first) and seq % 2:
                continue
            packet = self._sent.packet(seq, self.way.first, self.now)
            if packet is not None:
                self._carry("up", packet, self._arrive)

    # -- relay -----------------------------------------------------------------------------------

    def _arrive(self, packet: bytes) -> None:
        header = rtp.parse(packet)
        frames = self._unfolder.push(header, packet[header.payload_offset :])
        distances, rtt_s = self._unfolder.distances, self._rtt[0]
        self._reception.received(
            header.seq, header.ts, self.now, sent=header.send_time, before=before(distances)
        )
        jitter_ms = self._reception.jitter_ms
        _misses, noted = self._gaps.push_frames(
            frames, header.seq, self.now, distances, rtt_s, jitter_ms
        )
        for frame in noted:
            seq = self._slot.take("kandis", 7, frame, self.now)
            if seq is not None:
                self._forward([seq])

        self._ask_up()

    def _ask_up(self) -> None:
        seqs = self._gaps.due(self.now, self._rtt[0])
        if seqs and self.way.nack:
            data = rtcp.compound(1, rtcp.build_nack(1, 7, seqs))
            self._carry("up-back", data, lambda _data: self._again(seqs))

    def _forward(self, seqs: list[int]) -> None:
        for seq in seqs:
            if before(self.way.second) and seq % 2:
                continue
            packet = self._slot.packet(seq, self.way.second, "listener", self.now)
            if packet is not None:
                self._carry("down", packet, self._hear)

    # -- listener --------------------------------------------------------------------------------

    def _hear(self, packet: bytes) -> None:
        header = rtp.parse(packet)
        blocks = self._blocks.of(header, packet[header.payload_offset :])
        if self.playout.push(
            header.seq,
            header.ts,
            blocks,
            self.now,
            marker=header.marker,
            recovered=header.recovered,
            sent=header.send_time,
            distances=self._blocks.distances,
        ):
            self._ask_down()

    def _ask_down(self) -> None:
        seqs = self.playout.missing(self.now, self._rtt[1])
        if seqs and self.way.nack:
            data = rtcp.compound(1, rtcp.build_nack(1, 77, seqs))
            self._carry("down-back", data, lambda _data: self._forward(seqs))

    def _pull(self, heard: list[np.ndarray], delays: list[float]) -> None:
        pcm = self.playout.pull(self.now)
        early_s = self.playout.early_s
        self.playout.moved(early_s)
        heard.append(pcm[: SAMPLES - round(early_s * 48_000)])
        delays.append(self.playout.delay_ms)
        self.at(self.now + 0.001, self._ask_down)
        self.at(self.now + FRAME_S - early_s, self._pull, heard, delays)
