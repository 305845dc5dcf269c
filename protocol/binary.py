"""Binary frames: what would be a third longer, and slower to read, as text.

    0x01 | length of the site's id, 1 byte | site's id, ASCII | JPEG
    0x02 | length of the site's id, 1 byte | site's id, ASCII
         | length of the meeting's id, 1 byte | meeting's id, ASCII | frames of voice

The first (`Preview`) is sent by an agent while Desired asks for it, and carried by the server to
the consoles that Watch: unsequenced, never sent again, for the next one comes soon. The second
(`Later`) is sent by an agent with what it spoke while it was recorded and the relay did not
confirm; the server carries it to the relay, and it is sent again until Kept answers it. A site
sends its own only.
"""

import msgspec

MAX_BYTES = 32 * 1024
PREVIEW, LATER = 0x01, 0x02
_JPEG = b"\xff\xd8\xff"


class Preview(msgspec.Struct, frozen=True):
    """A picture of `site` as JPEG."""

    site: str
    jpeg: bytes


class Later(msgspec.Struct, frozen=True):
    """What `site` said in a meeting: `frames` are those of `agent.recording.later`."""

    site: str
    meeting: str
    frames: bytes


Binary = Preview | Later


def is_binary(frame: bytes) -> bool:
    """Whether a frame that waits to be sent is one of these; all others are objects in JSON."""
    return frame[:1] != b"{"


def encode_binary(one: Binary) -> bytes:
    """The binary frame. Raises ValueError for what no frame can carry."""
    match one:
        case Preview(site, jpeg):
            if not jpeg.startswith(_JPEG):
                raise ValueError("a preview is a JPEG")
            frame = bytes((PREVIEW,)) + _named(site) + jpeg
        case Later(site, meeting, frames):
            frame = bytes((LATER,)) + _named(site) + _named(meeting) + frames
    if len(frame) > MAX_BYTES:
        raise ValueError(f"a binary frame has at most {MAX_BYTES} bytes")
    return frame


def decode_binary(frame: bytes) -> Binary:
    """Inverse of `encode_binary`. Raises ValueError."""
    if len(frame) > MAX_BYTES:
        raise ValueError(f"A binary frame has at most {MAX_BYTES} bytes.")
    if not frame or frame[0] not in (PREVIEW, LATER):
        raise ValueError("A binary frame is a picture or kept voice, and this is neither.")
    site, at = _name(frame, 1)
    if frame[0] == LATER:
        meeting, at = _name(frame, at)
        return Later(site, meeting, frame[at:])
    if not frame.startswith(_JPEG, at):
        raise ValueError("A preview is a JPEG with the id of its site.")
    return Preview(site, frame[at:])


def _named(ident: str) -> bytes:
    name = ident.encode("ascii", errors="strict")
    if not 0 < len(name) < 256:
        raise ValueError("an id has 1 to 255 characters")
    return bytes((len(name),)) + name


def _name(frame: bytes, at: int) -> tuple[str, int]:
    """The id that is there, and where it ends."""
    end = at + 1 + (frame[at] if at < len(frame) else 0)
    if end == at + 1 or end > len(frame):
        raise ValueError("A binary frame names its site, and kept voice its meeting.")
    try:
        return frame[at + 1 : end].decode("ascii"), end
    except UnicodeDecodeError as error:
        raise ValueError("Ids are ASCII.") from error
