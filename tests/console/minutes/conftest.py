"""Meetings and the words in them, as each format's reader gets them back."""

import pytest

from console.minutes import Minutes, minutes_of
from tests.console.minutes.siak_meeting import Room, closed, until_kandis


@pytest.fixture(scope="session")
def room() -> Room:
    """The whole meeting, closed."""
    return closed()


@pytest.fixture(scope="session")
def running() -> Room:
    """The meeting while Kandis speaks."""
    return until_kandis()


@pytest.fixture(scope="session")
def minutes(room: Room) -> Minutes:
    return minutes_of(room.state, room.recorded, room.last_hash)


@pytest.fixture(scope="session")
def draft(running: Room) -> Minutes:
    return minutes_of(running.state, running.recorded, running.last_hash)
