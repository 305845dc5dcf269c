"""`giliran` with a profile: `python -m tests.bench.profiled agent …`.

At SIGUSR2 it begins to note where its time goes, and at the next it writes the shares of the parts
of an agent, as JSON, into the folder that the environment names: `PID.json`.
"""

import json
import os
import signal
from pathlib import Path

from console.cli import main
from tests.bench.where import AGENT, Sampler

FOLDER = "GILIRAN_PROFILE"


class _Switch:
    def __init__(self) -> None:
        self._sampler: Sampler | None = None

    def turn(self, *_signal: object) -> None:
        if self._sampler is None:
            self._sampler = Sampler(AGENT)
            self._sampler.begin()
            return
        path = Path(os.environ[FOLDER]) / f"{os.getpid()}.json"
        whole = path.with_suffix(".new")
        whole.write_text(json.dumps(self._sampler.end()))
        whole.replace(path)
        self._sampler = None


if __name__ == "__main__":
    signal.signal(signal.SIGUSR2, _Switch().turn)
    main()
