"""A line check at a site: carried out once, given up at once when the meeting wants the site."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from agent.clock import SAMPLES, FrameClock
from agent.devices import open_camera, open_microphone, open_speaker
from agent.linecheck import check
from agent.linecheck.check import SiteCheck
from agent.linecheck.ends import Ear, Mouth
from agent.room import Room
from protocol import messages as m

ORDER = m.CheckOrder("k1")


class Place:
    """A room with its devices, read and written as sender and receiver do."""

    def __init__(self, folder: Path) -> None:
        air = Room()
        self.ear = Ear(open_microphone("room", 3, air))
        self.mouth = Mouth(open_speaker("room", air))
        self.camera = open_camera("synthetic", "Minas", 3, 160, 90, 10)
        self.told: list[m.Checked] = []
        self.is_live = False
        self.check = SiteCheck(
            send=lambda packet: None,
            glance=self.camera.read,
            has_media=lambda: False,
            is_live=lambda: self.is_live,
            tell=self.told.append,
            ear=self.ear,
            mouth=self.mouth,
            folder=folder / "not" / "there",
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.check.run()), group.create_task(self._pump())]
            yield
            for task in tasks:
                task.cancel()

    async def _pump(self) -> None:
        async for now in FrameClock().frames():
            self.ear.read(now)
            self.mouth.write(np.zeros(SAMPLES, dtype=np.int16), now)

    @staticmethod
    async def wait_for(condition: Callable[[], object], within_s: float = 30) -> None:
        async with asyncio.timeout(within_s):
            while not condition():
                await asyncio.sleep(0.01)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(check, "LISTEN_S", 0.3)
    monkeypatch.setattr(check, "TAIL_S", 0.3)
    monkeypatch.setattr(check, "LOOK_EVERY_S", 0.05)
    return Place(tmp_path)


async def test_room_camera_and_machine_are_measured_though_there_is_no_media(place: Place):
    async with place.running():
        place.check.ask(ORDER)
        await place.wait_for(lambda: place.told)
    (told,) = place.told
    assert told.check == "k1"
    one = told.figures
    assert (one.media, one.probes, one.up_kbps) == (False, 0, None)
    assert one.tone_played and one.tone_dbov is not None
    assert one.camera == "moving"
    assert one.free_mb is not None and one.free_mb > 0
    assert one.version.startswith("giliran ")
    assert place.ear.listener is None, "nobody listens on"


async def test_an_order_is_carried_out_once_and_told_again_after_the_server_was_away(place: Place):
    async with place.running():
        place.check.ask(ORDER)
        await place.wait_for(lambda: place.told)
        place.check.ask(None)
        place.check.tell_again()
        assert len(place.told) == 1, "it is not asked for any more"
        place.check.ask(ORDER)
        place.check.tell_again()
        assert place.told == [place.told[0]] * 2
        place.check.ask(m.CheckOrder("k2"))
        await place.wait_for(lambda: len(place.told) == 3)
    assert place.told[2].check == "k2"


@pytest.mark.parametrize("how", ["withdrawn", "live", "another"])
async def test_it_is_given_up_at_once(place: Place, how: str):
    async with place.running():
        place.check.ask(ORDER)
        await place.wait_for(lambda: place.mouth.began_at)
        if how == "withdrawn":
            place.check.ask(None)
        elif how == "live":
            place.is_live = True
        else:
            place.check.ask(m.CheckOrder("k2"))
        given_up = time.monotonic()
        await place.wait_for(lambda: place.ear.listener is None)
        if how == "another":
            await place.wait_for(lambda: place.told)
        else:
            await place.wait_for(lambda: time.monotonic() - given_up > 0.3)
    assert [one.check for one in place.told] == (["k2"] if how == "another" else [])


async def test_a_site_without_such_devices_tells_what_it_knows(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(check, "LOOK_EVERY_S", 0.05)
    told: list[m.Checked] = []
    bare = SiteCheck(
        send=lambda packet: None,
        glance=lambda now: None,
        has_media=lambda: False,
        is_live=lambda: False,
        tell=told.append,
    )
    async with asyncio.TaskGroup() as group:
        running = group.create_task(bare.run())
        bare.ask(ORDER)
        await Place.wait_for(lambda: told)
        running.cancel()
    figures = told[0].figures
    assert figures.camera == "none"
    assert (figures.tone_played, figures.peak_dbov, figures.free_mb) == (False, None, None)
