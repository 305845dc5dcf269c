"""gettext for all rooms: `_("text")` in the language chosen, Indonesian or English.

Every text is looked up when it is shown, so that the language can be chosen at start-up. The
compiled catalogue is made at installation; where it is missing or older than the `.po` file it
was made from, the `.po` is read instead.
"""

import gettext
import io
import os
from pathlib import Path

LOCALES = Path(__file__).parent / "locales"
DOMAIN = "giliran"
_translations: gettext.NullTranslations = gettext.NullTranslations()


def use_language(name: str | None) -> None:
    """`id`, `en`, or None for the locale's (LC_ALL, LC_MESSAGES, LANG)."""
    global _translations
    if name is None:
        found = (os.environ.get(v) for v in ("LC_ALL", "LC_MESSAGES", "LANG"))
        name = "id" if next((v for v in found if v), "").startswith("id") else "en"
    _translations = gettext.NullTranslations() if name == "en" else load(name)


def load(name: str, locales: Path = LOCALES) -> gettext.NullTranslations:
    """The translations into a language; English where there is no catalogue."""
    folder = locales / name / "LC_MESSAGES"
    compiled, source = folder / f"{DOMAIN}.mo", folder / f"{DOMAIN}.po"
    if not source.exists() or _is_fresh(compiled, source):
        return gettext.translation(DOMAIN, locales, [name], fallback=True)
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    made = io.BytesIO()
    with source.open("rb") as file:
        write_mo(made, read_po(file))
    made.seek(0)
    return gettext.GNUTranslations(made)


def _is_fresh(compiled: Path, source: Path) -> bool:
    return compiled.exists() and compiled.stat().st_mtime >= source.stat().st_mtime


def _(text: str) -> str:
    return _translations.gettext(text) if text else ""


def word(text: str) -> str:
    """The translation of a marked text; what stands before a bar is context and left out."""
    return _(text).rpartition("|")[2] if text else ""


def n_(singular: str, plural: str, n: int) -> str:
    return _translations.ngettext(singular, plural, n)


def N_(text: str) -> str:  # noqa: N802
    """Mark a text for translation; it is looked up by `_` where it is shown."""
    return text
