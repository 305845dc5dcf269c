"""Every key does what the table of acts says: keys in, commands out, answers on the screen."""

from pathlib import Path

import pytest
from textual.events import AppBlur, AppFocus

from console.tui.acts import ACTS
from console.tui.forms import FollowUpForm
from console.tui.help import HelpScreen
from console.tui.prompt import PromptLine
from console.tui.stage import Stage
from protocol import commands as c
from tests.console.tui.seat import Sit


async def test_open_with_o(stage: Stage, sit: Sit) -> None:
    async with sit(stage) as seat:
        await seat.press("o")
        assert seat.sent == [c.OpenMeeting()]
        assert stage.state.phase == "open"


@pytest.mark.parametrize("key", ["n", "f2"])
async def test_call_next_selects_the_speaker(open_stage: Stage, sit: Sit, key: str) -> None:
    async with sit(open_stage) as seat:
        await seat.select("minas")
        await seat.press(key)
        assert seat.sent == [c.CallNext()]
        assert open_stage.state.holder == "siak"
        assert seat.roster.selected == "siak"


async def test_enter_gives_the_floor_to_the_selected(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        await seat.select("minas")
        await seat.press("down", "enter")
        assert seat.sent == [c.GrantFloor("tualang")]
        assert open_stage.state.holder == "tualang"


@pytest.mark.parametrize("key", ["e", "f6"])
async def test_end_turn(open_stage: Stage, sit: Sit, key: str) -> None:
    open_stage.do(c.CallNext())
    async with sit(open_stage) as seat:
        await seat.press(key)
        assert seat.sent == [c.EndTurn()]
        assert open_stage.state.holder is None


@pytest.mark.parametrize("key", ["u", "ctrl+t"])
async def test_undo_gives_the_floor_back(open_stage: Stage, sit: Sit, key: str) -> None:
    open_stage.do(c.CallNext())
    open_stage.wait(30)
    async with sit(open_stage) as seat:
        await seat.press("n")
        assert seat.notice == "Sungai Apit was called. u takes it back (5 s)"
        open_stage.wait(3)
        await seat.press(key)
        assert seat.sent == [c.CallNext(), c.UndoHandover()]
        assert open_stage.state.holder == "siak"
        assert seat.roster.selected == "siak"
        assert "takes it back" not in seat.notice


async def test_undo_comes_too_late_with_a_reason(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        await seat.press("n")
        open_stage.wait(5.1)
        await seat.press("u")
        assert "Nothing to take back" in seat.notice
        assert open_stage.state.holder == "siak"


async def test_a_key_pressed_twice_skips_nobody_and_says_why(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        await seat.press("n", "n")
        assert "Siak was called less than a second ago" in seat.notice
        assert open_stage.state.holder == "siak"
        open_stage.wait(1)
        await seat.press("n")
        assert open_stage.state.holder == "sungai-apit"


async def test_time_of_the_meeting_and_what_comes_after_it(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        await seat.press("t", "ctrl+a", "ctrl+k")
        await seat.type("1:10")
        await seat.press("enter", "right", "enter")
        assert seat.sent == [c.SetBudget(4200), c.SetOverrun("close")]
        assert (open_stage.state.budget_s, open_stage.state.overrun) == (4200, "close")


async def test_the_console_rings_with_the_room(
    open_stage: Stage, sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_stage.do(c.CallNext())
    async with sit(open_stage) as seat:
        rung: list[int] = []
        monkeypatch.setattr(seat.console, "bell", lambda: rung.append(open_stage.now))
        began = open_stage.now
        open_stage.wait(181)
        assert rung == [began + 150_000, began + 180_000]


@pytest.mark.parametrize("key", ["plus", "f7"])
async def test_extend(open_stage: Stage, sit: Sit, key: str) -> None:
    open_stage.do(c.CallNext())
    async with sit(open_stage) as seat:
        await seat.press(key)
        assert seat.sent == [c.ExtendTurn(60)]
        turn = open_stage.state.floor
        assert turn is not None and turn.allowance_s == 240


@pytest.mark.parametrize("key", ["m", "f3"])
async def test_mute_is_a_switch(open_stage: Stage, sit: Sit, key: str) -> None:
    open_stage.do(c.CallNext())
    async with sit(open_stage) as seat:
        await seat.press(key)
        await seat.press(key)
        assert seat.sent == [c.Mute("siak"), c.Unmute("siak")]


@pytest.mark.parametrize("key", ["M", "f4"])
async def test_mute_all(open_stage: Stage, sit: Sit, key: str) -> None:
    open_stage.do(c.CallNext())
    async with sit(open_stage) as seat:
        await seat.press(key)
        assert seat.sent == [c.MuteAll()]
        assert not open_stage.state.is_live("siak")


async def test_panel_is_a_switch(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        await seat.select("minas")
        await seat.press("p", "p")
        assert seat.sent == [c.Promote("minas"), c.Demote("minas")]


async def test_voice_goes_round_and_is_shown_while_it_is_forced(
    open_stage: Stage, sit: Sit
) -> None:
    async with sit(open_stage) as seat:
        await seat.select("minas")
        assert "Voice" not in seat.notice
        await seat.press("V")
        assert seat.sent == [c.SetVoice("minas", "conversation")]
        assert "Voice: conversation" in seat.notice
        await seat.press("V")
        assert seat.sent[1:] == [c.SetVoice("minas", "clear")]
        assert "Voice: clear" in seat.notice
        await seat.press("V")
        assert seat.sent[2:] == [c.SetVoice("minas", "auto")]
        assert "Voice" not in seat.notice


async def test_media_goes_round_and_is_shown_while_it_is_forced(
    open_stage: Stage, sit: Sit
) -> None:
    async with sit(open_stage) as seat:
        await seat.select("minas")
        await seat.press("g")
        assert seat.sent == [c.SetMedia("minas", "audio-only")]
        assert "Media: audio only" in seat.notice
        await seat.press("g")
        assert seat.sent[1:] == [c.SetMedia("minas", "narrow")]
        assert "Media: narrow voice" in seat.notice
        await seat.press("g")
        assert seat.sent[2:] == [c.SetMedia("minas", "auto")]
        assert "Media" not in seat.notice
        assert open_stage.state.sites["minas"].media == "auto"


async def test_a_mode_is_shown_when_the_server_confirmed_it(open_stage: Stage, sit: Sit) -> None:
    open_stage.answers = False
    async with sit(open_stage) as seat:
        await seat.select("minas")
        await seat.press("g")
        assert seat.sent == [c.SetMedia("minas", "audio-only")]
        assert "Media" not in seat.notice


@pytest.mark.parametrize("key", ["asterisk", "f11"])
async def test_recording_is_started_paused_and_goes_on(
    open_stage: Stage, sit: Sit, key: str
) -> None:
    async with sit(open_stage) as seat:
        await seat.press(key, key, key)
        assert seat.sent == [c.StartRecording(), c.PauseRecording(), c.StartRecording()]
        assert open_stage.state.recording == "on"


async def test_hand_is_a_switch(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        await seat.select("minas")
        await seat.press("h", "h")
        assert seat.sent == [c.RaiseHand("minas"), c.LowerHand("minas")]


@pytest.mark.parametrize(
    ("key", "place"), [("left_square_bracket", 1), ("K", 1), ("right_square_bracket", 3), ("J", 3)]
)
async def test_move_in_queue(open_stage: Stage, sit: Sit, key: str, place: int) -> None:
    async with sit(open_stage) as seat:
        await seat.select("minas")
        await seat.press(key)
        assert seat.sent == [c.MoveInQueue("minas", place)]
        assert open_stage.state.queue.index("minas") == place


async def test_the_first_can_not_move_forward(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        await seat.select("siak")
        await seat.press("left_square_bracket")
        assert seat.sent == []
        assert seat.notice == "Siak is next already."


async def test_skip(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        await seat.select("minas")
        await seat.press("s")
        assert seat.sent == [c.Skip("minas")]
        assert "minas" not in open_stage.state.queue


@pytest.mark.parametrize("key", ["slash", "f8"])
async def test_find_by_the_beginning_of_a_word(open_stage: Stage, sit: Sit, key: str) -> None:
    async with sit(open_stage) as seat:
        await seat.press(key)
        await seat.type("man")
        assert seat.roster.selected == "sungai-mandau"
        await seat.press("enter", "enter")
        assert seat.sent == [c.GrantFloor("sungai-mandau")]


async def test_find_given_up_goes_back(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        await seat.select("minas")
        await seat.press("slash", "4", "escape")
        assert seat.roster.selected == "minas"
        assert seat.sent == []


async def test_attendance_by_letter(stage: Stage, sit: Sit) -> None:
    async with sit(stage) as seat:
        await seat.select("minas")
        await seat.press("a", "l")
        assert seat.sent == [c.MarkAttendance("minas", "late")]


async def test_attendance_with_a_deputy(stage: Stage, sit: Sit) -> None:
    async with sit(stage) as seat:
        await seat.select("minas")
        await seat.press("a", "right", "enter")
        await seat.type("Ibu Rina")
        await seat.press("enter")
        assert seat.sent == [c.MarkAttendance("minas", "represented", "Ibu Rina")]
        assert stage.state.sites["minas"].attendance_note == "Ibu Rina"


@pytest.mark.parametrize(("letter", "asked"), [("r", "deputy's name"), ("e", "the reason")])
async def test_attendance_without_its_word_is_told_beside_the_field(
    stage: Stage, sit: Sit, letter: str, asked: str
) -> None:
    async with sit(stage) as seat:
        await seat.select("minas")
        await seat.press("a", letter, "enter")
        assert seat.sent == []
        assert asked in str(seat.console.query_one("#message-note").render())
        assert seat.console.focused is seat.console.query_one("#field-note")


@pytest.mark.parametrize(("key", "save"), [("r", "ctrl+s"), ("f5", "f10")])
async def test_report_of_the_speaker(open_stage: Stage, sit: Sit, key: str, save: str) -> None:
    open_stage.do(c.CallNext())
    async with sit(open_stage) as seat:
        await seat.press(key)
        await seat.type("Aman #Karhutla")
        await seat.press(save)
        assert c.SaveCard("siak", "Aman #Karhutla") in seat.sent
        assert open_stage.state.reports[0].tags == ("karhutla",)
        assert seat.notice == "Report of Siak saved"


async def test_report_of_the_picked_site(open_stage: Stage, sit: Sit) -> None:
    open_stage.do(c.CallNext())
    open_stage.wait(2)
    open_stage.do(c.CallNext())
    async with sit(open_stage) as seat:
        await seat.press("up", "r", "x", "ctrl+s")
        assert c.SaveCard("siak", "x") in seat.sent


async def test_report_amended(open_stage: Stage, sit: Sit) -> None:
    open_stage.do(c.CallNext())
    open_stage.do(c.LogReport("siak", "satu", ("tol",)))
    async with sit(open_stage) as seat:
        await seat.press("r", " ", "d", "u", "a", "ctrl+s")
        report = open_stage.state.reports[0]
        assert [w.text for w in report.wordings] == ["satu", "satu dua"]
        assert report.tags == ("tol",)


async def test_tab_completes_a_tag(open_stage: Stage, sit: Sit) -> None:
    open_stage.do(c.CallNext())
    async with sit(open_stage) as seat:
        await seat.press("r")
        await seat.type("#ka")
        await seat.press("tab", "ctrl+s")
        assert open_stage.state.reports[0].text == "#karhutla"


async def test_a_topic_is_added_by_its_digit_once(open_stage: Stage, sit: Sit) -> None:
    open_stage.do(c.CallNext())
    async with sit(open_stage) as seat:
        await seat.press("r", "a", "alt+3", "alt+3", "alt+9", "ctrl+s")
        assert open_stage.state.reports[0].text == "a #pemilu"


@pytest.mark.parametrize("key", ["f", "f9"])
async def test_follow_up(open_stage: Stage, sit: Sit, key: str) -> None:
    open_stage.do(c.CallNext())
    async with sit(open_stage) as seat:
        await seat.press(key)
        await seat.type("Pasang antena")
        await seat.press("enter", "ctrl+a", "ctrl+k")
        await seat.type("Diskominfo")
        await seat.press("enter")
        await seat.type("15/2/2019")
        await seat.press("enter")
        assert seat.sent == [c.AddFollowUp("Pasang antena", "Diskominfo", "2019-02-15", "siak")]


async def test_follow_up_with_a_bad_date_stays_open(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        await seat.press("f", "x", "enter", "enter")
        await seat.type("31/2/2019")
        await seat.press("enter")
        assert seat.sent == []
        message = seat.console.query_one("#message-due").render()
        assert "not a date" in str(message)
        assert seat.console.focused is seat.console.query_one("#field-due")


@pytest.mark.parametrize("key", ["d", "f12"])
async def test_decision(open_stage: Stage, sit: Sit, key: str) -> None:
    open_stage.do(c.CallNext())
    async with sit(open_stage) as seat:
        await seat.press(key, "right", "enter")
        await seat.type("Setuju")
        await seat.press("ctrl+s")
        assert seat.sent == [c.AddNote("Setuju", "direction", "siak")]


async def test_a_banner_that_is_too_long_says_so_and_stays(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        await seat.press("b")
        field = seat.console.query_one("#field-answer")
        field.value = "x" * 501  # type: ignore[attr-defined]
        await seat.press("enter")
        told = str(seat.console.query_one("#message-answer").render())
        assert "at most 500 characters, these are 501" in told
        assert seat.sent == [] and field.has_focus
        await seat.press("backspace", "enter")
        assert seat.sent == [c.SetBanner("x" * 500)]


async def test_the_recording_is_ended_by_a_key(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        await seat.press("H")
        assert "Nothing is being recorded" in seat.notice
        await seat.press("asterisk", "asterisk", "H")
        assert open_stage.state.recording == "off"
        assert seat.sent[1:] == [c.StartRecording(), c.PauseRecording(), c.StopRecording()]


async def test_banner(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        await seat.press("b")
        await seat.type("Istirahat")
        await seat.press("enter")
        assert seat.sent == [c.SetBanner("Istirahat")]


async def test_close_asks_first(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        await seat.press("c")
        assert open_stage.state.phase == "open"
        assert seat.notice == "Close the meeting? Press c again to close it."
        await seat.press("c")
        assert open_stage.state.phase == "closed"


async def test_close_tells_missing_reports_and_forces(open_stage: Stage, sit: Sit) -> None:
    open_stage.do(c.CallNext())
    async with sit(open_stage) as seat:
        await seat.press("c")
        assert seat.sent == [c.CloseMeeting()]
        assert "No report written for: Siak" in seat.notice
        await seat.press("c")
        assert seat.sent[-1] == c.CloseMeeting(force=True)
        assert open_stage.state.phase == "closed"


async def test_another_act_forgets_the_closing(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        await seat.press("c", "n", "e")
        open_stage.do(c.LogReport("siak", "x"))
        await seat.press("c")
        assert open_stage.state.phase == "open"


async def test_new_meeting(open_stage: Stage, sit: Sit) -> None:
    open_stage.do(c.CloseMeeting())
    async with sit(open_stage) as seat:
        await seat.press("N")
        assert seat.sent == [c.ConveneMeeting()]
        await seat.wait_until(lambda: seat.console.replica.meeting.phase == "planned")


async def test_export_shows_the_files(open_stage: Stage, sit: Sit, tmp_path: Path) -> None:
    asked = []

    def export(meeting: str) -> list[Path]:
        asked.append(meeting)
        return [tmp_path / "notula.docx"]

    async with sit(open_stage, export=export) as seat:
        await seat.press("x")
        await seat.wait_until(lambda: "notula.docx" in seat.notice)
        assert asked == [open_stage.state.id]


async def test_export_shows_the_error(open_stage: Stage, sit: Sit) -> None:
    def export(meeting: str) -> list[Path]:
        raise OSError("No space left on device")

    async with sit(open_stage, export=export) as seat:
        await seat.press("x")
        await seat.wait_until(lambda: "No space left on device" in seat.notice)


@pytest.mark.parametrize("key", ["question_mark", "f1"])
async def test_help_and_back(open_stage: Stage, sit: Sit, key: str) -> None:
    async with sit(open_stage) as seat:
        await seat.press(key)
        assert isinstance(seat.console.screen, HelpScreen)
        await seat.press("escape")
        assert not isinstance(seat.console.screen, HelpScreen)


async def test_palette_does_an_act(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        await seat.press("ctrl+p")
        await seat.type("call next")
        await seat.wait_until(lambda: seat.console.screen.query_one("CommandList").option_count)
        await seat.press("down", "enter")
        await seat.wait_until(lambda: seat.sent == [c.CallNext()])


async def test_detach_leaves_the_meeting_alone(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        await seat.press("ctrl+q")
        await seat.wait_until(lambda: not seat.console.is_running)
        assert seat.sent == []
        assert open_stage.state.phase == "open"


async def test_refusal_is_shown_with_its_reason(stage: Stage, sit: Sit) -> None:
    async with sit(stage) as seat:
        await seat.press("n")
        assert seat.notice == "The meeting is not open yet."


async def test_f_keys_work_while_typing(open_stage: Stage, sit: Sit) -> None:
    open_stage.do(c.CallNext())
    open_stage.wait(2)
    async with sit(open_stage) as seat:
        await seat.press("r", "m", "n", "f4", "f2")
        assert c.MuteAll() in seat.sent and c.CallNext() in seat.sent
        assert c.Mute("siak") not in seat.sent
        assert open_stage.state.holder == "sungai-apit"


async def test_a_question_one_turns_away_from_is_not_asked_any_more(
    open_stage: Stage, sit: Sit
) -> None:
    async with sit(open_stage) as seat:
        asking = seat.console.query_one(PromptLine)
        await seat.press("slash", *"tual", "tab")
        assert not asking.asking and seat.roster.selected == "tualang" and seat.roster.has_focus
        await seat.press("slash", *"tual")
        await seat.click("#roster", "Minas")
        assert not asking.asking and seat.roster.selected == "minas"
        await seat.press("b", "x", "f9", "y")
        assert not asking.asking and seat.console.query_one(FollowUpForm).typed()["text"] == "y"
        assert seat.sent == []


async def test_a_question_waits_while_another_window_is_used(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        await seat.press("b", "x")
        for event in (AppBlur(), AppFocus()):
            seat.console.post_message(event)
            await seat.pilot.pause()
        await seat.press("y", "enter")
        assert seat.sent == [c.SetBanner("xy")]


async def test_an_observer_only_watches(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage, role="observer") as seat:
        await seat.press("n")
        assert seat.sent == []
        assert seat.notice == "This console only watches."


async def test_every_act_is_bound_and_in_the_palette(open_stage: Stage, sit: Sit) -> None:
    async with sit(open_stage) as seat:
        bound = {b.action for __, b in seat.console._bindings}
        offered = {one.title for one in seat.console.get_system_commands(seat.console.screen)}
        for act in ACTS:
            assert f"act('{act.id}')" in bound
            if act.id != "palette":
                assert any(title.startswith(act.title) for title in offered)
