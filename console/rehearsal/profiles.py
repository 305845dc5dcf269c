"""The bad links that the voice path is measured on, and what must be reached on each.

A profile is an impairment of one hop (`agent.impair`), each way, with a round trip of 60 ms: rX is
X % of random loss; geX bursts that average X %; jN jitter of N ms; Nk a link of N kbit/s. A goal is
the least mean PESQ and the greatest median delay from mouth to ear.

Where both hops are bad, a goal is one step lower: that of the next harder profile, where there is
one, else half a point of PESQ less; and the second hop's way of 30 ms is added to the delay.
"""

from collections.abc import Iterable
from typing import Literal, get_args

import msgspec

Mode = Literal["conversation", "clear"]
LinkName = Literal["listening", "speaking", "both"]
MODES: tuple[Mode, ...] = get_args(Mode)
LINKS: tuple[LinkName, ...] = get_args(LinkName)

HARDER_PESQ = 0.5
SECOND_HOP_MS = 30.0
SETTLE_S, SETTLE_THIN_S = 14.0, 24.0


class Goal(msgspec.Struct, frozen=True):
    """What is to be reached; None: not set."""

    pesq: float | None = None
    delay_ms: float | None = None


class Profile(msgspec.Struct, frozen=True):
    """One kind of bad link. `harder` names the profile whose goals hold when both links are so."""

    name: str
    what: str
    conversation: Goal = Goal()
    clear: Goal = Goal()
    harder: str = ""
    thin: bool = False

    def impair(self, seed: int) -> str:
        """The agents' `--impair` text."""
        return ",".join(part for part in (self.what, "rtt=60ms", f"seed={seed}") if part)

    @property
    def settle_s(self) -> float:
        """How long a sender takes to find out what this link is."""
        return SETTLE_THIN_S if self.thin else SETTLE_S

    def goal(self, mode: Mode, link: LinkName) -> Goal:
        """What is to be reached on this link."""
        own = self.conversation if mode == "conversation" else self.clear
        if link != "both" or own == Goal():
            return own
        if self.harder:
            lower = PROFILES[self.harder].goal(mode, "listening")
        else:
            lower = Goal(round((own.pesq or 0.0) - HARDER_PESQ, 2), own.delay_ms)
        limits = [one.delay_ms for one in (own, lower) if one.delay_ms is not None]
        return Goal(lower.pesq, max(limits) + SECOND_HOP_MS if limits else None)


def _profiles() -> Iterable[Profile]:
    easy = Goal(4.15, 160), Goal(4.30, 420)
    yield Profile("clean", "", Goal(4.15, 150), Goal(4.30, 420), "r20")
    yield Profile("r5", "loss=5%", *easy, "r20")
    yield Profile("r10", "loss=10%", *easy, "r20")
    yield Profile("r20", "loss=20%", Goal(4.0, 160), Goal(4.30, 420), "r30")
    yield Profile("r30", "loss=30%", Goal(3.9, 160), Goal(4.25, 420), "ge10")
    yield Profile("ge10", "loss=10%,burst=5", Goal(3.3, 160), Goal(4.25, 420), "ge20")
    yield Profile("ge20", "loss=20%,burst=8", Goal(2.3, 160), Goal(3.8, 620))
    yield Profile("j60", "jitter=60ms", Goal(4.2, 240), Goal(4.30, 420), "ge10+j60")
    yield Profile("ge10+j60", "loss=10%,burst=5,jitter=60ms", Goal(2.7, 240), Goal(3.9, 640))
    thin = Goal(3.5, 160), Goal(3.9, 420)
    yield Profile("64k", "loss=10%,rate=64k,queue=300ms", *thin, thin=True)
    yield Profile("128k", "rate=128k,queue=300ms", thin=True)
    yield Profile("256k", "rate=256k,queue=300ms", thin=True)


PROFILES = {one.name: one for one in _profiles()}


def chosen(option: str, text: str, known: Iterable[str]) -> list[str]:
    """The names in `a,b` that are known, in their own order; all when it is empty. Raises
    ValueError that lists the known ones."""
    known = list(known)
    wanted = [part.strip() for part in text.split(",") if part.strip()]
    for name in wanted:
        if name not in known:
            raise ValueError(f"{option} {name}: known are {', '.join(known)}")
    return [name for name in known if not wanted or name in wanted]
