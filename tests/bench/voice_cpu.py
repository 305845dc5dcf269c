"""What the voice costs an agent: `python tests/bench/voice_cpu.py [--seconds 30] [--profile]`.

A real server, relay and four agents without cameras. First nobody speaks (control link, clocks,
connections: the baseline), then hall, floor and panel speak at once: `hears` gets three live
slots, `speaks` holds the floor and gets two. In the same run aiortc as it is: three pairs in one
process, each one encoder and one decoder, without server and control link. `--profile` tells where
an agent's time goes.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from console.rehearsal.casting import cast, write_roster  # noqa: E402
from console.rehearsal.director import Director, wait_until_connected  # noqa: E402
from console.rehearsal.stage import Process, Stage, ask  # noqa: E402
from protocol import commands as c  # noqa: E402
from protocol.events import SiteEntry  # noqa: E402
from tests.bench import profiled  # noqa: E402
from tests.bench.where import AGENT, parts  # noqa: E402

SITES = ("speaks", "joins", "hears")
TIMEOUT_S = 30.0
SETTLE_S = 5.0


Figures = dict[str, dict[str, float]]


async def ours(folder: Path, seconds: float) -> tuple[Figures, dict[str, Figures]]:
    """CPU of each agent in % of a core, idle and live; and where that goes (shares of 1), where
    agents are profiled."""
    said = await ask("speech", "--out", str(folder / "speech.wav"))
    assert said.code == 0, said.err
    usual = cast(1)
    halls = [entry for entry in usual.sites if entry.kind == "hall"]
    entries = [
        SiteEntry(id=name, name=name, kind="kecamatan", position=number)
        for number, name in enumerate(SITES, 1)
    ]
    plan = msgspec.structs.replace(usual, allowance_s=3600, budget_s=7200, sites=(*halls, *entries))
    roster = folder / "roster.toml"
    write_roster(plan, roster)

    def options(site: str, number: int, life: int) -> list[str]:
        return ["--microphone", f"file:{folder / 'speech.wav'}", "--camera", "null"]

    stage = Stage(folder, plan, roster, options, cables=False)
    director = Director(stage.address)
    figures: Figures = {}
    where: dict[str, Figures] = {}
    try:
        await stage.start(lambda text: None)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(director.run())
            await wait_until_connected(
                stage, director, {entry.id for entry in plan.sites}, lambda text: None
            )
            figures["idle"], where["idle"] = await _measure(stage, seconds)
            for command in (c.OpenMeeting(), c.GrantFloor("speaks"), c.Promote("joins")):
                answer = await director.do(command)
                assert answer.refused is None, answer.refused
            wanted = {"chair", "floor", "panel-1"}

            def hears_all() -> bool:
                status = director.status.get("hears")
                return (
                    status is not None
                    and status.actual is not None
                    and wanted <= set(status.actual.hearing)
                )

            assert await director.wait_for(hears_all, TIMEOUT_S), "three slots are not heard"
            figures["live"], where["live"] = await _measure(stage, seconds)
            running.cancel()
    finally:
        await stage.stop()
    return figures, where


async def _measure(stage: Stage, seconds: float) -> tuple[dict[str, float], Figures]:
    await asyncio.sleep(SETTLE_S)
    paths = {site: stage.folder / f"{agent.pid}.json" for site, agent in stage.agents.items()}
    is_profiled = Process.module == profiled.__name__
    if is_profiled:
        for site, agent in stage.agents.items():
            paths[site].unlink(missing_ok=True)
            os.kill(agent.pid, signal.SIGUSR2)
    stage.reset_usage()
    await asyncio.sleep(seconds)
    stage.sample()
    usage = {name: 100 * one.cpu_s / one.seen_s for name, one in stage.usage.items()}
    if not is_profiled:
        return usage, {}
    for agent in stage.agents.values():
        os.kill(agent.pid, signal.SIGUSR2)
    async with asyncio.timeout(TIMEOUT_S):
        while not all(path.exists() for path in paths.values()):
            await asyncio.sleep(0.05)
    return usage, {site: json.loads(path.read_text()) for site, path in paths.items()}


async def stock(seconds: float) -> float:
    """CPU of three pairs of aiortc as it is, % of a core."""
    from agent.devices import read_sound
    from agent.rtc.stock import stock_peers
    from agent.speech import CLIPS

    speech = read_sound(CLIPS[0])

    async def pair(ready: asyncio.Barrier) -> None:
        async with stock_peers() as peers:
            await peers.accept(await peers.answer(await peers.offer()))
            await peers.wait_connected()
            await ready.wait()
            await peers.talk(np.roll(speech, 480), seconds)

    ready = asyncio.Barrier(4)
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(pair(ready))
        await ready.wait()
        began, cpu_s = time.monotonic(), time.process_time()
    return 100 * (time.process_time() - cpu_s) / (time.monotonic() - began)


COLUMNS = {
    "nobody speaks": ("idle", "hears"),
    "hears three": ("live", "hears"),
    "speaks, hears two": ("live", "speaks"),
}


def where_table(figures: Figures, where: dict[str, Figures]) -> str:
    """How much of a core each part of an agent takes (%), as Markdown."""
    rows = [["part", *COLUMNS], ["---"] * (1 + len(COLUMNS))]
    for part in parts(AGENT):
        took = (figures[when][site] * where[when][site][part] for when, site in COLUMNS.values())
        rows.append([part, *(f"{one:.2f}" for one in took)])
    rows.append(["all", *(f"{figures[when][site]:.2f}" for when, site in COLUMNS.values())])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--profile", action="store_true", help="tell where an agent's time goes")
    options = parser.parse_args()
    seconds = options.seconds
    with tempfile.TemporaryDirectory() as folder:
        if options.profile:
            Process.module, os.environ[profiled.FOLDER] = profiled.__name__, folder
        figures, where = asyncio.run(ours(Path(folder), seconds))
    print(f"{'process':<10}{'nobody speaks':>14}{'three speak':>13}{'the voice':>11}   % of a core")
    for name, live in figures["live"].items():
        idle = figures["idle"][name]
        print(f"{name:<10}{idle:>14.1f}{live:>13.1f}{live - idle:>11.1f}")
    if options.profile:
        print("\n" + where_table(figures, where) + "\n")
    print(f"aiortc as it is, three pairs in one process: {asyncio.run(stock(seconds)):.1f}")


if __name__ == "__main__":
    main()
