"""Lines in the picture: readable, at their place, and nothing else is touched."""

import numpy as np
import pytest

from agent.devices import SyntheticCamera
from agent.picture import caption, stamp
from protocol.messages import Cue
from protocol.words import use_language


def picture(width: int = 320, height: int = 180) -> np.ndarray:
    taken = SyntheticCamera("Minas", 3, width, height, 10).read(1.0)
    assert taken is not None
    return taken


def test_nothing_to_say_leaves_the_picture_alone() -> None:
    one = picture()
    assert caption.write(one, caption.lines("none", " ")) is one


@pytest.mark.parametrize(("width", "height"), [(160, 90), (320, 180), (640, 360), (1280, 720)])
@pytest.mark.parametrize("cue", ["on-deck", "live", "low", "over"])
def test_lines_are_written_where_no_stamp_is(width: int, height: int, cue: Cue) -> None:
    before = picture(width, height)
    kept = before.copy()
    after = caption.write(before, caption.lines(cue, "Istirahat"))
    assert (before == kept).all(), "the picture may be a decoder's"
    assert stamp.read(after[:height]) == stamp.read(before[:height])
    changed = np.flatnonzero((after[:height] != before[:height]).any(axis=1))
    assert height * 0.6 < changed[0] and changed[-1] < height * 0.9
    band = after[changed[-1] - 2]
    assert band.min() < 60 or band.max() > 200


def test_an_open_microphone_has_another_look_than_a_closed_one() -> None:
    live = caption.write(picture(), caption.lines("live", ""))[:180]
    ready = caption.write(picture(), caption.lines("on-deck", ""))[:180]
    row = 150
    assert np.median(live[row]) == caption.LIGHT and np.median(ready[row]) == caption.DARK


def test_the_texts_are_the_rooms_language() -> None:
    use_language("id")
    try:
        assert caption.lines("live", "") == (("MIKROFON MENYALA", True),)
        assert caption.lines("on-deck", "")[0][0].startswith("BERSIAP")
    finally:
        use_language("en")


def test_a_long_announcement_is_cut_to_the_picture() -> None:
    long = caption.write(picture(160, 90), caption.lines("none", "Rapat " * 60))
    assert long.shape == (135, 160)
