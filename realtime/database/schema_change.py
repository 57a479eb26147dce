"""Changing the schema in small steps, while functions of the active one go on.

A change takes four kinds of steps, each in an open batch:

    begin    the schema is pending from this commit on: what is written is checked against it too,
             and goes into its new indexes
    read     a chunk of the stored documents is checked and put into the new indexes
    finish   the schema is active, its indexes can be read, what it no longer declares is dropped
    clear    a chunk of the entries of indexes that nobody reads is deleted

`abandon` takes the place of `finish` when a document does not fit: the active schema stays.

A step reads what is stored at that moment, inside the transaction that writes the entries. So a
document that was deleted cannot come back, and one that was changed is indexed as it is now.
Which documents are in the new indexes is known exactly at any time (`PendingTable`), so a write
takes out and puts in just the entries that must be there, and the storage refuses all else.

All state of a change is in the catalog, which moves with commits: a batch that fails leaves the
change where it was. In the file, new indexes are in no catalog before `finish`; their ids stand
under the unlisted ones, whose entries a start deletes. So a crash leaves the schema as it was
before the change, or after it, and nothing between.

Rejected: one transaction for the whole change (nobody else could write meanwhile), and filling an
index from an old snapshot (it would have to be brought up to date with what was written since).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import NamedTuple

from realtime.database.catalog import (
    BY_CREATION_TIME_NAME,
    Catalog,
    IndexInfo,
    PendingSchema,
    PendingTable,
    TableInfo,
    catalog_rows,
    table_entry,
)
from realtime.database.committer import Batch
from realtime.database.interval import Interval
from realtime.database.schema_check import stored_misfit
from realtime.database.snapshot import Snapshot
from realtime.database.table_views import table_views
from realtime.errors import DefinitionError
from realtime.schema.schema import Schema
from realtime.schema.table import TableDefinition
from realtime.storage.persistence import Persistence
from realtime.storage.records import IndexRow
from realtime.values.index_key import encode_key, key_successor

_READ_ROWS = 32
"""Documents that are read at a time within a step."""


class Position(NamedTuple):
    """How far the documents have been read: up to a key by creation time in one table."""

    table_number: int
    lower: bytes


class SchemaChange:
    """The steps that make one schema the active one; the caller commits each batch."""

    def __init__(self, persistence: Persistence, schema: Schema) -> None:
        self._persistence = persistence
        self.schema = schema

    def begin(self, batch: Batch, last_creation_time: float) -> Position | None:
        """Make the schema pending and return where to read from.

        None means that nothing is to be read: the schema is active after this batch. What an
        earlier change may have left pending is dropped.

        Args:
            batch: the open one.
            last_creation_time: of all documents; those to come have later ones.
        """
        self.abandon(batch)
        catalog = batch.catalog
        filled_from = encode_key(math.nextafter(last_creation_time, math.inf))
        next_id = catalog.next_index_id
        changed: list[TableInfo] = []
        for definition in self.schema.tables.values():
            table = catalog.tables.get(definition.name)
            if table is None:
                continue
            new = _new_indexes(next_id, table, definition)
            next_id += len(new)
            if new or not _checks_alike(table.definition, definition):
                pending = PendingTable(definition, new, b"", filled_from)
                changed.append(replace(table, pending=pending))
        if not changed:
            self.finish(batch)
            return None
        pending_schema = PendingSchema(self.schema)
        self._set(batch, catalog.with_pending(pending_schema).with_tables(changed))
        return Position(0, b"")

    def read(
        self, batch: Batch, position: Position, *, limit: int, is_over: Callable[[], bool]
    ) -> Position | None:
        """Check and index the next documents; return where to go on, None at the end.

        Args:
            batch: may stay empty.
            position: as returned by the step before.
            limit: the most documents to read.
            is_over: says, between some documents, whether the step has taken long enough.

        Raises:
            DefinitionError: a document does not fit, stored or written since `begin`.
        """
        catalog = batch.catalog
        _check_not_misfit(catalog)
        table = _next_pending(catalog, position.table_number)
        if table is None:
            return None
        is_same = table.number == position.table_number
        lower, is_end = self._read_table(
            catalog, table, position.lower if is_same else b"", limit, is_over
        )
        pending = table.pending
        assert pending is not None
        if pending.indexes:
            filled = replace(pending, filled_to=pending.filled_from if is_end else lower)
            batch.catalog = catalog.with_table(replace(table, pending=filled))
            batch.changes_catalog = True
        return Position(table.number + 1, b"") if is_end else Position(table.number, lower)

    def finish(self, batch: Batch) -> None:
        """Make the schema active; all documents have been read.

        Raises:
            DefinitionError: a document that was written since does not fit.
        """
        old = batch.catalog
        _check_not_misfit(old)
        tables: list[TableInfo] = []
        dropped = [*old.dropped_indexes]
        for table in old.tables.values():
            active, gone = self._activate(table)
            tables.append(active)
            dropped += (index.index_id for index in gone)
        catalog = old.with_active(self.schema, tables).with_dropped_indexes(tuple(dropped))
        for definition in self.schema.tables.values():
            if definition.name not in old.tables:
                table = catalog.new_table(definition.name, definition)
                catalog = catalog.with_table(table)
                table_row, index_rows = catalog_rows(table)
                self._persistence.write_catalog([table_row], index_rows)
                batch.entries += (table_entry(table.name), table_entry(table.number))
        self._persistence.write_views(table_views(catalog), keep_others=False)
        self._persistence.write_schema_digest(self.schema.digest())
        self._set(batch, catalog)

    def abandon(self, batch: Batch) -> None:
        """Forget the pending schema; the active one stays. Nothing pending does nothing."""
        old = batch.catalog
        if old.pending is None:
            return
        tables = [replace(table, pending=None) for table in old.tables.values()]
        catalog = old.with_active(old.schema, tables)
        self._set(batch, catalog.with_dropped_indexes(tuple(old.unlisted_indexes())))

    def clear(self, batch: Batch, *, limit: int) -> bool:
        """Delete some entries of indexes that nobody reads; return whether there are more."""
        catalog = batch.catalog
        if not catalog.dropped_indexes:
            return False
        index_id, *others = catalog.dropped_indexes
        batch.changes_catalog = True
        if self._persistence.clear_index(index_id, limit) == limit:
            return True
        self._set(batch, catalog.with_dropped_indexes(tuple(others)))
        return bool(others)

    def _set(self, batch: Batch, catalog: Catalog) -> None:
        """Make `catalog` that of the batch, and note in the file what is in no catalog."""
        self._persistence.write_unlisted_indexes(catalog.unlisted_indexes())
        batch.catalog = catalog
        batch.changes_catalog = True

    def _read_table(
        self,
        catalog: Catalog,
        table: TableInfo,
        lower: bytes,
        limit: int,
        is_over: Callable[[], bool],
    ) -> tuple[bytes, bool]:
        """Read some documents of a table; return where to go on, and whether that is the end."""
        pending = table.pending
        assert pending is not None
        index, upper = table.indexes[BY_CREATION_TIME_NAME], pending.filled_from
        interval = Interval(index.index_id, b"", b"", None)
        snapshot = Snapshot(self._persistence.engine)
        count = 0
        while count < limit and not (count and is_over()):
            wanted = min(_READ_ROWS, limit - count)
            rows = snapshot.scan(index, interval, lower, upper, descending=False, limit=wanted)
            entries: list[tuple[int, bytes, int]] = []
            for _, record in rows:
                misfit = stored_misfit(pending.definition, record.value, catalog)
                if misfit is not None:
                    raise DefinitionError(misfit)
                for new in pending.indexes.values():
                    entries.append((new.index_id, new.entry(record.value).key, record.locator))
            self._persistence.add_entries(entries)
            if len(rows) < wanted:
                return upper, True
            lower = key_successor(rows[-1][0])
            count += len(rows)
        return lower, False

    def _activate(self, table: TableInfo) -> tuple[TableInfo, list[IndexInfo]]:
        """Return a table as the schema declares it, with the indexes that it no longer has.

        A table that is no longer declared keeps its indexes.
        """
        definition = self.schema.tables.get(table.name)
        if definition is None:
            return replace(table, definition=None, pending=None), []
        new: Mapping[str, IndexInfo] = {} if table.pending is None else table.pending.indexes
        known = {**table.indexes, **new}
        names = (BY_CREATION_TIME_NAME, *definition.indexes)
        active = TableInfo(
            table.number, table.name, {name: known[name] for name in names}, definition
        )
        dropped = [old for old in table.indexes.values() if old not in active.indexes.values()]
        for index in dropped:
            self._persistence.drop_index(index.index_id)
        self._persistence.write_catalog([], _rows_of(active, new.values()))
        return active, dropped


def _new_indexes(
    next_id: int, table: TableInfo, definition: TableDefinition
) -> dict[str, IndexInfo]:
    """Return the declared indexes that the table does not have, or has over other fields."""
    new: dict[str, IndexInfo] = {}
    for index in definition.indexes.values():
        old = table.indexes.get(index.name)
        if old is None or old.fields[:-2] != index.fields:
            new[index.name] = IndexInfo.of(next_id + len(new), table.name, index.name, index.fields)
    return new


def _rows_of(table: TableInfo, indexes: Collection[IndexInfo]) -> list[IndexRow]:
    ids = {index.index_id for index in indexes}
    return [row for row in catalog_rows(table)[1] if row.index_id in ids]


def _checks_alike(old: TableDefinition | None, new: TableDefinition) -> bool:
    """Say whether documents that fit `old` surely fit `new`."""
    # The calls of `v` tell more than the JSON form, which does not know `int` from `float`.
    return old is not None and str(old.validator) == str(new.validator)


def _next_pending(catalog: Catalog, number: int) -> TableInfo | None:
    """Return the table with the smallest number from `number` on of which something is pending."""
    tables = (table for table in catalog.tables.values() if table.pending is not None)
    later = (table for table in tables if table.number >= number)
    return min(later, key=lambda table: table.number, default=None)


def _check_not_misfit(catalog: Catalog) -> None:
    if catalog.pending is not None and catalog.pending.misfit is not None:
        raise DefinitionError(catalog.pending.misfit)
