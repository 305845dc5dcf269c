"""What is being typed, completed from what was written before. Pure.

A sentence begun as one of an earlier meeting is completed to its end; else the last words are; else
the last word, to a topic of the roster or the name of a site.
"""

import re
from collections.abc import Sequence

LEAST = 3
"""Letters before anything is proposed."""
_SENTENCE_END = re.compile(r"[.!?;]\s+")
_WORDS = 3


def _rest(start: str, whole: str) -> str:
    if len(whole) > len(start) and whole[: len(start)].lower() == start.lower():
        return whole[len(start) :]
    return ""


def _first(start: str, among: Sequence[str]) -> str:
    if len(start) < LEAST:
        return ""
    return next((rest for one in among if (rest := _rest(start, one))), "")


def rest_of(before: str, phrases: Sequence[str], words: Sequence[str] = ()) -> str:
    """What would follow `before`, the line up to the cursor; empty when nothing fits."""
    sentence = _SENTENCE_END.split(before)[-1].lstrip()
    if rest := _first(sentence, phrases):
        return rest
    parts = list(re.finditer(r"\S+", sentence))
    if not parts or sentence[-1].isspace():
        return ""
    for match in parts[-_WORDS:]:
        if rest := _first(sentence[match.start() :], phrases):
            return rest
    return _first(parts[-1].group().lstrip("("), words)
