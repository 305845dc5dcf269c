"""Why a command is not carried out, and the reasons that several rules share."""

import msgspec

from console.meeting.state import Meeting
from protocol import events as e

MAX_TEXT = 20_000


class Refusal(msgspec.Struct, frozen=True):
    """Why a command is not carried out: a stable `code`, an English `reason` for a person, and
    the `arguments` a translation of the code fills in."""

    code: str
    reason: str
    arguments: dict[str, str | int] = {}


Decision = list[e.Event] | Refusal


def name_of(state: Meeting, site: str) -> str:
    return state.sites[site].entry.name


def not_open(state: Meeting) -> Refusal | None:
    if state.phase == "planned":
        return Refusal("not-open", "The meeting is not open yet.")
    if state.phase == "closed":
        return Refusal("closed", "The meeting is closed; convene a new one.")
    return None


def too_long(text: str) -> Refusal | None:
    if len(text) > MAX_TEXT:
        return Refusal("text-too-long", f"At most {MAX_TEXT} characters.", {"maximum": MAX_TEXT})
    return None


def bad_text(text: str) -> Refusal | None:
    if not text.strip():
        return Refusal("text-empty", "The text is empty.")
    return too_long(text)
