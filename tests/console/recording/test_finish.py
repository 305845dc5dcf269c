"""A recording becomes a film: by the keeper beside the server, or by hand."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.audio import opus
from agent.recording.segment import PROGRAM, SLOT_TRACKS, Began, Ended, Fed, SegmentWriter
from agent.voice import waveform
from console.cli import app
from console.journal import Journal
from console.meeting import state as st
from console.recording import shelf
from console.recording.finish import RecordingError, finish
from console.recording.keeper import Keeper
from protocol import commands as c
from protocol import events as e
from tests.ending import end
from tests.playbook import PLAN

KEPT = e.RecordingPlan(keep_days=30)


class Past:
    """A journal with a meeting that was recorded for 4 s, and its segment."""

    def __init__(self, folder: Path, *, began_at: int, is_closed: bool = True) -> None:
        self.db = folder / "journal.db"
        self.folder = folder / "recordings"
        self.state = st.Meeting()
        journal = Journal(self.db)
        plan = st.msgspec.structs.replace(PLAN, recording=KEPT)
        steps: list[tuple[int, list[e.Event]]] = [
            (0, [e.MeetingConvened(plan), e.MeetingOpened(), e.RecordingStarted()]),
            (1000, [e.FloorGranted("kandis", 1, 60)]),
            (3000, [e.TurnEnded("kandis", 1, "ended", 2000)]),
            (4000, [e.RecordingStopped("closed"), e.MeetingClosed()] if is_closed else []),
        ]
        for after_ms, events in steps:
            _recorded, self.state = journal.append_now(
                self.state, "m1", began_at + after_ms, "moderator", "", events
            )
        journal.close()
        writer = SegmentWriter(self.folder / "m1", Began("m1", began_at))
        writer.mark(Fed(1000, "floor", "kandis", 7, 0))
        encoder = opus.Encoder(32_000, fec=False, dtx=False)
        for at_ms in range(1000, 3000, 20):
            data = encoder.encode(waveform(1, at_ms * 48, 960))
            for track in (PROGRAM, SLOT_TRACKS["floor"]):
                writer.block(track, at_ms, data, is_key=True)
        writer.mark(Ended(4000))
        writer.close()

    @contextlib.asynccontextmanager
    async def kept(self, is_written: Callable[[], bool] = lambda: False):
        """A keeper at work; what it tells."""
        told: asyncio.Queue[c.NoteRecordingFinished] = asyncio.Queue()
        keeper = Keeper(self.db, self.folder, lambda: self.state, is_written, told.put)
        running = asyncio.get_running_loop().create_task(keeper.run())
        try:
            yield told
        finally:
            await end(running)


def days_ago(days: float) -> int:
    return time.time_ns() // 1_000_000 - round(days * shelf.DAY_MS)


async def test_the_keeper_finishes_a_closed_meeting_once_the_relay_let_go(tmp_path: Path) -> None:
    past, asked = Past(tmp_path, began_at=days_ago(0)), []

    def is_written() -> bool:
        asked.append(True)
        return len(asked) < 2

    async with past.kept(is_written) as told:
        note = await asyncio.wait_for(told.get(), 30)
    assert len(asked) >= 2
    assert (note.length_ms, note.chapters, note.trouble) == (4000, 3, "")
    (one,) = shelf.look(past.folder)
    assert one.is_finished and one.film is not None and one.film.file == note.file


async def test_the_keeper_finishes_what_an_earlier_server_left(tmp_path: Path) -> None:
    past = Past(tmp_path, began_at=days_ago(0))
    past.state = st.Meeting(id="m2", phase="planned")
    async with past.kept() as told:
        async with asyncio.timeout(30):
            while not shelf.look(past.folder)[0].is_finished:
                await asyncio.sleep(0.05)
        assert told.empty(), "it is not this meeting's"


async def test_what_can_not_be_finished_is_told_once(tmp_path: Path) -> None:
    past = Past(tmp_path, began_at=days_ago(0))
    (past.folder / "m1" / "segment-0001.mkv").write_bytes(b"damage")
    async with past.kept() as told:
        note = await asyncio.wait_for(told.get(), 30)
        assert "nothing was said" in note.trouble
        await asyncio.sleep(2.5)  # two more looks
        assert told.empty()


async def test_only_what_was_recorded_can_be_finished(tmp_path: Path) -> None:
    past = Past(tmp_path, began_at=days_ago(0))
    with pytest.raises(RecordingError, match="not recorded"):
        await finish(past.db, tmp_path / "elsewhere", "m1")
    with pytest.raises(RecordingError, match="no meeting"):
        await finish(past.db, past.folder, "m9")


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = app(words, result_action="return_value")
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_command_finishes_lists_and_exports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    past = Past(tmp_path, began_at=days_ago(0))
    db = ["--db", str(past.db)]
    code, out, err = run(capsys, "recording", "list", *db)
    assert code == 0 and "1 segment, not finished" in out
    code, out, err = run(capsys, "recording", "chapters", *db)
    assert code == 1 and "not finished" in err
    code, out, err = run(capsys, "recording", "finalise", *db)
    assert code == 0 and "rekaman-" in out and "01-kandis.opus" in out
    code, out, err = run(capsys, "recording", "list", *db)
    assert "0:00:04  3 chapters" in out
    code, out, err = run(capsys, "recording", "chapters", *db)
    assert "0:00:01  0:00:03  Kandis" in out
    target = tmp_path / "out.webm"
    code, out, err = run(capsys, "recording", "export", "-o", str(target), *db)
    assert code == 0 and target.exists()
    code, out, err = run(capsys, "recording", "export", "-o", str(tmp_path / "out.mp4"), *db)
    assert code == 1 and "VP8" in err


@pytest.mark.parametrize(("age_days", "is_past"), [(31, True), (29, False)])
def test_prune_deletes_what_is_past_its_time_when_told_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], age_days: int, is_past: bool
) -> None:
    past = Past(tmp_path, began_at=days_ago(age_days))
    place = past.folder / "m1"
    (past.folder / "stranger").mkdir()
    (past.folder / "stranger" / "segment-0001.mkv").write_bytes(b"x")
    for words in (("prune",), ("prune", "--yes"), ("prune", "--yes", "--days", "1")):
        was_there = place.exists()
        code, out, _err = run(capsys, "recording", *words, "--db", str(past.db))
        assert code == 0
        assert ("m1" in out) is (is_past and was_there)
        assert place.exists() is not (is_past and "--yes" in words)
    assert (past.folder / "stranger").exists(), "of no meeting in this journal"


def test_a_meeting_that_is_not_closed_is_never_pruned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    past = Past(tmp_path, began_at=days_ago(1000), is_closed=False)
    code, out, _err = run(capsys, "recording", "prune", "--yes", "--db", str(past.db))
    assert code == 0 and "no recording is past" in out
    assert (past.folder / "m1").exists()
