"""A voice coded so evenly as a thin link needs it. Pure.

libopus keeps a bitrate over seconds only: where somebody speaks without a breath it is a sixth more
for half of one. On a link that the voice nearly fills, those frames and all that follow wait in a
queue.
"""

FROM = 24_000
"""What is coded at more goes over a link that has room."""

OVER_S = 0.027
"""So much more may have been used than the bitrate gives."""

LESS = 0.8
LEAST = 10_000


class Even:
    """Tells at which bitrate (bit/s) the next frame is to be coded."""

    def __init__(self) -> None:
        self._over = 0.0

    def bitrate(self, wanted: int) -> int:
        """Less than wanted where more than that was used lately."""
        if wanted > FROM or self._over <= OVER_S * wanted:
            return wanted
        return max(LEAST, round(LESS * wanted))

    def coded(self, size_bytes: int, wanted: int, frame_s: float) -> None:
        """A frame became so long."""
        self._over = max(0.0, self._over + 8 * size_bytes - frame_s * wanted)
