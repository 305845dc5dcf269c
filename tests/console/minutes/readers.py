"""Read written minutes back as text, and say what a reader must find there in what order."""

import io
import re
import shutil
import subprocess
from html.parser import HTMLParser

import docx
import pytest
from docx.blkcntnr import BlockItemContainer
from docx.document import Document
from docx.table import Table
from markdown_it import MarkdownIt

from console.minutes import Minutes

POINTS_A_MM = 72 / 25.4


def bare(text: str) -> str:
    """Text without spaces and the marks that only allow a line to break."""
    return re.sub(r"[\s\u200b\u00ad]+", "", text)


def pdf_pages(content: bytes) -> list[str]:
    """The text of each page, by poppler."""
    return _pdftotext(content, "-raw").split("\f")[:-1]


def pdf_size_mm(content: bytes) -> tuple[int, int]:
    """Width and height of the first page."""
    found = re.search(r'<page width="([\d.]+)" height="([\d.]+)"', _pdftotext(content, "-bbox"))
    assert found is not None
    return round(float(found[1]) / POINTS_A_MM), round(float(found[2]) / POINTS_A_MM)


def pdf_extent_mm(content: bytes) -> tuple[float, float]:
    """How far words go to the right and down, on any page."""
    corners = re.findall(r'xMax="([\d.]+)" yMax="([\d.]+)"', _pdftotext(content, "-bbox"))
    right, bottom = (max(map(float, side)) for side in zip(*corners, strict=True))
    return right / POINTS_A_MM, bottom / POINTS_A_MM


def _pdftotext(content: bytes, how: str) -> str:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler-utils) is not installed")
    done = subprocess.run(
        ["pdftotext", "-enc", "UTF-8", how, "-", "-"],
        input=content,
        capture_output=True,
        check=True,
    )
    return done.stdout.decode(errors="replace")


def pdf_text(content: bytes) -> str:
    return "\n".join(pdf_pages(content))


def docx_text(content: bytes) -> str:
    """The body in reading order, tables cell by cell."""
    return "\n".join(_blocks(docx.Document(io.BytesIO(content))))


def docx_edges(content: bytes) -> tuple[str, str]:
    """Header and footer."""
    section = docx.Document(io.BytesIO(content)).sections[0]
    header, footer = ("\n".join(_blocks(part)) for part in (section.header, section.footer))
    return header.strip(), footer


def _blocks(document: BlockItemContainer | Document) -> list[str]:
    texts = []
    for block in document.iter_inner_content():
        if isinstance(block, Table):
            texts += [cell.text for row in block.rows for cell in row.cells]
        else:
            texts.append(block.text)
    return texts


def markdown_text(content: bytes) -> str:
    """What a reader of the rendered page sees."""
    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(content.decode())
    assert "<script" not in html
    return _without_tags(html)


class _Words(HTMLParser):
    """The words of a page, scripts and style sheets aside; says what may run."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag != "script" and not any(name.startswith("on") for name, _value in attrs)
        self.tags.append(tag)
        self._silent += tag in ("style", "title")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("style", "title")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)


def html_page(content: bytes) -> _Words:
    page = _Words()
    page.feed(content.decode())
    return page


def html_text(content: bytes) -> str:
    return " ".join(html_page(content).words)


def _without_tags(html: str) -> str:
    text = re.sub(r"<[^>]*>", "", html)
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        text = text.replace(entity, sign)
    return text


def in_order(minutes: Minutes) -> list[str]:
    """Everything that must be on paper, in the official order."""
    found = [*minutes.letterhead, minutes.title, minutes.name, "NOMOR", minutes.number]
    found += ["Rapat", minutes.name, "Hari/Tanggal", minutes.day]
    found += ["Waktu Panggilan", minutes.called, "Waktu Rapat", minutes.time]
    found += ["Tempat", minutes.place, "Acara", *minutes.agenda, "Pimpinan Rapat"]
    found += [minutes.leaders.chair, "Sekretaris", minutes.leaders.secretary]
    found += ["Notulis", minutes.leaders.note_taker, "Peserta Rapat", minutes.participants]
    found += ["Undangan/Warga", *minutes.guests, "Kegiatan Rapat"]
    found += ["Kata Pembukaan", *minutes.opening, "Pembahasan"]
    for block in minutes.discussion:
        found += [f"{block.number}.", block.speaker, f"({block.detail})", *block.topics]
        for report in block.reports:
            found += report.paragraphs
            for old in report.earlier:
                found += [report.amended, old.heading, *old.paragraphs]
        found += [*block.directions, *block.notes]
    found += [*minutes.directions, *minutes.notes, *minutes.silent]
    found += ["Keputusan", *minutes.decisions, "Tindak Lanjut"]
    if minutes.earlier_follow_ups:
        found += ["Tindak lanjut rapat sebelumnya"]
    found += ["Penutup", *minutes.closing, minutes.place_and_date, "NOTULIS", "PIMPINAN RAPAT"]
    for one in minutes.corrections:
        found += [one.part, one.was, one.text]
    found += ["Lampiran I", "Lampiran II", "Jumlah waktu bicara", minutes.total_spoken]
    found += ["Lampiran III", "Lampiran IV"]
    if minutes.savings.rows:
        found += ["Jumlah", minutes.savings.km_words, minutes.savings.rupiah_words]
    found += minutes.savings.basis
    if minutes.pictures:
        found += ["Lampiran V", *minutes.pictures]
    return [one for one in found if one]


def assert_in_order(text: str, wanted: list[str]) -> None:
    """Each of `wanted` occurs after the one before it, line breaks aside."""
    text, at = bare(text), 0
    for one in wanted:
        place = text.find(bare(one), at)
        assert place >= 0, f"{one!r} is missing after …{text[max(0, at - 80) : at]}"
        at = place + len(bare(one))


def cells(minutes: Minutes) -> list[str]:
    """Every text of the tables, which have an order of their own on a page."""
    found: list[str] = []
    for one in minutes.follow_ups:
        found += [one.text, one.owner, one.due, one.status, one.how]
    for one in minutes.earlier_follow_ups:
        found += [one.text, one.origin, one.owner, one.due, one.status, one.how]
    for row in minutes.attendance:
        found += [row.name, row.office, row.place, row.arrived, row.left, row.remark]
    for turn in minutes.turns:
        found += [turn.speaker, turn.starts, turn.ends, turn.spoken, turn.allowance, turn.remark]
    for checked in minutes.line_checks:
        found += [checked.place, checked.when, checked.result, checked.finding]
        found += [checked.loss, checked.rtt, checked.rate]
    for line in minutes.connections:
        found += [line.place, line.since, line.away, line.remark]
    for journey in minutes.savings.rows:
        found += [journey.place, journey.km_words, journey.travel_words, journey.rupiah_words]
    for one in minutes.corrections:
        found += [one.part, one.was, one.text, one.reason, one.when]
    who = (minutes.note_taker, minutes.chair)
    return found + [text for one in who for text in (one.office, one.name, one.rank, one.nip)]
