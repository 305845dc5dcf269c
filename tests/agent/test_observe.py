"""What the recordings hold is found: who, when, how late, which holes, which leaks."""

import json
import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from agent import voice
from agent.audio import opus
from agent.observe import Questions, Turn, answer, main, observe

NUMBERS = {"hall": 0, "kandis": 1, "minas": 2}
BEGIN = 1000.0
SECONDS = 8
DELAY_S = 0.12


def through_opus(pcm: np.ndarray, lose_every: int = 0) -> np.ndarray:
    """As a site hears it; what is lost is recovered from the packet behind it."""
    encoder, decoder = opus.Encoder(fec=True, loss_percent=10), opus.Decoder()
    frames = [pcm[at : at + 960] for at in range(0, len(pcm), 960)]
    packets = [encoder.encode(frame) for frame in frames]
    out = []
    for number, packet in enumerate(packets):
        if lose_every and number % lose_every == 5:
            out.append(decoder.decode_fec(packets[min(number + 1, len(packets) - 1)]))
        else:
            out.append(decoder.decode(packet))
    return np.concatenate(out)


def spoken(site: str, begin: float, end: float, lose_every: int = 0) -> np.ndarray:
    """A recording of SECONDS in which `site` is heard from begin to end, DELAY_S after it spoke."""
    pcm = np.zeros(SECONDS * 48_000, dtype=np.int16)
    first, last = round((begin - BEGIN) * 48_000), round((end - BEGIN) * 48_000)
    position = round((begin - DELAY_S) * 48_000)
    said = voice.waveform(NUMBERS[site], 0, 0)
    said = np.concatenate(
        [voice.waveform(NUMBERS[site], position + n, 960) for n in range(0, last - first, 960)]
    )
    heard = through_opus(said, lose_every)[: last - first]
    # Opus looks ahead 6.5 ms: the sound comes out that much later.
    pcm[first : first + len(heard)] = heard
    return pcm


def record(folder: Path, site: str, *sounds: np.ndarray) -> None:
    mixed = np.sum(sounds, axis=0, dtype=np.int32).clip(-32768, 32767).astype(np.int16)
    with wave.open(str(folder / f"{site}.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(mixed.tobytes())
    times = BEGIN + np.arange(SECONDS * 50) * 0.02
    (folder / f"{site}.wav.times").write_bytes(times.tobytes())
    (folder / "sites.json").write_text(json.dumps(NUMBERS))


def questions() -> Questions:
    turns = [Turn("kandis", BEGIN + 2.0, BEGIN + 6.0)]
    return Questions("hall", BEGIN + 1.0, BEGIN + 7.0, turns)


def hall_and_kandis(lose_every: int = 0) -> list[np.ndarray]:
    return [
        spoken("hall", BEGIN + 1.1, BEGIN + 7.1),
        spoken("kandis", BEGIN + 2.15, BEGIN + 6.1, lose_every),
    ]


def at_minas(folder: Path, *sounds: np.ndarray) -> dict:
    record(folder, "minas", *sounds)
    found = answer(observe(folder), questions())
    return {"turn": found["turns"][0]["listeners"]["minas"], "leaks": found["leaks"], **found}


def test_first_sound_and_delay_in_a_mix_of_two(tmp_path: Path) -> None:
    found = at_minas(tmp_path, *hall_and_kandis())
    assert found["turn"]["sound_ms"] == pytest.approx(150, abs=20)
    assert found["turn"]["delay_ms"] == pytest.approx(1000 * DELAY_S + 6.5, abs=15)
    assert found["turn"]["longest_gap_ms"] == 0
    assert found["leaks"]["samples"] == 0
    (span,) = found["heard"]["minas"]["kandis"]
    assert span[0] == pytest.approx(BEGIN + 2.15, abs=0.03)
    assert span[1] == pytest.approx(BEGIN + 6.1, abs=0.03)


def test_single_losses_that_are_concealed_are_no_holes_and_no_leaks(tmp_path: Path) -> None:
    found = at_minas(tmp_path, *hall_and_kandis(lose_every=10))
    assert found["turn"]["longest_gap_ms"] <= 50
    assert found["leaks"]["samples"] == 0


def test_the_delay_is_found_in_spite_of_losses(tmp_path: Path) -> None:
    found = at_minas(tmp_path, *hall_and_kandis(lose_every=25))
    assert found["turn"]["delay_ms"] == pytest.approx(1000 * DELAY_S + 6.5, abs=20)


def test_a_delay_that_grows_is_what_it_is_in_the_end(tmp_path: Path) -> None:
    kandis = spoken("kandis", BEGIN + 2.1, BEGIN + 5.1)
    begin = round(2.1 * 48_000)
    frames = np.split(kandis[begin : begin + 120 * 960], 120)
    # After each 160 ms 20 ms are heard twice: whole waves of the tone.
    twice = [n < 8 * 7 and n % 8 == 7 for n in range(120)]
    later = np.concatenate(
        [f for f, again in zip(frames, twice, strict=True) for _ in range(1 + again)]
    )
    kandis[begin : begin + len(later)] = later
    record(tmp_path, "minas", kandis)
    turns = [Turn("kandis", BEGIN + 2.0, BEGIN + 4.5)]
    asked = Questions("hall", BEGIN + 1.0, BEGIN + 7.0, turns)
    turn = answer(observe(tmp_path), asked)["turns"][0]["listeners"]["minas"]
    assert turn["delay_ms"] == pytest.approx(1000 * (DELAY_S + 7 * 0.02) + 6.5, abs=20)


def test_a_hole_is_found(tmp_path: Path) -> None:
    hall, kandis = hall_and_kandis()
    kandis[4 * 48_000 : 4 * 48_000 + 5760] = 0  # 120 ms
    found = at_minas(tmp_path, hall, kandis)
    assert found["turn"]["longest_gap_ms"] == pytest.approx(120, abs=40)
    assert found["turn"]["gap_percent"] > 1


@pytest.mark.parametrize("who", ["minas", "kandis", "hall"])
def test_a_leak_is_found(who: str, tmp_path: Path) -> None:
    at = BEGIN + (7.6 if who == "hall" else 7.0 if who == "kandis" else 4.0)
    leak = spoken(who, at, at + 0.1) // 4  # 100 ms at -12 dB
    found = at_minas(tmp_path, *hall_and_kandis(), leak)
    assert found["leaks"]["samples"] >= 1440
    assert {one["of"] for one in found["leaks"]["found"]} == {who}


def test_pictures(tmp_path: Path) -> None:
    shown = [
        (2.0, 0, False), (2.1, 0, False), (2.25, 1, False), (2.35, 1, True), (2.45, 2, False),
        (2.55, 1, False),
    ]  # fmt: skip
    lines = [
        {"at": BEGIN + at, "slot": "main", "site": site, "counter": n,
         "time_ms": round(1000 * (BEGIN + at)) - 80, "torn": torn}
        for n, (at, site, torn) in enumerate(shown)
    ]  # fmt: skip
    text = "".join(json.dumps(line) + "\n" for line in lines) + '{"at": 100'
    (tmp_path / "minas.stamps.jsonl").write_text(text)
    turn = at_minas(tmp_path, *hall_and_kandis())["turn"]
    assert turn["picture_ms"] == pytest.approx(250, abs=1)
    assert (turn["wrong_pictures"], turn["torn_pictures"]) == (1, 1)
    assert turn["glass_ms"] == pytest.approx(80, abs=2)


def test_the_second_life_of_an_agent_is_read_too(tmp_path: Path) -> None:
    record(tmp_path, "minas", spoken("kandis", BEGIN + 1, BEGIN + 3))
    for name in ("minas.wav", "minas.wav.times"):
        (tmp_path / name.replace("minas", "minas~2")).write_bytes((tmp_path / name).read_bytes())
    times = np.frombuffer((tmp_path / "minas.wav.times").read_bytes()) + 20
    packed = struct.pack(f"<{len(times)}d", *times)
    (tmp_path / "minas~2.wav.times").write_bytes(packed)
    spans = observe(tmp_path)["minas"].intervals("kandis")
    assert [round(span[0] - BEGIN) for span in spans] == [1, 21]


def test_it_tells_how_far_it_is(tmp_path: Path) -> None:
    record(tmp_path, "minas", *hall_and_kandis())
    (tmp_path / "sites.json").write_text(json.dumps({"minas": 1, "kandis": 2}))
    told: list[str] = []
    listeners = observe(tmp_path, told.append)
    answer(listeners, questions(), told.append)
    assert told == [
        "listening, site 1 of 2: minas",
        "listening, site 2 of 2: kandis",
        "measuring, turn 1 of 1: kandis",
    ]


def test_a_folder_that_holds_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(tmp_path) == 1
    assert "no sites.json" in capsys.readouterr().err
