"""The console: one screen on the meeting.

Everything it shows comes from its replica; everything it does is a command to the server.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from textual import on
from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding
from textual.command import CommandPalette
from textual.containers import Horizontal
from textual.events import DescendantFocus, Resize
from textual.filter import LineFilter
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, TextArea

from console.tui import phrases
from console.tui.acts import (
    ACTS,
    BY_ID,
    OBSERVED,
    ON_SELECTED,
    Hint,
    key_name,
    works_while_typing,
)
from console.tui.client import CLOSE_AGAIN_MS, Client, MakeLink, Redraw, wall_ms
from console.tui.desk import Desk
from console.tui.fields import MAX_HOW, Choice
from console.tui.floor import Floor
from console.tui.forms import DRAFT_AFTER_S, Form
from console.tui.glance import Glance
from console.tui.graphics import Painter, choose
from console.tui.help import HelpScreen
from console.tui.keybar import KeyBar
from console.tui.lifecycle import Step
from console.tui.log import Log
from console.tui.page import Page
from console.tui.plain import PlainFilter, is_plain
from console.tui.prompt import PromptLine
from console.tui.report import ReportForm
from console.tui.roster import Roster
from console.tui.screens.events import EventsPage
from console.tui.screens.follow_ups import FollowUpsPage
from console.tui.screens.line_check import LineCheckPage
from console.tui.screens.links import LinksPage
from console.tui.screens.meetings import MeetingsPage
from console.tui.screens.mosaic import MosaicPage
from console.tui.screens.prepare import PreparePage
from console.tui.screens.preview import PreviewPage
from console.tui.screens.reports import ReportsPage
from console.tui.screens.setup import CHOICES, SettingsPage
from console.tui.settings import Keep, Settings, keep, load, place
from console.tui.tasks import Tasks
from console.tui.themes import THEMES, fitting
from console.tui.topbar import TopBar
from protocol import commands as c
from protocol import messages as m
from protocol import queries as q
from protocol.link import Link
from protocol.words import _, use_language, word

TICK_S = 0.5
LOG_LINES = 5
Export = Callable[[str], list[Path]]
"""Writes the minutes of a meeting (by id); returns the files. Runs in a thread."""


ON_MEETING_SCREEN = frozenset({"attendance", "find", "report", "follow-up", "note", "banner"})
"""Acts whose form is on the meeting's screen."""
PAGES: dict[str, Callable[[Any], Page]] = {
    "mosaic": MosaicPage,
    "line-check": LineCheckPage,
    "meetings": MeetingsPage,
    "reports": ReportsPage,
    "follow-ups": FollowUpsPage,
    "preview": PreviewPage,
    "events": EventsPage,
    "links": LinksPage,
    "settings": SettingsPage,
    "prepare": PreparePage,
}
"""The page that an act of this id shows."""


class Console(Client, inherit_bindings=False):
    """The operator's screen."""

    CSS_PATH = "console.tcss"
    TITLE = "Giliran"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide"), (170, "-vast")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]
    BINDINGS = [
        Binding(
            key,
            f"act('{act.id}')",
            act.title,
            id=act.id if key == act.keys[0] else None,
            tooltip=act.help,
            show=False,
            priority=works_while_typing(key) and key != "escape",
        )
        for act in ACTS
        for key in act.keys
    ]

    def __init__(
        self,
        address: str,
        *,
        role: m.Role = "moderator",
        export: Export | None = None,
        clock: Callable[[], int] = wall_ms,
        link: MakeLink = Link,
        draft_after_s: float = DRAFT_AFTER_S,
        plain: bool = False,
        settings: Settings | None = None,
        keep: Keep | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(address, role, clock, link)
        self.address = address
        self.settings = settings or Settings()
        self._environment = environment or {}
        self.painter = Painter(self._to_terminal)
        self._keep = keep
        self._plain_terminal = plain
        self._page = ""
        self._export = export
        self.draft_after_s = draft_after_s
        self._found_from: str | None = None
        self._said_of = ""
        self._leaving = False
        self._replacing_until = 0
        for theme in THEMES.values():
            self.register_theme(theme)
        self.theme = THEMES[self.settings.theme or fitting(os.environ)].name

    @property
    def plain(self) -> bool:
        """Draw in ASCII."""
        wanted = self.settings.characters
        return self._plain_terminal if wanted == "auto" else wanted == "ascii"

    def _to_terminal(self, text: str) -> None:
        """What goes out beside the lines of the screen, in its order."""
        if self._driver is not None:
            self._driver.write(text)

    def _choose_pictures(self) -> None:
        kind = choose(self.settings.pictures, self._environment)
        if kind != self.painter.kind:
            self.painter.forget()
            self.painter.kind = kind

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our colours for themes that do not know them."""
        return THEMES["dark"].variables

    def get_line_filters(self) -> list[LineFilter]:
        """Plain ASCII where the terminal needs it."""
        return [*super().get_line_filters(), *([PlainFilter()] if self.plain else [])]

    def compose(self) -> ComposeResult:
        """One screen; nothing covers the floor."""
        yield TopBar()
        with Horizontal(id="upper"):
            yield Roster()
            yield Floor(self.plain)
        yield Desk(self.replica, self.kept, self.draft_after_s)
        yield PromptLine()
        yield KeyBar()

    def on_mount(self) -> None:
        """Connect."""
        self._choose_pictures()
        self.query_one(Glance).painter = self.painter
        self.query_one(Roster).focus()
        watching = self.role != "moderator"
        self.query_one(TopBar).watching = self.query_one(KeyBar).watching = watching
        self.query_one(Floor).watching = watching
        self.connect()
        self.set_interval(TICK_S, self._tick)

    def _tick(self) -> None:
        self.free_keys()
        self.post_message(Redraw())

    def next_for_keys(self) -> Widget:
        """A form that was opened and is not there yet will have the focus."""
        form = self._form()
        return form if form is not None and not form.is_mounted else super().next_for_keys()

    # -- drawing ---------------------------------------------------------------------------------

    def on_redraw(self) -> None:
        """Bring every part up to date; each draws only what differs."""
        if not self.is_running or not self.screen_stack:
            return
        screen = self.screen_stack[0]
        now = self.clock()
        roster = screen.query_one(Roster)
        sites = len(roster.rows)
        roster.show(self.replica.rows(now))
        if self.follow is not None:
            roster.select(self.follow)
            self.follow = None
        screen.set_class(not self.replica.link_up, "away")
        top = screen.query_one(TopBar)
        before = top.height_lines
        top.view = self.replica.top(now)
        screen.query_one(Floor).view = self.replica.floor(now)
        screen.query_one(Log).show()
        if (form := screen.query_one(Desk).form) is not None:
            form.redraw()
        typing = isinstance(self.focused, Input | TextArea | Choice)
        screen.query_one(KeyBar).shown = (self.replica.meeting.phase, typing)
        self._show_notice(screen, roster, now)
        if sites != len(roster.rows) or before != top.height_lines:
            self._lay_out()
        page = self.screen
        shown = page.watches if isinstance(page, Page) else "next"
        self.watch_sites(shown if self.settings.previews else "none")
        screen.query_one(Glance).show(self.replica, now, self.plain)
        if isinstance(page, Page):
            text, kind, until = self.notice
            page.redraw((text, kind) if now < until else ("", ""))

    def _show_notice(self, screen: Screen[Any], roster: Roster, now: int) -> None:
        text, kind, until = self.notice
        if now >= until:
            row = roster.rows[roster.cursor] if roster.rows else None
            text, kind = ("" if row is None else phrases.describe(row)), ""
            if hint := phrases.undo_hint(screen.query_one(Floor).view):
                text, kind = hint, "ask"
        line = screen.query_one(PromptLine)
        if (text, kind) != line.said:
            line.say(text, kind)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Other keys work in a field than outside: the key bar says so at once."""
        self.post_message(Redraw())

    def on_resize(self, event: Resize) -> None:
        """Share the height anew."""
        self.call_after_refresh(self._lay_out)

    def _lay_out(self) -> None:
        """The roster gets its rows, unless the form or the log would get too little."""
        screen = self.screen_stack[0]
        keys = 2 if self.size.height >= 30 else 1
        room = self.size.height - screen.query_one(TopBar).height_lines - 1 - keys
        form = screen.query_one(Desk).form
        below = LOG_LINES if form is None else form.lines
        wanted = max(len(screen.query_one(Roster).rows) + 1, room * 11 // 20)
        screen.query_one("#upper").styles.height = max(6, min(wanted, room - below))

    # -- acts ------------------------------------------------------------------------------------

    def action_act(self, act_id: str) -> None:
        """Do an act of the table."""
        act = BY_ID[act_id]
        page = self._top_page()
        if page is not None and act_id in page.takes:
            getattr(page, f"take_{act_id.replace('-', '_')}")()
            return
        if self.role != "moderator" and act_id not in OBSERVED:
            self.say(_("This console only watches."), "bad")
            return
        if page is not None and act_id in ON_SELECTED and not page.shows_sites:
            self.say(_("Go back to the meeting first (Esc): this concerns a site chosen there."))
            return
        if act_id in ON_MEETING_SCREEN:
            self._to_meeting()
        if act_id not in ("close", "help", "palette"):  # from where it may be done again
            self.closing_until = 0
        self._leaving = self._leaving and act_id == "detach"
        if act.does == "page":
            self._show_page(act_id)
            return
        if act.build is None:
            getattr(self, f"_do_{act.does}")()
            return
        built = act.build(self.replica, self._selected())
        if isinstance(built, Hint):
            self.say(built.text, "bad")
        else:
            self.issue(built)

    # -- pages -----------------------------------------------------------------------------------

    def _top_page(self) -> Page | None:
        return self.screen if isinstance(self.screen, Page) else None

    def _to_meeting(self) -> None:
        """Leave every page; what is typed there is kept."""
        while len(self.screen_stack) > 1:
            page = self._top_page()
            if page is not None and page.form is not None:
                self._keep_typed(page.form)
            self.pop_screen()

    def _keep_typed(self, form: Form) -> None:
        typed = form.typed()
        if typed:
            self.kept[form.key] = typed
        else:
            self.kept.pop(form.key, None)
        if form.unsafe is not None:
            self.issue(c.SaveDraft(form.key, typed))

    def _show_page(self, act_id: str) -> None:
        """The page of this act in the place of any other; the same again goes back."""
        if act_id == "prepare" and self.replica.meeting.phase != "planned":
            self.say(_("Only a meeting that is not open yet can be prepared."), "bad")
            return
        page = self._top_page()
        again = page is not None and self._page == act_id and isinstance(page, _class_of(act_id))
        self._to_meeting()
        if not again:
            self._page = act_id
            self.push_screen(PAGES[act_id](self))

    def _do_convene(self) -> None:
        self._convene(c.ConveneMeeting())

    def _do_copy_meeting(self) -> None:
        page = self._top_page()
        like = page.selected if isinstance(page, MeetingsPage) else ""
        self._convene(c.ConveneMeeting(like=like or "latest"))

    def _convene(self, command: c.ConveneMeeting) -> None:
        """A meeting that was prepared is not replaced by one key."""
        meeting, now = self.replica.meeting, self.clock()
        if meeting.phase == "planned" and meeting.prepared and now >= self._replacing_until:
            self._replacing_until = now + CLOSE_AGAIN_MS
            text = _("The prepared meeting “{title}” would be replaced. Press again to do it.")
            self.say(text.format(title=meeting.plan.title), "ask")
            return
        self._replacing_until = 0
        self.issue(command)
        if meeting.phase != "open":
            self._to_meeting()

    def take_settings(self, settings: Settings) -> None:
        """Use these settings and keep them."""
        language = settings.language != self.settings.language
        self.settings = settings
        self._choose_pictures()
        self.theme = THEMES[settings.theme or fitting(os.environ)].name
        if language:
            use_language(settings.language or None)
        if self._keep is not None:
            try:
                self._keep(settings)
            except OSError as error:
                self.say(_("The settings were not kept: {reason}").format(reason=error), "bad")
        for screen in self.screen_stack:
            for widget in screen.walk_children():
                widget.refresh()
        self.refresh()
        self.post_message(Redraw())

    def _selected(self) -> str | None:
        return self.screen_stack[0].query_one(Roster).selected

    def _subject(self) -> str | None:
        """Whose report: the site picked since the floor changed, the speaker, the last speaker."""
        meeting = self.replica.meeting
        selected = self._selected()
        if self.picked and selected != meeting.chair:
            return selected
        return meeting.holder or self.replica.last_speaker() or selected

    def _desk(self) -> Desk:
        return self.screen_stack[0].query_one(Desk)

    def _opened(self) -> None:
        self._lay_out()
        self.post_message(Redraw())

    def _do_report(self) -> None:
        site = self._subject()
        if site is None:
            self.say(_("Select a site first."), "bad")
            return
        self._desk().open_report(site, self.clock())
        self._opened()
        form = self._desk().form
        if isinstance(form, ReportForm):
            self.ask(q.ListPhrases(site), partial(self._know, form))

    def _know(self, form: ReportForm, found: q.Found | None, why: str) -> None:
        if isinstance(found, q.PhraseList):
            form.know(found.phrases, found.owners)

    def _do_follow_up(self) -> None:
        self._desk().open_follow_up(self._subject(), self.clock())
        self._opened()

    def _do_time(self) -> None:
        self._desk().open_time()
        self._opened()

    def _do_note(self) -> None:
        self._desk().open_note(self._subject())
        self._opened()

    def _do_attendance(self) -> None:
        site = self._selected()
        if site is not None:
            self._desk().open_attendance(site)
            self._opened()

    def _form(self) -> Form | None:
        """The form one works on: of the page, or of the meeting's screen."""
        page = self._top_page()
        return page.form if page is not None and page.holds_form else self._desk().form

    def _do_save(self) -> None:
        form = self._form()
        if form is not None:
            form.save()

    def _do_leave(self) -> None:
        form = self._form()
        if form is not None:
            form.leave()
        else:
            self.notice = ("", "", 0)
            self.post_message(Redraw())

    def _step(self, step: Step) -> None:
        """The form of a step of the minutes, below the minutes that are shown."""
        page = self._top_page()
        if not isinstance(page, PreviewPage):
            self._to_meeting()
            self._page = "preview"
            page = PAGES["preview"](self)
            assert isinstance(page, PreviewPage)
            self.push_screen(page)
        page.open_step(step)

    def _do_submit_minutes(self) -> None:
        self._step("submit")

    def _do_approve_minutes(self) -> None:
        self._step("approve")

    def _do_return_minutes(self) -> None:
        self._step("return")

    def _do_correct_minutes(self) -> None:
        self._step("correct")

    def _do_find(self) -> None:
        self._found_from = self._selected()
        self.query_one(PromptLine).ask("find", _("Find"))

    def _do_banner(self) -> None:
        self.query_one(PromptLine).ask(
            "banner", _("Announcement"), self.replica.meeting.banner, 500
        )

    def _do_close_meeting(self) -> None:
        now = self.clock()
        missing = self.replica.meeting.reports_missing()
        if now < self.closing_until:
            self.closing_until = 0
            self.issue(c.CloseMeeting(force=bool(missing)))
        elif self.replica.meeting.phase == "open" and not missing:
            self.closing_until = now + CLOSE_AGAIN_MS
            self.say(_("Close the meeting? Press c again to close it."), "ask")
        else:
            self.issue(c.CloseMeeting())

    def _do_export(self) -> None:
        page = self._top_page()
        chosen = page.meeting if isinstance(page, PreviewPage) else ""
        meeting = chosen or self.replica.meeting.id
        if self._export is None or not meeting:
            self.say(_("Nothing to export."), "bad")
            return
        self.say(_("Writing the minutes…"))
        work = partial(self._write_minutes, self._export, meeting)
        self.run_worker(work, group="export", exclusive=True, thread=True)

    def _write_minutes(self, export: Export, meeting: str) -> None:
        try:
            paths = export(meeting)
        except Exception as error:  # whatever a writer meets is for the operator to read
            text = _("The minutes were not written: {reason}").format(reason=error)
            self.call_from_thread(self._exported, text, False)
        else:
            names = ", ".join(str(path) for path in paths)
            self.call_from_thread(self._exported, _("Written: {files}").format(files=names), True)

    def _exported(self, text: str, good: bool) -> None:
        self.replica.remark(text, self.clock(), good=good)
        self.say(text, "good" if good else "bad")

    def _do_help(self) -> None:
        self.push_screen(HelpScreen())

    def _do_palette(self) -> None:
        if not any(isinstance(one, CommandPalette) for one in self.screen_stack):
            self.push_screen(CommandPalette(placeholder=_("Search for acts…")))

    def _do_detach(self) -> None:
        waiting = len(self.replica.pending)
        if waiting and not self.replica.link_up and not self._leaving:
            self._leaving = True
            text = _("{count} texts have not reached the server. Ctrl+Q again leaves all the same.")
            self.say(text.format(count=waiting), "ask")
            return
        self.painter.forget()
        self.exit()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Every act, by name."""
        for act in ACTS:
            if act.id != "palette":
                key = next(key_name(k) for k in act.keys if "bracket" not in k)
                title = f"{word(act.title)} · {key}"
                yield SystemCommand(title, word(act.help), partial(self.action_act, act.id))
        for name, theme in THEMES.items():
            if theme.name != self.theme:
                title = next(t for v, t in CHOICES[0].values if v == name)
                chosen = msgspec.structs.replace(self.settings, theme=name)
                yield SystemCommand(
                    _("Colours: {theme}").format(theme=word(title)),
                    _("Change the colours."),
                    partial(self.take_settings, chosen),
                )

    # -- what the parts say ----------------------------------------------------------------------

    @on(Roster.Picked)
    def _roster_picked(self, event: Roster.Picked) -> None:
        self.action_act(event.act)

    @on(Roster.Moved)
    def _roster_moved(self) -> None:
        self.picked = True
        self.post_message(Redraw())

    @on(Form.Wrote)
    def _form_wrote(self, event: Form.Wrote) -> None:
        typed = event.form.typed()
        if typed:
            self.kept[event.form.key] = typed
        for command in event.commands:
            self.issue(command, event.form.key)
        self._close_form(event.form)

    @on(Form.Left)
    def _form_left(self, event: Form.Left) -> None:
        self._keep_typed(event.form)
        self._close_form(event.form)

    def _close_form(self, form: Form) -> None:
        desk, page = self._desk(), self._top_page()
        if page is not None and page.form is form:
            page.close_form()
        elif desk.form is form:
            desk.close()
            self.query_one(Roster).focus()
        self._opened()

    @on(Form.Drafted)
    def _form_drafted(self, event: Form.Drafted) -> None:
        self.issue(c.SaveDraft(event.key, event.fields))

    @on(ReportForm.Marked)
    def _follow_up_marked(self, event: ReportForm.Marked) -> None:
        ident = event.task.id
        if event.ask:
            self._said_of = ident
            prompt = self.query_one(PromptLine)
            prompt.ask("done", _("How was it done?"), event.task.how, MAX_HOW)
        else:
            self.issue(c.ReopenFollowUp(ident) if event.task.done else c.CloseFollowUp(ident))

    @on(PromptLine.Typed)
    def _prompt_typed(self, event: PromptLine.Typed) -> None:
        if event.what != "find":
            return
        home = self.screen_stack[0]
        if site := phrases.find(self.replica, event.text):
            self.picked = True
            home.query_one(Roster).select(site)
        elif event.text.strip():
            home.query_one(PromptLine).complain(_("no site begins like this"))

    @on(PromptLine.Answered)
    def _prompt_answered(self, event: PromptLine.Answered) -> None:
        home, form = self.screen_stack[0], self._desk().form
        roster = home.query_one(Roster)
        if home.focused not in (None, home.query_one("#field-answer")):
            pass  # one went on elsewhere
        elif event.what == "done" and form is not None:
            form.query_one(Tasks).focus()
        else:
            roster.focus()
        if event.what == "find" and event.text is None and self._found_from:
            roster.select(self._found_from)
        elif event.what == "banner" and event.text is not None:
            self.issue(c.SetBanner(event.text))
        elif event.what == "done" and event.text is not None:
            self.issue(c.CloseFollowUp(self._said_of, event.text.strip()))
        self.post_message(Redraw())


def _class_of(act_id: str) -> type:
    made = PAGES[act_id]
    assert isinstance(made, type)
    return made


def run(
    address: str,
    role: m.Role = "moderator",
    lang: str | None = None,
    export: Export | None = None,
) -> int:
    """Show the console on `address` (`unix:/path` or `ws://host:port`) until it is detached.

    `lang` is `id`, `en` or None for the locale's; `export` writes the minutes of a meeting.
    Returns the exit code: not 0 when the console failed.
    """
    path = place()
    settings = load(path)
    use_language(lang or settings.language or None)
    console = Console(
        address,
        role=role,
        export=export,
        plain=is_plain(os.environ),
        settings=settings,
        keep=partial(keep, path),
        environment=os.environ,
    )
    console.run()
    return console.return_code or 0
