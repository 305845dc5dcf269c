"""Days in the user's language. Pure but for gettext; days are ISO dates, moments ms of UTC."""

from datetime import UTC, date, datetime, timedelta

from protocol.words import N_, _, n_, word

MONTHS = N_("months|Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec")
WEEKDAYS = N_("weekdays|Mon Tue Wed Thu Fri Sat Sun")


def iso_day(at: int, offset_minutes: int) -> str:
    """The day of a moment, where the meeting is."""
    moment = datetime.fromtimestamp(at / 1000, UTC) + timedelta(minutes=offset_minutes)
    return moment.date().isoformat()


def day(iso: str, *, weekday: bool = False) -> str:
    """`6 Feb 2019`, `Wed 6 Feb 2019`; anything that is no date as it is."""
    try:
        one = date.fromisoformat(iso)
    except ValueError:
        return iso
    text = f"{one.day} {word(MONTHS).split()[one.month - 1]} {one.year}"
    return f"{word(WEEKDAYS).split()[one.weekday()]} {text}" if weekday else text


def distance(due: str, today: str) -> tuple[str, str]:
    """How far a due date is, and how pressing: `overdue`, `today`, `soon` (a week), `later`;
    both empty without a date."""
    try:
        days = (date.fromisoformat(due) - date.fromisoformat(today)).days
    except ValueError:
        return "", ""
    if days < 0:
        return n_("{n} day OVERDUE", "{n} days OVERDUE", -days).format(n=-days), "overdue"
    if days == 0:
        return _("due TODAY"), "today"
    text = n_("in {n} day", "in {n} days", days).format(n=days)
    return text, "soon" if days <= 7 else "later"
