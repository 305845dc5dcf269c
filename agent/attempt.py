"""One try of an agent to be connected to one relay, and when it is given up.

Rules:
- An attempt is given up for a reason that is said: refused, failed, no answer, too slow, or
  connected and yet dead or deaf (`agent.pulse`).
- It may take longer each time it failed: a bad link needs its retransmissions, and a machine on
  which all connect at once its time.
"""

import time

from agent import rtcp
from agent.pulse import Flow, Pulse
from agent.rtc import Connection
from protocol.ids import uuid7
from protocol.messages import SlotName

ANSWER_TIMEOUTS_S = (3.0, 5.0, 8.0)
CONNECT_TIMEOUTS_S = (5.0, 8.0, 12.0, 20.0)
LINKS = ("uplink", "downlink")


class Attempt:
    """The uplink we offer and the downlink the relay offers. `failures`: attempts in a row that
    came to nothing before this one."""

    def __init__(self, relay: str, failures: int = 0) -> None:
        self.id = uuid7()
        self.relay = relay
        self.uplink: Connection | None = None
        self.downlink: Connection | None = None
        self.failures = failures
        self.failed = ""
        self.pulses: dict[str, Pulse] = {}
        self.up_flow = Flow()
        self.down_flows: dict[SlotName, Flow] = {}
        self._began_at = time.monotonic()

    @property
    def connected(self) -> bool:
        """Whether both are connected."""
        return all(
            one is not None and one.state == "connected" for one in (self.uplink, self.downlink)
        )

    @property
    def has_answered(self) -> bool:
        """Whether the other end of both ever answered: it is connected there, too."""
        return all(which in self.pulses and self.pulses[which].is_answered for which in LINKS)

    @property
    def carries(self) -> bool:
        """Whether both carry media: something came over each."""
        return self.connected and all(self.is_alive(which) for which in LINKS)

    def is_alive(self, which: str) -> bool:
        """Whether this link brought anything yet and is not dead."""
        pulse = self.pulses.get(which)
        return pulse is not None and pulse.has_heard and not self._is_dead(pulse)

    def _is_dead(self, pulse: Pulse) -> bool:
        # What answers over one of the two answers over both.
        answers = any(one.is_answered for one in self.pulses.values())
        return pulse.is_dead(time.monotonic(), answers=answers)

    def link(self, which: str) -> Connection | None:
        """The connection of that name."""
        return self.uplink if which == "uplink" else self.downlink

    def opened(self, which: str) -> None:
        """A link is connected from now on."""
        self.pulses[which] = Pulse(time.monotonic())

    def heard(self, which: str, arrival: float) -> None:
        """A packet came over it."""
        pulse = self.pulses.get(which)
        if pulse is not None:
            pulse.heard(arrival)

    def take_rtcp(self, which: str, packets: list[rtcp.Rtcp], arrival: float) -> None:
        """What came over it; the answers to our questions are among them."""
        self.heard(which, arrival)
        pulse = self.pulses.get(which)
        for one in packets:
            if isinstance(one, rtcp.Answer) and pulse is not None:
                pulse.answered(one.at, arrival)

    def ask(self, ssrc: int) -> None:
        """Ask over both links what is due."""
        now = time.monotonic()
        for which, pulse in self.pulses.items():
            connection = self.link(which)
            if connection is not None and connection.state == "connected":
                at = pulse.due(now)
                if at is not None:
                    connection.send_rtcp(rtcp.compound(ssrc, rtcp.build_question(ssrc, at)))

    def question(self, which: str, ssrc: int) -> bytes:
        """What asks over this link, to go with a report: a packet less for the relay to read."""
        pulse = self.pulses.get(which)
        return b"" if pulse is None else rtcp.build_question(ssrc, pulse.ask(time.monotonic()))

    def why_over(self) -> str:
        """Why it is to be given up; empty when it is not."""
        if self.failed:
            return self.failed
        now = time.monotonic()
        limits_s = ANSWER_TIMEOUTS_S if self.downlink is None else CONNECT_TIMEOUTS_S
        is_late = now - self._began_at > limits_s[min(self.failures, len(limits_s) - 1)]
        if not self.connected:
            return "connecting took too long" if is_late else ""
        for which, pulse in self.pulses.items():
            # Before it ever answered, the other end may lack the last of what connects it.
            if self._is_dead(pulse) and (pulse.is_answered or is_late):
                silent_s = now - pulse.proved_at
                return f"the {which} did not answer for {silent_s:.1f} s"
        if self.up_flow.is_stuck:
            return "what we send does not arrive"
        for slot, flow in self.down_flows.items():
            if flow.is_stuck:
                return f"what is sent in {slot} does not arrive"
        return ""

    async def close(self) -> None:
        """Close both."""
        for one in (self.uplink, self.downlink):
            if one is not None:
                await one.close()
