"""Rosters: the shipped one, and what a bad file is told."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.meeting.state import chair_of, speaking_order
from console.roster import RosterError, find, load, parse, shipped
from protocol.events import MeetingPlan

SIAK = find("siak").read_bytes()
GOOD = """\
[meeting]
title = "Rapat"
allowance_s = 120

[meeting.chair_person]
office = "Bupati Siak"

[[site]]
id = "hall"
name = "Hall"
kind = "hall"

[[site]]
id = "minas"
name = "Minas"
kind = "kecamatan"
position = 1
distance_km = 65
"""


def errors(text: str | bytes) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(RosterError) as caught:
        parse(data, "r.toml")
    return str(caught.value).splitlines()


def with_line(number: int, text: str) -> str:
    """GOOD with one of its lines replaced."""
    lines = GOOD.splitlines()
    lines[number - 1] = text
    return "\n".join(lines)


def test_siak_has_the_hall_and_fourteen_kecamatan_in_the_order_of_their_codes():
    plan = load(shipped()["siak"])
    assert chair_of(plan) == "bandar-siak"
    order = speaking_order(plan)
    assert order[:3] == ("siak", "sungai-apit", "minas") and order[-1] == "pusako"
    codes = [site.code for site in plan.sites if site.kind == "kecamatan"]
    assert codes == [f"14.08.{number:02}" for number in range(1, 15)]
    assert plan.city == "Siak Sri Indrapura" and plan.allowance_s == 180
    assert {site.id: site.distance_km for site in plan.sites}["kandis"] == 91
    assert not any(site.officer for site in plan.sites), "names of officers are filled in locally"


def test_a_good_file_is_read_whole():
    plan = parse(GOOD.encode(), "r.toml")
    assert plan.title == "Rapat" and plan.chair_person.office == "Bupati Siak"
    assert [site.id for site in plan.sites] == ["hall", "minas"]


@pytest.mark.parametrize("bom_and_newline", [(b"\xef\xbb\xbf", b"\n"), (b"", b"\r\n")])
def test_files_of_other_editors_are_read(bom_and_newline):
    bom, newline = bom_and_newline
    data = bom + GOOD.encode().replace(b"\n", newline)
    assert parse(data, "r.toml") == parse(GOOD.encode(), "r.toml")


def test_kecamatan_without_a_position_come_last_in_the_order_of_the_file():
    more = '[[site]]\nid="{0}"\nname="{0}"\nkind="kecamatan"\n'
    plan = parse(
        (more.format("x") + GOOD + more.format("y")).encode(),
        "r.toml",
    )
    assert speaking_order(plan) == ("minas", "x", "y")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "r.toml:1: meeting: expected a table"),
        (with_line(2, ""), "r.toml:1: title: missing"),
        (with_line(2, 'title = " "'), "r.toml:2: title: expected a text that is not empty"),
        (with_line(2, "title = 7"), "r.toml:2: title: expected a text in quotation marks (got 7)"),
        (with_line(2, 'titel = "x"'), "r.toml:2: titel: unknown; did you mean 'title'?"),
        (with_line(2, r'title = "a\nb"'), "r.toml:2: title: expected a text on one line"),
        (with_line(3, "allowance_s = -1"), "r.toml:3: allowance_s: expected a number from 1"),
        (with_line(3, "allowance_s = 1.5"), "r.toml:3: allowance_s: expected a whole number"),
        (with_line(3, "allowance_s = true"), "r.toml:3: allowance_s: expected a whole number"),
        (with_line(3, 'agenda = ["a", 1]'), "r.toml:3: agenda: expected a list of texts"),
        (with_line(3, "allowance_s ="), "r.toml:3: not valid TOML: Invalid value"),
        (with_line(6, 'nipp = "1"'), "r.toml:6: nipp: unknown; did you mean 'nip'?"),
        (with_line(8, "[[sites]]"), "r.toml:8: sites: unknown; did you mean 'site'?"),
        (with_line(9, 'id = "Ha ll"'), "r.toml:9: id: expected small letters, digits"),
        (with_line(11, 'kind = "kecamatan"'), "r.toml:8: site: expected one site of kind 'hall'"),
        (with_line(14, 'id = "hall"'), "r.toml:14: id: expected another value: 'hall' is taken by "
         "the site in line 8"),
        (with_line(16, 'kind = "hall"'), "r.toml:16: kind: expected one hall; the one in line 8"),
        (with_line(16, 'kind = "kota"'), "r.toml:16: kind: expected one of 'kecamatan', 'hall', "
         "'guest' (got 'kota')"),
        (with_line(16, 'kind = ["hall"]'), "r.toml:16: kind: expected one of"),
        (with_line(17, "position = -2"), "r.toml:17: position: expected a number from 0"),
        (with_line(18, "distance_km = -1"), "r.toml:18: distance_km: expected a number from 0"),
        (with_line(18, "distance_km = nan"), "r.toml:18: distance_km: expected a number from 0"),
        (with_line(18, "distance_km = 0x" + "f" * 5000), "r.toml:18: distance_km: expected a num"),
        (with_line(12, "position = 1"), "r.toml:17: position: expected another value: 1 is taken"),
        (GOOD + "[meeting2]\n", "r.toml:19: meeting2: unknown; did you mean 'meeting'?"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_file_line_key_and_expectation(text, expected):
    found = errors(text)
    assert [line for line in found if line.startswith(expected)], found


def test_all_errors_of_a_file_are_told_at_once_in_its_order():
    text = with_line(2, "title = 1").replace("allowance_s", "alowance_s").replace('"minas"', "3")
    assert [line.split(": ")[:2] for line in errors(text)] == [
        ["r.toml:2", "title"],
        ["r.toml:3", "alowance_s"],
        ["r.toml:14", "id"],
    ]


def test_lines_inside_long_strings_and_comments_are_not_taken_for_keys():
    text = with_line(3, 'place = """\\\n  [[site]]\\\n  position = 9\\\n"""  # kind = 3').replace(
        "65", "-65"
    )
    assert errors(text) == ["r.toml:21: distance_km: expected a number from 0 to 20040 (got -65)"]


def test_bytes_that_are_no_text_are_told_with_their_line():
    assert errors(GOOD.encode() + b"\xff") == ["r.toml:19: expected UTF-8 text"]


def test_more_than_500_sites_are_refused():
    site = '[[site]]\nid = "s{0}"\nname = "{0}"\nkind = "kecamatan"\n'
    most = GOOD + "".join(site.format(n) for n in range(498))
    assert len(parse(most.encode(), "r.toml").sites) == 500
    assert errors(most + site.format("x")) == [
        "r.toml:8: site: expected at most 500 sites (got 501)"
    ]


def test_a_file_without_end_is_not_read_to_its_end():
    assert errors(b"#" * (1 << 21)) == ["r.toml:1: expected a file of at most 1048576 bytes"]


def test_a_name_that_is_neither_shipped_nor_a_file(tmp_path: Path):
    with pytest.raises(RosterError, match=r"no shipped roster of this name \(siak\)"):
        find("siakk")
    with pytest.raises(RosterError, match="can't be read"):
        load(tmp_path)


def outcome(data: bytes) -> None:
    """A damaged file gives a plan or errors with file, line and reason; nothing else."""
    try:
        assert isinstance(parse(data, "r.toml"), MeetingPlan)
    except RosterError as error:
        for line in str(error).splitlines():
            assert re.match(r"r\.toml:\d+: .", line), line
            assert 1 <= int(line.split(":")[1]) <= data.count(b"\n") + 1, line


@given(st.integers(0, len(SIAK) - 1), st.integers(0, 60), st.binary(max_size=12))
def test_a_damaged_file_never_gives_anything_but_a_plan_or_roster_errors(at, cut, put):
    outcome(SIAK[:at] + put + SIAK[at + cut :])


values = st.recursive(
    st.one_of(
        st.booleans(), st.integers(), st.floats(), st.text(max_size=9), st.dates(),
    ).map(lambda v: f'"{v}"' if isinstance(v, str) and v.isalnum() else str(v).lower()),
    lambda inner: st.lists(inner, max_size=3).map(lambda v: f"[{', '.join(v)}]"),
    max_leaves=4,
)  # fmt: skip


@given(st.integers(0, SIAK.count(b"\n") - 1), values)
def test_a_value_of_any_other_type_never_gives_anything_else(at, value):
    lines = SIAK.decode().split("\n")
    key, equals, _rest = lines[at].partition(" = ")
    lines[at] = f"{key} = {value}" if equals else value
    outcome("\n".join(lines).encode())
