"""The figures of the voice path: what is judged how, and that the table tells it."""

import msgspec
import pytest

from console.rehearsal.profiles import LINKS, LinkName
from console.rehearsal.scoreboard import (
    BETTER,
    LINK_TITLES,
    Baseline,
    Figures,
    Row,
    VoiceResult,
    baseline_of,
    complaints,
    judge,
    median,
    table,
)

HEARD = Figures("x", 4.0, 3.9, 0.97, 150.0, 170.0, 1.5, 0.2, 40.0, 40.0, 12)


def a_row(link: LinkName = "listening", figures: Figures = HEARD, **given: object) -> Row:
    usual = {"profile": "r20", "mode": "conversation", "goal_pesq": 4.0, "limit_ms": 160.0}
    return Row(link=link, figures=figures, **{**usual, **given})  # type: ignore[arg-type]


def heard(**changes: object) -> Figures:
    return msgspec.structs.replace(HEARD, **changes)


def chromium(pesq: float | None, hops: int = 1, profile: str = "r20") -> Baseline:
    figures = heard(pesq=pesq, delay_ms=119.0)
    return Baseline("chromium", profile, hops, figures, 57.0, "Chromium 150", 0.0)


def a_result(rows: list[Row], **given: object) -> VoiceResult:
    usual: dict = {
        "ok": True, "why": [], "seed": 7, "seconds": 40.0, "speech": "the shipped clips",
        "wall_s": 99.6, "rows": rows, "baselines": [], "codec": Figures(), "missing": [],
        "unavailable": {}, "starved": [],
    }  # fmt: skip
    return VoiceResult(**{**usual, **given})


# -- judging -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("figures", "missed"),
    [
        (HEARD, []),
        (heard(pesq=3.99), ["pesq"]),
        (heard(delay_ms=160.0), []),
        (heard(delay_ms=160.1), ["delay"]),
        (heard(delay_ms=None), ["delay"]),
        (heard(pesq=1.0, delay_ms=400.0), ["pesq", "delay"]),
        (heard(pesq=None), []),
        (heard(error="torn file", pesq=1.0), ["unmeasured"]),
        (heard(utterances=0), ["unmeasured"]),
        (Figures(), ["unmeasured"]),
    ],
)
def test_what_misses_its_goal(figures: Figures, missed: list[str]) -> None:
    """Without the programs that measure PESQ its goals are not judged: that is said elsewhere."""
    assert judge(a_row(figures=figures), []) == missed


def test_without_a_goal_nothing_is_missed() -> None:
    row = a_row(figures=heard(pesq=1.0, delay_ms=900.0), goal_pesq=None, limit_ms=None)
    assert judge(row, []) == []


@pytest.mark.parametrize(
    ("theirs", "missed"),
    [(4.0 + BETTER - 0.01, []), (4.0 + BETTER + 0.01, ["chromium"]), (None, [])],
)
def test_chromium_is_better_by_more_than_a_little(theirs: float | None, missed: list[str]) -> None:
    assert judge(a_row(), [chromium(theirs)]) == missed


def test_a_row_is_compared_over_as_many_bad_hops_on_the_same_profile() -> None:
    others = [chromium(3.0), chromium(2.0, 2), chromium(1.0, 1, "r30")]
    aiortc = Baseline("aiortc", "r20", 1)
    baselines = [aiortc, *others]
    assert baseline_of(a_row("listening"), baselines, "chromium") is others[0]
    assert baseline_of(a_row("speaking"), baselines, "chromium") is others[0]
    assert baseline_of(a_row("both"), baselines, "chromium") is others[1]
    assert baseline_of(a_row(), baselines, "aiortc") is aiortc
    assert baseline_of(a_row("both"), baselines, "aiortc") is None
    assert judge(a_row("both"), [chromium(4.6)]) == []


def test_each_row_that_missed_something_has_a_line_that_says_what() -> None:
    rows = [a_row(), a_row("speaking", heard(pesq=3.5, delay_ms=200.0)), a_row("both", Figures())]
    rows.append(a_row(figures=heard(error="torn file")))
    for row in rows:
        row.missed = judge(row, [chromium(4.5)])
    assert complaints(rows) == [
        "r20, listening, conversation: Chromium is better",
        "r20, speaking, conversation: PESQ 3.50, goal 4.00; delay 200 ms, limit 160; "
        "Chromium is better",
        "r20, both, conversation: not measured: no whole utterance",
        "r20, listening, conversation: not measured: torn file",
    ]


def test_the_median_of_nothing_is_nothing() -> None:
    assert median([]) is None
    assert median(value for value in (3.0, 1.0, 2.004)) == 2.0


# -- the table -----------------------------------------------------------------------------------


def lines_of(text: str, start: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(start)]


def test_the_table_tells_every_figure_beside_its_goal_and_the_others() -> None:
    row = a_row(kbps=91.4, mos=4.16, figures=heard(gaps_per_minute=1.25))
    text = table(a_result([row], baselines=[chromium(2.78)]))
    assert "voice ok: 1 measurements of 40 s, seed 7, 100 s; speech: the shipped clips" in text
    (line,) = lines_of(text, "r20")
    assert line.split() == [
        *("r20", "conversation", "4.00", "(4.00)", "0.97", "150", "170", "(160)", "1.2"),
        *("91", "4.2", "-", "-", "-", "2.78", "119", "57"),
    ]
    assert "chromium: Chromium 150" in text and "1 of 1 measurements reach every goal" in text


def test_what_is_missed_is_marked_where_it_stands() -> None:
    rows = [a_row(figures=heard(pesq=3.5, delay_ms=200.0)), a_row("both", Figures())]
    for row in rows:
        row.missed = judge(row, [chromium(4.5)])
    result = a_result(rows, ok=False, baselines=[chromium(4.5)], why=[*complaints(rows), "torn"])
    text = table(result)
    assert text.startswith("voice NOT OK")
    first, second = lines_of(text, "r20")
    assert "!3.50" in first and "!200" in first and first.endswith("<")
    assert "!" not in second and second.endswith("not measured")
    assert "0 of 2 measurements" in text and "  ! torn" in text
    assert "goal 4.00" not in text, "what a row says is not said again"


def test_links_have_a_part_each_in_one_order_with_columns_that_fit() -> None:
    rows = [a_row(link, profile=name) for name in ("ge10+j60", "64k") for link in LINKS[::-1]]
    wide = heard(pesq=4.64, pesq_worst=4.6, delay_ms=1234.0, delay_p95_ms=1234.0)
    rows.append(a_row(figures=wide, mode="conversation", limit_ms=1000.0))
    for row in rows:
        row.missed = ["pesq", "delay", "chromium"]
    text = table(a_result(rows, baselines=[chromium(4.5)]))
    titles = [text.index(LINK_TITLES[link].upper()) for link in LINKS]
    assert titles == sorted(titles)
    assert max(map(len, text.splitlines())) <= 120
    only = table(a_result([a_row("both")]))
    assert LINK_TITLES["both"].upper() in only and LINK_TITLES["listening"].upper() not in only


def test_the_notes_say_what_was_not_there_and_what_was_slow() -> None:
    codec = Figures(pesq=4.52, pesq_worst=4.4, stoi=0.99)
    text = table(
        a_result(
            [a_row()],
            codec=codec,
            missing=["pesq", "pystoi"],
            unavailable={"chromium": "no chromium here"},
            starved=["r20 clear relay (99 ms late)"],
        )
    )
    assert "codec alone, nothing lost: PESQ 4.52 (worst utterance 4.40), STOI 0.99" in text
    assert "pesq, pystoi: not installed" in text and "make voice" in text
    assert "chromium: no chromium here" in text
    assert "fell behind; its figures are too bad: r20 clear relay (99 ms late)" in text
    assert "not installed" not in table(a_result([a_row()]))
    assert "codec alone" not in table(a_result([a_row()]))


def test_figures_are_read_as_the_scoring_program_writes_them() -> None:
    assert msgspec.json.decode(b'{"pesq": 4.1, "utterances": 3}', type=Figures).utterances == 3
