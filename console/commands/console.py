"""`giliran console`: the operator's console; starts a server when none answers."""

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from console.places import journal_path, log_path, socket_path
from console.serving import DEFAULT_PORT
from protocol.messages import Role
from protocol.words import _, use_language

START_TIMEOUT_S = 15.0
WATCH_EVERY_S = 0.5


class StartError(Exception):
    """The server could not be started; the text says what it said."""


def console(
    *,
    db: Annotated[
        Path | None, Parameter(help="Journal file; default: in your data folder.")
    ] = None,
    roster: Annotated[
        str, Parameter(help="Roster for new meetings, when a server must be started.")
    ] = "siak",
    port: Annotated[
        int, Parameter(help="Port for the sites' agents, when a server must be started.")
    ] = DEFAULT_PORT,
    lang: Annotated[
        Literal["id", "en"] | None, Parameter(help="Language; default: the locale's.")
    ] = None,
    view: Annotated[
        Literal["operator", "pimpinan"],
        Parameter(help="`pimpinan`: who speaks, time left, who is next, in large type."),
    ] = "operator",
    observer: Annotated[
        bool, Parameter(negative="", help="Only watch: nothing that changes the meeting is done.")
    ] = False,
    out: Annotated[
        Path | None, Parameter(help="Folder for minutes; default: `minutes` beside the journal.")
    ] = None,
) -> int:
    """Run the operator's console: attach to the running server, or start one.

    Closing the console (Ctrl+Q) detaches: the meeting goes on, and `giliran console` attaches
    again, from here or from another terminal. `?` in the console shows the keys. Further
    terminals may show the same meeting: `--observer` changes nothing, `--view pimpinan` is for
    who presides.
    """
    use_language(lang)
    in_browser = "TEXTUAL_DRIVER" in os.environ
    if not in_browser and not (sys.stdout.isatty() and sys.stdin.isatty()):
        text = _("the console needs a terminal; without one, drive it with `giliran demo --script`")
        print(f"giliran console: {text}", file=sys.stderr)
        return 2
    journal = journal_path(db)
    is_ours = not asyncio.run(_answers(socket_path(journal)))
    try:
        address = attach_or_start(journal, roster, port)
    except StartError as error:
        print(f"giliran console: {error}", file=sys.stderr)
        return 1
    detached = threading.Event()
    if is_ours:
        watch = threading.Thread(
            target=start_again_when_killed, args=(journal, roster, port, detached), daemon=True
        )
        watch.start()
    role: Role = "observer" if observer else "moderator"
    if view == "pimpinan":
        code = run_leader(address, lang)
    else:
        code = run_console(journal, address, lang, out or journal.parent / "minutes", role)
    detached.set()
    return code


def run_console(
    journal: Path, address: str, lang: str | None, out: Path, role: Role = "moderator"
) -> int:
    """Run the application until the operator detaches; `x` writes minutes into `out`.

    Returns the exit code.
    """
    from console.commands.export import export_minutes
    from console.tui.app import run

    return run(address, role, lang, export=lambda meeting: export_minutes(journal, out, meeting))


def run_leader(address: str, lang: str | None) -> int:
    """Show the leader's view until it is left; returns the exit code."""
    from console.tui.leader import run

    return run(address, lang)


def attach_or_start(journal: Path, roster: str, port: int) -> str:
    """The address of the server of this journal; started in the background when none answers.

    Raises StartError.
    """
    path = socket_path(journal)
    if asyncio.run(_answers(path)):
        return f"unix:{path}"
    journal.parent.mkdir(parents=True, exist_ok=True)
    log = log_path(journal, "server")
    with log.open("ab") as output:
        said_before = output.tell()
        server = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "console.cli",
                "serve",
                "--db",
                str(journal),
                "--roster",
                roster,
                "--port",
                str(port),
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            said = log.read_bytes()[said_before:]
            raise StartError(said.decode(errors="replace").strip())
        if asyncio.run(_answers(path)):
            return f"unix:{path}"
        time.sleep(0.05)
    raise StartError(_("the server does not answer; see {log}").format(log=log))


def start_again_when_killed(journal: Path, roster: str, port: int, stop: threading.Event) -> None:
    """Start the server again when it was killed, until `stop`: its console looks after it.

    A server that was stopped took its socket away and stays stopped.
    """
    path = socket_path(journal)
    while not stop.wait(WATCH_EVERY_S):
        if path.exists() and not asyncio.run(_answers(path)):
            with contextlib.suppress(StartError):
                attach_or_start(journal, roster, port)


async def _answers(path: Path) -> bool:
    try:
        _reader, writer = await asyncio.open_unix_connection(str(path))
    except OSError:
        return False
    writer.close()
    return True
