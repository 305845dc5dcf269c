"""The finished recording: one file with a chapter a turn, and a clip of each speaker's voice.

Nothing is coded anew: frames are placed and written by ffmpeg's muxers. Where a track of sound is
to be played by itself (the program's, a clip) its pauses are filled with Opus frames of silence,
for players take what follows a pause to follow at once.
"""

import heapq
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import av.container
import av.stream
import msgspec

from agent.recording import matroska
from agent.recording.material import Material, Placed
from agent.recording.matroska import Blocks, Track
from agent.recording.segment import PICTURE, PROGRAM, TRACKS
from protocol.recording import FILM, Chapter, Clip, Cues, Film, chapters
from protocol.words import _

MS = Fraction(1, 1000)
FRAME_MS = 20
SILENCE = b"\xf8\xff\xfe"
"""An Opus frame of 20 ms of silence (RFC 6716 §3.1: CELT, fullband, mono)."""

FILL_FROM_MS = 15
CLIPS = "clips"
TITLES = {
    "program": "Program",
    "chair": "Chair",
    "floor": "Floor",
    "panel-1": "Panel 1",
    "panel-2": "Panel 2",
    "main": "Picture",
}
FORMATS = {"mkv": "matroska", "webm": "webm", "mp4": "mp4", "opus": "ogg"}


class FilmError(Exception):
    """The recording can't be finished or converted; the text says why."""


Timed = tuple[int, int, bytes, bool]
"""Place (ms), track, data, whether it is a key frame."""


def finish(folder: Path, cues: Cues) -> Film:
    """Make the film and the clips in the folder. Raises FilmError."""
    try:
        material = Material(folder, cues)
    except FileNotFoundError as error:
        text = _("{folder}: nothing was recorded here")
        raise FilmError(text.format(folder=folder)) from error
    try:
        marks = chapters(cues)
        path = folder / f"{cues.name}.mkv"
        _write_film(path, material, cues, marks)
        film = Film(
            meeting=cues.meeting,
            file=path.name,
            length_ms=cues.length_ms,
            size_bytes=path.stat().st_size,
            chapters=marks,
            clips=tuple(_clips(folder, material, cues, marks)),
            segments=len(material.segments),
            torn=material.torn,
            dropped=material.dropped,
            sent_later_ms=material.later_ms,
        )
    except (av.FFmpegError, OSError) as error:
        raise FilmError(f"{folder}: {error}") from error
    finally:
        material.close()
    part = folder / f"{FILM}.part"
    part.write_bytes(msgspec.json.format(msgspec.json.encode(film), indent=1) + b"\n")
    part.replace(folder / FILM)
    return film


def _write_film(path: Path, material: Material, cues: Cues, marks: Sequence[Chapter]) -> None:
    tracks = [_sized(track, material) for track in TRACKS if material.tracks.get(track.number)]
    if not tracks:
        text = _("{folder}: nothing was said or shown while it was recorded")
        raise FilmError(text.format(folder=path.parent))
    lines: list[Iterator[Timed]] = []
    for track in tracks:
        line = _timed(material, track.number, material.tracks[track.number])
        lines.append(filled(line, 0, cues.length_ms) if track.number == PROGRAM else line)
    write(path, "mkv", tracks, heapq.merge(*lines), title=cues.title, marks=marks)


def _timed(
    material: Material, number: int, frames: Iterable[Placed], begin_ms: int = 0
) -> Iterator[Timed]:
    for frame in frames:
        yield frame.at_ms - begin_ms, number, material.data(frame), frame.is_key


def _sized(track: Track, material: Material) -> Track:
    """With the size of its first picture (RFC 6386 §9.1)."""
    if track.kind == "audio":
        return track
    data = material.data(material.tracks[track.number][0])
    if len(data) < 10 or data[3:6] != b"\x9d\x01\x2a":
        return track
    width = int.from_bytes(data[6:8], "little") & 0x3FFF
    height = int.from_bytes(data[8:10], "little") & 0x3FFF
    return msgspec.structs.replace(track, width=width or 640, height=height or 360)


def filled(frames: Iterable[Timed], begin_ms: int, end_ms: int) -> Iterator[Timed]:
    """A track of sound from one place to another without a pause."""
    due, number = begin_ms, 0
    for at_ms, number, data, is_key in frames:
        while at_ms - due >= FILL_FROM_MS:
            yield due, number, SILENCE, True
            due += FRAME_MS
        yield at_ms, number, data, is_key
        due = at_ms + FRAME_MS
    while number and due < end_ms:
        yield due, number, SILENCE, True
        due += FRAME_MS


def _clips(
    folder: Path, material: Material, cues: Cues, marks: Sequence[Chapter]
) -> Iterator[Clip]:
    (folder / CLIPS).mkdir(0o700, exist_ok=True)
    for old in (folder / CLIPS).glob("*.opus"):
        old.unlink()
    voices = {
        number: track
        for number, track in material.tracks.items()
        if number not in (PROGRAM, PICTURE)
    }
    whole = Chapter(cues.chair, cues.chair, 0, 0, cues.length_ms)
    for mark in [whole, *(mark for mark in marks if mark.turn)]:
        frames = sorted(
            (
                frame
                for track in voices.values()
                for frame in track
                if frame.site == mark.site and mark.began_ms <= frame.at_ms < mark.ended_ms
            ),
            key=lambda frame: frame.at_ms,
        )
        if frames:
            yield _clip(folder, material, mark, frames)


def _clip(folder: Path, material: Material, mark: Chapter, frames: list[Placed]) -> Clip:
    number = f"{mark.turn:02d}-" if mark.turn else ""
    path = folder / CLIPS / f"{number}{mark.site}.opus"
    count = 2
    while path.exists():  # a turn that was resumed
        path = path.with_stem(f"{number}{mark.site}-{count}")
        count += 1
    begin = frames[0].at_ms
    line = filled(_timed(material, 1, frames, begin), 0, 0)
    track = Track(1, "audio", "floor", is_default=True)
    write(path, "opus", [track], line, title=mark.title, marks=())
    length_ms = frames[-1].at_ms + FRAME_MS - begin
    return Clip(f"{CLIPS}/{path.name}", mark.site, mark.turn, begin, length_ms)


# -- containers ----------------------------------------------------------------------------------


def write(
    path: Path,
    suffix: str,
    tracks: Sequence[Track],
    frames: Iterable[Timed],
    *,
    title: str,
    marks: Sequence[Chapter],
) -> None:
    """Frames, in the order of their places, into a file; whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    with av.open(_template(tracks)) as template:
        with av.open(str(part), "w", format=FORMATS[suffix]) as container:
            container.metadata["title"] = title
            streams = {}
            for track, model in zip(tracks, template.streams, strict=True):
                stream = container.add_stream_from_template(model, opaque=True)
                stream.metadata["title"] = TITLES.get(track.name, track.name)
                streams[track.number] = stream
            _set_chapters(container, marks)
            for at_ms, number, data, is_key in frames:
                packet = av.Packet(data)
                packet.stream = streams[number]
                packet.time_base = MS
                packet.pts = packet.dts = at_ms
                if number != PICTURE:
                    packet.duration = FRAME_MS
                packet.is_keyframe = is_key
                container.mux_one(packet)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)


def _template(tracks: Sequence[Track]) -> io.BytesIO:
    """A file of these tracks, for the muxer to learn from what they are."""
    blocks = Blocks()
    data = matroska.head(tracks)
    for track in tracks:
        data += blocks.block(track.number, 0, SILENCE, is_key=True)
    return io.BytesIO(data)


def _set_chapters(container: av.container.OutputContainer, marks: Sequence[Chapter]) -> None:
    container.set_chapters(
        [
            {
                "id": number,
                "start": mark.began_ms,
                "end": mark.ended_ms,
                "time_base": MS,
                "metadata": {"title": mark.title},
            }
            for number, mark in enumerate(marks, 1)
        ]
    )


def convert(source: Path, target: Path, *, sound_only: bool = False) -> None:
    """A film as another kind of file, its frames as they are. Raises FilmError."""
    suffix = target.suffix.lower().lstrip(".")
    if suffix not in FORMATS:
        text = _("{path}: expected a name in .mkv, .webm, .mp4 or .opus")
        raise FilmError(text.format(path=target))
    if suffix == "mp4" and not sound_only:
        raise FilmError(
            _(
                "MP4 can't hold VP8, the code of the pictures, and nothing is coded anew here: "
                "take .webm, or --sound for an MP4 of the sound alone"
            )
        )
    part = target.with_name(f"{target.name}.part")
    try:
        with av.open(str(source)) as film:
            every = [s for s in film.streams if s.type == "audio" or not sound_only]
            wanted = every[:1] if suffix in ("opus", "mp4") else every
            if suffix == "opus":
                wanted = [s for s in film.streams if s.type == "audio"][:1]
            with av.open(str(part), "w", format=FORMATS[suffix]) as container:
                streams = {}
                for model in wanted:
                    stream = container.add_stream_from_template(model, opaque=True)
                    stream.metadata.update(model.metadata)
                    streams[model.index] = stream
                container.metadata.update(film.metadata)
                if suffix != "opus":
                    container.set_chapters(film.chapters())
                for packet in film.demux(*wanted):
                    if packet.dts is None:
                        continue
                    packet.stream = streams[packet.stream.index]
                    container.mux_one(packet)
        part.replace(target)
    except (av.FFmpegError, OSError) as error:
        part.unlink(missing_ok=True)
        raise FilmError(f"{target}: {error}") from error
