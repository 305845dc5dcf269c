"""What one site is sent is its own matter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import rtcp
from agent.audio.delay import Mode
from agent.audio.hop import ONE_COPY, PAIRS, PARITY, Distances, Frame
from agent.audio.ladder import (
    BITRATES,
    CLEAR,
    SINGLE_BITRATE,
    STEP_FRAMES,
    VIDEO_LEAST,
    Settings,
)
from agent.bandwidth import DRAIN_S, PROBE_EVERY_S, PROBE_THIN_EVERY_S
from agent.batches import PAIR_WITHIN_S, Batches
from agent.downstream import Downstream
from agent.pacing import UNKNOWN
from agent.picture.layers import PictureName
from agent.picture.steps import HELD_S
from protocol.messages import MediaMode

FLOOR, CHAIR = 77, 78
RATES: dict[PictureName, float] = {"main": 100_000.0, "second": 50_000.0}


def block(fraction: int, highest: int, ssrc: int = FLOOR) -> rtcp.ReportBlock:
    return rtcp.ReportBlock(ssrc, fraction, 0, highest, 0, 0, 0)


def frame(number: int, *, pause: int = 0, source: str = "kandis", marker: bool = False) -> Frame:
    """The `number`th frame of a voice; `pause`: frames that were not sent before it."""
    ts = (number + pause) * 960 & 0xFFFFFFFF
    return Frame(number & 0xFFFF, ts, b"voice", marker, source=source)


class Downlink:
    """A voice that goes down to a site, in sequence numbers from 1 on; what went out when."""

    def __init__(self) -> None:
        self.down = Downstream("siak")
        self.batches = Batches()
        self.now = 1.0
        self.seq = 0
        self.sent: list[tuple[float, int, Distances]] = []

    def next_packets(self, ssrc: int, one: Frame, now: float) -> list[tuple[int, Distances]]:
        """A frame goes down, as the relay has it: in the batch that the link needs."""
        batch, going = self.batches.of(self.down.distances), []
        if self.down.voice.batch is not batch:
            going = [(seq, ()) for _ssrc, seq in self.down.voice.move(batch, self.batches)]
        self.down.sending(1, now)
        return [*going, *batch.next_packets(ssrc, one, now)]

    def overdue(self, now: float) -> list[int]:
        """What waited for a second frame, of the floor."""
        return self.batches.of(self.down.distances).overdue(FLOOR, now)

    def speak(self, seconds: float, ssrc: int = FLOOR) -> None:
        """Frames, and a look at the link now and then."""
        for _ in range(round(seconds * 50)):
            self.now += 0.02
            self.seq += 1
            going = self.next_packets(ssrc, frame(self.seq), self.now)
            self.sent += [(self.now, seq, distances) for seq, distances in going]
            if self.seq % 5 == 0:
                self.down.update(RATES, self.now)

    def speak_and_lose(self, fraction: int, seconds: int, ssrc: int = FLOOR) -> None:
        """A report a second."""
        for _ in range(seconds):
            self.speak(1.0, ssrc)
            self.down.report(block(fraction, self.seq, ssrc), 0.06, self.now)


def test_copies_by_what_it_loses_of_the_voice() -> None:
    link = Downlink()
    link.speak_and_lose(0, 3)
    assert link.down.distances == () and link.down.loss == 0
    link.speak_and_lose(13, 1)
    link.speak(0.1)
    assert link.down.distances == ONE_COPY and link.down.loss == pytest.approx(13 / 512, rel=0.1)
    link.speak_and_lose(13, 2 * STEP_FRAMES // 50)
    assert link.down.distances == CLEAR[0] and link.down.loss == pytest.approx(13 / 256, rel=0.1)


def test_what_never_came_from_the_speaker_was_not_lost_on_this_link() -> None:
    link = Downlink()
    link.speak_and_lose(0, 1)
    for _ in range(5):
        link.speak(0.8)
        link.seq += 10  # lost on the way up, and never came
        link.down.report(block(51, link.seq), 0.06, link.now)
    assert link.down.loss == 0
    link.speak(0.8)
    link.seq += 10
    link.down.report(block(103, link.seq), 0.06, link.now)
    assert link.down.loss == pytest.approx(0.5 * 10 / 40, rel=0.1)


def test_a_slot_in_which_nothing_went_on_tells_nothing() -> None:
    down = Downstream()
    down.report(block(51, 150), 0.06, 1.0)
    before = down.loss
    for second in range(20):
        down.report(block(0, 150), 0.06, 2.0 + second)
    assert down.loss == before
    down.report(block(0, 40, CHAIR), 0.06, 30.0)
    assert down.loss < before


def test_pictures_get_what_the_voice_leaves() -> None:
    down = Downstream()
    down.update(RATES, 1.0)
    assert down.video == float("inf") and down.steps.picture == "high"
    down.estimate(170_000, 1.0)
    down.update(RATES, 1.1)
    assert 100_000 < down.video < 150_000
    assert down.steps.takes("main", True) and not down.steps.takes("second", True)
    down.estimate(90_000, 1.9)
    down.update(RATES, 2.0)
    assert down.video == 0
    down.update(RATES, 2.0 + HELD_S)
    assert not down.steps.has_video and not down.steps.takes("main", True)


def test_of_several_voices_each_has_its_share_and_pictures_have_what_all_leave() -> None:
    down, cost = Downstream(), Settings(BITRATES[0]).cost
    down.estimate(int(2.5 * cost), 1.0)
    now = 1.0
    for looks, frames, voices in ((20, 5, 1.0), (20, 10, 2.0), (90, 5, 2.0), (40, 0, 1.0)):
        for _ in range(looks):
            now += 0.1
            down.sending(frames, now)
            down.update(RATES, now)
        left = 2.5 * cost - voices * cost
        assert down.voices == voices and down.distances == ()
        assert down.video == pytest.approx(left if left >= VIDEO_LEAST else 0, abs=2)
    for _ in range(60):
        now += 0.1
        down.sending(15, now)
        down.update(RATES, now)
    assert down.voices == 3 and down.distances == PAIRS, "singly they don't fit"


def test_what_comes_at_once_of_who_begins_is_no_second_voice() -> None:
    down, now = Downstream(), 1.0
    down.estimate(100_000, now)
    for frames in (*[5] * 20, 0, 0, 18, *[5] * 20):
        now += 0.1
        down.sending(frames, now)
        down.update(RATES, now)
        assert down.voices == 1.0


@pytest.mark.parametrize(
    ("available", "voice", "every_s"),
    [
        (64_000, "conversation", PROBE_THIN_EVERY_S),
        (64_000, "clear", PROBE_EVERY_S),
        (300_000, "conversation", PROBE_EVERY_S),
    ],
)
def test_a_voice_that_is_in_a_hurry_waits_behind_few_probes(
    available: int, voice: Mode, every_s: float
) -> None:
    down = Downstream()
    down.set_modes(voice, "auto")
    down.estimate(available, 1.0)
    down.update(RATES, 1.0)
    due = [at for at in range(1000, 20_000, 10) if down.is_to_be_probed(at / 1000)]
    assert len(due) == pytest.approx(19 / every_s, abs=1)


def test_while_a_queue_drains_pictures_go_out_slowly() -> None:
    down = Downstream()
    assert down.pace(1.0) == UNKNOWN
    down.estimate(300_000, 1.0)
    down.update(RATES, 1.0)
    left = down.video
    slowly, usual = down.pace(1.1), down.pace(1.0 + DRAIN_S)
    assert 0 < slowly <= usual / 3 and left / 2 < usual < left
    down.estimate(310_000, 3.0)
    assert down.pace(3.1) == usual, "it carries more"


def test_several_voices_that_do_not_fit_are_asked_to_be_smaller_as_long_as_they_are_several() -> (
    None
):
    down, now = Downstream(), 1.0
    down.estimate(60_000, now)

    def speak(frames: int, looks: int) -> int | None:
        nonlocal now
        for _ in range(looks):
            now += 0.1
            down.sending(frames, now)
            down.update(RATES, now, down.wants_bitrate)
        return down.wants_bitrate

    assert speak(5, 20) is None, "one fits in pairs"
    wanted = speak(10, 20)
    assert wanted is not None and 2 * Settings(wanted, PAIRS).cost <= 60_000
    assert down.distances == PAIRS and down.video == 0
    assert speak(5, 120) is None
    down.estimate(200_000, now)
    assert speak(10, 20) is None


def test_what_is_lost_while_a_link_is_found_to_be_full_is_no_reason_for_copies() -> None:
    link = Downlink()
    link.speak_and_lose(0, 3)
    link.down.estimate(500_000, link.now)
    link.speak_and_lose(90, 1)
    assert link.down.loss == 0
    link.speak_and_lose(0, 2)
    link.down.estimate(500_000, link.now)
    link.speak_and_lose(90, 1)
    link.speak(0.1)
    assert link.down.loss > 0.1 and link.down.distances != (), "it carries what it did"


def test_what_the_operator_forces() -> None:
    down = Downstream()
    down.set_modes("auto", "audio-only")
    down.update(RATES, 1.0)
    assert down.video == 0 and not down.steps.has_video


def test_the_copies_of_a_packet_are_remembered_for_a_while() -> None:
    link = Downlink()
    link.speak_and_lose(0, 1)
    plain = link.seq
    link.speak_and_lose(51, 2)
    assert link.sent[-1][2] == link.down.distances == ONE_COPY
    assert link.down.voice.distances_of(FLOOR, plain) == ()
    assert link.down.voice.distances_of(FLOOR, link.seq) == ONE_COPY
    assert link.down.voice.distances_of(CHAIR, plain) is None, "that never went out"
    assert link.down.voice.distances_of(FLOOR, link.seq + 1) is None
    link.speak(90)
    assert link.down.voice.distances_of(FLOOR, plain) is None


Step = tuple[str, float]


NAMES: list[PictureName] = ["main", "main-low", "second", "deck"]


def _do(
    down: Downstream, act: str, value: float, highest: int, now: float, flows: dict[str, int]
) -> object:
    """One thing that may happen to a link; what the choice after it was. `flows`: which pictures
    do, kept from one step to the next."""
    match act:
        case "flow":
            flows["bits"] = int(value * 15)
        case "lose":
            down.report(block(int(value * 40), highest), 0.06, now)
        case "estimate":
            down.estimate(int(value * 800_000), now)
        case "mode":
            media: tuple[MediaMode, ...] = ("auto", "auto", "audio-only")
            down.set_modes("conversation" if value > 0.5 else "auto", media[int(value * 3) % 3])
        case "deck":
            down.steps.sees_deck = value > 0.5
        case "switched":
            down.steps.switched("main")
        case "interrupted":
            down.steps.interrupted()
        case "begins":
            down.steps.takes(NAMES[int(value * 4) % 4], True)
        case _:
            pass
    rates = {name: 100_000.0 for n, name in enumerate(NAMES) if flows["bits"] >> n & 1}
    asked = down.update(rates, now, 20_000 if act == "asked" and value > 0.5 else None)
    steps = down.steps
    return asked, down.distances, down.video, steps.picture, steps.showing, steps.small_wish


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["look", "lose", "estimate", "mode", "deck", "switched", "interrupted", "flow"]
                + ["asked", "begins", "begins", "begins"]
            ),
            st.sampled_from([0.0, 0.07, 0.2, 0.34, 0.47, 0.6, 0.75, 0.95]),
        ),
        max_size=60,
    )
)
def test_a_choice_that_is_not_made_anew_would_have_been_the_same(steps: list[Step]) -> None:
    lazy, thorough = Downstream(), Downstream()
    flows = {"bits": 0b0101}
    for n, (act, value) in enumerate(steps):
        thorough._calm = None
        now = 1.0 + 0.3 * n
        chosen = [_do(one, act, value, 50 * n, now, flows) for one in (lazy, thorough)]
        assert chosen[0] == chosen[1]


def test_of_a_good_link_is_not_chosen_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    down, chosen = Downstream(), []
    usual = down._ladder.settings
    monkeypatch.setattr(down._ladder, "settings", lambda now: chosen.append(now) or usual(now))
    down.steps.takes("main", True)
    down.steps.takes("second", True)
    for now in (1.0, 1.1, 1.2):
        down.update(RATES, now)
    assert chosen == [1.0]
    down.report(block(255, 50), 0.06, 1.25)
    down.update(RATES, 1.3)
    assert chosen == [1.0, 1.3]


# -- in pairs --------------------------------------------------------------------------------------


def thin() -> Downlink:
    """A downlink that carries a voice in pairs only."""
    link = Downlink()
    link.down.estimate(
        (Settings(BITRATES[0], PAIRS).cost + Settings(BITRATES[0]).cost) / 2, link.now
    )
    link.down.update(RATES, link.now)
    assert link.down.distances == PAIRS and link.down.is_thin
    return link


def test_on_a_thin_link_every_second_packet_goes_out_with_the_frame_before() -> None:
    link = thin()
    link.speak(1.0)
    assert [(seq, distances) for _at, seq, distances in link.sent] == [
        (seq, PAIRS) for seq in range(2, 51, 2)
    ]
    assert link.down.voice.distances_of(FLOOR, 50) == PAIRS
    assert link.down.voice.distances_of(FLOOR, 49) is None, "it went out within the next one"
    link.down.report(block(0, 50), 0.06, link.now)
    link.speak(1.0)
    link.down.report(block(0, 100), 0.06, link.now)
    assert link.down.loss == 0, "and so it was not lost either"


def test_what_is_lost_of_pairs_is_told_as_of_any_other_packets() -> None:
    link = thin()
    link.speak_and_lose(0, 1)
    link.speak_and_lose(51, 20)
    assert link.down.loss == pytest.approx(51 / 256, rel=0.1)


def test_the_numbers_of_pairs_go_over_the_wrap() -> None:
    link = thin()
    link.seq = 0xFFFE
    link.speak(0.08)
    assert [(seq, distances) for _at, seq, distances in link.sent] == [(0, PAIRS), (2, PAIRS)]


def test_slots_have_pairs_of_their_own() -> None:
    link = thin()
    assert link.next_packets(FLOOR, frame(1), 2.0) == [] == link.next_packets(CHAIR, frame(8), 2.0)
    assert link.next_packets(FLOOR, frame(2), 2.02) == [(2, PAIRS)]
    assert link.next_packets(CHAIR, frame(9), 2.02) == [(9, PAIRS)]


@pytest.mark.parametrize(
    "second",
    [frame(3), frame(2, pause=1), frame(2, source="minas"), frame(2, marker=True)],
    ids=str,
)
def test_what_does_not_follow_at_once_is_no_pair(second: Frame) -> None:
    """A hole, a pause, another speaker, a beginning: the copy would be left out, or the marker."""
    link = thin()
    assert link.next_packets(FLOOR, frame(1), 2.0) == []
    going = link.next_packets(FLOOR, second, 2.005)
    assert going[0] == (1, ()) and link.down.voice.distances_of(FLOOR, 1) == ()
    assert going[1:] == ([(2, ())] if second.marker else [])
    assert link.overdue(3.0) == ([] if second.marker else [second.seq])


def test_who_begins_is_not_held_back() -> None:
    link = thin()
    assert link.next_packets(FLOOR, frame(1, marker=True), 2.0) == [(1, ())]
    assert link.next_packets(FLOOR, frame(2), 2.02) == []
    assert link.next_packets(FLOOR, frame(3), 2.04) == [(3, PAIRS)]


def test_a_frame_that_waits_in_vain_goes_out_alone() -> None:
    link = thin()
    assert link.next_packets(FLOOR, frame(1), 2.0) == []
    assert link.overdue(2.0 + PAIR_WITHIN_S - 0.001) == []
    assert link.overdue(2.0 + PAIR_WITHIN_S + 0.001) == [1]
    assert link.down.voice.distances_of(FLOOR, 1) == ()
    assert link.overdue(9.0) == [], "once"
    assert link.next_packets(FLOOR, frame(2), 2.2) == [], (
        "the next one waits for a second one again"
    )
    assert link.next_packets(FLOOR, frame(3), 2.22) == [(3, PAIRS)]


def test_what_waits_goes_out_before_what_does_not_follow_it() -> None:
    link = thin()
    assert link.next_packets(FLOOR, frame(1), 2.0) == []
    assert link.next_packets(FLOOR, frame(5), 2.02) == [(1, ())], "there is a hole between"
    assert link.next_packets(FLOOR, frame(6), 2.04) == [(6, PAIRS)]
    assert link.next_packets(FLOOR, frame(7), 2.06) == []
    link.down.estimate(10e6, link.now)
    for tenth in range(300):
        link.down.update(RATES, 2.1 + tenth / 10)
    assert link.down.distances == ()
    assert link.next_packets(FLOOR, frame(8), 33.0) == [(7, ()), (8, ())]


def test_a_site_in_conversation_asks_for_a_smaller_voice_where_no_copy_of_it_fits() -> None:
    link = Downlink()
    link.speak_and_lose(51, 3)
    link.down.estimate(Settings(BITRATES[4], PARITY).cost, link.now)
    link.speak(0.2)
    assert link.down.wants_bitrate == SINGLE_BITRATE, "it has the time to ask for what it lost"
    link.down.set_modes("conversation", "auto")
    link.speak(0.2)
    assert link.down.wants_bitrate == BITRATES[4]
    link.down.set_modes("clear", "auto")
    link.speak(0.2)
    assert link.down.wants_bitrate == SINGLE_BITRATE
