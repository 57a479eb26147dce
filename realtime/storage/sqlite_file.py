"""The SQLite file: its layout, and connections to it with the settings that all promises need.

Layout, open to any SQLite tool while the server runs (reading only):

- `documents`: the JSON text of each document in the wire encoding, under a locator, with the
  CRC-32 of its UTF-8 bytes. All tables share it. It is TEXT, so that `json_extract` works on it;
  connections read text as bytes (`text_factory`), as the checksum needs bytes and a detour
  through `str` is wasted. (`CAST(json AS BLOB)` in each query costs 4 % more.)
- `index_entries`: (index id, key) → locator, in key order. Index 0 leads from ids.
- `tables`, `indexes`: the catalog. `settings`: single values by name.
- `revisions`: a row for each batch, by its last timestamp.
- `requests`: stored answers by (session, request).

`application_id` and `user_version` in the file's header say that it is ours and which layout it
has.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final

from realtime.errors import StorageError
from realtime.storage.persistence import CHECKPOINT_AT_BYTES

LAYOUT_VERSION: Final = 1
APPLICATION_ID: Final = 0x52654C54
"""The bytes `ReLT`."""

_KEPT_WAL_BYTES: Final = CHECKPOINT_AT_BYTES - 2**20
"""To what the log file is cut when it begins anew. Writing over old blocks and syncing them is
cheaper than growing the file (a commit takes 183 µs instead of 244 µs); what is kept stays under
the size at which a checkpoint is due, so that the file's size still tells when."""

_PRAGMAS: Final = (
    "synchronous = FULL",
    # Without it a sync on macOS does not reach the disk; elsewhere it changes nothing.
    "fullfsync = ON",
    # Only the engine checkpoints, and only when told: see `Persistence.checkpoint`. A second
    # connection that does may corrupt the file (SQLite before 3.51.3).
    "wal_autocheckpoint = 0",
    f"journal_size_limit = {_KEPT_WAL_BYTES}",
    "temp_store = MEMORY",
    "trusted_schema = OFF",
)

_ENGINE_CACHE_KIB: Final = 32 * 1024
_READER_CACHE_KIB: Final = 4 * 1024

_CREATE_LAYOUT: Final = (
    """CREATE TABLE documents (
        locator INTEGER PRIMARY KEY,
        json TEXT NOT NULL,
        checksum INTEGER NOT NULL
    )""",
    """CREATE TABLE index_entries (
        index_id INTEGER NOT NULL,
        key BLOB NOT NULL,
        locator INTEGER NOT NULL,
        PRIMARY KEY (index_id, key)
    ) WITHOUT ROWID""",
    """CREATE TABLE tables (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL
    )""",
    """CREATE TABLE indexes (
        index_id INTEGER PRIMARY KEY,
        table_number INTEGER NOT NULL,
        name TEXT NOT NULL,
        fields TEXT NOT NULL
    )""",
    """CREATE TABLE settings (
        name TEXT NOT NULL PRIMARY KEY,
        value TEXT NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE revisions (
        last_timestamp INTEGER PRIMARY KEY,
        first_timestamp INTEGER NOT NULL,
        creation_time REAL NOT NULL,
        checksum BLOB NOT NULL
    )""",
    """CREATE TABLE requests (
        session_id TEXT NOT NULL,
        request_id INTEGER NOT NULL,
        path TEXT NOT NULL,
        timestamp INTEGER NOT NULL,
        result BLOB NOT NULL,
        log_lines BLOB NOT NULL,
        PRIMARY KEY (session_id, request_id)
    ) WITHOUT ROWID""",
    "CREATE INDEX requests_by_timestamp ON requests (timestamp)",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {LAYOUT_VERSION}",
)


def fetch(connection: sqlite3.Connection, sql: str, *parameters: object) -> list[Any]:
    """Run a statement and return all its rows, as tuples; text comes as bytes.

    The only way to read: it leaves no cursor open, which would pin a snapshot unseen.
    """
    return connection.execute(sql, parameters).fetchall()


def open_engine_connection(path: Path) -> sqlite3.Connection:
    """Open the connection that writes, making the file and its layout where there is none.

    Raises:
        sqlite3.Error: the file cannot be opened.
        StorageError: it is not a file of ours, or of a later layout, or can have no WAL.
    """
    connection = _connect(path, f"cache_size = -{_ENGINE_CACHE_KIB}")
    try:
        is_fresh = _check_layout(connection, path)
        _use_wal(connection, path)
        if is_fresh:
            _create_layout(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader_connection(path: Path) -> sqlite3.Connection:
    """Open a connection that can only read; the engine connection exists already."""
    return _connect(path, "query_only = ON", f"cache_size = -{_READER_CACHE_KIB}")


def _connect(path: Path, *pragmas: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=0, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    connection.text_factory = bytes
    try:
        for pragma in (*_PRAGMAS, *pragmas):
            fetch(connection, f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


def _check_layout(connection: sqlite3.Connection, path: Path) -> bool:
    """Return whether the file is empty; raise StorageError if it is not for us.

    Comes before anything that would change the file.
    """
    [(application_id,)] = fetch(connection, "PRAGMA application_id")
    [(version,)] = fetch(connection, "PRAGMA user_version")
    [(table_count,)] = fetch(connection, "SELECT count(*) FROM sqlite_master")
    if application_id == 0 and version == 0 and table_count == 0:
        return True
    if application_id != APPLICATION_ID:
        raise StorageError(f"`{path}` is a database of another program; choose another file")
    if version != LAYOUT_VERSION:
        raise StorageError(
            f"`{path}` has layout {version}, and this version of realtime knows layout "
            f"{LAYOUT_VERSION}; use the version that wrote it"
        )
    return False


def _use_wal(connection: sqlite3.Connection, path: Path) -> None:
    [(mode,)] = fetch(connection, "PRAGMA journal_mode = WAL")
    if mode != b"wal":
        raise StorageError(
            f"`{path}` cannot have a write-ahead log (its journal mode stays `{mode.decode()}`); "
            "keep it on a local disk"
        )


def _create_layout(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for statement in _CREATE_LAYOUT:
        connection.execute(statement)
    connection.execute("COMMIT")
