"""How clearly a voice is heard over each kind of bad link, over many seeds, in virtual time.

`python tests/bench/voice.py [--profiles r20,ge10] [--links listening] [--modes clear] [--seeds 8]`

The product's own ends of both links (`path.py`). It is for choosing parameters: `giliran rehearse
--voice` is what counts, this tells in minutes how often a goal would be missed with seeds not tried
there.
"""

import argparse
import random
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

from path import Path as VoicePath  # noqa: E402

from agent.devices import RATE, read_sound  # noqa: E402
from agent.impair import Impairment  # noqa: E402
from agent.score import compare  # noqa: E402
from agent.speech import CLIPS, joined  # noqa: E402
from console.rehearsal.profiles import LINKS, MODES, PROFILES, Mode, chosen  # noqa: E402

CAPTURE_MS = 27.5
"""A frame is spoken before it is coded; and pulls come 7 ms after frames in `path.py`."""


def measure(profile: str, link: str, mode: Mode, seed: int, seconds: float):
    """(PESQ, mouth to ear in ms) of one run."""
    random.seed(seed)  # the first numbers of streams
    settle_s = PROFILES[profile].settle_s
    bad = Impairment.parse(PROFILES[profile].impair(seed))
    clean = Impairment()
    on_first, on_second = link in ("speaking", "both"), link in ("listening", "both")
    speech = joined([read_sound(clip) for clip in CLIPS])
    path = VoicePath(mode, bad if on_first else clean, bad if on_second else clean, str(seed))
    heard = path.run(speech, seconds + settle_s).pcm
    spoken = np.take(speech, range(len(heard)), mode="wrap")
    score = compare(spoken, heard, round(settle_s * RATE))
    return score.pesq, (score.delay_ms or 0.0) + CAPTURE_MS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profiles", default="")
    parser.add_argument("--links", default="")
    parser.add_argument("--modes", default="")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--first-seed", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=40.0)
    given = parser.parse_args()
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    print(
        f"{'profile':<10}{'link':<11}{'mode':<14}{'PESQ mean':>10}{'least':>7}{'goal':>6}"
        f"{'ms mean':>9}{'most':>6}{'limit':>6}{'reached':>9}"
    )
    with ProcessPoolExecutor() as pool:
        for profile in chosen("--profiles", given.profiles, PROFILES):
            for link in chosen("--links", given.links, LINKS):
                for mode in chosen("--modes", given.modes, MODES):
                    runs = [
                        pool.submit(measure, profile, link, mode, seed, given.seconds)
                        for seed in seeds
                    ]
                    results = [run.result() for run in runs]
                    pesq, ms = (np.array(one) for one in zip(*results, strict=True))
                    goal = PROFILES[profile].goal(mode, link)
                    reached = np.sum((pesq >= (goal.pesq or 0)) & (ms <= (goal.delay_ms or 1e9)))
                    print(
                        f"{profile:<10}{link:<11}{mode:<14}{pesq.mean():>10.2f}{pesq.min():>7.2f}"
                        f"{goal.pesq or 0:>6.2f}{ms.mean():>9.0f}{ms.max():>6.0f}"
                        f"{goal.delay_ms or 0:>6.0f}{reached:>6}/{len(seeds)}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
