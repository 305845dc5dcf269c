"""`giliran rehearse`: the measuring instrument."""

import asyncio
import re
import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from console.rehearsal.rehearsal import (
    Options,
    Rehearsal,
    parse_cut,
    parse_kill,
    parse_seconds,
)
from console.rehearsal.result import table
from console.rehearsal.stage import StageError
from console.roster import RosterError
from protocol.words import _


def rehearse(
    *,
    sites: Annotated[int, Parameter(help="How many kecamatan besides the hall (1 to 63).")] = 14,
    turn: Annotated[str, Parameter(help="Length of each turn, such as 4s.")] = "10s",
    loss: Annotated[str, Parameter(help="Packets lost each way on every site's link: 10%.")] = "",
    rtt: Annotated[str, Parameter(help="Round trip of every site's link: 80ms.")] = "",
    jitter: Annotated[str, Parameter(help="Standard deviation of the delay: 30ms.")] = "",
    rate: Annotated[str, Parameter(help="Bandwidth of every site's link each way: 256k.")] = "",
    seed: Annotated[int, Parameter(help="Seed of the emulated links.")] = 1,
    kill: Annotated[
        list[str] | None,
        Parameter(help="Kill a process: relay@20s, server@20s or a site's agent, kandis@20s."),
    ] = None,
    cut: Annotated[list[str] | None, Parameter(help="Cut a site's cable: kandis@30s+10s.")] = None,
    video: Annotated[str, Parameter(help="Picture every site sends: WIDTHxHEIGHT@FPS.")] = (
        "320x180@10"
    ),
    roster: Annotated[str, Parameter(help="Roster the sites come from.")] = "siak",
    json: Annotated[Path | None, Parameter(help="Write the figures to this file as JSON.")] = None,
    keep: Annotated[
        Path | None, Parameter(help="Keep recordings, logs and journal in this folder.")
    ] = None,
    quiet: Annotated[bool, Parameter(help="No progress on standard error.")] = False,
) -> int:
    """Run a whole meeting of synthetic people on this machine and measure it.

    Starts the real server, relay and one agent a site as processes on loopback, calls every site
    in turn, and reports what was observed at the sites: how long after the key press the new
    speaker was heard and seen, delay and gaps of the sound, sound in the wrong place, and what
    each process used. Times of faults count from the opening of the meeting.

    Exit code 0 when every site was called and heard, nobody else was, and nothing was lost.

    Examples:

    giliran rehearse --sites 14 --turn 4s --json out.json

    giliran rehearse --loss 10% --rtt 80ms --jitter 30ms --seed 7

    giliran rehearse --kill relay@20s --cut kandis@30s+10s
    """

    def progress(text: str) -> None:
        if not quiet:
            print(f"  {text}", file=sys.stderr, flush=True)

    given = {"loss": loss, "rtt": rtt, "jitter": jitter, "rate": rate}
    try:
        impair = ",".join(
            f"{name}={_checked(name, value)}" for name, value in given.items() if value
        )
        faults = [parse_kill(text) for text in kill or []] + [parse_cut(text) for text in cut or []]
        options = Options(
            sites=sites,
            turn_s=parse_seconds(turn),
            seed=seed,
            impair=f"{impair},seed={seed}" if impair else "",
            video=video,
            faults=tuple(sorted(faults, key=lambda fault: fault.at_s)),
            roster=roster,
        )
        rehearsal = Rehearsal(options, progress)
        if json is not None and not json.absolute().parent.is_dir():
            raise ValueError(_("--json {path}: there is no such folder").format(path=json))
        result = asyncio.run(rehearsal.run(keep))
    except (ValueError, RosterError) as error:
        print(f"giliran rehearse: {error}", file=sys.stderr)
        return 2
    except StageError as error:
        print(f"giliran rehearse: {error}", file=sys.stderr)
        return 1
    except ExceptionGroup as group:
        stage_errors = group.subgroup(StageError)
        if stage_errors is None:
            raise
        print(f"giliran rehearse: {stage_errors.exceptions[0]}", file=sys.stderr)
        return 1
    print(table(result))
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    return 0 if result.ok else 1


FORMS = {
    "loss": (r"\d+(\.\d+)?%", "a percentage such as 10%"),
    "rtt": (r"\d+(\.\d+)?ms", "a time such as 80ms"),
    "jitter": (r"\d+(\.\d+)?ms", "a time such as 30ms"),
    "rate": (r"\d+(\.\d+)?k", "kilobits a second such as 256k"),
}


def _checked(name: str, value: str) -> str:
    """The value, when it has its form (the agents' `--impair` takes it as it is)."""
    form, expected = FORMS[name]
    if re.fullmatch(form, value) is None:
        raise ValueError(f"--{name} {value}: expected {expected}")
    return value
