"""Indonesian dates, times, durations and sums: by example from the official form, and against
babel's `id` locale where that agrees with it."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from babel.dates import format_date
from babel.numbers import format_currency, parse_decimal
from hypothesis import given
from hypothesis import strategies as st

from console.minutes import wording

DAYS = ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu")
MONTHS = (
    "Januari Februari Maret April Mei Juni Juli Agustus September Oktober November Desember"
).split()
dates = st.dates(date(1900, 1, 1), date(2200, 12, 31))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_dates_by_example():
    assert wording.day_and_date(date(2019, 2, 6)) == "Rabu, 6 Februari 2019"
    assert wording.long_date(date(2019, 11, 22)) == "22 November 2019"
    assert wording.due_date("2019-02-15") == "15 Februari 2019"
    assert wording.due_date("segera") == "segera"
    assert wording.due_date("") == ""


@given(dates)
def test_dates_use_the_official_names_of_days_and_months(day: date):
    expected = f"{DAYS[day.weekday()]}, {day.day} {MONTHS[day.month - 1]} {day.year}"
    assert wording.day_and_date(day) == expected


@given(dates)
def test_long_date_is_babels(day: date):
    assert wording.long_date(day) == format_date(day, "long", locale="id")


def test_times_have_dots_and_an_en_dash():
    start, end = at("2019-02-06T13:30"), at("2019-02-06T14:15")
    assert wording.at_clock(at("2019-02-06T09:05"), "WIB") == "pukul 09.05 WIB"
    assert wording.clock_span(start, end, "WIB") == "pukul 13.30–14.15 WIB"
    assert wording.clock_span(start, end, "") == "pukul 13.30–14.15"


def test_a_meeting_past_midnight_names_the_later_day():
    span = wording.clock_span(at("2019-02-06T23:30"), at("2019-02-07T00:15"), "WIB")
    assert span == "pukul 23.30–00.15 WIB (berakhir 7 Februari 2019)"


def test_the_clock_is_that_of_the_meetings_zone():
    ms = 1549435500_000  # 2019-02-06T06:45Z
    assert wording.clock(wording.local(ms, 420)) == "13.45"
    assert wording.clock(wording.local(ms, 540)) == "15.45"
    assert wording.local(ms, 420).isoformat() == "2019-02-06T13:45:00+07:00"


def test_durations_by_example():
    assert wording.duration(192) == "3 menit 12 detik"
    assert wording.duration(3900) == "1 jam 5 menit"
    assert wording.duration(3600) == "1 jam"
    assert wording.duration(60) == "1 menit"
    assert wording.duration(0) == "0 detik"
    assert wording.duration(-5) == "0 detik"


@given(st.integers(0, 10**7))
def test_a_duration_can_be_read_back(duration_s: int):
    words = wording.duration(duration_s).replace(".", "").split()
    unit_s = {"jam": 3600, "menit": 60, "detik": 1}
    pairs = list(zip(words[::2], words[1::2], strict=True))
    assert sum(int(amount) * unit_s[unit] for amount, unit in pairs) == duration_s
    assert [unit_s[unit] for _, unit in pairs] == sorted({unit_s[u] for _, u in pairs})[::-1]


def test_seconds_round_halves_up():
    assert [wording.seconds(ms) for ms in (0, 499, 500, 1499, 1500, 2500, -3)] == [
        0,
        0,
        1,
        1,
        2,
        3,
        0,
    ]


@given(st.integers(-(10**9), 10**9), st.timedeltas(timedelta(0), timedelta(hours=9)))
def test_a_span_begins_and_ends_with_its_clocks(minutes: int, length: timedelta):
    start = datetime(2019, 2, 6) + timedelta(minutes=minutes % 1_000_000)
    span = wording.clock_span(start, start + length, "WIB")
    assert span.startswith(f"pukul {start:%H.%M}–{start + length:%H.%M} WIB")
    assert ("berakhir" in span) == ((start + length).date() != start.date())


def test_numbers_by_example():
    assert wording.number(1250.5) == "1.250,5"
    assert wording.number(1250) == "1.250"
    assert wording.number(0.1 + 0.2, 1) == "0,3"
    assert wording.number(2.5, 0) == "3"
    assert wording.number(-1250.5) == "-1.250,5"


@given(st.decimals(-(10**12), 10**12, places=3))
def test_a_number_is_read_back_by_babel(value: Decimal):
    assert parse_decimal(wording.number(value), locale="id", strict=True) == value


def test_rupiah_by_example():
    assert wording.rupiah(1_250_000) == "Rp1.250.000,00"
    assert wording.rupiah(-1500) == "-Rp1.500,00"
    assert wording.rupiah(Decimal("0.005")) == "Rp0,01"
    assert wording.rupiah(Decimal("-0.001")) == "Rp0,00"


@given(st.decimals(0, 10**12, places=2))
def test_rupiah_is_babels_without_the_space(amount: Decimal):
    babels = format_currency(amount, "IDR", "¤#,##0.00", locale="id", currency_digits=False)
    assert wording.rupiah(amount) == babels.replace("\xa0", "")


def test_a_place_in_a_recording_is_as_players_show_it() -> None:
    assert wording.place(0) == "0:00:00"
    assert wording.place(2_467_999) == "0:41:07"
    assert wording.place(36_000_000) == "10:00:00"
