"""Settings of this console, and what it is connected to."""

from importlib.metadata import version
from typing import NamedTuple

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from console.tui.listing import Column, Listing, Row
from console.tui.page import Host, Page, PageKeys
from console.tui.settings import Settings
from protocol.words import N_, _, word


class Choice(NamedTuple):
    """A setting: its name in `Settings`, its title, its values with their titles."""

    name: str
    title: str
    values: tuple[tuple[str | bool, str], ...]


CHOICES: tuple[Choice, ...] = (
    Choice(
        "theme",
        N_("Colours"),
        (
            ("", N_("theme|as the terminal needs it")),
            ("dark", N_("theme|dark")),
            ("light", N_("theme|light")),
            ("contrast", N_("theme|high contrast")),
            ("sixteen", N_("theme|the terminal's 16 colours")),
        ),
    ),
    Choice(
        "language",
        N_("Language"),
        (("", N_("language|of the system")), ("id", "Bahasa Indonesia"), ("en", "English")),
    ),
    Choice(
        "characters",
        N_("Characters"),
        (
            ("auto", N_("characters|as the terminal needs them")),
            ("unicode", "Unicode"),
            ("ascii", "ASCII"),
        ),
    ),
    Choice(
        "previews",
        N_("Small pictures of the sites"),
        ((True, N_("previews|on")), (False, N_("previews|off"))),
    ),
    Choice(
        "pictures",
        N_("Pictures drawn with"),
        (
            ("auto", N_("pictures|what the terminal has")),
            ("blocks", N_("pictures|half blocks")),
            ("kitty", N_("pictures|graphics as in kitty")),
        ),
    ),
)


class SettingsHost(Host):
    """What this page needs beyond the others."""

    settings: Settings
    address: str

    def take_settings(self, settings: Settings) -> None:
        """Use and keep them."""


class SettingsPage(Page):
    """Enter, left and right change the setting under the cursor; it is used and kept at once."""

    BINDINGS = [("left", "step(-1)"), ("right,space", "step(1)")]

    def __init__(self, host: SettingsHost) -> None:
        super().__init__(host)
        self.host: SettingsHost = host

    def heading(self) -> str:
        """The name of the page."""
        return _("SETTINGS")

    def hint(self) -> str:
        """Where times of the meeting are set."""
        return _("Title, agenda and times of the meeting: G in the meeting screen.")

    def keys(self) -> tuple[tuple[str, str, str], ...]:
        """Changing."""
        return (("← →", _("Change"), "screen.step(1)"),)

    def body(self) -> ComposeResult:
        """The settings, and below what this console is connected to."""
        columns = (
            Column(word(N_("column|Setting"))),
            Column(word(N_("column|Value"))),
            Column("", 0, from_width=100),
        )
        yield Listing(columns)
        yield Static(id="about")

    def on_mount(self) -> None:
        """Show what is set."""
        self.query_one(Listing).focus()
        self._show()

    def action_step(self, step: int) -> None:
        """The next value of the setting under the cursor."""
        choice = CHOICES[self.query_one(Listing).cursor]
        values = [value for value, _title in choice.values]
        at = values.index(getattr(self.host.settings, choice.name))
        changed = {choice.name: values[(at + step) % len(values)]}
        self.host.take_settings(msgspec.structs.replace(self.host.settings, **changed))
        self._show()

    @on(Listing.Chosen)
    def _chosen(self) -> None:
        self.action_step(1)

    def _show(self) -> None:
        listing = self.query_one(Listing)
        listing.show([self._row(choice) for choice in CHOICES])
        listing.styles.height = len(CHOICES) + 1
        self.label()
        self.query_one(PageKeys).refresh()

    def _row(self, choice: Choice) -> Row:
        value = getattr(self.host.settings, choice.name)
        title = next(title for one, title in choice.values if one == value)
        return Row(choice.name, ((_(choice.title), ""), (f"‹ {word(title)} ›", "accent"), ("", "")))

    def update_body(self, now: int) -> None:
        """Connections."""
        replica = self.host.replica
        facts = (
            (_("Server"), self.host.address),
            (_("Connection"), _("stands") if replica.link_up else _("is down")),
            (_("Relay"), _("runs") if replica.relay_up else _("is down")),
            (_("Consoles"), str(replica.consoles)),
            (_("Journal"), _("event {seq}").format(seq=replica.meeting.seq)),
            ("Giliran", version("giliran")),
        )
        wide = max(len(name) for name, _text in facts) + 2
        lines = [
            Content.assemble((f" {name.ljust(wide)}", "$dim"), (text, "$foreground"))
            for name, text in facts
        ]
        self.query_one("#about", Static).update(Content("\n").join(lines))
