"""One slot under random schedules of packets: what must hold whatever the network does."""

import math
import random
from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.audio.delay import (
    CLEAR_FLOOR_S,
    CLEAR_MAX_S,
    CONVERSATION_FLOOR_S,
    CONVERSATION_MAX_S,
    LinkMemory,
    Mode,
)
from agent.audio.hop import ONE_COPY, PAIRS, TWINS, Distances, before
from agent.audio.ladder import CLEAR, CONVERSATION
from agent.audio.lateness import LONG_WINDOW_FRAMES
from agent.audio.playout import (
    CONCEAL_FRAMES,
    FRAME_S,
    MAX_FRAMES,
    MAX_MISSING,
    RATE,
    SAMPLES,
    Playout,
)

MODES: list[Mode] = ["auto", "conversation", "clear"]
SETS: list[Distances] = [(), PAIRS, TWINS, ONE_COPY, *CONVERSATION, *CLEAR]
SEED = st.integers(0, 2**32)
KEPT = LONG_WINDOW_FRAMES + 500 + 150 + 6 * MAX_FRAMES + MAX_MISSING + 100
"""Elements that one playout may hold on to."""

LOUD = 32767
NOISE = 3000 / 32768
"""Noise of the room may be put where nothing is: 40 dB below full scale at most, nine sigma."""


class Constant:
    """A decoder of the loudest sound there is, always on one side; 2 % of its packets damaged."""

    def __init__(self, value: int, rng: random.Random) -> None:
        self._frame = np.full(SAMPLES, value / 32768, dtype=np.float32)
        self._rng = rng

    def decode(self, packet: bytes) -> np.ndarray:
        if self._rng.random() < 0.02:
            raise ValueError("damaged")
        return self._frame

    def decode_fec(self, next_packet: bytes) -> np.ndarray:
        return self.decode(next_packet)

    def conceal(self) -> np.ndarray:
        return self._frame.copy()

    def reset(self) -> None:
        pass

    def keep(self) -> None:
        pass

    def back(self) -> None:
        pass


class Numbered:
    """A decoder whose sound tells the packet: its first sample but one, and as loud as speech."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self._kept = 0

    def decode(self, packet: bytes) -> np.ndarray:
        self.heard.append(int(packet))
        return np.full(SAMPLES, 8000 / 32768, dtype=np.float32)

    def decode_fec(self, next_packet: bytes) -> np.ndarray:
        return np.full(SAMPLES, 8000 / 32768, dtype=np.float32)

    def conceal(self) -> np.ndarray:
        return np.full(SAMPLES, 8000 / 32768, dtype=np.float32)

    def reset(self) -> None:
        pass

    def keep(self) -> None:
        self._kept = len(self.heard)

    def back(self) -> None:
        del self.heard[self._kept :]


class Sender:
    """A slot as the relay sends it: numbers go on over every change, timestamps by the time that
    passed; with copies of earlier frames; pauses are not sent, the clock may jump."""

    def __init__(self, rng: random.Random, distances: Distances = ()) -> None:
        self.rng, self.distances = rng, distances
        self.seq, self.ts = rng.randrange(0xFF00, 0x10000), 2**32 - rng.randrange(100_000)
        self.said: list[tuple[int, int, int]] = []
        self._spoken = 0
        self._waits = False

    def say(self, *, marker: bool = False) -> tuple[int, int, list[tuple[int, bytes]]] | None:
        """The next frame; what goes out, None when it waits for the second of a pair."""
        self.seq, self.ts, self._spoken = self.seq + 1, self.ts + SAMPLES, self._spoken + 1
        self.said.append((self.seq, self.ts, self._spoken))
        if before(self.distances) and not marker and not self._waits:
            self._waits = True
            return None
        copies = [] if marker else [
            (SAMPLES * distance, b"%d" % number)
            for distance in sorted(self.distances, reverse=True)
            for seq, ts, number in self.said[-1 - distance : -distance]
            if (seq, ts) == (self.seq - distance, self.ts - SAMPLES * distance)
        ]  # fmt: skip
        if self.distances == TWINS and len(copies) < len(TWINS):
            copies = copies[-1:]
        self._waits = False
        return self.seq & 0xFFFF, self.ts & 0xFFFFFFFF, [*copies, (0, b"%d" % self._spoken)]

    def pause(self, frames: int) -> None:
        self.ts += frames * SAMPLES

    def jump(self, samples: int) -> None:
        self.ts += samples


def elements(one: object, seen: set[int] | None = None) -> int:
    """How many things an object holds on to, all the way down."""
    seen = set() if seen is None else seen
    if id(one) in seen or isinstance(one, np.ndarray | np.random.Generator):
        return 0
    seen.add(id(one))
    if isinstance(one, dict):
        return len(one) + sum(elements(part, seen) for part in one.values())
    if isinstance(one, list | tuple | set | deque):
        return len(one) + sum(elements(part, seen) for part in one)
    held = [getattr(one, name, None) for name in getattr(one, "__slots__", ())]
    held += list(getattr(one, "__dict__", {}).values())
    return sum(elements(part, seen) for part in held)


def hurl(rng: random.Random, playout: Playout, seconds: float, begin: float) -> list[np.ndarray]:
    """Bad weather: floor switches, loss, jitter, packets doubled, clocks that jump, pauses."""
    sender = Sender(rng, rng.choice(SETS))
    loss, jitter_s = rng.choice((0, 0.1, 0.5)), rng.choice((0.0, 0.05, 0.4))
    coming: list[tuple[float, int, int, list[tuple[int, bytes]], bool]] = []
    heard = []
    for tick in range(round(seconds / FRAME_S)):
        now = begin + tick * FRAME_S
        marker = tick == 0 or rng.random() < 0.02
        if marker:
            sender.jump(rng.randrange(1, 48_000))
        elif rng.random() < 0.03:
            sender.pause(rng.randrange(1, 100))
        elif rng.random() < 0.01:
            sender.jump(rng.randrange(-500_000, 500_000))
        packet = sender.say(marker=marker)
        if packet is not None:
            for _ in range(rng.choice((1, 1, 1, 2))):
                if rng.random() >= loss:
                    coming.append((now + rng.random() * jitter_s, *packet, marker))
        if rng.random() < 0.01:
            sender.distances = rng.choice(SETS)
            playout.aim.mode = rng.choice(MODES)
        coming.sort(key=lambda one: one[0])
        while coming and coming[0][0] <= now:
            at, seq, ts, blocks, begins = coming.pop(0)
            playout.push(seq, ts, blocks, at, marker=begins)
        heard.append(playout.pull(now))
        playout.missing(now, rng.random() * 0.2)
    return heard


@settings(max_examples=25, deadline=None)
@given(SEED, st.sampled_from(MODES), st.sampled_from([LOUD, -LOUD - 1]))
def test_in_any_weather_20_ms_each_time_never_beyond_full_scale_and_memory_is_bounded(
    seed: int, mode: Mode, value: int
) -> None:
    rng = random.Random(seed)
    playout = Playout(Constant(value, rng), mode=mode, link=LinkMemory())
    for part in range(3):
        for pcm in hurl(rng, playout, 4.0, 100.0 + part * 10):
            assert pcm.shape == (SAMPLES,) and pcm.dtype == np.float32
            assert np.abs(pcm).max() <= 1.0
            wrong_side = pcm.max() if value < 0 else -pcm.min()
            assert wrong_side <= NOISE, "what is beyond full scale comes back on the other side"
        assert len(playout._frames) <= MAX_FRAMES and len(playout._missing) <= MAX_MISSING
        assert elements(playout) < KEPT


@settings(max_examples=40, deadline=None)
@given(SEED, st.sampled_from(MODES))
def test_after_any_weather_the_next_speaker_is_heard_whole_and_soon(seed: int, mode: Mode) -> None:
    rng = random.Random(seed)
    decoder = Numbered()
    playout = Playout(decoder, mode=mode, link=LinkMemory())
    hurl(rng, playout, 2.0, 100.0)
    playout.aim.mode = mode
    assert playout._highest is not None
    seq, ts = playout._highest + 1, playout._highest_stamp + rng.randrange(48_000)
    decoder.heard.clear()
    at, first_at = 105.0, None
    for number in range(1, 101):
        payload = b"%d" % (50_000 + number)
        playout.push(
            (seq + number) & 0xFFFF, (ts + number * SAMPLES) & 0xFFFFFFFF, payload, at,
            marker=number == 1,
        )  # fmt: skip
        playout.pull(at + 0.001)
        if first_at is None and 50_001 in decoder.heard:
            first_at = at
        at += FRAME_S
    for _ in range(60):
        playout.pull(at)
        at += FRAME_S
    heard = [number - 50_000 for number in decoder.heard if number > 50_000]
    assert heard == list(range(1, 101))
    longest_s = CONVERSATION_MAX_S if playout.aim.voice == "conversation" else CLEAR_MAX_S
    assert first_at is not None and first_at - 105.0 <= longest_s + FRAME_S


@settings(max_examples=60, deadline=None)
@given(
    SEED, st.sampled_from(SETS), st.sampled_from(MODES), st.floats(0, 0.3), st.floats(0, 0.05),
    st.integers(0, 5),
)  # fmt: skip
def test_whatever_copies_there_are_frames_are_heard_in_order_each_once(
    seed: int, distances: Distances, mode: Mode, loss: float, jitter_s: float, again: int
) -> None:
    """`again`: so many of ten lost packets come a while later, as an answer would."""
    rng = random.Random(seed)
    decoder, sender = Numbered(), Sender(rng, distances)
    playout = Playout(decoder, mode=mode)
    coming = []
    reached: dict[int, float] = {}  # how late it came first, in whichever packet
    heard: list[int] = []
    for place in range(200):
        packet = sender.say(marker=place == 0)
        at = 50.0 + place * FRAME_S
        if packet is None:
            continue
        is_lost = place > 0 and rng.random() < loss
        if not is_lost or rng.randrange(10) < again:
            late_s = 0.09 if is_lost else rng.random() * jitter_s
            coming.append((at + late_s, *packet, place == 0))
            for offset, data in packet[2]:
                late = late_s + offset / RATE
                reached[int(data)] = min(late, reached.get(int(data), math.inf))
    coming.sort(key=lambda one: one[0])
    for tick in range(290):
        now = 50.0 + tick * FRAME_S
        while coming and coming[0][0] <= now:
            when, seq, ts, blocks, begins = coming.pop(0)
            playout.push(seq, ts, blocks, when, marker=begins)
        played = playout.stats.played
        playout.pull(now)
        heard += decoder.heard[len(decoder.heard) - playout.stats.played + played :]
        playout.missing(now, 0.06)
    assert heard == sorted(set(heard))
    # What came too late is told to the decoder, too, in its place.
    assert decoder.heard == sorted(set(decoder.heard)) and set(heard) <= set(decoder.heard)
    assert set(decoder.heard) <= set(reached) and playout.stats.played == len(heard)
    assert 0 <= playout.stats.late and len(heard) + playout.stats.late >= len(reached)
    if not loss and not jitter_s:
        assert playout.stats.lost == playout.stats.late == 0
        assert playout.stats.concealed <= CONCEAL_FRAMES, "at its end"
    if mode == "clear":
        in_time = {number for number, late in reached.items() if late < CLEAR_FLOOR_S - 2 * FRAME_S}
        assert in_time <= set(heard), "there was time for them"


@pytest.mark.parametrize("distances", [PAIRS, TWINS], ids=str)
@pytest.mark.parametrize("mode", MODES)
def test_pairs_are_no_loss_and_cost_a_frame_of_delay_at_most(
    distances: Distances, mode: Mode
) -> None:
    delays = {}
    for copies in ((), distances):
        decoder, sender = Numbered(), Sender(random.Random(1), copies)
        playout = Playout(decoder, mode=mode)
        for place in range(400):
            packet = sender.say(marker=place == 0)
            now = 50.0 + place * FRAME_S
            if packet is not None:
                assert not playout.push(*packet, now, marker=place == 0)
            playout.pull(now + 0.005)
            assert playout.missing(now, 0.1) == []
        stats = playout.stats
        assert (stats.lost, stats.late, stats.concealed, stats.recovered) == (0, 0, 0, 0)
        assert playout.aim.voice == ("clear" if mode == "clear" else "conversation")
        delays[copies] = playout.delay_ms
    assert delays[distances] - delays[()] <= 1000 * FRAME_S + 1


def test_twins_bring_back_the_pair_that_was_lost() -> None:
    decoder, sender = Numbered(), Sender(random.Random(1), TWINS)
    playout = Playout(decoder, mode="clear")
    for place in range(400):
        packet = sender.say(marker=place == 0)
        if packet is not None and place % 12 != 2:
            playout.push(*packet, 50.0 + place * FRAME_S, marker=place == 0)
        playout.pull(50.0 + place * FRAME_S + 0.005)
    assert decoder.heard == list(range(1, len(decoder.heard) + 1)) and len(decoder.heard) > 350
    assert playout.stats.lost > 30 and playout.stats.concealed == 0


def test_ten_minutes_in_which_somebody_only_breathes_now_and_then() -> None:
    """DTX keeps the line alive; no frame is taken for lost, and the next word is there at once."""
    decoder = Numbered()
    playout = Playout(decoder)
    seq, now, begin = 0, 1000.0, 1000.0
    silent_frames = 10 * 60 * 50
    for tick in range(50 + silent_frames + 50):
        now = begin + tick * FRAME_S
        in_pause = 50 <= tick < 50 + silent_frames
        if not in_pause or tick % 20 == 0:
            seq += 1
            ts = (2**32 - 1000 + tick * SAMPLES) & 0xFFFFFFFF
            playout.push(seq & 0xFFFF, ts, b"%d" % seq, now, marker=tick == 0)
        playout.pull(now + 0.005)
    assert decoder.heard == list(range(1, len(decoder.heard) + 1))
    assert playout.aim.voice == "conversation", "a pause is not a bad link"
    assert (seq - len(decoder.heard)) * FRAME_S <= CONVERSATION_FLOOR_S + 2 * FRAME_S
    stats = playout.stats
    assert (stats.lost, stats.late, stats.recovered) == (0, 0, 0)
    assert elements(playout, {id(decoder)}) < KEPT


@pytest.mark.parametrize(("lost", "voice"), [(False, "conversation"), (True, "clear")])
def test_pauses_of_speech_do_not_make_a_link_bad_and_losses_between_them_do(
    lost: bool, voice: str
) -> None:
    link, delays = LinkMemory(), []
    playout = Playout(Numbered(), link=link)
    seq = 0
    for tick in range(1500):
        now = 100.0 + tick * FRAME_S
        if tick % 75 < 45 or tick % 75 == 65:  # half a second of nothing, but for one breath
            seq += 1
            if not lost or tick % 20 or not tick:
                playout.push(seq, tick * SAMPLES, b"%d" % seq, now, marker=tick == 0)
        playout.pull(now + 0.005)
        delays.append(playout.delay_ms / 1000)
    assert playout.aim.voice == voice and (link.disturbed > 0) == lost
    assert (max(delays) < CONVERSATION_FLOOR_S + 2 * FRAME_S) == (not lost)


@settings(max_examples=40, deadline=None)
@given(SEED, st.floats(0.0, 0.6), st.floats(0.05, 0.4))
def test_a_hole_is_never_concealed_for_long_and_silence_is_no_more_than_noise(
    seed: int, loss: float, hole_s: float
) -> None:
    """After 100 ms without anything there is silence, or noise softer than the speech by far."""
    rng = random.Random(seed)
    playout = Playout(Constant(8000, random.Random(2)), mode="conversation")
    holes = [(1.0 + n, 1.0 + n + hole_s) for n in range(3)]
    dead = 0
    for tick in range(250):
        now = 100.0 + tick * FRAME_S
        if not any(begin <= now - 100 < end for begin, end in holes) and rng.random() >= loss:
            playout.push(tick, tick * SAMPLES, b"x", now, marker=tick == 0)
        pcm = playout.pull(now + 0.001)
        waiting = len(playout._frames)
        loud = np.abs(pcm).max() > NOISE
        dead = 0 if waiting else dead + 1
        if dead > CONCEAL_FRAMES + 1:
            assert not loud
    assert math.isfinite(playout.delay_ms)
