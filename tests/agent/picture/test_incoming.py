"""Packets in, whole pictures out, when their sound is heard."""

import numpy as np

from agent import rtp
from agent.picture import vp8_packets
from agent.picture.incoming import FROZEN_S, MAX_WAITING, Stream, Window
from agent.picture.vp8 import Yuv


class Screen:
    """A window of `main` with two sizes, and what it showed: (text of the frame, when)."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, float]] = []
        self.decoded: list[str] = []
        self.heard_at: dict[int, float] = {}
        self.damaged = ""
        streams = {"main": Stream(1, 90_000, self), "main-low": Stream(2, 90_000, self)}
        self.window = Window(
            streams,  # type: ignore[arg-type]
            lambda picture, now: self.shown.append((self.decoded[-1], round(now, 3))),
            lambda ssrc, ts: self.heard_at.get(ts),
        )
        self.seqs = {"main": 0, "main-low": 100}

    def decode(self, data: bytes) -> Yuv | None:
        text = data[1:].decode()
        self.decoded.append(text)
        return None if text == self.damaged else np.zeros((3, 2), dtype=np.uint8)

    def packets(self, name: str, text: str, ts: int, *, key: bool = False) -> list[bytes]:
        """A picture in two packets."""
        data = (b"\0" if key else b"\1") + text.encode()
        payloads = vp8_packets.packetize(data, ts & 0x7FFF, max_payload=4 + (len(data) + 1) // 2)
        out = []
        for number, payload in enumerate(payloads, 1):
            marker = number == len(payloads)
            out.append(rtp.build(97, self.seqs[name], ts, 1, payload, marker=marker))
            self.seqs[name] += 1
        return out

    def take(self, name: str, packet: bytes, now: float) -> None:
        header = rtp.parse(packet)
        self.window.take(name, header, packet[header.payload_offset :], now)  # type: ignore[arg-type]

    def get(self, name: str, text: str, ts: int, now: float, *, key: bool = False) -> None:
        for packet in self.packets(name, text, ts, key=key):
            self.take(name, packet, now)

    @property
    def texts(self) -> list[str]:
        return [text for text, _at in self.shown]


def test_a_picture_waits_for_its_sound_and_a_key_frame_does_not() -> None:
    screen = Screen()
    screen.heard_at = {9000: 1.35, 18000: 1.45}
    screen.get("main", "key", 0, 1.0, key=True)
    screen.get("main", "one", 9000, 1.1)
    screen.get("main", "two", 18000, 1.2)
    for now in (1.21, 1.34, 1.355, 1.44, 1.46):
        screen.window.update(now)
    assert screen.shown == [("key", 1.0), ("one", 1.355), ("two", 1.46)]
    assert 9 < screen.window.lip_ms < 11


def test_of_several_that_are_due_the_latest_is_shown() -> None:
    screen = Screen()
    screen.heard_at = {9000: 1.3, 18000: 1.3, 27000: 1.3}
    screen.get("main", "key", 0, 1.0, key=True)
    for number, text in enumerate(("one", "two", "three"), 1):
        screen.get("main", text, 9000 * number, 1.1)
    screen.window.update(1.4)
    assert screen.texts == ["key", "three"] and screen.decoded[-3:] == ["one", "two", "three"]


def test_what_waits_is_bounded() -> None:
    screen = Screen()
    screen.get("main", "key", 0, 1.0, key=True)
    screen.heard_at = {n: 1.7 for n in range(1, 200)}
    for n in range(1, 100):
        screen.get("main", str(n), n, 1.0)
    assert len(screen.window._waiting) == MAX_WAITING
    screen.window.update(1.8)
    assert screen.texts == ["key", "99"] and len(screen.decoded) == 100


def test_a_new_speaker_is_shown_at_once_and_nothing_of_the_one_before_after_that() -> None:
    screen = Screen()
    screen.heard_at = {9000: 1.4}
    screen.get("main", "key", 0, 1.0, key=True)
    screen.get("main", "old", 9000, 1.1)
    screen.get("main", "new", 99_000, 1.2, key=True)
    screen.window.update(1.5)
    assert screen.shown == [("key", 1.0), ("new", 1.2)]


def test_the_other_size_takes_over_when_its_key_frame_is_whole() -> None:
    screen = Screen()
    screen.get("main-low", "small", 0, 1.0, key=True)
    first, second = screen.packets("main", "large", 100, key=True)
    screen.take("main", first, 1.1)
    screen.get("main-low", "small too", 9000, 1.15)
    assert screen.texts == ["small", "small too"], "held until the other is whole"
    screen.take("main", second, 1.2)
    assert screen.texts[-1] == "large"
    late = screen.packets("main-low", "late", 18_000)
    screen.take("main-low", late[0], 1.3)
    screen.take("main-low", late[1], 1.3)
    assert screen.texts[-1] == "large", "without a key frame nothing of the other size is shown"


def test_only_the_size_that_arrives_is_asked_for() -> None:
    screen = Screen()
    screen.get("main-low", "small", 0, 1.0, key=True)
    screen.packets("main-low", "lost", 9000)
    screen.get("main-low", "after", 18_000, 1.2)
    ((ssrc, missing, needs_key),) = screen.window.wishes(1.3, 0.0)
    assert (ssrc, len(missing), needs_key) == (2, 2, False)
    screen.get("main", "large", 100, 1.31, key=True)
    assert not screen.window.wishes(2.0, 0.0)


def test_what_can_t_be_decoded_is_not_shown_and_a_key_frame_is_asked_for() -> None:
    screen = Screen()
    screen.get("main", "key", 0, 1.0, key=True)
    screen.damaged = "broken"
    screen.get("main", "broken", 9000, 1.1)
    screen.get("main", "after", 18_000, 1.2)
    assert screen.texts == ["key"]
    assert screen.window.wishes(1.2, 0.0) == [(1, [], True)]
    screen.get("main", "again", 27_000, 1.3, key=True)
    assert screen.texts == ["key", "again"]


def test_a_picture_that_stands_still_is_counted_once() -> None:
    screen = Screen()
    screen.window.feed(True)
    for tick in range(100):
        screen.window.update(tick / 50)
    assert screen.window.frozen == 0, "it did not begin yet"
    for n in range(10):
        screen.get("main", str(n), 9000 * n, 2.0 + n / 10, key=n == 0)
    for tick in range(150):
        screen.window.update(2.9 + tick / 50)
    assert screen.window.frozen == 1
    screen.get("main", "10", 90_000, 6.0)
    screen.window.feed(False)
    screen.window.update(6.0 + 3 * FROZEN_S)
    assert screen.window.frozen == 1, "nobody feeds it"


def test_what_nobody_looks_at_is_not_decoded() -> None:
    screen = Screen()
    screen.window.is_watched = False
    screen.get("main", "key", 0, 1.0, key=True)
    assert not screen.decoded and not screen.shown and screen.window.seen_at == 1.0
