"""Fits the figures in `agent/audio/clarity.py` to measurements: `python tests/bench/clarity.py`.

Each report of the two clips goes through the product's own Opus, random frames are lost and
concealed by the decoder, and wideband PESQ (ITU-T P.862.2) tells what is left. The E-model's Ie of
each bitrate and the Bpl of all are those whose MOS comes nearest to it (least squares, a loss of a
bitrate as weighty as any other). Bursts are measured as well, but not fitted: they show what the
burst ratio is worth.

Takes about ten minutes; needs the package `pesq`.
"""

import itertools
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from agent.audio import clarity, opus  # noqa: E402

try:
    from pesq import pesq
except ImportError:
    sys.exit("This needs the package pesq: pip install pesq")

CLIPS = Path(__file__).parents[2] / "agent" / "clips"
BITRATES = (12_000, 16_000, 20_000, 24_000, 28_000, 32_000, 40_000)
LOSSES = (0.0, 0.01, 0.02, 0.03, 0.05, 0.10, 0.20)
BURSTS = (1, 2, 4)
SEEDS = 4
PESQ_RATE = 16_000
PAUSE_S = 0.5
AROUND_S = 0.2


class Point(NamedTuple):
    """One utterance: what was lost of it (share, burst ratio), and its PESQ."""

    bitrate: int
    burst: int
    nominal: float
    loss: float
    ratio: float
    pesq: float


def resampled(pcm: NDArray[np.int16], rate: int, to: int) -> NDArray[np.int16]:
    """Mono samples at another rate."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=to)
    frame = av.AudioFrame.from_ndarray(pcm[None, :], format="s16", layout="mono")
    frame.sample_rate = rate
    parts = [*resampler.resample(frame), *resampler.resample(None)]
    return np.concatenate([part.to_ndarray()[0] for part in parts])


def speech(path: Path) -> NDArray[np.int16]:
    """A clip at 48 kHz, a whole number of frames."""
    with av.open(str(path)) as file:
        parts = [frame.to_ndarray()[0] for frame in file.decode(audio=0)]
        rate = file.streams.audio[0].rate
    pcm = resampled(np.concatenate(parts), rate, opus.RATE)
    return pcm[: len(pcm) // opus.SAMPLES * opus.SAMPLES]


def utterances(pcm: NDArray[np.int16]) -> list[tuple[int, int]]:
    """Begin and end of each report in frames: what pauses of half a second part."""
    frames = np.abs(pcm.reshape(-1, opus.SAMPLES)).max(axis=1) > 100
    loud, pause = np.flatnonzero(frames), PAUSE_S * 50
    cuts = np.flatnonzero(np.diff(loud) > pause)
    begins, ends = [loud[0], *loud[cuts + 1]], [*loud[cuts], loud[-1]]
    around = round(AROUND_S * 50)
    return [
        (max(0, int(b) - around), min(len(frames), int(e) + around))
        for b, e in zip(begins, ends, strict=True)
    ]


def lost(count: int, loss: float, burst: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which frames are lost: at random, or in runs of a mean length (Gilbert's model)."""
    if burst == 1:
        return rng.random(count) < loss
    ends, begins = 1 / burst, loss / (1 - loss) / burst
    is_lost, frames = rng.random() < loss, np.zeros(count, dtype=bool)
    for n, chance in enumerate(rng.random(count)):
        is_lost = chance >= ends if is_lost else chance < begins
        frames[n] = is_lost
    return frames


def heard(packets: list[bytes], missing: NDArray[np.bool_]) -> NDArray[np.int16]:
    """What the decoder makes of it."""
    decoder = opus.Decoder()
    return np.concatenate(
        [
            decoder.conceal() if is_missing else decoder.decode(packet)
            for packet, is_missing in zip(packets, missing, strict=True)
        ]
    )


def measured(bitrate: int, burst: int, loss: float, seed: int) -> Iterator[Point]:
    """A point of each utterance of both clips."""
    for number, path in enumerate(sorted(CLIPS.glob("*.flac"))):
        pcm = speech(path)
        encoder = opus.Encoder(bitrate, fec=False)
        packets = [encoder.encode(frame) for frame in pcm.reshape(-1, opus.SAMPLES)]
        rng = np.random.default_rng([bitrate, burst, round(1000 * loss), seed, number])
        missing = lost(len(packets), loss, burst, rng)
        got = heard(packets, missing)
        for begin, end in utterances(pcm):
            window = slice(begin * opus.SAMPLES, end * opus.SAMPLES)
            pair = [resampled(one[window], opus.RATE, PESQ_RATE) for one in (pcm, got)]
            counted = clarity.Clarity(end - begin)
            for is_missing in missing[begin:end]:
                counted.push(bool(is_missing))
            score = pesq(PESQ_RATE, *pair, "wb")
            yield Point(bitrate, burst, loss, counted.loss, counted.burst_ratio, score)


def model(percent: float, ie: float, bpl: float, ratio: float = 1.0) -> float:
    """MOS by the E-model without delay."""
    share = percent / (percent / min(ratio, clarity.MAX_BURST_RATIO) + bpl)
    return clarity.mos(clarity.R_CLEAN - ie - (95 - ie) * share)


def fitted(points: list[Point]) -> tuple[dict[int, float], float]:
    """Ie of each bitrate, and Bpl."""

    def best(bpl: float) -> tuple[float, dict[int, float]]:
        total, found = 0.0, {}
        for bitrate in BITRATES:
            own = [p for p in points if p.bitrate == bitrate]
            weights = Counter(p.nominal for p in own)
            errors = {
                ie: sum(
                    (model(100 * p.loss, ie, bpl) - p.pesq) ** 2 / weights[p.nominal] for p in own
                )
                for ie in np.arange(0, 40, 0.5)
            }
            found[bitrate] = min(errors, key=errors.__getitem__)
            total += errors[found[bitrate]]
        return total, found

    every = {bpl: best(bpl) for bpl in np.arange(2, 40, 0.5)}
    bpl = min(every, key=lambda one: every[one][0])
    return {rate: float(ie) for rate, ie in every[bpl][1].items()}, float(bpl)


def table(points: list[Point], ies: dict[int, float], bpl: float) -> None:
    """Measured and modelled MOS, bitrate by loss."""
    print("bit/s   burst " + "".join(f"{100 * loss:>12.0f} %" for loss in LOSSES))
    for bitrate, burst in itertools.product(BITRATES, BURSTS):
        cells = []
        for loss in LOSSES:
            own = [p for p in points if p[:3] == (bitrate, burst, loss)]
            if own:
                said = np.mean([model(100 * p.loss, ies[bitrate], bpl, p.ratio) for p in own])
                cells.append(f"{np.mean([p.pesq for p in own]):7.2f} ({said:.2f})")
        if cells:
            print(f"{bitrate:>6} {burst:>6} " + "".join(cells))


def main() -> None:
    """Measure, fit, compare."""
    points: list[Point] = []
    for bitrate, loss in itertools.product(BITRATES, LOSSES):
        for seed in range(SEEDS if loss else 1):
            points += measured(bitrate, 1, loss, seed)
        print(f"{bitrate} bit/s, {100 * loss:.0f} %", file=sys.stderr)
    ies, bpl = fitted(points)
    print(f"Ie {ies}, Bpl {bpl}")
    for burst, loss, seed in itertools.product(BURSTS[1:], LOSSES[1:], range(SEEDS)):
        points += measured(24_000, burst, loss, seed)
    print("PESQ measured, and in brackets MOS by the model; bursts are not fitted")
    table(points, ies, bpl)
    for burst in BURSTS:
        off = [
            model(100 * p.loss, ies[p.bitrate], bpl, p.ratio) - p.pesq
            for p in points
            if p.burst == burst
        ]
        print(f"bursts of {burst}: off by {np.mean(off):+.2f}, rms {np.std(off):.2f}")


if __name__ == "__main__":
    main()
