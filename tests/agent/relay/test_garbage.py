"""What is left of connections goes, but not while somebody is heard."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from agent.relay.garbage import MANY, Garbage


class Thing:
    """Something that only the collector can take away."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture(autouse=True)
def nothing_frozen() -> Iterator[None]:
    yield
    gc.unfreeze()


def made_and_kept(garbage: Garbage, count: int) -> list[Thing]:
    """Things that were looked for once, while something is forwarded."""
    things = [Thing() for _ in range(count)]
    for _ in things:
        garbage.made()
    garbage.look(1000)
    return things


def test_what_stays_is_not_looked_through_again() -> None:
    garbage = Garbage()
    things = made_and_kept(garbage, 3)
    assert not any(one is things for one in gc.get_objects())
    assert gc.get_freeze_count() > 3


def test_nothing_is_done_while_nobody_comes_or_goes() -> None:
    gc.unfreeze()
    garbage = Garbage()
    for packets_out in (0, 5, 5, 5):
        garbage.look(packets_out)
    assert gc.get_freeze_count() == 0


def test_what_is_left_goes_when_nothing_is_forwarded() -> None:
    garbage = Garbage()
    left = weakref.ref(made_and_kept(garbage, 1).pop())
    garbage.closed()
    garbage.look(1010)
    gc.collect()
    assert left() is not None, "not while something is"
    garbage.look(1010)
    assert left() is None
    assert gc.get_freeze_count() > 0, "what stays is not looked through the next time"


def test_so_much_as_would_be_missed_is_not_left_for_long() -> None:
    garbage = Garbage()
    left = [weakref.ref(one) for one in made_and_kept(garbage, MANY)]
    for number in range(MANY):
        garbage.look(2000 + number)
        assert left[0]() is not None
        garbage.closed()
    garbage.look(5000)
    assert not any(one() for one in left)
