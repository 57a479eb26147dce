"""A start with another schema: everything is checked and indexed, or nothing is changed."""

from __future__ import annotations

from typing import Any

import pytest

from realtime.database.catalog import IndexInfo
from realtime.database.database import Database
from realtime.errors import DefinitionError, OverloadedError, StorageError
from realtime.schema.schema import Table
from realtime.storage.memory import MemoryStore
from realtime.storage.persistence import Reader
from realtime.storage.records import Revision, RowWrite, StoredRow
from realtime.storage.sqlite import SqliteStore
from realtime.testing import VirtualClock
from realtime.values.validators import v
from tests.unit.database.small_database import (
    commit,
    documents,
    insert,
    insert_all,
    open_database,
    query,
    schema_of,
    texts,
)

Store = MemoryStore | SqliteStore


def notes(documents: Any, **indexes: list[str]) -> Table:
    return Table("notes", documents, indexes=indexes)


PLAIN = schema_of(notes(v.any()))
BY_TEXT = schema_of(notes(v.any(), by_text=["text"]))
STRINGS = schema_of(notes(v.object({"text": v.string()})))


def everything(reader: Reader) -> list[list[StoredRow]]:
    """All rows of the first indexes."""
    return [reader.scan(n, b"", None, descending=False, limit=5_000) for n in range(20)]


def restarted(store: Store, schema: Any, clock: VirtualClock | None = None) -> Database:
    """A database on the same store; its randomness is not that of the start before."""
    return open_database(store, schema, clock=clock or VirtualClock(seed=1))


def test_first_start_creates_the_declared_tables(store: Store) -> None:
    database = open_database(store, BY_TEXT)

    recovered = store.recover()
    assert [row.name for row in recovered.tables] == ["notes"]
    assert [row.name for row in recovered.indexes] == ["by_creation_time", "by_text"]
    assert recovered.schema_digest == BY_TEXT.digest()
    assert recovered.last_timestamp == database.durable > 0
    database.close()


def test_secret_is_made_once_and_stays_through_a_change_of_the_schema(store: Store) -> None:
    database = open_database(store, PLAIN)
    secret = database.secret
    database.close()
    assert store.recover().secret == secret
    assert len(secret) == 32

    database = restarted(store, PLAIN)
    assert database.secret == secret
    database.close()
    database = restarted(store, BY_TEXT)

    assert database.secret == secret
    assert store.recover().secret == secret
    database.close()


def test_new_table_is_created_beside_the_others(store: Store) -> None:
    open_database(store, PLAIN).close()

    database = restarted(store, schema_of(notes(v.any()), Table("more", v.any())))

    numbers = {name: table.number for name, table in database.catalog.tables.items()}
    assert numbers == {"notes": 10_001, "more": 10_002}
    insert(database, "more", a=1.0)
    assert len(documents(query(database), "more")) == 1
    database.close()


@pytest.mark.parametrize("count", [0, 3, 1_100])
def test_new_index_is_filled_with_the_stored_documents(store: Store, count: int) -> None:
    database = open_database(store, PLAIN)
    insert_all(database, "notes", *({"text": f"{n % 7}"} for n in range(count)))
    before = everything(database.generations.current.reader)[0]
    database.close()

    database = restarted(store, BY_TEXT)

    found = documents(query(database), "notes", "by_text")
    assert texts(found) == sorted(f"{n % 7}" for n in range(count))
    assert everything(database.generations.current.reader)[0] == before
    database.close()


def test_new_index_is_kept_up_to_date_from_then_on(store: Store) -> None:
    database = open_database(store, PLAIN)
    old = insert(database, "notes", text="b")
    database.close()
    database = restarted(store, BY_TEXT)

    insert(database, "notes", text="a")
    commit(database, lambda db: db.patch(old, {"text": "c"}))

    assert texts(documents(query(database), "notes", "by_text")) == ["a", "c"]
    database.close()


def test_index_that_is_no_longer_declared_is_dropped(store: Store) -> None:
    database = open_database(store, BY_TEXT)
    index_id = database.catalog.tables["notes"].indexes["by_text"].index_id
    insert(database, "notes", text="a")
    database.close()

    database = restarted(store, PLAIN)

    assert list(database.catalog.tables["notes"].indexes) == ["by_creation_time"]
    assert [row.name for row in store.recover().indexes] == ["by_creation_time"]
    assert everything(store.engine)[index_id] == []
    insert(database, "notes", text="b")
    assert len(documents(query(database), "notes")) == 2
    database.close()


def test_index_with_other_fields_is_filled_anew(store: Store) -> None:
    database = open_database(store, BY_TEXT)
    insert_all(database, "notes", {"text": "a", "other": 2.0}, {"text": "b", "other": 1.0})
    database.close()

    database = restarted(store, schema_of(notes(v.any(), by_text=["other"])))

    assert texts(documents(query(database), "notes", "by_text")) == ["b", "a"]
    database.close()


def test_unchanged_index_keeps_its_rows(store: Store) -> None:
    database = open_database(store, BY_TEXT)
    insert(database, "notes", text="a")
    before = everything(store.engine)
    index = database.catalog.tables["notes"].indexes["by_text"]
    database.close()

    database = restarted(store, schema_of(notes(v.any(), by_text=["text"], by_more=["more"])))

    assert database.catalog.tables["notes"].indexes["by_text"] == index
    after = everything(store.engine)
    assert after[index.index_id] == before[index.index_id]
    assert len(after[index.index_id + 1]) == 1
    database.close()


def test_table_that_was_created_by_an_insert_can_be_declared_later(store: Store) -> None:
    database = open_database(store, PLAIN)
    event = insert(database, "events", text="x")
    database.close()

    events = Table("events", v.object({"text": v.string()}), indexes={"by_text": ["text"]})
    database = restarted(store, schema_of(notes(v.any()), events))

    found = documents(query(database), "events", "by_text", {"text": "x"})
    assert texts(found, "_id") == [event]
    database.close()


def test_table_that_is_no_longer_declared_keeps_its_documents_and_indexes(store: Store) -> None:
    database = open_database(
        store, schema_of(notes(v.any(), by_text=["text"]), Table("t", v.any()))
    )
    insert(database, "notes", text="a")
    database.close()

    database = restarted(store, schema_of(Table("t", v.any())))

    insert(database, "notes", text="b", anything=1.0)
    assert texts(documents(query(database), "notes", "by_text")) == ["a", "b"]
    database.close()


# Documents that do not fit


@pytest.mark.parametrize("bad_position", [0, 600])
def test_document_that_does_not_fit_is_named_with_its_field(
    store: Store, bad_position: int
) -> None:
    database = open_database(store, PLAIN)
    fields = [{"text": "fine"} for _ in range(700)]
    fields[bad_position] = {"text": 5.0}  # type: ignore[dict-item]
    created = insert_all(database, "notes", *fields)
    database.close()

    with pytest.raises(DefinitionError) as error:
        restarted(store, STRINGS)

    message = error.value.reason
    assert message.startswith(
        f'Document with ID "{created[bad_position]}" in table "notes" does not match the schema: '
    )
    assert ".text" in message
    assert "Value: 5.0" in message
    assert message.endswith(
        "The stored data is untouched. Change schema.py so that it allows this document, or change "
        "the document first"
    )


def test_document_that_does_not_fit_leaves_the_store_untouched(store: Store) -> None:
    database = open_database(store, PLAIN)
    insert_all(database, "notes", {"text": "fine"}, {"text": 5.0})
    database.close()
    before, rows = store.recover(), everything(store.engine)
    strict_and_indexed = schema_of(
        Table("first", v.any()), notes(v.object({"text": v.string()}), by_text=["text"])
    )

    with pytest.raises(DefinitionError):
        restarted(store, strict_and_indexed)

    assert not store.in_transaction
    assert store.recover() == before
    assert everything(store.engine) == rows
    database = restarted(store, PLAIN)
    assert len(documents(query(database), "notes")) == 2
    database.close()


def test_id_fields_are_checked_against_the_tables_there_are(store: Store) -> None:
    database = open_database(store, schema_of(Table("users", v.any()), Table("posts", v.any())))
    user = insert(database, "users")
    insert(database, "posts", author=user)
    database.close()

    def linked(table: str) -> Any:
        return schema_of(Table("posts", v.object({"author": v.id(table)})), Table("users", v.any()))

    with pytest.raises(DefinitionError, match="does not match the schema"):
        restarted(store, linked("posts"))
    restarted(store, linked("users")).close()


def test_document_that_is_newer_than_the_last_revision_says_is_checked_too(store: Store) -> None:
    database = open_database(store, PLAIN)
    insert(database, "notes", text=5.0)
    newest = database.durable + 1
    database.close()
    store.begin()
    store.write_revision(Revision(newest, newest, 0.0, b""))
    store.commit()

    with pytest.raises(DefinitionError, match="does not match the schema"):
        restarted(store, STRINGS)


# The digest


class CountingStore(MemoryStore):
    """A store that counts the scans and writes of the engine."""

    def __init__(self) -> None:
        super().__init__()
        self.begins = 0
        self.written = 0

    def begin(self) -> None:
        self.begins += 1
        super().begin()

    def write_rows(self, writes: Any) -> None:
        self.written += len(list[RowWrite](writes))
        super().write_rows(writes)


def test_same_digest_checks_and_writes_nothing() -> None:
    store = CountingStore()
    database = open_database(store, BY_TEXT)
    insert_all(database, "notes", {"text": "a"}, {"text": "b"})
    before = store.recover()
    database.close()
    store.begins = store.written = 0

    database = restarted(store, schema_of(notes(v.any(), by_text=["text"])))

    assert (store.begins, store.written) == (0, 0)
    assert store.recover() == before
    assert database.durable == before.last_timestamp
    database.close()


def test_same_digest_does_not_look_at_the_documents(store: Store) -> None:
    database = open_database(store, STRINGS)
    database.close()
    store.begin()
    document = b'{"_creationTime":1,"_id":"i","text":5}'
    store.write_rows([RowWrite(1, document, is_new=True, removed=[], added=[(1, b"wrong")])])
    store.commit()

    database = restarted(store, STRINGS)

    assert database.catalog.tables["notes"].number == 10_001
    database.close()


def test_other_digest_checks_again(store: Store) -> None:
    database = open_database(store, PLAIN)
    insert(database, "notes", text=5.0)
    database.close()

    with pytest.raises(DefinitionError):
        restarted(store, STRINGS)


def test_change_of_the_schema_is_a_commit(store: Store) -> None:
    clock = VirtualClock()
    database = open_database(store, PLAIN, clock=clock)
    insert(database, "notes", text="a")
    before = database.durable
    checksum = store.recover().last_checksum
    database.close()
    clock.advance(-60)

    database = restarted(store, BY_TEXT, clock)

    assert database.durable > before
    recovered = store.recover()
    assert recovered.last_timestamp == database.durable
    assert recovered.last_checksum == checksum
    assert recovered.schema_digest == BY_TEXT.digest()
    database.close()


def test_busy_file_is_reported_and_left_alone(memory_store: MemoryStore) -> None:
    def refuse() -> None:
        raise OverloadedError("busy")

    memory_store.before_commit = refuse

    with pytest.raises(OverloadedError):
        open_database(memory_store, PLAIN)


def test_store_that_ended_the_transaction_itself_is_not_rolled_back_again(store: Store) -> None:
    database = open_database(store, PLAIN)
    insert(database, "notes", text="a")
    by_text = database.catalog.next_index_id
    document = documents(query(database), "notes")[0]
    database.close()
    # The entry that the new index will have is already there: the store refuses to add it.
    taken = IndexInfo.of(by_text, "notes", "by_text", ("text",)).entry(document)
    (row,) = store.engine.scan(0, b"", None, descending=False, limit=1)
    store.begin()
    store.write_rows(
        [RowWrite(row.locator, row.document, is_new=False, removed=[], added=[taken[:2]])]
    )
    store.commit()

    with pytest.raises(StorageError):
        restarted(store, BY_TEXT)

    assert not store.in_transaction
    restarted(store, PLAIN).close()
