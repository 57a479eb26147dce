"""A change of the schema, step by step, and what must be true of the indexes at any time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from realtime.database.catalog import BY_CREATION_TIME_NAME, IndexInfo
from realtime.database.committer import Batch
from realtime.database.database import Database
from realtime.database.schema_change import Position, SchemaChange
from realtime.schema.schema import Schema
from realtime.storage.persistence import Persistence
from realtime.storage.records import StoredRow
from realtime.values.json_encoding import decode_json
from tests.unit.database.small_database import make_durable

T = TypeVar("T")


class Change:
    """A change whose steps are batches of their own, each reading `limit` documents at most."""

    def __init__(self, database: Database, store: Persistence, schema: Schema) -> None:
        self.position: Position | None = Position(0, b"")
        self._database = database
        self._change = SchemaChange(store, schema)

    def begin(self) -> None:
        created = self._database.allocator.last_creation_time
        self.position = self._in_batch(lambda batch: self._change.begin(batch, created))

    def read(self, limit: int = 2, *, is_over: Callable[[], bool] = lambda: False) -> bool:
        """Take one step; return whether there are more."""
        position = self.position
        assert position is not None
        self.position = self._in_batch(
            lambda batch: self._change.read(batch, position, limit=limit, is_over=is_over)
        )
        return self.position is not None

    def read_all(self, limit: int = 2) -> None:
        while self.read(limit):
            pass

    def finish(self) -> None:
        self._in_batch(self._change.finish)

    def abandon(self) -> None:
        self._in_batch(self._change.abandon)

    def clear(self, limit: int = 2) -> bool:
        return self._in_batch(lambda batch: self._change.clear(batch, limit=limit))

    def clear_all(self, limit: int = 2) -> None:
        while self.clear(limit):
            pass

    def _in_batch(self, step: Callable[[Batch], T]) -> T:
        database = self._database
        batch = database.committer.begin(database.catalog)
        try:
            result = step(batch)
        except BaseException:
            database.committer.roll_back()
            raise
        if batch.is_empty:
            database.committer.roll_back()
        else:
            batch.last_timestamp = database.committer.next_timestamp()
            make_durable(database, batch)
            database.advance(batch, batch.last_timestamp)
        return result


def adopt(database: Database, store: Persistence, schema: Schema) -> None:
    """Take all steps of a change."""
    change = Change(database, store, schema)
    change.begin()
    if change.position is not None:
        change.read_all()
        change.finish()
    change.clear_all()


def entries_of(store: Persistence, index_id: int) -> list[tuple[bytes, int]]:
    """The entries of an index as the engine sees them."""
    rows = store.engine.scan(index_id, b"", None, descending=False, limit=100_000)
    return [(row.key, row.locator) for row in rows]


def fresh_build(store: Persistence, database: Database, table: str, index: IndexInfo) -> Any:
    """The entries that the index must have, computed from the stored documents."""
    by_creation_time = database.catalog.tables[table].indexes[BY_CREATION_TIME_NAME]
    rows: list[StoredRow] = store.engine.scan(
        by_creation_time.index_id, b"", None, descending=False, limit=100_000
    )
    return sorted((index.entry(decode_json(row.document)).key, row.locator) for row in rows)


def check_indexes(store: Persistence, database: Database) -> None:
    """Every index of every table is what a fresh build gives, and no other has an entry.

    One that is being filled is what a fresh build gives for the documents that were read.
    """
    used = {0}
    for name, table in database.catalog.tables.items():
        for index in table.indexes.values():
            used.add(index.index_id)
            assert entries_of(store, index.index_id) == fresh_build(store, database, name, index)
        if table.pending is not None:
            by_creation_time = table.indexes[BY_CREATION_TIME_NAME]
            read = {
                locator
                for key, locator in fresh_build(store, database, name, by_creation_time)
                if not table.pending.filled_to <= key < table.pending.filled_from
            }
            for index in table.pending.indexes.values():
                whole = fresh_build(store, database, name, index)
                expected = [entry for entry in whole if entry[1] in read]
                assert entries_of(store, index.index_id) == expected
    for index_id in range(database.catalog.next_index_id):
        if index_id not in used and index_id not in database.catalog.unlisted_indexes():
            assert entries_of(store, index_id) == []
