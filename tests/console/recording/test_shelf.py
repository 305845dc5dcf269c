"""What lies on the shelf, and what may be taken off it."""

import os
from pathlib import Path

import msgspec
import pytest

from console.recording import shelf
from protocol.recording import FILM, Clip, Film


def recording(folder: Path, meeting: str, *, film: bool = True) -> Path:
    place = folder / meeting
    (place / "clips").mkdir(parents=True)
    for name in ("segment-0001.mkv", "segment-0001.jsonl", "cues.json"):
        (place / name).write_bytes(b"x" * 10)
        os.utime(place / name, (1_000_000, 1_000_000))
    if film:
        clip = Clip("clips/01-kandis.opus", "kandis", 1, 0, 1000)
        made = Film(meeting, "rekaman.mkv", 1000, 10, (), (clip,))
        for name in (made.file, clip.file):
            (place / name).write_bytes(b"x" * 10)
        (place / FILM).write_bytes(msgspec.json.encode(made))
    return place


def test_every_recording_is_found_finished_or_not(tmp_path: Path) -> None:
    assert shelf.look(tmp_path / "nowhere") == []
    recording(tmp_path, "a")
    recording(tmp_path, "b", film=False)
    (tmp_path / "c").mkdir()
    first, second = shelf.look(tmp_path)
    assert (first.meeting, first.is_finished, first.segments) == ("a", True, 1)
    assert (second.meeting, second.is_finished, second.film) == ("b", False, None)
    assert second.size_bytes() == 30


@pytest.mark.parametrize("name", ["segment-0002.mkv", "later-kandis.bin"])
def test_what_came_after_the_film_makes_it_stale(tmp_path: Path, name: str) -> None:
    place = recording(tmp_path, "a")
    before = shelf.look(tmp_path)[0].version
    (place / name).write_bytes(b"x")
    os.utime(place / name, (4_000_000_000, 4_000_000_000))
    (one,) = shelf.look(tmp_path)
    assert not one.is_finished and one.version > before


def test_a_film_that_was_deleted_is_not_there(tmp_path: Path) -> None:
    (recording(tmp_path, "a") / "rekaman.mkv").unlink()
    assert shelf.look(tmp_path)[0].film is None


@pytest.mark.parametrize(
    ("closed_days_ago", "keep_days", "is_past"),
    [(10, 9, True), (10, 10, False), (10, 11, False), (10_000, 0, False), (None, 1, False)],
)
def test_nothing_is_past_before_its_time(
    closed_days_ago: int | None, keep_days: int, is_past: bool
) -> None:
    now = 2_000_000_000_000
    closed_at = None if closed_days_ago is None else now - closed_days_ago * shelf.DAY_MS
    assert shelf.is_past(closed_at, keep_days, now) is is_past


def test_only_what_we_made_is_removed(tmp_path: Path) -> None:
    place = recording(tmp_path, "a")
    other = recording(tmp_path, "b")
    (other / "notes.txt").write_text("mine")
    for one in shelf.look(tmp_path):
        shelf.remove(one)
    assert not place.exists()
    assert [path.name for path in other.iterdir()] == ["notes.txt"]
