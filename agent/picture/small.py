"""The small picture of a site for its operator: what the camera sees now, as JPEG of a few KB."""

import io

import numpy as np
from PIL import Image

from agent.picture.vp8 import Yuv

WIDTH, HEIGHT = 160, 90
QUALITY = 55


def jpeg(picture: Yuv) -> bytes:
    """A yuv420p picture, scaled to 160×90, as JPEG."""
    height = picture.shape[0] * 2 // 3
    width = picture.shape[1]
    chroma = np.ascontiguousarray(picture[height:]).reshape(-1)
    half = (height // 2, width // 2)
    count = half[0] * half[1]
    planes = (
        np.ascontiguousarray(picture[:height]),
        chroma[:count].reshape(half),
        chroma[count : 2 * count].reshape(half),
    )
    size = (WIDTH, HEIGHT)
    small = [Image.fromarray(plane).resize(size, Image.Resampling.BOX) for plane in planes]
    made = io.BytesIO()
    Image.merge("YCbCr", small).save(made, "JPEG", quality=QUALITY)
    return made.getvalue()
