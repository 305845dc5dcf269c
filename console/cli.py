"""`giliran`: sub-commands by name, each loaded when it is called.

Console and agent are strangers: `agent`, `relay` and `observe` are reached by name only, so that
`giliran serve` loads no media code and `giliran agent` no user interface.
"""

from importlib.metadata import version

from cyclopts import App

app = App(
    name="giliran",
    help=(
        "Call many remote offices in turn in one video meeting, from one keyboard.\n\n"
        "`giliran demo` shows everything on this machine; `giliran console` runs a meeting."
    ),
    version=lambda: version("giliran"),
)
app.command("console.commands.console:console", name="console")
app.command("console.commands.serve:serve", name="serve")
app.command("console.commands.demo:demo", name="demo")
app.command("console.commands.rehearse:rehearse", name="rehearse")
app.command("console.minutes.command:minutes", name="minutes")
app.command("console.commands.journal:app", name="journal")
app.command("console.commands.screenshot:screenshot", name="screenshot")
app.command("agent.site:main", name="agent")
app.command("agent.relay:main", name="relay")
app.command("agent.observe:main", name="observe", show=False)


def main() -> None:
    """Entry point of the command `giliran`."""
    app()


if __name__ == "__main__":
    main()
