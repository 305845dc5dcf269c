"""The Indonesian catalogue is complete, and its tool loses nothing."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from protocol import catalogue

PATHS = catalogue.catalogues()
ROOT = Path(__file__).parents[2]


def test_there_is_an_indonesian_catalogue():
    assert [path.parent.parent.name for path in PATHS] == ["id"]


def test_no_text_is_looked_up_that_is_not_in_the_catalogue():
    """The tool that takes the texts from the sources does not look into f-strings."""
    known = {
        text for path in PATHS for one in catalogue.read(path) for text in catalogue._texts(one.id)
    }
    unknown = []
    for room in ("agent", "console", "protocol"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                match node:
                    case ast.Call(ast.Name("_" | "N_" | "n_"), [ast.Constant(str(text)), *_more]):
                        unknown += [] if text in known or not text else [f"{path}: {text}"]
    assert unknown == []


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.parent.parent.name)
def test_every_text_in_the_code_is_translated_with_its_fields(path: Path):
    assert catalogue.faults(catalogue.read(path)) == []


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.parent.parent.name)
def test_the_catalogue_is_what_the_tool_writes(path: Path, tmp_path: Path):
    copy = tmp_path / "id" / "LC_MESSAGES" / "giliran.po"
    copy.parent.mkdir(parents=True)
    shutil.copy(path, copy)
    catalogue.update(copy, [])
    assert copy.read_text() == path.read_text(), "run `make i18n`"


@pytest.fixture
def code(monkeypatch) -> Catalog:
    """Stands for what is marked in the code."""
    catalog = Catalog()
    catalog.add("Call {site}", locations=[("console/x.py", 1)])
    catalog.add(("{n} turn", "{n} turns"), locations=[("console/x.py", 2)])
    monkeypatch.setattr(catalogue, "extract", lambda: catalog)
    return catalog


def translated(**texts: str) -> Catalog:
    catalog = Catalog(locale="id")
    catalog.mime_headers = [("Plural-Forms", "nplurals=1; plural=0;")]
    catalog.add("Call {site}", texts.get("call", "Panggil {site}"))
    catalog.add(("{n} turn", "{n} turns"), (texts.get("turns", "{n} giliran"),))
    return catalog


def test_a_complete_catalogue_has_no_faults(code):
    assert catalogue.faults(translated()) == []


@pytest.mark.parametrize(
    ("texts", "fault"),
    [
        ({"call": ""}, "'Call {site}' has no translation"),
        ({"call": "Panggil {lokasi}"}, "'Panggil {lokasi}' has other fields than ['site']"),
        ({"turns": "giliran"}, "'giliran' has other fields than ['n']"),
        ({"turns": ""}, "('{n} turn', '{n} turns') has no translation"),
    ],
)
def test_missing_texts_and_other_fields_are_faults(code, texts, fault):
    (found,) = catalogue.faults(translated(**texts))
    assert fault in found


def test_a_fuzzy_text_is_a_fault(code):
    catalog = translated()
    catalog["Call {site}"].flags.add("fuzzy")
    (found,) = catalogue.faults(catalog)
    assert "'Call {site}' has no translation" in found


def test_an_update_keeps_takes_and_drops(code, tmp_path: Path):
    path = tmp_path / "id" / "LC_MESSAGES" / "giliran.po"
    path.parent.mkdir(parents=True)
    head = 'msgid ""\nmsgstr ""\n"Plural-Forms: nplurals=1; plural=0;\\n"\n\n'
    path.write_text(head + 'msgid "Gone"\nmsgstr "Hilang"\n\nmsgid "Call {site}"\nmsgstr "Ada"\n')
    more = tmp_path / "more.po"
    more.write_text(
        head + 'msgid "Call {site}"\nmsgstr "Lain"\n\n'
        'msgid "{n} turn"\nmsgid_plural "{n} turns"\nmsgstr[0] "{n} giliran"\n'
    )
    catalogue.update(path, [more])
    after = catalogue.read(path)
    assert {message.id: message.string for message in after if message.id} == {
        "Call {site}": "Ada",
        ("{n} turn", "{n} turns"): ("{n} giliran",),
    }


def test_texts_are_found_by_all_three_marks():
    ids = {message.id for message in catalogue.extract()}
    assert "Call next" in ids, "marked with N_"
    assert "Select a site first." in ids, "marked with _"
    assert ("{n} event, the chain holds", "{n} events, the chain holds") in ids, "marked with n_"


def test_other_arguments_are_told_the_usage():
    run = subprocess.run(
        [sys.executable, "-m", "protocol.catalogue", "compiel"], capture_output=True, text=True
    )
    assert run.returncode == 2 and "update" in run.stderr
