"""The shipped clips are what their program makes of its sentences."""

import shutil
import subprocess

import numpy as np
import pytest

from agent.clips import make
from agent.devices import RATE, read_sound
from agent.hearing import Utterance, utterances
from agent.speech import CLIPS, REPORT_PAUSE_S, reports

needs_espeak = pytest.mark.skipif(
    shutil.which("espeak-ng") is None, reason="needs espeak-ng (apt install espeak-ng)"
)


def test_there_is_a_clip_of_every_voice_and_no_other() -> None:
    assert [clip.stem for clip in CLIPS] == list(make.VOICES)
    assert all(clip.exists() for clip in CLIPS)


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.stem)
def test_a_clip_has_every_report_and_a_pause_after_it(clip) -> None:  # type: ignore[no-untyped-def]
    pcm = read_sound(clip)
    found = reports(pcm)
    assert len(found) == len(make.REPORTS)
    assert make.PAUSE_S > REPORT_PAUSE_S, "or reports could not be told apart"
    assert 0.95 * make.PEAK < np.abs(pcm).max() / 32767 < 1.05 * make.PEAK
    spoken_s = sum(map(len, found)) / RATE
    pauses_s = len(make.REPORTS) * make.PAUSE_S
    assert len(pcm) / RATE == pytest.approx(spoken_s + pauses_s, abs=0.5)
    last = utterances(pcm)[-1]
    assert isinstance(last, Utterance)
    assert (len(pcm) - last.end) / RATE == pytest.approx(make.PAUSE_S, abs=0.3)


def test_without_the_speaking_program_it_fails_and_writes_nothing(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    before = {clip: clip.stat().st_mtime_ns for clip in CLIPS}
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FileNotFoundError, match="espeak-ng"):
        make.main()
    assert {clip: clip.stat().st_mtime_ns for clip in CLIPS} == before


@needs_espeak
@pytest.mark.parametrize("voice", make.VOICES)
def test_a_report_is_spoken_without_silence_around_it(voice: str) -> None:
    samples = make.speak(*make.VOICES[voice], "Selamat pagi.")
    assert 0.4 < len(samples) / make.RATE < 3
    assert np.abs(samples[[0, -1]]).min() > 200, "it begins and ends with sound"
    longer = make.speak(*make.VOICES[voice], "Selamat pagi. Selamat siang. Selamat malam.")
    assert len(longer) > 2 * len(samples)


@needs_espeak
def test_a_voice_that_is_not_there_is_an_error() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        make.speak("tiada+m99", "150", "Selamat pagi.")
