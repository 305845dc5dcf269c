"""Frames on the wire: each comes back as it was sent; one direction does not take the other's."""

from typing import get_args

import msgspec
import pytest

from protocol import VERSION
from protocol import commands as c
from protocol import events as e
from protocol import messages as m
from protocol import queries as q
from protocol.session import decode_from_client, decode_from_server, encode

ACTUAL = m.Actual(7, "live", "off", "up", "connecting", ("chair",), ("main",), "no camera")
LINK = m.LinkReading("up", "down", 42.5, closed_packets=3, up_mos=4.1, video=False)
READING = m.SiteReading(own_level=30, mos=3.9, voice="clear", audio_kbps=12.0, redundancy=1)
BOTH_WAYS = m.Signal | m.Kept
FROM_CLIENT: list[m.FromClient] = [
    m.Hello("agent", VERSION, "kandis", "i", "1.0", 7, 9),
    m.Command("id", c.LogReport("kandis", "Aman 🔥", ("a",))),
    m.Query("id", q.SearchReports("banjir", limit=9)),
    m.Watch("next"),
    ACTUAL,
    m.SiteTelemetry(READING),
    m.RelayTelemetry(m.RelayReading(packets_in=3), {"kandis": LINK}),
    m.Routed(7),
    m.Signal("relay", "a1", "uplink", "offer", "v=0\r\n"),
    m.Kept("kandis", 7, ((1, 9), (11, 11))),
    m.Checked("k1", m.LineFigures(probes=300, loss_up_percent=10.0, camera="frozen")),
]
FROM_SERVER: list[m.FromServer] = [
    m.Welcome(9, 1, "s", msgspec.Raw(b'{"seq":9}')),
    m.Ack("id", 9),
    m.Refused("id", "offline", "Kandis is not connected.", {"site": "Kandis", "n": 2}),
    m.Answer("id", q.MeetingList((q.MeetingLine("m1", "Rapat", "Siak", 1),), True)),
    m.Answer("id", q.Events((e.Recorded(9, "m1", 1, "moderator", "", e.BannerSet("x")),))),
    m.Occurred(e.Recorded(9, "m1", 1, "moderator", "id", e.BannerSet("x"))),
    m.Desired(
        7,
        "r",
        "live",
        "off",
        {"chair": "hall"},
        {"chair": "Hall"},
        80,
        True,
        "b",
        "m1",
        "clear",
        "narrow",
        check=m.CheckOrder("k1", 2, 15, True),
    ),
    m.Route(7, {"floor": "kandis"}, ("hall", "kandis"), {"hall": "clear"}, {"kandis": "narrow"}),
    m.Signal("kandis", "a1", "downlink", "bye"),
    m.Kept("kandis", 7, ((1, 9),)),
    m.Telemetry(1, {"kandis": m.SiteStatus(True, "live", ACTUAL, m.SiteReading(), LINK)}, True),
    m.Goodbye("stopping", "the server was stopped"),
]


def name(message: object) -> str:
    return type(message).__name__


@pytest.mark.parametrize("message", FROM_CLIENT, ids=name)
def test_a_clients_frame_comes_back_as_it_was_sent(message: m.FromClient):
    assert decode_from_client(encode(message)) == message
    if not isinstance(message, BOTH_WAYS):
        with pytest.raises(msgspec.ValidationError):
            decode_from_server(encode(message))


@pytest.mark.parametrize("message", FROM_SERVER, ids=name)
def test_the_servers_frame_comes_back_as_it_was_sent(message: m.FromServer):
    again = decode_from_server(encode(message))
    if isinstance(message, m.Welcome):
        assert isinstance(again, m.Welcome)
        assert bytes(again.snapshot) == bytes(message.snapshot)
        assert encode(again) == encode(message)
    else:
        assert again == message
    if not isinstance(message, BOTH_WAYS):
        with pytest.raises(msgspec.ValidationError):
            decode_from_client(encode(message))


def test_the_examples_are_all_the_frames():
    assert {type(one) for one in FROM_CLIENT} == set(get_args(m.FromClient))
    assert {type(one) for one in FROM_SERVER} == set(get_args(m.FromServer))


def test_what_another_release_left_out_is_left_to_the_agent():
    desired = decode_from_server(
        b'{"type":"desired","revision":7,"relay":"r","microphone":"live","camera":"off","slots":{}}'
    )
    assert isinstance(desired, m.Desired) and (desired.voice, desired.media) == ("auto", "auto")
    route = decode_from_server(b'{"type":"route","revision":7,"slots":{},"sites":[]}')
    assert isinstance(route, m.Route) and (route.voice, route.media) == ({}, {})
    with pytest.raises(msgspec.ValidationError):
        decode_from_server(b'{"type":"route","revision":7,"slots":{},"sites":[],"voice":{"a":"x"}}')


def test_a_welcome_without_a_snapshot_knows_it():
    for welcome, has in ((m.Welcome(1, 1, "s"), False), (FROM_SERVER[0], True)):
        again = decode_from_server(encode(welcome))
        assert isinstance(again, m.Welcome) and again.has_snapshot == has


@pytest.mark.parametrize("ident", ["", "x" * 65])
def test_a_command_has_an_id_that_can_be_answered_and_remembered(ident: str):
    with pytest.raises(msgspec.ValidationError, match="length"):
        decode_from_client(encode(m.Command(ident, c.CallNext())))


@pytest.mark.parametrize(
    "change",
    [{"role": "king"}, {"version": "1"}, {"version": None}, {"more": 1}, {"type": "helo"}],
)
def test_a_damaged_hello_is_refused(change: dict[str, object]):
    hello = {"type": "hello", "role": "agent", "version": 1, **change}
    with pytest.raises(msgspec.ValidationError):
        decode_from_client(msgspec.json.encode(hello))


def test_the_slots_are_named_once():
    assert {*m.AUDIO_SLOTS, *m.VIDEO_SLOTS} == set(get_args(m.SlotName))
    assert len(m.AUDIO_SLOTS) + len(m.VIDEO_SLOTS) == len(get_args(m.SlotName))
