"""What forwarding costs: `python tests/bench/forward.py`, by hand, on a machine that does nothing
else (two cores at least: one for the relay, one for what is at its ends).

Sites with real connections (ICE, DTLS-SRTP) on loopback UDP. Two of them speak and show, as chair
and floor do in a meeting: Opus of 50 packets a second and 32 kbit/s, VP8-like pictures of 60
packets and 490 kbit/s. The others are receivers, of 220 packets a second each. CPU is user and
system time of the relay's process; the delay of a packet is from the source's `sendto` to its
arrival at the receiver's socket by the kernel's clock, over all receivers. Below, for comparison,
the same packets of one source forwarded with aiortc's own parts, and aiortc's MediaRelay, which has
an encoder for each viewer. `--profile` tells which part of our relay takes how much of it.
"""

import argparse
import asyncio
import functools
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from agent import lines  # noqa: E402
from tests.bench import forward_relays as relays  # noqa: E402
from tests.bench.child import Child  # noqa: E402
from tests.bench.forward_ends import Ends  # noqa: E402
from tests.bench.where import RELAY, parts  # noqa: E402

SOURCES = ("chair", "floor")
SLOTS = {"chair": ("chair", "second"), "floor": ("floor", "main")}
WARM_UP_S, ON_THEIR_WAY_S = 2.0, 0.2
AT_ONCE = 8
"""Sites that connect at the same time."""


async def ours(receivers: int, seconds: float, profile: bool = False) -> dict[str, Any]:
    """Figures of our relay."""
    sites = [f"site-{n}" for n in range(receivers)]
    async with Child(relays.OurRelay) as relay, Child(Ends) as sources, Child(Ends) as sinks:
        owners = dict.fromkeys(SOURCES, sources) | dict.fromkeys(sites, sinks)
        await _each(functools.partial(_join, relay), list(owners.items()))
        for ends in (sources, sinks):
            await ends.call("wait_connected")
        await sinks.call("begin_drain")
        slots = {slot: site for site, both in SLOTS.items() for slot in both}
        await relay.call("route", slots)
        speaking = asyncio.ensure_future(sources.call("speak", WARM_UP_S + seconds + 0.5))  # noqa: TID251
        await asyncio.sleep(WARM_UP_S)
        before = await relay.call("counts")
        await relay.call("begin", profile)
        await asyncio.sleep(seconds)
        usage = await relay.call("end")
        after = await relay.call("counts")
        sent = await speaking
        await asyncio.sleep(ON_THEIR_WAY_S)
        arrivals = await sinks.call("arrivals")
    delays, wanted = _delays(sent, arrivals, receivers)
    return {
        "relay": "giliran",
        "receivers": receivers,
        **_cost(usage, after["packets_out"] - before["packets_out"]),
        "where": usage["where"],
        "arrived_percent": round(100 * len(delays) / wanted, 2) if wanted else 0.0,
        "delay_p50_ms": round(float(np.percentile(delays, 50)) / 1e6, 2),
        "delay_p99_ms": round(float(np.percentile(delays, 99)) / 1e6, 2),
    }


async def _each(call: Any, items: list[Any]) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(item: Any) -> None:
        async with gate:
            await call(item)

    async with asyncio.TaskGroup() as group:
        for item in items:
            group.create_task(one(item))


async def _join(relay: Child, item: tuple[str, Child]) -> None:
    site, ends = item
    answer, offer = await relay.call("publish", site, await ends.call("offer", site))
    await ends.call("accept", site, answer)
    await relay.call("accept", site, await ends.call("answer", site, offer))


def _delays(
    sent: dict[str, list[int]], arrivals: dict[int, tuple[int, list[int]]], receivers: int
) -> tuple[np.ndarray, int]:
    """Nanoseconds of each packet that arrived after the warm-up, and how many should have."""
    found, wanted = [], 0
    for site, (audio, video) in SLOTS.items():
        for kind, slot in (("audio", audio), ("video", video)):
            times = np.array(sent[f"{site}/{kind}"])
            offset, flat = arrivals[lines.SLOT_SSRC[slot]]  # type: ignore[index]
            seqs, ats = np.array(flat).reshape(-1, 2).T
            indices = (seqs - offset) & 0xFFFF
            delays = ats - times[indices]
            is_late = times[indices] >= times[0] + WARM_UP_S * 1e9
            found.append(delays[is_late])
            wanted += receivers * int((times >= times[0] + WARM_UP_S * 1e9).sum())
    return np.concatenate(found), wanted


def _cost(usage: dict[str, float], packets: int) -> dict[str, Any]:
    cpu_s = usage["user_s"] + usage["system_s"]
    return {
        "us_per_packet": round(1e6 * cpu_s / packets, 2) if packets else 0.0,
        "packets_per_s": round(packets / usage["seconds"]),
        "core_percent": round(100 * cpu_s / usage["seconds"], 1),
        "system_percent": round(100 * usage["system_s"] / usage["seconds"], 1),
        "rss_mb": round(usage["rss_mb"]),
    }


async def stock(name: str, receivers: int, seconds: float) -> dict[str, Any]:
    """Figures of one of aiortc's ways, with one source."""
    is_media_relay = name == "MediaRelay"
    make = relays.stock_media_relay if is_media_relay else relays.stock_forwarder
    camera = relays.Camera if is_media_relay else Ends
    async with Child(make) as relay, Child(camera) as source, Child(Ends) as sinks:
        arguments = () if is_media_relay else ("floor",)
        answer = await relay.call("publish", await source.call("offer", *arguments))
        await source.call("accept", *arguments, answer)
        for n in range(receivers):
            number, offer = await relay.call("subscribe")
            await relay.call("accept", number, await sinks.call("answer", f"site-{n}", offer))
        speaking = None
        if not is_media_relay:
            await source.call("wait_connected")
            speaking = asyncio.ensure_future(source.call("speak", WARM_UP_S + seconds + 0.5))  # noqa: TID251
        await asyncio.sleep(WARM_UP_S)
        before = await sinks.call("counted")
        await relay.call("begin", False)
        await asyncio.sleep(seconds)
        usage = await relay.call("end")
        packets = await sinks.call("counted") - before
        if speaking is not None:
            await speaking
        await relay.call("close")
    return {"relay": f"aiortc {name}", "receivers": receivers, **_cost(usage, packets)}


COLUMNS = {
    "relay": "relay",
    "receivers": "receivers",
    "packets_per_s": "packets/s",
    "us_per_packet": "µs a packet",
    "core_percent": "% of a core",
    "system_percent": "of it system",
    "delay_p50_ms": "p50 ms",
    "delay_p99_ms": "p99 ms",
    "arrived_percent": "arrived %",
}


def table(rows: list[dict[str, Any]]) -> str:
    """As Markdown."""
    cells = [[str(row.get(key, "")) for key in COLUMNS] for row in rows]
    heads = list(COLUMNS.values())
    return "\n".join("| " + " | ".join(one) + " |" for one in [heads, ["---"] * len(heads), *cells])


def where_table(rows: list[dict[str, Any]]) -> str:
    """Of the CPU time of our relay, how much each part took (%), as Markdown."""
    rows = [row for row in rows if row.get("where")]
    heads = ["part", *(f"{row['receivers']} receivers" for row in rows)]
    lines_ = [heads, ["---"] * len(heads)]
    for part in parts(RELAY):
        lines_.append([part, *(f"{100 * row['where'][part]:.0f} %" for row in rows)])
    lines_.append(["a packet and receiver", *(f"{row['us_per_packet']:.1f} µs" for row in rows)])
    pauses = (f"{row['where']['longest_gc_ms']:.1f} ms" for row in rows)
    lines_.append(["garbage collector at the longest", *pauses])
    return "\n".join("| " + " | ".join(one) + " |" for one in lines_)


async def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each size and each comparison."""
    rows = []
    for receivers in options.receivers:
        rows.append(await ours(receivers, options.seconds, options.profile))
        print(json.dumps(rows[-1]), file=sys.stderr)
    for name, sizes in (("_send_rtp", options.stock), ("MediaRelay", options.media_relay)):
        for receivers in sizes:
            rows.append(await stock(name, receivers, options.seconds))
            print(json.dumps(rows[-1]), file=sys.stderr)
    return rows


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    sizes = functools.partial(parser.add_argument, type=int, nargs="*", metavar="N")
    sizes("--receivers", default=[15, 50, 200])
    sizes("--stock", default=[15, 50], help="of aiortc's _send_rtp")
    sizes("--media-relay", default=[2, 4], help="of aiortc's MediaRelay")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each is measured")
    parser.add_argument("--profile", action="store_true", help="tell where our relay's time goes")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    options = parser.parse_args(arguments)
    rows = asyncio.run(measure(options))
    print(table(rows))
    if options.profile:
        print("\n" + where_table(rows))
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")
    return rows


if __name__ == "__main__":
    main()
