"""When a frame was said or shown: RTP timestamps of many sources on one line of time. Pure.

Within one SSRC time goes on by the source's own clock, so that frames stand exactly as far apart as
they were captured, whenever they arrived; where the line stands is what the most punctual packets
tell, which also follows a clock that runs slow. The first ones may have been held up, or come as
copies: the line begins where those tell that come right after. Times are seconds of the relay's
monotonic clock.
"""

import math
from collections.abc import Callable, Iterable

from agent import rtp

Ahead = Callable[[], Iterable[tuple[int, float]]]

DRIFT_S = 0.03
LOOK_EVERY_S = 5.0
JUMP_S = 1.0


class Timeline:
    """One slot's line."""

    def __init__(self, clock_rate: int) -> None:
        self.clock_rate = clock_rate
        self.ssrc = 0
        self.begins = 0
        """Counts the times at which the line was laid anew."""
        self.base: tuple[int, float] = (0, 0.0)
        """An RTP timestamp and its moment."""
        self._early_s = 0.0
        self._looked_at = 0.0

    def at(self, ssrc: int, ts: int, arrival: float, ahead: Ahead = tuple) -> float:
        """The moment of a timestamp. `ahead()`: timestamps and arrivals of what the same source
        sent right after it; they are asked for where a line begins or moves."""
        if not self.begins or ssrc != self.ssrc:
            return self._begin(ssrc, ts, arrival, ahead)
        moment = self._moment(ts)
        late_s = arrival - moment
        if not -JUMP_S < late_s < JUMP_S:
            if late_s > 0 and any(at - self._moment(other) < JUMP_S for other, at in ahead()):
                return moment  # it was held up for long, those after it were not
            return self._begin(ssrc, ts, arrival, ahead)
        self._early_s = min(self._early_s, late_s)
        if late_s < -DRIFT_S or arrival - self._looked_at >= LOOK_EVERY_S:
            shift_s = min(self._early_s, self._punctual(ts, arrival, ahead) - moment)
            self._early_s, self._looked_at = math.inf, arrival
            if abs(shift_s) >= DRIFT_S:
                self._move(shift_s)
                moment += shift_s
        return moment

    def _moment(self, ts: int) -> float:
        first_ts, first = self.base
        return first + rtp.ts_delta(ts, first_ts) / self.clock_rate

    def _punctual(self, ts: int, arrival: float, ahead: Ahead) -> float:
        """When the timestamp would have come with the most punctual of these."""
        came = [at - rtp.ts_delta(other, ts) / self.clock_rate for other, at in ahead()]
        return min((at for at in came if arrival - JUMP_S < at < arrival), default=arrival)

    def _move(self, shift_s: float) -> None:
        first_ts, first = self.base
        self.base = (first_ts, first + shift_s)
        self.begins += 1

    def _begin(self, ssrc: int, ts: int, arrival: float, ahead: Ahead) -> float:
        moment = self._punctual(ts, arrival, ahead)
        self.ssrc, self.base = ssrc, (ts, moment)
        self.begins += 1
        self._early_s, self._looked_at = math.inf, arrival
        return moment
