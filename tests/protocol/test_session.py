"""One connection's rules: who may say what, how much of it, and what is no frame at all."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import MAX_FRAME_BYTES, VERSION
from protocol import commands as c
from protocol import messages as m
from protocol import queries as q
from protocol.session import (
    BURST_S,
    LOCAL_ONLY,
    MAY_SEND,
    RATE_PER_S,
    ServerSession,
    Violation,
    actor,
    decode_from_client,
    encode,
)

SAMPLES: dict[type, m.FromClient] = {
    m.Hello: m.Hello("moderator", VERSION),
    m.Command: m.Command("id", c.RaiseHand("kandis")),
    m.Query: m.Query("id", q.ListMeetings()),
    m.Watch: m.Watch("all"),
    m.Actual: m.Actual(1, "muted", "off", "up", "up"),
    m.SiteTelemetry: m.SiteTelemetry(m.SiteReading()),
    m.RelayTelemetry: m.RelayTelemetry(m.RelayReading(), {"kandis": m.LinkReading()}),
    m.Routed: m.Routed(1),
    m.Signal: m.Signal("relay", "a", "uplink", "offer", "v=0"),
    m.Kept: m.Kept("kandis", 7, ((1, 9),)),
    m.Checked: m.Checked("k1", m.LineFigures()),
}
ROLES: tuple[m.Role, ...] = ("moderator", "observer", "agent", "relay")


def text(message: m.FromClient) -> str:
    return encode(message).decode()


def joined(role: m.Role) -> ServerSession:
    session = ServerSession("local", 0.0)
    hello = m.Hello(role, VERSION, site="kandis" if role == "agent" else "")
    assert session.receive(text(hello), 0.0) == hello
    return session


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("kind", list(SAMPLES))
def test_what_each_role_may_send(role: m.Role, kind: type) -> None:
    answer = joined(role).receive(text(SAMPLES[kind]), 1.0)
    if kind in MAY_SEND[role]:
        assert answer == SAMPLES[kind]
    else:
        assert isinstance(answer, Violation)
        assert answer.code == "not-allowed"


def test_every_kind_of_frame_is_in_this_table() -> None:
    assert set(SAMPLES) == set(m.FromClient.__args__)  # type: ignore[attr-defined]
    assert set(MAY_SEND) == set(RATE_PER_S) == set(ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_who_comes_over_the_network(role: m.Role) -> None:
    session = ServerSession("network", 0.0)
    answer = session.receive(text(m.Hello(role, VERSION, site="kandis")), 0.0)
    if role in LOCAL_ONLY:
        assert isinstance(answer, Violation) and answer.code == "not-from-here"
        assert session.hello is None
    else:
        assert isinstance(answer, m.Hello)


def test_an_agent_commands_its_own_hand_and_nothing_else() -> None:
    session = joined("agent")
    for body, allowed in (
        (c.RaiseHand("kandis"), True),
        (c.LowerHand("kandis"), True),
        (c.RaiseHand("minas"), False),
        (c.SetVoice("kandis", "clear"), False),
        (c.SetMedia("kandis", "narrow"), False),
        (c.CallNext(), False),
        (c.Unmute("kandis"), False),
    ):
        answer = session.receive(text(m.Command("id", body)), 1.0)
        assert isinstance(answer, m.Command if allowed else Violation), body


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"{}", "binary-frame"),
        ("x" * (MAX_FRAME_BYTES + 1), "frame-too-big"),
        ("", "bad-frame"),
        ("null", "bad-frame"),
        ('{"type":"hello"}', "bad-frame"),
        ('{"type":"hello","role":"boss","version":1}', "bad-frame"),
        ('{"type":"routed","revision":1}', "hello-expected"),
        ('{"type":"hello","role":"agent","version":2,"site":"x"}', "wrong-version"),
        ('{"type":"hello","role":"agent","version":1}', "site-missing"),
    ],
)
def test_a_bad_first_frame(frame: str | bytes, code: str) -> None:
    answer = ServerSession("network", 0.0).receive(frame, 0.0)
    assert isinstance(answer, Violation)
    assert answer.code == code
    assert answer.reason


def test_a_flood_is_a_violation_and_a_steady_stream_is_not() -> None:
    frame = text(SAMPLES[m.SiteTelemetry])
    steady = joined("agent")
    rate = RATE_PER_S["agent"]
    for number in range(2000):
        assert steady.receive(frame, number / rate) == SAMPLES[m.SiteTelemetry]
    flooded = joined("agent")
    answers = [flooded.receive(frame, 1.0) for _ in range(int(rate * BURST_S) + 5)]
    assert not isinstance(answers[0], Violation)
    last = answers[-1]
    assert isinstance(last, Violation) and last.code == "flood"


@settings(max_examples=200)
@given(st.one_of(st.text(), st.binary()), st.booleans())
def test_random_frames_are_violations_and_never_exceptions(
    frame: str | bytes, is_joined: bool
) -> None:
    session = joined("moderator") if is_joined else ServerSession("network", 0.0)
    assert isinstance(session.receive(frame, 1.0), Violation)


@settings(max_examples=200)
@given(st.sampled_from(list(SAMPLES.values())), st.data())
def test_damaged_frames_never_raise(message: m.FromClient, data: st.DataObject) -> None:
    frame = text(message)
    begin = data.draw(st.integers(0, len(frame)))
    end = data.draw(st.integers(begin, len(frame)))
    damaged = frame[:begin] + data.draw(st.text(max_size=5)) + frame[end:]
    answer = joined("relay").receive(damaged, 1.0)
    assert isinstance(answer, Violation | m.FromClient)


def test_commands_of_the_server_itself_are_never_accepted() -> None:
    for body in (c.NoteSiteLeft("kandis"), c.NoteSiteJoined("kandis"), c.Tick()):
        frame = msgspec.json.encode(
            {"type": "command", "id": "x", "body": msgspec.to_builtins(body)}
        )
        with pytest.raises(msgspec.ValidationError):
            decode_from_client(frame)


def test_the_journal_names_who_sent_a_command() -> None:
    assert actor(m.Hello("agent", 1, site="kandis")) == "site:kandis"
    assert actor(m.Hello("moderator", 1)) == "moderator"
