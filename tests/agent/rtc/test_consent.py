"""Consent as aioice, too, asks for it, gives it and checks it."""

import os

import aioice.stun
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rtc import consent as module
from agent.rtc.consent import LIVES_S, Consent

KEYS = ("o" * 22, "t" * 22)
REMOTE = ("192.0.2.7", 4321)
OURS, THEIRS = "ours:theirs", "theirs:ours"


def one(*, remote: tuple[str, int] = REMOTE, controlling: bool = False) -> Consent:
    return Consent(
        ("ours", "theirs"), KEYS, remote, 100.0, controlling=controlling, tie_breaker=2**63 + 5
    )


def their_question(name: str = OURS, key: str = KEYS[0], **others: object) -> bytes:
    """As aioice asks it, when it is controlling."""
    message = aioice.stun.Message(aioice.stun.Method.BINDING, aioice.stun.Class.REQUEST)
    message.attributes |= {"USERNAME": name, "PRIORITY": 7}
    message.attributes |= others or {"ICE-CONTROLLING": 9}
    message.add_message_integrity(key.encode())
    return bytes(message)


def their_answer(question: bytes, key: str = KEYS[1]) -> bytes:
    answer = aioice.stun.Message(
        aioice.stun.Method.BINDING, aioice.stun.Class.RESPONSE, question[8:20]
    )
    answer.attributes["XOR-MAPPED-ADDRESS"] = ("192.0.2.1", 9)
    answer.add_message_integrity(key.encode())
    return bytes(answer)


@pytest.mark.parametrize("controlling", [True, False])
def test_aioice_understands_our_question(controlling: bool) -> None:
    transaction = os.urandom(12)
    message = aioice.stun.parse_message(one(controlling=controlling).question(transaction))
    assert message.transaction_id == transaction
    assert message.message_class == aioice.stun.Class.REQUEST
    assert message.check_message_integrity(KEYS[1].encode())
    role = "ICE-CONTROLLING" if controlling else "ICE-CONTROLLED"
    assert message.attributes["USERNAME"] == THEIRS
    assert message.attributes[role] == 2**63 + 5
    assert message.attributes["PRIORITY"] == aioice.candidate.candidate_priority(1, "prflx")
    assert "FINGERPRINT" in message.attributes, "which aioice checks"


@pytest.mark.parametrize("remote", [REMOTE, ("2001:db8::7", 65535)])
def test_aioice_understands_our_answer(remote: tuple[str, int]) -> None:
    question = their_question()
    # An address of IPv6 comes with flow and scope, too.
    answer = one(remote=remote).take(question, (*remote, 0, 0), 101.0)
    assert answer
    message = aioice.stun.parse_message(answer)
    assert message.transaction_id == question[8:20]
    assert message.message_class == aioice.stun.Class.RESPONSE
    assert message.check_message_integrity(KEYS[0].encode())
    assert message.attributes["XOR-MAPPED-ADDRESS"] == remote


def test_consent_lives_from_the_last_answer() -> None:
    consent = one()
    first, second = consent.question(b"1" * 12), consent.question(b"2" * 12)
    assert not consent.has_expired(100 + LIVES_S)
    assert consent.has_expired(100.1 + LIVES_S)
    assert consent.take(their_answer(first), REMOTE, 110.0) == b"", "late is not too late"
    assert not consent.has_expired(110 + LIVES_S) and consent.given_at == 110
    assert consent.take(their_answer(second), REMOTE, 120.0) is None, "nothing is asked any more"
    assert consent.given_at == 110


def test_an_answer_signed_by_another_gives_nothing() -> None:
    consent = one()
    question = consent.question(b"1" * 12)
    assert consent.take(their_answer(question, KEYS[0]), REMOTE, 110.0) == b""
    assert consent.take(their_answer(question), ("192.0.2.8", 4321), 110.0) is None
    assert consent.given_at == 100
    assert consent.take(their_answer(question), REMOTE, 111.0) == b"" and consent.given_at == 111


@pytest.mark.parametrize(
    "question",
    [
        their_question(key=KEYS[1]),
        their_question(name="ours:others"),
        their_question(**{"ICE-CONTROLLED": 9}),
        their_question(**{"ICE-CONTROLLING": 9, "USE-CANDIDATE": None}),
        bytes(aioice.stun.Message(aioice.stun.Method.BINDING, aioice.stun.Class.REQUEST)),
        their_question()[:-1],
        b"\x16\xfe\xfd" + bytes(60),
    ],
    ids=["key", "name", "role", "nomination", "unsigned", "cut", "dtls"],
)
def test_what_is_not_plain_consent_is_left_to_aioice(question: bytes) -> None:
    assert one().take(question, REMOTE, 101.0) is None
    assert one().take(their_question(), ("192.0.2.7", 4322), 101.0) is None, "another address"


@given(st.data())
def test_damage_is_neither_answered_nor_believed(data: st.DataObject) -> None:
    consent = one()
    whole = data.draw(
        st.sampled_from([their_question(), their_answer(consent.question(b"1" * 12))])
    )
    # Behind the signature comes but the fingerprint, which tells STUN from other protocols.
    at = data.draw(st.integers(0, len(whole) - module.CHECKED_BYTES - 1))
    damaged = bytearray(whole)
    damaged[at] ^= data.draw(st.integers(1, 255))
    assert not consent.take(bytes(damaged), REMOTE, 101.0)
    assert consent.given_at == 100
