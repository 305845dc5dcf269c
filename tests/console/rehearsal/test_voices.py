"""The rehearsal of the voice path: who speaks to whom, when it is measured, and one short run."""

import asyncio
import wave
from itertools import combinations
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.devices import RATE, read_sound
from agent.hearing import utterances
from agent.speech import CLIPS
from console.meeting.state import entry_sites
from console.rehearsal import profiles, voices
from console.rehearsal.profiles import LINKS, MODES, PROFILES, LinkName
from console.rehearsal.scoreboard import Baseline, Figures, Row, VoiceResult, table
from console.rehearsal.voices import (
    FAR,
    LEAD_S,
    MAX_SECONDS,
    MIN_SECONDS,
    NEAR,
    Gate,
    Heard,
    Meeting,
    Speech,
    VoiceOptions,
    VoiceRehearsal,
    listeners,
    plan,
    turns,
)
from protocol import messages as m

SPEECH = Speech(10.0, [(0.5, 2.0), (3.0, 6.0), (8.5, 10.4)])
"""The last utterance runs over the end of the loop."""

SOME_LINKS = [two for count in (1, 2, 3) for two in combinations(LINKS, count)]


# -- when ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "expected"),
    [(0.0, 0.5), (0.2, 0.5), (0.21, 3.0), (2.0, 3.0), (6.0, 8.5), (8.3, 10.5), (1234.0, 1238.5)],
)
def test_it_begins_just_before_an_utterance(after: float, expected: float) -> None:
    assert SPEECH.next_pause(after) == pytest.approx(expected - LEAD_S)


@pytest.mark.parametrize(
    ("at", "expected"),
    [(0.2, 0.4), (0.4, 0.4), (0.5, 2.0), (1.99, 2.0), (2.0, 2.0), (5.0, 6.0), (9.0, 10.4),
     (10.2, 10.4), (10.4, 10.4), (1239.0, 1240.4)],
)  # fmt: skip
def test_an_utterance_is_heard_out(at: float, expected: float) -> None:
    assert SPEECH.utterance_over(at) == pytest.approx(expected)


@st.composite
def speeches(draw: st.DrawFn) -> Speech:
    """A loop of sound with utterances that do not touch."""
    edges = draw(st.lists(st.integers(0, 999), min_size=2, max_size=20, unique=True))
    edges = sorted(edges)[: len(edges) // 2 * 2]
    shift = draw(st.integers(0, 999))
    spans = []
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        loops = (begin + shift) // 1000 * 1000
        spans.append(((begin + shift - loops) / 100, (end + shift - loops) / 100))
    return Speech(10.0, sorted(spans))


@given(speeches(), st.floats(0, 1e5))
def test_whatever_the_speech_whole_utterances_lie_between_begin_and_end(
    speech: Speech, now: float
) -> None:
    begin = speech.next_pause(now)
    assert now <= begin <= now + speech.seconds + 1e-6
    first = (begin + LEAD_S) % speech.seconds
    nearest = [abs(first - at) % speech.seconds for at, _end in speech.utterances]
    assert min(min(off, speech.seconds - off) for off in nearest) < 1e-6
    end = speech.utterance_over(begin + 20.0)
    assert begin + 20.0 <= end <= begin + 20.0 + speech.longest_s + 1e-6
    assert speech.utterance_over(end + 1e-6) == end + 1e-6, "nobody speaks then"


# -- who -----------------------------------------------------------------------------------------


def test_all_links_take_two_speakers_and_a_clean_and_a_bad_listener_in_each_mode() -> None:
    options = VoiceOptions()
    assert [(one.site, one.mode, one.impaired) for one in listeners(options)] == [
        ("clean-conversation", "conversation", False),
        ("clean-clear", "clear", False),
        ("impaired-conversation", "conversation", True),
        ("impaired-clear", "clear", True),
    ]
    near, far = turns(options)
    assert (near.speaker, far.speaker) == (NEAR, FAR)
    assert near.links == {"impaired-conversation": "listening", "impaired-clear": "listening"}
    assert far.links == {
        "impaired-conversation": "both", "impaired-clear": "both",
        "clean-conversation": "speaking", "clean-clear": "speaking",
    }  # fmt: skip


@pytest.mark.parametrize("modes", [("clear",), ("conversation",), MODES], ids=str)
@pytest.mark.parametrize("links", SOME_LINKS, ids=str)
def test_every_link_asked_for_is_heard_once_in_every_mode_and_no_other(
    links: tuple[LinkName, ...], modes: tuple[profiles.Mode, ...]
) -> None:
    options = VoiceOptions(links=links, modes=modes)
    heard = {one.site: one for one in listeners(options)}
    found = [
        (link, heard[site].mode, turn.speaker == FAR, heard[site].impaired)
        for turn in turns(options)
        for site, link in turn.links.items()
    ]
    bad = {"listening": (False, True), "speaking": (True, False), "both": (True, True)}
    assert sorted(found) == sorted((link, mode, *bad[link]) for link in links for mode in modes)
    assert {site for turn in turns(options) for site in turn.links} == set(heard), "nobody idles"


@pytest.mark.parametrize("links", SOME_LINKS, ids=str)
def test_the_plan_is_one_of_a_meeting_with_a_hall_and_who_is_needed(
    links: tuple[LinkName, ...],
) -> None:
    options = VoiceOptions(links=links)
    made = plan(options)
    assert [entry.id for entry in made.sites if entry.kind == "hall"]
    names = [entry.id for entry in made.sites if entry.kind != "hall"]
    speakers = [turn.speaker for turn in turns(options)]
    assert names == speakers + [one.site for one in listeners(options)]
    assert len({entry.position for entry in made.sites}) == len(made.sites)
    assert set(names) <= set(entry_sites(made))


@pytest.mark.parametrize("pictures", [False, True])
def test_who_is_behind_the_bad_link_and_what_all_hear_and_show(
    tmp_path: Path, pictures: bool
) -> None:
    options = VoiceOptions(seeds=(4, 5), pictures=pictures)
    meeting = Meeting(PROFILES["r20"], "clear", 5, options, SPEECH, tmp_path / "m", print)
    given_to = {entry.id: meeting._agent_options(entry.id, 1, 0) for entry in plan(options).sites}
    impaired = {site for site, said in given_to.items() if "--impair" in said}
    assert impaired & {NEAR, FAR, "clean-clear", "impaired-clear"} == {FAR, "impaired-clear"}
    assert "loss=20%,rtt=60ms,seed=5" in given_to[FAR]
    for site, said in given_to.items():
        options_of = dict(zip(said[::2], said[1::2], strict=False))
        speaks = site in (NEAR, FAR)
        assert options_of["--microphone"] == (f"file:{tmp_path}/speech.wav" if speaks else "null")
        assert options_of["--camera"] == ("synthetic" if speaks and pictures else "null")
        recorded = f"file:{tmp_path}/m/{site}.wav" if site.endswith("-clear") else None
        assert options_of.get("--speaker") == recorded


async def test_nothing_is_measured_before_all_have_come() -> None:
    gate = Gate(["a", "b"])
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(gate.wait_open())
        gate.come("a")
        gate.come("a")
        await asyncio.sleep(0)
        assert not waiting.done()
        gate.come("b")
        await asyncio.wait_for(waiting, 5)


# -- options -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"seconds": MIN_SECONDS - 0.1}, "--seconds 4.9: expected 5 to 600"),
        ({"seconds": MAX_SECONDS + 1}, "--seconds 601: expected 5 to 600"),
        ({"seconds": float("nan")}, "--seconds nan"),
        ({"jobs": -1}, "--jobs -1: expected 1 or more"),
    ],
)
def test_what_can_not_be_measured_is_refused(wrong: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        VoiceRehearsal(VoiceOptions(**wrong), print)


@pytest.mark.parametrize("content", [None, b"not a sound", b""])
async def test_speech_that_is_none_is_refused_with_the_option(
    tmp_path: Path, content: bytes | None
) -> None:
    mine = tmp_path / "mine.wav"
    if content is not None:
        mine.write_bytes(content)
    one = VoiceRehearsal(VoiceOptions(speech=mine), print)
    with pytest.raises(ValueError, match=r"^--speech: .*mine\.wav"):
        await one.run(tmp_path / "out")


def test_it_takes_longer_to_measure_more() -> None:
    def minutes(**given: object) -> float:
        usual = {"baselines": False, "jobs": 1}
        options = VoiceOptions(**{**usual, **given})  # type: ignore[arg-type]
        return VoiceRehearsal(options, print).estimate_s(SPEECH) / 60

    one = minutes(profiles=("r20",), modes=("clear",), links=("both",))
    assert 0 < one < 3
    assert minutes(profiles=("r20",), modes=("clear",)) > one
    assert minutes(profiles=("r20",), modes=MODES, links=("both",)) > one
    assert minutes(profiles=("64k",), modes=("clear",), links=("both",)) > one
    assert minutes() > 2 * minutes(jobs=2) * 0.9
    assert minutes(baselines=True) > minutes()
    assert minutes(seconds=80.0) > minutes()
    assert minutes(seeds=(1, 2, 3)) == pytest.approx(3 * minutes())


def test_baselines_run_over_as_many_bad_hops_as_rows_have() -> None:
    def hops(*links: LinkName) -> list[int]:
        options = VoiceOptions(profiles=("r5",), links=links)
        asked = VoiceRehearsal(options, print)._asked_baselines()
        assert {one.program for one in asked} == set(voices.PROGRAMS)
        return [one.hops for one in asked if one.program == "chromium"]

    assert hops("both") == [2]
    assert hops("listening") == hops("speaking") == hops("listening", "speaking") == [1]
    assert hops(*LINKS) == [1, 2]


def test_each_seed_has_a_meeting_and_baselines_of_its_own() -> None:
    options = VoiceOptions(profiles=("r5", "ge10"), links=("both",), seeds=(91, 92))
    asked = VoiceRehearsal(options, print)
    assert asked._asked_meetings() == [
        (name, mode, seed) for name in ("r5", "ge10") for mode in MODES for seed in (91, 92)
    ]
    assert [(one.program, one.profile, *one.seeds) for one in asked._asked_baselines()] == [
        (program, name, seed)
        for program in voices.PROGRAMS
        for name in ("r5", "ge10")
        for seed in (91, 92)
    ]
    places = {asked._recording_of(one, Path("x")) for one in asked._asked_baselines()}
    assert len(places) == 8 and Path("x/baselines/aiortc-r5-2-seed-91.wav") in places
    one = VoiceRehearsal(VoiceOptions(), print)
    assert (
        one._recording_of(Baseline("aiortc", "r5", 2, seeds=[1]), Path("x")).stem == "aiortc-r5-2"
    )


@pytest.mark.parametrize(("seeds", "named"), [((92,), ""), ((91, 92), " seed 92")])
def test_who_fell_behind_is_told_worst_first(seeds: tuple[int, ...], named: str) -> None:
    options = VoiceOptions(seeds=seeds)
    meeting = Meeting(PROFILES["r5"], "clear", 92, options, SPEECH, Path("x"), print)
    meeting.late_ms = {"far": voices.LATE_MS + 1, "near": voices.LATE_MS - 1}
    slow = Baseline("aiortc", "r5", 1, late_ms=500.0, seeds=[92])
    assert voices._starved(options, [meeting], [slow]) == [
        f"aiortc r5{named} (500 ms late)",
        f"r5 clear{named} far ({voices.LATE_MS + 1:.0f} ms late)",
    ]


def the_result(*pesqs: float) -> VoiceResult:
    """Of meetings of the seeds 1, 2, ... in which so much was heard; the goal is 4.0."""
    seeds = tuple(range(1, 1 + len(pesqs)))
    rehearsal = VoiceRehearsal(VoiceOptions(profiles=("r20",), seeds=seeds), print)
    meetings = []
    for seed in seeds:
        one = Meeting(PROFILES["r20"], "clear", seed, rehearsal.options, SPEECH, Path("x"), print)
        row = Row("r20", "listening", "clear", goal_pesq=4.0, seeds=[seed])
        one.heard = [Heard(row, Path("x.wav"), 0.0, 40.0)]
        meetings.append(one)
    theirs = [Baseline("chromium", "r20", 1, seeds=[seed]) for seed in seeds]
    scores = [Figures(pesq=pesq, utterances=4) for pesq in (4.5, *pesqs, *[2.0] * len(seeds))]
    return rehearsal._result(meetings, theirs, scores, 99.0)


def test_one_seed_is_judged_by_itself_and_several_by_all_they_heard() -> None:
    single = the_result(3.9)
    assert (single.ok, single.seeds, single.rows[0].missed) == (False, [1], ["pesq"])
    assert (single.rows[0].runs, single.baselines[0].runs) == ([], [])
    assert single.settings["r20"] == "loss=20%,rtt=60ms,seed=1"
    good = the_result(3.9, 4.3)
    (row,) = good.rows
    assert (good.ok, good.why, good.seeds, row.missed) == (True, [], [1, 2], [])
    assert [(run.seeds, run.figures.pesq, run.missed) for run in row.runs] == [
        ([1], 3.9, ["pesq"]),
        ([2], 4.3, []),
    ]
    (theirs,) = good.baselines
    assert (theirs.figures.pesq, len(theirs.runs)) == (2.0, 2)
    assert good.settings["r20"].count("loss=20%") == 2 and "seed=2" in good.settings["r20"]
    bad = the_result(4.3, 3.6)
    assert (bad.ok, bad.why) == (False, ["r20, listening, clear: PESQ 3.95, goal 4.00"])
    assert msgspec.json.decode(msgspec.json.encode(bad), type=VoiceResult) == bad


def test_packets_are_counted_of_one_connection_only() -> None:
    def status(up: int, down: int) -> m.SiteStatus:
        return m.SiteStatus(link=m.LinkReading(up_packets=up, down_packets=down))

    assert voices._packets_a_second(status(100, 10), status(600, 110), 10.0) == (50.0, 10.0)
    assert voices._packets_a_second(status(900, 900), status(5, 5), 10.0) == (0.0, 0.0)
    assert voices._packets_a_second(None, status(5, 5), 10.0) == (0.0, 0.0)
    assert voices._packets_a_second(status(1, 1), None, 10.0) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("one\ntwo\n\n", "two"),
        ("", ""),
        ("╭─ Error ──╮\n│ Unknown option: --x │\n╰──────────╯\n", "Unknown option: --x"),
    ],
)
def test_why_a_program_ended_is_its_last_line(text: str, last: str) -> None:
    assert voices._last_line(text) == last


# -- the whole of it -----------------------------------------------------------------------------


def short_speech(path: Path) -> Path:
    """The shortest utterance of each shipped clip: none needs long to be waited for."""
    parts, pause = [], np.zeros(round(0.8 * RATE), dtype=np.int16)
    for clip in map(read_sound, CLIPS):
        one = min(utterances(clip), key=lambda found: found.end - found.begin)
        parts += [clip[one.begin : one.end], pause]
    pcm = np.concatenate(parts)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(pcm.tobytes())
    return path


@pytest.mark.realtime
@pytest.mark.timeout(240)
def test_speech_is_carried_over_a_bad_link_recorded_and_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real processes. How good the figures are is for `giliran rehearse --voice` to say."""
    monkeypatch.setattr(profiles, "SETTLE_S", 1.0)
    options = VoiceOptions(
        profiles=("r10",), modes=("conversation",), links=("listening",), seconds=5.0, seeds=(3, 4),
        baselines=False, jobs=2, speech=short_speech(tmp_path / "mine.wav"),
    )  # fmt: skip
    said: list[str] = []
    result = asyncio.run(VoiceRehearsal(options, said.append).run(tmp_path))
    print("\n".join(said))
    print(table(result))
    (row,) = result.rows
    assert (row.profile, row.link, row.mode) == ("r10", "listening", "conversation")
    assert (row.goal_pesq, row.limit_ms) == (4.15, 160)
    assert row.figures.error == "" and row.figures.utterances >= 1
    assert row.figures.unheard == 0, "every utterance was heard"
    assert row.figures.delay_ms is not None and row.figures.delay_ms > 30, "half a round trip"
    assert row.kbps is not None and row.down_kbps is not None and row.kbps > row.down_kbps > 10
    assert row.own_delay_ms is not None and row.mos is not None
    assert row.seeds == [3, 4] and result.baselines == []
    heard = [run.figures for run in row.runs]
    assert sum(one.utterances for one in heard) == row.figures.utterances
    assert all(one.error == "" and one.utterances >= 1 for one in heard)
    assert ("pesq" in result.missing) == (row.figures.pesq is None)
    for seed in (3, 4):
        assert f"r10 conversation seed {seed}: near speaks" in "\n".join(said)
        place = tmp_path / f"r10-conversation-seed-{seed}" / "impaired-conversation.wav"
        with wave.open(str(place)) as recorded:
            assert recorded.getframerate() == 48_000
    assert msgspec.json.decode(msgspec.json.encode(result), type=VoiceResult) == result
