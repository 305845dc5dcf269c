"""A voice coded evenly: real speech through libopus, and what half a second of it may take."""

import numpy as np
import pytest

from agent.audio import opus
from agent.audio.even import FROM, LEAST, Even
from agent.clock import FRAME_S, SAMPLES
from agent.devices import read_sound
from agent.speech import CLIPS, joined

HALF_SECOND = 25


def coded(bitrate: int, *, evenly: bool) -> np.ndarray:
    """Bytes of each frame of speech."""
    speech = joined([read_sound(clip) for clip in CLIPS])
    encoder, even = opus.Encoder(bitrate, fec=False, dtx=True), Even()
    sizes = []
    for first in range(0, len(speech) - SAMPLES, SAMPLES):
        if evenly:
            encoder.set_bitrate(even.bitrate(bitrate))
        sizes.append(len(encoder.encode(speech[first : first + SAMPLES])))
        even.coded(sizes[-1], bitrate, FRAME_S)
    return np.array(sizes)


def most(sizes: np.ndarray) -> float:
    """Bit/s in the fullest half second."""
    return float(np.convolve(sizes, np.ones(HALF_SECOND), "valid").max() * 8 / 0.5)


@pytest.mark.parametrize("bitrate", [15_000, 20_000])
def test_half_a_second_takes_hardly_more_than_the_bitrate(bitrate: int) -> None:
    usual, even = (coded(bitrate, evenly=one) for one in (False, True))
    assert most(usual) > 1.12 * bitrate
    assert most(even) < 1.1 * bitrate
    assert even.mean() > 0.97 * usual.mean(), "what is less is less only where it was too much"


def test_what_was_used_too_much_is_made_good() -> None:
    even = Even()
    assert even.bitrate(20_000) == 20_000
    even.coded(200, 20_000, FRAME_S)
    assert even.bitrate(20_000) == 16_000
    for _frame in range(5):
        even.coded(30, 20_000, FRAME_S)
    assert even.bitrate(20_000) == 20_000


def test_what_was_not_used_is_not_saved_up() -> None:
    even = Even()
    for _frame in range(500):
        even.coded(1, 20_000, FRAME_S)
    even.coded(200, 20_000, FRAME_S)
    assert even.bitrate(20_000) < 20_000


def test_where_there_is_room_nothing_is_evened_and_nowhere_speech_is_given_up() -> None:
    even = Even()
    for _frame in range(500):
        even.coded(200, 12_000, FRAME_S)
    assert even.bitrate(FROM + 1) == FROM + 1
    assert even.bitrate(12_000) == LEAST
