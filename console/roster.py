"""The roster: a TOML file → the plan of a meeting, whole or not at all.

Every error names file, line, key and what was expected; all errors of a file are told at once.
"""

import difflib
import re
import tomllib
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from protocol.events import MeetingPlan, Signatory, SiteEntry

FOLDER = Path(__file__).parent / "rosters"
MAX_SITES = 500
ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
NOT_NEGATIVE = {"position", "distance_km", "allowance_s", "grace_s", "budget_s"}
POSITIVE = {"allowance_s", "budget_s"}


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
        names = ", ".join(known)
        raise RosterError(
            f"{path}: there is no such file, and no shipped roster of this name (shipped: {names})"
        )
    return path


def load(path: Path) -> MeetingPlan:
    """Read a roster file. Raises RosterError."""
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RosterError(f"{path}: can't be read: {error}") from error
    return parse(text, str(path))


def parse(text: str, name: str) -> MeetingPlan:
    """A roster's text → the plan. `name` is the file's for the errors. Raises RosterError."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RosterError(f"{name}: not valid TOML: {error}") from error
    except RecursionError as error:
        raise RosterError(f"{name}: not valid TOML: nested too deeply") from error
    return _Reader(text, name).plan(data)


class _Reader:
    def __init__(self, text: str, name: str) -> None:
        self._lines = text.splitlines()
        self._name = name
        self._errors: list[tuple[int, str]] = []

    def plan(self, data: dict[str, Any]) -> MeetingPlan:
        for key in data:
            if key not in ("meeting", "site"):
                line = self._line_of(key, 1)
                self._error(line, key, f"unknown{_nearest(key, ['meeting', 'site'])}")
        meeting = self._meeting(data.get("meeting"))
        sites = self._sites(data.get("site"))
        if self._errors:
            lines = [text for _line, text in sorted(self._errors)]
            raise RosterError("\n".join(lines))
        return MeetingPlan(**meeting, sites=tuple(SiteEntry(**site) for site in sites))

    def _meeting(self, table: Any) -> dict[str, Any]:
        line = self._header("[meeting]")
        if not isinstance(table, dict):
            self._error(line, "meeting", "expected a table [meeting] with at least a title")
            return {}
        nested = {"chair_person", "note_taker", "secretary"}
        plain = {key: value for key, value in table.items() if key not in nested}
        made = self._struct(MeetingPlan, plain, line, skip={*nested, "sites"})
        for key in nested & table.keys():
            below = self._header(f"[meeting.{key}]", line)
            if isinstance(table[key], dict):
                made[key] = Signatory(**self._struct(Signatory, table[key], below))
            else:
                self._error(self._line_of(key, line), key, "expected a table")
        return made

    def _sites(self, tables: Any) -> list[dict[str, Any]]:
        if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
            self._error(1, "site", "expected a table [[site]] for each site")
            return []
        if len(tables) > MAX_SITES:
            self._error(1, "site", f"expected at most {MAX_SITES} sites, got {len(tables)}")
            return []
        headers = [n for n, text in enumerate(self._lines, 1) if _is_header(text, "[[site]]")]
        headers += [1] * (len(tables) - len(headers))
        sites = [
            (line, self._struct(SiteEntry, table, line))
            for line, table in zip(headers, tables, strict=False)
        ]
        self._check_together(sites)
        return [site for _line, site in sites]

    def _check_together(self, sites: list[tuple[int, dict[str, Any]]]) -> None:
        for key in ("id", "position"):
            seen: dict[Any, int] = {}
            for line, site in sites:
                value = site.get(key)
                if not value:
                    continue
                if value in seen:
                    at = self._line_of(key, line)
                    self._error(at, key, f"{value!r} is taken by the site in line {seen[value]}")
                else:
                    seen[value] = line
        halls = [line for line, site in sites if site.get("kind") == "hall"]
        if not halls:
            self._error(1, "site", "expected one site of kind 'hall', the one that presides")
        for line in halls[1:]:
            at = self._line_of("kind", line)
            self._error(at, "kind", f"expected one hall; the one in line {halls[0]} presides")

    def _struct(
        self,
        kind: type,
        table: dict[str, Any],
        line: int,
        skip: set[str] = frozenset(),  # type: ignore[assignment]
    ) -> dict[str, Any]:
        """The table's values, checked against the fields of a struct."""
        hints = get_type_hints(kind)
        fields = {f.name: f for f in msgspec.structs.fields(kind) if f.name not in skip}
        made: dict[str, Any] = {}
        for key, value in table.items():
            at = self._line_of(key, line)
            if key not in fields:
                self._error(at, key, f"unknown{_nearest(key, list(fields))}")
                continue
            fault = _fault(key, value, hints[key])
            if fault:
                self._error(at, key, f"expected {fault}, got {value!r}"[:200])
            else:
                made[key] = tuple(value) if isinstance(value, list) else value
        for name, field in fields.items():
            if field.required and name not in table:
                self._error(line, name, "missing")
        return made

    # -- lines -----------------------------------------------------------------------------------

    def _header(self, header: str, fallback: int = 1) -> int:
        for number, text in enumerate(self._lines, 1):
            if _is_header(text, header):
                return number
        return fallback

    def _line_of(self, key: str, table_line: int) -> int:
        """The line of a key in the table that begins at `table_line`."""
        form = re.compile(rf"""\s*\[*(["']?){re.escape(key)}\1\s*[=.\]]""")
        for number in range(table_line, len(self._lines) + 1):
            text = self._lines[number - 1]
            if number > table_line and re.match(r"\s*\[", text) and not form.match(text):
                break
            if form.match(text):
                return number
        return table_line

    def _error(self, line: int, key: str, what: str) -> None:
        self._errors.append((line, f"{self._name}:{line}: {key}: {what}"))


def _is_header(text: str, header: str) -> bool:
    return text.split("#")[0].replace(" ", "").strip() == header


def _nearest(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, 1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"


def _fault(key: str, value: Any, hint: Any) -> str:
    """What was expected when the value does not fit; empty when it does."""
    if get_origin(hint) is Literal:
        choices = get_args(hint)
        return "" if value in choices else "one of " + ", ".join(repr(c) for c in choices)
    if get_origin(hint) is tuple:
        fits = isinstance(value, list) and all(isinstance(v, str) for v in value)
        return "" if fits else "a list of texts"
    if get_origin(hint) is UnionType or NoneType in get_args(hint):
        hint = next(h for h in get_args(hint) if h is not NoneType)
    if hint is float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return "a number"
    elif hint is int:
        if isinstance(value, bool) or not isinstance(value, int):
            return "a whole number"
    elif not isinstance(value, str):
        return "a text in quotation marks"
    return _range_fault(key, value)


def _range_fault(key: str, value: Any) -> str:
    if key == "id":
        return "" if ID.fullmatch(value) else "small letters, digits and hyphens, as 'sungai-apit'"
    if key in ("title", "name") and not value.strip():
        return "a text that is not empty" if key == "name" else ""
    if key in POSITIVE and value <= 0:
        return "more than 0"
    if key in NOT_NEGATIVE and not 0 <= value < 1e9:
        return "0 or more"
    if key == "utc_offset_minutes" and not -720 <= value <= 840:
        return "minutes from -720 to 840"
    return ""
