"""Bringing a storage file and an app's schema together, before the first call is served.

A digest of the schema in the file says what has been validated: a start with the same one checks
nothing. Otherwise every document of a declared table is checked against its validator, new
indexes are filled, and indexes that are no longer declared are dropped, all in one SQLite
transaction: either the file fits the new schema afterwards, or it is as it was before and the
error names the first document and field that do not fit. The same transaction gives a new file
its secret, from which keys are derived that must outlive a restart.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from realtime.clock import Clock
from realtime.database.catalog import (
    BY_CREATION_TIME_NAME,
    Catalog,
    IndexInfo,
    TableInfo,
    catalog_of,
    catalog_rows,
)
from realtime.database.interval import Interval
from realtime.database.record import Record
from realtime.database.snapshot import Snapshot
from realtime.database.table_views import table_views
from realtime.database.timestamp import Timestamp
from realtime.errors import DefinitionError, ValidationError
from realtime.schema.schema import Schema
from realtime.schema.table import TableDefinition
from realtime.storage.persistence import Persistence, Recovered, Revision, RowWrite
from realtime.values.index_key import key_successor

_CHUNK = 512
_SECRET_BYTES = 32


class OpenedCatalog(NamedTuple):
    """What a start finds in the file, once the file fits the schema."""

    catalog: Catalog
    timestamp: Timestamp
    creation_time: float
    locator: int
    checksum: bytes
    secret: bytes


def open_catalog(persistence: Persistence, schema: Schema, clock: Clock) -> OpenedCatalog:
    """Return the state of the storage; adopt `schema` first if the file does not know it.

    Raises:
        DefinitionError: A stored document does not fit; nothing was changed.
    """
    found = persistence.recover()
    catalog = catalog_of(found.tables, found.indexes, schema)
    timestamp = Timestamp(found.last_timestamp)
    secret = found.secret or clock.random_bytes(_SECRET_BYTES)
    if found.schema_digest != schema.digest() or found.secret is None:
        timestamp = Timestamp(max(found.last_timestamp + 1, clock.now_ns()))
        catalog = _adopt(persistence, schema, catalog, found, timestamp, secret)
    return OpenedCatalog(
        catalog,
        timestamp,
        found.last_creation_time,
        found.last_locator,
        found.last_checksum,
        secret,
    )


def _adopt(
    persistence: Persistence,
    schema: Schema,
    catalog: Catalog,
    found: Recovered,
    timestamp: Timestamp,
    secret: bytes,
) -> Catalog:
    persistence.begin()
    try:
        for definition in schema.tables.values():
            catalog = _adopt_table(persistence, catalog, definition)
        persistence.write_views(table_views(catalog), keep_others=False)
        persistence.write_schema_digest(schema.digest())
        persistence.write_secret(secret)
        persistence.write_revision(
            Revision(timestamp, timestamp, found.last_creation_time, found.last_checksum)
        )
    except BaseException:
        if persistence.in_transaction:
            persistence.rollback()
        raise
    persistence.commit()
    return catalog


def _adopt_table(
    persistence: Persistence, catalog: Catalog, definition: TableDefinition
) -> Catalog:
    existing = catalog.tables.get(definition.name)
    if existing is None:
        table = catalog.new_table(definition.name, definition)
        table_row, index_rows = catalog_rows(table)
        persistence.write_catalog([table_row], index_rows)
        return catalog.with_table(table)
    table, added, dropped = _changed_indexes(catalog, existing, definition)
    catalog = catalog.with_table(table)
    snapshot = Snapshot(persistence.engine)
    for record in _documents(snapshot, existing):
        _check(definition, record, catalog)
        if added:
            entries = [index.entry(record.value) for index in added]
            keys = [(entry.index_id, entry.key) for entry in entries]
            persistence.write_rows(
                [RowWrite(record.locator, record.document, is_new=False, removed=[], added=keys)]
            )
    for index in dropped:
        persistence.drop_index(index.index_id)
    if added:
        rows = [row for row in catalog_rows(table)[1] if row.name in {i.name for i in added}]
        persistence.write_catalog([], rows)
    return catalog


def _changed_indexes(
    catalog: Catalog, existing: TableInfo, definition: TableDefinition
) -> tuple[TableInfo, list[IndexInfo], list[IndexInfo]]:
    """Return the table as declared now, with its new indexes and those to drop."""
    kept = {BY_CREATION_TIME_NAME: existing.indexes[BY_CREATION_TIME_NAME]}
    added: list[IndexInfo] = []
    for index in definition.indexes.values():
        old = existing.indexes.get(index.name)
        if old is not None and old.fields[:-2] == index.fields:
            kept[index.name] = old
        else:
            index_id = catalog.next_index_id + len(added)
            added.append(IndexInfo.of(index_id, definition.name, index.name, index.fields))
    dropped = [index for index in existing.indexes.values() if index not in kept.values()]
    indexes = {**kept, **{index.name: index for index in added}}
    return TableInfo(existing.number, existing.name, indexes, definition), added, dropped


def _documents(snapshot: Snapshot, table: TableInfo) -> Iterator[Record]:
    index = table.indexes[BY_CREATION_TIME_NAME]
    interval = Interval(index.index_id, b"", b"", None)
    lower = b""
    while True:
        rows = snapshot.scan(index, interval, lower, None, descending=False, limit=_CHUNK)
        for _, record in rows:
            yield record
        if len(rows) < _CHUNK:
            return
        lower = key_successor(rows[-1][0])


def _check(definition: TableDefinition, record: Record, catalog: Catalog) -> None:
    body = {
        name: value for name, value in record.value.items() if name not in ("_id", "_creationTime")
    }
    try:
        definition.validator.check(body, catalog)
    except ValidationError as error:
        raise DefinitionError(
            f'Document with ID "{record.value["_id"]}" in table "{definition.name}" does not '
            f"match the schema: {error.message}\nThe stored data is untouched. Change schema.py "
            "so that it allows this document, or change the document first"
        ) from error
