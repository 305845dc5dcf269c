"""The voice's whole way in virtual time: speaker → link → relay → link → listener.

The product's own ends of both hops, with all that finds out what a link loses and carries, over the
emulated network; no sockets and no waiting: 40 s of speech take about 4 s. Pictures of a camera
go with it where there is one.
"""

import contextlib
import heapq
import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from unittest import mock

import msgspec
import numpy as np

from agent import lines, rtcp, rtp
from agent.audio.delay import Mode
from agent.audio.playout import Playout
from agent.clock import FRAME_S
from agent.devices import Camera, NullCamera, NullDisplay
from agent.impair import Direction, Impairment
from agent.pulse import Pulse
from agent.receiver import Receiver
from agent.relay import audience, downlinks
from agent.relay.forwarding import Forwarding
from agent.relay.links import SiteLinks
from agent.relay.relay import TICK_S
from agent.rtc.outlet import Outlets
from agent.sender import Sender
from agent.site import LOOK_EVERY_S, REPORT_EVERY_S
from protocol import messages as m

SRTP_BYTES, SRTCP_BYTES = 16, 20
CONSENT_BYTES, CONSENT_EVERY_S = 100, 2.0
PULL_PHASE_S = 0.007
LOOP_S, LATE_S = 0.001, 0.0005
SITE_SSRC = 7
PICTURES_EVERY_S = 0.002
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
        self._path, self.direction = path, direction
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
        at = self.direction.admit(len(data) + more, self._path.now)
        if at is not None:
            self._path.at(self._path.noticed(at), lambda: take(data, self._path.now))
        return True

    def _once(self, packet: bytes, now: float) -> None:
        """What comes twice, SRTP drops."""
        number = rtp.number_of(packet)
        if number not in self._came:
            self._came.add(number)
            self._take_rtp(packet, now)


class _Wires(Outlets):
    """The same over these wires."""

    def __init__(self, receivers: Any) -> None:
        self._wires = [one.downlink for one in receivers]

    def parts(self, _size: int) -> list[Outlets]:
        return [self] if self._wires else []

    def send_rtp(self, packet: bytes) -> int:
        return sum(one.send_rtp(packet) for one in self._wires)

    def send_rtp_burst(self, packets: Sequence[bytes]) -> int:
        return sum(map(self.send_rtp, packets))

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


class Site:
    """Both connections of a site and what it does with them."""

    def __init__(
        self,
        path: "Path",
        name: str,
        link: Impairment,
        mode: Mode,
        speech: np.ndarray | None,
        camera: Camera | None = None,
    ) -> None:
        self.devices = _Devices(speech)
        self._path = path
        seen = camera or NullCamera(640, 360)
        self.sender = Sender(self.devices, seen, fps=15)  # type: ignore[arg-type]
        self.receiver = Receiver(self.devices, NullDisplay())  # type: ignore[arg-type]
        self.receiver.mode = mode
        self.links = links = SiteLinks(name, "attempt")
        links.set_upstreams(lines.uplink(self.sender.audio_ssrc, *self.sender.video_ssrcs))
        forwarding, receiver = path.forwarding, self.receiver

        def wire(way: str, rtp_: Take, rtcp: Take) -> Any:
            return _Wire(path, Direction(link, f"{path.salt}/{name}/{way}"), rtp_, rtcp)

        self.up = wire(
            "up",
            lambda data, now: forwarding.forward(links, data, now),
            lambda data, now: forwarding.uplinks.take_rtcp(links, data, now),
        )

        def take(data: bytes, now: float) -> None:
            self._down_pulse.heard(now)
            receiver.take(data, now)

        links.uplink = wire("up-back", lambda _data, _now: None, self._take_up_rtcp)
        links.downlink = wire("down", take, self._take_down_rtcp)
        self._down_back = wire(
            "down-back",
            lambda _data, _now: None,
            lambda data, now: forwarding.downlinks.take_rtcp(links, data, now),
        )
        self._up_pulse, self._down_pulse = Pulse(path.now), Pulse(path.now)
        self.sender._send = self.sender.pictures._send = self.up.send_rtp
        self.receiver._ask = self._down_back.send_rtcp
        path.every(FRAME_S, lambda: self.sender._take_sound(path.now))
        path.every(REPORT_EVERY_S, self._report)
        path.at(path.now + REPORT_EVERY_S / 2, lambda: path.every(REPORT_EVERY_S, self._probe))
        path.every(CONSENT_EVERY_S, self._consent)
        path.every(LOOK_EVERY_S, self._ask_when_due)
        path.at(path.now + PULL_PHASE_S, self._pull)
        if camera is not None:
            path.every(PICTURES_EVERY_S, self._show)

    def _take_up_rtcp(self, data: bytes, now: float) -> None:
        _take_answers(self._up_pulse, data, now)
        self.sender.take_rtcp(data, now)
        self.receiver.rtt_ms = self.sender.rtt_ms

    def _take_down_rtcp(self, data: bytes, now: float) -> None:
        _take_answers(self._down_pulse, data, now)
        self.receiver.take_rtcp(data, now)

    def _report(self) -> None:
        now = self._path.now
        self.up.send_rtcp(self.sender.reports() + _question(self._up_pulse.ask(now)))
        self._down_back.send_rtcp(self.receiver.report() + _question(self._down_pulse.ask(now)))
        self.sender.guess(self.receiver.loss, now)

    def _ask_when_due(self) -> None:
        for pulse, wire in ((self._up_pulse, self.up), (self._down_pulse, self._down_back)):
            at = pulse.due(self._path.now)
            if at is not None:
                wire.send_rtcp(rtcp.compound(SITE_SSRC, _question(at)))

    def _probe(self) -> None:
        for probe in self.sender.probes():
            self.up.send_rtcp(probe)

    def _consent(self) -> None:
        for one in (self.up, self.links.uplink, self.links.downlink, self._down_back):
            one.send_consent()  # type: ignore[union-attr]

    def _show(self) -> None:
        """What `Pictures.run` does."""
        pictures, now = self.sender.pictures, self._path.now
        if pictures.gate != "off":
            due = [one for one in pictures._open_layers() if one.due <= now]
            if due:
                pictures._take_picture(due, now)
        pictures._flush(now)

    def _pull(self) -> None:
        self._path.at(self._path.now + self.receiver.play(self._path.now), self._pull)


def _question(at: int) -> bytes:
    return rtcp.build_question(SITE_SSRC, at)


def _take_answers(pulse: Pulse, data: bytes, now: float) -> None:
    """What `agent.attempt.Attempt` does with RTCP."""
    pulse.heard(now)
    for one in rtcp.parse(data):
        if isinstance(one, rtcp.Answer):
            pulse.answered(one.at, now)


class Path:
    """One speaker and one listener, who is held to a mode, with a relay between."""

    def __init__(self, mode: Mode, first: Impairment, second: Impairment, salt: str = "") -> None:
        self.now = BEGIN
        self.salt = salt
        self._mode, self._first, self._second = mode, first, second
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._lateness = random.Random(salt)
        self._late: dict[int, float] = {}
        self.sites: dict[str, SiteLinks] = {}
        self.forwarding = Forwarding(self.sites)
        self._routes = itertools.count(1)

    def noticed(self, at: float) -> float:
        """When what an emulated link delivers at this moment comes: event loops look once a
        millisecond, and are not always punctual."""
        if at == self.now:
            return at
        look = math.ceil(at / LOOP_S)
        if look not in self._late:
            self._late[look] = self._lateness.uniform(0.0, LATE_S)
        return look * LOOP_S + self._late[look]

    def at(self, when: float, call: Callable[[], object]) -> None:
        heapq.heappush(self._events, (when, next(self._order), call))

    def every(self, seconds: float, call: Callable[[], object]) -> None:
        """From now on."""

        def again() -> None:
            call()
            self.at(self.now + seconds, again)

        self.at(self.now, again)

    @contextlib.contextmanager
    def clock(self) -> Iterator[None]:
        """The time is that of the path."""
        with (
            mock.patch("time.monotonic", lambda: self.now),
            mock.patch("time.time", lambda: UNIX + self.now),
            mock.patch.object(audience, "outlets_of", _Wires),
            mock.patch.object(downlinks, "outlets_of", _Wires),
        ):
            yield

    def connect(self, speech: np.ndarray | None, camera: Camera | None = None) -> tuple[Site, Site]:
        """Who speaks and who listens."""
        speaker = Site(self, "speaker", self._first, "auto", speech, camera)
        listener = Site(self, "listener", self._second, self._mode, None)
        self.sites.update({one.links.site: one.links for one in (speaker, listener)})
        self.forwarding.set_receivers()
        speaker.sender.set_modes("auto", hurried=self._mode == "conversation")
        return speaker, listener

    def route(self, slots: dict[m.SlotName, str], deck: str = "") -> None:
        """Who feeds which slot from now on."""
        voice: dict[str, m.VoiceMode] = {"listener": self._mode}
        order = m.Route(next(self._routes), slots, tuple(self.sites), voice, deck=deck)
        self.forwarding.take_route(order, self.now)

    def tick(self) -> None:
        """From now on the relay does what is to be done as time goes."""
        self.every(TICK_S, lambda: self.forwarding.tick(self.now))

    def run_until(self, end: float) -> None:
        """What happens until then."""
        while self._events[0][0] < end:
            self.now, _order, call = heapq.heappop(self._events)
            call()

    def run(self, speech: np.ndarray, seconds: float) -> Heard:
        """`seconds` of the speech, in a loop from its beginning."""
        with self.clock():
            speaker, listener = self.connect(speech)
            speaker.sender.microphone_open = True
            self.route({"floor": "speaker"})
            self.tick()
            self.run_until(BEGIN + seconds)
        playout = listener.receiver._audio["floor"].playout
        return Heard(np.concatenate(listener.devices.heard), playout)
