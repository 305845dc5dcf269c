"""How long what is late is waited for."""

import random

import pytest

from agent.audio.delay import (
    CLEAR_COPIED_S,
    CLEAR_FLOOR_S,
    CONVERSATION_MAX_S,
    CONVERSATION_RECOVER_S,
    FIRST_S,
    JUST_S,
    MARGIN_S,
    MOST_LOST,
    PARITY_BOTH_SPARE_S,
    PARITY_SPARE_S,
    QUEUED,
    REACH_FRAMES,
    REACH_S,
    Aim,
    LinkMemory,
    Mode,
)
from agent.audio.delay import CONVERSATION_FLOOR_S as FLOOR_S
from agent.audio.hop import PARITY
from agent.audio.ladder import CLEAR
from agent.audio.lateness import WINDOW_FRAMES
from agent.audio.playout import SHORT_BY_S, Playout
from tests.agent.audio.tape import FRAME_S, Pauses, Room, Tape, arrive, known, play, said, talk


def test_the_modes_differ_in_delay() -> None:
    delays = {}
    for mode in ("conversation", "clear"):
        room = Room()
        room.playout.aim.mode = mode  # type: ignore[assignment]
        play(room, range(1, 100), set())
        delays[mode] = room.playout.delay_ms
    assert delays["conversation"] <= 100 and 340 <= delays["clear"] <= 400


def test_automatic_is_conversation_on_a_good_link_and_clear_on_a_bad_one() -> None:
    room = Room()
    play(room, range(1, 500), set())
    assert room.playout.aim.voice == "conversation"
    room = Room()
    play(room, range(1, 500), set(range(10, 500, 10)))
    assert room.playout.aim.voice == "clear"
    room = Room()
    play(room, range(1, 500), {100})
    assert room.playout.aim.voice == "conversation", "one loss is no bad link"


def test_a_new_speaker_inherits_what_is_known_of_the_link_and_nothing_else() -> None:
    link = LinkMemory()
    bad = Room()
    bad.playout = Playout(Tape(), link=link)
    play(bad, range(1, 500), set(range(10, 500, 10)))
    assert Playout(Tape(), link=link).aim.voice == "clear"
    room = Room()
    for number in range(1, 60):  # a speaker whose packets come 300 ms late and jitter
        arrive(room, number, room.now + number * FRAME_S + 0.3 + 0.1 * (number % 3))
    room.run(2.0)
    talk(room, range(1000, 1100))
    heard = room.run(0.4)
    assert 0 < heard.index(1000) <= 6, "the next one is heard as soon as on a fresh slot"


def first_heard_s(mode: Mode, link: LinkMemory) -> float:
    """After how long the first of a new speaker is heard over a link of which this is known."""
    room = Room()
    room.playout = Playout(Tape(), mode=mode, link=link)
    talk(room, range(1, 101))
    heard = room.run(1.5)
    return (heard.index(said(heard)[0]) + 1) * FRAME_S


def test_who_gets_the_floor_is_heard_at_once_on_a_bad_link_too() -> None:
    bad = LinkMemory()
    bad.disturbed = 0.2
    assert first_heard_s("auto", bad) <= CONVERSATION_RECOVER_S + FRAME_S
    assert first_heard_s("clear", bad) >= CLEAR_FLOOR_S


def test_on_a_link_known_to_be_good_the_next_one_is_heard_sooner_yet() -> None:
    assert first_heard_s("auto", LinkMemory()) >= FLOOR_S, "of a fresh link nothing is known"
    assert first_heard_s("auto", known(0.0)) <= FRAME_S, "at the next pull"
    assert first_heard_s("auto", known(0.045)) >= 0.045 - FIRST_S
    assert first_heard_s("auto", known(0.09)) >= FLOOR_S
    assert first_heard_s("conversation", known(0.0)) >= FLOOR_S
    room = Room()
    room.playout = Playout(Pauses(), link=known(0.0))
    talk(room, range(1, 101))
    room.run(2.2)
    assert room.playout.delay_ms / 1000 >= FLOOR_S - SHORT_BY_S, "it grew in the first pause"
    assert room.playout.stats.stretched >= 1 and room.playout.stats.concealed <= 5


@pytest.mark.parametrize(
    ("loses", "voice"),
    [((True,), "clear"), ((False, True), "conversation"), ((True, True), "clear")],
)
def test_what_one_speaker_alone_loses_is_not_expected_of_the_next(
    loses: tuple[bool, ...], voice: str
) -> None:
    room, first = Room(), 1
    for one in loses:
        lost = tuple(range(first + 5, first + 200, 10)) if one else ()
        talk(room, range(first, first + 200), lost=lost)
        room.run(5)
        first += 200
    talk(room, range(first, first + 5))
    room.run(0.2)
    assert room.playout.aim.voice == voice


def over_a_bad_uplink(
    late: dict[int, float], *, reach: int, link: LinkMemory | None = None
) -> Playout:
    """A voice of which every tenth packet and what follows it is late by these (place → seconds),
    over a clean downlink: the relay forwards it as it comes."""
    playout = Playout(Tape(), mode="conversation", link=link)
    arrivals = [(100 + place * FRAME_S + late.get(place % 10, 0.0), place) for place in range(1000)]
    for at, place in sorted(arrivals):
        playout.push(
            place,
            place * 960,
            b"%d" % (place % 9000 + 1),
            at,
            recovered=reach if place % 10 in late else 0,
            sent=int(at * (1 << 18)) & 0xFFFFFF,
        )
        playout.missing(at, 0.001)
    return playout


def test_what_the_way_up_lost_is_no_jitter_and_what_it_delayed_is() -> None:
    burst = {5: 0.0801, 6: 0.0602, 7: 0.0403, 8: 0.0204}
    assert over_a_bad_uplink(burst, reach=4).aim.delay_s <= CONVERSATION_RECOVER_S
    late = {5: 0.07, 6: 0.12, 8: 0.09}
    assert over_a_bad_uplink(late, reach=0).aim.delay_s >= 0.12
    near = over_a_bad_uplink({5: 0.0401, 6: 0.0202}, reach=2)
    assert near.aim.delay_s < CONVERSATION_RECOVER_S, (
        "copies that are near need not be waited for long"
    )


def over_a_queue(mode: Mode, until: int) -> Playout:
    """A queue of 0.5 s builds up before a link in 50 frames, and is gone after 100; every fifth
    frame is small. What is left of it at frame `until`."""
    playout = Playout(Tape(), mode=mode)
    playout.aim._disturbed = 0.1
    for place in range(until):
        queue_s = 0.01 * place if place < 50 else max(0.0, 0.02 * (75 - place))
        at = 100 + place * FRAME_S + queue_s + (0.01 if place % 5 else 0.0)
        playout.push(place, place * 960, b"%d" % (place + 1), at)
    return playout


@pytest.mark.parametrize("mode", ["conversation", "clear"])
def test_a_queue_that_is_gone_is_forgotten(mode: Mode) -> None:
    """Who speaks first over a thin link finds out what it carries; that makes nobody's delay long
    for the half a minute after it."""
    usual_s = {"conversation": CONVERSATION_MAX_S, "clear": CLEAR_FLOOR_S + 0.05}[mode]
    assert over_a_queue(mode, 60).aim.delay_s >= usual_s
    longest_s = {"conversation": CONVERSATION_RECOVER_S, "clear": CLEAR_FLOOR_S}[mode]
    assert over_a_queue(mode, 175).aim.delay_s <= longest_s


def test_what_jitters_is_no_queue() -> None:
    playout = Playout(Tape(), mode="conversation")
    for place in range(500):
        at = 100 + place * FRAME_S + (0.0 if place % 10 == 0 else 0.015 * (place % 9))
        playout.push(place, place * 960, b"%d" % (place + 1), at)
    assert len(playout.aim.late) == 500


def in_bursts(lengths: list[int]) -> Playout:
    """Half a minute of which bursts of these lengths are lost, one every 50 frames, and come when
    they are over, a round trip later."""
    playout = Playout(Tape(), mode="clear")
    arrivals = []
    for place in range(1500):
        turn, into = divmod(place, 50)
        length = lengths[turn % len(lengths)]
        late_s = (length - into) * FRAME_S + 0.065 if into < length else 0.0
        arrivals.append((100 + place * FRAME_S + late_s, place))
    for at, place in sorted(arrivals):
        playout.push(place, place * 960, b"%d" % (place % 9000 + 1), at)
        playout.missing(at, 0.06)
    return playout


def test_copies_that_reach_far_have_just_time_to_come() -> None:
    playout = Playout(Tape(), mode="clear")
    for place in range(50):
        copies = [(back * 960, b"%d" % (place - back + 1)) for back in (17, 4, 2) if back <= place]
        blocks = [*copies, (0, b"%d" % (place + 1))]
        playout.push(place, place * 960, blocks, 100 + place * FRAME_S)
        reaches = place >= REACH_FRAMES
        assert playout.aim.delay_s == (CLEAR_COPIED_S if reaches else CLEAR_FLOOR_S)
    assert REACH_FRAMES == CLEAR[1][-1] and REACH_FRAMES * FRAME_S + JUST_S <= CLEAR_COPIED_S


def test_the_mean_of_bursts_tells_whether_more_is_waited_for_and_not_the_luck_of_a_few() -> None:
    short = [5, 3, 1, 7, 4, 2, 9, 5, 3, 6]
    by_luck = in_bursts([*short, *short, *short[:7], 22, 22, 22])
    assert by_luck.aim.late.mostly_s > CLEAR_FLOOR_S and by_luck.aim.delay_s == CLEAR_FLOOR_S
    assert in_bursts([2 * one for one in short]).aim.delay_s > CLEAR_FLOOR_S


def with_parity(late_s: float, *, both: bool = False) -> Playout:
    """Single frames over a thin link, every tenth brought back by parity 20 to 60 ms later; frames
    differ in size, and in what they take for that. `both`: the speaker's link loses some, too."""
    playout = Playout(Tape(), mode="conversation")
    for place in range(1000):
        at = 100 + place * FRAME_S + late_s * (place % 4) / 3
        if place % 10 == 5:
            continue
        back = PARITY[-1] if place % 50 < 10 else 1
        is_back = place % 10 == 5 + back
        blocks = [(back * 960, b"%d" % (place - back + 1))] if is_back else []
        blocks.append((0, b"%d" % (place + 1)))
        before = PARITY[-1] if both and place % 50 == 1 else 0
        playout.push(place, place * 960, blocks, at, distances=PARITY, recovered=before)
    return playout


def test_what_parity_brings_back_is_waited_for_and_not_for_much_more() -> None:
    """The delays of two thin links add up."""
    tight, wide = with_parity(0.005).aim.delay_s, with_parity(0.03).aim.delay_s
    assert PARITY[-1] * FRAME_S + MARGIN_S <= tight < wide
    assert wide <= PARITY[-1] * FRAME_S + MARGIN_S + PARITY_SPARE_S
    both = with_parity(0.03, both=True).aim.delay_s
    assert tight < both <= PARITY[-1] * FRAME_S + MARGIN_S + PARITY_BOTH_SPARE_S < wide
    assert with_parity(0.0).stats.lost == 100


@pytest.mark.parametrize(("lost_percent", "at_most_ms"), [(0, 172), (12, 202)])
def test_a_link_that_jitters_and_loses_is_waited_for_longer_in_conversation(
    lost_percent: int, at_most_ms: int
) -> None:
    room = Room()
    room.playout = Playout(Pauses(), mode="conversation")
    rng = random.Random(5)
    coming = []
    for number in range(1, 1000):
        at = room.now + number * FRAME_S + abs(rng.gauss(0.03, 0.06))
        again_s = 0.25 if rng.random() * 100 < lost_percent else 0.0
        coming.append((at + again_s, number))
    coming.sort()
    for tick in range(1000):
        now = room.now + tick * FRAME_S
        while coming and coming[0][0] <= now:
            at, number = coming.pop(0)
            arrive(room, number, at)
        room.playout.pull(now)
    assert at_most_ms - 4 <= 1000 * room.playout.aim.delay_s <= at_most_ms


def test_automatic_is_clear_when_the_way_up_is_bad() -> None:
    link = LinkMemory()
    playout = over_a_bad_uplink({5: 0.02}, reach=4, link=link)
    playout.aim.mode = "auto"
    assert playout.aim.voice == "clear"
    assert link.disturbed == 0.0, "the listener's own link lost nothing"


def test_how_far_copies_on_the_way_up_reach_is_known_for_ten_seconds() -> None:
    aim = Aim("conversation", LinkMemory())
    for number in range(100):
        aim.took_newest(number, 5)
        aim.took_recovered(number, 5)
    assert aim.delay_s == REACH_S + JUST_S
    for number in range(100, 100 + WINDOW_FRAMES):
        aim.took_newest(number, 0)
        assert aim.delay_s == REACH_S + JUST_S
    aim.took_newest(100 + WINDOW_FRAMES, 0)
    assert aim.delay_s == FLOOR_S


def test_where_packets_queue_those_are_waited_for_that_are_later_than_one_in_ten() -> None:
    aim = Aim("conversation", LinkMemory())
    for number in range(500):
        aim.took_newest(number, 4 if number % 20 == 0 else 0)
        aim.late.push(100 + 0.005 * (number % 20), is_straight=True)
    aim.reach = 4
    assert aim.late.tenth_s >= 0.08
    assert aim.delay_s == QUEUED * aim.late.tenth_s + MARGIN_S > CONVERSATION_RECOVER_S


def test_in_clear_what_was_latest_in_half_a_minute_tells_how_long_bursts_are_waited_for() -> None:
    aim = Aim("clear", LinkMemory())
    for place in range(1000):
        aim.took_newest(place + 30 * (place // 70), 0)
        late_s = 0.45 if place < 200 and place % 10 == 0 else 0.0
        if aim.late.push(100 + late_s, is_straight=late_s == 0.0):
            aim.measured()
    assert aim.late.late_s == 0.0
    assert aim.delay_s == pytest.approx(0.45 + MARGIN_S)
    aim.reach = REACH_FRAMES
    first = aim.newest + 1
    aim.begin(first)
    for number in range(first, first + 100):
        aim.took_newest(number, 0)
        if aim.late.push(100 + 0.4 * (number % 2), is_straight=number % 2 == 0):
            aim.measured()
    assert aim.delay_s == CLEAR_FLOOR_S, "it was another one who spoke"


def test_who_speaks_first_waits_for_less_than_is_late_where_little_is_lost() -> None:
    link = LinkMemory()
    for late_s, first_s in ((0.005, 0.0), (0.045, 0.045 - FIRST_S), (0.2, FLOOR_S)):
        link.late_s = late_s
        assert Aim("auto", link).first_s == first_s
        assert Aim("conversation", link).first_s == FLOOR_S


def test_a_count_that_begins_anew_is_no_loss() -> None:
    link = LinkMemory()
    aim = Aim("auto", link)
    for number in (500, 501 + MOST_LOST + 1):
        aim.took_newest(number, 0)
    assert link.disturbed == 0.0
    aim.took_newest(aim.newest + 1 + MOST_LOST, 0)
    assert link.disturbed > 0.0
