"""What counts as read: exactly as far as the handler's knowledge goes."""

from __future__ import annotations

import pytest

from realtime.database.interval import Interval
from realtime.database.limits import TransactionLimits
from realtime.database.read_set import ReadSet
from realtime.errors import LimitError
from realtime.values.index_key import key_successor

LIMITS = TransactionLimits()
WHOLE = Interval(3, b"p", b"p", b"p\xff")


def test_nothing_is_read_at_first() -> None:
    assert ReadSet(LIMITS).intervals() == ()


def test_point_covers_its_key_and_no_other() -> None:
    read_set = ReadSet(LIMITS)

    read_set.add_point(0, b"key")

    (found,) = read_set.intervals()
    assert found == Interval(0, b"key", b"key", b"key\x00")
    assert found.contains(b"key")
    assert not found.contains(b"key\x00")


def test_scan_that_was_only_opened_has_read_nothing() -> None:
    read_set = ReadSet(LIMITS)

    read_range = read_set.add_range(WHOLE, descending=False)

    assert read_range.covered() is None
    assert read_set.intervals() == ()


def test_scan_covers_up_to_the_last_key_that_was_handed_out() -> None:
    read_set = ReadSet(LIMITS)
    read_range = read_set.add_range(WHOLE, descending=False)

    read_range.reach(b"pa")
    read_range.reach(b"pb")

    (found,) = read_set.intervals()
    assert found == Interval(3, b"p", b"p", key_successor(b"pb"))
    assert found.contains(b"pb")
    assert not found.contains(b"pb\x00")


def test_descending_scan_covers_down_to_the_last_key_that_was_handed_out() -> None:
    read_set = ReadSet(LIMITS)
    read_range = read_set.add_range(WHOLE, descending=True)

    read_range.reach(b"pb")
    read_range.reach(b"pa")

    (found,) = read_set.intervals()
    assert found == Interval(3, b"p", b"pa", b"p\xff")
    assert found.contains(b"pa")
    assert not found.contains(b"p\x99"[:1])


@pytest.mark.parametrize("descending", [False, True])
def test_scan_that_reached_its_end_covers_its_whole_range(descending: bool) -> None:
    read_set = ReadSet(LIMITS)
    read_range = read_set.add_range(WHOLE, descending=descending)

    read_range.reach(b"pa")
    read_range.reach_end()

    assert read_range.covered() is WHOLE
    assert read_set.intervals() == (WHOLE,)


def test_scan_that_found_nothing_covers_the_absence() -> None:
    read_set = ReadSet(LIMITS)

    read_set.add_range(WHOLE, descending=False).reach_end()

    assert read_set.intervals() == (WHOLE,)


def test_ascending_scan_without_an_upper_end_is_cut_where_it_stopped() -> None:
    read_set = ReadSet(LIMITS)
    read_range = read_set.add_range(Interval(3, b"", b"", None), descending=False)

    read_range.reach(b"k")

    assert read_set.intervals() == (Interval(3, b"", b"", b"k\x00"),)


def test_same_read_twice_is_one_interval() -> None:
    read_set = ReadSet(LIMITS)

    for _ in range(2):
        read_set.add_point(0, b"key")
        read_set.add_range(WHOLE, descending=False).reach_end()

    assert read_set.intervals() == (Interval(0, b"key", b"key", b"key\x00"), WHOLE)


def test_range_grows_after_the_intervals_were_asked_for() -> None:
    read_set = ReadSet(LIMITS)
    read_range = read_set.add_range(WHOLE, descending=False)
    read_range.reach(b"pa")
    read_set.intervals()

    read_range.reach(b"pb")

    assert read_set.intervals() == (WHOLE._replace(upper=b"pb\x00"),)


def test_one_point_too_many_is_refused() -> None:
    read_set = ReadSet(TransactionLimits(intervals_read=2))
    read_set.add_point(0, b"a")
    read_set.add_point(0, b"a")
    read_set.add_range(WHOLE, descending=False)

    with pytest.raises(LimitError) as error:
        read_set.add_point(0, b"b")

    assert error.value.code == "TooManyReads"
    assert error.value.message == (
        "Too many reads in a single function execution (limit: 2). Consider using smaller limits "
        "in your queries, paginating your queries, or using indexed queries with a selective index "
        "range expressions."
    )


def test_one_range_too_many_is_refused() -> None:
    read_set = ReadSet(TransactionLimits(intervals_read=1))
    read_set.add_range(WHOLE, descending=False)

    with pytest.raises(LimitError):
        read_set.add_range(WHOLE, descending=False)
