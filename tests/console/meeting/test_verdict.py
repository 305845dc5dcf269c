"""What measured figures are worth: each fault is named; what was not measured is none."""

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as hs

from console.meeting.verdict import judge
from protocol.events import CameraSeen, LineFault, LineFigures

SOFTWARE = "giliran 0.1.0"
GOOD = LineFigures(
    probes=300,
    loss_up_percent=0.0,
    loss_down_percent=0.3,
    jitter_up_ms=3.0,
    jitter_down_ms=8.0,
    rtt_ms=40.0,
    up_kbps=2000.0,
    down_kbps=2000.0,
    burst_kbps=2000.0,
    tone_played=True,
    tone_dbov=40,
    noise_dbov=60,
    peak_dbov=20,
    clipped_percent=0.0,
    camera="moving",
    clock_error_ms=120,
    free_mb=20_000,
    version=SOFTWARE,
)


def but(**changes: object) -> LineFigures:
    """The good line with one thing wrong."""
    return LineFigures(**{name: getattr(GOOD, name) for name in GOOD.__struct_fields__} | changes)


def test_a_line_in_order_is_good_and_nothing_is_said():
    assert judge(GOOD, SOFTWARE) == judge(LineFigures(), SOFTWARE)
    assert (judge(GOOD, SOFTWARE).verdict, judge(GOOD, SOFTWARE).faults) == ("good", ())


@pytest.mark.parametrize(
    ("figures", "verdict", "faults"),
    [
        (but(media=False), "poor", ("no-media",)),
        (but(loss_up_percent=1.0), "fair", ("loss-up",)),
        (but(loss_up_percent=10.0), "poor", ("loss-up",)),
        (but(loss_down_percent=5.0), "poor", ("loss-down",)),
        (but(up_kbps=399.0), "fair", ("slow-up",)),
        (but(down_kbps=64.0), "poor", ("slow-down",)),
        (but(rtt_ms=300.0), "fair", ("delay",)),
        (but(rtt_ms=650.0), "poor", ("delay",)),
        (but(jitter_down_ms=60.0), "fair", ("jitter",)),
        (but(jitter_up_ms=150.0), "poor", ("jitter",)),
        (but(tone_dbov=None, peak_dbov=127, noise_dbov=127), "poor", ("microphone-dead",)),
        (but(tone_dbov=None), "poor", ("speaker-silent",)),
        (but(noise_dbov=40), "fair", ("room-noisy",)),
        (but(noise_dbov=28), "poor", ("room-noisy",)),
        (but(clipped_percent=0.5), "fair", ("clipping",)),
        (but(clipped_percent=12.0), "poor", ("clipping",)),
        (but(camera="none"), "fair", ("camera-none",)),
        (but(camera="black"), "poor", ("camera-black",)),
        (but(camera="frozen"), "poor", ("camera-frozen",)),
        (but(clock_error_ms=-2000), "fair", ("clock",)),
        (but(free_mb=999), "fair", ("disk",)),
        (but(free_mb=10), "poor", ("disk",)),
        (but(version="giliran 0.0.9"), "fair", ("version",)),
    ],
)
def test_each_fault_is_named(figures: LineFigures, verdict: str, faults: tuple[str, ...]):
    judged = judge(figures, SOFTWARE)
    assert (judged.verdict, judged.faults) == (verdict, faults)


def test_the_gravest_fault_comes_first_and_makes_the_verdict():
    judged = judge(but(loss_up_percent=2.0, camera="frozen", free_mb=500), SOFTWARE)
    assert judged.verdict == "poor"
    assert judged.faults == ("camera-frozen", "loss-up", "disk")


def test_a_dead_microphone_says_nothing_of_the_loudspeaker():
    figures = but(tone_dbov=None, peak_dbov=90, noise_dbov=95)
    assert judge(figures, SOFTWARE).faults == ("microphone-dead",)


def test_a_quiet_room_is_no_dead_microphone_when_it_hears_the_tone():
    assert judge(but(peak_dbov=86, tone_dbov=79, noise_dbov=100), SOFTWARE).verdict == "good"


def test_a_loudspeaker_in_which_nothing_was_played_is_not_silent():
    assert judge(but(tone_played=False, tone_dbov=None), SOFTWARE).verdict == "good"


percent = hs.none() | hs.floats(0, 100)
ms = hs.none() | hs.floats(0, 1e5)
dbov = hs.none() | hs.integers(0, 127)
FIGURES = hs.builds(
    LineFigures,
    media=hs.booleans(),
    probes=hs.integers(0, 300),
    loss_up_percent=percent,
    loss_down_percent=percent,
    jitter_up_ms=ms,
    jitter_down_ms=ms,
    rtt_ms=ms,
    up_kbps=ms,
    down_kbps=ms,
    burst_kbps=ms,
    tone_played=hs.booleans(),
    tone_dbov=dbov,
    noise_dbov=dbov,
    peak_dbov=dbov,
    clipped_percent=percent,
    camera=hs.sampled_from(get_args(CameraSeen)),
    clock_error_ms=hs.none() | hs.integers(-(10**9), 10**9),
    free_mb=hs.none() | hs.integers(0, 10**7),
    version=hs.sampled_from(["", SOFTWARE, "giliran 9"]),
)


@settings(deadline=None)
@given(FIGURES)
def test_verdict_and_faults_always_go_together(figures: LineFigures):
    judged = judge(figures, SOFTWARE)
    assert (judged.verdict == "good") == (not judged.faults)
    assert set(judged.faults) <= set(get_args(LineFault))
    assert len(set(judged.faults)) == len(judged.faults)


RANK = {"good": 0, "fair": 1, "poor": 2}
WORSE = {
    "loss_up_percent": 5.0,
    "loss_down_percent": 5.0,
    "jitter_up_ms": 50.0,
    "rtt_ms": 100.0,
    "clipped_percent": 1.0,
    "clock_error_ms": 10_000,
}


@settings(deadline=None)
@given(FIGURES, hs.sampled_from(sorted(WORSE)))
def test_more_of_a_bad_thing_never_makes_a_better_line(figures: LineFigures, name: str):
    value = getattr(figures, name)
    if value is None or value < 0:
        return
    fields = {field: getattr(figures, field) for field in figures.__struct_fields__}
    worse = LineFigures(**fields | {name: value + WORSE[name]})
    assert RANK[judge(worse, SOFTWARE).verdict] >= RANK[judge(figures, SOFTWARE).verdict]
    assert set(judge(figures, SOFTWARE).faults) <= set(judge(worse, SOFTWARE).faults)
