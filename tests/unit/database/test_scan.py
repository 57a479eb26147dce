"""A pass over an index range, with the transaction's own writes laid over."""

from __future__ import annotations

from typing import Any

import pytest

from realtime.database.database import Database, DatabaseLimits
from realtime.database.index_range import RangeBound
from realtime.database.interval import Interval
from realtime.database.limits import TransactionLimits
from realtime.database.scan import Scan
from realtime.database.transaction import Transaction
from realtime.errors import LimitError
from realtime.storage.memory import MemoryStore
from realtime.values.index_key import encode_key, key_successor, prefix_end
from tests.unit.database.small_database import (
    CHUNK,
    documents,
    insert_all,
    mutation,
    next_record,
    open_database,
    open_scan,
    query,
    take,
    texts,
)


def numbers(found: list[dict[str, Any]]) -> list[Any]:
    return texts(found, "a")


def fill(database: Database, *values: float) -> list[str]:
    return insert_all(database, "things", *({"a": value} for value in values))


def by_a(transaction: Transaction, *bounds: RangeBound, descending: bool = False) -> Scan:
    return open_scan(transaction, "things", "by_a", {}, *bounds, descending=descending)


def only_interval(transaction: Transaction) -> Interval:
    (found,) = transaction.read_set.intervals()
    return found


def holds(interval: Interval, value: float) -> bool:
    """Whether a document with this value would be in the interval, whatever its tie-breakers."""
    prefix = encode_key(value)
    end = prefix_end(prefix)
    assert end is not None
    return interval.lower <= prefix and (interval.upper is None or end <= interval.upper)


# Without writes


@pytest.mark.parametrize("chunk", [1, 2, 3, 4, 100])
@pytest.mark.parametrize("descending", [False, True])
def test_all_documents_come_in_order_whatever_the_chunk(
    memory_database: Database, chunk: int, descending: bool
) -> None:
    fill(memory_database, 2.0, 4.0, 1.0, 3.0)
    scan = by_a(query(memory_database), descending=descending)

    found = numbers(take(scan, chunk=chunk))

    assert found == sorted([1.0, 2.0, 3.0, 4.0], reverse=descending)


def test_equal_values_come_in_order_of_creation(database: Database) -> None:
    created = fill(database, 1.0, 1.0, 1.0)

    assert texts(take(by_a(query(database))), "_id") == created
    assert texts(take(by_a(query(database), descending=True)), "_id") == created[::-1]


def test_scan_needs_a_fill_only_when_nothing_is_buffered(memory_database: Database) -> None:
    fill(memory_database, 1.0, 2.0, 3.0)
    scan = by_a(query(memory_database))

    assert scan.needs_fill
    scan.fill(CHUNK)
    assert not scan.needs_fill
    scan.next_record()
    assert not scan.needs_fill
    scan.next_record()
    assert scan.needs_fill
    scan.fill(CHUNK)
    scan.next_record()
    assert not scan.needs_fill


def test_document_is_not_asked_for_before_it_was_read(memory_database: Database) -> None:
    fill(memory_database, 1.0)

    with pytest.raises(AssertionError):
        by_a(query(memory_database)).next_record()


def test_range_that_holds_nothing_is_not_read(memory_database: Database) -> None:
    scan = by_a(query(memory_database), RangeBound("a", "gt", 5.0), RangeBound("a", "lt", 1.0))

    assert not scan.needs_fill
    assert scan.next_record() is None
    assert scan.is_exhausted


def test_end_is_reached_again_when_asked_again(memory_database: Database) -> None:
    fill(memory_database, 1.0)
    scan = by_a(query(memory_database))
    take(scan)

    assert scan.next_record() is None
    assert scan.is_exhausted


# What counts as read


def test_taken_documents_and_nothing_behind_them_count_as_read(
    memory_database: Database,
) -> None:
    fill(memory_database, 1.0, 2.0, 3.0, 4.0)
    transaction = query(memory_database)

    take(by_a(transaction), 3)

    interval = only_interval(transaction)
    assert holds(interval, 0.0) and holds(interval, 2.5)
    assert not holds(interval, 3.5)
    assert not holds(interval, 4.0)


def test_read_ends_right_behind_the_last_document(memory_database: Database) -> None:
    fill(memory_database, 1.0, 2.0)
    transaction = query(memory_database)

    (document,) = take(by_a(transaction), 1)

    key = b"".join(map(encode_key, (1.0, document["_creationTime"], document["_id"])))
    assert only_interval(transaction).upper == key_successor(key)


def test_descending_read_ends_at_the_last_document(memory_database: Database) -> None:
    fill(memory_database, 1.0, 2.0, 3.0, 4.0)
    transaction = query(memory_database)

    *_, last = take(by_a(transaction, descending=True), 3)

    interval = only_interval(transaction)
    key = b"".join(map(encode_key, (2.0, last["_creationTime"], last["_id"])))
    assert interval.lower == key
    assert interval.upper is None
    assert not holds(interval, 1.5)


@pytest.mark.parametrize("descending", [False, True])
def test_whole_range_counts_as_read_when_its_end_was_seen(
    memory_database: Database, descending: bool
) -> None:
    fill(memory_database, 1.0)
    transaction = query(memory_database)
    bounds = (RangeBound("a", "gte", 0.0), RangeBound("a", "lt", 9.0))

    take(by_a(transaction, *bounds, descending=descending))

    interval = only_interval(transaction)
    assert (interval.lower, interval.upper) == (encode_key(0.0), encode_key(9.0))


@pytest.mark.parametrize("descending", [False, True])
def test_absence_counts_as_read(memory_database: Database, descending: bool) -> None:
    transaction = query(memory_database)

    assert take(by_a(transaction, descending=descending)) == []

    assert holds(only_interval(transaction), 5.0)


def test_document_that_was_read_ahead_does_not_count_as_read(memory_database: Database) -> None:
    fill(memory_database, 1.0, 2.0)
    transaction = query(memory_database)
    scan = by_a(transaction)

    scan.fill(100)
    scan.next_record()

    assert not holds(only_interval(transaction), 2.0)


def test_document_that_is_one_too_many_counts_as_read(memory_store: MemoryStore) -> None:
    limits = DatabaseLimits(TransactionLimits(documents_read=2))
    database = open_database(memory_store, limits=limits)
    fill(database, 1.0, 2.0, 3.0, 4.0)
    transaction = query(database)

    with pytest.raises(LimitError):
        take(by_a(transaction))

    # The failure depends on it: without it there would be none.
    interval = only_interval(transaction)
    assert holds(interval, 2.5)
    assert not holds(interval, 3.5)


def test_documents_handed_out_at_once_count_as_read_when_they_are_too_many(
    memory_store: MemoryStore,
) -> None:
    limits = DatabaseLimits(TransactionLimits(documents_read=2))
    database = open_database(memory_store, limits=limits)
    fill(database, 1.0, 2.0, 3.0)
    transaction = query(database)
    scan = by_a(transaction)
    scan.fill(100)

    with pytest.raises(LimitError):
        scan.next_records(None)

    assert holds(only_interval(transaction), 2.5)


# Many at once


def test_buffered_documents_are_handed_out_at_once(memory_database: Database) -> None:
    fill(memory_database, 1.0, 2.0, 3.0)
    transaction = query(memory_database)
    scan = by_a(transaction)
    scan.fill(CHUNK)

    found = scan.next_records(None)

    assert numbers([record.value for record in found]) == [1.0, 2.0]
    assert scan.needs_fill
    assert not holds(only_interval(transaction), 2.5)


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_at_most_so_many_are_handed_out_at_once(memory_database: Database, limit: int) -> None:
    fill(memory_database, 1.0, 2.0, 3.0)
    scan = by_a(query(memory_database), descending=True)
    scan.fill(100)

    first = scan.next_records(limit)
    rest = take(scan)

    assert len(first) == limit
    assert numbers([record.value for record in first]) + numbers(rest) == [3.0, 2.0, 1.0]


def test_nothing_is_handed_out_at_once_before_it_was_read(memory_database: Database) -> None:
    assert by_a(query(memory_database)).next_records(None) == []


def test_nothing_is_handed_out_at_once_when_pending_writes_could_come_between(
    memory_database: Database,
) -> None:
    fill(memory_database, 1.0, 3.0)
    transaction = mutation(memory_database)
    scan = by_a(transaction)
    scan.fill(100)

    transaction.insert("things", {"a": 2.0})

    assert scan.next_records(None) == []
    assert numbers(take(scan)) == [1.0, 2.0, 3.0]


def test_deleted_document_is_not_handed_out_at_once(memory_database: Database) -> None:
    _, second, _ = fill(memory_database, 1.0, 2.0, 3.0)
    transaction = mutation(memory_database)
    scan = by_a(transaction)
    scan.fill(100)

    transaction.delete(second)

    assert scan.next_records(None) == []
    assert numbers(take(scan)) == [1.0, 3.0]


def test_documents_are_handed_out_at_once_when_another_table_was_written(
    memory_database: Database,
) -> None:
    fill(memory_database, 1.0, 3.0)
    transaction = mutation(memory_database)
    scan = by_a(transaction)
    scan.fill(100)

    transaction.insert("messages", {"session": "s", "text": "t"})

    assert len(scan.next_records(None)) == 2


def test_insert_after_documents_were_handed_out_at_once_comes_behind_them(
    memory_database: Database,
) -> None:
    fill(memory_database, 1.0, 3.0)
    transaction = mutation(memory_database)
    scan = by_a(transaction)
    scan.fill(100)
    scan.next_records(None)

    transaction.insert("things", {"a": 2.0})
    transaction.insert("things", {"a": 4.0})

    assert numbers(take(scan)) == [4.0]


# With the transaction's own writes


@pytest.mark.parametrize("descending", [False, True])
def test_pending_documents_are_found_among_the_stored_ones(
    database: Database, descending: bool
) -> None:
    fill(database, 1.0, 3.0, 5.0)
    transaction = mutation(database)
    for value in (0.0, 2.0, 4.0, 6.0):
        transaction.insert("things", {"a": value})

    found = numbers(take(by_a(transaction, descending=descending)))

    assert found == sorted(map(float, range(7)), reverse=descending)


@pytest.mark.parametrize("descending", [False, True])
def test_changed_document_is_found_at_its_new_place_alone(
    database: Database, descending: bool
) -> None:
    first, *_ = fill(database, 1.0, 2.0, 3.0)
    transaction = mutation(database)

    transaction.patch(first, {"a": 9.0})

    found = numbers(take(by_a(transaction, descending=descending)))
    assert found == sorted([2.0, 3.0, 9.0], reverse=descending)


def test_deleted_documents_are_passed_over_across_chunks(database: Database) -> None:
    created = fill(database, 1.0, 2.0, 3.0, 4.0, 5.0)
    transaction = mutation(database)
    for document_id in created[:4]:
        transaction.delete(document_id)

    assert numbers(take(by_a(transaction))) == [5.0]


def test_changes_while_iterating_are_met(database: Database) -> None:
    _, second, third, fourth = fill(database, 1.0, 2.0, 3.0, 4.0)
    transaction = mutation(database)
    scan = by_a(transaction)

    assert numbers(take(scan, 1)) == [1.0]
    transaction.delete(second)
    transaction.insert("things", {"a": 0.5})
    transaction.insert("things", {"a": 2.5})
    assert numbers(take(scan, 1)) == [2.5]
    transaction.patch(fourth, {"a": 2.75})
    transaction.patch(third, {"b": "x"})
    assert numbers(take(scan, 1)) == [2.75]

    assert [(d["a"], d.get("b")) for d in take(scan)] == [(3.0, "x")]


def test_document_may_be_deleted_while_it_is_met(database: Database) -> None:
    fill(database, 1.0, 2.0, 3.0)
    transaction = mutation(database)
    scan = by_a(transaction, descending=True)

    while (record := next_record(scan)) is not None:
        transaction.delete(record.value["_id"])

    assert documents(transaction, "things") == []


def test_document_that_is_moved_ahead_is_met_again(database: Database) -> None:
    (only,) = fill(database, 1.0)
    transaction = mutation(database)
    scan = by_a(transaction)

    assert numbers(take(scan, 1)) == [1.0]
    transaction.patch(only, {"a": 2.0})

    assert numbers(take(scan)) == [2.0]


def test_rows_of_a_failed_layer_are_stored_rows_again(database: Database) -> None:
    first, _ = fill(database, 1.0, 2.0)
    transaction = mutation(database)
    writes = transaction.write_set
    assert writes is not None
    mark = writes.mark()

    transaction.delete(first)
    transaction.insert("things", {"a": 1.5})
    writes.roll_back_to(mark)

    assert numbers(take(by_a(transaction))) == [1.0, 2.0]


def test_pending_write_at_the_end_of_the_stored_rows_is_read_to_the_end(
    database: Database,
) -> None:
    fill(database, 1.0)
    transaction = mutation(database)
    transaction.insert("things", {"a": 2.0})

    take(by_a(transaction), 2)

    assert not holds(transaction.read_set.intervals()[-1], 2.5)
