"""Loss and jitter of a stream."""

import pytest
from hypothesis import strategies as st

from agent import rtp
from agent.reception import ReceptionStats

uint16 = st.integers(0, 0xFFFF)
uint32 = st.integers(0, 0xFFFFFFFF)


def received(stats: ReceptionStats, seqs: list[int], first_s: float = 0.0) -> None:
    for number, seq in enumerate(seqs):
        stats.received(seq & 0xFFFF, seq * 960, first_s + number * 0.02)


def test_loss_is_counted_across_the_wrap() -> None:
    stats = ReceptionStats(1, 48_000)
    received(stats, [s for s in range(0xFFF1, 0xFFF1 + 100) if s % 10])
    block = stats.report_block()
    assert (block.cumulative_lost, stats.expected) == (9, 99)
    assert block.fraction_lost == 23
    assert stats.report_block().fraction_lost == 0


def test_reordering_is_no_loss_and_a_retransmission_does_not_hide_one() -> None:
    stats = ReceptionStats(1, 48_000)
    for seq, at in [(1, 0.0), (3, 0.04), (2, 0.05), (5, 0.1), (4, 0.3), (6, 0.31)]:
        stats.received(seq, seq * 960, at)
    assert stats.report_block().cumulative_lost == 1


def test_a_packet_that_comes_twice_hides_no_loss() -> None:
    stats = ReceptionStats(1, 48_000)
    for seq, at in [(1, 0.0), (2, 0.02), (2, 0.021), (4, 0.06), (4, 0.061), (1, 0.1)]:
        stats.received(seq, seq * 960, at)
    assert stats.report_block().cumulative_lost == 1


def test_jitter_is_none_on_an_even_link_and_seen_on_an_uneven_one() -> None:
    even, uneven = ReceptionStats(1, 48_000), ReceptionStats(1, 48_000)
    for n in range(300):
        ts = (2**32 - 100_000 + n * 960) & 0xFFFFFFFF
        even.received(n, ts, 5000 + n * 0.02)
        uneven.received(n, ts, 5000 + n * 0.02 + 0.01 * (n % 2))
    assert even.jitter_ms == pytest.approx(0, abs=0.1)
    assert uneven.jitter_ms == pytest.approx(10, abs=1)


def test_numbers_that_stand_for_what_is_in_the_next_packet_are_not_lost() -> None:
    stats = ReceptionStats(1, 48_000)
    for seq in (*range(0xFFF1, 0x10000 + 20, 2),):
        stats.received(seq & 0xFFFF, seq * 960, seq * 0.02, before=1)
    assert stats.report_block().cumulative_lost == 0
    lossy = ReceptionStats(1, 48_000)
    for seq in (1, 3, 7, 9):
        lossy.received(seq, seq * 960, seq * 0.02, before=1)
    assert lossy.report_block().cumulative_lost == 2, "a pair is two numbers"
    lossy.received(5, 5 * 960, 0.15, before=1)
    assert lossy.report_block().cumulative_lost == 0, "it was out of order, and so were both"
    mixed = ReceptionStats(1, 48_000)
    for seq, alone in ((1, 0), (2, 1), (3, 0), (5, 0), (7, 1)):
        mixed.received(seq, seq * 960, seq * 0.02, before=alone)
    assert mixed.report_block().cumulative_lost == 1


def test_what_was_sent_after_it_was_missed_is_not_lost() -> None:
    """The relay itself had to wait for it: it tells the send time of its first sending."""
    stats = ReceptionStats(1, 48_000)
    for seq, at in ((1, 0.0), (2, 0.02), (4, 0.06)):
        stats.received(seq, seq * 960, at, sent=rtp.send_time(at - 0.03))
    stats.received(3, 3 * 960, 0.3, sent=rtp.send_time(0.27))
    assert stats.report_block().cumulative_lost == 0
    stats.received(6, 6 * 960, 0.32, sent=rtp.send_time(0.29))
    stats.received(5, 5 * 960, 0.5, sent=rtp.send_time(0.28))
    assert stats.report_block().cumulative_lost == 1, "that was sent again"
    stats.received(8, 8 * 960, 0.6, sent=rtp.send_time(0.57))
    stats.received(7, 7 * 960, 0.8)
    assert stats.report_block().cumulative_lost == 2, "of which nobody knows when it was sent"


def test_news_and_the_last_interval() -> None:
    stats = ReceptionStats(1, 48_000)
    assert not stats.has_news and stats.interval == (0, 0)
    received(stats, [1, 2, 4, 5, 6])
    assert stats.has_news
    stats.report_block()
    assert not stats.has_news and stats.interval == (1, 6)
    assert stats.loss_percent == pytest.approx(100 / 6)
    stats.report_block()
    assert stats.interval == (0, 0) and stats.loss_percent == 0


def test_what_may_only_be_out_of_order_is_not_told_as_lost_yet() -> None:
    comes, stays_away = ReceptionStats(1, 48_000), ReceptionStats(1, 48_000)
    for stats in (comes, stays_away):
        for seq, at in [(1, 0.0), (2, 0.02), (4, 0.06)]:
            stats.received(seq, seq * 960, at)
        assert stats.report_block().cumulative_lost == 0 and stats.interval == (0, 4)
    comes.received(3, 3 * 960, 0.07)
    for stats, lost in ((comes, 0), (stays_away, 1)):
        stats.received(5, 5 * 960, 0.11)
        assert stats.report_block().cumulative_lost == lost
        assert stats.interval == (lost, 1)


def test_what_was_not_meant_for_us_is_not_lost() -> None:
    stats = ReceptionStats(1, 48_000)
    received(stats, [1, 2, 3])
    stats.received(200, 0, 5.0, begins=True)
    assert stats.report_block().cumulative_lost == 0
