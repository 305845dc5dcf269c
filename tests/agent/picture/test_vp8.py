"""VP8: an encoder is used when it proved itself; damage gives no picture and no exception."""

import numpy as np
import pytest

from agent.devices import SyntheticCamera
from agent.picture import vp8, vpx
from agent.picture.stamp import read


@pytest.fixture(params=["libvpx", "ffmpeg"])
def opened(request: pytest.FixtureRequest):
    return vpx.Encoder if request.param == "libvpx" else vp8.FfmpegEncoder


def test_a_picture_comes_through_at_once(opened) -> None:
    encoder, decoder = opened(320, 180, 10, 250_000), vp8.Decoder()
    camera = SyntheticCamera("Kandis", 10, 320, 180, 10)
    size = 0
    for number in range(30):
        picture = camera.read(number / 10)
        data = encoder.encode(picture, key=number in (0, 20))
        assert (not data[0] & 1) == (number in (0, 20)), "a key frame exactly when asked for"
        shown = decoder.decode(data)
        assert shown is not None and shown.shape == picture.shape
        assert np.abs(shown.astype(int) - picture).mean() < 12
        reading = read(shown[:180])
        assert reading.stamp is not None and reading.stamp.counter == number and not reading.torn
        size += len(data)
    assert 50_000 < size * 8 / 3 < 400_000
    assert decoder.damaged == 0


def coded(encoder: vp8.Encoder, camera: SyntheticCamera, first: int, count: int) -> list[bytes]:
    return [encoder.encode(camera.read(n / 10), key=n == 0) for n in range(first, first + count)]


def test_the_bitrate_of_libvpx_changes_without_a_key_frame() -> None:
    encoder, camera = vpx.Encoder(320, 180, 10, 100_000), SyntheticCamera("Minas", 3, 320, 180, 10)
    many = coded(encoder, camera, 0, 60)
    encoder.set_bitrate(50_000)
    few = coded(encoder, camera, 60, 60)
    assert not any(not data[0] & 1 for data in [*many[1:], *few]), "no key frame but the first"
    assert sum(map(len, few[20:])) * 8 / 4 == pytest.approx(50_000, rel=0.15)
    assert sum(map(len, many[20:])) * 8 / 4 == pytest.approx(100_000, rel=0.15)


def test_ffmpegs_encoder_takes_another_bitrate_with_a_key_frame() -> None:
    encoder = vp8.FfmpegEncoder(320, 180, 10, 100_000)
    camera = SyntheticCamera("Minas", 3, 320, 180, 10)
    coded(encoder, camera, 0, 5)
    encoder.set_bitrate(100_000)
    assert coded(encoder, camera, 5, 1)[0][0] & 1, "the same again changes nothing"
    encoder.set_bitrate(50_000)
    assert not coded(encoder, camera, 6, 1)[0][0] & 1


def test_what_a_decoder_can_read_is_chosen_and_what_is_not_there_is_named() -> None:
    choice = vp8.probe()
    assert vp8.flaw(choice.name) == ""
    assert choice.name not in choice.refused and all(choice.refused.values())
    assert "not in this FFmpeg" in vp8.flaw("vp8_of_a_chip_that_was_never_made")
    encoder = vp8.open_encoder(320, 180, 10, 100_000)
    assert encoder.name == choice.name


class Late:
    """An encoder that keeps the first picture to itself, as many in hardware do."""

    name = "late"

    def __init__(self, *size: float) -> None:
        self._waiting = b""
        self._inner = vpx.Encoder(320, 180, 10, 100_000)

    def encode(self, picture: np.ndarray, key: bool) -> bytes:
        out, self._waiting = self._waiting, self._inner.encode(picture, key)
        return out

    def set_bitrate(self, bitrate: int) -> None:
        pass


class Deaf(Late):
    """One that makes a key frame of every picture."""

    def encode(self, picture: np.ndarray, key: bool) -> bytes:
        return self._inner.encode(picture, True)


class Blind(Late):
    """One whose pictures are all the same."""

    def encode(self, picture: np.ndarray, key: bool) -> bytes:
        return self._inner.encode(np.zeros_like(picture), key)


@pytest.mark.parametrize(
    ("bad", "why"), [(Late, "at once"), (Deaf, "key frame"), (Blind, "another picture")]
)
def test_an_encoder_that_is_no_good_is_refused(bad, why: str) -> None:
    assert why in vp8.flaw("bad", bad)


def test_damage_is_counted() -> None:
    decoder = vp8.Decoder()
    assert decoder.decode(b"\x00\x01\x02") is None
    assert decoder.damaged == 1


def test_another_size_is_refused(opened) -> None:
    with pytest.raises(ValueError, match="320x180"):
        opened(320, 180, 10, 250_000).encode(np.zeros((90, 160), dtype=np.uint8), True)
