"""Small pictures of the sites on the control link: the one kind of binary frame.

    0x01 | length of the site's id, 1 byte | site's id, ASCII | JPEG

Sent by an agent while Desired asks for it, carried by the server to the consoles that Watch.
Unsequenced, never sent again: the next one comes soon.
"""

import msgspec

KIND = 0x01
MAX_BYTES = 32 * 1024
_JPEG = b"\xff\xd8\xff"


class Preview(msgspec.Struct, frozen=True):
    """A picture of `site` as JPEG."""

    site: str
    jpeg: bytes


def encode_preview(preview: Preview) -> bytes:
    """The binary frame. Raises ValueError for what no frame can carry."""
    site = preview.site.encode("ascii", errors="strict")
    if not 0 < len(site) < 256 or not preview.jpeg.startswith(_JPEG):
        raise ValueError("a preview is a JPEG with the id of its site")
    frame = bytes((KIND, len(site))) + site + preview.jpeg
    if len(frame) > MAX_BYTES:
        raise ValueError(f"a preview has at most {MAX_BYTES} bytes")
    return frame


def decode_preview(frame: bytes) -> Preview:
    """Inverse of `encode_preview`. Raises ValueError."""
    if len(frame) > MAX_BYTES:
        raise ValueError(f"A binary frame has at most {MAX_BYTES} bytes.")
    if len(frame) < 2 or frame[0] != KIND:
        raise ValueError("A binary frame is a preview, and this is none.")
    end = 2 + frame[1]
    jpeg = frame[end:]
    if not frame[1] or not jpeg.startswith(_JPEG):
        raise ValueError("A preview is a JPEG with the id of its site.")
    try:
        return Preview(frame[2:end].decode("ascii"), jpeg)
    except UnicodeDecodeError as error:
        raise ValueError("The id of a site is ASCII.") from error
