"""The forwarding bench runs, and its packets arrive: figures are for a quiet machine."""

import json
import re
from pathlib import Path

import pytest

from tests.bench import forward
from tests.bench.where import AGENT, RELAY, parts


def test_packets_of_real_connections_arrive_and_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "figures.json"
    rows = forward.main(
        [
            "--receivers",
            "2",
            "--stock",
            "1",
            "--media-relay",
            "--seconds",
            "0.5",
            "--profile",
            "--json",
            str(path),
        ]
    )
    assert json.loads(path.read_text()) == rows
    ours, stock = rows
    assert (ours["relay"], ours["receivers"]) == ("giliran", 2)
    assert ours["arrived_percent"] > 0 and ours["delay_p50_ms"] > 0
    assert ours["us_per_packet"] > 0 and stock["us_per_packet"] > 0
    assert stock["relay"] == "aiortc _send_rtp" and stock["packets_per_s"] > 0
    assert sum(ours["where"][part] for part in parts(RELAY)) == pytest.approx(1)
    assert f"| a packet and receiver | {ours['us_per_packet']:.1f} µs |" in capsys.readouterr().out


def test_what_the_profile_looks_for_is_in_the_source() -> None:
    root = Path(__file__).parents[2]
    for rule in (*RELAY, *AGENT):
        if not rule.file.startswith("agent/"):
            continue
        place = root / rule.file
        files = place.rglob("*.py") if place.is_dir() else [place]
        text = "\n".join(one.read_text() for one in files)
        assert not rule.line or rule.line in text, rule
        assert not rule.function or re.search(rf"def \w*{rule.function}", text), rule
