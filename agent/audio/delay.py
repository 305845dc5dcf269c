"""The delay that is aimed at with a voice. Pure.

Rules:
- It is a quantile of what frames were late by, whichever way they came, between bounds of the mode:
  `conversation` keeps it short, `clear` leaves time for everything to be recovered, `auto` is the
  first on a good link and the second on a bad one.
- Of one speaker the next inherits nothing but what the link itself is known for.

It counts from when the fastest packet would come. After AUDIO.md.
"""

import math
from typing import Literal

from agent.audio.bursts import Bursts
from agent.audio.hop import FRAME_S, PARITY
from agent.audio.lateness import WINDOW_FRAMES, Lateness

Mode = Literal["auto", "conversation", "clear"]
Voice = Literal["conversation", "clear"]

FIRST_S, KNOWN_FRAMES = 0.01, 50
"""On a good link a speaker is heard so much sooner than nearly all packets come: the grid of pulls
adds half a frame, and where it adds less the delay grows. So many frames tell how good it is."""

CONVERSATION_FLOOR_S = 0.06
CONVERSATION_RECOVER_S = 0.09
CONVERSATION_MAX_S, CONVERSATION_SHAKY_MAX_S = 0.17, 0.2
"""The second where a link jitters and loses: what is sent again or twice is late there, too."""

REACH_S, JUST_S = 0.1, 0.001
"""Copies that come so late are waited for in conversation, and just so long: the way of 30 ms, the
frame of 20, the codec's 6.5 and 1 or 2 at the two ends and the relay leave 102 of 160 ms."""

PARITY_SPARE_S, PARITY_BOTH_SPARE_S = 0.016, 0.009
"""More is not waited for on a thin link: the second where the speaker's is one, too, for the delay
of both adds up."""

CLEAR_FLOOR_S, CLEAR_COPIED_S = 0.34, 0.342
CLEAR_MAX_S = 0.55
REACH_FRAMES, BEYOND_FROM = 17, 0.006
"""In `clear` copies reach back so many frames on a bad link, and have just time to come. More than
that is waited for where a larger share than the second is lost in bursts that are longer."""

SHAKY_S, QUEUED = 0.04, 1.25
"""From one packet to the next delays differ by more than the first on a link that jitters; where
packets queue they don't, and one in a hundred is late by the second times what one in ten is."""

MARGIN_S = 0.012

BAD_FROM, GOOD_FROM = 0.012, 0.003
"""Share of frames that came out of turn (lost on some hop, or far out of order): `auto` turns to
`clear` above the first, back to `conversation` below the second."""

DISTURBED_FRAMES = 300
MOST_LOST = 100
"""Where more are missing, another count began."""


class LinkMemory:
    """What the slots of one downlink know together: the share of frames that came out of turn on
    the way from the relay (0 to 1), and what those who spoke last were late by (seconds, the
    `QUANTILE`; None while nobody spoke for long enough)."""

    def __init__(self) -> None:
        self.disturbed = 0.0
        self.late_s: float | None = None
        # As it was with the speaker before.
        self._before = math.inf

    @property
    def is_good(self) -> bool:
        """Whether all but nothing is lost on it."""
        return self.disturbed < GOOD_FROM

    def next_speaker(self) -> None:
        """Another one speaks: what was lost with one of the last two alone, his own link lost."""
        self.disturbed, self._before = min(self.disturbed, self._before), self.disturbed


class Aim:
    """Of one slot: the delay it aims at, by what comes. `late`: how late the frames of the speaker
    are; `newest`: the number of the one that is last in his speech; `reach`: how many frames back
    the copies on this hop reach, as the last packet with any tells."""

    def __init__(self, mode: Mode, link: LinkMemory) -> None:
        self.mode: Mode = mode
        self.late = Lateness()
        self._link = link
        self._voice: Voice = "conversation"
        self.begin(0)

    def begin(self, number: int) -> None:
        """Another speaker, from packet `number` on."""
        if len(self.late) >= KNOWN_FRAMES:
            self._link.next_speaker()
        self.late = Lateness()
        self.newest = -1
        self._bursts = Bursts()
        self._beyond = 0.0
        self._disturbed = self._link.disturbed
        self.reach = self._reach_before = 0
        self._reach_told = number
        # The last packet that came in turn by itself: lost neither here nor on the hop before.
        self._whole = number - 1

    def took_recovered(self, number: int, reach: int) -> None:
        """A frame came that the speaker's hop lost, where copies reach so many frames back."""
        self._reach_before, self._reach_told = reach, number

    def took_newest(self, number: int, recovered: int) -> None:
        """A frame came in turn, or after some that are missing, or late from the hop before, where
        it was `recovered`. What was not sent (DTX) has no number, and is not missed."""
        missed = number - self.newest - 1 if self.newest >= 0 else 0
        self.newest = number
        link_bad = 1.0 if 0 < missed <= MOST_LOST else 0.0
        bad = 1.0 if recovered else link_bad
        self._disturbed += (bad - self._disturbed) / DISTURBED_FRAMES
        self._link.disturbed += (link_bad - self._link.disturbed) / DISTURBED_FRAMES
        if not recovered:
            lost = number - self._whole - 1
            self._bursts.push(number, lost if 0 < lost <= MOST_LOST else 0)
            self._whole = number

    def measured(self) -> None:
        """How late frames are was measured anew."""
        self._beyond = self._bursts.beyond(self.newest, REACH_FRAMES)
        if len(self.late) >= KNOWN_FRAMES:
            self._link.late_s = self.late.late_s

    @property
    def voice(self) -> Voice:
        """The mode in use."""
        if self.mode != "auto":
            self._voice = self.mode
        elif self._disturbed > BAD_FROM:
            self._voice = "clear"
        elif self._disturbed < GOOD_FROM:
            self._voice = "conversation"
        return self._voice

    @property
    def delay_s(self) -> float:
        """The delay aimed at, from when the fastest packet would come to its sound."""
        if self.voice == "clear":
            floor_s = CLEAR_COPIED_S if self._copies_reach == REACH_FRAMES else CLEAR_FLOOR_S
            late_s = min(CLEAR_MAX_S, self.late.longest_s + MARGIN_S)
            return max(floor_s, late_s) if self._is_longer_worth else floor_s
        if self._disturbed < GOOD_FROM:
            return min(CONVERSATION_MAX_S, max(CONVERSATION_FLOOR_S, self.late.late_s + MARGIN_S))
        reach = self._copies_reach
        if self.late.shake_s > SHAKY_S or not reach:
            is_lossy = self.late.late_s > CONVERSATION_SHAKY_MAX_S
            most_s = CONVERSATION_SHAKY_MAX_S if is_lossy else CONVERSATION_MAX_S
            late_s = max(self.late.jitter_s, self.late.latest_s) + MARGIN_S
        else:
            # What comes later than any copy is not waited for.
            most_s = CONVERSATION_MAX_S
            spare_s = FRAME_S
            if reach == PARITY[-1]:
                # On a thin link frames take long by their size, which is in what they are late by.
                is_both = self.reach and self._reached_before
                most_spare_s = PARITY_BOTH_SPARE_S if is_both else PARITY_SPARE_S
                spare_s = min(most_spare_s, max(0.0, self.late.latest_s - reach * FRAME_S))
            copied_s = min(CONVERSATION_RECOVER_S, reach * FRAME_S + spare_s + MARGIN_S)
            if reach * FRAME_S <= REACH_S:
                copied_s = max(copied_s, reach * FRAME_S + JUST_S)
            late_s = max(copied_s, QUEUED * self.late.tenth_s + MARGIN_S)
        return min(most_s, max(CONVERSATION_FLOOR_S, late_s))

    @property
    def first_s(self) -> float:
        """The delay to begin with. Who gets the floor is to be heard at once, on a bad link, too:
        where nobody asked for `clear` the delay is short at first, and grows in his first pause. On
        a link that is known to be good it is less than what packets are late by there: it grows
        where the first one is missed."""
        if self.mode != "auto":
            return self.delay_s
        late_s = self._link.late_s
        if self._disturbed < GOOD_FROM and late_s is not None:
            return min(self.delay_s, max(0.0, late_s - FIRST_S))
        return min(self.delay_s, CONVERSATION_RECOVER_S)

    @property
    def _copies_reach(self) -> int:
        """How many frames back copies reach, on this hop or on the speaker's."""
        return max(self.reach, self._reached_before)

    @property
    def _reached_before(self) -> int:
        """The same on the speaker's hop, where that lost something lately."""
        is_old = self.newest - self._reach_told > WINDOW_FRAMES
        return 0 if is_old else self._reach_before

    @property
    def _is_longer_worth(self) -> bool:
        """Whether in `clear` more than a few frames come later than the floor leaves time for: so
        they did where the way itself varies or a queue stands, so they will where bursts are
        long."""
        if self.late.shake_s > SHAKY_S or self.late.straight_s + MARGIN_S > CLEAR_FLOOR_S:
            return self.late.mostly_s + MARGIN_S > CLEAR_FLOOR_S
        return self._beyond > BEYOND_FROM
