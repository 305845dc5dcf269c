"""The README's generated parts are what the code says today."""

from pathlib import Path

from console import pages
from console.cli import INNER
from console.commands.screenshot import screenshot


def test_the_readme_is_not_stale():
    text = pages.README.read_text(encoding="utf-8")
    assert pages.with_blocks(text) == text, "run `make docs`"
    assert text.count("made by `make docs`") == 2


def test_the_tables_name_every_act_and_every_shown_command():
    assert "| `n` `F2` | Call next | " in pages.key_table()
    shown = {name for name in pages.app if not name.startswith("-")} - set(INNER)
    assert set(pages.ORDER) == shown
    for name in pages.ORDER:
        assert f"| `giliran {name}` | " in pages.command_table()


def test_blocks_are_replaced_and_the_rest_is_kept():
    begin = "<!-- keys: made by `make docs` -->\n"
    text = f"before\n{begin}old\n<!-- end of keys -->\nafter\n"
    text += "<!-- commands: made by `make docs` -->\n<!-- end of commands -->\nlast\n"
    made = pages.with_blocks(text)
    assert made.startswith(f"before\n{begin}| Key | Act |") and made.endswith("\nlast\n")
    assert "old" not in made and "-->\nafter\n" in made


def test_the_picture_is_not_stale(tmp_path: Path):
    pages.use_language("en")
    screenshot(tmp_path / "console.svg")
    shown = pages.README.parent / "docs" / "console.svg"
    assert shown.read_text() == (tmp_path / "console.svg").read_text(), "run `make docs`"
