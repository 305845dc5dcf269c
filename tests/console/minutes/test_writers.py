"""Every format holds what the journal holds, in the official order, whatever people typed."""

import csv as csv_module
import io
import json as json_module
import re
import shutil
import subprocess
import zipfile
from base64 import b64encode
from html.parser import HTMLParser

import docx as python_docx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from PIL import Image, ImageColor

from console.minutes import Minutes, MinutesError, Style, minutes_of
from console.minutes.files import SHIPPED
from console.minutes.form import clean, one_line
from console.minutes.pictures import emblem, load
from console.minutes.templates import make_docx
from console.minutes.writers import csv, docx, html, json, markdown, pdf
from protocol import commands as c
from protocol.events import Signatory, SiteEntry
from tests.console.minutes import readers
from tests.console.minutes.siak_meeting import Room, crowded, plan

ON_PAPER = {
    "pdf": (pdf.render, readers.pdf_text),
    "docx": (docx.render, readers.docx_text),
    "md": (markdown.render, readers.markdown_text),
    "html": (html.render, readers.html_text),
}
on_paper = pytest.mark.parametrize("fmt", ON_PAPER)


def read(fmt: str, minutes: Minutes) -> str:
    render, reader = ON_PAPER[fmt]
    return reader(render(minutes))


# -- a lifelike meeting ---------------------------------------------------------------------------


@on_paper
def test_all_of_it_is_there_in_the_official_order(fmt: str, minutes: Minutes, approved: Minutes):
    for one in (minutes, approved):
        readers.assert_in_order(read(fmt, one), readers.in_order(one))


@on_paper
def test_every_cell_of_the_tables_is_there(fmt: str, approved: Minutes):
    text = readers.bare(read(fmt, approved))
    for cell in readers.cells(approved):
        assert readers.bare(cell) in text


@on_paper
def test_a_draft_holds_what_there_is_so_far(fmt: str, draft: Minutes):
    text = read(fmt, draft)
    readers.assert_in_order(text, readers.in_order(draft))
    assert readers.bare("(Sedang ditulis, belum disimpan sebagai laporan.)") in readers.bare(text)


def test_pdf_bears_hash_number_and_draft_mark_on_every_page(
    minutes: Minutes, draft: Minutes, approved: Minutes
):
    for one in (minutes, draft, approved):
        pages = readers.pdf_pages(pdf.render(one))
        assert len(pages) >= 4
        for number, page in enumerate(pages, 1):
            assert one.hash in page
            assert f"Halaman {number} dari {len(pages)}" in page
            assert ("DRAF" in readers.bare(page)) == (one is not approved)
            assert readers.bare(one.status_line) in readers.bare(page)


def test_docx_bears_hash_and_draft_mark_in_its_edges(
    minutes: Minutes, draft: Minutes, approved: Minutes
):
    for one in (minutes, draft, approved):
        header, footer = readers.docx_edges(docx.render(one))
        assert one.hash in footer and one.status_line in footer
        assert header == ("" if one is approved else "DRAF")


def test_markdown_and_html_bear_hash_and_draft_mark(
    minutes: Minutes, draft: Minutes, approved: Minutes
):
    for one in (minutes, draft, approved):
        text = markdown.render(one).decode()
        assert text.rstrip().endswith(f"`{one.hash}`")
        page = readers.html_text(html.render(one))
        assert one.hash in page and one.status_line in page
        assert ("DRAF" in text) == ("DRAF" in page) == (one is not approved)


def test_paper_is_a_setting(room: Room):
    f4 = minutes_of(room.state, room.recorded, room.last_hash, Style(paper="f4"))
    section = python_docx.Document(io.BytesIO(docx.render(f4))).sections[0]
    assert (round(section.page_width.mm), round(section.page_height.mm)) == (215, 330)
    a4 = msgspec.structs.replace(f4, paper="a4")
    assert readers.pdf_size_mm(pdf.render(f4)) == (215, 330)
    assert readers.pdf_size_mm(pdf.render(a4)) == (210, 297)


@pytest.mark.parametrize(
    "render", [pdf.render, docx.render, markdown.render, csv.render, html.render]
)
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


@pytest.mark.parametrize(
    ("name", "make"), [("notula.docx", make_docx.make), ("ringkas.docx", make_docx.make_short)]
)
def test_the_shipped_word_template_is_the_one_the_script_makes(name, make, tmp_path):
    make(tmp_path / name)
    with (
        zipfile.ZipFile(SHIPPED / name) as shipped,
        zipfile.ZipFile(tmp_path / name) as made,
    ):
        for part in ("document", "header1", "footer1", "styles"):
            file = f"word/{part}.xml"
            assert shipped.read(file) == made.read(file), "run make_docx.py"


def test_a_template_of_ones_own_takes_the_place_of_the_shipped_one(tmp_path, minutes: Minutes):
    (tmp_path / "notula.md").write_text("Risalah {{ name }}", "utf-8")
    assert markdown.render(minutes, tmp_path).decode() == f"Risalah {minutes.name}"
    assert pdf.render(minutes, tmp_path) == pdf.render(minutes)


@pytest.mark.parametrize(
    ("render", "name", "content", "line"),
    [
        (markdown.render, "notula.md", b"\n{{ nothing.here }}", "2"),
        (markdown.render, "notula.md", b"\n\n{% if %}", "3"),
        (markdown.render, "notula.md", b"\xff\xfe\xff", ""),
        (pdf.render, "notula.typ", b"\n#nothing", "2"),
        (docx.render, "notula.docx", b"not a document", ""),
        (html.render, "notula.html", b"{{ nothing }}", "1"),
        (html.render, "kop.html", b"\n{{ nothing }}", "2"),
    ],
)
def test_a_broken_template_is_named(render, name, content, line, tmp_path, minutes: Minutes):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MinutesError, match=rf"\({re.escape(name)}:{line}" if line else name):
        render(minutes, tmp_path)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("NOMOR : {{ nmae }}", "at {{ nmae }}, in the paragraph “NOMOR : {{ nmae }}”: there is no "
         "field 'nmae'; did you mean 'name'?"),
        ("{%p for one in discussion %}|{{ one.headng }}|{%p endfor %}", "at {{ one.headng }}, in "
         "the paragraph “{{ one.headng }}”: there is no field 'headng'; did you mean 'heading'?"),
        ("Rapat|{{ title", "in the paragraph “{{ title"),
        ("Rapat|{{ title | besar }}", "in the paragraph “{{ title | besar }}”: No filter named"),
        ("{%p if draft %}|DRAF", "Unexpected end of template"),
    ],
)  # fmt: skip
def test_a_broken_word_template_is_told_by_field_and_paragraph(
    typed: str, said: str, tmp_path, minutes: Minutes
):
    document = python_docx.Document()
    for line in typed.split("|") if "besar" not in typed else ["Rapat", "{{ title | besar }}"]:
        document.add_paragraph(line)
    document.save(tmp_path / "notula.docx")
    with pytest.raises(MinutesError) as caught:
        docx.render(minutes, tmp_path)
    assert "notula.docx" in str(caught.value) and said in str(caught.value)


def test_a_word_template_is_told_also_in_its_footer(tmp_path, minutes: Minutes):
    document = python_docx.Document()
    document.sections[0].footer.paragraphs[0].text = "Jurnal {{ journal }}"
    document.save(tmp_path / "notula.docx")
    with pytest.raises(MinutesError, match="no field 'journal'"):
        docx.render(minutes, tmp_path)


def test_a_template_can_run_nothing(tmp_path, minutes: Minutes):
    document = python_docx.Document()
    document.add_paragraph("{{ name.__class__.__mro__[1].__subclasses__() }}")
    document.save(tmp_path / "notula.docx")
    with pytest.raises(MinutesError, match="unsafe"):
        docx.render(minutes, tmp_path)


def test_typst_errors_name_the_line(tmp_path, minutes: Minutes):
    (tmp_path / "notula.typ").write_text("Notula\n\n#nothing\n")
    with pytest.raises(MinutesError, match=r"unknown variable: nothing \(notula\.typ:3:1\)"):
        pdf.render(minutes, tmp_path)


def test_a_changed_part_is_used_by_the_shipped_template(tmp_path, minutes: Minutes):
    kop = (SHIPPED / "kop.typ").read_text("utf-8")
    (tmp_path / "kop.typ").write_text(kop.replace("PIMPINAN RAPAT,", "KETUA RAPAT,"), "utf-8")
    assert "KETUA RAPAT," in readers.pdf_text(pdf.render(minutes, tmp_path))


# -- short minutes ---------------------------------------------------------------------------------


def short(room: Room) -> Minutes:
    return minutes_of(room.state, room.recorded, room.last_hash, Style(length="short"))


@on_paper
def test_short_minutes_hold_speakers_decisions_and_follow_ups(fmt: str, room: Room):
    minutes = short(room)
    text = readers.bare(read(fmt, minutes))
    for row in minutes.brief.rows:
        assert readers.bare(row.speaker) in text and readers.bare(row.gist) in text
    for one in (*minutes.decisions, *(f.text for f in minutes.follow_ups), minutes.chair.name):
        assert readers.bare(one) in text
    assert readers.bare("NOTULA RINGKAS") in text


def test_short_minutes_are_one_page_of_pdf(room: Room):
    for one in (room, crowded()):
        assert len(readers.pdf_pages(pdf.render(short(one)))) == 1


# -- emblems and pictures --------------------------------------------------------------------------


@pytest.fixture
def emblems(tmp_path):
    """A folder with both emblems and a photograph, each of a colour of its own."""
    for name, colour in (("garuda.png", "gold"), ("emblem.png", "green"), ("foto.jpg", "blue")):
        Image.new("RGB", (90, 120), colour).save(tmp_path / name)
    return tmp_path


def docx_pictures(content: bytes) -> int:
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        return len([name for name in parts.namelist() if name.startswith("word/media/")])


@pytest.mark.parametrize(("office", "colour"), [("Bupati Siak", "gold"), ("Sekda", "green")])
def test_the_emblem_is_that_of_who_signs(office: str, colour: str, emblems):
    room = Room(plan(chair_person=Signatory("Nama", office)))
    minutes = minutes_of(room.state, room.recorded, "")
    regent = office == "Bupati Siak"
    assert minutes.letterhead[0] == ("BUPATI SIAK" if regent else "PEMERINTAH KABUPATEN SIAK")
    found = emblem(emblems, minutes.kop)
    assert found is not None
    assert Image.open(io.BytesIO(found.content)).convert("RGB").getpixel(
        (40, 40)
    ) == ImageColor.getrgb(colour)
    assert docx_pictures(docx.render(minutes, emblems)) == 2
    assert docx_pictures(docx.render(minutes)) == 1, "the QR code alone: no emblem is shipped"
    page = html.render(minutes, emblems).decode()
    assert b64encode(found.content).decode() in page
    assert len(pdf.render(minutes, emblems)) > len(pdf.render(minutes))


def test_photographs_make_annex_v(emblems, room: Room):
    photographs = [load(emblems / "foto.jpg", "Suasana rapat"), load(emblems / "foto.jpg", "Layar")]
    style = Style(pictures=("Suasana rapat", "Layar"))
    minutes = minutes_of(room.state, room.recorded, room.last_hash, style)
    for render, reader in ON_PAPER.values():
        text = reader(render(minutes, None, photographs))
        readers.assert_in_order(text, readers.in_order(minutes))
        assert "Lampiran V" not in reader(
            render(minutes_of(room.state, room.recorded, room.last_hash))
        )
    assert docx_pictures(docx.render(minutes, None, photographs)) == 2, "one file twice, and the QR"


def test_what_is_no_picture_is_told(tmp_path, minutes: Minutes):
    (tmp_path / "garuda.png").write_text("bukan gambar")
    for render in (pdf.render, docx.render, html.render):
        with pytest.raises(MinutesError, match=r"garuda\.png: this is not a picture"):
            render(minutes, tmp_path)


@pytest.mark.skipif(shutil.which("zbarimg") is None, reason="zbarimg (zbar-tools) is not installed")
def test_the_qr_code_can_be_read_from_the_page(minutes: Minutes, tmp_path):
    (tmp_path / "notula.pdf").write_bytes(pdf.render(minutes))
    page = str(tmp_path / "page")
    command = ["pdftoppm", "-r", "200", "-l", "1", "-png", "-singlefile"]
    subprocess.run([*command, str(tmp_path / "notula.pdf"), page], check=True)
    said = subprocess.run(["zbarimg", "-q", "--raw", f"{page}.png"], capture_output=True, text=True)
    assert said.stdout.strip() == minutes.proof


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
    assert json.SCHEMA.read_bytes() == json.schema(), "run `make docs`"


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
    assert [(f["Tenggat"], f["Asal"]) for f in table(minutes, "follow_ups.csv")] == [
        ("2019-02-15", ""),
        ("2019-02-28", ""),
        ("", ""),
        ("2019-03-01", "rapat 7 Januari 2019"),
        ("2018-12-15", "rapat 8 November 2018"),
    ]
    about = {row["Hal"]: row["Isi"] for row in table(minutes, "meeting.csv")}
    assert (about["SHA-256"], about["Keadaan"]) == (minutes.hash, "Draf, belum diajukan")


def test_csv_says_when_it_is_a_draft(draft: Minutes):
    about = {row["Hal"]: row["Isi"] for row in table(draft, "meeting.csv")}
    assert about["Keadaan"].startswith("Draf, keadaan 6 Februari 2019 pukul 13.48 WIB")


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
