"""The time of a meeting: how long the next turn may be, and when the meeting will end.

Rules:
- With timing `split` those still to speak share what is left of the meeting's time, anew at every
  call; a turn gets whole steps of 5 seconds and never less than a minute, however late it is.
- With timing `fixed` every turn gets the plan's allowance.
- Who is marked absent or excused has no share; who is only disconnected has one: it may come back.

Pure. Times are milliseconds of UTC, `_s` seconds.
"""

from console.meeting.state import AWAY, Meeting

LEAST_S = 60
STEP_S = 5


def to_speak(state: Meeting) -> tuple[str, ...]:
    """Who is still to speak: the queue without the absent and excused and without the holder."""
    return tuple(
        s for s in state.queue if s != state.holder and state.sites[s].attendance not in AWAY
    )


def planned_end(state: Meeting) -> int | None:
    """When the meeting's time is used up; None before it opened."""
    return None if state.opened_at is None else state.opened_at + state.budget_s * 1000


def share_s(state: Meeting, site: str, at: int) -> int:
    """The speaking time of a turn of `site` that begins at `at`, in seconds."""
    end = planned_end(state)
    if state.plan.timing == "fixed" or end is None:
        return state.plan.allowance_s
    speakers = len({*to_speak(state), site})
    return max(LEAST_S, (end - at) // 1000 // speakers // STEP_S * STEP_S)


def projected_end(state: Meeting, at: int) -> int | None:
    """When the meeting ends if everybody keeps to his time from `at` on; None while not open.

    The running turn uses up what it has left; suspended turns are counted with what they had left.
    """
    end = planned_end(state)
    if state.phase != "open" or end is None:
        return None
    turn = state.floor
    running_ms = 0 if turn is None else max(0, turn.allowance_s * 1000 - turn.spoken_until(at))
    resumable = [t for t in state.turns if t.status == "suspended"]
    running_ms += sum(max(0, t.allowance_s * 1000 - t.spoken_ms) for t in resumable)
    free_at = at + running_ms
    waiting = [s for s in to_speak(state) if s not in {t.site for t in resumable}]
    if not waiting:
        return free_at
    if state.plan.timing == "fixed":
        return free_at + len(waiting) * state.plan.allowance_s * 1000
    return max(end, free_at + len(waiting) * LEAST_S * 1000)
