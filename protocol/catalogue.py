"""The translators' tool: `.po` catalogues kept in step with the code, and compiled.

`python -m protocol.catalogue update [FILE…]` takes every text in the code into the catalogue,
keeps the translations there are, takes more from FILEs, and drops what is no longer used.
`python -m protocol.catalogue compile` makes the `.mo` files, which are not kept in git.

A text may begin with a context and a bar (`key bar|Next`); what is shown is behind the bar.
"""

import sys
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from protocol.words import DOMAIN, LOCALES

ROOT = Path(__file__).parent.parent
ROOMS = ("agent", "console", "protocol")
KEYWORDS: dict[str, tuple[int, ...] | None] = {"_": None, "N_": None, "n_": (1, 2)}
Text = str | tuple[str, ...] | list[str]
HEADER = """# Words of Giliran. After a change in the code: `make i18n`.
msgid ""
msgstr ""
"Project-Id-Version: giliran\\n"
"Language: {language}\\n"
"Plural-Forms: {plural}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""
PLURAL = {"id": "nplurals=1; plural=0;"}  # Babel's own table has a second form for Indonesian


def catalogues() -> list[Path]:
    """The `.po` file of each language."""
    return sorted(LOCALES.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))


def read(path: Path) -> Catalog:
    """A `.po` file as Babel's catalogue."""
    with path.open("rb") as file:
        return read_po(file, domain=DOMAIN, ignore_obsolete=True)


def extract() -> Catalog:
    """Every text marked in the code."""
    catalog = Catalog(domain=DOMAIN)
    for room in ROOMS:
        found = extract_from_dir(ROOT / room, [("**.py", "python")], keywords=KEYWORDS)
        for _file, _line, text, _comments, _context in found:
            catalog.add(text)
    return catalog


def update(path: Path, more: list[Path]) -> None:
    """Bring a catalogue in step with the code; translations it lacks are taken from `more`."""
    old = read(path) if path.exists() else Catalog()
    known = [old, *(read(file) for file in more)]
    language = path.parent.parent.name
    new = Catalog(domain=DOMAIN, locale=language)
    plural = PLURAL.get(language, new.plural_forms)
    new.mime_headers = [("Plural-Forms", plural)]
    for message in extract():
        if message.id:
            text = next((t for t in (_translation(c, message) for c in known) if t), None)
            new.add(message.id, text)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as output:
        output.write(HEADER.format(language=language, plural=plural).encode())
        write_po(output, new, width=100, omit_header=True, sort_output=True)


def _translation(catalog: Catalog, message: Message) -> Text | None:
    found = catalog.get(message.id)
    return found.string if found and is_translated(found) else None


def is_translated(message: Message) -> bool:
    """True when every form has a text that nobody needs to look at again."""
    return all(_texts(message.string)) and not message.fuzzy


def _texts(text: Text | None) -> tuple[str, ...]:
    return tuple(text) if isinstance(text, list | tuple) else (text or "",)


def faults(catalog: Catalog) -> list[str]:
    """What keeps a catalogue from being shown: texts missing, fuzzy, or with other fields."""
    found = []
    for message in extract():
        there = catalog.get(message.id)
        if not message.id:
            continue
        if there is None or not is_translated(there):
            found.append(f"{message.id!r} has no translation (run `make i18n`, then write it)")
            continue
        wanted = set().union(*(fields(text) for text in _texts(message.id)))
        for text in _texts(there.string):
            if fields(text) != wanted:
                found.append(f"{message.id!r}: {text!r} has other fields than {sorted(wanted)}")
    return found


def fields(text: str) -> set[str]:
    """The `{fields}` of a text; one that is no valid format has none."""
    try:
        return {name for _text, name, _spec, _conversion in Formatter().parse(text) if name}
    except ValueError:
        return set()


def compile_all() -> list[Path]:
    """Make the `.mo` of each language; the files written."""
    made = []
    for path in catalogues():
        target = path.with_suffix(".mo")
        with target.open("wb") as output:
            write_mo(output, read(path))
        made.append(target)
    return made


def main(arguments: list[str]) -> int:
    """Run `update` or `compile`."""
    match arguments:
        case ["update", *more]:
            for path in catalogues() or [LOCALES / "id" / "LC_MESSAGES" / f"{DOMAIN}.po"]:
                update(path, [Path(file) for file in more])
                for fault in faults(read(path)):
                    print(f"{path.relative_to(ROOT)}: {fault}")
        case ["compile"]:
            compile_all()
        case _:
            print("usage: python -m protocol.catalogue update [FILE…] | compile", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
