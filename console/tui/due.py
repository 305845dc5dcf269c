"""Due dates as people type them → ISO dates. Pure."""

import re
from datetime import date

_DAY_FIRST = re.compile(r"(\d{1,2})[./\s-](\d{1,2})(?:[./\s-](\d{2}|\d{4}))?")


class DueError(ValueError):
    """The text is no date."""


def parse_due(text: str, today: str) -> str:
    """`2019-02-15`, `15/2/2019`, `15.2.19`, `15/2` (the next one from `today` on) → ISO date.

    Empty stays empty. Raises DueError.
    """
    text = text.strip()
    if not text:
        return ""
    try:
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
