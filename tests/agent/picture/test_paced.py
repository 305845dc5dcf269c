"""Pictures on their way to one receiver whose link is thin."""

from agent import rtp
from agent.pacing import MAX_WAIT_S
from agent.picture.paced import PacedPictures


def packet(seq: int) -> bytes:
    return rtp.build(97, seq, 9000, 77, bytes(1000), send_time=rtp.send_time(1.0))


def test_a_packet_is_stamped_when_it_goes_out_and_sent_again_as_it_went_out() -> None:
    paced = PacedPictures()
    paced.pacer.rate = 80_000
    for seq in range(5):
        assert paced.push(packet(seq))
    out = [one for n in range(30) for one in paced.due(2.0 + n / 50)]
    assert [rtp.parse(one).seq for one in out] == [0, 1, 2, 3, 4]
    stamps = [rtp.parse(one).send_time for one in out]
    assert len(set(stamps)) >= 4, "one or two go at once"
    assert stamps[0] == rtp.send_time(2.0) and stamps == sorted(stamps)  # type: ignore[type-var]
    again, strangers = paced.again(77, (1, 3, 900))
    assert again == [out[1], out[3]] and strangers == (900,)


def test_what_waits_or_was_dropped_is_not_sent_again() -> None:
    paced = PacedPictures()
    paced.pacer.rate = 80_000
    kept = [paced.push(packet(seq)) for seq in range(20)]
    assert not all(kept)
    assert paced.again(77, (0, 1, 2)) == ([], ()), "nothing went out, so nothing goes out again"
    assert len(paced.due(1.0)) <= 2


def test_what_is_sent_again_waits_for_its_turn_before_the_rest_and_is_as_it_was() -> None:
    paced = PacedPictures()
    paced.pacer.rate = 80_000
    for seq in range(8):
        paced.push(packet(seq))
    first = [one for n in range(12) for one in paced.due(2.0 + n / 50)]
    assert 2 <= len(first) < 6
    assert paced.push_again(first) == len(first)
    then = [one for n in range(90) for one in paced.due(2.3 + n / 50)]
    assert then[: len(first)] == first, "in order"
    assert [rtp.parse(one).seq for one in then[len(first) :]] == list(range(len(first), 8))


def test_where_too_much_waits_nothing_is_sent_again_and_nothing_is_dropped() -> None:
    paced = PacedPictures()
    paced.pacer.rate = 80_000
    while paced.pacer.wait_s <= MAX_WAIT_S:
        paced.push(packet(len(paced.pacer)))
    waiting = len(paced.pacer)
    assert paced.push_again([packet(900)]) == 0 and len(paced.pacer) == waiting
