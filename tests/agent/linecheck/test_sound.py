"""A microphone hears its loudspeaker, or not; noise and clipping are told as they are."""

import numpy as np
import pytest

from agent import voice
from agent.linecheck import sound
from agent.linecheck.sound import SAMPLES, Pcm, heard_tone, sound_figures, tone


def frames(pcm: np.ndarray) -> list[Pcm]:
    return list(np.clip(pcm, -32768, 32767).astype(np.int16).reshape(-1, SAMPLES))


def heard(gain: float, delay: int = 6000, noise: float = 30.0, seed: int = 1) -> np.ndarray:
    """What a microphone hears from when the tone begins."""
    played = np.concatenate(tone()).astype(float)
    air = np.zeros(len(played) + 60 * SAMPLES)
    air[delay : delay + len(played)] = gain * played
    return air + np.random.default_rng(seed).normal(0, noise, len(air))


@pytest.mark.parametrize("delay", [0, 480, 6000, 17_321, 47_000])
def test_the_tone_is_heard_however_late(delay: int):
    level = heard_tone(frames(heard(0.1, delay)))
    assert level is not None and 38 <= level <= 44


@pytest.mark.parametrize("noise", [0.0, 3.0, 300.0])
def test_it_is_heard_in_a_quiet_and_in_a_loud_room(noise: float):
    assert heard_tone(frames(heard(0.1, noise=noise))) is not None


@pytest.mark.parametrize("number", [0, 9, 10, 11, 40])
def test_it_is_heard_while_somebody_speaks_far_louder(number: int):
    air = heard(0.1)
    speech = voice.waveform(number, 12_345, 3 * voice.RATE)[: len(air)]
    air[: len(speech)] += speech
    assert heard_tone(frames(air)) is not None


@pytest.mark.parametrize("number", range(0, 64, 7))
def test_a_voice_is_not_taken_for_it(number: int):
    speech = voice.waveform(number, 999, 3 * voice.RATE)
    assert heard_tone(frames(speech.astype(float))) is None


@pytest.mark.parametrize("seed", range(12))
def test_noise_and_a_hum_of_its_own_pitch_are_not_taken_for_it(seed: int):
    air = heard(0.0, noise=2000.0, seed=seed)
    assert heard_tone(frames(air)) is None
    hum = 3000 * np.sin(2 * np.pi * sound.TONE_HZ * np.arange(len(air)) / sound.RATE)
    assert heard_tone(frames(air * 0.01 + hum)) is None


def test_silence_has_no_tone():
    assert heard_tone(frames(np.zeros(200 * SAMPLES))) is None
    assert heard_tone([]) is None


def test_the_tone_is_at_20_dB_below_full_scale_and_begins_and_ends_without_a_click():
    whole = np.concatenate(tone())
    assert len(tone()) == sound.TONE_FRAMES
    assert abs(whole[0]) < 3000 and abs(whole[-1]) < 3000
    assert np.abs(np.diff(whole.astype(int))).max() < 1200
    assert 4000 < np.abs(whole).max() <= 4600


def test_noise_is_that_of_the_room_between_the_words():
    rng = np.random.default_rng(3)
    quiet = rng.normal(0, 33, 80 * SAMPLES)  # -60 dBov
    loud = rng.normal(0, 3300, 40 * SAMPLES)
    figures = sound_figures(frames(np.concatenate([loud, quiet, loud])), frames(heard(0.1)))
    assert figures.noise_dbov is not None and 57 <= figures.noise_dbov <= 62
    assert figures.peak_dbov is not None and figures.peak_dbov <= 22
    assert figures.tone_played and figures.tone_dbov is not None


def test_clipping_is_counted():
    wave = np.clip(60_000 * np.sin(np.arange(50 * SAMPLES) / 9), -32768, 32767)
    figures = sound_figures(frames(wave), [])
    assert figures.clipped_percent is not None and figures.clipped_percent > 20
    assert not figures.tone_played
    soft = sound_figures(frames(wave / 4), [])
    assert soft.clipped_percent == 0


def test_a_dead_microphone_hears_nothing_at_all():
    figures = sound_figures(frames(np.zeros(50 * SAMPLES)), frames(np.zeros(200 * SAMPLES)))
    assert (figures.peak_dbov, figures.noise_dbov, figures.tone_dbov) == (127, 127, None)


def test_nothing_heard_is_nothing_told():
    assert sound_figures([], []).peak_dbov is None
