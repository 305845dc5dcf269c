"""The floor: who is called, who is heard beside the speaker, who waits, when a time is up.

The rules are in `decide`. Pure. Times are milliseconds of UTC.
"""

from console.meeting.budget import share_s
from console.meeting.refusal import Decision, Refusal, name_of, not_open
from console.meeting.state import AWAY, Meeting, Turn
from protocol import events as e

MAX_PANEL = 2
UNDO_MS = 5_000
TWICE_MS = 1_000


def turn_deadline(state: Meeting) -> int | None:
    turn = state.floor
    if state.phase != "open" or turn is None:
        return None
    if turn.status == "lost":
        return turn.grace_until
    used_up_at = turn.used_up_at()
    if turn.overran or used_up_at is None:
        return None
    return used_up_at if turn.warned else max(0, used_up_at - _bell_ms(state, turn))


def _bell_ms(state: Meeting, turn: Turn) -> int:
    """How long before its end the bell of a turn rings; 0 for one that is no longer than that."""
    bell_s = max(0, state.plan.bell_s)
    return bell_s * 1000 if bell_s < turn.allowance_s else 0


def end(turn: Turn, reason: e.TurnEnd, now: int) -> e.Event:
    return e.TurnEnded(turn.site, turn.number, reason, turn.spoken_until(now))


def call_next(state: Meeting, now: int) -> Decision:
    if refusal := not_open(state):
        return refusal
    last = state.handover
    if last is not None and last.granted is not None and 0 <= now - last.at < TWICE_MS:
        name = name_of(state, state.turns[last.granted - 1].site)
        return Refusal(
            "called-twice",
            f"{name} was called less than a second ago: to call the next one, press again.",
            {"site": name},
        )
    site = state.next_site()
    if site is not None:
        return grant(state, site, now)
    waiting = [s for s in state.queue if s != state.holder]
    if not waiting:
        return Refusal("queue-empty", "Every site in the queue has had its turn.")
    names = ", ".join(name_of(state, s) for s in waiting)
    return Refusal(
        "nobody-callable",
        f"No site in the queue can be called now (offline, absent or excused): {names}.",
        {"sites": names},
    )


def grant(state: Meeting, site: str, now: int) -> Decision:
    if refusal := not_open(state):
        return refusal
    target = state.sites[site]
    name = target.entry.name
    if site == state.chair:
        return Refusal(
            "is-chair", f"{name} presides: it is always heard and needs no turn.", {"site": name}
        )
    if state.holder == site:
        return Refusal("has-floor", f"{name} has the floor already.", {"site": name})
    if not target.online:
        return Refusal("offline", f"{name} is not connected.", {"site": name})
    if target.attendance in AWAY:
        return Refusal("away", f"{name} is marked absent or excused.", {"site": name})
    happened: list[e.Event] = []
    if (turn := state.floor) is not None:
        happened.append(end(turn, "next", now))
    if (suspended := state.suspended_turn(site)) is not None:
        happened.append(e.TurnResumed(site, suspended.number))
    else:
        number = len(state.turns) + 1
        happened.append(e.FloorGranted(site, number, share_s(state, site, now)))
    return happened


def undo_until(state: Meeting) -> int | None:
    """Until when the last call or ending of a turn can be taken back; None when there is none."""
    last = state.handover
    if state.phase != "open" or last is None or state.holder_turn != last.granted:
        return None
    return last.at + UNDO_MS


def undo(state: Meeting, now: int) -> Decision:
    if refusal := not_open(state):
        return refusal
    until, last = undo_until(state), state.handover
    if until is None or last is None or now > until:
        return Refusal(
            "nothing-to-undo", "Nothing to take back: that is possible for 5 seconds after a call."
        )
    called = None if last.called is None else last.called.id
    if last.resumed is None and any(r.turn == last.granted for r in state.reports if r.turn):
        name = name_of(state, called or "")
        return Refusal(
            "reported-already", f"{name} has reported in this turn already.", {"site": name}
        )
    ended = last.ended
    queue = [s for s in state.queue if ended is None or s != ended.site]
    if called is not None and last.place is not None and called not in queue:
        queue.insert(min(last.place, len(queue)), called)
    back, back_turn = (None, None) if ended is None else (ended.site, ended.number)
    happened: list[e.Event] = [
        e.HandoverReverted(called, last.granted, back, back_turn, tuple(queue))
    ]
    if ended is not None and not state.sites[ended.site].online:
        grace_until = now + state.plan.grace_s * 1000
        happened.append(e.HolderLost(ended.site, ended.number, grace_until))
    return happened


def mute(state: Meeting, site: str) -> Decision:
    if refusal := not_open(state):
        return refusal
    if site == state.chair:
        return Refusal("chair-always-heard", "The chair is always heard: it can't be muted.")
    return [e.SiteMuted(site)] if state.is_live(site) else []


def unmute(state: Meeting, site: str) -> Decision:
    if refusal := not_open(state):
        return refusal
    if state.is_live(site):
        return []
    name = name_of(state, site)
    if state.holder != site and not state.sites[site].panel:
        return Refusal(
            "audience",
            f"{name} is in the audience: give it the floor or promote it to the panel first.",
            {"site": name},
        )
    return [e.SiteUnmuted(site)]


def promote(state: Meeting, site: str) -> Decision:
    if refusal := not_open(state):
        return refusal
    name = name_of(state, site)
    if site == state.chair:
        return Refusal(
            "is-chair", f"{name} presides: it is always heard and needs no turn.", {"site": name}
        )
    if state.sites[site].panel:
        return []
    if not state.sites[site].online:
        return Refusal("offline", f"{name} is not connected.", {"site": name})
    if len(state.panel) >= MAX_PANEL:
        return Refusal(
            "panel-full",
            f"The panel has {MAX_PANEL} places and both are taken.",
            {"places": MAX_PANEL},
        )
    return [e.SitePromoted(site)]


def raise_hand(state: Meeting, site: str) -> Decision:
    target = state.sites[site]
    if state.phase == "closed":
        return Refusal("closed", "The meeting is closed; convene a new one.")
    if site == state.chair:
        return Refusal(
            "is-chair",
            f"{target.entry.name} presides: it is always heard and needs no turn.",
            {"site": target.entry.name},
        )
    if target.hand_at is not None:
        return []
    if not target.online:
        return Refusal(
            "offline", f"{target.entry.name} is not connected.", {"site": target.entry.name}
        )
    happened: list[e.Event] = [e.HandRaised(site)]
    if site not in state.queue and state.holder != site:
        happened.append(e.QueueMoved((*state.queue, site)))
    return happened


def move(state: Meeting, site: str, position: int) -> Decision:
    name = name_of(state, site)
    if site == state.chair:
        return Refusal(
            "is-chair", f"{name} presides: it is always heard and needs no turn.", {"site": name}
        )
    if state.holder == site:
        return Refusal("has-floor", f"{name} has the floor already.", {"site": name})
    if position < 0:
        return Refusal(
            "bad-position", "A place in the queue is 0 (next) or more.", {"position": position}
        )
    rest = [s for s in state.queue if s != site]
    rest.insert(min(position, len(rest)), site)
    return [e.QueueMoved(tuple(rest))] if tuple(rest) != state.queue else []


def tick(state: Meeting, now: int) -> list[e.Event]:
    due = turn_deadline(state)
    turn = state.floor
    if due is None or turn is None or now < due:
        return []
    if turn.status == "lost":
        return [e.TurnSuspended(turn.site, turn.number, turn.spoken_until(now))]
    used_up_at = turn.used_up_at()
    if not turn.warned and used_up_at is not None and now < used_up_at:
        return [e.TurnWarned(turn.site, turn.number, -(-(used_up_at - now) // 1000))]
    happened: list[e.Event] = [e.TurnOverran(turn.site, turn.number)]
    if state.overrun == "close":
        happened.append(e.SiteMuted(turn.site))
    return happened
