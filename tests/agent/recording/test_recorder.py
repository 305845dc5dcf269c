"""The recorder: what is in its files, when the disk fails, and after SIGKILL."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from agent import rtp
from agent.audio.hop import Frame, Unfolder, VoiceStream
from agent.audio.ladder import CONVERSATION
from agent.forward import VoiceSlot
from agent.picture import vp8_packets
from agent.recording import segment
from agent.recording.later import Kept, pack, unpack
from agent.recording.recorder import Recorder
from agent.recording.segment import Fed, Segment
from protocol import messages as m
from protocol.binary import Later

ORDER = m.RecordOrder("m1", stop_free_mb=500)
PLENTY = 10_000 * 1_000_000


def wait_until(condition: Callable[[], object], timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.01)


def speak(recorder: Recorder, count: int, begin: float, site: str = "kandis") -> None:
    for n in range(count):
        frame = Frame(n, n * 960, f"{site} {n}".encode(), level=20)
        recorder.voice("floor", site, 7, frame, begin + n * 0.02)


def show(
    recorder: Recorder, seq: int, data: bytes, now: float, *, ssrc: int = 9, sooner_s: float = 0.0
) -> None:
    """A picture; all its packets but the last come so much sooner."""
    for part, payload in enumerate(vp8_packets.packetize(data, seq)):
        last = part == -(-len(data) // 1176) - 1
        packet = rtp.build(97, seq + part, 90 * seq, ssrc, payload, marker=last)
        at = now if last else now - sooner_s
        recorder.picture("main", "kandis", rtp.parse(packet), packet, at)


def read(folder: Path) -> list[Segment]:
    found = [segment.read(path, path.read_bytes()) for _n, path in segment.segments(folder)]
    return [one for one in found if one is not None]


def texts(one: Segment, track: int) -> list[tuple[int, bytes]]:
    data = one.path.read_bytes()
    blocks = [b for b in one.blocks if b.track == track]
    return [(b.at_ms, data[b.offset : b.offset + b.size]) for b in blocks]


def test_the_slots_frames_are_in_the_file_at_their_times(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, free=lambda folder: PLENTY)
    now = time.monotonic()
    assert not recorder.is_on
    speak(recorder, 3, now, "nobody asked for it")
    recorder.take_order(ORDER, now)
    speak(recorder, 100, now + 0.5)
    key = b"\0" + bytes(3000)
    show(recorder, 100, key, now + 1)
    show(recorder, 103, b"\1second", now + 1.1)
    recorder.close()
    (one,) = read(tmp_path / "m1")
    wanted = [(500 + 20 * n, f"kandis {n}".encode()) for n in range(100)]
    assert texts(one, segment.SLOT_TRACKS["floor"]) == wanted
    assert texts(one, segment.PROGRAM) == wanted
    pictures = texts(one, segment.PICTURE)
    assert pictures == [(1000, key), (1003, b"\1second")]
    assert [b.is_key for b in one.blocks if b.track == segment.PICTURE] == [True, False]
    assert Fed(500, "floor", "kandis", 7, 0) in one.marks
    assert isinstance(one.marks[-1], segment.Ended) and one.marks[-1].dropped == 0


def test_a_turn_begins_at_its_place_though_the_relay_was_held_up(tmp_path: Path) -> None:
    """Chair and speaker alike: what came meanwhile was read at once."""
    recorder = Recorder(tmp_path, free=lambda folder: PLENTY)
    now = time.monotonic()
    recorder.take_order(ORDER, now)
    for n in range(60):
        arrival = now + max(0.25, 0.02 * n)
        chair = Frame(n, 5000 + n * 960, b"hall", level=127)
        recorder.voice("chair", "hall", 3, chair, arrival)
        recorder.voice("floor", "kandis", 7, Frame(n, n * 960, b"kandis", level=20), arrival)
    recorder.close()
    (one,) = read(tmp_path / "m1")
    for track, data in ((segment.SLOT_TRACKS["floor"], b"kandis"), (segment.PROGRAM, b"kandis")):
        said = [block for block in texts(one, track) if block[1] == data]
        assert said == [(20 * n, data) for n in range(60)]
    assert [mark.at_ms for mark in one.marks if isinstance(mark, Fed)] == [0, 0]


def test_a_picture_begins_at_its_place_though_the_relay_was_held_up(tmp_path: Path) -> None:
    """It came with its last packet: how long the others took to send tells nothing."""
    recorder = Recorder(tmp_path, free=lambda folder: PLENTY)
    now = time.monotonic()
    recorder.take_order(ORDER, now)
    for n in range(10):
        show(recorder, 100 * n, b"\0" + bytes(1500), now + max(0.25, 0.1 * n), sooner_s=0.04)
    recorder.close()
    (one,) = read(tmp_path / "m1")
    assert [at_ms for at_ms, _data in texts(one, segment.PICTURE)] == [100 * n for n in range(10)]


def test_a_turn_begins_at_its_place_though_its_first_packets_were_lost(tmp_path: Path) -> None:
    """What they held comes as copies with the first that arrives, 100 ms later."""
    recorder = Recorder(tmp_path, free=lambda folder: PLENTY)
    now = time.monotonic()
    recorder.take_order(ORDER, now)
    slot = VoiceSlot("floor", 1, 96, 63)
    slot.switch("kandis", now)
    sender, unfolder = VoiceStream(7, 96, 63), Unfolder(96, 63)
    for n in range(50):
        sender.add(Frame(n, n * 960, b"%d" % n, n == 0, level=20))
        packet = sender.packet(n, CONVERSATION[1], now)
        arrival = now + 0.1 + 0.02 * n
        if packet is None or n < 5:
            continue
        header = rtp.parse(packet)
        for frame in unfolder.push(header, packet[header.payload_offset :]):
            if slot.take("kandis", 7, frame, arrival) is not None:
                recorder.voice("floor", "kandis", 7, frame, arrival)
    recorder.close()
    (one,) = read(tmp_path / "m1")
    for track in (segment.SLOT_TRACKS["floor"], segment.PROGRAM):
        assert sorted(texts(one, track)) == [(100 + 20 * n, b"%d" % n) for n in range(50)]


def test_a_pause_ends_the_segment_and_going_on_begins_another(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, free=lambda folder: PLENTY)
    now = time.monotonic()
    for number in range(2):
        begin = now + number
        recorder.take_order(ORDER, begin)
        wait_until(lambda: recorder.reading().state == "on")
        speak(recorder, 10, begin)
        recorder.take_order(None, begin + 0.2)
        wait_until(lambda: recorder.reading().state == "off")
        speak(recorder, 10, begin + 0.5, "not recorded")
    recorder.close()
    first, second = read(tmp_path / "m1")
    assert [len(texts(one, segment.SLOT_TRACKS["floor"])) for one in (first, second)] == [10, 10]
    assert second.began.utc_ms - first.began.utc_ms == pytest.approx(1000, abs=100)


def test_a_lost_picture_is_left_out_and_a_key_frame_asked_for(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, free=lambda folder: PLENTY)
    now = time.monotonic()
    recorder.take_order(ORDER, now)
    wait_until(recorder.take_key_frame_wish)
    show(recorder, 10, b"\0key", now)
    show(recorder, 12, b"\1refers to what is missing", now)
    wait_until(recorder.take_key_frame_wish)
    show(recorder, 20, b"\0key again", now + 2)
    recorder.close()
    (one,) = read(tmp_path / "m1")
    assert [data for _at, data in texts(one, segment.PICTURE)] == [b"\0key", b"\0key again"]


def test_the_picture_of_another_site_begins_with_its_key_frame(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, free=lambda folder: PLENTY)
    now = time.monotonic()
    recorder.take_order(ORDER, now)
    show(recorder, 10, b"\0" + bytes(2000), now)
    show(recorder, 500, b"\0" + bytes(5000), now + 1, ssrc=10)
    recorder.close()
    (one,) = read(tmp_path / "m1")
    assert [len(data) for _at, data in texts(one, segment.PICTURE)] == [2001, 5001]


def test_a_disk_that_is_nearly_full_ends_the_recording_in_good_order(tmp_path: Path) -> None:
    free = [PLENTY]
    recorder = Recorder(tmp_path, free=lambda folder: free[0])
    recorder.take_order(ORDER, time.monotonic())
    wait_until(lambda: recorder.reading().state == "on")
    assert recorder.reading().free_mb == 10_000
    free[0] = 499 * 1_000_000
    wait_until(lambda: recorder.reading().state == "full")
    (one,) = read(tmp_path / "m1")
    assert isinstance(one.marks[-1], segment.Ended)
    recorder.take_order(None, time.monotonic())
    wait_until(lambda: recorder.reading().state == "off")
    recorder.take_order(ORDER, time.monotonic())
    wait_until(lambda: recorder.reading().state == "full")
    recorder.close()
    assert len(read(tmp_path / "m1")) == 1, "nothing was begun on a full disk"


def test_what_can_not_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder, trouble in ((tmp_path / "file", "directory"), (None, "no folder")):
        recorder = Recorder(folder, free=lambda folder: PLENTY)
        recorder.take_order(ORDER, time.monotonic())
        wait_until(lambda r=recorder: r.reading().state == "failed")  # type: ignore[misc]
        assert trouble in recorder.reading().trouble
        recorder.close()


def test_a_full_queue_drops_and_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.recording.recorder.QUEUE", 5)
    monkeypatch.setattr("agent.recording.recorder.WRITE_EVERY_S", 60)
    recorder = Recorder(tmp_path, free=lambda folder: PLENTY)
    now = time.monotonic()
    recorder.take_order(ORDER, now)
    speak(recorder, 10, now)
    recorder.close()
    assert recorder.dropped >= 5
    (one,) = read(tmp_path / "m1")
    assert one.marks[-1].dropped == recorder.dropped  # type: ignore[union-attr]


def test_a_clock_that_is_set_meanwhile_is_followed(tmp_path: Path) -> None:
    writer = segment.SegmentWriter(tmp_path, segment.Began("m1", 1_000_000))
    writer.mark(segment.Clock(2000, 1_005_000))
    writer.mark(segment.Clock(4000, 1_000_500))
    writer.close()
    (one,) = read(tmp_path)
    times = [one.utc_ms(at) for at in (0, 1999, 2000, 3000, 4000, 5000)]
    assert times == [1_000_000, 1_001_999, 1_005_000, 1_006_000, 1_000_500, 1_001_500]


def test_what_is_written_is_confirmed_by_its_numbers(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, free=lambda folder: PLENTY)
    now = time.monotonic()
    recorder.take_order(ORDER, now)
    speak(recorder, 5, now)
    got: list[m.Kept] = []

    def is_all_there() -> bool:
        got.extend(recorder.take_kept())
        runs = [run for one in got for run in one.runs]
        return [n for first, last in runs for n in range(first, last + 1)] == list(range(5))

    wait_until(is_all_there)
    assert {(one.site, one.ssrc) for one in got} == {("kandis", 7)}
    frames = [Kept(n, 7, n * 960, n, 20, b"later") for n in (8, 9, 12)]
    data = b"".join(pack(frame) for frame in frames)
    recorder.take_later(Later("kandis", "m1", data + b"torn"))
    for strange in (Later("kandis", "m2", data), Later("kandis", "../m1", data)):
        recorder.take_later(strange)
    recorder.close()
    assert recorder.take_kept() == [m.Kept("kandis", 7, ((8, 9), (12, 12)))]
    assert list(unpack((tmp_path / "m1" / "later-kandis.bin").read_bytes())) == frames
    assert [path.name for path in tmp_path.iterdir()] == ["m1"]


SPEAKER = """
import sys, time
from pathlib import Path
from agent.audio.hop import Frame
from agent.recording.recorder import Recorder
from protocol import messages as m
from protocol.binary import Later

recorder = Recorder(Path(sys.argv[1]), free=lambda folder: 1 << 40)
recorder.take_order(m.RecordOrder("m1"), time.monotonic())
n = 0
while True:
    frame = Frame(n & 0xFFFF, n * 960, bytes([0xF8, 0xFF, 0xFE]) + bytes(60), level=20)
    recorder.voice("floor", "kandis", 7, frame, time.monotonic())
    print(n, flush=True)
    n += 1
    time.sleep(0.02)
"""


def test_a_killed_process_loses_less_than_a_second_and_ffmpeg_reads_the_rest(
    tmp_path: Path,
) -> None:
    speaker = subprocess.Popen(
        [sys.executable, "-c", SPEAKER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert speaker.stdout is not None
    for line in speaker.stdout:
        if int(line) >= 100:
            break
    os.kill(speaker.pid, signal.SIGKILL)
    said = int((line + speaker.stdout.read()).split()[-1]) + 1
    speaker.wait(30)
    speaker.stdout.close()
    (one,) = read(tmp_path / "m1")
    written = len(texts(one, segment.SLOT_TRACKS["floor"]))
    assert written >= said - 50, f"{said} said, {written} written"
    with av.open(str(one.path)) as container:
        packets = [p for p in container.demux(container.streams.audio[0]) if p.size]
    assert len(packets) == written
