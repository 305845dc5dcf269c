"""Which sound belongs to which picture."""

import pytest

from agent import rtcp, rtp
from agent.lips import OLD_S, Lips

PICTURE, SOUND = 1, 2


def report(ssrc: int, at: float, ts: int) -> rtcp.SenderReport:
    return rtcp.SenderReport(ssrc, rtcp.ntp_from_unix(at), ts, 0, 0, ())


def sound_of(lips: Lips, ts: int, now: float) -> int | None:
    return lips.sound_of(PICTURE, ts, 90_000, SOUND, 48_000, now)


def test_what_was_captured_together_is_found_together() -> None:
    lips = Lips()
    assert sound_of(lips, 9000, 5.0) is None
    lips.push(report(PICTURE, 1_000.0, 0xFFFFFF00), 5.0)
    assert sound_of(lips, 9000, 5.0) is None
    lips.push(report(SOUND, 1_000.5, 100), 5.5)
    # A second after the picture's report, half a second after the sound's.
    ts = (0xFFFFFF00 + 90_000) & 0xFFFFFFFF
    assert sound_of(lips, ts, 6.0) == pytest.approx(100 + 24_000, abs=1)
    before = (0xFFFFFF00 - 9_000) & 0xFFFFFFFF
    sound = sound_of(lips, before, 6.0)
    assert sound is not None and rtp.ts_delta(sound, 100) == pytest.approx(-0.6 * 48_000, abs=1)


def test_old_reports_tell_nothing() -> None:
    lips = Lips()
    lips.push(report(PICTURE, 1.0, 0), 5.0)
    lips.push(report(SOUND, 1.0, 0), 5.0)
    assert sound_of(lips, 0, 5.0 + OLD_S) is not None
    assert sound_of(lips, 0, 5.1 + OLD_S) is None
