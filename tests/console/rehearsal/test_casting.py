"""Who takes part in a rehearsal."""

from pathlib import Path

import pytest

from console.rehearsal.casting import cast, write_roster
from console.roster import load


@pytest.mark.parametrize("sites", [1, 14, 30, 63])
def test_the_roster_written_is_the_plan(sites: int, tmp_path: Path) -> None:
    plan = cast(sites)
    write_roster(plan, tmp_path / "roster.toml")
    assert load(tmp_path / "roster.toml") == plan
    kinds = [entry.kind for entry in plan.sites]
    assert kinds.count("hall") == 1
    assert kinds.count("kecamatan") == sites


@pytest.mark.parametrize("sites", [0, 64])
def test_too_few_or_too_many_sites(sites: int) -> None:
    with pytest.raises(ValueError, match="1 to 63"):
        cast(sites)
