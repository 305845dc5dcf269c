"""Who feeds which slot, and the whole state each site is to be in: pure functions of the meeting.

Slots are the same at every site (the relay rewrites a packet once for all); a site is never
sent its own media. `main` shows the floor's holder, or the chair while nobody has the floor;
`second` shows the chair while someone else is in `main`.
"""

from console.meeting.state import Meeting
from protocol.messages import Camera, Desired, Microphone, SlotName


def slots(state: Meeting) -> dict[SlotName, str]:
    """Slot → the site that feeds it. A slot nobody feeds is left out; offline sites feed none."""

    def ready(site: str) -> bool:
        return site in state.sites and state.sites[site].online

    fed: dict[SlotName, str] = {}
    if state.phase != "open":
        return fed
    chair, holder = state.chair, state.holder
    if ready(chair):
        fed["chair"] = chair
    if holder is not None and ready(holder):
        if state.is_live(holder):
            fed["floor"] = holder
        fed["main"] = holder
        if ready(chair):
            fed["second"] = chair
    elif ready(chair):
        fed["main"] = chair
    names: tuple[SlotName, SlotName] = ("panel-1", "panel-2")
    for name, site in zip(names, state.panel, strict=False):
        if site != holder and ready(site) and state.is_live(site):
            fed[name] = site
    return fed


def layout(state: Meeting, site: str, relay: str = "") -> Desired:
    """The whole desired state of this site. `relay` is the instance to connect to, '' if none."""
    fed = slots(state)
    live: Microphone = "live" if state.is_live(site) else "muted"
    shown: Camera = "live" if site in (fed.get("main"), fed.get("second")) else "off"
    labels = {slot: _label(state, source) for slot, source in fed.items()}
    return Desired(
        revision=state.seq,
        relay=relay,
        microphone=live,
        camera=shown,
        slots=fed,
        labels=labels,
        hand=state.sites[site].hand_at is not None,
        banner=state.banner,
        meeting=state.id,
    )


def _label(state: Meeting, site: str) -> str:
    entry = state.sites[site].entry
    return entry.name if not entry.title else f"{entry.title} {entry.name}".strip()
