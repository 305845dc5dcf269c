"""Whether a connection still carries media, both ways: asked, not guessed.

Rules:
- The other end is asked every second, with a report, and answers at once (RFC 3611: receiver
  reference time and DLRR). An answer proves both ways at the moment of the question.
- At first, and where something should have come and did not, it is asked every 0.1 s. Nothing is
  torn down for silence alone: only when so many questions stayed unanswered that a link which loses
  three packets in ten each way, of which half the questions get no answer, does so once in weeks;
  and a process that stood still itself (suspended, overloaded) asks first.
- Where packets of control pass and those of media don't (a wrong SRTP rollover counter, a relay
  that forwards to nobody), counting tells: what was sent moved on, what arrived did not.

Times are monotonic seconds given by the caller. Pure.
"""

from collections import deque

EVERY_S = 1.0
DOUBT_EVERY_S = 0.08
"""Whoever asks looks every 0.1 s, give or take a little."""

SILENT_AFTER_S = 1.2
"""So long after the last packet the other end is asked: reports come every second."""

UNPROVED_AFTER_S = 1.5
DEAD_AFTER_S = 3.0
ASKED_IN_VAIN = 20
MAX_ASKED = 64
STUCK_AFTER_S = 2.0
STUCK_PACKETS = 25


class Pulse:
    """Questions and answers of one connection, from the moment it is connected."""

    def __init__(self, now: float) -> None:
        self.heard_at = now
        """When anything at all came last."""
        self.proved_at = now
        """When the latest question was asked that was answered."""
        self.rtt_s = 0.0
        self.in_vain = 0
        """Questions since then."""
        self.has_heard = False
        self.is_answered = False
        """Whether an answer ever came."""
        self._asked: deque[tuple[int, float]] = deque(maxlen=MAX_ASKED)
        self._asked_at = now - EVERY_S

    def heard(self, now: float) -> None:
        """Some packet came."""
        self.heard_at = now
        self.has_heard = True

    def due(self, now: float) -> int | None:
        """The question to be asked now, if one is due."""
        every_s = DOUBT_EVERY_S if self.is_in_doubt(now) else EVERY_S
        return self.ask(now) if now - self._asked_at >= every_s else None

    def ask(self, now: float) -> int:
        """A question, for something is sent now, or it is due: our clock in 1/65536 s."""
        self._asked_at = now
        self.in_vain += 1
        at = int(now * 65536) & 0xFFFFFFFF
        self._asked.append((at, now))
        return at

    def answered(self, at: int, now: float) -> None:
        """The answer to the question that said `at`; one that was never asked tells nothing."""
        asked_at = next((when for said, when in self._asked if said == at), None)
        if asked_at is None:
            return
        self.is_answered = True
        if asked_at >= self.proved_at:
            self.proved_at = asked_at
            self.rtt_s = now - asked_at
            self.in_vain = sum(1 for _said, when in self._asked if when > asked_at)

    def is_in_doubt(self, now: float) -> bool:
        """Whether something that should have come did not."""
        if not self.is_answered:
            return now - self.proved_at < DEAD_AFTER_S
        silent = now - self.heard_at > SILENT_AFTER_S + self.rtt_s
        return silent or now - self.proved_at > UNPROVED_AFTER_S + self.rtt_s

    def is_dead(self, now: float, *, answers: bool = False) -> bool:
        """Whether the connection is to be made anew. `answers`: its end is known to answer. One
        that never does (it does not know the question) is judged by its silence."""
        if self.in_vain < ASKED_IN_VAIN:
            return False
        since = self.proved_at if answers or self.is_answered else self.heard_at
        return now - since > DEAD_AFTER_S + self.rtt_s


class Flow:
    """Whether what one end says it sent arrives at the other."""

    def __init__(self) -> None:
        self._sent: int | None = None
        self._last = 0
        self._got = 0
        self._since = 0.0
        self._at = 0.0

    def reset(self) -> None:
        """Nothing is to be expected now."""
        self._sent = None

    def said(self, sent: int, got: int, now: float) -> None:
        """Both counts as they are known at this moment; `got` may be any number that moves on."""
        if self._sent is None or got != self._got or sent <= self._last:
            self._sent, self._got, self._since = sent, got, now
        self._last, self._at = sent, now

    @property
    def is_stuck(self) -> bool:
        """Whether much was sent for long and nothing of it came."""
        if self._sent is None:
            return False
        is_much = self._last - self._sent >= STUCK_PACKETS
        return is_much and self._at - self._since > STUCK_AFTER_S
