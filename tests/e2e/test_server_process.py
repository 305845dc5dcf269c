"""What only a process can show: how fast it stops, what it remembers, what a disk does to it."""

import asyncio
import contextlib
import json
import os
import resource
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from console.journal import Journal
from console.meeting import state as st
from console.server import SILENT_AFTER_S
from protocol import VERSION
from protocol import commands as c
from protocol import events as e
from protocol import messages as m
from protocol.ids import uuid7
from protocol.link import GONE, Link, LinkDown, LinkUp
from tests.e2e.servers import ROSTER, Server, agent, client, moderator, serving
from tests.ending import end


async def opened(console, *sites: str) -> st.Meeting:
    """The state with the meeting open: the answer to a command comes before its events."""
    await console.wait_for(lambda: all(console.state.sites[site].online for site in sites))
    answer = await console.do(c.OpenMeeting())
    assert isinstance(answer, m.Ack)
    return await console.seen(answer.seq)


def events(server: Server) -> list[e.Event]:
    journal = Journal.open_readonly(server.db)
    assert journal.verify() is None
    return [one.event for row in journal.meetings() for one in journal.read(row.id)]


async def test_the_consoles_door_opens_for_its_user_only(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        mode = os.stat(server.socket).st_mode
        assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600


async def test_it_stops_at_once_although_its_agents_want_to_come_back(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        got: list[object] = []
        link = Link(
            f"ws://127.0.0.1:{server.port}",
            lambda: m.Hello("agent", VERSION, site="kandis"),
            got.append,
        )
        loop = asyncio.get_running_loop()
        running = loop.create_task(link.run())
        async with moderator(server) as console:
            await opened(console, "kandis")
            began = time.monotonic()
            assert await loop.run_in_executor(None, server.stop) == 0
            assert time.monotonic() - began < 5
        async with asyncio.timeout(30):
            while not [one for one in got if isinstance(one, LinkDown)]:
                await asyncio.sleep(0.02)
        await end(running)
        downs = [one for one in got if isinstance(one, LinkDown)]
        assert (downs[0].code, downs[0].reason) == ("stopping", "the server was stopped")
        assert len([one for one in got if isinstance(one, LinkUp)]) == 1, "nobody got back in"
        assert not [event for event in events(server) if isinstance(event, e.SiteLeft)]


async def test_stopped_while_it_starts_its_relay_it_leaves_none(tmp_path: Path) -> None:
    with serving(tmp_path, relay=True) as server:
        assert server.stop() == 0
        lock = str(tmp_path / "journal.relay.lock").encode()
        async with asyncio.timeout(30):
            while [pid for pid in _processes() if lock in _command(pid)]:
                await asyncio.sleep(0.05)


def _processes() -> list[str]:
    return [name for name in os.listdir("/proc") if name.isdigit()]


def _command(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


async def test_what_was_done_is_not_done_again_in_the_next_meeting(tmp_path: Path) -> None:
    """The answer was lost with the server; the console asks again and hears what was done."""
    with serving(tmp_path) as server:
        ident = uuid7()
        async with moderator(server) as console:
            await console.do(c.OpenMeeting())
            closing = await console.do(c.CloseMeeting(), ident)
        server.kill()
        server.start()
        async with moderator(server) as console:
            assert console.state.phase == "planned", "a new meeting is convened"
            assert await console.do(c.CloseMeeting(), ident) == closing


async def test_killed_in_a_turn_the_speaker_comes_back_and_nobody_left(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        async with moderator(server) as console, agent(server, "kandis"):
            await opened(console, "kandis")
            await console.do(c.CallNext())
            server.kill()
        server.start()
        async with moderator(server) as console, agent(server, "kandis") as site:
            await site.wait_for(lambda: site.of(m.Desired)[-1].microphone == "live")
            assert console.state.floor.status == "speaking"
            # Longer than sites have to come back: the server has looked who is missing.
            await console.wait_for(lambda: console.of(m.Telemetry)[-1].at - _first(console) > 7000)
            assert console.state.holder == "kandis" and len(console.state.turns) == 1
        kinds = [type(event) for event in events(server)]
        assert kinds.count(e.SiteJoined) == 1
        assert e.HolderLost not in kinds or kinds.index(e.HolderLost) > kinds.index(e.FloorGranted)


def _first(console) -> int:
    return console.of(m.Telemetry)[0].at


async def test_a_site_that_does_not_come_back_after_a_kill_has_left(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        async with moderator(server) as console, agent(server, "kandis"):
            await opened(console, "kandis")
            await console.do(c.CallNext())
            server.kill()
        server.start()
        async with moderator(server) as console:
            assert console.state.sites["kandis"].online
            await console.wait_for(lambda: not console.state.sites["kandis"].online)
            await console.wait_for(lambda: console.state.floor.status == "lost")


async def test_a_silent_agent_is_dropped_after_five_seconds(tmp_path: Path) -> None:
    """For its silence: this client answers pings."""
    assert SILENT_AFTER_S == 5
    with serving(tmp_path) as server:
        hello = m.Hello("agent", VERSION, site="kandis")
        async with moderator(server) as console, client(server, hello, tcp=True) as site:
            await console.wait_for(lambda: console.state.sites["kandis"].online)
            began = time.monotonic()
            await console.wait_for(lambda: not console.state.sites["kandis"].online)
            assert time.monotonic() - began > 3, "not at the first breath it takes"
            await site.wait_for(site.closed.is_set)


async def test_a_frame_of_10_mib_is_told_as_such_and_the_others_go_on(busy: Server) -> None:
    async with moderator(busy) as other, moderator(busy) as console:
        with contextlib.suppress(*GONE):
            await console.say(m.Command(uuid7(), c.AddNote("x" * (10 << 20))))
        await console.wait_for(console.closed.is_set)
        assert console.connection.close_code == 1009
        assert "exceeds limit of 262144 bytes" in (console.connection.close_reason or "")
        assert isinstance(await other.do(c.AddNote("masih di sini")), m.Ack)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (os.urandom(300), "binary-frame"),
        ("\x00\x01 bukan json", "bad-frame"),
        ('{"type":"command","id":"","body":{"type":"call-next"}}', "bad-frame"),
        ('{"type":"command","id":"x","body":{"type":"tick"}}', "bad-frame"),
        ('{"type":"command","id":"x","body":{"type":"add-note","text":"\\ud800"}}', "bad-frame"),
        ('{"type":"hello","role":"moderator","version":1}', "not-allowed"),
        ('{"type":"routed","revision":1}', "not-allowed"),
    ],
    ids=["bytes", "no-json", "no-id", "tick", "surrogate", "hello", "routed"],
)
async def test_a_bad_frame_ends_its_own_connection_only(
    frame: str | bytes, code: str, busy: Server
) -> None:
    async with moderator(busy) as other, moderator(busy) as console:
        await console.connection.send(frame)
        assert (await console.first(m.Goodbye)).code == code
        await console.wait_for(console.closed.is_set)
        assert isinstance(await other.do(c.AddNote("masih di sini")), m.Ack)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory):
    with serving(tmp_path_factory.mktemp("busy")) as one:
        yield one


HUGE = int("1" * 300)


def plan(position: int, allowance_s: int) -> dict[str, object]:
    hall = {"id": "a", "name": "A", "kind": "hall", "position": position}
    return {"title": "x", "sites": [hall], "allowance_s": allowance_s}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"type": "extend-turn", "seconds": HUGE}, "not-open"),
        ({"type": "move-in-queue", "site": "kandis", "position": -HUGE}, "bad-position"),
        ({"type": "convene-meeting", "plan": plan(HUGE, 60)}, "bad-plan"),
        ({"type": "convene-meeting", "plan": plan(1, 1 << 63)}, "bad-plan"),
    ],
    ids=["seconds", "place", "position", "allowance"],
)
async def test_numbers_no_database_can_hold_are_refused(
    body: dict[str, object], code: str, busy: Server
) -> None:
    async with moderator(busy) as console:
        await console.connection.send(json.dumps({"type": "command", "id": "x", "body": body}))
        assert (await console.first(m.Refused)).code == code
        assert isinstance(await console.do(c.AddNote("masih di sini \x00")), m.Ack)


async def test_an_actual_state_no_number_fits_does_no_harm(busy: Server) -> None:
    async with moderator(busy) as console, agent(busy, "minas") as site:
        await site.say(m.Actual(HUGE, "muted", "off", "up", "up"))
        await console.wait_for(
            lambda: any(
                one.actual is not None and one.actual.revision == HUGE
                for told in console.of(m.Telemetry)
                for one in told.sites.values()
            )
        )
        assert isinstance(await console.do(c.AddNote("masih di sini")), m.Ack)


async def test_connections_that_say_nothing_are_no_hindrance(busy: Server) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(30):
            await stack.enter_async_context(client(busy, None, tcp=True))
        async with moderator(busy) as console:
            assert isinstance(await console.do(c.AddNote("masih di sini")), m.Ack)


async def test_a_flood_is_told_as_such(busy: Server) -> None:
    async with agent(busy, "minas") as site:
        with contextlib.suppress(*GONE):
            for _ in range(400):
                await site.say(m.SiteTelemetry(m.SiteReading()))
        goodbye = await site.first(m.Goodbye)
        assert goodbye.code == "flood" and "50 frames a second" in goodbye.reason


# -- the disk ------------------------------------------------------------------------------------


async def test_when_the_disk_has_space_again_the_same_server_goes_on(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert server.running is not None
        async with moderator(server) as console, agent(server, "kandis") as site:
            before = await opened(console, "kandis")
            await site.first(m.Desired)
            pid, size = server.running.pid, server.db.with_suffix(".db-wal").stat().st_size
            _soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
            for command in (c.CallNext(), c.AddNote("x" * 9_000), c.OpenMeeting()):
                answer = await console.do(command)
                assert isinstance(answer, m.Refused)
                if not isinstance(command, c.OpenMeeting):
                    assert answer.code == "journal-failed"
                    assert "nothing can be recorded" in answer.reason
            assert console.state == before
            assert site.of(m.Desired)[-1].microphone == "muted", "nothing half-done"
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
            answer = await console.do(c.CallNext())
            assert isinstance(answer, m.Ack) and answer.seq == before.seq + 1
            await site.wait_for(lambda: site.of(m.Desired)[-1].microphone == "live")
        server.kill()
        assert [type(x) for x in events(server)].count(e.FloorGranted) == 1


def test_a_read_only_folder_is_told_before_anything_starts(tmp_path: Path) -> None:
    """A read-only mount, which stops root as well."""
    if shutil.which("unshare") is None or os.system("unshare -rm true 2>/dev/null"):
        pytest.skip("this machine allows no mounts of one's own")
    folder = tmp_path / "data"
    folder.mkdir()
    Journal(folder / "journal.db").close()
    roster = tmp_path / "roster.toml"
    roster.write_text(ROSTER.format(grace_s=20))
    serve = f"{sys.executable} -m console.cli serve --no-relay --port 0 --roster {roster}"
    mount = f"mount --bind {folder} {folder} && mount -o remount,bind,ro {folder}"
    run = subprocess.run(
        ["unshare", "-rm", "sh", "-c", f"{mount} && {serve} --db {folder}/journal.db"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 1, run.stderr
    assert str(folder) in run.stderr and "Traceback" not in run.stderr
    assert "ead-only" in run.stderr
