"""What a site's measured line is worth: good, fair or poor, and why.

Rules:
- The verdict is that of the gravest fault; what was not measured is no fault.
- `poor` is what a meeting would suffer from: the site is not heard, does not hear, has no picture
  that moves, or its line loses so much that speech breaks. `fair` is what it can be held with.
- A microphone that hears nothing at all is dead; only where it lives does a tone that it does not
  hear tell of a silent loudspeaker.
- A silent room is no fault, a loud one is: the voice must stand out of it.

Pure. The faults stand in `LIMITS` and `_found` in the order in which they are told.
"""

from collections.abc import Iterator

import msgspec

from protocol.events import LineFault, LineFigures, LineVerdict

LOSS_PERCENT = (1.0, 5.0)
"""From so much on a line is fair, and poor: what conversation's redundancy hides at once, and what
needs retransmissions that a long way leaves no time for."""

RTT_MS = (250.0, 500.0)
"""A round trip with which people begin to talk over each other, and do all the time (ITU-T G.114:
150 ms one way are good, 400 are not to be exceeded)."""

JITTER_MS = (40.0, 120.0)
RATE_KBPS = (400.0, 80.0)
"""Below that: the large picture does not fit; no picture at all fits beside a voice."""

DEAD_DBOV = 85
"""A microphone that never hears more than this (-dBov) is dead: the quietest room and the noise of
any preamplifier are above."""

NOISY_DBOV = (45, 30)
"""A room that is louder than this without anybody speaking into the microphone."""

CLIPPED_PERCENT = (0.1, 2.0)
CLOCK_MS = 2000
FREE_MB = (1000, 200)


class Judgement(msgspec.Struct, frozen=True):
    """The verdict and the faults it comes from, the gravest first."""

    verdict: LineVerdict
    faults: tuple[LineFault, ...] = ()


OFFLINE = Judgement("poor", ("offline",))
NO_ANSWER = Judgement("poor", ("no-answer",))

Found = tuple[LineVerdict, LineFault]


def judge(figures: LineFigures, software: str = "") -> Judgement:
    """What these figures mean. `software` is the release the site should have; '': any."""
    found = [*_line(figures), *_room(figures), *_camera(figures), *_machine(figures, software)]
    ordered = sorted(found, key=lambda one: one[0] != "poor")
    verdict: LineVerdict = "good" if not found else ordered[0][0]
    return Judgement(verdict, tuple(fault for _verdict, fault in ordered))


def _line(one: LineFigures) -> Iterator[Found]:
    if not one.media:
        yield "poor", "no-media"
        return
    yield from _above("loss-up", one.loss_up_percent, LOSS_PERCENT)
    yield from _above("loss-down", one.loss_down_percent, LOSS_PERCENT)
    yield from _below("slow-up", one.up_kbps, RATE_KBPS)
    yield from _below("slow-down", one.down_kbps, RATE_KBPS)
    yield from _above("delay", one.rtt_ms, RTT_MS)
    jitters = [ms for ms in (one.jitter_up_ms, one.jitter_down_ms) if ms is not None]
    yield from _above("jitter", max(jitters, default=None), JITTER_MS)


def _room(one: LineFigures) -> Iterator[Found]:
    hears = one.tone_dbov is not None
    if one.peak_dbov is not None and one.peak_dbov > DEAD_DBOV and not hears:
        yield "poor", "microphone-dead"
        return
    if one.tone_played and not hears and one.peak_dbov is not None:
        yield "poor", "speaker-silent"
    noise = None if one.noise_dbov is None else -one.noise_dbov
    yield from _above("room-noisy", noise, (-NOISY_DBOV[0], -NOISY_DBOV[1]))
    yield from _above("clipping", one.clipped_percent, CLIPPED_PERCENT)


def _camera(one: LineFigures) -> Iterator[Found]:
    if one.camera == "none":
        yield "fair", "camera-none"
    elif one.camera == "black":
        yield "poor", "camera-black"
    elif one.camera == "frozen":
        yield "poor", "camera-frozen"


def _machine(one: LineFigures, software: str) -> Iterator[Found]:
    yield from _below("disk", one.free_mb, FREE_MB)
    if one.clock_error_ms is not None and abs(one.clock_error_ms) >= CLOCK_MS:
        yield "fair", "clock"
    if software and one.version and one.version != software:
        yield "fair", "version"


def _above(fault: LineFault, value: float | None, limits: tuple[float, float]) -> Iterator[Found]:
    fair, poor = limits
    if value is not None and value >= fair:
        yield "poor" if value >= poor else "fair", fault


def _below(fault: LineFault, value: float | None, limits: tuple[float, float]) -> Iterator[Found]:
    fair, poor = limits
    if value is not None and value < fair:
        yield "poor" if value < poor else "fair", fault
