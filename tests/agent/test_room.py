"""A synthetic room: its microphone hears its loudspeaker, softer and later, and what is wrong."""

import numpy as np
import pytest

from agent.audio.mixer import level_dbov
from agent.clock import FRAME_S, SAMPLES
from agent.devices import open_camera, open_microphone, open_speaker
from agent.linecheck.sound import heard_tone, sound_figures, tone
from agent.room import DELAY_S, GAIN, Room


def listened(ear: str, mouth: str, number: int = 4, begin: float = 1000.0):
    """A line check's tone played and heard in a room with these devices."""
    room = Room()
    microphone, speaker = open_microphone(ear, number, room), open_speaker(mouth, room)
    silence = np.zeros(SAMPLES, dtype=np.int16)
    played = [silence] * 75 + tone() + [silence] * 60
    heard = []
    for step, pcm in enumerate(played):
        now = begin + step * FRAME_S
        heard.append(microphone.read(now))
        speaker.write(pcm, now)
    microphone.close()
    speaker.close()
    return sound_figures(heard[:75], heard[75:])


@pytest.mark.parametrize("number", [0, 5, 10, 11, 33])
def test_a_whole_room_hears_its_loudspeaker(number: int):
    figures = listened("room", "room", number)
    assert figures.tone_dbov is not None and 36 <= figures.tone_dbov <= 44
    assert figures.noise_dbov is not None and 55 <= figures.noise_dbov <= 63
    assert figures.clipped_percent == 0


def test_a_silent_loudspeaker_is_not_heard_while_the_room_lives():
    figures = listened("room", "room:silent")
    assert figures.tone_dbov is None
    assert figures.peak_dbov is not None and figures.peak_dbov < 30


def test_a_dead_microphone_hears_nothing():
    assert listened("room:dead", "room").peak_dbov == 127


def test_a_loud_room_and_an_overdriven_microphone():
    noisy, clipping = listened("room:noisy", "room"), listened("room:clipping", "room")
    assert noisy.noise_dbov is not None and 26 <= noisy.noise_dbov <= 30
    assert clipping.clipped_percent is not None and clipping.clipped_percent > 2


def test_what_is_heard_is_what_was_played_softer_and_later():
    room = Room()
    loud = np.full(SAMPLES, 10_000, dtype=np.int16)
    room.fill(48_000, loud)
    assert (room.take(48_000, SAMPLES) == 10_000).all()
    assert not room.take(48_000 + SAMPLES, SAMPLES).any(), "nothing was played there"
    assert not room.take(0, SAMPLES).any()
    assert 0 < DELAY_S < 1 and 0 < GAIN < 1


def test_a_gap_in_what_is_played_is_silent_whatever_sounded_long_ago():
    room = Room()
    room.fill(0, np.full(SAMPLES, 9, dtype=np.int16))
    room.fill(4 * 48_000, np.full(SAMPLES, 5, dtype=np.int16))
    assert not room.take(4 * 48_000 - SAMPLES, SAMPLES).any()
    assert (room.take(4 * 48_000, SAMPLES) == 5).all()


def test_two_rooms_do_not_hear_each_other():
    one, other = Room(), Room()
    speaker, microphone = open_speaker("room", one), open_microphone("room", 0, other)
    heard = []
    for step, pcm in enumerate([*tone(), *([np.zeros(SAMPLES, dtype=np.int16)] * 60)]):
        speaker.write(pcm, 50 + step * FRAME_S)
        heard.append(microphone.read(50 + step * FRAME_S))
    assert heard_tone(heard) is None


def test_its_person_speaks_and_pauses():
    microphone = open_microphone("room", 2)
    levels = [level_dbov(microphone.read(10 + step * FRAME_S)) for step in range(200)]
    assert min(levels) < 20 < 55 < max(levels)


@pytest.mark.parametrize("text", ["room:broken", "room:silent"])
def test_an_unknown_fault_is_told_with_the_known_ones(text: str):
    with pytest.raises(ValueError, match="room:dead"):
        open_microphone(text)


def test_a_camera_with_an_unknown_fault_is_told_with_the_known_ones():
    with pytest.raises(ValueError, match="synthetic:frozen"):
        open_camera("synthetic:broken", "Minas", 0, 160, 90, 5)
