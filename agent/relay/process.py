"""The relay's process: one at a time, until it is stopped or nobody needs it any more.

A spare one has loaded all that a relay needs, which takes a second or so, and waits for the lock
that the relay holds: the kernel gives it on in the moment the relay dies, however it died. So the
next one is there before anybody notices.
"""

import asyncio
import contextlib
import fcntl
import gc
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from agent.relay.relay import Relay
from protocol.words import _


def hold(path: Path, *, waits: bool = False) -> int:
    """Hold the lock file as long as this process lives; its content is our pid.

    Raises SystemExit when another relay holds it, or `waits` until that is gone.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
    except OSError:
        sys.exit(_("giliran relay: another relay holds {path}").format(path=path))
    os.truncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode(), 0)
    return handle


def hold_in_turn(path: Path) -> int:
    """Hold the lock file once nobody else does. A spare relay is its server's: it ends when that
    does, which closes our standard input. From then on that it holds the lock, it outlives it."""
    holds = threading.Event()

    def end_with_server() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 64):
                pass
        if not holds.is_set():
            os._exit(0)

    threading.Thread(target=end_with_server, daemon=True).start()
    handle = hold(path, waits=True)
    holds.set()
    return handle


async def _serve(server: str, recordings: Path | None) -> None:
    relay = Relay(loopback=True, recordings=recordings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(relay.run(server))
        while not (stop.is_set() or relay.is_orphan):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await stop.wait()
        running.cancel()
    await relay.close()


def main(
    *,
    server: Annotated[str, Parameter(help="unix:PATH of the server's socket.")],
    lock: Annotated[Path | None, Parameter(help="Lock file held while the relay lives.")] = None,
    spare: Annotated[
        bool, Parameter(help="Wait until no other relay holds the lock, or standard input ends.")
    ] = False,
    recordings: Annotated[
        Path | None, Parameter(help="Folder for recordings; without one nothing is recorded.")
    ] = None,
) -> None:
    """Run the relay: forward the sites' media by slots, as the server routes it.

    `giliran serve` starts one by itself and keeps it running; by hand it is for experiments.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("aioice").setLevel(logging.WARNING)
    # What is loaded stays: the garbage collector, for which packets wait, need not look through it.
    gc.freeze()
    if lock is not None:
        hold_in_turn(lock) if spare else hold(lock)
    asyncio.run(_serve(server, recordings))
