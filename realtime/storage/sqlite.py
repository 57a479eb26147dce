"""The store of a server: one SQLite file in WAL mode, one writer, several pinned readers.

The *engine connection* is the only one that writes, and the only one that checkpoints. Five reader
connections hold generations: SQLite's read transactions are snapshots, and cost nothing but the
part of the log that they keep from being reused.

Durability is SQLite's: with `synchronous=FULL` the log is synced in each COMMIT, and a start after
a crash finds every commit that had returned and nothing half.

This module turns rows into statements. `sqlite_file` has the layout and the settings,
`sqlite_engine` the transactions and what their errors mean, `sqlite_reader` scans and generations,
`sqlite_requests` the stored answers, `sqlite_views` what people see.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self
from zlib import crc32

from realtime.storage.persistence import GENERATION_LIMIT, Reader
from realtime.storage.records import (
    ID_INDEX,
    IndexRow,
    Recovered,
    RequestRecord,
    Revision,
    RowWrite,
    TableRow,
    TableView,
)
from realtime.storage.sqlite_engine import EngineConnection
from realtime.storage.sqlite_errors import storage_error
from realtime.storage.sqlite_file import fetch, open_engine_connection, open_reader_connection
from realtime.storage.sqlite_reader import GenerationPool, SqliteGeneration, SqliteReader
from realtime.storage.sqlite_requests import SqliteRequests
from realtime.storage.sqlite_views import create_views, drop_views

_DELETE_ENTRY: Final = "DELETE FROM index_entries WHERE index_id = ? AND key = ? AND locator = ?"
_INSERT_ENTRY: Final = "INSERT INTO index_entries (index_id, key, locator) VALUES (?, ?, ?)"
_DELETE_DOCUMENT: Final = "DELETE FROM documents WHERE locator = ?"
_UPDATE_DOCUMENT: Final = (
    "UPDATE documents SET json = CAST(? AS TEXT), checksum = ? WHERE locator = ?"
)
_INSERT_DOCUMENT: Final = (
    "INSERT INTO documents (json, checksum, locator) VALUES (CAST(? AS TEXT), ?, ?)"
)
_INSERT_REVISION: Final = (
    "INSERT INTO revisions (first_timestamp, last_timestamp, creation_time, checksum)"
    " VALUES (?, ?, ?, ?)"
)
_NEWEST_REVISION: Final = (
    "SELECT last_timestamp, creation_time, checksum FROM revisions"
    " ORDER BY last_timestamp DESC LIMIT 1"
)
_WRITE_SETTING: Final = "INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)"
_CLEAR_INDEX: Final = (
    "DELETE FROM index_entries WHERE (index_id, key) IN ("
    "SELECT index_id, key FROM index_entries WHERE index_id = ? ORDER BY key LIMIT ?)"
)
_SCHEMA_DIGEST: Final = "schema_digest"
_UNLISTED_INDEXES: Final = "unlisted_indexes"
_SECRET: Final = "secret"


class SqliteStore:
    """A `Persistence` in a SQLite file; made by `open`."""

    def __init__(
        self,
        path: Path,
        engine: EngineConnection,
        generations: GenerationPool,
        before_commit: Callable[[], None] | None,
    ) -> None:
        self.before_commit = before_commit
        """Called in `commit`, in its thread, before anything is durable. Tests make it wait, or
        raise what `commit` would raise."""
        self._wal_path: Final = path.with_name(path.name + "-wal")
        self._engine: Final = engine
        self._requests: Final = SqliteRequests(engine)
        self._generations: Final = generations
        self._is_closed = False

    @classmethod
    def open(cls, path: Path, *, before_commit: Callable[[], None] | None = None) -> Self:
        """Open the file at `path`, or make it; its directory exists.

        Nobody else may have the file open for writing; the caller holds a lock that says so.

        Raises:
            StorageError: the file cannot be opened, is not a realtime file, or has a layout that
                this version does not know.
            OverloadedError: another program has the file locked.
        """
        with ExitStack() as opened:
            try:
                connection = open_engine_connection(path)
                opened.callback(connection.close)
                readers: list[SqliteReader] = []
                for _ in range(GENERATION_LIMIT):
                    reader = open_reader_connection(path)
                    opened.callback(reader.close)
                    readers.append(SqliteReader(reader))
                store = cls(
                    path, EngineConnection(connection), GenerationPool(readers), before_commit
                )
            except sqlite3.Error as error:
                raise storage_error(error, f"open `{path}`") from error
            opened.pop_all()
        return store

    @property
    def engine(self) -> Reader:
        """Return the reader of the engine connection."""
        return self._engine

    @property
    def in_transaction(self) -> bool:
        """Return whether a transaction is open, as SQLite sees it."""
        return self._engine.in_transaction

    def recover(self) -> Recovered:
        """Return what the file holds."""
        try:
            return self._recover()
        except sqlite3.Error as error:
            raise storage_error(error, "recover the state") from error

    def _recover(self) -> Recovered:
        connection = self._engine.connection
        newest = fetch(connection, _NEWEST_REVISION)
        last_timestamp, last_creation_time, last_checksum = newest[0] if newest else (0, 0.0, b"")
        [(last_locator,)] = fetch(connection, "SELECT coalesce(max(locator), 0) FROM documents")
        tables = fetch(connection, "SELECT number, name FROM tables ORDER BY number")
        indexes = fetch(
            connection,
            "SELECT index_id, table_number, name, fields FROM indexes ORDER BY index_id",
        )
        settings = dict(fetch(connection, "SELECT name, value FROM settings"))
        digest, secret = settings.get(_SCHEMA_DIGEST.encode()), settings.get(_SECRET.encode())
        unlisted = settings.get(_UNLISTED_INDEXES.encode(), b"[]")
        return Recovered(
            last_timestamp,
            last_creation_time,
            last_locator,
            last_checksum,
            tuple(TableRow(number, name.decode()) for number, name in tables),
            tuple(
                IndexRow(index_id, table_number, name.decode(), tuple(json.loads(fields)))
                for index_id, table_number, name, fields in indexes
            ),
            None if digest is None else digest.decode(),
            None if secret is None else bytes.fromhex(secret.decode()),
            tuple(json.loads(unlisted)),
        )

    def begin(self) -> None:
        """Open the transaction and take the file's write lock."""
        self._engine.begin()
        self._requests.begin()

    def write_rows(self, writes: Sequence[RowWrite]) -> None:
        """Apply the writes: entries and documents go before others come."""
        removed: list[tuple[int, bytes, int]] = []
        added: list[tuple[int, bytes, int]] = []
        deleted: list[tuple[int]] = []
        changed: list[tuple[bytes, int, int]] = []
        new: list[tuple[bytes, int, int]] = []
        for write in writes:
            locator, document = write.locator, write.document
            if document is None:
                assert not write.is_new
                deleted.append((locator,))
            else:
                (new if write.is_new else changed).append((document, crc32(document), locator))
            for index_id, key in write.removed:
                removed.append((index_id, key, locator))
            for index_id, key in write.added:
                added.append((index_id, key, locator))
        with self._engine.writing("write documents"):
            self._engine.write_each(_DELETE_ENTRY, removed)
            self._engine.write_each(_DELETE_DOCUMENT, deleted)
            self._engine.write_each(_UPDATE_DOCUMENT, changed)
            self._engine.write_each(_INSERT_DOCUMENT, new)
            self._engine.write_each(_INSERT_ENTRY, added)

    def add_entries(self, entries: Sequence[tuple[int, bytes, int]]) -> None:
        """Add index entries of documents that are there."""
        with self._engine.writing("fill an index"):
            self._engine.write_each(_INSERT_ENTRY, entries)

    def write_requests(self, records: Sequence[RequestRecord]) -> None:
        """Store the answers of requests."""
        self._requests.write(records)

    def find_request(self, session_id: str, request_id: int) -> RequestRecord | None:
        """Return a stored answer."""
        assert not self._engine.is_handed_over, "the connection is in use"
        try:
            return self._requests.find(session_id, request_id)
        except sqlite3.Error as error:
            raise storage_error(error, "read a request") from error

    def prune_requests(
        self, before_timestamp: int, keep_bytes: int, *, limit: int, limit_bytes: int
    ) -> int:
        """Delete the oldest answers that are too old or too many."""
        return self._requests.prune(
            before_timestamp, keep_bytes, limit=limit, limit_bytes=limit_bytes
        )

    def write_catalog(self, tables: Sequence[TableRow], indexes: Sequence[IndexRow]) -> None:
        """Add tables and indexes."""
        with self._engine.writing("write the catalog"):
            self._engine.write_each(
                "INSERT INTO tables (number, name) VALUES (?, ?)",
                [(table.number, table.name) for table in tables],
            )
            self._engine.write_each(
                "INSERT INTO indexes (index_id, table_number, name, fields) VALUES (?, ?, ?, ?)",
                [
                    (index.index_id, index.table_number, index.name, json.dumps(index.fields))
                    for index in indexes
                ],
            )

    def drop_index(self, index_id: int) -> None:
        """Take an index out of the catalog."""
        assert index_id != ID_INDEX, "the index by id cannot be dropped"
        with self._engine.writing("drop an index"):
            self._engine.write("DELETE FROM indexes WHERE index_id = ?", index_id)

    def clear_index(self, index_id: int, limit: int) -> int:
        """Delete the first entries of an index."""
        assert index_id != ID_INDEX, "the index by id cannot be cleared"
        with self._engine.writing("clear an index"):
            return self._engine.write(_CLEAR_INDEX, index_id, limit)

    def write_unlisted_indexes(self, index_ids: Sequence[int]) -> None:
        """Set the ids of indexes that are not in the catalog."""
        with self._engine.writing("write the unlisted indexes"):
            self._engine.write(_WRITE_SETTING, _UNLISTED_INDEXES, json.dumps([*index_ids]))

    def write_views(self, views: Sequence[TableView], *, keep_others: bool) -> None:
        """Create SQL views, in place of those that are there or beside them."""
        with self._engine.writing("write the views"):
            if not keep_others:
                drop_views(self._engine.connection)
            create_views(self._engine.connection, views)

    def write_schema_digest(self, digest: str) -> None:
        """Set the digest of the validated schema."""
        with self._engine.writing("write the schema digest"):
            self._engine.write(_WRITE_SETTING, _SCHEMA_DIGEST, digest)

    def write_secret(self, secret: bytes) -> None:
        """Keep the secret of the file."""
        with self._engine.writing("write the secret"):
            self._engine.write(_WRITE_SETTING, _SECRET, secret.hex())

    def write_revision(self, revision: Revision) -> None:
        """Record the batch."""
        with self._engine.writing("write a revision"):
            self._engine.write(
                _INSERT_REVISION,
                revision.first_timestamp,
                revision.last_timestamp,
                revision.creation_time,
                revision.checksum,
            )

    def commit(self) -> None:
        """Write the log and sync it."""
        self._engine.commit(self.before_commit)
        self._requests.commit()

    def rollback(self) -> None:
        """Drop the open transaction."""
        self._engine.rollback()

    def open_generation(self, expected_timestamp: int) -> SqliteGeneration | None:
        """Pin a free reader connection to the newest committed state."""
        return self._generations.open(expected_timestamp)

    def wal_size_bytes(self) -> int:
        """Return the size of the log file."""
        try:
            return self._wal_path.stat().st_size
        except FileNotFoundError:
            return 0

    def checkpoint(self) -> bool:
        """Move the log into the file, as far as generations let it; return whether all went."""
        return self._engine.checkpoint()

    def truncate_log(self) -> bool:
        """Cut the log to nothing if nobody reads from it; return whether nobody did."""
        return self._engine.truncate_log()

    def foreign_write_seen(self) -> bool:
        """Return whether another program has committed."""
        return self._engine.foreign_write_seen()

    def close(self) -> None:
        """Close everything; the log is moved into the file and removed if that is possible."""
        if self._is_closed:
            return
        self._is_closed = True
        # The readers first: they hold back the checkpoint, and the last connection to be closed
        # makes one of its own, which must be the engine's.
        self._generations.close()
        self._engine.close()
