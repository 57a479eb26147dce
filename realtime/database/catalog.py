"""Which tables and indexes exist, and how a document's keys are made.

A catalog is immutable: a batch that creates a table works on a new one, which becomes the current
one when the batch is durable and is forgotten when it fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

from realtime.database.interval import IndexEntry
from realtime.schema.schema import EMPTY_SCHEMA, Schema
from realtime.schema.table import TableDefinition
from realtime.storage.records import IndexRow, TableRow
from realtime.values.index_key import encode_key
from realtime.values.value import UNSET, Value

BY_ID = 0
"""The index of all documents of all tables by their id."""

TABLES = -1
"""No rows: the index id under which the absence of a table is read and its creation written."""

FIRST_TABLE_NUMBER = 10_001

BY_ID_NAME = "by_id"
BY_CREATION_TIME_NAME = "by_creation_time"


def id_entry(document_id: str) -> IndexEntry:
    """Return the entry of a document in the index by id."""
    key = encode_key(document_id)
    return IndexEntry(BY_ID, key, (0, len(key)))


def table_entry(name_or_number: str | int) -> IndexEntry:
    """Return the entry that stands for the existence of a table; it has one of each kind."""
    key = encode_key(name_or_number)
    return IndexEntry(TABLES, key, (0, len(key)))


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """An index of one table.

    `fields` are dotted wire paths and end with `_creationTime`, `_id`, the tie-breakers of every
    index. `paths` holds the same, split.
    """

    index_id: int
    table_name: str
    name: str
    fields: tuple[str, ...]
    paths: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, index_id: int, table_name: str, name: str, fields: tuple[str, ...]) -> IndexInfo:
        """Return an index over `fields` (given without the tie-breakers)."""
        all_fields = (*fields, "_creationTime", "_id")
        paths = tuple(tuple(field.split(".")) for field in all_fields)
        return cls(index_id, table_name, name, all_fields, paths)

    def entry(self, document: Mapping[str, Value]) -> IndexEntry:
        """Return the entry of `document` (wire names and values) in this index."""
        return self.entry_with(document, tie_breakers(document))

    def entry_with(self, document: Mapping[str, Value], ties: tuple[bytes, bytes]) -> IndexEntry:
        """Return the same, given the keys of the tie-breakers, which all indexes share."""
        key = b""
        lengths = [0]
        for path in self.paths[:-2]:
            key += encode_key(_value_at(document, path))
            lengths.append(len(key))
        creation_time, document_id = ties
        key += creation_time
        lengths.append(len(key))
        key += document_id
        lengths.append(len(key))
        return IndexEntry(self.index_id, key, tuple(lengths))

    def reads_the_same(self, old: Mapping[str, Value], new: Mapping[str, Value]) -> bool:
        """Say whether two versions of a document surely have the same entry."""
        for path in self.paths[:-2]:
            before, after = old.get(path[0], UNSET), new.get(path[0], UNSET)
            if before is not after and (type(before) is not str or before != after):
                return False
        return True


def tie_breakers(document: Mapping[str, Value]) -> tuple[bytes, bytes]:
    """Return the keys of a document's creation time and id."""
    return encode_key(document["_creationTime"]), encode_key(document["_id"])


def _member(value: Value, name: str) -> Value:
    return cast("dict[str, Value]", value).get(name, UNSET) if type(value) is dict else UNSET


def _value_at(document: Mapping[str, Value], path: tuple[str, ...]) -> Value:
    value: Value = document.get(path[0], UNSET)
    for name in path[1:]:
        value = _member(value, name)
    return value


@dataclass(frozen=True, slots=True)
class PendingTable:
    """What a pending schema wants of a table, and how far its new indexes are filled.

    The documents are read in order of their keys by creation time. Those before `filled_to` were
    read and are in `indexes`; so are those from `filled_from` on, which are newer than the pending
    schema. Between the two nothing is in an index yet: what is read there will be what is
    stored by then.
    """

    definition: TableDefinition
    indexes: Mapping[str, IndexInfo]
    filled_to: bytes
    filled_from: bytes

    def indexes_of(self, ties: tuple[bytes, bytes]) -> tuple[IndexInfo, ...]:
        """Return the indexes in which the document with these tie-breakers has its entries."""
        key = ties[0] + ties[1]
        if self.filled_to <= key < self.filled_from:
            return ()
        return tuple(self.indexes.values())


@dataclass(frozen=True, slots=True)
class TableInfo:
    """A table that exists: its number, its indexes by name, and its definition, if it has one.

    `pending` is there while another schema is pending that wants something else of it.
    """

    number: int
    name: str
    indexes: Mapping[str, IndexInfo]
    definition: TableDefinition | None
    pending: PendingTable | None = None

    def entries(self, document: Mapping[str, Value]) -> tuple[IndexEntry, ...]:
        """Return the entries of `document` in all indexes, the one by id first."""
        ties = tie_breakers(document)
        by_id = IndexEntry(BY_ID, ties[1], (0, len(ties[1])))
        indexes = self.indexes.values() if self.pending is None else self._indexes_of(ties)
        return (by_id, *[index.entry_with(document, ties) for index in indexes])

    def entries_after(
        self,
        old: Mapping[str, Value],
        old_entries: tuple[IndexEntry, ...],
        new: Mapping[str, Value],
    ) -> tuple[IndexEntry, ...]:
        """Return the entries of a changed document, given those of the version before."""
        by_id, *others = old_entries
        indexes: Iterable[IndexInfo] = self.indexes.values()
        if self.pending is not None:
            indexes = self._indexes_of(tie_breakers(old))
        return (
            by_id,
            *[
                entry if index.reads_the_same(old, new) else index.entry(new)
                for index, entry in zip(indexes, others, strict=True)
            ],
        )

    def all_indexes(self) -> list[IndexInfo]:
        """Return the indexes that can be read, and those that are being filled."""
        if self.pending is None:
            return [*self.indexes.values()]
        return [*self.indexes.values(), *self.pending.indexes.values()]

    def _indexes_of(self, ties: tuple[bytes, bytes]) -> tuple[IndexInfo, ...]:
        """Return the indexes in which a document has entries while a schema is pending."""
        assert self.pending is not None
        return (*self.indexes.values(), *self.pending.indexes_of(ties))


@dataclass(frozen=True, slots=True)
class PendingSchema:
    """A schema that is not active yet; `misfit` says which later write does not fit it, if any."""

    schema: Schema
    misfit: str | None = None


class Catalog:
    """All tables, by name and by number, the active schema, and what is pending beside it."""

    def __init__(
        self,
        tables: Mapping[str, TableInfo],
        next_index_id: int,
        *,
        schema: Schema = EMPTY_SCHEMA,
        pending: PendingSchema | None = None,
        dropped_indexes: tuple[int, ...] = (),
    ) -> None:
        """`dropped_indexes` are those that nobody reads and whose entries are yet to be deleted."""
        self.tables = MappingProxyType(dict(tables))
        self.next_index_id = next_index_id
        self.schema = schema
        self.pending = pending
        self.dropped_indexes = dropped_indexes
        self._by_number: dict[int, TableInfo] = {table.number: table for table in tables.values()}
        self._next_number = max([FIRST_TABLE_NUMBER - 1, *self._by_number]) + 1

    def table_name(self, number: int) -> str | None:
        """Return the name of table `number`, or None where there is none."""
        table = self._by_number.get(number)
        return None if table is None else table.name

    def by_number(self, number: int) -> TableInfo | None:
        """Return table `number`, or None."""
        return self._by_number.get(number)

    def keeps_indexes_of(self, older: Catalog) -> bool:
        """Say whether every index of `older` is here, and its tables have no others."""
        return all(
            name in self.tables and self.tables[name].indexes == table.indexes
            for name, table in older.tables.items()
        )

    def unlisted_indexes(self) -> list[int]:
        """Return the ids of the indexes that have entries and that nobody may read."""
        pending = (table.pending for table in self.tables.values() if table.pending is not None)
        filled = [index.index_id for each in pending for index in each.indexes.values()]
        return [*self.dropped_indexes, *filled]

    def new_table(self, name: str, definition: TableDefinition | None = None) -> TableInfo:
        """Return a table with the next free number, not yet part of the catalog.

        From its first document on it has what the pending schema wants of it.
        """
        next_id = self.next_index_id
        by_creation_time = IndexInfo.of(next_id, name, BY_CREATION_TIME_NAME, ())
        indexes = {
            BY_CREATION_TIME_NAME: by_creation_time,
            **_indexes_of(definition, next_id + 1),
        }
        pending: PendingTable | None = None
        wanted = self.pending.schema.tables.get(name) if self.pending is not None else None
        if wanted is not None:
            filled = _indexes_of(wanted, next_id + len(indexes))
            pending = PendingTable(wanted, filled, filled_to=b"", filled_from=b"")
        return TableInfo(self._next_number, name, indexes, definition, pending)

    def with_table(self, table: TableInfo) -> Catalog:
        """Return a catalog in which `table` stands in place of any of its name."""
        return self.with_tables([table])

    def with_tables(self, tables: Iterable[TableInfo]) -> Catalog:
        """Return a catalog in which `tables` stand in place of those of their names."""
        changed = {table.name: table for table in tables}
        indexes = [index for table in changed.values() for index in table.all_indexes()]
        highest = max((index.index_id for index in indexes), default=0)
        return self._with(
            tables={**self.tables, **changed}, next_index_id=max(self.next_index_id, highest + 1)
        )

    def with_pending(self, pending: PendingSchema) -> Catalog:
        """Return a catalog beside whose schema another one is pending."""
        return self._with(pending=pending)

    def with_active(self, schema: Schema, tables: Iterable[TableInfo]) -> Catalog:
        """Return a catalog with `schema` and nothing pending, all its tables as given."""
        return self._with(tables={}, schema=schema, pending=None).with_tables(tables)

    def with_dropped_indexes(self, index_ids: tuple[int, ...]) -> Catalog:
        """Return a catalog with other indexes to be cleared."""
        return self._with(dropped_indexes=index_ids)

    def _with(self, **changes: Any) -> Catalog:
        kept: dict[str, Any] = {
            "tables": self.tables,
            "next_index_id": self.next_index_id,
            "schema": self.schema,
            "pending": self.pending,
            "dropped_indexes": self.dropped_indexes,
        }
        return Catalog(**{**kept, **changes})


def _indexes_of(definition: TableDefinition | None, first_id: int) -> dict[str, IndexInfo]:
    """Return the declared indexes of a table that does not exist yet, by name."""
    if definition is None:
        return {}
    return {
        index.name: IndexInfo.of(index_id, definition.name, index.name, index.fields)
        for index_id, index in enumerate(definition.indexes.values(), first_id)
    }


def catalog_of(
    tables: tuple[TableRow, ...], indexes: tuple[IndexRow, ...], schema: Schema
) -> Catalog:
    """Return the catalog that a storage file holds, joined with the app's definitions."""
    by_table: dict[int, dict[str, IndexInfo]] = {row.number: {} for row in tables}
    names = {row.number: row.name for row in tables}
    for row in indexes:
        name = names[row.table_number]
        by_table[row.table_number][row.name] = IndexInfo.of(
            row.index_id, name, row.name, row.fields
        )
    infos = {
        row.name: TableInfo(row.number, row.name, by_table[row.number], schema.tables.get(row.name))
        for row in tables
    }
    next_index_id = max([0, *(row.index_id for row in indexes)]) + 1
    return Catalog(infos, next_index_id, schema=schema)


def catalog_rows(table: TableInfo) -> tuple[TableRow, tuple[IndexRow, ...]]:
    """Return the rows that record `table` in a storage file."""
    rows = tuple(
        IndexRow(index.index_id, table.number, index.name, index.fields[:-2])
        for index in table.indexes.values()
    )
    return TableRow(table.number, table.name), rows
