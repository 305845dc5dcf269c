"""The derived tables: made with the events, made anew from them."""

import tempfile
from itertools import groupby
from pathlib import Path

import sqlite_utils
from hypothesis import given, settings

from console.archive import open_follow_ups
from console.journal import Journal
from console.meeting.state import Meeting
from console.projections import TABLES
from protocol import commands as c
from tests.console.meeting.test_rules import Played, steps
from tests.console.test_journal import SCRIPT, play


def tables(journal: Journal) -> dict[str, list[tuple]]:
    return {name: sorted(journal._query(f"select * from {name}"), key=repr) for name in TABLES}


def test_made_anew_they_are_the_same(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    play(journal)
    play(journal, meeting="m2")
    before = tables(journal)
    assert all(before.values()) or not before["notes"]
    journal._connection.execute("delete from turns")
    journal._connection.execute("update reports set text = 'x'")
    assert journal.rebuild() == journal.count()
    assert tables(journal) == before
    assert journal.verify() is None


@settings(max_examples=25, deadline=None)
@given(steps)
def test_whatever_happens_made_anew_they_are_the_same(
    script: list[tuple[c.AnyCommand, int]],
) -> None:
    recorded = Played(script).recorded
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "journal.db")
        state = Meeting()
        for _command, group in groupby(recorded, key=lambda one: (one.command, one.at)):
            batch = list(group)
            _rows, state = journal.append_now(
                state, "m", batch[0].at, "moderator", batch[0].command, [x.event for x in batch]
            )
        before = tables(journal)
        assert dict(journal._query("select number, spoken_ms from turns")) == {
            t.number: t.spoken_ms for t in state.turns
        }
        assert dict(journal._query("select site, attendance from attendance")) == {
            site.id: site.attendance for site in state.sites.values()
        }
        assert len(before["reports"]) == len(state.reports)
        journal.rebuild()
        assert tables(journal) == before
        journal.close()


def test_reports_are_found_by_their_words_as_they_stand_now(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    play(journal)
    journal.close()
    db = sqlite_utils.Database(tmp_path / "journal.db")
    found = list(db.table("reports").search("karhutla"))
    assert [(row["site"], row["wordings"]) for row in found] == [("kandis", 2)]
    assert "empat" in found[0]["text"]
    assert not list(db.table("reports").search("tiga")), "the old wording is in the events"
    assert [row["site"] for row in db.table("reports").search("pemilu")] == ["minas"]


def test_a_follow_up_closed_in_a_later_meeting_is_closed_where_it_was_noted(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    play(journal)
    left = open_follow_ups(journal.query, ("hall", "kandis"), "m2")
    assert [one.text for one in left.follow_ups] == ["Evaluasi internet"]
    ident = left.follow_ups[0].id
    script = [*SCRIPT[:4], left, c.OpenMeeting(), c.CloseFollowUp(ident, "oleh Diskominfo")]
    play(journal, script, meeting="m2")
    row = "select meeting, closed_at, closed_in, how from follow_ups"
    assert journal.query(row) == [("m1", 7000, "m2", "oleh Diskominfo")]
    before = tables(journal)
    journal.rebuild()
    assert tables(journal) == before
    assert open_follow_ups(journal.query, ("hall", "kandis"), "m3").follow_ups == ()


def test_foreign_keys_hold(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    play(journal)
    assert journal._query("pragma foreign_key_check") == []
    rows = journal._query(
        "select s.name, t.spoken_ms from turns t join sites s"
        " on s.meeting = t.meeting and s.site = t.site order by t.number"
    )
    assert rows == [("Kandis", 2000), ("Minas", 4000)]
