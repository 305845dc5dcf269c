"""The journeys a meeting by video saved: kilometres, hours and rupiah, site by site.

Rules:
- Only sites that attended count (present, late, represented); the hall makes no journey.
- Every journey is there and back. Kilometres by road are the roster's, or straight lines times
  `road_factor`; hours are kilometres by `speed_kmh`, or the site's own `travel_minutes`; rupiah
  are kilometres and people by the rates, or the site's own `travel_rupiah`.
- Printed figures are rounded first (0.1 km, 1 minute, 1 rupiah), and sums are of what is printed.
- Nobody knows better than the roster: what it does not say is a dash, and rates nobody has made
  their own are called examples wherever they are printed.

Pure.
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

from console.meeting.state import HERE, Site
from console.minutes import wording
from console.minutes.form import Savings, SavingsRow, one_line
from protocol.events import TravelRates


def savings_of(rates: TravelRates, sites: Iterable[Site], chair: str) -> Savings:
    """The savings of one meeting; `sites` in the order they are printed."""
    there = [s for s in sites if s.id != chair and s.attendance in HERE and _travels(s)]
    rows = tuple(_row(number, rates, site) for number, site in enumerate(there, 1))
    km = float(sum(Decimal(str(row.km)) for row in rows))
    travel_minutes = sum(row.travel_minutes for row in rows)
    rupiah = sum(row.rupiah for row in rows)
    return Savings(
        example=rates.example,
        distances=rates.distances,
        basis=_basis(rates),
        rows=rows,
        km=km,
        travel_minutes=travel_minutes,
        rupiah=rupiah,
        km_words=kilometres(km),
        travel_words=hours(travel_minutes),
        rupiah_words=wording.rupiah(rupiah),
    )


def _travels(site: Site) -> bool:
    """A guest sits in somebody's office, unless the roster knows a journey of its own."""
    entry = site.entry
    own = (entry.distance_km, entry.travel_minutes, entry.travel_rupiah) != (None, None, None)
    return entry.kind == "kecamatan" or (entry.kind == "guest" and own)


def _row(number: int, rates: TravelRates, site: Site) -> SavingsRow:
    entry = site.entry
    factor = rates.road_factor if rates.distances == "straight" else 1.0
    exact_km = None if entry.distance_km is None else 2 * entry.distance_km * factor
    km = 0.0 if exact_km is None else float(_rounded(exact_km, "0.1"))
    if entry.travel_minutes is not None:
        travel_minutes = 2 * entry.travel_minutes
    else:
        travel_minutes = int(_rounded((exact_km or 0.0) / rates.speed_kmh * 60, "1"))
    if entry.travel_rupiah is not None:
        rupiah = entry.travel_rupiah
    elif exact_km is not None:
        per_day = rates.people * rates.rupiah_per_person
        rupiah = int(_rounded(exact_km * rates.rupiah_per_km, "1")) + per_day
    else:
        rupiah = 0
    has_time = entry.travel_minutes is not None or exact_km is not None
    has_sum = entry.travel_rupiah is not None or exact_km is not None
    return SavingsRow(
        number=number,
        site=site.id,
        place=one_line(entry.name) or site.id,
        known=has_time or has_sum,
        km=km,
        travel_minutes=travel_minutes,
        rupiah=rupiah,
        km_words=wording.NOTHING if exact_km is None else kilometres(km),
        travel_words=hours(travel_minutes) if has_time else wording.NOTHING,
        rupiah_words=wording.rupiah(rupiah) if has_sum else wording.NOTHING,
    )


def _basis(rates: TravelRates) -> tuple[str, ...]:
    """How the figures were made, in sentences."""
    lines = []
    if rates.example:
        lines.append(
            "CONTOH: tarif di bawah ini contoh bawaan, bukan tarif yang ditetapkan; gantilah di "
            "berkas daftar peserta."
        )
    if rates.distances == "straight":
        factor = wording.number(rates.road_factor)
        lines.append(f"Jarak: garis lurus di peta dikali {factor}, pulang pergi.")
    else:
        lines.append("Jarak: lewat jalan, pulang pergi.")
    lines.append(
        f"Tarif: {wording.number(rates.speed_kmh)} km/jam; {wording.rupiah(rates.rupiah_per_km)} "
        f"per km; {wording.number(rates.people)} orang, masing-masing "
        f"{wording.rupiah(rates.rupiah_per_person)} sehari."
    )
    return tuple(lines)


def kilometres(km: float) -> str:
    """`1.250,5 km`"""
    return f"{wording.number(km, 1)} km"


def hours(minutes: int) -> str:
    """`3 jam 20 menit`"""
    return wording.duration(60 * minutes) if minutes else "0 menit"


def _rounded(value: float, to: str) -> Decimal:
    return Decimal(repr(value)).quantize(Decimal(to), rounding=ROUND_HALF_UP)
