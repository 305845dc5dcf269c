"""A seeded emulator of a bad network for datagrams. Pure: times are given by the caller.

Random loss: the fate of the n-th datagram of a direction depends on seed, salt and n alone, so that
two runs with one seed lose the same datagrams. Bursts (`burst`, a Gilbert model) depend on time: in
every 20 ms of the link's life all or nothing is lost, whoever sends how much.
"""

import hashlib
import random
import re

import msgspec

KEYS = ("loss", "burst", "rtt", "jitter", "rate", "queue", "seed")
SLOT_S = 0.02
MAX_SLOTS = 50_000
IP_UDP_BYTES = 28
FORMS = {
    "loss": (r"(\d+(?:\.\d+)?)%", "a percentage such as 10%"),
    "burst": (r"(\d+(?:\.\d+)?)", "packets of 20 ms lost in a row, on average, such as 5"),
    "rtt": (r"(\d+(?:\.\d+)?)ms", "a time such as 80ms"),
    "jitter": (r"(\d+(?:\.\d+)?)ms", "a time such as 30ms"),
    "queue": (r"(\d+(?:\.\d+)?)ms", "a time such as 300ms"),
    "rate": (r"(\d+(?:\.\d+)?)k", "kilobits a second such as 256k"),
    "seed": (r"(\d+)", "a whole number"),
}


class Impairment(msgspec.Struct, frozen=True):
    """What is wrong with a link, each way: loss as a fraction, mean length of its bursts in slots
    of 20 ms (0: losses fall singly), round trip, standard deviation of the one-way delay,
    bandwidth (IP and UDP headers count) and the queue before it."""

    loss: float = 0.0
    burst: float = 0.0
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
        if "burst" in given and (given["burst"] < 1 or given.get("loss", 0) >= 100):
            raise ValueError("impairment burst: 1 or more, with a loss below 100%")
        odds = given.get("loss", 0) / max(1e-9, 100 - given.get("loss", 0))
        if "burst" in given and odds > given["burst"]:
            raise ValueError("impairment burst: too short for so much loss")
        if given.get("rate", 1) <= 0:
            raise ValueError("impairment rate: more than 0k")
        return cls(
            loss=given.get("loss", 0.0) / 100,
            burst=given.get("burst", 0.0),
            rtt_ms=given.get("rtt", 0.0),
            jitter_ms=given.get("jitter", 0.0),
            rate_kbps=given.get("rate"),
            queue_ms=given.get("queue", 300.0),
            seed=int(given.get("seed", 0)),
        )

    def __str__(self) -> str:
        parts = [f"loss={100 * self.loss:g}%", f"rtt={self.rtt_ms:g}ms"]
        if self.burst:
            parts.append(f"burst={self.burst:g}")
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
        self._bursts = random.Random(int.from_bytes(digest[8:16], "big"))
        self._began_at: float | None = None
        self._slot = -1
        self._is_bad = False
        self._busy_until = 0.0

    def change(self, impairment: Impairment) -> None:
        """The link is another one from now on; what is lost goes on by the same seed."""
        self._impairment = impairment

    def admit(self, size_bytes: int, now: float) -> float | None:
        """When a datagram sent now is delivered (seconds); None when it is lost."""
        fate, wobble = self._random.random(), self._random.gauss(0.0, 1.0)
        one = self._impairment
        lost = self._in_burst(now) if one.burst else fate < one.loss
        if self.cut or lost:
            self.lost += 1
            return None
        at = now
        if one.rate_kbps is not None:
            start = max(now, self._busy_until)
            if (start - now) * 1000 > one.queue_ms:
                self.lost += 1
                return None
            at = self._busy_until = start + (size_bytes + IP_UDP_BYTES) * 8 / (one.rate_kbps * 1000)
        self.admitted += 1
        return at + max(0.0, one.rtt_ms / 2 + wobble * one.jitter_ms) / 1000

    def _in_burst(self, now: float) -> bool:
        """Whether the slot of 20 ms that `now` lies in is a lost one."""
        if self._began_at is None:
            self._began_at = now
        one = self._impairment
        leave = 1.0 / one.burst
        enter = min(1.0, leave * one.loss / (1.0 - one.loss))
        slot = int((now - self._began_at) / SLOT_S)
        if slot - self._slot > MAX_SLOTS:
            self._slot = slot - MAX_SLOTS
        while self._slot < slot:
            self._slot += 1
            chance = self._bursts.random()
            self._is_bad = chance >= leave if self._is_bad else chance < enter
        return self._is_bad
