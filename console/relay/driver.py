"""What the server wants of a relay, whoever forwards the media: one interface, a driver an engine.

Rules:
- Agents see session descriptions and names of slots alone; the engine's own language, its keys and
  its restarts are the driver's matter.
- What is set (who may be there, who feeds the slots, who is muted, what is forced, what is
  recorded) is kept by the driver and holds again by itself when the engine comes back.
- Connections do not outlive it: `EngineLost` is told, then an `EngineUp` with another instance,
  and sites connect anew.
- Setting returns at once and waits for nobody; several settings `together()` are one change: a
  voice never moves without its picture.
- A site is never sent its own media; nothing is forwarded from a site that feeds no slot, or is
  muted.

`tests/contract/test_relay_driver.py` holds every driver to this.
"""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final, Literal

import msgspec

from protocol.binary import Later
from protocol.messages import (
    AUDIO_SLOTS,
    VIDEO_SLOTS,
    Kept,
    LinkReading,
    MediaMode,
    RecordOrder,
    RelayReading,
    SlotName,
    VoiceMode,
)

All = Literal["all"]
ALL: Final = "all"
SLOTS: tuple[SlotName, ...] = (*AUDIO_SLOTS, *VIDEO_SLOTS)


class RelayError(Exception):
    """The engine could not or would not do it; the text says why."""


# -- what it tells ---------------------------------------------------------------------------------


class EngineUp(msgspec.Struct, frozen=True):
    """An engine is there, under a name of its own: sites are to connect to it."""

    instance: str


class EngineLost(msgspec.Struct, frozen=True):
    """The engine is gone, and every connection with it."""

    reason: str


class SiteLost(msgspec.Struct, frozen=True):
    """The engine gave up this try of the site; it has to connect anew."""

    site: str
    attempt: str


class Measured(msgspec.Struct, frozen=True):
    """New statistics are there."""

    stats: "Stats"


class Confirmed(msgspec.Struct, frozen=True):
    """Frames of a site's voice are in the recording, on the disk."""

    kept: Kept


RelayEvent = EngineUp | EngineLost | SiteLost | Measured | Confirmed
Take = Callable[[RelayEvent], None]


class Stats(msgspec.Struct, frozen=True):
    """Of the engine, and of each site's link."""

    engine: RelayReading
    links: dict[str, LinkReading]


# -- what is wanted of it --------------------------------------------------------------------------


class Wanted(msgspec.Struct):
    """All that was set. `sites` None: nobody was named yet, and nobody is sent away."""

    sites: tuple[str, ...] | None = None
    slots: dict[SlotName, str] = msgspec.field(default_factory=dict)
    muted: set[str] = msgspec.field(default_factory=set)
    voice: dict[str, VoiceMode] = msgspec.field(default_factory=dict)
    media: dict[str, MediaMode] = msgspec.field(default_factory=dict)
    record: RecordOrder | None = None
    deck: str = ""

    @property
    def fed(self) -> dict[SlotName, str]:
        """The slots as they are to be fed, the muted sites left out where they would be heard."""
        return {
            slot: site
            for slot, site in self.slots.items()
            if slot in VIDEO_SLOTS or site not in self.muted
        }


class Relay(ABC):
    """One engine. `take` is called on the event loop with what it tells, and must not block."""

    instance: str = ""
    """The engine's name; empty while there is none."""

    pid: int = 0
    """Its process on this machine; 0 when it has none here."""

    def __init__(self) -> None:
        self.wanted = Wanted()
        self._take: Take = lambda event: None
        self._depth = 0

    # -- its life ----

    def open(self, take: Take) -> None:
        """Tell everything from now on to `take`."""
        self._take = take

    @abstractmethod
    async def run(self) -> None:
        """Have an engine, and another when it dies, until `close`."""

    @abstractmethod
    async def close(self) -> None:
        """End the engine, and every connection."""

    # -- connections ----

    @abstractmethod
    async def publish(self, site: str, attempt: str, offer: str) -> str:
        """Take the site's uplink; the answer to its offer. A new try (`attempt`, named by the
        agent) takes the place of an older one. Raises RelayError."""

    @abstractmethod
    async def subscribe(self, site: str, slots: Collection[SlotName]) -> str:
        """Make the downlink of a site that published; its offer. Raises RelayError."""

    @abstractmethod
    async def subscribed(self, site: str, attempt: str, answer: str) -> None:
        """The site's answer to it. Raises RelayError."""

    @abstractmethod
    def unpublish(self, site: str, attempt: str) -> None:
        """The site ended this try by itself."""

    @abstractmethod
    def kick(self, site: str) -> None:
        """End the connections of a site; it may come back."""

    # -- settings ----

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What is set within is carried out as one change, at the end."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            self._changed()

    def admit(self, sites: Collection[str]) -> None:
        """These may be connected; all others are sent away."""
        self.wanted.sites = tuple(sites)
        self._changed()

    def switch(self, sites: Collection[str] | All, slots: Mapping[SlotName, str | None]) -> None:
        """Feed these slots from these sites (None: from nobody) at all sites, or at some, which an
        engine with the same slots everywhere cannot: RelayError."""
        if sites != ALL:
            raise RelayError("this relay has the same slots at all sites")
        for slot, source in slots.items():
            if source is None:
                self.wanted.slots.pop(slot, None)
            else:
                self.wanted.slots[slot] = source
        self._changed()

    def show_deck(self, site: str) -> None:
        """Show the small picture of this site at the one that feeds `chair`; '': nobody's."""
        self.wanted.deck = site
        self._changed()

    def mute(self, site: str, is_muted: bool) -> None:
        """Forward no sound of the site, whatever slot it feeds, or do so again."""
        (self.wanted.muted.add if is_muted else self.wanted.muted.discard)(site)
        self._changed()

    def force(self, site: str, *, voice: VoiceMode = "auto", media: MediaMode = "auto") -> None:
        """What the operator forces of what the site is sent (`auto`: nothing)."""
        _set(self.wanted.voice, site, voice)
        _set(self.wanted.media, site, media)
        self._changed()

    def record(self, order: RecordOrder | None) -> None:
        """Record the program of this meeting; None: nothing."""
        self.wanted.record = order
        self._changed()

    @abstractmethod
    def add_to_recording(self, later: Later) -> None:
        """What a site said while its link was down; told as Confirmed when it is on the disk. Lost
        while there is no engine: the site sends it again."""

    def _changed(self) -> None:
        if not self._depth:
            self._apply()

    @abstractmethod
    def _apply(self) -> None:
        """Have `wanted` carried out, if anything of it changed and an engine is there."""

    # -- statistics ----

    @abstractmethod
    def stats(self) -> Stats | None:
        """The latest; None while there is no engine."""


def _set(table: dict, site: str, mode: str) -> None:
    if mode == "auto":
        table.pop(site, None)
    else:
        table[site] = mode
