"""Which language is spoken, and from which file."""

import os
import shutil
from pathlib import Path

import pytest

from protocol import words
from protocol.words import _, n_, use_language


@pytest.fixture(autouse=True)
def english_afterwards():
    yield
    use_language("en")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"LANG": "id_ID.UTF-8"}, "Panggil berikutnya"),
        ({"LANG": "id"}, "Panggil berikutnya"),
        ({"LANG": "en_GB.UTF-8"}, "Call next"),
        ({"LANG": "C"}, "Call next"),
        ({}, "Call next"),
        ({"LC_ALL": "C", "LANG": "id_ID"}, "Call next"),
        ({"LC_ALL": "", "LC_MESSAGES": "id_ID", "LANG": "C"}, "Panggil berikutnya"),
    ],
)
def test_the_language_is_the_locales_unless_named(monkeypatch, variables, expected):
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    use_language(None)
    assert _("Call next") == expected


def test_a_named_language_wins_over_the_locale(monkeypatch):
    monkeypatch.setenv("LC_ALL", "id_ID.UTF-8")
    use_language("en")
    assert _("Call next") == "Call next"
    use_language("id")
    assert _("Call next") == "Panggil berikutnya"


def test_an_empty_text_stays_empty():
    use_language("id")
    assert _("") == ""


def test_plurals_follow_each_language():
    one, many = "{n} event, the chain holds", "{n} events, the chain holds"
    use_language("en")
    assert (n_(one, many, 1), n_(one, many, 2)) == (one, many)
    use_language("id")
    assert n_(one, many, 1) == n_(one, many, 2) != one


def test_an_unknown_language_is_english():
    use_language("xx")
    assert _("Call next") == "Call next"


@pytest.fixture
def locales(tmp_path: Path) -> Path:
    """A folder with the Indonesian catalogue's source and nothing compiled."""
    folder = tmp_path / "id" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    shutil.copy(words.LOCALES / "id" / "LC_MESSAGES" / "giliran.po", folder)
    return tmp_path


def test_without_a_compiled_catalogue_the_source_is_read(locales: Path):
    assert words.load("id", locales).gettext("Call next") == "Panggil berikutnya"


def test_a_compiled_catalogue_older_than_its_source_is_not_used(locales: Path):
    compiled = locales / "id" / "LC_MESSAGES" / "giliran.mo"
    compiled.write_bytes(b"not a catalogue")
    source = compiled.with_suffix(".po")
    source.touch()
    later = compiled.stat().st_mtime + 5
    os.utime(source, (later, later))
    assert words.load("id", locales).gettext("Call next") == "Panggil berikutnya"
    os.utime(compiled, (later, later))
    with pytest.raises(OSError, match="Bad magic number"):
        words.load("id", locales)
