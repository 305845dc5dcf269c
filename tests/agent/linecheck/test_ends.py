"""The line check listens to and plays in devices that others use all the while."""

import numpy as np

from agent.devices import SAMPLES, Pcm
from agent.linecheck.ends import Ear, Mouth


class Device:
    """A microphone and a loudspeaker."""

    def __init__(self) -> None:
        self.written: list[Pcm] = []
        self.closed = 0

    def read(self, now: float) -> Pcm:
        return np.full(SAMPLES, round(now), dtype=np.int16)

    def write(self, pcm: Pcm, now: float) -> None:
        self.written.append(pcm)

    def close(self) -> None:
        self.closed += 1


def test_who_listens_changes_nothing_for_who_reads():
    device, heard = Device(), []
    ear = Ear(device)
    assert ear.read(5)[0] == 5
    ear.listener = lambda pcm, now: heard.append((now, pcm[0]))
    assert ear.read(6)[0] == 6
    ear.listener = None
    ear.read(7)
    ear.close()
    assert heard == [(6, 6)] and device.closed == 1


def test_what_is_played_sounds_over_what_sounds_and_is_over_after_it():
    device = Device()
    mouth = Mouth(device)
    mouth.write(np.full(SAMPLES, 100, dtype=np.int16), 1.0)
    assert mouth.began_at is None
    mouth.play([np.full(SAMPLES, 7, dtype=np.int16), np.full(SAMPLES, 32767, dtype=np.int16)])
    for at in (2.0, 3.0, 4.0):
        mouth.write(np.full(SAMPLES, 100, dtype=np.int16), at)
    assert [int(pcm[0]) for pcm in device.written] == [100, 107, 32767, 100]
    assert mouth.began_at == 2.0


def test_it_can_be_hushed():
    device = Device()
    mouth = Mouth(device)
    mouth.play([np.full(SAMPLES, 7, dtype=np.int16)] * 5)
    mouth.write(np.zeros(SAMPLES, dtype=np.int16), 1.0)
    mouth.hush()
    mouth.write(np.zeros(SAMPLES, dtype=np.int16), 2.0)
    mouth.close()
    assert [int(pcm[0]) for pcm in device.written] == [7, 0] and device.closed == 1
