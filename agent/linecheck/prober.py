"""The site's end of the probes: sends them over the uplink, counts what comes down.

Rules:
- Small packets go at a voice's pace and take a third of a thin line, whatever else goes on.
- Bursts come one site after the other, each takes less than half a second a way; the small packets
  are over by then.
- Everything ends at once when the check is not wanted any more.
"""

import random
import statistics
import time
from asyncio import sleep
from collections.abc import Callable

from agent.clock import FRAME_S, FrameClock
from agent.linecheck import probe
from protocol.messages import LineFigures

SMALL_PROBES, GENTLE_PROBES = 300, 80
GENTLE_EVERY = 2
ASK_EVERY_S, ASK_FOR_S = 0.1, 3.0
TAIL_S = 0.3
QUIET_S, BURST_FOR_S = 0.6, 4.0
LOOK_S = 0.02

Wanted = Callable[[], bool]


class Prober:
    """`send` brings a packet up the uplink; `take` gets what comes down. One run at a time."""

    def __init__(self, send: Callable[[bytes], object]) -> None:
        self._send = send
        self._begin()

    def _begin(self) -> None:
        self._run = random.getrandbits(32)
        self._ssrc = random.getrandbits(32)
        self._sent = 0
        self._asks = 0
        self._told: probe.Told | None = None
        self._echoes: set[int] = set()
        self._round_trips: list[float] = []
        # (round trip, how far our clock is ahead)
        self._clocks: list[tuple[float, float]] = []
        self._jitter = probe.Jitter()
        self._burst = probe.Burst()

    # -- what comes ------------------------------------------------------------------------------

    def take(self, packet: bytes, arrival: float) -> bool:
        """True when it was one of ours."""
        one = probe.parse(packet)
        match one:
            case None:
                return False
            case probe.Echo(run=run) if run == self._run:
                self._take_echo(one, arrival)
            case probe.Told(run=run) if run == self._run:
                if self._told is None or one.number >= self._told.number:
                    self._told = one
            case probe.Numbered(run=run, is_burst=True) if run == self._run:
                self._burst.push(arrival)
            case _:
                pass
        return True

    def _take_echo(self, echo: probe.Echo, arrival: float) -> None:
        if echo.number in self._echoes:
            return
        self._echoes.add(echo.number)
        round_trip = arrival - echo.sent
        self._round_trips.append(round_trip)
        ours = time.time() - (time.monotonic() - arrival) - round_trip / 2
        self._clocks.append((round_trip, ours - echo.clock))
        self._jitter.push(echo.sent_back, arrival)

    # -- what goes -------------------------------------------------------------------------------

    def _push(self, packet: probe.Packet) -> None:
        self._send(probe.build(self._ssrc, packet))

    async def measure(self, wanted: Wanted, *, gentle: bool) -> LineFigures:
        """Loss, jitter, round trip and the clock, by small packets."""
        self._begin()
        count, every = (GENTLE_PROBES, GENTLE_EVERY) if gentle else (SMALL_PROBES, 1)
        frames = 0
        async for _now in FrameClock().frames():
            if self._sent >= count or not wanted():
                break
            if frames % every == 0:
                self._push(probe.Numbered(self._run, self._sent, time.monotonic()))
                self._sent += 1
            frames += 1
        await sleep(TAIL_S)
        told = await self._ask(wanted)
        return self._line(told)

    def _line(self, told: probe.Told | None) -> LineFigures:
        if told is None or not self._sent:
            return LineFigures()
        echoes = len(self._echoes)
        nearest = min(self._clocks, default=None)
        return LineFigures(
            probes=self._sent,
            loss_up_percent=_lost(told.probes, self._sent),
            loss_down_percent=_lost(echoes, told.echoes),
            jitter_up_ms=round(told.jitter_ms, 1),
            jitter_down_ms=round(self._jitter.ms, 1) if echoes else None,
            rtt_ms=round(1000 * statistics.median(self._round_trips), 1) if echoes else None,
            clock_error_ms=None if nearest is None else round(1000 * nearest[1]),
        )

    async def measure_rates(self, wanted: Wanted) -> tuple[float | None, float | None]:
        """Kbit/s up and down; None where nobody answers."""
        await self._send_burst(wanted)
        told = await self._ask(wanted)
        if told is None:
            return None, None
        up = round(probe.rate_kbps(told.burst_packets, told.burst_s), 0)
        # What it says is the same as before; the burst comes with it.
        await self._ask(wanted, burst=True)
        began = time.monotonic()
        while wanted() and self._burst.packets < probe.BURST_PACKETS:
            now = time.monotonic()
            if now - max(began, self._burst.last_at) > QUIET_S or now - began > BURST_FOR_S:
                break
            await sleep(LOOK_S)
        down = round(probe.rate_kbps(self._burst.packets, self._burst.seconds), 0)
        return (up, down) if wanted() else (None, None)

    async def _send_burst(self, wanted: Wanted) -> None:
        frames = round(probe.BURST_S / FRAME_S)
        sent = 0
        async for _now in FrameClock().frames():
            due = min(probe.BURST_PACKETS, sent + -(-probe.BURST_PACKETS // frames))
            while sent < due:
                self._push(probe.Numbered(self._run, sent, time.monotonic(), is_burst=True))
                sent += 1
            if sent >= probe.BURST_PACKETS or not wanted():
                return

    async def _ask(self, wanted: Wanted, *, burst: bool = False) -> probe.Told | None:
        """What arrived at the relay; None when it does not say."""
        first = self._asks + 1
        until = time.monotonic() + ASK_FOR_S
        while wanted() and time.monotonic() < until:
            self._asks += 1
            self._push(probe.Asked(self._run, burst, self._asks))
            for _look in range(round(ASK_EVERY_S / LOOK_S)):
                await sleep(LOOK_S)
                if self._told is not None and self._told.number >= first:
                    return self._told
        return None


def _lost(arrived: int, sent: int) -> float | None:
    """Per cent; None of nothing."""
    return round(100 * max(0, sent - arrived) / sent, 1) if sent else None
