"""The cue sheet of a recording: derived from the journal. Pure."""

from datetime import UTC, datetime, timedelta

from console.meeting.fold import apply
from console.meeting.layout import slots
from console.meeting.state import Meeting
from protocol import events as e
from protocol.messages import AUDIO_SLOTS
from protocol.recording import Cue, Cues, Seat, Span


def file_name(state: Meeting) -> str:
    """`rekaman-2019-02-06-7c8d9e0f`, alike the name of the minutes."""
    began = state.opened_at if state.opened_at is not None else state.convened_at or 0
    moment = datetime.fromtimestamp(began / 1000, UTC)
    day = (moment + timedelta(minutes=state.plan.utc_offset_minutes)).date()
    return f"rekaman-{day.isoformat()}-{state.id[-8:]}"


def cues_of(state: Meeting, recorded: list[e.Recorded]) -> Cues:
    """The cues of a meeting whose events are `recorded`; one that goes on ends with the last."""
    now = recorded[-1].at if recorded else 0
    spans = tuple(
        Span(one.began_at, now if one.ended_at is None else one.ended_at) for one in state.recorded
    )
    turns = _turns(recorded, now)
    return Cues(
        meeting=state.id,
        name=file_name(state),
        title=state.plan.title,
        chair=state.chair,
        recorded=tuple(span for span in spans if span.ended_at > span.began_at),
        cues=tuple(_with_the_chair(state, turns, spans)),
        floor=_floor(turns),
        panel=tuple(_panel(recorded, now)),
    )


def label(state: Meeting, site: str) -> str:
    """A site as a chapter names it: `Camat Kandis – Drs. H. Said`; the chair by its office."""
    one = state.sites.get(site)
    if one is None:
        return site
    entry = one.entry
    if site == state.chair:
        return entry.title or state.plan.chair_person.office or entry.name
    name = entry.title if entry.name in entry.title else f"{entry.title} {entry.name}".strip()
    return f"{name} – {entry.officer}" if entry.officer else name


def _turns(recorded: list[e.Recorded], now: int) -> list[tuple[int, str, Span]]:
    """(turn, site, when) of every time that somebody had the floor, in order."""
    turns: list[tuple[int, str, Span]] = []
    begun: dict[int, tuple[str, int]] = {}
    for one in recorded:
        match one.event:
            case e.FloorGranted(site=site, turn=turn) | e.TurnResumed(site=site, turn=turn):
                begun[turn] = (site, one.at)
            case e.TurnEnded(turn=turn) | e.TurnSuspended(turn=turn) if turn in begun:
                site, began_at = begun.pop(turn)
                turns.append((turn, site, Span(began_at, one.at)))
            case e.HandoverReverted(turn=called, back_turn=back):
                # The call never was: the one before spoke on.
                if called is not None:
                    begun.pop(called, None)
                before = next((t for t in reversed(turns) if t[0] == back), None)
                if before is not None:
                    turns.remove(before)
                    begun[before[0]] = (before[1], before[2].began_at)
            case _:
                pass
    turns += [(turn, site, Span(began_at, now)) for turn, (site, began_at) in begun.items()]
    return sorted(turns, key=lambda turn: turn[2].began_at)


def _with_the_chair(
    state: Meeting, turns: list[tuple[int, str, Span]], spans: tuple[Span, ...]
) -> list[Cue]:
    """A chapter a turn, and one for the chair wherever nobody else has the floor."""
    if not spans:
        return []
    cues: list[Cue] = []
    due, end = spans[0].began_at, spans[-1].ended_at
    chair = label(state, state.chair)
    for turn, site, span in turns:
        if span.began_at > due:
            cues.append(Cue(chair, state.chair, 0, due, span.began_at))
        cues.append(Cue(label(state, site), site, turn, span.began_at, span.ended_at))
        due = max(due, span.ended_at)
    if end > due:
        cues.append(Cue(chair, state.chair, 0, due, end))
    return cues


def _floor(turns: list[tuple[int, str, Span]]) -> dict[str, tuple[Span, ...]]:
    floor: dict[str, tuple[Span, ...]] = {}
    for _turn, site, span in turns:
        floor[site] = (*floor.get(site, ()), span)
    return floor


def _panel(recorded: list[e.Recorded], now: int) -> list[Seat]:
    """Who was heard on the panel when: whoever fed a slot of it."""
    seats: list[Seat] = []
    begun: dict[str, tuple[str, int]] = {}
    names = [name for name in AUDIO_SLOTS if name not in ("chair", "floor")]
    state = Meeting()
    for one in recorded:
        state = apply(state, one)
        fed = slots(state)
        for name in names:
            site, began_at = begun.get(name, (None, 0))
            if fed.get(name) == site:
                continue
            if site is not None:
                seats.append(Seat(site, name, Span(began_at, one.at)))
                del begun[name]
            if name in fed:
                begun[name] = (fed[name], one.at)
    seats += [Seat(site, name, Span(began_at, now)) for name, (site, began_at) in begun.items()]
    return sorted(seats, key=lambda seat: seat.span.began_at)
