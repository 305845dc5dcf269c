"""The server's readings in the text format of Prometheus (`giliran serve --metrics`).

Names end in their unit, in base units (seconds, bytes, bits a second, ratios of 0 to 1); counters
end in `_total` and begin anew when a site connects anew. `METRICS` is the list, which the
documentation is made from.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from console.meeting.state import Meeting
from protocol import messages as m

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Readings(msgspec.Struct):
    """All that is told."""

    state: Meeting
    slots: Mapping[m.SlotName, str]
    status: Mapping[str, m.SiteStatus]
    server: m.ProcessReading
    relay: m.RelayReading | None
    consoles: int


Sample = tuple[tuple[str, ...], float]


class One(NamedTuple):
    """A metric: its name, what it tells, its labels, and where its samples come from."""

    name: str
    text: str
    labels: tuple[str, ...]
    samples: Callable[[Readings], Iterable[Sample]]
    kind: Literal["gauge", "counter"] = "gauge"


def _links(value: Callable[[m.LinkReading], float]) -> Callable[[Readings], Iterable[Sample]]:
    return lambda all_: [((s,), value(o.link)) for s, o in all_.status.items() if o.link]


def _both(
    up: Callable[[m.LinkReading], float], down: Callable[[m.LinkReading], float]
) -> Callable[[Readings], Iterable[Sample]]:
    def samples(readings: Readings) -> Iterator[Sample]:
        for site, one in readings.status.items():
            if one.link is not None:
                yield (site, "up"), up(one.link)
                yield (site, "down"), down(one.link)

    return samples


def _sites(value: Callable[[m.SiteReading], float]) -> Callable[[Readings], Iterable[Sample]]:
    return lambda all_: [((s,), value(o.reading)) for s, o in all_.status.items() if o.reading]


def _relay(value: Callable[[m.RelayReading], float]) -> Callable[[Readings], Iterable[Sample]]:
    return lambda readings: [((), value(readings.relay))] if readings.relay is not None else []


def _processes(value: Callable[[m.ProcessReading], float]) -> Callable[[Readings], list[Sample]]:
    def samples(readings: Readings) -> list[Sample]:
        said = {s: o.reading.process for s, o in readings.status.items() if o.reading}
        if readings.relay is not None:
            said["relay"] = readings.relay.process
        return [((name,), value(one)) for name, one in {"server": readings.server, **said}.items()]

    return samples


def _cpu(readings: Readings) -> Iterator[Sample]:
    for site, one in readings.status.items():
        if one.reading is not None:
            yield (site,), one.reading.cpu_percent / 100
    if readings.relay is not None:
        yield ("relay",), readings.relay.cpu_percent / 100


def _delays(readings: Readings) -> Iterator[Sample]:
    if readings.relay is not None:
        yield ("0.5",), readings.relay.forward_delay_median_ms / 1000
        yield ("0.99",), readings.relay.forward_delay_p99_ms / 1000


def _slot_packets(readings: Readings) -> Iterable[Sample]:
    counts = {} if readings.relay is None else readings.relay.slot_packets
    return [((slot,), count) for slot, count in counts.items()]


def _is_up(one: m.SiteStatus) -> bool:
    ends = [end for end in (one.link, one.actual) if end is not None]
    return len(ends) == 2 and all(end.uplink == end.downlink == "up" for end in ends)


SITE = ("site",)
METRICS: tuple[One, ...] = (
    One(
        "giliran_meeting_open",
        "1 while a meeting is open.",
        (),
        lambda all_: [((), float(all_.state.phase == "open"))],
    ),
    One("giliran_consoles", "Consoles attached.", (), lambda all_: [((), all_.consoles)]),
    One(
        "giliran_relay_up",
        "1 while a relay is connected.",
        (),
        lambda all_: [((), float(all_.relay is not None))],
    ),
    One(
        "giliran_slot_fed",
        "1 for the site that feeds the slot.",
        ("slot", "site"),
        lambda all_: [(pair, 1.0) for pair in all_.slots.items()],
    ),
    One(
        "giliran_slot_packets",
        "Packets that went into the slot, once for all receivers.",
        ("slot",),
        _slot_packets,
        "counter",
    ),
    One(
        "giliran_site_connected",
        "1 while media passes both ways, by the word of both ends.",
        SITE,
        lambda all_: [((s,), float(_is_up(one))) for s, one in all_.status.items()],
    ),
    One(
        "giliran_link_bits_per_second",
        "What the link carries now.",
        ("site", "direction"),
        _both(lambda o: o.up_kbps * 1000, lambda o: o.down_kbps * 1000),
    ),
    One(
        "giliran_link_packets",
        "Packets over the link.",
        ("site", "direction"),
        _both(lambda o: o.up_packets, lambda o: o.down_packets),
        "counter",
    ),
    One(
        "giliran_link_loss_ratio",
        "Packets lost before recovery.",
        ("site", "direction"),
        _both(lambda o: o.up_loss_percent / 100, lambda o: o.down_loss_percent / 100),
    ),
    One(
        "giliran_slot_loss_ratio",
        "Packets of the slot that the site missed before recovery, while something flows in it.",
        ("slot", "site"),
        lambda all_: [
            ((slot, site), percent / 100)
            for site, one in all_.status.items()
            if one.reading is not None
            for slot, percent in one.reading.slot_loss.items()
        ],
    ),
    One("giliran_link_rtt_seconds", "Round trip.", SITE, _links(lambda o: o.rtt_ms / 1000)),
    One(
        "giliran_link_queue_seconds",
        "Time that packets wait on the way, by rising delay.",
        ("site", "direction"),
        lambda all_: [
            *(((s, "up"), n) for (s,), n in _links(lambda o: o.up_queue_ms / 1000)(all_)),
            *(((s, "down"), n) for (s,), n in _sites(lambda o: o.queue_ms / 1000)(all_)),
        ],
    ),
    One(
        "giliran_link_available_bits_per_second",
        "What the downlink carries, as the site estimates it; 0: unknown.",
        SITE,
        _links(lambda o: o.available_kbps * 1000),
    ),
    One(
        "giliran_link_redundancy",
        "Copies of earlier frames in each packet of voice.",
        ("site", "direction"),
        lambda all_: [
            *(((s, "up"), n) for (s,), n in _sites(lambda o: o.redundancy)(all_)),
            *(((s, "down"), n) for (s,), n in _links(lambda o: o.redundancy)(all_)),
        ],
    ),
    One(
        "giliran_link_retransmissions",
        "Packets the relay sent again.",
        SITE,
        _links(lambda o: o.resent),
        "counter",
    ),
    One(
        "giliran_link_drops",
        "Packets the relay could not send.",
        SITE,
        _links(lambda o: o.down_dropped),
        "counter",
    ),
    One(
        "giliran_link_damaged",
        "Packets that came to the relay and could not be decrypted.",
        SITE,
        _links(lambda o: o.damaged),
        "counter",
    ),
    One(
        "giliran_site_mos",
        "How clear the site hears (1 to 4.5; 0: nobody is heard).",
        SITE,
        _sites(lambda o: o.mos),
    ),
    One(
        "giliran_site_delay_seconds",
        "How long sound waits for what is late.",
        SITE,
        _sites(lambda o: o.delay_ms / 1000),
    ),
    One(
        "giliran_site_gap_ratio",
        "Sound that was missing after recovery.",
        SITE,
        _sites(lambda o: o.gap_percent / 100),
    ),
    One("giliran_site_frames_per_second", "Pictures shown.", SITE, _sites(lambda o: o.fps)),
    One(
        "giliran_relay_packets",
        "Packets through the relay.",
        ("direction",),
        lambda all_: [
            *((("in",), n) for _none, n in _relay(lambda o: o.packets_in)(all_)),
            *((("out",), n) for _none, n in _relay(lambda o: o.packets_out)(all_)),
        ],
        "counter",
    ),
    One(
        "giliran_relay_forward_delay_seconds",
        "From a packet's arrival until it was sent to all.",
        ("quantile",),
        _delays,
    ),
    One(
        "giliran_recording_bytes",
        "Size of the segment being recorded.",
        (),
        _relay(lambda o: o.recording.size_bytes),
    ),
    One(
        "giliran_recording_free_bytes",
        "Room left on the disk that is recorded to.",
        (),
        _relay(lambda o: o.recording.free_mb * 1e6),
    ),
    One("giliran_process_cpu_ratio", "Share of one core.", ("process",), _cpu),
    One(
        "giliran_process_resident_memory_bytes",
        "Memory.",
        ("process",),
        _processes(lambda o: o.rss_mb * 1e6),
    ),
    One("giliran_process_threads", "Threads.", ("process",), _processes(lambda o: o.threads)),
    One("giliran_process_tasks", "Tasks.", ("process",), _processes(lambda o: o.tasks)),
)


class _Collector:
    """What the library asks for its metrics."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        for one in METRICS:
            family = CounterMetricFamily if one.kind == "counter" else GaugeMetricFamily
            metric = family(one.name, one.text, labels=one.labels)
            for labels, value in one.samples(self._readings):
                metric.add_metric(labels, float(value))
            yield metric


def exposition(readings: Readings) -> bytes:
    """All metrics as text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(readings))
    return generate_latest(registry)


def table() -> str:
    """The list of metrics, for the documentation."""
    lines = ["| Metric | Labels | What it tells |", "|---|---|---|"]
    for one in METRICS:
        name = one.name + ("_total" if one.kind == "counter" else "")
        labels = ", ".join(f"`{label}`" for label in one.labels)
        lines.append(f"| `{name}` | {labels} | {one.text} |")
    return "\n".join(lines) + "\n"
