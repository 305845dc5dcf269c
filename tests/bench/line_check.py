"""How long the line check of a whole meeting takes: `python tests/bench/line_check.py [KECAMATAN]`.

Server, relay and an agent a site run as processes, as `giliran demo` starts them: the hall and 14
kecamatan, each with a synthetic room. They are checked all at once, as `giliran check` does it, and
the journal tells from when to when. The goal is 60 s, and that every site has a verdict.
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from console.commands.check import _checked  # noqa: E402
from console.journal import Journal  # noqa: E402
from console.rehearsal.casting import cast, write_roster  # noqa: E402
from console.rehearsal.director import Director  # noqa: E402
from console.rehearsal.stage import Stage  # noqa: E402
from protocol import events as e  # noqa: E402

GOAL_S = 60.0
CONNECT_S = 90.0
OPTIONS = ["--video", "320x180@10", "--microphone", "room", "--speaker", "room"]


async def _connected(address: str, sites: int) -> bool:
    director = Director(address)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(director.run())
        are_there = await director.wait_for(lambda: len(director.connected()) == sites, CONNECT_S)
        running.cancel()
    return are_there


async def measured(folder: Path, kecamatan: int) -> dict[str, object]:
    """The figures of one check."""
    plan = cast(kecamatan)
    roster = folder / "roster.toml"
    write_roster(plan, roster)
    stage = Stage(folder, plan, roster, lambda *_agent: OPTIONS, cables=False)
    try:
        await stage.start(lambda text: print(f"  {text}", file=sys.stderr, flush=True))
        all_there = await _connected(stage.address, len(plan.sites))
        _state, lines = await _checked(stage.address, ())
    finally:
        await stage.stop()
    journal = Journal.open_readonly(stage.db)
    try:
        events = journal.read(journal.find("latest").id)
    finally:
        journal.close()
    began = next(one.at for one in events if isinstance(one.event, e.LineCheckStarted))
    ended = next(one for one in events if isinstance(one.event, e.LineCheckEnded))
    assert isinstance(ended.event, e.LineCheckEnded)
    took_s = (ended.at - began) / 1000
    return {
        "ok": took_s <= GOAL_S and len(lines) == len(plan.sites) and all_there,
        "sites": len(plan.sites),
        "all_connected": all_there,
        "seconds": round(took_s, 1),
        "ended": ended.event.reason,
        "verdicts": {site: one.verdict for site, one in lines.items()},
        "faults": {site: list(one.faults) for site, one in lines.items() if one.faults},
    }


def main() -> int:
    """Print the figures as JSON; 0 when the goal is met."""
    kecamatan = int(sys.argv[1]) if len(sys.argv) > 1 else 14
    with tempfile.TemporaryDirectory(prefix="giliran-lines-") as folder:
        figures = asyncio.run(measured(Path(folder), kecamatan))
    print(json.dumps(figures, indent=1))
    return 0 if figures["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
