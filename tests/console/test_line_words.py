"""Every fault has a reason and a remedy, with its figures, in both languages."""

from typing import get_args

import pytest

from console import line_words as words
from protocol.events import CameraSeen, LineFault, LineFigures, LineVerdict
from protocol.words import use_language

FIGURES = LineFigures(
    loss_up_percent=10.3,
    loss_down_percent=4.0,
    up_kbps=198.4,
    down_kbps=64.0,
    burst_kbps=2000.0,
    rtt_ms=612.4,
    jitter_up_ms=20.0,
    jitter_down_ms=88.6,
    noise_dbov=28,
    clipped_percent=3.25,
    clock_error_ms=-7400,
    free_mb=512,
    version="giliran 0.0.9",
)


@pytest.fixture(autouse=True)
def english():
    use_language("en")
    yield
    use_language("en")


@pytest.mark.parametrize("language", ["en", "id"])
def test_every_fault_and_verdict_has_words(language: str):
    use_language(language)
    for fault in get_args(LineFault):
        assert words.what_is_wrong(fault, FIGURES)
        assert "{" not in words.what_is_wrong(fault, FIGURES)
        assert words.what_helps(fault).endswith((".", "?"))
    assert set(words.VERDICTS) == set(words.SYMBOLS) == set(get_args(LineVerdict))
    assert set(words.CAMERA) == set(get_args(CameraSeen))
    assert len({words.SYMBOLS[one] for one in words.SYMBOLS}) == 3, "colour is never the only sign"


def test_the_verdicts_are_the_words_of_the_regency():
    said = [words.verdict(one, words.INDONESIAN) for one in ("good", "fair", "poor")]
    assert said == ["Baik", "Cukup", "Buruk"]


@pytest.mark.parametrize(
    ("fault", "english", "indonesian"),
    [
        ("loss-up", "10.3 %", "10,3 %"),
        ("loss-down", "4.0 %", "4,0 %"),
        ("slow-up", "198 kbit/s", "198 kbit/s"),
        ("slow-down", "64 kbit/s", "64 kbit/s"),
        ("delay", "612 ms", "612 ms"),
        ("jitter", "89 ms", "89 ms"),
        ("room-noisy", "-28 dB", "-28 dB"),
        ("clipping", "3.2 %", "3,2 %"),
        ("clock", "7 s", "7 detik"),
        ("disk", "512 MB", "512 MB"),
        ("version", "giliran 0.0.9", "giliran 0.0.9"),
    ],
)
def test_a_reason_tells_its_figure(fault: LineFault, english: str, indonesian: str):
    assert english in words.what_is_wrong(fault, FIGURES)
    assert indonesian in words.what_is_wrong(fault, FIGURES, words.INDONESIAN)


def test_faults_stand_in_a_line_and_a_remedy_is_told_once():
    assert words.reasons((), FIGURES) == "everything in order"
    both: tuple[LineFault, ...] = ("loss-up", "loss-down")
    assert words.reasons(both, FIGURES).count(";") == 1
    assert len(words.remedies(both)) == 1


def test_what_was_not_measured_is_a_dash():
    assert words.number(None) == words.level(None) == words.rate(None, None) == words.NOTHING
    assert words.rate(2000.0, 2000.0) == "≥2000"
    assert words.rate(198.4, 2000.0) == "198"
