"""Who is sent what: tables that follow every change, and nobody who holds up the others."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent import lines, rtcp, rtp
from agent.audio.hop import PAIRS, TWINS, Blocks, Distances
from agent.relay.downlinks import LOOKED_AT_ONCE, TWICE_AFTER_S
from agent.relay.links import EARLY_S, SiteLinks
from agent.relay.ticks import TOGETHER
from agent.rtc.outlet import QUEUE_PACKETS
from tests.agent.switchboard import SITES, Switchboard, Wire


def needs(board: Switchboard, site: str, distances: Distances) -> None:
    """The link of a site is to be sent these copies, as its ladder would have it."""
    board.relay.sites[site].downstream.distances = distances
    board.down.audience.settle()


def voices(board: Switchboard, site: str) -> list[bytes]:
    """The packets of voice that a site got."""
    return [p for p in board.wire(site).sent if rtp.parse(p).payload_type in (96, 63)]


def test_a_packet_is_packed_once_for_all_that_need_the_same(monkeypatch) -> None:
    board = Switchboard()
    board.route(floor="kandis")
    packed: list[tuple[int, Distances]] = []
    slot = board.forwarding.slots["floor"]
    usual = slot.packet  # type: ignore[attr-defined]

    def packet(seq: int, distances: Distances, receiver: str, now: float):
        packed.append((seq, distances))
        return usual(seq, distances, receiver, now)

    monkeypatch.setattr(slot, "packet", packet)
    board.speak("kandis", 10)
    assert len(packed) == 10, "once for hall and minas"
    needs(board, "minas", (2, 6))
    board.speak("kandis", 10)
    assert len(packed) == 30 and {distances for _seq, distances in packed} == {(), (2, 6)}


def test_tables_are_made_on_a_change_and_not_for_a_packet(monkeypatch) -> None:
    board = Switchboard()
    board.route(floor="kandis", main="kandis")
    board.show("kandis", key=True)
    board.speak("kandis", 2)
    made: list[str] = []
    usual = board.down.audience._others

    def hearers(slot):
        made.append(slot.name)
        return usual(slot)

    monkeypatch.setattr(board.down.audience, "_others", hearers)
    board.speak("kandis", 100)
    for _ in range(100):
        board.show("kandis", key=False)
    assert made == []
    board.route(floor="kandis")
    board.forwarding.tick(board.now)
    board.forwarding.tick(board.now + 1)
    made.clear()
    for _ in range(100):
        board.speak("kandis", 1)
        board.forwarding.tick(board.now + 1)
    assert made == []
    board.route(floor="minas")
    board.speak("minas", 100)
    assert made == ["floor"]


def test_who_comes_is_sent_to_at_once_and_who_goes_is_not() -> None:
    board = Switchboard()
    board.route(floor="kandis")
    board.speak("kandis", 2)
    board.wire("minas").state = "failed"
    board.forwarding.set_receivers()
    board.speak("kandis", 3)
    assert (len(voices(board, "hall")), len(voices(board, "minas"))) == (5, 2)
    links = SiteLinks("siak", "attempt")
    links.downlink = Wire()  # type: ignore[assignment]
    board.relay.sites["siak"] = links
    board.forwarding.set_receivers()
    board.speak("kandis", 4)
    assert len(voices(board, "siak")) == 4
    board.forwarding.forget(links)
    board.speak("kandis", 1)
    assert len(voices(board, "siak")) == 4 and len(voices(board, "hall")) == 10


def test_a_switch_changes_who_hears_and_never_sends_one_its_own() -> None:
    board = Switchboard()
    for speaker in ("kandis", "minas", "hall", "kandis"):
        board.route(floor=speaker, main=speaker)
        for site in SITES:
            board.wire(site).sent.clear()
        board.speak(speaker, 5)
        board.show(speaker, key=True)
        heard = {site: len(board.wire(site).sent) for site in SITES}
        assert heard == {site: 0 if site == speaker else 6 for site in SITES}


def test_a_link_that_needs_copies_gets_them_and_the_others_stay_as_they_are() -> None:
    board = Switchboard()
    board.route(floor="kandis")
    board.speak("kandis", 10)
    needs(board, "minas", (2, 6))
    board.speak("kandis", 10)
    assert {h.payload_type for h in board.wire("hall").rtp()} == {96}
    assert [h.payload_type for h in board.wire("minas").rtp()] == [96] * 10 + [63] * 10


def test_of_a_pair_the_first_goes_out_before_another_speaks() -> None:
    board = Switchboard()
    board.route(floor="kandis")
    needs(board, "minas", PAIRS)
    needs(board, "hall", PAIRS)
    board.speak("kandis", 4)
    assert [h.payload_type for h in board.wire("minas").rtp()] == [96, 63]
    board.route(floor="hall")
    for site in ("minas", "hall"):
        assert [h.payload_type for h in board.wire(site).rtp()] == [96, 63, 96], "the last alone"
    board.speak("hall", 3)
    assert [h.payload_type for h in board.wire("minas").rtp()] == [96, 63, 96, 96, 63]
    assert [h.payload_type for h in board.wire("kandis").rtp()] == [96] * 3


def test_of_a_pair_the_first_goes_to_one_whose_link_is_better_now() -> None:
    board = Switchboard()
    board.route(floor="kandis")
    needs(board, "minas", PAIRS)
    board.speak("kandis", 2)
    assert len(board.wire("minas").sent) == 1
    needs(board, "minas", ())
    board.speak("kandis", 1)
    assert board.wire("minas").sent == board.wire("hall").sent


def test_what_waits_in_vain_is_sent_by_the_tick() -> None:
    board = Switchboard()
    board.route(floor="kandis")
    needs(board, "minas", PAIRS)
    board.speak("kandis", 2)
    board.down.send_late(board.now + 0.01)
    assert len(board.wire("minas").sent) == 1
    board.down.send_late(board.now + 0.05)
    assert board.wire("minas").sent == board.wire("hall").sent


async def test_one_whose_socket_takes_nothing_holds_up_nobody_and_its_drops_are_told() -> None:
    board = Switchboard()
    board.route(floor="kandis")
    board.wire("minas").is_clogged = True
    count = QUEUE_PACKETS + 20
    board.speak("kandis", count)
    assert len(board.wire("hall").sent) == count and not board.wire("minas").sent
    # The report that comes before the first packet went the same way.
    reading = board.relay._telemetry.read(board.now)
    assert reading.links["minas"].down_dropped == 21 and reading.links["hall"].down_dropped == 0
    board.wire("minas").is_clogged = False
    board.wire("minas").writable.pop()()
    assert board.wire("minas").sent == board.wire("hall").sent[20:], "the newest, in order"


def test_a_request_twice_for_the_same_is_answered_by_an_echo_too() -> None:
    board = Switchboard()
    board.route(floor="kandis")
    board.speak("kandis", 5)
    links, ssrc = board.relay.sites["minas"], lines.SLOT_SSRC["floor"]
    lost = board.wire("minas").sent[2]
    nack = rtcp.compound(9, rtcp.build_nack(9, ssrc, [rtp.parse(lost).seq]))
    for after in (0.1, 0.2):
        board.down.take_rtcp(links, nack, board.now + after)
    assert board.wire("minas").sent.count(lost) == 3 and board.down._echoing
    board.forwarding.tick(board.now + 0.3)
    assert board.wire("minas").sent.count(lost) == 4 and not board.down._echoing
    board.forwarding.tick(board.now + 0.5)
    assert board.wire("minas").sent.count(lost) == 4


def test_what_is_asked_for_before_it_came_up_is_sent_once_when_it_is_asked_for_again() -> None:
    board = Switchboard()
    board.route(floor="kandis")
    board.speak("kandis", 4)
    links, ssrc = board.relay.sites["minas"], lines.SLOT_SSRC["floor"]
    next_seq = (rtp.parse(board.wire("minas").sent[-1]).seq + 1) & 0xFFFF
    nack = rtcp.compound(9, rtcp.build_nack(9, ssrc, [next_seq]))
    board.down.take_rtcp(links, nack, board.now)
    board.speak("kandis", 1)
    came = board.wire("minas").sent[-1]
    board.down.take_rtcp(links, nack, board.now + 0.1)
    assert board.wire("minas").sent.count(came) == 2 and not board.down._echoing


@pytest.mark.parametrize("site", ["minas", "hall"])
def test_a_picture_that_comes_back_waits_for_its_key_frame_alone(site: str) -> None:
    board = Switchboard()
    board.route(main="kandis")
    board.show("kandis", key=True)
    board.show("kandis", key=False)
    board.relay.sites[site].downstream.steps.interrupted()
    board.down.audience.changed()
    board.show("kandis", key=False)
    other = "hall" if site == "minas" else "minas"
    assert (len(board.wire(site).sent), len(board.wire(other).sent)) == (2, 3)
    board.show("kandis", key=True)
    board.show("kandis", key=False)
    assert (len(board.wire(site).sent), len(board.wire(other).sent)) == (4, 5)


def pictures(board: Switchboard, site: str) -> int:
    """Packets of pictures that a site got, and forget them."""
    wire = board.wire(site)
    count = sum(header.payload_type == 97 for header in wire.rtp())
    wire.sent.clear()
    return count


def test_a_key_frame_goes_twice_to_whose_link_loses_much_and_to_nobody_else() -> None:
    board = Switchboard()
    board.route(floor="kandis", main="kandis")
    board.show("kandis", key=True)
    pictures(board, "minas")
    pictures(board, "hall")
    board.lose("minas", 3, fraction=40)
    board.lose("hall", 3, fraction=0)
    pictures(board, "minas")
    for key, wanted in ((True, 2), (False, 1)):
        board.show("kandis", key=key, ts=9000 if key else 18_000)
        first = board.wire("minas").sent[-1]
        board.down.send_late(board.now + TWICE_AFTER_S - 0.001)
        board.down.send_late(board.now + TWICE_AFTER_S)
        assert board.wire("minas").sent.count(first) == wanted
        assert (pictures(board, "minas"), pictures(board, "hall")) == (wanted, 1)
    board.lose("minas", 40, fraction=0)
    pictures(board, "minas")
    board.show("kandis", key=True)
    board.down.send_late(board.now + 1)
    assert pictures(board, "minas") == 1, "it loses no more"


def test_over_a_thin_link_a_picture_is_sent_again_while_it_is_shown_and_at_its_pace() -> None:
    board = Switchboard()
    board.route(main="kandis")
    board.show("kandis", key=True)
    links, ssrc = board.relay.sites["minas"], lines.SLOT_SSRC["main"]
    first = list(board.wire("minas").sent)
    board.down.take_rtcp(links, rtcp.compound(9, rtcp.build_remb(9, 200_000)), board.now)
    nack = rtcp.compound(9, rtcp.build_nack(9, ssrc, [rtp.parse(one).seq for one in first]))
    assert links.paced is not None
    links.paced.pacer.spent(10_000, board.now)
    board.down.take_rtcp(links, nack, board.now)
    assert board.wire("minas").sent == first, "it waits"
    for _ in range(20):
        board.now += 0.01
        board.down.send_late(board.now)
    assert board.wire("minas").sent == 2 * first and links.resent == len(first)
    links.downstream.steps.interrupted()
    board.down.take_rtcp(links, nack, board.now + 1)
    board.down.send_late(board.now + 2)
    assert board.wire("minas").sent == 2 * first, "nobody looks at it"


def test_the_second_copy_of_a_key_frame_goes_out_by_the_tick_and_waits_for_no_packet() -> None:
    board = Switchboard()
    board.route(floor="kandis", main="kandis")
    board.show("kandis", key=True)
    board.lose("minas", 3, fraction=40)
    board.show("kandis", key=True, ts=9000)
    sent = []
    for _ in range(3):
        sent.append(pictures(board, "minas"))
        board.now += 0.55 * TWICE_AFTER_S
        board.forwarding.tick(board.now)
    sent.append(pictures(board, "minas"))
    assert sent[1:] == [0, 1, 0]


def test_links_are_looked_at_by_and_by_but_all_of_them_each_time() -> None:
    board = Switchboard()
    for number in range(100):
        links = SiteLinks(f"site-{number}", "attempt")
        links.downlink = Wire()  # type: ignore[assignment]
        board.relay.sites[links.site] = links
    looked: list[str] = []
    for links in board.relay.sites.values():
        site, usual = links.site, links.downstream.update

        def update(*how, site=site, usual=usual):
            looked.append(site)
            return usual(*how)

        links.downstream.update = update  # type: ignore[method-assign]
        links.downstream.is_settled = lambda *_how: False  # type: ignore[method-assign]
    board.forwarding.tick(board.now)
    assert 0 < len(looked) <= LOOKED_AT_ONCE
    for tick in range(1, 9):
        board.forwarding.tick(board.now + tick / 100)
    assert looked == list(board.relay.sites), "each once"
    board.down.begin_look(board.now + 0.1)
    board.down.begin_look(board.now + 0.2)
    assert looked == 2 * list(board.relay.sites), "what is left is not left out"


def test_of_a_link_of_which_nothing_is_known_nothing_is_chosen_until_something_is() -> None:
    board = Switchboard()
    board.route(floor="kandis", main="kandis")
    board.show("kandis", key=True)
    minas = board.relay.sites["minas"].downstream
    chosen: list[float] = []
    usual = minas._ladder.settings
    minas._ladder.settings = lambda now: chosen.append(now) or usual(now)  # type: ignore
    board.down.look(board.now + 0.1)
    for later in range(2, 7):
        board.down.look(board.now + 0.1 * later)
    assert len(chosen) == 1
    remb = rtcp.compound(9, rtcp.build_remb(9, 300_000))
    board.down.take_rtcp(board.relay.sites["minas"], remb, board.now + 2)
    board.down.look(board.now + 2.1)
    assert len(chosen) == 3 and minas.available == pytest.approx(300_000, rel=0.01)


def test_each_site_is_reported_to_once_a_second_and_few_at_a_time() -> None:
    board = Switchboard()
    for number in range(27):
        links = SiteLinks(f"site-{number}", "attempt")
        links.uplink, links.downlink = Wire(), Wire()  # type: ignore[assignment]
        board.relay.sites[links.site] = links
    board.forwarding.set_receivers()
    ups = [links.uplink for links in board.relay.sites.values()]
    downs = [links.downlink for links in board.relay.sites.values()]

    def told(wires: list[Wire]) -> int:
        return sum(len(wire.told) for wire in wires)

    most = [0, 0]
    for _ in range(100):
        board.now += 0.01
        before = [told(ups), told(downs)]
        board.forwarding.tick(board.now)
        most = [max(m, told(w) - b) for m, w, b in zip(most, (ups, downs), before, strict=True)]
    assert [len(wire.told) for wire in ups] == [1] * 30, "receiver reports"
    assert [len(wire.told) for wire in downs] == [1] * 30, "sender reports"
    assert max(most) <= TOGETHER


def test_a_slot_in_which_nothing_goes_on_is_reported_of_once_more() -> None:
    board = Switchboard()
    board.route(chair="hall", floor="kandis")
    board.speak("kandis", 1)
    board.speak("hall", 1)
    minas = board.wire("minas")
    reported: list[set[str]] = []
    for _ in range(3):
        minas.told.clear()
        for _ in range(100):
            board.now += 0.01
            board.forwarding.tick(board.now)
        sent = [one for told in minas.told for one in rtcp.parse(told)]
        found = [one for one in sent if isinstance(one, rtcp.SenderReport)]
        assert all(one.packets == 1 for one in found)
        reported.append({lines.SLOT_OF_SSRC[one.ssrc] for one in found})
    assert reported == [{"chair", "floor"}, {"chair", "floor"}, {"floor"}] or reported == [
        {"chair", "floor"},
        {"floor"},
        {"floor"},
    ], "one report at least, for the round trip"


async def test_each_reading_of_a_link_is_told_once() -> None:
    board = Switchboard()
    telemetry = board.relay._telemetry
    links = board.relay.sites["minas"]
    told = []
    for tick in range(150):
        board.now += 0.01
        if tick % 10 == 0:
            links.came_closed(board.now)
        telemetry.tick(board.now)
        if tick % 47 == 0:  # a little sooner than all were read anew
            told.append(telemetry.read(board.now).links)
    assert all(set(one) == set(SITES) for one in told), "all of them each time"
    last = telemetry.read(board.now + EARLY_S).links["minas"].closed_packets
    assert sum(one["minas"].closed_packets for one in told) + last == 15


async def test_a_rate_is_that_of_the_time_since_it_was_read_last() -> None:
    board = Switchboard()
    telemetry = board.relay._telemetry
    wire = board.wire("minas")
    telemetry.read(board.now)
    for after_s in (0.5, 0.25):
        board.now += after_s
        wire.bytes_out += 10_000
        rate = telemetry.read(board.now).links["minas"].down_kbps
        assert rate == pytest.approx(80 / after_s, abs=0.1)


CHANGES = st.one_of(
    st.tuples(st.just("speak"), st.integers(1, 4)),
    st.tuples(st.just("need"), st.sampled_from(SITES), st.sampled_from([(), (2, 6), PAIRS, TWINS])),
    st.tuples(st.just("floor"), st.sampled_from(SITES)),
    st.tuples(st.just("late")),
    st.tuples(st.just("again"), st.sampled_from(SITES)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(CHANGES, min_size=5, max_size=30))
@example(  # his own frame waits in the batch in which he alone is left
    [
        ("need", "kandis", PAIRS),
        ("need", "minas", PAIRS),
        ("floor", "minas"),
        ("speak", 2),
        ("need", "kandis", ()),
        ("floor", "hall"),
    ]
)
def test_under_one_number_a_site_is_sent_the_same_bytes_only(changes: list[tuple]) -> None:
    """Other bytes under a number would use an SRTP nonce twice. And of every frame that is not its
    own it gets one packet, alone or with the next."""
    board = Switchboard()
    board.route(floor="hall")
    speaker, ssrc = "hall", lines.SLOT_SSRC["floor"]
    slot = board.down._slots["floor"]
    spoken: dict[str, set[int]] = {site: set() for site in SITES}
    for change, *how in changes:
        if change == "speak":
            for _ in range(how[0]):
                board.speak(speaker, 1)
                spoken[speaker].add(slot._last_seq)
        elif change == "need":
            needs(board, *how)
        elif change == "floor":
            board.route(floor=how[0])
            speaker = how[0]
        elif change == "late":
            board.down.send_late(board.now + 1)
        else:
            seqs = [(slot._last_seq - n) & 0xFFFF for n in range(20)]
            nack = rtcp.compound(9, rtcp.build_nack(9, ssrc, sorted(seqs)))
            board.now += 0.04
            board.down.take_rtcp(board.relay.sites[how[0]], nack, board.now)
    board.down.send_late(board.now + 1)
    for site in SITES:
        found: dict[int, bytes] = {}
        heard = set()
        for packet in board.wire(site).sent:
            header = rtp.parse(packet)
            assert found.setdefault(header.seq, packet) == packet
            payload = packet[header.payload_offset : header.payload_end]
            for offset, _data in Blocks(96, 63).of(header, payload):
                heard.add((header.seq - offset // 960) & 0xFFFF)
        others = set().union(*(spoken[other] for other in SITES if other != site))
        assert others <= heard and not heard & spoken[site]
