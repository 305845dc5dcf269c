"""Makes `notula.docx` and `ringkas.docx`, the Word templates of the minutes, beside this file.

    python console/minutes/templates/make_docx.py

The result is an ordinary Word document with docxtpl tags (`{{ … }}`, `{%p … %}`): a secretariat
corrects its wording and layout in Word and passes the folder with `--templates`. This script
is how the shipped one came about. The tags name the fields of `console/minutes/form.py`.
"""

from pathlib import Path
from typing import Any

from docx import Document
from docx.enum.section import WD_SECTION
from docx.enum.table import WD_CELL_VERTICAL_ALIGNMENT, WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH as ALIGN
from docx.enum.text import WD_TAB_ALIGNMENT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor

FONT = "Times New Roman"
GREY = RGBColor(0x59, 0x59, 0x59)
TARGET = Path(__file__).with_name("notula.docx")
SHORT = Path(__file__).with_name("ringkas.docx")


def make(target: Path = TARGET) -> None:
    """Write the template of the full minutes to `target`."""
    doc = Document()
    _page(doc)
    _letterhead(doc)
    _title(doc)
    _head(doc)
    _activities(doc)
    _signatures(doc)
    _errata(doc)
    _attendance(doc)
    _turns(doc)
    _connections(doc)
    _savings(doc)
    _photographs(doc)
    doc.save(str(target))


def make_short(target: Path = SHORT) -> None:
    """Write the template of the short minutes, which are one page, to `target`."""
    doc = Document()
    _page(doc)
    _letterhead(doc)
    _title(doc, " RINGKAS", after=4)
    _brief(doc)
    _signatures(doc, room=30, before=2)
    doc.save(str(target))


# -- bricks -------------------------------------------------------------------------------------


def line(
    where: Any,
    *runs: Any,
    align: Any = None,
    before: Any = 0.0,
    after: Any = 3.0,
    left: Any = 0.0,
    hang: Any = 0.0,
    tabs: Any = (),
    size: Any = None,
    keep: Any = False,
    color: Any = None,
) -> Any:
    """A paragraph; a run is a text or (text, "b" | "i" | "u" | "bu"). Lengths in pt and cm."""
    paragraph = where.add_paragraph()
    form = paragraph.paragraph_format
    form.space_before, form.space_after = Pt(before), Pt(after)
    form.left_indent, form.first_line_indent = Cm(left), Cm(-hang)
    form.keep_with_next = keep
    if align is not None:
        form.alignment = align
    for stop in tabs:
        form.tab_stops.add_tab_stop(Cm(stop))
    for one in runs:
        text, marks = one if isinstance(one, tuple) else (one, "")
        run = paragraph.add_run(text)
        run.bold, run.italic, run.underline = "b" in marks, "i" in marks, "u" in marks
        if size:
            run.font.size = Pt(size)
        if color is not None:
            run.font.color.rgb = color
    return paragraph


def tag(where: Any, text: Any) -> None:
    """A docxtpl statement on a line of its own; the line is gone in the result."""
    where.add_paragraph("{%p " + text + " %}")


def first(cell: Any) -> Any:
    """The paragraph a new cell begins with is taken away so that `line` and `tag` fill it."""
    cell._element.remove(cell.paragraphs[0]._element)
    return cell


def field(paragraph: Any, code: Any, size: Any) -> None:
    """A Word field such as PAGE."""
    for kind, text in (("begin", None), (None, code), ("separate", None), ("end", None)):
        run = paragraph.add_run()
        run.font.size, run.font.color.rgb = Pt(size), GREY
        if kind is None:
            element = OxmlElement("w:instrText")
            element.set(qn("xml:space"), "preserve")
            element.text = text
        else:
            element = OxmlElement("w:fldChar")
            element.set(qn("w:fldCharType"), kind)
        run._element.append(element)


def border(paragraph: Any, side: Any, kind: Any, eighths: Any) -> None:
    edges = OxmlElement("w:pBdr")
    edge = OxmlElement(f"w:{side}")
    for name, value in (("val", kind), ("sz", str(eighths)), ("space", "4"), ("color", "000000")):
        edge.set(qn(f"w:{name}"), value)
    edges.append(edge)
    paragraph._element.get_or_add_pPr().append(edges)


def table(doc: Any, widths: Any, rows: Any = 0, grid: Any = True) -> Any:
    made = doc.add_table(rows=rows, cols=len(widths))
    made.alignment = WD_TABLE_ALIGNMENT.CENTER
    made.autofit = False
    if grid:
        made.style = "Table Grid"
    for column, width in zip(made.columns, widths, strict=True):
        column.width = Cm(width)
    return made


def row(
    made: Any, widths: Any, size: Any, texts: Any, *, bold: Any = False, align: Any = ALIGN.LEFT
) -> Any:
    """A row of the table with one text a cell; never split over two pages."""
    added = made.add_row()
    properties = added._tr.get_or_add_trPr()
    properties.append(OxmlElement("w:cantSplit"))
    if bold:
        properties.append(OxmlElement("w:tblHeader"))
    for index, (cell, width, text) in enumerate(zip(added.cells, widths, texts, strict=True)):
        cell.width = Cm(width)
        line(
            first(cell),
            (text, "b" if bold else ""),
            align=ALIGN.CENTER if bold or index == 0 else align,
            before=2,
            after=2,
            size=size,
        )
    return added


def loop_rows(made: Any, statement: Any) -> None:
    """The row that holds `{%tr for … %}` or `{%tr endfor %}`."""
    made.add_row().cells[0].paragraphs[0].text = "{%tr " + statement + " %}"


# -- the page -----------------------------------------------------------------------------------


def _page(doc: Any) -> None:
    normal = doc.styles["Normal"]
    normal.font.name, normal.font.size = FONT, Pt(11.5)
    normal.element.rPr.rFonts.set(qn("w:eastAsia"), FONT)
    normal.element.rPr.rFonts.set(qn("w:cs"), FONT)
    language = OxmlElement("w:lang")
    language.set(qn("w:val"), "id-ID")
    normal.element.rPr.append(language)
    section = doc.sections[0]
    section.start_type = WD_SECTION.NEW_PAGE
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin, section.right_margin = Cm(2.5), Cm(2)
    section.top_margin, section.bottom_margin = Cm(2), Cm(2.9)
    section.header_distance = section.footer_distance = Cm(0.9)
    header = section.header.paragraphs[0]
    header.alignment = ALIGN.RIGHT
    mark = header.add_run("{{ mark }}")
    mark.bold, mark.font.size, mark.font.color.rgb = True, Pt(14), RGBColor(0xA0, 0xA0, 0xA0)
    _footer(section, normal)


def _footer(section: Any, normal: Any) -> None:
    """QR code, state, journal and hash, page number: a row without lines but the one above it."""
    spare = section.footer.paragraphs[0]
    spare.style = normal  # the style Footer brings tab stops of its own
    spare.paragraph_format.space_after = Pt(0)
    widths = (1.7, 14.8)
    made = section.footer.add_table(1, 2, Cm(sum(widths)))
    made.autofit = False
    spare._element.getparent().remove(spare._element)
    for column, width in zip(made.columns, widths, strict=True):
        column.width = Cm(width)
    for cell, width in zip(made.rows[0].cells, widths, strict=True):
        cell.width = Cm(width)
        edges = OxmlElement("w:tcBorders")
        edge = OxmlElement("w:top")
        for name, value in (("val", "single"), ("sz", "4"), ("space", "0"), ("color", "808080")):
            edge.set(qn(f"w:{name}"), value)
        edges.append(edge)
        cell._element.get_or_add_tcPr().append(edges)
    code, words = (first(cell) for cell in made.rows[0].cells)
    line(code, "{{ qr }}", after=0)
    state = line(words, "{{ status_line }}\tHalaman ", size=7, before=2, after=1, color=GREY)
    state.paragraph_format.tab_stops.add_tab_stop(Cm(14.4), WD_TAB_ALIGNMENT.RIGHT)
    field(state, "PAGE", 7)
    middle = state.add_run(" dari ")
    middle.font.size, middle.font.color.rgb = Pt(7), GREY
    field(state, "NUMPAGES", 7)
    journal = "Jurnal rapat {{ meeting }}, peristiwa {{ seq }}, SHA-256 {{ hash_short }}"
    line(words, journal, size=7, after=1, color=GREY)
    line(words, "{{ hash }}", size=6.5, after=0, color=GREY)
    line(section.footer, "", size=2, after=0)  # a footer ends with a paragraph


def _letterhead(doc: Any) -> None:
    """A regent's: Garuda over the office. An agency's: emblem on the left, a double line below."""
    tag(doc, "if letterhead and kop == 'regent'")
    tag(doc, "if emblem")
    line(doc, "{{ emblem }}", align=ALIGN.CENTER, after=2)
    tag(doc, "endif")
    _letterhead_lines(doc, 15)
    line(doc, "", after=4, size=4)
    tag(doc, "endif")
    tag(doc, "if letterhead and kop == 'agency'")
    widths = (2.4, 11.7, 2.4)
    made = table(doc, widths, rows=1, grid=False)
    for cell, width in zip(made.rows[0].cells, widths, strict=True):
        cell.width = Cm(width)
        cell.vertical_alignment = WD_CELL_VERTICAL_ALIGNMENT.CENTER
    line(first(made.rows[0].cells[0]), "{{ emblem }}", align=ALIGN.CENTER, after=0)
    _letterhead_lines(first(made.rows[0].cells[1]), 14)
    border(line(doc, "", after=4, size=4), "bottom", "thickThinSmallGap", 24)
    tag(doc, "endif")


def _letterhead_lines(where: Any, size: Any) -> None:
    tag(where, "for one in letterhead")
    tag(where, "if one == one.upper()")
    line(where, ("{{ one }}", "b"), align=ALIGN.CENTER, after=0, size=size)
    tag(where, "else")
    line(where, "{{ one }}", align=ALIGN.CENTER, after=0, size=9.5)
    tag(where, "endif")
    tag(where, "endfor")


def _title(doc: Any, more: str = "", after: Any = 10) -> None:
    line(doc, ("{{ title }}" + more, "b"), align=ALIGN.CENTER, size=14, after=2)
    line(doc, ("{{ name }}", "b"), align=ALIGN.CENTER, size=12, after=2)
    number = "NOMOR : {{ number or '……………………………' }}"
    line(doc, number, align=ALIGN.CENTER, after=after)
    tag(doc, "if corrections")
    errata = "(dengan {{ corrections | length }} ralat, lihat bagian Ralat)"
    line(doc, (errata, "i"), align=ALIGN.CENTER, size=10, after=after)
    tag(doc, "endif")


def _head(doc: Any) -> None:
    widths = (3.7, 0.5, 12.3)
    made = table(doc, widths, grid=False)

    def head(label: str) -> Any:
        cells = made.add_row().cells
        for cell, width in zip(cells, widths, strict=True):
            cell.width = Cm(width)
        line(first(cells[0]), label)
        line(first(cells[1]), ":")
        return first(cells[2])

    line(head("Rapat"), "{{ name }}")
    line(head("Hari/Tanggal"), "{{ day }}")
    line(head("Waktu Panggilan"), "{{ called }}")
    line(head("Waktu Rapat"), "{{ time }}")
    line(head("Tempat"), "{{ place }}")
    agenda = head("Acara")
    tag(agenda, "for one in agenda")
    line(agenda, "{{ loop.index }}.\t{{ one }}", left=0.8, hang=0.8, tabs=(0.8,))
    tag(agenda, "endfor")
    leaders = head("Pimpinan Rapat")
    for label, value in (
        ("Ketua", "chair"),
        ("Wakil Ketua", "deputy"),
        ("Sekretaris", "secretary"),
        ("Notulis", "note_taker"),
    ):
        text = f"{label}\t:\t{{{{ leaders.{value} }}}}"
        line(leaders, text, left=3, hang=3, tabs=(2.5, 3), after=1)
    people = head("Peserta Rapat")
    line(people, "{{ participants }}", after=1)
    line(
        people,
        "(dari {{ counts.expected }} kecamatan, sebagaimana daftar hadir terlampir)",
    )
    guests = head("Undangan/Warga")
    tag(guests, "for one in guests")
    line(guests, "{{ loop.index }}.\t{{ one }}", left=0.8, hang=0.8, tabs=(0.8,))
    tag(guests, "else")
    line(guests, "Tidak ada")
    tag(guests, "endfor")


def _part(doc: Any, letter: Any, title: Any) -> None:
    heading = f"{letter}.\t{title}"
    line(doc, (heading, "b"), before=10, after=4, left=0.8, hang=0.8, tabs=(0.8,), keep=True)


def _paragraphs(doc: Any, name: Any, *, left: Any = 0.8) -> None:
    tag(doc, f"for one in {name}")
    line(doc, "{{ one }}", left=left, after=4, align=ALIGN.JUSTIFY)
    tag(doc, "endfor")


def _labelled(doc: Any, label: Any, name: Any) -> None:
    """`Laporan : …`, the label before the first paragraph only."""
    tag(doc, f"for one in {name}")
    line(
        doc,
        f"{{{{ '{label}' if loop.first else '' }}}}\t{{{{ ':' if loop.first else '' }}}}\t"
        "{{ one }}",
        left=3.8,
        hang=2.2,
        tabs=(3.4, 3.8),
        align=ALIGN.JUSTIFY,
        after=2,
    )
    tag(doc, "endfor")


def _follow_ups(doc: Any, rows: str, text: str) -> None:
    widths = (1.0, 6.7, 3.8, 2.7, 2.3)
    made = table(doc, widths)
    titles = ("No", "Uraian", "Penanggung Jawab", "Tenggat", "Status")
    row(made, widths, 9.5, titles, bold=True)
    loop_rows(made, f"for one in {rows}")
    text += "{{ '. Penyelesaian: ' ~ one.how if one.how }}"
    cells = ("{{ one.number }}", text, "{{ one.owner }}", "{{ one.due }}", "{{ one.status }}")
    row(made, widths, 9.5, cells)
    loop_rows(made, "endfor")


def _activities(doc: Any) -> None:
    line(doc, ("Kegiatan Rapat", "b"), before=12, after=0, keep=True)
    _part(doc, "A", "Kata Pembukaan")
    _paragraphs(doc, "opening")

    _part(doc, "B", "Pembahasan")
    tag(doc, "for block in discussion")
    line(
        doc,
        "{{ block.number }}.\t",
        ("{{ block.speaker }}", "b"),
        " ({{ block.detail }})",
        before=5,
        after=2,
        left=1.6,
        hang=0.8,
        tabs=(1.6,),
        keep=True,
    )
    tag(doc, "if block.topics")
    line(
        doc,
        "Topik\t:\t{{ block.topics | join(', ') }}",
        left=3.8,
        hang=2.2,
        tabs=(3.4, 3.8),
        after=2,
        keep=True,
    )
    tag(doc, "endif")
    tag(doc, "for report in block.reports")
    _labelled(doc, "Laporan", "report.paragraphs")
    tag(doc, "if report.unsaved")
    line(doc, ("(Sedang ditulis, belum disimpan sebagai laporan.)", "i"), left=3.8, after=2)
    tag(doc, "endif")
    tag(doc, "if report.earlier")
    line(doc, "{{ report.amended }}.", left=3.8, after=0, size=9, color=GREY)
    tag(doc, "for old in report.earlier")
    line(
        doc,
        "{{ old.heading }}: {{ old.paragraphs | join(' / ') }}",
        left=3.8,
        after=2,
        size=9,
        color=GREY,
    )
    tag(doc, "endfor")
    tag(doc, "endif")
    tag(doc, "else")
    line(doc, "Laporan\t:\t", ("belum dicatat", "i"), left=3.8, hang=2.2, tabs=(3.4, 3.8))
    tag(doc, "endfor")
    _labelled(doc, "Arahan", "block.directions")
    _labelled(doc, "Catatan", "block.notes")
    tag(doc, "else")
    line(doc, ("{{ 'Belum' if draft else 'Tidak' }} ada yang berbicara.", "i"), left=0.8)
    tag(doc, "endfor")
    for name, heading in (("directions", "Arahan umum"), ("notes", "Catatan")):
        tag(doc, f"if {name}")
        line(doc, (heading, "b"), before=5, after=2, left=0.8, keep=True)
        _paragraphs(doc, name)
        tag(doc, "endif")
    tag(doc, "if silent")
    heading = "{{ 'Belum' if draft else 'Tidak' }} mendapat giliran"
    line(doc, (heading, "b"), before=5, after=2, left=0.8, keep=True)
    line(doc, "{{ silent | join('; ') }}.", left=0.8)
    tag(doc, "endif")

    _part(doc, "C", "Keputusan")
    tag(doc, "for one in decisions")
    numbered = "{{ loop.index }}.\t{{ one }}"
    line(doc, numbered, left=1.6, hang=0.8, tabs=(1.6,), align=ALIGN.JUSTIFY)
    tag(doc, "else")
    missing = "{{ 'Belum' if draft else 'Tidak' }} ada keputusan yang dicatat."
    line(doc, (missing, "i"), left=0.8)
    tag(doc, "endfor")

    _part(doc, "D", "Tindak Lanjut")
    tag(doc, "if follow_ups")
    _follow_ups(doc, "follow_ups", "{{ one.text }}")
    tag(doc, "else")
    missing = "{{ 'Belum' if draft else 'Tidak' }} ada tindak lanjut yang dicatat."
    line(doc, (missing, "i"), left=0.8)
    tag(doc, "endif")
    tag(doc, "if earlier_follow_ups")
    line(doc, ("Tindak lanjut rapat sebelumnya", "b"), before=8, after=2, left=0.8, keep=True)
    _follow_ups(doc, "earlier_follow_ups", "{{ one.text }} ({{ one.origin }})")
    tag(doc, "endif")

    _part(doc, "E", "Penutup")
    tag(doc, "for one in closing")
    tag(doc, "if loop.last")  # it stays with the signatures
    line(doc, "{{ one }}", left=0.8, after=4, align=ALIGN.JUSTIFY, keep=True)
    tag(doc, "else")
    line(doc, "{{ one }}", left=0.8, after=4, align=ALIGN.JUSTIFY)
    tag(doc, "endif")
    tag(doc, "endfor")


def _signatures(doc: Any, room: Any = 58, before: Any = 8) -> None:
    widths = (8.25, 8.25)
    made = table(doc, widths, grid=False)
    date = made.add_row()
    signed = made.add_row()
    for one in (date, signed):
        one._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
        for cell, width in zip(one.cells, widths, strict=True):
            cell.width = Cm(width)
    line(first(date.cells[0]), "", before=before, keep=True)
    place = "{{ place_and_date }}"
    line(first(date.cells[1]), place, before=before, after=4, align=ALIGN.CENTER, keep=True)
    for cell, role, who in (
        (signed.cells[0], "NOTULIS,", "note_taker"),
        (signed.cells[1], "PIMPINAN RAPAT,", "chair"),
    ):
        first(cell)
        line(cell, role, align=ALIGN.CENTER, after=0, keep=True)
        line(cell, f"{{{{ {who}.office }}}}", align=ALIGN.CENTER, after=room, keep=True)
        tag(cell, f"if {who}.name")
        line(cell, (f"{{{{ {who}.name }}}}", "bu"), align=ALIGN.CENTER, after=0, keep=True)
        tag(cell, "else")
        line(cell, "……………………………………", align=ALIGN.CENTER, after=0, keep=True)
        tag(cell, "endif")
        for text, name in ((f"{{{{ {who}.rank }}}}", "rank"), (f"NIP {{{{ {who}.nip }}}}", "nip")):
            tag(cell, f"if {who}.{name}")
            line(cell, text, align=ALIGN.CENTER, after=0)
            tag(cell, "endif")


def _annex(doc: Any, roman: Any, title: Any) -> None:
    heading = (
        f"Lampiran {roman} {{{{ title | capitalize }}}}{{% if number %}} Nomor {{{{ number }}}}"
        "{% endif %}"
    )
    line(doc, heading, size=9.5, after=6).paragraph_format.page_break_before = True
    line(doc, (title, "b"), align=ALIGN.CENTER, size=12.5, after=2)
    line(doc, "{{ name }}", align=ALIGN.CENTER, after=2)
    line(doc, "{{ day }}", align=ALIGN.CENTER, after=8)


def _attendance(doc: Any) -> None:
    _annex(doc, "I", "DAFTAR HADIR")
    widths = (0.9, 2.5, 2.5, 2.3, 1.3, 1.4, 2.4, 1.6, 1.6)
    made = table(doc, widths)
    titles = (
        "No",
        "Nama",
        "Jabatan",
        "Kecamatan/ Instansi",
        "Hadir pukul",
        "Keluar pukul",
        "Keterangan",
        "Tanda Tangan",
        "",
    )
    header = row(made, widths, 9, titles, bold=True)
    merged = header.cells[7].merge(header.cells[8])
    for spare in merged.paragraphs[1:]:
        spare._element.getparent().remove(spare._element)
    loop_rows(made, "for one in attendance")
    cells = (
        "{{ one.number }}",
        "{{ one.name }}",
        "{{ one.office }}",
        "{{ one.place }}",
        "{{ one.arrived }}",
        "{{ one.left }}",
        "{{ one.remark }}",
        "{% if one.number is odd %}{{ one.number }}. ……{% endif %}",
        "{% if one.number is even %}{{ one.number }}. ……{% endif %}",
    )
    added = row(made, widths, 9, cells)
    added.height = Cm(0.9)  # room for a signature
    for index in (4, 5):
        added.cells[index].paragraphs[0].alignment = ALIGN.CENTER
    _open_between(added.cells[7], added.cells[8])
    loop_rows(made, "endfor")
    total = "Peserta kecamatan: {{ participants }} · seluruhnya {{ counts.expected }}."
    line(doc, total, size=9.5, before=6)


def _open_between(left: Any, right: Any) -> None:
    """No line between the two halves of the signature column."""
    for cell, side in ((left, "right"), (right, "left")):
        edges = OxmlElement("w:tcBorders")
        edge = OxmlElement(f"w:{side}")
        edge.set(qn("w:val"), "nil")
        edges.append(edge)
        cell._element.get_or_add_tcPr().append(edges)


def _turns(doc: Any) -> None:
    _annex(doc, "II", "GILIRAN DAN WAKTU BICARA")
    tag(doc, "if turns")
    widths = (0.9, 4.6, 1.5, 1.6, 2.5, 2.2, 3.3)
    made = table(doc, widths)
    titles = (
        "No",
        "Pembicara",
        "Mulai pukul",
        "Selesai pukul",
        "Waktu bicara",
        "Jatah waktu",
        "Keterangan",
    )
    row(made, widths, 9, titles, bold=True)
    loop_rows(made, "for one in turns")
    cells = (
        "{{ one.number }}",
        "{{ one.speaker }}",
        "{{ one.starts }}",
        "{{ one.ends }}",
        "{{ one.spoken }}",
        "{{ one.allowance }}",
        "{{ one.remark }}",
    )
    added = row(made, widths, 9, cells)
    for index in (2, 3):
        added.cells[index].paragraphs[0].alignment = ALIGN.CENTER
    loop_rows(made, "endfor")
    line(doc, ("Jumlah waktu bicara: {{ total_spoken }}", "b"), size=9.5, before=6)
    tag(doc, "else")
    line(doc, ("{{ 'Belum' if draft else 'Tidak' }} ada giliran bicara.", "i"))
    tag(doc, "endif")


def _simple(doc: Any, widths: Any, titles: Any, loop: Any, cells: Any, *, size: Any = 9) -> Any:
    """A table with a row an item; the row that holds the fields."""
    made = table(doc, widths)
    row(made, widths, size, titles, bold=True)
    loop_rows(made, f"for one in {loop}")
    added = row(made, widths, size, cells)
    loop_rows(made, "endfor")
    return made, added


def _errata(doc: Any) -> None:
    tag(doc, "if corrections")
    line(doc, ("RALAT", "b"), align=ALIGN.CENTER, before=16, after=2, keep=True)
    line(doc, "{{ status_line }}", align=ALIGN.CENTER, size=10, after=6, keep=True)
    _simple(
        doc,
        (0.9, 1.8, 3.8, 3.8, 3.3, 2.9),
        ("No", "Bagian", "Tertulis", "Seharusnya", "Alasan", "Diralat"),
        "corrections",
        (
            "{{ one.number }}",
            "{{ one.part }}",
            "{{ one.was }}",
            "{{ one.text }}",
            "{{ one.reason }}",
            "{{ one.when }}",
        ),
    )
    tag(doc, "endif")


def _connections(doc: Any) -> None:
    _annex(doc, "III", "UJI SAMBUNGAN")
    tag(doc, "if line_checks")
    line(doc, "Hasil uji terakhir tiap lokasi (dari lokasi/ke lokasi):", size=9.5, after=4)
    _made, added = _simple(
        doc,
        (0.9, 2.7, 1.3, 1.4, 1.8, 1.5, 2.0, 4.9),
        (
            "No",
            "Kecamatan/Instansi",
            "Pukul",
            "Hasil",
            "Hilang (%)",
            "RTT (ms)",
            "Laju (kbit/s)",
            "Temuan dan saran",
        ),
        "line_checks",
        (
            "{{ one.number }}",
            "{{ one.place }}",
            "{{ one.when }}",
            "{{ one.result }}",
            "{{ one.loss }}",
            "{{ one.rtt }}",
            "{{ one.rate }}",
            "{{ one.finding }}{% if one.verdict != 'good' %}. {{ one.remedy }}{% endif %}",
        ),
        size=8.5,
    )
    for index in (2, 3, 4, 5, 6):
        added.cells[index].paragraphs[0].alignment = ALIGN.CENTER
    tag(doc, "else")
    line(doc, ("Sambungan tidak diuji sebelum rapat.", "i"), size=9.5, after=4)
    tag(doc, "endif")
    line(doc, "Sambungan selama rapat, menurut jurnal:", size=9.5, before=8, after=4)
    _made, added = _simple(
        doc,
        (0.9, 4.4, 2.4, 1.9, 2.8, 4.1),
        (
            "No",
            "Kecamatan/Instansi",
            "Tersambung sejak pukul",
            "Terputus (kali)",
            "Lama terputus",
            "Keterangan",
        ),
        "connections",
        (
            "{{ one.number }}",
            "{{ one.place }}",
            "{{ one.since }}",
            "{{ one.drops }}",
            "{{ one.away }}",
            "{{ one.remark }}",
        ),
    )
    for index in (2, 3):
        added.cells[index].paragraphs[0].alignment = ALIGN.CENTER


def _savings(doc: Any) -> None:
    _annex(doc, "IV", "PENGHEMATAN PERJALANAN")
    tag(doc, "if savings.rows")
    widths = (0.9, 5.1, 3.3, 3.4, 3.8)
    made, added = _simple(
        doc,
        widths,
        ("No", "Kecamatan/Instansi", "Jarak pulang pergi", "Waktu tempuh", "Biaya"),
        "savings.rows",
        (
            "{{ one.number }}",
            "{{ one.place }}",
            "{{ one.km_words }}",
            "{{ one.travel_words }}",
            "{{ one.rupiah_words }}",
        ),
    )
    sums = ("", "Jumlah", *(f"{{{{ savings.{n}_words }}}}" for n in ("km", "travel", "rupiah")))
    total = row(made, widths, 9, sums)
    for one in (added, total):
        for index in (2, 3, 4):
            one.cells[index].paragraphs[0].alignment = ALIGN.RIGHT
    for cell in total.cells:
        for run in cell.paragraphs[0].runs:
            run.bold = True
    tag(doc, "else")
    line(doc, ("Tidak ada peserta dari luar ruang rapat.", "i"))
    tag(doc, "endif")
    line(doc, "", size=4, after=0)
    tag(doc, "for one in savings.basis")
    line(doc, "{{ one }}", size=9.5, after=2)
    tag(doc, "endfor")


def _photographs(doc: Any) -> None:
    tag(doc, "if photographs")
    _annex(doc, "V", "FOTO")
    tag(doc, "for one in photographs")
    line(doc, "{{ one.picture }}", align=ALIGN.CENTER, after=2, keep=True)
    line(doc, "{{ loop.index }}. {{ one.caption }}", align=ALIGN.CENTER, size=9.5, after=10)
    tag(doc, "endfor")
    tag(doc, "endif")


def _brief(doc: Any) -> None:
    """Head, gist of the reports, decisions, follow-ups; the writer sets the size of letters."""
    widths = (3.2, 0.5, 12.8)
    made = table(doc, widths, grid=False)
    for label, value in (
        ("Hari/Tanggal", "day"),
        ("Waktu Rapat", "time"),
        ("Tempat", "place"),
        ("Pimpinan Rapat", "leaders.chair"),
        ("Peserta Rapat", "participants"),
    ):
        cells = made.add_row().cells
        for cell, width, text in zip(
            cells, widths, (label, ":", f"{{{{ {value} }}}}"), strict=True
        ):
            cell.width = Cm(width)
            line(first(cell), text, after=0)

    def heading(letter: str, title: str) -> None:
        line(doc, (f"{letter}. {title}", "b"), before=5, after=2, keep=True)

    heading("A", "Pokok Laporan")
    tag(doc, "if brief.rows")
    _close(
        *_simple(
            doc,
            (0.9, 4.2, 1.3, 10.1),
            ("No", "Pembicara", "Pukul", "Pokok laporan"),
            "brief.rows",
            (
                "{{ one.number }}",
                "{{ one.speaker }}",
                "{{ one.at }}",
                "{% if one.topics %}{{ one.topics }}: {% endif %}{{ one.gist }}",
            ),
        )
    )
    tag(doc, "else")
    line(doc, ("{{ 'Belum' if draft else 'Tidak' }} ada yang berbicara.", "i"))
    tag(doc, "endif")
    heading("B", "Keputusan")
    tag(doc, "for one in brief.decisions")
    numbered = "{{ loop.index }}.	{{ one }}"
    line(doc, numbered, left=0.8, hang=0.8, tabs=(0.8,), after=0)
    tag(doc, "else")
    line(doc, ("{{ 'Belum' if draft else 'Tidak' }} ada keputusan yang dicatat.", "i"), after=0)
    tag(doc, "endfor")
    _more(doc, "brief.more_decisions")
    heading("C", "Tindak Lanjut")
    tag(doc, "if brief.follow_ups")
    _close(
        *_simple(
            doc,
            (0.9, 6.8, 3.8, 2.7, 2.3),
            ("No", "Uraian", "Penanggung Jawab", "Tenggat", "Status"),
            "brief.follow_ups",
            (
                "{{ one.number }}",
                "{{ one.text }}",
                "{{ one.owner }}",
                "{{ one.due }}",
                "{{ one.status }}",
            ),
        )
    )
    tag(doc, "else")
    missing = "{{ 'Belum' if draft else 'Tidak' }} ada tindak lanjut yang dicatat."
    line(doc, (missing, "i"), after=0)
    tag(doc, "endif")
    _more(doc, "brief.more_follow_ups")


def _more(doc: Any, name: str) -> None:
    tag(doc, f"if {name}")
    line(doc, (f"dan {{{{ {name} }}}} lainnya, lihat notula lengkap.", "i"), after=0)
    tag(doc, "endif")


def _close(made: Any, _added: Any) -> None:
    """Rows as low as their text, letters of the size of the paragraph style."""
    for one in made.rows:
        for cell in one.cells:
            for paragraph in cell.paragraphs:
                paragraph.paragraph_format.space_before = Pt(0)
                paragraph.paragraph_format.space_after = Pt(0)
                for run in paragraph.runs:
                    run.font.size = None


if __name__ == "__main__":
    make()
    make_short()
