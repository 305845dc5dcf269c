"""`giliran check`: the line check from a terminal or a script, before anybody is at the console."""

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import Parameter

from console import line_words as words
from console.meeting.linecheck import TIME_MS
from console.meeting.state import CheckedLine, Meeting
from console.places import journal_path, socket_path
from console.rehearsal.director import Director
from console.tui.phrases import refusal
from protocol import commands as c
from protocol.words import _, use_language

CONNECT_S = 5.0
POOR, NOT_DONE = 1, 2


class NotDoneError(Exception):
    """The lines could not be checked; the text says why."""


def check(
    *site: Annotated[str, Parameter(help="Only these sites, by their ids in the roster.")],
    db: Annotated[
        Path | None, Parameter(help="Journal file; default: in your data folder.")
    ] = None,
    json: Annotated[
        bool, Parameter(negative="", help="Print every figure as JSON instead of a table.")
    ] = False,
    lang: Annotated[
        Literal["id", "en"] | None, Parameter(help="Language; default: the locale's.")
    ] = None,
) -> int:
    """Check lines, microphones, loudspeakers and cameras of all sites, all at once.

    It takes less than a minute: packets as a voice has them and a short burst each way, a tone in
    the site's loudspeaker for its microphone, a look at the camera, clock and disk. The results are
    kept in the journal and printed with the minutes; the console shows them too (`l`). Before the
    meeting, or while nobody has the floor. The server must be running.

    The exit code is 0 when no site is poor, 1 when one is, 2 when nothing could be checked.
    """
    use_language(lang)
    path = socket_path(journal_path(db))
    try:
        state, found = asyncio.run(_checked(f"unix:{path}", site))
    except NotDoneError as error:
        print(f"giliran check: {error}", file=sys.stderr)
        return NOT_DONE
    if json:
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        print("\n".join(table(state, found)))
    return POOR if any(one.verdict == "poor" for one in found.values()) else 0


async def _checked(address: str, sites: tuple[str, ...]) -> tuple[Meeting, dict[str, CheckedLine]]:
    director = Director(address)
    try:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(director.run())
            found = await _drive(director, sites)
            running.cancel()
    except* NotDoneError as group_of_one:
        raise group_of_one.exceptions[0] from None
    return found


async def _drive(
    director: Director, sites: tuple[str, ...]
) -> tuple[Meeting, dict[str, CheckedLine]]:
    if not await director.wait_for(lambda: bool(director.state.id), CONNECT_S):
        raise NotDoneError(_("no server answers: start one with `giliran console`"))
    answer = await director.do(c.CheckLines(sites))
    if answer.refused is not None:
        raise NotDoneError(refusal(answer.refused))
    began = director.state.seq
    print(_("checking; this takes half a minute …"), file=sys.stderr)
    done = partial(_is_over, director, max(began, answer.seq))
    if not await director.wait_for(done, TIME_MS / 1000 + 10):
        raise NotDoneError(_("the server does not say what came of it"))
    state = director.state
    wanted = sites or tuple(state.sites)
    return state, {site: state.lines[site] for site in wanted if site in state.lines}


def _is_over(director: Director, since: int) -> bool:
    return director.state.seq >= since and director.state.check is None


def table(state: Meeting, found: dict[str, CheckedLine]) -> list[str]:
    """A line a site, and below it what helps."""
    names = {site: state.sites[site].entry.name for site in found}
    width = max((len(name) for name in names.values()), default=0)
    verdicts = max(len(words.verdict(one)) for one in words.VERDICTS)
    lines = []
    for site, one in found.items():
        said = words.verdict(one.verdict).ljust(verdicts)
        why = words.reasons(one.faults, one.figures)
        lines.append(f"{words.SYMBOLS[one.verdict]} {said}  {names[site].ljust(width)}  {why}")
        lines += [
            f"  {'':{verdicts}}  {'':{width}}  → {text}" for text in words.remedies(one.faults)
        ]
    return lines
