"""Binary frames: small pictures, each of its own site, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import VERSION
from protocol import messages as m
from protocol.preview import MAX_BYTES, Preview, decode_preview, encode_preview
from protocol.session import BURST_S, RATE_PER_S, ServerSession, Violation, encode

JPEG = b"\xff\xd8\xff\xe0rest"


def joined(role: m.Role = "agent") -> ServerSession:
    session = ServerSession("local", 0.0)
    hello = m.Hello(role, VERSION, site="kandis" if role == "agent" else "")
    session.receive(encode(hello).decode(), 0.0)
    return session


@given(st.from_regex(r"[a-z0-9-]{1,255}", fullmatch=True), st.binary(max_size=100))
def test_a_picture_comes_back_as_it_was_sent(site: str, rest: bytes) -> None:
    one = Preview(site, JPEG + rest)
    assert decode_preview(encode_preview(one)) == one


@pytest.mark.parametrize(
    "one",
    [
        Preview("", JPEG),
        Preview("x" * 256, JPEG),
        Preview("kandis", b"GIF89a"),
        Preview("kandis", JPEG + bytes(MAX_BYTES)),
        Preview("sungai\u00e9", JPEG),
    ],
)
def test_what_is_no_picture_is_not_sent(one: Preview) -> None:
    with pytest.raises(ValueError):
        encode_preview(one)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_picture_or_refused(frame: bytes) -> None:
    try:
        one = decode_preview(frame)
    except ValueError:
        return
    assert encode_preview(one) == frame


def test_a_site_sends_its_own_picture() -> None:
    one = Preview("kandis", JPEG)
    assert joined().receive(encode_preview(one), 1.0) == one


@pytest.mark.parametrize(
    ("role", "frame", "code"),
    [
        ("agent", encode_preview(Preview("minas", JPEG)), "not-allowed"),
        ("agent", b"", "bad-frame"),
        ("agent", b"\x02\x01a" + JPEG, "bad-frame"),
        ("agent", b"\x01\x06kandis" + JPEG + bytes(MAX_BYTES), "bad-frame"),
        ("moderator", encode_preview(Preview("kandis", JPEG)), "binary-frame"),
        ("relay", encode_preview(Preview("kandis", JPEG)), "binary-frame"),
    ],
)
def test_everything_else_ends_the_connection(role: m.Role, frame: bytes, code: str) -> None:
    answer = joined(role).receive(frame, 1.0)
    assert isinstance(answer, Violation) and answer.code == code


def test_nobody_begins_with_a_picture_and_a_flood_is_one() -> None:
    frame = encode_preview(Preview("kandis", JPEG))
    first = ServerSession("local", 0.0).receive(frame, 0.0)
    assert isinstance(first, Violation) and first.code == "binary-frame"
    session = joined()
    answers = [session.receive(frame, 0.0) for _ in range(int(RATE_PER_S["agent"] * BURST_S) + 1)]
    assert isinstance(answers[-1], Violation) and answers[-1].code == "flood"
