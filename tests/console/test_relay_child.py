"""The relay as a child: started, watched, started again, ended with the server."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from console import relay_child as module
from console.places import relay_lock
from console.relay_child import RelayChild
from tests.ending import end

# In the relay's place: `slow` seconds of loading, then it waits for the lock, and puts its number
# in it.
STAND_IN = """#!{python}
import fcntl, os, sys, time
(FOLDER / "started").open("a").write(f"{{os.getpid()}}\\n")
time.sleep({slow})
handle = os.open(sys.argv[sys.argv.index("--lock") + 1], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.flock(handle, fcntl.LOCK_EX)
os.truncate(handle, 0)
os.pwrite(handle, str(os.getpid()).encode(), 0)
time.sleep(600)
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], RelayChild]:
    """A child whose relay is a stand-in that loads for so many seconds."""

    def make(slow: float) -> RelayChild:
        script = tmp_path / "relay"
        text = STAND_IN.format(python=sys.executable, slow=slow)
        place = f"from pathlib import Path\nFOLDER = Path({str(tmp_path)!r})\n"
        script.write_text(text.replace("\n", f"\n{place}", 1))
        script.chmod(0o700)
        monkeypatch.setattr("console.relay_child.sys.executable", str(script))
        return RelayChild(tmp_path / "journal.db", "unix:/nowhere")

    return make


@contextlib.asynccontextmanager
async def watched(child: RelayChild) -> AsyncIterator[None]:
    running = asyncio.get_running_loop().create_task(child.run())
    try:
        yield
    finally:
        await child.stop()
        await end(running)


async def wait_until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.02)


def lives(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def started(folder: Path) -> list[int]:
    """Every relay that was ever started, in order."""
    path = folder / "started"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


async def test_a_spare_relay_is_there_when_the_relay_is_killed(
    stand_in, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SPARE_AFTER_S", 0.3)
    child = stand_in(0)
    assert child.pid() is None
    async with watched(child):
        await wait_until(lambda: child.pid() is not None and len(started(tmp_path)) == 2)
        first, spare = started(tmp_path)
        assert child.pid() == first
        os.kill(first, signal.SIGKILL)
        await wait_until(lambda: child.pid() == spare)
        await wait_until(lambda: len(started(tmp_path)) == 3)
        third = started(tmp_path)[-1]
        os.kill(third, signal.SIGKILL)
        await wait_until(lambda: len(started(tmp_path)) == 4)
        assert child.pid() == spare, "another spare, for the same relay"
    await wait_until(lambda: not any(lives(pid) for pid in started(tmp_path)))
    assert child.pid() is None and len(started(tmp_path)) == 4


async def test_a_relay_that_dies_before_there_is_a_spare_is_started_again(
    stand_in, tmp_path: Path
) -> None:
    child = stand_in(0)
    async with watched(child):
        await wait_until(lambda: child.pid() is not None)
        first = child.pid()
        os.kill(first, signal.SIGKILL)
        await wait_until(lambda: child.pid() not in (None, first))
        second = child.pid()
        assert started(tmp_path) == [first, second]
    await wait_until(lambda: not lives(second))
    assert child.pid() is None


async def test_a_relay_that_an_earlier_server_left_is_kept(stand_in, tmp_path: Path) -> None:
    earlier = stand_in(0)
    running = asyncio.get_running_loop().create_task(earlier.run())
    await wait_until(lambda: earlier.pid() is not None)
    pid = earlier.pid()
    await end(running)
    child = stand_in(0)
    async with watched(child):
        assert child.pid() == pid
        await asyncio.sleep(0.5)  # more than two looks
        assert started(tmp_path) == [pid], "no second one"
    await wait_until(lambda: not lives(pid))


async def test_a_relay_that_is_still_loading_is_ended_too(stand_in, tmp_path: Path) -> None:
    child = stand_in(60)
    async with watched(child):
        await wait_until(lambda: bool(started(tmp_path)))
        assert child.pid() is None
    (pid,) = started(tmp_path)
    await wait_until(lambda: not lives(pid))
    assert not relay_lock(tmp_path / "journal.db").exists()
