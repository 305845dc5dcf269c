"""Where a process' time goes: what it is at is noted every few milliseconds of its CPU time.

A sample belongs to the first rule that fits any of the functions that are running. Work of the
kernel and of libraries counts to the line that called them. Unlike a tracing profiler this costs
next to nothing, so that Python's part does not look larger than it is.
"""

import gc
import linecache
import signal
import time
from collections import Counter
from collections.abc import Sequence
from types import FrameType
from typing import NamedTuple

EVERY_S = 0.001
"""Wanted; the kernel's clock may tick less often."""


class Rule(NamedTuple):
    """A file (or folder) below the source tree, and what the name of a function, or the text of the
    line that runs, must contain."""

    part: str
    file: str
    function: str = ""
    line: str = ""


SEND = "the kernel's sendto and sendmsg, on loopback into the receiver's socket"
PROTECT = "SRTP by libsrtp, AES-GCM"
LOOP = "the event loop, reading sockets"
CONSENT = "consent of ICE, every 5 s"
REPORTS = "reports and telemetry, every second"
LOOKS = "what each link needs, ten times a second"
TICK = "what else is looked at every 10 ms"
RECEPTION = "reception: decrypt, parse, unfold, count"
REWRITE = "rewriting, packing, for whom it is"

RELAY = (
    Rule(REPORTS, "agent/relay/forwarding.py", "_report"),
    Rule(REPORTS, "agent/relay/telemetry.py"),
    Rule(REPORTS, "agent/relay/", "take_rtcp"),
    Rule(CONSENT, "agent/rtc/connection.py", "_consent"),
    Rule(CONSENT, "aioice/"),
    Rule(LOOKS, "agent/relay/", "look"),
    Rule(SEND, "agent/rtc/outlet.py", line="sendto(data"),
    Rule(SEND, "agent/rtc/outlet.py", line="sendmsg(some"),
    Rule(PROTECT, "agent/rtc/outlet.py", line="map(protect"),
    Rule(PROTECT, "agent/rtc/outlet.py", line="protect(self.context"),
    Rule(PROTECT, "agent/rtc/outlet.py", line="map(lib.srtp_protect"),
    Rule("the loop around these two", "agent/rtc/outlet.py"),
    Rule(TICK, "agent/relay/ticks.py"),
    Rule(RECEPTION, "agent/relay/uplinks.py"),
    Rule(REWRITE, "agent/relay/"),
    Rule(LOOP, "agent/rtc/inlet.py", line="receive("),
    Rule(RECEPTION, "agent/rtc/inlet.py"),
    Rule(RECEPTION, "agent/rtc/connection.py"),
    Rule(LOOP, "asyncio/base_events.py"),
)

KERNEL = "the kernel's recvmsg, recvfrom and sendto"
SRTP = "SRTP by libsrtp, AES-GCM"
SERVER = "reports, telemetry, the server"
LEVELS = "levels, mixing, limiter"

AGENT = (
    Rule("Opus: encoding", "agent/audio/opus.py", line="opus_encode("),
    Rule("Opus: decoding", "agent/audio/opus.py", line="opus_decode"),
    Rule(KERNEL, "agent/rtc/inlet.py", line="receive("),
    Rule(KERNEL, "agent/rtc/outlet.py", line="sendto(data"),
    Rule(SRTP, "agent/rtc/inlet.py", line="take_off("),
    Rule(SRTP, "agent/rtc/outlet.py", line="protect(self.context"),
    Rule(LEVELS, "agent/audio/mixer.py"),
    Rule(LEVELS, "agent/audio/activity.py"),
    Rule(SERVER, "agent/site.py", "_tend"),
    Rule(SERVER, "agent/site.py", "_keep_connected"),
    Rule(SERVER, "protocol/link.py"),
    Rule(SERVER, "websockets/"),
    Rule(CONSENT, "agent/rtc/connection.py", "_consent"),
    Rule("packets: parse, count, into the playout", "agent/rtc/connection.py", "_take_srtp"),
    Rule("playout: what is played of each slot", "agent/audio/playout.py", "pull"),
    Rule("microphone, packing, sending", "agent/sender.py", "_take_sound"),
    Rule(LOOP, "agent/clock.py", line="call_at("),
    Rule("what else is done each 20 ms", "agent/clock.py"),
    Rule(LOOP, "asyncio/base_events.py"),
)


def parts(rules: Sequence[Rule]) -> tuple[str, ...]:
    """What these rules tell apart."""
    return tuple(dict.fromkeys(rule.part for rule in rules))


class Sampler:
    """Notes where this process is, from `begin` to `end`; to be used in the main thread. What fits
    no rule counts to the last one."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._counts: Counter[str] = Counter()
        self._rule_of: dict[tuple[object, int], int] = {}
        self._collecting_at = 0.0
        self._pauses: list[float] = []

    def begin(self) -> None:
        """From now on."""
        signal.signal(signal.SIGPROF, self._take)
        signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)
        gc.callbacks.append(self._collected)

    def end(self) -> dict[str, float]:
        """The share of each part (0 to 1), and how long Python's garbage collector ran: all
        together and at the longest (ms)."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        gc.callbacks.remove(self._collected)
        total = sum(self._counts.values()) or 1
        shares = {part: self._counts[part] / total for part in parts(self._rules)}
        pauses = self._pauses or [0.0]
        return shares | {"gc_ms": 1000 * sum(pauses), "longest_gc_ms": 1000 * max(pauses)}

    def _collected(self, phase: str, _info: dict[str, int]) -> None:
        now = time.perf_counter()
        if phase == "start":
            self._collecting_at = now
        else:
            self._pauses.append(now - self._collecting_at)

    def _take(self, _signal: int, frame: FrameType | None) -> None:
        first = len(self._rules) - 1
        while frame is not None:
            first = min(first, self._rule(frame))
            frame = frame.f_back
        self._counts[self._rules[first].part] += 1

    def _rule(self, frame: FrameType) -> int:
        """The number of the first rule that fits."""
        key = frame.f_code, frame.f_lineno or 0  # None before its first line
        if key not in self._rule_of:
            file, function = frame.f_code.co_filename, frame.f_code.co_name
            line = linecache.getline(file, key[1])
            fitting = (
                number
                for number, rule in enumerate(self._rules)
                if rule.file in file and rule.function in function and rule.line in line
            )
            self._rule_of[key] = next(fitting, len(self._rules) - 1)
        return self._rule_of[key]
