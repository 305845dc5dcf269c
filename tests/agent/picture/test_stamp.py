"""The stamp survives the codec, and tells a torn picture from a whole one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.picture import stamp, vp8
from agent.picture.stamp import Reading, Stamp

stamps = st.builds(Stamp, st.integers(0, 255), st.integers(0, 2**24 - 1), st.integers(0, 2**32 - 1))


@settings(max_examples=50)
@given(stamps, st.sampled_from([(160, 90), (320, 180), (640, 360), (1280, 720)]))
def test_read_as_it_was_drawn(one: Stamp, size: tuple[int, int]) -> None:
    luma = np.full((size[1], size[0]), 128, dtype=np.uint8)
    stamp.draw(luma, one)
    assert stamp.read(luma) == Reading(one, False)


@pytest.mark.parametrize(("size", "bitrate"), [((160, 90), 60_000), ((320, 180), 100_000)])
def test_it_survives_a_thin_stream(size: tuple[int, int], bitrate: int) -> None:
    width, height = size
    encoder, decoder = vp8.open_encoder(width, height, 10, bitrate), vp8.Decoder()
    rng = np.random.default_rng(1)
    for number in range(40):
        picture = np.full((height * 3 // 2, width), 128, dtype=np.uint8)
        left = number * 3 % (width - 40)
        picture[height // 3 : height // 2, left : left + 40] = rng.integers(0, 255, 40)
        one = Stamp(7, number, number * 100)
        stamp.draw(picture[:height], one)
        shown = decoder.decode(encoder.encode(picture, number == 0))
        assert shown is not None
        assert stamp.read(shown[:height]) == Reading(one, False)


def test_a_picture_of_two_halves_is_torn() -> None:
    upper, lower = np.full((180, 320), 90, np.uint8), np.full((180, 320), 90, np.uint8)
    stamp.draw(upper, Stamp(1, 5, 0))
    stamp.draw(lower, Stamp(1, 6, 0))
    torn = np.concatenate([upper[:90], lower[90:]])
    assert stamp.read(torn) == Reading(Stamp(1, 5, 0), True)
    upper[:20] = 90
    assert stamp.read(upper).torn, "half of it grey"


def test_a_picture_without_a_stamp() -> None:
    rng = np.random.default_rng(2)
    assert stamp.read(rng.integers(0, 255, (180, 320)).astype(np.uint8)) == Reading(None, False)
