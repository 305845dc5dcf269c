"""The minutes as a document: the meeting's state and journal, worded and put in order.

Rules of this file:
- Everything in the minutes is derived from events; nothing is invented. What nobody wrote down
  is said to be missing.
- Order is that of the official *notula*: head, A opening, B discussion in speaking order,
  C decisions, D follow-ups, E closing, signatures, errata, annexes (I attendance, II turns,
  III line check and connections, IV savings, V pictures).
- Every row of the roster is shown, also those that never came or dropped; counts add up to it.
- What was approved stays: later events add errata, and change nothing else.
- Printed durations are whole seconds and every printed total is the sum of what is printed.
- Text of people is cleaned once, here, of what no format can carry; each writer escapes it for
  its own format.

Pure: the latest journalled event is "now".
"""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

from console.meeting.fold import replay
from console.meeting.state import (
    HERE,
    Carried,
    FollowUp,
    Meeting,
    MinutesRecord,
    Note,
    Report,
    Site,
    Turn,
    card_key,
)
from console.minutes import wording
from console.minutes.brief import brief_of
from console.minutes.connections import connections_of
from console.minutes.form import (
    ATTENDANCE,
    AttendanceRow,
    Block,
    CorrectionRow,
    Counts,
    Earlier,
    FollowUpRow,
    Kop,
    Leaders,
    Minutes,
    ReportText,
    Signature,
    Style,
    TurnRow,
    clean,
    one_line,
)
from console.minutes.line_checks import line_checks_of
from console.minutes.savings import savings_of
from console.recording.cues import cues_of
from protocol import events as e
from protocol.events import Attendance, Recorded, Signatory
from protocol.recording import chapters

OPEN_FOLLOW_UP = "Belum selesai"
LATE_FOLLOW_UP = "Belum selesai, lewat tenggat"
DONE_FOLLOW_UP = "Selesai"
# Heads of a region, who have a letterhead with Garuda.
REGENT = re.compile(r"(wakil )?(bupati|gubernur|wali ?kota)\b", re.IGNORECASE)


def minutes_of(
    state: Meeting, recorded: list[Recorded], last_hash: str, style: Style | None = None
) -> Minutes:
    """The minutes of `state`, whose events are `recorded` and whose journal ends in `last_hash`.

    Works at any time of a meeting; a meeting not closed gives a draft.
    """
    return _Author(state, recorded, style or Style()).minutes(last_hash)


def _is_told(one: Recorded, record: MinutesRecord) -> bool:
    """False for what happened after the minutes were fixed: nothing after their approval, and what
    was said to be done from their submission on, changes them."""
    if record.approved_seq and one.seq > record.approved_seq:
        return False
    later = bool(record.submitted_seq) and one.seq > record.submitted_seq
    return not (later and isinstance(one.event, e.FollowUpClosed | e.FollowUpReopened))


class _Author:
    """Holds what every part of the document needs: the state, its clock and its zone."""

    def __init__(self, state: Meeting, recorded: list[Recorded], style: Style) -> None:
        self.record = state.minutes
        told = [r for r in recorded if _is_told(r, self.record)]
        if len(told) < len(recorded):
            last_seq, state = state.seq, replay(told)
            state = msgspec.structs.replace(state, seq=last_seq)
            recorded = told
        self.state = state
        self.plan = state.plan
        self.style = style
        self.recorded = recorded
        self.draft = state.phase != "closed"
        known = (recorded[-1].at if recorded else None, state.closed_at, state.opened_at)
        self.now = next((at for at in known if at is not None), 0)
        # Comings and goings after the closing are not the meeting's.
        closing = next((r.seq for r in recorded if isinstance(r.event, e.MeetingClosed)), None)
        held = [r for r in recorded if closing is None or r.seq <= closing]
        self.until_close = replay(held) if held else state
        self.held = held
        self.cues = cues_of(self.until_close, held)
        self.drops = self._count_drops(held)

    # -- time -----------------------------------------------------------------------------------

    def local(self, at: int) -> datetime:
        return wording.local(at, self.plan.utc_offset_minutes)

    def iso(self, at: int | None) -> str:
        return "" if at is None else self.local(at).isoformat(timespec="seconds")

    def clock(self, at: int | None) -> str:
        return wording.NOTHING if at is None else wording.clock(self.local(at))

    def at_clock(self, at: int) -> str:
        return wording.at_clock(self.local(at), one_line(self.plan.time_zone))

    # -- people ---------------------------------------------------------------------------------

    def office(self, site: Site) -> str:
        """`Camat Sungai Apit`: the office that speaks for the site, with the site's name."""
        entry = site.entry
        title, name = one_line(entry.title), one_line(entry.name) or one_line(entry.id)
        if site.id == self.state.chair:
            return title or one_line(self.plan.chair_person.office) or name
        if entry.kind == "kecamatan":
            title = title or "Camat"
            return title if name.casefold() in title.casefold() else f"{title} {name}"
        return title or name

    def speaker(self, site: Site) -> str:
        """The office, the officer, and the deputy who stood in."""
        words = self.office(site)
        officer, deputy = one_line(site.entry.officer), one_line(site.attendance_note)
        if officer:
            words += f", {officer}"
        if site.attendance == "represented":
            words += f", diwakili {deputy}" if deputy else ", diwakili"
        return words

    def speaker_of(self, site: str) -> str:
        return self.speaker(self.state.sites[site]) if site in self.state.sites else one_line(site)

    def office_of(self, site: str) -> str:
        return self.office(self.state.sites[site]) if site in self.state.sites else one_line(site)

    def guest(self, site: Site) -> str:
        parts = (site.entry.officer, site.entry.title, site.entry.name)
        return ", ".join(dict.fromkeys(one for p in parts if (one := one_line(p))))

    # -- the whole ------------------------------------------------------------------------------

    def minutes(self, last_hash: str) -> Minutes:
        state, plan = self.state, self.plan
        began = state.opened_at if state.opened_at is not None else state.convened_at
        day = None if began is None else self.local(began).date()
        turns = tuple(self.turn_row(turn) for turn in state.turns)
        spoken_s = sum(row.spoken_s for row in turns)
        kecamatan = [s for s in state.sites.values() if s.entry.kind == "kecamatan"]
        guests = [s for s in state.sites.values() if s.entry.kind == "guest"]
        counts = self.counts(kecamatan)
        chair = plan.chair_person
        date_words = "" if day is None else wording.long_date(day)
        discussion, decisions, follow_ups = self.discussion(), self.decisions(), self.follow_ups()
        title = self.style.title or plan.minutes.title
        return Minutes(
            format="giliran-minutes/1",
            meeting=one_line(state.id),
            draft=self.draft,
            as_of=self.as_of(),
            status=self.record.status,
            status_line=self.status_line(),
            mark="" if self.record.status in ("submitted", "approved") else "DRAF",
            seq=state.seq,
            hash=one_line(last_hash),
            hash_short=one_line(last_hash)[:12],
            proof=proof_of(one_line(state.id), state.seq, one_line(last_hash)),
            paper=self.style.paper or plan.minutes.paper,
            length_of=self.style.length,
            kop=self.kop(),
            letterhead=self.letterhead(),
            title=title.upper(),
            name=one_line(plan.title),
            number=one_line(plan.number),
            organisation=one_line(plan.organisation),
            date="" if day is None else day.isoformat(),
            day=wording.NOTHING if day is None else wording.day_and_date(day),
            called=wording.NOTHING
            if state.convened_at is None
            else self.at_clock(state.convened_at),
            time=self.time(),
            length=self.length(),
            place=one_line(plan.place) or wording.NOTHING,
            agenda=self.agenda(),
            leaders=Leaders(
                chair=_person(chair),
                deputy=_person(plan.deputy),
                secretary=_person(plan.secretary),
                note_taker=_person(plan.note_taker),
            ),
            participants=_participants(counts),
            counts=counts,
            guests=tuple(self.guest(s) for s in guests),
            opening=self.opening(),
            discussion=discussion,
            directions=self.general("direction"),
            notes=(*self.general("note"), *self.recording()),
            silent=self.silent(),
            decisions=decisions,
            follow_ups=follow_ups,
            earlier_follow_ups=self.earlier_follow_ups(),
            closing=self.closing(),
            place_and_date=", ".join(p for p in (one_line(plan.city), date_words) if p),
            note_taker=_signature(plan.note_taker),
            chair=_signature(chair),
            attendance=tuple(
                self.attendance_row(number, site)
                for number, site in enumerate(self.roster_order(), 1)
            ),
            turns=turns,
            total_spoken=wording.duration(spoken_s),
            total_spoken_s=spoken_s,
            line_checks=line_checks_of(self.state.lines, self.roster_order(), self.clock, self.iso),
            connections=connections_of(self.held, self.roster_order(), self.state, self.clock),
            savings=savings_of(plan.travel, self.roster_order(), self.state.chair),
            pictures=tuple(one_line(caption) for caption in self.style.pictures),
            corrections=self.corrections(),
            brief=brief_of(
                discussion, decisions, follow_ups, lambda iso: wording.clock(_parsed(iso))
            ),
        )

    # -- head -----------------------------------------------------------------------------------

    def kop(self) -> Kop:
        chosen = self.style.letterhead or self.plan.minutes.letterhead
        if chosen != "auto":
            return chosen
        return "regent" if REGENT.match(one_line(self.plan.chair_person.office)) else "agency"

    def letterhead(self) -> tuple[str, ...]:
        if self.kop() == "regent":
            own = tuple(one for line in self.plan.regent_letterhead if (one := one_line(line)))
            office = one_line(self.plan.chair_person.office)
            return own or ((office.upper(),) if office else ())
        lines = tuple(one for line in self.plan.letterhead if (one := one_line(line)))
        organisation = one_line(self.plan.organisation)
        return lines or ((organisation.upper(),) if organisation else ())

    def as_of(self) -> str:
        if not self.draft or not self.recorded:
            return ""
        return (
            f"keadaan {wording.long_date(self.local(self.now).date())} "
            f"{self.at_clock(self.now)}, rapat belum ditutup"
        )

    def status_line(self) -> str:
        record = self.record
        when = ""
        if record.at is not None:
            when = f" {wording.long_date(self.local(record.at).date())} {self.at_clock(record.at)}"
        by = f" oleh {one_line(record.by)}" if one_line(record.by) else ""
        match record.status:
            case "submitted":
                return f"Diajukan{when}{by}"
            case "approved":
                errata = f", dengan {len(record.corrections)} ralat" if record.corrections else ""
                return f"Disahkan{when}{by}{errata}"
            case "returned":
                return f"Draf, dikembalikan{when}{by}: {one_line(record.reason)}"
        return f"Draf, {self.as_of()}" if self.draft else "Draf, belum diajukan"

    def corrections(self) -> tuple[CorrectionRow, ...]:
        return tuple(
            CorrectionRow(
                number=number,
                part=one_line(one.part) or wording.NOTHING,
                was=one_line(one.was),
                text=one_line(one.text),
                reason=one_line(one.reason),
                when=f"{wording.long_date(self.local(one.at).date())} {self.at_clock(one.at)}",
                by=one_line(one.by) or wording.NOTHING,
                at=self.iso(one.at),
            )
            for number, one in enumerate(self.record.corrections, 1)
        )

    def time(self) -> str:
        opened, closed = self.state.opened_at, self.state.closed_at
        zone = one_line(self.plan.time_zone)
        if opened is None:
            return "belum dibuka"
        if closed is None:
            return f"sejak {self.at_clock(opened)}, masih berlangsung"
        return wording.clock_span(self.local(opened), self.local(closed), zone)

    def length(self) -> str:
        opened, closed = self.state.opened_at, self.state.closed_at
        if opened is None or closed is None:
            return ""
        return wording.duration(wording.seconds(closed - opened))

    def agenda(self) -> tuple[str, ...]:
        """As planned, *Penutup* last; without a plan the parts of the minutes themselves."""
        points = [one for point in self.plan.agenda if (one := one_line(point))]
        points = points or ["Pembukaan", "Pembahasan"]
        if points[-1].casefold().rstrip(".") != "penutup":
            points.append("Penutup")
        return tuple(points)

    def counts(self, sites: list[Site]) -> Counts:
        def having(attendance: Attendance) -> int:
            return sum(s.attendance == attendance for s in sites)

        return Counts(
            expected=len(sites),
            present=having("present"),
            late=having("late"),
            represented=having("represented"),
            excused=having("excused"),
            absent=having("absent"),
            unmarked=having("unmarked"),
        )

    # -- what was said ----------------------------------------------------------------------------

    def opening(self) -> tuple[str, ...]:
        if self.state.opened_at is None:
            first = "Rapat belum dibuka."
        else:
            first = f"Rapat dibuka oleh {self.presiding()} {self.at_clock(self.state.opened_at)}."
        return (first, *self.texts(n for n in self.state.notes if n.kind == "opening"))

    def closing(self) -> tuple[str, ...]:
        said = self.texts(n for n in self.state.notes if n.kind == "closing")
        if self.draft or self.state.closed_at is None:
            return (*said, "Rapat belum ditutup.")
        last = f"Rapat ditutup oleh {self.presiding()} {self.at_clock(self.state.closed_at)}"
        last += f" setelah berlangsung {self.length()}." if self.length() else "."
        missing = self.state.reports_missing()
        if not missing:
            return (*said, last)
        names = _and([self.office_of(site) for site in missing])
        return (*said, last, f"Sampai rapat ditutup belum ada laporan tertulis dari {names}.")

    def presiding(self) -> str:
        return one_line(self.plan.chair_person.office) or "pimpinan rapat"

    def texts(self, notes: Iterable[Note]) -> tuple[str, ...]:
        return tuple(line for note in notes for line in clean(note.text))

    def discussion(self) -> tuple[Block, ...]:
        """A block a turn in speaking order; a report of a site without a turn takes its place by
        the time it was written down. What was noted on a site goes to its turn of that time."""
        state = self.state
        starts: list[tuple[int, str, int | None]] = [
            (turn.granted_at, turn.site, turn.number) for turn in state.turns
        ]
        with_turn = {turn.site for turn in state.turns}
        outside: dict[str, int] = {}
        for report in state.reports:
            if self.home(report) is None:
                outside.setdefault(report.site, report.at)
        for note in state.notes:
            if note.kind in ("direction", "note") and self.about(note) and not self.turn_at(note):
                outside[self.about(note)] = min(note.at, outside.get(self.about(note), note.at))
        for one in state.sites.values():
            if self.unsaved(one.id) and one.id not in with_turn:
                outside.setdefault(one.id, self.now)
        starts += [(at, site, None) for site, at in outside.items()]
        starts.sort(key=lambda s: (s[0], s[2] or 0))
        seen: set[str] = set()
        blocks = []
        for number, (at, site, turn) in enumerate(starts, 1):
            blocks.append(self.block(number, at, site, turn, again=site in seen))
            seen.add(site)
        return tuple(blocks)

    def block(self, number: int, at: int, site: str, turn_number: int | None, again: bool) -> Block:
        state = self.state
        turn = state.turn(turn_number) if turn_number is not None else None
        reports = [
            self.report(r) for r in state.reports if r.site == site and self.home(r) == turn_number
        ]
        last = max((t.number for t in state.turns if t.site == site), default=None)
        drafted = self.unsaved(site)
        if drafted and turn_number == last:
            reports.append(ReportText("", "", drafted, (), unsaved=True))
        speaker = self.speaker_of(site) + (" (lanjutan)" if again and turn else "")
        detail = self.detail(turn) if turn else f"di luar giliran, {self.at_clock(at)}"
        notes = [n for n in state.notes if self.about(n) == site and self.turn_at(n) == turn_number]
        return Block(
            number=number,
            site=site,
            turn=turn_number,
            speaker=speaker,
            detail=detail,
            heading=f"{speaker} ({detail})",
            starts_at=self.iso(at),
            topics=tuple(dict.fromkeys(topic for r in reports for topic in r.topics)),
            reports=tuple(reports),
            directions=self.texts(n for n in notes if n.kind == "direction"),
            notes=(
                *self.texts(n for n in notes if n.kind == "note"),
                *self.chapters_of(turn_number),
            ),
        )

    def unsaved(self, site: str) -> tuple[str, ...]:
        """What was typed in a site's report card and not saved."""
        if site not in self.state.sites:
            return ()
        card = self.state.drafts.get(card_key(site), {})
        lines = [*clean(self.state.sites[site].draft)]
        names = {"direction": "Arahan", "decision": "Keputusan"}
        for name, title in names.items():
            if said := one_line(card.get(name, "")):
                lines.append(f"{title}: {said}")
        lines += [
            f"Tindak lanjut: {said}"
            for n, text in card.items()
            if n.startswith("what") and (said := one_line(text))
        ]
        return tuple(lines)

    def home(self, report: Report) -> int | None:
        """The turn a report is printed under; None outside a turn."""
        turn = self.state.turn(report.turn or 0)
        return turn.number if turn is not None and turn.site == report.site else None

    def about(self, note: Note) -> str:
        """The site a note is about; empty for all of them, as are notes on the chair."""
        return "" if note.site in (None, self.state.chair) else note.site or ""

    def turn_at(self, note: Note) -> int | None:
        """The turn of the note's site it belongs to: the last begun by then, else its first."""
        turns = [t for t in self.state.turns if t.site == self.about(note)]
        before = [t.number for t in turns if t.granted_at <= note.at]
        return before[-1] if before else (turns[0].number if turns else None)

    def detail(self, turn: Turn) -> str:
        row = self.turn_row(turn)
        words = f"{self.at_clock(turn.granted_at)}, {row.spoken}"
        gap = self.interruption(turn)
        return f"{words}; {gap}" if gap else words

    def interruption(self, turn: Turn) -> str:
        """`terputus 18 detik`, and what became of a turn that was not taken up again."""
        words = []
        if away_s := wording.seconds(turn.away_ms):
            often = f"terputus {turn.drops} kali, " if turn.drops > 1 else "terputus "
            words.append(often + wording.duration(away_s))
        elif turn.drops and turn.status != "lost":
            words.append("terputus sesaat")
        if turn.status == "suspended":
            words.append("giliran tidak dilanjutkan")
        elif turn.status == "lost":
            words.append("sambungan sedang terputus")
        return "; ".join(words)

    def report(self, report: Report) -> ReportText:
        *old, latest = report.wordings
        earlier = []
        for was, after in zip(report.wordings, report.wordings[1:], strict=False):
            earlier.append(
                Earlier(
                    heading=f"Semula ({self.at_clock(was.at)})",
                    written_at=self.iso(was.at),
                    replaced_at=self.iso(after.at),
                    paragraphs=clean(was.text) or (wording.NOTHING,),
                    topics=_topics(was.tags),
                )
            )
        return ReportText(
            id=one_line(report.id),
            written_at=self.iso(report.at),
            paragraphs=clean(report.text) or (wording.NOTHING,),
            topics=_topics(report.tags),
            amended=f"Diubah {self.at_clock(latest.at)}" if old else "",
            earlier=tuple(earlier),
        )

    def general(self, kind: Literal["direction", "note"]) -> tuple[str, ...]:
        """What was directed or noted of no site in particular."""
        return self.texts(n for n in self.state.notes if n.kind == kind and not self.about(n))

    def recording(self) -> tuple[str, ...]:
        """Where the recording is, if there is one."""
        if not self.cues.recorded:
            return ()
        length = wording.place(self.cues.length_ms)
        pauses = len(self.cues.recorded) - 1
        paused = f", dijeda {pauses} kali" if pauses else ""
        return (f"Rapat direkam: berkas {self.cues.name}.mkv, lama {length}{paused}.",)

    def chapters_of(self, turn: int | None) -> tuple[str, ...]:
        """Where in the recording a turn is."""
        found = [one for one in chapters(self.cues) if turn is not None and one.turn == turn]
        places = ", ".join(wording.place(one.began_ms) for one in found)
        return (f"Rekaman: {self.cues.name}.mkv, bab mulai {places}.",) if found else ()

    def silent(self) -> tuple[str, ...]:
        spoke = {turn.site for turn in self.state.turns}
        return tuple(
            f"{self.office(s)} ({ATTENDANCE[s.attendance].lower()})"
            for s in self.roster_order()
            if s.id != self.state.chair
            and s.entry.kind == "kecamatan"
            and s.id not in spoke
            and not self.state.has_reported(s.id)
        )

    def decisions(self) -> tuple[str, ...]:
        return tuple(
            one_line(note.text) + (f" ({self.office_of(note.site)})" if note.site else "")
            for note in self.state.notes
            if note.kind == "decision" and clean(note.text)
        )

    def follow_ups(self) -> tuple[FollowUpRow, ...]:
        return tuple(
            self._follow_up(
                number, one, OPEN_FOLLOW_UP if one.closed_at is None else DONE_FOLLOW_UP, one.how
            )
            for number, one in enumerate(self.state.follow_ups, 1)
        )

    def earlier_follow_ups(self) -> tuple[FollowUpRow, ...]:
        """What meetings before left to be done: what was closed in this one first."""
        carried = sorted(self.state.carried, key=lambda one: one.closed_at is None)
        rows = []
        for number, one in enumerate(carried, 1):
            row = self._follow_up(number, one.entry, self.earlier_status(one), one.how)
            noted = wording.long_date(self.local(one.entry.at).date())
            rows.append(msgspec.structs.replace(row, origin=f"rapat {noted}"))
        return tuple(rows)

    def _follow_up(
        self, number: int, one: FollowUp | e.CarriedFollowUp, status: str, how: str
    ) -> FollowUpRow:
        office = self.office_of(one.site) if one.site else wording.NOTHING
        return FollowUpRow(
            number=number,
            text=one_line(one.text),
            owner=one_line(one.owner) or office,
            due=wording.due_date(one_line(one.due)) or wording.NOTHING,
            due_on=one_line(one.due),
            status=status,
            site=one.site or "",
            done=status == DONE_FOLLOW_UP,
            how=one_line(how),
        )

    def earlier_status(self, one: Carried) -> str:
        """Done in this meeting, open, or open beyond its date on the day of this meeting."""
        if one.closed_at is not None:
            return DONE_FOLLOW_UP
        day = self.local(self.state.opened_at or self.now).date().isoformat()
        return LATE_FOLLOW_UP if one.entry.due and one.entry.due < day else OPEN_FOLLOW_UP

    # -- annexes --------------------------------------------------------------------------------

    def roster_order(self) -> list[Site]:
        """The hall first, then kecamatan by their position, guests last."""
        rank = {"hall": 0, "kecamatan": 1, "guest": 2}
        sites = self.state.sites.values()
        return sorted(sites, key=lambda s: (rank[s.entry.kind], s.entry.position))

    def attendance_row(self, number: int, site: Site) -> AttendanceRow:
        then = self.until_close.sites.get(site.id, site)
        arrived, left = then.arrived_at, then.left_at
        if arrived is not None and left is None and not self.draft:
            left = self.state.closed_at
        presiding = site.id == self.state.chair
        name = one_line(site.entry.officer)
        if presiding and not name:
            name = one_line(self.plan.chair_person.name)
        drops = self.drops.get(site.id, 0)
        guest = site.entry.kind == "guest"  # comes when asked for, so is never late
        remark = ATTENDANCE["present" if guest and site.attendance == "late" else site.attendance]
        if note := one_line(site.attendance_note):
            remark += f" oleh {note}" if site.attendance == "represented" else f": {note}"
        if drops and site.attendance in HERE:
            remark += f"; terputus {drops} kali"
        return AttendanceRow(
            number=number,
            site=site.id,
            kind=site.entry.kind,
            name=name,
            office=self.office(site),
            place=one_line(site.entry.name),
            attendance=site.attendance,
            arrived=self.clock(arrived),
            left=self.clock(left),
            arrived_at=self.iso(arrived),
            left_at=self.iso(left),
            drops=drops,
            remark=remark,
        )

    def _count_drops(self, held: list[Recorded]) -> dict[str, int]:
        """How often each site's connection was lost while the meeting was open."""
        drops: dict[str, int] = {}
        opened = self.state.opened_at
        for one in held:
            if isinstance(one.event, e.SiteLeft) and opened is not None and one.at >= opened:
                drops[one.event.site] = drops.get(one.event.site, 0) + 1
        return drops

    def turn_row(self, turn: Turn) -> TurnRow:
        spoken_s = wording.seconds(turn.spoken_until(self.now))
        over_s = max(0, spoken_s - turn.allowance_s)
        ended = turn.ended_at if turn.status in ("ended", "suspended") else None
        remarks = [self.interruption(turn)]
        if over_s:
            remarks.append(f"lewat {wording.duration(over_s)}")
        if turn.status == "speaking":
            remarks.append("sedang berbicara")
        return TurnRow(
            number=turn.number,
            site=turn.site,
            speaker=self.speaker_of(turn.site),
            starts=self.clock(turn.granted_at),
            ends=self.clock(ended),
            starts_at=self.iso(turn.granted_at),
            ends_at=self.iso(ended),
            spoken=wording.duration(spoken_s),
            spoken_s=spoken_s,
            allowance=wording.duration(turn.allowance_s),
            allowance_s=turn.allowance_s,
            over_s=over_s,
            away_s=wording.seconds(turn.away_ms),
            drops=turn.drops,
            remark="; ".join(r for r in remarks if r) or wording.NOTHING,
        )


def proof_of(meeting: str, seq: int, digest: str) -> str:
    """The QR code's text, in the characters it has a short form for."""
    return f"GILIRAN:1:{meeting}:{seq}:{digest}".upper()


def _parsed(iso: str) -> datetime:
    return datetime.fromisoformat(iso)


def _topics(tags: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(one for tag in tags if (one := one_line(tag)))


def _person(who: Signatory) -> str:
    return ", ".join(one for p in (who.name, who.office) if (one := one_line(p))) or wording.NOTHING


def _signature(who: Signatory) -> Signature:
    return Signature(
        office=one_line(who.office),
        name=one_line(who.name),
        rank=one_line(who.rank),
        nip=one_line(who.nip),
    )


def _participants(counts: Counts) -> str:
    """`Hadir 13 · Diwakili 1 · Tidak hadir 0`; the numbers add up to the kecamatan invited."""
    here = f"Hadir {counts.present + counts.late}"
    if counts.late:
        here += f" (terlambat {counts.late})"
    parts = [here, f"Diwakili {counts.represented}"]
    if counts.excused:
        parts.append(f"Izin {counts.excused}")
    parts.append(f"Tidak hadir {counts.absent}")
    if counts.unmarked:
        parts.append(f"Belum dicatat {counts.unmarked}")
    return " · ".join(parts)


def _and(names: list[str]) -> str:
    """`A`, `A dan B`, `A, B, dan C`"""
    if len(names) < 3:
        return " dan ".join(names)
    return ", ".join(names[:-1]) + ", dan " + names[-1]
