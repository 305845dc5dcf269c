"""Where data lies on this machine: the journal, and the files beside it that a server needs."""

import hashlib
import tempfile
from pathlib import Path

from platformdirs import user_data_path

MAX_SOCKET_PATH = 100


def journal_path(db: Path | None = None) -> Path:
    """The journal file: `db` or the default in the user's data folder."""
    if db is not None:
        return db.expanduser().absolute()
    return user_data_path("giliran", appauthor=False) / "journal.db"


def socket_path(db: Path) -> Path:
    """The Unix socket of the server of this journal.

    Beside the journal; where that path is too long for a socket address (108 bytes), in the
    temporary folder under a name made from it.
    """
    beside = db.with_suffix(".sock")
    if len(str(beside).encode()) <= MAX_SOCKET_PATH:
        return beside
    name = hashlib.sha256(str(beside).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"giliran-{name}.sock"


def server_lock(db: Path) -> Path:
    """Held by the one server of this journal."""
    return db.with_suffix(".lock")


def relay_lock(db: Path) -> Path:
    """Held by the relay of this journal; it outlives a killed server."""
    return db.with_suffix(".relay.lock")


def templates_path(db: Path) -> Path:
    """The secretariat's own templates and emblems of the minutes; need not be there."""
    return db.parent / "templates"


def log_path(db: Path, name: str) -> Path:
    """The log of a process started in the background."""
    return db.with_suffix(f".{name}.log")


def recordings_folder(db: Path) -> Path:
    """Where the recordings of this journal's meetings lie, a folder a meeting."""
    return db.parent / "recordings"
