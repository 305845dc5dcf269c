"""The line check: what every site's line, room and camera are worth, and what helps.

One row a site, also while it goes on; below, the selected site with all that is wrong, what helps
and its figures. `l` checks all, Enter the selected one; an observer sees what others check.
"""

from collections import Counter
from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from console import line_words as words
from console.meeting.state import CheckedLine
from console.tui.listing import Cell, Column, Listing, Row
from console.tui.page import Page
from console.tui.phrases import clock
from protocol import commands as c
from protocol.events import LineFigures, LineVerdict
from protocol.words import N_, _, word

STYLES: dict[LineVerdict, str] = {"good": "good", "fair": "warn", "poor": "bad"}
COLORS: dict[LineVerdict, str] = {"good": "$success", "fair": "$warning", "poor": "$error"}
BAR_CELLS = 15
DETAIL_SHARE, DETAIL_LINES = "40%", 12
DASH = (words.NOTHING, "dim")


class LineCheckPage(Page):
    """Begins a check by itself where none was made yet and the meeting is not open."""

    takes = ("line-check",)

    def body(self) -> ComposeResult:
        """The list, and the selected site in full."""
        with Vertical(id="listing-and-detail"):
            yield Listing(self.columns())
            with VerticalScroll(id="detail", can_focus=False) as detail:
                detail.styles.height = DETAIL_SHARE
                detail.styles.max_height = DETAIL_LINES
                yield Static(id="detail-text")

    def on_mount(self) -> None:
        """Arrows move in the list."""
        self.query_one(Listing).focus()
        meeting = self.host.replica.meeting
        is_new = meeting.phase == "planned" and not meeting.lines and meeting.check is None
        if is_new and self.host.role == "moderator":
            self.host.issue(c.CheckLines())

    # -- what can be done ------------------------------------------------------------------------

    def keys(self) -> tuple[tuple[str, str, str], ...]:
        """Checking all, checking one."""
        return (
            ("l", _("Check all/stop"), "screen.check"),
            ("Enter", _("Check this site"), "screen.check_one"),
        )

    def take_line_check(self) -> None:
        """`l` checks all sites, or stops the check that goes on."""
        self.action_check()

    def action_check(self) -> None:
        """All sites at once; again: no more."""
        is_on = self.host.replica.meeting.check is not None
        self.host.issue(c.StopLineCheck() if is_on else c.CheckLines())

    def action_check_one(self) -> None:
        """The site under the cursor once more."""
        site = self.query_one(Listing).selected
        if site:
            self.host.issue(c.CheckLines((site,)))

    @on(Listing.Chosen)
    def _chosen(self) -> None:
        self.action_check_one()

    @on(Listing.Moved)
    def _moved(self, event: Listing.Moved) -> None:
        self._show_detail(event.key)

    # -- what is seen ----------------------------------------------------------------------------

    def heading(self) -> str:
        """How far it is, or what came of it."""
        meeting = self.host.replica.meeting
        check, lines = meeting.check, meeting.lines
        if check is not None:
            done = len(check.sites) - len(check.waiting)
            filled = BAR_CELLS * done // max(1, len(check.sites))
            bar = "█" * filled + "─" * (BAR_CELLS - filled)
            at = self.host.replica.server_now(self.host.clock())
            text = _("{done} of {all} sites · {s} of at most {most} s").format(
                done=done,
                all=len(check.sites),
                s=max(0, at - check.began_at) // 1000,
                most=(check.until - check.began_at) // 1000,
            )
            return " · ".join((_("LINE CHECK"), bar, text))
        if not lines:
            return " · ".join((_("LINE CHECK"), _("not checked yet")))
        counts = Counter(one.verdict for one in lines.values())
        parts = [
            f"{words.SYMBOLS[one]} {words.verdict(one)} {counts[one]}" for one in words.VERDICTS
        ]
        when = clock(
            max(one.at for one in lines.values()),
            meeting.plan.utc_offset_minutes,
            seconds=False,
        )
        return " · ".join((_("LINE CHECK"), *parts, f"{when} {meeting.plan.time_zone}"))

    def hint(self) -> str:
        """What is heard of it, and what the arrows mean."""
        if self.host.replica.meeting.check is not None:
            return _("A soft tone sounds in each room. Calling a site ends the check.")
        return _("↑ from the site, ↓ to it (kbit/s); RTT and jitter in ms; levels in dB")

    def columns(self) -> Sequence[Column]:
        """Verdict and reason fit 80 cells; figures and what helps need more."""
        return (
            Column(word(N_("column|Site")), 15),
            Column(word(N_("column|Line")), 8),
            Column(word(N_("column|What is wrong"))),
            Column(word(N_("column|What helps")), from_width=160),
            Column(word(N_("column|Loss %")), 9, right=True),
            Column("RTT", 5, right=True),
            Column("Jitter", 6, right=True, from_width=110),
            Column("kbit↑", 6, right=True, from_width=110),
            Column("kbit↓", 6, right=True, from_width=110),
            Column(word(N_("column|Tone")), 5, right=True, from_width=120),
            Column(word(N_("column|Noise")), 6, right=True, from_width=120),
            Column(word(N_("column|Camera")), 9, from_width=120),
        )

    def update_body(self, now: int) -> None:
        """Something was found."""
        rows = [self._row(site) for site in self.host.replica.sites]
        listing = self.query_one(Listing)
        if tuple(rows) != listing.rows:
            listing.show(rows)
        self._show_detail(listing.selected)

    def _row(self, site: str) -> Row:
        meeting, name = self.host.replica.meeting, self.host.replica.name(site)
        one, check = meeting.lines.get(site), meeting.check
        if check is not None and site in check.waiting:
            wait = ("… " + _("checking"), "accent")
            return Row(site, ((name, "strong"), ("…", "accent"), wait, *[("", "")] * 9))
        if one is None:
            why = _("not checked: it is heard now") if meeting.is_live(site) else words.NOTHING
            return Row(site, ((name, "dim"), DASH, (why, "dim"), *[("", "")] * 9))
        style = STYLES[one.verdict]
        said = f"{words.SYMBOLS[one.verdict]} {words.verdict(one.verdict)}"
        is_well = one.verdict == "good"
        return Row(
            site,
            (
                (name, "strong"),
                (said, style),
                (words.reasons(one.faults, one.figures), "dim" if is_well else ""),
                (" ".join(words.remedies(one.faults)), "dim"),
                *_figures(one.figures),
            ),
        )

    def _show_detail(self, site: str) -> None:
        one = self.host.replica.meeting.lines.get(site)
        text = Content("") if one is None else detail(self.host.replica.name(site), one)
        label = self.query_one("#detail-text", Static)
        if getattr(label, "told", None) != text:
            label.told = text  # type: ignore[attr-defined]
            label.update(text)


def _figures(one: LineFigures) -> tuple[Cell, ...]:
    camera = words.named(words.CAMERA[one.camera])
    jitters = [ms for ms in (one.jitter_up_ms, one.jitter_down_ms) if ms is not None]
    up, down = (words.number(n, 0) for n in (one.loss_up_percent, one.loss_down_percent))
    loss = words.NOTHING if {up, down} == {words.NOTHING} else f"↑{up} ↓{down}"
    return (
        (loss, ""),
        (words.number(one.rtt_ms), ""),
        (words.number(max(jitters, default=None)), ""),
        (words.rate(one.up_kbps, one.burst_kbps), ""),
        (words.rate(one.down_kbps, one.burst_kbps), ""),
        (words.level(one.tone_dbov), ""),
        (words.level(one.noise_dbov), ""),
        (camera, ""),
    )


def detail(name: str, one: CheckedLine) -> Content:
    """A site in full: each fault with what helps, then every figure."""
    verdict = f"{words.SYMBOLS[one.verdict]} {words.verdict(one.verdict)}"
    lines = [Content.assemble((f"{name}  ", "bold"), (verdict, f"bold {COLORS[one.verdict]}"))]
    if not one.faults:
        lines.append(Content(words.reasons((), one.figures)))
    for helps in words.remedies(one.faults):
        alike = tuple(fault for fault in one.faults if words.what_helps(fault) == helps)
        wrong = words.reasons(alike, one.figures)
        lines.append(Content.assemble((f"{wrong}. ", "bold"), f"→ {helps}"))
    figures = figures_line(one.figures)
    if figures:
        lines.append(Content.styled(figures, "$dim"))
    return Content("\n").join(lines)


def figures_line(one: LineFigures) -> str:
    """All that was measured, in one line."""
    loss, rate = (one.loss_up_percent, one.loss_down_percent), (one.up_kbps, one.down_kbps)
    told = [
        (loss, _("loss {up} ↑ {down} ↓ %"), [words.number(n, 1) for n in loss]),
        ((one.rtt_ms,), "RTT {up} ms", [words.number(one.rtt_ms)]),
        (
            (one.jitter_up_ms, one.jitter_down_ms),
            "jitter {up} ↑ {down} ↓ ms",
            [words.number(one.jitter_up_ms), words.number(one.jitter_down_ms)],
        ),
        (rate, "{up} ↑ {down} ↓ kbit/s", [words.rate(n, one.burst_kbps) for n in rate]),
        ((one.tone_dbov,), _("tone {up} dB"), [words.level(one.tone_dbov)]),
        ((one.noise_dbov,), _("noise {up} dB"), [words.level(one.noise_dbov)]),
        ((one.clipped_percent,), _("cut off {up} %"), [words.number(one.clipped_percent, 1)]),
        ((one.clock_error_ms,), _("clock {up} ms"), [words.number(one.clock_error_ms)]),
        ((one.free_mb,), _("disk {up} MB"), [words.number(one.free_mb)]),
    ]
    parts = [
        form.format(up=texts[0], down=texts[-1])
        for values, form, texts in told
        if any(value is not None for value in values)
    ]
    if one.camera != "unknown":
        parts.append(_("camera {up}").format(up=words.named(words.CAMERA[one.camera])))
    return " · ".join([*parts, *filter(None, [one.version])])
