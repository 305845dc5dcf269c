"""`giliran savings`: a journal's meetings of a year."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.commands.savings import saved, savings
from console.journal import Journal
from console.meeting.decide import decide
from console.meeting.state import Meeting
from protocol import commands as c
from protocol import events as e
from protocol.words import use_language

RATES = e.TravelRates(
    example=False, distances="road", speed_kmh=40, people=1, rupiah_per_km=1000, rupiah_per_person=0
)


def plan(title: str, **more) -> e.MeetingPlan:
    return e.MeetingPlan(
        title=title,
        sites=(
            e.SiteEntry("hall", "Ruang", "hall"),
            e.SiteEntry("minas", "Minas", "kecamatan", position=1, distance_km=10.0),
            e.SiteEntry("siak", "Siak", "kecamatan", position=2, distance_km=20.5),
        ),
        **more,
    )


def hold(journal: Journal, ident: str, when: str, the_plan: e.MeetingPlan, close=True) -> None:
    at = int(datetime.fromisoformat(when).replace(tzinfo=UTC).timestamp() * 1000)
    state = Meeting()
    commands = [
        c.ConveneMeeting(the_plan),
        c.NoteSiteJoined("hall"),
        c.NoteSiteJoined("minas"),
        c.OpenMeeting(),
    ]
    for command in [*commands, c.CloseMeeting()] if close else commands:
        decision = decide(state, command, at, "", "x")
        assert isinstance(decision, list)
        _rows, state = journal.append_now(state, ident, at, "moderator", "", decision)
        at += 60_000


@pytest.fixture
def db(tmp_path: Path) -> Path:
    journal = Journal(tmp_path / "journal.db")
    hold(journal, "m1", "2018-12-31T16:50:00", plan("Lama", travel=RATES))  # 23.53 there
    hold(journal, "m2", "2018-12-31T17:05:00", plan("Baru", travel=RATES))  # 0.05 there
    hold(journal, "m3", "2019-02-06T06:30:00", plan("Februari"))
    hold(journal, "m4", "2019-03-06T06:30:00", plan("Berjalan"), close=False)
    journal.close()
    return tmp_path / "journal.db"


@pytest.fixture(autouse=True)
def english() -> None:
    use_language("en")


def test_a_year_is_told_meeting_by_meeting_and_in_all(db: Path, capsys):
    assert savings(year=2019, db=db) == 0
    head, new, february, total = capsys.readouterr().out.splitlines()
    assert head.split() == ["Date", "Meeting", "Journeys", "Distance", "Travel", "time", "Cost"]
    assert new.split() == "2019-01-01 Baru 1 20,0 km 30 menit Rp20.000,00".split()
    assert february.split()[:3] == ["2019-02-06", "Februari", "1"]
    assert february.endswith("example rates")
    assert total.startswith("Sum") and "2 meetings" in total and "48,0 km" in total
    assert total.endswith("with example rates")


def test_rates_of_a_roster_take_the_place_of_those_then(db: Path, tmp_path: Path, capsys):
    roster = tmp_path / "r.toml"
    roster.write_text(
        '[meeting]\ntitle = "x"\n[meeting.travel]\nexample = false\ndistances = "road"\n'
        'rupiah_per_km = 3000\nrupiah_per_person = 0\n[[site]]\nid = "hall"\nname = "h"\n'
        'kind = "hall"\n[[site]]\nid = "minas"\nname = "Minas"\nkind = "kecamatan"\n'
        "distance_km = 50\n"
    )
    assert savings(year=2019, roster=str(roster), db=db) == 0
    out = capsys.readouterr().out
    assert "200,0 km" in out and "Rp600.000,00" in out and "example" not in out


def test_only_meetings_that_were_closed_count(db: Path):
    journal = Journal.open_readonly(db)
    assert [one.row.id for one in saved(journal, None, None)] == ["m1", "m2", "m3"]
    assert [one.row.id for one in saved(journal, 2018, None)] == ["m1"]
    journal.close()


def test_a_year_without_meetings_and_a_journal_that_is_not_there(db: Path, tmp_path, capsys):
    assert savings(year=1999, db=db) == 0
    assert "no meeting was closed" in capsys.readouterr().out
    assert savings(db=tmp_path / "none.db") == 1
    assert savings(roster="nothing", db=db) == 1
    assert "giliran savings: nothing: there is no such file" in capsys.readouterr().err
