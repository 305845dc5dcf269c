"""When connections to the relay are given up, by a clock of our own."""

from types import SimpleNamespace

import pytest

from agent import rtcp
from agent.attempt import CONNECT_TIMEOUTS_S, Attempt
from agent.pulse import DEAD_AFTER_S


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Life:
    """Connected at this end at 1002; the other end answers as the test says."""

    def __init__(self, clock: Clock, failures: int = 0) -> None:
        self.clock = clock
        self.attempt = Attempt("relay", failures)
        self.sent: list[bytes] = []
        end = SimpleNamespace(state="connected", send_rtcp=self.sent.append)
        self.attempt.uplink = self.attempt.downlink = end  # type: ignore[assignment]
        clock.now = 1002.0
        for which in ("uplink", "downlink"):
            self.attempt.opened(which)

    def go_on(self, until: float, *answering: str) -> str:
        """Why it is over, once it is."""
        while self.clock.now < until and not self.attempt.why_over():
            self.clock.now += 0.1
            for which, pulse in self.attempt.pulses.items():
                at = pulse.due(self.clock.now)
                if at is not None and which in answering:
                    pulse.heard(self.clock.now)
                    pulse.answered(at, self.clock.now)
        return self.attempt.why_over()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    one = Clock()
    monkeypatch.setattr("agent.attempt.time", one)
    return one


def test_an_end_that_is_not_connected_yet_has_the_time_that_connecting_may_take(
    clock: Clock,
) -> None:
    life = Life(clock, failures=1)
    assert life.go_on(1002 + DEAD_AFTER_S + 1, "downlink") == ""
    assert not life.attempt.has_answered
    assert life.go_on(1007.5, "uplink", "downlink") == ""
    assert life.attempt.has_answered


def test_one_that_never_answers_is_given_up_when_that_time_is_over(clock: Clock) -> None:
    life = Life(clock)
    assert "uplink did not answer" in life.go_on(1100, "downlink")
    assert clock.now == pytest.approx(1000 + CONNECT_TIMEOUTS_S[0], abs=0.2)


def test_one_that_answered_once_is_dead_after_three_seconds(clock: Clock) -> None:
    life = Life(clock, failures=9)
    assert life.go_on(1003, "uplink", "downlink") == ""
    assert "uplink did not answer" in life.go_on(1100, "downlink")
    assert clock.now < 1003 + DEAD_AFTER_S + 1.5


def test_a_question_goes_with_a_report_and_spares_one_of_its_own(clock: Clock) -> None:
    life = Life(clock)
    assert life.go_on(1010, "uplink", "downlink") == ""
    report = rtcp.build_rr(9, [], cname="site")
    for _second in range(10):
        for which in ("uplink", "downlink"):
            asked = rtcp.parse(report + life.attempt.question(which, 9))[-1]
            assert isinstance(asked, rtcp.Question)
            life.attempt.take_rtcp(which, [rtcp.Answer(1, 9, asked.at)], clock.now + 0.05)
        for _tick in range(9):
            clock.now += 0.1
            life.attempt.ask(9)
        clock.now += 0.1
    assert life.sent == [] and life.attempt.why_over() == ""
    assert Attempt("relay").question("uplink", 9) == b"", "there is nothing to be asked yet"
