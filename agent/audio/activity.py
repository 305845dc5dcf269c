"""Whether somebody speaks or pauses, by the level of what is heard. Pure."""

import math
from collections import deque

from agent.audio.mixer import Wave, power_of

SAMPLES = 960
PAUSE_FRAMES = 3
PAUSE_BELOW_PEAK_DB = 30.0
PAUSE_ABOVE_NOISE_DB = 6.0
PAUSE_LEVEL_DB = -58.0
NOISE_WINDOW_FRAMES = 150


class VoiceActivity:
    """The peak that speech reaches, the noise below it, and whether we are in a pause between them.
    Levels in dB of full scale (0 is the loudest)."""

    def __init__(self) -> None:
        self.peak_db = -90.0
        self.noise_db = -90.0
        self.in_pause = True
        # The frames that are the softest until a later one is softer: (number, level), rising.
        self._lowest: deque[tuple[int, float]] = deque()
        self._frames = 0
        self._quiet_run = PAUSE_FRAMES

    def push(self, wave: Wave) -> float:
        """A decoded frame of 960 samples; its mean square."""
        power = power_of(wave)
        level_db = 10 * math.log10(power) if power > 1e-10 else -100.0
        self.peak_db = max(level_db, self.peak_db - 0.02)
        self._frames += 1
        while self._lowest and self._lowest[-1][1] >= level_db:
            self._lowest.pop()
        self._lowest.append((self._frames, level_db))
        if self._lowest[0][0] <= self._frames - NOISE_WINDOW_FRAMES:
            self._lowest.popleft()
        self.noise_db = self._lowest[0][1]
        quiet = level_db < max(PAUSE_LEVEL_DB, self.peak_db - PAUSE_BELOW_PEAK_DB)
        if not quiet and self.peak_db - self.noise_db > 2 * PAUSE_ABOVE_NOISE_DB:
            quiet = level_db < self.noise_db + PAUSE_ABOVE_NOISE_DB
        self._quiet_run = self._quiet_run + 1 if quiet else 0
        self.in_pause = self._quiet_run >= PAUSE_FRAMES
        return power

    @property
    def noise_rms(self) -> float:
        """Of the room; at least 45 dB below the speech."""
        bounded = min(self.noise_db, self.peak_db - 45.0, -40.0)
        return float(10 ** (bounded / 20)) if bounded > -85 else 0.0
