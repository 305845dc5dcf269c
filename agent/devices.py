"""Sources and sinks of a site by name: microphones, cameras, speakers, displays.

A device is opened from a text such as `synthetic`, `null` or `file:PATH`; an unknown name is
answered with the known ones. Sound is mono 48 kHz in frames of 960 int16 samples, pictures are
yuv420p arrays (`agent.picture.vp8.Yuv`). Times are monotonic seconds. Sound cards and cameras
join here, under names of their own.
"""

import json
import re
import struct
import time
import wave
from pathlib import Path
from typing import Protocol

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from agent import voice
from agent.clock import RATE, SAMPLES, Position
from agent.picture import stamp
from agent.picture.vp8 import Yuv
from agent.room import EARS, MOUTHS, Room, RoomMicrophone, RoomSpeaker

Pcm = NDArray[np.int16]

FLUSH_EVERY_S = 0.5
PICTURE_EVERY_S = 0.5

MICROPHONES = (
    "Sound source: synthetic, file:PATH (looped), null, room (hears the speaker `room`; room:dead, "
    "room:noisy, room:clipping)."
)
CAMERAS = (
    "Picture source: synthetic, file:PATH (looped), null; with a fault: synthetic:frozen, "
    "synthetic:black."
)
SPEAKERS = (
    "Where sound goes: null, file:PATH.wav (with PATH.wav.times), room (heard by the microphone "
    "`room`; room:silent)."
)
DISPLAYS = "Where pictures go: null, stamps:PATH.jsonl, file:PATH.png (the latest)."


class Microphone(Protocol):
    def read(self, now: float) -> Pcm:
        """The 960 samples that end about `now`."""

    def close(self) -> None: ...


class Camera(Protocol):
    width: int
    height: int

    def read(self, now: float) -> Yuv | None:
        """The picture of this moment; None when there is none."""

    def close(self) -> None: ...


class Speaker(Protocol):
    def write(self, pcm: Pcm, now: float) -> None:
        """Up to 960 samples that begin to sound at `now`, or when what was written is played."""

    def close(self) -> None: ...


class Display(Protocol):
    """A display with an attribute `slots` shows these alone; nothing else is decoded for it."""

    def show(self, slot: str, picture: Yuv, now: float) -> None:
        """Show a whole picture of a slot."""

    def close(self) -> None: ...


def parse_video(text: str) -> tuple[int, int, float]:
    """`320x180@10` → (320, 180, 10.0). Raises ValueError."""
    fitting = re.fullmatch(r"(\d+)x(\d+)@(\d+(?:\.\d+)?)", text)
    if fitting is None:
        raise ValueError(f"video {text!r}: expected WIDTHxHEIGHT@FPS, such as 320x180@10")
    width, height, fps = int(fitting[1]), int(fitting[2]), float(fitting[3])
    if width % 2 or height % 2 or not (160 <= width <= 1920 and 90 <= height <= 1080):
        raise ValueError(f"video {text!r}: even, from 160x90 to 1920x1080")
    if not 1 <= fps <= 60:
        raise ValueError(f"video {text!r}: 1 to 60 pictures a second")
    return width, height, fps


def _unknown(what: str, text: str, known: str) -> ValueError:
    return ValueError(f"{what} {text!r} is not known. {known}")


# -- microphones ----------------------------------------------------------------------------------


def open_microphone(text: str, number: int = 0, room: Room | None = None) -> Microphone:
    """A microphone by name; `number` tells synthetic persons apart, `room` is that of the site.
    Raises ValueError, OSError."""
    kind, _colon, rest = text.partition(":")
    if kind == "synthetic" and not rest:
        return SyntheticMicrophone(number)
    if kind == "file" and rest:
        return FileMicrophone(Path(rest))
    if text == "null":
        return NullMicrophone()
    if kind == "room" and rest in EARS:
        return RoomMicrophone(room or Room(), number, rest)
    raise _unknown("microphone", text, MICROPHONES)


class NullMicrophone:
    """Silence."""

    def read(self, now: float) -> Pcm:
        return np.zeros(SAMPLES, dtype=np.int16)

    def close(self) -> None:
        pass


class SyntheticMicrophone:
    """A synthetic person: the known voice of `agent.voice`. Raises ValueError beyond 63."""

    def __init__(self, number: int) -> None:
        voice.frequency(number)
        self._number = number
        self._position = Position()

    def read(self, now: float) -> Pcm:
        return voice.waveform(self._number, self._position.take(now), SAMPLES)

    def close(self) -> None:
        pass


class FileMicrophone:
    """Speech or any sound from a media file, in a loop: sample n on the monotonic clock is sample
    n modulo the file's length. Raises ValueError when there is no sound in it."""

    def __init__(self, path: Path) -> None:
        self._pcm = read_sound(path)
        self._position = Position()

    def read(self, now: float) -> Pcm:
        begin = self._position.take(now) % len(self._pcm)
        piece = self._pcm[begin : begin + SAMPLES]
        if len(piece) == SAMPLES:
            return piece
        return np.take(self._pcm, range(begin, begin + SAMPLES), mode="wrap")

    def close(self) -> None:
        pass


def _samples(frame: av.AudioFrame) -> Pcm:
    return frame.to_ndarray().reshape(-1).astype(np.int16, copy=False)


def read_sound(path: Path) -> Pcm:
    """A whole file as mono 48 kHz. Raises ValueError when there is no sound in it."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    parts: list[Pcm] = []
    try:
        with av.open(str(path)) as container:
            for frame in container.decode(audio=0):
                parts += [_samples(f) for f in resampler.resample(frame)]
        parts += [_samples(f) for f in resampler.resample(None)]
    except (av.error.FFmpegError, IndexError) as error:
        raise ValueError(f"sound file {path}: no sound can be read: {error}") from error
    pcm = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int16)
    if len(pcm) < SAMPLES:
        raise ValueError(f"sound file {path}: shorter than 20 ms")
    return pcm


# -- cameras --------------------------------------------------------------------------------------


def open_camera(text: str, name: str, number: int, width: int, height: int, fps: float) -> Camera:
    """A camera by name. `name` is written into the synthetic picture, `number` into its stamp.

    Raises ValueError, OSError.
    """
    kind, _colon, rest = text.partition(":")
    if kind == "synthetic" and not rest:
        return SyntheticCamera(name, number, width, height, fps)
    if text == "synthetic:frozen":
        return FrozenCamera(SyntheticCamera(name, number, width, height, fps))
    if text == "synthetic:black":
        return BlackCamera(width, height)
    if kind == "file" and rest:
        return FileCamera(Path(rest), width, height, fps)
    if text == "null":
        return NullCamera(width, height)
    raise _unknown("camera", text, CAMERAS)


class NullCamera:
    """No picture."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height

    def read(self, now: float) -> Yuv | None:
        return None

    def close(self) -> None:
        pass


class FrozenCamera:
    """A camera that hangs: always its first picture."""

    def __init__(self, camera: Camera) -> None:
        self.width, self.height = camera.width, camera.height
        self._picture = camera.read(0.0)
        camera.close()

    def read(self, now: float) -> Yuv | None:
        return None if self._picture is None else self._picture.copy()

    def close(self) -> None:
        pass


class BlackCamera:
    """A camera with its lens covered: black, and the noise of its sensor."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._random = np.random.default_rng(1)

    def read(self, now: float) -> Yuv | None:
        picture = np.full((self.height * 3 // 2, self.width), 128, dtype=np.uint8)
        size = (self.height, self.width)
        picture[: self.height] = self._random.integers(16, 20, size, dtype=np.uint8)
        return picture

    def close(self) -> None:
        pass


class SyntheticCamera:
    """A picture with the site's name, a clock, a frame counter and a moving bar, and the stamp
    that machines read."""

    def __init__(self, name: str, number: int, width: int, height: int, fps: float) -> None:
        self.width, self.height = width, height
        self._number = number
        self._count = 0
        self._background = self._draw_background(name)
        self._glyphs = _glyphs(max(10, height // 10))
        self._period_s = max(2.0, 20 / fps)

    def _draw_background(self, name: str) -> Yuv:
        picture = np.empty((self.height * 3 // 2, self.width), dtype=np.uint8)
        image = Image.new("L", (self.width, self.height), 60 + 20 * (self._number % 5))
        size = self.height // 5
        font = ImageFont.load_default(size)
        while font.getlength(name) > self.width * 0.94 and size > 8:
            size -= 1
            font = ImageFont.load_default(size)
        ImageDraw.Draw(image).text(
            (self.width / 2, self.height * 0.38), name, 230, font=font, anchor="mm"
        )
        picture[: self.height] = np.asarray(image)
        chroma = np.random.default_rng(self._number).integers(96, 160, 2)
        planes = picture[self.height :].reshape(-1)
        planes[: planes.size // 2] = chroma[0]
        planes[planes.size // 2 :] = chroma[1]
        return picture

    def read(self, now: float) -> Yuv | None:
        picture = self._background.copy()
        luma = picture[: self.height]
        wide = self.width // 16
        travel = self.width - wide
        left = round(abs((now / self._period_s) % 2 - 1) * travel)
        luma[round(self.height * 0.74) : round(self.height * 0.8), left : left + wide] = 220
        text = time.strftime("%H:%M:%S") + f" {self._count:06d}"
        self._write(luma, text, round(self.height * 0.56))
        stamp.draw(luma, stamp.Stamp(self._number, self._count, int(now * 1000) & 0xFFFFFFFF))
        self._count = (self._count + 1) & 0xFFFFFF
        return picture

    def _write(self, luma: Yuv, text: str, top: int) -> None:
        glyphs = [self._glyphs[c] for c in text]
        line = np.concatenate(glyphs, axis=1)
        high, wide = line.shape
        left = max(0, (self.width - wide) // 2)
        wide = min(wide, self.width - left)
        luma[top : top + high, left : left + wide] = line[:, :wide]

    def close(self) -> None:
        pass


def _glyphs(size: int) -> dict[str, NDArray[np.uint8]]:
    """Digits, colon and space as pictures, so that a frame costs a few copies."""
    font = ImageFont.load_default(size)
    wide = round(max(font.getlength(c) for c in "0123456789")) + 1
    glyphs = {}
    for c in "0123456789: ":
        image = Image.new("L", (wide, size + 4), 16)
        ImageDraw.Draw(image).text((wide / 2, size / 2 + 2), c, 235, font=font, anchor="mm")
        glyphs[c] = np.asarray(image)
    return glyphs


class FileCamera:
    """Pictures of a media file in a loop, scaled. Raises ValueError when there are none."""

    def __init__(self, path: Path, width: int, height: int, fps: float) -> None:
        self.width, self.height = width, height
        self._path = path
        self._fps = fps
        self._began_at: float | None = None
        self._frames = self._decode()
        self._current = next(self._frames, None)
        if self._current is None:
            raise ValueError(f"camera file {path}: no picture can be read")

    def _decode(self):
        try:
            with av.open(str(self._path)) as container:
                for frame in container.decode(video=0):
                    scaled = frame.reformat(self.width, self.height, "yuv420p")
                    yield frame.time or 0.0, scaled.to_ndarray()
        except (av.error.FFmpegError, IndexError) as error:
            raise ValueError(f"camera file {self._path}: {error}") from error

    def read(self, now: float) -> Yuv | None:
        if self._began_at is None:
            self._began_at = now
        while self._current is not None:
            upcoming = next(self._frames, None)
            if upcoming is None:
                self._frames = self._decode()
                self._began_at = now
                self._current = next(self._frames, None)
                break
            self._current = upcoming
            if upcoming[0] >= now - self._began_at:
                break
        return None if self._current is None else self._current[1]

    def close(self) -> None:
        self._frames.close()


# -- speakers -------------------------------------------------------------------------------------


def open_speaker(text: str, room: Room | None = None) -> Speaker:
    """A speaker by name; `room` is that of the site. Raises ValueError, OSError."""
    kind, _colon, rest = text.partition(":")
    if text == "null":
        return NullSpeaker()
    if kind == "room" and rest in MOUTHS:
        return RoomSpeaker(room or Room(), rest)
    if kind == "file" and rest:
        return FileSpeaker(Path(rest))
    raise _unknown("speaker", text, SPEAKERS)


class NullSpeaker:
    """Sound goes nowhere."""

    def write(self, pcm: Pcm, now: float) -> None:
        pass

    def close(self) -> None:
        pass


class FileSpeaker:
    """A WAV file, and beside it `.times`: the monotonic time (float64) of each 20 ms frame.

    Written every half second, header included: a killed process loses at most that.
    """

    def __init__(self, path: Path) -> None:
        self._wav = wave.open(str(path), "wb")
        self._wav.setnchannels(1)
        self._wav.setsampwidth(2)
        self._wav.setframerate(RATE)
        self._times = Path(f"{path}.times").open("wb")
        self._sound: list[bytes] = []
        self._moments: list[float] = []
        self._rest: Pcm = np.zeros(0, dtype=np.int16)
        self._flushed_at = 0.0

    def write(self, pcm: Pcm, now: float) -> None:
        if len(self._rest):
            now -= len(self._rest) / RATE
            pcm = np.concatenate((self._rest, pcm))
        whole = len(pcm) >= SAMPLES
        self._rest = pcm[SAMPLES if whole else 0 :]
        if whole:
            self._sound.append(pcm[:SAMPLES].tobytes())
            self._moments.append(now)
        if now - self._flushed_at >= FLUSH_EVERY_S:
            self._flush()
            self._flushed_at = now

    def _flush(self) -> None:
        self._wav.writeframes(b"".join(self._sound))
        self._times.write(struct.pack(f"<{len(self._moments)}d", *self._moments))
        self._times.flush()
        self._sound.clear()
        self._moments.clear()

    def close(self) -> None:
        self._flush()
        self._wav.close()
        self._times.close()


# -- displays -------------------------------------------------------------------------------------


def open_display(text: str) -> Display:
    """A display by name. Raises ValueError, OSError."""
    kind, _colon, rest = text.partition(":")
    if text == "null":
        return NullDisplay()
    if kind == "stamps" and rest:
        return StampDisplay(Path(rest))
    if kind == "file" and rest:
        return FileDisplay(Path(rest))
    raise _unknown("display", text, DISPLAYS)


class NullDisplay:
    """Pictures go nowhere, and are not even decoded."""

    slots: tuple[str, ...] = ()

    def show(self, slot: str, picture: Yuv, now: float) -> None:
        pass

    def close(self) -> None:
        pass


class StampDisplay:
    """Reads the stamp of every picture shown: a JSON line each (at, slot, site, counter, time_ms,
    torn; site is null when no stamp could be read)."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", buffering=1)

    def show(self, slot: str, picture: Yuv, now: float) -> None:
        reading = stamp.read(picture[: len(picture) * 2 // 3])
        one = reading.stamp
        line = {
            "at": round(now, 4),
            "slot": slot,
            "site": None if one is None else one.site,
            "counter": None if one is None else one.counter,
            "time_ms": None if one is None else one.time_ms,
            "torn": reading.torn,
        }
        self._file.write(json.dumps(line) + "\n")

    def close(self) -> None:
        self._file.close()


class FileDisplay:
    """The latest picture of each slot as a file, twice a second: `tv.png` → `tv.main.png`."""

    def __init__(self, path: Path) -> None:
        if not path.parent.is_dir():
            raise FileNotFoundError(f"display {path}: there is no such folder")
        self._path = path
        self._shown_at: dict[str, float] = {}

    def show(self, slot: str, picture: Yuv, now: float) -> None:
        if now - self._shown_at.get(slot, float("-inf")) < PICTURE_EVERY_S:
            return
        self._shown_at[slot] = now
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        made = self._path.with_suffix(f".{slot}.new{self._path.suffix}")
        Image.fromarray(frame.to_ndarray(format="rgb24")).save(made)
        made.replace(self._path.with_suffix(f".{slot}{self._path.suffix}"))

    def close(self) -> None:
        pass
