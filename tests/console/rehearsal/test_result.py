"""The figures: spreads, and the fields other programs rely on."""

import msgspec
import pytest

from console.rehearsal.result import (
    Bad,
    Events,
    Fault,
    Heard,
    Leaks,
    LinkUse,
    Others,
    ProcessUse,
    RelayUse,
    Result,
    Spread,
    Step,
    Switch,
    Voice,
    Voices,
    recorded,
    spread,
    table,
)
from protocol.recording import Film


def a_result() -> Result:
    return Result(
        ok=False,
        why=["closed sites were heard: 480 samples"],
        sites=2,
        called=2,
        seed=7,
        wall_s=30.0,
        switch=Switch(spread([100.0, 120.0, None]), spread([])),
        leaks=Leaks(480, 1),
        voice=Voices({"kandis": Voice(delay_ms=95.0)}),
        faults=[Fault("kill relay", 20.0, 1.8, 1.5, 1.8), Fault("kill server", 30.0)],
        events=Events(9, 0, True),
        processes=[ProcessUse("relay", 1.0, 10.0, 80.0, 81.0)],
        relay=RelayUse(10, 20),
        links=[LinkUse("kandis", 10.0, 400.0, 0.1, 2.0)],
        starved=["kandis"],
    )


def test_spread_by_nearest_rank() -> None:
    assert spread(float(v) for v in range(1, 101)) == Spread(100, 50.5, 95.0, 100.0, 0)
    assert spread([3.0]) == Spread(1, 3.0, 3.0, 3.0, 0)
    assert spread([None, None]) == Spread(missing=2)


def test_the_fields_of_the_json_stay() -> None:
    data = msgspec.to_builtins(a_result())
    assert set(data) >= {
        "ok", "sites", "seed", "wall_s", "switch", "leaks", "voice", "faults", "events",
        "processes", "relay", "links",
    }  # fmt: skip
    assert set(data["switch"]) == {
        "sound_ms", "picture_ms", "wrong_pictures", "torn_pictures", "lip_ms",
    }  # fmt: skip
    assert set(data["switch"]["sound_ms"]) >= {"n", "median", "p95", "max"}
    assert set(data["leaks"]) >= {"samples", "packets"}
    assert set(data["voice"]) == {"sites", "worst_pesq"}
    assert set(data["voice"]["sites"]["kandis"]) == {
        "pesq", "stoi", "delay_ms", "delay_p95_ms", "gap_percent", "longest_gap_ms",
    }  # fmt: skip
    assert set(data["faults"][0]) >= {"what", "at_s", "back_s"}
    assert set(data["events"]) == {"acknowledged", "lost", "chain_ok"}
    assert set(data["processes"][0]) >= {"name", "cpu_s", "cpu_percent", "rss_mb", "rss_mb_max"}
    assert set(data["relay"]) == {
        "packets_in", "packets_out", "cpu_us_per_packet_out", "forward_delay_ms",
    }  # fmt: skip
    assert set(data["links"][0]) == {"site", "up_kbps", "down_kbps", "loss_percent", "rtt_ms"}


def test_the_table_says_what_went_wrong_and_what_was_not_measured() -> None:
    text = table(a_result())
    for expected in (
        "NOT OK",
        "closed sites were heard: 480 samples",
        "kill relay at 20 s: back after 1.8 s",
        "kill server at 30 s: not back",
        "this machine fell behind; its figures are too high: kandis",
    ):
        assert expected in text
    pictures = next(line for line in text.splitlines() if line.startswith("first picture"))
    assert pictures.split()[3:] == ["0", "-", "-", "-", "0"]


def test_the_table_tells_of_links_that_were_bad() -> None:
    result = a_result()
    assert "link of" not in table(result)
    steps = [Step(10.0, "high"), Step(10.8, "low"), Step(26.0, "high")]
    heard = Heard(2, 0.25, 40.0, 120.0, 140.0, 4.31, 4.02, 7.5)
    result.bad_links = [
        Bad("siak", "rate=128k", 10.0, 12.0, steps, 4.0, {"during": heard}, {}),
        Bad("minas", "loss=5%", None, 0.0, [], None, {}, {"during": Heard(1)}),
    ]
    none = spread([])
    result.others = {"during": Others(none, none, none, none, none, none)}
    result.others_less = ["pictures a second: 8 instead of 10"]
    lines = table(result).splitlines()
    at = lines.index("link of siak, rate=128k from 10 s for 12 s:")
    assert lines[at + 1] == (
        "  pictures: high from 10.0 s, low from 10.8 s, high from 26.0 s; "
        "back 4.0 s after it was good again"
    )
    assert lines[at + 3].split() == "hears during 2 0.25 40 120 140 4.31 4.02 7.5".split()
    at = lines.index("link of minas, loss=5%:")
    assert lines[at + 3].split() == "is heard during 1 - - - - - - -".split()
    assert lines[-2].endswith("were bad: pictures a second: 8 instead of 10")


FILM = Film("m1", "rekaman.mkv", 20_000, 1_500_000, (), segments=2, torn=1)
CHAPTER = {"site": "kandis", "turn": 1, "began_ms": 0, "ended_ms": 10_000, "loudest": "kandis"}
CHAPTER |= {"early_ms": -120.0, "late_ms": 30.0, "missing_ms": 0.0, "gap_ms": 0.0, "off_ms": 50.0}


def test_a_recording_is_right_when_everybody_is_at_his_place() -> None:
    one = recorded(FILM, [CHAPTER], set())
    assert one.ok and (one.begin_ms.max, one.end_ms.max, one.off_ms.max) == (120.0, -30.0, 50.0)
    result = a_result()
    result.recording = one
    assert "2 segments" in table(result)
    result.recording.trouble = "nothing was recorded here"
    assert "nothing was recorded here" in table(result)


@pytest.mark.parametrize(
    ("change", "disturbed"),
    [
        ({"loudest": "minas"}, {1}),
        ({"early_ms": None}, set()),
        ({"late_ms": -201.0}, set()),
        ({"off_ms": 201.0}, {1}),
        ({"off_ms": -201.0}, set()),
        ({"missing_ms": 201.0}, set()),
    ],
)
def test_a_recording_with_a_fault_is_not(change: dict, disturbed: set[int]) -> None:
    assert not recorded(FILM, [{**CHAPTER, **change}], disturbed).ok


def test_a_turn_that_a_fault_disturbed_may_miss_something() -> None:
    gone = {**CHAPTER, "early_ms": None, "late_ms": None, "off_ms": None, "loudest": ""}
    assert recorded(FILM, [gone, {**CHAPTER, "missing_ms": 900.0, "turn": 2}], {1, 2}).ok
    assert not recorded(msgspec.structs.replace(FILM, dropped=1), [CHAPTER], set()).ok


def test_only_the_chair_may_be_heard_in_place_of_one_who_was_gone() -> None:
    chair = {**CHAPTER, "site": "hall", "turn": 0, "loudest": "hall"}
    gone = {**CHAPTER, "turn": 2, "loudest": "hall"}
    assert recorded(FILM, [chair, gone], {2}).ok
    assert not recorded(FILM, [chair, gone], set()).ok
    assert not recorded(FILM, [chair, {**gone, "loudest": "minas"}], {2}).ok
