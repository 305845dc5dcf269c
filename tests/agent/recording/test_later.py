"""Frames that are kept and sent afterwards."""

from hypothesis import given
from hypothesis import strategies as st

from agent.recording.later import Kept, pack, ranges, unpack

frames = st.builds(
    Kept,
    clock_ms=st.integers(0, 2**63),
    ssrc=st.integers(0, 2**32 - 1),
    ts=st.integers(0, 2**32 - 1),
    seq=st.integers(0, 65535),
    level=st.none() | st.integers(0, 127),
    data=st.binary(max_size=200),
)


@given(st.lists(frames, max_size=5), st.integers(0, 30))
def test_frames_come_back_and_a_torn_end_is_left_out(kept: list[Kept], torn: int) -> None:
    data = b"".join(pack(frame) for frame in kept)
    assert list(unpack(data)) == kept
    found = list(unpack(data[: max(0, len(data) - torn)]))
    assert found == kept[: len(found)]


@given(st.sets(st.integers(0, 65535), max_size=50))
def test_runs_hold_exactly_the_numbers(seqs: set[int]) -> None:
    runs = ranges(seqs)
    assert {n for first, last in runs for n in range(first, last + 1)} == seqs
    assert all(b[0] > a[1] + 1 for a, b in zip(runs, runs[1:], strict=False))
