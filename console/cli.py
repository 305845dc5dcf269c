"""`giliran`: sub-commands by name, each loaded when it is called.

Console and agent are strangers: `agent`, `relay` and the measuring commands (`observe`, `score`,
`speech`, `baseline`) are reached by name only, so that `giliran serve` loads no media code and
`giliran agent` no user interface.
"""

from importlib.metadata import version

from cyclopts import App

from protocol.words import use_language

# Name → where it is, and its line in `giliran --help` (which must not load it).
COMMANDS = {
    "demo": ("console.commands.demo:demo", "Show a whole meeting on this machine."),
    "console": (
        "console.commands.console:console",
        "Run the operator's console; starts a server when none runs.",
    ),
    "web": ("console.commands.web:web", "Serve the console as a web page on this machine."),
    "serve": ("console.commands.serve:serve", "Run the meeting server in the foreground."),
    "agent": ("agent.site:main", "Run one site's media agent."),
    "check": (
        "console.commands.check:check",
        "Check the lines and devices of all sites, all at once.",
    ),
    "minutes": (
        "console.minutes.command:app",
        "Write the minutes of a meeting; submit, approve, return, correct them.",
    ),
    "recording": (
        "console.commands.recording:app",
        "List, finish, export and prune recordings of meetings.",
    ),
    "savings": (
        "console.commands.savings:savings",
        "Tell the travel that meetings by video saved.",
    ),
    "journal": ("console.commands.journal:app", "Verify the journal, list its meetings."),
    "rehearse": (
        "console.commands.rehearse:rehearse",
        "Run and measure a meeting of synthetic people.",
    ),
    "relay": ("agent.relay.process:main", "Run the media relay (the server starts one by itself)."),
    "screenshot": ("console.commands.screenshot:screenshot", "Draw a picture of the console."),
}

# What rehearsals, `giliran recording` and the server ask for by name.
INNER = {
    "observe": "agent.observe:main",
    "score": "agent.score:main",
    "speech": "agent.speech:main",
    "baseline": "agent.baseline:main",
    "film": "agent.recording.command:film",
    "check-film": "agent.recording.check:main",
    "convert-film": "agent.recording.command:convert",
}

HEAD = """Call many remote offices in turn in one video meeting, from one keyboard.

`giliran demo` shows everything on this machine; `giliran console` runs a meeting.

Commands (`giliran COMMAND --help` says more):
"""
HELP = HEAD + "".join(f"\n- `{name}` – {line}" for name, (_place, line) in COMMANDS.items())

app = App(name="giliran", help=HELP, help_format="markdown", version=lambda: version("giliran"))
for _name, (_place, _line) in COMMANDS.items():
    app.command(_place, name=_name, show=False)
for _name, _place in INNER.items():
    app.command(_place, name=_name, show=False)


def main() -> None:
    """Entry point of the command `giliran`; a command's own `--lang` comes after the locale."""
    use_language(None)
    app()


if __name__ == "__main__":
    main()
