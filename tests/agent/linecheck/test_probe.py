"""Probes come back as they were made, whatever is damaged is none; what is counted is right."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import rtcp
from agent.linecheck import probe

PACKETS: list[probe.Packet] = [
    probe.Numbered(7, 299, 12.25),
    probe.Numbered(7, 3, 12.25, is_burst=True),
    probe.Echo(7, 4, 12.25, 99.5, 1.5e9),
    probe.Asked(7, True, 3),
    probe.Asked(7, False, 4),
    probe.Told(7, 290, 288, 3.5, 96, 3, 0.5),
]


@pytest.mark.parametrize("packet", PACKETS, ids=lambda one: type(one).__name__)
def test_a_packet_comes_back_as_it_was_made(packet: probe.Packet):
    assert probe.parse(probe.build(1, packet)) == packet


@pytest.mark.parametrize("packet", PACKETS, ids=lambda one: type(one).__name__)
def test_it_is_a_whole_compound_packet_that_others_pass_over(packet: probe.Packet):
    data = probe.build(1, packet)
    assert rtcp.parse(data) == [rtcp.ReceiverReport(1, ())]
    assert 192 <= data[1] <= 223, "taken for RTCP (RFC 5761)"


def test_a_packet_of_a_burst_is_as_long_as_pictures_have_them():
    data = probe.build(1, probe.Numbered(7, 3, 12.25, is_burst=True))
    assert len(data) == probe.BURST_BYTES
    assert len(probe.build(1, probe.Numbered(7, 3, 12.25))) < 60, "a small one is small"


@given(st.binary(max_size=80))
def test_what_is_no_probe_is_none(data: bytes):
    assert probe.parse(data) is None


@given(st.sampled_from(PACKETS), st.integers(0, 60))
def test_one_that_is_cut_off_is_none_and_never_an_error(packet: probe.Packet, size: int):
    data = probe.build(1, packet)
    if size < len(data):
        assert probe.parse(data[:size]) in (None, packet)


def test_an_unknown_kind_is_none():
    data = bytearray(probe.build(1, PACKETS[0]))
    struct.pack_into("!B", data, 8, 0x80 | 30)
    assert probe.parse(bytes(data)) is None


def test_jitter_is_that_of_rfc_3550():
    steady, wobbling = probe.Jitter(), probe.Jitter()
    for number in range(400):
        steady.push(number * 0.02, 5.0 + number * 0.02)
        wobbling.push(number * 0.02, 5.0 + number * 0.02 + 0.01 * (number % 2))
    assert steady.ms == pytest.approx(0, abs=1e-6)
    assert wobbling.ms == pytest.approx(10, abs=0.1)


@pytest.mark.parametrize("kbps", [64, 200, 500, 1500])
def test_the_rate_of_a_burst_is_that_of_the_bottleneck(kbps: int):
    packet_s = 8 * (probe.BURST_BYTES + probe.OVERHEAD_BYTES) / (1000 * kbps)
    burst = probe.Burst()
    for number in range(20):
        burst.push(3.0 + number * packet_s)
    assert probe.rate_kbps(burst.packets, burst.seconds) == pytest.approx(kbps, rel=0.01)


def test_a_rate_is_never_more_than_was_sent_and_never_of_nothing():
    assert probe.rate_kbps(100, 1e-6) == probe.BURST_KBPS
    assert probe.rate_kbps(0, 0) == 0
    assert 0 < probe.rate_kbps(1, 0) < 80, "of a burst only one packet came through"
