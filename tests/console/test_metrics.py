"""What Prometheus reads: its own parser finds every metric, with its unit, and the right values."""

import http.client
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from console.meeting.state import Meeting
from console.metrics import METRICS, Readings, exposition, table
from protocol import messages as m

UP = m.Actual(1, "live", "live", "up", "up")
READINGS = Readings(
    state=Meeting(),
    slots={"floor": "siak"},
    status={
        "siak": m.SiteStatus(
            connected=True,
            actual=UP,
            reading=m.SiteReading(
                mos=4.1,
                queue_ms=20,
                cpu_percent=50,
                process=m.ProcessReading(100.0, 9, 19),
                slot_loss={"floor": 12.5, "main": 0},
            ),
            link=m.LinkReading(
                "up", "up", up_kbps=64, down_kbps=128, up_loss_percent=10, rtt_ms=80, resent=7
            ),
        ),
        "minas": m.SiteStatus(),
    },
    server=m.ProcessReading(50.0, 5, 26),
    relay=m.RelayReading(
        packets_in=10,
        packets_out=140,
        forward_delay_p99_ms=2,
        recording=m.RecordingReading(size_bytes=4711, free_mb=2),
        slot_packets={"floor": 99},
    ),
    consoles=2,
)


def samples(readings: Readings) -> dict[tuple[str, frozenset], float]:
    found = {}
    for family in text_string_to_metric_families(exposition(readings).decode()):
        for one in family.samples:
            found[one.name, frozenset(one.labels.items())] = one.value
    return found


def sample(name: str, **labels: str) -> float:
    return samples(READINGS)[name, frozenset(labels.items())]


def test_values_are_in_base_units() -> None:
    assert sample("giliran_slot_loss_ratio", slot="floor", site="siak") == 0.125
    assert sample("giliran_slot_loss_ratio", slot="main", site="siak") == 0
    assert sample("giliran_link_bits_per_second", site="siak", direction="up") == 64_000
    assert sample("giliran_link_loss_ratio", site="siak", direction="up") == pytest.approx(0.1)
    assert sample("giliran_link_rtt_seconds", site="siak") == pytest.approx(0.08)
    assert sample("giliran_link_queue_seconds", site="siak", direction="down") == 0.02
    assert sample("giliran_link_retransmissions_total", site="siak") == 7
    assert sample("giliran_site_mos", site="siak") == 4.1
    assert sample("giliran_relay_forward_delay_seconds", quantile="0.99") == 0.002
    assert sample("giliran_recording_bytes") == 4711
    assert sample("giliran_process_resident_memory_bytes", process="siak") == 100e6
    assert sample("giliran_process_tasks", process="server") == 26
    assert sample("giliran_process_cpu_ratio", process="siak") == 0.5
    assert sample("giliran_slot_fed", slot="floor", site="siak") == 1
    assert sample("giliran_slot_packets_total", slot="floor") == 99


def test_connected_is_what_both_ends_say() -> None:
    assert sample("giliran_site_connected", site="siak") == 1
    assert sample("giliran_site_connected", site="minas") == 0


def test_every_metric_is_told_and_named_by_the_rules() -> None:
    told = {name.removesuffix("_total") for name, _labels in samples(READINGS)}
    assert told == {one.name for one in METRICS}
    for one in METRICS:
        assert re.fullmatch(r"giliran(_[a-z]+)+", one.name)
        assert one.text.endswith(".") and f"`{one.name}" in table()
        assert all(len(labels) == len(one.labels) for labels, _value in one.samples(READINGS))


def test_without_relay_and_sites_it_is_told_too() -> None:
    bare = Readings(Meeting(), {}, {}, m.ProcessReading(), None, 0)
    found = samples(bare)
    assert found["giliran_relay_up", frozenset()] == 0
    assert not any(name.startswith("giliran_link") for name, _labels in found)


def test_the_documentation_has_this_list() -> None:
    page = Path(__file__).parent.parent.parent / "docs" / "metrics.md"
    assert table() in page.read_text(encoding="utf-8"), "make docs"


def serve(folder: Path, address: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "console.cli", "serve", "--db", str(folder / "journal.db")]
    command += ["--port", "0", "--no-relay", "--metrics", address]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_it_is_served_over_tcp_and_over_the_socket(tmp_path: Path) -> None:
    server = serve(tmp_path, "127.0.0.1:0")
    try:
        assert server.stdout is not None
        said = [server.stdout.readline() for _ in range(3)]
        port = int(said[2].rsplit(":", 1)[1].split("/")[0])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        local = http.client.HTTPConnection("localhost", timeout=20)
        local.sock = socket.socket(socket.AF_UNIX)
        local.sock.connect(str(tmp_path / "journal.sock"))
        for one in (connection, local):
            one.request("GET", "/metrics")
            answer = one.getresponse()
            assert answer.status == 200
            assert answer.headers.get_all("Content-Type") == [
                "text/plain; version=0.0.4; charset=utf-8"
            ]
            assert "\ngiliran_relay_up 0.0\n" in answer.read().decode()
            one.close()
        other = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        other.request("GET", "/")
        assert other.getresponse().status == 404
        other.close()
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0


@pytest.mark.parametrize("address", ["0.0.0.0:9470", "9470", "127.0.0.1:x", "127.0.0.1:99999"])
def test_an_address_that_is_none_is_refused(address: str, tmp_path: Path) -> None:
    server = serve(tmp_path, address)
    _out, err = server.communicate(timeout=30)
    assert server.returncode == 1 and f"--metrics {address}" in err
