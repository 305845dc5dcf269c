"""A whole scripted meeting of real processes, measured at the sites.

Sound is recognised in what each site's speaker got, by correlation with the known waveform of
each synthetic person; pictures by the stamps read from what each site's display showed. Nothing
is inferred from what was sent.
"""

import asyncio
import json
import random
import re
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Literal

import msgspec

from console.journal import Journal
from console.recording.finish import RecordingError, finish
from console.rehearsal.casting import cast, write_roster
from console.rehearsal.director import Director, is_connected, wait_until_connected
from console.rehearsal.links import Clarity, LinkPlan, bad, less, others, usually, with_mos
from console.rehearsal.result import (
    Bad,
    Events,
    Fault,
    ForwardDelay,
    Leak,
    Leaks,
    LinkUse,
    Others,
    ProcessUse,
    Recorded,
    RelayUse,
    Result,
    Step,
    Steps,
    Switch,
    Voice,
    Voices,
    recorded,
    spread,
)
from console.rehearsal.stage import Stage, StageError, ask
from protocol import commands as c
from protocol.commands import ModeratorCommand

BACK_TIMEOUT_S = 30.0
CHAIR_ALONE_S = 2.0
LATE_MS = 150.0
MIN_TURN_S = 1.0
WAYS = ("uplink-out", "uplink-in", "downlink-out", "downlink-in")
TOPICS = ("#karhutla", "#jalan-tol", "#pemilu", "#layanan")


class FaultPlan(msgspec.Struct, frozen=True):
    """A fault to inject, `at_s` seconds after the meeting opened."""

    what: Literal["kill", "cut", "break"]
    name: str
    at_s: float
    for_s: float = 0.0
    way: str = ""

    def __str__(self) -> str:
        text = " ".join(filter(None, (self.what, self.name, self.way)))
        return text + (f" for {self.for_s:g} s" if self.for_s else "")


class Options(msgspec.Struct, frozen=True):
    """What is rehearsed; `impair` is the agents' `--impair` text, empty for a clean link.
    `switches`: the floor goes to and fro so often, at random by `seed`."""

    sites: int = 14
    turn_s: float = 10.0
    seed: int = 1
    impair: str = ""
    video: str = "320x180@10"
    faults: tuple[FaultPlan, ...] = ()
    roster: str = "siak"
    for_s: float = 0.0
    switches: int = 0
    links: tuple[LinkPlan, ...] = ()


class TurnTaken(msgspec.Struct):
    """One turn as the director ran it; monotonic seconds. `disturbed`: a fault was injected in
    it, so that its figures say how the fault was borne, not how fast the floor moves.
    `closed_at`: when the end of the turn was acknowledged; from then on nobody may hear it."""

    site: str
    at: float
    until: float
    closed_at: float = 0.0
    disturbed: bool = False


class Script(msgspec.Struct):
    """When things were asked for, on this machine's monotonic clock."""

    opened_at: float = 0.0
    closed_at: float = 0.0
    turns: list[TurnTaken] = msgspec.field(default_factory=list)


def parse_seconds(text: str) -> float:
    """`4s`, `4`, `45m` or `500ms` in seconds. Raises ValueError."""
    fitting = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|min|)", text.strip())
    if fitting is None:
        raise ValueError(f"{text!r}: expected a time such as 4s or 500ms")
    return float(fitting[1]) * {"ms": 0.001, "m": 60.0, "min": 60.0}.get(fitting[2], 1.0)


def parse_kill(text: str) -> FaultPlan:
    """`relay@20s`. Raises ValueError."""
    name, at, when = text.partition("@")
    if not (name and at):
        raise ValueError(f"--kill {text!r}: expected NAME@TIME, such as relay@20s")
    return FaultPlan("kill", name, parse_seconds(when))


def parse_cut(text: str) -> FaultPlan:
    """`kandis@30s+10s`. Raises ValueError."""
    name, at, when = text.partition("@")
    begin, plus, length = when.partition("+")
    if not (name and at and plus):
        raise ValueError(f"--cut {text!r}: expected SITE@TIME+DURATION, such as kandis@30s+10s")
    return FaultPlan("cut", name, parse_seconds(begin), parse_seconds(length))


def parse_break(text: str) -> FaultPlan:
    """`kandis:uplink-out@20s`. Raises ValueError."""
    name, at, when = text.partition("@")
    site, _colon, way = name.partition(":")
    if not (site and at and way in WAYS):
        raise ValueError(
            f"--break {text!r}: expected SITE:WAY@TIME, such as kandis:uplink-out@20s; "
            f"ways are {', '.join(WAYS)}"
        )
    return FaultPlan("break", site, parse_seconds(when), way=way)


def check_faults(options: Options, names: list[str]) -> None:
    """Raises ValueError for a fault at something that takes no part."""
    for link in options.links:
        if link.site not in names:
            raise ValueError(f"--link {link.site}: known are {', '.join(names)}")
    for fault in options.faults:
        known = ["server", "relay", *names] if fault.what == "kill" else names
        if fault.name not in known:
            raise ValueError(f"--{fault.what} {fault.name}: known are {', '.join(known)}")


class Rehearsal:
    """One rehearsal. `progress` gets a line of text now and then."""

    def __init__(self, options: Options, progress: Callable[[str], None]) -> None:
        if options.turn_s < MIN_TURN_S:
            raise ValueError(f"--turn: a turn takes at least {MIN_TURN_S:g} s")
        self.options = options
        self.plan = cast(options.sites, options.roster)
        self.script = Script()
        self._chance = random.Random(options.seed)
        self._missing_pictures = 0
        self.faults: list[Fault] = []
        self._fault_times: list[tuple[Fault, float]] = []
        self._progress = progress
        check_faults(options, [entry.id for entry in self.plan.sites])

    async def run(self, folder: Path | None = None) -> Result:
        """Run it and measure. `folder` keeps recordings, logs and journal; else they are removed.

        Raises StageError when a process does not come up or a site does not connect.
        """
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            return await self._run(folder)
        with tempfile.TemporaryDirectory(prefix="giliran-rehearsal-") as made:
            return await self._run(Path(made))

    async def _run(self, folder: Path) -> Result:
        began = time.monotonic()
        roster = folder / "roster.toml"
        write_roster(self.plan, roster)
        stage = Stage(folder, self.plan, roster, self._agent_options(folder))
        director = Director(stage.address)
        try:
            await self._play(stage, director)
        finally:
            await stage.stop()
        return await self._measure(stage, director, began)

    def _agent_options(self, folder: Path) -> Callable[[str, int, int], list[str]]:
        def options(site: str, number: int, life: int) -> list[str]:
            record = folder / (site if life == 1 else f"{site}~{life}")
            impair = self._impair_of(site)
            return [
                "--speaker",
                f"file:{record}.wav",
                "--display",
                f"stamps:{record}.stamps.jsonl",
                "--video",
                self.options.video,
                "--impair",
                impair,
                "--instrument",
                "--verbose",
            ]

        return options

    def _impair_of(self, site: str, plan: LinkPlan | None = None) -> str:
        """What a site's agent is told of its link; `plan`: what is bad for a while."""
        always = next((p for p in self.options.links if p.site == site and p.at_s is None), None)
        chosen = plan or always
        if chosen is not None:
            return f"{chosen.impair},seed={self.options.seed}"
        return self.options.impair or f"seed={self.options.seed}"

    async def _change_links(self, stage: Stage) -> None:
        """Links that are bad for a while."""

        async def one(plan: LinkPlan) -> None:
            begin = self.script.opened_at + (plan.at_s or 0.0)
            await asyncio.sleep(max(0.0, begin - time.monotonic()))
            self._progress(str(plan))
            stage.change_link(plan.site, self._impair_of(plan.site, plan))
            await asyncio.sleep(plan.for_s)
            stage.change_link(plan.site, self._impair_of(plan.site))

        async with asyncio.TaskGroup() as group:
            for plan in self.options.links:
                if plan.at_s is not None:
                    group.create_task(one(plan))

    # -- the play ----------------------------------------------------------------------------------

    async def _play(self, stage: Stage, director: Director) -> None:
        await stage.start(self._progress)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(director.run()), group.create_task(stage.watch())]
            wanted = {entry.id for entry in self.plan.sites}
            await wait_until_connected(stage, director, wanted, self._progress)
            stage.reset_usage()
            director.forget_readings()
            self._idle_before = _machine_cpu()
            opened = await director.do(c.OpenMeeting())
            self.script.opened_at = opened.sent_at
            faults = group.create_task(self._inject(stage, director))
            tasks.append(group.create_task(self._change_links(stage)))
            await asyncio.sleep(CHAIR_ALONE_S)
            await self._call_everybody(stage, director)
            await faults
            ended = await director.do(c.EndTurn())
            self._close_turn(ended.answered_at)
            await asyncio.sleep(1.0)
            await director.do(c.CloseMeeting(force=True))
            self.script.closed_at = time.monotonic()
            stage.sample()
            self._idle_percent = _idle_percent(self._idle_before, _machine_cpu())
            for task in tasks:
                task.cancel()

    async def _call_everybody(self, stage: Stage, director: Director) -> None:
        while True:
            waiting = [site for site in director.state.queue if site != director.state.holder]
            call: ModeratorCommand = c.CallNext()
            if self.options.switches:
                if len(self.script.turns) >= self.options.switches:
                    return
                others = [e.id for e in self.plan.sites if e.kind == "kecamatan"]
                others = [site for site in others if site != director.state.holder]
                call = c.GrantFloor(self._chance.choice(others))
            elif not waiting:
                if time.monotonic() >= self.script.opened_at + self.options.for_s:
                    return
                # Round after round, in the order of the first one.
                called = self.script.turns[-self.options.sites :]
                if not called:
                    return
                call = c.GrantFloor(called[0].site)
            answer = await director.do(call, timeout_s=BACK_TIMEOUT_S)
            if answer.refused is not None:
                # Somebody is cut off: wait until somebody can be called again.
                came = await director.wait_for(
                    lambda: director.state.next_site() is not None, BACK_TIMEOUT_S
                )
                if not came:
                    self._progress(f"not called: {answer.refused.reason}")
                    return
                continue
            self._close_turn(answer.answered_at)
            await director.wait_for(partial(_has_seen, director, answer.seq), 10)
            site = director.state.holder or "?"
            number = len(self.script.turns) + 1
            self._progress(f"turn {number}{self._of_turns()}: {site}")
            turn = TurnTaken(site, answer.sent_at, answer.sent_at + self.options.turn_s)
            self.script.turns.append(turn)
            await asyncio.sleep(self.options.turn_s / 2)
            topic = TOPICS[number % len(TOPICS)]
            name = director.state.sites[site].entry.name
            report = f"Camat {name} melaporkan keadaan aman. {topic}"
            await director.do(c.LogReport(site, report), timeout_s=BACK_TIMEOUT_S)
            await asyncio.sleep(max(0.0, turn.until - time.monotonic()))
            turn.until = time.monotonic()
            stage.relay_pid = director.telemetry.relay_pid if director.telemetry else 0

    def _of_turns(self) -> str:
        if self.options.switches:
            return f"/{self.options.switches}"
        return "" if self.options.for_s else f"/{self.options.sites}"

    def _close_turn(self, at: float) -> None:
        if self.script.turns:
            self.script.turns[-1].closed_at = at

    # -- faults ------------------------------------------------------------------------------------

    async def _inject(self, stage: Stage, director: Director) -> None:
        async with asyncio.TaskGroup() as group:
            for plan in self.options.faults:
                group.create_task(self._one_fault(plan, stage, director))

    async def _one_fault(self, plan: FaultPlan, stage: Stage, director: Director) -> None:
        await asyncio.sleep(max(0.0, self.script.opened_at + plan.at_s - time.monotonic()))
        fault = Fault(str(plan), plan.at_s)
        self.faults.append(fault)
        self._progress(f"fault: {plan}")
        at = time.monotonic()
        if plan.what == "cut":
            stage.cut(plan.name)
            await asyncio.sleep(plan.for_s)
            stage.mend(plan.name)
            at = time.monotonic()
        elif plan.what == "break":
            stage.break_one_way(plan.name, plan.way)
            await director.wait_for(lambda: not _is_up(director, plan.name), BACK_TIMEOUT_S)
        else:
            relay_pid = stage.relay_pid
            await stage.kill(plan.name)
            director.series.pop(plan.name, None)
            if plan.name == "relay":
                await director.wait_for(
                    lambda: (
                        director.telemetry is not None
                        and director.telemetry.relay_pid not in (0, relay_pid)
                    ),
                    BACK_TIMEOUT_S,
                )
                assert director.telemetry is not None
                stage.relay_pid = director.telemetry.relay_pid
            elif plan.name == "server":
                await director.wait_for(lambda: director.up_at > at, BACK_TIMEOUT_S)
            else:
                await director.wait_for(lambda: not _is_up(director, plan.name), BACK_TIMEOUT_S)
        wanted = {entry.id for entry in self.plan.sites}
        back = await director.wait_for(
            lambda: director.up and wanted <= director.connected(), BACK_TIMEOUT_S
        )
        if back:
            fault.control_back_s = round(time.monotonic() - at, 2)
        self._fault_times.append((fault, at))

    # -- figures -----------------------------------------------------------------------------------

    async def _measure(self, stage: Stage, director: Director, began: float) -> Result:
        self._progress("reading what every site heard and saw")
        seen = await self._observe(stage.folder)
        turns = seen["turns"]
        figures = [
            one for turn in turns if not turn["disturbed"] for one in turn["listeners"].values()
        ]
        for fault, at in self._fault_times:
            fault.sound_back_s = self._sound_back(seen["heard"], at)
            if fault.sound_back_s is not None and fault.control_back_s is not None:
                fault.back_s = max(fault.sound_back_s, fault.control_back_s)
        thin = {plan.site for plan in self.options.links}
        # A link that carries no picture shows none, and that is right.
        self._missing_pictures = sum(
            one["picture_ms"] is None
            for turn in turns
            if not turn["disturbed"] and turn["site"] not in thin
            for site, one in turn["listeners"].items()
            if site not in thin
        )
        result = Result(
            ok=True,
            why=[],
            sites=self.options.sites,
            called=len({turn.site for turn in self.script.turns}),
            seed=self.options.seed,
            wall_s=round(time.monotonic() - began, 1),
            switch=Switch(
                sound_ms=spread(one["sound_ms"] for one in figures),
                picture_ms=spread(one["picture_ms"] for one in figures),
                wrong_pictures=sum(one["wrong_pictures"] for one in figures),
                torn_pictures=sum(one["torn_pictures"] for one in figures),
                lip_ms=spread(one["lip_ms"] for one in figures),
            ),
            leaks=Leaks(
                seen["leaks"]["samples"],
                self._closed_packets(director),
                msgspec.convert(seen["leaks"]["found"], list[Leak]),
            ),
            voice=Voices(self._voices(turns)),
            faults=self.faults,
            events=self._events(stage, director),
            processes=self._processes(stage, director),
            relay=_relay_use(director),
            links=_links(director),
            recording=await self._recorded(stage, director),
            pictures=self._pictures(director),
            others=self._others(turns, director.clarity),
            bad_links=self._bad_links(turns, director),
            machine_idle_percent=self._idle_percent,
            settings={
                "turn_s": f"{self.options.turn_s:g}",
                "video": self.options.video,
                "impair": self.options.impair,
            },
        )
        result.starved = [u.name for u in result.processes if u.late_ms > LATE_MS]
        growths = [series.growth() for series in director.series.values()]
        result.growth = [one for one in growths if one is not None]
        usual, during = usually(result.others), result.others.get("during")
        if usual is not None and during is not None:
            result.others_less = less(usual, during)
        result.why = self._complaints(result)
        result.ok = not result.why
        return result

    async def _recorded(self, stage: Stage, director: Director) -> Recorded | None:
        """The film, and whether everybody is at his place in it; None: nothing was recorded."""
        if not director.state.recorded:
            return None
        folder = stage.folder / "recordings"
        try:
            film = await finish(stage.db, folder, director.state.id)
            sites = stage.folder / "sites.json"
            said = await ask("check-film", str(folder / film.meeting), "--sites", str(sites))
            if said.code != 0:
                raise RecordingError(said.err.strip())
        except RecordingError as error:
            return Recorded(trouble=str(error))
        disturbed = {n for n, turn in enumerate(self.script.turns, 1) if turn.disturbed}
        return recorded(film, json.loads(said.out), disturbed)

    def _mark_disturbed(self) -> None:
        for turn in self.script.turns:
            for fault, back_at in self._fault_times:
                began_at = self.script.opened_at + fault.at_s
                if turn.at < back_at + (fault.control_back_s or 0) and began_at < turn.until:
                    turn.disturbed = True

    async def _observe(self, folder: Path) -> dict:
        """Ask `giliran observe` what the recordings hold."""
        self._mark_disturbed()
        numbers = {entry.id: number for number, entry in enumerate(self.plan.sites)}
        (folder / "sites.json").write_text(json.dumps(numbers))
        questions = {
            "chair": next(entry.id for entry in self.plan.sites if entry.kind == "hall"),
            "opened_at": self.script.opened_at,
            "closed_at": self.script.closed_at,
            "turns": [msgspec.to_builtins(turn) for turn in self.script.turns],
        }
        (folder / "turns.json").write_text(json.dumps(questions))
        answer = await ask(
            "observe", str(folder), "--turns", str(folder / "turns.json"), told=self._progress
        )
        if answer.code != 0:
            raise StageError(f"giliran observe failed:\n{answer.err[-2000:]}")
        return json.loads(answer.out)

    def _sound_back(self, heard: dict, at: float) -> float | None:
        """Seconds after `at` until every site hears somebody again; 0 when sound never stopped."""
        latest = 0.0
        for speakers in heard.values():
            spans = [span for spans in speakers.values() for span in spans]
            going_on = [s for s in spans if s[0] <= at and s[1] >= at + 1.0]
            starting = [s[0] - at for s in spans if s[0] > at]
            if going_on:
                continue
            if not starting:
                return None
            latest = max(latest, min(starting))
        return round(latest, 2)

    def _voices(self, turns: list[dict]) -> dict[str, Voice]:
        voices: dict[str, Voice] = {}
        for entry in self.plan.sites:
            mine = [t["listeners"][entry.id] for t in turns if entry.id in t["listeners"]]
            voices[entry.id] = Voice(
                delay_ms=spread(one["delay_ms"] for one in mine).median,
                delay_p95_ms=spread(one["delay_p95_ms"] for one in mine).max,
                gap_percent=_mean([one["gap_percent"] for one in mine]),
                longest_gap_ms=spread(one["longest_gap_ms"] for one in mine).max,
            )
        return voices

    def _closed_packets(self, director: Director) -> int:
        """Packets of closed sites that the relay got, summed over its telemetry: a reading is told
        again when something else of the site changed."""
        return sum(
            link.closed_packets
            for readings in director.readings.values()
            for link, _again in groupby(status.link for status in readings)
            if link is not None
        )

    def _events(self, stage: Stage, director: Director) -> Events:
        journal = Journal.open_readonly(stage.db)
        recorded = journal.read(director.state.id)
        written = {one.command for one in recorded}
        lost = sum(1 for ident in director.acknowledged if ident not in written)
        chain_ok = journal.verify() is None
        journal.close()
        return Events(len(director.acknowledged), lost, chain_ok)

    def _processes(self, stage: Stage, director: Director) -> list[ProcessUse]:
        uses = []
        for name, usage in stage.usage.items():
            percent = 100 * usage.cpu_s / usage.seen_s if usage.seen_s else 0.0
            uses.append(
                ProcessUse(
                    name=name,
                    cpu_s=round(usage.cpu_s, 2),
                    cpu_percent=round(percent, 1),
                    rss_mb=round(usage.rss_mb, 1),
                    rss_mb_max=round(usage.rss_mb_max, 1),
                    late_ms=director.late_ms.get(name, 0.0),
                )
            )
        return uses

    def _pictures(self, director: Director) -> list[Steps]:
        """Which pictures every site was sent, step by step."""
        found = []
        for site in director.pictures:
            readings = [r.reading for r in director.readings.get(site, ()) if r.reading is not None]
            frozen = max((one.frozen for one in readings), default=0)
            lips = spread(one.lip_ms for one in readings if one.lip_ms)
            found.append(Steps(site, self._steps(site, director), frozen, lips))
        return found

    def _steps(self, site: str, director: Director) -> list[Step]:
        return [
            Step(round(max(0.0, at - self.script.opened_at), 1), name)
            for at, name in director.pictures.get(site, ())
        ]

    def _bad_links(self, turns: list[dict], director: Director) -> list[Bad]:
        """What became of sound and picture over each link that was bad on purpose."""
        plans, opened_at = self.options.links, self.script.opened_at
        return [
            bad(one, plans, opened_at, turns, self._steps(one.site, director), director.clarity)
            for one in plans
        ]

    def _others(self, turns: list[dict], clarity: Clarity) -> dict[str, Others]:
        """What sites whose links are good got from each other while those of others were bad."""
        thin = {plan.site for plan in self.options.links}
        if not thin:
            return {}
        groups: dict[str, list[dict]] = {"before": [], "during": [], "after": []}
        has_been_bad = False
        for turn in turns:
            is_bad = self._is_bad(turn["at"], turn["until"])
            has_been_bad |= is_bad
            if turn["site"] in thin or turn["disturbed"]:
                continue
            when = "during" if is_bad else "after" if has_been_bad else "before"
            good = [site for site in turn["listeners"] if site not in thin]
            groups[when].extend(with_mos(turn, site, clarity) for site in good)
        return {when: others(figures) for when, figures in groups.items() if figures}

    def _is_bad(self, begin: float, end: float) -> bool:
        """Whether a link was bad on purpose between two moments."""
        return any(
            plan.at_s is None
            or begin < self.script.opened_at + plan.at_s + plan.for_s
            and end > self.script.opened_at + plan.at_s
            for plan in self.options.links
        )

    def _complaints(self, result: Result) -> list[str]:
        why = []
        if result.called < result.sites and not self.options.switches:
            why.append(f"only {result.called} of {result.sites} sites were called")
        if result.switch.sound_ms.missing:
            why.append(f"{result.switch.sound_ms.missing} times a turn was not heard at a site")
        if result.leaks.samples:
            which = ", ".join(
                f"{leak.of} at {leak.at} ({leak.heard_s:.1f} s)" for leak in result.leaks.found[:5]
            )
            why.append(f"closed sites were heard: {result.leaks.samples} samples: {which}")
        if self.options.switches and self._missing_pictures:
            why.append(f"{self._missing_pictures} times a picture was not seen at a site")
        if result.switch.wrong_pictures or result.switch.torn_pictures:
            why.append("wrong or torn pictures were shown")
        if result.events.lost:
            why.append(f"{result.events.lost} acknowledged commands are not in the journal")
        if not result.events.chain_ok:
            why.append("the journal's chain is broken")
        why += [f"{g.name} grew: {', '.join(g.grew)}" for g in result.growth if g.grew]
        if result.recording is not None and not result.recording.ok:
            why.append(
                f"the recording is not right: {result.recording.trouble or 'see its figures'}"
            )
        why += [f"{f.what}: not back" for f in result.faults if f.back_s is None]
        return why


def _has_seen(director: Director, seq: int) -> bool:
    return director.state.seq >= seq


def _is_up(director: Director, site: str) -> bool:
    status = director.status.get(site)
    return status is not None and is_connected(status)


def _mean(values: list[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return round(sum(known) / len(known), 3) if known else None


def _relay_use(director: Director) -> RelayUse:
    reading = director.telemetry.relay if director.telemetry is not None else None
    if reading is None:
        return RelayUse()
    return RelayUse(
        packets_in=reading.packets_in,
        packets_out=reading.packets_out,
        cpu_us_per_packet_out=reading.cpu_us_per_packet_out,
        forward_delay_ms=ForwardDelay(
            reading.forward_delay_median_ms, reading.forward_delay_p99_ms
        ),
    )


def _links(director: Director) -> list[LinkUse]:
    uses = []
    for site, readings in director.readings.items():
        links = [r.link for r in readings if r.link is not None]
        own = [r.reading for r in readings if r.reading is not None]
        if not links or not own:
            continue
        uses.append(
            LinkUse(
                site=site,
                up_kbps=round(sum(one.up_kbps for one in links) / len(links), 1),
                down_kbps=round(sum(one.down_kbps for one in links) / len(links), 1),
                loss_percent=round(sum(one.loss_percent for one in own) / len(own), 2),
                rtt_ms=round(spread(one.rtt_ms for one in own if one.rtt_ms).median or 0.0, 1),
            )
        )
    return uses


def _machine_cpu() -> tuple[int, int]:
    """(idle, all) jiffies of the machine."""
    fields = [int(v) for v in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return fields[3] + fields[4], sum(fields)


def _idle_percent(before: tuple[int, int], after: tuple[int, int]) -> float:
    every = after[1] - before[1]
    return round(100 * (after[0] - before[0]) / every, 1) if every else 0.0
