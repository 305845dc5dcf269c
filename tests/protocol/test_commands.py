"""Commands on the wire: each has its name, comes back as it was sent, and takes nothing else."""

import re
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import commands as c
from protocol import messages as m
from protocol.events import LineFigures
from protocol.session import decode_from_client, encode

FROM_MODERATORS = get_args(c.ModeratorCommand)
SIMPLE = [kind for kind in FROM_MODERATORS if kind not in (c.ConveneMeeting, c.PrepareMeeting)]


@given(st.one_of(*(st.from_type(kind) for kind in SIMPLE)), st.text(min_size=1, max_size=64))
def test_a_command_comes_back_as_it_was_sent(body: c.ModeratorCommand, ident: str):
    frame = m.Command(ident, body)
    assert decode_from_client(encode(frame)) == frame


def test_every_command_has_its_own_name_in_the_imperative():
    names = [kind.__struct_config__.tag for kind in get_args(c.AnyCommand)]
    assert len(set(names)) == len(names)
    for kind, name in zip(get_args(c.AnyCommand), names, strict=True):
        words = re.findall("[A-Z][a-z]*", kind.__name__)
        assert name == "-".join(words).lower()
        assert not words[0].endswith("ed"), "what happened is an event"


@pytest.mark.parametrize("kind", get_args(c.ServerCommand))
def test_what_only_the_server_says_is_no_command_of_a_client(kind: type):
    assert kind not in FROM_MODERATORS
    more = ("x", LineFigures()) if kind is c.NoteLineChecked else ()
    body = kind() if kind is c.Tick else kind("kandis", *more)
    with pytest.raises(msgspec.ValidationError):
        decode_from_client(msgspec.json.encode({"type": "command", "id": "x", "body": body}))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"type": "call-next", "site": "kandis"},
        {"type": "grant-floor"},
        {"type": "grant-floor", "site": None},
        {"type": "mark-attendance", "site": "kandis", "attendance": "asleep"},
        {"type": "set-voice", "site": "kandis"},
        {"type": "set-voice", "site": "kandis", "voice": "loud"},
        {"type": "set-media", "site": "kandis", "media": "video-only"},
        {"type": "move-in-queue", "site": "kandis", "position": 1.5},
        {"type": "log-report", "site": "kandis", "text": "x", "tags": "karhutla"},
        {"type": "add-note", "text": "x", "kind": "rumour"},
        {"type": "floor-granted", "site": "kandis", "turn": 1, "allowance_s": 60},
    ],
)
def test_what_is_no_command_is_refused(body: dict[str, object]):
    with pytest.raises(msgspec.ValidationError):
        decode_from_client(msgspec.json.encode({"type": "command", "id": "x", "body": body}))
