"""The sub-commands as a user meets them: real processes, their words and exit codes."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.commands.console import StartError, attach_or_start, start_again_when_killed
from console.commands.export import export_minutes
from console.journal import JournalError
from console.places import relay_lock, server_lock
from protocol.words import use_language


@pytest.fixture(autouse=True)
def english(monkeypatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    use_language("en")


def giliran(*arguments: object, **more: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "console.cli", *map(str, arguments)]
    return subprocess.run(  # type: ignore[call-overload]
        command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, **more
    )


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def server(db: Path) -> Iterator[subprocess.Popen[str]]:
    """A server without its relay, accepting connections."""
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "console.cli",
            "serve",
            "--no-relay",
            "--port",
            "0",
            "--db",
            str(db),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.first_lines = [process.stdout.readline() for _ in range(2)]  # type: ignore
        yield process
        process.kill()


# -- serve ---------------------------------------------------------------------------------------


def test_serve_says_where_and_ends_cleanly_when_told(server, db: Path):
    consoles, agents = server.first_lines
    assert consoles.startswith("consoles: unix:") and db.with_suffix(".sock").is_socket()
    assert agents.startswith("agents: ws://127.0.0.1:")
    server.send_signal(signal.SIGTERM)
    assert server.wait(30) == 0
    assert not db.with_suffix(".sock").exists()


def test_a_second_server_of_the_same_journal_is_refused(server, db: Path):
    run = giliran("serve", "--no-relay", "--port", 0, "--db", db)
    assert run.returncode == 1
    assert f"is running already (process {server.pid})" in run.stderr
    assert server.poll() is None


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org"])
def test_any_address_but_loopback_is_refused_with_the_reason(db: Path, host: str):
    run = giliran("serve", "--no-relay", "--host", host, "--port", 0, "--db", db)
    assert run.returncode == 1
    assert "serves 127.0.0.1 only" in run.stderr and "pose as a site" in run.stderr


def test_a_port_in_use_is_named(db: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = giliran("serve", "--no-relay", "--port", port, "--db", db)
    assert run.returncode == 1
    assert f"port {port} is in use" in run.stderr


def test_a_bad_roster_is_told_and_nothing_is_recorded(db: Path, tmp_path: Path):
    roster = tmp_path / "bad.toml"
    roster.write_text('[meeting]\ntitel = "Rapat"\n')
    run = giliran("serve", "--no-relay", "--port", 0, "--db", db, "--roster", roster)
    assert run.returncode == 1
    assert f"{roster}:2: titel: unknown; did you mean 'title'?" in run.stderr
    assert f"{roster}:1: title: missing" in run.stderr
    assert giliran("journal", "meetings", "--db", db).stdout == ""


def test_a_file_that_is_no_journal_is_left_as_it_is(db: Path):
    db.write_text("Notula rapat, 6 Februari 2019. " * 100)
    before = db.read_bytes()
    run = giliran("serve", "--no-relay", "--port", 0, "--db", db)
    assert run.returncode == 1
    assert f"{db}: this is not a journal" in run.stderr
    assert db.read_bytes() == before


# -- journal -------------------------------------------------------------------------------------


def test_a_journal_is_verified_listed_and_rebuilt_beside_its_server(server, db: Path):
    run = giliran("journal", "verify", "--db", db)
    assert run.returncode == 0 and "1 event, the chain holds" in run.stdout
    listed = giliran("journal", "meetings", "--db", db).stdout
    assert "planned" in listed and "Rapat Bupati Siak" in listed
    server.terminate()
    server.wait(30)
    assert "rebuilt from 1 event" in giliran("journal", "rebuild", "--db", db).stdout


def test_a_changed_event_is_found(server, db: Path):
    server.terminate()
    server.wait(30)
    with sqlite3.connect(db) as connection:
        connection.execute("UPDATE events SET body = replace(body, 'Minas', 'Manis')")
    run = giliran("journal", "verify", "--db", db)
    assert run.returncode == 1
    assert "event 1 " in run.stderr and "damaged from there on" in run.stderr


def test_a_journal_that_is_not_there(db: Path):
    for command in ("verify", "meetings"):
        run = giliran("journal", command, "--db", db)
        assert run.returncode == 1 and "there is no journal yet" in run.stderr
    assert not db.exists()


# -- console -------------------------------------------------------------------------------------


def test_the_console_needs_a_terminal(db: Path):
    run = giliran("console", "--db", db)
    assert run.returncode == 2 and "needs a terminal" in run.stderr
    run = giliran("console", "--db", db, "--lang", "id")
    assert "konsol memerlukan terminal" in run.stderr
    assert not db.exists()


def test_the_console_starts_a_server_once_and_attaches_to_it_again(db: Path):
    address = attach_or_start(db, "siak", 0)
    pid = int(server_lock(db).read_text())
    try:
        assert address == f"unix:{db.with_suffix('.sock')}"
        assert attach_or_start(db, "siak", 0) == address
        assert int(server_lock(db).read_text()) == pid
        relay = wait_number(relay_lock(db))
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_gone(pid)
    wait_gone(relay)


def test_a_server_that_was_killed_is_started_again_by_its_console(db: Path):
    attach_or_start(db, "siak", 0)
    first = int(server_lock(db).read_text())
    detached = threading.Event()
    watch = threading.Thread(target=start_again_when_killed, args=(db, "siak", 0, detached))
    watch.start()
    os.kill(first, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while int(server_lock(db).read_text() or first) == first:
        assert time.monotonic() < deadline, "nobody started it again"
        time.sleep(0.05)
    # Stopped, not killed: it stays stopped.
    second = int(server_lock(db).read_text())
    wait_answering(db.with_suffix(".sock"), deadline)
    os.kill(second, signal.SIGTERM)
    wait_gone(second)
    assert not db.with_suffix(".sock").exists()
    detached.set()
    watch.join(10)
    assert not watch.is_alive()
    assert int(server_lock(db).read_text()) == second


def wait_answering(path: Path, deadline: float) -> None:
    """Wait until a server accepts connections here: the file alone may be a killed one's."""
    while True:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(path)) == 0:
                return
        assert time.monotonic() < deadline, f"{path} does not answer"
        time.sleep(0.05)


def wait_number(path: Path) -> int:
    """Wait until a file holds a number (a process has taken the lock)."""
    deadline = time.monotonic() + 15
    while not (path.exists() and path.read_text().strip()):
        assert time.monotonic() < deadline, f"{path} was not written"
        time.sleep(0.05)
    return int(path.read_text())


def wait_gone(pid: int) -> None:
    """Wait until a process that is not our child has ended."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]:
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} still runs")


def test_a_server_that_can_not_start_says_why_in_the_console(db: Path):
    with pytest.raises(StartError, match="no shipped roster of this name"):
        attach_or_start(db, "siaak", 0)


# -- the others ----------------------------------------------------------------------------------


def test_minutes_of_a_meeting_are_written_in_every_format(server, db: Path, tmp_path: Path):
    files = export_minutes(db, tmp_path / "minutes")
    assert {path.suffix for path in files} == {".md", ".docx", ".pdf", ".html", ".json", ""}
    (tables,) = (path for path in files if path.is_dir())
    assert all(path.stat().st_size for path in [*files, *tables.glob("*.csv")])


def test_minutes_without_a_journal(db: Path, tmp_path: Path):
    with pytest.raises(JournalError, match="there is no journal yet"):
        export_minutes(db, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["demo", "--sites", "0"], "--sites 0"),
        (["rehearse", "--sites", "64"], "--sites 64"),
        (["rehearse", "--kill", "relay"], "relay"),
        (["rehearse", "--cut", "kandis@soon+1s"], "'soon': expected a time"),
        (["rehearse", "--json", "missing/out.json"], "there is no such folder"),
        (["rehearse", "--roster", "nowhere"], "no shipped roster of this name"),
        (["rehearse", "--seed", "x"], "--seed x: expected a whole number"),
        (["rehearse", "--voice", "--seed", "1,,2"], "--seed 1,,2: expected a whole number"),
        (["rehearse", "--voice", "--seed", "1,2,-3"], "--seed 1,2,-3: expected a whole number"),
        (["rehearse", "--voice", "--seed", "8, 7,07"], "--seed 8, 7,07: 7 is there twice"),
        (["rehearse", "--sites", "2", "--seed", "1,2"], "--seed 1,2: several need --voice"),
    ],
)
def test_arguments_that_make_no_sense_are_told_at_once(tmp_path: Path, arguments, told):
    root = Path(__file__).parent.parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root)}
    run = giliran(*arguments, cwd=tmp_path, env=environment)
    assert run.returncode in (1, 2)
    assert told in run.stderr and "Traceback" not in run.stderr


# -- giliran web ---------------------------------------------------------------------------------


def test_what_a_visitor_of_the_page_gets(db: Path) -> None:
    from console.commands.web import command

    assert command(None, "operator", None, False)[2:] == [
        "console.cli", "console", "--view", "operator",
    ]  # fmt: skip
    words = command(db, "pimpinan", "id", True)
    assert words[-1] == "--observer" and str(db) in words and "pimpinan" in words


def test_without_textual_serve_the_web_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "textual_serve.py").write_text("raise ImportError('not here')")
    made = giliran("web", env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert made.returncode == 2
    assert made.stderr.strip() == "giliran web needs textual-serve: install giliran[web]"
