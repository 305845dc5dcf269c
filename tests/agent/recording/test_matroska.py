"""Matroska as a log: what ffmpeg reads of it, and what is left of a file that was cut off."""

import io

import av
import numpy as np
import pytest

from agent.audio import opus
from agent.recording import matroska
from agent.recording.matroska import Block, Blocks, Track
from agent.recording.segment import TRACKS


def voice(frames: int) -> list[bytes]:
    encoder = opus.Encoder(32_000, fec=False, dtx=False)
    tone = (8000 * np.sin(np.arange(960) * 0.06)).astype(np.int16)
    return [encoder.encode(tone) for _ in range(frames)]


def film(frames: int) -> bytes:
    made = Blocks()
    blocks = b"".join(
        made.block(2, n * 20, data, is_key=True) for n, data in enumerate(voice(frames))
    )
    return matroska.head(TRACKS) + blocks


def test_ffmpeg_reads_the_tracks_and_the_sound_at_their_times() -> None:
    with av.open(io.BytesIO(film(150))) as container:
        names = [stream.metadata.get("title") for stream in container.streams]
        assert names == [track.name for track in TRACKS]
        assert {s.codec_context.name for s in container.streams.audio} == {"opus"}
        assert [s.codec_context.name for s in container.streams.video] == ["vp8"]
        packets = [p for p in container.demux(container.streams.audio[1]) if p.size]
        assert [round(1000 * p.pts * p.time_base) for p in packets] == [n * 20 for n in range(150)]


def test_blocks_come_back_whatever_their_order_and_distance() -> None:
    made = Blocks()
    times = [0, 20, 40, 5, 1_000_000, 999_960, 0]
    data = matroska.head(TRACKS)
    for at_ms in times:
        data += made.block(3, at_ms, f"at {at_ms}".encode(), is_key=at_ms == 20)
    found = list(matroska.blocks(data))
    assert [block.at_ms for block in found] == times
    assert [block.is_key for block in found] == [at_ms == 20 for at_ms in times]
    texts = [data[block.offset : block.offset + block.size].decode() for block in found]
    assert texts == [f"at {at_ms}" for at_ms in times]


def test_a_file_cut_off_anywhere_is_read_up_to_there() -> None:
    whole = film(60)
    every = list(matroska.blocks(whole))
    for cut in range(len(matroska.head(TRACKS)), len(whole), 7):
        found = list(matroska.blocks(whole[:cut]))
        assert found == every[: len(found)]
        assert len(found) == sum(block.offset + block.size <= cut for block in every)


@pytest.mark.parametrize("damage", [b"", b"\0", b"\0" * 40, b"\xff" * 40, b"x" * 100])
def test_what_is_no_matroska_has_no_blocks(damage: bytes) -> None:
    assert list(matroska.blocks(damage)) == []


def test_a_large_element_has_a_long_size() -> None:
    made = Blocks().block(6, 0, bytes(300_000), is_key=True)
    (block,) = matroska.blocks(matroska.head((Track(6, "video", "main"),)) + made)
    assert block == Block(6, 0, True, block.offset, 300_000)
