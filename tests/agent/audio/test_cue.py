"""What a room hears when its microphone opens and when its time ends."""

import numpy as np
import pytest

from agent.audio.cue import SAMPLES, Chime, rings, sound
from agent.audio.mixer import add, level_dbov
from protocol.messages import Cue


@pytest.mark.parametrize(
    ("before", "after", "heard"),
    [
        ("none", "live", True),
        ("on-deck", "live", True),
        ("live", "live", False),
        ("low", "live", False),
        ("over", "live", False),
        ("live", "low", True),
        ("low", "low", False),
        ("low", "over", True),
        ("live", "none", False),
        ("none", "on-deck", False),
    ],
)
def test_what_rings(before: Cue, after: Cue, heard: bool) -> None:
    assert rings(before, after) == heard
    chime = Chime()
    chime.set(before)
    while chime.pull() is not None:
        pass
    chime.set(after)
    assert (chime.pull() is not None) == heard


@pytest.mark.parametrize("cue", ["live", "low", "over"])
def test_a_tone_is_soft_short_and_without_a_click(cue: Cue) -> None:
    tone = sound(cue)
    assert len(tone) % SAMPLES == 0 and 0.3 < len(tone) / 48_000 < 1.0
    loudest = min(level_dbov(frame) for frame in tone.reshape(-1, SAMPLES))
    assert 24 <= loudest <= 30
    assert np.abs(np.diff(tone.astype(int), prepend=0, append=0)).max() < 400, "a click is a step"
    assert len(sound("none")) == len(sound("on-deck")) == 0


def test_the_bell_and_the_tone_sound_different() -> None:
    def loudest_hz(cue: Cue) -> float:
        spectrum = np.abs(np.fft.rfft(sound(cue)[: 48_000 // 10].astype(float)))
        return float(spectrum.argmax() * 10)

    assert (loudest_hz("live"), loudest_hz("low"), loudest_hz("over")) == (600, 1200, 600)


def test_a_tone_never_wraps_around() -> None:
    loud = np.full(SAMPLES, 32_000, dtype=np.int16)
    assert add(loud, loud).max() == 32_767 and add(-loud, -loud).min() == -32_768
