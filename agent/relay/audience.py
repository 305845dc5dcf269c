"""Who is sent what of each slot: tables that are made anew on a change, never on a packet.

Rules:
- A site is never sent its own media.
- Receivers whose links need the same copies of earlier frames are one batch (`agent.batches`): what
  goes to them is packed and decided once.
- What is to go out with another frame does not outlive the table it would go by.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from agent import lines
from agent.audio.hop import Distances
from agent.batches import Batch, Batches
from agent.forward import Slot, VideoSlot, VoiceSlot
from agent.pacing import Pacer
from agent.picture.layers import PictureName
from agent.relay.bulk import Viewers
from agent.relay.links import SiteLinks, outlets_of
from agent.rtc.outlet import Outlets

Send = Callable[[VoiceSlot, int, Distances, "Listeners"], None]
"""Sends a frame of a slot by its number, with these copies."""


class Listeners(NamedTuple):
    """Those of one batch who hear a slot. `pacers` are of those whose pictures are paced."""

    batch: Batch
    outlets: Outlets
    pacers: tuple[Pacer, ...]


class Audience:
    """All connected receivers. `send` is called with what can't wait any more."""

    def __init__(self, slots: Mapping[str, Slot], send: Send) -> None:
        self.receivers: list[SiteLinks] = []
        self.paced: list[SiteLinks] = []
        """Those whose pictures wait for their turn."""
        self._slots = slots
        self._send = send
        self._batches = Batches()
        self._listeners: dict[str, list[Listeners]] = {}
        self._viewers: dict[PictureName, Viewers] = {}
        self._pairing: list[tuple[VoiceSlot, Listeners]] | None = None
        self._everybody: Outlets | None = None

    # -- changes -----------------------------------------------------------------------------------

    def set_receivers(self, receivers: Sequence[SiteLinks]) -> None:
        """These sites are connected now."""
        for links in self.receivers:
            if links not in receivers:
                links.downstream.voice.move(None, self._batches)
        self.receivers = list(receivers)
        self.settle()

    def before_switch(self, slot: Slot) -> None:
        """Another source is to feed the slot: what waits to go out with another frame goes now."""
        if isinstance(slot, VoiceSlot):
            for one in self.listeners(slot):
                for seq in one.batch.give_up(slot.ssrc):
                    self._send(slot, seq, (), one)
            self._batches.forget_waiting(slot.ssrc)

    def changed(self) -> None:
        """Somebody is to be sent something else than before."""
        self._listeners.clear()
        self._viewers.clear()
        self._pairing = None
        self._everybody = None
        self.paced = [links for links in self.receivers if links.paced is not None]

    def settle(self) -> None:
        """Everybody into the batch whose copies he needs."""
        moving: list[tuple[SiteLinks, Batch]] = []
        for links in self.receivers:
            links.downstream.has_changed = False
            batch = self._batches.of(links.downstream.distances)
            if links.downstream.voice.batch is not batch:
                moving.append((links, batch))
        for batch in {batch for _links, batch in moving if batch.waiting}:
            self._send_waiting(batch)
        for links, batch in moving:
            for ssrc, seq in links.downstream.voice.move(batch, self._batches):
                slot = self._slots[lines.SLOT_OF_SSRC[ssrc]]
                assert isinstance(slot, VoiceSlot)
                self._send(slot, seq, (), _listeners(batch, [links]))
        self.changed()

    def _send_waiting(self, batch: Batch) -> None:
        """Those in this batch get at once what waits for a second frame."""
        for ssrc, _frame in batch.waiting:
            slot = self._slots[lines.SLOT_OF_SSRC[ssrc]]
            assert isinstance(slot, VoiceSlot)
            for seq in batch.give_up(ssrc):
                for one in self.listeners(slot):
                    if one.batch is batch:
                        self._send(slot, seq, (), one)

    # -- tables ------------------------------------------------------------------------------------

    def everybody(self) -> Outlets:
        """All connected receivers, sources too."""
        if self._everybody is None:
            self._everybody = outlets_of(self.receivers)
        return self._everybody

    def listeners(self, slot: VoiceSlot) -> list[Listeners]:
        """The batches, each with those in it who get this slot."""
        table = self._listeners.get(slot.name)
        if table is None:
            members: dict[Batch, list[SiteLinks]] = {}
            for links in self._others(slot):
                batch = links.downstream.voice.batch
                if batch is not None:
                    members.setdefault(batch, []).append(links)
            table = [_listeners(batch, links) for batch, links in members.items()]
            self._listeners[slot.name] = table
        return table

    def pairing(self) -> list[tuple[VoiceSlot, Listeners]]:
        """Those who get frames of voice in pairs, of which the first waits."""
        if self._pairing is None:
            voices = [slot for slot in self._slots.values() if isinstance(slot, VoiceSlot)]
            every = [(slot, one) for slot in voices for one in self.listeners(slot)]
            self._pairing = [(slot, one) for slot, one in every if one.batch.pairs]
        return self._pairing

    def viewers(self, slot: VideoSlot, *, begins: bool = False) -> Viewers:
        """Those who get this picture. `begins`: a key frame begins, for which some may wait."""
        if begins:
            self._begin(slot)
        table = self._viewers.get(slot.picture)
        if table is None:
            seeing = [r for r in self._others(slot) if r.downstream.steps.shows(slot.picture)]
            at_once = [links for links in seeing if links.paced is None]
            paced = [links for links in seeing if links.paced is not None]
            bad = [links for links in at_once if links.downstream.is_bad]
            twice = outlets_of(bad) if bad else None
            table = Viewers(slot.picture, outlets_of(at_once), paced, twice)
            self._viewers[slot.picture] = table
        return table

    def _begin(self, slot: VideoSlot) -> None:
        for links in self._others(slot):
            steps = links.downstream.steps
            if not steps.shows(slot.picture) and steps.takes(slot.picture, True):
                self._viewers.clear()

    def _others(self, slot: Slot) -> Iterator[SiteLinks]:
        """Everybody but the slot's source."""
        return (links for links in self.receivers if links.site != slot.source)


def _listeners(batch: Batch, receivers: Sequence[SiteLinks]) -> Listeners:
    pacers = tuple(links.paced.pacer for links in receivers if links.paced is not None)
    return Listeners(batch, outlets_of(receivers), pacers)
