"""Binary frames: small pictures and kept voice, each of its own site, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import VERSION
from protocol import messages as m
from protocol.binary import (
    MAX_BYTES,
    Binary,
    Later,
    Preview,
    decode_binary,
    encode_binary,
    is_binary,
)
from protocol.session import BURST_S, RATE_PER_S, ServerSession, Violation, encode

JPEG = b"\xff\xd8\xff\xe0rest"


def joined(role: m.Role = "agent") -> ServerSession:
    session = ServerSession("local", 0.0)
    hello = m.Hello(role, VERSION, site="kandis" if role == "agent" else "")
    session.receive(encode(hello).decode(), 0.0)
    return session


@given(st.from_regex(r"[a-z0-9-]{1,255}", fullmatch=True), st.binary(max_size=100))
def test_a_picture_comes_back_as_it_was_sent(site: str, rest: bytes) -> None:
    for one in (Preview(site, JPEG + rest), Later(site, site[::-1], rest)):
        frame = encode_binary(one)
        assert decode_binary(frame) == one and is_binary(frame)


def test_kept_voice_costs_what_it_has_and_a_few_bytes() -> None:
    frames = bytes(range(256)) * 60
    assert len(encode_binary(Later("kandis", "0198a7c4", frames))) < len(frames) + 20
    assert not is_binary(encode(m.Kept("kandis", 7, ((1, 9),))))


@pytest.mark.parametrize(
    "one",
    [
        Preview("", JPEG),
        Preview("x" * 256, JPEG),
        Preview("kandis", b"GIF89a"),
        Preview("kandis", JPEG + bytes(MAX_BYTES)),
        Preview("sungai\u00e9", JPEG),
        Later("kandis", "", b""),
        Later("kandis", "m" * 256, b""),
        Later("", "m1", b""),
        Later("kandis", "m1", bytes(MAX_BYTES)),
    ],
)
def test_what_no_frame_can_carry_is_not_sent(one: Binary) -> None:
    with pytest.raises(ValueError):
        encode_binary(one)


@given(st.binary(max_size=300) | st.builds(bytes.__add__, st.just(b"\2\1k"), st.binary()))
def test_any_bytes_are_a_frame_or_refused(frame: bytes) -> None:
    try:
        one = decode_binary(frame)
    except ValueError:
        return
    assert encode_binary(one) == frame


@pytest.mark.parametrize("one", [Preview("kandis", JPEG), Later("kandis", "m1", b"frames")])
def test_a_site_sends_its_own(one: Binary) -> None:
    assert joined().receive(encode_binary(one), 1.0) == one


@pytest.mark.parametrize(
    ("role", "frame", "code"),
    [
        ("agent", encode_binary(Preview("minas", JPEG)), "not-allowed"),
        ("agent", encode_binary(Later("minas", "m1", b"frames")), "not-allowed"),
        ("agent", b"", "bad-frame"),
        ("agent", b"\x03\x01a" + JPEG, "bad-frame"),
        ("agent", b"\x02\x06kandis\x09m1", "bad-frame"),
        ("agent", b"\x02\x06kandis\x01m" + bytes(MAX_BYTES), "bad-frame"),
        ("agent", b"\x01\x06kandis" + JPEG + bytes(MAX_BYTES), "bad-frame"),
        ("moderator", encode_binary(Preview("kandis", JPEG)), "binary-frame"),
        ("relay", encode_binary(Later("kandis", "m1", b"frames")), "binary-frame"),
    ],
)
def test_everything_else_ends_the_connection(role: m.Role, frame: bytes, code: str) -> None:
    answer = joined(role).receive(frame, 1.0)
    assert isinstance(answer, Violation) and answer.code == code


def test_nobody_begins_with_a_picture_and_a_flood_is_one() -> None:
    frame = encode_binary(Preview("kandis", JPEG))
    first = ServerSession("local", 0.0).receive(frame, 0.0)
    assert isinstance(first, Violation) and first.code == "binary-frame"
    session = joined()
    answers = [session.receive(frame, 0.0) for _ in range(int(RATE_PER_S["agent"] * BURST_S) + 1)]
    assert isinstance(answers[-1], Violation) and answers[-1].code == "flood"
