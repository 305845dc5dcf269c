"""What the console says: every event, every refusal, every act; dates; ASCII."""

import ast
import io
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from console import meeting, tui
from console.tui import graphics, phrases
from console.tui.acts import ACTS, GROUPS, key_table
from console.tui.due import DueError, parse_due
from console.tui.plain import is_plain, to_ascii
from console.tui.replica import Replica
from protocol import events as e
from protocol import messages as m
from protocol.words import LOCALES, use_language

TRANSLATION = LOCALES / "id" / "LC_MESSAGES" / "giliran.po"


def test_every_event_has_a_sentence() -> None:
    assert phrases.unphrased() == set()


def test_every_refusal_of_the_rules_can_be_translated() -> None:
    rules = Path(meeting.__file__).parent.glob("*.py")
    said = "".join(path.read_text("utf-8") for path in rules)
    codes = set(re.findall(r'Refusal\(\s*"([a-z-]+)"', said))
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


@pytest.mark.parametrize(
    ("mos", "in_english", "in_indonesian"),
    [
        (4.5, "Clear 4.5", "Jelas 4,5"),
        (4.0, "Clear 4.0", "Jelas 4,0"),
        (3.9, "Fair 3.9", "Cukup 3,9"),
        (3.6, "Fair 3.6", "Cukup 3,6"),
        (3.5, "Poor 3.5", "Kurang 3,5"),
        (3.1, "Poor 3.1", "Kurang 3,1"),
        (3.0, "Bad 3.0", "Buruk 3,0"),
        (1.0, "Bad 1.0", "Buruk 1,0"),
        (0.0, "", ""),
    ],
)
def test_clarity_is_a_word_and_a_figure(mos: float, in_english: str, in_indonesian: str) -> None:
    assert phrases.clarity(mos) == in_english
    use_language("id")
    assert phrases.clarity(mos) == in_indonesian


def test_what_is_forced_is_told_in_the_log() -> None:
    replica = Replica()
    assert phrases.happening(replica, e.VoiceSet("minas", "clear")) == "minas. Voice: clear"
    use_language("id")
    assert phrases.happening(replica, e.MediaSet("minas", "narrow")) == "minas. Media: suara hemat"


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
        ("20/2", "2019-02-20"),
        ("jumat", "2019-02-08"),
        ("Jumat ", "2019-02-08"),
        ("Friday", "2019-02-08"),
        ("rabu", "2019-02-13"),  # today is a Wednesday: the next one
        ("selasa", "2019-02-12"),
        ("+14h", "2019-02-20"),
        ("+14 hari", "2019-02-20"),
        ("+1d", "2019-02-07"),
        ("+2m", "2019-02-20"),
        ("+0h", "2019-02-06"),
    ],
)
def test_due(text: str, iso: str) -> None:
    assert parse_due(text, "2019-02-06") == iso


@pytest.mark.parametrize(
    "text",
    [
        "besok",
        "jumatan",
        "+h",
        "+14",
        "14h",
        "+1000h",
        "+14x",
        "31/2/2019",
        "2019-13-01",
        "15/2/2019 x",
        "29/2",
    ],
)
def test_no_due(text: str) -> None:
    with pytest.raises(DueError):
        parse_due(text, "2019-02-06")


@pytest.mark.parametrize(("lang", "said"), [("en", "100,882"), ("id", "100.882")])
def test_whole_numbers_have_the_separator_in_use(lang: str, said: str) -> None:
    use_language(lang)
    assert phrases.count(100_882) == said


def test_ascii_keeps_the_width() -> None:
    assert to_ascii("● Mikrofon menyala…") == "* Mikrofon menyala."
    assert to_ascii("日本") == "????"


def test_every_sign_of_the_console_has_one_in_ascii() -> None:
    """Where there is none, `☐` and `☑` look alike."""
    drawn = {
        char
        for message in read_po(io.BytesIO(TRANSLATION.read_bytes()))
        for char in str(message.string)
    }
    for path in Path(tui.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                drawn.update(node.value)
    drawn -= {"?", graphics._PLACEHOLDER}  # of kitty, which has every sign
    assert [char for char in sorted(drawn) if "?" in to_ascii(char)] == []


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
