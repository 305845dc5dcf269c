"""The voice goes first, pictures at the pace that is left."""

import pytest

from agent.pacing import MAX_WAIT_S, Pacer


def sent_until(pacer: Pacer[int], begin: float, end: float) -> list[tuple[float, int]]:
    """What goes out of it, asked every 10 ms."""
    ticks = [begin + n / 100 for n in range(round((end - begin) * 100))]
    return [(at, item) for at in ticks for item in pacer.due(at)]


def test_a_key_frame_goes_out_at_the_links_pace_in_order() -> None:
    pacer: Pacer[int] = Pacer()
    pacer.rate = 100_000
    for n in range(16):
        assert pacer.push(n, 1000)
    assert pacer.wait_s == pytest.approx(1.28)
    out = sent_until(pacer, 0.0, 2.0)
    assert [n for _at, n in out] == list(range(16))
    half = [n for at, n in out if at < 0.64]
    assert 8 <= len(half) <= 10, "as fast as the rate, with one or two at once in the beginning"


def test_what_is_known_of_no_link_goes_out_at_once() -> None:
    pacer: Pacer[int] = Pacer()
    for n in range(8):
        pacer.push(n, 1000)
    assert len(pacer.due(0.0)) == 8 and pacer.next_in_s() is None


@pytest.mark.parametrize("voice_bytes", [0, 125, 400])
def test_the_voice_costs_pictures_nothing_for_their_rate_is_what_it_leaves(
    voice_bytes: int,
) -> None:
    pacer: Pacer[int] = Pacer()
    pacer.rate = 100_000
    count = 0
    for n in range(200):
        now = n / 100
        if n % 2 == 0:
            pacer.spent(voice_bytes, now)  # 160 kbit/s at most
        if not len(pacer):
            pacer.push(n, 1000)
        count += len(pacer.due(now))
    assert count == pytest.approx(25, abs=2)


def test_pictures_do_not_go_out_right_behind_the_voice() -> None:
    pacer: Pacer[int] = Pacer()
    pacer.rate = 100_000
    pacer.push(1, 1000)
    pacer.spent(2000, 0.0)
    assert pacer.due(0.0) == [] and pacer.due(0.01) == [1]


def test_what_waits_is_bounded_and_counted() -> None:
    pacer: Pacer[int] = Pacer()
    pacer.rate = 80_000
    kept = [pacer.push(n, 1000) for n in range(17)]
    assert kept == [True] * 16 + [False], f"{MAX_WAIT_S} s of 10 packets a second, and one"
    assert (len(pacer), pacer.dropped, pacer.wait_s) == (0, 17, 0)


def test_what_was_lost_goes_before_what_waits() -> None:
    pacer: Pacer[int] = Pacer()
    pacer.rate = 80_000
    for n in range(4):
        pacer.push(n, 1000)
    pacer.due(0.0)
    pacer.push(99, 1000, first=True)
    assert sent_until(pacer, 0.01, 0.6)[0][1] == 99
