"""Which pictures one receiver gets: large, small or none, step by step. Pure.

Rules:
- Down at once, up only after it would have fitted for some seconds: a step that comes and goes is
  worse than a small picture. A small picture that flows is held for a moment longer, at whatever
  pace is left: what is known of a link while its queue drains is often too little.
- The small picture of `main` comes first, then `second`, then the large one of `main`. Of a camera
  with two sizes the small one is shown on any link that carries `LOW_LEAST` of it: its source is
  asked for no more than the link carries (`small_wish`), but never for so little that most others
  who see it get much less than they could (`fair`): then that link gets none.
- A picture begins, and goes over from one size to the other, with a key frame only; until then the
  receiver holds what it shows.
- After a floor switch the first key frame of any size that fits is taken, a better one as soon as
  it comes.

Rates are bit/s, loss is a fraction, times are monotonic seconds given by the caller.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from agent.lines import PICTURES, PICTURES_OF
from agent.picture.layers import LOW_FULL, LOW_LEAST, PictureName
from protocol.messages import VIDEO_SLOTS, Picture, SlotName

ROOM = 1.15
"""What is not shown yet must fit with so much to spare."""

BACK_AFTER_S, HELD_S = 2.0, 2.0
SMALL_SHARE = 0.9
"""Of what pictures may take so much is asked for: packets have headers."""

FAIR_SHARE = 0.6
"""Of what most can have so much is left to them."""

LOSSY, LESS_LOSSY = (0.25, 0.5), (0.15, 0.35)
"""Loss above which the large picture goes, then any; and below which they may come back."""

NONE, LOW, HIGH = range(3)
NAMES: tuple[Picture, ...] = ("none", "low", "high")
MAIN: SlotName = "main"


class Steps:
    """The choice for one receiver."""

    def __init__(self) -> None:
        self.sees_deck = False
        """Whether it is shown who is on deck: `deck` in place of `second`."""
        self.small_wish: float | None = None
        """What the small picture of `main` may take (bit/s); None: as much as it does anyway."""
        self.takes_small = False
        """Whether the small picture of `main` is the one for this receiver, if it takes what it
        carries of it."""
        self._steps: dict[SlotName, int] = dict.fromkeys(VIDEO_SLOTS, HIGH)
        self._fits_since: dict[SlotName, float] = {}
        self._unfit_since: dict[SlotName, float] = {}
        self._current: dict[SlotName, PictureName] = {}
        self._small: dict[SlotName, PictureName] = {}
        self._loss_step = HIGH

    @property
    def picture(self) -> Picture:
        """The best that the link carries."""
        return NAMES[self._steps[MAIN]]

    @property
    def is_best(self) -> bool:
        """Whether the best of every picture may be sent."""
        return all(step == HIGH for step in self._steps.values())

    @property
    def has_video(self) -> bool:
        """Whether it gets any picture."""
        return any(self._steps.values())

    def switched(self, slot: SlotName) -> None:
        """Another source feeds the slot: what comes next begins with a key frame, of any size."""
        self._current.pop(slot, None)

    def interrupted(self) -> None:
        """Something that was to be sent was dropped: nothing goes on without a key frame."""
        self._current.clear()

    def shows(self, name: PictureName) -> bool:
        """Whether this picture is sent, and not held until a key frame."""
        return self._current.get(PICTURES[name].slot) == name

    @property
    def showing(self) -> frozenset[PictureName]:
        """The pictures that are sent."""
        return frozenset(self._current.values())

    @property
    def showing_now(self) -> Iterable[PictureName]:
        """The same, not to be kept."""
        return self._current.values()

    def takes(self, name: PictureName, begins: bool) -> bool:
        """Whether a packet of this picture is sent. `begins`: a key frame begins with it."""
        slot = PICTURES[name].slot
        current = self._current.get(slot)
        if name == current:
            return True
        if not begins:
            return False
        wanted = tuple(self._wanted(slot))
        if name not in wanted:
            return False
        if current in wanted and wanted.index(current) < wanted.index(name):
            return False
        self._current[slot] = name
        return True

    def _wanted(self, slot: SlotName) -> Iterator[PictureName]:
        """What may be sent in a slot, the best first."""
        step = self._steps[slot]
        if step == NONE:
            return
        if slot != MAIN:
            yield "deck" if self.sees_deck else "second"
            return
        small = self._small.get(slot)
        if step == HIGH or small == "main":
            yield "main"
        yield "main-low"

    def update(
        self,
        budget: float,
        loss: float,
        rates: Mapping[PictureName, float],
        now: float,
        *,
        is_forced: bool = False,
        small: float = 0.0,
    ) -> list[PictureName]:
        """Choose anew. `budget`: what pictures may take, `rates`: what those take that flow;
        `is_forced`: the operator wants it so, at once; `small`: what the small picture of `main`
        will take at the least. The pictures of which a key frame is needed, for something comes
        back or is to become better."""
        # A camera with one size has but the large line.
        self._small[MAIN] = "main-low" if "main-low" in rates else "main"
        most = self._by_loss(loss)
        for slot, fits in self._fitting(budget, rates, small).items():
            least = NONE if is_forced else self._held(slot, fits, now)
            self._step(slot, max(least, min(fits, most)), now)
        has_small = self._small[MAIN] == "main-low" and "main-low" in rates
        is_small = has_small and most >= LOW and self._steps[MAIN] <= LOW
        self.takes_small = is_small and budget >= LOW_LEAST
        is_less = self.takes_small and budget < LOW_FULL
        self.small_wish = max(LOW_LEAST, SMALL_SHARE * budget) if is_less else None
        asked: list[PictureName] = []
        for slot in VIDEO_SLOTS:
            wanted = [name for name in self._wanted(slot) if name in rates]
            current = self._current.get(slot)
            if current is not None and current not in wanted:
                del self._current[slot]
                current = None
            if wanted and current != wanted[0]:
                # Of a picture that is not shown at all the smallest comes soonest.
                asked += wanted[:1] if current is not None else wanted[-1:]
        return asked

    def _fitting(
        self, budget: float, rates: Mapping[PictureName, float], least: float
    ) -> dict[SlotName, int]:
        """The step of each slot that would fit."""
        fits: dict[SlotName, int] = dict.fromkeys(VIDEO_SLOTS, NONE if budget <= 0 else HIGH)
        if budget <= 0:
            return fits
        total = small_cost = 0.0
        small = self._small[MAIN]
        second = next((name for name in PICTURES_OF["second"] if name in rates), None)
        first: tuple[tuple[SlotName, PictureName | None], ...]
        first = (MAIN, small), ("second", second)
        for slot, name in first:
            if name is not None and name in rates:
                room = 1.0 if self._steps[slot] >= LOW else ROOM
                cost = rates[name] * room
                if name == "main-low":
                    cost = _cost_of_small(cost, budget, max(LOW_LEAST * room, least))
                if total + cost > budget:
                    fits[slot] = NONE
                else:
                    total += cost
                    small_cost = cost if slot == MAIN else small_cost
        if fits[MAIN] == HIGH and small == "main-low" and "main" in rates:
            room = 1.0 if self._steps[MAIN] == HIGH else ROOM
            if total + rates["main"] * room - small_cost > budget:
                fits[MAIN] = LOW
        elif fits[MAIN] == HIGH and self._steps[MAIN] < HIGH and "main" not in rates:
            fits[MAIN] = self._steps[MAIN] or LOW
        return fits

    def _by_loss(self, loss: float) -> int:
        step = sum(loss <= limit for limit in LOSSY)
        calm = sum(loss <= limit for limit in LESS_LOSSY)
        self._loss_step = min(step, max(self._loss_step, calm))
        return self._loss_step

    def _held(self, slot: SlotName, fits: int, now: float) -> int:
        """The least that is kept for now of what flows."""
        if fits > NONE:
            self._unfit_since.pop(slot, None)
        elif slot in self._current or slot in self._unfit_since:
            since = self._unfit_since.setdefault(slot, now)
            return min(LOW, self._steps[slot]) if now - since < HELD_S else NONE
        return NONE

    def _step(self, slot: SlotName, fits: int, now: float) -> None:
        step = self._steps[slot]
        if fits < step:
            self._steps[slot] = fits
            self._fits_since.pop(slot, None)
        elif fits == step:
            self._fits_since.pop(slot, None)
        elif now - self._fits_since.setdefault(slot, now) >= BACK_AFTER_S:
            self._steps[slot] = step + 1
            self._fits_since.pop(slot, None)


def fair(wishes: Sequence[float]) -> float:
    """What the small picture may take (bit/s) where its receivers have these wishes: the least of
    those that take not much from most of the others."""
    middle = sorted(wishes)[(len(wishes) - 1) // 2]
    return min(one for one in wishes if one >= FAIR_SHARE * middle)


def _cost_of_small(cost: float, budget: float, least: float) -> float:
    """What is set aside for the small picture of `main`: what it takes now, or what it would take
    when nothing limits it; where that is too much, all there is, if that is enough for less."""
    if cost <= budget:
        return max(cost, min(budget, LOW_FULL))
    return budget if least <= budget else cost
