"""What `giliran recording` asks of the room of the media, by name."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from agent.recording import film as made
from protocol.recording import CUES, Cues


def film(folder: Path) -> int:
    """Make the film in FOLDER, as its cues.json says; prints what was made as JSON."""
    try:
        cues = msgspec.json.decode((folder / CUES).read_bytes(), type=Cues)
        done = made.finish(folder, cues)
    except (made.FilmError, OSError, msgspec.MsgspecError) as error:
        print(error, file=sys.stderr)
        return 1
    print(msgspec.json.encode(done).decode())
    return 0


def convert(
    source: Path,
    target: Path,
    *,
    sound: Annotated[bool, Parameter(help="The sound alone.")] = False,
) -> int:
    """Write the film SOURCE as TARGET, a file of another kind."""
    try:
        made.convert(source, target, sound_only=sound)
    except made.FilmError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
