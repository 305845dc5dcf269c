"""The figures: spreads, and the fields other programs rely on."""

import msgspec

from console.rehearsal.result import (
    Events,
    Fault,
    Leaks,
    LinkUse,
    ProcessUse,
    RelayUse,
    Result,
    Spread,
    Switch,
    Voice,
    Voices,
    spread,
    table,
)


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
    assert set(data["switch"]) == {"sound_ms", "picture_ms", "wrong_pictures", "torn_pictures"}
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
