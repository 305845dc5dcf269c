"""The speech of a measurement."""

import json
from pathlib import Path

import numpy as np
import pytest

from agent import speech
from agent.devices import RATE, read_sound
from agent.hearing import Comparison, utterances
from agent.score import read_stereo


def test_the_shipped_clips_are_joined_one_report_of_each_in_turn(tmp_path: Path, capsys) -> None:
    out, codec = tmp_path / "speech.wav", tmp_path / "codec.wav"
    assert speech.main(out=out, codec=codec) == 0
    told = json.loads(capsys.readouterr().out)
    pcm = read_sound(out)
    assert told["seconds"] == len(pcm) / RATE
    assert 30 < told["seconds"] < 50
    spans = told["utterances"]
    assert len(spans) >= 8
    assert all(a[1] < b[0] for a, b in zip(spans, spans[1:], strict=False))
    first, second = (speech.reports(read_sound(clip)) for clip in speech.CLIPS)
    assert [len(first), len(second)] == [4, 4]
    begin = round(0.8 * RATE)
    assert (pcm[begin : begin + len(first[0])] == first[0]).all()
    begin += len(first[0]) + begin
    assert (pcm[begin : begin + len(second[1])] == second[1]).all()
    spoken, heard = read_stereo(codec)
    (one, *_others) = utterances(spoken)
    assert Comparison(spoken, heard).delays(one).own == pytest.approx(312, abs=3)


def test_speech_of_ones_own_is_looped_as_it_is(tmp_path: Path, capsys) -> None:
    out = tmp_path / "out.wav"
    # Begins in the middle of a sentence: in the loop it is whole.
    clip = read_sound(speech.CLIPS[0])[RATE : 12 * RATE]
    speech.write_wav(tmp_path / "own.wav", clip)
    assert speech.main(tmp_path / "own.wav", out=out) == 0
    told = json.loads(capsys.readouterr().out)
    assert (read_sound(out) == clip).all()
    assert told["seconds"] == 11.0
    begin, end = told["utterances"][-1]
    assert begin < 11.0 < end


def test_what_is_no_speech_is_refused(tmp_path: Path, capsys) -> None:
    speech.write_wav(tmp_path / "still.wav", np.zeros(3 * RATE, np.int16))
    tone = (8000 * np.sin(np.arange(3 * RATE) / 10)).astype(np.int16)
    speech.write_wav(tmp_path / "tone.wav", tone)
    (tmp_path / "text.wav").write_text("not sound")
    for name, told in (("still", "no speech"), ("tone", "no speech"), ("text", "no sound")):
        assert speech.main(tmp_path / f"{name}.wav", out=tmp_path / "out.wav") == 2
        assert told in capsys.readouterr().err
    assert speech.main(tmp_path / "missing.wav", out=tmp_path / "out.wav") == 2
    assert "missing.wav" in capsys.readouterr().err
