"""Bad input: a clear message each, and the server goes on for everybody else."""

import contextlib
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from protocol import VERSION
from protocol import commands as c
from protocol import messages as m
from tests.e2e.servers import ROSTER, Server, client, moderator, serving


async def alive(server: Server) -> None:
    async with moderator(server) as console:
        assert isinstance(await console.do(c.AddNote("masih di sini")), m.Ack)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{]", "bad-frame"),
        ('{"type": "shout"}', "bad-frame"),
        ('{"type": "hello", "role": "agent", "version": 1, "x": 2}', "bad-frame"),
        ('{"type": "routed", "revision": 1}', "hello-expected"),
        ('{"type": "hello", "role": "agent", "version": 99, "site": "kandis"}', "wrong-version"),
        ('{"type": "hello", "role": "agent", "version": 1}', "site-missing"),
        ('{"type": "hello", "role": "agent", "version": 1, "site": "padang"}', "unknown-site"),
        ('{"type": "hello", "role": "moderator", "version": 1}', "not-from-here"),
        ('{"type": "hello", "role": "relay", "version": 1}', "not-from-here"),
        (bytes(range(256)), "binary-frame"),
        ("[" * 100_000, "bad-frame"),
    ],
)
async def test_a_bad_first_frame(frame: str | bytes, code: str, server: Server) -> None:
    async with client(server, None, tcp=True) as one:
        await one.connection.send(frame)
        goodbye = await one.first(m.Goodbye)
        assert goodbye.code == code
        assert len(goodbye.reason) > 15
        await one.wait_for(one.closed.is_set)
    await alive(server)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with serving(tmp_path_factory.mktemp("server")) as one:
        yield one


async def test_a_frame_of_10_mib_is_closed_with_the_code_for_it(server: Server) -> None:
    hello = m.Hello("agent", VERSION, site="kandis")
    async with client(server, hello, tcp=True) as one:
        await one.first(m.Welcome)
        with contextlib.suppress(ConnectionClosed):  # it may be closed before all is sent
            await one.connection.send("x" * (10 << 20))
        await one.wait_for(one.closed.is_set)
        assert one.connection.close_code == 1009
    await alive(server)


async def test_a_flood_ends_the_connection(server: Server) -> None:
    hello = m.Hello("agent", VERSION, site="minas")
    async with client(server, hello, tcp=True) as one:
        await one.first(m.Welcome)
        with pytest.raises(ConnectionClosed):
            for _ in range(5000):
                await one.say(m.SiteTelemetry(m.SiteReading()))
            await one.wait_for(one.closed.is_set)
            await one.say(m.SiteTelemetry(m.SiteReading()))
    await alive(server)


async def test_commands_out_of_order_and_unknown_sites_are_refused(server: Server) -> None:
    async with moderator(server) as console:
        for command, code in (
            (c.CallNext(), "not-open"),
            (c.EndTurn(), "not-open"),
            (c.CloseMeeting(), "not-open"),
            (c.GrantFloor("padang"), "unknown-site"),
            (c.AmendReport("none", "x"), "unknown-report"),
            (c.AddNote("  "), "text-empty"),
        ):
            answer = await console.do(command)
            assert isinstance(answer, m.Refused), command
            assert answer.code == code and len(answer.reason) > 10


def serve(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "console.cli", "serve", "--no-relay", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def said_once(run: subprocess.CompletedProcess[str], *expected: str) -> None:
    assert run.returncode == 1, run.stderr
    assert "Traceback" not in run.stderr
    for text in expected:
        assert text in run.stderr


def test_a_server_that_can_not_start_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    db = tmp_path / "j.db"
    said_once(serve("--db", db, "--host", "0.0.0.0"), "127.0.0.1 only", "enrol")
    bad = tmp_path / "bad.toml"
    bad.write_text(ROSTER.format(grace_s=20).replace('kind = "hall"', 'kind = "hal"'))
    run = serve("--db", db, "--roster", bad)
    said_once(run, f"{bad}:8: kind: expected one of", "'hall'")
    said_once(serve("--db", db, "--roster", tmp_path / "none.toml"), "none.toml")
    letter = tmp_path / "letter.db"
    letter.write_text("Kepada Yth. " * 200)
    said_once(serve("--db", letter), "not a journal")
    said_once(serve("--db", letter / "x" / "j.db"), str(letter))
    assert not db.with_suffix(".sock").exists()


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said_once(serve("--db", tmp_path / "j.db", "--port", port), f"port {port} is in use")


async def test_a_second_server_of_the_same_journal(server: Server) -> None:
    run = serve("--db", server.db, "--port", 0)
    assert server.running is not None
    said_once(run, "running already", f"process {server.running.pid}")
    await alive(server)


async def test_a_full_disk_refuses_commands_and_the_server_goes_on(tmp_path: Path) -> None:
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))

    server = Server(tmp_path)
    try:
        server.start(limit)
        async with moderator(server) as console:
            acknowledged = 0
            for number in range(200):
                answer = await console.do(c.AddNote(f"{number} " + "x" * 10_000))
                if isinstance(answer, m.Refused):
                    break
                acknowledged += 1
            assert isinstance(answer, m.Refused) and answer.code == "journal-failed"
            assert "nothing can be recorded" in answer.reason
            assert 3 < acknowledged < 200
            assert len(console.state.notes) == acknowledged
            server.kill()
        server.start()
        async with moderator(server) as console:
            assert len(console.state.notes) == acknowledged, "nothing lost, nothing half-done"
            assert isinstance(await console.do(c.AddNote("ada tempat lagi")), m.Ack)
    finally:
        server.end()
