"""One run's reads and writes, and the contract's texts for what it can't do.

Source: contract 5.7 and 5.9.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from realtime.database.catalog import TABLES, Catalog, TableInfo, table_entry
from realtime.database.database import Database, DatabaseLimits
from realtime.database.index_range import RangeBound
from realtime.database.limits import TransactionLimits
from realtime.database.transaction import Transaction
from realtime.errors import LimitError, NotFoundError, ValidationError
from realtime.storage.memory import MemoryStore
from realtime.testing import VirtualClock
from realtime.values.ids import decode_id, encode_id
from realtime.values.index_key import encode_key
from realtime.values.value import UNSET, Int64
from tests.unit.database.small_database import (
    MESSAGES,
    THINGS,
    commit,
    documents,
    insert,
    insert_all,
    mutation,
    open_database,
    query,
    schema_of,
    table_of,
    take,
    texts,
)

MESSAGE = {"session": "s", "text": "hello"}


def stored(database: Database, document_id: str) -> dict[str, Any] | None:
    record = query(database).get(document_id)
    return None if record is None else record.value


def body(database: Database, document_id: str) -> dict[str, Any]:
    document = stored(database, document_id)
    assert document is not None
    return {n: x for n, x in document.items() if n not in ("_id", "_creationTime")}


def unknown_id(number: int = 10_001) -> str:
    return encode_id(number, bytes(16))


# Reading


def test_document_is_got_by_its_id(database: Database) -> None:
    document_id = insert(database, "messages", **MESSAGE)

    found = stored(database, document_id)

    assert found is not None
    assert found == {**MESSAGE, "_id": document_id, "_creationTime": found["_creationTime"]}


def test_missing_document_is_none_and_its_absence_is_read(database: Database) -> None:
    transaction = query(database)

    assert transaction.get(unknown_id()) is None

    (interval,) = transaction.read_set.intervals()
    assert interval.contains(encode_key(unknown_id()))


def test_document_is_looked_up_once(database: Database) -> None:
    document_id = insert(database, "messages", **MESSAGE)
    transaction = query(database)

    assert transaction.get(document_id) is transaction.get(document_id)


def test_missing_table_is_none_and_its_absence_is_read(database: Database) -> None:
    transaction = query(database)

    assert transaction.table("later") is None

    (interval,) = transaction.read_set.intervals()
    assert interval.index_id == TABLES
    assert interval.contains(table_entry("later").key)


def test_existing_table_is_found_without_a_read(database: Database) -> None:
    transaction = query(database)

    table = transaction.table("messages")

    assert table is table_of(database, "messages")
    assert transaction.read_set.intervals() == ()


def test_names_of_tables_are_read_together(database: Database) -> None:
    transaction = query(database)

    assert transaction.table_names() == sorted([MESSAGES.name, THINGS.name])

    (interval,) = transaction.read_set.intervals()
    assert interval.index_id == TABLES
    assert interval.contains(table_entry("later").key)


def test_new_table_is_among_the_names_for_its_own_transaction(database: Database) -> None:
    transaction = mutation(database)
    transaction.insert("anew", {})

    assert "anew" in transaction.table_names()
    assert "anew" not in query(database).table_names()


def test_table_of_an_id_is_found(database: Database) -> None:
    document_id = insert(database, "messages", **MESSAGE)
    transaction = query(database)

    table = transaction.table_of(document_id, "db.get")

    assert table is not None
    assert table.name == "messages"
    assert transaction.table_name(table.number) == "messages"


def test_missing_table_number_is_none_and_its_absence_is_read(database: Database) -> None:
    number = decode_id(insert(database, "messages", **MESSAGE)).table_number + 7
    transaction = query(database)
    woken: list[str] = []

    assert transaction.table_of(unknown_id(number), "db.get") is None
    assert transaction.table_name(number) is None

    database.subscriptions.subscribe(transaction.token(), lambda: woken.append("woken"))
    for name in "abcdefg":
        insert(database, name)
    assert table_of(database, "g").number >= number
    assert woken == ["woken"]


def test_id_that_cannot_be_decoded_is_refused_with_the_operation(database: Database) -> None:
    with pytest.raises(ValidationError) as error:
        query(database).table_of("short", "db.get")

    assert error.value.message == (
        "Invalid argument `id` for `db.get`: Unable to decode ID: Invalid ID length 5"
    )


def test_index_is_found_by_name(database: Database) -> None:
    transaction, table = query(database), table_of(database, "messages")

    assert transaction.index(table, "by_session") is table.indexes["by_session"]
    assert transaction.index(table, "by_creation_time").fields == ("_creationTime", "_id")
    assert transaction.index(table, "by_id").fields == ("_id",)


def test_unknown_index_is_refused_with_those_there_are(database: Database) -> None:
    with pytest.raises(NotFoundError) as error:
        query(database).index(table_of(database, "messages"), "by_sesion")

    assert error.value.message == (
        "Index messages.by_sesion not found. It has `by_creation_time`, `by_session`, "
        "`by_session_at`, `by_id`"
    )


@pytest.mark.parametrize("descending", [False, True])
def test_documents_of_one_table_are_read_by_id(database: Database, descending: bool) -> None:
    things = insert_all(database, "things", {}, {}, {})
    insert_all(database, "messages", MESSAGE, MESSAGE)

    found = documents(query(database), "things", "by_id", descending=descending)

    assert [each["_id"] for each in found] == sorted(things, reverse=descending)


def test_range_of_ids_is_read_with_bounds(database: Database) -> None:
    first, second, third = sorted(insert_all(database, "things", {}, {}, {}))

    found = documents(query(database), "things", "by_id", {}, RangeBound("_id", "gt", first))
    equal = documents(query(database), "things", "by_id", {"_id": second})

    assert [each["_id"] for each in found] == [second, third]
    assert [each["_id"] for each in equal] == [second]


def test_pending_documents_are_read_by_id_in_their_table_alone(database: Database) -> None:
    transaction = mutation(database)
    thing = transaction.insert("things", {})
    transaction.insert("messages", MESSAGE)

    found = documents(transaction, "things", "by_id")

    assert [each["_id"] for each in found] == [thing]


# Writing


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


# Limits


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


# The token


def test_token_has_the_reads_and_the_timestamp(database: Database) -> None:
    document_id = insert(database, "things")
    transaction = query(database)
    transaction.get(document_id)

    token = transaction.token()

    assert token.timestamp == database.durable
    assert token.intervals() == transaction.read_set.intervals()


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


def test_scan_can_begin_behind_a_key_and_end_with_one(database: Database) -> None:
    for number in range(5):
        insert(database, "things", a=float(number))
    transaction = query(database)
    table = transaction.table("things")
    assert table is not None
    index = transaction.index(table, "by_a")
    keys = [index.entry(found).key for found in documents(transaction, "things", "by_a")]

    part = transaction.open_scan(
        table, index, {}, (), descending=False, after=keys[0], until=keys[3]
    )

    assert texts(take(part), "a") == [1.0, 2.0, 3.0]
