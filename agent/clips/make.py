"""Makes the clips beside it: needs espeak-ng. `python agent/clips/make.py`."""

import io
import subprocess
import wave
from pathlib import Path

import av
import numpy as np

RATE = 24_000
PAUSE_S = 0.8
PEAK = 0.5
VOICES = {"laki-laki": ("id+m3", "150"), "perempuan": ("id+f2", "155")}
REPORTS = (
    "Selamat pagi, Bapak Bupati. Kami dari Kecamatan Kandis melaporkan bahwa keadaan wilayah "
    "kami aman dan terkendali.",
    "Jalan menuju tiga kampung masih rusak setelah hujan lebat. Kami mohon alat berat dari "
    "dinas pekerjaan umum pada minggu depan.",
    "Dua titik panas terpantau kemarin sore di lahan gambut. Petugas sudah berada di lapangan, "
    "dan api padam sebelum malam.",
    "Persiapan pemilihan umum berjalan sesuai jadwal. Kotak suara sudah kami terima dan "
    "dijaga bersama kepolisian. Sekian laporan kami.",
)


def speak(voice: str, speed: str, text: str) -> np.ndarray:
    """One report as float samples at 24 kHz, without the silence around it."""
    command = ["espeak-ng", "-v", voice, "-s", speed, "--stdout", text]
    said = subprocess.run(command, capture_output=True, check=True).stdout
    with wave.open(io.BytesIO(said)) as file:
        rate = file.getframerate()
        # espeak-ng writes to a pipe and does not know the length beforehand.
        pcm = np.frombuffer(file.readframes(len(said)), dtype=np.int16)
    frame = av.AudioFrame.from_ndarray(pcm[None, :], format="s16", layout="mono")
    frame.sample_rate = rate
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    parts = [f.to_ndarray()[0] for f in (*resampler.resample(frame), *resampler.resample(None))]
    samples = np.concatenate(parts).astype(float)
    loud = np.flatnonzero(np.abs(samples) > 200)
    return samples[loud[0] : loud[-1] + 1]


def main() -> None:
    here = Path(__file__).parent
    pause = np.zeros(round(PAUSE_S * RATE))
    for name, (voice, speed) in VOICES.items():
        samples = np.concatenate(
            [p for text in REPORTS for p in (speak(voice, speed, text), pause)]
        )
        samples *= PEAK * 32767 / np.abs(samples).max()
        with av.open(str(here / f"{name}.flac"), "w") as container:
            stream = container.add_stream("flac", rate=RATE, layout="mono", format="s16")
            pcm = samples.round().astype(np.int16)
            for begin in range(0, len(pcm), 4096):
                frame = av.AudioFrame.from_ndarray(
                    pcm[None, begin : begin + 4096], format="s16", layout="mono"
                )
                frame.sample_rate, frame.pts = RATE, begin
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))


if __name__ == "__main__":
    main()
