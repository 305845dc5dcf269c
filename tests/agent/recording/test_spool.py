"""A site's own voice is kept until it is recorded."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.recording.later import Kept, ranges, unpack
from agent.recording.spool import AGAIN_AFTER_S, GIVE_UP_MS, PIECE_BYTES, SETTLE_MS, Spool


def speak(spool: Spool, first: int, count: int, *, ssrc: int = 7, meeting: str = "m1") -> None:
    for n in range(first, first + count):
        spool.put(meeting, Kept(n * 20, ssrc, n * 960, n & 0xFFFF, 20, bytes(80)))


def numbers(piece: tuple[str, bytes] | None) -> list[int]:
    return [] if piece is None else [frame.seq for frame in unpack(piece[1])]


def test_what_is_confirmed_is_never_sent(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    speak(spool, 0, 200)
    spool.confirm(7, [(0, 149)])
    spool.confirm(8, [(0, 65535)])
    assert spool.count == 50
    assert numbers(spool.piece(200 * 20 + SETTLE_MS, 0.0)) == list(range(150, 200))


def test_what_may_still_arrive_live_is_not_sent_yet(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    speak(spool, 0, 100)
    assert numbers(spool.piece(SETTLE_MS + 40, 0.0)) == [0, 1, 2]


def test_a_piece_at_a_time_and_the_next_when_it_is_confirmed(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    speak(spool, 0, 1000)
    sent: list[int] = []
    now = 0.0
    while piece := spool.piece(10**6, now):
        assert len(piece[1]) < PIECE_BYTES + 200
        assert spool.piece(10**6, now + AGAIN_AFTER_S - 0.1) is None, "it may still be confirmed"
        sent += numbers(piece)
        spool.confirm(7, ranges(numbers(piece)))
    assert sent == list(range(1000))


def test_what_is_not_confirmed_is_sent_again_later_and_later(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    speak(spool, 0, 10)
    times = [t / 2 for t in range(400) if spool.piece(10**6, t / 2) is not None]
    waits = [b - a for a, b in zip(times, times[1:], strict=False)]
    assert waits[0] == 2 * AGAIN_AFTER_S and waits == sorted(waits) and max(waits) <= 60


def test_nothing_is_left_when_everything_is_recorded(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    speak(spool, 0, 50)
    assert (tmp_path / "spoken-m1.bin").stat().st_size > 0
    spool.confirm(7, [(0, 49)])
    spool.pause()
    assert list(tmp_path.iterdir()) == []
    speak(spool, 50, 10)
    spool.pause()
    spool.confirm(7, [(50, 59)])
    assert list(tmp_path.iterdir()) == []


def test_another_process_of_the_site_sends_what_one_left_that_was_killed(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from agent.recording.spool import Spool\n"
        "from agent.recording.later import Kept\n"
        "spool = Spool(Path(sys.argv[1]))\n"
        "for n in range(100): spool.put('m1', Kept(n * 20, 7, n * 960, n, 20, bytes(80)))\n"
        "print('spoken', flush=True); time.sleep(60)"
    )
    speaker = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert speaker.stdout is not None and speaker.stdout.readline() == "spoken\n"
    os.kill(speaker.pid, signal.SIGKILL)
    speaker.wait(30)
    speaker.stdout.close()
    spool = Spool(tmp_path)
    assert numbers(spool.piece(10**6, 0.0)) == list(range(100))
    spool.confirm(7, [(0, 99)])
    assert list(tmp_path.iterdir()) == []


def test_it_is_bounded_and_the_oldest_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.recording.spool.MAX_BYTES", 80 * 100)
    spool = Spool(tmp_path)
    speak(spool, 0, 150)
    assert (spool.count, spool.given_up) == (100, 50)
    assert numbers(spool.piece(10**6, 0.0))[0] == 50
    late = Spool(tmp_path / "other")
    speak(late, 0, 10)
    assert late.piece(GIVE_UP_MS + 1000, 0.0) is None and late.given_up == 10


def test_two_meetings_are_kept_apart(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    speak(spool, 0, 20)
    speak(spool, 0, 20, ssrc=8, meeting="m2")
    first = spool.piece(10**6, 0.0)
    assert first is not None and first[0] == "m1"
    spool.confirm(7, [(0, 19)])
    second = spool.piece(10**6, 0.0)
    assert second is not None and second[0] == "m2"
