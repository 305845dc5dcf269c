"""Pictures on their way to one receiver whose link is thin: at its pace, the voice first. Pure.

A packet gets its send time when it goes out, or the receiver would take the pacing for a queue of
its link; so the bytes are this receiver's own, and what is sent again comes from here. That waits
for its turn, too, before all the rest: what a full link lost would fill it once more.
"""

from collections.abc import Iterable

from agent import rtp
from agent.pacing import MAX_WAIT_S, Pacer

HISTORY = 384
HEADERS = 44


class PacedPictures:
    """What waits for one receiver, and what went out."""

    def __init__(self) -> None:
        self.pacer: Pacer[tuple[tuple[int, int] | None, bytes]] = Pacer()
        """Packets by their number; None: as it was sent before."""
        # (SSRC, number) → as it went out; None: not yet, or never
        self._packets: dict[tuple[int, int], bytes | None] = {}

    def push(self, packet: bytes) -> bool:
        """A packet of a picture. False when too much waits: then it is all dropped, and the
        pictures go on with their next key frames."""
        key = rtp.number_of(packet)
        self._packets[key] = None
        while len(self._packets) > HISTORY:
            del self._packets[next(iter(self._packets))]
        return self.pacer.push((key, packet), len(packet) + HEADERS)

    def due(self, now: float) -> list[bytes]:
        """What goes out now."""
        out = []
        for key, packet in self.pacer.due(now):
            if key is not None:
                packet = self._packets[key] = rtp.restamped(packet, rtp.send_time(now))
            out.append(packet)
        return out

    def again(self, ssrc: int, seqs: tuple[int, ...]) -> tuple[list[bytes], tuple[int, ...]]:
        """What is still there of these, as it went out; and those that never were here."""
        known = [self._packets.get((ssrc, seq)) for seq in seqs]
        strangers = tuple(seq for seq in seqs if (ssrc, seq) not in self._packets)
        return [packet for packet in known if packet is not None], strangers

    def push_again(self, packets: Iterable[bytes]) -> int:
        """These were sent before and go out next, as they are; how many of them. None, where so
        much waits that the pictures will go on with key frames."""
        count = 0
        for packet in reversed(list(packets)):
            if self.pacer.wait_s <= MAX_WAIT_S:
                count += self.pacer.push((None, packet), len(packet) + HEADERS, first=True)
        return count
