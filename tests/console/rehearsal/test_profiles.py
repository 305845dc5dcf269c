"""The bad links and what must be reached on them."""

from itertools import product

import msgspec
import pytest

from agent.impair import Impairment
from console.rehearsal.profiles import (
    HARDER_PESQ,
    LINKS,
    MODES,
    PROFILES,
    SECOND_HOP_MS,
    SETTLE_S,
    SETTLE_THIN_S,
    Goal,
    LinkName,
    Mode,
    Profile,
    chosen,
)

CONDITIONS = list(product(PROFILES.values(), MODES))


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_what_a_profile_says_an_agent_understands(profile: Profile) -> None:
    said = Impairment.parse(profile.impair(4711))
    assert (said.rtt_ms, said.seed) == (60, 4711)
    assert ("rate" in profile.what) == bool(said.rate_kbps) == profile.thin
    assert ("loss" in profile.what) == bool(said.loss)
    assert profile.settle_s == (SETTLE_THIN_S if profile.thin else SETTLE_S)


def test_names_say_what_the_link_is() -> None:
    says = {
        name: Impairment.parse(one.impair(1)) for name, one in PROFILES.items() if name != "clean"
    }
    for name, said in says.items():
        if name[0] == "r" or name[:2] == "ge":
            percent = name.split("+")[0].removeprefix("ge").removeprefix("r")
            assert said.loss == pytest.approx(int(percent) / 100)
            assert (said.burst > 1) == (name[:2] == "ge")
        if "j" in name:
            assert said.jitter_ms == int(name.split("j")[1])
        if name[-1] == "k":
            assert said.rate_kbps == int(name[:-1])


@pytest.mark.parametrize("link", ["listening", "speaking"])
@pytest.mark.parametrize(("profile", "mode"), CONDITIONS)
def test_where_one_hop_is_bad_the_goal_is_the_profiles_own(
    profile: Profile, mode: Mode, link: LinkName
) -> None:
    assert profile.goal(mode, link) == getattr(profile, mode)


@pytest.mark.parametrize(("profile", "mode"), CONDITIONS)
def test_where_both_are_bad_it_is_one_step_lower_and_the_second_way_longer(
    profile: Profile, mode: Mode
) -> None:
    own, both = profile.goal(mode, "listening"), profile.goal(mode, "both")
    if own == Goal():
        assert both == Goal(), "no goal is set"
        return
    assert own.pesq is not None and both.pesq is not None
    assert own.delay_ms is not None and both.delay_ms is not None
    harder = PROFILES[profile.harder].goal(mode, "listening") if profile.harder else None
    lower = own.pesq - HARDER_PESQ if harder is None else harder.pesq
    assert both.pesq == pytest.approx(lower) and both.pesq <= own.pesq
    limits = [own.delay_ms] if harder is None else [own.delay_ms, harder.delay_ms]
    assert both.delay_ms == max(limits) + SECOND_HOP_MS  # type: ignore[type-var]


def test_clear_is_clearer_and_conversation_is_quicker() -> None:
    for one in PROFILES.values():
        if one.clear == Goal():
            assert one.conversation == Goal()
            continue
        assert one.clear.pesq > one.conversation.pesq  # type: ignore[operator]
        assert one.clear.delay_ms > one.conversation.delay_ms  # type: ignore[operator]


def test_harder_profiles_exist_and_their_steps_come_to_an_end() -> None:
    for one in PROFILES.values():
        seen = [one.name]
        while PROFILES[seen[-1]].harder:
            seen.append(PROFILES[seen[-1]].harder)
            assert seen.count(seen[-1]) == 1


def test_a_goal_without_a_limit_of_delay_has_none_over_two_hops_either() -> None:
    one = msgspec.structs.replace(PROFILES["ge20"], clear=Goal(3.0))
    assert one.goal("clear", "both") == Goal(3.0 - HARDER_PESQ)


def test_names_are_taken_in_their_own_order_and_all_when_none_is_given() -> None:
    assert chosen("--profiles", "", PROFILES) == list(PROFILES)
    assert chosen("--profiles", " r20 ,,clean,", PROFILES) == ["clean", "r20"]
    assert chosen("--links", "both", LINKS) == ["both"]


def test_an_unknown_name_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match="--modes loud: known are conversation, clear"):
        chosen("--modes", "clear,loud", MODES)
