"""Batches: what is in them, their timestamps, and what is left of one that failed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from realtime.database.catalog import table_entry
from realtime.database.committer import Committer
from realtime.database.database import Database
from realtime.database.request_retention import RequestLimits
from realtime.database.timestamp import Timestamp
from realtime.errors import OverloadedError, StorageError, StorageFullError
from realtime.storage.memory import MemoryStore
from realtime.storage.records import RequestRecord, RowWrite
from realtime.storage.sqlite import SqliteStore
from realtime.testing import VirtualClock
from tests.unit.database.small_database import (
    commit,
    documents,
    insert,
    make_durable,
    open_database,
    query,
    run,
    write,
)

Store = MemoryStore | SqliteStore


@pytest.fixture
def committer(memory_store: MemoryStore, clock: VirtualClock) -> Iterator[Committer]:
    """A committer of an empty store."""
    return Committer(memory_store, clock, Timestamp(0), b"", RequestLimits())


REQUEST = RequestRecord("session", 1, "messages:send", VirtualClock().now_ns(), b"null", b"[]")


# Timestamps


def test_timestamp_is_the_time(committer: Committer, clock: VirtualClock) -> None:
    assert committer.next_timestamp() == clock.now_ns()


def test_timestamps_rise_while_the_clock_stands_still(committer: Committer) -> None:
    first, second = committer.next_timestamp(), committer.next_timestamp()

    assert second == first + 1


def test_timestamps_rise_when_the_clock_jumps_back(
    committer: Committer, clock: VirtualClock
) -> None:
    first = committer.next_timestamp()
    clock.advance(-3_600)
    second = committer.next_timestamp()
    clock.advance(7_200)
    third = committer.next_timestamp()

    assert first < second < third
    assert third == clock.now_ns()


def test_timestamps_rise_over_a_restart_with_an_earlier_clock(store: Store) -> None:
    clock = VirtualClock()
    database = open_database(store, clock=clock)
    insert(database, "things")
    before = database.durable
    database.close()
    clock.advance(-3_600)

    again = open_database(store, clock=clock)
    insert(again, "things")

    assert again.durable > before
    again.close()


def test_timestamp_of_a_failed_batch_is_not_used_again(store: Store) -> None:
    database = open_database(store)
    batch = database.committer.begin(database.catalog)
    run(database, batch, lambda db: db.insert("things", {}))
    failed = batch.last_timestamp
    database.committer.roll_back()

    insert(database, "things")

    assert database.durable > failed
    database.close()


# Batches


def test_new_batch_is_empty(database: Database) -> None:
    batch = database.committer.begin(database.catalog)

    assert batch.is_empty
    assert (batch.row_count, batch.size_bytes, batch.mutation_count) == (0, 0, 0)
    assert batch.last_timestamp == batch.first_timestamp == database.durable + 1


def test_batch_counts_rows_and_bytes(database: Database) -> None:
    batch = database.committer.begin(database.catalog)

    first = run(database, batch, lambda db: db.insert("things", {"a": 1.0}))
    run(database, batch, lambda db: db.delete(first))

    size = len(batch.documents[0].after.document)  # type: ignore[union-attr]
    assert batch.row_count == 2
    assert batch.size_bytes == size
    assert len(batch.documents) == 2
    assert not batch.is_empty


def test_large_write_set_comes_in_slices(database: Database) -> None:
    batch = database.committer.begin(database.catalog)
    transaction = database.begin_mutation(batch)
    created = [transaction.insert("things", {"a": float(n)}) for n in range(5)]
    writes = transaction.write_set
    assert writes is not None
    rows = writes.row_writes()

    database.committer.add(batch, writes, rows[:2], is_last=False)
    assert batch.row_count == 2
    assert batch.documents == []

    database.committer.add(batch, writes, rows[2:])
    assert batch.row_count == 5
    batch.last_timestamp = database.committer.next_timestamp()
    make_durable(database, batch)
    database.advance(batch, batch.last_timestamp)

    assert [each["_id"] for each in documents(query(database), "things")] == created


def test_batch_holds_the_entries_before_and_after(database: Database) -> None:
    document_id = insert(database, "things", a="old")
    table = database.catalog.tables["things"]
    before = query(database).get(document_id)
    assert before is not None
    batch = database.committer.begin(database.catalog)

    run(database, batch, lambda db: db.patch(document_id, {"a": "new"}))

    expected = {*table.entries(before.value), *table.entries({**before.value, "a": "new"})}
    assert set(batch.entries) == expected


def test_new_table_is_in_the_catalog_of_its_batch_alone(database: Database) -> None:
    batch = database.committer.begin(database.catalog)

    run(database, batch, lambda db: db.insert("events", {}))

    table = batch.catalog.tables["events"]
    assert "events" not in database.catalog.tables
    assert table_entry("events") in batch.entries
    assert table_entry(table.number) in batch.entries


def test_table_created_without_a_document_makes_a_batch(database: Database) -> None:
    batch = database.committer.begin(database.catalog)
    transaction = database.begin_mutation(batch)
    transaction.delete(transaction.insert("events", {}))

    write(database, batch, transaction)

    assert not batch.is_empty
    assert batch.documents == []
    make_durable(database, batch)
    database.advance(batch, batch.last_timestamp)
    assert "events" in database.catalog.tables


def test_answer_is_found_in_its_batch_and_in_later_ones(database: Database) -> None:
    committer = database.committer
    batch = committer.begin(database.catalog)
    assert committer.find_request(batch, "session", 1) is None
    batch.requests["session", 1] = REQUEST

    assert committer.find_request(batch, "session", 1) is REQUEST
    assert committer.find_request(batch, "session", 2) is None

    batch.last_timestamp = committer.next_timestamp()
    make_durable(database, batch)
    database.advance(batch, batch.last_timestamp)
    later = committer.begin(database.catalog)
    assert committer.find_request(later, "session", 1) == REQUEST
    assert committer.find_request(later, "other", 1) is None


def test_mutation_sees_its_predecessors_in_the_batch(database: Database) -> None:
    def count(db: object) -> int:
        return len(documents(db, "events"))  # type: ignore[arg-type]

    batch = database.committer.begin(database.catalog)
    run(database, batch, lambda db: db.insert("events", {}))

    assert run(database, batch, count) == 1
    run(database, batch, lambda db: db.insert("events", {}))
    assert run(database, batch, count) == 2
    assert documents(query(database), "events") == []


def test_stored_answers_make_a_batch(store: Store) -> None:
    database = open_database(store)
    batch = database.committer.begin(database.catalog)

    batch.requests[REQUEST.session_id, REQUEST.request_id] = REQUEST

    assert not batch.is_empty
    make_durable(database, batch)
    assert store.find_request("session", 1) == REQUEST
    database.close()


# Failures


def test_rows_that_the_store_refuses_leave_nothing(store: Store) -> None:
    database = open_database(store)
    document_id = insert(database, "things", a="kept")
    batch = database.committer.begin(database.catalog)
    run(database, batch, lambda db: db.patch(document_id, {"a": "lost"}))
    transaction = database.begin_mutation(batch)
    transaction.insert("things", {"a": "lost"})
    assert transaction.write_set is not None
    taken = RowWrite(1, b"{}", is_new=True, removed=[], added=[])

    with pytest.raises(StorageError):
        database.committer.add(batch, transaction.write_set, [taken])
    database.committer.roll_back()

    assert not store.in_transaction
    assert batch.documents[-1].before is not None  # the refused mutation is not in the batch
    assert [each["a"] for each in documents(query(database), "things")] == ["kept"]
    assert insert(database, "things", a="next")
    database.close()


@pytest.mark.parametrize("error", [StorageFullError, OverloadedError])
def test_batch_whose_commit_is_refused_leaves_nothing(
    store: Store, error: type[OverloadedError]
) -> None:
    database = open_database(store)
    batch = database.committer.begin(database.catalog)
    run(database, batch, lambda db: db.insert("things", {"a": "lost"}))

    def refuse() -> None:
        raise error("no")

    store.before_commit = refuse
    with pytest.raises(error):
        make_durable(database, batch)
    store.before_commit = None
    database.committer.roll_back()

    assert not store.in_transaction
    assert documents(query(database), "things") == []
    insert(database, "things", a="next")
    assert [each["a"] for each in documents(query(database), "things")] == ["next"]
    database.close()


def test_roll_back_of_what_the_store_has_ended_does_nothing(
    committer: Committer, memory_store: MemoryStore
) -> None:
    committer.roll_back()

    assert not memory_store.in_transaction


# The chain of checksums


def checksums(*batches: list[str]) -> bytes:
    """The checksum after batches of inserts with these texts, on a fixed clock."""
    store = MemoryStore()
    database = open_database(store)
    for batch in batches:
        commit(database, *[lambda db, a=a: db.insert("things", {"a": a}) for a in batch])
    database.close()
    return store.recover().last_checksum


def test_checksum_depends_on_documents_and_history() -> None:
    assert checksums(["a"], ["b"]) == checksums(["a"], ["b"])
    assert len({checksums(["a"], ["b"]), checksums(["x"], ["b"]), checksums(["a", "b"])}) == 3
    assert len(checksums(["a"])) == 16


def test_checksum_of_a_failed_batch_is_not_part_of_the_chain() -> None:
    store = MemoryStore()
    database = open_database(store)
    batch = database.committer.begin(database.catalog)
    database.committer.seal(batch, Timestamp(database.durable + 1), 0.0)
    database.committer.roll_back()
    batch = database.committer.begin(database.catalog)

    database.committer.seal(batch, Timestamp(database.durable + 1), 0.0)
    database.committer.commit()

    fresh = MemoryStore()
    other = open_database(fresh)
    other.committer.seal(other.committer.begin(other.catalog), Timestamp(other.durable + 1), 0.0)
    other.committer.commit()
    assert store.recover().last_checksum == fresh.recover().last_checksum


# Where the COMMIT is to run


def test_sync_is_fast_until_it_was_slow(database: Database) -> None:
    committer = database.committer
    assert committer.sync_is_fast

    committer.recent_sync_seconds = 0.002

    assert not committer.sync_is_fast


def test_commits_move_the_average_towards_how_long_they_took(memory_store: MemoryStore) -> None:
    database = open_database(memory_store)
    database.committer.recent_sync_seconds = 1.0

    for _ in range(3):
        insert(database, "things")

    assert 0.5 < database.committer.recent_sync_seconds < 0.9
