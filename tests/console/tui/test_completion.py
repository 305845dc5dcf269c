"""What is proposed while something is typed."""

import pytest

from console.tui.completion import rest_of

PHRASES = ("Antrean KTP tinggal 42 orang.", "Regu pemadam berjaga", "Antrean habis")
WORDS = ("karhutla", "Sungai Apit")


@pytest.mark.parametrize(
    ("before", "rest"),
    [
        ("ant", "rean KTP tinggal 42 orang."),
        ("Antrean h", "abis"),
        ("Aman. regu pem", "adam berjaga"),
        ("Hari ini regu pem", "adam berjaga"),
        ("di sungai", " Apit"),
        ("masalah kar", "hutla"),
        ("(kar", "hutla"),
        ("an", ""),
        ("Antrean habis", ""),
        ("Antrean ", "KTP tinggal 42 orang."),
        ("x y ", ""),
        ("", ""),
        ("   ", ""),
    ],
)
def test_rest_of_what_is_begun(before: str, rest: str) -> None:
    assert rest_of(before, PHRASES, WORDS) == rest
