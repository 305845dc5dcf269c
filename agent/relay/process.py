"""The relay's process: one at a time, until it is stopped or nobody needs it any more."""

import asyncio
import contextlib
import fcntl
import gc
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from agent.relay.relay import Relay
from protocol.words import _


def hold(path: Path) -> int:
    """Hold the lock file as long as this process lives; its content is our pid.

    Raises SystemExit when another relay holds it.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(_("giliran relay: another relay holds {path}").format(path=path))
    os.truncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode(), 0)
    return handle


async def _serve(server: str, recordings: Path | None) -> None:
    # What is loaded stays: the garbage collector, for which packets wait, need not look through it.
    gc.freeze()
    relay = Relay(loopback=True, recordings=recordings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(relay.run(server))
        while not (stop.is_set() or relay.is_orphan):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 5)
        running.cancel()
    await relay.close()


def main(
    *,
    server: Annotated[str, Parameter(help="unix:PATH of the server's socket.")],
    lock: Annotated[Path | None, Parameter(help="Lock file held while the relay lives.")] = None,
    recordings: Annotated[
        Path | None, Parameter(help="Folder for recordings; without one nothing is recorded.")
    ] = None,
) -> None:
    """Run the relay: forward the sites' media by slots, as the server routes it.

    `giliran serve` starts one by itself and keeps it running; by hand it is for experiments.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("aioice").setLevel(logging.WARNING)
    if lock is not None:
        hold(lock)
    asyncio.run(_serve(server, recordings))
