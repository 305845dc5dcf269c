"""A line check in words: the verdict, what is wrong, what helps. For console, command and minutes.

`say` looks texts up: `_` in the language of who reads, `INDONESIAN` for the minutes.
"""

from collections.abc import Callable
from functools import cache
from gettext import NullTranslations

from protocol.events import CameraSeen, LineFault, LineFigures, LineVerdict
from protocol.words import N_, _, load

Say = Callable[[str], str]

VERDICTS: dict[LineVerdict, str] = {
    "good": N_("line|Good"),
    "fair": N_("line|Fair"),
    "poor": N_("line|Poor"),
}
SYMBOLS: dict[LineVerdict, str] = {"good": "✓", "fair": "!", "poor": "✗"}
WRONG: dict[LineFault, tuple[str, str]] = {
    "offline": (
        N_("not connected"),
        N_("Ring the site up: is its computer on, is the network cable in?"),
    ),
    "no-answer": (
        N_("did not answer in time"),
        N_("Start the agent at the site anew, then check again."),
    ),
    "no-media": (
        N_("sound and picture do not get through"),
        N_("Let UDP to the server pass in the site's router and firewall."),
    ),
    "loss-up": (
        N_("{loss_up} % of what it sends is lost"),
        N_("Use a cable instead of Wi-Fi and stop other traffic there; else sound alone (g)."),
    ),
    "loss-down": (
        N_("{loss_down} % of what is sent to it is lost"),
        N_("Use a cable instead of Wi-Fi and stop other traffic there; else sound alone (g)."),
    ),
    "slow-up": (
        N_("its line carries only {up} kbit/s up"),
        N_("Stop other traffic at the site; with less than 80 kbit/s choose sound alone (g)."),
    ),
    "slow-down": (
        N_("its line carries only {down} kbit/s down"),
        N_("Stop other traffic at the site; with less than 80 kbit/s choose sound alone (g)."),
    ),
    "delay": (
        N_("a round trip takes {rtt} ms"),
        N_("Use cable or fibre where there is one; leave a pause after each question."),
    ),
    "jitter": (
        N_("packets come up to {jitter} ms apart from their time"),
        N_("Use a cable instead of Wi-Fi, or choose the clear voice (V) for it."),
    ),
    "microphone-dead": (
        N_("the microphone is dead: it hears nothing at all"),
        N_("Plug it in, switch it on, choose it in the computer's sound settings."),
    ),
    "speaker-silent": (
        N_("the loudspeaker is silent: its tone was not heard in the room"),
        N_("Switch it on, turn it up, choose it in the computer's sound settings."),
    ),
    "room-noisy": (
        N_("the room is loud: {noise} dB of full scale"),
        N_("Close doors and windows, switch fans off; put the microphone nearer to who speaks."),
    ),
    "clipping": (
        N_("the microphone is overdriven: {clipped} % of its sound is cut off"),
        N_("Turn the microphone down in the computer's sound settings, or move it away."),
    ),
    "camera-none": (
        N_("there is no camera"),
        N_("Plug a camera in; without one the site is only heard."),
    ),
    "camera-black": (
        N_("the camera's picture is black"),
        N_("Take the cover off the lens, switch the light on."),
    ),
    "camera-frozen": (
        N_("the camera's picture is frozen"),
        N_("Unplug the camera and plug it in again, then start the agent anew."),
    ),
    "clock": (
        N_("its clock is wrong by {clock} s"),
        N_("Let the site's computer set its clock by the network."),
    ),
    "disk": (
        N_("only {free} MB are free on its disk"),
        N_("Delete what is not needed on the site's computer."),
    ),
    "version": (
        N_("it runs {version}, the server another release"),
        N_("Install the server's release at the site."),
    ),
}
"""Of each fault: what is wrong, with figures, and what helps."""

CAMERA: dict[CameraSeen, str] = {
    "unknown": "|–",
    "moving": N_("camera|moves"),
    "none": N_("camera|none"),
    "black": N_("camera|black"),
    "frozen": N_("camera|frozen"),
}
ALL_WELL = N_("everything in order")
DECIMAL = N_("separator of decimals|.")
NOTHING = "–"


def INDONESIAN(text: str) -> str:  # noqa: N802
    """Looks a text up for the minutes, which are in Indonesian whoever writes them."""
    return _indonesian().gettext(text)


@cache
def _indonesian() -> NullTranslations:
    return load("id")


def named(text: str, say: Say = _) -> str:
    """A marked text without its context."""
    return say(text).rpartition("|")[2]


def verdict(one: LineVerdict, say: Say = _) -> str:
    """`Baik`, `Cukup`, `Buruk`."""
    return named(VERDICTS[one], say)


def what_is_wrong(fault: LineFault, figures: LineFigures, say: Say = _) -> str:
    """The fault with its figures."""
    return say(WRONG[fault][0]).format(**_values(figures, say))


def what_helps(fault: LineFault, say: Say = _) -> str:
    """What the operator or the site can do."""
    return say(WRONG[fault][1])


def reasons(faults: tuple[LineFault, ...], figures: LineFigures, say: Say = _) -> str:
    """All faults in a line, the gravest first; that all is well where there is none."""
    told = [what_is_wrong(fault, figures, say) for fault in faults]
    return "; ".join(told) or say(ALL_WELL)


def remedies(faults: tuple[LineFault, ...], say: Say = _) -> tuple[str, ...]:
    """What helps, each once, in the order of the faults."""
    return tuple(dict.fromkeys(what_helps(fault, say) for fault in faults))


def number(value: float | None, decimals: int = 0, say: Say = _) -> str:
    """A figure with the separator in use; a dash where nothing was measured."""
    if value is None:
        return NOTHING
    return f"{value:.{decimals}f}".replace(".", named(DECIMAL, say))


def rate(kbps: float | None, burst_kbps: float | None, say: Say = _) -> str:
    """Kbit/s; `≥2000` where the line let the whole burst through."""
    text = number(kbps, 0, say)
    is_all = kbps is not None and burst_kbps is not None and kbps >= burst_kbps
    return f"≥{text}" if is_all else text


def level(dbov: int | None) -> str:
    """A level as people write it: `-42`."""
    return NOTHING if dbov is None else str(-dbov)


def _values(one: LineFigures, say: Say) -> dict[str, str]:
    jitters = [ms for ms in (one.jitter_up_ms, one.jitter_down_ms) if ms is not None]
    clock = None if one.clock_error_ms is None else abs(one.clock_error_ms) / 1000
    return {
        "loss_up": number(one.loss_up_percent, 1, say),
        "loss_down": number(one.loss_down_percent, 1, say),
        "up": number(one.up_kbps, 0, say),
        "down": number(one.down_kbps, 0, say),
        "rtt": number(one.rtt_ms, 0, say),
        "jitter": number(max(jitters, default=None), 0, say),
        "noise": level(one.noise_dbov),
        "clipped": number(one.clipped_percent, 1, say),
        "clock": number(clock, 0, say),
        "free": number(one.free_mb, 0, say),
        "version": one.version or NOTHING,
    }
