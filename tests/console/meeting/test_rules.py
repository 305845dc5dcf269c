"""The rules of a meeting hold over any sequence of commands (hypothesis)."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from console.meeting import state as state_
from console.meeting.budget import LEAST_S, projected_end, to_speak
from console.meeting.decide import deadline, decide
from console.meeting.floor import undo_until
from console.meeting.fold import apply, replay
from console.meeting.layout import layout, on_deck, slots
from console.meeting.refusal import Refusal
from console.meeting.state import AWAY, Meeting, decode, encode
from protocol import commands as c
from protocol import events as e

GRACE_S = 20
PLAN = e.MeetingPlan(
    title="Rapat",
    allowance_s=60,
    grace_s=GRACE_S,
    sites=(
        e.SiteEntry("zz-hall", "Ruang Bandar Siak", "hall"),
        *(
            e.SiteEntry(f"site-{number}", f"Kecamatan {number}", "kecamatan", position=number)
            for number in range(1, 6)
        ),
        e.SiteEntry("a-guest", "Warga", "guest"),
    ),
)
SITES = [entry.id for entry in PLAN.sites]
site = st.sampled_from(SITES)
text = st.sampled_from(["", "  ", "Api padam #karhutla", "#pemilu #pemilu aman"])

follow_up = st.sampled_from(["f1", "f2", "new-1"])
carried = st.builds(e.CarriedFollowUp, follow_up, text, site=st.none() | site)
fields = st.dictionaries(st.sampled_from(["text", "direction"]), text, max_size=2)
checks = st.integers(6, 40).map("new-{}".format)
commands = st.one_of(
    st.builds(c.OpenMeeting),
    st.builds(c.CloseMeeting, force=st.booleans()),
    st.builds(
        c.MarkAttendance,
        site,
        st.sampled_from(["present", "represented", "late", "absent", "excused"]),
        st.sampled_from(["", "Ibu Rina"]),
    ),
    st.builds(c.NoteMediaArrived, site),
    *([st.builds(c.CallNext)] * 4),
    st.builds(c.GrantFloor, site),
    st.builds(c.EndTurn),
    *([st.builds(c.UndoHandover)] * 3),
    st.builds(c.SetBudget, st.integers(0, 4000)),
    st.builds(c.SetOverrun, st.sampled_from(["count-up", "warn", "close"])),
    st.builds(c.ExtendTurn, st.integers(-1, 4000)),
    st.builds(c.Mute, site),
    st.builds(c.Unmute, site),
    st.builds(c.MuteAll),
    st.builds(c.Promote, site),
    st.builds(c.Demote, site),
    st.builds(c.SetVoice, site, st.sampled_from(["auto", "conversation", "clear"])),
    st.builds(c.SetMedia, site, st.sampled_from(["auto", "audio-only", "narrow"])),
    st.builds(c.RaiseHand, site),
    st.builds(c.LowerHand, site),
    st.builds(c.MoveInQueue, site, st.integers(-1, 9)),
    st.builds(c.Skip, site),
    st.builds(c.DraftReport, site, text),
    st.builds(c.LogReport, site, text),
    st.builds(c.AddFollowUp, text, due=st.sampled_from(["", "2019-02-15", "besok"])),
    st.builds(c.SaveCard, site, text, direction=text, decision=text),
    st.builds(c.CloseFollowUp, follow_up),
    st.builds(c.ReopenFollowUp, follow_up),
    st.builds(c.SaveDraft, st.sampled_from(["note", "report:minas", "report:padang"]), fields),
    st.builds(c.CarryFollowUps, st.lists(carried, max_size=2).map(tuple)),
    st.builds(c.AddNote, text),
    st.builds(c.SetBanner, text),
    st.builds(c.SubmitMinutes),
    st.builds(c.ApproveMinutes),
    st.builds(c.ReturnMinutes, text),
    st.builds(c.CorrectMinutes, text, text, text),
    st.builds(c.StartRecording),
    st.builds(c.PauseRecording),
    st.builds(c.StopRecording),
    st.builds(c.NoteDiskLow, st.integers(0, 3000)),
    st.builds(c.NoteRecordingEnded, st.sampled_from(["disk-full", "failed"])),
    *([st.builds(c.CheckLines)] * 2),
    st.builds(c.CheckLines, st.tuples(site)),
    st.builds(c.StopLineCheck),
    *([st.builds(c.NoteLineChecked, site, checks, st.just(e.LineFigures()))] * 2),
    *([st.builds(c.NoteSiteJoined, site)] * 3),
    *([st.builds(c.NoteSiteLeft, site)] * 2),
    *([st.builds(c.Tick)] * 2),
)
pauses = st.integers(0, 30_000) | st.integers(0, 2_000)
steps = st.lists(st.tuples(commands, pauses), max_size=60)


class Played:
    """A meeting played command by command; checks `rules` after every event."""

    def __init__(self, script: Sequence[tuple[c.AnyCommand, int]], *, joined: bool = True) -> None:
        self.state = Meeting()
        self.recorded: list[e.Recorded] = []
        self.now = 1_549_434_600_000
        self.opened_at = self.now
        self.give(c.ConveneMeeting(PLAN))
        if joined:
            for one in SITES:
                self.give(c.NoteSiteJoined(one))
            self.give(c.OpenMeeting())
        for number, (command, later_ms) in enumerate(script):
            self.now += later_ms
            self.give(command, f"command-{number}")

    def give(self, command: c.AnyCommand, ident: str = "") -> list[e.Event] | Refusal:
        before = self.state
        decision = decide(before, command, self.now, ident, f"new-{len(self.recorded)}")
        if isinstance(decision, Refusal):
            assert decision.code and decision.reason
            return decision
        for event in decision:
            one = e.Recorded(len(self.recorded) + 1, "m", self.now, "moderator", ident, event)
            self.recorded.append(one)
            self.state = apply(self.state, one)
        rules(self.state, self.now)
        if isinstance(command, c.UndoHandover):
            assert undo_until(self.state) is None, "an undone call is not undone again"
            assert len(before.turns) - len(self.state.turns) in (0, 1)
        if isinstance(command, c.CallNext) and before.holder != self.state.holder:
            called = before.sites[self.state.holder or ""]
            assert called.online and called.attendance not in AWAY
        if ident and decision:
            again = decide(self.state, command, self.now, ident, "another")
            assert again == [], "a command is carried out once"
        return decision


def rules(state: Meeting, now: int) -> None:
    """What holds in every state."""
    speaking = [t for t in state.turns if t.status in ("speaking", "lost")]
    assert len(speaking) <= 1
    assert [t.number for t in speaking] == (
        [] if state.holder_turn is None else [state.holder_turn]
    )
    assert state.holder != state.chair
    live = {one for one in state.sites if state.is_live(one)}
    if state.phase == "open":
        assert state.chair in live, "the chair is always heard"
    else:
        assert not live
    assert live <= {state.chair, state.holder, *state.panel}
    assert len(state.panel) <= 2
    fed = slots(state)
    for slot, source in fed.items():
        assert state.sites[source].online
        if slot in ("chair", "floor", "panel-1", "panel-2"):
            assert source in live
        else:
            assert state.sites[source].media == "auto", "a picture would cost it its voice"
    for one in state.sites:
        desired = layout(state, one, "relay")
        assert (desired.microphone == "live") == (one in live)
        is_small = one in (fed.get("second"), on_deck(state))
        camera = "live" if one == fed.get("main") else "low" if is_small else "off"
        assert desired.camera == camera
        if state.sites[one].media != "auto":
            assert desired.camera == "off"
            assert not {"main", "second"} & set(desired.slots)
    assert len(set(state.queue)) == len(state.queue)
    assert state.holder not in state.queue and state.chair not in state.queue
    for turn in state.turns:
        assert 0 <= turn.spoken_until(now) <= now - turn.granted_at
        runs = turn.live_since is not None
        assert runs == (
            turn.number == state.holder_turn
            and turn.status == "speaking"
            and turn.site in live
            and state.sites[turn.site].online
        )
    assert [t.number for t in state.turns] == list(range(1, len(state.turns) + 1))
    end = projected_end(state, now)
    assert (end is None) == (state.phase != "open")
    assert (
        end is None
        or end >= now + len(to_speak(state)) * LEAST_S * 1000
        or (any(t.status == "suspended" for t in state.turns))
    )
    due = deadline(state)
    assert due is None or state.floor is not None or state.check is not None
    if state.check is not None:
        assert state.holder is None, "a call ends the check"
        assert state.check.waiting and not live & set(state.check.sites)
        assert {one for one in state.sites if layout(state, one).check} == set(state.check.waiting)
    assert set(state.lines) <= set(state.sites)
    assert set(state.sites) == set(SITES), "the roster's rows are always all there"
    assert sum(state_.marked(state).values()) == len(SITES), "the sums are the roster"
    for one in state.sites.values():
        assert one.attendance not in ("represented", "excused") or one.attendance_note


@settings(max_examples=150, deadline=None)
@given(steps, st.booleans())
def test_the_rules_hold(script: list[tuple[c.AnyCommand, int]], joined: bool) -> None:
    Played(script, joined=joined)


@settings(max_examples=80, deadline=None)
@given(steps)
def test_replaying_the_journal_gives_exactly_the_same_state(
    script: list[tuple[c.AnyCommand, int]],
) -> None:
    played = Played(script)
    stored = [e.decode(e.encode(one.event)) for one in played.recorded]
    assert stored == [one.event for one in played.recorded]
    assert replay(played.recorded) == played.state
    snapshot = decode(encode(played.state))
    assert snapshot == played.state
    assert list(snapshot.sites) == list(played.state.sites) == SITES
    assert encode(snapshot) == encode(played.state)


@settings(max_examples=80, deadline=None)
@given(steps, st.data())
def test_apply_is_total(script: list[tuple[c.AnyCommand, int]], data: st.DataObject) -> None:
    """Events of one meeting applied in any order to another state: no refusal, no exception."""
    events = [one.event for one in Played(script).recorded]
    shuffled = data.draw(st.permutations(events))
    state = Meeting()
    for number, event in enumerate(shuffled, 1):
        state = apply(state, e.Recorded(number, "m", number * 1000, "server", "", event))
        assert state.seq == number
        encode(state)


@settings(max_examples=80, deadline=None)
@given(steps, st.sampled_from(SITES[1:6]), st.integers(0, 2 * GRACE_S * 1000))
def test_a_holder_that_drops_keeps_its_turn_for_the_grace_time(
    script: list[tuple[c.AnyCommand, int]], holder: str, away_ms: int
) -> None:
    played = Played(script)
    played.give(c.NoteSiteJoined(holder))
    played.give(c.MarkAttendance(holder, "present"))
    played.give(c.GrantFloor(holder))
    if played.state.holder != holder:
        assert played.state.phase == "closed"
        return
    number = played.state.holder_turn
    played.give(c.NoteSiteLeft(holder))
    assert played.state.holder == holder, "the turn is kept"
    assert deadline(played.state) == played.now + GRACE_S * 1000
    played.now += away_ms
    played.give(c.Tick())
    turn = played.state.turn(number or 0)
    assert turn is not None
    if away_ms >= GRACE_S * 1000:
        assert (turn.status, played.state.holder) == ("suspended", None)
        played.give(c.NoteSiteJoined(holder))
        played.give(c.GrantFloor(holder))
        assert played.state.holder_turn == number, "suspended, not lost: it is resumed"
    else:
        played.give(c.NoteSiteJoined(holder))
        assert (played.state.holder, played.state.holder_turn) == (holder, number)
        assert played.state.turn(number or 0).status == "speaking"  # type: ignore[union-attr]
    assert state_.Turn.spoken_until(played.state.turn(number or 0), played.now) >= 0  # type: ignore[arg-type]
