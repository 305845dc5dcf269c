"""The house keeps its shape: rooms, their tests, what each command loads, what a wheel holds."""

import json
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parent.parent
ROOMS = ("agent", "console", "protocol")

# Modules without a test file of their own: why, and where they are tested instead.
EXEMPT = {
    "tests/console/meeting/test_decide.py": ("console/meeting/refusal.py",),
    "tests/console/meeting/test_state.py": ("console/meeting/fold.py",),
    "tests/console/tui/test_keys.py": (  # parts of one screen, tested by what keys do on it
        "console/tui/acts.py",
        "console/tui/app.py",
        "console/tui/client.py",
        "console/tui/desk.py",
        "console/tui/forms.py",
        "console/tui/help.py",
        "console/tui/prompt.py",
        "console/tui/stage.py",
    ),
    "tests/console/tui/test_looks.py": (  # parts of one screen, tested by how it looks
        "console/tui/floor.py",
        "console/tui/keybar.py",
        "console/tui/log.py",
        "console/tui/themes.py",
        "console/tui/topbar.py",
    ),
    "tests/console/tui/test_screens.py": (  # what pages have in common, tested on each of them
        "console/tui/dates.py",
        "console/tui/glance.py",
        "console/tui/page.py",
    ),
    "tests/console/test_server.py": ("console/peer.py",),
    "tests/protocol/test_messages.py": ("protocol/queries.py",),
    "tests/console/tui/test_mouse.py": ("console/tui/clickable.py",),
    "tests/console/tui/test_replica.py": ("console/tui/history.py", "console/tui/views.py"),
    "tests/console/tui/test_words.py": (
        "console/tui/due.py",
        "console/tui/phrases.py",
        "console/tui/plain.py",
    ),
    "tests/console/minutes/test_document.py": ("console/minutes/form.py",),
    "tests/console/minutes/test_export.py": (
        "console/minutes/errors.py",
        "console/minutes/files.py",
    ),
    "tests/console/minutes/test_writers.py": (
        "console/minutes/pictures.py",
        "console/minutes/templates/make_docx.py",
    ),
    "tests/contract/test_relay_driver.py": (  # held to it with real engines and connections
        "console/relay/driver.py",
        "console/relay/embedded.py",
    ),
    "tests/e2e/test_rehearsal.py": (  # what holds processes and connections together
        "console/rehearsal/director.py",
    ),
    "tests/agent/test_relay.py": ("agent/lines.py",),
    "tests/agent/test_sender.py": ("agent/stream.py",),
    "tests/agent/picture/test_vp8.py": ("agent/picture/vpx.py",),  # one of its encoders
    "tests/agent/recording/test_recorder.py": ("agent/recording/segment.py",),
    "tests/agent/recording/test_film.py": (
        "agent/recording/command.py",
        "agent/recording/material.py",
    ),
    "tests/console/recording/test_cues.py": ("protocol/recording.py",),
    "tests/console/recording/test_finish.py": ("console/recording/keeper.py",),
    "tests/test_layout.py": ("protocol/locales/hatch_build.py",),  # the wheel below
}


def modules() -> list[str]:
    return sorted(
        path.relative_to(ROOT).as_posix()
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if path.name != "__init__.py"
    )


def files_for(module: str) -> list[Path]:
    """Where a module's tests may be: its own file, or one for the whole folder it is in."""
    path = Path(module)
    own = ROOT / "tests" / path.parent / f"test_{path.stem}.py"
    folder = ROOT / "tests" / path.parent.parent / f"test_{path.parent.name}.py"
    return [own, folder] if len(path.parts) > 2 else [own]


@pytest.mark.parametrize("module", modules())
def test_every_module_has_its_tests_or_is_exempt_with_a_reason(module: str):
    tests = [path for path in files_for(module) if path.exists()]
    exempt = [test for test, exempted in EXEMPT.items() if module in exempted]
    wanted = files_for(module)[0].relative_to(ROOT)
    assert tests or exempt, f"write {wanted}, or say in EXEMPT where {module} is tested"
    assert not (tests and exempt), f"{module} has tests of its own: take it out of EXEMPT"


def test_exemptions_name_modules_and_tests_that_exist():
    assert [test for test in EXEMPT if not (ROOT / test).exists()] == []
    assert {module for exempted in EXEMPT.values() for module in exempted} <= set(modules())


def test_packages_are_named_as_folders_and_modules_hold_no_leftovers():
    forbidden = {"utils", "helpers", "common", "manager", "base"}
    assert not [m for m in modules() if forbidden & set(Path(m).with_suffix("").parts)]


def test_no_wait_loses_a_cancellation():
    """Before Python 3.12 `asyncio.wait_for` does, when what it waits for comes at that moment:
    who closes the task waits for ever. `asyncio.timeout` does not."""
    assert [m for m in modules() if "asyncio.wait_for(" in (ROOT / m).read_text()] == []


def test_tests_are_not_packages():
    """`tests/console/__init__.py` would make `import console` find the tests."""
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_the_rooms_belong_to_giliran_alone():
    """Short import names are fine in an environment of our own; this tells when they are not."""
    found = packages_distributions()
    assert {room: set(found.get(room, ["giliran"])) for room in ROOMS} == {
        room: {"giliran"} for room in ROOMS
    }


def test_a_wheel_holds_what_the_rooms_need(tmp_path: Path):
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(ROOMS)
    assert {name for name in names if "/locales/" in name} == {
        "protocol/locales/id/LC_MESSAGES/giliran.mo"
    }
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.*"):
            name = path.relative_to(ROOT).as_posix()
            if "__pycache__" not in name and "/locales/" not in name:
                assert name in names, f"{name} is missing in the wheel"


SCRIPT = """
import json, sys
from console.cli import app
try:
    app(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
print("MODULES" + json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
"""


@pytest.mark.parametrize(
    ("command", "strangers"),
    [
        ([], {"textual", "aiortc", "av", "numpy", "websockets", "typst"}),
        (["agent"], {"textual", "sqlite_utils", "docx", "typst"}),
        (["relay"], {"textual", "sqlite_utils", "docx", "typst"}),
        (["serve"], {"textual", "aiortc", "aioice", "av", "docx", "typst"}),
        (["console"], {"aiortc", "aioice", "av", "docx", "typst"}),
        (["minutes"], {"textual", "aiortc", "aioice", "av", "websockets"}),
        (["journal"], {"textual", "aiortc", "aioice", "av", "websockets"}),
        (["recording"], {"textual", "aiortc", "aioice", "av", "websockets"}),
    ],
    ids=lambda value: " ".join(value) or "giliran" if isinstance(value, list) else "",
)
def test_a_command_loads_only_its_own_room(command: list[str], strangers: set[str]):
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, *command, "--help"], capture_output=True, text=True, cwd=ROOT
    )
    assert run.returncode == 0, run.stderr
    loaded = json.loads(run.stdout.partition("MODULES")[2])
    assert "cyclopts" in loaded
    assert strangers & set(loaded) == set()
