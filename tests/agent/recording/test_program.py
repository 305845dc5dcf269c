"""Whose voice the program has."""

from agent.recording.program import PAUSE_MS, Program

SLOTS = ("floor", "chair")
LOUD, QUIET = 20, 80


def test_the_only_voice_is_the_programs() -> None:
    program = Program(SLOTS)
    assert all(program.takes("chair", at, QUIET, 10) for at in range(0, 1000, 20))


def test_who_speaks_keeps_it_through_the_pauses_of_speech() -> None:
    program = Program(SLOTS)
    assert program.takes("chair", 0, LOUD, 80)
    assert not program.takes("floor", 100, QUIET, 80)
    assert not program.takes("floor", 100 + PAUSE_MS - 120, QUIET, 80)
    assert program.takes("floor", 200 + PAUSE_MS, QUIET, 80), "nobody speaks: the floor's"


def test_the_floor_goes_before_the_chair_and_gives_way_when_it_is_silent() -> None:
    program = Program(SLOTS)
    program.takes("chair", 0, LOUD, 80)
    assert program.takes("floor", 20, LOUD, 80)
    assert not program.takes("chair", 20, LOUD, 80)
    assert not program.takes("chair", 300, LOUD, 80)
    assert program.takes("chair", 40 + PAUSE_MS, LOUD, 80)


def test_a_frame_that_comes_late_belongs_to_who_had_it_then() -> None:
    program = Program(SLOTS)
    program.takes("chair", 0, LOUD, 80)
    program.takes("floor", 100, LOUD, 80)
    assert program.takes("chair", 60, None, 80)
    assert not program.takes("floor", 60, None, 80)


def test_without_a_level_the_size_tells_speech() -> None:
    program = Program(SLOTS)
    program.takes("chair", 0, LOUD, 80)
    assert not program.takes("floor", 20, None, 8)
    assert program.takes("floor", 40, None, 80)
