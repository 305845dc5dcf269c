"""What the voice costs an agent: `python tests/bench/voice_cpu.py [--seconds 30]`.

A real server, relay and four agents without cameras. First nobody speaks (control link, clocks,
connections: the baseline), then hall, floor and panel speak at once: `hears` gets three live
slots, `speaks` holds the floor and gets two. In the same run aiortc as it is: three pairs in one
process, each one encoder and one decoder, without server and control link.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from console.rehearsal.casting import cast, write_roster  # noqa: E402
from console.rehearsal.director import Director, wait_until_connected  # noqa: E402
from console.rehearsal.stage import Stage, ask  # noqa: E402
from protocol import commands as c  # noqa: E402
from protocol.events import SiteEntry  # noqa: E402

SITES = ("speaks", "joins", "hears")
TIMEOUT_S = 30.0
SETTLE_S = 5.0


async def ours(folder: Path, seconds: float) -> dict[str, dict[str, float]]:
    """CPU of each agent in % of a core, idle and live."""
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
    figures: dict[str, dict[str, float]] = {}
    try:
        await stage.start(lambda text: None)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(director.run())
            await wait_until_connected(
                stage, director, {entry.id for entry in plan.sites}, lambda text: None
            )
            figures["idle"] = await _measure(stage, seconds)
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
            figures["live"] = await _measure(stage, seconds)
            running.cancel()
    finally:
        await stage.stop()
    return figures


async def _measure(stage: Stage, seconds: float) -> dict[str, float]:
    await asyncio.sleep(SETTLE_S)
    stage.reset_usage()
    await asyncio.sleep(seconds)
    stage.sample()
    return {name: 100 * one.cpu_s / one.seen_s for name, one in stage.usage.items()}


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(ours(Path(folder), seconds))
    print(f"{'process':<10}{'nobody speaks':>14}{'three speak':>13}{'the voice':>11}   % of a core")
    for name, live in figures["live"].items():
        idle = figures["idle"][name]
        print(f"{name:<10}{idle:>14.1f}{live:>13.1f}{live - idle:>11.1f}")
    print(f"aiortc as it is, three pairs in one process: {asyncio.run(stock(seconds)):.1f}")


if __name__ == "__main__":
    main()
