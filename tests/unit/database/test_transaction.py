"""What one transaction writes, and the texts for what it cannot (contract 5.7 and 5.9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from realtime.database.catalog import Catalog, TableInfo
from realtime.database.database import Database
from realtime.database.limits import TransactionLimits
from realtime.database.transaction import Transaction
from realtime.errors import LimitError, NotFoundError, ValidationError
from realtime.testing import VirtualClock
from realtime.values.value import UNSET, Int64
from tests.unit.database.small_database import (
    commit,
    documents,
    insert,
    insert_all,
    mutation,
    query,
)
from tests.unit.database.transaction_documents import MESSAGE, body, stored, unknown_id


def test_insert_is_visible_to_its_own_transaction_and_no_other(database: Database) -> None:
    transaction = mutation(database)

    document_id = transaction.insert("messages", MESSAGE)

    found = transaction.get(document_id)
    assert found is not None
    assert found.value["text"] == "hello"
    assert stored(database, document_id) is None


def test_unset_fields_of_a_new_document_are_left_out(database: Database) -> None:
    document_id = insert(database, "messages", **MESSAGE, at=UNSET)

    assert body(database, document_id) == MESSAGE


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("_id", r"Provided document ID \w{32} doesn't match '_id' field x"),
        (
            "_creationTime",
            r"Provided creation time \d+\.0 doesn't match '_creationTime' field in "
            r'{_creationTime: "x"}',
        ),
    ],
)
def test_new_document_with_a_system_field_is_refused(
    database: Database, name: str, text: str
) -> None:
    with pytest.raises(ValidationError, match=text):
        mutation(database).insert("things", {name: "x"})


def test_there_are_at_most_10_000_tables(database: Database) -> None:
    def transaction_with(table_count: int) -> Transaction:
        transaction = mutation(database)
        tables = {
            f"t{number}": TableInfo(20_000 + number, f"t{number}", {}, None)
            for number in range(table_count)
        }
        snapshot: Any = None  # inserting reads nothing
        return Transaction(
            snapshot,
            Catalog(tables, 1),
            transaction.timestamp,
            limits=TransactionLimits(),
            allocator=database.allocator,
        )

    last = transaction_with(9_999)
    last.insert("one", {})

    with pytest.raises(LimitError, match=r"^Number of tables cannot exceed 10000\.$"):
        last.insert("another", {})


def test_creation_times_rise_within_and_across_transactions(
    database: Database, clock: VirtualClock
) -> None:
    first = insert_all(database, "things", {}, {})
    clock.advance(-3_600)
    second = insert_all(database, "things", {})
    clock.advance(7_200)
    third = insert_all(database, "things", {})

    found = documents(query(database), "things")

    assert [each["_id"] for each in found] == first + second + third
    assert found[-1]["_creationTime"] == clock.now_ns() / 1e6


def test_patch_sets_keeps_and_removes_fields(database: Database) -> None:
    document_id = insert(database, "things", keep=1.0, change={"a": 1.0, "b": 2.0}, drop="x")

    commit(
        database, lambda db: db.patch(document_id, {"change": {"a": 5.0}, "drop": UNSET, "new": []})
    )

    assert body(database, document_id) == {"keep": 1.0, "change": {"a": 5.0}, "new": []}


def test_replace_sets_the_whole_body_and_keeps_the_system_fields(database: Database) -> None:
    document_id = insert(database, "things", old=1.0)
    before = stored(database, document_id)
    assert before is not None

    commit(database, lambda db: db.replace(document_id, {"new": 2.0, "gone": UNSET}))

    assert stored(database, document_id) == {
        "_id": document_id,
        "_creationTime": before["_creationTime"],
        "new": 2.0,
    }


def test_delete_removes_the_document(database: Database) -> None:
    document_id = insert(database, "things")

    commit(database, lambda db: db.delete(document_id))

    assert stored(database, document_id) is None
    assert documents(query(database), "things") == []


def test_system_fields_may_be_given_as_they_are(database: Database) -> None:
    document_id = insert(database, "things", a=1.0)
    document = stored(database, document_id)
    assert document is not None

    commit(database, lambda db: db.replace(document_id, {**document, "a": 2.0}))
    commit(database, lambda db: db.patch(document_id, {"_id": document_id, "b": 3.0}))

    assert body(database, document_id) == {"a": 2.0, "b": 3.0}


@pytest.mark.parametrize("verb", ["patch", "replace"])
def test_other_id_is_refused(database: Database, verb: str) -> None:
    document_id = insert(database, "things")
    transaction = mutation(database)

    with pytest.raises(ValidationError) as error:
        getattr(transaction, verb)(document_id, {"_id": "x"})

    assert error.value.message == (
        f"Provided document ID {document_id} doesn't match '_id' field x"
    )


def test_other_creation_time_is_refused(database: Database) -> None:
    document_id = insert(database, "things")
    document = stored(database, document_id)
    assert document is not None

    with pytest.raises(ValidationError) as error:
        mutation(database).patch(document_id, {"_creationTime": 1.0})

    assert error.value.message == (
        f"Provided creation time {document['_creationTime']} doesn't match '_creationTime' field "
        "in {_creationTime: 1.0}"
    )


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda db, x: db.patch(x, {}), "Update"),
        (lambda db, x: db.replace(x, {}), "Replace"),
        (lambda db, x: db.delete(x), "Delete"),
    ],
)
@pytest.mark.parametrize("table_number", [10_001, 10_999])
def test_change_of_a_missing_document_is_refused(
    database: Database,
    change: Callable[[Transaction, str], None],
    text: str,
    table_number: int,
) -> None:
    missing = unknown_id(table_number)

    with pytest.raises(NotFoundError) as error:
        change(mutation(database), missing)

    assert error.value.message == f"{text} on nonexistent document ID {missing}"


@pytest.mark.parametrize(
    ("change", "operation"),
    [
        (lambda db, x: db.patch(x, {}), "db.patch"),
        (lambda db, x: db.replace(x, {}), "db.replace"),
        (lambda db, x: db.delete(x), "db.delete"),
    ],
)
def test_change_of_what_is_no_id_is_refused(
    database: Database, change: Callable[[Transaction, str], None], operation: str
) -> None:
    with pytest.raises(ValidationError) as error:
        change(mutation(database), "u" * 32)

    assert error.value.message == (
        f"Invalid argument `id` for `{operation}`: Unable to decode ID: ID wasn't valid base32"
    )


def test_deleted_document_is_missing_for_its_own_transaction(database: Database) -> None:
    document_id = insert(database, "things")
    transaction = mutation(database)

    transaction.delete(document_id)

    assert transaction.get(document_id) is None
    with pytest.raises(NotFoundError):
        transaction.patch(document_id, {})


@pytest.mark.parametrize(
    "change",
    [
        lambda db, x: db.patch(x, {}),
        lambda db, x: db.patch(x, {"a": 1.0, "none": UNSET}),
        lambda db, x: db.replace(x, {"a": 1.0}),
    ],
)
def test_change_that_changes_nothing_writes_nothing(
    database: Database, change: Callable[[Transaction, str], None]
) -> None:
    document_id = insert(database, "things", a=1.0)
    transaction = mutation(database)

    change(transaction, document_id)

    assert not transaction.write_set


@pytest.mark.parametrize(
    ("old", "new"), [(0.0, -0.0), (1.0, Int64(1)), (1.0, True), ("", b""), (None, UNSET)]
)
def test_change_to_a_value_that_python_calls_equal_is_a_change(
    database: Database, old: Any, new: Any
) -> None:
    document_id = insert(database, "things", a=old)

    commit(database, lambda db: db.patch(document_id, {"a": new}))

    found = documents(query(database), "things", "by_a", {"a": new})
    assert [each["_id"] for each in found] == [document_id]
    assert documents(query(database), "things", "by_a", {"a": old}) == []


def test_nested_field_that_changes_moves_its_index_entry(database: Database) -> None:
    document_id = insert(database, "things", inner={"x": 1.0})

    commit(database, lambda db: db.patch(document_id, {"inner": {"x": 2.0}}))

    assert documents(query(database), "things", "by_inner", {"inner.x": 1.0}) == []
    assert len(documents(query(database), "things", "by_inner", {"inner.x": 2.0})) == 1


def test_second_change_in_a_transaction_starts_from_the_stored_entries(
    database: Database,
) -> None:
    document_id = insert(database, "things", a="stored")

    def change(db: Transaction) -> None:
        db.patch(document_id, {"a": "first"})
        db.patch(document_id, {"a": "stored", "b": 1.0})

    commit(database, change)

    assert len(documents(query(database), "things", "by_a", {"a": "stored"})) == 1
    assert documents(query(database), "things", "by_a", {"a": "first"}) == []
