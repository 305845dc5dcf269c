"""The picture for the README: from the shipped roster, the same at every run."""

from pathlib import Path

import pytest

from console.tui.screenshot import screenshot
from console.tui.stage import Stage
from tests.console.tui.seat import Sit


@pytest.mark.parametrize(("lang", "word"), [("en", "HAS"), ("id", "SEDANG")])
def test_a_lifelike_picture(tmp_path: Path, lang: str, word: str) -> None:
    first, second = tmp_path / "1.svg", tmp_path / "2.svg"
    screenshot(first, lang)
    text = first.read_text(encoding="utf-8")
    assert text.startswith("<svg") and word in text and "Kandis" in text and "Pusako" in text
    screenshot(second, lang)
    assert _shown(text) == _shown(second.read_text(encoding="utf-8"))


def _shown(svg: str) -> list[str]:
    """The texts; the identifiers in the file differ from run to run."""
    return [line.partition(">")[2] for line in svg.splitlines() if line.startswith("<text")]


async def test_plain_terminals_get_ascii_only(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage, plain=True) as seat:
        strips = seat.console.screen._compositor.render_strips()
        drawn = "".join(segment.text for strip in strips for segment in strip)
        assert drawn.isascii()
        assert "Sungai Mandau" in drawn and "muted" in drawn
