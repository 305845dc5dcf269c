"""The ladder: random loss gets copies, congestion gets less of everything, nothing flaps."""

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.audio import ladder as rules
from agent.audio.hop import ONE_COPY, PAIRS, PARITY, Distances, before
from agent.audio.ladder import BITRATE, BITRATES, CLEAR, CONVERSATION, NARROW_BITRATE, Settings
from agent.audio.ladder import Ladder as _Ladder

LOSSY, BAD = 1.5 * rules.LOSSY_FROM, 2 * rules.BAD_FROM
AMPLE = 10e6
"""Bit/s that are known to fit whatever is sent."""

TICK_S = 0.1


class Ladder(_Ladder):
    """A ladder that is asked often, while somebody speaks all the time."""

    now = 0.0

    def after(self, seconds: float) -> Settings:
        """What is chosen after this time."""
        for _ in range(max(1, round(seconds / TICK_S))):
            self.now += TICK_S
            for _frame in range(round(TICK_S * 50)):
                self.sending(self.now)
            chosen = self.settings(self.now)
        return chosen

    def told(self, loss: float, seconds: int = 20) -> Settings:
        """What is chosen after a report a second."""
        for _ in range(seconds):
            self.report(loss, self.now)
            chosen = self.after(1.0)
        return chosen


def copies(distances: Distances) -> int:
    """How many frames of a packet were sent before."""
    return len(distances) - before(distances)


def test_a_clean_link_gets_the_voice_alone() -> None:
    assert Ladder().told(0.0) == Settings(BITRATE, (), 0, math.inf)


@pytest.mark.parametrize("hurried", [False, True])
@pytest.mark.parametrize(("loss", "level"), [(LOSSY, 0), (BAD, 1)])
def test_random_loss_gets_one_copy_at_once_and_more_when_that_was_not_too_much(
    loss: float, level: int, hurried: bool
) -> None:
    ladder = Ladder()
    ladder.hurried = hurried
    all_of_them = (CONVERSATION if hurried else CLEAR)[level]
    ladder.report(loss, 0.0)
    seen = [ladder.settings(0.0)]
    for frame in range(3 * rules.STEP_FRAMES):
        ladder.sending(frame * 0.02)
        chosen = ladder.settings(frame * 0.02)
        if chosen != seen[-1]:
            assert (frame + 1) % rules.STEP_FRAMES == 0
            seen.append(chosen)
    steps = [ONE_COPY, all_of_them[:2], all_of_them]
    assert [one.distances for one in seen] == list(dict.fromkeys(steps))
    assert {(one.bitrate, one.fec_percent, one.video) for one in seen} == {(BITRATE, 0, math.inf)}


def test_loss_below_the_threshold_gets_none() -> None:
    assert Ladder().told(0.5 * rules.LOSSY_FROM).distances == ()


def test_on_a_link_of_which_it_is_known_what_it_carries_all_copies_at_once() -> None:
    ladder = Ladder()
    ladder.available = AMPLE
    ladder.report(BAD, 0.0)
    assert ladder.settings(0.0).distances == CLEAR[1]


def test_what_was_tried_long_ago_is_tried_anew() -> None:
    ladder = Ladder()
    assert ladder.told(BAD, 30).distances == CLEAR[1]
    ladder.now += rules.TESTED_FOR_S + 1
    assert ladder.after(TICK_S).distances == ONE_COPY


def test_a_report_of_few_packets_tells_little() -> None:
    few, many = Ladder(), Ladder()
    few.report(0.5, 0.0, 1)
    many.report(0.5, 0.0, rules.FULL_WEIGHT_PACKETS)
    assert 0 < few.loss < many.loss / 10
    assert many.loss == 0.5
    more = Ladder()
    more.report(0.5, 0.0, 100 * rules.FULL_WEIGHT_PACKETS)
    assert more.loss == 0.5


def test_copies_go_when_the_link_was_clean_for_a_while() -> None:
    ladder = Ladder()
    assert ladder.told(0.05).distances
    assert ladder.told(0.0, int(rules.CLEAN_FOR_S)).distances, "it must have been so for some time"
    assert not ladder.told(0.0, int(3 * rules.CLEAN_FOR_S)).distances


def test_a_loss_around_the_threshold_does_not_flap() -> None:
    ladder = Ladder()
    ladder.available = AMPLE
    changes, last = 0, None
    for second in range(300):
        chosen = ladder.told(2 * rules.LOSSY_FROM if second % 3 == 0 else 0.0, 1).distances
        changes += last is not None and chosen != last
        last = chosen
    assert changes <= 1


def choices(ladder: Ladder) -> list[tuple[bool, Distances, int, int]]:
    """What is chosen while the link carries less and less: each choice once."""
    seen: list[tuple[bool, Distances, int, int]] = []
    available = 1_000_000.0
    while available > 5_000:
        ladder.available = available
        chosen = ladder.settings(ladder.now)
        is_last = seen and chosen.distances == PAIRS and chosen.bitrate == BITRATES[-1]
        assert chosen.cost + chosen.video <= available or is_last and not chosen.video
        one = (chosen.video > 0, chosen.distances, chosen.bitrate, chosen.fec_percent)
        if one not in seen[-1:]:
            seen.append(one)
        available -= 200
    return seen


def test_under_congestion_the_picture_goes_first_then_copies_then_bits() -> None:
    ladder = Ladder()
    ladder.told(BAD, 30)
    assert choices(ladder) == [
        (True, CLEAR[1], BITRATE, 0),
        (False, CLEAR[1], BITRATE, 0),
        (False, CLEAR[1][:2], BITRATE, 0),
        (False, ONE_COPY, BITRATE, 0),
        *((False, (), bitrate, 0) for bitrate in BITRATES[:2]),
        *((False, PAIRS, bitrate, 0) for bitrate in BITRATES[2:]),
    ]


def test_what_is_lost_without_a_copy_has_room_to_be_sent_again() -> None:
    ladder = Ladder()
    ladder.told(BAD, 30)
    for way in rules.ALONE:
        chosen = Settings(*way, video=0.0)
        ladder.available = chosen.cost * (1 + ladder.loss)
        assert way == rules.ALONE[-1] or ladder.after(TICK_S) != chosen
        ladder.available *= 1.01 * rules.ROOM / rules.AGAIN_FILLS
        assert ladder.after(2 * rules.MAX_TRY_AGAIN_S) == chosen


def test_somebody_in_conversation_gets_a_smaller_voice_with_a_copy_then_in_band_redundancy() -> (
    None
):
    ladder = Ladder()
    ladder.hurried = True
    ladder.told(BAD, 30)
    assert choices(ladder) == [
        (True, CONVERSATION[1], BITRATE, 0),
        (False, CONVERSATION[1], BITRATE, 0),
        (False, CONVERSATION[1][:3], BITRATE, 0),
        (False, CONVERSATION[1][:2], BITRATE, 0),
        *((False, distances, bitrate, 0) for bitrate, distances in rules.COPIED),
        (False, PAIRS, BITRATES[-1], round(100 * ladder.loss)),
    ]


def test_without_loss_the_frames_go_in_pairs_then_the_bits() -> None:
    ladder = Ladder()
    ladder.told(0.0)
    assert choices(ladder) == [
        (True, (), BITRATE, 0),
        (False, (), BITRATE, 0),
        (False, (), rules.SINGLE_BITRATE, 0),
        *((False, PAIRS, bitrate, 0) for bitrate in BITRATES),
    ]


def test_loss_on_a_full_link_adds_nothing() -> None:
    ladder = Ladder()
    ladder.told(0.0)
    ladder.available = ladder.settings(ladder.now).cost * 1.05
    alone = ladder.after(TICK_S)
    assert alone.distances == ()
    chosen = ladder.told(0.3)
    assert copies(chosen.distances) == 0 and chosen.cost <= alone.cost


def seconds_until_it_returns(ladder: Ladder, wanted: Settings) -> float:
    """The link carries all again: how long until what was cut comes back."""
    ladder.available = AMPLE
    waited = 0.0
    while ladder.after(TICK_S).distances != wanted.distances:
        waited += TICK_S
        assert waited < 2 * rules.MAX_TRY_AGAIN_S
    return waited


def test_what_was_too_much_comes_back_after_a_while_later_each_time() -> None:
    ladder = Ladder()
    rich = ladder.told(LOSSY)
    wait_s = rules.TRY_AGAIN_S
    for _ in range(4):
        ladder.available = 0.8 * rich.cost
        poor = ladder.after(TICK_S)
        assert copies(poor.distances) < copies(rich.distances)
        ladder.after(rules.FAILED_AFTER_S + TICK_S)
        waited = seconds_until_it_returns(ladder, rich)
        assert wait_s <= waited + 2 * TICK_S <= wait_s + rules.BETTER_FOR_S + 1
        wait_s = min(rules.MAX_TRY_AGAIN_S, rules.LATER * wait_s)
    ladder.after(rules.FORGIVEN_AFTER_S)
    ladder.available = 0.8 * rich.cost
    ladder.after(rules.FAILED_AFTER_S + TICK_S)
    waited = seconds_until_it_returns(ladder, rich)
    assert waited <= rules.TRY_AGAIN_S + rules.BETTER_FOR_S + 1, "what was long ago is forgiven"


def test_what_did_not_fit_for_a_moment_comes_back_as_soon_as_it_fitted_for_a_while() -> None:
    """An estimate that falls for a queue that soon is gone tells nothing of what was sent."""
    ladder = Ladder()
    rich = ladder.told(LOSSY)
    ladder.available = 0.9 * rich.cost
    assert copies(ladder.after(rules.FAILED_AFTER_S - TICK_S).distances) < copies(rich.distances)
    assert seconds_until_it_returns(ladder, rich) <= rules.BETTER_FOR_S + 1


def test_what_costs_clearly_less_than_what_failed_comes_back_as_soon_as_it_fitted_for_a_while() -> (
    None
):
    ladder = Ladder()
    rich = ladder.told(BAD, 30)
    ladder.available = 0.3 * rich.cost
    poor = ladder.after(TICK_S)
    one_copy = Settings(BITRATE, ONE_COPY).cost
    assert poor.cost < one_copy < rules.SAFE * rich.cost
    ladder.available = one_copy * rules.ROOM * 1.01
    assert ladder.after(rules.BETTER_FOR_S - 1).distances == poor.distances, "not at once"
    ladder.available = 0.3 * rich.cost
    ladder.after(TICK_S)
    ladder.available = one_copy * rules.ROOM * 1.01
    assert ladder.after(rules.BETTER_FOR_S - 1).distances == poor.distances, (
        "it did not fit between"
    )
    assert ladder.after(2).distances == ONE_COPY


def test_a_voice_that_fits_did_not_fail_though_its_copies_do_not_fit() -> None:
    """Loss begins on a link that carries the voice and no copy of it: that was not too much."""
    ladder = Ladder()
    ladder.told(0.0)
    ladder.available = 1.05 * ladder.settings(ladder.now).cost
    alone = ladder.after(rules.BETTER_FOR_S + 1)
    ladder.told(LOSSY, 5)
    assert ladder._failures.may_be_tried(alone.cost, ladder.now)


def test_the_picture_needs_more_room_to_come_back_than_to_stay() -> None:
    ladder = Ladder()
    voice = ladder.settings(0.0).cost
    between = (rules.VIDEO_LEAST + rules.VIDEO_AGAIN) / 2
    ladder.available = voice + between
    assert ladder.settings(1.0).video == pytest.approx(between)
    ladder.available = voice + rules.VIDEO_LEAST - 1
    assert ladder.settings(2.0).video == 0
    ladder.available = voice + between
    assert ladder.settings(3.0).video == 0
    ladder.available = voice + rules.VIDEO_AGAIN
    assert ladder.settings(4.0).video == pytest.approx(rules.VIDEO_AGAIN)


def test_too_far_to_ask_again_a_smaller_voice_with_copies() -> None:
    ladder = Ladder()
    ladder.rtt_s = 1.1 * rules.LONG_WAY_S
    ladder.told(BAD)
    for bitrate, distances in rules.FAR:
        ladder.available = Settings(bitrate, distances).cost
        chosen = ladder.after(TICK_S)
        assert (chosen.distances, chosen.bitrate) == (distances, bitrate)
    near = Ladder()
    near.told(BAD)
    near.available = ladder.available
    assert copies(near.after(TICK_S).distances) == 0, "near enough to be asked again"


def test_what_the_operator_forces_is_done() -> None:
    ladder = Ladder()
    ladder.media = "audio-only"
    chosen = ladder.settings(1.0)
    assert (chosen.bitrate, chosen.video) == (BITRATE, 0)
    ladder.media = "narrow"
    chosen = ladder.settings(2.0)
    assert (chosen.bitrate, chosen.video) == (NARROW_BITRATE, 0)
    ladder.media = "auto"
    assert ladder.settings(3.0).bitrate == BITRATE


def test_a_guess_counts_until_there_is_a_report() -> None:
    ladder = Ladder()
    ladder.guess(0.2, 1.0)
    assert ladder.settings(1.0).distances
    ladder.report(0.0, 2.0)
    ladder.guess(0.5, 3.0)
    assert ladder.loss == 0
    ladder.guess(0.5, 100.0)
    assert ladder.loss == 0.5, "an old report is no better than a guess"


# -- what is known to have failed ------------------------------------------------------------------


def test_what_failed_is_not_tried_for_a_while_and_what_is_clearly_less_at_once() -> None:
    failures = rules._Failures()
    assert failures.may_be_tried(1e9, 0.0)
    failures.note(100_000, 10.0)
    for at in (10.0, 10.0 + rules.TRY_AGAIN_S - 0.1):
        assert not failures.may_be_tried(200_000, at) and not failures.may_be_tried(100_000, at)
        assert not failures.may_be_tried(rules.SAFE * 100_000, at)
        assert failures.may_be_tried(rules.SAFE * 100_000 - 1, at)
    assert failures.may_be_tried(100_000, 10.0 + rules.TRY_AGAIN_S)


def test_what_is_cut_while_the_queue_drains_is_the_same_failure() -> None:
    failures = rules._Failures()
    failures.note(100_000, 10.0)
    failures.note(50_000, 10.0 + rules.SAME_FAILURE_S - 0.1)
    assert failures.may_be_tried(80_000, 10.0)
    assert failures.may_be_tried(100_000, 10.0 + rules.TRY_AGAIN_S)
    failures.note(50_000, 10.0 + rules.SAME_FAILURE_S)
    assert not failures.may_be_tried(80_000, 10.0 + rules.SAME_FAILURE_S)


def test_it_is_tried_later_each_time_up_to_a_bound_and_the_least_that_failed_counts() -> None:
    failures, now, waits = rules._Failures(), 0.0, []
    for cost in (100_000, 80_000, 120_000, 120_000, 120_000):
        failures.note(cost, now)
        wait_s = 0.0
        while not failures.may_be_tried(rules.SAFE * 100_000, now + wait_s):
            wait_s += 1.0
        waits.append(wait_s)
        now += wait_s
    bound = rules.MAX_TRY_AGAIN_S
    expected = [min(bound, rules.TRY_AGAIN_S * rules.LATER**n) for n in range(len(waits))]
    assert waits == pytest.approx(expected, abs=1)
    assert not failures.may_be_tried(rules.SAFE * 80_000, now - 1)
    assert failures.may_be_tried(rules.SAFE * 80_000 - 1, now - 1)


def test_what_is_much_less_did_not_fail_again() -> None:
    failures = rules._Failures()
    failures.note(100_000, 0.0)
    failures.note(rules.ANOTHER * 100_000 - 1, 30.0)
    assert not failures.may_be_tried(70_000, 30.0 + rules.TRY_AGAIN_S - 1)
    assert failures.may_be_tried(70_000, 30.0 + rules.TRY_AGAIN_S)
    failures.note(70_000, 60.0)
    assert not failures.may_be_tried(70_000, 60.0 + rules.TRY_AGAIN_S)


def test_what_gives_way_to_another_voice_was_not_too_much() -> None:
    ladder = Ladder()
    ladder.hurried = True
    ladder.told(BAD)
    ladder.available = 1.01 * rules.ROOM * Settings(BITRATES[4], PARITY).cost
    alone = ladder.after(rules.BETTER_FOR_S)
    assert alone.distances == PARITY
    for voices in (2.0, 1.0):
        ladder.available *= ladder.voices / voices
        ladder.voices = voices
        ladder.after(1.0)
    assert ladder.after(rules.BETTER_FOR_S + TICK_S) == alone
    ladder.available /= 2
    ladder.after(1.0)
    ladder.available *= 2
    assert ladder.after(rules.BETTER_FOR_S + TICK_S) != alone, "that was"


def test_a_failure_is_forgiven_after_a_long_time() -> None:
    failures = rules._Failures()
    for at in (0.0, 30.0, 120.0):
        failures.note(50_000, at)
    later = 120.0 + rules.FORGIVEN_AFTER_S + 1
    failures.note(100_000, later)
    assert failures.may_be_tried(80_000, later), "the least that failed is forgotten"
    assert failures.may_be_tried(100_000, later + rules.TRY_AGAIN_S), "and so is the long wait"


# -- what a link asks of others --------------------------------------------------------------------


def test_a_hurried_link_wants_the_bitrate_at_which_a_copy_fits() -> None:
    ladder = Ladder()
    ladder.hurried = True
    ladder.told(BAD)
    assert ladder.wants_bitrate is None, "nothing is known against the best"
    for bitrate, distances in rules.COPIED:
        ladder.available = Settings(bitrate, distances).cost
        ladder.after(TICK_S)
        assert ladder.wants_bitrate == (None if bitrate == BITRATE else bitrate)
    ladder.available = 5_000
    ladder.after(TICK_S)
    assert ladder.wants_bitrate == BITRATES[-1]


def test_parity_comes_before_a_better_voice_in_pairs() -> None:
    """Of single frames a fifth is left missing of what pairs leave, and they are sooner there."""
    for ways in (rules.COPIED, rules.FAR, rules.ALONE):
        costs = [Settings(*way).cost for way in ways]
        assert costs == sorted(costs, reverse=True)
    ladder = Ladder()
    ladder.hurried = True
    ladder.told(BAD)
    ladder.available = Settings(BITRATES[3], PARITY).cost
    assert ladder.after(TICK_S).distances == PARITY
    assert ladder.wants_bitrate == BITRATES[3]


def test_what_is_sent_goes_on_where_a_limit_comes_or_goes() -> None:
    """Somebody else's link carries less, or that is not said any more."""
    ladder = Ladder()
    ladder.hurried = True
    ladder.told(BAD)
    ladder.available = Settings(BITRATES[3], PARITY).cost
    parity = ladder.after(2 * rules.BETTER_FOR_S)
    ladder.limit(BITRATES[3], ladder.now)
    assert ladder.after(TICK_S) == parity
    assert ladder.after(rules.LIMIT_FOR_S) == parity


def test_where_somebody_else_asks_for_less_no_more_the_voice_is_better_at_once() -> None:
    ladder = Ladder()
    ladder.hurried = True
    ladder.told(BAD)
    ladder.available = 1.01 * rules.ROOM * Settings(BITRATES[4], PARITY).cost
    better = ladder.after(2 * rules.BETTER_FOR_S)
    ladder.limit(BITRATES[5], ladder.now)
    assert ladder.after(TICK_S).bitrate == BITRATES[5]
    ladder.limit(BITRATES[4], ladder.now)
    assert ladder.after(TICK_S) == better
    ladder.limit(BITRATES[5], ladder.now)
    ladder.after(TICK_S)
    ladder.available = Settings(BITRATES[4], PARITY).cost
    ladder.limit(BITRATES[4], ladder.now)
    assert ladder.after(TICK_S).bitrate == BITRATES[5], "there must be some room to spare"


@pytest.mark.parametrize(
    ("hurried", "loss", "available"),
    [(False, BAD, rules.THIN), (False, 0.0, 50_000), (True, 0.0, 50_000), (True, BAD, AMPLE)],
)
def test_nobody_is_asked_for_less_without_need(
    hurried: bool, loss: float, available: float
) -> None:
    ladder = Ladder()
    ladder.hurried = hurried
    ladder.told(loss)
    ladder.available = available
    ladder.after(TICK_S)
    assert ladder.wants_bitrate is None


def test_who_has_time_to_ask_again_asks_on_a_thin_link_for_what_goes_in_single_frames() -> None:
    ladder = Ladder()
    ladder.told(BAD)
    ladder.available = rules.THIN - 1
    ladder.after(TICK_S)
    assert ladder.wants_bitrate == rules.SINGLE_BITRATE
    ladder.available = rules.THIN_NO_MORE - 1
    ladder.after(rules.MAX_TRY_AGAIN_S)
    assert ladder.wants_bitrate == rules.SINGLE_BITRATE, "a link around the limit does not flap"
    ladder.available = rules.THIN_NO_MORE
    ladder.after(TICK_S)
    assert ladder.wants_bitrate is None


def test_a_better_voice_is_wanted_again_when_it_fitted_for_a_while() -> None:
    ladder = Ladder()
    ladder.hurried = True
    ladder.told(BAD)
    ladder.available = Settings(BITRATES[5], PARITY).cost
    ladder.after(rules.TRY_AGAIN_S)
    assert ladder.wants_bitrate == BITRATES[5]
    ladder.available = Settings(BITRATES[4], PARITY).cost
    ladder.after(2 * rules.BETTER_FOR_S)
    assert ladder.wants_bitrate == BITRATES[5], "there must be some room to spare"
    ladder.available *= rules.ROOM
    ladder.after(rules.BETTER_FOR_S - 1)
    assert ladder.wants_bitrate == BITRATES[5], "not at once"
    ladder.after(2)
    assert ladder.wants_bitrate == BITRATES[4]


def test_who_codes_obeys_the_least_link_and_forgets_what_is_not_said_again() -> None:
    ladder = Ladder()
    ladder.limit(BITRATES[1], ladder.now)
    assert ladder.after(TICK_S).bitrate == BITRATES[1]
    assert ladder.after(rules.LIMIT_FOR_S - 1).bitrate == BITRATES[1]
    assert not ladder.is_calm
    assert ladder.after(2).bitrate == BITRATE and ladder.is_calm
    ladder.limit(BITRATES[-1] - 1, ladder.now)
    assert not ladder.is_calm
    assert ladder.after(TICK_S).bitrate == BITRATES[-1], "never less than the least"
    ladder.limit(BITRATES[0] + 1, ladder.now)
    assert ladder.after(TICK_S).bitrate == BITRATE
    ladder.limit(BITRATES[1] - 1, ladder.now)
    assert ladder.after(TICK_S).bitrate == BITRATES[2]


def test_who_only_forwards_counts_with_what_was_asked_of_the_speaker() -> None:
    relay = Ladder(can_code=False)
    relay.told(0.0)
    relay.available = 5_000
    assert relay.after(TICK_S) == Settings(BITRATE, PAIRS, 0, 0.0), "it can't code anything smaller"
    relay.coded_at = BITRATES[2]
    assert relay.after(TICK_S).bitrate == BITRATES[2]
    relay.hurried = True
    assert relay.told(BAD).fec_percent == 0, "nor put in-band redundancy into it"


def test_of_a_voice_that_was_made_smaller_one_copy_is_sent() -> None:
    relay = Ladder(can_code=False)
    relay.hurried = True
    assert relay.told(BAD, 30).distances == CONVERSATION[1]
    relay.coded_at = BITRATES[2]
    assert relay.after(TICK_S).distances == PARITY, "at once"
    relay.coded_at = None
    assert relay.after(TICK_S).distances == CONVERSATION[1]


def test_who_is_not_hurried_keeps_the_copies_though_another_one_asked_for_a_smaller_voice() -> None:
    relay = Ladder(can_code=False)
    assert relay.told(BAD, 30).distances == CLEAR[1]
    relay.coded_at = BITRATES[2]
    assert relay.after(TICK_S).distances == CLEAR[1]


def test_a_thin_link_is_one_that_carries_little_more_than_a_voice() -> None:
    ladder = Ladder()
    assert not ladder.is_thin
    ladder.available = rules.THIN
    assert not ladder.is_thin
    ladder.available = rules.THIN - 1
    assert ladder.is_thin


# -- whatever comes --------------------------------------------------------------------------------

STEP = st.fixed_dictionaries(
    {
        "loss": st.floats(0, 1),
        "available": st.floats(5_000, 3e6) | st.just(math.inf),
        "wait_s": st.floats(0, 30),
        "rtt_s": st.floats(0, 1),
        "hurried": st.booleans(),
        "media": st.sampled_from(["auto", "audio-only", "narrow"]),
        "limit": st.none() | st.integers(-10_000, 64_000),
        "coded_at": st.none() | st.sampled_from(BITRATES),
    }
)
CALM = {
    "loss": BAD, "available": 35_000.0, "wait_s": 1.0, "rtt_s": 0.06, "hurried": True,
    "media": "auto", "limit": None, "coded_at": None,
}  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(STEP, max_size=40), st.booleans())
@example([{**CALM, "available": 20_000.0}, CALM], True)
def test_it_never_asks_for_more_than_there_is(steps: list[dict], can_code: bool) -> None:
    ladder, now = _Ladder(can_code=can_code), 0.0
    for step in steps:
        now += step["wait_s"]
        ladder.hurried, ladder.media, ladder.rtt_s = step["hurried"], step["media"], step["rtt_s"]
        ladder.available = step["available"]
        if can_code and step["limit"] is not None:
            ladder.limit(step["limit"], now)
        if not can_code:
            ladder.coded_at = step["coded_at"]
        ladder.report(step["loss"], now)
        ladder.sending(now)
        chosen = ladder.settings(now)
        least = BITRATES[-1] if can_code else step["coded_at"] or BITRATE
        is_least = (chosen.distances, chosen.bitrate) == (PAIRS, least)
        assert chosen.cost <= step["available"] or is_least and chosen.video == 0
        assert chosen.video == 0 or chosen.video + chosen.cost <= step["available"] + 1
        assert not (copies(chosen.distances) and chosen.fec_percent), "one or the other"
        assert max(chosen.distances, default=0) * 960 < 1 << 14, "what RFC 2198 can carry"
        assert chosen.bitrate in BITRATES
        assert ladder.wants_bitrate is None or ladder.wants_bitrate in BITRATES[1:]
