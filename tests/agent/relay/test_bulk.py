"""Pictures go out by and by, in order, to all who were to get them; a voice waits for none."""

import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from agent import lines, rtcp, rtp
from agent.picture.layers import PictureName
from agent.relay import bulk as module
from agent.relay.bulk import MAX_AGE_S, MAX_WAITING, PART, Bulk, Viewers, runs
from agent.relay.links import SiteLinks
from agent.rtc.outlet import Outlet, Outlets
from tests.agent.switchboard import Switchboard, session

COUNT = 3 * PART + 5


@pytest.fixture(scope="module")
def sessions() -> list[Session]:
    return [session(Policy.SSRC_ANY_OUTBOUND) for _ in range(COUNT)]


class Audience:
    """Receivers of whom is known what was sent to each, by number; the loop comes around when
    `turn` is called."""

    def __init__(self, sessions: list[Session]) -> None:
        self.got: list[list[int]] = [[] for _ in range(COUNT)]
        self.outlets = [Outlet(one, self._taker(n), ()) for n, one in enumerate(sessions)]
        self.calls: list[Callable[[], None]] = []
        self.sent: list[float] = []
        self.dropped: list[tuple[PictureName, list[int]]] = []
        self.late_s = 0.0
        self.bulk = Bulk(self.sent.append, lambda: None, self._note_dropped, self._clock)
        self.bulk.later = self.calls.append
        self.pushed = 0

    def _clock(self) -> float:
        return self.pushed / 1000 + self.late_s

    def _note_dropped(self, picture: PictureName, packets: list[bytes]) -> None:
        self.dropped.append((picture, [rtp.number_of(packet)[1] for packet in packets]))

    def _taker(self, number: int) -> Callable[[memoryview, object], None]:
        def take(data: memoryview, address: object) -> None:
            (seq,) = struct.unpack_from("!H", data, 2)
            self.got[number].append(seq)

        return take

    def viewers(self, count: int, picture: PictureName = "main") -> Viewers:
        return Viewers(picture, Outlets(self.outlets[:count]), [])

    def push(self, viewers: Viewers, size: int = 100) -> int:
        self.pushed += 1
        self.bulk.push(rtp.build(97, self.pushed, 0, 7, bytes(size)), viewers, self._clock())
        return self.pushed

    def turn(self) -> None:
        calls = self.calls[:]
        self.calls.clear()
        assert len(calls) <= 1, "called once at a time"
        for call in calls:
            call()


def test_it_tells_when_nothing_waits_any_more(sessions: list[Session]) -> None:
    audience = Audience(sessions)
    waiting: list[int] = []
    audience.bulk.done = lambda: waiting.append(len(audience.bulk))
    audience.push(audience.viewers(COUNT))
    audience.push(audience.viewers(COUNT))
    while audience.calls:
        assert not waiting
        audience.turn()
    assert waiting == [0] and all(got == [1, 2] for got in audience.got)


def test_the_loop_comes_around_before_all_have_a_picture(sessions: list[Session]) -> None:
    audience = Audience(sessions)
    everybody = audience.viewers(COUNT)
    for _ in range(3):
        audience.push(everybody)
    assert audience.got == [[]] * COUNT, "what came with it goes first"
    audience.turn()
    assert audience.got == [[1, 2, 3]] * PART + [[]] * (COUNT - PART)
    audience.turn()
    audience.push(everybody)
    audience.turn()
    assert audience.got[0] == [1, 2, 3, 4], "who has the others gets it, and all go on together"
    while audience.calls:
        audience.turn()
    assert audience.got == [[1, 2, 3, 4]] * COUNT
    assert audience.sent == [0.001, 0.002, 0.003, 0.004] and audience.bulk.packets_out == 4 * COUNT


STREAMS = 3
SIZES = (0, PART + 1, COUNT)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.one_of(
            st.just("turn"),
            st.tuples(st.integers(0, STREAMS - 1), st.sampled_from(SIZES)),
            st.tuples(st.integers(0, STREAMS - 1), st.sampled_from([b"x" * 40, b"x" * 1180])),
        ),
        max_size=60,
    )
)
def test_each_gets_what_it_was_to_get_of_each_picture_in_order(
    sessions: list[Session], steps: list[str | tuple[int, int | bytes]]
) -> None:
    audience = Audience(sessions)
    counts = [COUNT] * STREAMS
    tables = [audience.viewers(COUNT) for _ in range(STREAMS)]
    wanted: list[list[list[int]]] = [[[] for _ in range(STREAMS)] for _ in range(COUNT)]
    of: dict[int, int] = {}
    for step in steps:
        if isinstance(step, str):
            audience.turn()
            continue
        stream, what = step
        if isinstance(what, int):  # somebody came or went
            counts[stream], tables[stream] = what, audience.viewers(what)
            continue
        seq = audience.push(tables[stream], len(what))
        of[seq] = stream
        for one in wanted[: counts[stream]]:
            one[stream].append(seq)
    while audience.calls:
        audience.turn()
    for got, want in zip(audience.got, wanted, strict=True):
        assert [[seq for seq in got if of[seq] == n] for n in range(STREAMS)] == want
    assert sorted(audience.sent) == [seq / 1000 for seq in sorted(of)] and len(audience.bulk) == 0


@pytest.mark.parametrize("late_s, is_dropped", [(MAX_AGE_S - 0.01, False), (MAX_AGE_S, True)])
def test_a_picture_of_which_something_became_too_old_is_dropped_and_no_other(
    sessions: list[Session], late_s: float, is_dropped: bool
) -> None:
    audience = Audience(sessions)
    large, small = audience.viewers(COUNT), audience.viewers(COUNT, "main-low")
    audience.push(large)
    audience.turn()
    begun = sum(1 for one in audience.got if one)
    assert 0 < begun < COUNT
    audience.late_s = late_s
    audience.push(small)
    audience.push(large)
    while audience.calls:
        audience.turn()
    first, others = ([1, 2], [2]) if is_dropped else ([1, 2, 3], [1, 2, 3])
    assert [sorted(one) for one in audience.got] == [first] * begun + [others] * (COUNT - begun)
    assert audience.dropped == ([("main", [1, 3])] if is_dropped else [])
    counts = [one.dropped for one in audience.outlets]
    assert counts == [int(is_dropped)] * begun + [2 * is_dropped] * (COUNT - begun)


def test_what_waits_is_bounded_and_nothing_is_lost(sessions: list[Session]) -> None:
    audience = Audience(sessions)
    everybody = audience.viewers(COUNT)
    for _ in range(2 * MAX_WAITING):
        audience.push(everybody)
        assert len(audience.bulk) <= MAX_WAITING
    while audience.calls:
        audience.turn()
    assert audience.got == [[n + 1 for n in range(2 * MAX_WAITING)]] * COUNT


def test_runs_are_of_one_size_but_for_the_last() -> None:
    sizes = [9, 9, 3, 3, 3, 9, 4, 5, 1]
    found = [[len(one) for one in run] for run in runs([bytes(size) for size in sizes])]
    assert found == [[9, 9, 3], [3, 3], [9, 4], [5, 1]]
    assert list(runs([])) == []


def test_a_voice_goes_before_pictures_that_came_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PART", 1)
    monkeypatch.setattr(module, "STROKE", 1)
    board = Switchboard()
    board.route(floor="kandis", main="kandis")
    calls: list[Callable[[], None]] = []
    board.down.bulk.later = calls.append
    board.show("kandis", key=True)
    board.speak("kandis", 1)
    assert [h.payload_type for h in board.wire("hall").rtp()] == [96]
    delays = len(board.forwarding.delays)
    calls.pop()()
    assert [h.payload_type for h in board.wire("hall").rtp()] == [96, 97]
    assert [h.payload_type for h in board.wire("minas").rtp()] == [96]
    assert len(board.forwarding.delays) == delays, "it is on its way"
    calls.pop()()
    assert [h.payload_type for h in board.wire("minas").rtp()] == [96, 97]
    assert len(board.forwarding.delays) == delays + 1 and not calls


def test_a_link_that_dropped_pictures_gets_no_more_of_them() -> None:
    board = Switchboard()
    board.route(main="kandis")
    links = board.relay.sites["minas"]
    taken: list[bytes] = []
    changes: list[str] = []
    bulk = Bulk(lambda arrival: None, lambda: changes.append("changed"), lambda *what: None)

    def send_picture(packet: bytes, now: float) -> bool:
        taken.append(packet)
        if len(taken) == 2:
            links.downstream.steps.interrupted()
        return len(taken) != 2

    links.send_picture = send_picture  # type: ignore[method-assign]
    assert links.downstream.steps.takes("main", True)
    viewers = Viewers("main", Outlets([]), [links])
    for number in range(4):
        bulk.push(bytes([number]), viewers, 0.0)
    assert taken == [b"\0", b"\1"] and changes == ["changed"] and bulk.packets_out == 1
    assert isinstance(links, SiteLinks)


async def test_what_was_dropped_is_not_sent_again_and_a_key_frame_is_asked_for() -> None:
    board = Switchboard()
    board.route(floor="kandis", main="kandis")
    bulk = board.down.bulk
    calls: list[Callable[[], None]] = []
    bulk.later = calls.append
    now = [board.now]
    bulk._clock = lambda: now[0]
    board.show("kandis", key=True)
    board.up("kandis").told.clear()
    now[0] += MAX_AGE_S + 0.1
    calls.pop()()
    asked = [one for told in board.up("kandis").told for one in rtcp.parse(told)]
    assert any(isinstance(one, rtcp.Pli) for one in asked)
    ssrc, slot = lines.SLOT_SSRC["main"], board.forwarding.slots["main"]
    nack = rtcp.compound(9, rtcp.build_nack(9, ssrc, [slot._last_seq]))
    board.down.take_rtcp(board.relay.sites["minas"], nack, board.now)
    board.now = now[0]
    board.show("kandis", key=False)
    assert not calls and board.wire("minas").rtp() == board.wire("hall").rtp() == []
    board.show("kandis", key=True)
    calls.pop()()
    assert len(board.wire("minas").sent) == len(board.wire("hall").sent) == 1
    assert board.relay._telemetry.read(now[0]).links["hall"].down_dropped == 1
