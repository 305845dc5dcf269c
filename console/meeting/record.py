"""The record: reports, cards, follow-ups, drafts. The rules are in `decide`. Pure."""

import re
from datetime import date

from console.meeting.refusal import MAX_TEXT, Decision, Refusal, bad_text, too_long
from console.meeting.state import Carried, FollowUp, Meeting, card_key, site_of_card
from protocol import commands as c
from protocol import events as e

MAX_FIELDS = 200
TAG = re.compile(r"(?<![\w#])#(\w[\w-]*)")


def tags_of(text: str, tags: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Given tags and the `#word`s of the text: lower case, without `#`, each once, in order."""
    words = [*(t.lstrip("#") for t in tags), *TAG.findall(text)]
    return tuple(dict.fromkeys(w.lower() for w in words if w))


def log(state: Meeting, site: str, text: str, tags: tuple[str, ...], new_id: str) -> Decision:
    if bad := bad_text(text):
        return bad
    number = next((t.number for t in reversed(state.turns) if t.site == site), None)
    return [e.ReportLogged(new_id, site, text.strip(), tags_of(text, tags), number)]


def save_card(state: Meeting, card: c.SaveCard, new_id: str) -> Decision:
    """Report, direction, decision and follow-ups, or nothing of it."""
    happened: list[e.Event] = []
    report = next((r for r in state.reports if r.id == card.report), None)
    if card.report and (report is None or report.site != card.site):
        return Refusal("unknown-report", "There is no such report.", {"report": card.report})
    if report is not None:
        if bad := bad_text(card.text):
            return bad
        tags = tags_of(card.text, card.tags)
        if (card.text.strip(), tags) != (report.text, report.tags):
            happened.append(e.ReportAmended(report.id, card.text.strip(), tags))
    elif card.text.strip():
        logged = log(state, card.site, card.text, card.tags, new_id)
        if isinstance(logged, Refusal):
            return logged
        happened += logged
    kinds: tuple[tuple[e.NoteKind, str], ...] = (
        ("direction", card.direction),
        ("decision", card.decision),
    )
    for kind, text in kinds:
        if refusal := too_long(text):
            return refusal
        if text.strip():
            happened.append(e.NoteAdded(f"{new_id}-{kind}", kind, text.strip(), card.site))
    for number, one in enumerate(card.follow_ups, 1):
        ident = f"{new_id}-{number}"
        added = add_follow_up(one.text, one.owner, one.due, card.site, ident)
        if isinstance(added, Refusal):
            return added
        happened += added
    key = card_key(card.site)
    if not happened and report is None:
        return Refusal("text-empty", "The text is empty.")
    if key in state.drafts or state.sites[card.site].draft:
        happened.append(e.DraftSaved(key, {}))
    return happened


def find_follow_up(state: Meeting, ident: str) -> FollowUp | Carried | Refusal:
    every: list[FollowUp | Carried] = [*state.follow_ups, *state.carried]
    for one in every:
        if one.id == ident:
            return one
    return Refusal(
        "unknown-follow-up", "This follow-up is neither of this meeting nor carried into it."
    )


def save_draft(state: Meeting, key: str, fields: dict[str, str]) -> Decision:
    site = site_of_card(key)
    if site is not None and site not in state.sites:
        return Refusal(
            "unknown-site", f"There is no site {site!r} in this meeting.", {"site": site}
        )
    too_many = len(fields) > MAX_FIELDS or (key not in state.drafts and len(state.drafts) >= 200)
    if not 1 <= len(key) <= 200 or too_many:
        return Refusal("draft-too-big", "That is more than a form holds.")
    size = sum(len(name) + len(text) for name, text in fields.items())
    if size > 3 * MAX_TEXT:
        most = 3 * MAX_TEXT
        return Refusal("text-too-long", f"At most {most} characters.", {"maximum": most})
    # A draft of an older release has its text alone.
    stands = state.drafts.get(key)
    if stands is None and site is not None and state.sites[site].draft:
        stands = {"text": state.sites[site].draft}
    return [] if fields == (stands or {}) else [e.DraftSaved(key, fields)]


def carry(state: Meeting, left: tuple[e.CarriedFollowUp, ...], more: int) -> Decision:
    """Told before a meeting and at its opening; what is as known makes no event."""
    if state.phase == "closed":
        return []
    own = {one.id for one in state.follow_ups}
    new = tuple(one for one in left if one.id not in own)
    known = tuple(one.entry for one in state.carried if one.closed_at is None)
    same = (new, more) == (known, state.carried_more)
    return [] if same else [e.FollowUpsCarried(new, more)]


def add_follow_up(text: str, owner: str, due: str, about: str | None, new_id: str) -> Decision:
    if bad := bad_text(text) or too_long(owner):
        return bad
    if due:
        try:
            is_date = date.fromisoformat(due).isoformat() == due
        except ValueError:
            is_date = False
        if not is_date:
            return Refusal("bad-date", f"{due!r} is not a date like 2019-02-15.", {"due": due})
    return [e.FollowUpAdded(new_id, text.strip(), owner.strip(), due, about)]
