"""A store that keeps everything in memory and forgets it at the end; for tests.

It makes the same promises as the SQLite store save durability, by other means: each transaction
has a sequence number, each entry keeps its versions, and a generation is a number. `commit` only
moves that number, so it may be called in another thread while generations read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from heapq import nsmallest
from itertools import islice
from typing import Any, Final

from realtime.errors import (
    CorruptionError,
    OverloadedError,
    StorageError,
    StorageFullError,
    UnavailableError,
)
from realtime.storage.persistence import GENERATION_LIMIT, Reader
from realtime.storage.records import (
    ID_INDEX,
    IndexRow,
    Recovered,
    RequestRecord,
    Revision,
    RowWrite,
    StoredRow,
    TableRow,
    TableView,
)
from realtime.storage.versioned_map import VersionedMap

_SCHEMA_DIGEST: Final = "schema_digest"
_SECRET: Final = "secret"
_UNLISTED_INDEXES: Final = "unlisted_indexes"


class MemoryStore:
    """A `Persistence` in memory. `timestamp`s and errors are those of the SQLite store."""

    def __init__(self, *, before_commit: Callable[[], None] | None = None) -> None:
        self.before_commit = before_commit
        """Called in `commit`, in its thread, before anything is durable. Tests make it wait, or
        raise what `commit` would raise."""
        self.documents: Final[VersionedMap[int, bytes]] = VersionedMap()
        self.entries: Final[VersionedMap[tuple[int, bytes], int]] = VersionedMap()
        self._tables: Final[VersionedMap[int, TableRow]] = VersionedMap()
        self._indexes: Final[VersionedMap[int, IndexRow]] = VersionedMap()
        self._settings: Final[VersionedMap[str, str]] = VersionedMap()
        self._revisions: Final[VersionedMap[int, Revision]] = VersionedMap()
        self._requests: Final[VersionedMap[tuple[str, int], RequestRecord]] = VersionedMap()
        self._maps: Final[tuple[VersionedMap[Any, Any], ...]] = (
            self.documents,
            self.entries,
            self._tables,
            self._indexes,
            self._settings,
            self._revisions,
            self._requests,
        )
        self._generations: Final[set[MemoryGeneration]] = set()
        self._engine: Final = _MemoryEngine(self)
        self._committed = 0
        self._open: int | None = None
        self._is_handed_over = False
        self._is_closed = False

    @property
    def engine(self) -> Reader:
        """Return the reader of the newest state, the open transaction included."""
        return self._engine

    @property
    def in_transaction(self) -> bool:
        """Return whether a transaction is open."""
        return self._open is not None

    @property
    def engine_sequence(self) -> int:
        """Return the sequence number at which the engine reads and writes."""
        assert not self._is_handed_over, "the store is in use by the committer's thread"
        assert not self._is_closed
        return self._committed if self._open is None else self._open

    def recover(self) -> Recovered:
        """Return what the store holds."""
        sequence = self.engine_sequence
        revision = self._newest_revision(sequence)
        secret = self._settings.get(_SECRET, sequence)
        return Recovered(
            revision.last_timestamp,
            revision.creation_time,
            next((locator for locator, _ in self.documents.descending_items(sequence)), 0),
            revision.checksum,
            tuple(row for _, row in reversed(tuple(self._tables.descending_items(sequence)))),
            tuple(row for _, row in reversed(tuple(self._indexes.descending_items(sequence)))),
            self._settings.get(_SCHEMA_DIGEST, sequence),
            None if secret is None else bytes.fromhex(secret),
            tuple(json.loads(self._settings.get(_UNLISTED_INDEXES, sequence) or "[]")),
        )

    def begin(self) -> None:
        """Open the transaction; what no generation can see any more is forgotten."""
        assert self._open is None, "a transaction is open"
        assert not self._is_closed
        oldest = min((each.sequence for each in self._generations), default=self._committed)
        for versioned_map in self._maps:
            versioned_map.forget_before(oldest)
        self._open = self._committed + 1

    def write_rows(self, writes: Sequence[RowWrite]) -> None:
        """Apply the writes: entries and documents go before others come."""
        for write in writes:
            for index_id, key in write.removed:
                if self.entries.get((index_id, key), self._writing()) != write.locator:
                    raise self._failure(CorruptionError, f"Expected an entry of {write.locator}")
                self.entries.put((index_id, key), None, self._writing())
        for write in writes:
            is_there = self.documents.get(write.locator, self._writing()) is not None
            if is_there == write.is_new:
                kind = StorageError if is_there else CorruptionError
                raise self._failure(kind, f"Document {write.locator} exists: {is_there}")
            self.documents.put(write.locator, write.document, self._writing())
        for write in writes:
            for entry in write.added:
                self._insert(self.entries, entry, write.locator)

    def add_entries(self, entries: Sequence[tuple[int, bytes, int]]) -> None:
        """Add index entries of documents that are there."""
        for index_id, key, locator in entries:
            self._insert(self.entries, (index_id, key), locator)

    def write_requests(self, records: Sequence[RequestRecord]) -> None:
        """Store the answers of requests."""
        for record in records:
            self._insert(self._requests, (record.session_id, record.request_id), record)

    def find_request(self, session_id: str, request_id: int) -> RequestRecord | None:
        """Return a stored answer."""
        return self._requests.get((session_id, request_id), self.engine_sequence)

    def prune_requests(
        self, before_timestamp: int, keep_bytes: int, *, limit: int, limit_bytes: int
    ) -> int:
        """Delete the oldest answers that are too old or too many."""
        sequence = self._writing()
        records = [record for _, record in self._requests.descending_items(sequence)]
        kept_bytes = sum(record.size_bytes for record in records)
        deleted_bytes = count = 0
        for record in nsmallest(limit, records, key=_age):
            is_kept = record.timestamp >= before_timestamp and kept_bytes <= keep_bytes
            if is_kept or (count and deleted_bytes + record.size_bytes > limit_bytes):
                break
            self._requests.put((record.session_id, record.request_id), None, sequence)
            kept_bytes -= record.size_bytes
            deleted_bytes += record.size_bytes
            count += 1
        return count

    def write_catalog(self, tables: Sequence[TableRow], indexes: Sequence[IndexRow]) -> None:
        """Add tables and indexes."""
        for table in tables:
            self._insert(self._tables, table.number, table)
        for index in indexes:
            self._insert(self._indexes, index.index_id, index)

    def drop_index(self, index_id: int) -> None:
        """Take an index out of the catalog."""
        assert index_id != ID_INDEX, "the index by id cannot be dropped"
        self._indexes.put(index_id, None, self._writing())

    def clear_index(self, index_id: int, limit: int) -> int:
        """Delete the first entries of an index."""
        assert index_id != ID_INDEX, "the index by id cannot be cleared"
        sequence = self._writing()
        entries = self.entries.items((index_id, b""), (index_id + 1, b""), sequence)
        first = [entry for entry, _ in islice(entries, limit)]
        for entry in first:
            self.entries.put(entry, None, sequence)
        return len(first)

    def write_unlisted_indexes(self, index_ids: Sequence[int]) -> None:
        """Set the ids of indexes that are not in the catalog."""
        self._settings.put(_UNLISTED_INDEXES, json.dumps([*index_ids]), self._writing())

    def write_views(self, views: Sequence[TableView], *, keep_others: bool) -> None:
        """Do nothing: nobody can look into the memory."""
        self._writing()

    def write_schema_digest(self, digest: str) -> None:
        """Set the digest of the validated schema."""
        self._settings.put(_SCHEMA_DIGEST, digest, self._writing())

    def write_secret(self, secret: bytes) -> None:
        """Keep the secret of the store."""
        self._settings.put(_SECRET, secret.hex(), self._writing())

    def write_revision(self, revision: Revision) -> None:
        """Record the batch."""
        self._insert(self._revisions, revision.last_timestamp, revision)

    def commit(self) -> None:
        """Make the transaction visible to the generations opened from now on."""
        sequence = self._writing()
        self._is_handed_over = True
        try:
            if self.before_commit is not None:
                self.before_commit()
        except BaseException as error:
            self._is_handed_over = False
            if isinstance(error, StorageFullError) or not isinstance(error, OverloadedError):
                self.rollback()
            raise
        self._committed, self._open = sequence, None
        self._is_handed_over = False

    def rollback(self) -> None:
        """Drop the open transaction."""
        sequence = self._writing()
        for versioned_map in self._maps:
            versioned_map.undo(sequence)
        self._open = None

    def open_generation(self, expected_timestamp: int) -> MemoryGeneration | None:
        """Pin the newest committed state."""
        assert not self._is_closed
        if len(self._generations) == GENERATION_LIMIT:
            return None
        newest = self._newest_revision(self._committed).last_timestamp
        if newest != expected_timestamp:
            raise UnavailableError(
                f"Expected revision {expected_timestamp} to be the newest, found {newest}"
            )
        generation = MemoryGeneration(self, self._committed, newest, self._generations.discard)
        self._generations.add(generation)
        return generation

    def wal_size_bytes(self) -> int:
        """Return 0: there is no log."""
        return 0

    def checkpoint(self) -> bool:
        """Return True: there is no log."""
        assert self._open is None, "a checkpoint inside a transaction cannot be"
        return True

    def truncate_log(self) -> bool:
        """Return True: there is no log."""
        return self.checkpoint()

    def foreign_write_seen(self) -> bool:
        """Return False: nobody else can write."""
        return False

    def close(self) -> None:
        """Drop an open transaction and all generations."""
        if self._is_closed:
            return
        if self._open is not None:
            self.rollback()
        for generation in tuple(self._generations):
            generation.close()
        self._is_closed = True

    def _writing(self) -> int:
        """Return the sequence number of the open transaction."""
        assert self._open is not None, "no transaction is open"
        return self.engine_sequence

    def _insert(self, versioned_map: VersionedMap[Any, Any], key: object, value: object) -> None:
        sequence = self._writing()
        if versioned_map.get(key, sequence) is not None:
            raise self._failure(StorageError, f"Expected {key!r} not to exist")
        versioned_map.put(key, value, sequence)

    def _failure(self, kind: type[StorageError], message: str) -> StorageError:
        """Return the error to raise, after the transaction that failed has been dropped."""
        self.rollback()
        return kind(message)

    def _newest_revision(self, sequence: int) -> Revision:
        newest = next(self._revisions.descending_items(sequence), None)
        return Revision(0, 0, 0.0, b"") if newest is None else newest[1]


def _age(record: RequestRecord) -> tuple[int, str, int]:
    return record.timestamp, record.session_id, record.request_id


class _MemoryEngine:
    """The reader of the newest state."""

    def __init__(self, store: MemoryStore) -> None:
        self._store: Final = store

    def scan(
        self, index_id: int, lower: bytes, upper: bytes | None, *, descending: bool, limit: int
    ) -> list[StoredRow]:
        """Return the first rows of a range, as `Reader.scan`."""
        sequence = self._store.engine_sequence
        return _scan(self._store, sequence, index_id, lower, upper, descending, limit)


class MemoryGeneration:
    """A reader of the state at one sequence number."""

    def __init__(
        self,
        store: MemoryStore,
        sequence: int,
        timestamp: int,
        release: Callable[[MemoryGeneration], None],
    ) -> None:
        self.timestamp: Final = timestamp
        self.sequence: Final = sequence
        self._store: Final = store
        self._release: Final = release
        self._is_closed = False

    def scan(
        self, index_id: int, lower: bytes, upper: bytes | None, *, descending: bool, limit: int
    ) -> list[StoredRow]:
        """Return the first rows of a range, as `Reader.scan`."""
        assert not self._is_closed, "the generation is closed"
        return _scan(self._store, self.sequence, index_id, lower, upper, descending, limit)

    def close(self) -> None:
        """End the snapshot; idempotent."""
        self._is_closed = True
        self._release(self)


def _scan(
    store: MemoryStore,
    sequence: int,
    index_id: int,
    lower: bytes,
    upper: bytes | None,
    descending: bool,
    limit: int,
) -> list[StoredRow]:
    assert limit > 0
    end = (index_id + 1, b"") if upper is None else (index_id, upper)
    rows: list[StoredRow] = []
    for (_, key), locator in store.entries.items(
        (index_id, lower), end, sequence, descending=descending
    ):
        document = store.documents.get(locator, sequence)
        if document is None:
            raise CorruptionError(f"Document at locator {locator} is missing")
        rows.append(StoredRow(key, locator, document))
        if len(rows) == limit:
            break
    return rows
