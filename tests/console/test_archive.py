"""What the journal answers to a console: lists of meetings, full text, the events themselves."""

from pathlib import Path

import pytest

from console.archive import MAX_BYTES, Archive, open_follow_ups, sentences
from console.journal import Journal, JournalError
from protocol import commands as c
from protocol import events as e
from protocol import queries as q
from tests.console.test_journal import SCRIPT, play


def later(script: list[c.AnyCommand], *more: c.AnyCommand) -> list[c.AnyCommand]:
    return [*script[:-1], *more, script[-1]]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.db")


@pytest.fixture
def archive(journal: Journal):
    archive = Archive(journal.path)
    yield archive
    archive.close()


def two_meetings(journal: Journal) -> None:
    play(journal)
    script = later(SCRIPT, c.LogReport("minas", "Banjir surut, jalan terbuka #banjir"))
    script = later(script, c.AddFollowUp("Perbaiki jembatan", "Dinas PU", "2019-02-08", "minas"))
    seq = journal.seq
    # Ids of a real journal are made anew; here the script's would be used twice.
    connection = journal._connection
    for table in ("reports", "follow_ups", "notes"):
        connection.execute(f"update {table} set id = 'first-' || id")
    play(journal, script, meeting="m2")
    connection.execute("update meetings set convened_at = 1549434600000 where id = 'm2'")
    assert journal.seq > seq


def test_meetings_newest_first_with_their_sums(journal: Journal, archive: Archive) -> None:
    two_meetings(journal)
    found = archive.look(q.ListMeetings())
    assert isinstance(found, q.MeetingList) and not found.more
    assert [one.id for one in found.meetings] == ["m2", "m1"]
    first = found.meetings[1]
    assert (first.sites, first.present, first.turns, first.reports, first.follow_ups) == (
        3, 3, 2, 2, 1,
    )  # fmt: skip
    assert first.closed_at is not None
    one = archive.look(q.ListMeetings(limit=1))
    assert isinstance(one, q.MeetingList)
    assert [line.id for line in one.meetings] == ["m2"] and one.more


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("rapat", ["m2", "m1"]),
        ("2019-02-06", ["m2"]),
        ("banj", ["m2"]),
        ("pemilu", ["m2", "m1"]),
        ("gempa", []),
        ("rapat banjir", []),
    ],
)
def test_meetings_are_found_by_title_date_and_what_was_reported(
    journal: Journal, archive: Archive, text: str, ids: list[str]
) -> None:
    two_meetings(journal)
    found = archive.look(q.ListMeetings(text))
    assert isinstance(found, q.MeetingList)
    assert [one.id for one in found.meetings] == ids


def reports(archive: Archive, query: q.SearchReports) -> list[tuple[str, str]]:
    found = archive.look(query)
    assert isinstance(found, q.ReportList)
    return [(one.meeting, one.text) for one in found.reports]


def test_reports_of_all_meetings_by_full_text(journal: Journal, archive: Archive) -> None:
    two_meetings(journal)
    flood = ("m2", "Banjir surut, jalan terbuka #banjir")
    assert reports(archive, q.SearchReports("jalan BANJ")) == [flood]
    assert reports(archive, q.SearchReports("minas banjir")) == [flood], "a name and a word"
    assert len(reports(archive, q.SearchReports())) == 5
    assert len(reports(archive, q.SearchReports(meeting="m1"))) == 2
    assert reports(archive, q.SearchReports("api", "m1")) == [
        ("m1", "Api padam di empat titik #karhutla")
    ], "as it reads after the amendment"
    assert reports(archive, q.SearchReports("tiga titik", "m1")) == []


@pytest.mark.parametrize("text", ['"', "*", "a AND", "NEAR(", "'; drop table reports", "#", "  "])
def test_signs_of_the_query_language_are_only_text(
    journal: Journal, archive: Archive, text: str
) -> None:
    two_meetings(journal)
    for query in (q.SearchReports(text), q.ListMeetings(text), q.ListFollowUps(text)):
        archive.look(query)
    assert len(reports(archive, q.SearchReports())) == 5


def test_an_answer_has_an_end(journal: Journal, archive: Archive) -> None:
    long = "x" * 19_000
    play(journal, later(SCRIPT, *(c.LogReport("minas", f"{n} {long}") for n in range(300))))
    found = archive.look(q.SearchReports(limit=500))
    assert isinstance(found, q.ReportList)
    assert found.more and 100 < len(found.reports) < 300
    assert sum(len(one.text) for one in found.reports) <= MAX_BYTES


def test_follow_ups_of_all_meetings_by_date(journal: Journal, archive: Archive) -> None:
    two_meetings(journal)
    script = [*SCRIPT[:5], c.AddFollowUp("Kapan saja"), c.CloseMeeting()]
    play(journal, script, meeting="m3")
    found = archive.look(q.ListFollowUps())
    assert isinstance(found, q.FollowUpList)
    assert [(one.due, one.meeting) for one in found.follow_ups] == [
        ("2019-02-08", "m2"),
        ("2019-02-20", "m1"),
        ("2019-02-20", "m2"),
        ("", "m3"),
    ]
    assert found.follow_ups[0].name == "Minas"
    some = archive.look(q.ListFollowUps("minas jembatan"))
    assert isinstance(some, q.FollowUpList)
    assert [one.text for one in some.follow_ups] == ["Perbaiki jembatan"]


def test_what_is_done_comes_after_what_is_open(journal: Journal, archive: Archive) -> None:
    play(journal)
    script = [*SCRIPT[:5], c.AddFollowUp("Padi"), c.AddFollowUp("Jalan"), c.CloseFollowUp("new-6")]
    play(journal, script, meeting="m2")
    found = archive.look(q.ListFollowUps())
    assert isinstance(found, q.FollowUpList)
    assert [(one.text, one.closed_at, one.closed_in) for one in found.follow_ups] == [
        ("Evaluasi internet", None, ""),
        ("Jalan", None, ""),
        ("Padi", 8000, "m2"),
    ]


def test_what_is_carried_is_of_these_sites_and_has_an_end(journal: Journal) -> None:
    long = "x" * 900
    some = [c.AddFollowUp(f"{n} {long}", due="2019-02-01", site="minas") for n in range(120)]
    play(journal, [*SCRIPT[:5], *some, c.AddFollowUp("Kandis", site="kandis")])
    left = open_follow_ups(journal.query, ("hall", "minas"), "m2")
    assert len(left.follow_ups) + left.more == 120
    assert len(e.encode(e.FollowUpsCarried(left.follow_ups))) < 128 * 1024
    kandis = open_follow_ups(journal.query, ("hall", "kandis"), "m2")
    assert [one.text for one in kandis.follow_ups] == ["Kandis"]
    assert open_follow_ups(journal.query, ("hall", "kandis"), "m1").follow_ups == ()


def test_phrases_are_the_sentences_of_before_those_on_the_site_first(
    journal: Journal, archive: Archive
) -> None:
    play(journal, later(SCRIPT, c.AddNote("Siagakan regu pemadam. Ya.", "direction", "kandis")))
    found = archive.look(q.ListPhrases("minas"))
    assert found == q.PhraseList(
        (
            "Logistik pemilu tiba",
            "Siagakan regu pemadam.",
            "Evaluasi internet",
            "Api padam di empat titik",
        ),
        ("Diskominfo",),
    )
    assert archive.look(q.ListPhrases(limit=1)).phrases == ("Siagakan regu pemadam.",)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("Api padam. Regu berjaga #karhutla #siaga", ["Api padam.", "Regu berjaga"]),
        ("#tol Lahan selesai\nWarga setuju", ["Lahan selesai", "Warga setuju"]),
        ("Ya. " + "x" * 200, []),
    ],
)
def test_sentences(text: str, made: list[str]) -> None:
    assert sentences(text) == made


def test_the_events_of_a_meeting_come_in_parts(journal: Journal, archive: Archive) -> None:
    two_meetings(journal)
    whole = journal.read("m1")
    got, after, more = [], 0, True
    while more:
        part = archive.look(q.ReadJournal("m1", after, 4))
        assert isinstance(part, q.Events)
        got += part.events
        after, more = part.events[-1].seq, part.more
        assert bool(part.last_hash) is not more
    assert got == whole
    assert part.last_hash == journal.last_hash("m1")


def test_what_is_written_is_found_at_once(journal: Journal, archive: Archive) -> None:
    play(journal)
    assert len(reports(archive, q.SearchReports())) == 2
    two = later(SCRIPT, c.LogReport("minas", "Baru"))
    journal._connection.execute("update reports set id = 'first-' || id")
    journal._connection.execute("update follow_ups set id = 'first-' || id")
    play(journal, two, meeting="m2")
    assert reports(archive, q.SearchReports("baru")) == [("m2", "Baru")]


async def test_without_a_journal_the_reason_is_said(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "none.db")
    with pytest.raises(JournalError, match="no journal"):
        await archive.answer(q.ListMeetings())
    archive.close()
