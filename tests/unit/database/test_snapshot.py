"""Checked reads, and what the hot cache may answer in their place."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from realtime.database.catalog import BY_ID, IndexInfo
from realtime.database.hot_cache import HotCache
from realtime.database.interval import Interval
from realtime.database.snapshot import Snapshot
from realtime.errors import CorruptionError
from realtime.storage.persistence import Reader
from realtime.storage.records import StoredRow
from realtime.values.index_key import encode_key, prefix_end
from tests.unit.database.small_database import entry

INDEX = IndexInfo.of(4, "things", "by_a", ("a",))


def row(locator: int, a: str) -> StoredRow:
    document = b'{"_creationTime":%d,"_id":"i%d","a":"%s"}' % (locator, locator, a.encode())
    return StoredRow(entry(4, a, float(locator), f"i{locator}").key, locator, document)


def id_row(locator: int, a: str) -> StoredRow:
    return row(locator, a)._replace(key=encode_key(f"i{locator}"))


class CountingReader:
    """A reader of fixed rows of one index that counts its scans."""

    def __init__(self, *rows: StoredRow) -> None:
        self.rows = sorted(rows)
        self.scans = 0

    def scan(
        self, index_id: int, lower: bytes, upper: bytes | None, *, descending: bool, limit: int
    ) -> list[StoredRow]:
        self.scans += 1
        found = [each for each in self.rows if Interval(0, b"", lower, upper).contains(each.key)]
        return (found[::-1] if descending else found)[:limit]


def cached(reader: Reader, is_current: Callable[[], bool] = lambda: True) -> Snapshot:
    return Snapshot(reader, HotCache(), is_current)


def interval(*equal: str) -> Interval:
    prefix = entry(4, *equal).key
    return Interval(4, prefix, prefix, prefix_end(prefix))


def scan(
    snapshot: Snapshot,
    within: Interval,
    *,
    lower: bytes | None = None,
    descending: bool = False,
    limit: int = 10,
) -> list[int]:
    start = within.lower if lower is None else lower
    rows = snapshot.scan(INDEX, within, start, within.upper, descending=descending, limit=limit)
    return [record.locator for _, record in rows]


# Checks


def test_scan_returns_rows_in_either_direction() -> None:
    snapshot = Snapshot(CountingReader(row(1, "a"), row(2, "b"), row(3, "c")))

    assert scan(snapshot, interval()) == [1, 2, 3]
    assert scan(snapshot, interval(), descending=True, limit=2) == [3, 2]


def test_document_is_got_by_its_id() -> None:
    snapshot = Snapshot(CountingReader(id_row(1, "a"), id_row(2, "b")))

    found = snapshot.get(encode_key("i2"))

    assert found is not None
    assert found.value["a"] == "b"
    assert snapshot.get(encode_key("i3")) is None


def test_index_row_that_disagrees_with_its_document_is_corruption() -> None:
    wrong = row(1, "a")._replace(key=row(1, "b").key)

    with pytest.raises(CorruptionError) as error:
        scan(Snapshot(CountingReader(wrong)), interval())

    assert error.value.message == (
        "Index things.by_a holds a row for document 'i1' under a key that the document does not "
        "have: stop the server and restore the data directory from a backup"
    )


def test_row_by_id_that_leads_to_another_document_is_corruption() -> None:
    wrong = id_row(1, "a")._replace(key=encode_key("i2"))

    with pytest.raises(CorruptionError, match="Index by_id holds a row for document 'i1'"):
        Snapshot(CountingReader(wrong)).get(encode_key("i2"))


def test_document_without_an_id_is_corruption() -> None:
    wrong = StoredRow(encode_key("i1"), 1, b"{}")

    with pytest.raises(CorruptionError):
        Snapshot(CountingReader(wrong)).get(encode_key("i1"))


def test_row_that_disagrees_is_not_kept_in_the_cache() -> None:
    reader = CountingReader(row(1, "a")._replace(key=row(1, "b").key))
    snapshot = cached(reader)

    for _ in range(2):
        with pytest.raises(CorruptionError):
            scan(snapshot, interval("b"))


# The cache in front


def test_whole_prefix_is_read_from_the_storage_once() -> None:
    reader = CountingReader(row(1, "a"), row(2, "a"), row(3, "b"))
    snapshot = cached(reader)

    assert scan(snapshot, interval("a")) == [1, 2]
    assert scan(snapshot, interval("a")) == [1, 2]
    assert scan(snapshot, interval("a"), descending=True, limit=1) == [2]
    assert scan(snapshot, interval("a"), lower=row(2, "a").key) == [2]
    assert reader.scans == 1


def test_prefix_that_was_read_backwards_is_kept_in_order() -> None:
    reader = CountingReader(row(1, "a"), row(2, "a"))
    snapshot = cached(reader)

    assert scan(snapshot, interval("a"), descending=True) == [2, 1]
    assert scan(snapshot, interval("a")) == [1, 2]
    assert reader.scans == 1


def test_absence_is_kept() -> None:
    reader = CountingReader()
    snapshot = cached(reader)

    for _ in range(2):
        assert scan(snapshot, interval("a")) == []
        assert snapshot.get(encode_key("i1")) is None

    assert reader.scans == 2


def test_read_that_may_not_be_complete_is_not_kept() -> None:
    reader = CountingReader(row(1, "a"), row(2, "a"))
    snapshot = cached(reader)

    for _ in range(2):
        assert scan(snapshot, interval("a"), limit=2) == [1, 2]

    assert reader.scans == 2


def test_part_of_a_prefix_is_not_kept() -> None:
    reader = CountingReader(row(1, "a"), row(2, "a"))
    snapshot = cached(reader)
    below_second = interval("a")._replace(upper=row(2, "a").key)

    for _ in range(2):
        assert scan(snapshot, interval("a"), lower=row(2, "a").key) == [2]
        assert scan(snapshot, below_second) == [1]

    assert reader.scans == 4


def test_document_is_got_from_the_cache_the_second_time() -> None:
    reader = CountingReader(id_row(1, "a"))
    snapshot = cached(reader)

    for _ in range(2):
        found = snapshot.get(encode_key("i1"))
        assert found is not None
        assert found.locator == 1

    assert reader.scans == 1


def test_cache_does_not_keep_the_values_that_the_check_decoded() -> None:
    cache = HotCache()
    snapshot = Snapshot(CountingReader(row(1, "a")), cache, lambda: True)
    prefix = interval("a").prefix
    [(_, read)] = snapshot.scan(
        INDEX, interval("a"), prefix, prefix_end(prefix), descending=False, limit=10
    )

    kept = cache.lookup(4, prefix, prefix, None, descending=False, limit=1)

    assert kept is not None
    assert kept[0][1] is not read


def test_snapshot_that_is_not_current_neither_asks_nor_fills_the_cache() -> None:
    is_current = [True]
    reader = CountingReader(row(1, "a"))
    snapshot = cached(reader, lambda: is_current[0])

    is_current[0] = False
    scan(snapshot, interval("a"))
    scan(snapshot, interval("a"))
    assert reader.scans == 2

    is_current[0] = True
    scan(snapshot, interval("a"))
    assert reader.scans == 3

    is_current[0] = False
    scan(snapshot, interval("a"))
    assert reader.scans == 4


def test_range_of_ids_is_not_kept_because_all_tables_share_that_index() -> None:
    reader = CountingReader(id_row(1, "a"))
    snapshot = cached(reader)
    by_id = IndexInfo(BY_ID, "things", "by_id", ("_id",), (("_id",),))
    everything = Interval(BY_ID, b"", b"", None)

    for _ in range(2):
        rows = snapshot.scan(by_id, everything, b"", None, descending=False, limit=10)
        assert [record.locator for _, record in rows] == [1]

    assert reader.scans == 2


def test_range_of_ids_is_checked() -> None:
    snapshot = Snapshot(CountingReader(id_row(1, "a")._replace(key=encode_key("i2"))))
    by_id = IndexInfo(BY_ID, "things", "by_id", ("_id",), (("_id",),))

    with pytest.raises(CorruptionError, match=r"Index things\.by_id"):
        snapshot.scan(by_id, Interval(BY_ID, b"", b"", None), b"", None, descending=False, limit=10)
