"""When the relay ticks, and whose turn it is."""

import asyncio
import time

import pytest

from agent.relay import ticks as module
from agent.relay.ticks import TOGETHER, Ticks, Turns


class Ticked:
    """A relay that ticks; `waits`: whether something waits for its moment."""

    def __init__(self, *, waits: bool = False) -> None:
        self.waits = waits
        self.calls: list[tuple[float, float]] = []
        self.ticks = Ticks(self._tick)

    def _tick(self, now: float, late_s: float) -> bool:
        self.calls.append((now, late_s))
        return self.waits

    async def until(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.calls) < count:
                await asyncio.sleep(0.001)


@pytest.mark.parametrize("waits", [True, False])
async def test_it_ticks_by_itself_at_the_pace_that_is_needed(
    waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CALM_S" if waits else "TICK_S", 3600.0)
    ticked = Ticked(waits=waits)
    running = asyncio.ensure_future(ticked.ticks.run())  # noqa: TID251
    await ticked.until(4)
    running.cancel()
    times = [now for now, _late_s in ticked.calls]
    pace_s = module.TICK_S if waits else module.CALM_S
    assert all(b - a >= pace_s - 0.001 for a, b in zip(times, times[1:], strict=False))


async def test_a_packet_brings_the_tick_and_the_next_one_is_due_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CALM_S", 3600.0)
    ticked = Ticked()
    running = asyncio.ensure_future(ticked.ticks.run())  # noqa: TID251
    await ticked.until(1)
    (first, _late_s) = ticked.calls[0]
    for later_s in (1700, 1900, 1901, 3800):
        ticked.ticks.wake(first + later_s)
    assert ticked.calls[1:] == [(first + 1900, 0.0), (first + 3800, 0.0)], "not too soon"
    running.cancel()


async def test_what_is_late_is_told_and_what_fails_ends_it() -> None:
    ticked = Ticked(waits=True)
    ticked.ticks.wake(1.0)
    assert not ticked.calls, "before it runs nothing ticks"
    running = asyncio.ensure_future(ticked.ticks.run())  # noqa: TID251
    await ticked.until(1)
    count = len(ticked.calls)
    time.sleep(0.1)  # held up
    await ticked.until(count + 1)
    (before, _late_s), (now, late_s) = ticked.calls[count - 1 : count + 1]
    assert 0.08 < late_s <= now - before
    del ticked.calls  # now it raises
    ticked.ticks.wake(time.monotonic() + 1)
    with pytest.raises(AttributeError):
        await running


@pytest.mark.parametrize("count", [1, 3, TOGETHER, TOGETHER + 1, 50, 200, 2000])
def test_each_has_its_turn_once_a_second_and_few_have_it_at_once(count: int) -> None:
    turns: Turns[int] = Turns(1.0)
    had: dict[int, list[float]] = {member: [] for member in range(count)}
    for tick in range(250):
        some = turns.due(range(count), 1000 + tick / 100)
        assert len(some) <= max(TOGETHER, count / 100 + TOGETHER)
        for member in some:
            had[member].append(tick / 100)
    for times in had.values():
        assert [b - a for a, b in zip(times, times[1:], strict=False)] == pytest.approx(
            [1.0] * (len(times) - 1), abs=0.011
        )
        assert len(times) >= 2 and times[0] < 1.011


def test_after_a_pause_the_turns_go_on_where_they_were() -> None:
    turns: Turns[int] = Turns(1.0)
    members = list(range(3 * TOGETHER))
    first = turns.due(members, 1000.0)
    again = [turns.due(members, 1060.0 + tick / 100) for tick in range(67)]
    assert sorted(first + sum(again, [])) == members
    assert len(again[0]) == TOGETHER, "and not all at once"


def test_who_comes_and_goes_moves_nobody_out_of_the_round() -> None:
    turns: Turns[int] = Turns(1.0)
    assert turns.due([], 1000.0) == [] == turns.due([], 1000.5)
    assert turns.due([7], 1001.0) == [7]
    assert turns.due([7], 1001.99) == []
    assert turns.due([7, 8], 1002.0) == [7, 8]
