"""What the journal says of a recording."""

import msgspec

from console.recording.cues import cues_of, file_name, label
from protocol import events as e
from protocol.recording import Span, chapters
from tests.playbook import ALLOWANCE_S, BEGIN, PLAN, Playbook, open_meeting

MINAS = e.FloorGranted("minas", 1, ALLOWANCE_S)


def meeting() -> Playbook:
    """Recorded from the second 10 on, with a pause from 40 to 50; closed at 100."""
    play = open_meeting().later(10).given(e.RecordingStarted())
    play.later(10).given(MINAS).later(20).given(e.RecordingPaused())
    play.later(10).given(e.RecordingResumed()).later(10)
    play.given(e.TurnEnded("minas", 1, "next", 40_000), e.FloorGranted("kandis", 2, 60))
    play.later(20).given(e.TurnSuspended("kandis", 2, 20_000)).later(5)
    play.given(e.TurnResumed("kandis", 2)).later(5)
    play.given(e.TurnEnded("kandis", 2, "ended", 25_000)).later(10)
    return play.given(e.RecordingStopped("closed"), e.MeetingClosed())


def test_chapters_are_the_turns_and_the_chair_between_them_without_the_pauses() -> None:
    play = meeting()
    cues = cues_of(play.state, play.recorded)
    found = [(c.title, c.turn, c.began_ms // 1000, c.ended_ms // 1000) for c in chapters(cues)]
    assert found == [
        ("Ruang Bandar Siak", 0, 0, 10),
        ("Minas", 1, 10, 40),
        ("Kandis", 2, 40, 60),
        ("Ruang Bandar Siak", 0, 60, 65),
        ("Kandis", 2, 65, 70),
        ("Ruang Bandar Siak", 0, 70, 80),
    ]
    assert cues.length_ms == 80_000
    assert [span.ended_at - span.began_at for span in cues.floor["kandis"]] == [20_000, 5_000]


def test_a_place_in_the_film_is_the_time_without_the_pauses() -> None:
    play = meeting()
    cues = cues_of(play.state, play.recorded)
    places = [cues.place_ms(BEGIN + 1000 * second) // 1000 for second in (0, 10, 39, 45, 50, 99)]
    assert places == [0, 0, 29, 30, 30, 79]
    assert not cues.is_recorded(BEGIN + 45_000) and cues.is_recorded(BEGIN + 50_000)


def test_a_meeting_that_goes_on_is_cut_at_its_last_event() -> None:
    play = open_meeting().given(e.RecordingStarted()).later(10).given(MINAS).later(5)
    play.given(e.BannerSet("x"))
    cues = cues_of(play.state, play.recorded)
    assert cues.recorded == (Span(BEGIN, BEGIN + 15_000),)
    assert [(c.turn, c.ended_ms) for c in chapters(cues)] == [(0, 10_000), (1, 15_000)]


def test_a_turn_that_was_not_recorded_has_no_chapter() -> None:
    play = open_meeting().given(MINAS).later(5).given(e.TurnEnded("minas", 1, "ended", 5000))
    play.later(5).given(e.RecordingStarted()).later(5)
    play.given(e.RecordingStopped("closed"), e.MeetingClosed())
    assert [c.turn for c in chapters(cues_of(play.state, play.recorded))] == [0]
    unrecorded = open_meeting()
    assert cues_of(unrecorded.state, unrecorded.recorded).cues == ()


def test_a_chapter_is_named_by_office_and_officer() -> None:
    sites = tuple(
        msgspec.structs.replace(one, officer="Drs. H. Said", title=title)
        for one, title in zip(PLAN.sites, ("Camat Siak", "Bupati", "Camat", "", ""), strict=True)
    )
    plan = msgspec.structs.replace(PLAN, sites=sites)
    state = Playbook(e.MeetingConvened(plan)).state
    assert label(state, "siak") == "Camat Siak – Drs. H. Said"
    assert label(state, "minas") == "Camat Minas – Drs. H. Said"
    assert label(state, "hall") == "Bupati"
    assert label(state, "kandis") == "Kandis – Drs. H. Said"
    assert label(state, "gone") == "gone"


def test_the_file_is_named_by_the_day_in_the_meetings_zone() -> None:
    assert file_name(meeting().state) == "rekaman-2019-02-06-m1"


def test_a_call_that_was_taken_back_has_no_chapter() -> None:
    play = open_meeting().given(e.RecordingStarted(), MINAS).later(10)
    play.given(e.TurnEnded("minas", 1, "next", 10_000), e.FloorGranted("kandis", 2, 60)).later(3)
    play.given(e.HandoverReverted("kandis", 2, "minas", 1, ("kandis",))).later(7)
    play.given(e.TurnEnded("minas", 1, "next", 17_000), e.FloorGranted("siak", 2, 60)).later(5)
    play.given(e.TurnEnded("siak", 2, "closed", 5000), e.RecordingStopped("closed"))
    play.given(e.MeetingClosed())
    found = [(c.site, c.turn, c.ended_ms) for c in chapters(cues_of(play.state, play.recorded))]
    assert found == [("minas", 1, 20_000), ("siak", 2, 25_000)]


def test_who_is_heard_on_the_panel_is_told_with_the_slot() -> None:
    play = open_meeting().given(e.RecordingStarted()).later(10)
    play.given(e.SitePromoted("minas")).later(10).given(e.SitePromoted("kandis")).later(10)
    play.given(e.SiteMuted("minas")).later(5).given(e.SiteDemoted("kandis")).later(5)
    play.given(e.RecordingStopped("closed"), e.MeetingClosed())
    seats = cues_of(play.state, play.recorded).panel
    assert {(s.site, (s.span.began_at - BEGIN) // 1000) for s in seats} >= {
        ("minas", 10), ("kandis", 20),
    }  # fmt: skip
    heard = {
        site: sum(s.span.ended_at - s.span.began_at for s in seats if s.site == site) // 1000
        for site in ("minas", "kandis")
    }
    assert heard == {"minas": 20, "kandis": 15}
    assert {s.slot for s in seats} == {"panel-1", "panel-2"}
