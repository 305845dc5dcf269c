"""`giliran web`: the console in a browser of this machine, by textual-serve."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from protocol.words import _


def web(
    *,
    port: Annotated[int, Parameter(help="Port of the page, on 127.0.0.1 only.")] = 8000,
    db: Annotated[
        Path | None, Parameter(help="Journal file; default: in your data folder.")
    ] = None,
    observer: Annotated[
        bool, Parameter(negative="", help="Only watch: nothing that changes the meeting is done.")
    ] = False,
    view: Annotated[
        Literal["operator", "pimpinan"], Parameter(help="`pimpinan`: large type, for who presides.")
    ] = "operator",
    lang: Annotated[
        Literal["id", "en"] | None, Parameter(help="Language; default: the locale's.")
    ] = None,
) -> int:
    """Serve the console as a web page on this machine (needs `giliran[web]`).

    Whoever opens the page is the operator, so it is served on 127.0.0.1 alone; from another
    machine, come over SSH: `ssh -L 8000:127.0.0.1:8000 SERVER`.
    """
    try:
        from textual_serve.server import Server
    except ImportError:
        text = _("giliran web needs textual-serve: install giliran[web]")
        print(text, file=sys.stderr)
        return 2
    Server(shlex.join(command(db, view, lang, observer)), "127.0.0.1", port, "Giliran").serve()
    return 0


def command(db: Path | None, view: str, lang: str | None, observer: bool) -> list[str]:
    """What is run for each visitor."""
    words = [sys.executable, "-m", "console.cli", "console", "--view", view]
    if db is not None:
        words += ["--db", str(db)]
    if lang is not None:
        words += ["--lang", lang]
    return [*words, "--observer"] if observer else words
