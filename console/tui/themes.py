"""Colours: themes of the same meaning, for dark rooms, light rooms, weak eyes and old terminals.

Green is live, amber wants attention, red is wrong, blue leads the eye. No state is told by colour
alone.
"""

from collections.abc import Mapping

from textual.theme import Theme


def _theme(name: str, *, dark: bool, variables: dict[str, str], **colors: str) -> Theme:
    return Theme(name=f"giliran-{name}", dark=dark, variables=variables, **colors)  # type: ignore[arg-type]


DARK = _theme(
    "dark",
    dark=True,
    primary="#7cb7ff",
    accent="#7cb7ff",
    success="#5fd68b",
    warning="#f2b84b",
    error="#ff6b6b",
    foreground="#dbe2ea",
    background="#0f141b",
    surface="#141b24",
    panel="#1a2330",
    variables={
        "dim": "#8492a3",
        "track": "#2c3848",
        "level-track": "#1d2632",
        "on-strong": "#0f141b",
        "key-foreground": "#f2b84b",
        "key-background": "#263142",
        "button-background": "#1d2735",
        "cursor-row": "#2b4263",
        "floor-row": "#173a29",
        "floor-line": "#10261b",
        "lost-row": "#43341a",
        "input-cursor-background": "#dbe2ea",
        "input-cursor-foreground": "#0f141b",
    },
)
LIGHT = _theme(
    "light",
    dark=False,
    primary="#0b5cad",
    accent="#0b5cad",
    success="#11703a",
    warning="#8a5a00",
    error="#b3202a",
    foreground="#17202b",
    background="#f6f7f9",
    surface="#ffffff",
    panel="#e9edf2",
    variables={
        "dim": "#5a6675",
        "track": "#cdd5df",
        "level-track": "#eef1f5",
        "on-strong": "#ffffff",
        "key-foreground": "#8a5a00",
        "key-background": "#dfe5ec",
        "button-background": "#e6ebf1",
        "cursor-row": "#bcd6f5",
        "floor-row": "#cfeedb",
        "floor-line": "#e2f4e9",
        "lost-row": "#f7e3b8",
        "input-cursor-background": "#17202b",
        "input-cursor-foreground": "#ffffff",
    },
)
CONTRAST = _theme(
    "contrast",
    dark=True,
    primary="#66d9ff",
    accent="#66d9ff",
    success="#00ff66",
    warning="#ffd500",
    error="#ff8080",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#1c1c1c",
    variables={
        "dim": "#d0d0d0",
        "track": "#606060",
        "level-track": "#303030",
        "on-strong": "#000000",
        "key-foreground": "#ffd500",
        "key-background": "#303030",
        "button-background": "#303030",
        "cursor-row": "#0040c0",
        "floor-row": "#005522",
        "floor-line": "#002a11",
        "lost-row": "#554400",
        "input-cursor-background": "#ffffff",
        "input-cursor-foreground": "#000000",
    },
)
# What a terminal of 16 colours turns these into are its own black, blue, green …: nothing is
# rounded to a neighbour that means something else.
SIXTEEN = _theme(
    "sixteen",
    dark=True,
    primary="#00ffff",
    accent="#00ffff",
    success="#00ff00",
    warning="#ffff00",
    error="#ff0000",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#000000",
    variables={
        "dim": "#c0c0c0",
        "track": "#808080",
        "level-track": "#000000",
        "on-strong": "#000000",
        "key-foreground": "#ffff00",
        "key-background": "#000080",
        "button-background": "#000080",
        "cursor-row": "#000080",
        "floor-row": "#008000",
        "floor-line": "#000000",
        "lost-row": "#808000",
        "input-cursor-background": "#ffffff",
        "input-cursor-foreground": "#000000",
    },
)
THEMES: dict[str, Theme] = {
    "dark": DARK,
    "light": LIGHT,
    "contrast": CONTRAST,
    "sixteen": SIXTEEN,
}


def fitting(environment: Mapping[str, str]) -> str:
    """The theme for a terminal: that of 16 colours where it has no more."""
    return "sixteen" if environment.get("TERM") in ("linux", "vt220", "ansi") else "dark"
