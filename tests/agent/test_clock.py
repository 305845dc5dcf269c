"""The 20 ms clock."""

import asyncio
import time
from itertools import pairwise

import pytest

from agent.clock import FrameClock, Position, Rounds
from tests.ending import end


async def test_frames_come_every_20_ms_and_lost_time_is_caught_up() -> None:
    clock = FrameClock()
    moments = []
    lags = []
    began = time.monotonic()
    async for now in clock.frames():
        moments.append(now)
        lags.append(clock.lag_s)
        if len(moments) == 5:
            while time.monotonic() < now + 0.1:
                pass  # the process is kept busy for 100 ms
        if len(moments) == 20:
            break
    assert all(later >= earlier for earlier, later in zip(moments, moments[1:], strict=False))
    assert moments[-1] - began >= 20 * 0.02 - 0.001, "never early"
    if clock.skipped == 0:
        # Right behind the pause several frames come at once: none is left out.
        assert sum(1 for a, b in zip(moments, moments[1:], strict=False) if b - a < 0.01) >= 3
    assert max(lags[5:8]) >= 0.06 and min(lags) >= 0
    assert clock.take_late_ms() >= 60
    assert clock.take_late_ms() == 0


async def test_time_lost_beyond_200_ms_is_given_up() -> None:
    clock = FrameClock()
    count = 0
    async for now in clock.frames():
        count += 1
        if count == 2:
            while time.monotonic() < now + 0.4:
                pass
        if count == 4:
            break
    assert clock.skipped >= 15


async def test_a_clock_that_is_set_forward_stays_so() -> None:
    clock = FrameClock()
    moments = []
    async for now in clock.frames():
        moments.append(now - clock.lag_s)  # when it was due
        if len(moments) == 3:
            clock.shift(0.015)
        if len(moments) == 12:
            break
    if clock.skipped == 0:
        phases = [at - 0.02 * n for n, at in enumerate(moments)]
        before, after = phases[:3], phases[3:]
        assert before == pytest.approx([phases[0]] * 3, abs=1e-3)
        assert after == pytest.approx([phases[0] - 0.015] * 9, abs=1e-3)


async def test_frames_are_taken_by_a_timer_until_something_is_raised() -> None:
    clock, moments = FrameClock(), []

    def take(now: float) -> None:
        moments.append(now - clock.lag_s)  # when it was due
        if len(moments) == 3:
            clock.shift(0.015)
        if len(moments) == 6:
            raise LookupError("the sixth")

    with pytest.raises(LookupError, match="the sixth"):
        await clock.run(take)
    await asyncio.sleep(0.05)
    assert len(moments) == 6
    if clock.skipped == 0:
        steps = [b - a for a, b in zip(moments, moments[1:], strict=False)]
        assert steps == pytest.approx([0.02, 0.02, 0.005, 0.02, 0.02], abs=1e-6)


async def test_a_clock_that_is_cancelled_takes_nothing_more() -> None:
    clock, moments = FrameClock(), []
    task = asyncio.get_running_loop().create_task(clock.run(moments.append))
    async with asyncio.timeout(30):
        while not moments:
            await asyncio.sleep(0.001)
    await end(task)
    count = len(moments)
    await asyncio.sleep(0.05)
    assert len(moments) == count


async def test_a_clock_that_begins_anew_comes_at_once_and_every_20_ms_from_then_on() -> None:
    clock, moments = FrameClock(), []
    clock.begin_anew()

    def take(now: float) -> None:
        moments.append(now - clock.lag_s)  # when it was due
        if len(moments) == 3:
            asyncio.get_running_loop().call_later(0.005, clock.begin_anew)
        if len(moments) == 6:
            raise LookupError("the sixth")

    with pytest.raises(LookupError, match="the sixth"):
        await clock.run(take)
    clock.begin_anew()
    await asyncio.sleep(0.05)
    assert len(moments) == 6, "it is over"
    if clock.skipped == 0 and clock.take_late_ms() < 10:
        steps = [b - a for a, b in zip(moments, moments[1:], strict=False)]
        assert 0.004 < steps[2] < 0.016
        assert [*steps[:2], *steps[3:]] == pytest.approx([0.02] * 4, abs=1e-6)


def test_who_reads_too_soon_has_what_is_there_by_then() -> None:
    position = Position()
    begins = [position.take(10 + 0.02 * n) for n in range(100)]
    assert begins[-1] == begins[0] + 99 * 960
    early = [position.take(10 + 0.02 * n - 0.008) for n in range(100, 103)]
    assert early == [begins[0] + 100 * 960 - 384 + 960 * n for n in range(3)]
    late = position.take(10 + 0.02 * 103 + 0.1)
    assert late == early[-1] + 960, "what was late for a moment is read on from"


async def test_frames_are_taken_together_and_one_by_one_again() -> None:
    clock, frames = FrameClock(), []
    taken: list[int] = []
    task = asyncio.get_running_loop().create_task(clock.run(frames.append))
    clock.gather(5)
    async with asyncio.timeout(30):
        while len(taken) < 3:
            before = len(frames)
            await asyncio.sleep(0.001)
            taken += [len(frames) - before] if len(frames) > before else []
    assert all(count % 5 == 0 for count in taken), "not before the last of five is over"
    while time.monotonic() < frames[-1] + 0.05:
        await asyncio.sleep(0.001)
    count = len(frames)
    clock.begin_anew()
    assert 2 <= len(frames) - count <= 5, "those that were over already"
    count, taken = len(frames), []
    async with asyncio.timeout(30):
        while len(taken) < 3:
            before = len(frames)
            await asyncio.sleep(0.001)
            taken += [len(frames) - before] if len(frames) > before else []
    await end(task)
    if clock.skipped == 0 and clock.take_late_ms() < 10:
        assert taken == [1, 1, 1]
        steps = [b - a for a, b in pairwise(frames)]
        assert [*steps[: count - 1], *steps[count:]] == pytest.approx(
            [0.02] * (len(steps) - 1), abs=0.01
        )


def test_what_is_due_is_done_at_a_tick() -> None:
    rounds, done = Rounds(), []
    began = time.monotonic()
    rounds.every(1.0, lambda: done.append("often"))
    rounds.every(2.5, lambda: done.append("seldom"))
    ticks = {0.5: "", 1.1: "often", 1.9: "", 2.1: "often", 2.6: "seldom", 3.1: "often"}
    for at, expected in {**ticks, 9.0: "often seldom", 9.9: "", 10.1: "often"}.items():
        done.clear()
        rounds.tick(began + at)
        assert " ".join(done) == expected, at
