"""The server inside this process: what goes out in which order, and what can't take it down."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import unix_connect
from websockets.asyncio.server import serve, unix_serve

from console import peer as peers
from console import server as module
from console.journal import Journal
from console.meeting import state as st
from console.meeting.fold import replay
from console.server import MeetingServer
from protocol import SUBPROTOCOL, VERSION
from protocol import commands as c
from protocol import events as e
from protocol import messages as m
from protocol import queries as q
from protocol.binary import Later, Preview, encode_binary
from protocol.ids import uuid7
from tests.e2e.servers import Client, agent, client, moderator
from tests.ending import end
from tests.playbook import PLAN


class SlowJournal(Journal):
    """Writes when it is told to."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.may_write = asyncio.Event()
        self.may_write.set()
        self.asked = asyncio.Event()

    async def append(self, before: st.Meeting, *rest, **more):  # type: ignore[no-untyped-def]
        self.asked.set()
        await self.may_write.wait()
        return await super().append(before, *rest, **more)


@dataclass
class House:
    """A running server; `socket` and `port` are where its clients connect."""

    server: MeetingServer
    journal: SlowJournal
    socket: str
    port: int = 0
    plans: list[e.MeetingPlan] = field(default_factory=lambda: [PLAN])

    def fill_disk(self, is_full: bool) -> None:
        pages = self.journal._query("pragma page_count")[0][0]
        self.journal._query(f"pragma max_page_count = {pages if is_full else 1 << 30}")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    journal = SlowJournal(tmp_path / "journal.db")
    path = str(tmp_path / "s")
    plans = [PLAN]
    server = MeetingServer(journal, lambda: plans[-1])
    await server.prepare()
    running = asyncio.get_running_loop().create_task(server.run())
    options: dict[str, Any] = {"subprotocols": [SUBPROTOCOL], "compression": None}
    async with (
        unix_serve(server.handle_local, path, **options),
        serve(server.handle_network, "127.0.0.1", 0, **options) as network,
    ):
        port = next(iter(network.sockets)).getsockname()[1]
        yield House(server, journal, path, port, plans)
        server.stopping = True
        # What a failed test kept from being written is waited for by the handlers that end now.
        journal.may_write.set()
        while running.done() and not server._commands.empty():
            waiting = server._commands.get_nowait()[3]
            if waiting is not None:
                waiting.cancel()
    assert not running.done(), "the meeting ended by itself"
    await end(running)
    journal.close()


async def opened(console: Client, *sites: str) -> None:
    """Open the meeting once these sites are there."""
    await console.wait_for(lambda: all(console.state.sites[s].online for s in sites))
    assert isinstance(await console.do(c.OpenMeeting()), m.Ack)


# -- acknowledgement -----------------------------------------------------------------------------


async def test_a_command_is_acknowledged_after_it_is_written_and_before_it_is_told(house) -> None:
    async with moderator(house) as console, moderator(house) as other:
        house.journal.may_write.clear()
        house.journal.asked.clear()
        ident = uuid7()
        await console.say(m.Command(ident, c.AddNote("Satu")))
        await house.journal.asked.wait()
        told = len(console.of(m.Telemetry))
        await console.wait_for(lambda: len(console.of(m.Telemetry)) > told + 1)
        assert not console.of(m.Ack) and not other.of(m.Occurred), "not on the disk yet"
        assert house.server.state.notes == ()
        house.journal.may_write.set()
        ack = await console.first(m.Ack)
        await console.seen(ack.seq)
        await other.seen(ack.seq)
        kinds = [type(one) for one in console.got if isinstance(one, m.Ack | m.Occurred)]
        assert kinds == [m.Ack, m.Occurred]


async def test_who_is_to_speak_and_who_is_to_fall_silent_are_told_first(
    house, monkeypatch: pytest.MonkeyPatch
) -> None:
    sites = ("bunga-raya", "hall", "kandis", "minas", "siak")
    sites = tuple(site for site in sites if site in house.server.state.sites)
    told: list[str] = []
    send = module.Peer.send

    def note(peer: module.Peer, message: m.FromServer) -> None:
        if isinstance(message, m.Desired) and peer.hello.site is not None:
            told.append(peer.hello.site)
        send(peer, message)

    async with moderator(house) as console, contextlib.AsyncExitStack() as stack:
        for site in sites:
            await stack.enter_async_context(agent(house, site))
        await opened(console, *sites)
        speakers = [s for s in sites if house.server.state.sites[s].entry.kind == "kecamatan"]
        before, after = speakers[0], speakers[-1]
        assert isinstance(await console.do(c.GrantFloor(before)), m.Ack)
        monkeypatch.setattr(module.Peer, "send", note)
        assert isinstance(await console.do(c.GrantFloor(after)), m.Ack)
        assert set(told) == set(sites), "all of them show something else now"
        assert {before, after} <= set(told[:3]), "with the chair"


async def test_a_command_that_changes_nothing_is_acknowledged(house) -> None:
    async with moderator(house) as console:
        seq = console.state.seq
        assert await console.do(c.SetBanner(""), "id-1") == m.Ack("id-1", seq)
        assert house.journal.seq == seq


async def test_a_command_of_the_meeting_before_is_not_carried_out_again(house) -> None:
    async with moderator(house) as console:
        await console.do(c.OpenMeeting())
        note = await console.do(c.AddNote("Satu"), "id-note")
        closing = await console.do(c.CloseMeeting(), "id-close")
        await console.do(c.ConveneMeeting())
        assert await console.do(c.AddNote("Satu"), "id-note") == note
        assert await console.do(c.CloseMeeting(), "id-close") == closing
        assert house.server.state.notes == ()


async def test_minutes_of_an_older_meeting_are_worked_on_while_another_is_held(house) -> None:
    async with moderator(house) as console:
        await console.do(c.OpenMeeting())
        await console.do(c.CloseMeeting())
        old = house.server.state.id
        await console.do(c.ConveneMeeting())
        ack = await console.do(c.OpenMeeting())
        state = await console.seen(ack.seq)
        assert (await console.do(c.SubmitMinutes())).code == "minutes-open"
        submitted = await console.do(c.SubmitMinutes(old, "Notulis"), "id-submit")
        assert submitted == m.Ack("id-submit", ack.seq + 1)
        assert await console.do(c.SubmitMinutes(old, "Notulis"), "id-submit") == submitted
        after = await console.seen(submitted.seq)
        assert after == msgspec.structs.replace(state, seq=submitted.seq), "this one is untouched"
        assert replay(house.journal.read(old)).minutes.status == "submitted"
        assert (await console.do(c.SubmitMinutes(old))).code == "minutes-submitted"
        assert (await console.do(c.SubmitMinutes("x"))).code == "no-meeting"
        next_one = await console.do(c.AddNote("Lanjut"))
        assert next_one.seq == submitted.seq + 1
        async with moderator(house, resume=ack.seq) as back:
            await back.wait_for(lambda: len(back.of(m.Occurred)) == 2)
            assert not back.of(m.Welcome)[0].has_snapshot
        again = MeetingServer(house.journal, lambda: PLAN)
        assert again.state == house.server.state, "a server started now holds the same meeting"
    assert house.journal.verify() is None


async def test_refusals_go_to_who_asked(house) -> None:
    async with moderator(house) as console, moderator(house) as other:
        answer = await console.do(c.GrantFloor("padang"), "id-1")
        assert answer == m.Refused(
            "id-1", "unknown-site", "There is no site 'padang' in this meeting.", {"site": "padang"}
        )
        ack = await console.do(c.AddNote("x"))
        await other.seen(ack.seq)
        assert not other.of(m.Refused)


# -- a disk that is full -------------------------------------------------------------------------


async def test_on_a_full_disk_nothing_is_half_done_and_it_goes_on_when_there_is_space(
    house,
) -> None:
    async with moderator(house) as console:
        await opened(console)
        house.fill_disk(True)
        answer: m.Ack | m.Refused | None = None
        written = 0
        while not isinstance(answer, m.Refused):
            assert written < 50
            answer = await console.do(c.AddNote(f"{written} " + "x" * 19_000))
            written += isinstance(answer, m.Ack)
        assert answer.code == "journal-failed" and "the disk is full" in answer.reason
        assert len(house.server.state.notes) == len(console.state.notes) == written
        assert house.journal.count() == house.server.state.seq
        house.fill_disk(False)
        last = await console.do(c.AddNote("ada tempat lagi"))
        assert isinstance(last, m.Ack) and last.seq == house.journal.seq
    assert house.journal.verify() is None


async def test_who_came_while_nothing_could_be_written_is_recorded_later(
    house,
) -> None:
    async with moderator(house) as console:
        house.journal._query(
            "create trigger full before insert on events begin select raise(abort, 'full'); end"
        )
        async with agent(house, "siak"):
            assert not house.server.state.sites["siak"].online
            house.journal._query("drop trigger full")
            await console.wait_for(lambda: console.state.sites["siak"].online, 15)


# -- agents --------------------------------------------------------------------------------------


async def test_an_agent_without_a_place_in_the_new_roster_is_told_and_the_meeting_goes_on(
    house,
) -> None:
    async with moderator(house) as console, agent(house, "siak") as siak:
        async with agent(house, "minas") as minas:
            await console.wait_for(lambda: console.state.sites["minas"].online)
            sites = tuple(site for site in PLAN.sites if site.id != "minas")
            house.plans.append(msgspec.structs.replace(PLAN, sites=sites))
            assert isinstance(await console.do(c.ConveneMeeting()), m.Ack)
            assert (await minas.first(m.Goodbye)).code == "unknown-site"
            await minas.wait_for(minas.closed.is_set)
        await console.wait_for(lambda: console.state.sites["siak"].online)
        meeting = house.server.state.id
        await siak.wait_for(lambda: siak.of(m.Desired)[-1].meeting == meeting)
        whole = house.server._telemetry(house.server.status, whole=True)
        assert set(whole.sites) == {"siak"}


async def test_a_waiter_that_gave_up_does_not_take_the_meeting_down(house) -> None:
    house.journal.may_write.clear()
    house.journal.asked.clear()
    joining = asyncio.get_running_loop().create_task(
        house.server.submit(c.NoteSiteJoined("siak", "1.0"))
    )
    await house.journal.asked.wait()
    joining.cancel()
    house.journal.may_write.set()
    async with moderator(house) as console:
        assert isinstance(await console.do(c.AddNote("masih di sini")), m.Ack)
        assert house.server.state.sites["siak"].online


async def test_descriptions_are_carried_with_the_senders_name(house) -> None:
    hello = m.Hello("relay", VERSION, instance="relay-1", pid=7)
    async with agent(house, "siak") as siak, client(house, hello) as relay:
        await relay.first(m.Route)
        await siak.wait_for(lambda: siak.of(m.Desired)[-1].relay == "relay-1")
        offer = m.Signal("minas", "a1", "uplink", "offer", "v=0")
        await siak.say(offer)
        assert await relay.first(m.Signal) == msgspec.structs.replace(offer, peer="siak")
        answer = m.Signal("siak", "a1", "uplink", "answer", "v=0")
        await relay.say(answer)
        assert await siak.first(m.Signal) == msgspec.structs.replace(answer, peer="relay")
    await asyncio.wait_for(_gone(house.server), 30)


async def test_the_roll_is_called_by_the_media(house) -> None:
    hello = m.Hello("relay", VERSION, instance="relay-1", pid=7)

    def seen(*up: str) -> m.RelayTelemetry:
        link = m.LinkReading(uplink="up", downlink="up")
        return m.RelayTelemetry(m.RelayReading(), dict.fromkeys(up, link))

    async with moderator(house) as console, client(house, hello) as relay:
        async with agent(house, "siak") as siak, agent(house, "minas") as minas:
            await siak.first(m.Desired)
            await minas.first(m.Desired)
            half = m.LinkReading(uplink="up", downlink="connecting")
            await relay.say(m.RelayTelemetry(m.RelayReading(), {"minas": half}))
            await relay.say(seen("siak"))
            await console.wait_for(lambda: console.state.sites["siak"].attendance == "present")
            assert isinstance(await console.do(c.OpenMeeting()), m.Ack)
            assert console.state.sites["minas"].attendance == "unmarked"
            await relay.say(seen("siak", "minas"))
            await console.wait_for(lambda: console.state.sites["minas"].attendance == "late")
            assert console.state.sites["siak"].attendance == "present"


async def _gone(server: MeetingServer) -> None:
    while server.relay.instance:
        await asyncio.sleep(0.02)


async def test_a_disk_that_fills_warns_and_ends_the_recording(house) -> None:
    hello = m.Hello("relay", VERSION, instance="relay-1")
    async with moderator(house) as console, agent(house, "hall"), client(house, hello) as relay:
        await opened(console, "hall")
        await console.do(c.StartRecording())
        await relay.wait_for(lambda: relay.of(m.Route)[-1].record is not None)
        meeting = relay.of(m.Route)[-1].record.meeting

        async def tell(**reading: Any) -> None:
            recording = m.RecordingReading(meeting=meeting, **reading)
            await relay.say(m.RelayTelemetry(m.RelayReading(recording=recording), {}))

        await tell(state="on", free_mb=1500)
        await console.wait_for(lambda: console.state.disk_low)
        assert house.server.is_recorded_now
        await tell(state="full", free_mb=400)
        await console.wait_for(lambda: console.state.recording == "off")
        await relay.wait_for(lambda: relay.of(m.Route)[-1].record is None)
        ended = [o.recorded.event for o in console.of(m.Occurred)]
        assert e.RecordingStopped("disk-full") in ended
        assert not house.server.is_recorded_now


async def test_what_a_site_sends_later_is_carried_to_the_relay_and_confirmed(house) -> None:
    hello = m.Hello("relay", VERSION, instance="relay-1")
    async with agent(house, "siak") as siak, client(house, hello) as relay:
        await relay.first(m.Route)
        later = Later("siak", "m1", b"frames")
        await siak.say(later)
        assert await relay.first(Later) == later
        kept = m.Kept("siak", 7, ((1, 9),))
        await relay.say(kept)
        assert await siak.first(m.Kept) == kept


async def test_the_relay_is_told_who_feeds_the_slots(house) -> None:
    hello = m.Hello("relay", VERSION, instance="relay-1")
    async with (
        moderator(house) as console,
        agent(house, "hall"),
        agent(house, "siak"),
        client(house, hello) as relay,
    ):
        await opened(console, "hall", "siak")
        await relay.wait_for(lambda: relay.of(m.Route)[-1].deck == "siak")
        await console.do(c.GrantFloor("siak"))
        fed = {"chair": "hall", "floor": "siak", "main": "siak", "second": "hall"}
        await relay.wait_for(lambda: relay.of(m.Route)[-1].slots == fed)
        assert relay.of(m.Route)[-1].deck == "", "nobody else is there"
        routes = len(relay.of(m.Route))
        await console.do(c.AddNote("x"))
        await console.do(c.Mute("siak"))
        await relay.wait_for(lambda: "floor" not in relay.of(m.Route)[-1].slots)
        assert len(relay.of(m.Route)) == routes + 1, "a note changes no route"


async def test_what_is_forced_on_a_site_goes_to_it_and_to_the_relay(house) -> None:
    hello = m.Hello("relay", VERSION, instance="relay-1")
    async with (
        moderator(house) as console,
        agent(house, "hall"),
        agent(house, "siak") as siak,
        client(house, hello) as relay,
    ):
        await opened(console, "hall", "siak")
        await console.do(c.GrantFloor("siak"))
        await relay.wait_for(lambda: relay.of(m.Route)[-1].slots.get("main") == "siak")
        await console.do(c.SetVoice("siak", "clear"))
        await relay.wait_for(lambda: relay.of(m.Route)[-1].voice == {"siak": "clear"})
        await siak.wait_for(lambda: siak.of(m.Desired)[-1].voice == "clear")
        assert relay.of(m.Route)[-1].media == {}
        await console.do(c.SetMedia("siak", "narrow"))
        await relay.wait_for(lambda: relay.of(m.Route)[-1].media == {"siak": "narrow"})
        await siak.wait_for(lambda: siak.of(m.Desired)[-1].media == "narrow")
        assert relay.of(m.Route)[-1].slots == {"chair": "hall", "floor": "siak", "main": "hall"}
        assert siak.of(m.Desired)[-1].camera == "off"
        routes = len(relay.of(m.Route))
        await console.do(c.SetMedia("siak", "narrow"))
        await console.do(c.SetMedia("siak", "auto"))
        await relay.wait_for(lambda: relay.of(m.Route)[-1].media == {})
        assert len(relay.of(m.Route)) == routes + 1, "what is set already changes no route"


# -- consoles ------------------------------------------------------------------------------------


async def test_telemetry_is_whole_at_first_and_then_what_changed(house) -> None:
    async with agent(house, "siak") as siak, moderator(house) as console:
        first = await console.first(m.Telemetry)
        assert first.whole and set(first.sites) == {"siak"} and first.sites["siak"].connected
        actual = m.Actual(1, "muted", "off", "up", "up")
        await siak.say(actual)

        def told() -> Sequence[m.Telemetry]:
            return [t for t in console.of(m.Telemetry)[1:] if "siak" in t.sites]

        await console.wait_for(lambda: told() and told()[-1].sites["siak"].actual == actual)
        assert not told()[-1].whole


async def test_who_resumes_from_another_meeting_or_too_far_back_gets_a_snapshot(house) -> None:
    async with moderator(house) as console:
        await console.do(c.OpenMeeting())
        old = await console.do(c.CloseMeeting())
        first = await console.do(c.ConveneMeeting())
        for number in range(201):
            last = await console.do(c.SetBanner(str(number)))
        for resume, has_snapshot in (
            (old.seq, True),
            (first.seq, True),
            (last.seq + 1, True),
            (-1, True),
            (last.seq - 200, False),
            (last.seq, False),
        ):
            async with moderator(house, resume=resume) as again:
                assert (await again.first(m.Welcome)).has_snapshot == has_snapshot, resume
                await again.first(m.Telemetry)
                missed = [one.recorded.seq for one in again.of(m.Occurred)]
                assert missed == ([] if has_snapshot else [*range(resume + 1, last.seq + 1)])


async def test_a_console_that_reads_nothing_is_given_up_and_the_others_go_on(
    house, monkeypatch
) -> None:
    monkeypatch.setattr(peers, "PEER_QUEUE", 8)
    async with unix_connect(
        house.socket,
        "ws://localhost/",
        subprotocols=[SUBPROTOCOL],
        max_queue=1,
        close_timeout=0.1,
    ) as connection:
        await Client(connection).say(m.Hello("moderator", VERSION))
        await asyncio.wait_for(connection.recv(), 30)
        monkeypatch.setattr(peers, "PEER_QUEUE", 2048)
        async with moderator(house) as console:
            for number in range(100):
                answer = await console.do(c.AddNote(f"{number} " + "x" * 15_000))
                assert isinstance(answer, m.Ack)

            async def given_up() -> None:
                while len(house.server.consoles) > 1:
                    await asyncio.sleep(0.02)

            await asyncio.wait_for(given_up(), 30)
            assert isinstance(await console.do(c.AddNote("masih di sini")), m.Ack)


async def test_an_observer_sees_and_may_not_act(house) -> None:
    async with client(house, m.Hello("observer", VERSION)) as observer:
        await observer.first(m.Welcome)
        await observer.say(m.Command(uuid7(), c.OpenMeeting()))
        assert (await observer.first(m.Goodbye)).code == "not-allowed"
    assert house.server.state.phase == "planned"


# -- questions -----------------------------------------------------------------------------------


async def test_a_question_is_answered_from_the_journal(house) -> None:
    async with moderator(house) as console, client(house, m.Hello("observer", VERSION)) as other:
        await opened(console)
        await console.do(c.LogReport("minas", "Api padam di tiga titik"))
        await console.say(m.Query("q1", q.SearchReports("api")))
        answer = await console.first(m.Answer)
        assert answer.id == "q1" and [r.text for r in answer.body.reports] == [
            "Api padam di tiga titik"
        ]
        await other.first(m.Welcome)
        await other.say(m.Query("q2", q.ReadJournal(house.server.state.id)))
        events = (await other.first(m.Answer)).body
        assert events.events == tuple(house.journal.read(house.server.state.id))
        assert events.last_hash == house.journal.hash
        assert len(console.of(m.Answer)) == 1, "who did not ask is not told"


async def test_too_many_questions_are_refused_and_the_others_answered(house) -> None:
    async with moderator(house) as console:
        count = module.QUERY_QUEUE + 100
        asking = [m.Query(f"q{n}", q.ListMeetings()) for n in range(count)]
        await asyncio.gather(*(console.say(one) for one in asking))
        await console.wait_for(lambda: len(console.of(m.Answer) + console.of(m.Refused)) == count)
        assert {one.code for one in console.of(m.Refused)} <= {"busy"}
        assert len(console.of(m.Answer)) >= module.QUERY_QUEUE
        assert isinstance(await console.do(c.AddNote("masih di sini")), m.Ack)


async def test_a_meeting_like_an_earlier_one_keeps_its_plan_over_a_restart(house) -> None:
    async with moderator(house) as console:
        plan = msgspec.structs.replace(PLAN, title="Rapat khusus", number="005/12", agenda=("Tol",))
        await console.do(c.PrepareMeeting(plan))
        first = console.state.id
        await opened(console)
        await console.do(c.CloseMeeting())
        await console.do(c.ConveneMeeting())
        assert (await console.seen(house.journal.seq)).plan == PLAN, "from the roster"
        ack = await console.do(c.ConveneMeeting(like=first))
        state = await console.seen(ack.seq)
        assert state.plan == msgspec.structs.replace(plan, number="")
        refused = await console.do(c.ConveneMeeting(like="padang"))
        assert isinstance(refused, m.Refused) and refused.code == "unknown-meeting"
    again = MeetingServer(house.journal, lambda: PLAN)
    await again.prepare()
    assert again.state == house.server.state, "the roster does not take its place"


async def test_what_a_meeting_left_to_be_done_is_closed_in_the_next(house) -> None:
    async with moderator(house) as console:
        await opened(console)
        await console.do(c.AddFollowUp("Pasang antena", "Diskominfo", "2019-02-20", "minas"))
        await console.do(c.CloseMeeting())
        await console.do(c.ConveneMeeting())
        await console.wait_for(lambda: console.state.carried)
        (left,) = console.state.carried
        assert (left.entry.text, left.entry.site) == ("Pasang antena", "minas")
        ack = await console.do(c.CloseFollowUp(left.id))
        assert (await console.seen(ack.seq)).carried[0].closed_at is not None
        await console.say(m.Query("q1", q.ListFollowUps()))
        (line,) = (await console.first(m.Answer)).body.follow_ups
        assert line.closed_in == console.state.id
        await console.do(c.OpenMeeting())
        await console.do(c.CloseMeeting())
        await console.do(c.ConveneMeeting())
        ack = await console.do(c.SetBanner("Berikutnya"))
        assert (await console.seen(ack.seq)).carried == ()


async def test_what_an_older_meeting_left_is_closed_where_it_was_noted(house) -> None:
    async with moderator(house) as console:
        await opened(console)
        await console.do(c.AddFollowUp("Pasang antena", site="minas"))
        await console.do(c.CloseMeeting())
        ack = await console.do(c.SubmitMinutes())
        state = await console.seen(ack.seq)
        old, ident = state.id, state.follow_ups[0].id
        house.plans.append(
            msgspec.structs.replace(
                PLAN, sites=tuple(site for site in PLAN.sites if site.id != "minas")
            )
        )
        await console.do(c.ConveneMeeting())
        await console.do(c.OpenMeeting())
        refused = await console.do(c.CloseFollowUp(ident))
        assert refused.code == "unknown-follow-up", "this meeting has no such site"
        ack = await console.do(c.CloseFollowUp(ident, "dipasang PU", old))
        assert isinstance(ack, m.Ack)
        await console.say(m.Query("q1", q.ListFollowUps()))
        (line,) = (await console.first(m.Answer)).body.follow_ups
        assert (line.closed_in, line.how) == (old, "dipasang PU")
        before = house.server.state
        await console.do(c.ReopenFollowUp(ident, old))
        assert house.server.state == msgspec.structs.replace(before, seq=before.seq + 1)


# -- small pictures ------------------------------------------------------------------------------


async def test_pictures_are_asked_for_while_somebody_looks_and_carried_to_who_does(house) -> None:
    jpeg = b"\xff\xd8\xff\xe0small"
    async with agent(house, "kandis") as site, moderator(house) as other:
        assert site.of(m.Desired)[-1].preview_s == 0
        async with moderator(house) as console:
            await console.say(m.Watch("all"))
            await site.wait_for(lambda: site.of(m.Desired)[-1].preview_s > 0)
            await site.connection.send(encode_binary(Preview("kandis", jpeg)))
            await console.wait_for(lambda: console.of(Preview))
            assert console.of(Preview) == [Preview("kandis", jpeg)] and not other.of(Preview)
            await console.say(m.Watch("none"))
            await site.wait_for(lambda: site.of(m.Desired)[-1].preview_s == 0)
            await console.say(m.Watch("next"))
            await site.wait_for(lambda: site.of(m.Desired)[-1].preview_s > 0)
        await site.wait_for(lambda: site.of(m.Desired)[-1].preview_s == 0)


# -- before it starts ----------------------------------------------------------------------------


async def test_an_open_meeting_goes_on_and_a_planned_one_takes_the_new_roster(
    tmp_path: Path,
) -> None:
    plans = [PLAN]

    async def start() -> MeetingServer:
        journal = Journal(tmp_path / "journal.db")
        server = MeetingServer(journal, lambda: plans[-1])
        await server.prepare()
        return server

    first = await start()
    first.journal.close()
    again = await start()
    assert again.state == first.state, "planned with the same roster: the same meeting"
    again.journal.close()
    plans.append(msgspec.structs.replace(PLAN, title="Rapat lain"))
    other = await start()
    assert other.state.plan.title == "Rapat lain" and other.state.id != first.state.id
    await other._carry_out(None, "", c.OpenMeeting())
    other.journal.close()
    plans.append(PLAN)
    opened_again = await start()
    assert opened_again.state == other.state, "an open meeting keeps its roster"
    opened_again.journal.close()
