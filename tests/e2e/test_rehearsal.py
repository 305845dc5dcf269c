"""Whole meetings of real processes, observed at the sites. Figures of speed are printed and
belong to `giliran rehearse`; asserted is what must hold on any machine."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import msgspec
import pytest

from agent.observe import observe
from console.rehearsal.casting import cast, write_roster
from console.rehearsal.director import Director
from console.rehearsal.links import LinkPlan
from console.rehearsal.rehearsal import Options, Rehearsal, parse_cut, parse_kill
from console.rehearsal.result import Result
from console.rehearsal.stage import Stage
from protocol import commands as c

pytestmark = [pytest.mark.realtime, pytest.mark.timeout(240)]
GIVEN_UP_S = 15


def rehearse(folder: Path, **options: object) -> Result:
    return rehearsed(folder, **options)[1]


def rehearsed(folder: Path, **options: object) -> tuple[Rehearsal, Result]:
    said: list[str] = []
    one = Rehearsal(Options(**options), said.append)  # type: ignore[arg-type]
    result = asyncio.run(one.run(folder))
    print("\n".join(said))
    print(msgspec.json.encode(result).decode())
    return one, result


def test_every_site_is_heard_in_its_turn_and_nobody_else(tmp_path: Path) -> None:
    result = rehearse(tmp_path, sites=3, turn_s=2.5)
    assert result.why == []
    assert result.called == 3
    # Three turns, each heard and seen at the three other sites.
    assert (result.switch.sound_ms.n, result.switch.sound_ms.missing) == (9, 0)
    assert (result.switch.picture_ms.n, result.switch.picture_ms.missing) == (9, 0)
    assert (result.switch.wrong_pictures, result.switch.torn_pictures) == (0, 0)
    assert (result.leaks.samples, result.leaks.packets) == (0, 0)
    assert result.events.acknowledged == 3 + 3 + 3  # calls, reports; open, end, close
    assert result.events.lost == 0
    assert result.events.chain_ok
    assert result.recording is not None and result.recording.ok
    assert (result.recording.chapters, result.recording.segments) == (3 + 2, 1)
    assert {use.name for use in result.processes} >= {"server", "relay", "bandar-siak", "siak"}


def test_the_floor_moves_at_random_over_bad_links_without_a_wrong_or_torn_picture(
    tmp_path: Path,
) -> None:
    result = rehearse(
        tmp_path, sites=3, turn_s=3.5, switches=5, seed=5, impair="loss=10%,rtt=80ms,seed=5",
        video="640x360@10",
    )  # fmt: skip
    # Each switch at the three other sites, by the stamps in the pictures.
    assert (result.switch.wrong_pictures, result.switch.torn_pictures) == (0, 0)
    assert (result.switch.sound_ms.n, result.leaks.packets) == (15, 0)
    if not result.starved:  # a process that gets no processor for long has no picture to show
        assert (result.switch.picture_ms.n, result.switch.picture_ms.missing) == (15, 0)
        assert result.leaks.samples == 0


def test_on_a_link_that_is_thin_for_a_while_pictures_go_in_steps_and_come_back(
    tmp_path: Path,
) -> None:
    plan = LinkPlan("bandar-siak", "rate=48k", at_s=3.0, for_s=5.0)
    result = rehearse(
        tmp_path, sites=1, turn_s=18.0, switches=1, links=(plan,), video="640x360@10"
    )  # fmt: skip
    assert (result.switch.wrong_pictures, result.switch.torn_pictures) == (0, 0)
    assert result.switch.sound_ms.missing == 0
    if not result.starved:
        seen = {one.site: [step.picture for step in one.steps] for one in result.pictures}
        assert seen["bandar-siak"] == ["high", "low", "none", "low", "high"]
        assert seen["siak"] == ["high"], "its link is good"
        (told,) = result.bad_links
        assert [step.picture for step in told.steps] == seen["bandar-siak"]
        assert told.back_s is not None and told.hears["during"].turns == 1


def test_a_tenth_of_the_packets_lost_leaves_no_hole(tmp_path: Path) -> None:
    result = rehearse(tmp_path, sites=2, turn_s=5.0, impair="loss=10%,seed=3", seed=3)
    assert result.why == []
    longest = [voice.longest_gap_ms for voice in result.voice.sites.values()]
    # A process that gets no processor plays nothing meanwhile.
    late_ms = max(one.late_ms for one in result.processes)
    allowed_ms = 100 + (late_ms if late_ms > 40 else 0)
    assert all(gap is not None and gap <= allowed_ms for gap in longest), (longest, late_ms)
    assert any(link.loss_percent > 0 for link in result.links)


def test_what_is_killed_comes_back(tmp_path: Path) -> None:
    """A speaker's agent, the server, the relay: one after the other, and the meeting goes on."""
    kills = [("siak", 3.5), ("server", 10.0), ("relay", 13.0)]
    rehearsal, result = rehearsed(
        tmp_path, sites=3, turn_s=7.0, faults=tuple(parse_kill(f"{n}@{at}s") for n, at in kills)
    )
    assert result.why == []
    assert [fault.what for fault in result.faults] == ["kill siak", "kill server", "kill relay"]
    for fault in result.faults:
        assert fault.back_s is not None and fault.back_s < GIVEN_UP_S, fault
    assert result.recording is not None
    assert result.recording.torn == 1, "by the relay's end, and no other"
    assert result.recording.segments == 2
    assert result.events.lost == 0
    assert result.called == 3, "who was killed, who spoke without a server, and another afterwards"
    # The media went on while the server was dead, which took less time than this.
    _siak, server, _relay = result.faults
    assert server.sound_back_s == 0.0, "sound stopped when the server was killed"
    killed_at = rehearsal.script.opened_at + 10.0
    heard = observe(tmp_path)["bandar-siak"].intervals("sungai-apit")
    assert [one for one in heard if one[0] < killed_at and one[1] > killed_at + 2.5], heard


def test_a_cut_cable_heals(tmp_path: Path) -> None:
    result = rehearse(tmp_path, sites=2, turn_s=7.0, faults=(parse_cut("siak@3s+6s"),))
    (fault,) = result.faults
    assert fault.back_s is not None
    assert result.events.lost == 0
    assert result.called == 2
    # What was said while the cable was cut is in the recording all the same.
    assert result.recording is not None
    assert result.recording.sent_later_s > 2


def test_microphones_open_and_close_as_the_operator_says(tmp_path: Path) -> None:
    """Mute, unmute, mute all, promote, demote: what is heard at the hall is what was said."""
    asyncio.run(_microphones(tmp_path))


async def _microphones(folder: Path) -> None:
    plan = cast(3)
    roster = folder / "roster.toml"
    write_roster(plan, roster)

    def options(site: str, number: int, life: int) -> list[str]:
        sound, stamps = folder / f"{site}.wav", folder / f"{site}.stamps.jsonl"
        return ["--speaker", f"file:{sound}", "--display", f"stamps:{stamps}"]

    stage = Stage(folder, plan, roster, options, cables=False)
    director = Director(stage.address)
    numbers = {entry.id: number for number, entry in enumerate(plan.sites)}
    (folder / "sites.json").write_text(json.dumps(numbers))
    marks: list[tuple[float, set[str]]] = []
    loop = asyncio.get_running_loop()

    async def when_live(*live: str) -> None:
        """Wait until exactly these microphones report themselves open, then listen for 1.5 s."""
        expected = {"bandar-siak", *live}

        def settled() -> bool:
            actual = {
                site
                for site, status in director.status.items()
                if status.actual is not None and status.actual.microphone == "live"
            }
            return actual == expected

        assert await director.wait_for(settled, GIVEN_UP_S), (expected, director.status)
        marks.append((loop.time(), expected))
        await asyncio.sleep(1.5)

    async def do(command: object) -> None:
        answer = await director.do(command)  # type: ignore[arg-type]
        assert answer.refused is None, answer.refused

    try:
        await stage.start(print)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(director.run())
            wanted = set(numbers)
            assert await director.wait_for(lambda: wanted <= director.connected(), 30)
            # A push button at the site is wired to SIGUSR1.
            for is_up in (True, False):
                os.kill(stage.agents["minas"].pid, signal.SIGUSR1)
                hand = partial(_hand_is, director, "minas", is_up)
                assert await director.wait_for(hand, GIVEN_UP_S), is_up
            await do(c.OpenMeeting())
            await when_live()
            await do(c.GrantFloor("siak"))
            await when_live("siak")
            await do(c.Mute("siak"))
            await when_live()
            await do(c.Unmute("siak"))
            await do(c.Promote("minas"))
            await when_live("siak", "minas")
            await do(c.MuteAll())
            await when_live()
            await do(c.Unmute("minas"))
            await when_live("minas")
            await do(c.Demote("minas"))
            await when_live()
            await do(c.GrantFloor("sungai-apit"))
            await when_live("sungai-apit")
            await do(c.CloseMeeting(force=True))
            running.cancel()
    finally:
        await stage.stop()
    for site, listener in observe(folder).items():
        for at, live in marks:
            # The sound spoken before a change may still be on its way for half a second.
            heard = {
                speaker for speaker in numbers if listener.audible(speaker, at + 0.6, at + 1.4) > 0
            }
            assert heard == live - {site}, f"at {site}, {at - marks[0][0]:.1f} s"


def _hand_is(director: Director, site: str, is_up: bool) -> bool:
    return (director.state.sites[site].hand_at is not None) == is_up


def test_loopback_is_all_it_needs(tmp_path: Path) -> None:
    """In a network namespace of its own with nothing but `lo`."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("needs unshare and ip")
    probe = subprocess.run(["unshare", "-rn", "true"], capture_output=True)
    if probe.returncode != 0:
        pytest.skip("this machine allows no network namespaces")
    out = tmp_path / "out.json"
    giliran = f"{sys.executable} -m console.cli"
    command = f"ip link set lo up && exec {giliran} rehearse --sites 1 --turn 2s"
    run = subprocess.run(
        ["unshare", "-rn", "sh", "-c", f"{command} --json {out}"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    result = json.loads(out.read_text())
    assert result["ok"] is True
    assert result["switch"]["sound_ms"]["n"] == 1
