"""A seeded emulator of a bad network for datagrams. Pure: times are given by the caller.

The fate of the n-th datagram of a direction depends on seed, salt and n alone, so that two runs
with one seed lose the same datagrams.
"""

import hashlib
import random
import re

import msgspec

KEYS = ("loss", "rtt", "jitter", "rate", "queue", "seed")
FORMS = {
    "loss": (r"(\d+(?:\.\d+)?)%", "a percentage such as 10%"),
    "rtt": (r"(\d+(?:\.\d+)?)ms", "a time such as 80ms"),
    "jitter": (r"(\d+(?:\.\d+)?)ms", "a time such as 30ms"),
    "queue": (r"(\d+(?:\.\d+)?)ms", "a time such as 300ms"),
    "rate": (r"(\d+(?:\.\d+)?)k", "kilobits a second such as 256k"),
    "seed": (r"(\d+)", "a whole number"),
}


class Impairment(msgspec.Struct, frozen=True):
    """What is wrong with a link, each way: loss as a fraction, round trip, standard deviation of
    the one-way delay, bandwidth and the queue before it."""

    loss: float = 0.0
    rtt_ms: float = 0.0
    jitter_ms: float = 0.0
    rate_kbps: float | None = None
    queue_ms: float = 300.0
    seed: int = 0

    @classmethod
    def parse(cls, text: str) -> "Impairment":
        """From `loss=10%,rtt=80ms,jitter=30ms,rate=256k,seed=7`. Raises ValueError naming the
        key and what is expected."""
        given: dict[str, float] = {}
        for part in filter(None, (p.strip() for p in text.split(","))):
            key, _equals, value = part.partition("=")
            if key not in KEYS:
                raise ValueError(f"impairment {key!r}: known are {', '.join(KEYS)}")
            form, expected = FORMS[key]
            fitting = re.fullmatch(form, value)
            if fitting is None:
                raise ValueError(f"impairment {key}={value}: expected {expected}")
            given[key] = float(fitting[1])
        if given.get("loss", 0) > 100:
            raise ValueError("impairment loss: at most 100%")
        if given.get("rate", 1) <= 0:
            raise ValueError("impairment rate: more than 0k")
        return cls(
            loss=given.get("loss", 0.0) / 100,
            rtt_ms=given.get("rtt", 0.0),
            jitter_ms=given.get("jitter", 0.0),
            rate_kbps=given.get("rate"),
            queue_ms=given.get("queue", 300.0),
            seed=int(given.get("seed", 0)),
        )

    def __str__(self) -> str:
        parts = [f"loss={100 * self.loss:g}%", f"rtt={self.rtt_ms:g}ms"]
        parts.append(f"jitter={self.jitter_ms:g}ms")
        if self.rate_kbps is not None:
            parts.append(f"rate={self.rate_kbps:g}k,queue={self.queue_ms:g}ms")
        return ",".join([*parts, f"seed={self.seed}"])


class Direction:
    """One way of one link. `salt` tells the links of one seed apart; `cut` stops everything."""

    def __init__(self, impairment: Impairment, salt: str) -> None:
        self.cut = False
        self.admitted = 0
        self.lost = 0
        self._impairment = impairment
        digest = hashlib.sha256(f"{impairment.seed}/{salt}".encode()).digest()
        self._random = random.Random(int.from_bytes(digest[:8], "big"))
        self._busy_until = 0.0

    def admit(self, size_bytes: int, now: float) -> float | None:
        """When a datagram sent now is delivered (seconds); None when it is lost."""
        fate, wobble = self._random.random(), self._random.gauss(0.0, 1.0)
        one = self._impairment
        if self.cut or fate < one.loss:
            self.lost += 1
            return None
        at = now
        if one.rate_kbps is not None:
            start = max(now, self._busy_until)
            if (start - now) * 1000 > one.queue_ms:
                self.lost += 1
                return None
            at = self._busy_until = start + size_bytes * 8 / (one.rate_kbps * 1000)
        self.admitted += 1
        return at + max(0.0, one.rtt_ms / 2 + wobble * one.jitter_ms) / 1000
