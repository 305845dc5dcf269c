"""What the console says: every event, every refusal, every act; dates; ASCII."""

import inspect
import re

import pytest

from console.meeting import decide
from console.tui import phrases
from console.tui.acts import ACTS, GROUPS, key_table
from console.tui.due import DueError, parse_due
from console.tui.plain import is_plain, to_ascii
from console.tui.replica import Replica
from protocol import messages as m


def test_every_event_has_a_sentence() -> None:
    assert phrases.unphrased() == set()


def test_every_refusal_of_the_rules_can_be_translated() -> None:
    codes = set(re.findall(r'Refusal\(\s*"([a-z-]+)"', inspect.getsource(decide)))
    assert codes and codes <= set(phrases.REFUSALS)


def test_a_refusal_falls_back_to_the_servers_reason() -> None:
    assert phrases.refusal(m.Refused("1", "new-code", "Because.")) == "Because."
    assert phrases.refusal(m.Refused("1", "offline", "Minas is away.")) == "Minas is away."
    known = m.Refused("1", "offline", "x", {"site": "Minas"})
    assert phrases.refusal(known) == "Minas is not connected."


def test_keys_are_given_once() -> None:
    keys = [key for act in ACTS for key in act.keys]
    assert len(keys) == len(set(keys))
    assert not set(keys) & {"ctrl+m", "ctrl+i", "ctrl+h", "ctrl+z"}
    assert {act.group for act in ACTS} == set(GROUPS)
    assert all(bool(act.build) != bool(act.does) for act in ACTS)


def test_key_table_names_every_act() -> None:
    lines = key_table().splitlines()
    assert len(lines) == len(ACTS) + 2
    assert "| `n` `F2` | Call next |" in key_table()
    assert "| `Ctrl+Q` | Detach |" in key_table()


def test_find_by_number_and_word() -> None:
    from console.meeting import state as st
    from tests.console.tui.seat import siak_plan

    replica = Replica()
    plan = siak_plan(14)
    replica.meeting = st.Meeting(plan=plan, sites=st.entry_sites(plan))
    assert phrases.find(replica, "10") == "kandis"
    assert phrases.find(replica, "GASIB") == "koto-gasib"
    assert phrases.find(replica, "ndi") == "kandis"
    assert phrases.find(replica, "zz") is None
    assert phrases.find(replica, " ") is None


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("", ""),
        ("2019-02-15", "2019-02-15"),
        ("15/2/2019", "2019-02-15"),
        ("15.02.19", "2019-02-15"),
        ("15-2", "2019-02-15"),
        ("6/2", "2019-02-06"),
        ("5/2", "2020-02-05"),
    ],
)
def test_due(text: str, iso: str) -> None:
    assert parse_due(text, "2019-02-06") == iso


@pytest.mark.parametrize("text", ["besok", "31/2/2019", "2019-13-01", "15/2/2019 x", "29/2"])
def test_no_due(text: str) -> None:
    with pytest.raises(DueError):
        parse_due(text, "2019-02-06")


def test_ascii_keeps_the_width() -> None:
    assert to_ascii("● Mikrofon menyala…") == "* Mikrofon menyala."
    assert to_ascii("日本") == "????"


@pytest.mark.parametrize(
    ("term", "encoding", "plain"),
    [
        ("xterm-256color", "UTF-8", False),
        ("linux", "UTF-8", True),
        ("xterm", "ANSI_X3.4-1968", True),
    ],
)
def test_is_plain(term: str, encoding: str, plain: bool) -> None:
    assert is_plain({"TERM": term}, encoding) is plain
