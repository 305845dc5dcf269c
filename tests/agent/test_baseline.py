"""The wire between two peers, and aiortc as it is over it. Chromium: see test_chromium.py."""

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from agent import baseline
from agent.baseline import HOST, Wire, redirected
from agent.impair import Impairment

ROOT = Path(__file__).parents[2]
SPEECH = ROOT / "agent" / "clips" / "perempuan.flac"
OFFER = "\r\n".join(
    [
        "v=0",
        "m=audio 9 UDP/TLS/RTP/SAVPF 96",
        "a=mid:0",
        "a=candidate:3 1 udp 2122267903 ::1 53016 typ host generation 0 network-id 4",
        "a=candidate:1 1 udp 2122194687 127.0.0.1 54660 typ host generation 0 network-id 3",
        "a=candidate:2 1 udp 2122063615 192.0.2.2 58067 typ host",
        "a=candidate:4 1 tcp 1518214911 127.0.0.1 9 typ host tcptype active",
        "a=ice-ufrag:Le+U",
        "",
    ]
)


def run(out: Path, seconds: float = 2.0, kind: str = "aiortc", **hops: str) -> int:
    return baseline.main(kind, speech=SPEECH, out=out, seconds=seconds, warm_up=0.5, **hops)


def heard_and_spoken(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 48_000, 2)
        sound = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)
    spoken, heard = sound.reshape(-1, 2).T.astype(float)
    return spoken, heard


def delay_ms(spoken: np.ndarray, heard: np.ndarray) -> tuple[float, float]:
    """The shift at which both are most alike, and how much they are (1: the same)."""
    size = 2 * len(spoken)
    likeness = np.fft.irfft(np.fft.rfft(heard, size) * np.fft.rfft(spoken, size).conj())
    best = int(likeness[: len(spoken)].argmax())
    there = np.sqrt((spoken[: len(spoken) - best] ** 2).sum() * (heard[best:] ** 2).sum())
    return best / 48, float(likeness[best] / max(there, 1.0))


def test_a_redirected_description_has_no_other_way() -> None:
    text, port = redirected(OFFER, 4711)
    assert port == 54660
    candidates = [line for line in text.splitlines() if "candidate" in line]
    assert candidates == ["a=candidate:1 1 udp 2130706431 127.0.0.1 4711 typ host"]
    rest = [line for line in OFFER.splitlines() if "candidate" not in line]
    assert [line for line in text.splitlines() if "candidate" not in line] == rest


def test_a_peer_that_is_not_on_loopback_is_refused() -> None:
    with pytest.raises(ValueError, match="no UDP candidate"):
        redirected(OFFER.replace("udp 2122194687 127.0.0.1", "udp 2122194687 192.0.2.3"), 4711)


@contextlib.asynccontextmanager
async def wired(first: str, second: str) -> AsyncIterator[tuple[Wire, list[socket.socket]]]:
    """A wire and the sockets of sender, receiver and a stranger."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in range(3)]
        for one in sockets:
            one.bind((HOST, 0))
            one.setblocking(False)
        wire = Wire(Impairment.parse(first), Impairment.parse(second))
        stack.callback(wire.close)
        await wire.begin()
        line = "a=candidate:1 1 udp 1 127.0.0.1 {} typ host"
        ports = [one.getsockname()[1] for one in sockets]
        for_receiver = wire.for_receiver(line.format(ports[0]))
        for_sender = wire.for_sender(line.format(ports[1]))
        sockets[0].connect((HOST, int(for_sender.split()[5])))
        sockets[1].connect((HOST, int(for_receiver.split()[5])))
        sockets[2].connect((HOST, int(for_sender.split()[5])))
        yield wire, sockets


async def test_the_wire_carries_both_ways_between_its_two_peers_only() -> None:
    loop = asyncio.get_running_loop()
    async with wired("", "") as (wire, (sender, receiver, stranger)):
        wire.impair()
        stranger.send(b"stranger")
        sender.send(b"there")
        assert await asyncio.wait_for(loop.sock_recv(receiver, 100), 20) == b"there"
        receiver.send(b"and back")
        assert await asyncio.wait_for(loop.sock_recv(sender, 100), 20) == b"and back"
        assert [size for _at, size in wire.sent] == [5 + 28]


async def test_hops_add_up_once_the_wire_is_impaired() -> None:
    loop = asyncio.get_running_loop()
    hops = ("rtt=200ms", "rtt=300ms")
    async with wired(*hops) as (wire, (sender, receiver, _stranger)):
        sender.send(b"before")
        assert await asyncio.wait_for(loop.sock_recv(receiver, 100), 20) == b"before"
        wire.impair()
        for near, far in ((sender, receiver), (receiver, sender)):
            began = loop.time()
            near.send(b"later")
            assert await asyncio.wait_for(loop.sock_recv(far, 100), 20) == b"later"
            assert loop.time() - began >= 0.249


@pytest.mark.parametrize("hops", [("loss=100%", ""), ("", "loss=100%")])
async def test_what_one_hop_loses_does_not_arrive(hops: tuple[str, str]) -> None:
    async with wired(*hops) as (wire, (sender, receiver, _stranger)):
        wire.impair()
        for near, far, hops_on_the_way in (
            (sender, receiver, wire._out),
            (receiver, sender, wire._in),
        ):
            near.send(b"lost")
            async with asyncio.timeout(20):
                while not any(hop.lost for hop in hops_on_the_way):
                    await asyncio.sleep(0.01)
            with pytest.raises(BlockingIOError):
                far.recv(100)


def test_aiortc_over_a_clean_wire(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "out.wav") == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["software"].startswith("aiortc 1.")
    assert figures["packets"] >= 50 and figures["kbps"] > 10
    spoken, heard = heard_and_spoken(tmp_path / "out.wav")
    assert len(spoken) == 96_000
    shift_ms, likeness = delay_ms(spoken, heard)
    assert likeness > 0.5
    assert 20 < shift_ms < 1500
    said = baseline.read_sound(SPEECH)
    assert np.array_equal(spoken, said[24_000:120_000]), "left is the speech after the warm-up"


def test_both_hops_delay_what_aiortc_says(tmp_path: Path) -> None:
    """A hop alone would make 300 ms, and aiortc some 130 ms."""
    out = tmp_path / "out.wav"
    assert run(out, 3.0, first_hop="rtt=600ms,seed=1", second_hop="rtt=600ms,seed=1") == 0
    shift_ms, likeness = delay_ms(*heard_and_spoken(out))
    assert likeness > 0.5
    assert shift_ms >= 600


def test_a_second_hop_that_loses_all_is_silence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "out.wav", 1.0, second_hop="loss=100%") == 0
    spoken, heard = heard_and_spoken(tmp_path / "out.wav")
    assert np.abs(spoken).max() > 1000
    assert not heard.any()
    assert json.loads(capsys.readouterr().out)["kbps"] > 0, "it was sent all the same"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kind": "skype"}, "'skype' is not known; known are chromium, aiortc"),
        ({"seconds": 0.0}, "--seconds 0"),
        ({"seconds": float("nan")}, "--seconds nan"),
        ({"warm_up": -1.0}, "--warm-up -1"),
        ({"first_hop": "loss=much"}, "loss=much: expected a percentage"),
        ({"second_hop": "colour=red"}, "'colour': known are"),
        ({"speech": Path(__file__)}, "no sound can be read"),
        ({"speech": Path("there", "is", "none.wav")}, "none.wav"),
        ({"out": Path("there", "is", "none.wav")}, "there is no such folder"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_bad_input_is_one_line(
    change: dict, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"kind": "aiortc", "speech": SPEECH, "out": tmp_path / "out.wav", "seconds": 1.0}
    given |= change
    assert baseline.main(given.pop("kind"), **given) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert says in captured.err
    assert len(captured.err.splitlines()) == 1
    assert not (tmp_path / "out.wav").exists()


def test_peers_that_never_meet_end_in_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(baseline, "CONNECT_S", 0.0)
    assert run(tmp_path / "out.wav") == 1
    assert capsys.readouterr().err == "giliran baseline: the two peers took too long\n"


def test_the_hidden_command_says_what_is_missing(tmp_path: Path) -> None:
    """No chromium on an empty PATH."""
    command = [sys.executable, "-m", "console.cli", "baseline", "chromium", "--speech", str(SPEECH)]
    command += ["--out", str(tmp_path / "out.wav"), "--seconds", "1"]
    done = subprocess.run(
        command, cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr == "giliran baseline: no chromium on this machine: apt install chromium\n"
