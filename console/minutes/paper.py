"""Does this paper say what the journal says? For PDF and Word files of minutes.

Rules:
- The paper names a meeting, an event and its hash. The chain of the whole journal must hold, and
  the hash must be that of this event of this meeting: then the paper speaks of this journal, as
  it stood after that event.
- The minutes are made anew from the events up to there, in the form the paper has, and compared:
  byte for byte, else word for word. Words that differ are told; none is forgiven.
- Annex V (pictures and captions) is not in the journal and not compared, nor are emblems: a paper
  matches also where one was put into the templates, or taken away, since it was written.

What this proves: that the words of the file are those this journal gives. What it does not: that
the journal itself was not written anew from the first event on (only the hash on an older paper
tells that), nor anything of signatures, stamps and pictures; and of a PDF that is not the same
byte for byte, not what is drawn over its words.
"""

import difflib
import io
import re
import zipfile
from pathlib import Path
from typing import Literal

import msgspec

from console.journal import Journal
from console.meeting.fold import replay
from console.minutes import Minutes, Style, minutes_of, rendered
from console.minutes.errata import parts
from console.minutes.errors import MinutesError
from console.minutes.form import Length, Paper, TitleWord
from protocol.events import Letterhead
from protocol.words import _

MOST_DIFFERENCES = 12
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_NAMED = re.compile(r"Jurnalrapat(\S+?),peristiwa(\d+),SHA-256[0-9a-f]{12}([0-9a-f]{64})")
_WORD_PARTS = re.compile(r"word/(document|header\d*|footer\d*|footnotes|endnotes)\.xml")
# Annex V begins a page of a PDF, and paragraphs of a Word file.
_ANNEX_V_PAGE = re.compile(r"\s*(D ?R ?A ?F)?\s*Lampiran V\s")
_ANNEX_V = re.compile(r"\nLampiran V Notul[^\n]*\n+FOTO\n")
_PAGE_NUMBER = re.compile(r"Halaman\s+(\d+\s+)?dari(\s+\d+)?")


class Read(msgspec.Struct, frozen=True):
    """A file as it was read: its words, and the meeting, event and hash it names."""

    fmt: Literal["pdf", "docx"]
    content: bytes
    text: str
    meeting: str
    seq: int
    hash: str
    paper: Paper
    remarks: tuple[str, ...] = ()


class Difference(msgspec.Struct, frozen=True):
    """Words of the journal that the paper has otherwise; one of both may be empty."""

    journal: str
    paper: str


class Verdict(msgspec.Struct, frozen=True):
    """What the comparison found.

    `anchored`: the hash is the journal's. `same`: how far the paper is what the journal gives.
    `missing` are (part, text) of the journal that the paper has nowhere. `later` counts the
    events of the meeting since then, `corrections_since` its errata.
    """

    read: Read
    anchored: bool
    same: Literal["bytes", "words", "no"] = "no"
    differences: tuple[Difference, ...] = ()
    missing: tuple[tuple[str, str], ...] = ()
    later: int = 0
    corrections_since: int = 0

    @property
    def matches(self) -> bool:
        return self.anchored and self.same != "no"


def check(path: Path, journal: Journal, templates: Path | None = None) -> Verdict:
    """Compare a file with the journal, whose chain was verified. Raises MinutesError for a file
    that is no minutes of Giliran, JournalError."""
    read = read_paper(path)
    if journal.hash_of(read.meeting, read.seq) != read.hash:
        return Verdict(read, anchored=False)
    every = journal.read(read.meeting)
    then = [one for one in every if one.seq <= read.seq]
    state = replay(then)
    now = replay(every)
    later = len(every) - len(then)
    errata = len(now.minutes.corrections) - len(state.minutes.corrections)
    best: Verdict | None = None
    tried = set()
    for style in _styles(read):
        minutes = minutes_of(state, then, read.hash, style)
        if minutes.kop in tried:
            continue
        tried.add(minutes.kop)
        verdict = _compared(read, minutes, templates)
        if best is None or len(verdict.differences) < len(best.differences) or verdict.matches:
            best = verdict
        if verdict.matches:
            break
    assert best is not None
    return msgspec.structs.replace(best, later=later, corrections_since=errata)


def _styles(read: Read) -> list[Style]:
    """The forms the paper may have: what can be seen of it, and every letterhead."""
    bare = _bare(read.text)
    title: TitleWord = "notulen" if "NOTULEN" in bare else "notula"
    length: Length = "short" if f"{title.upper()}RINGKAS" in bare else "full"
    heads: tuple[Letterhead | None, ...] = (None, "regent", "agency")
    return [Style(title, read.paper, head, length) for head in heads]


def _compared(read: Read, minutes: Minutes, templates: Path | None) -> Verdict:
    made = rendered(minutes, read.fmt, templates)
    if made == read.content:
        return Verdict(read, anchored=True, same="bytes")
    ours, theirs = _words(_text(read.fmt, made)[0]), _words(read.text)
    if theirs in (ours, _with_other_emblem(read.fmt, minutes, templates)):
        return Verdict(read, anchored=True, same="words")
    matcher = difflib.SequenceMatcher(None, ours, theirs, autojunk=False)
    differences = tuple(
        Difference(" ".join(ours[a:b]), " ".join(theirs[c:d]))
        for kind, a, b, c, d in matcher.get_opcodes()
        if kind != "equal"
    )
    there = _bare(read.text)
    missing = tuple(
        dict.fromkeys((part, text) for part, text in _told(minutes) if _bare(text) not in there)
    )
    return Verdict(read, anchored=True, differences=differences, missing=missing)


def _with_other_emblem(fmt: str, minutes: Minutes, templates: Path | None) -> list[str] | None:
    """The words of a PDF with an emblem where there is none now, without it where there is one: it
    moves what is below it to other pages, and so the words between."""
    if fmt != "pdf":
        return None
    from console.minutes.pictures import BLANK, emblem
    from console.minutes.writers import pdf

    other = BLANK if emblem(templates, minutes.kop) is None else None
    return _words(_text(fmt, pdf.typeset(minutes, templates, (), other))[0])


def _told(minutes: Minutes) -> list[tuple[str, str]]:
    """What the paper must hold: everything, or what the short minutes choose of it."""
    if minutes.length_of == "full":
        return [one for one in parts(minutes) if one[1]]
    brief = minutes.brief
    told = [("A", text) for row in brief.rows for text in (row.speaker, row.gist)]
    told += [("B", text) for text in brief.decisions]
    return told + [("C", text) for row in brief.follow_ups for text in (row.text, row.owner)]


# -- reading -------------------------------------------------------------------------------------


def read_paper(path: Path) -> Read:
    """A PDF or Word file, by its content. Raises MinutesError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MinutesError(f"{path}: {error.strerror}") from error
    fmt: Literal["pdf", "docx"] = "pdf" if content.startswith(b"%PDF") else "docx"
    try:
        text, paper, remarks = _text(fmt, content)
    except Exception as error:  # whatever a damaged file makes of the readers of others
        why = _("{path}: this is no PDF and no Word file that can be read: {why}")
        raise MinutesError(why.format(path=path, why=error)) from error
    named = set(_NAMED.findall(_bare(text)))
    if not named:
        why = _("{path}: there is no hash of a journal in it: not minutes made by Giliran")
        raise MinutesError(why.format(path=path))
    if len(named) > 1:
        why = _("{path}: its pages name different events of a journal: put together of several")
        raise MinutesError(why.format(path=path))
    ((meeting, seq, digest),) = named
    return Read(fmt, content, text, meeting, int(seq), digest, paper, remarks)


def _text(fmt: str, content: bytes) -> tuple[str, Paper, tuple[str, ...]]:
    """The words of a file, its paper, and what was not read of it."""
    return _of_pdf(content) if fmt == "pdf" else _of_word(content)


def _of_pdf(content: bytes) -> tuple[str, Paper, tuple[str, ...]]:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(content))
    width_mm = float(reader.pages[0].mediabox.width) / 72 * 25.4
    remarks = []
    if any("/Annots" in page for page in reader.pages):
        remarks.append(_("Notes were put on its pages; they were not read."))
    texts = []
    for page in reader.pages:
        text = page.extract_text()
        if _ANNEX_V_PAGE.match(text):
            remarks.append(_("Annex V (pictures) was not compared."))
            break
        texts.append(text)
    return "\n".join(texts), "f4" if width_mm > 212.5 else "a4", tuple(remarks)


def _of_word(content: bytes) -> tuple[str, Paper, tuple[str, ...]]:
    from lxml import etree

    texts, width = [], 11906
    safe = etree.XMLParser(resolve_entities=False, no_network=True)
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        names = [name for name in package.namelist() if _WORD_PARTS.fullmatch(name)]
        if "word/document.xml" not in names:
            raise ValueError("no document in it")
        # The edges first, then the body: annex V ends the text.
        for name in sorted(names, key=lambda name: (name == "word/document.xml", name)):
            root = etree.fromstring(package.read(name), safe)
            texts.append("".join(_runs(root)))
            for size in root.iter(f"{W}pgSz"):
                width = int(size.get(f"{W}w", width))
    text = "\n".join(texts)
    remarks: tuple[str, ...] = ()
    if found := _ANNEX_V.search(text):
        text, remarks = text[: found.start()], (_("Annex V (pictures) was not compared."),)
    return text, "f4" if width > 12050 else "a4", remarks


def _runs(root):  # of lxml, which has no types
    """Every text in the order of the file, also what was inserted with changes tracked."""
    for element in root.iter():
        if element.tag == f"{W}t":
            yield element.text or ""
        elif element.tag in (f"{W}p", f"{W}br", f"{W}tab", f"{W}tc"):
            yield "\n"


def _words(text: str) -> list[str]:
    """The words, without page numbers and the marks that only allow a line to break."""
    return re.sub(r"[\u200b\u00ad]", "", _PAGE_NUMBER.sub(" ", text)).split()


def _bare(text: str) -> str:
    return re.sub(r"[\s\u200b\u00ad]+", "", text)
