"""The decoder gets to know what it guessed wrong, through libopus itself."""

import numpy as np
import pytest

from agent import voice
from agent.audio import opus
from agent.audio.mending import MEND_FRAMES, Mending
from agent.audio.mixer import FADE_SAMPLES

HOLE = 20


def spoken(frames: int) -> list[bytes]:
    """The packets of a voice."""
    encoder = opus.Encoder()
    return [encoder.encode(voice.waveform(5, n * 960, 960)) for n in range(frames)]


PACKETS = spoken(50)


class Room:
    """Hears the packets up to a hole, and what comes after it."""

    def __init__(self) -> None:
        self.decoder = opus.WaveDecoder(np.empty(960, dtype=np.float32))
        self.mending = Mending(self.decoder)
        for number in range(HOLE):
            self.play(number)

    def play(self, number: int) -> np.ndarray:
        return self.mending.decode(number, PACKETS[number]).copy()

    def guess(self, *numbers: int) -> None:
        for number in numbers:
            self.mending.missed(number)
            self.decoder.conceal()

    def come_late(self, *numbers: int) -> None:
        for number in numbers:
            self.mending.came_late(number, PACKETS[number])


def known(*numbers: int | None) -> np.ndarray:
    """The last of these frames after those before the hole, by a decoder that knows of these
    (None: of a guess) and nothing else."""
    decoder = opus.WaveDecoder(np.empty(960, dtype=np.float32))
    for number in (*range(HOLE), *numbers):
        pcm = decoder.conceal() if number is None else decoder.decode(PACKETS[number])
    return pcm


@pytest.mark.parametrize("lost", [1, 2, 5])
def test_what_came_too_late_is_known_from_the_next_frame_on(lost: int) -> None:
    """Which begins as the sound went on, and ends as if nothing had been missed."""
    room = Room()
    hole = range(HOLE, HOLE + lost)
    room.guess(*hole)
    room.come_late(*hole)
    after = HOLE + lost
    mended, whole, guessed = room.play(after), known(*hole, after), known(*[None] * lost, after)
    assert mended[0] == guessed[0] != whole[0]
    assert np.array_equal(mended[FADE_SAMPLES:], whole[FADE_SAMPLES:])
    assert not np.array_equal(guessed[FADE_SAMPLES:], whole[FADE_SAMPLES:])
    assert np.array_equal(room.play(after + 1), known(*hole, after, after + 1))


def test_what_did_not_come_stays_a_guess() -> None:
    room = Room()
    room.guess(HOLE, HOLE + 1)
    assert np.array_equal(room.play(HOLE + 2), known(None, None, HOLE + 2))
    room = Room()
    room.guess(HOLE, HOLE + 1)
    room.come_late(HOLE + 1)
    room.play(HOLE + 2)
    assert np.array_equal(room.play(HOLE + 3), known(None, HOLE + 1, HOLE + 2, HOLE + 3))


def test_it_may_come_when_others_were_played_since_and_others_were_missed() -> None:
    room = Room()
    room.guess(HOLE)
    room.play(HOLE + 1)
    room.guess(HOLE + 2)
    room.come_late(HOLE)
    room.play(HOLE + 3)
    then = known(HOLE, HOLE + 1, None, HOLE + 3, HOLE + 4)
    assert np.array_equal(room.play(HOLE + 4), then)


def test_a_guess_that_is_played_before_the_frame_it_was_for_was_never_said() -> None:
    room = Room()
    room.guess(HOLE)
    room.mending.held()
    assert np.array_equal(room.play(HOLE)[FADE_SAMPLES:], known(HOLE)[FADE_SAMPLES:])
    assert np.array_equal(room.play(HOLE + 1), known(HOLE, HOLE + 1))


def test_what_is_missed_long_after_a_hole_is_a_hole_of_its_own() -> None:
    room = Room()
    room.guess(HOLE)
    last = HOLE + 1 + MEND_FRAMES
    room.guess(*range(HOLE + 1, last))
    room.guess(last)
    room.come_late(last)
    room.play(last + 1)
    then = known(*[None] * (last - HOLE), last, last + 1, last + 2)
    assert np.array_equal(room.play(last + 2), then)


@pytest.mark.parametrize("since", [MEND_FRAMES - 1, MEND_FRAMES])
def test_the_decoder_does_not_go_back_for_long(since: int) -> None:
    room = Room()
    room.guess(HOLE)
    played = list(range(HOLE + 1, HOLE + 1 + since))
    for number in played:
        room.play(number)
    room.come_late(HOLE)
    last = HOLE + 1 + since
    room.play(last)
    said = HOLE if since < MEND_FRAMES else None
    assert np.array_equal(room.play(last + 1), known(said, *played, last, last + 1))


def test_of_what_is_forgotten_nothing_is_mended() -> None:
    room = Room()
    room.guess(HOLE)
    room.come_late(HOLE)
    room.mending.forget()
    room.come_late(HOLE)
    assert np.array_equal(room.play(HOLE + 1), known(None, HOLE + 1))
    room = Room()
    room.guess(HOLE)
    room.come_late(HOLE)
    room.mending.forget()
    room.guess(HOLE, HOLE + 1)  # of another speaker
    room.come_late(HOLE + 1)
    room.play(HOLE + 2)
    then = known(None, None, HOLE + 1, HOLE + 2, HOLE + 3)
    assert np.array_equal(room.play(HOLE + 3), then)
