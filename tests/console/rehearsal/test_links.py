"""Links of single sites, and what the others get meanwhile."""

import pytest

from console.rehearsal.links import LinkPlan, bad, less, others, parse_link, usually
from console.rehearsal.rehearsal import Options, Rehearsal, parse_seconds
from console.rehearsal.result import Heard, Step


def test_a_link_is_bad_always_or_for_a_while() -> None:
    always = parse_link("kandis=loss=10%,rate=64k", parse_seconds)
    assert always == LinkPlan("kandis", "loss=10%,rate=64k")
    while_ = parse_link("siak=rate=128k,queue=200ms@20s+15s", parse_seconds)
    assert while_ == LinkPlan("siak", "rate=128k,queue=200ms", 20.0, 15.0)
    assert str(while_) == "link of siak: rate=128k,queue=200ms from 20 s for 15 s"


@pytest.mark.parametrize(
    "text", ["kandis", "kandis=", "=rate=64k", "kandis=rate=64", "kandis=rate=64k@20s", "a=cut=1"]
)
def test_what_is_no_link_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(ValueError, match="SITE=loss=10%,rate=64k"):
        parse_link(text, parse_seconds)


def test_a_site_that_takes_no_part_has_no_link() -> None:
    with pytest.raises(ValueError, match="known are"):
        Rehearsal(Options(sites=2, links=(LinkPlan("jakarta", "rate=64k"),)), print)


def figures(sound_ms: float | None) -> dict[str, float | None]:
    return {
        "sound_ms": sound_ms,
        "picture_ms": 100.0,
        "gap_percent": 0.0,
        "longest_gap_ms": 0.0,
        "pictures_per_s": 10.0,
        "mos": 4.2,
    }


def test_what_good_links_got_is_told_together() -> None:
    told = others([figures(80.0), figures(120.0), figures(None)])
    assert (told.sound_ms.n, told.sound_ms.median, told.sound_ms.missing) == (2, 100.0, 1)
    assert told.pictures_per_s.median == 10.0


def test_turns_are_told_apart_by_whether_a_link_was_bad() -> None:
    rehearsal = Rehearsal(Options(sites=2, links=(LinkPlan("siak", "rate=64k", 10.0, 5.0),)), print)
    rehearsal.script.opened_at = 100.0
    site = rehearsal.plan.sites[-1].id

    def turn(at: float, site: str = site) -> dict:
        heard = {"bandar-siak": figures(at), "siak": figures(999.0)}
        return {"site": site, "at": at, "until": at + 4, "disturbed": False, "listeners": heard}

    told = rehearsal._others(
        [turn(101), turn(108), turn(112), turn(116), turn(112, "siak")],
        {"bandar-siak": [(114.5, 3.9)]},
    )
    assert told["before"].sound_ms.n == 1 and told["before"].sound_ms.max == 101
    assert told["after"].sound_ms.n == 1 and told["after"].sound_ms.max == 116
    assert told["during"].sound_ms.n == 2 and told["during"].sound_ms.median == 110
    assert (told["during"].mos.n, told["during"].mos.median) == (1, 3.9)


def turn_of(site: str, at: float, **changes: float | None) -> dict:
    told = {**figures(90.0), "delay_ms": 100.0, "delay_p95_ms": 110.0, **changes}
    others = [one for one in ("siak", "minas", "hall") if one != site]
    return {
        "site": site, "at": at, "until": at + 4, "disturbed": False,
        "listeners": {one: dict(told) for one in others},
    }  # fmt: skip


PLANS = (
    LinkPlan("siak", "rate=128k", 10.0, 10.0),
    LinkPlan("siak", "rate=64k", 40.0, 10.0),
    LinkPlan("minas", "loss=5%"),
)
STEPS = [
    Step(0.0, "high"),
    Step(11.0, "low"),
    Step(12.0, "none"),
    Step(22.5, "low"),
    Step(25.0, "high"),
]
TURNS = [
    turn_of("minas", 104.0),
    turn_of("minas", 109.0, gap_percent=2.0, longest_gap_ms=60.0, delay_ms=180.0),
    turn_of("siak", 114.0, pictures_per_s=2.0),
    turn_of("minas", 117.0, delay_ms=None, longest_gap_ms=80.0),
    turn_of("minas", 121.0),
    turn_of("minas", 152.0, longest_gap_ms=999.0),
]
CLARITY = {"siak": [(105.5, 4.4), (109.5, 1.0), (111.0, 3.9), (118.5, 4.1), (123.0, 4.3)]}


def test_a_bad_link_tells_its_sound_and_its_pictures_before_during_and_after() -> None:
    told = bad(PLANS[0], PLANS, 100.0, TURNS, STEPS, CLARITY)
    assert [(one.at_s, one.picture) for one in told.steps] == [
        (10.0, "high"), (11.0, "low"), (12.0, "none"), (22.5, "low"), (25.0, "high")
    ]  # fmt: skip
    assert told.back_s == 5.0
    assert told.hears["before"] == Heard(1, 0.0, 0.0, 100.0, 110.0, 4.4, 4.4, 10.0)
    # What is told in the first second of a turn is of the speaker before.
    assert told.hears["during"] == Heard(2, 1.0, 80.0, 180.0, 110.0, 4.0, 3.9, 10.0)
    assert told.hears["after"].turns == 1, "until the next time its link is bad"
    assert set(told.is_heard) == {"during"} and told.is_heard["during"].pictures_per_s == 2.0


def test_a_link_that_is_bad_again_begins_after_the_first_time() -> None:
    told = bad(PLANS[1], PLANS, 100.0, TURNS, STEPS, CLARITY)
    assert told.steps == [Step(40.0, "high")] and told.back_s == 0.0
    assert (told.hears["before"].turns, set(told.hears)) == (1, {"before", "after"})


def test_a_link_that_is_always_bad_was_never_good() -> None:
    told = bad(PLANS[2], PLANS, 100.0, TURNS, STEPS[:3], {})
    assert (told.back_s, set(told.hears), told.hears["during"].turns) == (None, {"during"}, 1)
    assert told.is_heard["during"].turns == 5 and told.is_heard["during"].mos is None
    assert told.steps == STEPS[:3]


def test_pictures_that_stay_away_are_not_back() -> None:
    assert bad(PLANS[0], PLANS, 100.0, TURNS, STEPS[:4], {}).back_s is None


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, []),
        ({"pictures_per_s": 9.1, "gap_percent": 0.4, "longest_gap_ms": 30.0}, []),
        ({"pictures_per_s": 8.0}, ["pictures a second: 8 instead of 10"]),
        ({"gap_percent": 0.6}, ["gaps: 0.6 % instead of 0"]),
        ({"longest_gap_ms": 60.0}, ["longest gap: 60 ms instead of 0"]),
        ({"mos": 3.8}, ["clarity: MOS 3.8 instead of 4.2"]),
    ],
)
def test_what_good_links_got_less_is_told(change: dict, found: list[str]) -> None:
    usual, during = others([figures(90.0)]), others([{**figures(90.0), **change}])
    assert less(usual, during) == found
    assert less(usual, others([])) == []
    assert usually({"during": during}) is None
    assert usually({"during": during, "after": usual}) is usual
    assert usually({"before": usual, "after": during}) is usual
