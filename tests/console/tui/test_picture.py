"""Small pictures in cells: half blocks of the right colours, signs in ASCII, nothing for damage."""

import io

import pytest
from PIL import Image

from console.tui import picture


def jpeg(width: int = 160, height: int = 90) -> bytes:
    """Red above, blue below."""
    image = Image.new("RGB", (width, height), (200, 20, 20))
    image.paste((20, 20, 200), (0, height // 2, width, height))
    made = io.BytesIO()
    image.save(made, "JPEG", quality=90)
    return made.getvalue()


def test_two_dots_a_cell() -> None:
    lines = picture.drawn(jpeg(), 20, 6)
    assert len(lines) == 6 and all(sum(len(s.text) for s in line) == 20 for line in lines)
    top, bottom = lines[0][0].style, lines[5][0].style
    assert top is not None and top.color is not None and top.color.triplet is not None
    assert top.color.triplet.red > 150 > top.color.triplet.blue
    assert bottom is not None and bottom.bgcolor is not None
    assert bottom.bgcolor.triplet is not None and bottom.bgcolor.triplet.blue > 150
    assert len(lines[0]) < 4, "equal neighbours are one segment"


def test_in_ascii() -> None:
    lines = picture.drawn(jpeg(), 20, 6, True)
    text = ["".join(segment.text for segment in line) for line in lines]
    assert all(len(line) == 20 and line.isascii() for line in text) and text[0] != text[5]


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8\xff", jpeg()[:100], b"GIF89a" + bytes(50), jpeg(2000, 2000)]
)
def test_what_is_no_small_picture_is_not_drawn(data: bytes) -> None:
    assert picture.drawn(data, 20, 6) in ([], picture.drawn(data, 20, 6))
    assert data[:3] != b"GIF" or picture.drawn(data, 20, 6) == []
    assert len(data) < 10_000 or picture.drawn(data, 20, 6) == []


def test_no_room_no_picture() -> None:
    assert picture.drawn(jpeg(), 0, 6) == [] == picture.drawn(jpeg(), 6, 0)
    assert picture.rows_for(32) == 9
