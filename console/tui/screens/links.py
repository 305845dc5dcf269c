"""How every link is, and what the processes use: figures for whoever is called when it crackles.

One row a site, as relay and agent measured it last; below, the relay and the server. Under the
list, what the selected site loses of each slot: a picture may be torn where the voice is whole.
"""

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from console.tui.listing import Cell, Column, Listing, Row
from console.tui.page import Page
from console.tui.phrases import SLOT, count, figure
from protocol import messages as m
from protocol.words import N_, _, word

LOSS_WARN, LOSS_BAD = 3, 10
SLOTS: tuple[m.SlotName, ...] = ("floor", "chair", "panel-1", "panel-2", "main", "second")
SLOTS_FROM = 170
RTT_WARN_MS, QUEUE_WARN_MS = 400, 100


class LinksPage(Page):
    """Follows the telemetry, four times a second."""

    shows_sites = False

    def body(self) -> ComposeResult:
        """The list."""
        yield Listing(self.columns())
        yield Static(id="slot-loss")

    def on_mount(self) -> None:
        """Arrows move in the list."""
        self.query_one(Listing).focus()

    @on(Listing.Moved)
    def _moved(self, event: Listing.Moved) -> None:
        event.stop()
        self._show_slots()

    def heading(self) -> str:
        """How many are connected, how much the relay forwards."""
        replica = self.host.replica
        up = sum(replica.link_of(site) == "connected" for site in replica.sites)
        parts = [
            _("LINKS"),
            _("{count} of {all} sites connected").format(count=up, all=len(replica.sites)),
        ]
        if replica.relay is not None:
            packets = count(replica.relay.packets_out)
            parts.append(_("{packets} packets forwarded").format(packets=packets))
        return " · ".join(parts)

    def hint(self) -> str:
        """What the columns mean."""
        return _("↑ to the relay, ↓ to the site; loss before recovery; times in ms")

    def columns(self) -> Sequence[Column]:
        """The most important ones fit 80 cells."""
        return (
            Column(word(N_("column|Site"))),
            Column("kbit↑", 5, right=True),
            Column("kbit↓", 5, right=True),
            Column(word(N_("links|Loss↑")), 5, right=True),
            Column(word(N_("links|Loss↓")), 5, right=True),
            Column("RTT", 4, right=True),
            Column(word(N_("links|Wait")), 5, right=True),
            Column(word(N_("links|Copies")), 6, right=True, from_width=100),
            Column(word(N_("links|Again")), 5, right=True),
            Column(word(N_("links|Dropped")), 7, right=True, from_width=100),
            Column(word(N_("column|Clar")), 4, right=True),
            Column(word(N_("links|Delay")), 5, right=True, from_width=100),
            Column(word(N_("links|CPU %")), 5, right=True),
            Column("MB", 5, right=True),
            Column(word(N_("links|Threads")), 7, right=True, from_width=100),
            Column(word(N_("links|Tasks")), 6, right=True, from_width=100),
            *(
                Column(word(SLOT[slot]) + "↓", 10, right=True, from_width=SLOTS_FROM)
                for slot in SLOTS
            ),
        )

    def update_body(self, now: int) -> None:
        """Something was measured."""
        rows = [self._site(site) for site in self.host.replica.sites]
        relay = self.host.replica.relay
        if relay is not None:
            rows.append(_process("\0relay", _("Relay"), relay.process, relay.cpu_percent))
        rows.append(_process("\0server", _("Server"), self.host.replica.server))
        listing = self.query_one(Listing)
        if tuple(rows) != listing.rows:
            listing.show(rows)
        self._show_slots()

    def _show_slots(self) -> None:
        """What the site under the cursor loses of each slot."""
        site = self.query_one(Listing).selected
        status = self.host.replica.status.get(site)
        losses = status.reading.slot_loss if status and status.reading else {}
        said = [_slot(slot, losses[slot]) for slot in SLOTS if slot in losses]
        line = Content("")
        if site in self.host.replica.sites:
            name = Content.styled(self.host.replica.name(site), "bold")
            whose = Content(" ") + name + Content.styled("  " + _("loses") + "  ", "$dim")
            line = whose + (Content("  ").join(said) if said else Content.styled("–", "$dim"))
            if line.cell_length > self.size.width:
                line = Content(" ") + Content(" ").join(said)
        self.query_one("#slot-loss", Static).update(line)

    def _site(self, site: str) -> Row:
        status = self.host.replica.status.get(site, m.SiteStatus())
        link, own = status.link or m.LinkReading(), status.reading or m.SiteReading()
        name = self.host.replica.name(site)
        if status.link is None and status.reading is None:
            return Row(site, ((name, "dim"), *[("–", "dim")] * (15 + len(SLOTS))))
        return Row(
            site,
            (
                (name, "strong"),
                (f"{link.up_kbps:.0f}", ""),
                (f"{link.down_kbps:.0f}", ""),
                _loss(link.up_loss_percent),
                _loss(link.down_loss_percent),
                _over(link.rtt_ms, RTT_WARN_MS),
                _over(max(link.up_queue_ms, own.queue_ms), QUEUE_WARN_MS),
                (f"{own.redundancy}/{link.redundancy}", ""),
                (str(link.resent), ""),
                (str(link.down_dropped), "warn" if link.down_dropped else ""),
                (figure(own.mos) if own.mos else "", ""),
                (f"{own.delay_ms:.0f}", ""),
                *_used(own.process, own.cpu_percent),
                *(_loss(own.slot_loss[s]) if s in own.slot_loss else ("", "") for s in SLOTS),
            ),
        )


def _loss(percent: float) -> Cell:
    style = "bad" if percent >= LOSS_BAD else "warn" if percent >= LOSS_WARN else ""
    return f"{percent:.0f} %", style


def _slot(slot: m.SlotName, percent: float) -> Content:
    text, style = _loss(percent)
    color = {"bad": "bold $error", "warn": "$warning"}.get(style, "")
    return Content.assemble((word(SLOT[slot]) + " ", "$dim"), (text, color))


def _over(ms: float, limit_ms: float) -> Cell:
    return f"{ms:.0f}", "warn" if ms > limit_ms else ""


def _used(process: m.ProcessReading, cpu_percent: float | None) -> tuple[Cell, ...]:
    cpu = "" if cpu_percent is None else f"{cpu_percent:.0f}"
    counts = (cpu, f"{process.rss_mb:.0f}", str(process.threads), str(process.tasks))
    return tuple((text, "") for text in counts)


def _process(
    key: str, name: str, process: m.ProcessReading, cpu_percent: float | None = None
) -> Row:
    used = _used(process, cpu_percent)
    return Row(key, ((name, "accent"), *[("", "")] * 11, *used, *[("", "")] * len(SLOTS)))
