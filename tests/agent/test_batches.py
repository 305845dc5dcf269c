"""What goes to many at once, and what each of them was sent."""

from hypothesis import given
from hypothesis import strategies as st

from agent.audio.hop import PAIRS, TWINS, Distances, Frame
from agent.batches import KEPT, KNOWN_FOR, PAIR_WITHIN_S, STAYS, Batches, Membership

FLOOR, CHAIR = 77, 78


def frame(seq: int, source: str) -> Frame:
    """Of a voice without pauses."""
    return Frame(seq, (seq or 0x10000) * 960 & 0xFFFFFFFF, b"voice", source=source)


def test_each_frame_goes_out_with_the_copies_of_the_batch() -> None:
    batches = Batches()
    rich = batches.of((2, 6))
    assert rich is batches.of((2, 6)) is not batches.of(())
    assert rich.next_packets(FLOOR, frame(5, "kandis"), 0.0) == [(5, (2, 6))]


def test_pairs_wait_for_their_second_frame_but_not_for_ever() -> None:
    pairs = Batches().of(PAIRS)
    assert pairs.next_packets(FLOOR, frame(65_535, "kandis"), 0.0) == []
    assert pairs.next_packets(FLOOR, frame(0, "kandis"), 0.02) == [(0, PAIRS)]
    assert pairs.next_packets(FLOOR, frame(1, "kandis"), 0.04) == []
    assert pairs.next_packets(FLOOR, frame(3, "kandis"), 0.08) == [(1, ())], "2 is lost"
    assert pairs.overdue(FLOOR, 0.08 + PAIR_WITHIN_S / 2) == []
    assert pairs.overdue(CHAIR, 9.0) == []
    assert pairs.overdue(FLOOR, 0.08 + PAIR_WITHIN_S) == [3]
    assert pairs.overdue(FLOOR, 9.0) == []


def test_the_frames_of_two_speakers_are_no_pair() -> None:
    pairs = Batches().of(PAIRS)
    assert pairs.next_packets(FLOOR, frame(1, "kandis"), 0.0) == []
    assert pairs.next_packets(FLOOR, frame(2, "minas"), 0.01) == [(1, ())]
    assert pairs.give_up(FLOOR) == [2] and pairs.give_up(FLOOR) == []


def test_what_was_sent_is_known_wherever_one_has_been_since() -> None:
    batches = Batches()
    site = Membership("siak")
    plain, rich = batches.of(()), batches.of((2, 6))
    site.move(plain, batches)
    for batch, seq in ((plain, 1), (rich, 1)):
        batch.next_packets(FLOOR, frame(seq, "kandis"), 0.0)
    site.move(rich, batches)
    for batch in (plain, rich):
        batch.next_packets(FLOOR, frame(2, "kandis"), 0.0)
    site.move(plain, batches)
    assert (site.distances_of(FLOOR, 1), site.distances_of(FLOOR, 2)) == ((), (2, 6))
    assert site.distances_of(CHAIR, 1) is None and not site.was_sent(FLOOR, 3)
    for seq in range(3, 3 + KEPT):
        plain.next_packets(FLOOR, frame(seq, "kandis"), 0.0)
        rich.next_packets(FLOOR, frame(seq, "kandis"), 0.0)
    assert site.distances_of(FLOOR, 2) is None and len(rich._sent) == KEPT


def test_numbers_that_come_round_again_are_not_taken_for_those_of_long_ago() -> None:
    batches = Batches()
    site = Membership("siak")
    site.move(batches.of((2, 6)), batches)
    batches.of((2, 6)).next_packets(FLOOR, frame(1, "kandis"), 0.0)
    site.move(batches.of(()), batches)
    assert site.distances_of(FLOOR, 1) == (2, 6)
    for seq in range(2, 2 + KNOWN_FOR):
        batches.of(()).next_packets(FLOOR, frame(seq, "kandis"), 0.0)
    assert site.distances_of(FLOOR, 1) is None


def test_one_is_never_sent_its_own_voice() -> None:
    batches = Batches()
    site = Membership("kandis")
    site.move(batches.of(()), batches)
    batches.of(()).next_packets(FLOOR, frame(1, "kandis"), 0.0)
    assert site.distances_of(FLOOR, 1) is None and not site.was_sent(FLOOR, 1)


def test_who_leaves_a_pair_gets_its_first_frame_alone() -> None:
    batches = Batches()
    leaver, stayer, speaker = (Membership(name) for name in ("siak", "minas", "kandis"))
    pairs = batches.of(PAIRS)
    for one in (leaver, stayer, speaker):
        one.move(pairs, batches)
    pairs.next_packets(FLOOR, frame(1, "kandis"), 0.0)
    assert leaver.move(batches.of(()), batches) == [(FLOOR, 1)]
    assert speaker.move(batches.of(()), batches) == [], "it is its own"
    assert pairs.next_packets(FLOOR, frame(2, "kandis"), 0.02) == [(2, PAIRS)]
    assert leaver.distances_of(FLOOR, 1) == () and not leaver.was_sent(FLOOR, 2)
    assert stayer.distances_of(FLOOR, 1) is None and stayer.was_sent(FLOOR, 1)
    assert stayer.distances_of(FLOOR, 2) == PAIRS


def test_nothing_waits_for_nobody() -> None:
    batches = Batches()
    one = Membership("siak")
    one.move(batches.of(PAIRS), batches)
    batches.of(PAIRS).next_packets(FLOOR, frame(1, "kandis"), 0.0)
    one.move(None, batches)
    assert batches.of(PAIRS).members == 0 and batches.of(PAIRS).waiting == []


SETS: tuple[Distances, ...] = ((), (2, 6), PAIRS, TWINS)
steps = st.one_of(
    st.tuples(st.just("frame"), st.sampled_from([1, 1, 1, 2])),
    st.tuples(st.just("move"), st.integers(0, 2), st.sampled_from(SETS)),
    st.tuples(st.just("late")),
)


@given(st.lists(steps, max_size=60), st.integers(0, 65_535))
def test_everybody_gets_every_frame_once_and_it_is_known_how(
    script: list[tuple], first: int
) -> None:
    """Whatever the links need, and however often that changes."""
    batches = Batches()
    sites = [Membership(f"site-{n}") for n in range(3)]
    got: list[dict[int, Distances | None]] = [{} for _ in sites]
    frames, moves, now = [], [0, 0, 0], 0.0

    def deliver(batch_distances: Distances, packets: list[tuple[int, Distances]]) -> None:
        for site, have in zip(sites, got, strict=True):
            if site.batch is batches.of(batch_distances):
                for seq, distances in packets:
                    assert seq not in have, "never twice"
                    have[seq] = distances
                    if distances in (PAIRS, TWINS):
                        # A newcomer may have had the first one of the pair already.
                        have.setdefault((seq - 1) & 0xFFFF, None)

    def late(after: float) -> None:
        for distances in SETS:
            alone = batches.of(distances).overdue(FLOOR, after)
            deliver(distances, [(seq, ()) for seq in alone])

    for site in sites:
        site.move(batches.of(()), batches)
    seq = first
    for step in script:
        if step[0] == "frame":
            seq, now = (seq + step[1]) & 0xFFFF, now + 0.02 * step[1]
            late(now)
            frames.append(seq)
            for distances in SETS:
                if batches.of(distances).members:
                    packets = batches.of(distances).next_packets(FLOOR, frame(seq, "kandis"), now)
                    deliver(distances, packets)
        elif step[0] == "move":
            _, number, distances = step
            if sites[number].batch is batches.of(distances) or moves[number] == STAYS - 1:
                continue
            moves[number] += 1
            deliver(distances, [(one, ()) for one in batches.of(distances).give_up(FLOOR)])
            for _ssrc, alone in sites[number].move(batches.of(distances), batches):
                assert alone not in got[number]
                got[number][alone] = ()
        else:
            late(now + 2 * PAIR_WITHIN_S)
    late(now + 2 * PAIR_WITHIN_S)
    for site, have in zip(sites, got, strict=True):
        assert set(have) == set(frames)
        for seq, distances in have.items():
            assert site.was_sent(FLOOR, seq)
            assert site.distances_of(FLOOR, seq) == distances
