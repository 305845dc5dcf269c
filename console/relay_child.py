"""The embedded relay as a child process: started, watched, started again when it dies.

A relay outlives a killed server, so that the media goes on; it holds a lock file as long as it
lives. A new server finds the lock held and waits for that relay to come back to it instead of
starting a second one.
"""

import asyncio
import contextlib
import fcntl
import os
import signal
import sys
from pathlib import Path

from console.places import log_path, recordings_folder, relay_lock

WATCH_EVERY_S = 0.2
QUICK_DEATH_S = 3.0
LAST_DELAY_S = 5.0
STOP_TIMEOUT_S = 3.0


class RelayChild:
    """Keeps one relay running for the journal `db`; it is to connect to `address` and to record
    into `recordings` (default: beside the journal)."""

    def __init__(self, db: Path, address: str, recordings: Path | None = None) -> None:
        self._recordings = recordings or recordings_folder(db)
        self._lock = relay_lock(db)
        self._log = log_path(db, "relay")
        self._address = address
        self._stopping = False
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> None:
        """Start, watch and restart the relay until `stop`."""
        delay_s = 0.0
        loop = asyncio.get_running_loop()
        while not self._stopping:
            if self.pid() is not None:
                await asyncio.sleep(WATCH_EVERY_S)
                continue
            await asyncio.sleep(delay_s)
            if self._stopping:
                return
            began = loop.time()
            self._process = await self._start()
            if self._stopping:
                self._process.terminate()
            await self._process.wait()
            lived_s = loop.time() - began
            delay_s = min(LAST_DELAY_S, delay_s * 2 + 0.25) if lived_s < QUICK_DEATH_S else 0.0

    async def stop(self) -> None:
        """End the relay, ours or one that an earlier server left."""
        self._stopping = True
        pid = self.pid() or self._starting()
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
            try:
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    while self.pid() or self._starting():
                        await asyncio.sleep(0.02)
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)

    def _starting(self) -> int | None:
        """Our own relay before it has its lock: it loads its libraries for a second or so."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    def pid(self) -> int | None:
        """The process that holds the relay's lock; None when nobody does."""
        try:
            handle = os.open(self._lock, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.pread(handle, 32, 0).decode(errors="replace").strip()
            return int(text) if text.isdigit() else None
        finally:
            os.close(handle)
        return None

    async def _start(self) -> asyncio.subprocess.Process:
        with self._log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "console.cli",
                "relay",
                "--server",
                self._address,
                "--lock",
                str(self._lock),
                "--recordings",
                str(self._recordings),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
