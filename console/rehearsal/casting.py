"""Who takes part in a rehearsal: the Siak roster cut or grown to the number asked for."""

import json
from pathlib import Path

import msgspec

from console.roster import NESTED, find, load
from protocol.events import MeetingPlan, RecordingPlan, SiteEntry

MAX_SITES = 63


def cast(sites: int, roster: str = "siak") -> MeetingPlan:
    """The plan of a meeting of the hall and `sites` kecamatan (1 to 63).

    Raises ValueError outside of that; RosterError when the roster is no good.
    """
    if not 1 <= sites <= MAX_SITES:
        raise ValueError(f"--sites {sites}: expected 1 to {MAX_SITES}")
    plan = load(find(roster))
    halls = [entry for entry in plan.sites if entry.kind == "hall"]
    calls = sorted((e for e in plan.sites if e.kind == "kecamatan"), key=lambda e: e.position)
    calls = calls[:sites]
    for number in range(len(calls) + 1, sites + 1):
        calls.append(
            SiteEntry(
                id=f"kecamatan-{number}",
                name=f"Kecamatan {number}",
                kind="kecamatan",
                title="Camat",
                position=number,
            )
        )
    recording = RecordingPlan(at_opening=True, warn_free_mb=200, stop_free_mb=100)
    return msgspec.structs.replace(plan, sites=(*halls, *calls), recording=recording)


def write_roster(plan: MeetingPlan, path: Path) -> None:
    """The plan as a roster file, for the server of the rehearsal."""
    lines = ["# Made by a rehearsal.", "[meeting]"]
    lines.append(f"title = {_text(plan.title)}")
    for name in ("place", "city", "organisation", "number", "time_zone"):
        if value := getattr(plan, name):
            lines.append(f"{name} = {_text(value)}")
    for name in ("agenda", "letterhead", "regent_letterhead", "topics"):
        if values := getattr(plan, name):
            lines.append(f"{name} = [{', '.join(_text(value) for value in values)}]")
    for name in ("allowance_s", "grace_s", "budget_s", "bell_s", "utc_offset_minutes"):
        lines.append(f"{name} = {getattr(plan, name)}")
    for name in ("timing", "overrun"):
        lines.append(f"{name} = {_text(getattr(plan, name))}")
    for name in NESTED:
        lines.append(f"\n[meeting.{name}]")
        for field, value in msgspec.structs.asdict(getattr(plan, name)).items():
            if value != "":
                lines.append(f"{field} = {_value(value)}")
    for entry in plan.sites:
        lines.append("\n[[site]]")
        for field, value in msgspec.structs.asdict(entry).items():
            if value not in ("", None) and (field, value) != ("position", 0):
                lines.append(f"{field} = {_value(value)}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _value(value: str | int | float | bool) -> str:
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(value: str) -> str:
    """A TOML basic string; JSON's escapes are a subset of TOML's."""
    return json.dumps(value, ensure_ascii=False)
