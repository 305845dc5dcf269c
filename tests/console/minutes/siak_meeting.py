"""A lifelike meeting of the regency, driven through `decide` and `apply`.

`Room` is a meeting with a clock: tests say who does what and how much time passes.
"""

import hashlib
from datetime import UTC, datetime

from console.meeting.decide import decide
from console.meeting.fold import apply
from console.meeting.refusal import Refusal
from console.meeting.state import Meeting
from protocol import commands as c
from protocol import events as e
from protocol.events import MeetingPlan, Recorded, Signatory, SiteEntry

MEETING = "0168c1f2-7d00-7c3a-9d1e-5a6b7c8d9e0f"
CONVENED = int(datetime(2019, 2, 6, 6, 15, tzinfo=UTC).timestamp() * 1000)  # 13.15 WIB
NAMES = (
    "Siak",
    "Sungai Apit",
    "Minas",
    "Tualang",
    "Sungai Mandau",
    "Dayun",
    "Kerinci Kanan",
    "Bunga Raya",
    "Koto Gasib",
    "Kandis",
    "Lubuk Dalam",
    "Sabak Auh",
    "Mempura",
    "Pusako",
)
REPORTS = {
    "siak": "Camat Siak melaporkan bahwa pelayanan administrasi terpadu berjalan lancar dan "
    "antrean perekaman KTP elektronik tinggal 42 orang. #layanan",
    "sungai-apit": "Camat Sungai Apit melaporkan bahwa dua titik panas di Kampung Tanjung "
    "Kuras sudah padam; regu pemadam berjaga sampai Jumat. #karhutla",
    "minas": "Camat Minas melaporkan bahwa pembebasan lahan jalan tol tersisa 1,2 hektare "
    "milik tiga warga.\nMusyawarah harga dijadwalkan pekan depan. #tol #lahan",
    "tualang": "Camat Tualang melaporkan bahwa persiapan pemilu di 214 TPS berjalan. #pemilu",
    "sungai-mandau": "Camat Sungai Mandau melaporkan bahwa embung di Muara Kelantan sudah "
    "terisi dan siap dipakai memadamkan api. #karhutla",
    "dayun": "Camat Dayun melaporkan bahwa jalan lintas di Km 71 perlu perbaikan. #layanan",
    "kerinci-kanan": "Camat Kerinci Kanan melaporkan bahwa keadaan aman dan kondusif. #pemilu",
    "bunga-raya": "Camat Bunga Raya melaporkan bahwa panen padi mencapai 5,1 ton per hektare.",
    "koto-gasib": "Camat Koto Gasib melaporkan bahwa patroli karhutla berjalan tiap hari "
    "bersama masyarakat peduli api. #karhutla",
    "kandis": "Alhamdulillah, suara Bapak terdengar jelas. Camat Kandis melaporkan bahwa lahan "
    "jalan tol di empat kampung selesai diukur. #tol",
    "lubuk-dalam": "Camat Lubuk Dalam melaporkan bahwa rekapitulasi data pemilih selesai. #pemilu",
    "sabak-auh": "Camat Sabak Auh melaporkan bahwa pasang naik merendam 12 rumah; warga sudah "
    "dibantu. #layanan",
    "mempura": "Camat Mempura melaporkan bahwa gotong royong membersihkan parit dilakukan. "
    "#layanan",
}


EARLIER = (
    e.CarriedFollowUp(
        "earlier-1",
        "Memasang antena cadangan di kantor camat",
        "Dinas Komunikasi dan Informatika",
        "2018-12-15",
        "sungai-apit",
        "m-2018",
        "Rapat November",
        CONVENED - 90 * 86_400_000,
    ),
    e.CarriedFollowUp(
        "earlier-2", "Melatih regu pemadam", "", "2019-03-01", "dayun", "m-2019", "Rapat Januari",
        CONVENED - 30 * 86_400_000,
    ),
)  # fmt: skip


def site_id(name: str) -> str:
    return name.lower().replace(" ", "-")


def plan(**changes: object) -> MeetingPlan:
    fields: dict[str, object] = {
        "title": "Rapat Koordinasi Bupati dengan Camat se-Kabupaten Siak melalui Konferensi Video",
        "place": "Ruang Bandar Siak, Kompleks Perkantoran Tanjung Agung",
        "city": "Siak Sri Indrapura",
        "agenda": (
            "Pembukaan",
            "Pencegahan kebakaran hutan dan lahan",
            "Lahan jalan tol",
            "Pemilu yang damai",
            "Pelayanan publik",
        ),
        "organisation": "Pemerintah Kabupaten Siak",
        "letterhead": (
            "PEMERINTAH KABUPATEN SIAK",
            "SEKRETARIAT DAERAH",
            "Kompleks Perkantoran Tanjung Agung, Siak Sri Indrapura 28773",
            "Laman siakkab.go.id, pos-el setda@siakkab.go.id",
        ),
        "number": "005/SETDA/2019/17",
        "chair_person": Signatory(name="Nama Bupati", office="Bupati Siak"),
        "note_taker": Signatory(
            name="Nama Notulis",
            office="Kepala Subbagian Protokol",
            rank="Penata (III/c)",
            nip="19800101 200501 1 001",
        ),
        "secretary": Signatory(name="Nama Sekretaris", office="Sekretaris Daerah"),
        "sites": (
            SiteEntry("hall", "Ruang Bandar Siak", "hall", "", "Bupati Siak", 0),
            *(
                SiteEntry(
                    site_id(name),
                    name,
                    "kecamatan",
                    f"Nama {name}",
                    f"Camat {name}",
                    n,
                    distance_km=7.5 * n,
                )
                for n, name in enumerate(NAMES, 1)
            ),
            SiteEntry("warga-minas", "Kantor Camat Minas", "guest", "Nama Warga", "Warga", 15),
        ),
    }
    return MeetingPlan(**(fields | changes))  # type: ignore[arg-type]


class Room:
    """A meeting being held: its state, its journal and its clock."""

    def __init__(self, the_plan: MeetingPlan | None = None, at: int = CONVENED) -> None:
        self.state = Meeting()
        self.recorded: list[Recorded] = []
        self.at = at
        self.count = 0
        self.do(c.ConveneMeeting(the_plan or plan()))

    def wait(self, seconds: float) -> "Room":
        self.at += round(seconds * 1000)
        return self

    def do(self, command: c.AnyCommand, seconds: float = 0) -> "Room":
        """Carry out `command` `seconds` from now; a refusal is a mistake of the test."""
        self.wait(seconds)
        self.count += 1
        ident = f"0168c1f2-0000-7000-8000-{self.count:012d}"
        decision = decide(self.state, command, self.at, ident, ident)
        assert not isinstance(decision, Refusal), decision
        for event in decision:
            self.record(event, ident)
        return self

    def record(self, event: e.Event, command: str = "") -> None:
        one = Recorded(len(self.recorded) + 1, MEETING, self.at, "moderator", command, event)
        self.recorded.append(one)
        self.state = apply(self.state, one)

    @property
    def last_hash(self) -> str:
        """Any 64 digits that change with the journal; the real chain is the journal's business."""
        digest = hashlib.sha256()
        for one in self.recorded:
            digest.update(e.encode(one.event))
        return digest.hexdigest()

    @property
    def last_report(self) -> str:
        return self.state.reports[-1].id


WELL = e.LineFigures(
    probes=300, loss_up_percent=0.0, loss_down_percent=0.3, rtt_ms=38.4, up_kbps=2000.0,
    down_kbps=2000.0, burst_kbps=2000.0, camera="moving", version="giliran 1",
)  # fmt: skip
LINES = {
    "sungai-apit": e.LineFigures(
        probes=300, loss_up_percent=10.3, loss_down_percent=8.7, rtt_ms=212.0, up_kbps=1780.0,
        down_kbps=640.0, burst_kbps=2000.0, camera="moving", version="giliran 1",
    ),
    "tualang": e.LineFigures(tone_played=True, peak_dbov=30, camera="frozen", version="giliran 1"),
}  # fmt: skip


def check_lines(room: Room) -> None:
    """The lines are checked before the meeting: two are poor, two sites are not there."""
    room.do(c.CheckLines(), seconds=20)
    check = room.state.check
    assert check is not None
    for site in check.waiting:
        room.do(c.NoteLineChecked(site, check.id, LINES.get(site, WELL), "giliran 1"), seconds=1)


def opened() -> Room:
    """Sites came from 13.20, one is ill, one sent a deputy, the hall opened at 13.30 sharp."""
    room = Room().wait(300)
    room.do(c.NoteSiteJoined("hall"))
    for name in NAMES:
        if name not in ("Pusako", "Mempura"):
            room.do(c.NoteSiteJoined(site_id(name)), seconds=20)
    room.do(c.MarkAttendance("pusako", "excused", "sakit"))
    room.do(c.CarryFollowUps(EARLIER))
    check_lines(room)
    room.at = CONVENED + 15 * 60_000
    room.do(c.OpenMeeting())
    room.do(c.MarkAttendance("dayun", "represented", "Sekretaris Camat Dayun"))
    room.do(
        c.AddNote(
            "Bupati menyapa para camat dan menyampaikan bahwa rapat melalui konferensi video "
            "menghemat waktu dan biaya perjalanan.",
            "opening",
        ),
        seconds=30,
    )
    return room.wait(60)


def until_kandis() -> Room:
    """Half the meeting: Kandis has the floor, its report is being typed."""
    room = opened()
    for name in NAMES[: NAMES.index("Kandis")]:
        _speak(room, site_id(name))
    room.do(c.CallNext(), seconds=2).do(c.DraftReport("kandis", "Alhamdulillah, suara"), seconds=9)
    return room


def held() -> Room:
    """The whole meeting, not closed yet: all the ways a turn and a report can go."""
    room = until_kandis()
    room.do(c.LogReport("kandis", REPORTS["kandis"]), seconds=40).do(c.EndTurn(), seconds=30)
    room.do(c.NoteSiteJoined("mempura"), seconds=5)
    for name in ("lubuk-dalam", "sabak-auh", "mempura"):
        _speak(room, name)
    minas = next(r.id for r in room.state.reports if r.site == "minas")
    room.do(c.NoteSiteJoined("warga-minas")).do(c.GrantFloor("warga-minas"), seconds=8)
    room.do(c.LogReport("warga-minas", "Warga menanyakan ganti rugi lahan. #tol"), seconds=50)
    room.do(c.EndTurn(), seconds=12)
    room.do(c.AmendReport(minas, REPORTS["minas"].replace("tiga warga", "empat warga")), seconds=30)
    room.do(
        c.AddNote("Setiap kecamatan menyiagakan regu pemadam sampai akhir Maret.", "decision"),
        seconds=10,
    )
    room.do(c.AddNote("Rapat melalui konferensi video diadakan tiap bulan.", "decision"))
    room.do(
        c.AddFollowUp(
            "Memeriksa perangkat dan jaringan internet di setiap kantor camat",
            "Dinas Komunikasi dan Informatika",
            "2019-02-15",
        ),
        seconds=15,
    )
    room.do(c.AddFollowUp("Menyelesaikan musyawarah harga lahan", "", "2019-02-28", "minas"))
    room.do(c.AddFollowUp("Memperbaiki jalan lintas Km 71", "Dinas Pekerjaan Umum"))
    room.do(c.CloseFollowUp("earlier-2", "Dilatih oleh BPBD di kantor camat"), seconds=0)
    room.do(c.AddNote("Bupati mengucapkan terima kasih kepada seluruh camat.", "closing"))
    return room.wait(20)


def crowded() -> Room:
    """14 sites and 60 reports, ten follow-ups, seven decisions; closed."""
    room = opened().do(c.NoteSiteJoined("mempura")).do(c.NoteSiteJoined("pusako"))
    room.do(c.MarkAttendance("pusako", "late"))
    for number, name in enumerate(NAMES):
        site = site_id(name)
        room.do(c.GrantFloor(site), seconds=3)
        for count in range(1, 6 if number < 4 else 5):
            text = REPORTS.get(site, "Camat Pusako melaporkan bahwa keadaan aman.")
            room.do(c.LogReport(site, f"Laporan ke-{count} {name}. {text}"), seconds=20)
        room.do(c.EndTurn(), seconds=5)
    for number in range(1, 11):
        text = f"Tindak lanjut ke-{number} yang memenuhi satu baris tabel di halaman notula"
        room.do(c.AddFollowUp(text, "Dinas Komunikasi dan Informatika", "2019-02-15"))
    for number in range(1, 8):
        room.do(c.AddNote(f"Keputusan ke-{number} yang memenuhi satu baris halaman.", "decision"))
    return room.do(c.CloseMeeting())


def closed() -> Room:
    room = held()
    room.do(c.CloseMeeting())
    return room


def _speak(room: Room, site: str) -> None:
    """Call a site, let it speak a minute or two, write down what it said."""
    room.do(c.GrantFloor(site), seconds=3)
    if site == "sungai-apit":  # the one with the bad line
        room.wait(70).do(c.NoteSiteLeft(site, "no ping")).do(c.NoteSiteJoined(site), seconds=18)
        room.do(
            c.AddNote(
                "Bupati meminta Dinas Komunikasi dan Informatika mengevaluasi perangkat dan "
                "jaringan internet di setiap kecamatan.",
                "direction",
                site,
            ),
            seconds=40,
        )
    if site == "tualang":  # lost for good, called again at once after its return
        room.wait(31).do(c.NoteSiteLeft(site, "no ping")).do(c.Tick(), seconds=20)
        room.do(c.NoteSiteJoined(site), seconds=25).do(c.GrantFloor(site), seconds=4)
    if site == "koto-gasib":  # speaks too long
        room.do(c.Tick(), seconds=180).wait(35)
    room.do(c.LogReport(site, REPORTS[site]), seconds=51).do(c.EndTurn(), seconds=len(site))
