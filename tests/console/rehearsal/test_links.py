"""Links of single sites, and what the others get meanwhile."""

import pytest

from console.rehearsal.links import LinkPlan, others, parse_link
from console.rehearsal.rehearsal import Options, Rehearsal, parse_seconds


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

    told = rehearsal._others([turn(101), turn(108), turn(112), turn(116), turn(112, "siak")])
    assert told["before"].sound_ms.n == 2 and told["before"].sound_ms.max == 116
    assert told["during"].sound_ms.n == 2 and told["during"].sound_ms.median == 110
