"""What pages need of a scan: keys with the documents, an end by bytes, a look at what follows."""

from __future__ import annotations

import pytest

from realtime.database.database import Database
from realtime.values.index_key import encode_key
from tests.unit.database.small_database import (
    insert_all,
    mutation,
    open_scan,
    query,
    take,
    texts,
)


def fill(database: Database, *values: float) -> list[str]:
    return insert_all(database, "things", *({"a": value} for value in values))


@pytest.mark.parametrize(
    ("limit", "size_bytes", "count"),
    [(5, 10_000, 3), (2, 10_000, 2), (5, 120, 2), (5, 1, 1), (5, 0, 0), (0, 10_000, 0)],
)
def test_rows_handed_out_at_once_end_with_their_number_or_their_bytes(
    memory_database: Database, limit: int, size_bytes: int, count: int
) -> None:
    fill(memory_database, 1.0, 2.0, 3.0)
    scan = open_scan(query(memory_database), "things", "by_a")
    scan.fill(3)

    rows = scan.next_rows(limit, size_bytes)

    assert all(60 < len(record.document) < 120 for _, record in rows)
    assert [record.value["a"] for _, record in rows] == [1.0, 2.0, 3.0][:count]
    assert [key[:9] for key, _ in rows] == [encode_key(a) for a in (1.0, 2.0, 3.0)][:count]
    assert texts(take(scan), "a") == [1.0, 2.0, 3.0][count:]


@pytest.mark.parametrize("descending", [False, True])
def test_looking_ahead_counts_as_read_and_hands_nothing_out(
    memory_database: Database, descending: bool
) -> None:
    fill(memory_database, 1.0, 2.0, 3.0)
    transaction = query(memory_database)
    scan = open_scan(transaction, "things", "by_a", descending=descending)
    scan.fill(3)
    scan.next_row()
    left = transaction.documents_left

    row = scan.look_ahead()

    assert row is not None and row[1].value["a"] == 2.0
    assert transaction.documents_left == left
    (read,) = transaction.read_set.intervals()
    assert read.contains(row[0])
    assert scan.next_row() is row
    (last,) = scan.next_rows(5, 10_000)
    assert not read.contains(last[0])


def test_looking_ahead_at_the_end_counts_as_having_seen_it(memory_database: Database) -> None:
    scan = open_scan(query(memory_database), "things", "by_a")
    scan.fill(1)

    assert scan.look_ahead() is None
    assert scan.is_exhausted


def test_looking_ahead_sees_pending_writes(memory_database: Database) -> None:
    ids = fill(memory_database, 1.0, 2.0)
    transaction = mutation(memory_database)
    transaction.delete(ids[0])
    transaction.insert("things", {"a": 1.5})
    scan = open_scan(transaction, "things", "by_a")
    scan.fill(5)

    assert scan.next_rows(5, 10_000) == []
    row = scan.look_ahead()

    assert row is not None and row[1].value["a"] == 1.5
    assert texts(take(scan), "a") == [1.5, 2.0]
