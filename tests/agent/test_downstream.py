"""What one site is sent is its own matter."""

from agent import rtp
from agent.audio.ladder import CLEAR
from agent.downstream import Downstream

FLOOR, CHAIR = 77, 78
RATES = {"main": 100_000.0, "second": 50_000.0}


def block(fraction: int, highest: int, ssrc: int = FLOOR) -> rtp.ReportBlock:
    return rtp.ReportBlock(ssrc, fraction, 0, highest, 0, 0, 0)


def test_copies_by_what_it_loses_of_the_voice() -> None:
    down = Downstream()
    down.report(block(0, 100), 0.06, 1.0)
    down.update(RATES, 1.0)  # type: ignore[arg-type]
    assert down.distances == () and down.loss == 0
    down.report(block(26, 150), 0.06, 2.0)
    down.update(RATES, 2.0)  # type: ignore[arg-type]
    assert down.distances == CLEAR[0] and down.loss > 0.03


def test_a_slot_in_which_nothing_went_on_tells_nothing() -> None:
    down = Downstream()
    down.report(block(51, 150), 0.06, 1.0)
    before = down.loss
    for second in range(20):
        down.report(block(0, 150), 0.06, 2.0 + second)
    assert down.loss == before
    down.report(block(0, 40, CHAIR), 0.06, 30.0)
    assert down.loss < before


def test_pictures_go_by_their_rates_the_second_first() -> None:
    down = Downstream()
    assert down.has_video and down.shows("main", False) and down.shows("second", False)
    down.estimate(170_000)
    assert not down.update(RATES, 1.0)  # type: ignore[arg-type]
    assert (down.shows("main", False), down.shows("second", False)) == (True, False)
    down.estimate(100_000)
    down.update(RATES, 2.0)  # type: ignore[arg-type]
    assert not down.has_video


def test_a_picture_comes_back_with_a_key_frame() -> None:
    down = Downstream()
    down.estimate(60_000)
    down.update(RATES, 1.0)  # type: ignore[arg-type]
    down.estimate(900_000)
    assert down.update(RATES, 2.0)  # type: ignore[arg-type]
    assert not down.shows("main", False)
    assert down.shows("main", True) and down.shows("main", False)
    assert not down.shows("second", False)
    assert not down.update(RATES, 3.0), "it is asked for once"  # type: ignore[arg-type]
    assert not down.shows("second", False), "and still waits for its key frame"


def test_what_the_operator_forces() -> None:
    down = Downstream()
    down.set_modes("auto", "audio-only")
    down.update(RATES, 1.0)  # type: ignore[arg-type]
    assert not down.has_video
    down.set_modes("auto", "auto")
    assert down.update(RATES, 2.0)  # type: ignore[arg-type]


def test_the_copies_of_a_packet_are_remembered_for_a_while() -> None:
    down = Downstream()
    down.note_sent(FLOOR, 1)
    down.report(block(51, 150), 0.06, 1.0)
    down.update(RATES, 1.0)  # type: ignore[arg-type]
    assert down.note_sent(FLOOR, 2) == down.distances != ()
    assert (down.distances_of(FLOOR, 1), down.distances_of(FLOOR, 2)) == ((), down.distances)
    assert down.distances_of(CHAIR, 1) is None, "that never went out"
    for seq in range(3, 1000):
        down.note_sent(FLOOR, seq)
    assert down.distances_of(FLOOR, 1) is None and len(down._sent) <= 512
