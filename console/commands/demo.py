"""`giliran demo`: a whole meeting on this machine, to try or to watch."""

import asyncio
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from console.commands.export import export_minutes
from console.minutes import MinutesError
from console.rehearsal.casting import cast, write_roster
from console.rehearsal.director import Director, more_connected
from console.rehearsal.rehearsal import Options, Rehearsal
from console.rehearsal.stage import Stage, StageError
from console.roster import RosterError
from protocol.words import _, use_language

JOIN_TIMEOUT_S = 8.0


def demo(
    *,
    script: Annotated[
        bool, Parameter(help="Drive a short meeting by itself and write its minutes.")
    ] = False,
    out: Annotated[Path, Parameter(help="Folder for the minutes.")] = Path("out"),
    sites: Annotated[int, Parameter(help="How many kecamatan besides the hall.")] = 14,
    turn: Annotated[float, Parameter(help="Seconds a turn takes with --script.")] = 4.0,
    video: Annotated[str, Parameter(help="Picture every site sends: WIDTHxHEIGHT@FPS.")] = (
        "320x180@10"
    ),
    lang: Annotated[
        Literal["id", "en"] | None, Parameter(help="Language; default: the locale's.")
    ] = None,
) -> int:
    """Show a meeting of the Siak regency on this machine: server, relay, hall, 14 agents.

    With a terminal, the console opens in front of them: press `o` to open the meeting, `n` to
    call the next camat, `?` for all keys, Ctrl+Q to end. The minutes (`x`) go to OUT.

    With --script, or without a terminal, it drives a short meeting by itself: every camat is
    called once and reports, the minutes are written in every format, and the exit code is 0 only
    when every site was heard by all others in its turn and nobody else was.
    """
    use_language(lang)
    try:
        if script or not (sys.stdin.isatty() and sys.stdout.isatty()):
            return asyncio.run(_scripted(out, sites, turn, video))
        return _live(out, sites, video, lang)
    except (ValueError, RosterError, StageError, MinutesError) as error:
        print(f"giliran demo: {error}", file=sys.stderr)
        return 1
    except ExceptionGroup as group:
        stage_errors = group.subgroup(StageError)
        if stage_errors is None:
            raise
        print(f"giliran demo: {stage_errors.exceptions[0]}", file=sys.stderr)
        return 1


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


async def _scripted(out: Path, sites: int, turn_s: float, video: str) -> int:
    out.mkdir(parents=True, exist_ok=True)
    rehearsal = Rehearsal(Options(sites=sites, turn_s=turn_s, video=video), _say)
    with tempfile.TemporaryDirectory(prefix="giliran-demo-") as folder:
        result = await rehearsal.run(Path(folder))
        written = export_minutes(Path(folder) / "journal.db", out)
    for path in written:
        print(path)
    for why in result.why:
        print(f"giliran demo: {why}", file=sys.stderr)
    if result.starved:
        text = _("this machine fell behind: {names}").format(names=", ".join(result.starved))
        print(f"giliran demo: {text}", file=sys.stderr)
    if result.ok:
        text = _("every site was heard by all others in its turn, and nobody else was")
        print(text, file=sys.stderr)
    return 0 if result.ok else 1


async def _joined(stage: Stage, sites: int) -> None:
    """Wait until all sites are there, but not for long: the console shows the rest."""
    director = Director(stage.address)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(director.run())
        deadline = time.monotonic() + JOIN_TIMEOUT_S
        count = -1
        while count < sites and time.monotonic() < deadline:
            now = len(director.connected())
            if now != count:
                count = now
                text = _("connected: {count} of {sites} sites")
                _say(text.format(count=count, sites=sites))
            await director.wait_for(partial(more_connected, director, count), 0.5)
        running.cancel()


def _live(out: Path, sites: int, video: str, lang: str | None) -> int:
    from console.tui.app import run

    plan = cast(sites)
    with tempfile.TemporaryDirectory(prefix="giliran-demo-") as made:
        folder = Path(made)
        roster = folder / "roster.toml"
        write_roster(plan, roster)
        options = ["--video", video, "--microphone", "room", "--speaker", "room"]
        stage = Stage(folder, plan, roster, lambda *_agent: options, cables=False)
        began = time.monotonic()
        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(stage.start(_say))
            loop.run_until_complete(_joined(stage, len(plan.sites)))
            _say(_("ready after {seconds:.1f} s").format(seconds=time.monotonic() - began))
            out.mkdir(parents=True, exist_ok=True)
            code = run(
                stage.address,
                lang=lang,
                export=lambda meeting: export_minutes(stage.db, out, meeting),
            )
        finally:
            _say(_("ending the meeting's processes"))
            loop.run_until_complete(stage.stop())
            loop.close()
    return code
