"""What the minutes say is what the journal says."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.meeting.decide import decide
from console.meeting.fold import replay
from console.meeting.refusal import Refusal
from console.minutes import Minutes, Style, minutes_of
from console.minutes.form import clean, one_line
from protocol import commands as c
from protocol import events as e
from protocol.events import Signatory, SiteEntry
from tests.console.minutes.siak_meeting import (
    NAMES,
    REPORTS,
    Room,
    held,
    opened,
    plan,
    site_id,
    until_kandis,
)


def minutes_now(room: Room, style: Style | None = None) -> Minutes:
    return minutes_of(room.state, room.recorded, room.last_hash, style)


def block_of(minutes: Minutes, site: str):
    return next(b for b in minutes.discussion if b.site == site)


def row_of(minutes: Minutes, site: str):
    return next(r for r in minutes.attendance if r.site == site)


# -- head ---------------------------------------------------------------------------------------


def test_head(minutes: Minutes):
    assert minutes.title == "NOTULA"
    assert minutes.number == "005/SETDA/2019/17"
    assert minutes.day == "Rabu, 6 Februari 2019"
    assert minutes.called == "pukul 13.15 WIB"
    assert minutes.time == "pukul 13.30–13.54 WIB"
    assert minutes.agenda[0] == "Pembukaan"
    assert minutes.agenda[-1] == "Penutup"
    assert minutes.leaders.chair == "Nama Bupati, Bupati Siak"
    assert minutes.participants == "Hadir 12 (terlambat 1) · Diwakili 1 · Izin 1 · Tidak hadir 0"
    assert minutes.guests == ("Nama Warga, Warga, Kantor Camat Minas",)
    assert minutes.place_and_date == "Siak Sri Indrapura, 6 Februari 2019"
    assert minutes.file_name == "notula-2019-02-06-7c8d9e0f"


def test_the_titles_word_is_a_setting(room: Room):
    assert minutes_now(room, Style(title="notulen")).title == "NOTULEN"


def test_penutup_is_not_said_twice():
    room = Room(plan(agenda=("Pembukaan", "Penutup.")))
    assert minutes_now(room).agenda == ("Pembukaan", "Penutup.")


def test_the_time_zone_is_the_meetings():
    room = Room(plan(time_zone="WITA", utc_offset_minutes=480))
    assert minutes_now(room).called == "pukul 14.15 WITA"


# -- draft or not --------------------------------------------------------------------------------


def test_draft_only_while_not_closed(minutes: Minutes, draft: Minutes):
    assert draft.draft
    assert draft.as_of == "keadaan 6 Februari 2019 pukul 13.48 WIB, rapat belum ditutup"
    assert draft.time == "sejak pukul 13.30 WIB, masih berlangsung"
    assert not minutes.draft
    assert minutes.as_of == ""


def test_a_meeting_not_yet_opened_has_minutes():
    early = minutes_now(Room())
    assert early.draft
    assert early.time == "belum dibuka"
    assert early.opening == ("Rapat belum dibuka.",)
    assert early.counts.unmarked == early.counts.expected == 14


def test_text_being_typed_is_shown_as_such(draft: Minutes):
    (report,) = block_of(draft, "kandis").reports
    assert report.unsaved
    assert report.paragraphs == ("Alhamdulillah, suara",)
    assert draft.turns[-1].remark == "sedang berbicara"


# -- discussion ----------------------------------------------------------------------------------


def test_every_report_stands_in_speaking_order(room: Room, minutes: Minutes):
    granted = [r.event.site for r in room.recorded if isinstance(r.event, e.FloorGranted)]
    assert [b.site for b in minutes.discussion] == granted
    for site, text in REPORTS.items():
        latest = text.replace("tiga warga", "empat warga")
        assert [r.paragraphs for r in block_of(minutes, site).reports] == [clean(latest)]


def test_heading_says_time_duration_and_interruption(minutes: Minutes):
    heading = block_of(minutes, "sungai-apit").heading
    assert heading == (
        "Camat Sungai Apit, Nama Sungai Apit (pukul 13.32 WIB, 2 menit 52 detik; terputus 18 detik)"
    )
    assert block_of(minutes, "dayun").speaker.endswith("diwakili Sekretaris Camat Dayun")


def test_a_direction_stands_with_the_site_it_is_about(minutes: Minutes):
    (direction,) = block_of(minutes, "sungai-apit").directions
    assert direction.startswith("Bupati meminta Dinas Komunikasi")
    assert not minutes.directions


def test_an_amended_report_keeps_its_old_text(minutes: Minutes):
    (report,) = block_of(minutes, "minas").reports
    (old,) = report.earlier
    assert report.amended == "Diubah pukul 13.54 WIB"
    assert old.heading == "Semula (pukul 13.36 WIB)"
    assert "tiga warga" in old.paragraphs[0]
    assert "empat warga" in report.paragraphs[0]
    assert report.topics == ("tol", "lahan")


def test_a_second_turn_is_a_block_of_its_own():
    room = opened()
    for site in ("minas", "siak", "minas"):
        room.do(c.GrantFloor(site), seconds=2)
        room.do(c.LogReport(site, f"Laporan {site} {room.count}"), seconds=20)
    blocks = minutes_now(room).discussion
    assert [(b.site, b.turn) for b in blocks] == [("minas", 1), ("siak", 2), ("minas", 3)]
    assert "(lanjutan)" in blocks[2].speaker
    assert all(len(b.reports) == 1 for b in blocks)


def test_a_report_without_a_turn_takes_its_place_by_time():
    room = opened()
    room.do(c.GrantFloor("siak"))
    room.do(c.LogReport("pusako", "Laporan lewat telepon."), seconds=10)
    room.do(c.GrantFloor("minas"), seconds=30)
    blocks = minutes_now(room).discussion
    assert [(b.site, b.turn) for b in blocks] == [("siak", 1), ("pusako", None), ("minas", 2)]
    assert blocks[1].detail == "di luar giliran, pukul 13.31 WIB"
    assert blocks[1].reports[0].paragraphs == ("Laporan lewat telepon.",)


def test_a_turn_that_was_not_taken_up_again_says_so():
    room = opened()
    room.do(c.GrantFloor("minas")).wait(40).do(c.NoteSiteLeft("minas")).do(c.Tick(), seconds=20)
    minutes = minutes_now(room)
    detail = block_of(minutes, "minas").detail
    assert detail.endswith("40 detik; terputus 20 detik; giliran tidak dilanjutkan")
    assert minutes.turns[0].ends == "13.32"


def test_a_turn_ended_while_its_site_was_lost_counts_the_gap():
    room = opened()
    room.do(c.GrantFloor("minas")).wait(40).do(c.NoteSiteLeft("minas")).do(c.EndTurn(), seconds=7)
    row = minutes_now(room).turns[0]
    assert (row.spoken_s, row.away_s, row.remark) == (40, 7, "terputus 7 detik")


def test_the_recording_is_named_and_every_turn_has_its_place_in_it():
    room = opened()
    assert "direkam" not in " ".join(minutes_now(room).notes)
    room.do(c.StartRecording()).wait(65).do(c.GrantFloor("siak")).wait(40)
    room.do(c.PauseRecording()).wait(100).do(c.StartRecording()).wait(20)
    room.do(c.GrantFloor("minas")).wait(10).do(c.EndTurn())
    minutes = minutes_now(room)
    (said,) = [note for note in minutes.notes if "direkam" in note]
    assert "rekaman-" in said and ".mkv" in said and "dijeda 1 kali" in said
    (siak,), (minas,) = block_of(minutes, "siak").notes, block_of(minutes, "minas").notes
    film = said.split("berkas ")[1].split(",")[0]
    assert siak.startswith(f"Rekaman: {film}, bab mulai 0:01:0")
    assert minas.startswith(f"Rekaman: {film}, bab mulai 0:02:0"), "the pause is cut out"


def test_notes_go_to_their_places():
    room = opened()
    room.do(c.GrantFloor("siak"))
    room.do(c.AddNote("Arahan bagi semua.", "direction"))
    room.do(c.AddNote("Arahan dari ruang utama.", "direction", "hall"))
    room.do(c.AddNote("Catatan umum."))
    room.do(c.AddNote("Catatan bagi Siak.", "note", "siak"))
    room.do(c.AddNote("Catatan bagi Pusako.", "note", "pusako"))
    room.do(c.AddNote("Diputuskan.", "decision", "minas"))
    minutes = minutes_now(room)
    assert minutes.directions == ("Arahan bagi semua.", "Arahan dari ruang utama.")
    assert minutes.notes == ("Catatan umum.",)
    assert block_of(minutes, "siak").notes == ("Catatan bagi Siak.",)
    assert block_of(minutes, "pusako").notes == ("Catatan bagi Pusako.",)
    assert minutes.decisions == ("Diputuskan. (Camat Minas)",)
    assert minutes.opening[1].startswith("Bupati menyapa")


def test_who_did_not_speak_is_named(minutes: Minutes):
    assert minutes.silent == ("Camat Pusako (izin)",)


def test_closing_names_the_reports_that_are_missing():
    room = opened()
    for site in ("siak", "minas", "dayun"):
        room.do(c.GrantFloor(site), seconds=5)
    room.do(c.CloseMeeting(force=True), seconds=5)
    assert minutes_now(room).closing[-1] == (
        "Sampai rapat ditutup belum ada laporan tertulis dari Camat Siak, Camat Minas, "
        "dan Camat Dayun."
    )


def test_closing(minutes: Minutes):
    assert minutes.closing == (
        "Bupati mengucapkan terima kasih kepada seluruh camat.",
        "Rapat ditutup oleh Bupati Siak pukul 13.54 WIB setelah berlangsung 24 menit 57 detik.",
    )


def test_follow_ups(minutes: Minutes):
    assert [(f.number, f.owner, f.due, f.due_on) for f in minutes.follow_ups] == [
        (1, "Dinas Komunikasi dan Informatika", "15 Februari 2019", "2019-02-15"),
        (2, "Camat Minas", "28 Februari 2019", "2019-02-28"),
        (3, "Dinas Pekerjaan Umum", "–", ""),
    ]


def test_what_became_of_follow_ups_of_earlier_meetings(room: Room, minutes: Minutes):
    assert [(f.owner, f.due, f.status, f.done, f.origin) for f in minutes.earlier_follow_ups] == [
        ("Camat Dayun", "1 Maret 2019", "Selesai", True, "rapat 7 Januari 2019"),
        (
            "Dinas Komunikasi dan Informatika",
            "15 Desember 2018",
            "Belum selesai, lewat tenggat",
            False,
            "rapat 8 November 2018",
        ),
    ]


def test_a_follow_up_of_the_meeting_that_is_done_says_so():
    room = held()
    room.do(c.CloseFollowUp(room.state.follow_ups[0].id))
    states = [f.status for f in minutes_of(room.state, room.recorded, "").follow_ups]
    assert states == ["Selesai", "Belum selesai", "Belum selesai"]


def test_what_is_done_after_the_minutes_are_fixed_is_not_in_them():
    room = held().do(c.CloseMeeting(force=True))
    ident = room.state.follow_ups[0].id

    def printed() -> tuple[str, str, str]:
        made = minutes_of(room.state, room.recorded, "")
        return made.follow_ups[0].status, made.follow_ups[0].how, made.status_line[:6]

    room.do(c.SubmitMinutes())
    before = printed()
    room.do(c.CloseFollowUp(ident, "Antena dipasang"))
    assert printed() == before and before[0] == "Belum selesai"
    room.do(c.ApproveMinutes())
    assert printed()[:2] == before[:2]
    room.do(c.ReopenFollowUp(ident))
    room.do(c.CloseFollowUp(ident))
    assert printed()[:2] == before[:2]


def test_what_was_done_meanwhile_is_in_minutes_that_were_returned():
    room = held().do(c.CloseMeeting(force=True))
    ident = room.state.follow_ups[0].id
    room.do(c.SubmitMinutes())
    room.do(c.CloseFollowUp(ident, "Antena dipasang"))
    room.do(c.ReturnMinutes("Nama salah"))
    row = minutes_of(room.state, room.recorded, "").follow_ups[0]
    assert (row.status, row.how, row.done) == ("Selesai", "Antena dipasang", True)


def test_what_is_typed_in_a_card_and_not_saved_is_said_to_be_so():
    room = until_kandis()
    fields = {"text": "Alhamdulillah", "direction": "Siaga", "what": "Posko", "owner": "Camat"}
    room.do(c.SaveDraft("report:kandis", fields))
    (report,) = minutes_of(room.state, room.recorded, "").discussion[-1].reports
    assert report.unsaved
    assert report.paragraphs == ("Alhamdulillah", "Arahan: Siaga", "Tindak lanjut: Posko")


# -- attendance ----------------------------------------------------------------------------------


def test_every_row_of_the_roster_is_shown_once(room: Room, minutes: Minutes):
    assert [r.number for r in minutes.attendance] == list(range(1, 17))
    assert sorted(r.site for r in minutes.attendance) == sorted(room.state.sites)
    assert [r.site for r in minutes.attendance][1:15] == [site_id(n) for n in NAMES]


def test_remarks(minutes: Minutes):
    assert row_of(minutes, "pusako").remark == "Izin: sakit"
    assert row_of(minutes, "dayun").remark == "Diwakili oleh Sekretaris Camat Dayun"
    assert row_of(minutes, "mempura").remark == "Terlambat"
    assert row_of(minutes, "tualang").remark == "Hadir; terputus 1 kali"
    assert row_of(minutes, "warga-minas").remark == "Hadir"
    assert (row_of(minutes, "pusako").arrived, row_of(minutes, "pusako").left) == ("–", "–")


def test_who_leaves_after_the_closing_left_at_the_closing(room: Room):
    after = Room(room.state.plan)
    after.state, after.recorded, after.at = room.state, list(room.recorded), room.at
    after.do(c.NoteSiteLeft("minas"), seconds=900).do(c.NoteSiteJoined("minas"), seconds=900)
    after.do(c.NoteSiteLeft("siak"), seconds=5)
    minutes = minutes_now(after)
    assert row_of(minutes, "minas").left == row_of(minutes, "siak").left == "13.54"
    assert row_of(minutes, "minas").remark == "Hadir"


def test_who_left_early_left_then():
    room = opened()
    room.do(c.NoteSiteLeft("minas"), seconds=60).do(c.CloseMeeting(), seconds=600)
    row = row_of(minutes_now(room), "minas")
    assert (row.left, row.drops) == ("13.32", 1)


# -- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (SiteEntry("minas", "Minas", "kecamatan", title="Camat Minas"), "Camat Minas"),
        (SiteEntry("minas", "Minas", "kecamatan", title="Plt. Camat"), "Plt. Camat Minas"),
        (SiteEntry("minas", "Minas", "kecamatan"), "Camat Minas"),
        (SiteEntry("dinas", "Dinas Kominfo", "guest"), "Dinas Kominfo"),
    ],
)
def test_a_speaker_is_named_by_office_and_place(entry: SiteEntry, expected: str):
    room = Room(plan(sites=(SiteEntry("hall", "Ruang", "hall"), entry)))
    room.do(c.NoteSiteJoined(entry.id)).do(c.OpenMeeting()).do(c.GrantFloor(entry.id))
    assert minutes_now(room).discussion[0].speaker == expected


def test_without_a_chairperson_the_chair_presides():
    room = Room(plan(chair_person=Signatory())).do(c.OpenMeeting())
    assert minutes_now(room).opening == ("Rapat dibuka oleh pimpinan rapat pukul 13.15 WIB.",)


# -- any meeting ---------------------------------------------------------------------------------

small = plan(
    sites=(
        SiteEntry("hall", "Ruang", "hall"),
        SiteEntry("minas", "Minas", "kecamatan", position=1),
        SiteEntry("siak", "Siak", "kecamatan", position=2),
        SiteEntry("warga", "Warga", "guest", position=3),
    )
)
sites = st.sampled_from(["hall", "minas", "siak", "warga"])
texts = st.sampled_from(["Laporan.", "Dua\nbaris #tol", "x" * 300, "\x07\u202e"])
orders = st.one_of(
    st.sampled_from([c.OpenMeeting(), c.CallNext(), c.EndTurn(), c.Tick(), c.MuteAll()]),
    st.builds(c.CloseMeeting, st.booleans()),
    st.builds(c.NoteSiteJoined, sites),
    st.builds(c.NoteSiteLeft, sites),
    st.builds(c.GrantFloor, sites),
    st.builds(c.Mute, sites),
    st.builds(c.Unmute, sites),
    st.builds(
        c.MarkAttendance,
        sites,
        st.sampled_from(["present", "represented", "excused", "absent"]),
        texts,
    ),
    st.builds(c.DraftReport, sites, texts),
    st.builds(c.LogReport, sites, texts),
    st.builds(c.AmendReport, st.integers(1, 30).map(str), texts),
    st.builds(c.AddFollowUp, texts, st.just(""), st.just(""), st.none() | sites),
    st.builds(
        c.AddNote,
        texts,
        st.sampled_from(["note", "opening", "direction", "decision", "closing"]),
        st.none() | sites,
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 90_000), orders), max_size=40))
def test_minutes_of_any_meeting_account_for_everything(script):
    room = Room(small)
    for number, (wait_ms, order) in enumerate(script, 1):
        room.wait(wait_ms / 1000)
        decision = decide(room.state, order, room.at, f"command-{number}", str(number))
        if not isinstance(decision, Refusal):
            for event in decision:
                room.record(event, f"command-{number}")
    state = replay(room.recorded)
    minutes = minutes_of(state, room.recorded, room.last_hash)
    counts = msgspec.structs.asdict(minutes.counts)
    assert counts.pop("expected") == sum(counts.values()) == 2
    assert {r.site for r in minutes.attendance} == set(state.sites)
    assert minutes.total_spoken_s == sum(t.spoken_s for t in minutes.turns)
    assert [t.number for t in minutes.turns] == [t.number for t in state.turns]
    assert [b.turn for b in minutes.discussion if b.turn] == [t.number for t in state.turns]
    shown = [r.id for b in minutes.discussion for r in b.reports if not r.unsaved]
    assert sorted(shown) == sorted(r.id for r in state.reports)
    unsaved = [b.site for b in minutes.discussion for r in b.reports if r.unsaved]
    assert sorted(unsaved) == sorted(s.id for s in state.sites.values() if clean(s.draft))
    notes = sum(len(clean(n.text)) for n in state.notes if n.kind in ("direction", "note"))
    noted = [*minutes.directions, *minutes.notes]
    noted += [line for b in minutes.discussion for line in (*b.directions, *b.notes)]
    assert len(noted) == notes
    assert len(minutes.follow_ups) == len(state.follow_ups)
    assert minutes.draft == (state.phase != "closed")
    assert minutes.hash == room.last_hash


# -- text of people ------------------------------------------------------------------------------


def test_clean_keeps_lines_and_drops_what_no_page_can_show():
    assert clean("satu\r\n\r\n  dua\ttiga \u2028empat\x00\x1b[31m") == (
        "satu",
        "dua tiga",
        "empat[31m",
    )
    assert one_line("baik\u202e kilab\n\ufeff ya\ud800") == "baik kilab ya"
    assert clean("\x07 \n\u200e") == ()


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_cleaned_text_is_xml_and_utf8(text: str):
    for line in clean(text):
        assert line == line.strip() != ""
        assert clean(line) == (line,)
        line.encode("utf-8")
        assert all(ord(sign) >= 0x20 and ord(sign) not in (0xFFFE, 0xFFFF) for sign in line)


# -- the minutes after the meeting ---------------------------------------------------------------


def test_the_line_of_the_status_follows_the_minutes_way(room: Room):
    way = Room()
    way.recorded, way.state, way.at = list(room.recorded), room.state, room.at
    way.count = room.count
    said = [minutes_now(way).status_line]
    for command in (
        c.SubmitMinutes(by="Notulis"),
        c.ReturnMinutes("Nama salah"),
        c.SubmitMinutes(),
        c.ApproveMinutes(by="Bupati"),
    ):
        way.do(command, seconds=600)
        said.append(minutes_now(way).status_line)
    assert said == [
        "Draf, belum diajukan",
        "Diajukan 6 Februari 2019 pukul 14.04 WIB oleh Notulis",
        "Draf, dikembalikan 6 Februari 2019 pukul 14.14 WIB: Nama salah",
        "Diajukan 6 Februari 2019 pukul 14.24 WIB",
        "Disahkan 6 Februari 2019 pukul 14.34 WIB oleh Bupati",
    ]
    assert (minutes_now(room).mark, minutes_now(way).mark) == ("DRAF", "")


def test_errata_are_printed_beside_the_approved_text(room: Room, approved: Minutes):
    (one,) = approved.corrections
    assert (one.part, one.was, one.text) == ("B.3", "empat warga", "lima warga")
    assert one.when == "7 Februari 2019 pukul 15.54 WIB"
    assert approved.status_line.endswith("oleh Nama Bupati, dengan 1 ralat")
    assert approved.discussion == minutes_now(room).discussion, "the text itself stays"


def test_what_comes_after_the_approval_changes_nothing_but_errata(ratified: Room):
    """Also what the rules refuse, should another release have written it."""
    later = Room()
    later.recorded, later.state, later.at = list(ratified.recorded), ratified.state, ratified.at
    before = minutes_now(ratified)
    for event in (
        e.ReportLogged("x", "minas", "Sisipan"),
        e.AttendanceMarked("pusako", "present"),
        e.FollowUpAdded("y", "Sisipan"),
        e.SiteLeft("minas"),
        e.MinutesCorrected("z", "C.1", "a", "b", "c"),
    ):
        later.record(event)
    after = minutes_now(later)
    assert len(after.corrections) == 2
    unchanged = {"seq", "hash", "hash_short", "proof", "status_line", "corrections"}
    for name in Minutes.__struct_fields__:
        if name not in unchanged:
            assert getattr(after, name) == getattr(before, name), name


@pytest.mark.parametrize(
    ("office", "kop"),
    [
        ("Bupati Siak", "regent"),
        ("Wakil Bupati Siak", "regent"),
        ("Wali Kota Dumai", "regent"),
        ("Sekretaris Daerah", "agency"),
        ("Staf Ahli Bupati", "agency"),
        ("", "agency"),
    ],
)
def test_the_letterhead_is_that_of_who_presides(office: str, kop: str):
    room = Room(plan(chair_person=Signatory("Nama", office)))
    assert minutes_now(room).kop == kop
    other = "agency" if kop == "regent" else "regent"
    assert minutes_now(room, Style(letterhead=other)).kop == other


def test_the_rosters_style_is_the_default():
    style = e.MinutesStyle(title="notulen", paper="f4", letterhead="agency")
    minutes = minutes_now(Room(plan(minutes=style)))
    assert (minutes.title, minutes.paper, minutes.kop) == ("NOTULEN", "f4", "agency")
    chosen = minutes_now(Room(plan(minutes=style)), Style(title="notula", paper="a4"))
    assert (chosen.title, chosen.paper) == ("NOTULA", "a4")
