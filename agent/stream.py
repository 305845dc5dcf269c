"""Numbers of one RTP stream that we send (RFC 3550 §5.1). Times are monotonic seconds."""

import random
import time

from agent import rtcp


class Stream:
    """Numbers of one RTP stream we send."""

    def __init__(self, clock_rate: int) -> None:
        self.clock_rate = clock_rate
        self.ssrc = random.getrandbits(32)
        # RFC 3550 §5.1 asks for random starts; below 2^15 keeps SRTP's first rollover away.
        self.seq = random.getrandbits(15)
        self._first_ts = random.getrandbits(31)
        self._began_at = time.monotonic()
        self.packets = 0
        self.octets = 0

    def ts_at(self, now: float) -> int:
        """The RTP timestamp of a moment (monotonic seconds)."""
        return (self._first_ts + round((now - self._began_at) * self.clock_rate)) & 0xFFFFFFFF

    def captured_ts(self, now: float) -> int:
        """The timestamp of what is captured at this moment: what a sender report tells."""
        return self.ts_at(now)

    def _count(self, octets: int) -> int:
        """The number of the next packet, which has so many octets."""
        seq, self.seq = self.seq, (self.seq + 1) & 0xFFFF
        self.packets += 1
        self.octets += octets
        return seq

    def report(self, now: float) -> rtcp.SentInfo:
        """What a sender report says of it."""
        ntp = rtcp.ntp_from_unix(time.time())
        return rtcp.SentInfo(self.ssrc, ntp, self.captured_ts(now), self.packets, self.octets)
