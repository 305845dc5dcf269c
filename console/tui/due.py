"""Due dates as people type them → ISO dates. Pure."""

import re
from datetime import date, timedelta

_DAY_FIRST = re.compile(r"(\d{1,2})[./\s-](\d{1,2})(?:[./\s-](\d{2}|\d{4}))?")

_IN_DAYS = re.compile(r"\+\s*(\d{1,3})\s*(h|hari|d|days?|m|minggu|w|weeks?)")
_WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            ("senin", "monday"),
            ("selasa", "tuesday"),
            ("rabu", "wednesday"),
            ("kamis", "thursday"),
            ("jumat", "jum'at", "friday"),
            ("sabtu", "saturday"),
            ("minggu", "ahad", "sunday"),
        )
    )
    for name in names
}


class DueError(ValueError):
    """The text is no date."""


def parse_due(text: str, today: str) -> str:
    """`2019-02-15`, `15/2/2019`, `15.2.19`, `15/2` (the next one from `today` on), `jumat` (the
    next one after today), `+14h` or `+2m` (days, *hari*, or weeks, *minggu*, from today) → ISO
    date.

    Empty stays empty; weekdays and units are Indonesian or English. Raises DueError.
    """
    text = text.strip().lower()
    if not text:
        return ""
    try:
        if text in _WEEKDAYS:
            ahead = (_WEEKDAYS[text] - date.fromisoformat(today).weekday() - 1) % 7 + 1
            return (date.fromisoformat(today) + timedelta(days=ahead)).isoformat()
        if (later := _IN_DAYS.fullmatch(text)) is not None:
            days = int(later[1]) * (7 if later[2][0] in "mw" else 1)
            return (date.fromisoformat(today) + timedelta(days=days)).isoformat()
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return date.fromisoformat(text).isoformat()
        match = _DAY_FIRST.fullmatch(text)
        if match is None:
            raise DueError(text)
        day, month, year = match.groups()
        if year is not None:
            century = 2000 if len(year) == 2 else 0
            return date(century + int(year), int(month), int(day)).isoformat()
        first = date.fromisoformat(today)
        due = date(first.year, int(month), int(day))
        return (due if due >= first else due.replace(year=first.year + 1)).isoformat()
    except ValueError as error:
        raise DueError(text) from error
