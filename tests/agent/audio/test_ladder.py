"""The ladder: random loss gets copies, congestion gets less of everything, nothing flaps."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.audio.ladder import CLEAR, CONVERSATION, Ladder


def told(ladder: Ladder, *, loss: float = 0.0, seconds: int = 20, now: float = 0.0) -> float:
    """A report a second; the time after them."""
    for _ in range(seconds):
        now += 1.0
        ladder.report(loss, now)
        ladder.settings(now)
    return now


def test_a_clean_link_gets_the_voice_alone() -> None:
    ladder = Ladder()
    now = told(ladder)
    chosen = ladder.settings(now)
    assert (chosen.bitrate, chosen.distances, chosen.fec_percent) == (28_000, (), 0)
    assert chosen.video == math.inf


@pytest.mark.parametrize(
    ("loss", "voice", "distances"),
    [
        (0.005, "auto", ()),
        (0.03, "auto", CLEAR[0]),
        (0.2, "auto", CLEAR[1]),
        (0.03, "conversation", CONVERSATION[0]),
        (0.2, "conversation", CONVERSATION[1]),
        (0.03, "clear", CLEAR[0]),
    ],
)
def test_random_loss_gets_copies_at_once(loss: float, voice: str, distances: tuple) -> None:
    ladder = Ladder()
    ladder.voice = voice  # type: ignore[assignment]
    ladder.report(loss, 1.0)
    chosen = ladder.settings(1.0)
    assert (chosen.distances, chosen.fec_percent) == (distances, 0)
    assert chosen.bitrate == 28_000 and chosen.video == math.inf


def test_copies_go_when_the_link_was_clean_for_a_while() -> None:
    ladder = Ladder()
    now = told(ladder, loss=0.05)
    assert ladder.settings(now).distances
    now = told(ladder, loss=0.0, seconds=15, now=now)
    assert ladder.settings(now).distances, "it must have been clean for some time"
    now = told(ladder, loss=0.0, seconds=30, now=now)
    assert not ladder.settings(now).distances


def test_a_loss_around_the_threshold_does_not_flap() -> None:
    ladder = Ladder()
    changes, before, now = 0, None, 0.0
    for second in range(300):
        now = told(ladder, loss=0.02 if second % 3 == 0 else 0.0, seconds=1, now=now)
        chosen = ladder.settings(now).distances
        changes += before is not None and chosen != before
        before = chosen
    assert changes <= 1


def test_under_congestion_the_picture_goes_first_then_copies_then_bits() -> None:
    ladder = Ladder()
    now = told(ladder, loss=0.1)
    seen = []
    for available in (400_000, 180_000, 110_000, 80_000, 64_000, 48_000, 40_000, 20_000):
        ladder.available = available
        chosen = ladder.settings(now)
        assert chosen.cost <= available or chosen.bitrate == 12_000
        assert chosen.cost + (chosen.video if chosen.video else 0) <= available + 1 or (
            chosen.bitrate == 12_000
        )
        seen.append((chosen.video > 0, len(chosen.distances), chosen.fec_percent, chosen.bitrate))
    assert seen == [
        (True, 3, 0, 28_000),
        (False, 3, 0, 28_000),
        (False, 2, 0, 28_000),
        (False, 1, 0, 28_000),
        (False, 0, 10, 28_000),
        (False, 0, 10, 20_000),
        (False, 0, 10, 12_000),
        (False, 0, 10, 12_000),
    ]


def test_loss_on_a_full_link_adds_nothing() -> None:
    ladder = Ladder()
    now = told(ladder)
    ladder.available = 60_000
    alone = ladder.settings(now)
    now = told(ladder, loss=0.3, now=now)
    assert ladder.settings(now).distances == ()
    assert ladder.settings(now).cost <= 60_000 and alone.cost <= 60_000


def test_what_was_cut_comes_back_after_a_while_with_room_to_spare() -> None:
    ladder = Ladder()
    now = told(ladder, loss=0.05)
    ladder.available = 60_000
    assert not ladder.settings(now).distances
    ladder.available = 110_000
    assert not ladder.settings(now).distances, "not at once"
    now += 4.9
    ladder.settings(now)
    ladder.available = 60_000
    ladder.settings(now)
    ladder.available = 110_000
    assert not ladder.settings(now + 4).distances, "and not if it did not fit in between"
    assert len(ladder.settings(now + 10).distances) == 2


def test_the_picture_needs_more_room_to_come_back_than_to_stay() -> None:
    ladder = Ladder()
    voice = ladder.settings(0.0).cost
    ladder.available = voice + 70_000
    assert ladder.settings(1.0).video == pytest.approx(70_000)
    ladder.available = voice + 50_000
    assert ladder.settings(2.0).video == 0
    ladder.available = voice + 70_000
    assert ladder.settings(3.0).video == 0
    ladder.available = voice + 110_000
    assert ladder.settings(4.0).video == pytest.approx(110_000)


def test_too_far_to_ask_again_a_smaller_voice_with_copies() -> None:
    ladder = Ladder()
    ladder.rtt_s = 0.4
    now = told(ladder, loss=0.1)
    ladder.available = 62_000
    chosen = ladder.settings(now)
    assert chosen.distances and chosen.bitrate < 28_000 and chosen.cost <= 62_000


def test_what_the_operator_forces_is_done() -> None:
    ladder = Ladder()
    ladder.media = "audio-only"
    chosen = ladder.settings(1.0)
    assert (chosen.bitrate, chosen.video) == (28_000, 0)
    ladder.media = "narrow"
    chosen = ladder.settings(2.0)
    assert (chosen.bitrate, chosen.video) == (12_000, 0)
    ladder.media = "auto"
    assert ladder.settings(3.0).bitrate == 28_000


def test_a_guess_counts_until_there_is_a_report() -> None:
    ladder = Ladder()
    ladder.guess(0.2, 1.0)
    assert ladder.settings(1.0).distances
    ladder.report(0.0, 2.0)
    ladder.guess(0.5, 3.0)
    assert ladder.loss == 0
    ladder.guess(0.5, 100.0)
    assert ladder.loss == 0.5, "an old report is no better than a guess"


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(0, 1), st.floats(5_000, 3e6), st.floats(0, 30), st.floats(0, 1),
            st.sampled_from(["auto", "conversation", "clear"]),
            st.sampled_from(["auto", "audio-only", "narrow"]),
        ),
        max_size=60,
    )
)  # fmt: skip
def test_it_never_asks_for_more_than_there_is(steps: list[tuple]) -> None:
    ladder, now = Ladder(), 0.0
    for loss, available, wait_s, rtt_s, voice, media in steps:
        now += wait_s
        ladder.voice, ladder.media, ladder.rtt_s, ladder.available = voice, media, rtt_s, available
        ladder.report(loss, now)
        chosen = ladder.settings(now)
        assert chosen.cost <= available or (chosen.bitrate == 12_000 and not chosen.distances)
        assert chosen.video == 0 or chosen.video + chosen.cost <= available + 1
        assert not (chosen.distances and chosen.fec_percent), "one or the other"
        assert max(chosen.distances, default=0) * 960 < 1 << 14, "what RFC 2198 can carry"
