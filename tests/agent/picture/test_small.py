"""The small picture of a site: a JPEG of the size told, in the colours of the camera."""

import io

import numpy as np
import pytest
from PIL import Image

from agent.devices import SyntheticCamera
from agent.picture.outgoing import GLANCE_S, Pictures
from agent.picture.small import HEIGHT, WIDTH, jpeg
from protocol.binary import Preview, encode_binary


@pytest.mark.parametrize("size", [(160, 90), (320, 180), (640, 360), (1280, 720)])
def test_colours_and_places_stay(size: tuple[int, int]) -> None:
    width, height = size
    picture = np.full((height * 3 // 2, width), 128, dtype=np.uint8)
    picture[:height, : width // 2] = 40
    picture[:height, width // 2 :] = 200
    count = (height // 2) * (width // 2)
    picture[height:].reshape(-1)[count:] = 200  # much red
    with Image.open(io.BytesIO(jpeg(picture))) as image:
        assert image.size == (WIDTH, HEIGHT)
        dark, light = image.getpixel((20, 45)), image.getpixel((140, 45))
    assert light[0] > dark[0] + 50 and light[0] > light[2] + 40


def test_it_is_small_enough_for_a_frame() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (540, 640), dtype=np.uint8)
    assert len(encode_binary(Preview("kandis", jpeg(noise)))) < 16_000


def test_a_closed_camera_is_read_for_a_glance_and_not_more_often_than_it_helps() -> None:
    camera = SyntheticCamera("Kandis", 3, 320, 180, 10)
    pictures = Pictures(camera, 10)
    first = pictures.glance(100.0)
    assert first is not None and pictures.glance(100.0 + GLANCE_S / 2) is first
    assert pictures.glance(100.1 + GLANCE_S) is not first
