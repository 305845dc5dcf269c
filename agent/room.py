"""A synthetic room: its microphone hears what its loudspeaker plays, softer and a little later.

For rehearsals and tests, with everything that may be wrong in a real one: a dead or overdriven
microphone, a silent loudspeaker, noise. Devices of one `Room` share its air.

Sample n of the air sounds at n / 48000 on the monotonic clock.
"""

import numpy as np
from numpy.typing import NDArray

from agent import voice
from agent.clock import RATE, SAMPLES, Position

Pcm = NDArray[np.int16]
Floats = NDArray[np.float32]

EARS = ("", "dead", "noisy", "clipping")
MOUTHS = ("", "silent")
"""Faults of a microphone and of a loudspeaker."""

KEPT_S = 2
DELAY_S = 0.12
GAIN = 0.1
HUM, NOISE = 33.0, 1300.0
"""Standard deviation of the room's noise: -60 dBov, and -28."""

SPEAKS_S, PAUSES_S = 1.7, 0.9
OVERDRIVEN = 9.0


class Room:
    """The air between loudspeaker and microphone."""

    def __init__(self) -> None:
        self._air = np.zeros(KEPT_S * RATE, dtype=np.float32)
        self._end = 0

    def fill(self, begin: int, pcm: Pcm) -> None:
        """This sounds from sample `begin` on."""
        if self._end and begin > self._end:
            self._put(self._end, np.zeros(min(begin - self._end, len(self._air)), np.float32))
        self._put(begin, pcm.astype(np.float32))
        self._end = begin + len(pcm)

    def _put(self, begin: int, sound: Floats) -> None:
        self._air[np.arange(begin, begin + len(sound)) % len(self._air)] = sound

    def take(self, begin: int, count: int) -> Floats:
        """What sounds from sample `begin` on; silence where nothing was played."""
        places = np.arange(begin, begin + count)
        known = (places < self._end) & (places >= self._end - len(self._air))
        return np.where(known, self._air[places % len(self._air)], np.float32(0))


class RoomSpeaker:
    """The loudspeaker of a room."""

    def __init__(self, room: Room, fault: str = "") -> None:
        self._room = room
        self._fault = fault
        self._position = Position()

    def write(self, pcm: Pcm, now: float) -> None:
        """960 samples that begin to sound at `now`."""
        begin = self._position.take(now) + SAMPLES
        if self._fault != "silent":
            self._room.fill(begin, pcm)

    def close(self) -> None:
        """Nothing is to be closed."""


class RoomMicrophone:
    """The microphone of a room, in which a synthetic person speaks and pauses."""

    def __init__(self, room: Room, number: int, fault: str = "") -> None:
        voice.frequency(number)
        self._room = room
        self._number = number
        self._fault = fault
        self._position = Position()
        loudness = NOISE if fault == "noisy" else HUM
        self._noise = np.random.default_rng(number).normal(0, loudness, RATE).astype(np.float32)

    def read(self, now: float) -> Pcm:
        """The 960 samples that end about `now`."""
        begin = self._position.take(now)
        if self._fault == "dead":
            return np.zeros(SAMPLES, dtype=np.int16)
        sound = GAIN * self._room.take(begin - round(DELAY_S * RATE), SAMPLES)
        sound = sound + self._noise[np.arange(begin, begin + SAMPLES) % RATE]
        if self._speaks(begin):
            sound = sound + voice.waveform(self._number, begin, SAMPLES)
        if self._fault == "clipping":
            sound = sound * OVERDRIVEN
        return np.clip(sound, -32768, 32767).astype(np.int16)

    def _speaks(self, begin: int) -> bool:
        round_s = SPEAKS_S + PAUSES_S
        return (begin / RATE + 0.37 * self._number) % round_s < SPEAKS_S

    def close(self) -> None:
        """Nothing is to be closed."""
