"""Bringing a storage file and an app's schema together, before the first call is served.

A digest of the schema in the file says what has been validated: a start with the same one checks
nothing. Otherwise every document of a declared table is checked against its validator, new
indexes are filled, and indexes that are no longer declared are dropped, all in one SQLite
transaction: either the file fits the new schema afterwards, or it is as it was before and the
error names the first document and field that do not fit. What a change that was cut off has left
behind is deleted.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from realtime.clock import Clock
from realtime.database.catalog import Catalog, catalog_of
from realtime.database.committer import Batch
from realtime.database.schema_change import SchemaChange
from realtime.database.timestamp import Timestamp
from realtime.schema.schema import EMPTY_SCHEMA, Schema
from realtime.storage.persistence import Persistence
from realtime.storage.records import Recovered, Revision

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
    timestamp = Timestamp(found.last_timestamp)
    secret = found.secret or clock.random_bytes(_SECRET_BYTES)
    is_known = found.schema_digest == schema.digest() and found.secret is not None
    if is_known and not found.unlisted_indexes:
        catalog = catalog_of(found.tables, found.indexes, schema)
    else:
        timestamp = Timestamp(max(found.last_timestamp + 1, clock.now_ns()))
        catalog = _adopt(persistence, schema, found, timestamp, secret)
    return OpenedCatalog(
        catalog,
        timestamp,
        found.last_creation_time,
        found.last_locator,
        found.last_checksum,
        secret,
    )


def _adopt(
    persistence: Persistence, schema: Schema, found: Recovered, timestamp: Timestamp, secret: bytes
) -> Catalog:
    """Take all steps of the change in one transaction: nobody else is kept waiting."""
    # Which definitions the documents were checked against is not known: all count as new.
    catalog = catalog_of(found.tables, found.indexes, EMPTY_SCHEMA)
    batch = Batch(catalog.with_dropped_indexes(found.unlisted_indexes), timestamp)
    change = SchemaChange(persistence, schema)
    persistence.begin()
    try:
        _clear(change, batch)  # first: the ids of what was left behind are given out again
        position = change.begin(batch, math.inf)  # nobody writes meanwhile: all are read
        if position is not None:
            while position is not None:
                position = change.read(batch, position, limit=_CHUNK, is_over=lambda: False)
            change.finish(batch)
        _clear(change, batch)
        persistence.write_secret(secret)
        persistence.write_revision(
            Revision(timestamp, timestamp, found.last_creation_time, found.last_checksum)
        )
    except BaseException:
        if persistence.in_transaction:
            persistence.rollback()
        raise
    persistence.commit()
    return batch.catalog


def _clear(change: SchemaChange, batch: Batch) -> None:
    while change.clear(batch, limit=_CHUNK):
        pass
