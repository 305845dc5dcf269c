"""The finished recording: everything at its place, in files that ffmpeg reads."""

from collections.abc import Iterator
from pathlib import Path

import av
import msgspec
import numpy as np
import pytest

from agent import voice
from agent.audio import opus
from agent.picture.stamp import Stamp, draw
from agent.picture.vp8 import FfmpegEncoder
from agent.recording import segment
from agent.recording.film import SILENCE, FilmError, convert, filled, finish
from agent.recording.later import Kept, pack
from agent.recording.material import Material
from agent.recording.segment import PICTURE, PROGRAM, SLOT_TRACKS, Began, Ended, Fed, SegmentWriter
from protocol.recording import FILM, Cue, Cues, Film, Seat, Span

T0 = 1_549_434_600_000
SITES = {"hall": 0, "kandis": 1, "minas": 2}
TONES = list(SITES.values())


def cues(*recorded: tuple[int, int]) -> Cues:
    """Kandis has the floor from the second second on, Minas from the fourth to the sixth."""
    spans = tuple(Span(T0 + begin, T0 + end) for begin, end in recorded)
    return Cues(
        meeting="m1",
        name="rekaman",
        title="Rapat",
        chair="hall",
        recorded=spans,
        cues=(
            Cue("Bupati", "hall", 0, T0, T0 + 2000),
            Cue("Camat Kandis", "kandis", 1, T0 + 2000, T0 + 4000),
            Cue("Camat Minas", "minas", 2, T0 + 4000, T0 + 6000),
            Cue("Bupati", "hall", 0, T0 + 6000, T0 + 8000),
        ),
    )


class Take:
    """A segment as the recorder writes it, with the known voices."""

    def __init__(self, folder: Path, begin_ms: int) -> None:
        self.begin_ms = begin_ms
        self.writer = SegmentWriter(folder, Began("m1", T0 + begin_ms))

    def speak(self, slot: str, site: str, begin_ms: int, end_ms: int, *, program: bool) -> None:
        encoder = opus.Encoder(32_000, fec=False, dtx=False)
        self.writer.mark(Fed(begin_ms - self.begin_ms, slot, site, SITES[site], 0))
        for at_ms in range(begin_ms, end_ms, 20):
            pcm = voice.waveform(SITES[site], at_ms * 48, 960)
            data = encoder.encode(pcm)
            self.writer.block(SLOT_TRACKS[slot], at_ms - self.begin_ms, data, is_key=True)
            if program:
                self.writer.block(PROGRAM, at_ms - self.begin_ms, data, is_key=True)

    def show(self, site: str, begin_ms: int, end_ms: int) -> None:
        encoder = FfmpegEncoder(160, 90, 10, 100_000)
        for count, at_ms in enumerate(range(begin_ms, end_ms, 100)):
            picture = np.full((135, 160), 128, dtype=np.uint8)
            draw(picture[:90], Stamp(SITES[site], count, at_ms))
            data = encoder.encode(picture, count == 0)
            self.writer.block(PICTURE, at_ms - self.begin_ms, data, is_key=count == 0)

    def end(self) -> None:
        self.writer.mark(Ended(0))
        self.writer.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recording of 8 s; its relay was killed after 5 s and another one went on at 5.5 s."""
    first = Take(tmp_path, 0)
    first.show("hall", 0, 2000)
    first.speak("chair", "hall", 0, 2000, program=True)
    first.show("kandis", 2100, 4000)
    first.speak("floor", "kandis", 2060, 4000, program=True)
    first.speak("floor", "minas", 4060, 5000, program=True)
    first.writer.flush()
    torn = first.writer.path.read_bytes()
    first.writer.path.write_bytes(torn[:-17])
    second = Take(tmp_path, 5500)
    second.speak("floor", "minas", 5520, 6000, program=True)
    second.speak("chair", "hall", 6000, 8000, program=True)
    second.show("hall", 6000, 8000)
    second.end()
    return tmp_path


def heard(path: Path, stream: int = 0) -> dict[int, tuple[float, float]]:
    """Voice → from when to when it is heard (s of the film)."""
    with av.open(str(path)) as container:
        pcm = np.zeros(48_000 * 12, dtype=np.int16)
        for frame in container.decode(container.streams.audio[stream]):
            at = round(float(frame.time or 0) * 48_000)
            samples = frame.to_ndarray().reshape(-1)
            if samples.dtype != np.int16:
                samples = (samples * 32767).astype(np.int16)
            pcm[at : at + len(samples)] = samples
    measured = voice.levels(pcm, TONES)
    times = np.array([voice.Levels.centre_s(hop) for hop in range(measured.hops)])
    spans = {}
    for tone in TONES:
        loud = np.flatnonzero(measured.values[tone] > 0.2)
        if len(loud):
            spans[tone] = (float(times[loud[0]]), float(times[loud[-1]]))
    return spans


def test_everything_is_at_its_place_across_a_kill(folder: Path) -> None:
    film = finish(folder, cues((0, 8000)))
    assert (film.segments, film.torn, film.length_ms) == (2, 1, 8000)
    assert [c.title for c in film.chapters] == ["Bupati", "Camat Kandis", "Camat Minas", "Bupati"]
    path = folder / "rekaman.mkv"
    program = heard(path)
    assert program[1] == pytest.approx((2.06, 4.0), abs=0.1)
    assert program[2] == pytest.approx((4.06, 6.0), abs=0.1)
    assert program[0] == pytest.approx((0.0, 8.0), abs=0.1)
    with av.open(str(path)) as container:
        names = [stream.metadata["title"] for stream in container.streams]
        assert names == ["Program", "Chair", "Floor", "Picture"]
        begins = [float(c["start"] * c["time_base"]) for c in container.chapters()]
        assert begins == pytest.approx([0, 2, 4, 6])
        assert container.streams.video[0].width == 160
        times = [float(f.time or 0) for f in container.decode(video=0)]
    assert len(times) == 20 + 19 + 20
    assert (times[20], times[39]) == pytest.approx((2.1, 6.0), abs=0.01)
    assert msgspec.json.decode((folder / FILM).read_bytes(), type=Film) == film


def test_what_the_panel_sent_afterwards_is_in_its_slot_where_it_sat_there(folder: Path) -> None:
    """While Minas had the floor Kandis, on the panel, was cut off; then it was audience."""
    encoder = opus.Encoder(32_000, fec=False, dtx=False)
    frames = []
    for n, at_ms in enumerate(range(4000, 8000, 20)):
        data = encoder.encode(voice.waveform(SITES["kandis"], at_ms * 48, 960))
        frames.append(Kept(T0 + at_ms, 77, n * 960, n, 20, data))
    (folder / "later-kandis.bin").write_bytes(b"".join(pack(frame) for frame in frames))
    floor = {"kandis": (Span(T0 + 2000, T0 + 4000),), "minas": (Span(T0 + 4000, T0 + 6000),)}
    seat = Seat("kandis", "panel-2", Span(T0 + 4500, T0 + 5500))
    told = msgspec.structs.replace(cues((0, 8000)), floor=floor, panel=(seat,))
    film = finish(folder, told)
    assert film.sent_later_ms == pytest.approx(1000, abs=60)
    with av.open(str(folder / film.file)) as container:
        names = [stream.metadata["title"] for stream in container.streams]
        panel = container.streams[names.index("Panel 2")]
        places = [round(1000 * p.pts * p.time_base) for p in container.demux(panel) if p.size]
    assert (min(places), max(places)) == pytest.approx((4500, 5480), abs=60)
    assert len(places) == pytest.approx(50, abs=3)


@pytest.mark.parametrize("ssrc", [SITES["minas"], 99], ids=["known", "unknown"])
def test_what_was_sent_afterwards_is_at_its_place(folder: Path, ssrc: int) -> None:
    """Minas spoke on while the relay was dead; its clock is an hour fast. Of what it said after
    its turn, and of the frames that arrived live, nothing is added."""
    encoder = opus.Encoder(32_000, fec=False, dtx=False)
    frames = []
    for n, at_ms in enumerate(range(4060, 7000, 20)):
        data = encoder.encode(voice.waveform(SITES["minas"], at_ms * 48, 960))
        own = SITES["minas"] if at_ms < 4100 else ssrc
        ts = (at_ms - 5520) * 48 & 0xFFFFFFFF if own != 99 else n * 960
        frames.append(Kept(T0 + at_ms + 3_600_000, own, ts, n, 20, data))
    (folder / "later-minas.bin").write_bytes(b"".join(pack(frame) for frame in frames))
    # While Minas was away the chair spoke, and had the program.
    chair = Take(folder, 5000)
    chair.speak("chair", "hall", 5010, 5500, program=True)
    chair.end()
    floor = {"minas": (Span(T0 + 4000, T0 + 6000),)}
    film = finish(folder, msgspec.structs.replace(cues((0, 8000)), floor=floor))
    assert film.sent_later_ms == pytest.approx(520, abs=60)
    with av.open(str(folder / film.file)) as container:
        floor_track = container.streams.audio[2]
        places = sorted(
            round(1000 * p.pts * p.time_base) for p in container.demux(floor_track) if p.size
        )
    minas = [at for at in places if at >= 4060]
    assert minas[-1] < 6010
    assert max(b - a for a, b in zip(minas, minas[1:], strict=False)) <= 40
    program = heard(folder / film.file)
    assert program[2] == pytest.approx((4.06, 6.0), abs=0.1)
    assert program[0] == pytest.approx((0.0, 8.0), abs=0.1)
    with av.open(str(folder / film.file)) as container:
        track = container.streams.audio[0]
        places = sorted(p.pts for p in container.demux(track) if p.size)
    assert min(b - a for a, b in zip(places, places[1:], strict=False)) >= 10
    assert len([at for at in places if 5000 < at < 5500]) == 24, "nothing between its frames"


def test_what_was_sent_afterwards_is_dated_by_the_turn_it_was_said_in(tmp_path: Path) -> None:
    """Between two turns of a site its clock of sound fell behind by 150 ms."""
    writer = SegmentWriter(tmp_path, Began("m1", T0))
    for begin_ms, ts in ((2000, 0), (6000, 48 * (4000 - 150))):
        writer.mark(Fed(begin_ms, "floor", "kandis", 7, ts))
        for n in range(10):
            writer.block(SLOT_TRACKS["floor"], begin_ms + 20 * n, b"live", is_key=True)
    writer.close()
    late = [Kept(T0 + 2000 + 20 * n, 7, 960 * n, n, 20, b"later") for n in range(10, 20)]
    (tmp_path / "later-kandis.bin").write_bytes(b"".join(pack(frame) for frame in late))
    turns = (Span(T0 + 2000, T0 + 4000), Span(T0 + 6000, T0 + 8000))
    plan = msgspec.structs.replace(cues((0, 8000)), floor={"kandis": turns})
    material = Material(tmp_path, plan)
    track = material.tracks[SLOT_TRACKS["floor"]]
    said = [frame.at_ms for frame in track if material.data(frame) == b"later"]
    material.close()
    assert said == [2000 + 20 * n for n in range(10, 20)]


def test_a_clip_has_one_speakers_voice_alone(folder: Path) -> None:
    film = finish(folder, cues((0, 8000)))
    assert [(c.file, c.site, c.turn) for c in film.clips] == [
        ("clips/hall.opus", "hall", 0),
        ("clips/01-kandis.opus", "kandis", 1),
        ("clips/02-minas.opus", "minas", 2),
    ]
    assert film.clips[1].began_ms == pytest.approx(2060, abs=20)
    assert set(heard(folder / film.clips[1].file)) == {1}
    minas = heard(folder / film.clips[2].file)
    assert set(minas) == {2} and minas[2] == pytest.approx((0, 1.94), abs=0.1)
    assert set(heard(folder / film.clips[0].file)) == {0}
    assert finish(folder, cues((0, 8000))).clips == film.clips, "finished again: the same"


def test_a_pause_is_cut_out_with_what_was_said_in_it(folder: Path) -> None:
    film = finish(folder, cues((0, 3000), (5000, 8000)))
    assert film.length_ms == 6000
    assert [(c.title, c.began_ms, c.ended_ms) for c in film.chapters] == [
        ("Bupati", 0, 2000),
        ("Camat Kandis", 2000, 3000),
        ("Camat Minas", 3000, 4000),
        ("Bupati", 4000, 6000),
    ]
    program = heard(folder / film.file)
    assert program[1] == pytest.approx((2.06, 3.0), abs=0.1)
    assert program[2] == pytest.approx((3.52, 4.0), abs=0.1)


def test_webm_opus_and_the_sound_alone_hold_the_same(folder: Path, tmp_path: Path) -> None:
    finish(folder, cues((0, 8000)))
    film = folder / "rekaman.mkv"
    for name, sound, kinds, marks in (
        ("a.webm", False, ["audio", "audio", "audio", "video"], 4),
        ("b.webm", True, ["audio", "audio", "audio"], 4),
        ("c.mp4", True, ["audio"], 4),
        ("d.opus", False, ["audio"], 0),
    ):
        convert(film, tmp_path / name, sound_only=sound)
        with av.open(str(tmp_path / name)) as container:
            assert [s.type for s in container.streams if s.type != "data"] == kinds
            assert len(container.chapters()) == marks
        assert heard(tmp_path / name)[2] == pytest.approx((4.06, 6.0), abs=0.1)


def test_what_a_format_can_not_hold_is_said(folder: Path, tmp_path: Path) -> None:
    finish(folder, cues((0, 8000)))
    for name, why in (("a.mp4", "VP8"), ("a.avi", ".webm"), ("none/a.webm", "No such file")):
        with pytest.raises(FilmError, match=why):
            convert(folder / "rekaman.mkv", tmp_path / name)
    assert not list(tmp_path.glob("a.*"))


def test_without_anything_recorded_there_is_no_film(tmp_path: Path) -> None:
    with pytest.raises(FilmError, match="nothing was recorded"):
        finish(tmp_path, cues((0, 8000)))
    (tmp_path / "segment-0001.mkv").write_bytes(b"")
    (tmp_path / "segment-0002.mkv").write_bytes(b"damage")
    with pytest.raises(FilmError, match="nothing was recorded"):
        finish(tmp_path, cues((0, 8000)))
    Take(tmp_path, 0).end()
    with pytest.raises(FilmError, match="nothing was said"):
        finish(tmp_path, cues((0, 8000)))
    assert len(segment.segments(tmp_path)) == 3


def test_silence_fills_the_pauses_of_a_track() -> None:
    def frames() -> Iterator[tuple[int, int, bytes, bool]]:
        yield 45, 1, b"a", True
        yield 65, 1, b"b", True
        yield 125, 1, b"c", True

    line = list(filled(frames(), 0, 200))
    assert [at for at, *_rest in line] == [0, 20, 45, 65, 85, 105, 125, 145, 165, 185]
    assert [data for _at, _n, data, _key in line if data != SILENCE] == [b"a", b"b", b"c"]
