"""A real Chromium: driven over its pipes, and speaking over the wire."""

import asyncio
import json
import shutil
import wave
from pathlib import Path

import numpy as np
import pytest

from agent import baseline, chromium
from agent.chromium import ChromiumError

SPEECH = Path(__file__).parents[2] / "agent" / "clips" / "laki-laki.flac"

pytestmark = pytest.mark.skipif(
    not any(map(shutil.which, chromium.NAMES)), reason="needs chromium: apt install chromium"
)


def run(out: Path, **hops: str) -> tuple[np.ndarray, np.ndarray]:
    """What was spoken and heard in 3 s."""
    assert baseline.main("chromium", speech=SPEECH, out=out, seconds=3, warm_up=1, **hops) == 0
    with wave.open(str(out)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 48_000)
        sound = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)
    spoken, heard = sound.reshape(-1, 2).T.astype(float)
    assert len(spoken) == 3 * 48_000
    return spoken, heard


@pytest.mark.realtime
def test_chromium_over_a_clean_wire(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoken, heard = run(tmp_path / "out.wav")
    figures = json.loads(capsys.readouterr().out)
    assert figures["software"].startswith("Chromium ")
    assert figures["packets"] >= 50 and figures["kbps"] > 10
    said = baseline.read_sound(SPEECH)[48_000 : 4 * 48_000]
    assert np.abs(spoken - said).max() <= 1, "left is the speech after the warm-up"
    likeness = np.fft.irfft(np.fft.rfft(heard, 2**19) * np.fft.rfft(spoken, 2**19).conj())
    shift = int(likeness[: 48_000 * 2].argmax())
    assert 0.02 < shift / 48_000 < 1.5
    scale = np.sqrt((spoken**2).sum() * (heard**2).sum())
    assert likeness[shift] / scale > 0.3


@pytest.mark.realtime
def test_there_is_no_way_around_the_wire(tmp_path: Path) -> None:
    spoken, heard = run(tmp_path / "out.wav", second_hop="loss=100%")
    assert np.abs(spoken).max() > 1000
    assert np.abs(heard).max() < 100


async def test_values_and_errors_of_the_page() -> None:
    async with chromium.browser() as one:
        await one.open(chromium.PAGE)
        assert await one.evaluate("[1, 'dua', null]") == [1, "dua", None]
        assert await one.evaluate("Promise.resolve(window.isSecureContext)") is True
        with pytest.raises(ChromiumError, match="TypeError"):
            await one.evaluate("null.nothing")
        with pytest.raises(ChromiumError, match="refused No.suchMethod"):
            await one.call("No.suchMethod")
        with pytest.raises(ChromiumError, match="can't open"):
            await one.open(chromium.PAGE.with_name("no-such-page.html"))


async def test_a_browser_that_ends_says_so() -> None:
    async with chromium.browser() as one:
        with pytest.raises(ChromiumError, match="ended during"):
            async with asyncio.timeout(60):
                await one.call("Browser.close")
                while True:
                    await one.call("Browser.getVersion")


async def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chromium.tempfile, "tempdir", str(tmp_path))
    async with chromium.browser() as one:
        await one.call("Browser.getVersion")
        assert len(list(tmp_path.glob("giliran-chromium-*"))) == 1
    assert list(tmp_path.iterdir()) == []
