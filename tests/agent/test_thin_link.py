"""A downlink that becomes thin for a while, on a clock of its own: what its end measures, what the
relay makes of it, what comes through. The relay's own parts and the emulated network; only the
camera's pictures are made of bytes that mean nothing."""

import statistics

import pytest

from agent import lines, rtcp, rtp
from agent.audio.hop import PAIRS, before
from agent.audio.ladder import BITRATE, Settings
from agent.bandwidth import OVERHEAD_BYTES, Bandwidth, probes
from agent.downstream import Downstream
from agent.impair import Direction, Impairment
from agent.picture.layers import LOW_FULL, LOW_LEAST, PictureName, Plan, fewer, plan
from agent.picture.paced import PacedPictures

TICK_S = 0.005
VOICE_BYTES = round(0.85 * BITRATE / 50 / 8)
"""The mean of speech with its pauses."""

HEADER_BYTES = 24
KEY_FRAME = 5

CAMERAS: dict[PictureName, Plan] = {
    "main": plan(640, 360, 15)["high"],
    "main-low": plan(640, 360, 15)["low"],
    "second": plan(640, 360, 15)["low"],
}


class Camera:
    """One size of a picture, as it comes to the relay."""

    def __init__(self, name: PictureName) -> None:
        self.name = name
        self.bitrate = CAMERAS[name].bitrate
        self.key_wanted = True
        self.seq = 0
        self._due = 0.0

    def packets(self, now: float) -> list[tuple[bytes, bool]]:
        """What comes now, and whether a key frame begins with it."""
        if now < self._due:
            return []
        fps, coded = fewer(CAMERAS[self.name], self.bitrate)
        self._due = now + 1 / fps
        begins, self.key_wanted = self.key_wanted, False
        left = round(coded / CAMERAS[self.name].fps / 8 * (KEY_FRAME if begins else 1))
        out = []
        while left > 0:
            size, left = min(left, 1180), left - 1180
            self.seq += 1
            ssrc = lines.SLOT_SSRC[self.name]
            packet = rtp.build(97, self.seq, 0, ssrc, bytes(size), send_time=rtp.send_time(now))
            out.append((packet, begins and not out))
        return out


class Link:
    """`link.run(seconds)`; from `change` on the link is another one."""

    def __init__(self, impair: str = "rtt=20ms", *, voices: int = 1) -> None:
        self.now = 100.0
        self.voices = voices
        self.down = Downstream("siak")
        self.network = Direction(Impairment.parse(impair), "down")
        self.far_end = Bandwidth()
        self.pictures: list[str] = []
        self.voice_ms: list[float] = []
        self.voice_lost = 0
        self.came: dict[PictureName, int] = dict.fromkeys(CAMERAS, 0)
        self._cameras = [Camera(name) for name in CAMERAS]
        self._paced: PacedPictures | None = None
        self._voice_waits = False
        self._flying: list[tuple[float, int, bytes, float]] = []
        self._count = 0
        self._rates: dict[PictureName, float] = {}
        self._octets: dict[PictureName, int] = dict.fromkeys(CAMERAS, 0)

    def change(self, impair: str) -> None:
        self.network.change(Impairment.parse(impair))

    def run(self, seconds: float) -> list[str]:
        """The steps that were taken, without repetition."""
        first = len(self.pictures)
        for _ in range(round(seconds / TICK_S)):
            self._tick()
        steps = self.pictures[first:]
        return [one for n, one in enumerate(steps) if n == 0 or one != steps[n - 1]]

    def _tick(self) -> None:
        self._count += 1
        self.now = 100.0 + self._count * TICK_S
        if self._count % 4 == 0:
            for _ in range(self.voices if self._may_speak() else 0):
                self._speak()
        for camera in self._cameras:
            for packet, begins in camera.packets(self.now):
                self._octets[camera.name] += len(packet)
                self._forward(camera.name, packet, begins)
        self._send_paced()
        self._arrive()
        if self._count % 20 == 0:
            self._look()

    def _may_speak(self) -> bool:
        """Whether frames go out now: of a pair the first waits for the second."""
        self._voice_waits = bool(before(self.down.distances)) and not self._voice_waits
        return not self._voice_waits

    def _speak(self) -> None:
        size = HEADER_BYTES + VOICE_BYTES * (1 + len(self.down.distances))
        self._send(rtp.build(96, 0, 0, 1, bytes(size), send_time=rtp.send_time(self.now)))
        if self._paced is not None:
            self._paced.pacer.spent(size, self.now)

    def _forward(self, name: PictureName, packet: bytes, begins: bool) -> None:
        steps = self.down.steps
        if not steps.shows(name) and not steps.takes(name, begins):
            return
        if self._paced is None:
            self._send(packet)
        elif not self._paced.push(packet):
            steps.interrupted()

    def _send_paced(self) -> None:
        for packet in self._paced.due(self.now) if self._paced is not None else ():
            self._send(packet)

    def _send(self, packet: bytes) -> None:
        at = self.network.admit(len(packet) + OVERHEAD_BYTES - 28, self.now)
        if at is None:
            self.voice_lost += rtp.number_of(packet)[0] == 1
        else:
            self._flying.append((at, len(self._flying), packet, self.now))

    def _arrive(self) -> None:
        self._flying.sort(key=lambda one: one[:2])
        while self._flying and self._flying[0][0] <= self.now:
            at, _place, packet, sent_at = self._flying.pop(0)
            if packet[1] == rtcp.RTCP_APP:
                (probe,) = rtcp.parse(packet)
                assert isinstance(probe, rtcp.Probe)
                self.far_end.probe(probe, len(packet), at)
                continue
            header = rtp.parse(packet)
            assert header.send_time is not None
            self.far_end.push(header.send_time, len(packet), at)
            if header.ssrc == 1:
                self.voice_ms.append(1000 * (at - sent_at))
            else:
                name: PictureName = lines.SLOT_OF_SSRC[header.ssrc]  # type: ignore[assignment]
                self.came[name] += len(packet)

    def _look(self) -> None:
        is_cut = self.far_end.update(self.now)
        if self.far_end.available is not None and (is_cut or self._count % 200 == 0):
            self.down.estimate(self.far_end.available, self.now)
            self._paced = self._paced or PacedPictures()
        for name, octets in self._octets.items():
            rate = 8 * octets / (20 * TICK_S)
            self._rates[name] = self._rates.get(name, rate) + 0.1 * (
                rate - self._rates.get(name, rate)
            )
            self._octets[name] = 0
        self.down.sending(5 * self.voices, self.now)
        for name in self.down.update(self._rates, self.now):
            next(one for one in self._cameras if one.name == name).key_wanted = True
        low = next(one for one in self._cameras if one.name == "main-low")
        low.bitrate = round(self.down.steps.small_wish or LOW_FULL)
        if self._paced is not None:
            self._paced.pacer.rate = self.down.pace(self.now)
            if self.down.is_to_be_probed(self.now):
                for packet in probes(1, self.down.probes):
                    self._send(packet)
        self.pictures.append(self.down.steps.picture)


THIN: dict[int, list[str]] = {
    256: ["high", "low"],
    128: ["high", "low"],
    64: ["high", "low", "none"],
}


@pytest.mark.parametrize("rate", THIN)
def test_pictures_go_down_in_steps_and_come_back_and_the_voice_goes_on(rate: int) -> None:
    link = Link()
    assert link.run(6) == ["high"]
    link.change(f"rtt=20ms,rate={rate}k")
    assert link.run(10) == THIN[rate]
    link.voice_ms.clear()
    before = dict(link.came)
    assert link.run(20) == THIN[rate][-1:], "no step comes and goes"
    assert max(link.voice_ms) < 200 and statistics.median(link.voice_ms) < 60
    came = {name: 8 * (link.came[name] - before[name]) / 20 for name in before}
    assert came["main"] == 0
    if "none" in THIN[rate]:
        assert sum(came.values()) == 0
    else:
        assert came["main-low"] > (40_000 if rate < 200 else 80_000)
    link.change("rtt=20ms")
    back = link.run(10)
    assert back == THIN[rate][::-1], "in steps"
    steps = link.pictures[-100:]
    assert steps.index("high") < 70, "within seconds"


@pytest.mark.parametrize("voices", [1, 2])
@pytest.mark.parametrize("rate", THIN)
def test_a_link_that_becomes_thin_is_overrun_once_and_not_again(rate: int, voices: int) -> None:
    """What came before it did tells nothing of it; and each voice takes its share."""
    link = Link(voices=voices)
    link.run(6)
    link.change(f"rtt=20ms,rate={rate}k")
    known = []
    for _ in range(100):
        link.run(0.1)
        known.append(link.far_end.available or 0)
    assert max(known[25:]) < 1.2 * 1000 * rate, "what is taken for granted at first has shown"
    if voices * Settings(BITRATE, PAIRS).cost < 1000 * rate:
        link.voice_ms.clear()
        link.voice_lost = 0
        link.run(20)
        assert max(link.voice_ms) < 200 and statistics.median(link.voice_ms) < 60
        assert not link.voice_lost


def test_the_small_picture_is_made_to_fit_what_a_link_carries_of_it() -> None:
    link = Link("rtt=20ms,rate=128k")
    link.run(20)
    wish = link.down.steps.small_wish
    assert wish is not None and LOW_LEAST <= wish < LOW_FULL
    before = link.came["main-low"]
    link.run(10)
    came = 8 * (link.came["main-low"] - before) / 10
    assert 0.6 * LOW_LEAST < came < 100_000
    link.change("rtt=20ms,rate=256k")
    link.run(8)
    assert link.down.steps.small_wish is None and link.down.steps.picture == "low"
