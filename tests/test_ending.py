"""The tests end, whatever a test does."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ending import closes, end

ROOT = Path(__file__).parent.parent
HANGING = """
import asyncio
import tests.conftest as limits

limits.TEAR_DOWN_S = 1.0

async def stubborn():
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass

async def test_that_fails_and_then_hangs():
    task = asyncio.get_running_loop().create_task(stubborn(), name="the stubborn one")
    await asyncio.sleep(0)
    assert task.done(), "why it failed"

async def test_that_hangs():
    task = asyncio.get_running_loop().create_task(stubborn(), name="the stubborn one")
    await task

def test_after_them():
    pass
"""


def test_a_test_that_hangs_ends_with_its_name_and_place(tmp_path: Path) -> None:
    path = tmp_path / "test_hanging.py"
    path.write_text(HANGING)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "--timeout=1"]
    options = ["--import-mode=importlib", "-c", str(tmp_path / "none.ini"), "--rootdir", tmp_path]
    (tmp_path / "none.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    run = subprocess.run(
        [*command, *options, path], capture_output=True, text=True, timeout=60, cwd=ROOT
    )
    assert "why it failed" in run.stdout
    assert "Failed: the test was not done in 1 s" in run.stdout
    # Where the environment says CI, pytest's summary tells whole what a terminal sees cut short.
    where = run.stdout.partition("short test summary info")[0]
    assert where.count("Failed: the tear-down was not done in 1 s") == 2
    assert run.stdout.count("name='the stubborn one'") >= 2
    assert "2 failed, 1 passed, 2 errors" in run.stdout, run.stdout + run.stderr


async def test_what_does_not_close_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.ending.END_WITHIN_S", 0.1)
    with pytest.raises(AssertionError, match=r"not closed in 0\.1 s: the door"):
        async with closes("the door"):
            await asyncio.Event().wait()


async def test_a_task_that_does_not_end_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.ending.END_WITHIN_S", 0.1)
    may_end = asyncio.Event()

    async def late() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await may_end.wait()

    task = asyncio.get_running_loop().create_task(late(), name="the late one")
    await asyncio.sleep(0)
    with pytest.raises(AssertionError, match="the late one"):
        await end(task)
    may_end.set()
    await end(task)
