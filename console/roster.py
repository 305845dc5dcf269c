"""The roster: a TOML file → the plan of a meeting, whole or not at all.

Every error names file, line, key and what was expected; all errors of a file are told at once.
Kecamatan without a `position` (or with 0) are called after the others, in the file's order.
"""

import difflib
import re
import tomllib
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from protocol.events import (
    MeetingPlan,
    MinutesStyle,
    RecordingPlan,
    Signatory,
    SiteEntry,
    TravelRates,
)
from protocol.words import _

FOLDER = Path(__file__).parent / "rosters"
MAX_SITES = 500
MAX_BYTES = 1 << 20
MAX_TEXT = 300
SITE_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LEAST = {"allowance_s": 1, "budget_s": 1, "road_factor": 1, "speed_kmh": 1, "people": 1}
MOST = {
    "position": 9999,
    "distance_km": 20040,
    "allowance_s": 86400,
    "grace_s": 3600,
    "bell_s": 3600,
    "travel_minutes": 10080,
    "travel_rupiah": 1_000_000_000,
    "road_factor": 10,
    "speed_kmh": 1000,
    "people": 100,
    "rupiah_per_km": 1_000_000,
    "rupiah_per_person": 100_000_000,
    "warn_free_mb": 1_000_000,
    "stop_free_mb": 1_000_000,
    "keep_days": 36_500,
}
NESTED: dict[str, type] = {
    "chair_person": Signatory,
    "note_taker": Signatory,
    "secretary": Signatory,
    "deputy": Signatory,
    "minutes": MinutesStyle,
    "travel": TravelRates,
    "recording": RecordingPlan,
}
# What may span lines or look like a key and is none: long strings, strings, comments.
QUOTED = re.compile(
    r'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*', re.DOTALL
)


class RosterError(Exception):
    """The roster can't be used; the text has a line for each error: `file:line: key: …`."""


def shipped() -> dict[str, Path]:
    """The rosters that come with Giliran, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.toml"))}


def find(name: str | Path) -> Path:
    """The file of a shipped roster's name, or the path itself. Raises RosterError."""
    known = shipped()
    if str(name) in known:
        return known[str(name)]
    path = Path(name)
    if not path.exists():
        text = _("{path}: there is no such file, and no shipped roster of this name ({names})")
        raise RosterError(text.format(path=path, names=", ".join(known)))
    return path


def load(path: Path) -> MeetingPlan:
    """Read a roster file. Raises RosterError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        text = _("{path}: can't be read: {why}")
        raise RosterError(text.format(path=path, why=error)) from error
    return parse(data, str(path))


def parse(data: bytes, name: str) -> MeetingPlan:
    """A roster's bytes → the plan. `name` is the file's for the errors. Raises RosterError."""
    if len(data) > MAX_BYTES:
        text = _("{name}:1: expected a file of at most {most} bytes")
        raise RosterError(text.format(name=name, most=MAX_BYTES))
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        wrong = _("{name}:{line}: expected UTF-8 text").format(name=name, line=line)
        raise RosterError(wrong) from error
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise RosterError(_syntax(text, name, error)) from error
    return _Reader(text, name).plan(table)


def _syntax(text: str, name: str, error: Exception) -> str:
    """`file:line: not valid TOML: …` for what tomllib said."""
    why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    if place := re.search(r" \(at line (\d+), column (\d+)\)$", why):
        line = int(place[1])
        why = f"{why[: place.start()]} (column {place[2]})"
    else:
        line = text.rstrip("\n").count("\n") + 1 if "end of document" in why else 1
    return _("{name}:{line}: not valid TOML: {why}").format(name=name, line=line, why=why)


class _Reader:
    def __init__(self, text: str, name: str) -> None:
        self._lines = QUOTED.sub(_blank, text).split("\n")
        self._name = name
        self._errors: list[tuple[int, str]] = []

    def plan(self, table: dict[str, Any]) -> MeetingPlan:
        for key in table:
            if key not in ("meeting", "site"):
                line = self._header(key) or self._line_of(key, 1)
                self._error(line, key, _unknown(key, ["meeting", "site"]))
        meeting = self._meeting(table.get("meeting"))
        sites = self._sites(table.get("site"))
        if self._errors:
            raise RosterError("\n".join(text for _line, text in sorted(self._errors)))
        _fill_positions(sites)
        return MeetingPlan(**meeting, sites=tuple(SiteEntry(**site) for site in sites))

    def _meeting(self, table: Any) -> dict[str, Any]:
        line = self._header("meeting") or self._line_of("meeting", 1)
        if not isinstance(table, dict):
            self._error(line, "meeting", _("expected a table [meeting] with at least a title"))
            return {}
        plain = {key: value for key, value in table.items() if key not in NESTED}
        made = self._struct(MeetingPlan, plain, line, skip=(*NESTED, "sites"))
        for key, kind in NESTED.items():
            if key not in table:
                continue
            below = self._header(f"meeting.{key}") or self._line_of(key, line)
            if isinstance(table[key], dict):
                made[key] = kind(**self._struct(kind, table[key], below))
            else:
                self._error(below, key, _("expected a table [meeting.{key}]").format(key=key))
        return made

    def _sites(self, tables: Any) -> list[dict[str, Any]]:
        headers = [n for n, text in enumerate(self._lines, 1) if _header_of(text) == "site"]
        first = headers[0] if headers else self._line_of("site", 1)
        if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
            self._error(first, "site", _("expected a table [[site]] for each site"))
            return []
        if len(tables) > MAX_SITES:
            text = _("expected at most {most} sites (got {count})")
            self._error(first, "site", text.format(most=MAX_SITES, count=len(tables)))
            return []
        headers += [first] * (len(tables) - len(headers))
        sites = [
            (line, self._struct(SiteEntry, table, line))
            for line, table in zip(headers, tables, strict=False)
        ]
        self._check_unique(sites)
        self._check_hall(sites, first)
        return [site for _line, site in sites]

    def _check_unique(self, sites: list[tuple[int, dict[str, Any]]]) -> None:
        for key in ("id", "position"):
            seen: dict[Any, int] = {}
            for line, site in sites:
                value = site.get(key)
                if value and value in seen:
                    text = _("expected another value: {value} is taken by the site in line {line}")
                    at = self._line_of(key, line)
                    self._error(at, key, text.format(value=repr(value), line=seen[value]))
                elif value:
                    seen[value] = line

    def _check_hall(self, sites: list[tuple[int, dict[str, Any]]], first: int) -> None:
        halls = [line for line, site in sites if site.get("kind") == "hall"]
        if not halls:
            self._error(first, "site", _("expected one site of kind 'hall', the one that presides"))
        for line in halls[1:]:
            text = _("expected one hall; the one in line {line} presides already")
            self._error(self._line_of("kind", line), "kind", text.format(line=halls[0]))

    def _struct(
        self, kind: type, table: dict[str, Any], line: int, skip: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        """The table's values, checked against the fields of a struct."""
        hints = get_type_hints(kind)
        fields = {f.name: f for f in msgspec.structs.fields(kind) if f.name not in skip}
        made: dict[str, Any] = {}
        for key, value in table.items():
            at = self._line_of(key, line)
            if key not in fields:
                self._error(at, key, _unknown(key, [*fields, *(s for s in skip if s != "sites")]))
            elif fault := _fault(key, value, hints[key], required=fields[key].required):
                text = _("expected {what} (got {value})")
                self._error(at, key, text.format(what=fault, value=_shown(value)))
            elif isinstance(value, list):
                made[key] = tuple(value)
            else:
                made[key] = float(value) if float in _kinds(hints[key]) else value
        for name, field in fields.items():
            if field.required and name not in table:
                self._error(line, name, _("missing"))
        return made

    # -- lines -----------------------------------------------------------------------------------

    def _header(self, header: str) -> int:
        """The line of the first `[header]` or `[[header]]`; 0 when there is none."""
        numbered = enumerate(self._lines, 1)
        return next((number for number, text in numbered if _header_of(text) == header), 0)

    def _line_of(self, key: str, table_line: int) -> int:
        """The line of a key in the table that begins at `table_line`; that line when not found."""
        form = re.compile(rf"""\s*(["']?){re.escape(key)}\1\s*[=.]""")
        for number in range(table_line, len(self._lines) + 1):
            text = self._lines[number - 1]
            if number > table_line and _header_of(text):
                break
            if form.match(text):
                return number
        return table_line

    def _error(self, line: int, key: str, what: str) -> None:
        key = key if key.isprintable() and key else repr(key)
        self._errors.append((line, f"{self._name}:{line}: {key[:80]}: {what}"))


def _blank(found: re.Match[str]) -> str:
    """A comment or a string of many lines as empty lines; other strings stay, keys may be some."""
    text = found[0]
    return "\n" * text.count("\n") if text[0] == "#" or "\n" in text else text


def _header_of(line: str) -> str:
    """`site` for `[[ site ]]`; empty for a line that is no header."""
    found = re.fullmatch(r"\s*\[\[?\s*([\w.\"'\- ]+?)\s*\]\]?\s*", line)
    return found[1].replace('"', "").replace("'", "").replace(" ", "") if found else ""


def _unknown(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, 1)
    if close:
        return _("unknown; did you mean {name}?").format(name=repr(close[0]))
    return _("unknown; known are {names}").format(names=", ".join(known))


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits
        text = type(value).__name__
    return text if len(text) <= 80 else text[:79] + "…"


def _kinds(hint: Any) -> tuple[Any, ...]:
    """`(float, NoneType)` of `float | None`; a plain type alone."""
    return get_args(hint) or (hint,)


def _fault(key: str, value: Any, hint: Any, *, required: bool) -> str:
    """What was expected when the value does not fit; empty when it does."""
    if get_origin(hint) is Literal:
        choices = get_args(hint)
        names = ", ".join(repr(c) for c in choices)
        return "" if value in choices else _("one of {names}").format(names=names)
    if get_origin(hint) is tuple:
        fits = isinstance(value, list) and not any(_text_fault(v) for v in value)
        return "" if fits else _("a list of texts, each on one line")
    if NoneType in get_args(hint):
        hint = next(h for h in get_args(hint) if h is not NoneType)
    if hint is bool:
        return "" if isinstance(value, bool) else _("true or false")
    if hint is str:
        return _text_fault(value) or _word_fault(key, value, required=required)
    if hint is int and (isinstance(value, bool) or not isinstance(value, int)):
        return _("a whole number")
    if hint is float and (isinstance(value, bool) or not isinstance(value, int | float)):
        return _("a number")
    return _range_fault(key, value)


def _text_fault(value: Any) -> str:
    if not isinstance(value, str):
        return _("a text in quotation marks")
    if not value.isprintable() or len(value) > MAX_TEXT:
        return _("a text on one line of at most {most} characters").format(most=MAX_TEXT)
    return ""


def _word_fault(key: str, value: str, *, required: bool) -> str:
    if key == "id":
        fits = SITE_ID.fullmatch(value) and len(value) <= 64
        return "" if fits else _("small letters, digits and hyphens, such as 'sungai-apit'")
    return "" if value.strip() or not required else _("a text that is not empty")


def _range_fault(key: str, value: float) -> str:
    if key == "utc_offset_minutes":
        return "" if -720 <= value <= 840 else _("minutes from -720 to 840")
    least, most = LEAST.get(key, 0), MOST.get(key, 86400)
    text = _("a number from {least} to {most}")
    return "" if least <= value <= most else text.format(least=least, most=most)


def _fill_positions(sites: list[dict[str, Any]]) -> None:
    """Number the kecamatan that have no place in the calling order, behind the others."""
    last = max((site.get("position", 0) for site in sites), default=0)
    for site in sites:
        if site["kind"] == "kecamatan" and not site.get("position"):
            last += 1
            site["position"] = last
