"""Who feeds which slot, and what each site is to do."""

import msgspec
import pytest

from console.meeting.layout import layout, route, slots
from protocol import events as e
from protocol import messages as m
from tests.playbook import ALL, closed_meeting, open_meeting, planned_meeting

MINAS = e.FloorGranted("minas", 1, 60)


def test_the_chair_is_shown_and_heard_while_nobody_has_the_floor():
    assert slots(open_meeting().state) == {"chair": "hall", "main": "hall"}


def test_the_holder_is_shown_and_heard_and_the_chair_beside_it():
    assert slots(open_meeting().given(MINAS).state) == {
        "chair": "hall",
        "floor": "minas",
        "main": "minas",
        "second": "hall",
    }


def test_a_muted_holder_is_shown_and_not_heard():
    fed = slots(open_meeting().given(MINAS, e.SiteMuted("minas")).state)
    assert fed == {"chair": "hall", "main": "minas", "second": "hall"}


def test_the_panel_is_heard_in_the_rosters_order():
    play = open_meeting().given(MINAS, e.SitePromoted("guest"), e.SitePromoted("siak"))
    fed = slots(play.state)
    assert (fed["panel-1"], fed["panel-2"]) == ("siak", "guest")
    fed = slots(play.given(e.SiteMuted("siak")).state)
    assert "panel-1" not in fed and fed["panel-2"] == "guest", "nobody changes places"


def test_a_panelist_with_the_floor_is_heard_once():
    fed = slots(open_meeting().given(e.SitePromoted("minas"), MINAS).state)
    assert [slot for slot, site in fed.items() if site == "minas"] == ["floor", "main"]


def test_who_is_offline_feeds_nothing():
    play = open_meeting().given(MINAS, e.SiteLeft("minas"))
    assert slots(play.state) == {"chair": "hall", "main": "hall"}
    play.given(e.SiteJoined("minas"), e.SiteLeft("hall"))
    assert slots(play.state) == {"floor": "minas", "main": "minas"}
    assert slots(play.given(e.SiteLeft("minas")).state) == {}


@pytest.mark.parametrize("play", [planned_meeting(*ALL), closed_meeting()])
def test_before_and_after_the_meeting_nobody_is_seen_or_heard(play):
    assert slots(play.state) == {}
    for site in ALL:
        desired = layout(play.state, site, "relay-1")
        assert (desired.microphone, desired.camera, desired.slots) == ("muted", "off", {})


def test_the_whole_desired_state_of_a_site():
    play = open_meeting().given(MINAS, e.HandRaised("siak"), e.BannerSet("Istirahat"))
    fed = {"chair": "hall", "floor": "minas", "main": "minas", "second": "hall"}
    names = {"hall": "Ruang Bandar Siak", "minas": "Minas"}
    expected = m.Desired(
        revision=play.state.seq,
        relay="relay-1",
        microphone="live",
        camera="live",
        slots=fed,
        labels={slot: names[site] for slot, site in fed.items()},
        banner="Istirahat",
        meeting="m1",
        cue="live",
    )
    assert layout(play.state, "minas", "relay-1") == expected
    assert layout(play.state, "kandis", "relay-1") == msgspec.structs.replace(
        expected, microphone="muted", camera="off", cue="none"
    )
    siak = layout(play.state, "siak", "relay-1")
    assert siak == msgspec.structs.replace(
        expected, microphone="muted", camera="low", hand=True, cue="on-deck"
    )


@pytest.mark.parametrize("media", ["audio-only", "narrow"])
def test_a_speaker_without_a_picture_leaves_the_large_one_to_the_chair(media: m.MediaMode):
    play = open_meeting().given(MINAS, e.MediaSet("minas", media))
    assert slots(play.state) == {"chair": "hall", "floor": "minas", "main": "hall"}
    desired = layout(play.state, "minas")
    assert (desired.microphone, desired.camera, desired.media) == ("live", "off", media)
    assert desired.slots == {"chair": "hall", "floor": "minas"}, "and it gets no picture either"
    assert desired.labels.keys() == desired.slots.keys()
    assert layout(play.state, "siak").slots["main"] == "hall"
    back = play.given(e.MediaSet("minas", "auto")).state
    assert slots(back) == slots(open_meeting().given(MINAS).state)


def test_a_chair_without_a_picture_is_heard_and_not_shown():
    play = open_meeting().given(e.MediaSet("hall", "audio-only"))
    assert slots(play.state) == {"chair": "hall"}
    assert slots(play.given(MINAS).state) == {"chair": "hall", "floor": "minas", "main": "minas"}
    play.given(e.MediaSet("minas", "narrow"))
    assert slots(play.state) == {"chair": "hall", "floor": "minas"}


def test_a_listener_without_a_picture_changes_nothing_for_the_others():
    play = open_meeting().given(MINAS, e.MediaSet("siak", "audio-only"))
    assert slots(play.state) == slots(open_meeting().given(MINAS).state)
    assert "main" in layout(play.state, "kandis").slots
    assert set(layout(play.state, "siak").slots) == {"chair", "floor"}


def test_a_site_is_told_its_voice_and_nobody_elses():
    play = open_meeting().given(e.VoiceSet("minas", "clear"))
    assert layout(play.state, "minas").voice == "clear"
    assert layout(play.state, "siak").voice == "auto"
    assert layout(play.state, "kandis").camera == "off" and "main" in slots(play.state)


def test_the_route_names_the_sites_for_which_something_is_forced():
    play = open_meeting().given(MINAS)
    assert route(play.state) == m.Route(play.state.seq, slots(play.state), ALL, deck="siak")
    play.given(e.VoiceSet("minas", "clear"), e.MediaSet("siak", "narrow"))
    assert (route(play.state).voice, route(play.state).media) == (
        {"minas": "clear"},
        {"siak": "narrow"},
    )
    play.given(e.VoiceSet("minas", "auto"), e.MediaSet("siak", "auto"))
    assert (route(play.state).voice, route(play.state).media) == ({}, {})


def test_a_label_is_the_title_and_the_name():
    play = open_meeting().given(e.FloorGranted("siak", 1, 60))
    assert layout(play.state, "hall").labels["floor"] == "Camat Siak"


def test_a_camera_runs_only_while_it_is_shown_or_will_be_next():
    play = open_meeting().given(MINAS, e.SitePromoted("siak"))
    cameras = {site: layout(play.state, site).camera for site in ALL}
    assert cameras == {
        "minas": "live",
        "hall": "low",  # it is small, beside the speaker
        "siak": "low",  # on deck
        "kandis": "off",
        "guest": "off",
    }
    live = {site for site in ALL if layout(play.state, site).microphone == "live"}
    assert live == {"minas", "hall", "siak"}


def test_the_hall_is_shown_who_is_on_deck():
    play = open_meeting()
    assert play.state.next_site() == "minas" and route(play.state).deck == "minas"
    hall = layout(play.state, "hall")
    assert hall.slots == {"chair": "hall", "main": "hall", "second": "minas"}
    assert hall.labels["second"] == "Minas"
    assert "second" not in layout(play.state, "minas").slots
    play.given(MINAS)
    assert layout(play.state, "hall").slots["second"] == "siak"
    assert layout(play.state, "kandis").slots["second"] == "hall"


def test_nobody_is_on_deck_without_a_picture_or_outside_of_the_meeting():
    play = open_meeting().given(e.MediaSet("minas", "audio-only"))
    assert route(play.state).deck == "" and layout(play.state, "minas").camera == "off"
    assert "second" not in layout(play.state, "hall").slots
    assert route(open_meeting().given(e.SiteLeft("minas")).state).deck == "siak"
    for other in (planned_meeting(*ALL), closed_meeting()):
        assert route(other.state).deck == ""
