"""What the schema allows a transaction to write, and the tables that it makes."""

from __future__ import annotations

import pytest

from realtime.database.database import Database
from realtime.database.transaction import Transaction
from realtime.errors import LimitError, NotFoundError, ValidationError
from realtime.storage.memory import MemoryStore
from realtime.values.ids import decode_id
from tests.unit.database.small_database import (
    MESSAGES,
    THINGS,
    commit,
    documents,
    insert,
    mutation,
    open_database,
    query,
    schema_of,
    table_of,
)
from tests.unit.database.transaction_documents import MESSAGE, body

# The schema


def test_document_that_does_not_fit_is_refused(database: Database) -> None:
    with pytest.raises(ValidationError) as error:
        mutation(database).insert("messages", {"session": "s", "text": 1.0})

    assert error.value.code == "SchemaValidationError"
    assert error.value.message.startswith(
        'Failed to insert or update a document in table "messages" because it does not match the '
        "schema: "
    )
    assert "Value: 1.0" in error.value.message


@pytest.mark.parametrize("verb", ["patch", "replace"])
def test_change_that_does_not_fit_is_refused(database: Database, verb: str) -> None:
    document_id = insert(database, "messages", **MESSAGE)
    transaction = mutation(database)

    with pytest.raises(ValidationError, match='in table "messages" because it does not match'):
        getattr(transaction, verb)(document_id, {"text": None})

    assert not transaction.write_set


def test_document_too_large_is_refused(database: Database) -> None:
    with pytest.raises(LimitError, match=r"^Value is too large \(1.50 MiB|^Value is too large"):
        mutation(database).insert("things", {"a": "x" * 1_572_864})


def test_field_with_an_underscore_is_refused(database: Database) -> None:
    with pytest.raises(ValidationError, match="starts with an underscore"):
        mutation(database).insert("things", {"_private": 1.0})


# Tables that are not declared


def test_insert_creates_a_table_that_is_not_declared(database: Database) -> None:
    document_id = insert(database, "events", kind="click")

    table = table_of(database, "events")
    assert decode_id(document_id).table_number == table.number
    assert list(table.indexes) == ["by_creation_time"]
    assert body(database, document_id) == {"kind": "click"}


def test_new_table_is_there_for_its_own_transaction(database: Database) -> None:
    transaction = mutation(database)

    first = transaction.insert("events", {"n": 1.0})
    second = transaction.insert("events", {"n": 2.0})

    table = transaction.table("events")
    assert table is not None
    assert transaction.table_of(first, "db.get") is table
    assert [each["_id"] for each in documents(transaction, "events")] == [first, second]
    assert query(database).table("events") is None


def test_two_new_tables_of_one_transaction_have_their_own_numbers_and_indexes(
    database: Database,
) -> None:
    def create(db: Transaction) -> tuple[str, str]:
        return db.insert("one", {"n": 1.0}), db.insert("two", {"n": 2.0})

    ((one, two),) = commit(database, create)

    assert decode_id(two).table_number == decode_id(one).table_number + 1
    assert [each["n"] for each in documents(query(database), "one")] == [1.0]
    assert [each["n"] for each in documents(query(database), "two")] == [2.0]


def test_table_of_a_failed_layer_is_gone(database: Database) -> None:
    transaction = mutation(database)
    writes = transaction.write_set
    assert writes is not None
    mark = writes.mark()

    document_id = transaction.insert("events", {})
    writes.roll_back_to(mark)

    assert transaction.table("events") is None
    assert transaction.table_of(document_id, "db.get") is None
    assert not writes


def test_system_table_is_not_created(database: Database) -> None:
    with pytest.raises(ValidationError) as error:
        mutation(database).insert("_events", {})

    assert error.value.message == "System tables (prefixed with `_`) are read-only."


def test_names_of_system_tables_are_known_by_their_numbers(database: Database) -> None:
    transaction = mutation(database)

    names = [transaction.table_name(number) for number in (513, 514, 515)]

    assert names == ["_storage", "_scheduled_functions", None]


def test_table_with_a_bad_name_is_not_created(database: Database) -> None:
    with pytest.raises(ValidationError, match="Identifier"):
        mutation(database).insert("two words", {})


def test_strict_schema_refuses_other_tables(memory_store: MemoryStore) -> None:
    database = open_database(memory_store, schema_of(MESSAGES, THINGS, strict_tables=True))

    with pytest.raises(NotFoundError) as error:
        mutation(database).insert("events", {})

    assert error.value.message == (
        "Table `events` is not declared in schema.py, which says STRICT_TABLES = True. "
        "Declared are `messages`, `things`"
    )
