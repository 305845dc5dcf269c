"""Agent's and relay's ends over an emulated line: what is measured is what the line does."""

import asyncio
import time
from collections.abc import Callable

import pytest

from agent.impair import Direction, Impairment
from agent.linecheck import probe, prober
from agent.linecheck.prober import Prober
from agent.relay.links import SiteLinks
from agent.relay.probing import Probing


class Line:
    """A site's two connections, with a relay's end that answers."""

    def __init__(self, up: str = "", down: str = "", *, answers: bool = True) -> None:
        self.probing = Probing()
        self.links = SiteLinks("minas", "a1")
        self.links.send_rtcp = self._down  # type: ignore[method-assign]
        self.prober = Prober(self._up)
        self.is_wanted = True
        self.sent: list[probe.Packet] = []
        self._answers = answers
        self._ways = (
            Direction(Impairment.parse(up), "up"),
            Direction(Impairment.parse(down), "down"),
        )

    def _pass(self, way: Direction, packet: bytes, take: Callable[[bytes], object]) -> None:
        loop = asyncio.get_running_loop()
        at = way.admit(len(packet), loop.time())
        if at is not None:
            loop.call_at(at, take, packet)

    def _up(self, packet: bytes) -> None:
        one = probe.parse(packet)
        assert one is not None
        self.sent.append(one)
        if self._answers:
            self._pass(self._ways[0], packet, self._arrived)

    def _arrived(self, packet: bytes) -> None:
        assert self.probing.take(self.links, packet, time.monotonic())

    def _down(self, packet: bytes) -> bool:
        self._pass(self._ways[1], packet, lambda one: self.prober.take(one, time.monotonic()))
        return True

    async def tick(self) -> None:
        while True:
            await asyncio.sleep(0.01)
            self.probing.tick(time.monotonic())

    def wanted(self) -> bool:
        return self.is_wanted


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second of small packets is enough here."""
    monkeypatch.setattr(prober, "SMALL_PROBES", 50)
    monkeypatch.setattr(prober, "ASK_FOR_S", 0.5)
    monkeypatch.setattr(SiteLinks, "down", property(lambda links: True))


async def measured(line: Line):
    async with asyncio.TaskGroup() as group:
        ticking = group.create_task(line.tick())
        figures = await line.prober.measure(line.wanted, gentle=False)
        rates = await line.prober.measure_rates(line.wanted)
        ticking.cancel()
    return figures, rates


async def test_a_line_without_faults_loses_nothing(few: None):
    figures, (up, down) = await measured(Line())
    assert figures.probes == 50
    assert (figures.loss_up_percent, figures.loss_down_percent) == (0.0, 0.0)
    assert figures.rtt_ms is not None and figures.rtt_ms >= 0
    assert figures.clock_error_ms is not None and abs(figures.clock_error_ms) < 1000
    assert up and down and 80 < up <= probe.BURST_KBPS and 80 < down <= probe.BURST_KBPS


async def test_each_way_is_measured_by_itself(few: None):
    """Up 30 % is lost and 100 kbit/s is all; down it takes 60 ms and 400 kbit/s come through."""
    line = Line("loss=30%,rate=100k,seed=3", "rtt=120ms,rate=400k")
    figures, (up, down) = await measured(line)
    lost = 100 * (50 - len(line.probing._runs["minas"].probes)) / 50
    assert figures.loss_up_percent == pytest.approx(lost) and 10 < lost < 60
    assert figures.loss_down_percent == 0.0
    assert figures.rtt_ms is not None and figures.rtt_ms >= 60
    assert up is not None and up <= 105
    assert down is not None and up < down <= 410


async def test_where_nobody_answers_nothing_is_known(few: None):
    figures, rates = await measured(Line(answers=False))
    assert (figures.probes, figures.loss_up_percent, figures.rtt_ms) == (0, None, None)
    assert rates == (None, None)


async def test_what_is_not_wanted_any_more_ends_at_once_without_a_burst(few: None):
    line = Line()
    line.is_wanted = False
    figures, rates = await measured(line)
    assert rates == (None, None)
    assert figures.probes == 0
    assert not [one for one in line.sent if isinstance(one, probe.Numbered) and one.is_burst][10:]


async def test_gently_only_few_small_packets_go(few: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(prober, "GENTLE_PROBES", 10)
    line = Line()
    figures = await line.prober.measure(line.wanted, gentle=True)
    assert figures.probes == 10
    assert not [one for one in line.sent if isinstance(one, probe.Numbered) and one.is_burst]


def test_what_is_of_another_run_counts_nothing():
    line = Prober(lambda packet: None)
    echo = probe.Echo(line._run ^ 1, 0, 0.0, 0.0, 0.0)
    assert line.take(probe.build(1, echo), 1.0), "it is one of ours all the same"
    assert not line._echoes
    assert not line.take(b"\x80\xc9\0\1\0\0\0\1", 1.0)


def test_an_echo_that_comes_twice_counts_once():
    line = Prober(lambda packet: None)
    packet = probe.build(1, probe.Echo(line._run, 3, 1.0, 2.0, 3.0))
    assert line.take(packet, 1.5) and line.take(packet, 1.6)
    assert len(line._round_trips) == 1
