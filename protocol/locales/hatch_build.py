"""Hatch's build hook: compiled translations for the wheel and for an editable install."""

from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileTranslations(BuildHookInterface):  # type: ignore[type-arg]
    """Runs before a wheel is made; the `.mo` files are not kept in git."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make each language's `.mo` beside its `.po`, in one step: somebody may read it."""
        for source in Path(self.root, "protocol", "locales").glob("*/LC_MESSAGES/*.po"):
            part = source.with_suffix(".part")
            with source.open("rb") as file, part.open("wb") as output:
                write_mo(output, read_po(file))
            part.replace(source.with_suffix(".mo"))
