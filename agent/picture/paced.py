"""Pictures on their way to one receiver whose link is thin: at its pace, the voice first. Pure.

A packet gets its send time when it goes out, or the receiver would take the pacing for a queue of
its link; so the bytes are this receiver's own, and what is sent again comes from here.
"""

from agent import rtp
from agent.pacing import Pacer

HISTORY = 384
HEADERS = 44


class PacedPictures:
    """What waits for one receiver, and what went out."""

    def __init__(self) -> None:
        self.pacer: Pacer[tuple[int, int, bytes]] = Pacer()
        # (SSRC, number) → as it went out; None: not yet, or never
        self._packets: dict[tuple[int, int], bytes | None] = {}

    def push(self, packet: bytes) -> bool:
        """A packet of a picture. False when too much waits: then it is all dropped, and the
        pictures go on with their next key frames."""
        key = rtp.number_of(packet)
        self._packets[key] = None
        while len(self._packets) > HISTORY:
            del self._packets[next(iter(self._packets))]
        return self.pacer.push((*key, packet), len(packet) + HEADERS)

    def due(self, now: float) -> list[bytes]:
        """What goes out now."""
        out = []
        for ssrc, seq, packet in self.pacer.due(now):
            stamped = rtp.restamped(packet, rtp.send_time(now))
            self._packets[ssrc, seq] = stamped
            out.append(stamped)
        return out

    def again(self, ssrc: int, seqs: tuple[int, ...]) -> tuple[list[bytes], tuple[int, ...]]:
        """What is still there of these, as it went out; and those that never were here."""
        known = [self._packets.get((ssrc, seq)) for seq in seqs]
        strangers = tuple(seq for seq in seqs if (ssrc, seq) not in self._packets)
        return [packet for packet in known if packet is not None], strangers
