"""`giliran serve`: run the server in the foreground."""

import asyncio
import logging
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from console.journal import JournalError
from console.places import journal_path
from console.roster import RosterError, find, load
from console.serving import DEFAULT_PORT, ServeError, run_server
from protocol.words import _


def serve(
    *,
    db: Annotated[
        Path | None, Parameter(help="Journal file; default: in your data folder.")
    ] = None,
    roster: Annotated[
        str, Parameter(help="Roster file (TOML) or the name of a shipped one, for new meetings.")
    ] = "siak",
    host: Annotated[
        str, Parameter(help="Address for the sites' agents; loopback only for now.")
    ] = "127.0.0.1",
    port: Annotated[
        int, Parameter(help="TCP port for the sites' agents; 0 takes a free one.")
    ] = DEFAULT_PORT,
    relay: Annotated[bool, Parameter(help="Start the embedded relay and keep it running.")] = True,
    recordings: Annotated[
        Path | None,
        Parameter(help="Folder for recordings; default: `recordings` beside the journal."),
    ] = None,
    metrics: Annotated[
        str, Parameter(help="Tell Prometheus at this address, such as 127.0.0.1:9470.")
    ] = "",
) -> int:
    """Run the meeting server in the foreground, with its embedded relay.

    The server is the single writer of the meeting: consoles attach to it over a Unix socket
    beside the journal, agents over WebSocket on HOST:PORT. It prints both addresses once it
    accepts connections. SIGTERM or Ctrl+C stops it cleanly; killed, it goes on where it was when
    started again. `giliran console` starts one by itself when none is running.

    The page for Prometheus is also told over the Unix socket, at any time:
    curl --unix-socket JOURNAL.sock http://localhost/metrics
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("websockets").setLevel(logging.CRITICAL)

    def plan():
        try:
            return load(find(roster))
        except RosterError as error:
            raise ValueError(str(error)) from error

    def ready(local: str, network: str, page: str) -> None:
        print(_("consoles: {address}").format(address=local), flush=True)
        print(_("agents: {address}").format(address=network), flush=True)
        if page:
            print(_("metrics: {address}").format(address=page), flush=True)

    try:
        asyncio.run(
            run_server(
                journal_path(db),
                plan,
                host=host,
                port=port,
                relay=relay,
                recordings=recordings,
                metrics=metrics,
                ready=ready,
            )
        )
    except (ServeError, JournalError) as error:
        print(f"giliran serve: {error}", file=sys.stderr)
        return 1
    return 0
