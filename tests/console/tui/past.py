"""Earlier meetings in a real journal, for the screens that look back."""

from pathlib import Path

import msgspec

from console.archive import Archive
from console.journal import Journal
from console.meeting.decide import decide
from console.meeting.state import Meeting
from console.tui.stage import Stage
from protocol import commands as c
from tests.console.tui.seat import siak_plan

DAY_MS = 86_400_000
MEETINGS = (
    (
        "Rapat koordinasi camat se-Kabupaten Siak",
        90,
        (("siak", "Antrean KTP elektronik tinggal 42 orang. #layanan"),
         ("minas", "Lahan jalan tol: tiga warga belum sepakat, mediasi pekan depan. #tol"),
         ("kandis", "Satu titik panas di Telaga Sam-Sam padam dalam dua jam. #karhutla")),
        (("Pasang antena cadangan di kantor camat", "Diskominfo", "2018-12-15", "sungai-apit"),
         ("Mediasi ganti rugi lahan tol", "Camat Minas", "2019-01-31", "minas")),
    ),
    (
        "Rapat persiapan pemilu",
        30,
        (("tualang", "Gudang logistik siap, 214 TPS terdata. #pemilu"),
         ("dayun", "Relawan dilatih dua hari; daftar nama menyusul. #pemilu"),
         ("kandis", "Sinyal di tiga kampung lemah, radio RAPI disiapkan. #pemilu")),
        (("Kirim daftar relawan ke KPU", "Camat Dayun", "2019-02-06", "dayun"),
         ("Uji radio di tiga kampung", "Camat Kandis", "2019-02-11", "kandis"),
         ("Susun jadwal piket bersama", "Sekda", "", None)),
    ),
)  # fmt: skip


def past_meetings(folder: Path, stage: Stage) -> Archive:
    """A journal of two meetings before the one on the stage, and what is in that so far."""
    journal = Journal(folder / "journal.db")
    for number, (title, days, reports, follow_ups) in enumerate(MEETINGS):
        at = stage.journal[0].at - days * DAY_MS
        plan = msgspec.structs.replace(siak_plan(), title=title)
        state = Meeting()
        script: list[c.AnyCommand] = [c.ConveneMeeting(plan)]
        script += [c.NoteSiteJoined(entry.id) for entry in plan.sites]
        script.append(c.OpenMeeting())
        for site, text in reports:
            script += [c.GrantFloor(site), c.LogReport(site, text)]
        script += [c.AddFollowUp(*one) for one in follow_ups]
        script.append(c.CloseMeeting(force=True))
        for step, command in enumerate(script):
            at += 61_000
            made = decide(state, command, at, "", f"past-{number}-{step}")
            assert isinstance(made, list), made
            _rows, state = journal.append_now(state, f"past-{number}", at, "moderator", "", made)
    state = Meeting()
    for one in stage.journal:
        _rows, state = journal.append_now(
            state, one.meeting, one.at, one.actor, one.command, [one.event]
        )
    journal.close()
    return Archive(folder / "journal.db")
