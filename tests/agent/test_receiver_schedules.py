"""A whole receiver under random schedules: real frames of Opus, all slots, one loudspeaker."""

import random
import time
from collections import deque
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent import lines, rtcp, rtp, voice
from agent.audio import opus
from agent.audio.delay import CONVERSATION_MAX_S, Mode
from agent.audio.hop import ONE_COPY, PAIRS, TWINS, Distances, Frame, VoiceStream
from agent.audio.ladder import CLEAR, CONVERSATION
from agent.audio.mixer import LIMIT
from agent.audio.playout import FRAME_S, SAMPLES, Playout
from agent.batches import Batches
from agent.forward import VoiceSlot
from agent.receiver import Receiver
from protocol.messages import AUDIO_SLOTS, VIDEO_SLOTS, SlotName

SEED = st.integers(0, 2**32)
SETS: list[Distances] = [(), PAIRS, TWINS, ONE_COPY, *CONVERSATION, *CLEAR]
MODES: list[Mode] = ["auto", "conversation", "clear"]
SPEAKERS = (0, 2, 4, 6)
TYPES = (lines.OPUS_PAYLOAD_TYPE, lines.RED_PAYLOAD_TYPE)
SPOKEN = 150
KEPT = 20_000
"""Elements that a receiver may hold on to: windows of four slots, and what pictures wait for."""

AUDIBLE = 0.05
"""A voice is 0.7 loud and more. What libopus makes of a lost frame of one has up to 0.04 at the
tones of others, who need not be there."""

CLICK = 4000
"""From one sample to the next: both tones together at most 2000."""


class Room:
    """A loudspeaker that remembers, and no screen."""

    def __init__(self) -> None:
        self.sound: list[np.ndarray] = []

    def write(self, pcm: np.ndarray, now: float) -> None:
        assert pcm.ndim == 1 and 0 < len(pcm) <= SAMPLES and pcm.dtype == np.int16
        self.sound.append(pcm.copy())

    def show(self, slot: str, picture: object, now: float) -> None:
        pass

    def close(self) -> None:
        pass


@lru_cache
def frames_of(site: int) -> list[bytes]:
    """The first seconds of a site's known voice."""
    encoder = opus.Encoder()
    return [encoder.encode(voice.waveform(site, n * SAMPLES, SAMPLES)) for n in range(SPOKEN)]


def elements(one: object, seen: set[int]) -> int:
    """How many things an object holds on to, all the way down."""
    if id(one) in seen or isinstance(one, np.ndarray | np.random.Generator | type):
        return 0
    seen.add(id(one))
    if isinstance(one, dict):
        return len(one) + sum(elements(part, seen) for part in one.values())
    if isinstance(one, list | tuple | set | deque):
        return len(one) + sum(elements(part, seen) for part in one)
    held = [getattr(one, name, None) for name in getattr(one, "__slots__", ())]
    held += list(getattr(one, "__dict__", {}).values())
    return sum(elements(part, seen) for part in held)


class Floor:
    """One slot of the relay, its speakers, and the bad link to the room."""

    def __init__(self, name: SlotName, rng: random.Random, now: float) -> None:
        self.rng = rng
        self.slot = VoiceSlot(name, lines.SLOT_SSRC[name], *TYPES)
        self.batches = Batches()
        self.batch = self.batches.of(())
        self._rest: list[int] = []
        self.coming: list[tuple[float, bytes, int, int]] = []
        self.turn = self.newest = 0
        self.history: list[tuple[float, int]] = []
        self._place, self._offset = 0, 0
        self.speaker = -1
        self.next_speaker(now)

    def next_speaker(self, now: float) -> None:
        rng = self.rng
        self.speaker = rng.choice([one for one in SPEAKERS if one != self.speaker])
        self._place, self._offset = rng.randrange(20), rng.randrange(2**32)
        self.loss, self.jitter_s = rng.choice((0, 0.1, 0.3)), rng.choice((0.0, 0.03, 0.15))
        self._rest = self.batch.give_up(self.slot.ssrc)
        self.batch = self.batches.of(rng.choice(SETS))
        self.slot.switch(str(self.speaker), now)
        self.turn += 1

    def speak(self, now: float) -> None:
        """20 ms of the one who has it."""
        self._place = (self._place + 1) % SPOKEN
        ts = self._offset * SAMPLES & 0xFFFFFFFF
        frame = Frame(self._offset & 0xFFFF, ts, frames_of(self.speaker)[self._place])
        self._offset += 1
        kept = self.slot.take(str(self.speaker), self.speaker, frame, now)
        going = [(number, ()) for number in self._rest]
        self._rest = []
        if kept is not None:
            going += self.batch.next_packets(self.slot.ssrc, kept, now)
        going += [(number, ()) for number in self.batch.overdue(self.slot.ssrc, now)]
        for number, copies in going:
            packet = self.slot.packet(number, copies, "room", now)
            out = self.slot.frame(number)
            assert packet is not None and out is not None
            # What waited for the second of a pair is of the one before.
            turn = self.turn - (out.source != str(self.speaker))
            for _ in range(self.rng.choice((1, 1, 1, 2))):
                if self.rng.random() >= self.loss:
                    at = now + 0.03 + self.rng.random() * self.jitter_s
                    self.coming.append((at, packet, int(out.source), turn))

    def arrive(self, receiver: Receiver, now: float) -> None:
        """What is there now; from when on whose sound may be heard alone."""
        self.coming.sort(key=lambda one: one[0])
        while self.coming and self.coming[0][0] <= now:
            at, packet, speaker, turn = self.coming.pop(0)
            receiver.take(packet, at)
            # A late packet of the one before does not bring him back.
            if turn > self.newest:
                self.newest = turn
                self.history.append((now, speaker))


@settings(max_examples=12, deadline=None)
@given(SEED, st.sampled_from(MODES))
@example(35574109, "conversation")
def test_whoever_left_a_slot_is_heard_no_more_and_there_is_no_click(seed: int, mode: Mode) -> None:
    rng = random.Random(seed)
    room = Room()
    receiver = Receiver(room, room)
    receiver.mode = mode
    begin = time.monotonic()
    floor = Floor("floor", rng, begin)
    played_to = begin
    for tick in range(400):
        now = begin + tick * FRAME_S
        if tick and rng.random() < 0.03:
            floor.next_speaker(now)
        floor.speak(now)
        while played_to <= now:
            floor.arrive(receiver, played_to)
            played_to += receiver.play(played_to)
    sound = np.concatenate(room.sound)
    assert len(sound) == pytest.approx((played_to - begin) * voice.RATE, abs=1)
    steps = np.abs(np.diff(sound.astype(np.int32)))
    assert steps.max() < CLICK
    measured = voice.levels(sound, list(SPEAKERS))
    heard = {site: float(measured.values[site].max()) for site in SPEAKERS}
    assert max(heard.values()) > 0.5, "somebody is heard at all"
    for number, (since, speaker) in enumerate(floor.history):
        until = floor.history[number + 1][0] if number + 1 < len(floor.history) else now
        for hop in range(measured.hops):
            middle = begin + measured.centre_s(hop)
            half = voice.WINDOW / voice.RATE / 2
            if since + FRAME_S <= middle - half and middle + half <= until:
                others = [measured.values[site][hop] for site in SPEAKERS if site != speaker]
                assert max(others) < AUDIBLE, f"{middle - since:.3f} s after {speaker} began"


class Constant:
    """A decoder of the loudest sound there is, always on one side."""

    def __init__(self, value: int) -> None:
        self._frame = np.full(SAMPLES, value / 32768, dtype=np.float32)

    def decode(self, packet: bytes) -> np.ndarray:
        return self._frame

    def decode_fec(self, next_packet: bytes) -> np.ndarray:
        return self._frame

    def conceal(self) -> np.ndarray:
        return self._frame

    def reset(self) -> None:
        pass

    def keep(self) -> None:
        pass

    def back(self) -> None:
        pass


@settings(max_examples=12, deadline=None)
@given(SEED, st.sampled_from([32767, -32768]), st.integers(0, 100))
def test_however_many_shout_at_once_it_is_never_beyond_full_scale(
    seed: int, value: int, volume: int
) -> None:
    rng = random.Random(seed)
    room = Room()
    receiver = Receiver(room, room)
    receiver.volume = volume
    begin = time.monotonic()
    for audio in receiver._audio.values():
        audio.playout = Playout(Constant(value), mode="conversation")
    floors = [Floor(name, rng, begin) for name in AUDIO_SLOTS]
    several = 0
    for tick in range(150):
        now = begin + tick * FRAME_S
        for floor in floors:
            if rng.random() < 0.02:
                floor.next_speaker(now)
            if rng.random() < 0.9:
                floor.speak(now)
            floor.arrive(receiver, now)
        receiver.play(now)
        loud = sum(abs(audio.level) < 10 for audio in receiver._audio.values())
        several += loud > 1
        pcm = room.sound[-1].astype(np.int32)
        wrong_side = pcm.max() if value < 0 else -pcm.min()
        assert wrong_side <= 3000, "what is beyond full scale comes back on the other side"
        if loud > 1:
            assert np.abs(pcm).max() <= LIMIT * volume / 100 + 1
    assert several > 10, "they do shout at once"


SSRCS = list(lines.SLOT_OF_SSRC)


def hostile(rng: random.Random) -> bytes:
    """A packet that may be anything, but often looks like one of a slot."""
    kind = rng.random()
    if kind < 0.1:
        return rng.randbytes(rng.randrange(60))
    payload = rng.choice(frames_of(0)) if rng.random() < 0.6 else rng.randbytes(rng.randrange(80))
    payload_type = rng.choice((*TYPES, *TYPES, lines.VP8_PAYLOAD_TYPE, 13))
    if payload_type == lines.RED_PAYLOAD_TYPE and rng.random() < 0.7:
        stream = VoiceStream(1, *TYPES)
        for number in range(8):
            stream.add(Frame(number, number * SAMPLES, rng.choice(frames_of(0))))
        inner = stream.packet(7, rng.choice(SETS), 0.0) or b""
        payload = inner[rtp.parse(inner).payload_offset :]
    packet = bytearray(
        rtp.build(
            payload_type,
            rng.choice((rng.randrange(0x10000), rng.randrange(40))),
            rng.choice((rng.randrange(2**32), rng.randrange(200) * SAMPLES)),
            rng.choice(SSRCS),
            payload,
            marker=rng.random() < 0.1,
            audio_level=rng.choice((None, rng.randrange(128))),
            send_time=rng.choice((None, rng.randrange(1 << 24))),
        )
    )
    for _ in range(rng.choice((0, 0, 0, 1, 3))):
        packet[rng.randrange(len(packet))] = rng.randrange(256)
    return bytes(packet[: rng.choice((len(packet), len(packet), rng.randrange(len(packet) + 1)))])


@settings(max_examples=12, deadline=None)
@given(SEED, st.sampled_from(MODES))
def test_whatever_comes_there_are_20_ms_each_time_and_memory_is_bounded(
    seed: int, mode: Mode
) -> None:
    rng = random.Random(seed)
    room = Room()
    asked: list[bytes] = []
    receiver = Receiver(room, room)
    receiver._ask = asked.append
    receiver.mode = mode
    receiver.sources = {name: str(n) for n, name in enumerate((*AUDIO_SLOTS, *VIDEO_SLOTS))}
    begin = time.monotonic()
    for tick in range(400):
        now = begin + tick * FRAME_S
        for _ in range(rng.choice((0, 2, 5))):
            receiver.take(hostile(rng), now + rng.uniform(-0.3, 0))
        receiver.play(now)
        assert len(room.sound) == tick + 1
        if tick % 50 == 0:
            reading = receiver.reading()
            assert 0 <= reading.loss_percent <= 100 and 0 <= reading.gap_percent <= 100
            assert reading.mos == 0 or 1 <= reading.mos_cq <= reading.mos <= 4.5
            assert rtcp.parse(receiver.report())
            receiver.rtt_ms = rng.choice((0.0, 60.0, 500.0))
    assert elements(receiver, {id(room), id(asked)}) < KEPT
    for packet in asked:
        assert rtcp.parse(packet), "what is asked for is well formed"


def test_after_a_minute_of_silence_the_next_word_is_there_at_once() -> None:
    """The microphone is open and nobody speaks: the encoder of a real sender falls silent (DTX)."""
    room = Room()
    receiver = Receiver(room, room)
    stream = VoiceStream(lines.SLOT_SSRC["floor"], *TYPES)
    encoder = opus.Encoder(dtx=True)
    begin, seq, silent = time.monotonic(), 0, 60 * 50
    quiet = np.zeros(SAMPLES, dtype=np.int16)
    word_at = 50 + silent
    for tick in range(word_at + 60):
        now = begin + tick * FRAME_S
        speaks = tick < 50 or tick >= word_at
        data = encoder.encode(voice.waveform(2, tick * SAMPLES, SAMPLES) if speaks else quiet)
        if len(data) > opus.DTX_BYTES or not tick:
            seq += 1
            ts = (2**32 - 1000 + tick * SAMPLES) & 0xFFFFFFFF
            stream.add(Frame(seq & 0xFFFF, ts, data, tick == 0))
            packet = stream.packet(seq & 0xFFFF, (), now)
            assert packet is not None
            receiver.take(packet, now)
        receiver.play(now)
        if tick == word_at - 1:
            assert seq < 100 + silent / 15, "it is silent indeed"
            room.sound, last = [], room.sound[-50:]
    assert max(int(np.abs(pcm.astype(int)).max()) for pcm in last) < 50
    loud = [np.abs(pcm.astype(int)).max() > 2000 for pcm in room.sound]
    assert loud.index(True) * FRAME_S <= CONVERSATION_MAX_S
    assert all(loud[loud.index(True) :]), "and goes on"
    slot = receiver._audio["floor"]
    assert slot.playout.aim.voice == "conversation" and slot.playout.stats.lost == 0
    assert elements(receiver, {id(room)}) < KEPT
