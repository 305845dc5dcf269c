"""What the operator likes: kept, found again, and never in the way."""

from pathlib import Path

import pytest

from console.tui.settings import Settings, keep, load


def test_what_is_kept_is_found_again(tmp_path: Path) -> None:
    liked = Settings("contrast", "id", "ascii", False)
    path = tmp_path / "giliran" / "console.json"
    keep(path, liked)
    assert load(path) == liked
    assert [one.name for one in path.parent.iterdir()] == ["console.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"theme": 3}', '{"unknown": 1}', "\xff"])
def test_what_can_not_be_read_is_as_if_it_were_not_there(tmp_path: Path, text: str) -> None:
    path = tmp_path / "console.json"
    path.write_bytes(text.encode("latin-1"))
    assert load(path) == Settings()


def test_one_bad_value_costs_that_one_only(tmp_path: Path) -> None:
    path = tmp_path / "console.json"
    path.write_text('{"theme": "pink", "language": "id", "previews": false}')
    assert load(path) == Settings(language="id", previews=False)


def test_a_folder_that_can_not_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        keep(tmp_path / "file" / "console.json", Settings())
