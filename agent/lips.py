"""Which moment of a picture belongs to which moment of a sound. Pure.

Sender reports (RFC 3550 §6.4.1) tell for each stream which timestamp a moment of the sender's clock
has; the relay keeps that through its rewriting. What was captured at one moment has one NTP time in
both streams; so a picture is due when the sound of its moment is played.
"""

from agent import rtcp, rtp

OLD_S = 10.0


class Lips:
    """What sender reports told of each stream."""

    def __init__(self) -> None:
        # SSRC → (NTP time in seconds, timestamp, when that was told)
        self._told: dict[int, tuple[float, int, float]] = {}

    def push(self, report: rtcp.SenderReport, now: float) -> None:
        """A sender report that arrived now (monotonic seconds)."""
        self._told[report.ssrc] = (rtcp.unix_from_ntp(report.ntp), report.ts, now)

    def sound_of(
        self, picture: int, ts: int, picture_clock: int, sound: int, sound_clock: int, now: float
    ) -> int | None:
        """The timestamp of the sound (SSRC `sound`) of the moment when the picture with this
        timestamp was taken; None while that is not known. Clocks in Hz."""
        one, other = self._told.get(picture), self._told.get(sound)
        if one is None or other is None or now - min(one[2], other[2]) > OLD_S:
            return None
        ntp, base, _at = one
        captured = ntp + rtp.ts_delta(ts, base) / picture_clock
        sound_ntp, sound_base, _at = other
        return (sound_base + round((captured - sound_ntp) * sound_clock)) & 0xFFFFFFFF
