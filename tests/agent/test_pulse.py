"""Questions and answers of one connection, second by second."""

import random

import pytest

from agent.pulse import ASKED_IN_VAIN, Flow, Pulse


class End:
    """A connection of which `up` and `down` pass or don't; it is asked every 0.1 s."""

    def __init__(self, *, answers: bool = True, loss: float = 0.0) -> None:
        self.now = 1000.0
        self.pulse = Pulse(self.now)
        self.up = self.down = True
        self.answers = answers
        self.loss, self.random = loss, random.Random(1)
        self.asked = 0
        self.died_at: float | None = None

    def run(self, seconds: float, *, speaks: bool = True) -> "End":
        for tick in range(1, round(seconds * 10) + 1):
            self.now += 0.1
            if self.pulse.is_dead(self.now) and self.died_at is None:
                self.died_at = self.now
            at = self.pulse.due(self.now)
            if at is not None:
                self.asked += 1
                passes = [self.random.random() >= self.loss for _way in ("up", "down")]
                if self.up and self.down and self.answers and all(passes):
                    self.pulse.heard(self.now + 0.05)
                    self.pulse.answered(at, self.now + 0.05)
            if speaks and self.down and tick % 10 == 0:
                self.pulse.heard(self.now)
        return self


def test_one_question_a_second_while_all_is_well() -> None:
    end = End().run(60)
    assert 55 <= end.asked <= 65
    assert end.died_at is None
    assert end.pulse.rtt_s == pytest.approx(0.05)


@pytest.mark.parametrize("way", ["up", "down"])
def test_either_way_alone_is_noticed_within_four_seconds_but_not_at_once(way: str) -> None:
    end = End().run(30.3)
    cut_at = end.now
    setattr(end, way, False)
    end.run(2)
    assert end.died_at is None, "two seconds may pass on any bad link"
    end.run(5)
    assert end.died_at is not None and end.died_at - cut_at < 4


def test_a_link_that_loses_three_in_ten_each_way_is_not_given_up() -> None:
    end = End(loss=0.3).run(6 * 3600)
    assert end.died_at is None


def test_it_is_asked_often_before_it_is_given_up() -> None:
    end = End().run(30)
    asked = end.asked
    end.down = False
    while end.died_at is None:
        end.run(0.1)
    assert end.asked - asked >= ASKED_IN_VAIN


def test_who_stood_still_asks_first() -> None:
    end = End().run(30)
    end.now += 3600
    assert not end.pulse.is_dead(end.now)
    end.run(10)
    assert end.died_at is None


def test_an_end_that_never_answers_is_judged_by_its_silence() -> None:
    end = End(answers=False).run(60)
    assert end.died_at is None
    end.down = False
    assert end.run(6).died_at is not None


def test_one_known_to_answer_is_not() -> None:
    end = End(answers=False).run(6)
    assert end.pulse.is_dead(end.now, answers=True) and not end.pulse.is_dead(end.now)


def test_answers_to_what_was_never_asked_tell_nothing() -> None:
    end = End()
    end.pulse.answered(4711, end.now + 60)
    assert end.pulse.proved_at == end.now and not end.pulse.is_answered


def test_an_older_answer_takes_nothing_back() -> None:
    pulse = Pulse(1000.0)
    first, second = pulse.due(1000.0), pulse.due(1001.0)
    assert first is not None and second is not None
    pulse.answered(second, 1001.1)
    pulse.answered(first, 1001.2)
    assert (pulse.proved_at, pulse.in_vain) == (1001.0, 0)


def flow(*said: tuple[int, int]) -> bool:
    """What was sent and what came, second by second."""
    one = Flow()
    for second, (sent, got) in enumerate(said):
        one.said(sent, got, 1000.0 + second)
    return one.is_stuck


def test_media_that_is_sent_and_does_not_come_is_stuck() -> None:
    assert flow((0, 7), (50, 7), (100, 7), (150, 7))
    assert not flow((0, 7), (50, 7), (100, 7)), "not at once"
    assert not flow((0, 7), (50, 7), (100, 30), (150, 30)), "some of it came"


def test_silence_is_not_stuck() -> None:
    assert not flow(*[(100, 7)] * 60)
    assert not flow(*[(n * 2, 7) for n in range(10)]), "a pause sends a packet now and then"
    assert not flow(*[(100, 7)] * 60, (150, 7)), "who begins after a long silence has time"


def test_other_counts_begin_anew() -> None:
    assert not flow((1000, 7), (1050, 7), (1100, 7), (20, 7), (70, 7))
    one = Flow()
    for second in range(4):
        one.said(50 * second, 7, 1000.0 + second)
    one.reset()
    assert not one.is_stuck
