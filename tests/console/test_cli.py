"""The command `giliran`: its help, its version, and what a mistake is told."""

import os
import subprocess
import sys
from importlib.metadata import version

import pytest

from console.cli import INNER


def giliran(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "console.cli", *arguments]
    environ = {**os.environ, "LC_ALL": "C.UTF-8", **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environ)


def test_the_help_names_every_command_but_the_inner_ones():
    shown = giliran("--help").stdout
    for name in (
        "console",
        "serve",
        "demo",
        "rehearse",
        "minutes",
        "savings",
        "journal",
        "agent",
        "relay",
    ):
        assert f" {name} " in shown
    assert not [name for name in INNER if f"`{name}`" in shown or f" {name} " in shown]


def test_the_version_is_that_of_the_distribution():
    assert giliran("--version").stdout.strip() == version("giliran")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["sreve"], "sreve"),
        (["serve", "--prot", "1"], "--port"),
        (["serve", "--port", "many"], "many"),
        (["agent"], "--site"),
        (["minutes", "--format", "odt"], "odt"),
    ],
)
def test_a_mistake_is_told_and_ends_with_a_code_that_is_not_0(arguments, told):
    run = giliran(*arguments)
    assert run.returncode != 0
    assert told in run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr


def test_the_language_of_every_command_is_that_of_the_system():
    told = giliran("minutes", "--format", "odt", LC_ALL="id_ID.UTF-8").stderr
    assert "Tidak ada format 'odt'" in told
