"""The server as a process: one truth for all consoles, which no kill takes away."""

import asyncio
import os
import signal
import time
from pathlib import Path

from console.journal import Journal
from console.meeting import state as st
from console.meeting.fold import replay
from protocol import commands as c
from protocol import events as e
from protocol import messages as m
from protocol.ids import uuid7
from tests.e2e.servers import agent, moderator, serving


async def open_meeting(console, *agents) -> None:
    """The answer to a command comes before its events: wait for those."""
    await console.wait_for(
        lambda: sum(site.online for site in console.state.sites.values()) == len(agents)
    )
    answer = await console.do(c.OpenMeeting())
    assert isinstance(answer, m.Ack)
    await console.seen(answer.seq)


async def test_two_consoles_see_the_same_in_the_same_order(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        async with moderator(server) as one, moderator(server) as two, agent(server, "kandis"):
            assert one.state.phase == two.state.phase == "planned"
            await open_meeting(one, "kandis")
            ack = await two.do(c.CallNext())
            assert isinstance(ack, m.Ack)
            states = [await console.seen(ack.seq) for console in (one, two)]
            assert st.encode(states[0]) == st.encode(states[1])
            assert states[0].holder == "kandis"
            seqs = [one.recorded.seq for one in two.of(m.Occurred)]
            assert seqs == sorted(set(seqs))


async def test_the_agent_is_told_its_whole_state(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        async with moderator(server) as console, agent(server, "kandis") as site:
            await open_meeting(console, "kandis")
            await console.do(c.SetBanner("Istirahat"))
            await console.do(c.CallNext())
            await site.wait_for(lambda: site.of(m.Desired)[-1].microphone == "live")
            desired = site.of(m.Desired)[-1]
            assert (desired.camera, desired.banner) == ("live", "Istirahat")
            assert desired.slots["floor"] == "kandis"
            await console.do(c.Mute("kandis"))
            await site.wait_for(lambda: site.of(m.Desired)[-1].microphone == "muted")
            await site.say(m.Command(uuid7(), c.RaiseHand("minas")))
            goodbye = await site.first(m.Goodbye)
            assert goodbye.code == "not-allowed", "a site raises its own hand only"


async def test_a_command_sent_twice_is_applied_once_also_across_a_kill(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        ident = uuid7()
        async with moderator(server) as console:
            first = await console.do(c.AddNote("Satu"), ident)
            again = await console.do(c.AddNote("Satu"), ident)
            assert isinstance(first, m.Ack) and isinstance(again, m.Ack)
        server.kill()
        server.start()
        async with moderator(server) as console:
            third = await console.do(c.AddNote("Satu"), ident)
            assert isinstance(third, m.Ack)
            assert [note.text for note in (await console.seen(third.seq)).notes] == ["Satu"]


async def test_killed_in_the_middle_of_a_turn_it_goes_on_where_it_was(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        async with moderator(server) as console, agent(server, "kandis"):
            await open_meeting(console, "kandis")
            await console.do(c.CallNext())
            acks = [await console.do(c.LogReport("kandis", f"Laporan {n}")) for n in range(5)]
            before = await console.seen(acks[-1].seq)
            server.kill()
        server.start()
        async with moderator(server) as console:
            assert st.encode(console.state) == st.encode(before)
            assert console.state.holder == "kandis"
            ack = await console.do(c.LogReport("kandis", "Laporan 6"))
            assert ack.seq == before.seq + 1
            async with agent(server, "kandis"):
                pass
        journal = Journal.open_readonly(server.db)
        assert journal.verify() is None
        texts = [r.text for r in replay(journal.read(before.id)).reports]
        assert texts == [*(f"Laporan {n}" for n in range(5)), "Laporan 6"]


async def test_a_console_that_comes_back_gets_what_it_missed(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        async with moderator(server) as console:
            first = await console.do(c.AddNote("Satu"))
            last = await console.do(c.AddNote("Dua"))
        async with moderator(server, resume=first.seq) as console:
            await console.first(m.Occurred)
            assert not console.of(m.Welcome)[0].has_snapshot
            missed = [one.recorded for one in console.of(m.Occurred)]
            assert [(one.seq, one.event.text) for one in missed] == [(last.seq, "Dua")]


async def test_stopped_it_drains_and_nobody_left(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        async with moderator(server) as console, agent(server, "kandis") as site:
            await open_meeting(console, "kandis")
            loop = asyncio.get_running_loop()
            began = time.monotonic()
            assert await loop.run_in_executor(None, server.stop) == 0
            assert time.monotonic() - began < 9
            assert (await console.first(m.Goodbye)).code == "stopping"
            assert (await site.first(m.Goodbye)).code == "stopping"
            meeting = console.state.id
        events = [one.event for one in Journal.open_readonly(server.db).read(meeting)]
        assert not [event for event in events if isinstance(event, e.SiteLeft)]
        assert not Path(server.socket).exists()


async def test_a_holder_that_drops_and_returns_keeps_its_turn(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        async with moderator(server) as console:
            async with agent(server, "kandis"):
                await open_meeting(console, "kandis")
                await console.do(c.CallNext())
            await console.wait_for(lambda: console.state.floor.status == "lost")
            assert console.state.holder == "kandis"
            async with agent(server, "kandis") as site:
                await console.wait_for(lambda: console.state.floor.status == "speaking")
                await site.wait_for(lambda: site.of(m.Desired)[-1].microphone == "live")
                assert len(console.state.turns) == 1


async def test_a_holder_that_stays_away_is_suspended_by_the_servers_clock(tmp_path: Path) -> None:
    with serving(tmp_path, grace_s=1) as server:
        async with moderator(server) as console:
            async with agent(server, "kandis"):
                await open_meeting(console, "kandis")
                await console.do(c.CallNext())
            await console.wait_for(lambda: console.state.holder is None and console.state.turns)
            assert console.state.turns[0].status == "suspended"
            async with agent(server, "kandis"):
                await console.wait_for(lambda: console.state.sites["kandis"].online)
                await console.do(c.GrantFloor("kandis"))
                await console.wait_for(lambda: console.state.holder_turn == 1)


async def test_a_second_agent_of_a_site_takes_its_place(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        async with moderator(server) as console, agent(server, "kandis") as old:
            async with agent(server, "kandis"):
                assert (await old.first(m.Goodbye)).code == "replaced"
                await old.wait_for(old.closed.is_set)
                ack = await console.do(c.AddNote("x"))
                assert (await console.seen(ack.seq)).sites["kandis"].online


async def test_the_relay_outlives_a_killed_server_and_a_dead_relay_is_replaced(
    tmp_path: Path,
) -> None:

    with serving(tmp_path, relay=True) as server:
        async with moderator(server) as console:
            await console.wait_for(lambda: _relay(console), 20)
            first = _relay(console)
            os.kill(first, signal.SIGKILL)
            await console.wait_for(lambda: _relay(console) not in (0, first), 20)
            second = _relay(console)
        server.kill()
        os.kill(second, 0)
        server.start()
        async with moderator(server) as console:
            await console.wait_for(lambda: _relay(console), 20)
            assert _relay(console) == second, "the same one came back"
        assert server.stop() == 0
        deadline = time.monotonic() + 10
        while _lives(second):
            assert time.monotonic() < deadline, "the relay outlived a server that was stopped"
            await asyncio.sleep(0.05)


def _relay(console) -> int:
    readings = console.of(m.Telemetry)
    return readings[-1].relay_pid if readings else 0


def _lives(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
