"""Ids, creation times and places of new documents."""

from __future__ import annotations

import math

from realtime.database.allocator import Allocator
from realtime.testing import VirtualClock
from realtime.values.ids import decode_id


def test_creation_time_is_the_time_asked_for_when_that_is_later() -> None:
    allocator = Allocator(VirtualClock(), 10.0, 0)

    assert allocator.next_creation_time(12.5) == 12.5


def test_creation_times_rise_when_the_clock_does_not() -> None:
    allocator = Allocator(VirtualClock(), 10.0, 0)

    times = [allocator.next_creation_time(7.0) for _ in range(3)]

    assert times[0] == math.nextafter(10.0, math.inf)
    assert times[0] < times[1] < times[2]
    assert allocator.last_creation_time == times[2]


def test_locators_continue_from_the_last_one() -> None:
    allocator = Allocator(VirtualClock(), 0.0, 41)

    assert [allocator.next_locator(), allocator.next_locator()] == [42, 43]


def test_id_names_its_table_and_begins_with_its_time() -> None:
    allocator = Allocator(VirtualClock(), 0.0, 0)

    first = decode_id(allocator.next_document_id(10_001, 1_000.75))
    second = decode_id(allocator.next_document_id(10_001, 1_000.75))

    assert first.table_number == 10_001
    assert first.internal[:6] == (1_000).to_bytes(6, "big")
    assert first.internal != second.internal
