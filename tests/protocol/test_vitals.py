"""What a process says of itself changes with what it uses."""

import asyncio
import threading
from pathlib import Path

import pytest

from protocol.vitals import vitals


async def test_memory_threads_and_tasks_are_counted() -> None:
    before = vitals()
    assert before.rss_mb > 5
    stop = threading.Event()
    threads = [threading.Thread(target=stop.wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    ballast = bytearray(b"x" * 50_000_000)
    try:
        async with asyncio.TaskGroup() as group:
            sleeping = [group.create_task(asyncio.sleep(60)) for _ in range(5)]
            during = vitals()
            for task in sleeping:
                task.cancel()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert during.threads == before.threads + 3
    assert during.tasks == before.tasks + 5
    assert during.rss_mb > before.rss_mb + len(ballast) / 1e6 * 0.9
    assert vitals().tasks == before.tasks


async def test_a_system_without_proc_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_bytes(self: Path) -> bytes:
        raise FileNotFoundError(self)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    assert (vitals().rss_mb, vitals().threads, vitals().tasks) == (0.0, 0, 1)
