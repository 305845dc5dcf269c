"""The voice's whole way in virtual time: speaker → link → relay → link → listener.

The product's own ends of both hops, with all that finds out what a link loses and carries, over the
emulated network; no sockets and no waiting: 40 s of speech take about 4 s.
"""

import heapq
import itertools
from collections.abc import Callable
from typing import Any
from unittest import mock

import msgspec
import numpy as np

from agent import rtp
from agent.audio.playout import Mode, Playout
from agent.clock import FRAME_S
from agent.devices import NullCamera, NullDisplay
from agent.impair import Direction, Impairment
from agent.receiver import Receiver
from agent.relay import audience, downlinks
from agent.relay.forwarding import Forwarding
from agent.relay.links import SiteLinks, Upstream
from agent.relay.relay import TICK_S
from agent.sender import Sender
from agent.site import REPORT_EVERY_S
from protocol import messages as m

SRTP_BYTES, SRTCP_BYTES = 16, 20
CONSENT_BYTES, CONSENT_EVERY_S = 100, 2.0
PULL_PHASE_S = 0.007
BEGIN = 1000.0
UNIX = 1.7e9

Take = Callable[[bytes, float], object]


class Heard(msgspec.Struct):
    """What came out: samples, and the playout's own figures."""

    pcm: np.ndarray
    playout: Playout


class _Wire:
    """One way of one connection, and what the relay needs to know of a connection."""

    state = "connected"
    bytes_in = bytes_out = packets_in = packets_out = dropped = damaged = 0

    def __init__(self, path: "Path", direction: Direction, rtp_: Take, rtcp: Take) -> None:
        self._path, self._direction = path, direction
        self._take_rtp, self._take_rtcp = rtp_, rtcp
        self._came: set[tuple[int, int]] = set()

    @property
    def outlet(self) -> "_Wire":
        return self

    def send_rtp(self, packet: bytes) -> bool:
        return self._send(packet, SRTP_BYTES, self._once)

    def send_rtcp(self, packet: bytes) -> bool:
        return self._send(packet, SRTCP_BYTES, self._take_rtcp)

    def send_consent(self) -> None:
        self._send(bytes(CONSENT_BYTES), 0, lambda _data, _now: None)

    def _send(self, data: bytes, more: int, take: Take) -> bool:
        at = self._direction.admit(len(data) + more, self._path.now)
        if at is not None:
            self._path.at(at, lambda: take(data, self._path.now))
        return True

    def _once(self, packet: bytes, now: float) -> None:
        """What comes twice, SRTP drops."""
        number = rtp.number_of(packet)
        if number not in self._came:
            self._came.add(number)
            self._take_rtp(packet, now)


class _Wires:
    """Stands for `agent.rtc.outlet.Outlets`."""

    def __init__(self, receivers: Any) -> None:
        self._wires = [one.downlink for one in receivers]

    def send_rtp(self, packet: bytes) -> int:
        return sum(one.send_rtp(packet) for one in self._wires)

    def send_rtcp(self, packet: bytes) -> int:
        return sum(one.send_rtcp(packet) for one in self._wires)


class _Devices:
    """Microphone and loudspeaker of a site; one without speech is silent."""

    def __init__(self, speech: np.ndarray | None) -> None:
        self.heard: list[np.ndarray] = []
        self._speech = np.zeros(960, np.int16) if speech is None else speech
        self._frames = itertools.count()

    def read(self, _now: float) -> np.ndarray:
        first = next(self._frames) * 960
        return np.take(self._speech, range(first, first + 960), mode="wrap")

    def write(self, pcm: np.ndarray, _now: float) -> None:
        self.heard.append(pcm)


class _Site:
    """Both connections of a site and what it does with them."""

    def __init__(
        self, path: "Path", name: str, link: Impairment, mode: Mode, speech: np.ndarray | None
    ) -> None:
        self.devices = _Devices(speech)
        self._path = path
        self.sender = Sender(self.devices, NullCamera(640, 360), fps=15)  # type: ignore[arg-type]
        self.receiver = Receiver(self.devices, NullDisplay())  # type: ignore[arg-type]
        self.receiver.mode = mode
        self.links = links = SiteLinks(name, "attempt")
        links.upstreams = {self.sender.audio_ssrc: Upstream("audio", self.sender.audio_ssrc)}
        forwarding, receiver = path.forwarding, self.receiver

        def wire(way: str, rtp_: Take, rtcp: Take) -> Any:
            return _Wire(path, Direction(link, f"{path.salt}/{name}/{way}"), rtp_, rtcp)

        self._up = wire(
            "up",
            lambda data, now: forwarding.forward(links, data, now),
            lambda data, now: forwarding.uplinks.take_rtcp(links, data, now),
        )
        links.uplink = wire("up-back", lambda _data, _now: None, self._take_rtcp)
        links.downlink = wire("down", receiver.take, receiver.take_rtcp)
        self._down_back = wire(
            "down-back",
            lambda _data, _now: None,
            lambda data, now: forwarding.downlinks.take_rtcp(links, data, now),
        )
        self.sender._send = self._up.send_rtp
        self.receiver._ask = self._down_back.send_rtcp
        self.sender.microphone_open = speech is not None
        path.every(FRAME_S, lambda: self.sender._take_sound(path.now))
        path.every(REPORT_EVERY_S, self._report)
        path.at(path.now + REPORT_EVERY_S / 2, lambda: path.every(REPORT_EVERY_S, self._probe))
        path.every(CONSENT_EVERY_S, self._consent)
        path.at(path.now + PULL_PHASE_S, self._pull)

    def _take_rtcp(self, data: bytes, now: float) -> None:
        self.sender.take_rtcp(data, now)
        self.receiver.rtt_ms = self.sender.rtt_ms

    def _report(self) -> None:
        self._up.send_rtcp(self.sender.reports())
        self._down_back.send_rtcp(self.receiver.report())
        self.sender.guess(self.receiver.loss, self._path.now)

    def _probe(self) -> None:
        for probe in self.sender.probes():
            self._up.send_rtcp(probe)

    def _consent(self) -> None:
        for one in (self._up, self.links.uplink, self.links.downlink, self._down_back):
            one.send_consent()  # type: ignore[union-attr]

    def _pull(self) -> None:
        self._path.at(self._path.now + self.receiver.play(self._path.now), self._pull)


class Path:
    """One speaker and one listener, who is held to a mode, with a relay between."""

    def __init__(self, mode: Mode, first: Impairment, second: Impairment, salt: str = "") -> None:
        self.now = BEGIN
        self.salt = salt
        self._mode, self._first, self._second = mode, first, second
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self.sites: dict[str, SiteLinks] = {}
        self.forwarding = Forwarding(self.sites)

    def at(self, when: float, call: Callable[[], object]) -> None:
        heapq.heappush(self._events, (when, next(self._order), call))

    def every(self, seconds: float, call: Callable[[], object]) -> None:
        """From now on."""

        def again() -> None:
            call()
            self.at(self.now + seconds, again)

        self.at(self.now, again)

    def run(self, speech: np.ndarray, seconds: float) -> Heard:
        """`seconds` of the speech, in a loop from its beginning."""
        with (
            mock.patch("time.monotonic", lambda: self.now),
            mock.patch("time.time", lambda: UNIX + self.now),
            mock.patch.object(audience, "outlets_of", _Wires),
            mock.patch.object(downlinks, "outlets_of", _Wires),
        ):
            speaker = _Site(self, "speaker", self._first, "auto", speech)
            listener = _Site(self, "listener", self._second, self._mode, None)
            self.sites.update({one.links.site: one.links for one in (speaker, listener)})
            self.forwarding.set_receivers()
            speaker.sender.set_modes("auto", hurried=self._mode == "conversation")
            voice: dict[str, m.VoiceMode] = {"listener": self._mode}
            route = m.Route(1, {"floor": "speaker"}, tuple(self.sites), voice)
            self.forwarding.take_route(route, self.now)
            self.every(TICK_S, lambda: self.forwarding.tick(self.now))
            while self._events[0][0] < BEGIN + seconds:
                self.now, _order, call = heapq.heappop(self._events)
                call()
        playout = listener.receiver._audio["floor"].playout
        return Heard(np.concatenate(listener.devices.heard), playout)
