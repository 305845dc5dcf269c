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
    over_seeds,
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
        "ok": True, "why": [], "seeds": [7], "seconds": 40.0, "speech": "the shipped clips",
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


# -- several seeds -------------------------------------------------------------------------------


def runs_of(*figures: Figures, **given: object) -> list[Row]:
    return [a_row(figures=one, seeds=[seed], **given) for seed, one in enumerate(figures, 91)]


def test_the_figures_of_several_seeds_are_those_of_all_they_heard() -> None:
    """A mean counts each utterance, or second of speech, once, not each seed."""
    runs = runs_of(
        Figures("a", 4.0, 3.9, 0.9, 150.0, 170.0, 1.0, 0.1, 40.0, 60.0, 3),
        Figures("b", 3.0, 1.2, 0.8, 158.0, 190.0, 4.0, 0.7, 200.0, 30.0, 1, 1),
        Figures("c", 3.6, 3.5, 0.7, 151.0, 165.0, 3.0, 0.4, 80.0, 30.0, 6),
    )
    (row,) = over_seeds(runs)
    assert row.figures == Figures(
        name="a",
        pesq=3.66,
        pesq_worst=1.2,
        stoi=0.77,
        delay_ms=151.0,
        delay_p95_ms=190.0,
        gaps_per_minute=2.25,
        gap_percent=0.325,
        longest_gap_ms=200.0,
        speech_s=120.0,
        utterances=10,
        unheard=1,
        pesq_least=3.0,
    )
    assert (row.seeds, row.runs) == ([91, 92, 93], runs)
    assert [run.figures.name for run in row.runs] == ["a", "b", "c"], "each seed's own stays"


def test_what_is_no_figure_of_a_recording_is_the_median_of_those_known() -> None:
    runs = runs_of(HEARD, HEARD, HEARD)
    for run, kbps, mos in zip(runs, (90.0, 70.0, 75.0), (4.0, None, 3.0), strict=True):
        run.kbps, run.mos = kbps, mos
    (row,) = over_seeds(runs)
    assert (row.kbps, row.mos, row.cpu_percent) == (75.0, 3.5, None)
    theirs = [chromium(pesq) for pesq in (2.0, 2.4)]
    theirs[0].kbps, theirs[1].seeds = 59.0, [92]
    (pooled,) = over_seeds(theirs)
    assert (pooled.figures.pesq, pooled.kbps, pooled.runs) == (2.2, 58.0, theirs)


def test_only_what_tells_of_the_same_is_put_together() -> None:
    rows = [*runs_of(HEARD, HEARD), *runs_of(HEARD, link="both"), *runs_of(HEARD, mode="clear")]
    found = over_seeds([*rows, *runs_of(HEARD, profile="r30"), rows[0]])
    assert [(row.subject, len(row.runs)) for row in found] == [
        (("r20", "listening", "conversation"), 3),
        (("r20", "both", "conversation"), 1),
        (("r20", "listening", "clear"), 1),
        (("r30", "listening", "conversation"), 1),
    ]
    others = [chromium(4.0), chromium(4.0, 2), chromium(4.0, 1, "r30"), chromium(3.0)]
    assert [len(one.runs) for one in over_seeds(others)] == [2, 1, 1]


def test_figures_that_no_seed_has_are_not_there() -> None:
    """Without the programs that measure PESQ, or where nobody was heard."""
    (row,) = over_seeds(runs_of(Figures(utterances=2), Figures(utterances=1)))
    assert row.figures == Figures(utterances=3)


def test_goals_and_chromium_are_judged_over_all_seeds() -> None:
    (good,) = over_seeds(runs_of(heard(pesq=4.3), heard(pesq=3.8)))
    (bad,) = over_seeds(runs_of(heard(pesq=4.1), heard(pesq=3.8)))
    assert (judge(good, []), judge(bad, [])) == ([], ["pesq"])
    assert judge(good, over_seeds([chromium(4.4), chromium(3.6)])) == []
    assert judge(good, over_seeds([chromium(4.4), chromium(4.0)])) == ["chromium"]


@pytest.mark.parametrize(
    ("figures", "why"), [(heard(error="torn"), "torn"), (Figures(), "no whole utterance")]
)
def test_a_seed_without_figures_is_named_and_its_row_is_not_measured(
    figures: Figures, why: str
) -> None:
    (row,) = over_seeds(runs_of(HEARD, figures))
    row.missed = judge(row, [])
    lines = complaints([row])
    assert lines == [f"r20, listening, conversation: not measured: seed 92: {why}"]
    assert lines[0] in table(a_result([row], ok=False, why=lines, seeds=[91, 92]))


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


def test_of_several_seeds_a_row_tells_the_mean_and_the_least() -> None:
    rows = over_seeds(runs_of(heard(pesq=4.3), heard(pesq=3.81)))
    text = table(a_result(rows, seeds=[91, 92], baselines=over_seeds([chromium(2.0)])))
    assert "voice ok: 2 measurements of 40 s, seeds 91, 92, 100 s" in text
    (line,) = lines_of(text, "r20")
    assert line.split()[2:6] == ["4.05", "(4.00)", "3.81", "0.97"]
    assert line.split()[-3:] == ["2.00", "119", "57"]
    (names,) = lines_of(text, "link")
    for name, value in (("mean", "4.05"), ("least", "3.81"), ("STOI", "0.97"), ("med", "150")):
        assert names.index(name) + len(name) == line.index(value) + len(value), "one below another"
    assert "least: the worst seed's mean" in text
    assert "1 of 1 rows over all seeds reach every goal" in text
    assert "least" not in table(a_result([a_row()]))


@pytest.mark.parametrize("several", [False, True])
def test_links_have_a_part_each_in_one_order_with_columns_that_fit(several: bool) -> None:
    rows = [a_row(link, profile=name) for name in ("ge10+j60", "64k") for link in LINKS[::-1]]
    wide = heard(pesq=4.64, pesq_worst=4.6, delay_ms=1234.0, delay_p95_ms=1234.0)
    rows.append(a_row(figures=wide, mode="conversation", limit_ms=1000.0))
    for row in rows:
        row.missed = ["pesq", "delay", "chromium"]
    rows = over_seeds(rows) if several else rows
    seeds = [91, 92, 93] if several else [91]
    text = table(a_result(rows, seeds=seeds, baselines=[chromium(4.5)]))
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
