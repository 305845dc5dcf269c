"""The embedded relay as a child process: started, watched, replaced when it dies.

A relay outlives a killed server, so that the media goes on; it holds a lock file as long as it
lives. A new server finds the lock held and waits for that relay to come back to it instead of
starting another one.

Every child is started as a spare (`agent.relay.process`): one that waits for the lock, which the
first one gets at once. While a relay lives, one spare waits beside it.
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
SPARE_AFTER_S = 3.0
"""A spare relay loads when the sites had time to connect with the one that there is."""

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
        self._children: list[asyncio.subprocess.Process] = []
        """The relay, unless an earlier server started it, and what is to be the next one."""
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Have a relay, and a spare one beside it, until `stop`."""
        loop = asyncio.get_running_loop()
        delay_s, may_start_at, relay, since = 0.0, 0.0, None, loop.time()
        async with asyncio.TaskGroup() as group:

            async def watch(child: asyncio.subprocess.Process) -> None:
                nonlocal delay_s, may_start_at
                began = loop.time()
                await child.wait()
                self._children.remove(child)
                quick = loop.time() - began < QUICK_DEATH_S
                delay_s = min(LAST_DELAY_S, delay_s * 2 + 0.25) if quick else 0.0
                may_start_at = loop.time() + delay_s
                self._changed.set()

            while not self._stopping:
                now, before, relay = loop.time(), relay, self.pid()
                since = since if relay == before else now
                is_due = relay is None or now - since >= SPARE_AFTER_S
                if is_due and now >= may_start_at and not self._spares():
                    child = await self._start()
                    self._children.append(child)
                    group.create_task(watch(child))
                    if self._stopping:
                        child.kill()
                self._changed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(WATCH_EVERY_S):
                        await self._changed.wait()

    def _spares(self) -> list[asyncio.subprocess.Process]:
        """Children that do not hold the lock: they wait for it, or load their libraries still."""
        relay = self.pid()
        return [one for one in self._children if one.returncode is None and one.pid != relay]

    async def stop(self) -> None:
        """End the relay, ours or one that an earlier server left, and first what would take its
        place."""
        self._stopping = True
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                while spares := self._spares():
                    for one in spares:
                        with contextlib.suppress(ProcessLookupError):
                            one.kill()
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pass
        pid = self.pid()
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
            try:
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    while self.pid():
                        await asyncio.sleep(0.02)
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)

    def replace(self) -> None:
        """End the relay that there is, without asking it: the spare one takes its place."""
        pid = self.pid()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

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
                "--spare",
                "--recordings",
                str(self._recordings),
                # It ends when we do, however that comes about, unless it is the relay by then.
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
