"""What a site's agent does in the wake of its frames of sound, by a clock of our own."""

import time

import pytest

from agent import devices, rtcp
from agent.attempt import Attempt
from agent.receiver import Receiver
from agent.sender import Sender
from agent.site import Site
from tests.agent.switchboard import Wire

FRAME_S = 0.02


async def test_reports_and_probes_go_up_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second, or nearly: a voice on a thin link waits behind either, never behind both."""
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    sender = Sender(devices.NullMicrophone(), devices.NullCamera(64, 48), fps=5)
    receiver = Receiver(devices.NullSpeaker(), devices.NullDisplay())
    site = Site("kandis", "ws://nowhere", sender, receiver)
    uplink = Wire()
    site._attempt = Attempt("relay")
    site._attempt.uplink = uplink  # type: ignore[assignment]
    site._attempt.opened("uplink")
    sender.take_rtcp(rtcp.build_remb(9, 64_000), now)
    sent: list[tuple[float, rtcp.Rtcp]] = []
    while now < 1010:
        now += FRAME_S
        site._tend(now)
        sent += [(now, one) for packet in uplink.told for one in rtcp.parse(packet)]
        uplink.told.clear()
    reports = [at for at, one in sent if isinstance(one, rtcp.SenderReport)]
    probes = [at for at, one in sent if isinstance(one, rtcp.Probe)]
    assert len(reports) >= 9 and len(probes) >= 9
    assert min(abs(one - other) for one in reports for other in probes) >= 0.4
