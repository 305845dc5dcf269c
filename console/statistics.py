"""What relay and agents measured, minute by minute: one short line of it for the journal.

A site counts in a minute in which the relay had a link with it. Pure; the caller says when the
minute is over.
"""

from statistics import fmean

import msgspec

from protocol import messages as m
from protocol.events import LinksMeasured, LinkStatistics


class _Link(msgspec.Struct):
    """The readings of one link in this minute, and the counts it had before."""

    first: m.LinkReading
    last: m.LinkReading
    ups: list[float] = msgspec.field(default_factory=list)
    downs: list[float] = msgspec.field(default_factory=list)
    up_losses: list[float] = msgspec.field(default_factory=list)
    down_losses: list[float] = msgspec.field(default_factory=list)
    rtt_ms: float = 0.0
    mos: float = 0.0
    slot_losses: dict[m.SlotName, list[float]] = msgspec.field(default_factory=dict)


class Minute:
    """Fed with telemetry; `take` gives the line and begins the next minute."""

    def __init__(self) -> None:
        self._links: dict[str, _Link] = {}
        self._before: dict[str, m.LinkReading] = {}
        self._engine = m.RelayReading()

    def relay(self, engine: m.RelayReading, links: dict[str, m.LinkReading]) -> None:
        """What the relay measured."""
        self._engine = engine
        for site, reading in links.items():
            if site not in self._links:
                self._links[site] = _Link(self._before.get(site, m.LinkReading()), reading)
            one = self._links[site]
            if reading.up_packets < one.last.up_packets:
                one.first = m.LinkReading()  # connected anew: its counts begin again
            one.last = reading
            one.ups.append(reading.up_kbps)
            one.downs.append(reading.down_kbps)
            one.up_losses.append(reading.up_loss_percent)
            one.down_losses.append(reading.down_loss_percent)
            one.rtt_ms = max(one.rtt_ms, reading.rtt_ms)

    def site(self, site: str, reading: m.SiteReading) -> None:
        """What an agent measured."""
        if site not in self._links:
            return
        one = self._links[site]
        if reading.mos:
            one.mos = min(one.mos or reading.mos, reading.mos)
        for slot, percent in reading.slot_loss.items():
            one.slot_losses.setdefault(slot, []).append(percent)

    def take(self) -> LinksMeasured | None:
        """The minute that is over; None when there was nothing."""
        links, self._links = self._links, {}
        self._before = {site: one.last for site, one in links.items()}
        if not links:
            return None
        return LinksMeasured(
            tuple(_statistics(site, one) for site, one in links.items()),
            round(self._engine.cpu_percent, 1),
            round(self._engine.process.rss_mb),
        )


def _statistics(site: str, one: _Link) -> LinkStatistics:
    first = one.first if one.first.up_packets <= one.last.up_packets else m.LinkReading()
    return LinkStatistics(
        site,
        round(fmean(one.ups), 1),
        round(fmean(one.downs), 1),
        round(fmean(one.up_losses), 1),
        round(fmean(one.down_losses), 1),
        round(one.rtt_ms, 1),
        round(one.mos, 1),
        max(0, one.last.up_packets - first.up_packets),
        max(0, one.last.down_packets - first.down_packets),
        max(0, one.last.resent - first.resent),
        max(0, one.last.down_dropped - first.down_dropped),
        {slot: round(fmean(losses), 1) for slot, losses in one.slot_losses.items()},
    )
