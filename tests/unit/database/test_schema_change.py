"""A schema becomes active in steps, between which everybody reads and writes on."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from realtime.database.database import Database
from realtime.errors import DefinitionError, NotFoundError, StorageFullError, ValidationError
from realtime.schema.schema import Schema, Table
from realtime.storage.memory import MemoryStore
from realtime.storage.sqlite import SqliteStore
from realtime.testing import VirtualClock
from realtime.values.validators import v
from tests.unit.database.changing_schema import Change, adopt, check_indexes, entries_of
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


def notes(document: Any, **indexes: list[str]) -> Table:
    return Table("notes", document, indexes=indexes)


PLAIN = schema_of(notes(v.any()))
BY_TEXT = schema_of(notes(v.any(), by_text=["text"]))
STRINGS = schema_of(notes(v.object({"text": v.string()})))


@pytest.fixture
def plain(store: Store) -> Database:
    """A database with some notes and no index on them."""
    database = open_database(store, PLAIN)
    insert_all(database, "notes", *({"text": f"{n % 3}"} for n in range(5)))
    return database


def pending(database: Database, store: Store, schema: Schema) -> Change:
    change = Change(database, store, schema)
    change.begin()
    return change


# A change that succeeds


def test_index_is_filled_while_documents_come_change_and_go(plain: Database, store: Store) -> None:
    first, second, third, fourth, fifth = (d["_id"] for d in documents(query(plain), "notes"))
    change = pending(plain, store, BY_TEXT)
    change.read(limit=2)

    commit(plain, lambda db: db.patch(first, {"text": "read, patched"}))
    commit(plain, lambda db: db.delete(second))
    commit(plain, lambda db: db.patch(third, {"text": "unread, patched"}))
    commit(plain, lambda db: db.delete(fourth))
    new = insert(plain, "notes", text="new")
    short_lived = insert(plain, "notes", text="new, deleted")
    commit(plain, lambda db: db.delete(short_lived))
    commit(plain, lambda db: db.patch(new, {"text": "new, patched"}))
    change.read_all()
    commit(plain, lambda db: db.patch(fifth, {"text": "late"}))
    change.finish()

    found = documents(query(plain), "notes", "by_text")
    assert texts(found) == ["late", "new, patched", "read, patched", "unread, patched"]
    check_indexes(store, plain)


def test_active_schema_serves_until_the_end(plain: Database, store: Store) -> None:
    change = pending(plain, store, BY_TEXT)
    while True:
        with pytest.raises(NotFoundError) as refusal:
            documents(query(plain), "notes", "by_text")
        assert str(refusal.value) == (
            "Index notes.by_text is currently backfilling and not available to query yet."
        )
        assert refusal.value.code == "IndexBackfilling"
        if not change.read():
            break

    change.finish()

    assert len(documents(query(plain), "notes", "by_text")) == 5


def test_snapshot_keeps_the_schema_of_its_time(plain: Database, store: Store) -> None:
    held = plain.generations.current
    assert plain.generations.try_hold(held, VirtualClock().monotonic_seconds())
    before = plain.begin_query(held)
    adopt(plain, store, BY_TEXT)

    with pytest.raises(NotFoundError):
        documents(before, "notes", "by_text")
    assert len(documents(before, "notes")) == 5
    plain.generations.release(held)


def test_table_numbers_stay(plain: Database, store: Store) -> None:
    number = plain.catalog.tables["notes"].number
    adopt(plain, store, schema_of(Table("a", v.any()), notes(v.any(), by_text=["text"])))

    assert plain.catalog.tables["notes"].number == number
    assert plain.catalog.tables["a"].number == number + 1


def test_index_over_other_fields_replaces_the_one_of_its_name(store: Store) -> None:
    database = open_database(store, BY_TEXT)
    insert_all(database, "notes", {"text": "a", "other": 2.0}, {"text": "b", "other": 1.0})
    change = pending(database, store, schema_of(notes(v.any(), by_text=["other"])))
    change.read_all()
    before = texts(documents(query(database), "notes", "by_text"))
    change.finish()

    assert before == ["a", "b"]
    assert texts(documents(query(database), "notes", "by_text")) == ["b", "a"]
    change.clear_all()
    check_indexes(store, database)
    assert store.recover().unlisted_indexes == ()


def test_renamed_index_is_built_anew_and_the_old_one_cleared(store: Store) -> None:
    database = open_database(store, BY_TEXT)
    insert_all(database, "notes", *({"text": f"{n}"} for n in range(5)))
    old = database.catalog.tables["notes"].indexes["by_text"].index_id
    change = pending(database, store, schema_of(notes(v.any(), renamed=["text"])))
    change.read_all()
    change.finish()

    left: list[int] = []
    while True:
        left.append(len(entries_of(store, old)))
        assert store.recover().unlisted_indexes == (old,)
        if not change.clear():
            break
    assert left == [5, 3, 1]
    assert entries_of(store, old) == [] and store.recover().unlisted_indexes == ()
    assert len(documents(query(database), "notes", "renamed")) == 5


def test_change_without_anything_to_read_is_one_step(plain: Database, store: Store) -> None:
    change = pending(plain, store, schema_of(notes(v.any()), Table("more", v.any())))

    assert change.position is None
    assert plain.catalog.pending is None and "more" in plain.catalog.tables
    assert store.recover().schema_digest == plain.catalog.schema.digest()


def test_new_table_wakes_those_who_found_it_missing(plain: Database, store: Store) -> None:
    transaction = query(plain)
    assert transaction.table("more") is None
    woken: list[bool] = []
    plain.subscriptions.subscribe(transaction.token(), lambda: woken.append(True))

    adopt(plain, store, schema_of(notes(v.any()), Table("more", v.any())))

    assert woken == [True]


def test_table_that_an_insert_creates_meanwhile_has_its_indexes(
    plain: Database, store: Store
) -> None:
    events = Table("events", v.object({"text": v.string()}), indexes={"by_text": ["text"]})
    change = pending(plain, store, schema_of(notes(v.any(), by_text=["text"]), events))
    insert(plain, "events", text="b")
    insert(plain, "events", text="a")
    with pytest.raises(NotFoundError, match="backfilling"):
        documents(query(plain), "events", "by_text")
    change.read_all()
    change.finish()

    assert texts(documents(query(plain), "events", "by_text")) == ["a", "b"]
    check_indexes(store, plain)


def test_step_ends_when_it_has_taken_long_enough(store: Store) -> None:
    database = open_database(store, PLAIN)
    insert_all(database, "notes", *({"text": f"{n}"} for n in range(100)))
    change = pending(database, store, BY_TEXT)

    change.read(limit=1_000, is_over=lambda: True)

    index = database.catalog.tables["notes"].pending
    assert index is not None
    assert 0 < len(entries_of(store, index.indexes["by_text"].index_id)) < 100


def test_step_that_is_not_durable_is_taken_again(memory_store: MemoryStore) -> None:
    database = open_database(memory_store, PLAIN)
    insert_all(database, "notes", *({"text": f"{n}"} for n in range(5)))
    change = pending(database, memory_store, BY_TEXT)

    def refuse() -> None:
        memory_store.before_commit = None
        raise StorageFullError("No room, for once")

    memory_store.before_commit = refuse
    with pytest.raises(StorageFullError):
        change.read()
    change.read_all()
    change.finish()

    check_indexes(memory_store, database)


# A change that does not fit


def test_stored_document_that_does_not_fit_is_named_and_the_old_schema_stays(
    plain: Database, store: Store
) -> None:
    bad = insert(plain, "notes", text=5.0)
    strict = schema_of(notes(v.object({"text": v.string()}), by_text=["text"]))
    change = pending(plain, store, strict)

    with pytest.raises(DefinitionError) as refusal:
        change.read_all()
    change.abandon()
    change.clear_all()

    assert refusal.value.reason.startswith(
        f'Document with ID "{bad}" in table "notes" does not match the schema: '
    )
    assert ".text" in refusal.value.reason
    assert plain.catalog.schema is PLAIN and plain.catalog.pending is None
    assert store.recover().schema_digest == PLAIN.digest()
    insert(plain, "notes", anything=1.0)
    check_indexes(store, plain)


def test_write_that_does_not_fit_the_pending_schema_succeeds_and_drops_it(
    plain: Database, store: Store
) -> None:
    change = pending(plain, store, STRINGS)
    bad = insert(plain, "notes", text=5.0)

    with pytest.raises(DefinitionError) as refusal:
        change.read()

    assert refusal.value.reason.startswith(
        'New document in table "notes" does not match the schema: '
    )
    assert ".text" in refusal.value.reason and bad in refusal.value.reason
    assert len(documents(query(plain), "notes")) == 6


def test_misfit_that_was_written_after_the_last_read_keeps_the_schema_out(
    plain: Database, store: Store
) -> None:
    change = pending(plain, store, STRINGS)
    change.read_all()
    insert(plain, "notes", text=5.0)

    with pytest.raises(DefinitionError, match="New document"):
        change.finish()

    assert plain.catalog.schema is PLAIN


def test_first_misfit_is_the_one_that_is_told(plain: Database, store: Store) -> None:
    change = pending(plain, store, STRINGS)
    first = insert(plain, "notes", text=5.0)
    second = insert(plain, "notes", text=6.0)

    with pytest.raises(DefinitionError) as refusal:
        change.read()

    assert first in refusal.value.reason and second not in refusal.value.reason


def test_document_deleted_while_a_schema_is_pending_need_not_fit_it(store: Store) -> None:
    database = open_database(store, PLAIN)
    bad = insert(database, "notes", text=5.0)
    change = pending(database, store, STRINGS)

    commit(database, lambda db: db.delete(bad))
    change.read_all()
    change.finish()

    assert database.catalog.schema is STRINGS
    check_indexes(store, database)


def test_table_that_the_pending_schema_leaves_alone_takes_anything(store: Store) -> None:
    database = open_database(store, PLAIN)
    insert(database, "notes", text="a")
    insert(database, "events", text="a")
    change = pending(database, store, STRINGS)

    insert(database, "events", text=5.0)
    change.read_all()
    change.finish()

    assert database.catalog.schema is STRINGS
    assert len(documents(query(database), "events")) == 2


def test_misfit_of_a_batch_that_failed_does_not_count(memory_store: MemoryStore) -> None:
    database = open_database(memory_store, PLAIN)
    insert(database, "notes", text="a")
    change = pending(database, memory_store, STRINGS)

    def refuse() -> None:
        memory_store.before_commit = None
        raise StorageFullError("No room, for once")

    memory_store.before_commit = refuse
    with pytest.raises(StorageFullError):
        insert(database, "notes", text=5.0)
    change.read_all()
    change.finish()

    assert database.catalog.schema is STRINGS


def test_write_must_fit_the_active_schema_while_a_wider_one_is_pending(store: Store) -> None:
    database = open_database(store, STRINGS)
    insert(database, "notes", text="a")
    change = pending(database, store, PLAIN)

    with pytest.raises(ValidationError, match="does not match the schema"):
        insert(database, "notes", text=5.0)
    database.committer.roll_back()
    change.read_all()
    change.finish()

    insert(database, "notes", text=5.0)


def test_abandoned_change_can_be_followed_by_another(plain: Database, store: Store) -> None:
    change = pending(plain, store, BY_TEXT)
    change.read()
    change.abandon()

    adopt(plain, store, schema_of(notes(v.any(), by_other=["text"])))

    assert len(documents(query(plain), "notes", "by_other")) == 5
    check_indexes(store, plain)


def test_change_that_was_left_pending_is_dropped_by_the_next(plain: Database, store: Store) -> None:
    left = pending(plain, store, STRINGS)
    insert(plain, "notes", text=5.0)

    adopt(plain, store, BY_TEXT)

    assert left.position is not None
    assert len(documents(query(plain), "notes", "by_text")) == 6
    check_indexes(store, plain)
    assert store.recover().unlisted_indexes == ()


# Crashes


class Restarts:
    """Starts on a copy of the file as it is at that moment, as after a loss of power."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = 0

    def start(self, schema: Schema) -> tuple[Database, SqliteStore]:
        self._count += 1
        folder = self._path.parent / str(self._count)
        folder.mkdir()
        for file in self._path.parent.glob("data.sqlite*"):
            shutil.copy(file, folder)
        store = SqliteStore.open(folder / "data.sqlite")
        return open_database(store, schema, clock=VirtualClock(seed=self._count)), store


def check_restart(restarts: Restarts, schema: Schema, index: str, count: int) -> None:
    database, store = restarts.start(schema)
    assert len(documents(query(database), "notes", index)) == count
    insert(database, "notes", text="after")
    check_indexes(store, database)
    assert store.recover().unlisted_indexes == ()
    database.close()
    store.close()


def test_crash_at_any_step_leaves_a_file_for_the_old_schema_and_the_new(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "data.sqlite")
    restarts = Restarts(tmp_path / "data.sqlite")
    old, new = schema_of(notes(v.any(), old=["text"])), schema_of(notes(v.any(), new=["text"]))
    database = open_database(store, old)
    insert_all(database, "notes", *({"text": f"{n}"} for n in range(5)))

    change = Change(database, store, new)
    steps = [change.begin, *[change.read] * 4, change.finish, *[change.clear] * 3]
    for step in steps:
        step()
        check_restart(restarts, old, "old", 5)
        check_restart(restarts, new, "new", 5)

    assert change.position is None and not change.clear()
    database.close()
    store.close()


def test_start_with_other_indexes_clears_more_than_one_chunk(store: Store) -> None:
    old, new = schema_of(notes(v.any(), old=["text"])), schema_of(notes(v.any(), new=["text"]))
    database = open_database(store, old)
    insert_all(database, "notes", *({"text": f"{n}"} for n in range(1_100)))
    database.close()

    database = open_database(store, new)

    assert len(documents(query(database), "notes", "new")) == 1_100
    check_indexes(store, database)
    assert store.recover().unlisted_indexes == ()


def test_crash_after_a_change_was_abandoned_leaves_nothing_behind(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "data.sqlite")
    restarts = Restarts(tmp_path / "data.sqlite")
    database = open_database(store, PLAIN)
    insert_all(database, "notes", *({"text": f"{n}"} for n in range(5)))
    change = pending(database, store, BY_TEXT)
    change.read()
    change.abandon()

    check_restart(restarts, PLAIN, "by_creation_time", 5)
    check_restart(restarts, BY_TEXT, "by_text", 5)
    database.close()
    store.close()
