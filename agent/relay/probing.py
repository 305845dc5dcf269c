"""The relay's end of the probes of a line check (`agent.linecheck.probe`).

Rules:
- A probe of a site is answered to that site alone, with a packet no larger than its own; a burst
  down is sent once a run, of a fixed size, so nobody can make the relay send much.
- Of each site only the latest run is known.

Times are monotonic seconds given by the caller.
"""

import time

from agent.linecheck import probe
from agent.relay.links import SiteLinks

SSRC = 1
SEND_S = 0.01
MAX_PROBES = 2000
BURST_APART_S = 0.5
"""A site gets no burst sooner after another one."""


class _Run:
    """What came of one run of a site, and what is still to be sent to it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.probes: set[int] = set()
        self.echoes = 0
        self.jitter = probe.Jitter()
        self.burst = probe.Burst()
        self.burst_at: float | None = None
        """When the burst down began."""
        self.burst_sent = 0


class Probing:
    """Of all sites."""

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}
        self._burst_at: dict[str, float] = {}
        self._sending: dict[str, SiteLinks] = {}

    def take(self, links: SiteLinks, packet: bytes, arrival: float) -> bool:
        """A packet of control that came up; True when it was a probe."""
        one = probe.parse(packet)
        if one is None:
            return False
        match one:
            case probe.Numbered(is_burst=True):
                self._run(links, one.run).burst.push(arrival)
            case probe.Numbered():
                self._take_probe(links, one, arrival)
            case probe.Asked():
                self._tell(links, one, arrival)
            case _:
                pass
        return True

    def _run(self, links: SiteLinks, number: int) -> _Run:
        run = self._runs.get(links.site)
        if run is None or run.number != number:
            run = self._runs[links.site] = _Run(number)
        return run

    def _take_probe(self, links: SiteLinks, one: probe.Numbered, arrival: float) -> None:
        run = self._run(links, one.run)
        if one.number in run.probes or len(run.probes) >= MAX_PROBES:
            return
        run.probes.add(one.number)
        run.jitter.push(one.sent, arrival)
        echo = probe.Echo(one.run, run.echoes, one.sent, time.monotonic(), time.time())
        run.echoes += links.send_rtcp(probe.build(SSRC, echo))

    def _tell(self, links: SiteLinks, asked: probe.Asked, now: float) -> None:
        run = self._run(links, asked.run)
        told = probe.Told(
            run.number,
            len(run.probes),
            run.echoes,
            run.jitter.ms,
            run.burst.packets,
            asked.number,
            run.burst.seconds,
        )
        links.send_rtcp(probe.build(SSRC, told))
        before = self._burst_at.get(links.site)
        may = before is None or now - before >= BURST_APART_S
        if asked.burst and run.burst_at is None and may:
            run.burst_at = self._burst_at[links.site] = now
            self._sending[links.site] = links

    def tick(self, now: float) -> bool:
        """Send what is due of the bursts; to be called every 10 ms while there are any: whether
        there are."""
        for site, links in tuple(self._sending.items()):
            run = self._runs[site]
            if run.burst_at is None or run.burst_sent >= probe.BURST_PACKETS or not links.down:
                del self._sending[site]
                continue
            share = min(1.0, (now - run.burst_at + SEND_S) / probe.BURST_S)
            while run.burst_sent < round(share * probe.BURST_PACKETS):
                one = probe.Numbered(run.number, run.burst_sent, now, is_burst=True)
                links.send_rtcp(probe.build(SSRC, one))
                run.burst_sent += 1
        return bool(self._sending)
