"""How sites were connected while the meeting was open."""

from console.minutes import Minutes, minutes_of
from protocol import commands as c
from tests.console.minutes.siak_meeting import Room, opened


def row_of(minutes: Minutes, site: str):
    return next(row for row in minutes.connections if row.site == site)


def test_drops_and_time_away_are_the_journals(minutes: Minutes):
    apit = row_of(minutes, "sungai-apit")
    assert (apit.since, apit.drops, apit.away_s, apit.away) == ("13.20", 1, 18, "18 detik")
    assert row_of(minutes, "minas").remark == "Tidak pernah terputus"
    assert row_of(minutes, "pusako").remark == "Tidak pernah tersambung"
    assert row_of(minutes, "pusako").since == "–"
    assert len(minutes.connections) == len(minutes.attendance)


def now(room: Room) -> Minutes:
    return minutes_of(room.state, room.recorded, "")


def test_only_the_time_of_the_meeting_counts():
    room = opened().do(c.NoteSiteLeft("minas"), seconds=60)
    room.do(c.CloseMeeting(), seconds=100)
    room.do(c.NoteSiteJoined("minas"), seconds=1000)
    row = row_of(now(room), "minas")
    assert (row.drops, row.away_s) == (1, 100)
    assert row.remark == "Tidak tersambung lagi sampai rapat ditutup"


def test_who_was_gone_before_the_opening_is_away_from_the_opening_on():
    room = Room().do(c.NoteSiteJoined("minas"), seconds=10).do(c.NoteSiteLeft("minas"), seconds=10)
    room.do(c.OpenMeeting(), seconds=60).do(c.NoteSiteJoined("minas"), seconds=30)
    row = row_of(now(room), "minas")
    assert (row.drops, row.away_s) == (0, 30)
