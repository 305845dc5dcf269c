"""VP8: one picture in, one frame out; damage gives no picture and no exception."""

import numpy as np
import pytest

from agent.devices import SyntheticCamera
from agent.picture import vp8


def test_a_picture_comes_through_at_once() -> None:
    encoder, decoder = vp8.Encoder(320, 180, 10, 250_000), vp8.Decoder()
    camera = SyntheticCamera("Kandis", 10, 320, 180, 10)
    size = 0
    for number in range(30):
        picture = camera.read(number / 10)
        data = encoder.encode(picture, key=number in (0, 20))
        assert (not data[0] & 1) == (number in (0, 20)), "a key frame exactly when asked for"
        shown = decoder.decode(data)
        assert shown is not None and shown.shape == picture.shape
        assert np.abs(shown.astype(int) - picture).mean() < 12
        size += len(data)
    assert 50_000 < size * 8 / 3 < 400_000
    assert decoder.damaged == 0


def test_damage_is_counted() -> None:
    decoder = vp8.Decoder()
    assert decoder.decode(b"\x00\x01\x02") is None
    assert decoder.damaged == 1


def test_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="320x180"):
        vp8.Encoder(320, 180, 10, 250_000).encode(np.zeros((90, 160), dtype=np.uint8), True)
