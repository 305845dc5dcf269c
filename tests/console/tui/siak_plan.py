"""The plan of the Siak meeting, for the console's tests."""

from protocol.events import MeetingPlan, SiteEntry

NAMES = (
    "Siak", "Sungai Apit", "Minas", "Tualang", "Sungai Mandau", "Dayun", "Kerinci Kanan",
    "Bunga Raya", "Koto Gasib", "Kandis", "Lubuk Dalam", "Sabak Auh", "Mempura", "Pusako",
)  # fmt: skip


def site_id(name: str) -> str:
    return name.lower().replace(" ", "-")


def siak_plan(kecamatan: int = 14) -> MeetingPlan:
    hall = SiteEntry("hall", "Ruang Bandar Siak", "hall", title="Bupati Siak")
    entries = [
        SiteEntry(site_id(name), name, "kecamatan", title=f"Camat {name}", position=position)
        for position, name in enumerate(NAMES[:kecamatan], 1)
    ]
    return MeetingPlan(
        title="Rapat koordinasi camat se-Kabupaten Siak",
        topics=("karhutla", "tol", "pemilu", "layanan"),
        sites=(hall, *entries),
    )
