"""The process of `giliran serve`: its lock, its listeners, its relay, and how it ends."""

import asyncio
import errno
import fcntl
import ipaddress
import os
import signal
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve, unix_serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from console.journal import Journal, JournalError
from console.places import recordings_folder, server_lock, socket_path
from console.recording.keeper import Keeper
from console.relay.embedded import EmbeddedRelay
from console.relay_child import RelayChild
from console.server import METRICS_PATH, MeetingServer, ServeError
from protocol import MAX_FRAME_BYTES, SUBPROTOCOL
from protocol import events as e
from protocol.words import _

DEFAULT_PORT = 8470
LISTENING: dict[str, Any] = {
    "subprotocols": [Subprotocol(SUBPROTOCOL)],
    "compression": None,
    "max_size": MAX_FRAME_BYTES,
    "ping_interval": 5,
    "ping_timeout": 10,
    "close_timeout": 1,
}


def check_host(host: str) -> None:
    """Raises ServeError for any address but loopback: nothing proves yet who connects."""
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = host == "localhost"
    if not is_loopback:
        raise ServeError(
            _(
                "--host {host}: this release serves 127.0.0.1 only. Until sites can enrol and "
                "connections are encrypted, anybody in the network could pose as a site."
            ).format(host=host)
        )


def lock(db: Path) -> int:
    """Take the one server's lock of this journal; the file descriptor. Raises ServeError."""
    path = server_lock(db)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ServeError(f"{path}: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(handle, 32, 0).decode(errors="replace").strip()
        os.close(handle)
        raise ServeError(
            _(
                "a server of this journal is running already (process {pid}): "
                "attach with `giliran console`, or name another journal with --db"
            ).format(pid=holder or "?")
        ) from error
    os.truncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode(), 0)
    return handle


async def run_server(
    db: Path,
    plan: Callable[[], e.MeetingPlan],
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    relay: bool = True,
    recordings: Path | None = None,
    metrics: str = "",
    ready: Callable[[str, str, str], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then drain. `metrics` (HOST:PORT) tells Prometheus there.
    `ready(socket address, tcp address, address of the metrics)` is called once connections are
    accepted. Raises ServeError or JournalError before that."""
    check_host(host)
    held = lock(db)
    try:
        journal = Journal(db)
    except JournalError:
        os.close(held)
        raise
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        address_for_relay = f"unix:{socket_path(db)}"
        child = RelayChild(db, address_for_relay, recordings) if relay else None
        server = MeetingServer(journal, plan, EmbeddedRelay(child))
        await server.prepare()
        local, network = await _listen(server, db, host, port)
        told, page = await _listen_for_metrics(server, metrics)
        address = network.sockets and next(iter(network.sockets)).getsockname()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(server.run()), group.create_task(server.relay.run())]
            if child is not None:
                keeper = Keeper(
                    db,
                    recordings or recordings_folder(db),
                    lambda: server.state,
                    lambda: server.is_recorded_now,
                    server.submit,
                )
                tasks.append(group.create_task(keeper.run()))
            if ready is not None:
                ready(f"unix:{socket_path(db)}", f"ws://{address[0]}:{address[1]}", page)
            await stop.wait()
            # A socket that is left behind tells of a server that was killed.
            socket_path(db).unlink(missing_ok=True)
            # First of all nobody comes back in to a server that is leaving.
            local.close(close_connections=False)
            network.close(close_connections=False)
            if told is not None:
                told.close()
            server.say_goodbye()
            await server.relay.close()
            await _drained(server)
            for task in tasks:
                task.cancel()
    finally:
        journal.close()
        os.close(held)


async def _drained(server: MeetingServer) -> None:
    """Wait until what is queued went out, at most 2 s."""
    try:
        async with asyncio.timeout(2):
            while server.agents or server.consoles or server.relay.instance:
                await asyncio.sleep(0.02)
    except TimeoutError:
        pass


async def _listen(server: MeetingServer, db: Path, host: str, port: int) -> tuple[Server, Server]:
    path = socket_path(db)
    path.unlink(missing_ok=True)
    before = os.umask(0o177)
    try:
        local = await unix_serve(
            server.handle_local,
            str(path),
            process_request=server.metrics_page,
            **LISTENING,
        )
    except OSError as error:
        raise ServeError(f"{path}: {error.strerror or error}") from error
    finally:
        os.umask(before)
    try:
        network = await serve(
            server.handle_network,
            host,
            port,
            **LISTENING,
            family=socket.AF_INET if ":" not in host else socket.AF_INET6,
        )
    except OSError as error:
        local.close()
        path.unlink(missing_ok=True)
        if error.errno == errno.EADDRINUSE:
            raise ServeError(
                _(
                    "port {port} is in use: is another server running? Name another one with --port"
                ).format(port=port)
            ) from error
        raise ServeError(f"{host}:{port}: {error.strerror or error}") from error
    return local, network


async def _listen_for_metrics(server: MeetingServer, address: str) -> tuple[Server | None, str]:
    """The listener, and the address of the page; neither when no address is given."""
    if not address:
        return None, ""
    host, colon, port = address.rpartition(":")
    try:
        if not colon:
            raise ValueError
        check_host(host.strip("[]"))
        told = await serve(
            _nobody, host.strip("[]"), int(port), process_request=partial(_only_metrics, server)
        )
    except (ValueError, OverflowError, ServeError):
        raise ServeError(
            _("--metrics {address}: expected 127.0.0.1:PORT").format(address=address)
        ) from None
    except OSError as error:
        raise ServeError(f"--metrics {address}: {error.strerror or error}") from error
    port_taken = next(iter(told.sockets)).getsockname()[1]
    return told, f"http://{host}:{port_taken}{METRICS_PATH}"


def _only_metrics(
    server: MeetingServer, connection: ServerConnection, request: Request
) -> Response | None:
    page = server.metrics_page(connection, request)
    return page or connection.respond(404, f"There is {METRICS_PATH} here, nothing else.\n")


async def _nobody(connection: ServerConnection) -> None:
    """No WebSocket is opened at the door of the metrics."""
