"""What was heard is scored against what was spoken, whichever way both were written down."""

import json
from pathlib import Path

import numpy as np
import pytest

from agent import devices, score, speech
from agent.devices import RATE, SAMPLES
from agent.hearing import Pcm, utterances
from agent.score import Job

BEGIN_S = 1000.0


@pytest.fixture(scope="module")
def clip() -> Pcm:
    sound = devices.read_sound(speech.CLIPS[1])[: 9 * RATE]
    return np.concatenate([np.zeros(RATE, np.int16), sound, np.zeros(RATE, np.int16)])


@pytest.fixture(scope="module")
def file(clip: Pcm, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("speech") / "clip.wav"
    speech.write_wav(path, clip)
    return path


def record(path: Path, heard: Pcm, begin_s: float, pulls: list[float] | None = None) -> Path:
    """A FileSpeaker that plays `heard` from a moment on; `pulls`: when each frame was pulled."""
    speaker = devices.open_speaker(f"file:{path}")
    for n in range(len(heard) // SAMPLES):
        now = begin_s + 0.02 * n if pulls is None else pulls[n]
        speaker.write(heard[n * SAMPLES : (n + 1) * SAMPLES], now)
    speaker.close()
    return path


def spoken_at(file: Path, begin_s: float, seconds: float) -> Pcm:
    """What an agent with this microphone speaks from a moment on."""
    microphone = devices.open_microphone(f"file:{file}")
    frames = range(1, round(seconds / 0.02) + 1)
    return np.concatenate([microphone.read(begin_s + 0.02 * n) for n in frames])


def test_a_stereo_file(clip: Pcm, tmp_path: Path) -> None:
    late = np.concatenate([np.zeros(RATE // 10, np.int16), clip[: -RATE // 10]])
    speech.write_wav(tmp_path / "x.wav", clip, late)
    one = score.score_stereo(tmp_path / "x.wav")
    assert one.utterances == len(utterances(clip)) > 1
    assert (one.delay_ms, one.delay_p95_ms) == (100.0, 100.0)
    assert (one.gaps_per_minute, one.gap_percent, one.longest_gap_ms, one.unheard) == (0, 0, 0, 0)
    after = score.score_stereo(tmp_path / "x.wav", skip_s=(utterances(clip)[0].begin + 1) / RATE)
    assert after.utterances == one.utterances - 1


def test_an_utterance_whose_end_was_not_recorded_is_left_out(clip: Pcm) -> None:
    *_others, last = utterances(clip)
    late = np.concatenate([np.zeros(RATE // 2, np.int16), clip])
    spoken = np.concatenate([clip, np.zeros(RATE, np.int16)])
    stop = last.end + round(0.4 * RATE)
    one = score.compare(spoken[:stop], late[:stop])
    assert one.utterances == len(utterances(clip)) - 1


def test_pesq_and_stoi(clip: Pcm) -> None:
    pytest.importorskip("pesq", reason="needs the extra giliran[rehearse]")
    pytest.importorskip("pystoi", reason="needs the extra giliran[rehearse]")
    same = score.compare(clip, clip)
    coded = score.compare(clip, speech.through_opus(clip))
    holed = clip.copy()
    holed.reshape(-1, SAMPLES)[::5] = 0
    torn = score.compare(clip, holed)
    silent = score.compare(clip, np.zeros_like(clip))
    assert same.pesq is not None and same.pesq > 4.6 and same.stoi == 1.0
    assert coded.pesq is not None and 3.5 < coded.pesq < same.pesq
    assert torn.pesq is not None and torn.pesq < 2.0
    assert coded.stoi is not None and torn.stoi is not None and torn.stoi < coded.stoi
    assert (silent.pesq, silent.pesq_worst, silent.stoi) == (score.PESQ_FLOOR, 1.04, 0.0)
    assert silent.unheard == silent.utterances > 0
    assert same.missing == []


def test_an_agents_recording(file: Path, tmp_path: Path) -> None:
    """Spoken by an agent with this microphone, heard 140 ms later, with another's frames."""
    spoken = spoken_at(file, BEGIN_S, 16)
    path = record(tmp_path / "x.wav", spoken, BEGIN_S + 0.14)
    whole = score.score_recording(path, file, BEGIN_S + 0.5, BEGIN_S + 16)
    assert whole.utterances >= 2
    assert whole.delay_ms == pytest.approx(140, abs=0.2)
    assert whole.delay_p95_ms == pytest.approx(140, abs=0.2)
    assert whole.gap_percent == 0.0
    part = score.score_recording(path, file, BEGIN_S + 7, BEGIN_S + 16)
    assert 0 < part.utterances < whole.utterances
    with pytest.raises(ValueError, match="not after the beginning"):
        score.score_recording(path, file, BEGIN_S, BEGIN_S)


def test_frames_that_were_pulled_late_are_played_evenly_and_lost_ones_leave_a_hole(
    file: Path, tmp_path: Path
) -> None:
    spoken = spoken_at(file, BEGIN_S, 16)
    rng = np.random.default_rng(5)
    count = len(spoken) // SAMPLES
    pulls = BEGIN_S + 0.1 + 0.02 * np.arange(count) + rng.exponential(0.002, count)
    pulls[200:205] = pulls[205]  # held up, then caught up
    late = record(tmp_path / "late.wav", spoken, 0, list(pulls))
    one = score.score_recording(late, file, BEGIN_S + 0.5, BEGIN_S + 16)
    assert one.delay_ms == pytest.approx(100, abs=1)
    assert one.delay_p95_ms == pytest.approx(100, abs=1)
    assert one.gap_percent == 0.0
    stalled = np.where(np.arange(count) < 300, pulls, pulls + 0.3)
    broken = record(tmp_path / "broken.wav", spoken, 0, list(stalled))
    heard = score.read_heard(broken, round(BEGIN_S * RATE), round((BEGIN_S + 17) * RATE))
    hole = round((0.1 + 300 * 0.02) * RATE)
    assert not heard[hole + 100 : hole + round(0.29 * RATE)].any()
    two = score.score_recording(broken, file, BEGIN_S + 0.5, BEGIN_S + 16.5)
    assert two.delay_p95_ms == pytest.approx(400, abs=1)


def test_many_jobs_at_once_and_what_went_wrong_in_one(
    clip: Pcm, file: Path, tmp_path: Path, capfd
) -> None:
    speech.write_wav(tmp_path / "x.wav", clip, clip)
    (tmp_path / "bad.wav").write_text("no sound")
    jobs = [
        Job("good", stereo=str(tmp_path / "x.wav")),
        Job("mono", stereo=str(file)),
        Job("bad", stereo=str(tmp_path / "bad.wav")),
        Job("gone", recording=str(tmp_path / "gone.wav"), speech=str(file), begin=1, end=2),
    ]
    listing = tmp_path / "jobs.json"
    listing.write_text(json.dumps([{f: getattr(j, f) for f in j.__struct_fields__} for j in jobs]))
    assert score.main(jobs=listing) == 0
    good, mono, bad, gone = json.loads(capfd.readouterr().out)
    assert good["name"] == "good" and good["error"] == "" and good["delay_ms"] == 0.0
    assert "got 1 channels" in mono["error"]
    assert "bad.wav" in bad["error"] and "gone.wav" in gone["error"]


def test_without_the_extra_the_rest_is_told_and_what_to_install(
    clip: Pcm, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(score, "_package", lambda name: None)
    speech.write_wav(tmp_path / "x.wav", clip, clip)
    assert score.main(tmp_path / "x.wav") == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert (told["pesq"], told["stoi"], told["delay_ms"]) == (None, None, 0.0)
    assert told["missing"] == ["pesq", "pystoi"]
    assert "pip install 'giliran[rehearse]'" in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "expected FILE"),
        ({"recording": Path("x.wav")}, "needs --speech"),
        ({"jobs": Path("missing.json")}, "missing.json"),
    ],
)
def test_a_mistake_is_told(arguments: dict[str, Path], told: str, capsys) -> None:
    assert score.main(**arguments) == 2  # type: ignore[arg-type]
    assert told in capsys.readouterr().err
