"""`giliran check`: what it prints, and its exit code; driven for real in `tests/e2e`."""

import json
from pathlib import Path

import pytest

from console.commands import check as module
from console.commands.check import check, table
from console.meeting.state import CheckedLine
from protocol import events as e
from tests.playbook import planned_meeting

FOUND = {
    "hall": CheckedLine(1, "good"),
    "minas": CheckedLine(1, "poor", ("loss-up", "loss-down"), e.LineFigures(loss_up_percent=9.7)),
    "kandis": CheckedLine(1, "fair", ("clock",), e.LineFigures(clock_error_ms=4000)),
}


def test_without_a_server_it_says_what_to_do(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr(module, "CONNECT_S", 0.3)
    assert check(db=tmp_path / "journal.db", lang="en") == 2
    assert "giliran console" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("sites", "code"), [(("hall",), 0), (("hall", "kandis"), 0), (("hall", "minas"), 1)]
)
def test_a_poor_line_makes_the_exit_code(tmp_path, monkeypatch, capsys, sites, code):
    async def checked(address: str, asked: tuple[str, ...]):
        return planned_meeting().state, {site: FOUND[site] for site in asked}

    monkeypatch.setattr(module, "_checked", checked)
    assert check(*sites, db=tmp_path / "journal.db", lang="en") == code
    said = capsys.readouterr().out
    assert "Ruang Bandar Siak" in said
    assert check(*sites, db=tmp_path / "journal.db", json=True, lang="en") == code
    assert set(json.loads(capsys.readouterr().out)) == set(sites)


def test_the_table_tells_verdict_reason_and_what_helps_once():
    lines = table(planned_meeting().state, FOUND)
    assert lines[0].startswith("✓ Good") and "everything in order" in lines[0]
    assert lines[1].startswith("✗ Poor  Minas") and "9.7 %" in lines[1]
    assert lines[2].lstrip().startswith("→ Use a cable")
    assert lines[3].startswith("! Fair  Kandis") and "4 s" in lines[3]
    assert len(lines) == 5
