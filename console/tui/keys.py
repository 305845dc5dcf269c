"""Keys one after another, however fast they come.

Textual hands a key to the widget that has the focus, and does what is bound to it once the key has
bubbled up to the application. Of keys that come in a burst – over a slow link, on a busy machine –
the second is handed on before the first has opened its form: `r` and *normal* called the next
speaker instead of writing. Here a key waits until the one before it is through: until what it did,
what that led to, and the focus that was moved are as they will be.
"""

from collections import deque

from textual import events
from textual.app import App
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, TextArea

ROUNDS = 3
"""A message sent on by what a key did, and the focus that its handler moved."""


class KeysInOrder(App[None], inherit_bindings=False):
    """Holds a key while the one before it is under way. What is typed into a field is not held up:
    it stays in order by itself."""

    class Through(Message):
        """Follows a key through every widget that may handle it."""

        def __init__(self, number: int, rounds: int) -> None:
            self.number = number
            self.rounds = rounds
            super().__init__()

    def __init__(self) -> None:
        super().__init__()
        self._held: deque[events.Key | events.Paste] = deque()
        self._under_way = False
        self._typed = False
        self._number = 0
        self._followed: Widget | None = None

    async def on_event(self, event: events.Event) -> None:
        """Everything but keys is as ever."""
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            self._held.append(event)
            await self._hand_on()
        else:
            await super().on_event(event)

    async def _hand_on(self) -> None:
        """All keys up to one that has to be waited for."""
        while self._held and not self._under_way:
            typed = isinstance(self._held[0], events.Paste) or self._held[0].is_printable
            typed = typed and isinstance(self.focused, Input | TextArea)
            if self._typed and not typed:  # what was typed goes before what is done with it
                self._typed = False
                self._follow(1)
                return
            self._typed = typed
            self._under_way = not typed
            await super().on_event(self._held.popleft())
            if not typed:
                self._follow(ROUNDS)

    def _follow(self, rounds: int) -> None:
        self._under_way = True
        self._number += 1
        self._followed = self.next_for_keys()
        self._followed.post_message(self.Through(self._number, rounds))

    def next_for_keys(self) -> Widget:
        """Who would get the next key."""
        return self.focused or self.screen

    async def on_keys_in_order_through(self, message: "KeysInOrder.Through") -> None:
        """It came back: go round again, or on to the next key."""
        if message.number != self._number:
            return
        if message.rounds > 1:
            self._follow(message.rounds - 1)
        else:
            self._under_way = False
            await self._hand_on()

    def free_keys(self) -> None:
        """Called now and then: the message does not come back from a widget that was taken away."""
        if self._under_way and self._followed is not None and not self._followed.is_attached:
            self._follow(1)
