"""Where recordings lie: a folder a meeting, named by its id, with the segments and the film.

Nothing is ever deleted but by `remove`, which the operator asks for (`giliran recording prune`).
"""

import shutil
from pathlib import Path

import msgspec

from protocol.recording import FILM, Film

DAY_MS = 86_400_000
OURS = ("segment-*.mkv", "segment-*.jsonl", "later-*.bin", "*.part", "*.json", "clips/*.opus")


class Held(msgspec.Struct, frozen=True):
    """One recording on the disk. `film` None: not finished; `is_stale`: something came since.
    `version` changes when something comes."""

    meeting: str
    folder: Path
    segments: int
    film: Film | None
    is_stale: bool
    version: int

    @property
    def is_finished(self) -> bool:
        return self.film is not None and not self.is_stale

    def size_bytes(self) -> int:
        """Of everything in its folder."""
        return sum(p.stat().st_size for p in self.folder.rglob("*") if p.is_file())


def look(folder: Path) -> list[Held]:
    """Every recording below a folder, by the meeting's id."""
    if not folder.is_dir():
        return []
    found = (held(one) for one in sorted(folder.iterdir()) if one.is_dir())
    return [one for one in found if one is not None]


def held(folder: Path) -> Held | None:
    """The recording in a meeting's folder; None when there is none."""
    segments = list(folder.glob("segment-*.mkv"))
    film = _film(folder)
    if not segments and film is None:
        return None
    made = (folder / FILM).stat().st_mtime_ns if film is not None else 0
    parts = [*segments, *folder.glob("later-*.bin")]
    version = max((part.stat().st_mtime_ns for part in parts), default=0)
    return Held(
        meeting=folder.name,
        folder=folder,
        segments=len(segments),
        film=film,
        is_stale=version > made,
        version=version,
    )


def _film(folder: Path) -> Film | None:
    try:
        film = msgspec.json.decode((folder / FILM).read_bytes(), type=Film)
    except (OSError, msgspec.MsgspecError):
        return None
    return film if (folder / film.file).exists() else None


def is_past(closed_at: int | None, keep_days: int, now: int) -> bool:
    """Whether a meeting's recording was kept as long as it is to be kept; 0 days: for ever."""
    return closed_at is not None and keep_days > 0 and now - closed_at > keep_days * DAY_MS


def remove(one: Held) -> None:
    """Delete a recording: what we made; a folder with other files in it stays, with those.

    Raises OSError.
    """
    film = one.film
    names = [film.file, *(clip.file for clip in film.clips)] if film is not None else []
    for path in [one.folder / name for name in names]:
        path.unlink(missing_ok=True)
    for pattern in OURS:
        for path in one.folder.glob(pattern):
            path.unlink()
    clips = one.folder / "clips"
    if clips.is_dir() and not any(clips.iterdir()):
        clips.rmdir()
    if not any(one.folder.iterdir()):
        shutil.rmtree(one.folder)
