"""Devices by name."""

import json
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from agent import devices, voice
from agent.picture import stamp


def write_wav(path: Path, pcm: np.ndarray, rate: int = 16_000) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm.astype(np.int16).tobytes())


@pytest.mark.parametrize(
    ("opened", "known"),
    [
        (lambda: devices.open_microphone("mic"), "synthetic, file:PATH"),
        (lambda: devices.open_camera("cam", "x", 0, 320, 180, 10), "synthetic, file:PATH"),
        (lambda: devices.open_speaker("alsa"), "file:PATH.wav"),
        (lambda: devices.open_display("tv"), "stamps:PATH.jsonl"),
        (lambda: devices.open_microphone("file:"), "synthetic"),
    ],
)
def test_an_unknown_name_is_answered_with_the_known_ones(opened, known: str) -> None:
    with pytest.raises(ValueError, match="is not known") as error:
        opened()
    assert known in str(error.value)


@pytest.mark.parametrize(
    "text", ["", "320x180", "320@10", "321x180@10", "8x8@10", "320x180@0", "320x180@99", "axb@c"]
)
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="video"):
        devices.parse_video(text)


def test_sizes() -> None:
    assert devices.parse_video("320x180@12.5") == (320, 180, 12.5)


def test_a_late_first_read_does_not_bring_sound_from_the_future() -> None:
    microphone = devices.open_microphone("synthetic", 3)
    for at in (10.013, 10.031, 10.0402):
        microphone.read(at)
    punctual = round(10.0402 * 48_000)
    later = np.concatenate([microphone.read(10.045 + 0.02 * n) for n in range(1, 60)])
    assert (later == voice.waveform(3, punctual, len(later))).all()


def test_the_synthetic_voice_goes_on_when_the_reader_is_late() -> None:
    microphone = devices.open_microphone("synthetic", 3)
    moments = [10.0, 10.02, 10.09, 10.091, 10.092, 10.1]
    sound = np.concatenate([microphone.read(at) for at in moments])
    begin = round(10.0 * 48_000) - 960
    assert (sound == voice.waveform(3, begin, len(sound))).all()
    assert (microphone.read(20.0) == voice.waveform(3, 20 * 48_000 - 960, 960)).all()


def test_speech_from_a_file_in_a_loop(tmp_path: Path) -> None:
    tone = 8000 * np.sin(2 * np.pi * 500 * np.arange(16_000) / 16_000)
    write_wav(tmp_path / "speech.wav", tone)
    microphone = devices.open_microphone(f"file:{tmp_path / 'speech.wav'}")
    sound = np.concatenate([microphone.read(n * 0.02) for n in range(150)])
    spectrum = np.abs(np.fft.rfft(sound[:48_000]))
    assert spectrum.argmax() == 500
    assert np.sqrt(np.mean(sound[96_000:].astype(float) ** 2)) > 4000, "it begins again"


def test_files_that_are_no_media_say_so(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_text("not sound")
    with pytest.raises(ValueError, match="no sound can be read"):
        devices.open_microphone(f"file:{tmp_path / 'x.wav'}")
    with pytest.raises(ValueError, match="camera file"):
        devices.open_camera(f"file:{tmp_path / 'x.wav'}", "x", 0, 320, 180, 10)


def test_pictures_from_a_file_are_scaled_and_repeated(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(
                np.full((72, 64), 20 * number, np.uint8), format="yuv420p"
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    camera = devices.open_camera(f"file:{path}", "x", 0, 320, 180, 10)
    seen = [int(camera.read(n / 10)[90, 160]) for n in range(30)]
    camera.close()
    assert max(seen) - min(seen) > 100
    assert sum(1 for a, b in zip(seen, seen[1:], strict=False) if b < a - 50) >= 2, "repeated"


def test_the_synthetic_picture_is_stamped_and_changes() -> None:
    camera = devices.open_camera("synthetic", "Sungai Apit", 2, 320, 180, 10)
    first, second = camera.read(5.0).copy(), camera.read(5.1)
    assert stamp.read(first[:180]).stamp == stamp.Stamp(2, 0, 5000)
    assert stamp.read(second[:180]).stamp == stamp.Stamp(2, 1, 5100)
    name = first[50:95]
    assert (name > 200).sum() > 200, "the name is written in it"
    assert devices.open_camera("null", "x", 0, 320, 180, 10).read(1.0) is None


def test_what_a_speaker_wrote_is_readable_before_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "kandis.wav"
    speaker = devices.open_speaker(f"file:{path}")
    for number in range(100):
        speaker.write(np.full(960, number, dtype=np.int16), number * 0.02)
    times = np.frombuffer(Path(f"{path}.times").read_bytes())
    with wave.open(str(path)) as file:
        assert file.getnframes() // 960 == len(times) >= 75, "at most half a second is lost"
    speaker.close()
    with wave.open(str(path)) as file:
        pcm = np.frombuffer(file.readframes(10**9), np.int16)
    assert (pcm[::960] == np.arange(100)).all()
    assert np.frombuffer(Path(f"{path}.times").read_bytes())[-1] == pytest.approx(1.98)


def test_what_a_speaker_got_in_pieces_is_one_sound_on_time(tmp_path: Path) -> None:
    path = tmp_path / "kandis.wav"
    speaker = devices.open_speaker(f"file:{path}")
    played, at = np.arange(96_000) % 30_000, 0
    for size in (960, 300, 960, 960, 1, 500, *[960] * 90):
        speaker.write(played[at : at + size].astype(np.int16), 7.0 + at / 48_000)
        at += size
    speaker.close()
    with wave.open(str(path)) as file:
        pcm = np.frombuffer(file.readframes(10**9), np.int16)
    assert (pcm == played[: len(pcm)]).all() and at - len(pcm) < 960
    times = np.frombuffer(Path(f"{path}.times").read_bytes())
    assert times == pytest.approx(7.0 + np.arange(len(times)) * 0.02)


def test_displays(tmp_path: Path) -> None:
    camera = devices.open_camera("synthetic", "Kandis", 10, 320, 180, 10)
    lines = devices.open_display(f"stamps:{tmp_path / 'x.jsonl'}")
    files = devices.open_display(f"file:{tmp_path / 'tv.png'}")
    for number in range(3):
        for display in (lines, files):
            display.show("main", camera.read(number / 10), number / 10)
    lines.close()
    read = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert [(one["slot"], one["site"], one["torn"]) for one in read] == [("main", 10, False)] * 3
    assert Image.open(tmp_path / "tv.main.png").size == (320, 180)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        devices.open_display(f"file:{tmp_path / 'nowhere' / 'tv.png'}")
