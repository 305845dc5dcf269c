"""Every format holds what the journal holds, in the official order, whatever people typed."""

import csv as csv_module
import io
import json as json_module
import zipfile
from html.parser import HTMLParser

import docx as python_docx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from console.minutes import Minutes, MinutesError, Style, minutes_of
from console.minutes.files import SHIPPED
from console.minutes.form import clean, one_line
from console.minutes.templates import make_docx
from console.minutes.writers import csv, docx, json, markdown, pdf
from protocol import commands as c
from protocol.events import Signatory, SiteEntry
from tests.console.minutes import readers
from tests.console.minutes.siak_meeting import Room, plan

ON_PAPER = {
    "pdf": (pdf.render, readers.pdf_text),
    "docx": (docx.render, readers.docx_text),
    "md": (markdown.render, readers.markdown_text),
}
on_paper = pytest.mark.parametrize("fmt", ON_PAPER)


def read(fmt: str, minutes: Minutes) -> str:
    render, reader = ON_PAPER[fmt]
    return reader(render(minutes))


# -- a lifelike meeting ---------------------------------------------------------------------------


@on_paper
def test_all_of_it_is_there_in_the_official_order(fmt: str, minutes: Minutes):
    readers.assert_in_order(read(fmt, minutes), readers.in_order(minutes))


@on_paper
def test_every_cell_of_the_tables_is_there(fmt: str, minutes: Minutes):
    text = readers.bare(read(fmt, minutes))
    for cell in readers.cells(minutes):
        assert readers.bare(cell) in text


@on_paper
def test_a_draft_holds_what_there_is_so_far(fmt: str, draft: Minutes):
    text = read(fmt, draft)
    readers.assert_in_order(text, readers.in_order(draft))
    assert readers.bare("(Sedang ditulis, belum disimpan sebagai laporan.)") in readers.bare(text)


def test_pdf_bears_hash_number_and_draft_mark_on_every_page(minutes: Minutes, draft: Minutes):
    for one in (minutes, draft):
        pages = readers.pdf_pages(pdf.render(one))
        assert len(pages) >= 4
        for number, page in enumerate(pages, 1):
            assert one.hash in page
            assert f"Halaman {number} dari {len(pages)}" in page
            assert ("DRAF" in page) == one.draft


def test_docx_bears_hash_and_draft_mark_in_its_edges(minutes: Minutes, draft: Minutes):
    for one in (minutes, draft):
        header, footer = readers.docx_edges(docx.render(one))
        assert one.hash in footer
        assert header == ("DRAF" if one.draft else "")
        assert ("DRAF" in footer) == one.draft


def test_markdown_bears_hash_and_draft_mark(minutes: Minutes, draft: Minutes):
    for one in (minutes, draft):
        text = markdown.render(one).decode()
        assert text.rstrip().endswith(f"`{one.hash}`")
        assert ("DRAF" in text) == one.draft


def test_paper_is_a_setting(room: Room):
    f4 = minutes_of(room.state, room.recorded, room.last_hash, Style(paper="f4"))
    section = python_docx.Document(io.BytesIO(docx.render(f4))).sections[0]
    assert (round(section.page_width.mm), round(section.page_height.mm)) == (215, 330)
    a4 = msgspec.structs.replace(f4, paper="a4")
    assert readers.pdf_size_mm(pdf.render(f4)) == (215, 330)
    assert readers.pdf_size_mm(pdf.render(a4)) == (210, 297)


@pytest.mark.parametrize("render", [pdf.render, docx.render, markdown.render, csv.render])
def test_the_same_minutes_give_the_same_bytes(render, minutes: Minutes):
    assert render(minutes) == render(minutes)


# -- what people type ------------------------------------------------------------------------------

NASTY = (
    "#[]*_<>&\"$\\ 'a' `b` ~c~ {d} |e| ^f^ !g @h %i",
    '#eval(read("/etc/passwd")) $x^2$ @siak <label> // ## = - + 1. \\u{41}',
    "{{ minutes }} {% for x in y %} {_{ x }_} {_% %_} {# catatan #} {%p if a %}",
    "</w:t></w:r><w:br/> &amp; &#65; <script>alert(1)</script> <!-- x --> ]]>",
    "# judul",
    "- butir",
    "12. dua belas",
    "1) satu",
    "> kutipan",
    "--- ===",
    "[taut](http://contoh.id) ![gambar](x.png) <http://contoh.id> www.contoh.id a@contoh.id",
    "akhiri dengan \\",
    "kendali \x00\x01\x08\x0b\x0c\x1b[31m\x7f\x85 dan \u202eterbalik\u202c \ufeff",
    "سلام 你好 ☃ 🙂 é é ﬁ",
    '=HYPERLINK("http://contoh.id";"klik")',
    "k" * 400,
    "https://contoh.id/" + "jalan/panjang-sekali/" * 12,
)


def nasty_room(text: str) -> Room:
    """A meeting in which every field that takes text holds `text`."""
    who = Signatory(text, text, text, text)
    room = Room(
        plan(
            title=text,
            place=text,
            city=text,
            agenda=(text, text),
            organisation=text,
            letterhead=(text,),
            number=text,
            chair_person=who,
            note_taker=who,
            secretary=who,
            time_zone="WIB",
            sites=(
                SiteEntry("hall", text, "hall", text, text),
                SiteEntry("minas", text, "kecamatan", text, text, 1),
                SiteEntry("siak", text, "kecamatan", text, text, 2),
                SiteEntry("warga", text, "guest", text, text, 3),
            ),
        )
    )
    for site in ("hall", "minas", "warga"):
        room.do(c.NoteSiteJoined(site), seconds=1)
    room.do(c.OpenMeeting()).do(c.MarkAttendance("minas", "represented", text))
    room.do(c.MarkAttendance("siak", "excused", text))
    room.do(c.GrantFloor("minas")).do(c.LogReport("minas", text, (text,)), seconds=30)
    room.do(c.AmendReport(room.last_report, f"{text}\n{text}", (text,)))
    for kind in ("opening", "direction", "decision", "closing", "note"):
        room.do(c.AddNote(text, kind)).do(c.AddNote(text, kind, "minas"))
    room.do(c.AddFollowUp(text, text, "2019-02-15"))
    room.do(c.DraftReport("minas", text))
    return room


def nasty_minutes(text: str) -> Minutes:
    room = nasty_room(text)
    return minutes_of(room.state, room.recorded, room.last_hash)


@on_paper
@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_nasty_text_is_printed_as_it_was_typed(fmt: str, text: str):
    minutes = nasty_minutes(text)
    shown = read(fmt, minutes)
    if fmt == "pdf" and "سلام" in text:  # poppler gives right-to-left text in page order
        text = "é"
    # as often as the fields that hold it: none swallowed, none run as markup
    times = 12 + 2 * len(minutes.attendance) + 5 * len(minutes.discussion)
    assert readers.bare(shown).count(readers.bare(one_line(text))) >= times


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_nasty_text_keeps_within_the_pdf_page(text: str):
    rights_mm, bottoms_mm = readers.pdf_extent_mm(pdf.render(nasty_minutes(text)))
    assert rights_mm <= 210 - 20 + 1.5  # a hyphen or comma may hang into the margin
    assert bottoms_mm <= 297


class _Structure(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)


def structure(text: str) -> list[str]:
    """The elements of the rendered Markdown of a meeting in which `text` is everywhere."""
    html = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    reader = _Structure()
    reader.feed(html.render(markdown.render(nasty_minutes(text)).decode()))
    return reader.seen


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_nasty_text_changes_nothing_in_the_structure_of_markdown(text: str):
    plain = "BIASA" if text == text.upper() else "biasa"  # capitals make a line of the kop bold
    assert structure(text) == structure("\n".join([plain] * len(clean(text))))


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from('#[]*_<>&;"$\\ `~{}|!()-+=.:1aA\n'), min_size=1))
def test_escaped_markdown_is_shown_as_typed(text: str):
    for line in clean(text):
        html = (
            MarkdownIt("commonmark")
            .enable(["table", "strikethrough"])
            .render(markdown.escape(line))
        )
        reader = _Structure()
        reader.feed(html)
        assert reader.seen == ["p"]
        assert " ".join(readers._without_tags(html).split()) == line


@on_paper
def test_a_meeting_of_which_nothing_is_known(fmt: str):
    room = Room(plan(sites=(SiteEntry("hall", "", "hall"), SiteEntry("minas", "", "kecamatan"))))
    empty = plan(
        title="",
        place="",
        city="",
        agenda=(),
        organisation="",
        letterhead=(),
        number="",
        chair_person=Signatory(),
        note_taker=Signatory(),
        secretary=Signatory(),
        time_zone="",
        sites=room.state.plan.sites,
    )
    room = Room(empty)
    early = minutes_of(room.state, room.recorded, "")
    text = read(fmt, early)
    for part in ("NOTULA", "Pembahasan", "Keputusan", "Penutup", "NOTULIS", "DAFTAR HADIR"):
        assert readers.bare(part).lower() in readers.bare(text).lower()
    assert readers.bare("Belum ada keputusan yang dicatat.") in readers.bare(text)


# -- templates -------------------------------------------------------------------------------------


def test_the_shipped_word_template_is_the_one_the_script_makes(tmp_path):
    make_docx.make(tmp_path / "notula.docx")
    with (
        zipfile.ZipFile(SHIPPED / "notula.docx") as shipped,
        zipfile.ZipFile(tmp_path / "notula.docx") as made,
    ):
        for part in ("document", "header1", "footer1", "styles"):
            name = f"word/{part}.xml"
            assert shipped.read(name) == made.read(name), "run make_docx.py"


def test_a_template_of_ones_own_takes_the_place_of_the_shipped_one(tmp_path, minutes: Minutes):
    (tmp_path / "notula.md").write_text("Risalah {{ name }}", "utf-8")
    assert markdown.render(minutes, tmp_path).decode() == f"Risalah {minutes.name}"
    assert pdf.render(minutes, tmp_path) == pdf.render(minutes)


@pytest.mark.parametrize(
    ("render", "name", "content"),
    [
        (markdown.render, "notula.md", b"{{ nothing.here }}"),
        (markdown.render, "notula.md", b"{% if %}"),
        (markdown.render, "notula.md", b"\xff\xfe\xff"),
        (pdf.render, "notula.typ", b"#nothing"),
        (docx.render, "notula.docx", b"not a document"),
    ],
)
def test_a_broken_template_is_named(render, name, content, tmp_path, minutes: Minutes):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MinutesError, match=name):
        render(minutes, tmp_path)


# -- JSON ------------------------------------------------------------------------------------------


def test_json_is_the_document(minutes: Minutes):
    assert msgspec.json.decode(json.render(minutes), type=Minutes) == minutes


def test_json_has_times_and_numbers_for_machines(minutes: Minutes):
    read_back = json_module.loads(json.render(minutes))
    assert read_back["format"] == "giliran-minutes/1"
    assert read_back["turns"][1]["starts_at"] == "2019-02-06T13:32:31+07:00"
    assert read_back["turns"][1]["spoken_s"] == 172
    assert read_back["follow_ups"][0]["due_on"] == "2019-02-15"


def test_the_schema_is_up_to_date():
    assert json.SCHEMA.read_bytes() == json.schema(), "run python -m console.minutes.writers.json"


# -- CSV -------------------------------------------------------------------------------------------


def table(minutes: Minutes, name: str) -> list[dict[str, str]]:
    with zipfile.ZipFile(io.BytesIO(csv.render(minutes))) as bundle:
        text = bundle.read(name).decode("utf-8-sig")
    return list(csv_module.DictReader(io.StringIO(text, newline=""), delimiter=";"))


def test_csv_tables_hold_the_journal(room: Room, minutes: Minutes):
    assert len(table(minutes, "attendance.csv")) == len(room.state.sites)
    turns = table(minutes, "turns.csv")
    assert [int(t["Waktu bicara (detik)"]) for t in turns] == [t.spoken_s for t in minutes.turns]
    assert turns[1]["Mulai"] == "2019-02-06 13:32:31"
    reports = {r["Pembicara"]: r["Laporan"] for r in table(minutes, "reports.csv")}
    for report in room.state.reports:
        assert "\n".join(clean(report.text)) in reports.values()
    assert [f["Tenggat"] for f in table(minutes, "follow_ups.csv")] == [
        "2019-02-15",
        "2019-02-28",
        "",
    ]
    about = {row["Hal"]: row["Isi"] for row in table(minutes, "meeting.csv")}
    assert (about["SHA-256"], about["Keadaan"]) == (minutes.hash, "Ditutup")


def test_csv_says_when_it_is_a_draft(draft: Minutes):
    about = {row["Hal"]: row["Isi"] for row in table(draft, "meeting.csv")}
    assert about["Keadaan"].startswith("DRAF")


def test_a_speaker_without_a_report_has_a_row():
    room = Room().do(c.NoteSiteJoined("minas")).do(c.OpenMeeting()).do(c.GrantFloor("minas"))
    (row,) = table(minutes_of(room.state, room.recorded, ""), "reports.csv")
    assert (row["Pembicara"], row["Laporan"]) == ("Camat Minas, Nama Minas", "")


def test_csv_opens_in_an_indonesian_spreadsheet(minutes: Minutes):
    for content in csv.files(minutes).values():
        assert content.startswith(b"\xef\xbb\xbf")
        assert b";" in content and b"\r\n" in content


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "＝", "  ="])  # noqa: RUF001
def test_no_cell_is_run_as_a_formula(sign: str):
    minutes = nasty_minutes(f"{sign}1+1;2")
    with zipfile.ZipFile(io.BytesIO(csv.render(minutes))) as bundle:
        for name in bundle.namelist():
            text = bundle.read(name).decode("utf-8-sig")
            for row in csv_module.reader(io.StringIO(text, newline=""), delimiter=";"):
                assert not any(cell.lstrip().startswith(tuple("=+-@＝")) for cell in row)  # noqa: RUF001
    owners = [row["Penanggung Jawab"] for row in table(minutes, "follow_ups.csv")]
    assert owners == [f"'{sign.strip()}1+1;2"]


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_nasty_text_stays_in_its_csv_cell(text: str):
    minutes = nasty_minutes(text)
    (row,) = table(minutes, "follow_ups.csv")
    assert row["Uraian"].removeprefix("'") == one_line(text)
    assert None not in row
