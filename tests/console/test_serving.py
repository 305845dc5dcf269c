"""What must hold before a server starts: who may connect, and that there is one."""

import os
from pathlib import Path

import pytest

from console.server import ServeError
from console.serving import check_host, lock


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_is_served(host: str) -> None:
    check_host(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "siak.go.id", ""])
def test_no_other_address_is(host: str) -> None:
    with pytest.raises(ServeError, match="127.0.0.1 only"):
        check_host(host)


def test_one_server_a_journal(tmp_path: Path) -> None:
    held = lock(tmp_path / "journal.db")
    with pytest.raises(ServeError, match="is running already"):
        lock(tmp_path / "journal.db")
    os.close(held)
    os.close(lock(tmp_path / "journal.db"))
