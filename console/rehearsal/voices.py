"""The voice path rehearsed: how clearly speech is heard at sites behind bad links.

Each profile is a meeting of real processes for each mode (who is held to conversation costs the
others something) and each seed. Two sites speak in turn: `near` behind a clean link, `far` behind
the profile's; the others listen behind a clean link or the profile's. Who speaks and who listens
tells which link is bad: the listening site's, the speaking site's or both. All play the same
speech; what was spoken when is known, and what each listener's speaker got was recorded, so nothing
is inferred from what was sent.

The same speech goes through the same impairments by other programs (`giliran baseline`). All
recordings are scored at the end, when nothing that runs in real time is disturbed any more.
"""

import asyncio
import contextlib
import json
import math
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from itertools import product
from pathlib import Path

import msgspec

from console.rehearsal.casting import cast, write_roster
from console.rehearsal.director import Director, wait_until_connected
from console.rehearsal.profiles import LINKS, MODES, PROFILES, LinkName, Mode, Profile
from console.rehearsal.scoreboard import (
    Baseline,
    Figures,
    Row,
    VoiceResult,
    complaints,
    judge,
    median,
    over_seeds,
)
from console.rehearsal.stage import Stage, StageError, ask
from protocol import commands as c
from protocol import messages as m
from protocol.events import MeetingPlan, SiteEntry

NEAR, FAR = "near", "far"
PROGRAMS = ("aiortc", "chromium")
MIN_SECONDS, MAX_SECONDS = 5.0, 600.0
TAIL_S = 2.5
"""Speech is on its way for at most this long."""

LEAD_S = 0.3
HEARING_TIMEOUT_S = 15.0
WARM_UP_S = 6.0
BASELINE_START_S = 6.0
STAGE_START_S = 10.0
TURN_START_S = 6.0
SCORE_SHARE = 0.12
"""CPU seconds that a second of speech takes to be scored, about."""

LATE_MS = 60.0
"""A process that was later than this lost sound by itself."""

IP_UDP_BITS = 28 * 8


class VoiceOptions(msgspec.Struct, frozen=True):
    """What is rehearsed. `seconds` are measured in each turn, the last utterance is heard out;
    `speech` None: the shipped clips; `jobs`: how many meetings at once (0: one a core)."""

    profiles: tuple[str, ...] = tuple(PROFILES)
    modes: tuple[Mode, ...] = MODES
    links: tuple[LinkName, ...] = LINKS
    seconds: float = 40.0
    seeds: tuple[int, ...] = (1,)
    speech: Path | None = None
    baselines: bool = True
    pictures: bool = False
    jobs: int = 0

    def label(self, text: str, seed: int) -> str:
        """The text, with the seed where there are several."""
        return f"{text} seed {seed}" if len(self.seeds) > 1 else text


class Speech(msgspec.Struct, frozen=True):
    """The speech that all play in a loop: its length and its utterances, in seconds."""

    seconds: float
    utterances: list[tuple[float, float]]

    def next_pause(self, after: float) -> float:
        """The first moment (monotonic seconds) after this one just before an utterance."""
        into = (after + LEAD_S) % self.seconds
        waits = [(begin - into) % self.seconds for begin, _end in self.utterances]
        return after + min(waits)

    def utterance_over(self, at: float) -> float:
        """This moment, or the end of the utterance that goes on then."""
        into = at % self.seconds
        for begin, end in self.utterances:
            for shift in (0.0, self.seconds):
                if begin <= into + shift < end:
                    return at + end - into - shift
        return at

    @property
    def longest_s(self) -> float:
        return max(end - begin for begin, end in self.utterances)


class Listener(msgspec.Struct, frozen=True):
    """A site that listens in one mode, behind the bad link or a clean one."""

    site: str
    mode: Mode
    impaired: bool


class Turn(msgspec.Struct, frozen=True):
    """Who speaks, and who listens over which kind of link."""

    speaker: str
    links: dict[str, LinkName]


class Heard(msgspec.Struct, frozen=True):
    """One listener in one turn: what is to be scored, and what was told of its link."""

    row: Row
    recording: Path
    begin: float
    end: float


def listeners(options: VoiceOptions) -> list[Listener]:
    """Who is needed to hear the links asked for."""
    impaired = "listening" in options.links or "both" in options.links
    found = []
    for is_impaired, needed in ((False, "speaking" in options.links), (True, impaired)):
        if needed:
            kind = "impaired" if is_impaired else "clean"
            found += [Listener(f"{kind}-{mode}", mode, is_impaired) for mode in options.modes]
    return found


def turns(options: VoiceOptions) -> list[Turn]:
    """The turns that are needed for the links asked for."""
    near: dict[str, LinkName] = {}
    far: dict[str, LinkName] = {}
    for one in listeners(options):
        if one.impaired and "listening" in options.links:
            near[one.site] = "listening"
        if one.impaired and "both" in options.links:
            far[one.site] = "both"
        if not one.impaired:
            far[one.site] = "speaking"
    return [Turn(speaker, links) for speaker, links in ((NEAR, near), (FAR, far)) if links]


def plan(options: VoiceOptions) -> MeetingPlan:
    """The hall, who speaks and who listens."""
    usual = cast(1)
    halls = [entry for entry in usual.sites if entry.kind == "hall"]
    names = [turn.speaker for turn in turns(options)] + [one.site for one in listeners(options)]
    entries = [
        SiteEntry(id=name, name=name.replace("-", " "), kind="kecamatan", position=number)
        for number, name in enumerate(names, 1)
    ]
    return msgspec.structs.replace(
        usual, timing="fixed", allowance_s=3600, budget_s=7200, sites=(*halls, *entries)
    )


class Gate:
    """Opens when all have come: nothing is measured while other processes still start."""

    def __init__(self, names: Iterable[str]) -> None:
        self._awaited = set(names)
        self._open = asyncio.Event()

    def come(self, name: str) -> None:
        """One is ready, or will never be."""
        self._awaited.discard(name)
        if not self._awaited:
            self._open.set()

    async def wait_open(self) -> None:
        await self._open.wait()


class Meeting:
    """The meeting of one profile and seed, in which all listen in one mode."""

    def __init__(
        self,
        profile: Profile,
        mode: Mode,
        seed: int,
        options: VoiceOptions,
        speech: Speech,
        folder: Path,
        progress: Callable[[str], None],
    ) -> None:
        self.profile = profile
        self.name = options.label(f"{profile.name} {mode}", seed)
        options = msgspec.structs.replace(options, modes=(mode,))
        self.heard: list[Heard] = []
        self.late_ms: dict[str, float] = {}
        self._options = options
        self._seed = seed
        self._speech = speech
        self._folder = folder
        self._plan = plan(options)
        self._listeners = listeners(options)
        self._progress = progress

    async def run(self, gate: Gate) -> None:
        """Hold the meeting. Raises StageError when a process fails."""
        self._folder.mkdir(parents=True, exist_ok=True)
        roster = self._folder / "roster.toml"
        write_roster(self._plan, roster)
        stage = Stage(self._folder, self._plan, roster, self._agent_options, cables=False)
        director = Director(stage.address)
        try:
            await stage.start(_silent)
            async with _running(director):
                wanted = {entry.id for entry in self._plan.sites}
                await wait_until_connected(stage, director, wanted, _silent)
                gate.come(self.name)
                await gate.wait_open()
                await self._play(stage, director)
        finally:
            gate.come(self.name)
            await stage.stop()

    def _agent_options(self, site: str, number: int, life: int) -> list[str]:
        speaks = site in (NEAR, FAR)
        listener = next((one for one in self._listeners if one.site == site), None)
        arguments = ["--microphone", f"file:{self._folder.parent / 'speech.wav'}"]
        if not speaks:
            arguments = ["--microphone", "null"]
        arguments += ["--camera", "synthetic" if speaks and self._options.pictures else "null"]
        if listener is not None:
            arguments += ["--speaker", f"file:{self._folder / site}.wav"]
        if site == FAR or (listener is not None and listener.impaired):
            arguments += ["--impair", self.profile.impair(self._seed)]
        return [*arguments, "--verbose"]

    async def _play(self, stage: Stage, director: Director) -> None:
        await _do(director, c.OpenMeeting())
        for one in self._listeners:
            await _do(director, c.SetVoice(one.site, one.mode))
        for turn in turns(self._options):
            await self._take_turn(turn, stage, director)
        await _do(director, c.EndTurn())
        await _do(director, c.CloseMeeting(force=True))

    async def _take_turn(self, turn: Turn, stage: Stage, director: Director) -> None:
        await _do(director, c.GrantFloor(turn.speaker))
        hears = partial(_hears_the_floor, director, list(turn.links))
        if not await director.wait_for(hears, HEARING_TIMEOUT_S):
            self._progress(f"{self.name}: {turn.speaker} is not heard everywhere")
        # Ladders and playout settle; the speech is joined just before a sentence.
        begin = self._speech.next_pause(time.monotonic() + self.profile.settle_s)
        await _sleep_until(begin)
        director.forget_readings()
        before, before_at = dict(director.status), time.monotonic()
        end = self._speech.utterance_over(begin + self._options.seconds)
        self._progress(f"{self.name}: {turn.speaker} speaks, {end - begin:.0f} s")
        await _sleep_until(end)
        stage.check()
        seconds = time.monotonic() - before_at
        for site, late_ms in director.late_ms.items():
            self.late_ms[site] = max(late_ms, self.late_ms.get(site, 0.0))
        readings = {site: list(found) for site, found in director.readings.items()}
        rates = {
            site: _packets_a_second(before.get(site), director.status.get(site), seconds)
            for site in (turn.speaker, *turn.links)
        }
        await _sleep_until(end + TAIL_S)
        for one in self._listeners:
            if one.site in turn.links:
                row = self._row(one, turn, readings, rates)
                recording = self._folder / f"{one.site}.wav"
                self.heard.append(Heard(row, recording, begin, end + TAIL_S))

    def _row(
        self,
        one: Listener,
        turn: Turn,
        readings: dict[str, list[m.SiteStatus]],
        rates: dict[str, tuple[float, float]],
    ) -> Row:
        link = turn.links[one.site]
        goal = self.profile.goal(one.mode, link)
        up = [r.link.up_kbps for r in readings.get(turn.speaker, []) if r.link is not None]
        sent = [r.reading.up_kbps for r in readings.get(turn.speaker, []) if r.reading is not None]
        down = [r.link.down_kbps for r in readings.get(one.site, []) if r.link is not None]
        own = [r.reading for r in readings.get(one.site, []) if r.reading is not None]
        up_kbps, sent_kbps, down_kbps = median(up), median(sent), median(down)
        into_down = (down_kbps or 0.0) + rates[one.site][1] * IP_UDP_BITS / 1000
        # The relay counts what arrived; as many more were sent as the bytes tell.
        more = (sent_kbps or 0.0) / up_kbps if up_kbps else 1.0
        into_up = (sent_kbps or 0.0) + more * rates[turn.speaker][0] * IP_UDP_BITS / 1000
        into = {"listening": into_down, "speaking": into_up, "both": max(into_up, into_down)}
        return Row(
            profile=self.profile.name,
            link=link,
            mode=one.mode,
            goal_pesq=goal.pesq,
            limit_ms=goal.delay_ms,
            kbps=round(into[link], 1),
            up_kbps=up_kbps,
            down_kbps=down_kbps,
            own_delay_ms=median(reading.delay_ms for reading in own),
            mos=median(reading.mos for reading in own if reading.mos),
            cpu_percent=median(reading.cpu_percent for reading in own),
            seeds=[self._seed],
        )


class VoiceRehearsal:
    """One rehearsal of the voice path. `progress` gets a line of text now and then."""

    def __init__(self, options: VoiceOptions, progress: Callable[[str], None]) -> None:
        if not MIN_SECONDS <= options.seconds <= MAX_SECONDS:
            raise ValueError(
                f"--seconds {options.seconds:g}: expected {MIN_SECONDS:g} to {MAX_SECONDS:g}"
            )
        if options.jobs < 0:
            raise ValueError(f"--jobs {options.jobs}: expected 1 or more (0: one a core)")
        self.options = options
        self._jobs = options.jobs or os.cpu_count() or 1
        self._progress = progress
        self._errors: list[str] = []
        self._unavailable: dict[str, str] = {}

    async def run(self, folder: Path | None = None) -> VoiceResult:
        """Run and score it. `folder` keeps recordings, logs and journals; else they are removed.

        Raises ValueError for speech that is none, StageError when nothing could be measured.
        """
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            return await self._run(folder.absolute())
        with tempfile.TemporaryDirectory(prefix="giliran-voices-") as made:
            return await self._run(Path(made))

    async def _run(self, folder: Path) -> VoiceResult:
        began = time.monotonic()
        speech = await self._prepare_speech(folder)
        self._progress(f"this takes about {math.ceil(self.estimate_s(speech) / 60)} minutes")
        meetings = await self._hold(folder, speech)
        baselines = await self._run_baselines(folder, speech) if self.options.baselines else []
        scores = await self._score(folder, meetings, baselines)
        return self._result(meetings, baselines, scores, time.monotonic() - began)

    def estimate_s(self, speech: Speech) -> float:
        """About how long it takes."""
        options = self.options
        tasks = [PROFILES[name].settle_s for name, _mode, _seed in self._asked_meetings()]
        spoken = options.seconds + speech.longest_s / 2
        count = len(turns(options))
        total_s = 0.0
        for first in range(0, len(tasks), self._jobs):
            batch = tasks[first : first + self._jobs]
            turn_s = TURN_START_S + max(batch) + spoken + TAIL_S
            total_s += STAGE_START_S + count * turn_s
        scored = sum(len(turn.links) for turn in turns(options)) * len(options.profiles)
        scored *= len(options.seeds)
        if options.baselines:
            runs = len(self._asked_baselines())
            scored += runs
            one_s = BASELINE_START_S + WARM_UP_S + self._baseline_seconds(speech)
            total_s += math.ceil(runs / self._jobs) * one_s
        return total_s + scored * spoken * SCORE_SHARE / (os.cpu_count() or 1)

    # -- the speech --------------------------------------------------------------------------------

    async def _prepare_speech(self, folder: Path) -> Speech:
        given = [str(self.options.speech)] if self.options.speech is not None else []
        out, codec = folder / "speech.wav", folder / "codec.wav"
        said = await ask("speech", *given, "--out", str(out), "--codec", str(codec))
        if said.code != 0:
            why = said.err.strip().removeprefix("giliran speech: ")
            raise ValueError(f"--speech: {why}" if given else why)
        return msgspec.json.decode(said.out, type=Speech)

    # -- the meetings ------------------------------------------------------------------------------

    def _asked_meetings(self) -> list[tuple[str, Mode, int]]:
        options = self.options
        return list(product(options.profiles, options.modes, options.seeds))

    async def _hold(self, folder: Path, speech: Speech) -> list[Meeting]:
        """All profiles' meetings, some at once; they begin to measure together."""
        held = []
        asked = self._asked_meetings()
        for first in range(0, len(asked), self._jobs):
            batch = [
                Meeting(
                    PROFILES[name],
                    mode,
                    seed,
                    self.options,
                    speech,
                    folder / self.options.label(f"{name}-{mode}", seed).replace(" ", "-"),
                    self._progress,
                )
                for name, mode, seed in asked[first : first + self._jobs]
            ]
            gate = Gate(meeting.name for meeting in batch)
            async with asyncio.TaskGroup() as group:
                for meeting in batch:
                    group.create_task(self._hold_one(meeting, gate))
            held += batch
        if not any(meeting.heard for meeting in held):
            raise StageError(self._errors[0] if self._errors else "nothing could be measured")
        return held

    async def _hold_one(self, meeting: Meeting, gate: Gate) -> None:
        try:
            await meeting.run(gate)
        except StageError as error:
            self._errors.append(f"{meeting.name}: {error}")
            self._progress(f"{meeting.name}: {error}")
        except ExceptionGroup as group:
            stage_errors = group.subgroup(StageError)
            if stage_errors is None:
                raise
            self._errors.append(f"{meeting.name}: {stage_errors.exceptions[0]}")
            self._progress(self._errors[-1])

    # -- others ------------------------------------------------------------------------------------

    def _asked_baselines(self) -> list[Baseline]:
        links = self.options.links
        hops = [1] if {"listening", "speaking"} & set(links) else []
        hops += [2] if "both" in links else []
        return [
            Baseline(program, name, count, seeds=[seed])
            for program, name, count, seed in product(
                PROGRAMS, self.options.profiles, hops, self.options.seeds
            )
        ]

    def _baseline_seconds(self, speech: Speech) -> float:
        """Whole utterances are scored, so one is lost at either end."""
        return round(self.options.seconds + speech.longest_s + TAIL_S, 1)

    async def _run_baselines(self, folder: Path, speech: Speech) -> list[Baseline]:
        (folder / "baselines").mkdir(exist_ok=True)
        done = []
        for program in PROGRAMS:
            asked = [one for one in self._asked_baselines() if one.program == program]
            # The first alone: it tells whether the program is there.
            batches = [asked[:1]]
            batches += [asked[n : n + self._jobs] for n in range(1, len(asked), self._jobs)]
            for batch in batches:
                runs = [self._run_baseline(one, folder, speech) for one in batch]
                ran = await asyncio.gather(*runs)
                done += [one for one, is_there in zip(batch, ran, strict=True) if is_there]
                if batch is batches[0] and not ran[0]:
                    break
        return done

    async def _run_baseline(self, one: Baseline, folder: Path, speech: Speech) -> bool:
        """Whether it ran; else why it didn't is kept."""
        (seed,) = one.seeds
        hop = PROFILES[one.profile].impair(seed)
        what = self.options.label(one.profile, seed)
        self._progress(f"{one.program}: {what} over {one.hops} bad hop(s)")
        said = await ask(
            "baseline",
            one.program,
            "--speech",
            str(folder / "speech.wav"),
            "--out",
            str(self._recording_of(one, folder)),
            "--seconds",
            f"{self._baseline_seconds(speech):g}",
            "--warm-up",
            f"{WARM_UP_S:g}",
            "--first-hop",
            hop,
            *(["--second-hop", hop] if one.hops == 2 else []),
        )
        if said.code == 0:
            told = json.loads(said.out.strip().splitlines()[-1])
            one.kbps, one.software = told.get("kbps"), told.get("software", "")
            one.late_ms = told.get("late_ms", 0.0)
            return True
        why = _last_line(said.err) or _last_line(said.out) or f"exit code {said.code}"
        why = why.removeprefix("giliran baseline: ")
        self._unavailable.setdefault(one.program, why)
        self._progress(f"{one.program}: {why}")
        return False

    def _recording_of(self, one: Baseline, folder: Path) -> Path:
        name = self.options.label(f"{one.program}-{one.profile}-{one.hops}", *one.seeds)
        return folder / "baselines" / f"{name.replace(' ', '-')}.wav"

    # -- figures -----------------------------------------------------------------------------------

    async def _score(
        self, folder: Path, meetings: list[Meeting], baselines: list[Baseline]
    ) -> list[Figures]:
        """The codec's figures, then each meeting's, then each baseline's."""
        speech = str(folder / "speech.wav")
        jobs: list[dict[str, object]] = [{"stereo": str(folder / "codec.wav")}]
        jobs += [
            {
                "recording": str(heard.recording),
                "speech": speech,
                "begin": heard.begin,
                "end": heard.end,
            }
            for meeting in meetings
            for heard in meeting.heard
        ]
        jobs += [{"stereo": str(self._recording_of(one, folder))} for one in baselines]
        self._progress(f"scoring {len(jobs)} recordings")
        listing = folder / "jobs.json"
        listing.write_text(json.dumps(jobs, indent=1))
        said = await ask("score", "--jobs", str(listing))
        if said.code != 0:
            raise StageError(f"giliran score failed:\n{said.err[-2000:]}")
        return msgspec.json.decode(said.out, type=list[Figures])

    def _result(
        self,
        meetings: list[Meeting],
        baselines: list[Baseline],
        scores: list[Figures],
        wall_s: float,
    ) -> VoiceResult:
        rows = [heard.row for meeting in meetings for heard in meeting.heard]
        codec, rest = scores[0], scores[1:]
        for row, figures in zip(rows, rest, strict=False):
            row.figures = figures
        for one, figures in zip(baselines, rest[len(rows) :], strict=True):
            one.figures = figures
        options = self.options
        starved = _starved(options, meetings, baselines)
        if len(options.seeds) > 1:
            rows, baselines = over_seeds(rows), over_seeds(baselines)
        for row in rows:
            for judged in (row, *row.runs):
                judged.missed = judge(judged, baselines)
        why = [*self._errors, *complaints(rows)]
        return VoiceResult(
            ok=not why,
            why=why,
            seeds=list(options.seeds),
            seconds=options.seconds,
            speech=str(options.speech) if options.speech is not None else "the shipped clips",
            wall_s=round(wall_s, 1),
            rows=rows,
            baselines=baselines,
            codec=codec,
            missing=codec.missing,
            unavailable=self._unavailable,
            starved=starved,
            settings={
                "pictures": str(options.pictures).lower(),
                **{
                    name: "; ".join(map(PROFILES[name].impair, options.seeds))
                    for name in options.profiles
                },
            },
        )


def _last_line(text: str) -> str:
    """The last line that says something; without the box that is drawn around usage errors."""
    lines = [line.strip(" │╭╮╰╯─") for line in text.splitlines()]
    return next((line for line in reversed(lines) if line), "")


def _starved(
    options: VoiceOptions, meetings: list[Meeting], baselines: list[Baseline]
) -> list[str]:
    """Processes that were late, worst first."""
    late = [
        (late_ms, f"{meeting.name} {name}")
        for meeting in meetings
        for name, late_ms in meeting.late_ms.items()
    ]
    late += [
        (one.late_ms, options.label(f"{one.program} {one.profile}", *one.seeds))
        for one in baselines
    ]
    late = [one for one in sorted(late, reverse=True) if one[0] > LATE_MS]
    return [f"{who} ({late_ms:.0f} ms late)" for late_ms, who in late]


def _packets_a_second(
    before: m.SiteStatus | None, after: m.SiteStatus | None, seconds: float
) -> tuple[float, float]:
    """(up, down) as the relay counts them; 0 when the site was connected anew."""
    if before is None or after is None or before.link is None or after.link is None:
        return 0.0, 0.0
    up = after.link.up_packets - before.link.up_packets
    down = after.link.down_packets - before.link.down_packets
    return max(0, up) / seconds, max(0, down) / seconds


def _hears_the_floor(director: Director, sites: list[str]) -> bool:
    """Whether sound of the floor arrives at all these sites."""
    for site in sites:
        status = director.status.get(site)
        if status is None or status.actual is None or "floor" not in status.actual.hearing:
            return False
    return True


async def _do(director: Director, command: c.ModeratorCommand) -> None:
    """Raises StageError when it is refused."""
    answer = await director.do(command)
    if answer.refused is not None:
        raise StageError(f"refused: {answer.refused.reason}")


@contextlib.asynccontextmanager
async def _running(director: Director) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        running = group.create_task(director.run())
        try:
            yield
        finally:
            running.cancel()


async def _sleep_until(at: float) -> None:
    """Until a moment of the monotonic clock."""
    await asyncio.sleep(max(0.0, at - time.monotonic()))


def _silent(_text: str) -> None:
    pass
