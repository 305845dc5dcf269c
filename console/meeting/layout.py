"""Who feeds which slot, and the whole state each site is to be in: pure functions of the meeting.

Slots are the same at every site (the relay rewrites a packet once for all); a site is never
sent its own media. `main` shows the floor's holder, or the chair while nobody has the floor;
`second` shows the chair while someone else is in `main`; at the chair's own site it shows who is
on deck. What is in `second` is small, so a camera that feeds only that sends its small picture.

A site held to sound alone (`media`) feeds no video slot and gets none: its picture would cost it
its voice. A speaker without a picture leaves `main` to the chair.
"""

from console.meeting import linecheck
from console.meeting.state import Meeting
from protocol.messages import (
    VIDEO_SLOTS,
    Camera,
    Cue,
    Desired,
    Microphone,
    RecordOrder,
    Route,
    SlotName,
)


def slots(state: Meeting) -> dict[SlotName, str]:
    """Slot → the site that feeds it. A slot nobody feeds is left out; offline sites feed none."""

    def ready(site: str) -> bool:
        return site in state.sites and state.sites[site].online

    def seen(site: str) -> bool:
        return ready(site) and state.sites[site].media == "auto"

    fed: dict[SlotName, str] = {}
    if state.phase != "open":
        return fed
    chair, holder = state.chair, state.holder
    if ready(chair):
        fed["chair"] = chair
    if holder is not None and ready(holder) and state.is_live(holder):
        fed["floor"] = holder
    pictures = [site for site in (holder, chair) if site is not None and seen(site)]
    fed.update(zip(VIDEO_SLOTS, pictures, strict=False))
    names: tuple[SlotName, SlotName] = ("panel-1", "panel-2")
    for name, site in zip(names, state.panel, strict=False):
        if site != holder and ready(site) and state.is_live(site):
            fed[name] = site
    return fed


def on_deck(state: Meeting) -> str:
    """The site whose picture is kept ready because it is called next; '' for none."""
    site = state.next_site() if state.phase == "open" else None
    if site is None or site in (state.chair, state.holder):
        return ""
    one = state.sites[site]
    return site if one.online and one.media == "auto" else ""


def cameras(state: Meeting) -> dict[str, Camera]:
    """What every camera is to send; sites left out send nothing."""
    return _cameras(slots(state), on_deck(state))


def _cameras(fed: dict[SlotName, str], deck: str) -> dict[str, Camera]:
    sent: dict[str, Camera] = {site: "low" for site in (fed.get("second"), deck) if site}
    if "main" in fed:
        sent[fed["main"]] = "live"
    return sent


def layout(state: Meeting, site: str, relay: str = "") -> Desired:
    """The whole desired state of this site. `relay` is the instance to connect to, '' if none."""
    one, fed = state.sites[site], slots(state)
    live: Microphone = "live" if state.is_live(site) else "muted"
    deck = on_deck(state)
    shown = _cameras(fed, deck).get(site, "off")
    if deck and site == fed.get("chair"):
        fed["second"] = deck
    gets = {slot: s for slot, s in fed.items() if one.media == "auto" or slot not in VIDEO_SLOTS}
    labels = {slot: _label(state, source) for slot, source in gets.items()}
    return Desired(
        revision=state.seq,
        relay=relay,
        microphone=live,
        camera=shown,
        slots=gets,
        labels=labels,
        hand=one.hand_at is not None,
        banner=state.banner,
        meeting=state.id,
        voice=one.voice,
        media=one.media,
        hurried=any(s.voice == "conversation" for s in state.sites.values() if s.id != site),
        recording=state.recording == "on",
        cue=cue(state, site),
        check=linecheck.order(state, site),
    )


def cue(state: Meeting, site: str) -> Cue:
    """What the room of this site is told: nothing, that it is next, that its microphone is open,
    that its time ends soon or is up."""
    turn = state.floor
    if state.phase != "open" or site == state.chair:
        return "none"
    if turn is not None and turn.site == site:
        if turn.overran and state.overrun != "count-up":
            return "over"
        if turn.warned and not turn.overran and state.is_live(site):
            return "low"
    if state.is_live(site):
        return "live"
    return "on-deck" if state.next_site() == site else "none"


def route(state: Meeting) -> Route:
    """What the relay is to forward, and for which sites the operator forces something."""
    return Route(
        revision=state.seq,
        slots=slots(state),
        sites=tuple(state.sites),
        voice={s.id: s.voice for s in state.sites.values() if s.voice != "auto"},
        media={s.id: s.media for s in state.sites.values() if s.media != "auto"},
        record=_record(state),
        deck=on_deck(state),
    )


def _record(state: Meeting) -> RecordOrder | None:
    if state.recording != "on":
        return None
    return RecordOrder(state.id, state.plan.recording.stop_free_mb)


def _label(state: Meeting, site: str) -> str:
    entry = state.sites[site].entry
    return entry.name if not entry.title else f"{entry.title} {entry.name}".strip()
