"""Which keys an interval holds."""

from __future__ import annotations

import pytest

from realtime.database.interval import Interval
from realtime.values.index_key import key_successor


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


@pytest.mark.parametrize(
    ("after", "until", "descending", "held"),
    [
        (None, None, False, "bcde"),
        (b"c", None, False, "de"),
        (None, b"c", False, "bc"),
        (b"b", b"d", False, "cd"),
        (b"d", b"b", False, ""),
        (b"a", b"x", False, "bcde"),
        (None, None, True, "bcde"),
        (b"d", None, True, "bc"),
        (None, b"d", True, "de"),
        (b"e", b"c", True, "cd"),
        (b"c", b"e", True, ""),
        (b"x", b"a", True, "bcde"),
    ],
)
@pytest.mark.parametrize("upper", [b"f", None])
def test_part_begins_behind_one_key_and_ends_with_another(
    after: bytes | None, until: bytes | None, descending: bool, held: str, upper: bytes | None
) -> None:
    interval = Interval(1, b"", b"b", upper)

    part = interval.part(after, until, descending=descending)

    assert "".join(key for key in "abcde" if part.contains(key.encode())) == held
    assert part[:2] == interval[:2], "a subscription finds it where the whole would be"
    assert part.upper is None or part.lower <= part.upper


def test_parts_that_meet_at_a_key_share_nothing_and_lack_nothing() -> None:
    interval = Interval(1, b"", b"b", b"f")

    first = interval.part(None, b"c", descending=False)
    second = interval.part(b"c", None, descending=False)

    assert (first.lower, first.upper) == (b"b", second.lower)
    assert (second.lower, second.upper) == (key_successor(b"c"), b"f")
