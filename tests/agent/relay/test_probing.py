"""The relay's end of the probes: it answers one for one, and can't be made to send much."""

import pytest

from agent.linecheck import probe
from agent.relay import probing
from agent.relay.links import SiteLinks
from agent.relay.probing import Probing


class Site:
    """A site and what came down to it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.got: list[bytes] = []
        self.links = SiteLinks("minas", "a1")
        self.links.send_rtcp = lambda packet: not self.got.append(packet)  # type: ignore
        monkeypatch.setattr(SiteLinks, "down", property(lambda links: True))

    @property
    def packets(self) -> list[probe.Packet]:
        return [one for one in map(probe.parse, self.got) if one is not None]


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(monkeypatch)


def up(packet: probe.Packet) -> bytes:
    return probe.build(9, packet)


def test_each_probe_is_answered_once_with_no_more_than_it_brought(site: Site):
    relay = Probing()
    for number in (0, 1, 1, 2):
        assert relay.take(site.links, up(probe.Numbered(5, number, 1.0 + number)), 2.0 + number)
    echoes = [one for one in site.packets if isinstance(one, probe.Echo)]
    assert [one.number for one in echoes] == [0, 1, 2]
    assert [one.sent for one in echoes] == [1.0, 2.0, 3.0]
    assert max(map(len, site.got)) <= len(up(probe.Numbered(5, 0, 0.0))) + 16


def test_it_tells_what_arrived(site: Site):
    relay = Probing()
    for number in range(10):
        relay.take(site.links, up(probe.Numbered(5, number, 0.02 * number)), 0.02 * number)
    for number in range(4):
        packet = up(probe.Numbered(5, number, 0.0, is_burst=True))
        relay.take(site.links, packet, 3.0 + 0.1 * number)
    relay.take(site.links, up(probe.Asked(5, False, 7)), 4.0)
    told = site.packets[-1]
    assert isinstance(told, probe.Told)
    assert (told.probes, told.echoes, told.burst_packets, told.number) == (10, 10, 4, 7)
    assert told.burst_s == pytest.approx(0.3, abs=1e-5)


def test_a_burst_is_sent_once_a_run_at_its_pace(site: Site):
    relay = Probing()
    for _again in range(3):
        relay.take(site.links, up(probe.Asked(5, True, 1)), 10.0)
    relay.tick(10.0)
    first = [one for one in site.packets if isinstance(one, probe.Numbered)]
    assert 0 < len(first) < probe.BURST_PACKETS / 10, "not all at once"
    for step in range(1, 100):
        relay.tick(10.0 + 0.01 * step)
    burst = [one for one in site.packets if isinstance(one, probe.Numbered)]
    assert [one.number for one in burst] == list(range(probe.BURST_PACKETS))
    assert not relay._sending


def test_new_runs_bring_no_burst_after_burst(site: Site):
    relay = Probing()
    for run in range(20):
        relay.take(site.links, up(probe.Asked(run, True, 1)), 10.0 + 0.001 * run)
        relay.tick(11.0)
    burst = [one for one in site.packets if isinstance(one, probe.Numbered)]
    assert len(burst) <= probe.BURST_PACKETS


def test_memory_is_bounded(site: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(probing, "MAX_PROBES", 20)
    relay = Probing()
    for number in range(100):
        relay.take(site.links, up(probe.Numbered(5, number, 0.0)), 1.0)
    assert len(relay._runs["minas"].probes) == 20
    for run in range(100):
        relay.take(site.links, up(probe.Numbered(run, 0, 0.0)), 1.0)
    assert len(relay._runs) == 1


def test_other_packets_of_control_are_left_alone(site: Site):
    assert not Probing().take(site.links, b"\x80\xc9\0\1\0\0\0\1", 1.0)
    assert site.got == []
