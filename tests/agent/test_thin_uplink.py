"""Somebody whose uplink is thin has the floor, in virtual time: how late his voice is heard, and
what becomes of his picture. The real ends of both hops, and a camera whose pictures are coded."""

import statistics
from typing import Any

import numpy as np
import pytest

from agent import lines, rtp, voice
from agent.devices import RATE, SAMPLES, SyntheticCamera
from agent.impair import Impairment
from tests.bench.path import Path, Site

DECK_S, TURN_S, APART_S = 6.0, 6.0, 10.0
NUMBER = 3


class Turn:
    """What was heard and seen of a turn: of each frame of the voice how old it was (ms), of each
    picture its name, and how long after the beginning it was whole (ms)."""

    def __init__(self) -> None:
        self.voice_ms: list[float] = []
        self.pictures: list[tuple[str, float]] = []

    def median_ms(self) -> float:
        return statistics.median(self.voice_ms)

    def per_s(self, name: str) -> float:
        return sum(1 for one, _ms in self.pictures if one == name) / TURN_S


class Meeting(Path):
    """A site that is idle, on deck, has the floor. `link`: of it, both ways."""

    def __init__(self, link: str, speech: np.ndarray | None = None) -> None:
        super().__init__("auto", Impairment.parse(link), Impairment())
        self.turn = Turn()
        with self.clock():
            camera = SyntheticCamera("Minas", NUMBER, 640, 360, 10)
            self.site, other = self.connect(tone() if speech is None else speech, camera)
            self.route({})
            self.tick()
        self._hear(other)

    def _hear(self, other: Site) -> None:
        spoken: dict[bytes, float] = {}

        def keep(now: float, *rest: Any) -> None:
            spoken.setdefault(rest[-1], now)

        self.site.sender.keep = keep
        self.play = other.receiver._audio["floor"].playout
        decoder: Any = self.play._decoder
        decode, take = decoder.decode, other.links.downlink._take_rtp

        def note_frame(data: bytes) -> np.ndarray:
            if data in spoken:
                self.turn.voice_ms.append(1000 * (self.now - spoken[data]))
            return decode(data)

        def note_picture(packet: bytes, now: float) -> None:
            header = rtp.parse(packet)
            slot = lines.SLOT_OF_SSRC[header.ssrc]
            if header.marker and slot.startswith("main"):
                self.turn.pictures.append((slot, 1000 * (now - self._began_at)))
            take(packet, now)

        decoder.decode, other.links.downlink._take_rtp = note_frame, note_picture

    def change(self, link: str) -> None:
        """The uplink is another one from now on."""
        self.site.up.direction.change(Impairment.parse(link))

    def wait(self, seconds: float) -> None:
        with self.clock():
            self.run_until(self.now + seconds)

    def deck(self) -> None:
        """It is called next."""
        with self.clock():
            self.site.sender.camera = "low"
            self.route({}, deck="speaker")

    def speak(self) -> Turn:
        """A turn, and the time until the next one."""
        self.turn, self._began_at = Turn(), self.now
        sender = self.site.sender
        with self.clock():
            sender.microphone_open, sender.camera = True, "live"
            self.route({"floor": "speaker", "main": "speaker"})
            self.run_until(self._began_at + TURN_S)
            sender.microphone_open, sender.camera = False, "off"
            self.route({})
        return self.turn


def tone() -> np.ndarray:
    """A voice that never pauses: what it is late by once, it is late by until the end."""
    return voice.waveform(NUMBER, 0, voice.PERIOD_SAMPLES)


@pytest.mark.parametrize(("rate", "most_ms"), [(64, 250), (128, 200), (256, 200)])
def test_in_his_first_turn_as_in_later_ones_a_voice_is_heard_soon(
    rate: int, most_ms: float
) -> None:
    meeting = Meeting("rtt=20ms")
    meeting.wait(8)
    meeting.change(f"rtt=20ms,rate={rate}k")
    turns = []
    for _ in range(2):
        meeting.deck()
        meeting.wait(DECK_S)
        turns.append(meeting.speak())
        meeting.wait(APART_S)
    first, later = turns
    assert max(first.median_ms(), later.median_ms()) < most_ms
    assert len(first.voice_ms) > 0.98 * TURN_S * RATE / SAMPLES, "and nothing of it is lost"
    for turn in turns:
        assert turn.per_s("main") == 0
        assert (turn.per_s("main-low") > 3) == (rate > 64), "what fits beside it"


@pytest.mark.parametrize("rate", [64, 128, 256])
def test_who_is_called_without_having_been_on_deck_is_heard_as_soon(rate: int) -> None:
    meeting = Meeting(f"rtt=20ms,rate={rate}k")
    meeting.wait(8)
    assert meeting.speak().median_ms() < 200


def test_over_a_good_uplink_the_whole_picture_comes_at_once() -> None:
    meeting = Meeting("rtt=20ms")
    for is_called in (False, True):
        meeting.wait(8)
        if is_called:
            meeting.deck()
            meeting.wait(DECK_S)
        turn = meeting.speak()
        assert turn.median_ms() < 120
        (name, first_ms), *_more = turn.pictures
        assert name == "main-low" and first_ms < 100
        assert min(ms for name, ms in turn.pictures if name == "main") < 200
        assert turn.per_s("main") > 9


def test_an_uplink_that_carries_more_again_is_known_for_that_before_the_next_turn() -> None:
    meeting = Meeting("rtt=20ms,rate=128k")
    meeting.wait(8)
    assert meeting.speak().per_s("main") == 0
    meeting.change("rtt=20ms")
    meeting.wait(30)
    assert meeting.speak().per_s("main") > 9
