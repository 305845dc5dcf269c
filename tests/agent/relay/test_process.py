"""Real relay processes: one at a time, and a spare one that takes over."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a relay for a server that does not exist; all hold the same lock."""
    started: list[subprocess.Popen[bytes]] = []

    def one(*options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "console.cli", "relay", "--server", "unix:/nonexistent"]
        lock = ["--lock", str(tmp_path / "lock")]
        started.append(subprocess.Popen([*command, *lock, *options], stdin=subprocess.PIPE))
        return started[-1]

    yield one
    for process in started:
        process.kill()
        process.wait()
        assert process.stdin is not None
        process.stdin.close()


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def holder(folder: Path) -> int:
    """Whose number is in the lock file."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        return int((folder / "lock").read_text())
    return 0


def waits_for_a_lock(pid: int) -> bool:
    return any(f" {pid} " in line and "->" in line for line in open("/proc/locks"))


def test_a_spare_relay_takes_over_and_outlives_its_server(start: Start, tmp_path: Path) -> None:
    relay = start("--spare")
    wait_until(lambda: holder(tmp_path) == relay.pid, "the lock is free: it is the relay")
    spare, other = start("--spare"), start()
    assert other.wait(30) == 1, "there can't be two"
    wait_until(lambda: waits_for_a_lock(spare.pid), "it waits for its turn")
    assert holder(tmp_path) == relay.pid and relay.poll() is None
    relay.kill()
    wait_until(lambda: holder(tmp_path) == spare.pid, "it is the relay now")
    assert spare.stdin is not None
    spare.stdin.close()
    another = start("--spare")
    wait_until(lambda: waits_for_a_lock(another.pid), "whoever is to be the next")
    assert spare.poll() is None, "the server is gone, the relay stays"
    os.kill(spare.pid, signal.SIGTERM)
    assert spare.wait(30) == 0
    wait_until(lambda: holder(tmp_path) == another.pid, "however the one before ended")


def test_a_spare_relay_that_waits_ends_with_its_server(start: Start, tmp_path: Path) -> None:
    relay = start()
    wait_until(lambda: holder(tmp_path) == relay.pid, "it is the relay")
    spare = start("--spare")
    wait_until(lambda: waits_for_a_lock(spare.pid), "it waits for its turn")
    assert spare.stdin is not None
    spare.stdin.close()
    assert spare.wait(30) == 0 and relay.poll() is None
