"""How much one transaction may read and write."""

from __future__ import annotations

import pytest

from realtime.database.database import Database, DatabaseLimits
from realtime.database.limits import TransactionLimits
from realtime.errors import LimitError
from realtime.storage.memory import MemoryStore
from tests.unit.database.small_database import (
    documents,
    insert,
    insert_all,
    mutation,
    open_database,
    query,
)


def limited(store: MemoryStore, **limits: int) -> Database:
    return open_database(store, limits=DatabaseLimits(TransactionLimits(**limits)))


def test_too_many_documents_read_are_refused(memory_store: MemoryStore) -> None:
    database = limited(memory_store, documents_read=2)
    insert_all(database, "things", {}, {}, {})

    with pytest.raises(LimitError) as error:
        documents(query(database), "things")

    assert error.value.code == "TooManyDocumentsRead"
    assert error.value.message == (
        "Too many documents read in a single function execution (limit: 2). Consider using smaller "
        "limits in your queries, paginating your queries, or using indexed queries with a "
        "selective index range expressions."
    )
    assert len(documents(query(database), "things", count=2)) == 2


def test_each_get_of_a_document_counts(memory_store: MemoryStore) -> None:
    database = limited(memory_store, documents_read=2)
    document_id = insert(database, "things")
    transaction = query(database)
    transaction.get(document_id)
    transaction.get(document_id)

    with pytest.raises(LimitError):
        transaction.get(document_id)


def test_too_many_bytes_read_are_refused(memory_store: MemoryStore) -> None:
    database = limited(memory_store, bytes_read=300)
    insert_all(database, "things", {"a": "x" * 100}, {"a": "x" * 100})

    with pytest.raises(LimitError) as error:
        documents(query(database), "things")

    assert error.value.code == "TooManyBytesRead"
    assert error.value.message.startswith(
        "Too many bytes read in a single function execution (limit: 300 bytes). Consider using"
    )


def test_too_many_documents_written_are_refused(memory_store: MemoryStore) -> None:
    database = limited(memory_store, documents_written=2)
    transaction = mutation(database)
    transaction.insert("things", {})
    transaction.insert("things", {})

    with pytest.raises(LimitError, match=r"Too many writes .* \(limit: 2\)"):
        transaction.insert("things", {})


def test_too_many_reads_are_refused(memory_store: MemoryStore) -> None:
    database = limited(memory_store, intervals_read=2)
    transaction = query(database)
    transaction.table("a")
    transaction.table("b")

    with pytest.raises(LimitError, match=r"Too many reads .* \(limit: 2\)"):
        transaction.table("c")


def test_what_is_left_of_the_limits_is_known(memory_store: MemoryStore) -> None:
    database = limited(memory_store, documents_read=5, bytes_read=1_000)
    document_id = insert(database, "things", a="x" * 100)
    transaction = query(database)
    before = (transaction.documents_left, transaction.bytes_left)

    found = transaction.get(document_id)

    assert found is not None
    assert before == (5, 1_000)
    assert transaction.documents_left == 4
    assert transaction.bytes_left == 1_000 - len(found.document)
