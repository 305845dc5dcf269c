"""What a rehearsal takes; whole rehearsals are in tests/e2e/test_rehearsal.py."""

import pytest

from console.rehearsal.director import Director
from console.rehearsal.rehearsal import (
    FaultPlan,
    Options,
    Rehearsal,
    parse_cut,
    parse_kill,
    parse_seconds,
)
from protocol import messages as m


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("4s", 4.0), ("4", 4.0), ("500ms", 0.5), ("1.5s", 1.5), ("2min", 120.0), ("45m", 2700.0)],
)
def test_times(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "-1s", "4 hours", "4s4s"])
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="expected a time"):
        parse_seconds(text)


def test_faults() -> None:
    assert parse_kill("relay@20s") == FaultPlan("kill", "relay", 20.0)
    assert parse_cut("kandis@30s+10s") == FaultPlan("cut", "kandis", 30.0, 10.0)
    assert str(parse_cut("kandis@30s+10s")) == "cut kandis for 10 s"


@pytest.mark.parametrize("text", ["relay", "@3s", "relay@", "relay@soon"])
def test_kills_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_kill(text)


@pytest.mark.parametrize("text", ["kandis@3s", "kandis", "@3s+1s", "kandis@3s+"])
def test_cuts_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_cut(text)


def test_a_fault_at_somebody_who_takes_no_part_is_refused_before_anything_starts() -> None:
    with pytest.raises(ValueError, match="kandis: known are .*siak"):
        Rehearsal(Options(sites=1, faults=(parse_kill("kandis@3s"),)), print)
    with pytest.raises(ValueError, match="server: known are"):
        Rehearsal(Options(sites=1, faults=(parse_cut("server@3s+1s"),)), print)


def test_a_turn_takes_a_second_at_least() -> None:
    with pytest.raises(ValueError, match="at least 1 s"):
        Rehearsal(Options(sites=1, turn_s=0.2), print)


def test_a_reading_that_is_told_again_is_counted_once() -> None:
    director = Director("unix:/nowhere")
    links = [m.LinkReading(closed_packets=count, silent_ms=n) for n, count in enumerate((0, 5, 0))]
    for link in (links[0], links[1], links[1], links[2], links[1]):
        status = m.SiteStatus(reading=m.SiteReading(rtt_ms=len(director.readings)), link=link)
        director._receive(m.Telemetry(0, {"siak": status}))
    assert Rehearsal(Options(sites=1), print)._closed_packets(director) == 10
