"""A living camera moves, a hanging one does not, a covered one is black."""

import numpy as np
import pytest

from agent.devices import BlackCamera, FrozenCamera, SyntheticCamera
from agent.linecheck.sight import seen


def camera() -> SyntheticCamera:
    return SyntheticCamera("Minas", 3, 160, 90, 10)


def test_a_synthetic_camera_moves():
    one = camera()
    assert seen([one.read(at) for at in range(5)]) == "moving"


def test_a_camera_that_hangs_is_frozen():
    one = FrozenCamera(camera())
    assert seen([one.read(at) for at in range(5)]) == "frozen"


def test_one_picture_that_came_twice_is_not_frozen():
    one = camera()
    picture = one.read(0)
    assert seen([picture, picture, one.read(2)]) == "moving"


def test_a_covered_lens_is_black_noise_or_not():
    one = BlackCamera(160, 90)
    assert seen([one.read(at) for at in range(5)]) == "black"
    assert seen([np.full((135, 160), 16, dtype=np.uint8)] * 3) == "black"


def test_a_wall_is_not_frozen_for_its_noise():
    rng = np.random.default_rng(5)
    pictures = [rng.integers(118, 122, (135, 160), dtype=np.uint8) for _ in range(5)]
    assert seen(pictures) == "moving"


def test_a_dark_room_with_a_lamp_is_not_black():
    picture = np.full((135, 160), 18, dtype=np.uint8)
    picture[10:40, 10:60] = 200
    other = picture.copy()
    other[60, 60] = 90
    assert seen([picture, other]) == "moving"


@pytest.mark.parametrize(("pictures", "told"), [([], "unknown"), ([None, None], "none")])
def test_without_pictures(pictures: list[None], told: str):
    assert seen(pictures) == told


def test_of_a_single_picture_nothing_is_known():
    assert seen([None, camera().read(0)]) == "unknown"
