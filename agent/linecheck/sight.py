"""What a camera shows over a few seconds: a moving picture, none, black, or always the same. Pure.

No two pictures of a living camera are the same: its sensor makes noise even in front of a wall.
"""

from collections.abc import Sequence

import numpy as np

from agent.picture.vp8 import Yuv
from protocol.messages import CameraSeen

BLACK_MEAN, BLACK_BRIGHTEST = 28.0, 60.0
"""Luma of ITU-R BT.601: black is 16. With the lens covered a little noise is left."""

SAME = 0.001
"""Mean difference of two pictures below which they are one."""


def seen(pictures: Sequence[Yuv | None]) -> CameraSeen:
    """Of pictures taken a second apart; `unknown` of fewer than two."""
    there = [picture for picture in pictures if picture is not None]
    if not there and pictures:
        return "none"
    if len(there) < 2:
        return "unknown"
    lumas = [picture[: len(picture) * 2 // 3] for picture in there]
    if all(_is_black(luma) for luma in lumas):
        return "black"
    moves = any(_differ(a, b) for a, b in zip(lumas, lumas[1:], strict=False))
    return "moving" if moves else "frozen"


def _is_black(luma: Yuv) -> bool:
    return float(luma.mean()) < BLACK_MEAN and float(np.percentile(luma, 99)) < BLACK_BRIGHTEST


def _differ(one: Yuv, other: Yuv) -> bool:
    if one.shape != other.shape:
        return True
    return float(np.abs(one.astype(np.int16) - other).mean()) > SAME
