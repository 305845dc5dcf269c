"""What the operator likes, kept between runs in the user's configuration folder."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec
from platformdirs import user_config_path

ThemeName = Literal["dark", "light", "contrast", "sixteen"]
Characters = Literal["auto", "unicode", "ascii"]
Drawing = Literal["auto", "blocks", "kitty"]


class Settings(msgspec.Struct, frozen=True, omit_defaults=True):
    """`language` empty is the locale's; `theme` `sixteen` uses the terminal's own 16 colours.

    `previews`: small pictures of the sites are asked for; `pictures`: what they are drawn with.
    `theme` empty is chosen by the terminal.
    """

    theme: ThemeName | Literal[""] = ""
    language: Literal["", "id", "en"] = ""
    characters: Characters = "auto"
    previews: bool = True
    pictures: Drawing = "auto"


Keep = Callable[[Settings], None]


def place() -> Path:
    """The file."""
    return user_config_path("giliran", appauthor=False) / "console.json"


def load(path: Path) -> Settings:
    """What is kept there; what can't be read is as if it were not there."""
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return Settings()
    kept = Settings()
    for name, value in values.items() if isinstance(values, dict) else ():
        # One bad value costs that one only.
        try:
            kept = msgspec.convert({**msgspec.to_builtins(kept), name: value}, Settings)
        except msgspec.ValidationError:
            continue
    return kept


def keep(path: Path, settings: Settings) -> None:
    """Write the file, whole or not at all. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}.part")
    try:
        beside.write_bytes(msgspec.json.format(msgspec.json.encode(settings), indent=1))
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
