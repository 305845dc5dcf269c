"""To hear a playout in tests: a room with a clock, a decoder whose sound tells the packet."""

import numpy as np

from agent.audio.delay import LinkMemory
from agent.audio.playout import Playout

FRAME_S = 0.02
BASE, CONCEALED = 10_000, 20_001


def frame(number: int) -> np.ndarray:
    """As loud as speech; the last sample tells the number."""
    wave = np.full(960, 8000 / 32768, dtype=np.float32)
    wave[-1] = (BASE + number) / 32768
    return wave


def number_of(pcm: np.ndarray) -> int:
    """The packet a frame came from, `CONCEALED` (however soft), or 0 for silence and noise."""
    last = round(32768 * float(pcm[-1]))
    return CONCEALED if last < -1000 else max(0, last - BASE)


def said(heard: list[int]) -> list[int]:
    """The packets that were heard."""
    return [number for number in heard if 0 < number < CONCEALED]


class Tape:
    """A decoder whose sound tells the packet (1 to 20000)."""

    def __init__(self) -> None:
        self.last = 0
        self.concealed = 0

    def decode(self, packet: bytes) -> np.ndarray:
        if not packet:
            raise ValueError("damaged")
        self.last = int(packet)
        return frame(self.last)

    def decode_fec(self, next_packet: bytes) -> np.ndarray:
        return frame(int(next_packet) - 1)

    def conceal(self) -> np.ndarray:
        self.concealed += 1
        pcm = frame(0)
        pcm[-1] = -BASE / 32768
        return pcm

    def reset(self) -> None:
        self.last = 0

    def keep(self) -> None:
        pass

    def back(self) -> None:
        pass


class Pauses(Tape):
    """Packets from 1 to 40 and so on are speech, 41 to 60 a pause in which only the room hums."""

    def decode(self, packet: bytes) -> np.ndarray:
        pcm = super().decode(packet)
        if int(packet) % 60 > 40:
            pcm[:-1] = 10 / 32768
        return pcm


class Room:
    """A playout on a clock: packets arrive when they are due, sound is noted frame by frame."""

    def __init__(self) -> None:
        self.playout = Playout(Tape())
        self.now = 100.0
        self.heard: list[int] = []
        self.arrivals: list[tuple[float, int, bool]] = []

    def send(self, number: int, at: float, *, marker: bool = False) -> None:
        self.arrivals.append((at, number, marker))

    def run(self, seconds: float) -> list[int]:
        """Pull every 20 ms; what was heard in this time, one number a frame (0: silence)."""
        heard = []
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.now += FRAME_S
            due = sorted(one for one in self.arrivals if one[0] <= self.now)
            self.arrivals = [one for one in self.arrivals if one[0] > self.now]
            for at, number, marker in due:
                ts = number * 960 & 0xFFFFFFFF
                payload = str(number).encode()
                self.playout.push(number & 0xFFFF, ts, payload, at, marker=marker)
            pcm = self.playout.pull(self.now)
            assert pcm.shape == (960,) and pcm.dtype == np.float32
            heard.append(number_of(pcm))
        self.heard += heard
        return heard


def talk(room: Room, numbers: range, *, lost: tuple[int, ...] = ()) -> None:
    """Packets every 20 ms from now on, the first with the marker."""
    for place, number in enumerate(numbers):
        if number not in lost:
            room.send(number, room.now + place * FRAME_S, marker=place == 0)


def arrive(room: Room, number: int, at: float, distances: tuple[int, ...] = ()) -> None:
    """A packet with copies of earlier frames, heard when it is due."""
    blocks = [(960 * d, str(number - d).encode()) for d in distances if number - d >= 1]
    blocks = [*sorted(blocks, reverse=True), (0, str(number).encode())]
    marker = number == 1
    room.playout.push(number & 0xFFFF, number * 960 & 0xFFFFFFFF, blocks, at, marker=marker)


def play(room: Room, numbers: range, lost: set[int], distances: tuple[int, ...] = ()) -> list[int]:
    """Packets every 20 ms, some of them lost; what was heard until all was over."""
    begin = room.now
    heard: list[int] = []
    for place, number in enumerate(numbers):
        if number not in lost:
            arrive(room, number, begin + place * FRAME_S, distances)
        room.now = begin + place * FRAME_S + 0.005
        heard.append(number_of(room.playout.pull(room.now)))
    for _ in range(40):
        room.now += FRAME_S
        heard.append(number_of(room.playout.pull(room.now)))
    return heard


def known(wobble_s: float) -> LinkMemory:
    """What is known of a link after somebody spoke over it, every third packet late by this."""
    link, room = LinkMemory(), Room()
    room.playout = Playout(Tape(), link=link)
    for place in range(200):
        at = room.now + place * FRAME_S + (wobble_s if place % 3 == 2 else 0.0)
        room.send(place + 1, at, marker=place == 0)
    room.run(4.4)
    return link
