"""Complete prefixes in memory: what they answer, what commits do to them, how large they get."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.database.hot_cache import MAX_BYTES, MAX_DOCUMENTS, HotCache
from realtime.database.interval import IndexEntry
from realtime.database.record import Record
from tests.unit.database.small_database import entry

INDEX = 4
Rows = list[tuple[bytes, Record]]


def key(*fields: object) -> bytes:
    return entry(INDEX, *fields).key


def rows_of(prefix: str, *numbers: float) -> Rows:
    return [(key(prefix, number), Record(int(number), b"%d" % number)) for number in numbers]


def lookup(
    cache: HotCache,
    prefix: bytes,
    lower: bytes | None = None,
    upper: bytes | None = None,
    *,
    descending: bool = False,
    limit: int = 100,
) -> Rows | None:
    start = prefix if lower is None else lower
    return cache.lookup(INDEX, prefix, start, upper, descending=descending, limit=limit)


def documents(found: Rows | None) -> list[bytes] | None:
    return None if found is None else [record.document for _, record in found]


def test_prefix_that_is_not_kept_is_a_miss() -> None:
    cache = HotCache()

    assert lookup(cache, key("a")) is None
    assert (cache.hits, cache.misses) == (0, 1)


def test_kept_prefix_gives_its_rows_in_both_directions() -> None:
    cache = HotCache()
    rows = rows_of("a", 1, 2, 3)
    cache.insert(INDEX, key("a"), rows)

    assert lookup(cache, key("a")) == rows
    assert lookup(cache, key("a"), descending=True) == rows[::-1]
    assert (cache.hits, cache.misses) == (2, 0)


def test_empty_prefix_is_kept_as_empty() -> None:
    cache = HotCache()
    cache.insert(INDEX, key("a"), [])

    assert lookup(cache, key("a")) == []


numbers = st.integers(0, 9)


@given(
    kept=st.sets(numbers),
    lower=st.none() | numbers,
    upper=st.none() | numbers,
    descending=st.booleans(),
    limit=st.integers(1, 5),
)
def test_lookup_equals_a_plain_filter(
    kept: set[int], lower: int | None, upper: int | None, descending: bool, limit: int
) -> None:
    cache = HotCache()
    rows = rows_of("a", *map(float, sorted(kept)))
    cache.insert(INDEX, key("a"), rows)
    low = key("a") if lower is None else key("a", float(lower))
    high = None if upper is None else key("a", float(upper))

    found = lookup(cache, key("a"), low, high, descending=descending, limit=limit)

    expected = [row for row in rows if low <= row[0] and (high is None or row[0] < high)]
    assert found == (expected[::-1] if descending else expected)[:limit]


# Commits


def test_insert_is_added_to_each_kept_prefix_of_its_key() -> None:
    cache = HotCache()
    cache.insert(INDEX, b"", rows_of("a", 1))
    cache.insert(INDEX, key("a"), rows_of("a", 1))
    cache.insert(INDEX, key("b"), [])

    cache.apply([], [entry(INDEX, "a", 2.0)], Record(2, b"2"))

    assert documents(lookup(cache, b"")) == [b"1", b"2"]
    assert documents(lookup(cache, key("a"))) == [b"1", b"2"]
    assert documents(lookup(cache, key("b"))) == []


def test_insert_lands_at_its_place_in_the_order() -> None:
    cache = HotCache()
    cache.insert(INDEX, key("a"), rows_of("a", 1, 3))

    cache.apply([], [entry(INDEX, "a", 2.0)], Record(2, b"2"))

    assert documents(lookup(cache, key("a"))) == [b"1", b"2", b"3"]


def test_change_under_the_same_key_replaces_the_document() -> None:
    cache = HotCache()
    cache.insert(INDEX, key("a"), rows_of("a", 1, 2))

    cache.apply([], [entry(INDEX, "a", 1.0)], Record(1, b"new"))

    assert documents(lookup(cache, key("a"))) == [b"new", b"2"]


def test_document_that_moves_leaves_one_prefix_and_enters_the_other() -> None:
    cache = HotCache()
    cache.insert(INDEX, key("a"), rows_of("a", 1))
    cache.insert(INDEX, key("b"), rows_of("b", 2))

    cache.apply([entry(INDEX, "a", 1.0)], [entry(INDEX, "b", 1.0)], Record(1, b"1"))

    assert documents(lookup(cache, key("a"))) == []
    assert documents(lookup(cache, key("b"))) == [b"1", b"2"]


def test_delete_removes_the_document() -> None:
    cache = HotCache()
    cache.insert(INDEX, key("a"), rows_of("a", 1, 2))

    cache.apply([entry(INDEX, "a", 1.0)], [], None)

    assert documents(lookup(cache, key("a"))) == [b"2"]


def test_delete_of_what_is_not_kept_changes_nothing() -> None:
    cache = HotCache()
    cache.insert(INDEX, key("a"), rows_of("a", 1))
    size = cache.size_bytes

    cache.apply([entry(INDEX, "a", 7.0), entry(INDEX, "c", 1.0)], [], None)

    assert documents(lookup(cache, key("a"))) == [b"1"]
    assert cache.size_bytes == size


def test_absent_document_that_is_kept_appears_when_it_is_written() -> None:
    cache = HotCache()
    by_id = entry(0, "id")
    cache.insert(0, by_id.key, [])

    cache.apply([], [by_id], Record(1, b"1"))

    found = cache.lookup(0, by_id.key, by_id.key, None, descending=False, limit=1)
    assert documents(found) == [b"1"]


def test_other_index_with_the_same_key_is_not_touched() -> None:
    cache = HotCache()
    cache.insert(INDEX, key("a"), rows_of("a", 1))

    cache.apply([entry(INDEX + 1, "a", 1.0)], [], None)

    assert documents(lookup(cache, key("a"))) == [b"1"]


def test_commit_leaves_no_decoded_value_in_the_cache() -> None:
    cache = HotCache()
    cache.insert(INDEX, key("a"), [])
    written = Record(1, b'{"a":1}', {"a": 1.0})

    cache.apply([], [entry(INDEX, "a", 1.0)], written)

    found = lookup(cache, key("a"))
    assert found is not None
    assert found[0][1].document == written.document
    assert found[0][1].value is not written.value


# Size


def cost(rows: Rows) -> int:
    cache = HotCache()
    cache.insert(INDEX, key("a"), rows)
    return cache.size_bytes


def test_size_follows_inserts_changes_and_deletes() -> None:
    cache = HotCache()
    cache.insert(INDEX, key("a"), rows_of("a", 1))

    cache.apply([], [entry(INDEX, "a", 2.0)], Record(2, b"2"))
    assert cache.size_bytes == cost(rows_of("a", 1, 2))

    cache.apply([], [entry(INDEX, "a", 2.0)], Record(2, b"222"))
    assert cache.size_bytes == cost(rows_of("a", 1, 2)) + 2

    cache.apply([entry(INDEX, "a", 2.0)], [], None)
    assert cache.size_bytes == cost(rows_of("a", 1))

    cache.clear()
    assert cache.size_bytes == 0
    assert lookup(cache, key("a")) is None


def test_prefix_without_rows_counts_its_own_bytes() -> None:
    cache = HotCache(1_000)

    cache.insert(INDEX, key("a" * 2_000), [])

    assert cache.size_bytes == 0
    assert lookup(cache, key("a" * 2_000)) is None


def test_prefix_that_is_kept_again_counts_once() -> None:
    cache = HotCache()

    cache.insert(INDEX, key("a"), rows_of("a", 1, 2))
    cache.insert(INDEX, key("a"), rows_of("a", 1))

    assert cache.size_bytes == cost(rows_of("a", 1))


def test_prefix_of_too_many_documents_is_not_kept() -> None:
    cache = HotCache()

    cache.insert(INDEX, key("a"), rows_of("a", *map(float, range(MAX_DOCUMENTS + 1))))
    assert lookup(cache, key("a")) is None

    cache.insert(INDEX, key("a"), rows_of("a", *map(float, range(MAX_DOCUMENTS))))
    assert lookup(cache, key("a")) is not None


def test_prefix_of_too_many_bytes_is_not_kept() -> None:
    cache = HotCache()

    cache.insert(INDEX, key("a"), [(key("a", 1.0), Record(1, bytes(MAX_BYTES)))])

    assert lookup(cache, key("a")) is None
    assert cache.size_bytes == 0


def test_prefix_that_grows_over_the_number_of_documents_is_dropped() -> None:
    cache = HotCache()
    cache.insert(INDEX, key("a"), rows_of("a", *map(float, range(MAX_DOCUMENTS))))

    cache.apply([], [entry(INDEX, "a", -1.0)], Record(0, b"0"))

    assert lookup(cache, key("a")) is None
    assert cache.size_bytes == 0


def test_prefix_that_grows_over_the_bytes_is_dropped() -> None:
    cache = HotCache()
    cache.insert(INDEX, key("a"), rows_of("a", 1))

    cache.apply([], [entry(INDEX, "a", 2.0)], Record(2, bytes(MAX_BYTES)))

    assert lookup(cache, key("a")) is None
    assert cache.size_bytes == 0


def test_least_recently_used_prefix_goes_first() -> None:
    cache = HotCache(2 * cost(rows_of("a", 1)))
    cache.insert(INDEX, key("a"), rows_of("a", 1))
    cache.insert(INDEX, key("b"), rows_of("b", 1))
    lookup(cache, key("a"))

    cache.insert(INDEX, key("c"), rows_of("c", 1))

    assert lookup(cache, key("b")) is None
    assert lookup(cache, key("a")) is not None
    assert lookup(cache, key("c")) is not None


def test_prefix_larger_than_the_whole_cache_is_not_kept() -> None:
    cache = HotCache(cost(rows_of("a", 1)) - 1)

    cache.insert(INDEX, key("a"), rows_of("a", 1))

    assert cache.size_bytes == 0
    assert lookup(cache, key("a")) is None


@pytest.mark.parametrize("size_bytes", [10, 1_000])
def test_cache_stays_within_its_capacity_when_commits_make_it_grow(size_bytes: int) -> None:
    capacity = 10 * cost([])
    cache = HotCache(capacity)
    prefixes = [f"{number}" for number in range(10)]
    for prefix in prefixes:
        cache.insert(INDEX, key(prefix), [])

    for prefix in prefixes:
        added: list[IndexEntry] = [entry(INDEX, prefix, 1.0)]
        cache.apply([], added, Record(1, bytes(size_bytes)))

        assert cache.size_bytes <= capacity
