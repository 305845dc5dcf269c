"""The record: reports, cards, follow-ups, notes, drafts."""

import msgspec
import pytest

from console.meeting import state as st
from console.meeting.record import tags_of
from console.meeting.refusal import MAX_TEXT
from protocol import commands as c
from protocol import events as e
from tests.playbook import (
    ALLOWANCE_S,
    Playbook,
    closed_meeting,
    open_meeting,
    planned_meeting,
)

MINAS = e.FloorGranted("minas", 1, ALLOWANCE_S)
TOO_LONG = "x" * (MAX_TEXT + 1)


def test_a_report_belongs_to_the_last_turn_of_its_site():
    play = open_meeting().given(MINAS).when(c.LogReport("minas", " Aman #Karhutla "), new_id="r1")
    play.then(e.ReportLogged("r1", "minas", "Aman #Karhutla", ("karhutla",), 1))
    play.when(c.LogReport("siak", "Tertulis", ("pemilu",)), new_id="r2")
    play.then(e.ReportLogged("r2", "siak", "Tertulis", ("pemilu",), None))


def test_a_report_can_be_written_after_the_meeting():
    closed_meeting().when(c.LogReport("minas", "Susulan"), new_id="r2").then(
        e.ReportLogged("r2", "minas", "Susulan", (), 1)
    )


def test_an_amended_report_keeps_its_old_text():
    play = closed_meeting().when(c.AmendReport("r1", "Aman sekali #aman", ("siaga",)))
    play.then(e.ReportAmended("r1", "Aman sekali #aman", ("siaga", "aman")))
    assert [wording.text for wording in play.state.reports[0].wordings] == [
        "Aman",
        "Aman sekali #aman",
    ]
    play.when(c.AmendReport("r9", "Apa")).refused("unknown-report")


def test_what_is_typed_is_kept_as_a_draft():
    play = open_meeting().when(c.DraftReport("minas", "Am")).then(e.ReportDrafted("minas", "Am"))
    play.when(c.DraftReport("minas", "Am")).then()
    play.when(c.DraftReport("minas", TOO_LONG)).refused("text-too-long")
    play.when(c.LogReport("minas", "Aman"))
    assert play.site("minas").draft == ""


LEFT = e.CarriedFollowUp("f0", "Antena", "Camat Minas", "2018-12-15", "minas", "m0", "Rapat", 1)


def test_a_card_is_saved_whole():
    play = open_meeting().given(MINAS).when(c.SaveDraft("report:minas", {"text": "Am"}))
    play.then(e.DraftSaved("report:minas", {"text": "Am"}))
    assert play.site("minas").draft == "Am"
    tasks = (c.NewFollowUp("Padi ", "Camat", "2019-02-15"), c.NewFollowUp("Jalan"))
    play.when(c.SaveCard("minas", "Aman #tol", direction="Siaga", decision="Ya", follow_ups=tasks))
    play.then(
        e.ReportLogged("new", "minas", "Aman #tol", ("tol",), 1),
        e.NoteAdded("new-direction", "direction", "Siaga", "minas"),
        e.NoteAdded("new-decision", "decision", "Ya", "minas"),
        e.FollowUpAdded("new-1", "Padi", "Camat", "2019-02-15", "minas"),
        e.FollowUpAdded("new-2", "Jalan", "", "", "minas"),
        e.DraftSaved("report:minas", {}),
    )
    assert (play.state.drafts, play.site("minas").draft) == ({}, "")


def test_a_card_amends_its_report_and_adds_to_it():
    play = open_meeting().given(e.ReportLogged("r1", "minas", "Aman", ("tol",)))
    play.when(c.SaveCard("minas", "Aman", "r1", ("tol",), decision="Ya"))
    play.then(e.NoteAdded("new-decision", "decision", "Ya", "minas"))
    play.when(c.SaveCard("minas", "Aman sekali", "r1", ("tol",)))
    play.then(e.ReportAmended("r1", "Aman sekali", ("tol",)))
    play.when(c.SaveCard("siak", "Aman", "r1")).refused("unknown-report")
    play.when(c.SaveCard("minas", " ", "r1")).refused("text-empty")


@pytest.mark.parametrize(
    ("card", "code"),
    [
        (c.SaveCard("minas"), "text-empty"),
        (c.SaveCard("minas", TOO_LONG), "text-too-long"),
        (c.SaveCard("minas", "A", direction=TOO_LONG), "text-too-long"),
        (c.SaveCard("minas", "A", follow_ups=(c.NewFollowUp("x", due="besok"),)), "bad-date"),
        (c.SaveCard("minas", "A", follow_ups=(c.NewFollowUp(" "),)), "text-empty"),
    ],
)
def test_nothing_of_a_card_is_saved_when_a_part_is_wrong(card: c.SaveCard, code: str):
    open_meeting().when(card).refused(code)


def test_what_is_typed_in_any_form_is_kept():
    play = open_meeting().when(c.SaveDraft("note", {"text": "Am"}))
    play.then(e.DraftSaved("note", {"text": "Am"})).when(c.SaveDraft("note", {"text": "Am"})).then()
    assert play.state.drafts == {"note": {"text": "Am"}}
    play.when(c.SaveDraft("note", {})).then(e.DraftSaved("note", {}))
    assert play.state.drafts == {}
    play.when(c.SaveDraft("", {})).refused("draft-too-big")
    play.when(c.SaveDraft("note", {str(n): "" for n in range(201)})).refused("draft-too-big")
    play.when(c.SaveDraft("note", {"text": TOO_LONG * 3})).refused("text-too-long")
    play.when(c.SaveDraft("report:padang", {"text": "A"})).refused("unknown-site")


def test_a_draft_of_a_card_waits_while_the_minutes_are_fixed():
    play = closed_meeting().when(c.SubmitMinutes())
    play.when(c.SaveDraft("report:minas", {"text": "A"})).refused("minutes-submitted")
    play.when(c.SaveDraft("note", {"text": "A"})).then(e.DraftSaved("note", {"text": "A"}))


def test_what_meetings_before_left_is_carried_and_closed_here():
    play = planned_meeting("hall").when(c.CarryFollowUps((LEFT,), 2))
    play.then(e.FollowUpsCarried((LEFT,), 2)).when(c.CarryFollowUps((LEFT,), 2)).then()
    play.when(c.OpenMeeting()).later(60).when(c.CloseFollowUp("f0")).then(e.FollowUpClosed("f0"))
    assert play.state.carried == (st.Carried(LEFT, play.now),)
    play.when(c.CloseFollowUp("f0")).then().when(c.CarryFollowUps((), 2)).then()
    # A later look at the journal brings another one; what was closed here stays.
    other = msgspec.structs.replace(LEFT, id="f9")
    play.when(c.CarryFollowUps((other,))).then(e.FollowUpsCarried((other,)))
    assert [one.id for one in play.state.carried] == ["f0", "f9"]
    play.when(c.ReopenFollowUp("f0")).then(e.FollowUpReopened("f0"))
    assert play.state.carried[0].closed_at is None
    play.when(c.ReopenFollowUp("f0")).then()
    play.when(c.CloseFollowUp("f8")).refused("unknown-follow-up")
    play.when(c.CloseMeeting()).when(c.CarryFollowUps(())).then()


def test_a_follow_up_of_the_meeting_itself_is_closed():
    play = open_meeting().when(c.AddFollowUp("Padi"), new_id="f").later(5)
    play.when(c.CloseFollowUp("f")).then(e.FollowUpClosed("f"))
    assert play.state.follow_ups[0].closed_at == play.now


def test_a_follow_up_has_an_owner_and_a_date():
    play = open_meeting().when(
        c.AddFollowUp(" Padi ", " Camat ", "2019-02-15", "minas"), new_id="f"
    )
    play.then(e.FollowUpAdded("f", "Padi", "Camat", "2019-02-15", "minas"))
    play.when(c.AddFollowUp("Tanpa tanggal"), new_id="f2")
    play.then(e.FollowUpAdded("f2", "Tanpa tanggal"))


@pytest.mark.parametrize("due", ["besok", "2019-02-30", "20190215", "2019-W07-5", "15/02/2019"])
def test_a_date_is_written_in_one_form(due: str):
    open_meeting().when(c.AddFollowUp("Padi", due=due)).refused("bad-date", due, "2019-02-15")


def test_a_note_is_added():
    play = open_meeting().when(c.AddNote("Siaga ", "direction", "minas"), new_id="n1")
    play.then(e.NoteAdded("n1", "direction", "Siaga", "minas"))


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_text_is_refused(text: str):
    for command in (
        c.LogReport("minas", text),
        c.AmendReport("r1", text),
        c.AddFollowUp(text),
        c.AddNote(text),
    ):
        closed_meeting().when(command).refused("text-empty")


def test_a_text_has_a_length():
    for command in (
        c.LogReport("minas", TOO_LONG),
        c.AmendReport("r1", TOO_LONG),
        c.AddFollowUp(TOO_LONG),
        c.AddFollowUp("Padi", owner=TOO_LONG),
        c.AddNote(TOO_LONG),
    ):
        closed_meeting().when(command).refused("text-too-long", str(MAX_TEXT))
    open_meeting().when(c.AddNote("x" * MAX_TEXT), new_id="n").then(
        e.NoteAdded("n", "note", "x" * MAX_TEXT)
    )


def test_an_announcement_is_set_and_taken_away():
    play = (
        open_meeting()
        .when(c.SetBanner(" Mulai 5 menit lagi "))
        .then(e.BannerSet("Mulai 5 menit lagi"))
    )
    play.when(c.SetBanner("Mulai 5 menit lagi")).then()
    play.when(c.SetBanner("")).then(e.BannerSet(""))
    play.when(c.SetBanner("x" * 501)).refused("banner-too-long")


@pytest.mark.parametrize("play", [planned_meeting(), open_meeting(), closed_meeting()])
def test_voice_and_media_of_a_site_are_set_at_any_time(play: Playbook):
    play.when(c.SetVoice("minas", "clear")).then(e.VoiceSet("minas", "clear"))
    play.when(c.SetVoice("minas", "clear")).then()
    play.when(c.SetMedia("minas", "audio-only")).then(e.MediaSet("minas", "audio-only"))
    play.when(c.SetMedia("minas", "audio-only")).then()
    play.when(c.SetMedia("hall", "auto")).then()
    play.when(c.SetVoice("hall", "auto")).then()
    assert (play.site("minas").voice, play.site("minas").media) == ("clear", "audio-only")
    play.when(c.SetVoice("minas", "auto")).then(e.VoiceSet("minas", "auto"))
    play.when(c.SetMedia("minas", "auto")).then(e.MediaSet("minas", "auto"))
    assert (play.site("minas").voice, play.site("minas").media) == ("auto", "auto")


@pytest.mark.parametrize("command", [c.SetVoice("padang", "clear"), c.SetMedia("padang", "narrow")])
def test_voice_and_media_of_a_stranger_are_refused(command: c.AnyCommand):
    open_meeting().when(command).refused("unknown-site", "padang")


@pytest.mark.parametrize(
    ("text", "given", "tags"),
    [
        ("#Karhutla di #jalan-tol", (), ("karhutla", "jalan-tol")),
        ("a#b ##c #", (), ()),
        ("#pemilu", ("#Pemilu", "siaga", ""), ("pemilu", "siaga")),
        ("(#karhutla), #pemilu.", (), ("karhutla", "pemilu")),
    ],
)
def test_tags_of_a_text(text: str, given: tuple[str, ...], tags: tuple[str, ...]):
    assert tags_of(text, given) == tags
