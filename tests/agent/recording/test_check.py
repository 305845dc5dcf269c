"""Who is heard in which chapter of a film, and when it was spoken."""

import json
import time
from pathlib import Path

import msgspec
import pytest

from agent import voice
from agent.audio import opus
from agent.recording.check import main
from agent.recording.film import finish
from agent.recording.segment import PROGRAM, SLOT_TRACKS, Began, Ended, SegmentWriter
from protocol.recording import CUES, Cue, Cues, Span

NUMBERS = {"kandis": 1, "minas": 2}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Kandis speaks from 0.1 s to 4 s, Minas, 80 ms late, in the chapter of Kandis's second turn
    from 4 s to 9 s."""
    mono_ms = round(1000 * time.monotonic())
    utc_ms = round(1000 * (time.time() - time.monotonic())) + mono_ms
    writer = SegmentWriter(tmp_path, Began("m1", utc_ms))
    for number, begin, end, late in ((1, 100, 4000, 0), (2, 4000, 9000, 80)):
        encoder = opus.Encoder(32_000, fec=False, dtx=False)
        for at in range(begin, end, 20):
            pcm = voice.waveform(number, (mono_ms + at - late) * 48, 960)
            data = encoder.encode(pcm)
            for track in (PROGRAM, SLOT_TRACKS["floor"]):
                writer.block(track, at, data, is_key=True)
    writer.mark(Ended(9000))
    writer.close()
    turns = (("kandis", 1, 0, 4000), ("kandis", 2, 4000, 6000), ("minas", 3, 6000, 9000))
    cues = Cues(
        "m1",
        "rekaman",
        "Rapat",
        "hall",
        (Span(utc_ms, utc_ms + 9000),),
        tuple(Cue(site, site, turn, utc_ms + a, utc_ms + b) for site, turn, a, b in turns),
    )
    (tmp_path / CUES).write_bytes(msgspec.json.encode(cues))
    finish(tmp_path, cues)
    (tmp_path / "sites.json").write_text(json.dumps(NUMBERS))
    return tmp_path


def test_every_chapter_tells_who_is_heard_and_how_late(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(folder, sites=folder / "sites.json") == 0
    first, second, third = json.loads(capsys.readouterr().out)
    assert (first["loudest"], second["loudest"], third["loudest"]) == ("kandis", "minas", "minas")
    assert first["early_ms"] == pytest.approx(-100, abs=50)
    assert first["late_ms"] == pytest.approx(0, abs=50)
    assert first["off_ms"] == pytest.approx(0, abs=20)
    assert second["early_ms"] is None
    assert third["off_ms"] == pytest.approx(80, abs=20)
    assert first["missing_ms"] == third["missing_ms"] == 0


def test_without_a_film_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(tmp_path, sites=tmp_path / "none.json") == 1
    assert "No such file" in capsys.readouterr().err
