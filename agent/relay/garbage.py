"""When Python's garbage collector looks through what.

Rules:
- What a connection is made of is not looked through once it is there: sites come and stay, and to
  look through fifty of them takes a tenth of a second in which nothing is forwarded.
- What is left of connections that were closed is looked for as soon as nothing is forwarded; while
  something is, when so much is left that it would be missed.
"""

import gc

MANY = 128
"""Connections: 50 MB."""


class Garbage:
    """Of the relay's process."""

    def __init__(self) -> None:
        self._made = self._closed = 0
        self._packets_out = -1

    def made(self) -> None:
        """A connection is there, and stays for now."""
        self._made += 1

    def closed(self) -> None:
        """One is not needed any more."""
        self._closed += 1

    def look(self, packets_out: int) -> None:
        """To be called once a second, with how much was forwarded so far."""
        is_idle, self._packets_out = packets_out == self._packets_out, packets_out
        if self._closed >= MANY or (self._closed and is_idle):
            self._made = self._closed = 0
            gc.unfreeze()
            gc.collect()
            gc.freeze()
        elif self._made:
            self._made = 0
            gc.collect(1)  # what came last, and is left
            gc.freeze()
