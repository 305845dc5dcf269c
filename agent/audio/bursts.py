"""How long the bursts are in which a voice loses packets, and what that makes to be expected. Pure.

The few long bursts of half a minute are a matter of chance: there may be three of them or none on
one and the same link. How many bursts there were and how long they are on average is known much
better, and tells of the long ones.
"""

from collections import deque

from agent.audio.lateness import LONG_WINDOW_FRAMES as WINDOW_PACKETS

MAX_BURSTS = 200

KNOWN, KNOWN_PACKETS = 5, 3
"""As if so many bursts of so many packets had been seen before: one that is long tells little."""


class Bursts:
    """Of one speaker, in the last half minute."""

    def __init__(self) -> None:
        # Of each the packet that ended it, and how many were lost before that.
        self._lost: deque[tuple[int, int]] = deque(maxlen=MAX_BURSTS)
        self._packets = 0

    def push(self, number: int, lost: int) -> None:
        """This packet came, so many just before it did not."""
        self._packets += lost + 1
        if lost:
            self._lost.append((number, lost))
            while self._lost[0][0] <= number - WINDOW_PACKETS:
                self._lost.popleft()

    def beyond(self, newest: int, packets: int) -> float:
        """The share (0 to 1) that is lost and further than so many packets from the end of its
        burst, up to the `newest`. Bursts are held to be as long as chance makes them about their
        mean (geometric)."""
        lost = [lost for number, lost in self._lost if number > newest - WINDOW_PACKETS]
        mean = (sum(lost) + KNOWN * KNOWN_PACKETS) / (len(lost) + KNOWN)
        share = sum(lost) / max(1, min(WINDOW_PACKETS, self._packets))
        return float(share * (1 - 1 / mean) ** packets)
