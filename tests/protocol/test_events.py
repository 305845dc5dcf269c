"""Events as the journal keeps them: the same bytes for the same event, today and next year."""

from typing import get_args, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import events as e

KINDS = get_args(e.Event)
texts = st.text(max_size=20)
sites = st.builds(
    e.SiteEntry,
    id=texts,
    name=texts,
    kind=st.sampled_from(["kecamatan", "hall", "guest"]),
    officer=texts,
    title=texts,
    position=st.integers(0, 99),
    distance_km=st.none() | st.floats(0, 100),
    contact=texts,
    code=texts,
    seat=texts,
)
plans = st.builds(
    e.MeetingPlan,
    title=texts,
    agenda=st.lists(texts, max_size=2).map(tuple),
    letterhead=st.just(()),
    topics=st.just(()),
    allowance_s=st.integers(1, 999),
    sites=st.lists(sites, max_size=2).map(tuple),
)

# What is measured is a number: JSON knows no other.
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
# Every field of it: hypothesis takes msgspec's word for an empty dict, left to itself, for a value.
figures = {name: st.from_type(kind) for name, kind in get_type_hints(e.LinkStatistics).items()}
st.register_type_strategy(e.LinkStatistics, st.builds(e.LinkStatistics, **figures))


@given(st.one_of(*(st.from_type(kind) for kind in KINDS if kind is not e.MeetingConvened)))
def test_an_event_comes_back_as_it_was_written(event: e.Event):
    assert e.decode(e.encode(event)) == event


@given(plans)
def test_a_whole_plan_comes_back_as_it_was_written(plan: e.MeetingPlan):
    event = e.MeetingConvened(plan)
    assert e.decode(e.encode(event)) == event


def test_the_bytes_have_sorted_keys_and_every_default():
    assert e.encode(e.SiteLeft("kandis")) == b'{"reason":"","site":"kandis","type":"site-left"}'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"type":"site-gone","site":"kandis"}',
        b'{"type":"site-left"}',
        b'{"type":"site-left","site":7}',
        b'{"type":"site-left","site":"kandis","speed":1}',
    ],
)
def test_what_is_no_event_is_refused(body: bytes):
    with pytest.raises(msgspec.DecodeError):
        e.decode(body)


def test_every_event_has_its_own_name_in_past_tense():
    names = [kind.__struct_config__.tag for kind in KINDS]
    assert len(set(names)) == len(KINDS)
    endings = ("ed", "left", "lost", "set", "overran")
    assert [name for name in names if not name.endswith(endings)] == []
