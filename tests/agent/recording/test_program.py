"""Whose voice the program has."""

from agent.recording.program import PAUSE_MS, Program

SLOTS = ("floor", "chair")
LOUD, QUIET = 20, 80


def takes(program: Program, slot: str, at_ms: int, level: int | None, size: int) -> bool:
    """Whether this very frame is the program's."""
    frames = program.push(slot, at_ms, level, bytes(size))
    return (at_ms, bytes(size)) in frames


def test_the_only_voice_is_the_programs() -> None:
    program = Program(SLOTS)
    assert all(takes(program, "chair", at, QUIET, 10) for at in range(0, 1000, 20))


def test_who_speaks_keeps_it_through_the_pauses_of_speech() -> None:
    program = Program(SLOTS)
    assert takes(program, "chair", 0, LOUD, 80)
    assert not takes(program, "floor", 100, QUIET, 80)
    assert not takes(program, "floor", 100 + PAUSE_MS - 120, QUIET, 80)
    assert takes(program, "floor", 200 + PAUSE_MS, QUIET, 80), "nobody speaks: the floor's"


def test_the_floor_goes_before_the_chair_and_gives_way_when_it_is_silent() -> None:
    program = Program(SLOTS)
    takes(program, "chair", 0, LOUD, 80)
    assert takes(program, "floor", 20, LOUD, 80)
    assert not takes(program, "chair", 20, LOUD, 80)
    assert not takes(program, "chair", 300, LOUD, 80)
    assert takes(program, "chair", 40 + PAUSE_MS, LOUD, 80)


def test_a_frame_that_comes_late_belongs_to_who_had_it_then() -> None:
    program = Program(SLOTS)
    takes(program, "chair", 0, LOUD, 80)
    takes(program, "floor", 100, LOUD, 80)
    assert takes(program, "chair", 60, None, 80)
    assert not takes(program, "floor", 60, None, 80)


def test_without_a_level_the_size_tells_speech() -> None:
    program = Program(SLOTS)
    takes(program, "chair", 0, LOUD, 80)
    assert not takes(program, "floor", 20, None, 8)
    assert takes(program, "floor", 40, None, 80)


def test_what_was_said_in_a_pause_that_was_an_end_is_not_lost() -> None:
    program = Program(SLOTS)
    assert program.push("floor", 0, LOUD, b"f") == [(0, b"f")]
    said = []
    for at in range(20, 1000, 20):
        said += program.push("chair", at, LOUD, str(at).encode())
    assert [at for at, _data in said] == list(range(20, 1000, 20))
    assert all(data == str(at).encode() for at, data in said)
    assert program.push("chair", 500, None, b"late") == [(500, b"late")]
