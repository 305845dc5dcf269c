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
FRAME_MS = 20


class Program:
    """Give it each frame; it gives back what is the program's."""

    def __init__(self, slots: tuple[str, ...]) -> None:
        self._rank = {slot: number for number, slot in enumerate(slots)}
        self._spoke_ms: dict[str, int] = {}
        self._last_ms: dict[str, int] = {}
        # What others said while one paused: it is the program's when the pause is an end
        self._aside: dict[str, deque[tuple[int, bytes]]] = {}
        # (from when, whose), the newest last
        self._turns: deque[tuple[int, str]] = deque()

    def push(
        self, slot: str, at_ms: int, level: int | None, data: bytes
    ) -> list[tuple[int, bytes]]:
        """A slot's frame of a moment: the frames (with their moments) that are the program's."""
        speaks = len(data) >= SPEECH_BYTES if level is None else level < SPEECH_DBOV
        if speaks:
            self._spoke_ms[slot] = max(at_ms, self._spoke_ms.get(slot, at_ms))
        self._last_ms[slot] = max(at_ms, self._last_ms.get(slot, at_ms))
        if not self._turns:
            self._turns.append((at_ms, slot))
        since, whose = self._turns[-1]
        before: list[tuple[int, bytes]] = []
        if at_ms >= since and whose != slot and self._gives_way(whose, slot, at_ms, speaks):
            before = self._hand_over(whose, slot, at_ms)
        if self._whose(at_ms) == slot:
            return [*before, (at_ms, data)]
        aside = self._aside.setdefault(slot, deque(maxlen=PAUSE_MS // FRAME_MS))
        aside.append((at_ms, data))
        return before

    def _gives_way(self, whose: str, slot: str, at_ms: int, speaks: bool) -> bool:
        goes_before = self._rank[slot] < self._rank[whose]
        if self._is_silent(whose, at_ms):
            return speaks or goes_before
        return speaks and goes_before

    def _is_silent(self, whose: str, at_ms: int) -> bool:
        return at_ms - self._spoke_ms.get(whose, -PAUSE_MS) > PAUSE_MS

    def _hand_over(self, whose: str, slot: str, at_ms: int) -> list[tuple[int, bytes]]:
        """It is this slot's, also since when the one before paused."""
        since = at_ms
        if self._is_silent(whose, at_ms):
            since = min(at_ms, self._last_ms.get(whose, at_ms) + FRAME_MS)
        self._turns.append((since, slot))
        while len(self._turns) > 1 and self._turns[1][0] < at_ms - KEPT_MS:
            self._turns.popleft()
        return [one for one in self._aside.pop(slot, ()) if one[0] >= since]

    def _whose(self, at_ms: int) -> str:
        for since, slot in reversed(self._turns):
            if since <= at_ms:
                return slot
        return self._turns[0][1]
