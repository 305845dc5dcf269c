"""Every way in which an agent might stay deaf while it lives: it comes back by itself."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pylibsrtp
import pytest

from agent.rtc import Connection
from protocol import messages as m
from tests.e2e.room import HALL, Room

pytestmark = pytest.mark.realtime
WITHIN_S = 45.0
"""Far longer than it takes: machines that run tests are slow, and deaf is for ever."""


def other_keys() -> pylibsrtp.Session:
    """SRTP as nobody else has it."""
    policy = pylibsrtp.Policy(
        key=bytes(30),
        ssrc_type=pylibsrtp.Policy.SSRC_ANY_INBOUND,
        srtp_profile=pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    )
    return pylibsrtp.Session(policy=policy)


def swallow(connection: Connection) -> None:
    """Let no media out, as one that the other end can't decrypt; reports go through."""
    outlet = connection.outlet
    assert outlet is not None
    usual = outlet.sendto

    def sendto(data: Any, address: tuple[Any, ...]) -> object:
        return usual(data, address) if 192 <= data[1] <= 223 else None

    outlet.sendto = sendto


def one_way(way: str) -> Callable[[Room, str], None]:
    return lambda room, name: room.sites[name].break_one_way(way)


def wrong_keys(room: Room, name: str) -> None:
    room.sites[name]._attempt.downlink._dtls._rx_srtp = other_keys()


def wrong_keys_at_the_relay(room: Room, name: str) -> None:
    room.relay.sites[name].uplink._dtls._rx_srtp = other_keys()


def media_does_not_pass(room: Room, name: str) -> None:
    swallow(room.relay.sites[name].downlink)


def the_relay_forgets_it(room: Room, name: str) -> None:
    forgotten = room.relay.sites.pop(name)
    room.relay.forwarding.forget(forgotten)


def ice_fails(room: Room, name: str) -> None:
    room.sites[name]._attempt.uplink._set_state("failed")


def lose_signals(room: Room, name: str, link: str, kind: str, times: int = 1) -> None:
    """The next ones of this kind get lost between the two, and a new connection is needed."""
    take, left = room.server._take, [times]

    async def lossy(peer: Any, message: m.FromClient) -> None:
        if isinstance(message, m.Signal) and left[0]:
            site = message.peer if peer.hello.role == "relay" else peer.hello.site
            if site == name and (message.link, message.kind) == (link, kind):
                left[0] -= 1
                return
        await take(peer, message)

    room.server._take = lossy  # type: ignore[method-assign]
    ice_fails(room, name)


def the_answer_gets_lost(room: Room, name: str) -> None:
    lose_signals(room, name, "uplink", "answer")


def the_offer_gets_lost(room: Room, name: str) -> None:
    lose_signals(room, name, "downlink", "offer")


def its_own_answer_gets_lost(room: Room, name: str) -> None:
    lose_signals(room, name, "downlink", "answer")


FAULTS: dict[str, Callable[[Room, str], None]] = {
    "nothing of it reaches the relay": one_way("uplink-out"),
    "nothing of the relay reaches its uplink": one_way("uplink-in"),
    "nothing reaches it": one_way("downlink-in"),
    "its requests do not reach the relay": one_way("downlink-out"),
    "wrong keys": wrong_keys,
    "wrong keys at the relay": wrong_keys_at_the_relay,
    "media does not pass, reports do": media_does_not_pass,
    "the relay forgets it": the_relay_forgets_it,
    "ICE fails": ice_fails,
    "the answer gets lost": the_answer_gets_lost,
    "the offer gets lost": the_offer_gets_lost,
    "its own answer gets lost": its_own_answer_gets_lost,
}


async def test_no_fault_leaves_a_site_deaf(tmp_path: Path) -> None:
    """Each fault at a site of its own, all at once."""
    async with Room(tmp_path, len(FAULTS)).open() as room:
        struck = dict(zip(FAULTS, [n for n in room.names if n != HALL], strict=True))
        before = {name: room.attempt(name) for name in room.names}
        for what, inject in FAULTS.items():
            inject(room, struck[what])

        def still_struck() -> list[str]:
            dead = {*room.deaf(), *room.unheard(room.names)}
            return [
                what
                for what, name in struck.items()
                if name in dead or room.attempt(name) in ("", before[name])
            ]

        try:
            await room.wait_for(lambda: not still_struck(), "all are back", WITHIN_S)
        finally:
            assert still_struck() == []
        assert room.attempt(HALL) == before[HALL], "who was not struck kept its connection"


async def test_a_speaker_whose_voice_does_not_arrive_is_heard_again(tmp_path: Path) -> None:
    """The hall's media are swallowed on the way up, its reports are not; it stays in its place."""
    async with Room(tmp_path, 1).open() as room:
        (other,) = [name for name in room.names if name != HALL]
        before = room.attempt(HALL)
        swallow(room.sites[HALL]._attempt.uplink)
        await room.wait_for(lambda: room.unheard([other]) == [other], "it is not heard")
        await room.wait_for(lambda: not room.unheard([other]), "it is heard", WITHIN_S)
        assert room.attempt(HALL) != before
        assert room.server.state.phase == "open" and room.server.state.sites[HALL].online


async def test_a_clock_that_steps_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Room(tmp_path, 2).open() as room:
        before = {name: room.attempt(name) for name in room.names}
        right = time.time
        for step_s in (3600, -86_400):
            monkeypatch.setattr(time, "time", lambda s=step_s: right() + s)
            downlinks = room.relay.forwarding.downlinks
            sent = downlinks.packets_out + 300
            await room.wait_for(lambda s=sent, d=downlinks: d.packets_out > s, "it flows")
            assert not room.unheard(room.names)
        assert {name: room.attempt(name) for name in room.names} == before
        rtts = [links.round_trip.ms for links in room.relay.sites.values()]
        assert max(rtts) < 1000, "no step was taken for a long way"


async def test_after_the_server_the_relay_and_both_were_restarted(tmp_path: Path) -> None:
    async with Room(tmp_path, 3).open() as room:
        before = {name: room.attempt(name) for name in room.names}
        await room.stop_server()
        await room.wait_for(lambda: not room.unheard(room.names), "they hear on without it")
        await room.start_server()
        await room.wait_for(
            lambda: room.server.relay.instance and len(room.server.agents) == 4, "all are back"
        )
        assert {name: room.attempt(name) for name in room.names} == before, "media was untouched"
        await room.restart_relay()
        await room.wait_for(
            lambda: (
                not {*room.deaf(), *room.unheard(room.names)}
                and all(room.attempt(name) != before[name] for name in room.names)
            ),
            "all hear the new relay",
        )
        before = {name: room.attempt(name) for name in room.names}
        await room.stop_server()
        await room.restart_relay()
        await room.start_server()
        await room.wait_for(
            lambda: (
                not {*room.deaf(), *room.unheard(room.names)}
                and all(room.attempt(name) != before[name] for name in room.names)
            ),
            "all hear the relay that came with the server",
        )
