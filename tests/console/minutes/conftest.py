"""Meetings and the words in them, as each format's reader gets them back."""

import pytest

from console.minutes import Minutes, minutes_of
from protocol import commands as c
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
def ratified() -> Room:
    """The meeting with its minutes approved, and an erratum the day after."""
    room = closed()
    room.do(c.SubmitMinutes(by="Nama Notulis"), seconds=3600)
    room.do(c.ApproveMinutes(by="Nama Bupati"), seconds=3600)
    wrong = c.CorrectMinutes("empat warga", "lima warga", "salah dengar", "B.3", by="Notulis")
    return room.do(wrong, seconds=86_400)


@pytest.fixture(scope="session")
def approved(ratified: Room) -> Minutes:
    return minutes_of(ratified.state, ratified.recorded, ratified.last_hash)


@pytest.fixture(scope="session")
def minutes(room: Room) -> Minutes:
    return minutes_of(room.state, room.recorded, room.last_hash)


@pytest.fixture(scope="session")
def draft(running: Room) -> Minutes:
    return minutes_of(running.state, running.recorded, running.last_hash)
