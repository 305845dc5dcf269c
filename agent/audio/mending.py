"""What came too late to be heard is told to the decoder all the same. Pure.

A frame that is missing is guessed, and the decoder takes its guess for what was said: what follows
suffers from it. So it is kept as it was before the hole; when it is known what was said there, it
goes back and decodes what it guessed.
"""

from collections.abc import Sequence
from typing import Protocol

from agent.audio.mixer import FADE_SAMPLES, RISING, Wave

MEND_FRAMES = 8
"""A frame that comes too late is of use while no more than so many were played since."""


class Decoder(Protocol):
    """What decodes; a damaged packet raises ValueError."""

    def decode(self, packet: bytes) -> Wave: ...
    def decode_fec(self, next_packet: bytes) -> Wave: ...
    def conceal(self) -> Wave: ...
    def reset(self) -> None: ...
    def keep(self) -> None: ...
    def back(self) -> None: ...


class Mending:
    """Of one decoder; frames have numbers that go on by one every 20 ms."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        # The first frame that was guessed (the decoder was kept before it); what was played since
        # or came too late; whether anything did that the decoder does not know.
        self._hole: int | None = None
        self._since: dict[int, bytes] = {}
        self._is_guessing = False

    def forget(self) -> None:
        """What follows owes nothing to what was guessed."""
        self._hole = None

    def missed(self, index: int) -> None:
        """This frame is not there, and will be guessed."""
        if self._hole is None or index - self._hole > MEND_FRAMES:
            self._hole, self._since, self._is_guessing = index, {}, False
            self._decoder.keep()

    def held(self) -> None:
        """What is guessed for the frame that was missed is played before it."""
        self._is_guessing = True

    def came_late(self, index: int, payload: bytes) -> None:
        """This frame came when its time was over."""
        if self._hole is not None and index >= self._hole:
            self._since[index] = payload
            self._is_guessing = True

    def decode(self, index: int, payload: bytes) -> Wave:
        """A frame that is played. Raises ValueError when it is damaged, or what it is mended by."""
        if self._hole is not None and index - self._hole > MEND_FRAMES:
            self.forget()
        if self._hole is not None:
            self._since[index] = payload
            if self._is_guessing:
                return self._mended(range(self._hole, index), payload)
        return self._decoder.decode(payload)

    def _mended(self, before: Sequence[int], payload: bytes) -> Wave:
        """A frame as it is when the decoder knows of those before what is known now. It begins as
        the sound would have gone on, or there would be a click."""
        self._is_guessing = False
        start = self._decoder.decode(payload)[:FADE_SAMPLES] * RISING[::-1]
        self._decoder.back()
        for index in before:
            if index in self._since:
                self._decoder.decode(self._since[index])
            else:
                self._decoder.conceal()
        pcm = self._decoder.decode(payload)
        pcm[:FADE_SAMPLES] = start + pcm[:FADE_SAMPLES] * RISING
        return pcm
