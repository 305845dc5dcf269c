"""The processes of a rehearsal end with it, however it ends."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from console.rehearsal.stage import ask

PARENT = """
import asyncio, sys
from pathlib import Path
from console.rehearsal.stage import Process

async def main():
    command = ["serve", "--db", sys.argv[1], "--port", "0", "--no-relay"]
    child = Process("x", command, Path(sys.argv[2]))
    await child.start()
    print(child.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is of Linux")
def test_what_a_killed_rehearsal_started_ends(tmp_path: Path) -> None:
    arguments = [str(tmp_path / "journal.db"), str(tmp_path / "log")]
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, *arguments], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_running(child)
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    try:
        while is_running(child):
            assert time.monotonic() < deadline, "it goes on without its parent"
            time.sleep(0.05)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


async def test_what_a_command_complains_of_is_told_as_it_comes(tmp_path: Path) -> None:
    lines: list[str] = []
    said = await ask("observe", str(tmp_path), told=lines.append)
    assert said.code == 1 and said.out == ""
    assert said.err.splitlines() == lines
    assert "no sites.json" in lines[-1]
