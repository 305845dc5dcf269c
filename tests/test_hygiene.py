"""What must not stand in the repository: places that exist on one machine only, made files."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Put together here, so that this file does not hold them itself.
PLACES = ["/" + place + "/" for place in ("work", "root", "home", "Users", "mnt")]
MAY_BE_ODD = {"uv.lock", "__init__.py"}  # large, empty


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True)
    if listing.returncode:
        pytest.skip("not a git checkout")
    names = [name for name in listing.stdout.decode().split("\0") if name]
    return [ROOT / name for name in names if (ROOT / name).exists()]


def test_no_tracked_file_names_a_place_of_one_machine(tracked: list[Path]):
    found = []
    for path in tracked:
        text = path.read_bytes().decode("utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            if any(place in line for place in PLACES):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert found == []


def test_no_made_file_is_tracked(tracked: list[Path]):
    made = {".mo", ".pyc", ".db", ".log", ".whl"}
    assert [path.name for path in tracked if path.suffix in made] == []


def test_no_tracked_file_is_a_large_or_empty_one(tracked: list[Path]):
    sizes = {path: path.stat().st_size for path in tracked if path.name not in MAY_BE_ODD}
    assert [path.name for path, size in sizes.items() if size > 1_000_000] == []
    assert [path.name for path, size in sizes.items() if size == 0] == []


def test_lines_that_a_merge_left_behind(tracked: list[Path]):
    for path in tracked:
        lines = path.read_bytes().splitlines()
        assert not [x for x in lines if x.startswith((b"<<<<<<< ", b">>>>>>> "))], path.name
