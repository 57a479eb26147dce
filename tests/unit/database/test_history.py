"""Before-images: what is kept, for how long, and what is read of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from realtime.database.catalog import IndexInfo
from realtime.database.database import DatabaseLimits
from realtime.database.history import History
from realtime.database.interval import IndexEntry
from realtime.database.record import Record
from realtime.database.timestamp import Timestamp
from realtime.database.write_set import PendingDocument
from realtime.errors import OutOfRetentionError, ValidationError
from realtime.storage.memory import MemoryStore
from realtime.testing import VirtualClock
from tests.unit.database.small_database import (
    commit,
    documents,
    insert,
    make_durable,
    open_database,
    run,
    texts,
)

SECOND = 1_000_000_000
ENTRY = IndexEntry(0, b"key", (0, 3))


def record(locator: int, text: str = "x") -> Record:
    return Record(locator, text.encode(), {"decoded": text})


def change(locator: int, before: str | None, after: str | None) -> PendingDocument:
    return PendingDocument(
        None if before is None else record(locator, before),
        () if before is None else (ENTRY,),
        None if after is None else record(locator, after),
        () if after is None else (ENTRY,),
    )


def history_of(*batches: tuple[int, Iterable[PendingDocument]], **options: Any) -> History:
    history = History(Timestamp(0), **options)
    for timestamp, changes in batches:
        history.append(Timestamp(timestamp), changes)
    return history


def images(history: History, timestamp: int, until: int = 10**18) -> dict[int, str | None]:
    """Return the texts of the images since a timestamp."""
    return {
        locator: None if image.record is None else image.record.document.decode()
        for locator, image in history.images_since(timestamp, Timestamp(until)).items()
    }


def test_image_is_from_before_the_first_change_since() -> None:
    history = history_of((10, [change(1, "a", "b")]), (20, [change(1, "b", "c")]))

    assert images(history, 20) == {}
    assert images(history, 10) == {1: "b"}
    assert images(history, 0) == {1: "a"}


def test_first_image_of_a_batch_counts() -> None:
    history = history_of((10, [change(1, "a", "b"), change(1, "b", None)]))

    assert images(history, 0) == {1: "a"}


def test_document_that_was_not_there_has_an_image_of_its_absence() -> None:
    history = history_of((10, [change(1, None, "b")]), (20, [change(1, "b", None)]))

    assert images(history, 10) == {1: "b"}
    assert images(history, 0) == {1: None}


def test_timestamp_inside_a_batch_reads_as_its_end() -> None:
    history = history_of((10, [change(1, "a", "b")]), (20, [change(1, "b", "c")]))

    assert images(history, 15) == images(history, 20) == {}


def test_commits_after_the_reader_are_not_taken_back() -> None:
    history = history_of((10, [change(1, "a", "b")]), (20, [change(2, "c", "d")]))

    assert images(history, 0, until=10) == {1: "a"}


def test_decoded_values_are_not_kept() -> None:
    history = history_of((10, [change(1, "a", "b")]))

    (image,) = history.images_since(0, Timestamp(10)).values()

    assert image.record is not None
    assert image.record._value is None


def test_what_is_older_than_the_retention_is_forgotten() -> None:
    history = history_of((10 * SECOND, [change(1, "a", "b")]), (20 * SECOND, [change(1, "b", "c")]))

    history.forget_old(70 * SECOND)
    assert images(history, 0) == {1: "a"}
    history.forget_old(70 * SECOND + 1)

    assert history.oldest_timestamp == 10 * SECOND
    assert images(history, 10 * SECOND) == {1: "b"}
    with pytest.raises(OutOfRetentionError, match=r"last 60 seconds") as caught:
        images(history, 10 * SECOND - 1)
    assert caught.value.code == "OutOfRetention"


def test_bytes_are_bounded_by_forgetting_the_oldest() -> None:
    limit = 10_000
    history = History(Timestamp(0), retention_bytes=limit)

    for number in range(1, 200):
        history.append(Timestamp(number), [change(number, "x" * 1_000, None)])
        assert history.size_bytes <= limit

    assert 190 < history.oldest_timestamp < 199
    assert images(history, 198) == {199: "x" * 1_000}


def test_batch_beyond_the_limit_leaves_nothing() -> None:
    history = history_of((10, [change(1, "x" * 1_000, None)]), retention_bytes=100)

    assert (history.size_bytes, history.oldest_timestamp) == (0, 10)


def test_the_future_is_refused() -> None:
    history = history_of((10, [change(1, "a", "b")]))

    with pytest.raises(ValidationError, match="future") as caught:
        images(history, 11)
    assert caught.value.code == "TimestampInFuture"


def test_database_forgets_by_its_clock_when_nothing_is_written() -> None:
    clock = VirtualClock()
    database = open_database(MemoryStore(), clock=clock)
    insert(database, "things", a=1.0)
    before = database.durable
    insert(database, "things", a=2.0)
    before_second = database.durable

    clock.advance(61)

    with pytest.raises(OutOfRetentionError):
        database.begin_past_query(database.generations.current, before)
    database.begin_past_query(database.generations.current, before_second)


def test_start_of_the_server_is_the_beginning() -> None:
    store = MemoryStore()
    database = open_database(store)
    insert(database, "things", a=1.0)
    before = database.durable
    insert(database, "things", a=2.0)
    database.close()

    reopened = open_database(store)

    with pytest.raises(OutOfRetentionError):
        reopened.begin_past_query(reopened.generations.current, before)
    reopened.begin_past_query(reopened.generations.current, reopened.durable)


def test_database_bounds_its_history() -> None:
    database = open_database(MemoryStore(), limits=DatabaseLimits(history_bytes=5_000))
    document_id = insert(database, "things", a="x" * 1_000)
    for number in range(20):
        commit(database, lambda db, n=number: db.patch(document_id, {"b": float(n)}))

    assert 0 < database.history.size_bytes <= 5_000


def test_past_ends_where_the_indexes_of_a_table_change() -> None:
    database = open_database(MemoryStore())
    insert(database, "things", a=1.0)
    before = database.durable
    insert(database, "another", a=1.0)
    database.begin_past_query(database.generations.current, before)

    table = database.catalog.tables["things"]
    index = IndexInfo.of(database.catalog.next_index_id, "things", "by_b", ("b",))
    batch = database.committer.begin(database.catalog)
    run(database, batch, lambda db: db.insert("things", {"b": 1.0}))
    batch.catalog = batch.catalog.with_table(
        replace(table, indexes={**table.indexes, "by_b": index})
    )
    make_durable(database, batch)
    database.advance(batch, batch.last_timestamp)

    with pytest.raises(OutOfRetentionError):
        database.begin_past_query(database.generations.current, before)
    database.begin_past_query(database.generations.current, database.durable)


def test_scan_of_the_past_reads_on_behind_rows_that_are_new() -> None:
    database = open_database(MemoryStore())
    for number in range(3):
        insert(database, "things", a=float(number))
    before = database.durable
    for number in range(10):
        insert(database, "things", a=0.5 + number / 100)

    transaction = database.begin_past_query(database.generations.current, before)

    for descending in (False, True):
        found = documents(transaction, "things", "by_a", descending=descending)
        expected = sorted([0.0, 1.0, 2.0], reverse=descending)
        assert texts(found, "a") == expected


def test_documents_of_the_past_are_read_by_their_ids() -> None:
    database = open_database(MemoryStore())
    kept = insert(database, "things", a=1.0)
    changed = insert(database, "things", a=2.0)
    deleted = insert(database, "things", a=3.0)
    before = database.durable
    added = insert(database, "things", a=4.0)
    commit(database, lambda db: db.patch(changed, {"a": 5.0}))
    commit(database, lambda db: db.delete(deleted))

    past = database.begin_past_query(database.generations.current, before)

    read = [past.get(document_id) for document_id in (kept, changed, deleted, added)]
    assert [None if found is None else found.value["a"] for found in read] == [1.0, 2.0, 3.0, None]


def test_what_is_forgotten_altogether_is_out_of_retention() -> None:
    history = history_of((10, [change(1, "a", "b")]), (20, [change(1, "b", "c")]))

    history.forget_all()

    with pytest.raises(OutOfRetentionError):
        images(history, 10)
    assert history.size_bytes == 0
    assert images(history, 20) == {}
