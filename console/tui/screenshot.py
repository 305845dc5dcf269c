"""A picture of the console in the middle of a lifelike meeting, for the README.

The meeting is played on a stage in this process: the shipped roster, the real rules, a clock that
stands still, so that the same release always draws the same picture.
"""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from console import roster
from console.tui.app import Console
from console.tui.stage import Stage
from protocol import commands as c
from protocol import events as e
from protocol import messages as m
from protocol.words import use_language

BEGIN = int(datetime(2019, 2, 6, 6, 21, 40, tzinfo=UTC).timestamp() * 1000)  # 13.21.40 WIB
SPOKEN = (
    ("siak", 96, "Pelayanan terpadu berjalan; antrean KTP elektronik tinggal 42 orang. #layanan"),
    ("sungai-apit", 161, "Dua titik panas di Tanjung Kuras padam; regu berjaga. #karhutla"),
    ("minas", 128, "Lahan jalan tol tersisa 1,2 hektare milik tiga warga. #tol"),
    ("tualang", 142, "214 TPS siap; logistik pemilu tiba Jumat. #pemilu"),
)


def lifelike(plan: e.MeetingPlan) -> Stage:
    """A stage on which four camat have reported and the fifth speaks."""
    stage = Stage(plan, BEGIN)
    sites = [entry.id for entry in plan.sites]
    for number, site in enumerate(sites):
        if site != "pusako":
            stage.join(site, level=47 + number * 7 % 13)
            stage.measure(site, rtt_ms=21.0 + number * 17 % 90, up_loss_percent=number % 3 * 0.4)
            stage.measure(site, mos=4.1 + number % 4 * 0.1)
            losses: dict[m.SlotName, float] = {"chair": 0.0, "floor": number % 3 * 0.4}
            stage.measure(site, slot_loss=losses | {"main": number % 4 * 1.1, "second": 0.0})
    stage.wait(180)
    stage.do(c.OpenMeeting())
    stage.do(c.MarkAttendance("dayun", "represented", "Sekcam"))
    stage.do(c.MarkAttendance("lubuk-dalam", "excused", "banjir"))
    stage.do(c.SetVoice("mempura", "clear"))
    stage.do(c.SetMedia("mempura", "audio-only"))
    stage.wait(150)
    for site, seconds, text in SPOKEN:
        stage.do(c.GrantFloor(site))
        stage.wait(seconds)
        stage.do(c.LogReport(site, text))
    stage.do(c.AddFollowUp("Evaluasi perangkat dan internet kecamatan", "Diskominfo", "2019-02-20"))
    stage.do(c.CallNext())
    stage.wait(64)
    stage.do(c.Promote("kandis"))
    stage.wait(9)
    for site in ("bunga-raya", "koto-gasib"):
        stage.do(c.RaiseHand(site), actor=f"site:{site}")
        stage.wait(8)
    stage.settle()
    stage.measure("sungai-mandau", level=17)
    stage.measure(stage.state.chair, level=58)
    stage.measure("kandis", level=47)
    stage.measure("mempura", up_loss_percent=6.0, rtt_ms=310.0, mos=3.4)
    stage.measure("mempura", slot_loss={"chair": 5.1, "floor": 6.4, "panel-1": 11.0})
    stage.wait(3)
    return stage


async def _draw(stage: Stage, size: tuple[int, int]) -> str:
    console = Console("stage", link=stage.link, clock=stage.clock)
    async with console.run_test(size=size) as pilot:
        await pilot.pause()
        await pilot.pause()
        return console.export_screenshot(title="giliran console")


def screenshot(path: Path, lang: str, size: tuple[int, int] = (120, 36)) -> None:
    """Write the picture (SVG) to `path`; raises OSError when it can't be written."""
    use_language(lang)
    plan = roster.load(roster.find("siak"))
    drawn = asyncio.run(_draw(lifelike(plan), size))
    # Not every viewer keeps the spaces that a line of the screen begins with unless told to.
    path.write_text(drawn.replace("<text ", '<text xml:space="preserve" '), encoding="utf-8")
