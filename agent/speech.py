"""`giliran speech`: the speech a measurement is made with, as one file that all its programs read.

Without a file of one's own: the clips shipped beside, one report of each voice in turn. Utterances
are told in seconds from the beginning of the file, so that a measurement can begin between two.
"""

import json
import sys
import wave
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter

from agent.audio import opus
from agent.devices import RATE, SAMPLES, read_sound
from agent.hearing import Pcm, Utterance, levels_db, utterances

CLIPS = tuple(Path(__file__).parent / "clips" / f"{n}.flac" for n in ("laki-laki", "perempuan"))
REPORT_PAUSE_S = 0.6
"""Between the reports of a clip; pauses within one are shorter."""

EDGE_S = 0.8
SILENCE_DB = 30.0


def joined(clips: list[Pcm]) -> Pcm:
    """The first report of the first clip, the second of the second, the third of the first …"""
    divided = [reports(clip) for clip in clips]
    pause = np.zeros(round(EDGE_S * RATE), dtype=np.int16)
    parts = [pause]
    for number in range(min(map(len, divided))):
        parts += [divided[number % len(divided)][number], pause]
    return np.concatenate(parts)


def reports(clip: Pcm) -> list[Pcm]:
    """A clip divided at its long pauses, which are left out."""
    silence = np.zeros(RATE // 2, dtype=np.int16)
    clip = np.concatenate([silence, clip, silence])
    spans: list[list[int]] = []
    for one in utterances(clip):
        if spans and one.begin - spans[-1][1] < REPORT_PAUSE_S * RATE:
            spans[-1][1] = one.end
        else:
            spans.append([one.begin, one.end])
    return [clip[begin:end] for begin, end in spans]


def looped_utterances(pcm: Pcm) -> list[Utterance]:
    """The utterances of a sound that is played in a loop; one may run over its end."""
    if not len(pcm):
        return []
    found = utterances(np.concatenate([pcm, pcm, pcm]))
    size = len(pcm)
    return [
        Utterance(one.begin - size, one.end - size) for one in found if size <= one.begin < 2 * size
    ]


def through_opus(pcm: Pcm) -> Pcm:
    """The sound after the codec as agents use it, nothing lost; as long as before."""
    encoder, decoder = opus.Encoder(fec=False), opus.Decoder()
    frames = len(pcm) // SAMPLES
    parts = [
        decoder.decode(encoder.encode(pcm[n * SAMPLES : (n + 1) * SAMPLES])) for n in range(frames)
    ]
    heard = np.zeros(len(pcm), dtype=np.int16)
    heard[: frames * SAMPLES] = np.concatenate(parts) if parts else 0
    return heard


def write_wav(path: Path, *channels: Pcm) -> None:
    """A 48 kHz WAV of these channels, equally long."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.stack(channels, axis=1).astype("<i2").tobytes())


def speech(files: list[Path]) -> Pcm:
    """One sound of these files (none: the shipped clips). Raises ValueError, OSError."""
    if not files:
        return joined([read_sound(path) for path in CLIPS])
    pcm = np.concatenate([read_sound(path) for path in files])
    levels = levels_db(pcm)
    if not len(levels) or levels.max() < SILENCE_DB or not looped_utterances(pcm):
        raise ValueError(
            f"{', '.join(map(str, files))}: no speech in it with pauses of 0.3 s between sentences"
        )
    return pcm


def main(
    *files: Annotated[Path, Parameter(help="Sound files; none: the shipped clips.")],
    out: Annotated[Path, Parameter(help="The joined speech as WAV, mono, 48 kHz.")],
    codec: Annotated[
        Path | None, Parameter(help="Stereo WAV: the speech, and the same after Opus alone.")
    ] = None,
) -> int:
    """Write the speech of a measurement; print its length and utterances as JSON."""
    try:
        pcm = speech(list(files))
        write_wav(out, pcm)
        if codec is not None:
            twice = np.concatenate([pcm, pcm[: 2 * RATE]])
            write_wav(codec, twice, through_opus(twice))
    except (ValueError, OSError) as error:
        print(f"giliran speech: {error}", file=sys.stderr)
        return 2
    spans = [[one.begin / RATE, one.end / RATE] for one in looped_utterances(pcm)]
    json.dump({"seconds": len(pcm) / RATE, "utterances": spans}, sys.stdout)
    print()
    return 0
