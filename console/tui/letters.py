"""Large letters of half blocks, five by seven dots each, for who sits far from the screen.

Accents and what has no drawing are left out; lower case is drawn as upper case.
"""

import unicodedata

HEIGHT = 7
WIDE = 6
"""Cells of one letter with the gap after it."""

_FONT = {
    "A": "01110 10001 10001 11111 10001 10001 10001",
    "B": "11110 10001 10001 11110 10001 10001 11110",
    "C": "01110 10001 10000 10000 10000 10001 01110",
    "D": "11110 10001 10001 10001 10001 10001 11110",
    "E": "11111 10000 10000 11110 10000 10000 11111",
    "F": "11111 10000 10000 11110 10000 10000 10000",
    "G": "01110 10001 10000 10111 10001 10001 01110",
    "H": "10001 10001 10001 11111 10001 10001 10001",
    "I": "01110 00100 00100 00100 00100 00100 01110",
    "J": "00111 00010 00010 00010 00010 10010 01100",
    "K": "10001 10010 10100 11000 10100 10010 10001",
    "L": "10000 10000 10000 10000 10000 10000 11111",
    "M": "10001 11011 10101 10101 10001 10001 10001",
    "N": "10001 11001 10101 10011 10001 10001 10001",
    "O": "01110 10001 10001 10001 10001 10001 01110",
    "P": "11110 10001 10001 11110 10000 10000 10000",
    "Q": "01110 10001 10001 10001 10101 10010 01101",
    "R": "11110 10001 10001 11110 10100 10010 10001",
    "S": "01111 10000 10000 01110 00001 00001 11110",
    "T": "11111 00100 00100 00100 00100 00100 00100",
    "U": "10001 10001 10001 10001 10001 10001 01110",
    "V": "10001 10001 10001 10001 10001 01010 00100",
    "W": "10001 10001 10001 10101 10101 11011 10001",
    "X": "10001 10001 01010 00100 01010 10001 10001",
    "Y": "10001 10001 01010 00100 00100 00100 00100",
    "Z": "11111 00001 00010 00100 01000 10000 11111",
    "0": "01110 10001 10011 10101 11001 10001 01110",
    "1": "00100 01100 00100 00100 00100 00100 01110",
    "2": "01110 10001 00001 00110 01000 10000 11111",
    "3": "11110 00001 00001 01110 00001 00001 11110",
    "4": "00010 00110 01010 10010 11111 00010 00010",
    "5": "11111 10000 11110 00001 00001 10001 01110",
    "6": "01110 10000 10000 11110 10001 10001 01110",
    "7": "11111 00001 00010 00100 01000 01000 01000",
    "8": "01110 10001 10001 01110 10001 10001 01110",
    "9": "01110 10001 10001 01111 00001 00001 01110",
    ":": "00000 00100 00100 00000 00100 00100 00000",
    ".": "00000 00000 00000 00000 00000 01100 01100",
    ",": "00000 00000 00000 00000 01100 00100 01000",
    "-": "00000 00000 00000 01110 00000 00000 00000",
    "+": "00000 00100 00100 11111 00100 00100 00000",
    "/": "00001 00001 00010 00100 01000 10000 10000",
    "'": "00100 00100 01000 00000 00000 00000 00000",
    "(": "00010 00100 01000 01000 01000 00100 00010",
    ")": "01000 00100 00010 00010 00010 00100 01000",
    "&": "01100 10010 10100 01000 10101 10010 01101",
    " ": "00000 00000 00000 00000 00000 00000 00000",
}
_BLOCKS = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}


def plain(text: str) -> str:
    """The text in the letters there are."""
    bare = unicodedata.normalize("NFKD", text.upper())
    return "".join(char for char in bare if char in _FONT)


def dots(text: str) -> list[str]:
    """Seven rows of `0` and `1`."""
    glyphs = [_FONT[char].split() for char in plain(text)]
    return ["".join(glyph[row] + "0" for glyph in glyphs) for row in range(HEIGHT)]


def small(text: str) -> list[str]:
    """Four lines; six cells a letter."""
    rows = [*dots(text), ""]
    wide = len(rows[0])
    rows[-1] = "0" * wide
    return [
        "".join(
            _BLOCKS[(top == "1", bottom == "1")]
            for top, bottom in zip(rows[y], rows[y + 1], strict=True)
        )
        for y in range(0, len(rows), 2)
    ]


def large(text: str) -> list[str]:
    """Seven lines; twelve cells a letter, so that a dot is about square."""
    return ["".join("██" if dot == "1" else "  " for dot in row) for row in dots(text)]


def huge(text: str) -> list[str]:
    """Fourteen lines; twenty-four cells a letter."""
    return [
        "".join("████" if dot == "1" else "    " for dot in row)
        for row in dots(text)
        for _twice in range(2)
    ]


def fitting(text: str, width: int, height: int) -> list[str]:
    """The largest that fits; one line of the text itself when not even the small one does."""
    count = len(plain(text))
    if count and count * WIDE * 4 - 4 <= width and height >= HEIGHT * 2:
        return huge(text)
    if count and count * WIDE * 2 - 2 <= width and height >= HEIGHT:
        return large(text)
    if count and count * WIDE - 1 <= width and height >= 4:
        return small(text)
    return [text if len(text) <= width else text[: max(0, width - 1)] + "…"]
