"""The relay's decisions on packets; whole meetings run in tests/e2e."""

import asyncio
import os
from pathlib import Path

import pytest

from agent import lines, rtcp, rtp
from agent.audio.hop import Frame, VoiceStream
from agent.audio.ladder import CLEAR, STEP_FRAMES
from agent.bandwidth import PROBE_EVERY_S
from agent.picture import vp8_packets
from agent.picture.layers import LOW_LEAST
from agent.relay.links import EARLY_S, Upstream
from agent.relay.process import hold
from protocol import messages as m
from tests.agent.switchboard import SITES, Switchboard


def test_the_floor_goes_to_all_others_and_never_back() -> None:
    board = Switchboard()
    board.route(chair="hall", floor="kandis")
    board.speak("kandis", 3)
    board.speak("hall", 2)
    heard = {site: [lines.SLOT_OF_SSRC[h.ssrc] for h in board.wire(site).rtp()] for site in SITES}
    assert heard == {
        "hall": ["floor"] * 3,
        "kandis": ["chair"] * 2,
        "minas": ["floor"] * 3 + ["chair"] * 2,
    }
    assert (
        board.forwarding.uplinks.packets_in,
        board.down.packets_out,
    ) == (5, 10)


def test_every_receiver_gets_the_same_bytes() -> None:
    board = Switchboard()
    board.route(floor="kandis")
    board.speak("kandis", 5)
    assert board.wire("hall").sent == board.wire("minas").sent


def test_nothing_is_forwarded_from_a_site_that_feeds_no_slot_and_it_is_counted() -> None:
    board = Switchboard()
    board.route(chair="hall", floor="kandis")
    board.route(chair="hall", floor="minas")
    board.speak("kandis", 100)
    assert not board.wire("hall").sent and not board.wire("minas").sent
    # What was on its way in the first second is no alarm.
    links = board.relay.sites["kandis"]
    assert 45 <= links.take_closed(board.now + EARLY_S) <= 51
    assert not links.take_closed(board.now + 2 * EARLY_S), "each is counted once"


@pytest.mark.parametrize("after_s, count", [(EARLY_S - 0.1, 0), (EARLY_S + 0.1, 5)])
def test_what_came_just_before_the_route_that_opens_a_site_is_not_of_a_closed_one(
    after_s: float, count: int
) -> None:
    """The relay was held up: packets and Route waited for it side by side."""
    board = Switchboard()
    board.route(chair="hall")
    board.speak("kandis", 5)
    board.now += after_s
    board.route(chair="hall", floor="kandis")
    board.speak("kandis", 50)
    assert board.relay.sites["kandis"].take_closed(board.now + EARLY_S) == count
    assert len(board.wire("minas").sent) == 50


def test_a_new_picture_is_asked_for_at_once_and_held_until_it_comes() -> None:
    board = Switchboard()
    board.route(main="kandis")
    (ask,) = board.up("kandis").told
    assert rtcp.Pli(1, 21) in rtcp.parse(ask)
    board.show("kandis", key=False)
    assert not board.wire("hall").sent
    board.show("kandis", key=True)
    assert len(board.wire("hall").sent) == 1


def test_requests_of_receivers_are_answered_from_history() -> None:
    board = Switchboard()
    board.route(floor="kandis")
    board.speak("kandis", 5)
    lost = board.wire("minas").sent[2]
    ssrc = lines.SLOT_SSRC["floor"]
    nack = rtcp.compound(9, rtcp.build_nack(9, ssrc, [rtp.parse(lost).seq]))
    board.wire("minas").sent.clear()
    board.down.take_rtcp(board.relay.sites["minas"], nack, board.now)
    assert board.wire("minas").sent == [lost]
    board.down.take_rtcp(board.relay.sites["kandis"], nack, board.now)
    assert board.wire("kandis").sent == [], "its own voice never comes back to a site"


def test_a_receiver_with_losses_gets_copies_and_the_others_do_not() -> None:
    board = Switchboard()
    board.route(floor="kandis")
    board.lose("minas", 3)
    assert {h.payload_type for h in board.wire("hall").rtp()} == {96}
    rich = board.wire("minas").sent
    assert len(rich) == 150 and {h.payload_type for h in board.wire("minas").rtp()[-20:]} == {63}
    assert rich[-1].count(b"kandis") == 2 and board.wire("hall").sent[-1].count(b"kandis") == 1
    board.lose("minas", 2 * STEP_FRAMES // 50)
    assert board.wire("minas").sent[-1].count(b"kandis") == 1 + len(CLEAR[1])
    assert {h.payload_type for h in board.wire("hall").rtp()} == {96}


def test_what_is_sent_again_is_what_was_sent_though_the_redundancy_changed() -> None:
    board = Switchboard()
    board.route(floor="kandis")
    board.lose("minas", 1)
    plain = board.wire("minas").sent[-1]
    links = board.relay.sites["minas"]
    board.lose("minas", 2)
    assert links.downstream.distances
    nack = rtcp.build_nack(9, lines.SLOT_SSRC["floor"], [rtp.parse(plain).seq])
    board.down.take_rtcp(links, rtcp.compound(9, nack), board.now)
    assert board.wire("minas").sent[-1] == plain and len(board.wire("minas").sent) == 151


def test_a_frame_lost_on_the_way_up_reaches_everybody_by_its_copy() -> None:
    board = Switchboard()
    board.route(floor="kandis")
    sent = VoiceStream(20, 96, 63)
    packets = []
    for n in range(20):
        sent.add(Frame(n, n * 960, f"frame {n}".encode()))
        packets.append(sent.packet(n, (2, 6), 0.0))
    for n, packet in enumerate(packets):
        if n not in (10, 11, 12) and packet is not None:
            board.forwarding.forward(board.relay.sites["kandis"], packet, board.now + n * 0.02)
    own = [packet.rsplit(b"frame ", 1)[-1] for packet in board.wire("hall").sent]
    assert sorted(own, key=int) == [str(n).encode() for n in range(20)]


def test_a_thin_downlink_gets_the_voice_and_no_picture() -> None:
    board = Switchboard()
    board.route(floor="kandis", main="kandis")
    remb = rtcp.compound(9, rtcp.build_remb(9, 60_000))
    board.down.take_rtcp(board.relay.sites["minas"], remb, board.now)
    board.show("kandis", key=True)
    board.speak("kandis", 2)
    video = lines.SLOT_SSRC["main"]
    assert video in {h.ssrc for h in board.wire("hall").rtp()}
    assert {h.ssrc for h in board.wire("minas").rtp()} == {lines.SLOT_SSRC["floor"]}


def test_of_a_small_picture_its_site_is_asked_for_what_the_thinnest_link_carries() -> None:
    board = Switchboard()
    large, small = Upstream("video", 21, "high"), Upstream("video", 22, "low")
    board.relay.sites["kandis"].upstreams = {20: Upstream("audio", 20), 21: large, 22: small}
    board.route(floor="kandis", main="kandis")
    board.down.take_rtcp(
        board.relay.sites["minas"], rtcp.compound(9, rtcp.build_remb(9, 120_000)), board.now
    )
    for second in range(200):  # pictures of 640 kbit/s together, for four seconds
        board.speak("kandis")
        for ssrc, size in ((21, 1350), (22, 250)):
            (payload,) = vp8_packets.packetize(b"\0" + bytes(size), 5, 2000)
            seq = 10 + second
            packet = rtp.build(97, seq, 1800 * second, ssrc, payload, marker=True)
            board.forwarding.forward(board.relay.sites["kandis"], packet, board.now)
        board.forwarding.tick(board.now)
    asked = [o for packet in board.up("kandis").told for o in rtcp.parse(packet)]
    limits = [one for one in asked if isinstance(one, rtcp.Tmmbr) and one.media_ssrc == 22]
    assert 3 <= len(limits) <= 6, "about once a second"
    assert all(LOW_LEAST <= one.bitrate < 120_000 for one in limits)
    told = [one for packet in board.wire("minas").told for one in rtcp.parse(packet)]
    probes = [one for one in told if isinstance(one, rtcp.Probe)]
    assert [(one.number, one.is_second) for one in probes[:4]] == [
        (1, False), (1, True), (2, False), (2, True),
    ]  # fmt: skip
    assert len(probes) / 2 == pytest.approx(4 / PROBE_EVERY_S, abs=1)
    untold = [one for packet in board.wire("hall").told for one in rtcp.parse(packet)]
    assert not any(isinstance(one, rtcp.Probe) for one in untold), "of it nothing bad is known"
    before = len(board.up("kandis").told)
    board.route(floor="hall", main="hall")
    for _ in range(100):
        board.now += 0.02
        board.forwarding.tick(board.now)
    after = [o for packet in board.up("kandis").told[before:] for o in rtcp.parse(packet)]
    assert not any(isinstance(one, rtcp.Tmmbr) for one in after), "nobody sees it any more"


def test_one_thin_link_has_no_say_in_what_most_others_get_of_a_small_picture() -> None:
    board = Switchboard()
    board.relay.sites["kandis"].upstreams[22] = Upstream("video", 22, "low")
    board.route(floor="kandis", main="kandis")
    others = [board.relay.sites[site].downstream.steps for site in ("hall", "minas")]
    for steps in others:
        steps.takes_small = True
    said = []
    for wishes in ((None, None), (45_000, None), (45_000, 50_000)):
        for steps, wish in zip(others, wishes, strict=True):
            steps.small_wish = wish
        kandis = board.relay.sites["kandis"].downstream.steps
        kandis.takes_small, kandis.small_wish = True, None
        board.now += 0.1
        board.down.begin_look(board.now)
        said.append((board.down.small_bitrate, board.down._small_least))
        board.down._to_look.clear()
    assert said == [(None, 100_000), (None, 100_000), (45_000, 45_000)]


def test_the_large_picture_is_recorded_whatever_anybodys_link_carries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    board = Switchboard()
    recorded: list[tuple[str, int]] = []
    monkeypatch.setattr(
        board.relay.recorder,
        "picture",
        lambda slot, site, header, packet, now: recorded.append((slot, header.ssrc)),
    )
    large, small = Upstream("video", 21, "high"), Upstream("video", 22, "low")
    board.relay.sites["kandis"].upstreams = {20: Upstream("audio", 20), 21: large, 22: small}
    board.route(floor="kandis", main="kandis")
    for site in ("hall", "minas"):
        remb = rtcp.compound(9, rtcp.build_remb(9, 60_000))
        board.down.take_rtcp(board.relay.sites[site], remb, board.now)

    def show(ssrc: int, number: int, *, key: bool) -> None:
        (payload,) = vp8_packets.packetize((b"\0" if key else b"\1") + bytes(99), number)
        packet = rtp.build(97, number, 9000 * number, ssrc, payload, marker=True)
        board.now += 0.05
        board.forwarding.forward(board.relay.sites["kandis"], packet, board.now)
        board.forwarding.tick(board.now)

    show(22, 1, key=True)
    show(21, 1, key=False)
    show(22, 2, key=False)
    assert recorded == [("main", 22), ("main", 22)], "until the large one begins"
    show(21, 2, key=True)
    for number in range(3, 9):
        show(22, number, key=number == 5)
        show(21, number, key=False)
    assert recorded[2:] == [("main", 21)] * 7, "one size at a time"
    video = {lines.SLOT_SSRC["main"], lines.SLOT_SSRC["main-low"]}
    assert not video & {h.ssrc for h in board.wire("minas").rtp()}, "who sees none himself"


def test_audio_only_is_obeyed() -> None:
    board = Switchboard()
    media: dict[str, m.MediaMode] = {"minas": "audio-only"}
    slots: dict[m.SlotName, str] = {"floor": "kandis", "main": "kandis"}
    board.relay.take_route(m.Route(1, slots, SITES, media=media), board.now)
    board.down.look(board.now)
    board.show("kandis", key=True)
    assert len(board.wire("hall").sent) == 1 and not board.wire("minas").sent


def test_damage_is_dropped() -> None:
    board = Switchboard()
    board.route(floor="kandis")
    for packet in (b"", b"\x80", b"\x80" * 40, rtp.build(96, 1, 1, 4711, b"stranger")):
        board.forwarding.forward(board.relay.sites["kandis"], packet, board.now)
    assert not board.wire("hall").sent


async def test_a_site_that_left_the_roster_is_dropped() -> None:
    board = Switchboard()
    closed = asyncio.Event()

    async def close() -> None:
        closed.set()

    board.relay.sites["minas"].close = close  # type: ignore[method-assign]
    async with asyncio.TaskGroup() as group:
        board.relay._group = group
        board.relay.take_route(m.Route(2, {}, ("hall", "kandis")), board.now)
        await asyncio.wait_for(closed.wait(), 30)
    assert set(board.relay.sites) == {"hall", "kandis"}


def test_one_relay_holds_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "relay.lock"
    handle = hold(lock)
    assert lock.read_text() == str(os.getpid())
    with pytest.raises(SystemExit, match="another relay"):
        hold(lock)
    os.close(handle)
    os.close(hold(lock))
