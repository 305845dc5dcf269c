"""The parts of README.md that are made from the code: table of keys, table of commands.

`python -m console.pages` writes them between their markers; a test fails when they are stale.
"""

import inspect
from pathlib import Path

from cyclopts import App

from console.cli import app
from console.metrics import table as metrics_table
from console.tui.acts import key_table
from protocol.words import use_language

METRICS = Path(__file__).parent.parent / "docs" / "metrics.md"
ABOUT_METRICS = """# Metrics

`giliran serve --metrics 127.0.0.1:9470` tells these to Prometheus at `/metrics`; without it they
are told over the server's socket (`curl --unix-socket journal.sock http://localhost/metrics`).
Made by `make docs`.

"""
README = Path(__file__).parent.parent / "README.md"
ORDER = (
    "demo",
    "console",
    "web",
    "serve",
    "agent",
    "relay",
    "check",
    "minutes",
    "savings",
    "recording",
    "journal",
    "rehearse",
    "screenshot",
)


def command_table() -> str:
    """Every command with the first line of its help."""
    rows = ["| Command | What it does |", "|---|---|"]
    for name in ORDER:
        rows.append(f"| `giliran {name}` | {_first_line(app[name])} |")
    return "\n".join(rows) + "\n"


def _first_line(command: App) -> str:
    text = command.help or inspect.getdoc(command.default_command) or ""
    return text.strip().splitlines()[0]


def with_blocks(text: str) -> str:
    """A page with its generated blocks made anew."""
    use_language("en")
    for name, made in (("keys", key_table()), ("commands", command_table())):
        begin, end = f"<!-- {name}: made by `make docs` -->\n", f"<!-- end of {name} -->"
        before, _begin, rest = text.partition(begin)
        _old, _end, after = rest.partition(end)
        text = before + begin + made + end + after
    return text


def main() -> None:
    """Write the README's blocks and the list of metrics."""
    METRICS.write_text(ABOUT_METRICS + metrics_table(), encoding="utf-8")
    README.write_text(with_blocks(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
