"""Which tables and indexes exist, and how a document's keys are made.

A catalog is immutable: a batch that creates a table works on a new one, which becomes the current
one when the batch is durable and is forgotten when it fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

from realtime.database.interval import IndexEntry
from realtime.schema.schema import Schema
from realtime.schema.table import TableDefinition
from realtime.storage.persistence import IndexRow, TableRow
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
class TableInfo:
    """A table that exists: its number, its indexes by name, and its definition, if it has one."""

    number: int
    name: str
    indexes: Mapping[str, IndexInfo]
    definition: TableDefinition | None

    def entries(self, document: Mapping[str, Value]) -> tuple[IndexEntry, ...]:
        """Return the entries of `document` in all indexes, the one by id first."""
        ties = tie_breakers(document)
        by_id = IndexEntry(BY_ID, ties[1], (0, len(ties[1])))
        return (by_id, *[index.entry_with(document, ties) for index in self.indexes.values()])

    def entries_after(
        self,
        old: Mapping[str, Value],
        old_entries: tuple[IndexEntry, ...],
        new: Mapping[str, Value],
    ) -> tuple[IndexEntry, ...]:
        """Return the entries of a changed document, given those of the version before."""
        by_id, *others = old_entries
        return (
            by_id,
            *[
                entry if index.reads_the_same(old, new) else index.entry(new)
                for index, entry in zip(self.indexes.values(), others, strict=True)
            ],
        )


class Catalog:
    """All tables, by name and by number."""

    def __init__(self, tables: Mapping[str, TableInfo], next_index_id: int) -> None:
        self.tables = MappingProxyType(dict(tables))
        self.next_index_id = next_index_id
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

    def new_table(self, name: str, definition: TableDefinition | None = None) -> TableInfo:
        """Return a table with the next free number, not yet part of the catalog."""
        next_id = self.next_index_id
        by_creation_time = IndexInfo.of(next_id, name, BY_CREATION_TIME_NAME, ())
        indexes = {BY_CREATION_TIME_NAME: by_creation_time}
        if definition is not None:
            for offset, index in enumerate(definition.indexes.values(), start=1):
                indexes[index.name] = IndexInfo.of(next_id + offset, name, index.name, index.fields)
        return TableInfo(self._next_number, name, indexes, definition)

    def with_table(self, table: TableInfo) -> Catalog:
        """Return a catalog in which `table` stands in place of any of its name."""
        highest = max(index.index_id for index in table.indexes.values())
        tables = {**self.tables, table.name: table}
        return Catalog(tables, max(self.next_index_id, highest + 1))


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
    return Catalog(infos, next_index_id)


def catalog_rows(table: TableInfo) -> tuple[TableRow, tuple[IndexRow, ...]]:
    """Return the rows that record `table` in a storage file."""
    rows = tuple(
        IndexRow(index.index_id, table.number, index.name, index.fields[:-2])
        for index in table.indexes.values()
    )
    return TableRow(table.number, table.name), rows
