"""Large, small or none: one receiver's pictures, step by step."""

import math

from agent.picture.layers import PictureName
from agent.picture.steps import BACK_AFTER_S, HELD_S, Steps, fair

RATES: dict[PictureName, float] = {"main": 500_000, "main-low": 100_000, "second": 80_000}
ONE_SIZE: dict[PictureName, float] = {"main": 100_000, "second": 80_000}


def after_key_frames(steps: Steps, names: dict[PictureName, float]) -> set[str]:
    """What flows when a key frame of every picture comes, in this order."""
    for name in names:
        steps.takes(name, True)
    return {name for name in names if steps.takes(name, False)}


def test_the_steps_of_a_link_that_becomes_thinner_and_recovers() -> None:
    steps = Steps()
    assert steps.update(math.inf, 0.0, RATES, 0.0) == ["main-low", "second"]
    assert after_key_frames(steps, RATES) == {"main", "second"}
    said = []
    for at, budget in enumerate((600_000, 300_000, 120_000, 90_000, 30_000, 0), 1):
        for later in (0.0, HELD_S + 0.1):
            steps.update(budget, 0.0, RATES, 3.0 * at + later)
        said.append((steps.picture, after_key_frames(steps, RATES)))
    assert said == [
        ("high", {"main", "second"}),
        ("low", {"main-low", "second"}),
        ("low", {"main-low"}),
        ("low", {"main-low"}),
        ("none", set()),
        ("none", set()),
    ]
    now, pictures = 20.0, []
    while now < 30:
        steps.update(800_000, 0.0, RATES, now)
        pictures.append(steps.picture)
        now += 0.1
    assert pictures[0] == "none" and pictures[-1] == "high"
    assert (
        pictures.count("none") >= 10 * BACK_AFTER_S and pictures.count("low") >= 10 * BACK_AFTER_S
    )
    assert after_key_frames(steps, RATES) == {"main", "second"}


def test_of_the_small_picture_no_more_is_asked_for_than_fits() -> None:
    steps, wishes = Steps(), []
    for at, budget in enumerate((math.inf, 300_000, 90_000, 50_000, 30_000), 1):
        steps.update(budget, 0.0, RATES, 3.0 * at)
        after_key_frames(steps, RATES)
        wishes.append(steps.small_wish)
    assert wishes == [None, None, 81_000, 45_000, None]
    one_size = Steps()
    one_size.update(90_000, 0.0, ONE_SIZE, 1.0)
    assert one_size.small_wish is None, "others see that same picture"


def test_one_thin_link_does_not_take_the_small_picture_from_the_others() -> None:
    assert fair([45_000]) == 45_000 and fair([45_000, 100_000]) == 45_000
    assert fair([100_000, 45_000, 100_000]) == 100_000, "most could have much more"
    assert fair([100_000, 70_000, 100_000]) == 70_000, "that is not much"
    assert fair([45_000, 45_000, 100_000]) == 45_000, "and one rich does not take it from most"


def test_who_carries_less_than_the_small_picture_takes_gets_none_and_says_what_he_could() -> None:
    steps = Steps()
    steps.update(50_000, 0.0, RATES, 0.0)
    assert (steps.picture, steps.small_wish) == ("low", 45_000)
    for now in (1.0, 1.0 + HELD_S + 0.1):
        steps.update(50_000, 0.0, RATES, now, small=100_000)
    assert (steps.picture, steps.small_wish, steps.takes_small) == ("none", 45_000, True)
    for now in (5.0, 5.1 + BACK_AFTER_S):
        steps.update(50_000, 0.0, RATES, now, small=45_000)
    assert steps.picture == "low", "the others are as thin now"
    steps.update(50_000, 0.9, RATES, 9.0)
    assert not steps.takes_small, "a link that loses nearly all has no say"


def test_the_other_size_begins_with_a_key_frame() -> None:
    steps = Steps()
    steps.update(math.inf, 0.0, RATES, 0.0)
    assert not steps.takes("main", False)
    assert steps.takes("main-low", True) and steps.takes("main-low", False)
    assert steps.update(math.inf, 0.0, RATES, 0.1) == ["main", "second"], "a better one is there"
    assert not steps.takes("main", False) and steps.takes("main-low", False)
    assert steps.takes("main", True)
    assert not steps.takes("main-low", False) and not steps.takes("main-low", True)
    steps.update(150_000, 0.0, RATES, 0.2)
    assert not steps.takes("main", False), "what the link can't carry stops at once"
    assert steps.takes("main-low", True)


def test_after_a_switch_the_first_key_frame_that_fits_is_taken() -> None:
    steps = Steps()
    steps.update(math.inf, 0.0, RATES, 0.0)
    after_key_frames(steps, RATES)
    steps.switched("main")
    assert not steps.takes("main", False), "of the speaker before"
    assert steps.takes("main-low", True) and steps.takes("second", False)
    assert steps.takes("main", True)


def test_a_size_that_its_camera_closed_gives_way_to_the_other() -> None:
    steps = Steps()
    steps.update(math.inf, 0.0, RATES, 0.0)
    after_key_frames(steps, RATES)
    closed: dict[PictureName, float] = {"main-low": 100_000, "second": 80_000}
    assert steps.update(math.inf, 0.0, closed, 1.0) == ["main-low"]
    assert steps.takes("main-low", True)


def test_a_camera_of_one_size_is_shown_on_any_link_that_carries_it() -> None:
    steps = Steps()
    steps.update(200_000, 0.0, ONE_SIZE, 0.0)
    assert after_key_frames(steps, ONE_SIZE) == {"main", "second"}
    for at in (1.0, 1.1 + HELD_S):
        steps.update(110_000, 0.0, ONE_SIZE, at)
    assert after_key_frames(steps, ONE_SIZE) == {"main"}
    for at in (5.0, 5.1 + HELD_S):
        steps.update(90_000, 0.0, ONE_SIZE, at)
    assert "main" not in after_key_frames(steps, ONE_SIZE)


def test_much_loss_costs_the_large_picture_then_any() -> None:
    steps = Steps()
    pictures = []
    for at, loss in enumerate((0.2, 0.3, 0.2, 0.6, 0.4)):
        steps.update(math.inf, loss, RATES, float(at))
        pictures.append(steps.picture)
    assert pictures == ["high", "low", "low", "none", "none"]


def test_a_small_picture_that_flows_is_held_for_a_moment() -> None:
    steps = Steps()
    steps.update(math.inf, 0.0, RATES, 0.0)
    after_key_frames(steps, RATES)
    steps.update(0, 0.0, RATES, 1.0)
    assert steps.picture == "low" and not steps.takes("main", False)
    assert steps.takes("main-low", True)
    steps.update(200_000, 0.0, RATES, 1.9)
    steps.update(0, 0.0, RATES, 2.0)
    assert steps.takes("main-low", False), "it fitted in between"
    steps.update(0, 0.0, RATES, 2.1 + HELD_S)
    assert steps.picture == "none" and not steps.takes("main-low", True)
    forced = Steps()
    after_key_frames(forced, RATES)
    forced.update(0, 0.0, RATES, 1.0, is_forced=True)
    assert forced.picture == "none", "what the operator wants is done at once"


def test_the_chairs_site_is_shown_who_is_on_deck() -> None:
    steps = Steps()
    steps.sees_deck = True
    assert steps.takes("deck", True) and not steps.takes("second", True)
    other = Steps()
    assert other.takes("second", True) and not other.takes("deck", True)


def test_what_was_interrupted_goes_on_with_a_key_frame() -> None:
    steps = Steps()
    steps.update(math.inf, 0.0, RATES, 0.0)
    after_key_frames(steps, RATES)
    steps.interrupted()
    assert not steps.takes("main", False) and not steps.takes("second", False)
