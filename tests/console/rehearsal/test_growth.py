"""What grew is named, what only wobbles is not."""

import pytest

from console.rehearsal.growth import Growth, Series
from protocol.messages import ProcessReading


def growth(minutes: float = 45, *, mb_per_min: float = 0.0, **last: int) -> Growth | None:
    """A process of 100 MB, 5 threads and 20 tasks; `last`: what it has in the second half."""
    series = Series("relay")
    seconds = round(minutes * 60)
    for second in range(seconds):
        wobble = second % 7 - 3
        later = last if second > seconds / 2 else {}
        rss_mb = 100 + mb_per_min * second / 60 + wobble
        threads, tasks = later.get("threads", 5), later.get("tasks", 20)
        series.add(ProcessReading(rss_mb, threads, tasks + max(0, wobble)), 1000.0 + second)
    return series.growth()


def test_what_only_wobbles_did_not_grow() -> None:
    one = growth()
    assert one is not None and one.grew == []
    assert one.rss_mb == (pytest.approx(100, abs=1), pytest.approx(100, abs=1))
    assert (one.threads, one.tasks) == ((5, 5), (20, 20))


@pytest.mark.parametrize(
    ("more", "grew"),
    [
        ({"mb_per_min": 0.5}, ["memory"]),
        ({"threads": 6}, ["threads"]),
        ({"tasks": 21}, ["tasks"]),
        ({"mb_per_min": 9.0, "tasks": 900}, ["memory", "tasks"]),
        ({"mb_per_min": 0.1}, []),
        ({"threads": 4, "tasks": 19, "mb_per_min": -1.0}, []),
    ],
)
def test_what_grew_is_named(more: dict, grew: list[str]) -> None:
    one = growth(**more)
    assert one is not None and one.grew == grew


def test_what_it_takes_to_get_warm_is_not_growth() -> None:
    series = Series("siak")
    for second in range(600):
        series.add(ProcessReading(min(200.0, 50.0 + 2 * second), 9, 30), float(second))
    one = series.growth()
    assert one is not None and one.grew == []


def test_a_short_one_tells_nothing() -> None:
    assert growth(1.4) is None
    assert Series("relay").growth() is None
