"""What a finished recording is made of: told by the journal, carried out where the media is.

The console writes a `Cues` beside the recording, the room of the media makes the film of it and
answers with a `Film`. Times of day are ms of UTC; places in the film are ms from its beginning,
which is the moment the journal says recording started. Pauses are cut out.
"""

import msgspec

CUES, FILM = "cues.json", "film.json"


class _Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Span(_Value, frozen=True):
    """A time from `began_at` to `ended_at` (ms of UTC)."""

    began_at: int
    ended_at: int

    def holds(self, at: int) -> bool:
        """Whether a moment is within it."""
        return self.began_at <= at < self.ended_at


class Cue(_Value, frozen=True):
    """A chapter to be: who has the floor. `turn` 0: the chair between two turns."""

    title: str
    site: str
    turn: int
    began_at: int
    ended_at: int


class Seat(_Value, frozen=True):
    """A time in which a site was heard on the panel, in a slot of it."""

    site: str
    slot: str
    span: Span


class Cues(_Value, frozen=True):
    """All that the journal says of a recording. `name` is that of the film, without a suffix;
    `recorded` the stretches between pauses; `floor` when each site had the floor, also while its
    connection was lost; `panel` who was heard without it."""

    meeting: str
    name: str
    title: str
    chair: str
    recorded: tuple[Span, ...]
    cues: tuple[Cue, ...]
    floor: dict[str, tuple[Span, ...]] = {}
    panel: tuple[Seat, ...] = ()

    @property
    def length_ms(self) -> int:
        """Of the whole film."""
        return sum(span.ended_at - span.began_at for span in self.recorded)

    def place_ms(self, at: int) -> int:
        """Where in the film a moment is; of a moment in a pause: where the film goes on."""
        place = 0
        for span in self.recorded:
            if at < span.began_at:
                return place
            if at < span.ended_at:
                return place + at - span.began_at
            place += span.ended_at - span.began_at
        return place

    def moment(self, place_ms: float) -> float:
        """Which moment a place in the film is (ms of UTC)."""
        for span in self.recorded:
            length = span.ended_at - span.began_at
            if place_ms < length or span is self.recorded[-1]:
                return span.began_at + place_ms
            place_ms -= length
        return place_ms

    def is_recorded(self, at: int) -> bool:
        """Whether a moment is in the film."""
        return any(span.holds(at) for span in self.recorded)


class Chapter(_Value, frozen=True):
    """A chapter of the film."""

    title: str
    site: str
    turn: int
    began_ms: int
    ended_ms: int


def chapters(cues: Cues) -> tuple[Chapter, ...]:
    """The chapters of the film: those of which anything was recorded."""
    made = [
        Chapter(
            cue.title, cue.site, cue.turn, cues.place_ms(cue.began_at), cues.place_ms(cue.ended_at)
        )
        for cue in cues.cues
    ]
    return tuple(one for one in made if one.ended_ms > one.began_ms)


class Clip(_Value, frozen=True):
    """The voice of one speaker in one chapter (turn 0: the chair's in the whole film)."""

    file: str
    site: str
    turn: int
    began_ms: int
    length_ms: int


class Film(_Value, frozen=True):
    """A finished recording. `sent_later_ms` of sound came from the sites afterwards, `dropped`
    frames the disk was too slow for, `torn` segments were left by a relay that was killed."""

    meeting: str
    file: str
    length_ms: int
    size_bytes: int
    chapters: tuple[Chapter, ...]
    clips: tuple[Clip, ...] = ()
    segments: int = 0
    torn: int = 0
    dropped: int = 0
    sent_later_ms: int = 0
