"""Whose voice the program's own track has: the one who speaks, moment by moment. Pure.

Every slot of sound is recorded on a track of its own; usual players play one track. So there is one
more, made of the others' frames as they are: at any moment that of the slot whose site speaks, the
floor's before the chair's before the panel's when several do. Who speaks keeps it through the
pauses of speech. Times are ms.
"""

from collections import deque

SPEECH_DBOV = 50
"""A level (-dBov, RFC 6464) of less than this is speech."""

SPEECH_BYTES = 20
"""Where a packet tells no level: a frame of at least so many bytes is speech."""

PAUSE_MS = 400
KEPT_MS = 5000


class Program:
    """Ask it of each frame whether it belongs to the program."""

    def __init__(self, slots: tuple[str, ...]) -> None:
        self._rank = {slot: number for number, slot in enumerate(slots)}
        self._spoke_ms: dict[str, int] = {}
        # (from when, whose), the newest last
        self._turns: deque[tuple[int, str]] = deque()

    def takes(self, slot: str, at_ms: int, level: int | None, size_bytes: int) -> bool:
        """Whether this slot's frame of this moment is the program's."""
        speaks = size_bytes >= SPEECH_BYTES if level is None else level < SPEECH_DBOV
        if speaks:
            self._spoke_ms[slot] = max(at_ms, self._spoke_ms.get(slot, at_ms))
        if not self._turns:
            self._turns.append((at_ms, slot))
        since, whose = self._turns[-1]
        if at_ms >= since and whose != slot and self._gives_way(whose, slot, at_ms, speaks):
            self._turns.append((at_ms, slot))
            while len(self._turns) > 1 and self._turns[1][0] < at_ms - KEPT_MS:
                self._turns.popleft()
        return self._whose(at_ms) == slot

    def _gives_way(self, whose: str, slot: str, at_ms: int, speaks: bool) -> bool:
        is_silent = at_ms - self._spoke_ms.get(whose, -PAUSE_MS) > PAUSE_MS
        if not speaks:
            return is_silent and self._rank[slot] < self._rank[whose]
        return is_silent or self._rank[slot] < self._rank[whose]

    def _whose(self, at_ms: int) -> str:
        for since, slot in reversed(self._turns):
            if since <= at_ms:
                return slot
        return self._turns[0][1]
