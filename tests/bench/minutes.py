"""How soon after closing a meeting its minutes are there: `python tests/bench/minutes.py`.

A meeting of 14 kecamatan and 60 reports is open on a real server. It is closed by a command, and
when that is acknowledged a new process writes the minutes in every format, as `giliran minutes
--format all` does: the goal is 5 s for both together. The console's `x` need not start a process;
that is measured too, format by format, in this one. Baselines in the same run: an empty meeting,
and a Python that does nothing.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from console.commands.export import export_minutes  # noqa: E402
from console.journal import Journal  # noqa: E402
from console.meeting.fold import replay  # noqa: E402
from console.minutes import FORMATS, minutes_of, rendered  # noqa: E402
from protocol import commands as c  # noqa: E402
from protocol import events as e  # noqa: E402
from protocol import messages as m  # noqa: E402
from tests.console.minutes.books import write_book  # noqa: E402
from tests.console.minutes.siak_meeting import Room, crowded  # noqa: E402
from tests.e2e.servers import moderator, serving  # noqa: E402

GOAL_S = 5.0


def still_open(room: Room) -> Room:
    """The meeting without its closing."""
    left = Room()
    left.recorded = []
    left.state = replay([])
    closing = next(r.seq for r in room.recorded if isinstance(r.event, e.MeetingClosed))
    for one in room.recorded:
        if one.seq < closing:
            left.at = one.at
            left.record(one.event, one.command)
    return left


async def close(folder: Path) -> float:
    """Seconds from the command to its acknowledgement, by a server of this journal."""
    with serving(folder) as server:
        async with moderator(server) as console:
            began = time.perf_counter()
            answer = await console.do(c.CloseMeeting(force=True))
            took_s = time.perf_counter() - began
            assert isinstance(answer, m.Ack), answer
    return took_s


def in_a_process(*words: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def measure(room: Room, folder: Path) -> dict[str, float]:
    db = write_book(folder / "journal.db", still_open(room))
    figures = {"closing": asyncio.run(close(folder))}
    out = str(folder / "out")
    words = ("-m", "console.cli", "minutes", "--format", "all", "--db", str(db), "-o", out)
    figures["all formats, new process"] = in_a_process(*words)
    figures["ready"] = figures["closing"] + figures["all formats, new process"]
    began = time.perf_counter()
    export_minutes(db, folder / "x")
    figures["all formats, console's x"] = time.perf_counter() - began
    journal = Journal.open_readonly(db)
    row = journal.find("latest")
    recorded = journal.read(row.id)
    minutes = minutes_of(replay(recorded), recorded, journal.last_hash(row.id))
    journal.close()
    for fmt in FORMATS:
        began = time.perf_counter()
        rendered(minutes, fmt)
        figures[fmt] = time.perf_counter() - began
    return figures


def main() -> int:
    room = crowded()
    assert len(room.state.reports) == 60 and len(room.state.turns) == 14
    empty = Room().do(c.OpenMeeting()).do(c.CloseMeeting())
    with tempfile.TemporaryDirectory(prefix="giliran-bench-") as made:
        figures = {}
        for name, one in (("60 reports", room), ("empty", empty)):
            (Path(made) / name).mkdir()
            figures[name] = measure(one, Path(made) / name)
    python_s = in_a_process("-c", "pass")
    print(f"{'seconds':<28}{'60 reports':>12}{'empty':>12}")
    for what, took_s in figures["60 reports"].items():
        print(f"{what:<28}{took_s:>12.2f}{figures['empty'][what]:>12.2f}")
    print(f"{'a Python that does nothing':<28}{python_s:>12.2f}")
    ready_s = figures["60 reports"]["ready"]
    print(json.dumps({"ready_s": round(ready_s, 2), "goal_s": GOAL_S, "ok": ready_s <= GOAL_S}))
    return 0 if ready_s <= GOAL_S else 1


if __name__ == "__main__":
    sys.exit(main())
