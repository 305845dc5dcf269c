"""UUIDv7: sortable by the time they were made."""

import time
import uuid

from protocol.ids import uuid7


def test_ids_are_uuids_of_version_7_and_the_time_is_in_front():
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(uuid7())
    after = time.time_ns() // 1_000_000
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert before <= made.int >> 80 <= after


def test_ids_made_later_sort_later():
    first = uuid7()
    time.sleep(0.002)
    assert first < uuid7()


def test_ids_of_the_same_moment_differ():
    assert len({uuid7() for _ in range(10_000)}) == 10_000
