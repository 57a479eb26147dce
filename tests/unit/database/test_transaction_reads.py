"""What a transaction reads, and what it has read of what is missing."""

from __future__ import annotations

import pytest

from realtime.database.catalog import TABLES, table_entry
from realtime.database.database import Database
from realtime.database.index_range import RangeBound
from realtime.errors import NotFoundError, ValidationError
from realtime.values.ids import decode_id
from realtime.values.index_key import encode_key
from tests.unit.database.small_database import (
    MESSAGES,
    THINGS,
    documents,
    insert,
    insert_all,
    mutation,
    query,
    table_of,
    take,
    texts,
)
from tests.unit.database.transaction_documents import MESSAGE, stored, unknown_id


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


def test_token_has_the_reads_and_the_timestamp(database: Database) -> None:
    document_id = insert(database, "things")
    transaction = query(database)
    transaction.get(document_id)

    token = transaction.token()

    assert token.timestamp == database.durable
    assert token.intervals() == transaction.read_set.intervals()


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
