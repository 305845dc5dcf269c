"""A site hears and sees that it is recorded."""

import numpy as np
import pytest

from agent import voice
from agent.announce import Announcement, dotted, tone
from agent.picture.stamp import Stamp, draw, read


class Room:
    """Loudspeaker and display that keep what they got."""

    def __init__(self) -> None:
        self.heard: list[np.ndarray] = []
        self.shown: list[np.ndarray] = []
        self.closed = 0

    def write(self, pcm: np.ndarray, now: float) -> None:
        self.heard.append(pcm)

    def show(self, slot: str, picture: np.ndarray, now: float) -> None:
        self.shown.append(picture)

    def close(self) -> None:
        self.closed += 1


def test_the_tone_sounds_once_when_recording_begins_and_the_dot_stays() -> None:
    room = Room()
    one = Announcement(room, room)
    silence, grey = np.zeros(960, np.int16), np.full((135, 160), 128, np.uint8)

    def pass_by(frames: int) -> int:
        """How many frames of the next ones had the tone."""
        room.heard.clear()
        for _ in range(frames):
            one.speaker.write(silence, 0.0)
        return sum(pcm.any() for pcm in room.heard)

    assert pass_by(30) == 0
    one.recording = True
    assert pass_by(30) == len(tone()) // 960
    one.recording = True
    assert pass_by(30) == 0, "told again by the server, it is not news"
    one.display.show("main", grey, 0.0)
    one.recording = False
    one.display.show("main", grey, 0.0)
    assert (room.shown[0] != grey).any() and room.shown[1] is grey
    one.recording = True
    assert pass_by(30) > 0, "it goes on after a pause"
    one.speaker.close()
    one.display.close()
    assert room.closed == 2


def test_the_tone_goes_over_a_loud_voice_without_a_crack() -> None:
    room = Room()
    one = Announcement(room, room)
    one.recording = True
    one.speaker.write(np.full(960, 32_700, np.int16), 0.0)
    assert room.heard[0].min() > 30_000


@pytest.mark.parametrize("size", [(160, 90), (320, 180), (640, 360)])
def test_the_dot_is_red_and_leaves_the_stamps_readable(size: tuple[int, int]) -> None:
    width, height = size
    picture = np.full((height * 3 // 2, width), 128, np.uint8)
    stamp = Stamp(7, 4711, 123)
    draw(picture[:height], stamp)
    marked = dotted(picture)
    reading = read(marked[:height])
    assert reading.stamp == stamp and not reading.torn
    blue, red = marked[height:].reshape(2, -1)
    assert 0.001 < (red == 240).mean() < 0.01 and ((red == 240) == (blue == 90)).all()
    assert (picture[height:] == 128).all(), "the decoder's own picture is left alone"


def test_the_tone_is_nobodys_voice() -> None:
    pcm = np.pad(tone(), 4800)
    measured = voice.levels(pcm, list(range(voice.SITES)))
    assert max(float(level.max()) for level in measured.values.values()) < 0.1


def test_the_tone_is_whole_when_the_room_is_given_pieces() -> None:
    room = Room()
    one = Announcement(room, room)
    one.recording = True
    for size in (960, 155, 960, 1, *[960] * 20):
        one.speaker.write(np.zeros(size, np.int16), 0.0)
    heard = np.concatenate(room.heard)
    assert (heard[: len(tone())] == tone()).all() and not heard[len(tone()) :].any()
