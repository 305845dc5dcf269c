"""The journeys not made: kilometres, hours, rupiah."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from console.meeting.state import Site
from console.minutes.savings import hours, kilometres, savings_of
from protocol.events import SiteEntry, TravelRates

RATES = TravelRates(
    example=False,
    distances="road",
    speed_kmh=40,
    people=3,
    rupiah_per_km=2000,
    rupiah_per_person=100_000,
)


def site(ident: str, attendance: str = "present", kind: str = "kecamatan", **entry) -> Site:
    return Site(SiteEntry(ident, ident.title(), kind, **entry), attendance=attendance)


def test_a_journey_by_road_there_and_back():
    (row,) = savings_of(RATES, [site("minas", distance_km=65.0)], "hall").rows
    assert (row.km, row.travel_minutes, row.rupiah) == (130.0, 195, 560_000)
    assert row.km_words == "130,0 km"
    assert row.travel_words == "3 jam 15 menit"
    assert row.rupiah_words == "Rp560.000,00"


def test_straight_lines_are_made_roads():
    rates = msgspec.structs.replace(RATES, distances="straight", road_factor=1.5)
    (row,) = savings_of(rates, [site("minas", distance_km=10.0)], "hall").rows
    assert (row.km, row.travel_minutes) == (30.0, 45)


def test_what_the_roster_says_of_a_site_counts_more_than_the_rates():
    (row,) = savings_of(
        RATES, [site("minas", distance_km=65.0, travel_minutes=120, travel_rupiah=750_000)], "hall"
    ).rows
    assert (row.km, row.travel_minutes, row.rupiah) == (130.0, 240, 750_000)


def test_only_who_attended_from_elsewhere_is_counted():
    sites = [
        site("hall", kind="hall", distance_km=1.0),
        site("siak", "present", distance_km=1.0),
        site("dayun", "represented", distance_km=1.0),
        site("minas", "late", distance_km=1.0),
        site("kandis", "absent", distance_km=1.0),
        site("pusako", "excused", distance_km=1.0),
        site("tualang", "unmarked", distance_km=1.0),
        site("warga", "present", kind="guest"),
        site("pekanbaru", "present", kind="guest", distance_km=100.0),
    ]
    made = savings_of(RATES, sites, "hall")
    assert [row.site for row in made.rows] == ["siak", "dayun", "minas", "pekanbaru"]
    assert [row.number for row in made.rows] == [1, 2, 3, 4]


def test_a_site_without_a_distance_has_dashes():
    made = savings_of(RATES, [site("minas"), site("siak", travel_rupiah=5)], "hall")
    minas, siak = made.rows
    assert (minas.km_words, minas.travel_words, minas.rupiah_words) == ("–", "–", "–")
    assert not minas.known and minas.rupiah == 0
    assert (siak.km_words, siak.rupiah_words) == ("–", "Rp5,00")
    assert made.rupiah == 5


def test_examples_are_called_examples():
    made = savings_of(TravelRates(), [site("minas", distance_km=1.0)], "hall")
    assert made.example and made.basis[0].startswith("CONTOH")
    own = savings_of(RATES, [], "hall")
    assert not own.example and not any("CONTOH" in line for line in own.basis)


@given(
    st.lists(st.none() | st.floats(0, 20_040, allow_subnormal=False), max_size=20),
    st.floats(1, 300),
    st.floats(1, 5),
    st.integers(0, 100_000),
)
def test_sums_are_of_what_is_printed(distances, speed_kmh, factor, per_km):
    rates = TravelRates(speed_kmh=speed_kmh, road_factor=factor, rupiah_per_km=per_km)
    sites = [site(f"s{n}", distance_km=km) for n, km in enumerate(distances)]
    made = savings_of(rates, sites, "hall")
    printed = [row.km_words for row in made.rows if row.known]
    tenths = sum(
        int(words.removesuffix(" km").replace(".", "").replace(",", "")) for words in printed
    )
    assert made.km_words == kilometres(tenths / 10)
    assert made.travel_minutes == sum(row.travel_minutes for row in made.rows)
    assert made.travel_words == hours(made.travel_minutes)
    assert made.rupiah == sum(row.rupiah for row in made.rows)
