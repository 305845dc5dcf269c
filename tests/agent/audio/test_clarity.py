"""The estimate of how clear a voice is: G.107's own figures, its bounds, what makes it worse."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.audio import clarity
from agent.audio.clarity import (
    IE,
    MAX_BURST_RATIO,
    R_CLEAN,
    WINDOW_FRAMES,
    Clarity,
    codec_impairment,
    delay_impairment,
    mos,
    r_factor,
)

LOSS = st.floats(0, 1)
RATIO = st.floats(1, 50)
DELAY_MS = st.floats(0, 1e6)
BITRATE = st.integers(0, 512_000)


@pytest.mark.parametrize(
    ("r", "published"),
    [(93.2, 4.41), (90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58), (0, 1), (100, 4.5)],
)
def test_mos_is_that_of_annex_b(r: float, published: float) -> None:
    assert mos(r) == pytest.approx(published, abs=0.01)


@pytest.mark.parametrize(
    ("delay_ms", "expected"),
    # By hand: 150 ms is X = 0.585, 200 ms is X = 1, 400 ms is X = 2.
    [(0, 0), (99, 0), (100, 0), (150, 0.16), (200, 3.04), (400, 24.07)],
)
def test_delay_costs_what_g107_says(delay_ms: float, expected: float) -> None:
    assert delay_impairment(delay_ms) == pytest.approx(expected, abs=0.01)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
@example(0.0, 6.5)
@example(3.2, 6.6)
def test_mos_has_its_bounds_and_rises_with_r(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 1 <= mos(low) <= mos(high) <= 4.5


@given(LOSS, RATIO, DELAY_MS, BITRATE)
def test_r_has_its_bounds(loss: float, ratio: float, delay_ms: float, bitrate: int) -> None:
    r = r_factor(loss, ratio, delay_ms, bitrate)
    assert 0 <= r <= r_factor(0, 1, 0, bitrate) <= R_CLEAN
    assert r <= r_factor(0, 1, 0, max(IE))


@given(LOSS, LOSS, RATIO, DELAY_MS, BITRATE)
def test_more_loss_is_never_clearer(
    one: float, other: float, ratio: float, delay_ms: float, bitrate: int
) -> None:
    less, more = sorted((one, other))
    assert r_factor(more, ratio, delay_ms, bitrate) <= r_factor(less, ratio, delay_ms, bitrate)


@given(LOSS, RATIO, DELAY_MS, DELAY_MS, BITRATE)
def test_more_delay_is_never_clearer(
    loss: float, ratio: float, one: float, other: float, bitrate: int
) -> None:
    less, more = sorted((one, other))
    clearer = r_factor(loss, ratio, less, bitrate)
    assert r_factor(loss, ratio, more, bitrate) <= clearer + 1e-9


@given(LOSS, RATIO, RATIO, DELAY_MS, BITRATE)
@example(0.03, 1.0, 2.0, 0.0, 24_000)
def test_longer_bursts_are_never_clearer(
    loss: float, one: float, other: float, delay_ms: float, bitrate: int
) -> None:
    less, more = sorted((one, other))
    assert r_factor(loss, more, delay_ms, bitrate) <= r_factor(loss, less, delay_ms, bitrate)
    most = r_factor(loss, MAX_BURST_RATIO, delay_ms, bitrate)
    assert r_factor(loss, 100, delay_ms, bitrate) == most


@given(LOSS, RATIO, DELAY_MS, BITRATE, BITRATE)
def test_more_bits_are_never_less_clear(
    loss: float, ratio: float, delay_ms: float, one: int, other: int
) -> None:
    less, more = sorted((one, other))
    clearer = r_factor(loss, ratio, delay_ms, more)
    assert r_factor(loss, ratio, delay_ms, less) <= clearer + 1e-9


def test_loss_and_delay_do_something() -> None:
    figures = [r_factor(loss, 1, 0, 24_000) for loss in (0, 0.01, 0.05, 0.2)]
    assert figures == sorted(set(figures), reverse=True)
    assert r_factor(0.05, 2, 0, 24_000) < r_factor(0.05, 1, 0, 24_000)
    assert r_factor(0, 1, 400, 24_000) < r_factor(0, 1, 200, 24_000) < r_factor(0, 1, 0, 24_000)


@pytest.mark.parametrize(
    ("loss", "bitrate", "pesq"),
    [
        (0, 12_000, 3.27),
        (0.05, 12_000, 2.13),
        (0, 16_000, 3.76),
        (0.02, 16_000, 3.03),
        (0, 20_000, 4.04),
        (0.1, 20_000, 2.00),
        (0, 24_000, 4.23),
        (0.01, 24_000, 3.77),
        (0.2, 24_000, 1.43),
        (0, 28_000, 4.33),
        (0.03, 28_000, 3.19),
    ],
)
def test_it_is_near_what_was_measured(loss: float, bitrate: int, pesq: float) -> None:
    """Wideband PESQ of the clips, as `tests/bench/clarity.py` measures it."""
    assert mos(r_factor(loss, 1, 0, bitrate)) == pytest.approx(pesq, abs=0.2)


def test_between_two_measured_bitrates_lies_the_mean() -> None:
    assert codec_impairment(14_000) == pytest.approx((IE[12_000] + IE[16_000]) / 2)
    for bitrate, expected in IE.items():
        assert codec_impairment(bitrate) == expected
    assert codec_impairment(min(IE) // 2) == IE[min(IE)]
    assert codec_impairment(2 * max(IE)) == IE[max(IE)]
    assert list(IE.values()) == sorted(IE.values(), reverse=True), "more bits harm less"


# -- the window ----------------------------------------------------------------------------------


def of(frames: list[bool], window_frames: int = WINDOW_FRAMES) -> Clarity:
    one = Clarity(window_frames)
    for is_missing in frames:
        one.push(is_missing)
    return one


def test_nothing_heard_is_no_figure() -> None:
    assert Clarity().mos(50, 24_000) == 0
    assert (Clarity().loss, Clarity().burst_ratio) == (0, 1)


def test_of_a_clean_voice_it_is_that_of_the_codec() -> None:
    assert of([False] * 50).mos(50, 24_000) == mos(R_CLEAN - IE[24_000])


def test_of_a_voice_that_never_comes_it_is_the_worst() -> None:
    assert of([True] * 50).mos(50, 24_000) == 1
    assert of([True]).burst_ratio == 1


@pytest.mark.parametrize(
    ("frames", "loss", "ratio"),
    [
        ("x.........", 0.1, 1),
        ("xx........", 0.2, 1.6),
        ("x....x....", 0.2, 1),
        ("xxxx......xx........", 0.3, 2.1),
        ("x.x.x.x.x.", 0.5, 1),
    ],
)
def test_loss_and_bursts_are_counted(frames: str, loss: float, ratio: float) -> None:
    one = of([frame == "x" for frame in frames])
    assert (one.loss, one.burst_ratio) == (pytest.approx(loss), pytest.approx(ratio))


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_only_the_window_counts(frames: list[bool]) -> None:
    one, last = of(frames, 5), of(frames[-5:], 20)
    assert (one.loss, one.burst_ratio) == (last.loss, last.burst_ratio)


def test_the_window_is_six_seconds_and_no_more_is_kept() -> None:
    one = of([True] * 1000 + [False] * 299)
    assert one.loss == pytest.approx(1 / 300)
    one.push(False)
    assert one.loss == 0
    assert len(one._missing) * 0.02 == 6


@given(st.lists(st.booleans(), min_size=1, max_size=80), DELAY_MS, BITRATE)
def test_every_figure_has_its_bounds(frames: list[bool], delay_ms: float, bitrate: int) -> None:
    one = of(frames, 40)
    assert 0 <= one.loss <= 1
    assert 1 <= one.burst_ratio <= 40
    assert 1 <= one.mos(delay_ms, bitrate) <= 4.5
    missing = of([True] * len(frames), 40)
    assert missing.mos(delay_ms, bitrate) <= one.mos(delay_ms, bitrate)
    whole = of([False] * len(frames), 40)
    assert one.mos(delay_ms, bitrate) <= whole.mos(delay_ms, bitrate)
    assert clarity.mos(r_factor(one.loss, one.burst_ratio, delay_ms, bitrate)) == one.mos(
        delay_ms, bitrate
    )
