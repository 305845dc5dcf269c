"""Where data lies."""

import socket
from pathlib import Path

import pytest

from console import places


def test_the_journal_is_in_the_users_data_folder_unless_named(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert places.journal_path() == tmp_path / "giliran" / "journal.db"
    monkeypatch.chdir(tmp_path)
    assert places.journal_path(Path("other.db")) == tmp_path / "other.db"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert places.journal_path(Path("~/mine.db")) == tmp_path / "mine.db"


def test_a_servers_files_lie_beside_its_journal(tmp_path: Path):
    db = tmp_path / "siak.db"
    assert places.socket_path(Path("/var/siak.db")) == Path("/var/siak.sock")
    assert places.server_lock(db) == tmp_path / "siak.lock"
    assert places.relay_lock(db) == tmp_path / "siak.relay.lock"
    assert places.log_path(db, "relay") == tmp_path / "siak.relay.log"


@pytest.mark.parametrize("depth", [1, 40])
def test_the_socket_can_be_bound_however_long_the_folders_name_is(tmp_path: Path, depth: int):
    folder = tmp_path / ("folder/" * depth)
    folder.mkdir(parents=True)
    path = places.socket_path(folder / "journal.db")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
    path.unlink()


def test_two_journals_with_long_names_have_two_sockets(tmp_path: Path):
    folder = tmp_path / ("folder/" * 40)
    assert places.socket_path(folder / "a.db") != places.socket_path(folder / "b.db")
