"""Which keys an interval holds."""

from __future__ import annotations

import pytest

from realtime.database.interval import Interval


@pytest.mark.parametrize(
    ("key", "is_held"), [(b"a", False), (b"b", True), (b"b\x00", True), (b"c", False)]
)
def test_interval_holds_its_lower_end_and_not_its_upper(key: bytes, is_held: bool) -> None:
    interval = Interval(1, b"", b"b", b"c")

    assert interval.contains(key) is is_held


def test_interval_without_an_upper_end_holds_all_keys_from_its_lower_end() -> None:
    interval = Interval(1, b"", b"b", None)

    assert not interval.contains(b"a\xff")
    assert interval.contains(b"b")
    assert interval.contains(b"\xff\xff")


def test_interval_with_equal_ends_holds_nothing() -> None:
    assert not Interval(1, b"", b"b", b"b").contains(b"b")
