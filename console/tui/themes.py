"""Colours: a dark and a light theme of the same meaning.

Green is live, amber wants attention, red is wrong, blue leads the eye. No state is told by colour
alone.
"""

from textual.theme import Theme

DARK = Theme(
    name="giliran-dark",
    primary="#7cb7ff",
    accent="#7cb7ff",
    success="#5fd68b",
    warning="#f2b84b",
    error="#ff6b6b",
    foreground="#dbe2ea",
    background="#0f141b",
    surface="#141b24",
    panel="#1a2330",
    dark=True,
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
        "lost-row": "#43341a",
        "input-cursor-background": "#dbe2ea",
        "input-cursor-foreground": "#0f141b",
    },
)
LIGHT = Theme(
    name="giliran-light",
    primary="#0b5cad",
    accent="#0b5cad",
    success="#11703a",
    warning="#8a5a00",
    error="#b3202a",
    foreground="#17202b",
    background="#f6f7f9",
    surface="#ffffff",
    panel="#e9edf2",
    dark=False,
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
        "lost-row": "#f7e3b8",
        "input-cursor-background": "#17202b",
        "input-cursor-foreground": "#ffffff",
    },
)
