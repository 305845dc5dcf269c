"""Indonesian words for dates, times, durations and sums, as *notula rapat* writes them.

Rules of this file:
- Dates and numbers are babel's `id` locale: it spells days, months and separators as KBBI does.
- Own code only where babel differs from the official form: `pukul 13.30–14.15 WIB` (dots, en
  dash), durations (`3 menit 12 detik`) and rupiah (no space after `Rp`).

Pure. Times are ms of UTC; the offset of the meeting's zone comes from its plan.
"""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal

from babel.dates import format_date
from babel.numbers import format_decimal

LOCALE = "id"
NOTHING = "–"


def local(at: int, utc_offset_minutes: int) -> datetime:
    """The wall clock of the meeting at `at` (ms of UTC)."""
    zone = timezone(timedelta(minutes=utc_offset_minutes))
    return (datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=at)).astimezone(zone)


def long_date(day: date) -> str:
    """`6 Februari 2019`"""
    return format_date(day, "d MMMM y", locale=LOCALE)


def day_and_date(day: date) -> str:
    """`Rabu, 6 Februari 2019`"""
    return format_date(day, "EEEE, d MMMM y", locale=LOCALE)


def due_date(iso: str) -> str:
    """`15 Februari 2019` from `2019-02-15`; text that is no date stays as it is."""
    try:
        return long_date(date.fromisoformat(iso))
    except ValueError:
        return iso


def clock(when: datetime) -> str:
    """`13.30`"""
    return f"{when.hour:02d}.{when.minute:02d}"


def at_clock(when: datetime, zone: str) -> str:
    """`pukul 13.30 WIB`"""
    return f"pukul {clock(when)} {zone}".rstrip()


def clock_span(start: datetime, end: datetime, zone: str) -> str:
    """`pukul 13.30–14.15 WIB`; a later day is named."""
    span = f"pukul {clock(start)}–{clock(end)} {zone}".rstrip()
    if end.date() != start.date():
        span += f" (berakhir {long_date(end.date())})"
    return span


def seconds(duration_ms: int) -> int:
    """Whole seconds, halves up: what every printed duration and its sum is made of."""
    return (max(0, duration_ms) + 500) // 1000


def duration(duration_s: int) -> str:
    """`3 menit 12 detik`, `1 jam 5 menit`, `0 detik`"""
    hours, rest = divmod(max(0, duration_s), 3600)
    minutes, left = divmod(rest, 60)
    parts = [
        f"{number(amount)} {unit}"
        for amount, unit in ((hours, "jam"), (minutes, "menit"), (left, "detik"))
        if amount
    ]
    return " ".join(parts) or "0 detik"


def number(value: int | float | Decimal, decimals: int | None = None) -> str:
    """`1.250,5`; `decimals` fixes their count, else as many as there are, at most three."""
    exact = _decimal(value)
    if decimals is None:
        return format_decimal(exact, "#,##0.###", locale=LOCALE)
    pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
    return format_decimal(_rounded(exact, decimals), pattern, locale=LOCALE)


def rupiah(value: int | float | Decimal) -> str:
    """`Rp1.250.000,00`"""
    amount = _rounded(_decimal(value), 2)
    sign = "-" if amount < 0 else ""
    return f"{sign}Rp{number(abs(amount), 2)}"


def _decimal(value: int | float | Decimal) -> Decimal:
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _rounded(value: Decimal, decimals: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)


def place(ms: int) -> str:
    """A place in a recording, as players show it: `0:41:07`."""
    return f"{ms // 3_600_000}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}"
