"""How the console feels: key to screen on a real terminal, CPU, typed characters, memory of a day.

    python tests/bench/feel.py [--sites 50] [--keys 200] [--size 80x24] [--json out.json]

The console runs in a process of its own on a pseudo-terminal, on a stage whose telemetry passes
through the protocol's encoder and decoder four times a second. A key's latency is from the byte
written until the cursor stands on the other row of the screen as the output draws it; the same is
measured with an idle stage in the same run. `cpu_percent` is of one core and `drawn_bytes_per_s`
what a slow link has to carry, both without keys. The day is eight meetings, one an hour, of all
sites, played without waiting.
"""

import argparse
import asyncio
import contextlib
import fcntl
import json
import os
import pty
import random
import re
import signal
import statistics
import struct
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

MEETINGS = 8
TYPED = 600


# -- the console's process -----------------------------------------------------------------------


def child(mode: str, sites: int, result: Path) -> None:
    """Run a console on a stage; `mode` is `idle`, `busy` or `day`."""
    from console.tui.app import Console
    from console.tui.stage import Stage
    from protocol import commands as c
    from protocol import events as e
    from protocol import messages as m
    from protocol.session import decode_from_server, encode
    from protocol.words import use_language

    use_language("en")
    hall = e.SiteEntry("hall", "Hall", "hall", title="Chair")
    entries = [
        e.SiteEntry(f"site-{n}", f"Site {n}", "kecamatan", title=f"Camat {n}", position=n)
        for n in range(1, sites + 1)
    ]
    stage = Stage(e.MeetingPlan(title="Bench", sites=(hall, *entries)), time.time_ns() // 1_000_000)
    for entry in stage.plan.sites:
        stage.join(entry.id)
    stage.do(c.OpenMeeting())
    stage.do(c.CallNext())
    stage.settle()

    class Bench(Console):
        CSS_PATH = ROOT / "console" / "tui" / "console.tcss"

        def on_mount(self) -> None:
            super().on_mount()
            if mode == "busy":
                self.set_interval(0.25, self.measure)
            elif mode == "day":
                self.run_worker(self.day())

        def measure(self) -> None:
            dice = random.Random(stage.now)
            stage.now = time.time_ns() // 1_000_000
            for site in stage.status:
                stage.measure(site, level=dice.randrange(20, 90), rtt_ms=dice.uniform(20, 90))
            told = m.Telemetry(stage.now, dict(stage.status), whole=True, relay_up=True, consoles=1)
            self.receive(decode_from_server(encode(told).decode()))

        async def day(self) -> None:
            used_mb = []
            for number in range(MEETINGS):
                if number:
                    stage.do(c.ConveneMeeting())
                    stage.do(c.OpenMeeting())
                for entry in entries:
                    stage.do(c.GrantFloor(entry.id))
                    for _second in range(6):
                        stage.wait(10)
                        for site in stage.status:
                            stage.measure(site, level=random.randrange(20, 90))
                        stage.publish()
                        await asyncio.sleep(0)
                    stage.do(c.LogReport(entry.id, f"Report of {entry.name}. " * 10))
                    await asyncio.sleep(0.01)
                stage.do(c.CloseMeeting(force=True))
                stage.journal.clear()  # the stage's own; a server keeps it on the disk
                await asyncio.sleep(0.2)
                used_mb.append(_rss_mb())
            result.write_text(json.dumps(used_mb))
            self.exit()

    console = Bench("stage", link=stage.link, clock=stage.clock)
    console.run()
    if mode != "day":
        result.write_text(json.dumps([one.text for one in stage.state.reports]))


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


# -- the terminal --------------------------------------------------------------------------------

_TOKEN = re.compile(r"\x1b\[(\d*);?(\d*)H|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[^\[]|[^\x1b]+", re.DOTALL)


class Terminal:
    """A pseudo-terminal with a console in it; `lines` is what the output has drawn."""

    def __init__(self, mode: str, sites: int, size: tuple[int, int]) -> None:
        self.result = Path(tempfile.mkdtemp()) / "result.json"
        columns, rows = size
        self.lines = [[" "] * columns for _ in range(rows)]
        self.received_bytes = 0
        self._at = (0, 0)
        self._changed = threading.Condition()
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", LC_ALL="C.UTF-8")
            os.execv(
                sys.executable,
                [sys.executable, __file__, "--child", mode, str(sites), str(self.result)],
            )
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        rest = b""
        while True:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                return
            self.received_bytes += len(data)
            data = rest + data
            # An escape sequence or a character may come in two pieces.
            cut = data.rfind(b"\x1b", max(0, len(data) - 32))
            whole = cut < 0 or re.match(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[^\[]", data[cut:])
            rest = b"" if whole else data[cut:]
            data = data if whole else data[:cut]
            while data and data[-1] >= 0x80:
                try:
                    data.decode()
                    break
                except UnicodeDecodeError:
                    data, rest = data[:-1], data[-1:] + rest
            with self._changed:
                self._draw(data.decode(errors="replace"))
                self._changed.notify_all()

    def _draw(self, text: str) -> None:
        y, x = self._at
        for token in _TOKEN.finditer(text):
            part = token[0]
            if part.startswith("\x1b"):
                if token[1] is not None:
                    y, x = int(token[1] or 1) - 1, int(token[2] or 1) - 1
                continue
            for char in part:
                if char == "\r":
                    x = 0
                elif char == "\n":
                    y += 1
                elif y < len(self.lines) and x < len(self.lines[0]):
                    self.lines[y][x] = char
                    x += 1
        self._at = (y, x)

    def wait(self, found, timeout_s: float = 30.0) -> float:
        """Wait until the screen satisfies `found`; the time it did."""
        deadline = time.perf_counter() + timeout_s
        with self._changed:
            while not found(self):
                left = deadline - time.perf_counter()
                if left <= 0 or not self._changed.wait(left):
                    raise TimeoutError("\n".join("".join(line) for line in self.lines))
            return time.perf_counter()

    def write(self, data: bytes) -> float:
        """Press keys; when."""
        at = time.perf_counter()
        os.write(self.fd, data)
        return at

    def cursor(self) -> int:
        """The line on which the roster's cursor is."""
        return next((y for y, line in enumerate(self.lines) if line[0] == "▌"), -1)

    def cpu_s(self) -> float:
        """CPU used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        """Wait for the console's end; kill it after 20 s."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                return
            time.sleep(0.05)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def latencies_ms(terminal: Terminal, keys: int) -> list[float]:
    """Key byte to the cursor's new row, down and up in turn at odd moments."""
    dice, made = random.Random(7), []
    terminal.write(b"\x1b[H")
    terminal.wait(lambda t: t.cursor() >= 0)
    time.sleep(1)
    for number in range(keys):
        before = terminal.cursor()
        step = 1 if number % 2 == 0 else -1
        at = terminal.write(b"\x1b[B" if step > 0 else b"\x1b[A")
        seen = terminal.wait(lambda t, y=before + step: t.cursor() == y)
        made.append((seen - at) * 1000)
        time.sleep(dice.uniform(0.03, 0.12))
    return made


def summary(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "n": len(ordered),
        "median": round(statistics.median(ordered), 1),
        "p95": round(ordered[int(len(ordered) * 0.95) - 1], 1),
        "max": round(ordered[-1], 1),
    }


def typed(terminal: Terminal) -> dict[str, object]:
    """Type a report as fast as nobody does; what the server got of it."""
    text = "".join(random.Random(3).choices("abcdefghijklmnopqrstuvwxyz", k=TYPED))
    terminal.write(b"r")
    time.sleep(1)
    for char in text:
        terminal.write(char.encode())
        time.sleep(0.005)
    time.sleep(1)
    terminal.write(b"\x13")
    time.sleep(1)
    terminal.write(b"\x11")
    terminal.end()
    (got,) = json.loads(terminal.result.read_text()) or [""]
    return {"typed": TYPED, "kept": len(got), "same": got == text}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=50)
    parser.add_argument("--keys", type=int, default=200)
    parser.add_argument("--size", default="80x24")
    parser.add_argument("--no-day", action="store_true")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    size = tuple(int(part) for part in chosen.size.split("x"))
    made: dict[str, object] = {"sites": chosen.sites, "size": chosen.size}
    for mode in ("idle", "busy"):
        terminal = Terminal(mode, chosen.sites, size)  # type: ignore[arg-type]
        terminal.wait(lambda t: t.cursor() >= 0)
        time.sleep(2)
        cpu, drawn, at = terminal.cpu_s(), terminal.received_bytes, time.monotonic()
        time.sleep(10)
        took_s = time.monotonic() - at
        made[mode] = {
            "cpu_percent": round(100 * (terminal.cpu_s() - cpu) / took_s, 1),
            "drawn_bytes_per_s": round((terminal.received_bytes - drawn) / took_s),
            "key_ms": summary(latencies_ms(terminal, chosen.keys)),
            "typing": typed(terminal),
        }
    if not chosen.no_day:
        terminal = Terminal("day", chosen.sites, size)  # type: ignore[arg-type]
        while not terminal.result.exists():
            time.sleep(0.5)
        terminal.end()
        made["day_rss_mb"] = json.loads(terminal.result.read_text())
    text = json.dumps(made, indent=1)
    print(text)
    if chosen.json:
        chosen.json.write_text(text + "\n")
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
    else:
        sys.exit(main())
