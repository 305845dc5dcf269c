"""A minute of readings in one short line."""

from console.statistics import Minute
from protocol import messages as m
from protocol.events import LinksMeasured, LinkStatistics, decode, encode

ENGINE = m.RelayReading(cpu_percent=7.25, process=m.ProcessReading(90.4, 3, 27))


def test_means_worst_values_and_counts_of_the_minute() -> None:
    minute = Minute()
    before = m.LinkReading(up_packets=1000, down_packets=5000, resent=3)
    minute.relay(ENGINE, {"siak": before})
    minute.take()
    one = m.LinkReading(
        up_kbps=40, down_kbps=500, up_loss_percent=2, rtt_ms=30, up_packets=1500, down_packets=6000
    )
    two = m.LinkReading(
        up_kbps=60, down_kbps=300, down_loss_percent=4, rtt_ms=90, up_packets=4000,
        down_packets=8000, resent=10, down_dropped=1,
    )  # fmt: skip
    minute.relay(ENGINE, {"siak": one})
    for mos in (4.2, 0.0, 3.1, 4.0):
        minute.site("siak", m.SiteReading(mos=mos))
    for losses in ({"floor": 2.0, "main": 7.5}, {"floor": 4.0}, {"floor": 0.0, "main": 2.0}):
        minute.site("siak", m.SiteReading(slot_loss=losses))  # type: ignore[arg-type]
    minute.site("stranger", m.SiteReading(mos=1.0))
    minute.relay(ENGINE, {"siak": two})
    measured = minute.take()
    expected = LinkStatistics(
        "siak", 50, 400, 1, 2, 90, 3.1, 3000, 3000, 7, 1, {"floor": 2.0, "main": 4.8}
    )
    assert measured == LinksMeasured((expected,), 7.2, 90)
    assert minute.take() is None


def test_a_site_that_connected_anew_counts_from_its_new_beginning() -> None:
    minute = Minute()
    minute.relay(ENGINE, {"siak": m.LinkReading(up_packets=9000, down_packets=9000)})
    minute.take()
    minute.relay(ENGINE, {"siak": m.LinkReading(up_packets=9100, down_packets=9100)})
    minute.relay(ENGINE, {"siak": m.LinkReading(up_packets=20, down_packets=40)})
    measured = minute.take()
    assert measured is not None
    assert (measured.links[0].up_packets, measured.links[0].down_packets) == (20, 40)


def test_three_hours_of_fifteen_sites_take_less_than_half_a_megabyte() -> None:
    link = LinkStatistics("kecamatan-15", 612.3, 1234.5, 12.3, 12.3, 123.4, 4.1, 9999, 29999, 99, 9,
        dict.fromkeys(m.AUDIO_SLOTS, 12.3) | dict.fromkeys(m.VIDEO_SLOTS, 12.3),
    )  # fmt: skip
    event = LinksMeasured((link,) * 15, 12.3, 123.0)
    assert decode(encode(event)) == event
    assert 180 * len(encode(event)) < 500_000


def test_a_line_of_another_release_is_read() -> None:
    """Fields are only ever added at the end, with defaults."""
    older = b'{"type":"links-measured","links":[["siak",1.5]]}'
    event = decode(older)
    assert event == LinksMeasured((LinkStatistics("siak", 1.5),))
