"""gettext for all rooms: `_("text")` in the language chosen, Indonesian or English."""

import gettext
import os
from pathlib import Path

LOCALES = Path(__file__).parent / "locales"
_translations: gettext.NullTranslations = gettext.NullTranslations()


def use_language(name: str | None) -> None:
    """`id`, `en`, or None for the locale's."""
    global _translations
    if name is None:
        found = (os.environ.get(v) for v in ("LC_ALL", "LC_MESSAGES", "LANG"))
        name = "id" if next((v for v in found if v), "").startswith("id") else "en"
    languages = [name] if name != "en" else []
    _translations = gettext.translation("giliran", LOCALES, languages, fallback=True)


def _(text: str) -> str:
    return _translations.gettext(text)


def n_(singular: str, plural: str, n: int) -> str:
    return _translations.ngettext(singular, plural, n)
